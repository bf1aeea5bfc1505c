"""A document's analysis through CalculiX: check, mesh, write, solve, read.

FreeCAD's own ccxtools write the input and read the results; the solver is
started here, so that its output moves the progress and a cancelled job takes
it along (it is in the job's process group).
"""

import os
import re
import shutil
import subprocess
import time
from typing import Any

from fcj import Failure, Invalid, Job
from fcj.limits import clip

SOLVERS = ("Fem::FemSolverCcxTools", "Fem::SolverCcxTools", "Fem::SolverCalculix")
OUTPUT_MAX = 4 * 1024 * 1024
#: What CalculiX prints, and how far it is then.
STAGES = (("Determining the structure", 0.35), ("number of equations", 0.4),
          ("stiffness/mass contributions", 0.5), ("Factoring the system", 0.6),
          ("Job finished", 0.85))


def solve(job: Job, path: str, name: str | None) -> dict[str, Any]:
    """Solves the analysis of the document file; see handlers/fem.py."""
    binary = shutil.which("ccx", path="/usr/local/bin:/usr/bin:/bin")
    if binary is None:
        raise Failure("the solver CalculiX (ccx) is not installed where this worker runs; install the "
                      "package calculix-ccx there and submit the analysis again")
    import FreeCAD
    _import_objects()
    job.progress(0.02, "opening the document")
    try:
        doc = FreeCAD.openDocument(path)
    except Exception as error:
        raise Invalid(f"model can't be opened: {error}") from error
    analysis = _analysis(doc, name)
    solver = _solver(analysis)
    mesh = _mesh(job, analysis)
    tools = _prepare(job, analysis, solver)
    started = time.monotonic()
    text = _run(job, binary, tools.inp_file_name)
    seconds = time.monotonic() - started
    job.progress(0.9, "reading the results")
    before = {item.Name for item in doc.Objects}
    tools.load_results()
    results = [item for item in doc.Objects if item.Name not in before
               and item.isDerivedFrom("Fem::FemResultObject")]
    kind = str(solver.AnalysisType)
    if not results and kind != "check":
        raise Failure("CalculiX ended without results:\n" + _problems(text))
    nodes, elements = mesh.FemMesh.NodeCount, _elements(mesh.FemMesh)
    return {"analysis": analysis.Name, "analysis_type": kind, "nodes": nodes, "elements": elements,
            "results": [_mode(one, mesh.FemMesh) for one in results], "solver_s": round(seconds, 3),
            "warnings": _lines(text, "*WARNING")[:20],
            "artifacts": _artifacts(job, doc, os.path.dirname(tools.inp_file_name))}


def _import_objects() -> None:
    """The classes of FEM's Python objects, before a document is opened: an
    object whose module is first imported while it is restored stays empty."""
    import importlib
    import pkgutil

    import ObjectsFem  # noqa: F401
    import femobjects
    for module in pkgutil.iter_modules(femobjects.__path__):
        importlib.import_module(f"femobjects.{module.name}")


def _analysis(doc: Any, name: str | None) -> Any:
    known = [item for item in doc.Objects if item.isDerivedFrom("Fem::FemAnalysis")]
    names = ", ".join(item.Name for item in known) or "none"
    chosen = [item for item in known if name in (None, item.Name, item.Label)]
    if len(chosen) == 1:
        return chosen[0]
    if name is None and known:
        raise Invalid(f"the document has {len(known)} analyses; name one: {names}")
    raise Invalid(f"the document has no analysis {name!r}; it has: {names}" if name else
                  "the document has no Fem analysis; ObjectsFem.makeAnalysis makes one")


def _solver(analysis: Any) -> Any:
    from femtools import femutils
    for item in analysis.Group:
        if any(femutils.is_of_type(item, kind) for kind in SOLVERS):
            return item
    raise Invalid(f"analysis {analysis.Name} has no CalculiX solver; "
                  "ObjectsFem.makeSolverCalculixCcxTools makes one")


def _mesh(job: Job, analysis: Any) -> Any:
    """The mesh; made with gmsh when it is one of Gmsh's and still empty."""
    meshes = [item for item in analysis.Group if item.isDerivedFrom("Fem::FemMeshObject")]
    if len(meshes) != 1:
        raise Invalid(f"analysis {analysis.Name} has {len(meshes)} meshes; it needs exactly one")
    mesh = meshes[0]
    if mesh.FemMesh.NodeCount:
        return mesh
    if not hasattr(mesh, "ElementDimension") or shutil.which("gmsh") is None:
        raise Invalid(f"mesh {mesh.Name} is empty; mesh it in FreeCAD first, or install gmsh where this "
                      "worker runs")
    job.progress(0.05, "meshing with gmsh")
    from femmesh.gmshtools import GmshTools
    error = GmshTools(mesh).create_mesh()
    if not mesh.FemMesh.NodeCount:
        raise Failure(f"gmsh made no mesh: {clip(str(error or 'no reason was given'), 1000)}")
    return mesh


