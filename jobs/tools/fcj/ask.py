"""What a running job asks its user, and the answer (broker/PROTOCOL.md "Asking").

A question is a sentence and a flat form: an object schema as in MCP
elicitation, whose properties are texts, numbers, booleans and choices. One
question at a time; the answer is checked against the form, and one that does
not fit is asked for again, saying why.
"""

import dataclasses
import json
import re
import threading
from typing import Any, Callable

from . import schema, values
from .errors import Invalid
from .limits import ASK_SCHEMA_MAX, ASKS_MAX, TEXT_MAX

PLAIN = ("string", "number", "integer", "boolean")
KEYWORDS = {"type", "title", "description", "default", "enum", "enumNames", "oneOf", "format",
            "minLength", "maxLength", "pattern", "minimum", "maximum", "items", "minItems",
            "maxItems"}
FORMATS = ("email", "uri", "date", "date-time")
DEFAULTS = {"string": (str,), "number": (int, float), "integer": (int,), "boolean": (bool,)}
FIELDS_MAX = 32


@dataclasses.dataclass(frozen=True)
class Answer:
    """What the user did: action is accept, decline or cancel (also: nobody
    answered); content the filled-in form, empty but for accept."""

    action: str
    content: dict[str, Any]


class Asker:
    """The questions of one job, one after the other."""

    def __init__(self, send: Callable[[dict], None],
                 receive: Callable[[], dict] | None) -> None:
        self._send, self._receive = send, receive
        self._lock = threading.Lock()
        self._asked = 0

    def ask(self, message: str, form: dict[str, Any] | None = None) -> Answer:
        """Asks until there is an answer that fits the form."""
        form = {"type": "object", "properties": {}} if form is None else completed(form)
        check_form(form)
        text = values.text(str(message))
        if not text.strip() or len(text.encode()) > TEXT_MAX:
            raise Invalid(f"a question has 1 to {TEXT_MAX} bytes of text")
        with self._lock:
            problem = ""
            while True:
                answer = self._once(_clip(text, problem), form)
                if answer.action != "accept":
                    return answer
                try:
                    return Answer("accept", schema.check(answer.content, _plain(form), "content"))
                except Invalid as error:
                    problem = str(error)

    def _once(self, text: str, form: dict[str, Any]) -> Answer:
        if self._receive is None:
            return Answer("cancel", {})
        if self._asked >= ASKS_MAX:
            raise Invalid(f"a job asks at most {ASKS_MAX} times; take more in one form")
        self._asked += 1
        self._send({"type": "ask", "ask": self._asked, "message": text,
                    "schema": json.dumps(form, separators=(",", ":"))})
        while True:
            got = self._receive()
            if got.get("type") == "answer" and got.get("ask") == self._asked:
                return _answer(got)


def _answer(got: dict[str, Any]) -> Answer:
    action = got.get("action")
    if action not in ("accept", "decline"):
        return Answer("cancel", {})
    try:
        content = json.loads(got.get("content") or "{}") if action == "accept" else {}
    except (ValueError, RecursionError):
        content = None
    return Answer(action, content if isinstance(content, dict) else {})


def _clip(text: str, problem: str) -> str:
    """The question, after an answer that did not fit: with the reason."""
    if not problem:
        return text
    whole = f"{text} (That answer does not fit: {problem}.)".encode()
    return whole[:TEXT_MAX].decode(errors="ignore")


def combined(questions: dict[str, tuple[str, dict[str, Any]]]) -> tuple[str, dict[str, Any]]:
    """One question with the fields of all; ``x-fcj-questions`` says which are whose."""
    fields: dict[str, Any] = {}
    parts = []
    for key, (text, own) in questions.items():
        if not re.fullmatch(r"[A-Za-z0-9_]{1,32}", key) or not own or set(own) & set(fields):
            raise Invalid("each question has a key of letters, digits and _ and fields of its own")
        fields.update(own)
        parts.append({"key": key, "message": str(text), "fields": list(own)})
    message = " ".join(part["message"] for part in parts)
    return message, {"type": "object", "properties": fields, "required": list(fields),
                     "x-fcj-questions": parts}


# ---- Forms ------------------------------------------------------------------

