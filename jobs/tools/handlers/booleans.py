"""Fuse, cut and common: many shapes in one operation, results checked.

OpenCASCADE can return a valid-looking shape that is wrong, so besides its own
check the volume of a result has to lie where that of a union, difference or
intersection can lie.
"""

from typing import Annotated, Any, Callable, NotRequired, TypedDict

from fcj import Bound, Failure, Invalid, Job, Memo, Native, Shape, ShapeSummary, tool, values
from fcj.native import argument, count, memo, out, shapes, step, steps

VOLUME_SLACK = 1e-3                   # relative; more is a wrong result

Tolerance = Annotated[float, Bound(minimum=0, maximum=100)]


class BooleanResult(TypedDict):
    """The resulting shape; {"job": "<this id>"} gives it to another job."""

    shape: ShapeSummary
    operands: Annotated[int, "How many shapes went in"]
    note: NotRequired[str]
    memo: Memo


def _native(op: str, operands: Any, **parameters: Any) -> Native:
    """A boolean as a pipeline of one step."""
    return Native(
        steps(step(op, id=op, fuzzy=argument("tolerance"), unify=argument("refine"),
                   **parameters), result=op),
        result={"shape": out("result.shape"), "operands": operands, "memo": memo()},
        files=False, python=True)


@tool(needs="compute", toolset="jobs", title="Fuse shapes", read_only=True,
      native=_native("fuse", count("shapes"), shapes=shapes("shapes")))
def fuse_shapes_async(
        job: Job, shapes: Annotated[list[Shape], Bound(minItems=2, maxItems=4096)],
        refine: bool = True, tolerance: Tolerance = 0.0) -> BooleanResult:
    """Unite two or more shapes into one (boolean union) as a background job.

    All shapes go into one operation, which is much faster and safer than one
    after the other: give sixty solids in one call. Returns a job handle at
    once; the result is a summary of the united shape (volume, box, counts) and the
    artifact result.brep. Shapes that don't touch give a Compound of several solids.

    Next: get_job_status with wait_s, get_job_result, then export_async with
    {"job": "<id>"} for a STEP file.

    Parameters
    ----------
    shapes : list
        What to unite, each as {"job": "<id>"} or {"file": "part.step"}.
    refine : bool
        Remove the seams that the union leaves on flat and cylindrical faces.
    tolerance : float
        Fuzzy tolerance in mm for parts that almost touch, such as 0.001. 0: exact.
    """
    _check(shapes, "shapes")
    job.progress(0.1, f"fusing {len(shapes)} shapes")
    made = _operate("fuse", lambda: shapes[0].multiFuse(shapes[1:], tolerance))
    volumes = [_volume(shape) for shape in shapes]
    return _finish(job, "fuse", made, refine, len(shapes), _bounds(max, sum, volumes))


@tool(needs="compute", toolset="jobs", title="Cut shapes", read_only=True,
      native=_native("cut", count("tools", plus=1), shape=shapes("base"), tools=shapes("tools")))
def cut_shapes_async(
        job: Job, base: Shape, tools: Annotated[list[Shape], Bound(minItems=1, maxItems=4096)],
        refine: bool = True, tolerance: Tolerance = 0.0) -> BooleanResult:
    """Subtract one or more shapes from a base shape (boolean difference) as a background job.

    All tools are subtracted in one operation: give two hundred holes in one
    call. Returns a job handle at once; the result is a summary of what is left and the artifact
    result.brep. It fails when nothing would be left.

    Next: get_job_status with wait_s, get_job_result, then export_async with
    {"job": "<id>"} for a STEP file.

    Parameters
    ----------
    base : reference
        The shape to cut from, as {"job": "<id>"} or {"file": "part.step"}.
    tools : list
        The shapes to subtract, each given like `base`.
    refine : bool
        Remove the seams that the cut leaves on flat and cylindrical faces.
    tolerance : float
        Fuzzy tolerance in mm for faces that almost coincide, such as 0.001. 0: exact.
    """
    _check([base], "base")
    _check(tools, "tools")
    job.progress(0.1, f"cutting {len(tools)} shapes")
    made = _operate("cut", lambda: base.cut(tools, tolerance))
    volumes = [_volume(shape) for shape in [base, *tools]]
    bounds = None if min(volumes) <= 0 else (volumes[0] - sum(volumes[1:]), volumes[0])
    return _finish(job, "cut", made, refine, len(tools) + 1, bounds)


@tool(needs="compute", toolset="jobs", title="Common volume of shapes", read_only=True,
      native=_native("common", count("shapes"), shapes=shapes("shapes")))
def common_shapes_async(
        job: Job, shapes: Annotated[list[Shape], Bound(minItems=2, maxItems=4096)],
        refine: bool = True, tolerance: Tolerance = 0.0) -> BooleanResult:
    """Intersect two or more shapes (boolean intersection) as a background job.

    Gives what lies inside every one of the shapes. Returns a job handle at once; the
    result is a summary of the common shape and the artifact result.brep. It
    fails when the shapes have nothing in common, which for a clash check is good news.

    Next: get_job_status with wait_s, then get_job_result.

    Parameters
    ----------
    shapes : list
        What to intersect, each as {"job": "<id>"} or {"file": "part.step"}.
    refine : bool
        Remove seams on flat and cylindrical faces.
    tolerance : float
        Fuzzy tolerance in mm for faces that almost coincide, such as 0.001. 0: exact.
    """
    _check(shapes, "shapes")
    job.progress(0.1, f"intersecting {len(shapes)} shapes")
    made = _operate("common", lambda: _common(shapes, tolerance))
    volumes = [_volume(shape) for shape in shapes]
    return _finish(job, "common", made, refine, len(shapes), _bounds(None, min, volumes))


