"""Runs an agent's code or a macro against the live documents.

Within a transaction unless it wants none; what it prints is passed on to the
job's log and kept for the answer; an exception carries traceback, line and
the output so far, after the documents have been put back.
"""

import contextlib
import io
import sys
from typing import Any, Iterator

from fcj import Job, execute, values
from fcj.errors import Failure, Invalid
from fcj.limits import clip

from . import find
from .change import Change, difference, errors, watching
from .types import Changes

OUTPUT_MAX = 16 * 1024            # characters of each stream in an answer


class Jobs:
    """``jobs`` in the code: results of the jobs in depends_on and inputs."""

    def __init__(self, job: Job) -> None:
        self._job = job

    @property
    def ids(self) -> list[str]:
        """The ids of the jobs that this one may read."""
        return list(self._job.refs)

    def result(self, job_id: str) -> Any:
        """The result of a job: its shape as Part.Shape, else its value."""
        if job_id not in self._job.refs:
            known = ", ".join(self._job.refs) or "none"
            raise Invalid(f"job {job_id} was not given to this call: pass depends_on=[\"{job_id}\"] "
                          f"to the tool as well (given: {known})")
        return self._job.result(job_id)


class Tee(io.TextIOBase):
    """Writes on to a stream and keeps the last of it."""

    def __init__(self, stream: Any) -> None:
        self.stream, self.kept, self.length = stream, "", 0

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self.length += len(text)
        self.kept = (self.kept + text)[-2 * OUTPUT_MAX:]
        if self.stream is not None:
            self.stream.write(text)
        return len(text)

    def writable(self) -> bool:
        return True

    def flush(self) -> None:
        if hasattr(self.stream, "flush"):
            self.stream.flush()

    def text(self) -> str:
        """What is kept, and how much is not."""
        kept = self.kept[-OUTPUT_MAX:]
        if len(kept) < self.length:
            kept = f"({self.length - len(kept)} characters before this: get_job_output has all)\n" + kept
        return values.text(kept)


@contextlib.contextmanager
def output() -> Iterator[tuple[Tee, Tee]]:
    """Both streams, kept while the code runs."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = Tee(before[0]), Tee(before[1])
    try:
        yield sys.stdout, sys.stderr
    finally:
        sys.stdout, sys.stderr = before


class Outcome:
    """What code gave: value, output, changes (None without a document)."""

    def __init__(self, value: Any, streams: tuple[Tee, Tee], changes: Changes | None) -> None:
        self.value, self.changes = value, changes
        self.stdout, self.stderr = (stream.text() for stream in streams)


def names(job: Job, doc: Any) -> dict[str, Any]:
    """What the code sees besides FreeCAD, App, Part, math, inputs and job."""
    gui = sys.modules.get("FreeCADGui") if window_is_up() else None
    return {"FreeCADGui": gui, "Gui": gui, "doc": doc, "jobs": Jobs(job)}


def window_is_up() -> bool:
    """True in a process with FreeCAD's window."""
    import FreeCAD
    return bool(FreeCAD.GuiUp) and "FreeCADGui" in sys.modules


def run(job: Job, code: str, document: str | None, transaction: bool, title: str,
        more: dict[str, Any] | None = None) -> Outcome:
    """Runs code; BadCode with everything about it when it raises, also with
    the documents that can't be put back."""
    import FreeCAD
    execute.compile_code(code)
    named = document is not None or FreeCAD.ActiveDocument is not None or len(find.documents()) == 1
    doc = find.document(document) if named else None
    if doc is not None and doc is not FreeCAD.ActiveDocument:
        FreeCAD.setActiveDocument(doc.Name)
    space = {**names(job, doc), **(more or {})}
    before = set(FreeCAD.listDocuments())
    with output() as streams:
        try:
            if doc is None:
                return Outcome(_first(job, code, space, transaction), streams, None)
            if transaction:
                return _whole(job, code, doc, title, space, streams)
            return _loose(job, code, doc, space, streams)
        except (Exception, SystemExit) as error:
            made = _described(error, code, streams)
            gone = before - set(FreeCAD.listDocuments())
            if gone:
                made.error["message"] += (f" (The code had closed {', '.join(sorted(gone))}; what is closed is "
                                          "not opened again.)")
            raise made from None


def _first(job: Job, code: str, space: dict[str, Any], transaction: bool) -> Any:
    """The value of code that finds no document: those that it makes are
    closed when it raises."""
    import FreeCAD
    before = set(FreeCAD.listDocuments())
    try:
        return execute.run(code, job.inputs, job, space)
    except BaseException:
        for name in set(FreeCAD.listDocuments()) - before if transaction else ():
            FreeCAD.closeDocument(name)
        raise


def _whole(job: Job, code: str, doc: Any, title: str, space: dict[str, Any],
           streams: tuple[Tee, Tee]) -> Outcome:
    with Change(doc, title) as change:
        value = execute.run(code, job.inputs, job, space)
    return Outcome(value, streams, change.answer)


def _loose(job: Job, code: str, doc: Any, space: dict[str, Any],
           streams: tuple[Tee, Tee]) -> Outcome:
    import FreeCAD
    name, before = doc.Name, errors(doc)
    with watching(doc) as seen:
        value = execute.run(code, job.inputs, job, space)
        alive = name in FreeCAD.listDocuments()
        made: Any = {"document": name, **seen(), "undo": None, "recompute": difference(
            before if alive else {}, errors(doc) if alive else {})}
    return Outcome(value, streams, made)


def _described(error: BaseException, code: str, streams: tuple[Tee, Tee]) -> execute.BadCode:
    if isinstance(error, execute.BadCode):
        return error
    ours = isinstance(error, Failure) and error.__traceback__ is not None and not any(
        frame.filename == execute.FILE for frame in _frames(error))
    made = {"type": "Failure", "message": execute.message(error), "traceback": ""} if ours \
        else execute.describe(error, code)
    for key, stream in zip(("stdout", "stderr"), streams):
        if stream.length:
            made[key] = clip(stream.text(), OUTPUT_MAX)
    return execute.BadCode(made, "memory" if execute.out_of_memory(error) else "exception")


def _frames(error: BaseException) -> Any:
    import traceback
    return traceback.extract_tb(error.__traceback__)