def _prepare(job: Job, analysis: Any, solver: Any) -> Any:
    """Checks the analysis and writes CalculiX's input."""
    from femtools import ccxtools
    job.progress(0.2, "checking the analysis")
    directory = os.path.join(job.scratch, "fem")
    os.makedirs(directory, exist_ok=True)
    tools = ccxtools.FemToolsCcx(analysis, solver)
    tools.update_objects()
    tools.setup_working_dir(directory)
    missing = tools.check_prerequisites()
    if missing:
        raise Invalid(f"analysis {analysis.Name} is not complete: "
                      + "; ".join(line for line in missing.splitlines() if line.strip()))
    job.progress(0.25, "writing the input of CalculiX")
    try:
        tools.write_inp_file()
    except Exception as error:
        raise Failure(f"the input of CalculiX could not be written: {error}") from error
    if not tools.inp_file_name or not os.path.isfile(tools.inp_file_name):
        raise Failure("the input of CalculiX could not be written; are the constraints on faces of the "
                      "meshed part?")
    return tools


def _run(job: Job, binary: str, inp: str) -> str:
    """Runs ccx and tells how far it is; its output."""
    job.progress(0.3, "CalculiX starts")
    lines: list[str] = []
    size, fraction = 0, 0.3
    process = subprocess.Popen(
        [binary, "-i", os.path.splitext(os.path.basename(inp))[0]], cwd=os.path.dirname(inp),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="replace", env={**os.environ, "OMP_NUM_THREADS": str(os.cpu_count() or 1)})
    assert process.stdout is not None
    for line in process.stdout:
        size += len(line)
        if size <= OUTPUT_MAX:
            lines.append(line)
        fraction = max(fraction, _tell(job, line, fraction))
    code = process.wait()
    text = "".join(lines)
    if code != 0 or "*ERROR" in text:
        how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
        raise Failure(f"CalculiX {how}:\n{_problems(text)}")
    return text


def _tell(job: Job, line: str, now: float) -> float:
    """A stage, or the time of a step that goes from 0 to 1."""
    told = line.strip()
    match = re.search(r"actual total time=\s*([0-9.Ee+-]+)", line)
    stage = 0.4 + 0.45 * min(float(match.group(1)), 1.0) if match else next(
        (share for words, share in STAGES if words in line), 0.0)
    if stage > now or told.startswith("increment"):
        job.progress(max(stage, now), "CalculiX: " + told[:100])
    return stage


def _problems(text: str) -> str:
    found = _lines(text, "*ERROR")
    return clip("\n".join(found[:20]) or text[-1500:].strip() or "(it printed nothing)", 3000)


def _lines(text: str, mark: str) -> list[str]:
    """Each different message that begins with the mark, with its second line."""
    lines = text.splitlines()
    return list(dict.fromkeys(
        " ".join(part.strip() for part in lines[index:index + 2]).strip()
        for index, line in enumerate(lines) if mark in line))


def _elements(mesh: Any) -> int:
    return mesh.VolumeCount or mesh.FaceCount or mesh.EdgeCount


def _mode(item: Any, mesh: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"name": item.Name}
    for key, attribute in (("mode", "Eigenmode"), ("frequency", "EigenmodeFrequency"), ("time", "Time")):
        value = getattr(item, attribute, None)
        if value:
            made[key] = getattr(value, "Value", value)
    _extreme(made, "von_mises", item, "vonMises", mesh)
    _extreme(made, "displacement", item, "DisplacementLengths", mesh)
    made.pop("min_displacement", None)
    for key, attribute, pick in (("max_principal", "PrincipalMax", max),
                                 ("min_principal", "PrincipalMin", min),
                                 ("max_temperature", "Temperature", max)):
        values = getattr(item, attribute, None)
        if values:
            made[key] = pick(values)
    return made


def _extreme(made: dict[str, Any], key: str, item: Any, attribute: str, mesh: Any) -> None:
    values = list(getattr(item, attribute, None) or [])
    if not values:
        return
    made[f"max_{key}"], made[f"min_{key}"] = max(values), min(values)
    node = mesh.Nodes.get(item.NodeNumbers[values.index(max(values))])
    if node is not None:
        made[f"max_{key}_at"] = [node.x, node.y, node.z]


def _artifacts(job: Job, doc: Any, directory: str) -> list[str]:
    from pathlib import Path
    doc.saveAs(job.artifact_path(f"{doc.Name}_results.FCStd"))
    names = [job.announce(f"{doc.Name}_results.FCStd")]
    for entry in sorted(os.scandir(directory), key=lambda one: one.name):
        if entry.name.endswith((".inp", ".frd", ".dat")) and entry.stat().st_size:
            names.append(job.artifact(re.sub(r"[^A-Za-z0-9_.+ -]", "_", entry.name), Path(entry.path)))
    return names
