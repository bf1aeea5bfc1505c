"""Finite elements: a document's analysis, solved by CalculiX as a job."""

from typing import Annotated, NotRequired, TypedDict

from fcj import Bound, DocumentFile, Job, tool
from fcj_docs import fem

ObjectName = Annotated[str, Bound(minLength=1, maxLength=256)]


class Mode(TypedDict):
    """One result of an analysis: a static one, an eigenmode, a time step."""

    name: str
    mode: NotRequired[int]
    frequency: NotRequired[Annotated[float, "Hz"]]
    time: NotRequired[float]
    max_von_mises: NotRequired[Annotated[float, "MPa"]]
    min_von_mises: NotRequired[Annotated[float, "MPa"]]
    max_displacement: NotRequired[Annotated[float, "mm"]]
    max_displacement_at: NotRequired[Annotated[list[float], "Where, in mm"]]
    max_von_mises_at: NotRequired[list[float]]
    max_principal: NotRequired[Annotated[float, "MPa"]]
    min_principal: NotRequired[Annotated[float, "MPa"]]
    max_temperature: NotRequired[Annotated[float, "K"]]


class FemResult(TypedDict):
    """The results in numbers; all of them are in the artifacts."""

    analysis: str
    analysis_type: Annotated[str, "static, frequency, thermomech, buckling or check"]
    nodes: int
    elements: int
    results: list[Mode]
    solver_s: Annotated[float, "How long CalculiX ran"]
    warnings: list[str]
    artifacts: Annotated[list[str], "The document with the results, CalculiX's input and output"]


@tool(needs="compute", toolset="fem", title="Run a FEM analysis", hold_s=0, read_only=True)
def run_fem_analysis(job: Job, model: DocumentFile, analysis: ObjectName | None = None) -> FemResult:
    """Solve a finite element analysis with CalculiX as a background job, with progress meanwhile.

    The document needs a Fem analysis: solver, material, a meshed part, and
    constraints (made in FreeCAD or with execute_code and ObjectsFem). It is checked first;
    an empty Gmsh mesh is meshed when gmsh is installed. FreeCAD stays usable.

    The result has the greatest von Mises stress, displacement and principal
    stresses (or the frequencies), and the artifacts: the document with its
    results, and CalculiX's files. Fails at once, and says so, without CalculiX (ccx).

    For a live document: snapshot_document first, then this with its job and
    artifact. Next: get_job_status with wait_s, then get_job_result.

    Parameters
    ----------
    model : dict
        {"job": "<id of snapshot_document>", "artifact": "Part.FCStd"}, or {"file": "beam.FCStd"} below a
        workspace root.
    analysis : str
        Name or label of the analysis, when the document has several.
    """
    return fem.solve(job, model, analysis)      # type: ignore[return-value]
