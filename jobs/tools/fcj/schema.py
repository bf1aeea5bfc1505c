"""JSON schemas from type hints, and the check of a value against one.

Only the subset named in jobs/tools/README.md is produced, so that a small
validator in C can check the same schema. Types are written out in place: no
$ref, which some MCP clients do not follow. The validator here says where a
value is wrong and what would be right, because a model reads it.
"""

import dataclasses
import inspect
import math
import re
import types
import typing
from typing import Any

from .errors import Invalid
from .hints import Bound, Input, InputFile, NamesJob, NamesJobs

KEYWORDS = {"type", "properties", "required", "additionalProperties", "items", "enum", "minimum",
            "maximum", "minLength", "maxLength", "minItems", "maxItems", "pattern", "format",
            "description", "default", "anyOf", "$ref", "$defs", "x-fcj-input",
            "x-fcj-job", "x-fcj-code"}
MARKS = {Input: ("x-fcj-input", "shape"), InputFile: ("x-fcj-input", "file"),
         NamesJob: ("x-fcj-job", True), NamesJobs: ("x-fcj-code", True)}
PLAIN = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null",
         dict: "object", list: "array"}
DEPTH_MAX = 16


def of_type(hint: Any, depth: int = 0) -> dict[str, Any]:
    """The schema of a type hint. TypeError for what has none."""
    if depth > DEPTH_MAX:
        raise TypeError(f"{hint!r} is nested too deeply, or in itself")
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any or hint is inspect.Parameter.empty:
        return {}
    if origin is typing.Annotated:
        return _annotated(args[0], args[1:], depth)
    if origin in (typing.NotRequired, typing.Required):
        return of_type(args[0], depth)
    if origin is typing.Literal:
        kinds = {PLAIN[type(value)] for value in args}
        schema: dict[str, Any] = {"enum": list(args)}
        return {"type": kinds.pop(), **schema} if len(kinds) == 1 else schema
    if origin in (typing.Union, types.UnionType):
        return {"anyOf": [of_type(arg, depth + 1) for arg in args]}
    if origin is list:
        return {"type": "array", "items": of_type(args[0], depth + 1)}
    if origin is dict:
        return {"type": "object", "additionalProperties": of_type(args[1], depth + 1)}
    if typing.is_typeddict(hint) or dataclasses.is_dataclass(hint):
        return _record(hint, depth)
    if hint in PLAIN:
        return {"type": PLAIN[hint]}
    raise TypeError(f"no JSON schema for {hint!r}")


def _annotated(hint: Any, notes: tuple[Any, ...], depth: int) -> dict[str, Any]:
    schema = of_type(hint, depth)
    for note in notes:
        if isinstance(note, Bound):
            schema.update({key: value for key, value in dataclasses.asdict(note).items()
                           if value is not None})
        elif isinstance(note, str):
            schema["description"] = note
        elif note in MARKS:
            key, value = MARKS[note]
            schema[key] = value
    return schema


def _record(hint: Any, depth: int) -> dict[str, Any]:
    hints = typing.get_type_hints(hint, include_extras=True)
    schema: dict[str, Any] = {"type": "object"}
    text = inspect.getdoc(hint)
    if text and not text.startswith(("dict(", f"{hint.__name__}(")):
        schema["description"] = " ".join(text.split())
    schema["properties"] = {name: of_type(kind, depth + 1) for name, kind in hints.items()}
    if dataclasses.is_dataclass(hint):
        required = [field.name for field in dataclasses.fields(hint)
                    if field.default is dataclasses.MISSING
                    and field.default_factory is dataclasses.MISSING]
    else:
        total = getattr(hint, "__total__", True)
        required = [name for name, kind in hints.items()
                    if typing.get_origin(kind) is typing.Required
                    or total and typing.get_origin(kind) is not typing.NotRequired]
    if required:
        schema["required"] = required
    schema["additionalProperties"] = False
    return schema


