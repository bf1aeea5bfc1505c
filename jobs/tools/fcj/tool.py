"""The decorator that makes a function a tool, and the registry of tools.

Name, title, description and schemas are taken from the function itself, once,
when its module is loaded; a mistake there stops the load, so that a broken
handler never replaces a working one (reload_handlers).
"""

import inspect
import re
import typing
from dataclasses import dataclass
from typing import Any, Callable, Sequence

from . import loader, options as job_options, schema
from .hints import JobHandle
from .job import Job
from .limits import WAIT_MAX_S
from .native import Native

LANES = {"compute": "compute", "document": "gui", "gui": "gui"}
HOLD_S = 20
TASKS = ("optional", "required", "forbidden")
NAME = re.compile(r"^[a-z][a-z0-9_]{0,63}$")


@dataclass(frozen=True)
class Tool:
    """A tool as the catalogue and the job process know it."""

    name: str
    function: Callable[..., Any]
    job_parameter: str | None
    inputs: dict[str, str]            # parameters that hold references: to shapes or files
    arguments: dict[str, Any]         # schema of the arguments, options left out
    entry: dict[str, Any]             # what the catalogue says


_registry: dict[str, Tool] = {}


def tool(*, needs: str, toolset: str, title: str, read_only: bool = False,
         destructive: bool = False, idempotent: bool = False, open_world: bool = False,
         hold_s: int | None = None, internal: bool = False,
         options: Sequence[str] | None = None, task: str = "optional",
         native: Native | None = None) -> Callable[..., Any]:
    """Registers the decorated function as a tool; the function stays as it is.

    needs: compute, document or gui; the lane follows from it. hold_s: how long
    the front-end waits before it answers with a job handle; 0 for ``_async``.
    options: which of the common options it takes; all of them for compute, few
    for the others, because each costs the reader of the list. task: whether a
    client may have it as an MCP task: optional, required or forbidden. native:
    how the tool runs without Python; then that is its engine.
    """
    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        chosen = () if internal else options if options is not None else \
            job_options.of_need(needs)
        if native and not internal:
            chosen = (*chosen, *job_options.of_native(native))
        made = _make(function, needs, toolset, title, hold_s, internal, chosen, native)
        made.entry["annotations"] = {
            "title": title, "readOnlyHint": read_only, "destructiveHint": destructive,
            "idempotentHint": idempotent, "openWorldHint": open_world}
        if task not in TASKS:
            raise ValueError(f"{made.name}: task={task!r}, but it is one of {', '.join(TASKS)}")
        if task != "optional":
            made.entry["execution"] = {"taskSupport": task}
        if made.name in _registry:
            other = _registry[made.name].function.__module__
            raise ValueError(f"tool {made.name!r} is already defined in {other}")
        _registry[made.name] = made
        return function
    return register


def registry() -> dict[str, Tool]:
    """Every tool that was loaded, by name."""
    return _registry


def _make(function: Callable[..., Any], needs: str, toolset: str, title: str,
          hold_s: int | None, internal: bool, options: Sequence[str],
          native: Native | None) -> Tool:
    name = function.__name__
    if not NAME.match(name):
        raise ValueError(f"{name!r}: a tool's name is lower case letters, digits and _, at most 64")
    if needs not in LANES:
        raise ValueError(f"{name}: needs={needs!r}, but it is one of {', '.join(LANES)}")
    text, about = _docstring(function)
    if not text:
        raise ValueError(f"{name}: a docstring is needed; a model chooses the tool by it")
    arguments, inputs, job_parameter = _parameters(function, about, options)
    hints = typing.get_type_hints(function, include_extras=True)
    result = schema.of_type(hints.get("return", Any))
    hold = hold_s if hold_s is not None else (0 if name.endswith("_async") else HOLD_S)
    extra = job_options.schemas(options)
    if native and needs != "compute":
        raise ValueError(f"{name}: a native tool has needs=\"compute\"")
    entry = {
        "name": name, "title": title, "description": text, "lane": LANES[needs], "needs": needs,
        "toolset": toolset, "hold_s": hold,
        "inputSchema": schema.say_once(
            {**arguments, "properties": {**arguments["properties"], **extra}}),
        "outputSchema": schema.outline(schema.of_type(JobHandle) if hold == 0 else result),
        "resultSchema": result, "options": list(extra)}
    if internal:
        entry["internal"] = True
    if function.__module__.startswith(loader.USER):
        entry["own"] = True
    if native:
        entry |= {"engine": "native", "native": native.entry()}
    entry["shown"] = {"inputSchema": _shown(entry["inputSchema"], hold)}
    for key in ("inputSchema", "outputSchema", "resultSchema"):
        schema.check_subset(entry[key], f"{name}.{key}")
    return Tool(name, function, job_parameter, inputs, arguments, entry)


