"""The job process: one message in, exactly one result out.

``prepare`` is called once in the zygote, before any fork; ``run`` in the job
process (workers/PROTOCOL.md, "Supervisor <-> job process"). The channel has
send (dict) and open_beneath (root, path) -> descriptor.
"""

import gc
import json
import os
import resource
import sys
from typing import Any, Callable

from . import catalogue, execute, freecad, inputs, loader, roots, schema, values
from .errors import Failure, Invalid, ResultTooLarge
from .job import Job
from .limits import INLINE_MAX, RESULT_MAX, SHAPE_ARTIFACTS_MAX
from .tool import Tool, registry

CODE_TOOL = "execute_code_async"


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


#: Made once, before the fork: making one costs more than what it reads.
_DECODER = json.JSONDecoder(parse_constant=_no_constant)


def prepare(handler_dirs: list[str]) -> str:
    """Imports FreeCAD and every handler; the catalogue as JSON text."""
    freecad.load()
    loader.load(handler_dirs)
    gc.collect()
    gc.freeze()                              # a collection in a child copies no page of ours
    return json.dumps(catalogue.build(), ensure_ascii=False, separators=(",", ":"))


def prepare_live(handler_dirs: list[str]) -> str:
    """The same in a FreeCAD that runs job after job and never forks one."""
    freecad.load()
    loader.load(handler_dirs)
    return loader.catalogue_text()


def run_live(message: dict[str, Any], channel: Any, guard: Callable[[Callable[[], Any], str], Any],
             dialogs: list[dict[str, Any]]) -> None:
    """Runs one job in a process that lives on, and sends its ``result``.

    guard (function, id): calls it so that an interrupt can end it. dialogs:
    the modal dialogs that were found meanwhile, filled while the job runs.
    """
    before = resource.getrusage(resource.RUSAGE_SELF)
    run_of = _Run(message, channel, dialogs)
    try:
        outcome = guard(run_of.perform, message["id"])
    except BaseException as error:
        outcome = run_of.failed(error)
    values.forget()
    for fd in (message.get("blobs") or {}).values():
        os.close(fd)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    cpu = usage.ru_utime + usage.ru_stime - before.ru_utime - before.ru_stime
    channel.send({"type": "result", **outcome, "memory": usage.ru_maxrss * 1024,
                  "cpu_ms": int(cpu * 1000)})


def run(message: dict[str, Any], channel: Any) -> None:
    """Runs one job and sends its ``result``, whatever happens."""
    send = channel.send
    run_of = _Run(message, channel)
    try:
        outcome = run_of.perform()
    except BaseException as error:
        outcome = run_of.failed(error)
    values.forget()
    _flush()
    usage = resource.getrusage(resource.RUSAGE_SELF)
    send({"type": "result", **outcome, "memory": usage.ru_maxrss * 1024,
          "cpu_ms": int((usage.ru_utime + usage.ru_stime) * 1000)})