def lift_inputs(schema: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Takes ``x-fcj-input`` out of every level; "shape" or "file" if it was
    anywhere, else ""."""
    found = schema.pop("x-fcj-input", "")
    children = [schema["items"]] if isinstance(schema.get("items"), dict) else []
    for child in children + schema.get("anyOf", []):
        found = lift_inputs(child)[1] or found
    if "anyOf" in schema:                    # unions in unions become one flat union
        flat: list[dict[str, Any]] = []
        for child in schema["anyOf"]:
            plain = "anyOf" in child and not set(child) - {"anyOf", "description"}
            flat.extend(child["anyOf"] if plain else [child])
        schema["anyOf"] = flat
    return schema, found


def say_once(schema: dict[str, Any], said: set[str] | None = None) -> dict[str, Any]:
    """The schema with each record described where it stands first and not again: a tool list is
    read by models, and types are written out in place. Nothing but descriptions changes."""
    said = set() if said is None else said
    made = dict(schema)
    text = made.get("description")
    if made.get("type") == "object" and "properties" in made and text:
        if text in said:
            del made["description"]
        said.add(text)
    for key in ("properties", "$defs"):
        if key in made:
            made[key] = {name: say_once(child, said) for name, child in made[key].items()}
    for key in ("items", "additionalProperties"):
        if isinstance(made.get(key), dict):
            made[key] = say_once(made[key], said)
    if "anyOf" in made:
        made["anyOf"] = [say_once(child, said) for child in made["anyOf"]]
    return made


#: What is checked, and said when it is not kept, but not shown.
UNSHOWN = {"pattern", "minLength", "maxLength", "maxItems"}


def shown(schema: Any, written: list[Any] | None = None, root: bool = True) -> Any:
    """What clients are told of arguments: all that a model needs to write them. Bounds of texts and
    lists are left out, and null where leaving it out means the same; a record is written once."""
    written = [] if written is None else written
    if not isinstance(schema, dict):
        return schema
    kinds = [child for child in schema.get("anyOf", []) if child != {"type": "null"}]
    if len(kinds) == 1:
        return shown({**{key: value for key, value in schema.items() if key != "anyOf"}, **kinds[0],
                      **{key: schema[key] for key in ("description",) if key in schema}}, written, root)
    vector = "minItems" in schema and schema["minItems"] == schema.get("maxItems")
    made = {key: value for key, value in schema.items()
            if not key.startswith("x-fcj-") and (key not in UNSHOWN or key == "maxItems" and vector)
            and (key != "minItems" or value > 1)
            and (key != "default" or value not in ({}, []))
            and (key != "additionalProperties" or root or value not in (False, {}))}
    if "properties" in made and not root:
        if made.get("description", "").startswith("One of: "):      # which says what can be in it
            written.append(made.pop("properties"))
            return made
        if made["properties"] in written:
            return {key: made[key] for key in ("type", "description") if key in made}
        written.append(made["properties"])
    for key in ("properties", "$defs"):
        if key in made:
            made[key] = {name: shown(child, written, False) for name, child in made[key].items()}
    for key in ("items", "additionalProperties"):
        if key in made:
            made[key] = shown(made[key], written, False)
    if kinds:
        made["anyOf"] = [shown(child, written, False) for child in made["anyOf"]]
    return made


#: Levels of a result that are shown: the record, and what is in it.
OUTLINE = 2


def outline(schema: Any, depth: int = 0) -> Any:
    """What clients are told of a result. It says less than the schema and nothing else: names and
    types down to OUTLINE levels, and that there may be more members (a handle has others, and so
    has a job that failed). What they mean, the tool's description says, and their names."""
    if not isinstance(schema, dict):
        return schema
    made = {key: value for key, value in schema.items()
            if key != "description" and (key not in ("properties", "required", "items") or depth < OUTLINE)
            and (key != "additionalProperties" or (value and depth < OUTLINE))}
    if "properties" in made:
        made["properties"] = {name: outline(child, depth + 1)
                              for name, child in made["properties"].items()}
    for key in ("items", "additionalProperties"):
        if key in made:
            made[key] = outline(made[key], depth + 1)
    if "anyOf" in made:
        made["anyOf"] = [outline(child, depth) for child in made["anyOf"]]
    return made


def check_subset(schema: Any, where: str) -> None:
    """TypeError when a schema uses a keyword that fcj-mcp does not know."""
    if schema is True or schema is False:
        return
    if not isinstance(schema, dict):
        raise TypeError(f"{where}: a schema is an object")
    unknown = set(schema) - KEYWORDS
    if unknown:
        raise TypeError(f"{where}: keyword {sorted(unknown)[0]!r} is outside the subset")
    _check_values(schema, where)
    for name, child in schema.get("properties", {}).items():
        check_subset(child, f"{where}.{name}")
    for name in schema.get("required", []):
        if name not in schema.get("properties", {}):
            raise TypeError(f"{where}: {name!r} is required but is no property")
    for key in ("items", "additionalProperties"):
        if key in schema:
            check_subset(schema[key], f"{where}.{key}")
    for child in schema.get("anyOf", []):
        check_subset(child, f"{where}.anyOf")


def _check_values(schema: dict[str, Any], where: str) -> None:
    """The values of the keywords: of their types, and possible to meet."""
    kind = schema.get("type")
    if kind is not None and kind not in PLAIN.values():
        raise TypeError(f"{where}: {kind!r} is no type")
    if "enum" in schema and not (isinstance(schema["enum"], list) and schema["enum"]):
        raise TypeError(f"{where}: enum is a list that is not empty")
    for least, most in (("minimum", "maximum"), ("minLength", "maxLength"), ("minItems", "maxItems")):
        for name in (least, most):
            if name in schema and (isinstance(schema[name], bool)
                                   or not isinstance(schema[name], (int, float))):
                raise TypeError(f"{where}: {name} is a number")
        if schema.get(least, 0) > schema.get(most, math.inf):
            raise TypeError(f"{where}: {least} is more than {most}")
    if "pattern" in schema:
        _check_pattern(schema["pattern"], where)
    if "default" in schema:
        try:
            check(schema["default"], schema, where)
        except Invalid as error:
            raise TypeError(f"the default does not fit: {error}") from error


def _check_pattern(pattern: str, where: str) -> None:
    """A pattern that means the same to Python, ECMAScript and POSIX."""
    re.compile(pattern)
    if "(?" in pattern or re.search(r"\\[A-Za-z0-9]", pattern):
        raise TypeError(f"{where}: pattern {pattern!r} uses (? or a class like \\d; write it out")


# ---- Checking a value -------------------------------------------------------

def check(value: Any, schema: dict[str, Any], where: str = "arguments") -> Any:
    """The value with defaults filled in. Invalid when it does not fit."""
    if "anyOf" in schema:
        return _check_any(value, schema, where)
    kind = schema.get("type")
    if kind and not _is(value, kind):
        raise Invalid(f"{where} must be {_article(kind)}, not {_kind_of(value)}")
    if "enum" in schema and value not in schema["enum"]:
        raise Invalid(f"{where} must be one of {', '.join(map(repr, schema['enum']))}, not {_short(value)}")
    if isinstance(value, str):
        _check_text(value, schema, where)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        _check_number(value, schema, where)
    elif isinstance(value, list):
        _check_count(len(value), schema, where, "Items", "elements")
        if "items" in schema:
            return [check(item, schema["items"], f"{where}[{index}]")
                    for index, item in enumerate(value)]
    elif isinstance(value, dict):
        return _check_object(value, schema, where)
    return value


def _check_any(value: Any, schema: dict[str, Any], where: str) -> Any:
    problems = []
    for choice in schema["anyOf"]:
        try:
            return check(value, choice, where)
        except Invalid as error:
            problems.append((_is(value, choice.get("type", "")), str(error)))
    near = [text for fits, text in problems if fits] or [text for _, text in problems]
    raise Invalid(" or ".join(dict.fromkeys(near)))


def _check_text(value: str, schema: dict[str, Any], where: str) -> None:
    _check_count(len(value), schema, where, "Length", "characters")
    if "pattern" in schema and not re.search(schema["pattern"], value):
        hint = schema.get("description", "")
        raise Invalid(f"{where} = {_short(value)} does not match {schema['pattern']}"
                      + (f" ({hint})" if hint else ""))


def _check_number(value: float, schema: dict[str, Any], where: str) -> None:
    if not math.isfinite(value):
        raise Invalid(f"{where} must be a finite number")
    if "minimum" in schema and value < schema["minimum"]:
        raise Invalid(f"{where} = {value} is below the minimum {schema['minimum']}")
    if "maximum" in schema and value > schema["maximum"]:
        raise Invalid(f"{where} = {value} is above the maximum {schema['maximum']}")


def _check_count(count: int, schema: dict[str, Any], where: str, key: str, what: str) -> None:
    least, most = schema.get("min" + key, 0), schema.get("max" + key)
    if count < least:
        raise Invalid(f"{where} has {count} {what}, at least {least} are needed")
    if most is not None and count > most:
        raise Invalid(f"{where} has {count} {what}, at most {most} are allowed")


def _check_object(value: dict[str, Any], schema: dict[str, Any], where: str) -> dict[str, Any]:
    known = schema.get("properties", {})
    for name in schema.get("required", []):
        if name not in value:
            raise Invalid(f"{where} lacks {name!r}" + _describe(known.get(name, {})))
    rest, result = schema.get("additionalProperties", True), {}
    for name, item in value.items():
        if name in known:
            result[name] = check(item, known[name], f"{where}.{name}")
        elif rest is False:
            raise Invalid(f"{where} has no {_short(name)}; known: {', '.join(known) or 'none'}")
        else:
            result[name] = check(item, rest, f"{where}.{name}") if isinstance(rest, dict) else item
    for name, child in known.items():
        if name not in result and "default" in child:
            result[name] = child["default"]
    return result


def _describe(schema: dict[str, Any]) -> str:
    return f": {schema['description']}" if "description" in schema else ""


def _is(value: Any, kind: str) -> bool:
    if kind == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind == "integer":
        return (isinstance(value, int) and not isinstance(value, bool)
                or isinstance(value, float) and value.is_integer())
    return PLAIN.get(type(value)) == kind


def _kind_of(value: Any) -> str:
    return _article(PLAIN.get(type(value), type(value).__name__)) + (
        f" ({_short(value)})" if isinstance(value, (str, int, float)) else "")


def _article(kind: str) -> str:
    return kind if kind == "null" else ("an " if kind[0] in "aeio" else "a ") + kind


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
