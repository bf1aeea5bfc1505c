"""Runs a user's code: one fresh module, the value of its last expression.

The code sees inputs, job, FreeCAD, App, Part and math, and `__name__` is
"__main__". Its file name is ``<job>``; an error is told by the frames of that
file only, with line and code, because the others are ours.
"""

import ast
import errno
import linecache
import os
import resource
import sys
import traceback
import types
from typing import Any

from . import formats, values
from .errors import Failure, Invalid
from .job import Job
from .limits import CODE_MAX, MESSAGE_MAX, TRACEBACK_MAX, clip

FILE = "<job>"
OURS = tuple(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), name, "")
             for name in ("fcj", "fcj_gui"))


class BadCode(Exception):
    """Code that does not compile, or that a handler ran and that raised;
    carries the error that the agent sees."""

    def __init__(self, error: dict[str, Any], reason: str = "exception") -> None:
        super().__init__(error["message"])
        self.error, self.reason = error, reason


def run(code: str, inputs: dict[str, Any], job: Job, names: dict[str, Any] | None = None,
        compiled: tuple[types.CodeType, types.CodeType | None] | None = None) -> Any:
    """The value of ``_result_``, else of the last expression, else None.

    names: what the code sees besides the usual. compiled: what compile_code
    made of the code before."""
    body, last = compiled or compile_code(code)
    module = _module(inputs, job)
    module.__dict__.update(names or {})
    space = module.__dict__
    previous = sys.modules.get("__main__")
    sys.modules["__main__"] = module
    linecache.cache[FILE] = (len(code), None, code.splitlines(True), FILE)
    try:
        exec(body, space)
        value = eval(last, space) if last is not None else None
        return space["_result_"] if "_result_" in space else value
    finally:
        if previous is not None:
            sys.modules["__main__"] = previous


def compile_code(code: str) -> tuple[types.CodeType, types.CodeType | None]:
    """The statements and, when the last one is an expression, that."""
    _check_text(code)
    try:
        tree = ast.parse(code, FILE)
        last = None
        if tree.body and isinstance(tree.body[-1], ast.Expr):
            expression = ast.Expression(tree.body.pop().value)
            last = compile(expression, FILE, "eval", dont_inherit=True)
        return compile(tree, FILE, "exec", dont_inherit=True), last
    except SyntaxError as error:
        raise BadCode(syntax_error(error, code)) from None
    except (RecursionError, MemoryError):
        raise BadCode({"type": "SyntaxError", "message": "the code is nested too deeply to compile; "
                       "split long expressions", "traceback": ""}) from None


def _check_text(code: str) -> None:
    if "\0" in code:
        line = code[:code.index("\0")].count("\n") + 1
        raise Invalid(f"code contains a NUL character in line {line}; remove it")
    try:
        size = len(code.encode())
    except UnicodeEncodeError as error:
        line = code[:error.start].count("\n") + 1
        raise Invalid(f"code is not valid Unicode (lone surrogate in line {line}); "
                      "send it as UTF-8") from None
    if size > CODE_MAX:
        raise Invalid(f"code is {size} bytes, at most {CODE_MAX} are allowed; put data into inputs "
                      "or files below a workspace root")


def _module(inputs: dict[str, Any], job: Job) -> types.ModuleType:
    import math

    import FreeCAD
    import Part
    module = types.ModuleType("__main__")
    module.__dict__.update(__file__=FILE, __builtins__=__builtins__, inputs=inputs, job=job,
                           FreeCAD=FreeCAD, App=FreeCAD, Part=Part, math=math)
    return module


# ---- Errors as agents see them ----------------------------------------------

def syntax_error(error: SyntaxError, code: str) -> dict[str, Any]:
    """A SyntaxError with its line, a snippet and a caret."""
    line = error.lineno or 0
    made: dict[str, Any] = {"type": type(error).__name__, "line": line,
                            "message": values.text(f"{error.msg} (line {line})"),
                            "snippet": snippet(code.splitlines(), line)}
    made["traceback"] = clip("".join(traceback.format_exception_only(error)), TRACEBACK_MAX)
    return made


def describe(error: BaseException, code: str | None) -> dict[str, Any]:
    """{type, message, traceback, line?, snippet?} of any exception."""
    made: dict[str, Any] = {"type": type(error).__name__, "message": message(error)}
    try:
        frames = _frames(error, code is not None)
        if code is not None and frames:
            made["line"] = frames[-1].lineno
            made["snippet"] = snippet(code.splitlines(), frames[-1].lineno or 0)
        text = "".join(traceback.format_list(frames[-40:]))
        head = "Traceback (most recent call last):\n" if text else ""
        made["traceback"] = clip(values.text(
            f"{head}{text}{made['type']}: {made['message']}\n{_cause(error, code)}"), TRACEBACK_MAX)
    except Exception:                        # an exception with a broken __str__ and the like
        made.setdefault("traceback", "")
    return made


def message(error: BaseException) -> str:
    """What an exception says, for a model: never empty, never endless."""
    try:
        text = str(error) if not (error.args and isinstance(error.args[0], dict)) \
            else formats.reason(error)
    except Exception:
        text = "(its message can't be read)"
    if isinstance(error, SystemExit):
        text = f"sys.exit ({text}) ends no job; let the code run to its end instead"
    elif isinstance(error, MemoryError):
        text = text or "out of memory; raise the memory limit or make the model smaller"
    elif isinstance(error, OSError) and error.errno == errno.EFBIG:
        most = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
        text += f"; a file or artifact has at most {most} bytes here (setting artifact-max)"
    return clip(values.text(text or "(no message)"), MESSAGE_MAX)


def snippet(lines: list[str], line: int, around: int = 2) -> str:
    """The line with its neighbours, numbered, the line itself marked."""
    first, last = max(line - around, 1), min(line + around, len(lines))
    return "\n".join(f"{'>' if number == line else ' '} {number:4d}  "
                     + clip(values.text(lines[number - 1]), 200)
                     for number in range(first, last + 1))


def out_of_memory(error: BaseException) -> bool:
    """True for what Python, C++ and OpenCASCADE say when there is none left."""
    return isinstance(error, MemoryError) or (not isinstance(error, (Invalid, Failure)) and any(
        sign in message(error) for sign in ("bad_alloc", "Standard_OutOfMemory", "bad allocation")))


def _frames(error: BaseException, user_code: bool) -> list[traceback.FrameSummary]:
    frames = traceback.extract_tb(error.__traceback__)
    if user_code:
        return [frame for frame in frames if frame.filename == FILE]
    return [frame for frame in frames if not frame.filename.startswith(OURS)]


def _cause(error: BaseException, code: str | None) -> str:
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is None or isinstance(error, (Failure, Invalid)):
        return ""
    frames = _frames(cause, code is not None)
    where = f" (line {frames[-1].lineno})" if frames else ""
    return f"caused by {type(cause).__name__}: {message(cause)}{where}\n"
