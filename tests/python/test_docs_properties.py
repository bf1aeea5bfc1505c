"""Property values as JSON, both ways, for each common type of property."""

import math

import pytest

PLACED = {"position": [1.0, 2.0, 3.0], "rotation": {"axis": [0.0, 0.0, 1.0], "angle_deg": 30.0}}
MATRIX = [[1.0, 0.0, 0.0, 4.0], [0.0, 1.0, 0.0, 5.0], [0.0, 0.0, 1.0, 6.0], [0.0, 0.0, 0.0, 1.0]]
MATERIAL = {"diffuse": "#ff8000", "ambient": "#333333", "specular": "#888888", "emissive": "#000000",
            "shininess": 0.5, "transparency": 0.25}

SAME = [
    ("Bool", True), ("BoolList", [True, False]), ("Float", 2.5), ("FloatList", [1.0, 2.5]),
    ("Integer", 7), ("IntegerList", [1, 2]), ("IntegerSet", [1, 2]), ("Percent", 40),
    ("Length", "10.25 mm"), ("Distance", "-3 mm"), ("Angle", "45 deg"), ("Area", "12 mm^2"),
    ("Volume", "5 mm^3"), ("Speed", "3 mm/s"), ("Acceleration", "2 mm/s^2"), ("Force", "5000 mm*kg/s^2"),
    ("Pressure", "3 kg/(mm*s^2)"), ("Frequency", "50 1/s"), ("Quantity", "4"),
    ("String", "Grüße, 世界"), ("StringList", ["a", "b c"]), ("Map", {"key": "value"}), ("Font", "Arial"),
    ("UUID", "3afcf2df-0c49-4a9b-abfd-66bb50256201"),
    ("Vector", [1.0, 2.0, 3.5]), ("VectorDistance", [1.0, 2.0, 3.0]), ("Position", [0.0, 1.0, 0.0]),
    ("Direction", [0.0, 0.0, 1.0]), ("VectorList", [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]),
    ("Matrix", MATRIX), ("Placement", PLACED), ("PlacementList", [PLACED]),
    ("Rotation", PLACED["rotation"]), ("Color", "#ff8000"), ("ColorList", ["#ff8000", "#00ff0080"]),
    ("Material", MATERIAL), ("MaterialList", [MATERIAL]), ("Enumeration", "two"),
    ("Link", "Box"), ("LinkGlobal", "Box"), ("LinkHidden", "Box"), ("LinkList", ["Box", "Cyl"]),
    ("LinkSub", {"object": "Box", "sub": ["Face1", "Face2"]}),
    ("LinkSubList", [{"object": "Box", "sub": ["Face1", "Face2"]}, {"object": "Cyl", "sub": ["Edge1"]}]),
    ("XLink", "Box"), ("XLinkList", ["Box"]), ("XLinkSub", {"object": "Box", "sub": ["Face1"]}),
    ("XLinkSubList", [{"object": "Box", "sub": ["Face1"]}]),
    ("PythonObject", {"any": [1, 2]})]


@pytest.fixture
def bag(live, part):
    """An object that takes any property."""
    item = part.addObject("App::FeaturePython", "Bag")

    def add(kind):
        item.addProperty(f"App::Property{kind}", "P")
        if kind == "Enumeration":
            item.P = ["one", "two"]
        return item
    return add