class _Run:
    """One execution, from the message to the outcome."""

    def __init__(self, message: dict[str, Any], channel: Any,
                 dialogs: list[dict[str, Any]] | None = None) -> None:
        self.message, self.channel, self.dialogs = message, channel, dialogs
        self.code: str | None = None
        self.user_code_ran = False
        self.shapes: list[tuple[str, Any]] = []
        self.job: Job | None = None

    def perform(self) -> dict[str, Any]:
        message, spec = self.message, self.message["spec"]
        scratch = message.get("scratch") or os.getcwd()
        if self.dialogs is None:             # a process for this job alone
            _own_streams()
            freecad.use_scratch(scratch)
        files = roots.Roots(message.get("roots") or [], bool(message.get("roots_write")),
                            self.channel)
        resolver = inputs.Resolver(message.get("refs") or {}, files, message.get("blobs") or {},
                                   scratch)
        job = self.job = Job(message.get("id") or spec.get("id", ""), message.get("attempt", 1),
                             scratch, self.channel.send, resolver.refs, resolver.resolve,
                             getattr(self.channel, "receive", None), bool(spec.get("can_ask")),
                             files)
        job.parts = message.get("parts") or ""
        tool = registry().get(spec.get("tool", ""))
        if tool is None:
            raise Invalid(f"this worker has no tool {spec.get('tool')!r}; call reload_handlers, or "
                          "see tools/list for what there is")
        arguments = self._json(spec, "arguments", resolver)
        named = job.inputs = resolver.inputs(self._json(spec, "inputs", resolver))
        arguments = self._arguments(tool, arguments, named, resolver)
        if tool.name == CODE_TOOL:
            self.code = arguments["code"]
            compiled = execute.compile_code(self.code)
        self.channel.send({"type": "started"})
        if self.code is not None:
            self.user_code_ran = True
            value = execute.run(self.code, named, job, compiled=compiled)
        else:
            if tool.job_parameter:
                arguments[tool.job_parameter] = job
            value = tool.function(**arguments)
        return self._completed(value, job)

    def _json(self, spec: dict[str, Any], key: str, resolver: inputs.Resolver) -> dict[str, Any]:
        try:
            if spec.get(key + "_blob"):
                text: Any = resolver.blob(spec[key + "_blob"])
            else:
                text = spec.get(key) or "{}"
            value = _DECODER.decode(text if isinstance(text, str) else text.decode("utf-8-sig"))
        except Invalid:
            raise
        except (ValueError, RecursionError) as error:
            raise Invalid(f"{key} is not valid JSON: {error}") from error
        if not isinstance(value, dict):
            raise Invalid(f"{key} must be a JSON object")
        return value

    def _arguments(self, tool: Tool, arguments: dict[str, Any], named: dict[str, Any],
                   resolver: inputs.Resolver) -> dict[str, Any]:
        arguments = schema.check(arguments, tool.arguments)
        for name, kind in tool.inputs.items():
            if name in arguments and kind == "file":
                arguments[name] = resolver.document(arguments[name], name)
            elif name in arguments:
                arguments[name] = _resolve(arguments[name], name, named, resolver)
        return arguments

    # ---- The result ---------------------------------------------------------

    def _completed(self, value: Any, job: Job) -> dict[str, Any]:
        converter = values.Converter(self._publish)
        made = converter.convert(value)
        if converter.too_large:
            raise _too_large()
        text = values.dumps(made)
        size = len(text.encode())
        if size > RESULT_MAX:
            raise _too_large(size)
        if size > INLINE_MAX:
            text = self._as_artifact(made, text, size, job)
        return {"state": "completed", "result": text}

    def _as_artifact(self, made: Any, text: str, size: int, job: Job) -> str:
        job.artifact(inputs.VALUE, text.encode())
        note = (f"The result is {size} bytes of JSON, above the {INLINE_MAX} that are shown here. "
                f"All of it is the artifact {inputs.VALUE}.")
        summary: dict[str, Any] = {"note": note, "artifact": inputs.VALUE, "size": size,
                                   "type": type(made).__name__}
        if isinstance(made, (list, dict, str)):
            summary["length"] = len(made)
        if isinstance(made, dict):
            summary["keys"] = [key[:100] for key in list(made)[:50]]
        return values.dumps(summary)

    def _publish(self, value: Any, path: tuple[str, ...]) -> dict[str, Any]:
        """Makes a shape or mesh of the result an artifact, once each."""
        assert self.job is not None
        is_mesh = hasattr(value, "CountFacets")
        if not is_mesh and value.isNull() or is_mesh and value.CountFacets == 0:
            return {}
        for name, known in self.shapes:
            same = known is value or not is_mesh and hasattr(known, "isEqual") and known.isEqual(value)
            if same:
                return {"artifact": name}
        if len(self.shapes) >= SHAPE_ARTIFACTS_MAX:
            return {"note": f"no artifact: only the first {SHAPE_ARTIFACTS_MAX} shapes of a result "
                            "become one; return a Part.Compound or use job.artifact"}
        name = self._shape_name(path, "stl" if is_mesh else "brep")
        if name == inputs.SHAPE and name in self.job.artifacts:
            return {"artifact": name, "note": "the code itself stored result.brep"}
        self.job.artifact(name, value)
        self.shapes.append((name, value))
        return {"artifact": name}

    def _shape_name(self, path: tuple[str, ...], kind: str) -> str:
        if not any(name.endswith(kind) for name, _ in self.shapes):
            return f"result.{kind}"
        key = "_".join("".join(c if c.isalnum() and c.isascii() else "_" for c in part)
                       for part in path)[:80] or "0"
        return f"shape_{key}.{kind}"

    # ---- Failures -----------------------------------------------------------

    def failed(self, error: BaseException) -> dict[str, Any]:
        try:
            reason, made = self._explain(error)
            if self.dialogs:
                made["dialogs"] = self.dialogs
            text = values.dumps(made)
        except BaseException:                # no memory left even for the words
            reason = "memory" if isinstance(error, MemoryError) else "exception"
            text = '{"type":"Error","message":"the job failed and its error can\'t be told"}'
        return {"state": "failed", "reason": reason, "error": text}

    def _explain(self, error: BaseException) -> tuple[str, dict[str, Any]]:
        if isinstance(error, execute.BadCode):
            return error.reason, error.error
        if isinstance(error, Invalid) and not self.user_code_ran:
            return "invalid", {"type": "Invalid", "message": execute.message(error), "traceback": ""}
        if isinstance(error, Failure) and not self.user_code_ran or isinstance(error, ResultTooLarge):
            return "exception", {"type": type(error).__name__, "traceback": "",
                                 "message": execute.message(error)}
        made = execute.describe(error, self.code)
        return ("memory" if execute.out_of_memory(error) else "exception"), made