def _shown(arguments: dict[str, Any], hold: int) -> dict[str, Any]:
    """What clients see of the arguments. wait_s is taken by the front-end, of every tool; it is
    shown where the handle would come at once."""
    made = schema.shown(arguments)
    if hold == 0:
        made["properties"].setdefault("wait_s", {
            "type": "number", "minimum": 0, "maximum": WAIT_MAX_S,
            "description": "Wait so many seconds for the result. Default 0: the handle at once."})
    return made


def _parameters(function: Callable[..., Any], about: dict[str, str], options: Sequence[str]
                ) -> tuple[dict[str, Any], dict[str, str], str | None]:
    hints = typing.get_type_hints(function, include_extras=True)
    properties: dict[str, Any] = {}
    inputs: dict[str, str] = {}
    required, job_parameter = [], None
    for name, parameter in inspect.signature(function).parameters.items():
        if hints.get(name) is Job:
            job_parameter = name
            continue
        if name not in hints:
            raise TypeError(f"{function.__name__}: parameter {name!r} has no type hint")
        if name in options:
            raise TypeError(f"{function.__name__}: {name!r} is one of the options it takes")
        made, marked = schema.lift_inputs(schema.of_type(hints[name]))
        if name in about:
            made["description"] = about[name]
        if marked:
            made["x-fcj-input"] = True
            inputs[name] = marked
        if parameter.default is inspect.Parameter.empty:
            required.append(name)
        elif parameter.default is not None:
            made["default"] = parameter.default
        properties[name] = made
    unknown = set(about) - set(properties) - {job_parameter}
    if unknown:
        raise ValueError(f"{function.__name__}: the docstring describes {sorted(unknown)[0]!r}, "
                         "which is no parameter")
    result: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        result["required"] = required
    return {**result, "additionalProperties": False}, inputs, job_parameter


def _docstring(function: Callable[..., Any]) -> tuple[str, dict[str, str]]:
    """The description, and parameter -> text from its "Parameters" section."""
    lines = (inspect.getdoc(function) or "").splitlines()
    heads = [index for index in range(len(lines) - 1)
             if lines[index].strip() and re.fullmatch(r"-{3,}", lines[index + 1].strip())]
    text = "\n".join(lines[:heads[0]] if heads else lines).strip()
    about: dict[str, list[str]] = {}
    for index in heads:
        if lines[index].strip() != "Parameters":
            continue
        current: list[str] = []
        for line in lines[index + 2:]:
            head = re.fullmatch(r"(\w+)(?: *:.*)?", line)
            if head and head.group(1) in ("Returns", "Notes", "Examples"):
                break
            if head:
                current = about.setdefault(head.group(1), [])
            elif line.strip():
                current.append(line.strip())
    return _reflow(text), {name: " ".join(parts) for name, parts in about.items()}


def _reflow(text: str) -> str:
    """One line a paragraph; indented lines (code) stay as they are."""
    blocks = []
    for block in re.split(r"\n\s*\n", text):
        plain = not any(line.startswith((" ", "- ")) for line in block.splitlines())
        blocks.append(" ".join(block.split()) if plain else block)
    return "\n\n".join(blocks)
