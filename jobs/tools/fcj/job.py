"""``job``: what code in a job process says to the outside.

Progress and artifacts go through the channel to the supervisor; a log line
goes to stdout, which is readable while the job runs. Artifacts are files in
``artifacts/`` of the job's own directory, read by the supervisor at the end.
"""

import math
import os
import re
import shutil
import stat
from pathlib import Path
from typing import Any, Callable

from . import formats, values
from .ask import Answer, Asker, combined
from .errors import Invalid
from .limits import ARTIFACTS_MAX, NAME_MAX, TEXT_MAX, clip

ARTIFACT_NAME = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9_.+ -]*$")


class Job:
    """The job that is running: its id, progress, log, artifacts, scratch.

    id         UUID of the job
    attempt    1 at the first execution
    scratch    directory of its own (str), gone when the job has ended
    refs       job id -> {state, ...} of the jobs in depends_on
    parts      directory of the parts library, "" when none is configured
    inputs     name -> value, from the option `inputs`
    can_ask    True when somebody is there who can be asked at once
    """

    def __init__(self, id: str, attempt: int, scratch: str, send: Callable[[dict], None],
                 refs: dict[str, Any] | None = None,
                 resolve: Callable[[dict, str], Any] | None = None,
                 receive: Callable[[], dict] | None = None, can_ask: bool = False,
                 files: Any = None) -> None:
        self.id = id
        self.attempt = attempt
        self.scratch = scratch
        self.refs = refs or {}
        self.inputs: dict[str, Any] = {}
        self.parts = ""
        self._send = send
        self._resolve = resolve
        self.can_ask = can_ask
        self._asker = Asker(send, receive)
        self._files = files
        self._artifacts: dict[str, str] = {}
        self._directory = os.path.join(scratch, "artifacts")
        if not os.path.isdir(self._directory):   # the supervisor made it
            os.makedirs(self._directory, exist_ok=True)

    def progress(self, fraction: float, message: str = "") -> None:
        """Tells how far the job is: fraction 0..1 and what it does now."""
        fraction = float(fraction)
        fraction = 0.0 if math.isnan(fraction) else min(max(fraction, 0.0), 1.0)
        self._send({"type": "progress", "fraction": fraction,
                    "message": clip(values.text(str(message)), TEXT_MAX)})

    def log(self, *items: Any) -> None:
        """A line for get_job_output (stdout)."""
        print(*items, flush=True)

    def ask(self, message: str, schema: dict[str, Any] | None = None) -> Answer:
        """Asks the user and waits; the job's time limit stands still meanwhile.

        message: the question, one or two sentences, at most 512 bytes.
        schema: the form, a flat object schema as in MCP elicitation:
        {"type": "object", "properties": {"radius": {"type": "number"}}};
        None: a plain yes (accept) or no (decline).
        Returns an Answer: action "accept" with content, "decline" or
        "cancel" (also when nobody answered within ten minutes). The client
        shows the question, or get_job_status does and answer_job answers.
        """
        return self._asker.ask(message, schema)

    def ask_all(self, questions: dict[str, tuple[str, dict[str, Any]]]) -> Answer:
        """Asks several things at once; whoever can shows each by itself.

        questions: key -> (the question, {field: schema}); no field twice.
        Returns one Answer with all fields in its content. Declining one
        declines all.
        """
        return self._asker.ask(*combined(questions))

    def confirm(self, message: str, argument: str = "overwrite") -> None:
        """Goes on only with the user's yes; Invalid when there is none.

        When nobody can be asked (can_ask), or the user says no, it names the
        argument that says yes beforehand.
        """
        hint = f"{message} Pass {argument}=true to say yes."
        if not self.can_ask:
            raise Invalid(hint)
        if self.ask(message).action != "accept":
            raise Invalid(f"The user did not say yes: {hint}")

    def result(self, job_id: str) -> Any:
        """The result of a job in depends_on: its shape, else its value."""
        if self._resolve is None or job_id not in self.refs:
            known = ", ".join(self.refs) or "none"
            raise Invalid(f"job {job_id!r} is not in depends_on of this job (known: {known})")
        return self._resolve({"job": job_id}, f"job.result ({job_id!r})")

    def read_path(self, path: str) -> str:
        """The true path of a regular file below a workspace root."""
        return self._need_files().read_path(path)

    def write_path(self, path: str) -> str:
        """The true path of a file to be written below a writable root; its
        directory exists, and what stands there, if anything, is a file."""
        return self._need_files().write_path(path)

    def _need_files(self) -> Any:
        if self._files is None:
            raise Invalid("no workspace root is known here")
        return self._files

    @property
    def artifacts(self) -> list[str]:
        """The names of the artifacts so far."""
        return list(self._artifacts)

    def artifact(self, name: str, data: Any) -> str:
        """Stores an artifact and returns its name; the same name replaces.

        data: bytes, text, a path (os.PathLike, or str naming an existing file),
        a Part.Shape, Mesh or FreeCAD document (the name's ending gives the
        format), or for .json any value.
        """
        self._check_name(name)
        target = os.path.join(self._directory, name)
        source = _source(name, data)
        if source is not None and os.path.realpath(source) == os.path.realpath(target):
            return self.announce(name)
        if os.path.islink(target) or source is None:
            _remove(target)
        if source is not None:
            _copy(source, target)
        else:
            _write(name, data, target)
        return self.announce(name)

    def announce(self, name: str) -> str:
        """Tells the supervisor of a file that stands in artifacts/ already."""
        self._check_name(name)
        if name not in self._artifacts:
            self._artifacts[name] = formats.mime(name)
            self._send({"type": "artifact", "name": name, "file": name,
                        "mime": self._artifacts[name]})
        return name

    def artifact_path(self, name: str) -> str:
        """Where the artifact of that name is to be written, before announce."""
        self._check_name(name)
        return os.path.join(self._directory, name)

    def _check_name(self, name: str) -> None:
        if (not isinstance(name, str) or not ARTIFACT_NAME.match(name)
                or len(name) > NAME_MAX or ".." in name or name.endswith((" ", "."))):
            raise Invalid(f"artifact name {name!r}: use letters, digits, space and _ . + -, no "
                          f"path, at most {NAME_MAX} characters")
        if name not in self._artifacts and len(self._artifacts) >= ARTIFACTS_MAX:
            raise Invalid(f"artifact {name!r} is one too many: a job has at most "
                          f"{ARTIFACTS_MAX}; pack several files into one .zip")


