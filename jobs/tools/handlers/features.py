"""Features on shapes: extrusion, revolution, sweep, fillet, chamfer, thickness.

All of them run natively (jobs/kernel); what stands here are their arguments,
their words, and how they become a pipeline.
"""

from typing import Annotated, Any, Literal

from fcj import Angle, Bound, Job, Native, Point, Profile, Shape, ShapeResult, tool
from fcj.native import PROFILE, argument, memo, only, out, shapes, step, steps, when

RESULT = {"shape": out("result.shape"), "memo": memo()}
Positive = Annotated[float, Bound(minimum=1e-6, maximum=1e7)]
Coordinate = Annotated[float, Bound(minimum=-1e7, maximum=1e7)]
Edges = Annotated[list[Annotated[str, Bound(pattern="^Edge[1-9][0-9]*$")]], Bound(maxItems=4096)]
Faces = Annotated[list[Annotated[str, Bound(pattern="^Face[1-9][0-9]*$")]],
                  Bound(minItems=1, maxItems=4096)]
Rule = Literal["all", "convex", "concave", "longer_than", "shorter_than"]


def _feature(op: str, numbers: str = "", **parameters: Any) -> Native:
    """A pipeline of one step; these parameters may be given in numbers."""
    made = {name: PROFILE for name in numbers.split()}
    return Native(steps(step(op, id=op, **parameters), result=op), result=RESULT, made=made,
                  files=False)


def _edges(op: str, **parameters: Any) -> Native:
    """Fillet and chamfer: edges by name, else by rule."""
    return _feature(op, shape=shapes("shape"), edges=when("edges", argument("edges")),
                    rule=when("edges", otherwise=argument("rule")), length=argument("length"),
                    **parameters)


@tool(needs="compute", toolset="modeling", title="Extrude a profile", read_only=True,
      native=_feature("extrude", "profile", shape=shapes("profile"), length=argument("length"),
                      direction=argument("direction"), symmetric=argument("symmetric"),
                      solid=argument("solid")))
def extrude_async(job: Job, profile: Profile, length: Coordinate, direction: Point | None = None,
                  symmetric: bool = False, solid: bool = True) -> ShapeResult:
    """Extrude a profile along a direction into a solid (or a surface), as a background job.

    Use it to make a prism from an outline in numbers, or from a wire, edge or face of another job.
    Returns a job handle at once; the result is a summary of the shape and the artifact result.brep.

    Next: get_job_status with wait_s, then get_job_result.

    Parameters
    ----------
    profile : reference or numbers
        A polyline {"points": [[x, y, z], ...]}, a circle {"center": [x, y, z], "radius": r}, a
        reference such as {"job": "<id>"}, or the name of an entry of `inputs`.
    length : float
        How far, in mm; negative: the other way.
    direction : point
        [x, y, z] of any length. Left out: the normal of the profile.
    symmetric : bool
        Half of the length to each side.
    solid : bool
        True: a closed planar outline gives a solid. False: its side faces only.
    """
    only()


@tool(needs="compute", toolset="modeling", title="Revolve a profile", read_only=True,
      native=_feature("revolve", "profile", shape=shapes("profile"), angle=argument("angle"),
                      at=argument("at"), axis=argument("axis"), solid=argument("solid")))
def revolve_async(job: Job, profile: Profile,
                  angle: Annotated[float, Bound(minimum=-360, maximum=360)] = 360.0,
                  at: Point = [0, 0, 0], axis: Point = [0, 0, 1],
                  solid: bool = True) -> ShapeResult:
    """Turn a profile around an axis into a solid (or a surface), as a background job.

    Use it for shafts, vases, rings. The profile must not cross the axis. Returns a job handle at
    once; the result is a summary of the shape and the artifact result.brep.

    Next: get_job_status with wait_s, then get_job_result.

    Parameters
    ----------
    profile : reference or numbers
        A polyline {"points": [[x, y, z], ...]}, a circle {"center": [x, y, z], "radius": r}, a
        reference such as {"job": "<id>"}, or the name of an entry of `inputs`.
    angle : float
        Degrees; 360 is all the way round.
    at : point
        A point on the axis, in mm.
    axis : point
        Direction of the axis.
    solid : bool
        True: a closed planar outline gives a solid. False: a surface.
    """
    only()


@tool(needs="compute", toolset="modeling", title="Sweep profiles along a path", read_only=True,
      native=_feature("sweep", "profiles spine", profiles=shapes("profiles"),
                      spine=shapes("spine"), mode=argument("mode"),
                      transition=argument("transition"), solid=argument("solid")))