def _resolve(value: Any, name: str, named: dict[str, Any], resolver: inputs.Resolver) -> Any:
    """A parameter's references as shapes; other elements stay as they are."""
    if isinstance(value, list):
        return [_resolve_one(item, f"{name}[{index}]", named, resolver)
                for index, item in enumerate(value)]
    return _resolve_one(value, name, named, resolver)


def _resolve_one(value: Any, where: str, named: dict[str, Any], resolver: inputs.Resolver) -> Any:
    if isinstance(value, str):
        if value not in named:
            raise Invalid(f"{where}: `inputs` has no {value!r} (it has: {', '.join(named) or 'none'}"
                          f"); or give a reference: {inputs.FORMS}")
        shape = named[value]
    elif isinstance(value, dict) and value.keys() & {"job", "file", "brep"}:
        shape = resolver.resolve(value, where)
    else:
        return value
    if shape == values.NULL_SHAPE:
        raise Invalid(f"{where}: the shape is null: the job ran, but made no geometry; mend that job, "
                      "or give another shape")
    if not hasattr(shape, "ShapeType") and not (hasattr(shape, "isNull") and shape.isNull()):
        raise Invalid(f"{where} is a {type(shape).__name__}, not a shape; give a job whose result is "
                      "a shape, or a STEP, IGES or BREP artifact or file")
    return shape


def _too_large(size: int | None = None) -> ResultTooLarge:
    what = f"{size} bytes" if size is not None else "above the limit"
    return ResultTooLarge(f"the result is {what}: at most {RESULT_MAX} bytes of JSON are allowed; "
                          "store the data with job.artifact (name, data) and return a summary")


def _own_streams() -> None:
    """stdout and stderr by lines, so that they are readable while the job runs."""
    for stream in (sys.stdout, sys.stderr):
        if getattr(stream, "line_buffering", False) and stream.errors == "backslashreplace":
            continue                         # the zygote's are made that way
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BaseException:                # closed or replaced by the code
            pass