def near(a, b):
    """Equal, numbers within 1e-6."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(near(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(near, a, b))
    return a == pytest.approx(b, abs=1e-6) if isinstance(a, float) else a == b


@pytest.mark.parametrize("kind, value", SAME, ids=[kind for kind, _ in SAME])
def test_a_value_is_read_as_it_was_written_and_written_as_it_was_read(live, bag, kind, value):
    bag(kind)
    assert near(live("edit_object", object="Bag", properties={"P": value})["properties"]["P"], value)
    read = live("get_object", object="Bag", properties=["P"])["properties"]["P"]
    assert near(read, value)
    again = live("edit_object", object="Bag", properties={"P": read})["properties"]["P"]
    assert again == read


@pytest.mark.parametrize("kind, given, read", [
    ("Length", 5, "5 mm"), ("Length", "1 in", "25.4 mm"), ("Length", {"value": 2, "unit": "m"}, "2000 mm"),
    ("Angle", 90, "90 deg"), ("Angle", "1 rad", f"{math.degrees(1)!r} deg"), ("Float", 3, 3.0),
    ("Vector", {"x": 1, "y": 2}, [1.0, 2.0, 0.0]), ("Color", [1, 0.5, 0], "#ff8000"),
    ("Placement", [1, 2, 3], {**PLACED, "rotation": {"axis": [0.0, 0.0, 1.0], "angle_deg": 0.0}}),
    ("Placement", {"Base": {"x": 1, "y": 2, "z": 3}, "Rotation": {"Axis": [0, 0, 1], "Angle": 30}}, PLACED),
    ("Rotation", {"yaw_pitch_roll": [30, 0, 0]}, PLACED["rotation"]),
    ("Rotation", {"quaternion": [0, 0, math.sin(math.pi / 12), math.cos(math.pi / 12)]},
     PLACED["rotation"]),
    ("Link", None, None), ("LinkList", [], []), ("LinkSub", None, None), ("Link", {"object": "Box"}, "Box"),
    ("LinkSub", {"object": "Box", "sub": "Face1"}, {"object": "Box", "sub": ["Face1"]})])
def test_other_plain_forms_are_taken_too(live, bag, kind, given, read):
    bag(kind)
    assert near(live("edit_object", object="Bag", properties={"P": given})["properties"]["P"], read)


@pytest.mark.parametrize("kind, bad", [
    ("Length", True), ("Length", "5 kg"), ("Length", "1e400 mm"), ("Length", "1/0 mm"), ("String", "a\0b"), ("Bool", 1), ("Bool", "yes"), ("Integer", 2.5), ("Vector", [1]),
    ("Vector", ["a", 1, 2]), ("Placement", {"where": [1, 2, 3]}), ("Rotation", {"axis": [0, 0, 0],
                                                                             "angle_deg": 1}),
    ("Color", "red"), ("Color", [2, 0, 0]), ("Enumeration", "three"), ("Link", "Nobody"), ("Link", "Bag"),
    ("LinkList", "Box"), ("LinkSub", {"sub": ["Face1"]}), ("Matrix", [[1]]), ("StringList", "a"),
    ("Map", {"a": 1}), ("Float", None), ("Integer", 2 ** 70), ("Length", -3), ("Percent", 101),
    ("Angle", 400), ("Link", {"object": "Box", "sub": ["Face1"]})])
def test_what_does_not_fit_is_refused_by_name(live, bag, part, kind, bad):
    bag(kind)
    before = live("get_object", object="Bag")
    words = live.no("edit_object", object="Bag", properties={"P": bad})
    assert "P" in words and len(words) > 15
    assert live("get_object", object="Bag") == before


def test_files_are_named_below_the_roots_only(live, bag):
    (live.root / "in.step").write_text("x")
    bag("File")
    edited = live("edit_object", object="Bag", properties={"P": "in.step"})
    assert edited["properties"]["P"] == str(live.root / "in.step")
    assert live("edit_object", object="Bag", properties=edited["properties"])
    assert "roots" in live.no("edit_object", object="Bag", properties={"P": "/etc/passwd"})
    assert live("edit_object", object="Bag", properties={"P": ""})["properties"]["P"] == ""


def test_an_included_file_lies_in_the_document(live, bag):
    (live.root / "in.txt").write_text("inside")
    bag("FileIncluded")
    read = live("edit_object", object="Bag", properties={"P": "in.txt"})["properties"]["P"]
    assert open(read).read() == "inside"
    assert live("edit_object", object="Bag", properties={"P": read})["properties"]["P"] == read


def test_expressions_bind_and_a_value_unbinds(live, part):
    bound = live("edit_object", object="Cyl", properties={
        "Height": {"expression": "Box.Length * 3"}, "Placement.Base.x": {"expression": "Box.Width"}})
    assert bound["properties"]["Height"] == "30 mm" and bound["properties"]["Placement.Base.x"] == 10.0
    got = live("get_object", object="Cyl")
    assert got["expressions"] == {"Height": "Box.Length * 3", "Placement.Base.x": "Box.Width"}
    live("edit_object", object="Cyl", properties={"Height": 4, "Placement": [0, 0, 0]})
    assert live("get_object", object="Cyl")["expressions"] == {}
    assert part.Cyl.Height.Value == 4 and part.Cyl.Placement.Base.x == 0
    live("edit_object", object="Cyl", properties={"Height": {"expression": "Box.Length"}})
    live("edit_object", object="Cyl", properties={"Height": {"expression": None}})
    assert live("get_object", object="Cyl")["expressions"] == {} and part.Cyl.Height.Value == 10


def test_a_part_of_a_placement_is_set_alone(live, part):
    live("edit_object", object="Box", properties={"Placement": PLACED})
    live("edit_object", object="Box", properties={"Placement.Base.y": 9,
                                                  "Placement.Rotation.Angle": 60})
    read = live("get_object", object="Box")["properties"]["Placement"]
    assert near(read, {"position": [1.0, 9.0, 3.0],
                       "rotation": {"axis": [0.0, 0.0, 1.0], "angle_deg": 60.0}})


def test_a_sheet_tells_and_takes_names_of_cells_and_what_they_give(live, part):
    live("create_object", type="Spreadsheet::Sheet", name="Sheet", properties={
        "cells": {"A1": "=2 * 3 mm", "B1": 5, "C1": "=A1 * B1", "D1": "text"},
        "aliases": {"width": "A1", "count": "B1"}})
    read = live("get_object", object="Sheet")
    assert read["properties"]["aliases"] == {"width": "A1", "count": "B1"}
    assert read["values"] == {"A1": "6 mm", "C1": "30 mm"} and "count" not in read["properties"]
    live("edit_object", object="Box", properties={"Length": {"expression": "Sheet.width * Sheet.count"}})
    assert part.Box.Length.Value == 30
    moved = live("edit_object", object="Sheet", properties={"aliases": {"count": None, "text": "D1"}})
    assert moved["properties"]["aliases"] == {"width": "A1", "text": "D1"} and part.Box.isValid()
    assert "refused" in live.no("edit_object", object="Sheet", properties={"aliases": {"A1": "B1"}})
    assert "E1: ERR: division by zero" in live.no("edit_object", object="Sheet", properties={
        "cells": {"E1": "=1 / 0"}})
    assert live("inspect_object", object="Sheet")["properties"]["aliases"]["value"]["width"] == "A1"


def test_cells_and_sketch_constraints_are_properties_too(live, part):
    import FreeCAD
    import Part
    import Sketcher
    live("create_object", type="Spreadsheet::Sheet", name="Sheet",
         properties={"cells": {"A1": "=2 * 3 mm", "B1": "text", "C1": 5}})
    read = live("get_object", object="Sheet")["properties"]
    assert read["cells"] == {"A1": "=2 * 3mm", "B1": "text", "C1": "5"} and "A1" not in read
    live("edit_object", object="Sheet", properties={"cells": {"B1": None}})
    assert "B1" not in live("get_object", object="Sheet")["properties"]["cells"]
    sketch = part.addObject("Sketcher::SketchObject", "Sketch")
    sketch.addGeometry(Part.LineSegment(FreeCAD.Vector(0, 0, 0), FreeCAD.Vector(10, 0, 0)))
    sketch.addConstraint(Sketcher.Constraint("Distance", 0, 10))
    sketch.renameConstraint(0, "width")
    part.recompute()
    edited = live("edit_object", object="Sketch", properties={"Constraints.width": 25})
    assert edited["properties"]["Constraints.width"] == "25 mm"
    assert sketch.Shape.BoundBox.XLength == pytest.approx(25) or sketch.Shape.Length == pytest.approx(25)
    assert "refused" in live.no("edit_object", object="Sketch", properties={"Constraints.depth": 1})


@pytest.mark.parametrize("name, words", [("Shape", "apply_job_result"), ("ExpressionEngine", "expression"),
                                         ("ViewObject", "without a window")])
def test_what_json_cannot_say_is_pointed_elsewhere(live, part, name, words):
    assert words in live.no("edit_object", object="Box", properties={name: {"a": 1}})


def test_a_link_to_another_document_is_written_with_its_name(live, part):
    live("save_document", path="part.FCStd")
    live("create_document", name="Other")
    live("save_document", path="other.FCStd")
    live("create_object", type="App::Link", name="L", properties={"LinkedObject": "Part#Box"})
    assert live("get_object", object="L")["properties"]["LinkedObject"] == "Part#Box"
