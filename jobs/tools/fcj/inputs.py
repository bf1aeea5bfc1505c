"""References to values: the table in workers/PROTOCOL.md, "Input references".

All of it happens before the first line of user code. Whatever can't be had
is an ``Invalid`` that names the input and says what to do. Bytes come through
descriptors that the supervisor opened; what must be read by file name is
copied into the scratch directory first, because the sandbox opens no path
of the store.
"""

import json
import os
import shutil
from typing import Any

from . import formats, schema
from .errors import Invalid
from .hints import Reference
from .limits import INPUTS_MAX
from .roots import Roots

REFERENCE = schema.of_type(Reference)
SHAPE = "result.brep"
VALUE = "result.json"
FORMS = ('{"job": id}, {"job": id, "artifact": name}, {"file": path}, '
         '{"file": "a.FCStd", "object": name} or {"brep": text}')


class Inputs(dict[str, Any]):
    """The ``inputs`` of a job: name -> value, as the option `inputs` says.

    A job of depends_on is in it by its id as well: its shape, else its value,
    read when it is asked for, because many are only waited for.
    """

    def __init__(self, named: dict[str, Any], resolver: "Resolver") -> None:
        super().__init__(named)
        self._resolver = resolver

    def __missing__(self, name: str) -> Any:
        if name not in self._resolver.refs:
            known = ", ".join(self) or "none"
            raise KeyError(f"there is no input {name!r}; there are: {known}")
        value = self[name] = self._resolver.resolve({"job": name}, f"input {name!r}")
        return value

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or name in self._resolver.refs

    def get(self, name: str, otherwise: Any = None) -> Any:
        return self[name] if name in self else otherwise


