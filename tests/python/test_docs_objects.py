"""Objects of live documents without a window: whole or not at all."""

import pytest


def state(doc):
    """All that a change could spoil."""
    return {item.Name: (item.TypeId, item.State, item.isValid(),
                        getattr(item, "Shape", None) and round(item.Shape.Volume, 6)
                        if not item.Shape.isNull() else None)
            for item in doc.Objects}, doc.UndoNames


def test_a_new_object_has_its_real_name_and_values(live):
    live("create_document", name="D")
    first = live("create_object", type="Part::Box", name="Box", properties={"Length": "2 in"})
    again = live("create_object", type="Part::Box", name="Box", properties={"Label": "Lid"})
    assert first["created"] == ["Box"] and again["created"] == ["Box001"] == [again["object"]["name"]]
    assert again["object"]["label"] == "Lid" and first["recompute"]["ok"]
    assert live("get_object", object="Lid")["object"]["name"] == "Box001"
    assert live("get_object", object="Box")["shape"]["volume"] == pytest.approx(50.8 * 100)
    assert first["undo"] == "Create Box"


def test_a_name_that_freecad_must_change_is_the_label(live):
    live("create_document", name="D")
    made = live("create_object", type="Part::Box", name="Große Platte 1")["object"]
    assert made["label"] == "Große Platte 1" and made["name"].isascii()
    assert live("get_object", object="Große Platte 1")["object"]["name"] == made["name"]


def test_a_recompute_that_fails_creates_nothing(live, part):
    before = state(part)
    words = live.no("create_object", type="Part::Box", properties={"Length": 0})
    assert "as it was before" in words and "Length of box too small" in words
    assert "Linked object" in live.no("create_object", type="Part::Cut", name="C2")
    assert state(part) == before
    kept = live("create_object", type="Part::Cut", name="C2", on_error="keep")
    assert not kept["recompute"]["ok"] and kept["object"]["state"] == "error"


@pytest.mark.parametrize("properties, words", [
    ({"Length": "ten apples"}, "no number with a unit"), ({"Lenght": 5}, "near are: Length"),
    ({"Length": 50, "Width": 0}, "Width of box too small"), ({"Placement": 5}, "position"),
    ({"Length": "5 kg"}, "refused"), ({"Length": {"expression": "Nothing.At.All"}}, "Nothing"),
    ({"Length": None}, "number")])
def test_an_edit_that_fails_leaves_the_document_as_it_was(live, part, properties, words):
    before = state(part)
    assert words in live.no("edit_object", object="Box", properties=properties)
    assert state(part) == before
    assert part.Box.Length.Value == 10 and part.Box.ExpressionEngine == []


def test_an_error_further_down_takes_the_edit_back(live, part):
    fillet = part.addObject("Part::Fillet", "Round")
    fillet.Base = part.Box
    fillet.Edges = [(1, 4.0, 4.0)]
    part.recompute()
    volume = part.Round.Shape.Volume
    words = live.no("edit_object", object="Box", properties={"Length": 3, "Width": 3})
    assert "Round (Part::Fillet)" in words
    assert part.Round.isValid() and part.Round.Shape.Volume == pytest.approx(volume)


def test_an_edit_names_all_that_changed_with_it(live, part):
    edited = live("edit_object", object="Box", properties={"Length": "20 mm", "Label": "Base"})
    assert set(edited["changed"]) == {"Box", "Cut"} and edited["created"] == []
    assert edited["properties"] == {"Length": "20 mm", "Label": "Base"}
    assert edited["undo"] == "Edit Box" and part.Cut.Shape.BoundBox.XLength == pytest.approx(20)


def test_an_object_that_stays_in_error_is_no_success(live, part):
    part.Box.Length = 0
    part.recompute()
    assert "Length" in live.no("edit_object", object="Box", properties={"Width": 5})
    other = live("edit_object", object="Cyl", properties={"Radius": 1})
    assert [item["object"] for item in other["recompute"]["persistent"]] == ["Box"]
    mended = live("edit_object", object="Box", properties={"Length": 5})
    assert mended["recompute"]["resolved"] == ["Box"]


