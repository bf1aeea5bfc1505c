"""Code, macros and library parts against live documents, without a window."""

import os

import pytest


@pytest.fixture
def macros(tmp_path):
    """FreeCAD's directory of macros."""
    import FreeCAD
    where = FreeCAD.ParamGet("User parameter:BaseApp/Preferences/Macro")
    before = where.GetString("MacroPath", "")
    (tmp_path / "macros").mkdir()
    where.SetString("MacroPath", str(tmp_path / "macros"))
    yield tmp_path / "macros"
    where.SetString("MacroPath", before) if before else where.RemString("MacroPath")


@pytest.fixture
def library(tmp_path, live):
    """A parts library with a saved part and a STEP file."""
    import FreeCAD
    import Part
    top = tmp_path / "library"
    (top / "Fasteners" / "Screws").mkdir(parents=True)
    (top / ".git").mkdir()
    doc = FreeCAD.newDocument("Screw")
    shaft = doc.addObject("Part::Cylinder", "Shaft")
    head = doc.addObject("Part::Box", "Head")
    both = doc.addObject("Part::Fuse", "Screw")
    both.Base, both.Tool = shaft, head
    doc.recompute()
    doc.saveAs(str(top / "Fasteners" / "Screws" / "M6.FCStd"))
    FreeCAD.closeDocument(doc.Name)
    Part.makeBox(1, 2, 3).exportStep(str(top / "Block.step"))
    (top / ".git" / "x.step").write_text("no")
    (top / "readme.txt").write_text("no")
    live.parts = str(top)
    return top


def failed(live, code, **more):
    outcome = live.outcome("execute_code", {"code": code, **more})
    assert outcome.state == "failed", outcome.result
    return outcome.error


def test_code_sees_the_document_and_gives_its_value(live, part):
    done = live("execute_code", code="print('hi', doc.Name)\nb = doc.addObject('Part::Box', 'New')\n"
                                     "b.Length = 5\n(b.Name, App is FreeCAD, Gui, len(jobs.ids))")
    assert done["result"] == ["New", True, None, 0] and done["stdout"] == "hi Part\n"
    assert done["changes"]["created"] == ["New"] and done["changes"]["undo"] == "Run code"
    assert part.New.Shape.Volume == pytest.approx(500)
    assert live("undo")["removed"] == ["New"]


def test_code_that_raises_leaves_no_trace_in_the_documents(live, part):
    error = failed(live, "print('before')\ndoc.Box.Length = 99\ndoc.removeObject('Cut')\n"
                         "App.newDocument('Left')\nimport sys\nprint('oops', file=sys.stderr)\n1 / 0")
    assert error["type"] == "ZeroDivisionError" and error["line"] == 7 and "1 / 0" in error["snippet"]
    assert "line 7" in error["traceback"] and error["stdout"] == "before\n" and error["stderr"] == "oops\n"
    assert part.Box.Length.Value == 10 and part.Cut.isValid() and part.Cut.Shape.Volume > 900
    assert [doc["name"] for doc in live("list_documents")["documents"]] == ["Part"]
    assert all(item.State == ["Up-to-date"] for item in part.Objects)


OWN_STEPS = ("doc.Box.Height = 3\ndoc.openTransaction('mine')\ndoc.Box.Length = 99\n"
             "doc.commitTransaction()\ndoc.Box.Width = 98\nnew = doc.addObject('Part::Box', 'New')\n"
             "doc.openTransaction('other')\ndoc.removeObject('Cut')\ndoc.commitTransaction()\n"
             "doc.removeObject('Cyl')\ndoc.openTransaction('third')\nnew.Length = 4\ndoc.abortTransaction()\n")


def test_code_that_commits_steps_of_its_own_is_taken_back_too(live, part):
    def now():
        return (part.Box.Length.Value, part.Box.Width.Value, part.Box.Height.Value,
                sorted(item.Name for item in part.Objects), part.UndoNames, part.Cut.Shape.Volume)
    before = now()
    assert failed(live, OWN_STEPS + "1/0")
    assert now() == before and part.RedoNames == []
    assert "as it was before" in failed(live, OWN_STEPS + "doc.Box.Length = 0")["message"]
    assert now() == before and part.Cut.isValid()
    made = live("execute_code", code=OWN_STEPS)["changes"]
    assert made["created"] == ["New"] and set(made["removed"]) == {"Cut", "Cyl"}
    assert part.New.Length.Value == 10, "aborted by the code itself"
    live("undo", steps=made["undo_steps"])
    assert now()[:-2] == before[:-2] and part.Cut.isValid()


