"""The modelling tools, with real shapes."""

import math
import zipfile
import xml.etree.ElementTree as tree

import pytest

from conftest import OTHER, box, brep


def fine(outcome):
    assert outcome.state == "completed", outcome.error
    return outcome.result


def test_self_check_proves_a_zygote(run):
    result = fine(run("self_check", {}))
    assert result["volume"] == pytest.approx(1000) and result["tools"] >= 7


def test_fuse_unites_many_in_one_operation(run):
    shapes = [brep(box(at=(8 * index, 0, 0))) for index in range(12)]
    outcome = run("fuse_shapes_async", {"shapes": shapes})
    shape = fine(outcome)["shape"]
    assert shape["volume"] == pytest.approx(98 * 100) and shape["counts"]["faces"] == 6
    assert shape["type"] == "Solid" and outcome.artifacts == ["result.brep"]
    fractions = [m["fraction"] for m in outcome.sent if m["type"] == "progress"]
    assert fractions == sorted(fractions) and len(fractions) >= 3


def test_fuse_without_refining_keeps_the_seams(run):
    arguments = {"shapes": [brep(box()), brep(box(at=(10, 0, 0)))], "refine": False}
    assert fine(run("fuse_shapes_async", arguments))["shape"]["counts"]["faces"] == 10


def test_shapes_apart_give_a_compound(run):
    shape = fine(run("fuse_shapes_async", {"shapes": [brep(box()), brep(box(at=(50, 0, 0)))]}))["shape"]
    assert shape["type"] == "Compound" and shape["counts"]["solids"] == 2


def test_names_of_inputs_and_references_mix(run, blob):
    refs = {OTHER: {"state": "completed", "artifacts": '[{"name": "result.brep", "hash": "h"}]'}}
    fd = blob(box(at=(5, 0, 0)).exportBrepToString().encode())
    outcome = run("fuse_shapes_async", {"shapes": ["a", {"job": OTHER}]},
                  inputs={"a": brep(box())}, refs=refs, blobs={"h": fd})
    assert fine(outcome)["shape"]["volume"] == pytest.approx(1500)


def test_cut_takes_many_tools_at_once(run):
    import FreeCAD
    import Part
    drills = [brep(Part.makeCylinder(1, 10, FreeCAD.Vector(5 + 10 * i, 5, 0))) for i in range(10)]
    shape = fine(run("cut_shapes_async", {"base": brep(box(100)), "tools": drills}))["shape"]
    assert shape["volume"] == pytest.approx(10000 - 100 * math.pi)


def test_common_is_what_lies_in_all_of_them(run):
    shapes = [brep(box()), brep(box(at=(5, 0, 0))), brep(box(at=(0, 5, 0)))]
    shape = fine(run("common_shapes_async", {"shapes": shapes}))["shape"]
    assert shape["volume"] == pytest.approx(250) and shape["type"] == "Solid"


def test_common_of_compounds(run):
    import Part
    pair = Part.makeCompound([box(), box(at=(50, 0, 0))])
    shapes = [brep(pair), brep(box(60, 5, 10)), brep(box(60, 10, 5))]
    assert fine(run("common_shapes_async", {"shapes": shapes}))["shape"]["volume"] == pytest.approx(500)


@pytest.mark.parametrize("tool, arguments, reason, words", [
    ("cut_shapes_async", lambda: {"base": brep(box()), "tools": [brep(box())]}, "exception", "nothing is left"),
    ("common_shapes_async", lambda: {"shapes": [brep(box()), brep(box(at=(50, 0, 0)))]},
     "exception", "nothing in common"),
    ("common_shapes_async", lambda: {"shapes": [brep(box()), brep(box(at=(8, 0, 0))),
                                                brep(box(at=(16, 0, 0)))]}, "exception", "nothing in common"),
    ("fuse_shapes_async", lambda: {"shapes": [brep(box())]}, "invalid", "at least 2"),
    ("fuse_shapes_async", lambda: {"shapes": "all"}, "invalid", "must be an array"),
    ("fuse_shapes_async", lambda: {"shapes": ["a", "b"]}, "invalid", "no 'a'"),
    ("fuse_shapes_async", lambda: {"shapes": [brep(box()), brep(box())], "tolerance": -1},
     "invalid", "below the minimum"),
    ("fuse_shapes_async", lambda: {"shapes": [brep(box()), {"brep": "junk"}]}, "invalid", "shapes[1]"),
    ("fuse_shapes_async", lambda: {"shapes": [brep(box()), {"job": OTHER}]}, "invalid", "shapes[1]"),
    ("fuse_shapes_async", lambda: {"shapes": [brep(box()), brep(box().Vertexes[0])]}, "invalid",
     "shapes[1] is a Vertex")])