class Resolver:
    """Resolves references for one job."""

    def __init__(self, refs: dict[str, Any], files: Roots, blobs: dict[str, int],
                 scratch: str) -> None:
        self.refs, self.files, self.blobs, self.scratch = refs, files, blobs, scratch
        self.count = 0

    def inputs(self, references: Any) -> Inputs:
        """The ``inputs`` of a job: name -> value."""
        if not isinstance(references, dict):
            raise Invalid("inputs must be an object: name -> reference")
        if len(references) > INPUTS_MAX:
            raise Invalid(f"inputs has {len(references)} entries, at most {INPUTS_MAX} are allowed")
        return Inputs({name: self.resolve(reference, f"input {name!r}")
                       for name, reference in references.items()}, self)

    def resolve(self, reference: Any, where: str) -> Any:
        """What a reference stands for; `where` names it in errors."""
        if not isinstance(reference, dict):
            raise Invalid(f"{where} must be a reference: {FORMS}")
        try:
            schema.check(reference, REFERENCE, where)
            return self._resolve(reference)
        except Invalid as error:
            text = str(error)
            raise Invalid(text if text.startswith(where) else f"{where}: {text}") from error

    def document(self, reference: dict[str, Any], where: str) -> str:
        """The path of a copy of an .FCStd file: of a file, or a job's artifact."""
        try:
            schema.check(reference, REFERENCE, where)
            return self._document(reference)
        except Invalid as error:
            text = str(error)
            raise Invalid(text if text.startswith(where) else f"{where}: {text}") from error

    def _document(self, reference: dict[str, Any]) -> str:
        form = '{"job": id, "artifact": "Part.FCStd"} or {"file": "part.FCStd"}'
        if set(reference) == {"file"}:
            if formats.ending(reference["file"]) != "fcstd":
                raise Invalid(f"{reference['file']!r} is no .FCStd file")
            fd = self.files.open(reference["file"])
            try:
                return self._copy(fd, reference["file"])
            finally:
                os.close(fd)
        if "job" not in reference or set(reference) - {"job", "artifact"}:
            raise Invalid(f"must be {form}")
        artifacts = self._artifacts(reference["job"])
        documents = [name for name in artifacts if formats.ending(name) == "fcstd"]
        name = reference.get("artifact") or (documents[0] if len(documents) == 1 else "")
        if name not in documents:
            raise Invalid(f"job {reference['job']} has the .FCStd artifacts "
                          f"{', '.join(documents) or 'none'}; name one: {form}")
        digest = artifacts[name]["hash"]
        if digest not in self.blobs:
            self.blob(digest)                # says what is wrong
        return self._copy(self.blobs[digest], name)

    def _copy(self, fd: int, name: str) -> str:
        self.count += 1
        directory = os.path.join(self.scratch, f".input{self.count}")
        os.mkdir(directory)
        copy = os.path.join(directory, os.path.basename(name))
        os.lseek(fd, 0, os.SEEK_SET)
        with open(fd, "rb", closefd=False) as reader, open(copy, "xb") as writer:
            shutil.copyfileobj(reader, writer, 1 << 20)
        return copy

    def blob(self, digest: str) -> bytes:
        """The bytes of a blob that came along with the job."""
        fd = self.blobs.get(digest)
        if fd is None:
            raise Invalid("its content did not come along with the job (expired or deleted); "
                          "run the job that makes it again")
        return read_fd(fd)

    def _resolve(self, reference: dict[str, Any]) -> Any:
        if "document" in reference:
            raise Invalid("shapes of live documents are taken by the MCP server, for its own calls; "
                          "here give a job, a file or BREP text")
        sources = [key for key in ("job", "file", "brep") if key in reference]
        if len(sources) != 1:
            raise Invalid(f"needs exactly one of job, file and brep: {FORMS}")
        for key, needs in (("artifact", "job"), ("object", "file")):
            if key in reference and needs != sources[0]:
                raise Invalid(f"{key!r} goes with {needs!r} only")
        if "brep" in reference:
            return formats.read_brep_text(reference["brep"])
        if "file" in reference:
            return self._file(reference["file"], reference.get("object"))
        return self._job(reference["job"], reference.get("artifact"))

    # ---- Jobs ---------------------------------------------------------------

    def _artifacts(self, job_id: str) -> dict[str, Any]:
        """Artifacts of a completed job, by name."""
        ref = self.refs.get(job_id)
        if ref is None:
            raise Invalid(f"job {job_id} is unknown here: it must be in depends_on, exist and "
                          "not be expired (see list_jobs)")
        if ref.get("state") != "completed":
            raise Invalid(f"job {job_id} is {ref.get('state')}, only a completed one has results")
        return {item["name"]: item for item in json.loads(ref.get("artifacts") or "[]")}

    def _job(self, job_id: str, name: str | None) -> Any:
        artifacts = self._artifacts(job_id)
        if name is not None:
            if name not in artifacts:
                known = ", ".join(artifacts) or "none"
                raise Invalid(f"job {job_id} has no artifact {name!r}; it has: {known}")
            try:
                return self._artifact(artifacts[name])
            except Invalid as error:
                raise Invalid(f"artifact {name!r} of job {job_id}: {error}") from error
        if SHAPE in artifacts:
            return self._artifact(artifacts[SHAPE])
        return self._value(self.refs[job_id], artifacts)

    def _value(self, ref: dict[str, Any], artifacts: dict[str, Any]) -> Any:
        if ref.get("result_blob"):
            return json.loads(self.blob(ref["result_blob"]))
        value = json.loads(ref.get("result") or "null")
        if isinstance(value, dict) and value.get("artifact") == VALUE and VALUE in artifacts:
            return json.loads(self.blob(artifacts[VALUE]["hash"]))
        return value

    def _artifact(self, artifact: dict[str, Any]) -> Any:
        kind, digest = formats.ending(artifact["name"]), artifact["hash"]
        if kind not in formats.SHAPE_READ | formats.MESH_READ:
            return self.blob(digest)
        if digest not in self.blobs:
            return self.blob(digest)         # says what is wrong
        return self._read(self.blobs[digest], kind, None)

    # ---- Files --------------------------------------------------------------

    def _file(self, path: str, name: str | None) -> Any:
        self.files.check(path)               # before anything is said about the file
        kind = formats.ending(path)
        if kind == "fcstd" and name is None:
            raise Invalid('an FCStd file needs the object: {"file": ..., "object": "Box"}')
        if kind != "fcstd" and name is not None:
            raise Invalid("'object' goes with an .FCStd file only")
        if kind not in formats.SHAPE_READ | formats.MESH_READ | {"fcstd"}:
            raise Invalid(f"can't read {path!r}: the file must end in .step .stp .iges .igs .brep "
                          ".brp .stl .obj .ply or .FCStd")
        fd = self.files.open(path)
        try:
            return self._read(fd, kind, name)
        except Invalid as error:
            raise Invalid(f"file {path!r}: {error}") from error
        finally:
            os.close(fd)

    def _read(self, fd: int, kind: str, name: str | None) -> Any:
        """Reads by type, through a copy in scratch that is gone afterwards."""
        if kind in ("brep", "brp"):
            return formats.read_brep_text(read_fd(fd).decode("utf-8", "replace"))
        self.count += 1
        copy = os.path.join(self.scratch, f".input{self.count}.{kind}")
        try:
            os.lseek(fd, 0, os.SEEK_SET)
            with open(fd, "rb", closefd=False) as reader, open(copy, "xb") as writer:
                shutil.copyfileobj(reader, writer, 1 << 20)
            if kind == "fcstd":
                return formats.read_document_object(copy, name or "")
            return formats.read(copy, kind)
        finally:
            if os.path.lexists(copy):
                os.unlink(copy)


def read_fd(fd: int) -> bytes:
    """All of a descriptor, from its start."""
    os.lseek(fd, 0, os.SEEK_SET)
    with open(fd, "rb", closefd=False) as reader:
        return reader.read()