def _source(name: str, data: Any) -> str | None:
    """The path that data means, None when it is the content itself."""
    if isinstance(data, os.PathLike):
        return os.fspath(data)
    if not isinstance(data, str) or not data or "\n" in data or "\0" in data or len(data) > 4096:
        return None
    try:
        os.lstat(data)
        return data
    except (OSError, ValueError):
        pass
    binary = formats.ending(name) in formats.SHAPE_WRITE
    if binary or "/" in data and formats.ending(data) == formats.ending(name) != "":
        raise FileNotFoundError(f"artifact {name!r}: there is no file {data!r}; write it first, or "
                                "give the content as bytes")
    return None


def _copy(source: str, target: str) -> None:
    """Copies a regular file, never what a symbolic link points at."""
    fd = None
    try:
        fd = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise Invalid(f"{source!r} is not a regular file")
        _remove(target)
        with open(fd, "rb", closefd=False) as reader, open(target, "xb") as writer:
            shutil.copyfileobj(reader, writer, 1 << 20)
    except OSError as error:
        if os.path.islink(source):
            raise Invalid(f"{source!r} is a symbolic link; give the file itself") from error
        raise
    finally:
        if fd is not None:
            os.close(fd)


def _write(name: str, data: Any, target: str) -> None:
    kind, type_name = formats.ending(name), type(data).__name__
    if isinstance(data, (bytes, bytearray, memoryview)):
        Path(target).write_bytes(data)
    elif isinstance(data, str):
        Path(target).write_text(data, "utf-8", "backslashreplace")
    elif hasattr(data, "exportBrep") and hasattr(data, "ShapeType" if not data.isNull() else "isNull"):
        formats.write(data, target, kind)
    elif hasattr(data, "CountFacets"):
        if kind not in formats.MESH:
            raise Invalid(f"a mesh is written as {', '.join(sorted(formats.MESH))}, not {kind!r}")
        formats.write_mesh(data, target, kind)
    elif hasattr(data, "saveCopy"):
        if kind != "fcstd":
            raise Invalid("a document is written as .FCStd")
        data.saveCopy(target)
    elif hasattr(data, "Shape") and hasattr(data, "TypeId"):
        formats.write(data.Shape, target, kind, label=data.Label)
    elif kind == "json":
        Path(target).write_text(values.dumps(values.to_json(data)), "utf-8")
    else:
        raise Invalid(f"artifact {name!r}: a {type_name} can't be written as .{kind}; give bytes, "
                      "text, a path, a shape or a mesh, or name it .json")


def _remove(target: str) -> None:
    try:
        os.unlink(target)
    except FileNotFoundError:
        pass
