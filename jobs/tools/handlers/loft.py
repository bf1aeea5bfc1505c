"""Lofts through profiles, given as shapes or in plain numbers."""

from typing import Annotated, Any, TypedDict

from fcj import Bound, Failure, Invalid, Job, Memo, Native, Profile, ShapeSummary, tool
from fcj.native import PROFILE, argument, count, memo, out, shapes, step, steps

SAME_POINT_MM = 1e-7


class LoftResult(TypedDict):
    """The loft; {"job": "<this id>"} gives it to another job."""

    shape: ShapeSummary
    profiles: int
    memo: Memo


NATIVE = Native(
    steps(step("loft", id="loft", profiles=shapes("profiles"), solid=argument("solid"),
               ruled=argument("ruled"), closed=argument("closed"),
               max_degree=argument("max_degree")), result="loft"),
    result={"shape": out("result.shape"), "profiles": count("profiles"), "memo": memo()},
    made={"profiles": PROFILE}, files=False, python=True)


@tool(needs="compute", toolset="jobs", title="Loft through profiles", read_only=True, native=NATIVE)
def loft_async(
        job: Job, profiles: Annotated[list[Profile], Bound(minItems=2, maxItems=512)],
        solid: bool = True, ruled: bool = False, closed: bool = False,
        max_degree: Annotated[int, Bound(minimum=1, maximum=25)] = 5) -> LoftResult:
    """Make a solid or a surface through two or more profiles, in their order, as a background job.

    Use it for hulls, wings, ducts, bottles. Returns a job handle at once; the result is a
    summary of the loft (volume, area, box) and the artifact result.brep.

    Next: get_job_status with wait_s, get_job_result, then export_async with
    {"job": "<id>"} for a STEP file.

    Parameters
    ----------
    profiles : list
        At least two. Each is a polyline {"points": [[x, y, z], ...], "closed": true},
        a circle {"center": [x, y, z], "radius": r, "normal": [x, y, z]}, a
        reference to a wire, edge, face or (first or last) vertex such as
        {"job": "<id>"}, or the name of an entry of `inputs`. Profiles with the
        same number of points, starting at corresponding points, loft best.
    solid : bool
        True: a solid (the profiles must be closed). False: a surface.
    ruled : bool
        True: straight between profiles. False: smooth through them.
    closed : bool
        Join the last profile to the first, as for a ring.
    max_degree : int
        Highest degree of the smooth surface.
    """
    import Part
    wires = [_profile(profile, f"profiles[{index}]") for index, profile in enumerate(profiles)]
    _check(wires, solid)
    job.progress(0.2, f"lofting {len(wires)} profiles")
    try:
        made = Part.makeLoft(wires, solid, ruled, closed, max_degree)
    except MemoryError:
        raise
    except Exception as error:
        raise Failure(f"OpenCASCADE could not make the loft ({error}); give every profile the same "
                      "number of points in the same sense, or set ruled to true") from error
    job.progress(0.8, "checking")
    made = _checked(made, solid)
    job.progress(0.95, "storing")
    return {"shape": made, "profiles": len(wires)}


def _profile(profile: Any, where: str) -> Any:
    """A wire (or a vertex) from what was given."""
    if isinstance(profile, dict):
        return _circle(profile, where) if "radius" in profile else _polygon(profile, where)
    import Part
    if profile.isNull():
        raise Invalid(f"{where} is a null shape; look at the job that made it")
    kind = profile.ShapeType
    if kind in ("Wire", "Vertex"):
        return profile
    if kind == "Edge":
        return Part.Wire([profile])
    if kind == "Face":
        return profile.OuterWire
    if not profile.Solids and len(profile.Faces) == 1:
        return profile.Faces[0].OuterWire
    if not profile.Faces and len(profile.Wires) == 1:
        return profile.Wires[0]
    if not profile.Faces and not profile.Wires and len(profile.Edges) == 1:
        return Part.Wire(profile.Edges)
    raise Invalid(f"{where} is a {kind} with {len(profile.Faces)} faces and {len(profile.Wires)} "
                  "wires; a profile is one wire, edge or face")


def _polygon(profile: Any, where: str) -> Any:
    import Part
    from FreeCAD import Vector
    points = [Vector(*point) for point in profile["points"]]
    for index, (one, other) in enumerate(zip(points, points[1:])):
        if one.distanceToPoint(other) < SAME_POINT_MM:
            raise Invalid(f"{where}: points {index} and {index + 1} are the same; remove one")
    if profile.get("closed", True) and points[0].distanceToPoint(points[-1]) > SAME_POINT_MM:
        if len(points) < 3:
            raise Invalid(f"{where}: a closed profile needs three points; or set closed to false")
        points.append(points[0])
    return Part.makePolygon(points)


def _circle(profile: Any, where: str) -> Any:
    import Part
    from FreeCAD import Vector
    normal = Vector(*profile.get("normal", [0, 0, 1]))
    if normal.Length < SAME_POINT_MM:
        raise Invalid(f"{where}: normal has no length; [0, 0, 1] lays the circle flat")
    circle = Part.makeCircle(profile["radius"], Vector(*profile["center"]), normal)
    return Part.Wire([circle])


def _check(wires: list[Any], solid: bool) -> None:
    for index, wire in enumerate(wires):
        if wire.ShapeType == "Vertex":
            if index not in (0, len(wires) - 1):
                raise Invalid(f"profiles[{index}] is a vertex; only the first and the last may be one")
        elif solid and not wire.isClosed():
            raise Invalid(f"profiles[{index}] is open; close it, or set solid to false")


def _checked(made: Any, solid: bool) -> Any:
    """The loft turned right side out, or a Failure that says what is wrong."""
    if made.isNull() or not made.Faces:
        raise Failure("the loft is empty; the profiles must differ in position")
    if not made.isValid():
        raise Failure(f"the loft is an invalid {made.ShapeType}: it probably cuts itself. Check the "
                      "order of the profiles and that their points start at the same corner")
    if solid and not made.Solids:
        raise Failure("the loft is no solid; check that the profiles are closed and apart")
    if solid and made.Volume < 0:
        made.reverse()
    if solid and made.Volume <= 0:
        raise Failure("the loft has no volume; the profiles must not lie in one plane")
    return made