def _common(shapes: list[Any], tolerance: float) -> Any:
    """What is in all of them. Part's own common ([b, c]) is a AND (b OR c), so
    more than two are split against each other once, and the pieces that came
    from every one of them are kept."""
    import Part
    if len(shapes) == 2:
        return shapes[0].common([shapes[1]], tolerance)
    if any(shape.ShapeType != "Solid" for shape in shapes):
        made = shapes[0]
        for shape in shapes[1:]:
            made = made.common([shape], tolerance)
        return made
    _, pieces = shapes[0].generalFuse(shapes[1:], tolerance)
    shared = [piece for piece in pieces[0]
              if all(any(piece.isSame(other) for other in others) for others in pieces[1:])]
    return Part.makeCompound(shared)


def _check(shapes: list[Any], name: str) -> None:
    """Invalid names the first shape that a boolean operation can't take."""
    for index, shape in enumerate(shapes):
        where = name if name == "base" else f"{name}[{index}]"
        if shape.isNull():
            raise Invalid(f"{where} is a null shape; look at the job that made it")
        if not shape.isValid():
            raise Invalid(f"{where} is not a valid {shape.ShapeType}; repair it first with "
                          "execute_code_async: s = inputs['s'].copy(); s.fix(0.01, 0.001, 0.1); s")
        if not shape.Faces and not shape.Edges:
            raise Invalid(f"{where} is a {shape.ShapeType} without edges and faces")


def _operate(name: str, operation: Callable[[], Any]) -> Any:
    """The result of the operation; OpenCASCADE's own words on a failure."""
    try:
        return operation()
    except MemoryError:
        raise
    except Exception as error:
        if "bad_alloc" in str(error) or "OutOfMemory" in str(error):
            raise
        raise Failure(f"OpenCASCADE could not {name} these shapes ({error}); try a tolerance such "
                      "as 0.001, or fewer shapes to find the one that disturbs") from error


def _finish(job: Job, name: str, made: Any, refine: bool, operands: int,
            bounds: tuple[float, float] | None) -> BooleanResult:
    """Refines and checks the result: success is a valid shape that holds something."""
    if made.isNull() or not made.Vertexes and not made.Edges:
        raise Failure({"cut": "nothing is left: the tools cover the whole base",
                       "common": "the shapes have nothing in common: they do not overlap"}
                      .get(name, "the result is empty; check the shapes"))
    if refine:
        job.progress(0.7, "refining")
    refined = _refined(made) if refine else None
    job.progress(0.8, "checking")
    problem, note = "", ""
    for shape in filter(None, (refined, made)):
        shape = _unwrap(shape)
        problem = _problem(name, shape, bounds)
        if not problem:
            if refine and refined is None:
                note = "refining failed and was left out; the shape is right but has more faces"
            job.progress(0.95, "storing")
            result: BooleanResult = {"shape": shape, "operands": operands}
            return {**result, "note": note} if note else result
        refined = None
    raise Failure(problem)


def _refined(made: Any) -> Any:
    """The shape without seams, None when that can't be had."""
    try:
        refined = made.removeSplitter()
        return None if refined.isNull() else refined
    except MemoryError:
        raise
    except Exception:
        return None


def _unwrap(made: Any) -> Any:
    """A compound of one shape is that shape."""
    while made.ShapeType == "Compound" and len(made.SubShapes) == 1:
        made = made.SubShapes[0]
    return made


def _volume(shape: Any) -> float:
    return float(shape.Volume) if shape.Solids else 0.0


def _bounds(low: Callable | None, high: Callable, volumes: list[float]) -> tuple[float, float] | None:
    """Where the volume has to lie; None when not all are solids."""
    if min(volumes) <= 0:
        return None
    return (low(volumes) if low else 0.0), high(volumes)


def _problem(name: str, made: Any, bounds: tuple[float, float] | None) -> str:
    """What is wrong with a result, "" for nothing. What it costs to find out
    (as long as the operation itself, for curved shapes) is paid once: the
    summary takes it from here."""
    if not made.isValid():
        return (f"the {name} gave an invalid {made.ShapeType}; try a tolerance such as 0.001 or "
                "move shapes that touch only in an edge or a point")
    volume = made.Volume
    values.know(made, valid=True, volume=volume)
    if bounds is None:
        return ""
    slack = VOLUME_SLACK * abs(bounds[1])
    if bounds[0] - slack <= volume <= bounds[1] + slack:
        return ""
    return (f"the {name} gave a volume of {volume:.6g} mm3, but it must lie between "
            f"{max(bounds[0], 0):.6g} and {bounds[1]:.6g}: OpenCASCADE went wrong. Try a tolerance "
            "such as 0.001, or move shapes that share faces by a little")