def test_a_step_is_told_when_there_is_room_for_no_more(live, part):
    for length in range(10, 35):
        assert live("edit_object", object="Box", properties={"Length": length + 1})["undo"] == "Edit Box"


def test_code_that_breaks_a_recompute_is_no_success(live, part):
    error = failed(live, "doc.Box.Length = 0\nprint('done')")
    assert "Box (Part::Box)" in error["message"] and error["stdout"] == "done\n"
    assert part.Box.Length.Value == 10 and part.Cut.isValid()


def test_without_a_transaction_all_stays_as_the_code_leaves_it(live, part):
    steps = part.UndoCount
    done = live("execute_code", code="doc.Box.Length = 0", transaction=False)
    assert done["changes"]["changed"] == ["Box"] and done["changes"]["undo"] is None
    assert part.Box.Length.Value == 0 and part.UndoCount == steps
    assert failed(live, "doc.Box.Length = 3\nraise KeyError('x')", transaction=False)["type"] == "KeyError"
    assert part.Box.Length.Value == 3


@pytest.mark.parametrize("code, type_name", [("sys.exit(3)", "NameError"), ("raise SystemExit(3)", "SystemExit"),
                                             ("def f(:\n", "SyntaxError"), ("raise MemoryError()", "MemoryError"),
                                             ("doc.Nothing.Length = 5", "AttributeError")])
def test_every_end_of_the_code_is_an_answer(live, part, code, type_name):
    assert failed(live, code)["type"] == type_name
    assert not part.HasPendingTransaction
    assert live("execute_code", code="1 + 1")["result"] == 2


def test_code_without_a_document_may_make_one(live):
    done = live("execute_code", code="d = App.newDocument('Fresh')\nd.addObject('Part::Box', 'B')\nd.Name")
    assert done["result"] == "Fresh" and done["changes"] is None
    assert live("list_documents")["active"] == "Fresh"


def test_a_document_that_code_closed_before_it_raised_is_named(live, part):
    name = part.Name
    assert f"had closed {name}" in failed(live, "App.closeDocument(doc.Name)\n1/0")["message"]


def test_a_first_document_goes_with_the_code_that_raises(live):
    assert failed(live, "App.newDocument('First')\n1/0")
    assert live("list_documents")["documents"] == []
    assert failed(live, "App.newDocument('First')\n1/0", transaction=False)
    assert [one["name"] for one in live("list_documents")["documents"]] == ["First"]


def test_code_may_close_its_own_document(live, part):
    done = live("execute_code", code="App.closeDocument(doc.Name)")
    assert done["changes"]["undo"] is None and live("list_documents")["documents"] == []


def test_a_change_of_another_document_is_told_and_taken_back_too(live, part):
    live("create_document", name="Other")
    live("create_object", type="Part::Box", name="Far")
    done = live("execute_code", document="Part", code="App.getDocument('Other').Far.Length = 55")
    assert "Other#Far" in done["changes"]["changed"]
    assert failed(live, "App.getDocument('Other').Far.Length = 66\n1/0", document="Part")
    assert live("get_object", document="Other", object="Far")["properties"]["Length"] == "55 mm"


def test_much_output_is_cut_with_a_word(live, part):
    done = live("execute_code", code="print('x' * 100000)\nprint('end')")
    assert done["stdout"].endswith("end\n") and len(done["stdout"]) < 20000
    assert "get_job_output has all" in done["stdout"]


def test_shapes_and_objects_come_back_in_numbers(live, part):
    outcome = live.outcome("execute_code", {"code": "doc.Cut"})
    assert outcome.result["result"]["name"] == "Cut" and outcome.artifacts == ["result.brep"]


def test_a_picture_needs_a_window_and_nothing_is_done_without(live, part):
    error = failed(live, "doc.Box.Length = 5", screenshot=True)
    assert "without a window" in error["message"] and part.Box.Length.Value == 10
    for tool, arguments in (("get_view", {}), ("get_selection", {}), ("set_selection", {"objects": []}),
                            ("get_console_output", {})):
        assert "GUI worker" in live.no(tool, **arguments)


def test_results_of_jobs_are_read_when_they_were_given(live, part, blob):
    from conftest import OTHER, box
    refs = {OTHER: {"state": "completed", "artifacts": '[{"name": "result.brep", "hash": "h"}]'}}
    fd = blob(box(2, 2, 2).exportBrepToString().encode())
    outcome = live.outcome("execute_code", {"code": f"jobs.result('{OTHER}').Volume"}, refs=refs,
                           blobs={"h": fd})
    assert outcome.result["result"] == pytest.approx(8)
    assert "depends_on" in failed(live, f"jobs.result('{OTHER}')")["message"]