def test_booleans_that_have_no_result_say_why(run, tool, arguments, reason, words):
    outcome = run(tool, arguments())
    assert (outcome.state, outcome.reason) == ("failed", reason), outcome.last
    assert words in outcome.error["message"]


def test_an_invalid_input_shape_is_refused_by_the_booleans_and_given_to_code(run, code):
    import Part
    bow = Part.Face(Part.makePolygon([(0, 0, 0), (10, 10, 0), (10, 0, 0), (0, 10, 0), (0, 0, 0)]))
    solid = bow.extrude(__import__("FreeCAD").Vector(0, 0, 5))
    assert not solid.isValid()
    outcome = run("fuse_shapes_async", {"shapes": [brep(box()), brep(solid)]})
    assert outcome.reason == "invalid" and "shapes[1] is not a valid" in outcome.error["message"]
    assert code("inputs['s'].isValid()", inputs={"s": brep(solid)}).result is False


def test_loft_through_circles_and_polygons(run):
    circles = [{"center": [0, 0, z], "radius": 5} for z in (0, 10, 20)]
    shape = fine(run("loft_async", {"profiles": circles}))["shape"]
    assert shape["volume"] == pytest.approx(math.pi * 25 * 20, rel=1e-3) and shape["type"] == "Solid"
    square = [[0, 0], [10, 0], [10, 10], [0, 10]]
    polygons = [{"points": [[x, y, z] for x, y in square]} for z in (0, 5)]
    shape = fine(run("loft_async", {"profiles": polygons, "ruled": True}))["shape"]
    assert shape["volume"] == pytest.approx(500)


def test_loft_takes_wires_faces_and_a_tip(run):
    import Part
    profiles = [brep(box().Faces[4]), "tip"]
    outcome = run("loft_async", {"profiles": profiles}, inputs={"tip": brep(Part.Vertex(5, 5, 30))})
    assert fine(outcome)["shape"]["volume"] == pytest.approx(1000, rel=1e-3)


def test_an_open_loft_is_a_surface(run):
    lines = [{"points": [[0, 0, z], [10, 0, z]], "closed": False} for z in (0, 10)]
    shape = fine(run("loft_async", {"profiles": lines, "solid": False}))["shape"]
    assert shape["counts"]["solids"] == 0 and shape["area"] == pytest.approx(100)


def test_a_closed_loft_is_a_ring(run):
    ring = []
    for degrees in (0, 90, 180, 270):
        a = math.radians(degrees)
        ring.append({"center": [20 * math.cos(a), 20 * math.sin(a), 0], "radius": 3,
                     "normal": [-math.sin(a), math.cos(a), 0]})
    outcome = run("loft_async", {"profiles": ring, "closed": True})
    assert fine(outcome)["shape"]["volume"] > 1000


@pytest.mark.parametrize("profiles, words", [
    ([{"center": [0, 0, 0], "radius": 5}], "at least 2"),
    ([{"center": [0, 0, 0], "radius": -5}] * 2, "below the minimum"),
    ([{"center": [0, 0], "radius": 5}] * 2, "at least 3"),
    ([{"center": [0, 0, 0], "radius": 5, "normal": [0, 0, 0]}] * 2, "normal has no length"),
    ([{"points": [[0, 0, 0], [0, 0, 0], [1, 1, 0]]}] * 2, "are the same"),
    ([{"points": [[0, 0, 0], [1, 0, 0]]}] * 2, "three points"),
    ([{"points": [[0, 0, 0], [1, 0, 0]], "closed": False}] * 2, "is open"),
    ([{"points": [[0, 0, "x"], [1, 0, 0]]}] * 2, "number"),
    ([5, 6], "profiles[0]")])
