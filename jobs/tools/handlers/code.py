"""Code and macros against the live documents."""

import os
from typing import Annotated, Any, NotRequired, TypedDict

from fcj import Bound, Code, Invalid, Job, tool
from fcj_docs import macros, picture, run
from fcj_docs.types import Changes

Name = Annotated[str, Bound(minLength=1, maxLength=128)]
MACROS_MAX = 500


class CodeResult(TypedDict):
    """What the code gave, printed and changed."""

    result: Annotated[Any, "`_result_`, or the value of the last expression"]
    stdout: str
    stderr: str
    changes: Annotated[Changes | None, "null: no document was open"]
    image: NotRequired[Annotated[str, "The picture's artifact, when one was asked for"]]
    image_note: NotRequired[str]


class Macro(TypedDict):
    """A macro file."""

    name: Annotated[str, "Give this to run_macro"]
    about: Annotated[str, "Its first comment or __Comment__"]
    size: Annotated[int, "Bytes"]
    directory: str


class Macros(TypedDict):
    """The macros that are there."""

    macros: list[Macro]
    directories: Annotated[list[str], "Where they were looked for"]


@tool(needs="gui", toolset="core", title="Run Python code in the live FreeCAD", destructive=True,
      options=("timeout_s", "inputs", "depends_on", "idempotency_key"))
def execute_code(job: Job, code: Code,
                 document: Name | None = None, transaction: bool = True, screenshot: bool = False,
                 view_name: picture.View = "Isometric") -> CodeResult:
    """Run Python in the FreeCAD that has the window and the open documents; wait for its result.

    Use it for what no other tool does. Long computing (booleans of many shapes,
    meshing, imports) belongs into execute_code_async, which blocks nobody: read its
    result here with `jobs.result(id)` and `depends_on`.

    The code has `FreeCAD` (= `App`), `FreeCADGui` (= `Gui`), `Part`, `doc` (the document), `math`,
    `inputs`, `job` (progress, artifact, log) and `jobs`. Millimetres and degrees.

    It is one undo step (`undo_steps`, when it commits transactions itself), and all or
    nothing: when the code raises, or leaves an object in error that was fine before, the
    documents are put back (but for those that it closed) and the error has traceback, line
    and output. The documents are recomputed afterwards.
    The answer names the objects that were created, changed and removed.

    Next: get_view to look, undo to take it back.

    Parameters
    ----------
    code : str
        Python 3.11 source. Example: `b = doc.addObject("Part::Box", "Base")` and
        on the next line `b.Length = 40`.
    document : str
        Name or label; made the active one. The active one when left out.
    transaction : bool
        False leaves everything as the code leaves it: no undo step, no recompute, nothing is
        put back.
    screenshot : bool
        True adds a picture of the 3D view.
    view_name : str
        From where that picture is taken.
    """
    if screenshot:
        picture.need_window()
    return _answer(job, run.run(job, code, document, transaction, "Run code"), screenshot, view_name,
                   document)


def _answer(job: Job, made: run.Outcome, screenshot: bool, view_name: str,
            document: str | None) -> CodeResult:
    answer: CodeResult = {"result": made.value, "stdout": made.stdout, "stderr": made.stderr,
                          "changes": made.changes}
    if screenshot:
        shot = picture.take(job, document, [view_name])
        if shot.name:
            answer["image"] = shot.name
        if shot.note:
            answer["image_note"] = shot.note
    return answer


@tool(needs="document", toolset="macros", title="List macros", read_only=True, idempotent=True)
def list_macros() -> Macros:
    """List FreeCAD's macros: the user's and those that came with FreeCAD. Next: run_macro."""
    found = [{"name": name, "about": macros.about(path), "size": os.path.getsize(path),
              "directory": os.path.dirname(path)} for name, path in macros.find_all().items()]
    return {"macros": found[:MACROS_MAX], "directories": macros.directories()}   # type: ignore


@tool(needs="gui", toolset="macros", title="Run a macro", destructive=True,
      options=("timeout_s", "inputs", "depends_on", "idempotency_key"))
def run_macro(job: Job, macro: Annotated[str, Bound(minLength=1, maxLength=255)],
              arguments: dict[str, Any] = {}, document: Name | None = None, transaction: bool = True,
              screenshot: bool = False, view_name: picture.View = "Isometric") -> CodeResult:
    """Run one of FreeCAD's macros in the live FreeCAD, as execute_code runs code.

    It is one undo step, and all or nothing. list_macros names those there are.

    Parameters
    ----------
    macro : str
        Its file's name, with or without ".FCMacro".
    arguments : dict
        Names that the macro finds set, such as {"length": 20}.
    document : str
        Name or label; made the active one. The active one when left out.
    transaction : bool
        False leaves everything as the macro leaves it.
    screenshot : bool
        True adds a picture of the 3D view.
    view_name : str
        From where that picture is taken.
    """
    if screenshot:
        picture.need_window()
    bad = [name for name in arguments if not name.isidentifier()]
    if bad:
        raise Invalid(f"arguments: {bad[0]!r} is no name that Python code can use")
    path, code = macros.read(macro)
    more = {**arguments, "__file__": path}
    made = run.run(job, code, document, transaction, f"Macro {os.path.basename(path)}", more)
    return _answer(job, made, screenshot, view_name, document)
