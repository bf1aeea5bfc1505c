"""Many native operations as one job, without shapes leaving the process."""

from typing import Annotated, Any, NotRequired, TypedDict

from fcj import Bound, Job, Memo, Native, ShapeSummary, tool
from fcj.native import argument, memo, only, out, pick, step, steps

from .export import ExportedFile


class PipelineResult(TypedDict):
    """What the steps made."""

    shape: NotRequired[Annotated[ShapeSummary, "Of the step `result`; its artifact is result.brep"]]
    steps: Annotated[list[Any], "Of each step: id, op, ms, memo (hit, stored, computed, off), shape, "
                                "data, files, notes"]
    files: NotRequired[list[ExportedFile]]
    memo: Memo


@tool(needs="compute", toolset="jobs", title="Run a pipeline of modelling steps", read_only=True,
      native=Native({"steps": argument("steps"), "result": argument("result")},
                    result={"shape": out("result.shape"), "steps": out("steps"), "memo": memo(),
                            "files": pick(out("files"), "name", "format", "mime", "size")}))
def run_pipeline_async(
        job: Job, steps: Annotated[list[dict[str, Any]], Bound(minItems=1, maxItems=256)],
        result: Annotated[str, Bound(minLength=1, maxLength=64)] | None = None) -> PipelineResult:
    """Run modelling steps that refer to each other as one background job, natively in OpenCASCADE.

    The best way to model with more than one operation: no code, true progress, remembered results,
    and an error that names the step and the input. Each step is {"id": "name", "op": "...", ...}; its
    shape is "$name" in later steps, "$name.Face3" a part of it; a `shape` that is left out is that
    of the step before. Entries of `inputs` are "$name", too. Units: millimetres and degrees.

    - solids: box {size}, sphere {radius}, cylinder {radius, height}, cone, torus, wedge, prism; all
      take `at` and `axis`
    - wires and faces: polyline {points}, polygon, rectangle {size}, circle {radius}, ellipse, arc,
      bspline, helix, wire, face, compound, select
    - booleans: fuse {shapes}, cut {shape, tools}, common {shapes}, section, slice, general_fuse,
      split, defeature, unify
    - features: extrude {shape, length}, revolve, loft {profiles}, sweep {profiles, spine}, fillet
      {radius, edges or rule}, chamfer {distance}, offset, offset2d, thickness {faces, thickness},
      draft, mirror, transform {translate, rotate, scale}, pattern {kind, step, count}, sew
    - files: load {input, format}, export {file: "part.step"}, mesh {file}, project {file: "view.svg"},
      label {name, color}, assemble {parts}
    - looking: check, properties, distance {other}, bounding_box, heal

    A wrong op or parameter is answered with those that exist. Example: [{"id": "plate", "op": "box",
    "size": [100, 60, 5]}, {"id": "hole", "op": "cylinder", "radius": 3, "height": 5, "at": [10, 10, 0]},
    {"id": "holes", "op": "pattern", "shape": "$hole", "kind": "grid", "step": [20, 20, 0], "count": [5, 3]},
    {"id": "part", "op": "cut", "shape": "$plate", "tools": "$holes"}, {"op": "export", "file": "part.step"}]

    Next: get_job_status with wait_s, then get_job_result.

    Parameters
    ----------
    steps : list
        The steps, in their order.
    result : str
        Id of the step whose shape is the result. Left out: the last step.
    """
    only()


class NativeCheck(TypedDict):
    """What a working native process says."""

    kernel: Annotated[str, "Version of the kernel and of OpenCASCADE"]


@tool(needs="compute", toolset="jobs", title="Native self-check", read_only=True, hold_s=20,
      internal=True, native=Native(steps(step("vertex")), result={"kernel": out("kernel")},
                                   publish=False, files=False))
def native_check(job: Job) -> NativeCheck:
    """The smallest native job, for the service itself: what its path costs."""
    only()
