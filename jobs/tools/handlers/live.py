"""Running code in the live FreeCAD, and shapes between it and other jobs."""

from typing import Annotated, Any

from fcj import Bound, Job, tool


@tool(needs="gui", toolset="live", title="Run FreeCAD Python code in the live FreeCAD", hold_s=20)
def execute_code(job: Job, code: Annotated[str, Bound(minLength=1, maxLength=1048576)]) -> Any:
    """Run Python code in the open FreeCAD, on its GUI thread, and get the value
    of the last expression.

    Parameters
    ----------
    code : str
        Python 3.11 source. `App`, `Gui`, `Part`, `doc` (the active document).
    """
    import FreeCAD
    import FreeCADGui
    from fcj import execute
    return execute.run(code, job.inputs, job, {
        "Gui": FreeCADGui, "FreeCADGui": FreeCADGui, "doc": FreeCAD.ActiveDocument})
