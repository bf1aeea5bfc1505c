"""Tools of live documents without a window: files, closing, undo."""

import os

import pytest


def test_a_document_is_created_listed_and_active(live):
    made = live("create_document", name="My part", label="My part")
    assert made["document"]["name"] == "My_part" and made["document"]["label"] == "My part"
    listed = live("list_documents")
    assert listed["active"] == "My_part" and len(listed["documents"]) == 1
    assert live("get_active_document")["document"]["objects"] == 0


def test_a_second_of_the_same_name_tells_its_real_one(live):
    live("create_document", name="A")
    assert live("create_document", name="A")["document"]["name"] == "A1"
    assert live("activate_document", document="A")["active"]
    assert live("list_documents")["active"] == "A"


def test_without_a_document_the_error_says_what_to_do(live):
    assert "create_document" in live.no("get_objects")
    assert "create_document" in live.no("get_active_document")
    live("create_document", name="Wheel")
    assert "open are: Wheel" in live.no("get_objects", document="Weel")


def test_what_is_saved_is_opened_again(live, part):
    saved = live("save_document", path="sub.FCStd")
    assert saved["file"] == str(live.root / "sub.FCStd") and saved["size"] > 1000
    assert not live("list_documents")["documents"][0]["modified"]
    assert not live("close_document")["lost_changes"]
    opened = live("open_document", path="sub.FCStd")
    assert {item["name"] for item in opened["objects"]} == {"Box", "Cyl", "Cut"}
    assert not opened["document"]["modified"] and opened["errors"] == []
    assert live("open_document", path=str(live.root / "sub.FCStd"))["already_open"]


def test_unsaved_changes_are_not_closed_without_a_word(live, part):
    words = live.no("close_document")
    assert "discard_changes" in words and "save_document" in words
    assert live("close_document", discard_changes=True)["lost_changes"]
    assert live("list_documents")["documents"] == []


def test_reload_takes_the_file_and_asks_before_it_loses_changes(live, part):
    live("save_document", path="a.FCStd")
    live("edit_object", object="Box", properties={"Length": 77})
    assert "discard_changes" in live.no("reload_document")
    live("reload_document", discard_changes=True)
    assert live("get_object", object="Box")["properties"]["Length"] == "10 mm"


def test_another_file_is_not_overwritten_without_a_word(live, part):
    (live.root / "b.FCStd").write_text("precious")
    assert "overwrite" in live.no("save_document", path="b.FCStd")
    assert (live.root / "b.FCStd").read_text() == "precious"
    live("save_document", path="b.FCStd", overwrite=True)
    live("save_document")                    # its own file now: nothing to ask
    assert (live.root / "b.FCStd").stat().st_size > 1000


def test_the_file_of_another_open_document_is_not_taken(live, part):
    live("save_document", path="b.FCStd")
    live("create_document", name="Other")
    assert f"{part.Name} is open from it" in live.no("save_document", document="Other", path="b.FCStd",
                                                     overwrite=True)


@pytest.mark.parametrize("path", ["../x.FCStd", "/etc/x.FCStd", "link/x.FCStd", "no/where.FCStd",
                                  "linked.FCStd", "dir.FCStd"])
def test_files_are_written_below_writable_roots_only(live, part, tmp_path, path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "there.FCStd").write_text("precious")
    os.symlink(outside, live.root / "link")
    os.symlink(outside / "there.FCStd", live.root / "linked.FCStd")
    (live.root / "dir.FCStd").mkdir()
    assert live.no("save_document", path=path, overwrite=True)
    assert (outside / "there.FCStd").read_text() == "precious"
    assert [entry.name for entry in outside.iterdir()] == ["there.FCStd"]


def test_a_root_that_is_not_writable_stays_as_it_is(live, part, run):
    outcome = run("save_document", {"path": "x.FCStd"}, roots=[live.root])
    assert outcome.reason == "invalid" and "roots-write" in outcome.error["message"]
    assert list(live.root.iterdir()) == []


@pytest.mark.parametrize("path", ["gone.FCStd", "../a.FCStd", "/etc/passwd", "link.FCStd", "a.step"])
def test_files_are_opened_below_roots_only(live, tmp_path, path):
    (live.root / "a.step").write_text("ISO")
    (tmp_path / "a.FCStd").write_text("x")
    os.symlink(tmp_path / "a.FCStd", live.root / "link.FCStd")
    assert live.no("open_document", path=path)
    assert live("list_documents")["documents"] == []


def test_a_broken_file_opens_nothing(live):
    (live.root / "broken.FCStd").write_bytes(b"PK\3\4 no zip at all")
    assert "broken.FCStd" in live.no("open_document", path="broken.FCStd")
    assert live("list_documents")["documents"] == []


def test_recompute_tells_new_mended_and_lasting_errors(live, part):
    part.Box.Length = 0
    part.recompute()
    part.Cyl.Radius = 0
    first = live("recompute_document")["recompute"]
    assert not first["ok"] and [item["object"] for item in first["new_errors"]] == ["Cyl"]
    assert [item["object"] for item in first["persistent"]] == ["Box"]
    part.Cyl.Radius = 1
    second = live("recompute_document")
    assert second["recompute"]["ok"] and second["recompute"]["resolved"] == ["Cyl"]
    assert second["valid"] == 2
    assert "Length" in first["persistent"][0]["message"].title()


def test_a_forced_recompute_rebuilds_all(live, part):
    done = live("recompute_document", force=True)
    assert set(done["changed"]) >= {"Box", "Cyl", "Cut"} and done["recompute"]["ok"]


def test_undo_and_redo_name_the_steps_and_what_they_did(live, part):
    live("edit_object", object="Box", properties={"Length": 33})
    back = live("undo")
    assert back["steps"] == ["Edit Box"] and "Box" in back["changed"] and back["redo"] == ["Edit Box"]
    assert live("get_object", object="Box")["properties"]["Length"] == "10 mm"
    assert part.Cut.Shape.BoundBox.XLength == pytest.approx(10)
    assert live("redo")["steps"] == ["Edit Box"]
    assert part.Cut.Shape.BoundBox.XLength == pytest.approx(33)
    gone = live("undo", steps=2)
    assert gone["removed"] == ["Cut"] and part.getObject("Cut") is None
    assert "1 step" in live.no("undo", steps=50) or "steps to undo" in live.no("undo", steps=50)


def test_who_saves_by_another_way_has_nothing_to_lose_either(live, part):
    live("list_documents")
    part.saveAs(str(live.root / "by_hand.FCStd"))
    assert not live("list_documents")["documents"][0]["modified"]
    part.Box.Length = 11
    assert live("list_documents")["documents"][0]["modified"]
    part.save()
    assert not live("close_document")["lost_changes"]


def test_an_empty_document_is_closed_without_asking(live):
    live("create_document", name="Empty")
    assert not live("close_document")["lost_changes"]


def test_a_document_that_was_open_before_we_looked_counts_as_modified(live, part):
    from fcj_docs import modified
    part.saveAs(str(live.root / "a.FCStd"))
    modified._clean.clear()
    assert "discard_changes" in live.no("close_document")