def test_the_macros_of_whoever_runs_the_service_are_there(live, macros, tmp_path, monkeypatch):
    import pwd
    own = tmp_path / ".local/share/FreeCAD/Macro"
    own.mkdir(parents=True)
    (own / "Mine.FCMacro").write_text("1")
    monkeypatch.setattr(pwd, "getpwuid", lambda _: type("", (), {"pw_dir": str(tmp_path)}))
    assert "Mine.FCMacro" in [one["name"] for one in live("list_macros")["macros"]]


def test_a_macro_runs_as_one_step_with_its_arguments(live, part, macros):
    (macros / "Make.FCMacro").write_text("# -*- coding: utf-8 -*-\n# Makes a box.\n"
                                         "FreeCAD.ActiveDocument.addObject('Part::Box', 'M').Length = size\n"
                                         "print(__file__)\n")
    (macros / "bad.py").write_text("FreeCAD.ActiveDocument.Box.Length = 5\nraise ValueError('no')\n")
    os.symlink("/etc/passwd", macros / "link.FCMacro")
    listed = {one["name"]: one for one in live("list_macros")["macros"]}
    assert listed["Make.FCMacro"]["about"] == "Makes a box." and "link.FCMacro" not in listed
    done = live("run_macro", macro="Make", arguments={"size": 42})
    assert done["changes"]["created"] == ["M"] and done["changes"]["undo"] == "Macro Make.FCMacro"
    assert done["stdout"] == f"{macros}/Make.FCMacro\n" and part.M.Length.Value == 42
    assert "no" == live.no("run_macro", macro="bad") and part.Box.Length.Value == 10
    for name in ("../Make", "link", "Make/../bad", "/etc/passwd"):
        assert "no macro" in live.no("run_macro", macro=name)
    assert "no name" in live.no("run_macro", macro="Make", arguments={"a b": 1})


def test_the_library_is_listed_and_searched(live, library):
    all_parts = live("get_parts_list")
    assert [one["path"] for one in all_parts["parts"]] == ["Block.step", "Fasteners/Screws/M6.FCStd"]
    assert all_parts["categories"] == {"": 1, "Fasteners": 1} and all_parts["root"] == str(library)
    assert live("get_parts_list", search="m6 SCREW")["total"] == 1
    assert live("get_parts_list", category="Fasteners")["total"] == 1
    assert live("get_parts_list", category="Fast")["total"] == 0


def test_a_part_is_inserted_whole_placed_and_undone(live, part, library):
    done = live("insert_part_from_library", path="Fasteners/Screws/M6.FCStd",
                placement={"position": [100, 0, 0]}, label="My screw")
    assert len(done["created"]) == 3 and len(done["objects"]) == 1
    top = part.getObject(done["objects"][0])
    assert top.Label == "My screw" and top.Shape.BoundBox.XMin > 80
    assert part.Cut.isValid() and part.Box.Length.Value == 10
    assert len(live("undo")["removed"]) == 3
    step = live("insert_part_from_library", path="Block.step")
    assert part.getObject(step["objects"][0]).Shape.Volume == pytest.approx(6)


@pytest.mark.parametrize("path", ["../secret.step", "/etc/passwd", "out/x.step", "gone.step", "readme.txt"])
def test_nothing_outside_of_the_library_is_inserted(live, part, library, tmp_path, path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "x.step").write_text("x")
    (tmp_path / "secret.step").write_text("x")
    os.symlink(tmp_path / "outside", library / "out")
    before = [item.Name for item in part.Objects]
    assert live.no("insert_part_from_library", path=path)
    assert [item.Name for item in part.Objects] == before


def test_a_broken_part_leaves_the_document_as_it_was(live, part, library):
    (library / "broken.FCStd").write_bytes(b"PK\3\4 nothing")
    (library / "broken.step").write_text("ISO-10303-21; nonsense")
    before = [item.Name for item in part.Objects]
    for path in ("broken.FCStd", "broken.step"):
        assert "broken" in live.no("insert_part_from_library", path=path)
        assert [item.Name for item in part.Objects] == before


def test_without_a_library_the_error_says_how_to_get_one(live, part):
    live.parts = "/nowhere"
    assert "parts-library" in live.no("get_parts_list")
