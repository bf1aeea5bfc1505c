"""Running code, and the check by which a new zygote proves itself."""

from typing import Annotated, Any, TypedDict

from fcj import Bound, Failure, Job, registry, tool


class SelfCheck(TypedDict):
    """What a working zygote says."""

    volume: Annotated[float, "Of a box of 10 mm: 1000"]
    tools: int
    freecad: str


@tool(needs="compute", toolset="jobs", title="Run FreeCAD Python code as a job")
def execute_code_async(job: Job, code: Annotated[str, Bound(minLength=1, maxLength=1048576)]
                       ) -> Any:
    """Run Python code with FreeCAD as a background job and get a job id at once.

    Use it for whatever no other tool does: modelling, measuring, checking,
    converting. The code runs in its own process without a window, so a crash
    or an endless loop harms nothing else. Units are millimetres and degrees.

    The code has: `FreeCAD` (= `App`), `Part`, `math`, `inputs` (name -> Part.Shape,
    mesh, bytes or value, from the `inputs` option; jobs of `depends_on` by their
    id), and `job` with `job.progress(fraction, message)`, `job.log(text)`,
    `job.artifact(name, data)` (bytes, text, a path, or a shape: "part.step"),
    `job.scratch` (a directory to write in) and `job.id`. There is no network, and no
    live document: make one with App.newDocument() when needed.

    The result is the value of the last expression, or of `_result_` if set. Shapes, vectors,
    placements and the like become JSON; a shape gives a summary (volume, area,
    box, counts) and the artifact result.brep, which other jobs take as
    {"job": "<this id>"}. print() is readable meanwhile with get_job_output.

    Next: get_job_status with wait_s, then get_job_result.

    Parameters
    ----------
    code : str
        Python 3.11 source. Example: `b = Part.makeBox(10, 20, 5)` and on the
        next line `b.cut(Part.makeCylinder(2, 5, App.Vector(5, 5, 0)))`.
    """
    raise Failure("execute_code_async is run by fcj.process")


@tool(needs="compute", toolset="jobs", title="Self-check", read_only=True, hold_s=20, internal=True)
def self_check(job: Job) -> SelfCheck:
    """Make a box and look at every tool: proof that new handlers work."""
    import FreeCAD
    import Part
    volume = Part.makeBox(10, 10, 10).Volume
    if abs(volume - 1000) > 1e-6:
        raise Failure(f"a box of 10 mm has the volume {volume}, not 1000")
    for made in registry().values():
        if not callable(made.function):
            raise Failure(f"tool {made.name} can't be called")
    return {"volume": volume, "tools": len(registry()), "freecad": ".".join(FreeCAD.Version()[:3])}