def test_deleting_what_others_need_deletes_nothing(live, part):
    words = live.no("delete_object", objects=["Box"])
    assert "used by Cut" in words and part.getObject("Box") is not None
    assert part.Cut.isValid() and part.Cut.Base is part.Box
    done = live("delete_object", objects=["Cut"], with_children=True)
    assert set(done["removed"]) == {"Cut", "Box", "Cyl"} and part.Objects == []
    assert set(live("undo")["created"]) == {"Cut", "Box", "Cyl"}
    assert part.Cut.Shape.Volume > 0


def test_a_pattern_in_a_body_is_what_the_body_shows(live):
    live("create_document", name="D")
    live("create_object", type="PartDesign::Body", name="Body")
    live("create_object", type="PartDesign::AdditiveBox", name="One", parent="Body")
    live("create_object", type="PartDesign::AdditiveBox", name="Two", parent="Body",
         properties={"Placement": [0, 0, 10]})
    live("create_object", type="PartDesign::LinearPattern", name="Row", parent="Body", properties={
        "Originals": ["Two"], "Direction": {"object": "X_Axis", "sub": [""]}, "Length": 20, "Occurrences": 3})
    body = live("get_object", object="Body")
    assert body["properties"]["Tip"] == "Row" and body["shape"]["volume"] == pytest.approx(4000)
    assert "takes no Part::Box" in live.no("create_object", type="Part::Box", parent="Body")
    assert "with_children" in live.no("delete_object", objects=["Body"])
    assert {"Body", "One", "Two", "Row"} <= set(
        live("delete_object", objects=["Body"], with_children=True, delete_many=True)["removed"])


def test_what_is_deleted_is_not_told_as_changed(live, part):
    done = live("delete_object", objects=["Cut"])
    assert done["removed"] == ["Cut"] and "Cut" not in done["changed"]


def test_what_only_a_deleted_object_used_is_seen_again(live, part):
    part.Box.Visibility = part.Cyl.Visibility = False
    live("create_object", type="Part::Fuse", properties={"Base": "Cut", "Tool": "Cyl"})
    part.Cut.Visibility = False
    live("delete_object", objects=["Fusion" if part.getObject("Fusion") else "Fuse"])
    assert part.Cut.Visibility and not part.Cyl.Visibility, "Cut uses it still"
    live("delete_object", objects=["Cut"])
    assert part.Cyl.Visibility and part.Box.Visibility
    live("undo", steps=2)
    assert not part.Cut.Visibility and not part.Box.Visibility


def test_a_body_goes_on_without_a_deleted_feature(live):
    live("create_document", name="D")
    live("create_object", type="PartDesign::Body", name="Body")
    for name, height in (("One", 10), ("Two", 20), ("Three", 30)):
        live("create_object", type="PartDesign::AdditiveBox", name=name, parent="Body",
             properties={"Height": height})

    def height():
        body = live("get_object", object="Body")
        return body["properties"]["Tip"], body["shape"]["box"]["max"][2]
    assert height() == ("Three", 30)
    live("delete_object", objects=["Three"])
    assert height() == ("Two", 20)
    live("delete_object", objects=["One"])
    assert height() == ("Two", 20)
    live("undo", steps=2)
    assert height() == ("Three", 30)


def test_a_circle_is_refused_and_named(live, part):
    live("create_object", type="App::Part", name="Holder")
    live("create_object", type="App::Link", name="Loop", parent="Holder", properties={"LinkedObject": "Box"})
    words = live.no("edit_object", object="Loop", properties={"LinkedObject": "Holder"})
    assert "in a circle: " in words and "Loop -> Holder" in words and "sclassname" not in words
    assert part.Loop.LinkedObject is part.Box


def test_what_a_moved_part_holds_is_where_it_is_seen(live, part):
    live("create_object", type="App::Part", name="Holder", properties={"Placement": [0, 0, 100]})
    live("create_object", type="App::Link", name="Copy", parent="Holder", properties={
        "LinkedObject": "Box", "Placement": [5, 0, 0]})
    seen = live("inspect_object", object="Copy")["placement_in_document"]
    assert seen["position"] == [5, 0, 100]
    from handlers.live import _placed
    assert _placed(part.Copy).BoundBox.ZMin == pytest.approx(100)
    comment = live("create_spatial_comment", object="Copy", text="here")
    assert comment["comment"]["point"] == [10, 5, 105]