def completed(form: Any) -> Any:
    """The form with what the protocol wants and goes without saying: that choices are strings, and
    are shown as they are."""
    if not isinstance(form, dict) or not isinstance(form.get("properties"), dict):
        return form
    return {**form, "properties": {name: _completed(field)
                                   for name, field in form["properties"].items()}}


def _completed(field: Any) -> Any:
    if not isinstance(field, dict):
        return field
    made = {**field}
    for key in {"oneOf", "anyOf"} & set(made):
        if isinstance(made[key], list):
            made[key] = [{"title": one.get("const"), **one} if isinstance(one, dict) else one
                         for one in made[key]]
    if isinstance(made.get("items"), dict):
        made["items"] = _completed(made["items"])
        if "enum" in made["items"]:
            made["items"].setdefault("type", "string")
    return made


def check_form(form: Any) -> None:
    """Invalid when the form is not what any MCP client can show."""
    if not isinstance(form, dict) or form.get("type") != "object" \
            or not isinstance(form.get("properties", {}), dict):
        raise Invalid('the schema of a question is {"type": "object", "properties": {...}}')
    fields = form.get("properties", {})
    if len(fields) > FIELDS_MAX:
        raise Invalid(f"a question has at most {FIELDS_MAX} fields")
    for name, field in fields.items():
        _check_field(name, field)
    required = form.get("required", [])
    if not isinstance(required, list) or any(name not in fields for name in required):
        raise Invalid("required of a question names its own fields only")
    try:
        size = len(json.dumps(form, separators=(",", ":"), allow_nan=False).encode())
    except (TypeError, ValueError) as error:
        raise Invalid(f"the schema of a question must be JSON: {error}") from None
    if size > ASK_SCHEMA_MAX:
        raise Invalid(f"the schema of a question has {size} bytes, at most {ASK_SCHEMA_MAX} are "
                      "allowed")


def _check_field(name: Any, field: Any) -> None:
    if not isinstance(name, str) or not isinstance(field, dict):
        raise Invalid(f"field {name!r} of a question: give {{'type': 'string'}} or the like")
    unknown = set(field) - KEYWORDS
    if unknown:
        raise Invalid(f"field {name!r} of a question: {sorted(unknown)[0]!r} is not allowed in a form")
    kind = field.get("type")
    choices = field.get("items") if kind == "array" else field
    if kind == "array" and isinstance(choices, dict) and (
            choices.get("type") == "string" and _are_texts(choices.get("enum"))
            or _are_titled(choices.get("anyOf"))):
        return
    if kind not in PLAIN:
        raise Invalid(f"field {name!r} of a question must be one of {', '.join(PLAIN)}, or an array "
                      "whose items have an enum: forms are flat")
    if "format" in field and (kind != "string" or field["format"] not in FORMATS):
        raise Invalid(f"field {name!r} of a question: format is {', '.join(FORMATS)}, of a string. "
                      "Do not ask for secrets in a form")
    if "enum" in field and (kind != "string" or not _are_texts(field["enum"])) \
            or "oneOf" in field and (kind != "string" or not _are_titled(field["oneOf"])):
        raise Invalid(f"field {name!r} of a question: choices are an enum of strings, or oneOf with "
                      "a const and a title each, in a string")
    if "default" in field and (type(field["default"]) not in DEFAULTS[kind]):
        raise Invalid(f"field {name!r} of a question: its default is no {kind}")


def _are_texts(choices: Any) -> bool:
    return isinstance(choices, list) and all(isinstance(one, str) for one in choices)


def _are_titled(choices: Any) -> bool:
    return isinstance(choices, list) and all(
        isinstance(one, dict) and _are_texts([one.get("const"), one.get("title")]) for one in choices)


def _plain(form: dict[str, Any]) -> dict[str, Any]:
    """The form in the words of our own validator: titled choices as an enum."""
    fields = {}
    for name, field in form.get("properties", {}).items():
        made = {key: value for key, value in field.items() if key not in ("oneOf", "items", "default")}
        titled = field.get("oneOf")
        if isinstance(titled, list):
            made["enum"] = [one.get("const") for one in titled if isinstance(one, dict)]
        items = field.get("items")
        if isinstance(items, dict):
            made["items"] = {"enum": items.get("enum") or [
                one.get("const") for one in items.get("anyOf", []) if isinstance(one, dict)]}
        fields[name] = made
    return {"type": "object", "properties": fields, "required": form.get("required", [])}
