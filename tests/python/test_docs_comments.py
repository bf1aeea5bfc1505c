"""Comments at places of a model, without a window."""

import pytest


def test_a_comment_is_kept_with_its_place_and_with_the_document(live, part):
    made = live("create_spatial_comment", text="Too thin\nplease check", object="Box", sub="Face6")
    assert made["comment"]["point"] == [5, 5, 10] and made["comment"]["state"] == "open"
    assert made["created"] == [made["comment"]["name"]] and made["undo"] == "Comment"
    live("create_spatial_comment", text="Here", point=[1, 2, 3], author="Ann")
    live("save_document", path="c.FCStd")
    live("close_document")
    live("open_document", path="c.FCStd")
    both = live("list_spatial_comments")["comments"]
    assert [one["text"] for one in both] == ["Too thin\nplease check", "Here"]
    assert both[0]["object"] == "Box" and both[0]["sub"] == "Face6" and both[1]["author"] == "Ann"
    assert [one["text"] for one in live("list_spatial_comments", object="Box")["comments"]] == [both[0]["text"]]


def test_a_comment_is_proposed_resolved_opened_again_and_deleted(live, part):
    name = live("create_spatial_comment", text="Round it", object="Box")["comment"]["name"]
    said = live("propose_spatial_comment_resolution", comment=name, resolution="Fillet of 2 mm")["comment"]
    assert said["state"] == "proposed" and said["resolution"] == "Fillet of 2 mm"
    assert live("list_spatial_comments", state="open")["comments"] == []
    live("edit_object", object=name, properties={"CommentState": "open"})
    assert len(live("list_spatial_comments", state="open")["comments"]) == 1
    live("propose_spatial_comment_resolution", comment=name, resolution="Done", final=True)
    assert live("list_spatial_comments")["comments"][0]["state"] == "resolved"
    assert live("delete_spatial_comment", comment=name)["removed"] == [name]
    assert live("undo")["created"] == [name]


def test_a_comment_outlives_what_it_is_about(live, part):
    live("create_spatial_comment", text="x", object="Box", sub="Face6")
    live("delete_object", objects=["Cut", "Box"])
    (one,) = live("list_spatial_comments")["comments"]
    assert one["point"] == [5, 5, 10] and "object" not in one


@pytest.mark.parametrize("arguments, words", [
    ({}, "say where"), ({"sub": "Face1"}, "sub needs"), ({"object": "Box", "sub": "Face99"}, "no part"),
    ({"object": "Nobody"}, "no object")])
def test_a_comment_without_a_place_is_refused(live, part, arguments, words):
    assert words in live.no("create_spatial_comment", text="x", **arguments)
    assert "no comment" in live.no("delete_spatial_comment", comment="Box")
