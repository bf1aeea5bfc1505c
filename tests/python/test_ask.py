"""job.ask and job.confirm, without a supervisor: the channel answers."""

import json

import pytest

FORM = {"type": "object", "required": ["side"], "properties": {
    "side": {"type": "string", "oneOf": [{"const": "top", "title": "Top"}, {"const": "bottom"}]},
    "faces": {"type": "array", "items": {"enum": ["a", "b"]}},
    "depth": {"type": "number", "minimum": 0, "default": 2}}}
ASK = f"a = job.ask('Which side?', {FORM!r})\n[a.action, a.content]"


def questions(outcome):
    return [message for message in outcome.sent if message["type"] == "ask"]


def test_a_question_carries_its_form_and_gives_the_answer(code):
    outcome = code(ASK, answers=[("accept", {"side": "top", "faces": ["a"]})])
    assert outcome.result == ["accept", {"side": "top", "faces": ["a"]}]
    asked, = questions(outcome)
    assert (asked["ask"], asked["message"]) == (1, "Which side?")
    shown = json.loads(asked["schema"])
    assert shown["properties"]["side"]["oneOf"][1] == {"const": "bottom", "title": "bottom"}
    assert shown["properties"]["faces"]["items"] == {"type": "string", "enum": ["a", "b"]}
    assert set(shown["properties"]) == set(FORM["properties"]) and shown["required"] == ["side"]


@pytest.mark.parametrize("action", ["decline", "cancel", "nonsense"])
def test_anything_but_a_yes_has_no_content(code, action):
    outcome = code(ASK, answers=[(action, {"side": "top"})])
    assert outcome.result == ["cancel" if action == "nonsense" else action, {}]


def test_an_answer_that_does_not_fit_is_asked_for_again(code):
    outcome = code(ASK, answers=[("accept", {"side": "left"}), ("accept", {}),
                                 ("accept", {"side": "top", "depth": -1}),
                                 ("accept", {"side": "bottom", "faces": ["c"]}),
                                 ("accept", None), ("accept", {"side": "bottom"})])
    assert outcome.result == ["accept", {"side": "bottom"}]
    assert [one["ask"] for one in questions(outcome)] == [1, 2, 3, 4, 5, 6]
    assert "'left'" in questions(outcome)[1]["message"]


def test_there_is_an_end_to_asking(code):
    outcome = code("for n in range(40): job.ask('more?')", answers=[("decline", None)] * 40)
    assert len(questions(outcome)) == 32 and "at most 32" in outcome.error["message"]


@pytest.mark.parametrize("form, word", [
    ("[]", "object"), ("{'type': 'object', 'properties': {'a': {'type': 'object'}}}", "flat"),
    ("{'type': 'object', 'properties': {'a': {'type': 'string', '$ref': '#'}}}", "$ref"),
    ("{'type': 'object', 'properties': {}, 'required': ['a']}", "required"),
    ("{'type': 'object', 'properties': {'a': {'type': 'string', 'format': 'password'}}}", "secrets"),
    ("{'type': 'object', 'properties': {'a': {'type': 'array', 'items': {'enum': [1]}}}}", "flat"),
    ("{'type': 'object', 'properties': {'a': {'type': 'integer', 'enum': [1, 2]}}}", "choices"),
    ("{'type': 'object', 'properties': {'a': {'type': 'string', 'oneOf': [{'const': 5}]}}}", "title"),
    ("{'type': 'object', 'properties': {'a': {'type': 'boolean', 'default': 1}}}", "default"),
    ("{'type': 'object', 'description': 'x' * 9000}", "8192")])
def test_a_form_that_clients_cannot_show_is_refused(code, form, word):
    outcome = code(f"job.ask('?', {form})")
    assert outcome.state == "failed" and word in outcome.error["message"]
    assert not questions(outcome)


def test_a_question_has_words_and_a_bound(code):
    for text in ("''", "'x' * 600"):
        assert "512" in code(f"job.ask({text})").error["message"]


def test_confirm_goes_on_with_a_yes_only(code):
    text = "job.confirm('Replace it?', 'replace')\n'done'"
    assert code(text, can_ask=True, answers=[("accept", {})]).result == "done"
    for outcome in (code(text, can_ask=True, answers=[("decline", None)]), code(text)):
        assert outcome.state == "failed" and "replace=true" in outcome.error["message"]
