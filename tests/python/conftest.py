"""A job process without its supervisor: real FreeCAD, a channel that records.

The runtime is prepared once, as the zygote does; each job gets a directory of
its own, as the supervisor gives it one.
"""

import ctypes
import json
import os
import struct
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[2] / "jobs" / "tools"
sys.path.insert(0, str(TOOLS))

from fcj import process  # noqa: E402

JOB = "11111111-1111-4111-8111-111111111111"
OTHER = "22222222-2222-4222-8222-222222222222"


class Channel:
    """What the builtin module _fcj is to the job process."""

    def __init__(self, answers=()):
        self.sent, self.answers = [], list(answers)

    def send(self, message):
        self.sent.append(message)

    def receive(self):
        asked = [message for message in self.sent if message["type"] == "ask"][-1]
        action, content = self.answers.pop(0)
        return {"type": "answer", "ask": asked["ask"], "action": action,
                "content": json.dumps(content) if content is not None else ""}

    def open_beneath(self, root, path):
        """openat2 with RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS."""
        top = os.open(root, os.O_PATH | os.O_DIRECTORY)
        how = struct.pack("QQQ", os.O_RDONLY | os.O_CLOEXEC, 0, 0x08 | 0x04)
        libc = ctypes.CDLL(None, use_errno=True)
        fd = libc.syscall(437, top, os.fsencode(path), how, len(how))
        error = ctypes.get_errno()
        os.close(top)
        if fd < 0:
            raise OSError(error, os.strerror(error), path)
        return fd


class Outcome:
    """The messages of one job, and its files."""

    def __init__(self, sent, scratch):
        self.sent, self.scratch = sent, scratch
        results = [message for message in sent if message["type"] == "result"]
        assert len(results) == 1 and sent[-1] is results[0], sent
        self.last = results[0]
        self.state, self.reason = self.last["state"], self.last.get("reason")
        self.result = json.loads(self.last["result"]) if "result" in self.last else None
        self.error = json.loads(self.last["error"]) if "error" in self.last else None
        self.artifacts = [message["name"] for message in sent if message["type"] == "artifact"]
        self.started = {"type": "started"} in sent

    def file(self, name):
        return self.scratch / "artifacts" / name


@pytest.fixture(scope="session")
def catalogue():
    return json.loads(process.prepare([]))


@pytest.fixture
def run(catalogue, tmp_path):
    """run (tool, arguments, ...) -> Outcome."""
    count = 0

    def start(tool, arguments, inputs=None, refs=None, roots=(), blobs=None, answers=(),
              writable=False, parts="", **spec):
        nonlocal count
        count += 1
        scratch = tmp_path / f"job{count}"
        scratch.mkdir()
        channel, here = Channel(answers), os.getcwd()
        text = arguments if isinstance(arguments, str) else json.dumps(arguments)
        spec = {"tool": tool, "arguments": text, "lane": "compute", **spec}
        if inputs is not None:
            spec["inputs"] = json.dumps(inputs)
        os.chdir(scratch)
        try:
            process.run({"type": "run", "id": JOB, "attempt": 1, "spec": spec, "refs": refs or {},
                         "limits": {}, "roots": [str(root) for root in roots],
                         "roots_write": writable, "parts": parts,
                         "blobs": blobs or {}}, channel)
        finally:
            os.chdir(here)
        return Outcome(channel.sent, scratch)
    return start


@pytest.fixture
def code(run):
    """code (text) -> Outcome of execute_code_async."""
    return lambda text, **more: run("execute_code_async", {"code": text}, **more)


@pytest.fixture
def blob(tmp_path):
    """blob (bytes) -> descriptor."""
    fds = []

    def make(data):
        path = tmp_path / f"blob{len(fds)}"
        path.write_bytes(data)
        fds.append(os.open(path, os.O_RDONLY))
        return fds[-1]
    yield make
    for fd in fds:
        os.close(fd)


def brep(shape):
    return {"brep": shape.exportBrepToString()}


def box(x=10, y=10, z=10, at=(0, 0, 0)):
    import FreeCAD
    import Part
    return Part.makeBox(x, y, z, FreeCAD.Vector(*at))


# ---- Live documents ---------------------------------------------------------

class Window:
    """Notes which of our files import FreeCADGui (some of FreeCAD's own do)."""

    touched = []

    def find_spec(self, name, *_):
        if name != "FreeCADGui":
            return None
        frame = sys._getframe(1)
        while frame and "importlib" in frame.f_code.co_filename:
            frame = frame.f_back
        if frame and str(TOOLS) in frame.f_code.co_filename:
            self.touched.append(frame.f_code.co_filename)
        return None


sys.meta_path.insert(0, Window())


@pytest.fixture
def live(run, tmp_path):
    """live (tool, **arguments) -> the result of a tool of live documents, which
    must succeed; live.no (...) -> the words with which it must be refused.
    live.root is a workspace root that may be written to."""
    import FreeCAD

    class Live:
        root = tmp_path / "root"
        parts = ""

        def outcome(self, tool, arguments, **more):
            return run(tool, arguments, roots=[self.root], writable=True, parts=self.parts, **more)

        def __call__(self, tool, **arguments):
            outcome = self.outcome(tool, arguments)
            assert outcome.state == "completed", outcome.error
            check_result(tool, outcome.result)
            return outcome.result

        def no(self, tool, **arguments):
            outcome = self.outcome(tool, arguments)
            assert outcome.state == "failed", outcome.result
            return outcome.error["message"]

    def check_result(tool, result):
        from fcj import schema
        from fcj.tool import registry
        schema.check(result, registry()[tool].entry["resultSchema"], tool)

    Live.root.mkdir()
    for name in list(FreeCAD.listDocuments()):
        FreeCAD.closeDocument(name)
    yield Live()
    for name in list(FreeCAD.listDocuments()):
        FreeCAD.closeDocument(name)
    assert not Window.touched, f"a document tool has touched the window: {Window.touched}"


@pytest.fixture
def part(live):
    """A document "Part" with a box, a cylinder and their cut."""
    import FreeCAD
    live("create_document", name="Part")
    live("create_object", type="Part::Box", name="Box")
    live("create_object", type="Part::Cylinder", name="Cyl", properties={"Radius": "2 mm"})
    live("create_object", type="Part::Cut", name="Cut", properties={"Base": "Box", "Tool": "Cyl"})
    return FreeCAD.getDocument("Part")