def sweep_async(
        job: Job, profiles: Annotated[list[Profile], Bound(minItems=1, maxItems=128)],
        spine: Profile,
        mode: Literal["corrected_frenet", "frenet", "discrete", "fixed"] = "corrected_frenet",
        transition: Literal["transformed", "right", "round"] = "transformed",
        solid: bool = True) -> ShapeResult:
    """Move a profile along a path and keep what it passes through (pipe, sweep), as a background job.

    Use it for pipes, rails, cables, threads. Returns a job handle at once; the result is a summary
    of the shape and the artifact result.brep.

    Next: get_job_status with wait_s, then get_job_result.

    Parameters
    ----------
    profiles : list
        One profile, at the start of the path, or several along it; each a polyline
        {"points": [[x, y, z], ...]}, a circle {"center": [x, y, z], "radius": r, "normal": [x, y, z]},
        a reference such as {"job": "<id>"}, or the name of an entry of `inputs`.
    spine : reference or numbers
        The path: a wire or edge, or {"points": [...], "closed": false}.
    mode : str
        How the profile turns with the path.
    transition : str
        What happens at corners of the path.
    solid : bool
        True: closed profiles give a solid. False: a surface.
    """
    only()


@tool(needs="compute", toolset="modeling", title="Round edges (fillet)", read_only=True,
      native=_edges("fillet", radius=argument("radius"), radius2=argument("radius2")))
def fillet_async(job: Job, shape: Shape, radius: Positive, edges: Edges | None = None,
                 rule: Rule = "all", length: Positive | None = None,
                 radius2: Positive | None = None) -> ShapeResult:
    """Round edges of a shape with a radius, as a background job.

    Edges are named as FreeCAD names them, or chosen by a rule. Returns a job handle at once; the
    result is a summary of the shape and the artifact result.brep. Where a radius does not
    fit, the error names the edge.

    Next: get_job_status with wait_s, then get_job_result.

    Parameters
    ----------
    shape : reference
        A reference such as {"job": "<id>"} or {"file": "part.step"}, or the name of an entry of `inputs`.
    radius : float
        In mm.
    edges : list
        ["Edge1", "Edge7"]; left out: by the rule.
    rule : str
        all, convex, concave, or longer_than and shorter_than with `length`.
    length : float
        In mm, for the last two rules.
    radius2 : float
        In mm, at the other end of each edge: the radius grows from the one to the other.
    """
    only()


@tool(needs="compute", toolset="modeling", title="Bevel edges (chamfer)", read_only=True,
      native=_edges("chamfer", distance=argument("distance"), distance2=argument("distance2"),
                    angle=argument("angle")))
def chamfer_async(job: Job, shape: Shape, distance: Positive, edges: Edges | None = None,
                  rule: Rule = "all", length: Positive | None = None,
                  distance2: Positive | None = None, angle: Angle | None = None) -> ShapeResult:
    """Bevel edges of a shape, as a background job.

    Edges are named as FreeCAD names them, or chosen by a rule. Returns a job handle at once; the
    result is a summary of the shape and the artifact result.brep.

    Next: get_job_status with wait_s, then get_job_result.

    Parameters
    ----------
    shape : reference
        A reference such as {"job": "<id>"} or {"file": "part.step"}, or the name of an entry of `inputs`.
    distance : float
        From the edge, in mm.
    edges : list
        ["Edge1", "Edge7"]; left out: by the rule.
    rule : str
        all, convex, concave, or longer_than and shorter_than with `length`.
    length : float
        In mm, for the last two rules.
    distance2 : float
        On the other face, in mm, when it is another.
    angle : float
        Degrees, in place of distance2.
    """
    only()


@tool(needs="compute", toolset="modeling", title="Hollow a solid (thickness)", read_only=True,
      native=_feature("thickness", shape=shapes("shape"), faces=argument("faces"),
                      thickness=argument("thickness"), join=argument("join"),
                      tolerance=argument("tolerance")))
def thickness_async(job: Job, shape: Shape, faces: Faces, thickness: Coordinate,
                    join: Literal["arc", "intersection"] = "arc",
                    tolerance: Annotated[float, Bound(minimum=1e-7, maximum=1)] = 1e-4
                    ) -> ShapeResult:
    """Hollow a solid to a wall thickness and open some of its faces, as a background job.

    Use it for boxes, housings, cups. Returns a job handle at once; the result is a summary of the
    shape and the artifact result.brep.

    Next: get_job_status with wait_s, then get_job_result.

    Parameters
    ----------
    shape : reference
        A solid: a reference such as {"job": "<id>"}, or the name of an entry of `inputs`.
    faces : list
        The faces to open: ["Face6"].
    thickness : float
        Of the wall, in mm. Positive: outwards; negative: inwards.
    join : str
        At convex edges: arc (rounded) or intersection (sharp).
    tolerance : float
        In mm.
    """
    only()
