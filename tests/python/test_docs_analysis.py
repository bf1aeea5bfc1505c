"""Shapes, sketches and dependencies, without a window."""

import math

import pytest


@pytest.fixture
def sketch(live):
    """A document with a sketch of an open L: two lines, joined."""
    import FreeCAD
    import Part
    import Sketcher
    live("create_document", name="D")
    live("create_object", type="Sketcher::SketchObject", name="S")
    item = FreeCAD.ActiveDocument.S
    vector = FreeCAD.Vector
    item.addGeometry(Part.LineSegment(vector(0, 0, 0), vector(10, 0, 0)))
    item.addGeometry(Part.LineSegment(vector(10, 0, 0), vector(10, 5, 0)))
    item.addConstraint(Sketcher.Constraint("Coincident", 0, 2, 1, 1))
    item.addConstraint(Sketcher.Constraint("Horizontal", 0))
    item.Document.recompute()
    return item


def constrain(item, *arguments):
    import Sketcher
    item.addConstraint(Sketcher.Constraint(*arguments))
    item.Document.recompute()


def test_a_shape_is_measured_and_its_faces_are_named(live, part):
    seen = live("analyze_shape", object="Box", elements="faces")
    assert seen["shape"]["volume"] == pytest.approx(1000) and seen["problems"] == []
    assert seen["surfaces"] == {"Plane": 6} and seen["curves"] == {"Line": 12}
    assert seen["free_edges"] == 0 and seen["shortest_edge"] == pytest.approx(10)
    top = [one for one in seen["elements"] if one["normal"] == pytest.approx([0, 0, 1])]
    assert len(top) == 1 and top[0]["center"] == pytest.approx([5, 5, 10])
    assert part.Box.Shape.getElement(top[0]["name"]).CenterOfMass.z == pytest.approx(10)
    assert seen["inertia"] == pytest.approx([1000 * 200 / 12] * 3)


def test_round_parts_tell_axis_and_radius(live, part):
    faces = live("analyze_shape", object="Cyl", elements="faces")["elements"]
    side = next(one for one in faces if one["kind"] == "Cylinder")
    assert side["radius"] == pytest.approx(2) and abs(side["axis"][2]) == pytest.approx(1)
    edges = live("analyze_shape", object="Cyl", elements="edges", limit=2)
    assert len(edges["elements"]) == 2 and edges["next_offset"] == 2
    one = live("analyze_shape", object="Cyl", sub="Face1")
    assert one["sub"] == "Face1" and one["shape"]["area"] == pytest.approx(2 * math.pi * 2 * 10)


def test_a_broken_shape_tells_what_is_wrong(live, part):
    import FreeCAD
    import Part
    v = FreeCAD.Vector
    bow = Part.Face(Part.makePolygon([v(0, 0), v(10, 10), v(10, 0), v(0, 10), v(0, 0)]))
    part.addObject("Part::Feature", "Bow").Shape = bow
    assert live("analyze_shape", object="Bow")["problems"]
    shell = Part.Shell(part.Box.Shape.Faces[:5])
    part.addObject("Part::Feature", "Open").Shape = shell
    assert live("analyze_shape", object="Open")["free_edges"] == 4


def test_what_has_no_shape_says_so(live, part):
    live("create_object", type="App::Part", name="Group")
    live("create_object", type="Part::Cut", name="C", on_error="keep")
    assert live.no("analyze_shape", object="Group")
    assert "null" in live.no("analyze_shape", object="C")
    assert "6 faces" in live.no("analyze_shape", object="Box", sub="Face7")


def test_degrees_of_freedom_fall_with_each_constraint(live, sketch):
    expected = [5, 4, 3, 2, 1, 0]
    steps = [("Vertical", 1), ("Coincident", 0, 1, -1, 1), None, ("Distance", 0, 10), ("Distance", 1, 5)]
    seen = live("get_sketch_diagnostics", object="S")
    assert seen["degrees_of_freedom"] == 5 and seen["solver"] == "solved" and seen["free"]
    for arguments in steps:
        if arguments:
            constrain(sketch, *arguments)
    seen = live("get_sketch_diagnostics", object="S")
    assert seen["degrees_of_freedom"] == 0 and seen["fully_constrained"] and not seen["free"]
    assert expected[-1] == 0 and len(seen["constraints"]) == 6
    assert seen["constraints"][4]["value"] == "10 mm" and seen["constraints"][0]["on"] == ["0.end", "1.start"]


def test_circles_and_arcs_count(live, sketch):
    import FreeCAD
    import Part
    circle = Part.Circle(FreeCAD.Vector(30, 3, 0), FreeCAD.Vector(0, 0, 1), 2)
    sketch.addGeometry(circle)
    sketch.Document.recompute()
    assert live("get_sketch_diagnostics", object="S")["degrees_of_freedom"] == 8
    sketch.addGeometry(Part.ArcOfCircle(circle, 0.5, 2))
    sketch.Document.recompute()
    assert live("get_sketch_diagnostics", object="S")["degrees_of_freedom"] == 13


def test_a_redundant_constraint_is_named(live, sketch):
    constrain(sketch, "Horizontal", 0)
    seen = live("get_sketch_diagnostics", object="S")
    assert seen["solver"] == "redundant constraints" and seen["redundant"] == [2]
    assert seen["state"] == "error" and "redundant" in seen["error"]


def test_open_ends_are_told_and_the_sketch_stays_as_it_is(live, sketch):
    before = (sketch.State, [str(one) for one in sketch.Geometry], sketch.Document.UndoNames,
              sketch.ConstraintCount)
    seen = live("get_sketch_diagnostics", object="S")
    assert sorted(map(sum, seen["open_ends"])) == pytest.approx([0, 15])
    assert seen["closed_wires"] == 0 and seen["geometry"][1]["end"] == [10, 5, 0]
    assert before == (sketch.State, [str(one) for one in sketch.Geometry], sketch.Document.UndoNames,
                      sketch.ConstraintCount)
    listed = live("list_documents")
    assert [doc["name"] for doc in listed["documents"]] == ["D"] and listed["active"] == "D"


def test_a_sketch_with_external_geometry_is_told_as_it_was_solved(live, part):
    live("create_object", type="Sketcher::SketchObject", name="S",
         properties={"Support": [{"object": "Box", "sub": ["Face6"]}], "MapMode": "FlatFace"})
    part.S.addExternal("Box", "Edge10")
    part.recompute()
    seen = live("get_sketch_diagnostics", object="S")
    assert seen["external"] == ["Box.Edge10"] and seen["attached_to"] == ["Box.Face6"]
    assert seen["degrees_of_freedom"] is None and "last recompute" in seen["note"]
    assert "no sketch" in live.no("get_sketch_diagnostics", object="Box")


def test_the_graph_is_in_an_order_of_computing(live, part):
    live("create_object", type="Part::Box", name="Alone")
    graph = live("get_document_graph")
    order = [node["name"] for node in graph["nodes"]]
    assert order.index("Cut") > max(order.index("Box"), order.index("Cyl"))
    assert set(graph["roots"]) == {"Cut", "Alone"} and graph["cycles"] == []
    cut = next(node for node in graph["nodes"] if node["name"] == "Cut")
    assert set(cut["uses"]) == {"Box", "Cyl"}
    around = live("get_document_graph", object="Box")
    assert {node["name"] for node in around["nodes"]} == {"Box", "Cut"}
    down = live("get_document_graph", object="Cut", direction="uses", limit=2)
    assert down["total"] == 3 and down["next_offset"] == 2 and down["roots"] == [], "Cut is on the next page"