def test_a_drawing_is_made_with_a_template_of_freecad(live, part):
    live("create_object", type="TechDraw::DrawPage", name="Page")
    template = "/usr/share/freecad/Mod/TechDraw/Templates/A4_LandscapeTD.svg"
    live("create_object", type="TechDraw::DrawSVGTemplate", name="Paper", properties={"Template": template})
    live("edit_object", object="Page", properties={"Template": "Paper"})
    live("create_object", type="TechDraw::DrawViewPart", name="View", parent="Page", properties={
        "Source": ["Box"], "Direction": [0, 0, 1]})
    assert live("get_object", object="Page")["properties"]["Views"] == ["View"]
    for path in ("/etc/passwd", "/usr/share/freecad/../../../etc/passwd"):
        assert "root" in live.no("edit_object", object="Paper", properties={"Template": path})


def test_an_object_without_its_shape_has_no_numbers_of_one(live, part):
    whole = live("get_object", object="Box")
    assert whole["shape"]["volume"] and "Shape" not in whole["properties"], "told once"
    assert "shape" not in live("get_object", object="Box", shape=False)
    assert "Shape" not in live("inspect_object", object="Box", shape=False)["properties"]
    assert live("get_object", object="Box", properties=["Shape"], shape=False)["properties"]["Shape"]["volume"]


def test_a_step_is_of_its_document_alone_whichever_is_active(live, part):
    live("create_document", name="Other")
    live("edit_object", object="Box", properties={"Length": 12}, document=part.Name)
    listed = {one["name"]: one for one in live("list_documents")["documents"]}
    assert listed["Other"]["undo"] == [] and listed["Other"]["active"]
    assert listed[part.Name]["undo"][0] == "Edit Box"


def test_deleting_many_is_asked_first(live):
    live("create_document", name="D")
    names = [live("create_object", type="Part::Sphere")["object"]["name"] for _ in range(11)]
    assert "delete_many" in live.no("delete_object", objects=names)
    assert len(live("delete_object", objects=names, delete_many=True)["removed"]) == 11


def test_objects_come_in_pages_and_filtered(live, part):
    page = live("get_objects", limit=2, properties=["Length", "Radius"])
    assert page["total"] == 3 and page["next_offset"] == 2
    assert page["objects"][0]["properties"] == {"Length": "10 mm"}
    rest = live("get_objects", offset=2)
    assert [item["name"] for item in rest["objects"]] == ["Cut"] and rest["next_offset"] is None
    names = lambda **filters: [item["name"] for item in live("get_objects", **filters)["objects"]]
    assert names(type="Part::Box") == ["Box"] and names(type="Part::Primitive") == ["Box", "Cyl"]
    assert names(name="C*") == ["Cyl", "Cut"] and names(state="error") == []
    live("create_object", type="App::Part", name="Group")
    live("create_object", type="Part::Cone", name="Cone", parent="Group")
    assert "Cone" in names(inside="Group") and "Box" not in names(inside="Group")
    assert "holds no objects" in live.no("get_objects", inside="Box")


def test_a_page_is_never_too_long_to_be_shown(live):
    import FreeCAD
    live("create_document", name="D")
    doc = FreeCAD.ActiveDocument
    for _ in range(30):
        doc.addObject("App::FeaturePython", "P").addProperty("App::PropertyString", "Note")
    for item in doc.Objects:
        item.Note = "x" * 4000
    seen, offset = [], 0
    while offset is not None:
        outcome = live.outcome("get_objects", {"properties": ["Note"], "offset": offset})
        assert len(outcome.last["result"]) < 64 * 1024
        seen += [item["name"] for item in outcome.result["objects"]]
        offset = outcome.result["next_offset"]
    assert len(seen) == 30 == len(set(seen))