def test_bad_profiles_are_invalid(run, profiles, words):
    outcome = run("loft_async", {"profiles": profiles})
    assert outcome.reason == "invalid" and words in outcome.error["message"], outcome.error


def test_a_solid_is_no_profile(run):
    outcome = run("loft_async", {"profiles": [brep(box()), brep(box().Faces[0])]})
    assert outcome.reason == "invalid" and "profiles[0] is a Solid" in outcome.error["message"]


def test_a_loft_in_one_plane_is_a_failure(run):
    circle = {"center": [0, 0, 0], "radius": 5}
    outcome = run("loft_async", {"profiles": [circle, circle]})
    assert (outcome.state, outcome.reason) == ("failed", "exception") and "loft" in outcome.error["message"]


ALL = ["step", "iges", "brep", "stl", "obj", "3mf", "fcstd"]


def test_export_writes_every_format_and_each_reads_back(run, tmp_path):
    import FreeCAD
    import Mesh
    import Part
    outcome = run("export_async", {"shapes": [brep(box())], "formats": ALL, "file_name": "part"})
    files = fine(outcome)["files"]
    assert [item["format"] for item in files] == ALL
    assert outcome.artifacts == [item["name"] for item in files]
    for item in files:
        path = outcome.file(item["name"])
        assert path.stat().st_size == item["size"] > 0
        if item["format"] in ("step", "iges", "brep"):
            shape = Part.Shape()
            shape.read(str(path))
            assert shape.Volume == pytest.approx(1000)
        elif item["format"] in ("stl", "obj"):
            assert Mesh.Mesh(str(path)).Volume == pytest.approx(1000)
    document = FreeCAD.openDocument(str(outcome.file("part.FCStd")), True)
    assert document.Objects[0].Shape.Volume == pytest.approx(1000)
    FreeCAD.closeDocument(document.Name)


def test_3mf_is_a_package_with_a_model_in_millimetres(run):
    outcome = run("export_async", {"shapes": [brep(box())], "formats": ["3mf"]})
    fine(outcome)
    with zipfile.ZipFile(outcome.file("export.3mf")) as package:
        assert {"[Content_Types].xml", "_rels/.rels"} <= set(package.namelist())
        model = tree.fromstring(package.read("3D/3dmodel.model"))
    space = "{http://schemas.microsoft.com/3dmanufacturing/core/2015/02}"
    assert model.get("unit") == "millimeter"
    assert len(model.findall(f".//{space}triangle")) == 12 and model.find(f"{space}build") is not None


def test_several_shapes_go_into_one_file(run):
    arguments = {"shapes": [brep(box()), brep(box(at=(20, 0, 0)))], "formats": ["brep", "fcstd"]}
    result = fine(run("export_async", arguments))
    assert result["shape"]["counts"]["solids"] == 2 and len(result["files"]) == 2


def test_finer_deflection_gives_more_triangles(run):
    import Part
    sizes = []
    for linear in (1.0, 0.01):
        arguments = {"shapes": [brep(Part.makeSphere(10))], "formats": ["stl"],
                     "linear_deflection": linear, "angular_deflection": 45}
        sizes.append(fine(run("export_async", arguments))["files"][0]["size"])
    assert sizes[1] > 4 * sizes[0]


@pytest.mark.parametrize("change, words", [
    ({"formats": ["dwg"]}, "must be one of"), ({"formats": []}, "at least 1"), ({"shapes": []}, "at least 1"),
    ({"file_name": "../x"}, "does not match"), ({"file_name": "a\0"}, "does not match"),
    ({"linear_deflection": 0}, "below the minimum"), ({"linear_deflection": "x"}, "must be a number")])
def test_bad_exports_are_invalid(run, change, words):
    outcome = run("export_async", {"shapes": [brep(box())], **change})
    assert outcome.reason == "invalid" and words in outcome.error["message"]


def test_a_wire_has_no_mesh(run):
    outcome = run("export_async", {"shapes": [brep(box().Wires[0])], "formats": ["stl"]})
    assert outcome.reason == "invalid" and "no mesh" in outcome.error["message"]
