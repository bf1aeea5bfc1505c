"""A beam under tension, by CalculiX: stress and length are known beforehand."""

import shutil

import pytest

from conftest import OTHER

pytestmark = pytest.mark.skipif(shutil.which("ccx") is None, reason="CalculiX (ccx) is not installed")


def beam(path, force=1000.0, material=True, flip=False):
    """A beam of 50 x 10 x 10 mm of steel, fixed at one end, pulled at the other."""
    import Fem
    import FreeCAD
    import ObjectsFem
    doc = FreeCAD.newDocument("Beam")
    box = doc.addObject("Part::Box", "Box")
    box.Length = 50
    doc.recompute()
    at = lambda x: next(f"Face{n + 1}" for n, face in enumerate(box.Shape.Faces)
                        if abs(face.CenterOfMass.x - x) < 1e-6)
    along = next(f"Edge{n + 1}" for n, edge in enumerate(box.Shape.Edges) if abs(edge.tangentAt(0).x) > 0.9)
    analysis = ObjectsFem.makeAnalysis(doc, "Analysis")
    analysis.addObject(ObjectsFem.makeSolverCalculixCcxTools(doc, "Solver"))
    if material:
        steel = ObjectsFem.makeMaterialSolid(doc, "Steel")
        steel.Material = {**steel.Material, "Name": "Steel", "YoungsModulus": "210000 MPa",
                          "PoissonRatio": "0.30", "Density": "7900 kg/m^3"}
        analysis.addObject(steel)
    fixed = ObjectsFem.makeConstraintFixed(doc, "Fixed")
    fixed.References = [(box, at(0))]
    pull = ObjectsFem.makeConstraintForce(doc, "Pull")
    pull.References, pull.Force, pull.Direction = [(box, at(50))], force, (box, [along])
    mesh, grid, n = Fem.FemMesh(), {}, (10, 2, 2)
    for i in range(n[0] + 1):
        for j in range(n[1] + 1):
            for k in range(n[2] + 1):
                grid[i, j, k] = len(grid) + 1
                mesh.addNode(5 * i, 5 * j, 5 * k, grid[i, j, k])
    for i in range(n[0]):
        for j in range(n[1]):
            for k in range(n[2]):
                c = [grid[i + x, j + y, k + z] for x, y, z in (
                    (0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0), (0, 0, 1), (1, 0, 1), (1, 1, 1), (0, 1, 1))]
                for a, b in ((1, 2), (2, 3), (3, 7), (7, 4), (4, 5), (5, 1)):
                    mesh.addVolume([c[0], c[a], c[b], c[6]] if flip else [c[0], c[b], c[a], c[6]])
    meshed = doc.addObject("Fem::FemMeshObject", "Mesh")
    meshed.FemMesh = mesh
    for item in (fixed, pull, meshed):
        analysis.addObject(item)
    doc.saveAs(str(path))
    FreeCAD.closeDocument(doc.Name)


def test_a_pulled_beam_has_the_stress_and_the_length_of_the_book(live, run):
    beam(live.root / "beam.FCStd")
    outcome = run("run_fem_analysis", {"model": {"file": "beam.FCStd"}}, roots=[live.root])
    assert outcome.state == "completed", outcome.error
    (one,) = outcome.result["results"]
    assert one["max_von_mises"] == pytest.approx(1000 / 100, rel=0.1)          # force by area
    assert one["max_displacement"] == pytest.approx(10 * 50 / 210000, rel=0.05)
    assert one["max_displacement_at"][0] == 50 and outcome.result["nodes"] == 99
    assert outcome.result["elements"] == 240 and outcome.result["analysis_type"] == "static"
    assert set(outcome.artifacts) >= {"beam_results.FCStd", "Mesh.frd", "Mesh.inp"}
    told = [m for m in outcome.sent if m["type"] == "progress"]
    assert any("CalculiX" in m["message"] for m in told) and len(told) > 5
    assert [m["fraction"] for m in told] == sorted(m["fraction"] for m in told)


def test_a_snapshot_of_a_live_document_is_solved(live, run, blob):
    beam(live.root / "beam.FCStd", force=2000)
    live("open_document", path="beam.FCStd")
    copied = live.outcome("snapshot_document", {})
    assert copied.result["artifact"] == "beam.FCStd" == copied.artifacts[0]
    refs = {OTHER: {"state": "completed", "artifacts": '[{"name": "beam.FCStd", "hash": "h"}]'}}
    fd = blob(copied.file("beam.FCStd").read_bytes())
    for model in ({"job": OTHER, "artifact": "beam.FCStd"}, {"job": OTHER}):
        outcome = run("run_fem_analysis", {"model": model}, refs=refs, blobs={"h": fd})
        assert outcome.result["results"][0]["max_von_mises"] == pytest.approx(20, rel=0.1)


@pytest.mark.parametrize("changes, words", [({"material": False}, "not complete"),
                                            ({"flip": True}, "nonpositive jacobian")])
def test_what_is_missing_or_wrong_is_said(live, run, changes, words):
    beam(live.root / "bad.FCStd", **changes)
    outcome = run("run_fem_analysis", {"model": {"file": "bad.FCStd"}}, roots=[live.root])
    assert outcome.state == "failed" and words in outcome.error["message"]


def test_a_document_without_an_analysis_is_refused(live, part, run):
    live("save_document", path="part.FCStd")
    live("close_document")
    for model, words in (({"file": "part.FCStd"}, "no Fem analysis"), ({"file": "x.step"}, "no .FCStd"),
                         ({"file": "gone.FCStd"}, "no file"), ({"brep": "x"}, "must be"),
                         ({"job": OTHER}, "depends_on")):
        outcome = run("run_fem_analysis", {"model": model}, roots=[live.root])
        assert outcome.state == "failed" and words in outcome.error["message"], outcome.error


def test_without_the_solver_the_error_says_what_to_install(live, run, monkeypatch):
    beam(live.root / "beam.FCStd")
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    outcome = run("run_fem_analysis", {"model": {"file": "beam.FCStd"}}, roots=[live.root])
    assert outcome.state == "failed" and "calculix-ccx" in outcome.error["message"]