def test_inspect_tells_types_choices_and_places(live, part):
    live("create_object", type="App::Part", name="Group")
    live("create_object", type="Part::Cone", name="Cone", parent="Group",
         properties={"Height": {"expression": "Box.Length * 2"}})
    seen = live("inspect_object", object="Cone")
    assert seen["properties"]["Height"]["expression"] == "Box.Length * 2"
    assert seen["properties"]["Height"]["value"] == "20 mm" and seen["parents"] == ["Group"]
    assert "Box" in seen["uses"] and live("inspect_object", object="Box")["used_by"].count("Cone") == 1
    assert "choices" in live("inspect_object", object="Cone")["properties"]["MapMode"]
    assert "Cone" in live("inspect_object", object="Group")["children"]


def test_a_fillet_has_its_edges_as_they_are_read(live, part):
    made = live("create_object", type="Part::Fillet", name="Round", properties={
        "Base": "Box", "Edges": [["Edge1", 1], [3, 1, 2]]})
    read = live("get_object", object="Round")["properties"]["Edges"]
    assert read == [[1, 1.0, 1.0], [3, 1.0, 2.0]] and made["recompute"]["ok"]
    assert live("edit_object", object="Round", properties={"Edges": read[:1]})["properties"]["Edges"] == read[:1]
    assert "[edge, radius]" in live.no("edit_object", object="Round", properties={"Edges": [1]})


def test_an_unknown_type_says_what_is_near(live, part):
    for wrong in ("part::box", "Part::Boxx", "Shape::Box"):
        assert "Part::Box" in live.no("create_object", type=wrong)
    assert "Part::Box" in live.no("create_object", type="Sketcher::Box")
    assert "no module" in live.no("create_object", type="Nonsense::Box")


def test_an_open_transaction_of_somebody_is_left_alone(live, part):
    part.openTransaction("mine")
    part.Box.Length = 12
    assert "open transaction" in live.no("edit_object", object="Box", properties={"Length": 5})
    part.commitTransaction()
    assert part.Box.Length.Value == 12 and part.UndoNames[0] == "mine"


def test_a_body_holds_its_features(live):
    live("create_document", name="D")
    live("create_object", type="PartDesign::Body", name="Body")
    live("create_object", type="PartDesign::AdditiveBox", name="Block", parent="Body",
         properties={"Length": 30})
    drilled = live("create_object", type="PartDesign::SubtractiveCylinder", name="Drill", parent="Body",
                   properties={"Radius": 2})
    assert set(drilled["changed"]) >= {"Body"} and drilled["recompute"]["ok"]
    body = live("get_object", object="Body")
    assert body["shape"]["volume"] == pytest.approx(3000 - 10 * 3.14159265)      # a corner
    assert live("get_objects", inside="Body")["total"] >= 2
    assert live("inspect_object", object="Drill")["parents"] == ["Body"]


def test_objects_that_python_makes_are_created_too(live):
    live("create_document", name="D")
    live("create_object", type="Fem::FemAnalysis", name="Analysis")
    made = live("create_object", type="Fem::MaterialSolid", name="Steel", parent="Analysis")
    assert made["created"] == ["Steel"]
    assert live("inspect_object", object="Analysis")["children"] == ["Steel"]
    live("create_object", type="Fem::SolverCalculixCcxTools", parent="Analysis")
    wire = live("create_object", type="Draft::Wire", name="Path", properties={
        "Points": [[0, 0, 0], [30, 0, 0], [30, 40, 0]], "Closed": False})
    assert wire["object"]["label"] == "Path"
    assert live("get_object", object="Path")["shape"]["length"] == pytest.approx(70)
    circle = live("create_object", type="Draft::Circle", properties={"Radius": 7})
    assert circle["recompute"]["ok"] and live("undo")["removed"] == circle["created"]
    assert "Draft::Wire" in live.no("create_object", type="Draft::Nonsense")
    assert live("get_objects")["total"] == 4


def test_no_document_tool_imports_the_window(live):
    import inspect
    from conftest import TOOLS
    from fcj.tool import registry
    ours = [tool for tool in registry().values() if tool.entry["needs"] == "document"]
    assert len(ours) > 25
    assert not [tool.name for tool in ours if "import FreeCADGui" in inspect.getsource(tool.function)]
    assert {file.name for file in (TOOLS / "fcj_docs").glob("*.py")
            if "import FreeCADGui" in file.read_text()} == {"window.py", "picture.py"}
