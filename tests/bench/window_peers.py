"""Other servers that live inside FreeCAD, to be measured beside our window.

FCJ_BENCH_PEERS names a directory with checkouts of them (README.md says how to
get them); what is not there is left out with a line. Each runs unchanged in a
real `freecad` with a user directory and an Xvfb of its own, on free ports, and
is asked as its own MCP process asks it: that process is not part of the
figures, ours is. All that was started ends with `close`.
"""
from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import xmlrpc.client
from typing import Any, Callable

from service import Unavailable, carriers, free_port

START_S = 90
CALL_S = 120
#: No start page: it is a web browser of its own, and ours has none either.
USER_CFG = """<?xml version="1.0" encoding="UTF-8" standalone="no" ?>
<FCParameters><FCParamGroup Name="Root"><FCParamGroup Name="BaseApp">
<FCParamGroup Name="Preferences"><FCParamGroup Name="General">
<FCText Name="AutoloadModule">PartWorkbench</FCText>
</FCParamGroup></FCParamGroup></FCParamGroup></FCParamGroup></FCParameters>
"""
#: neka-nat's add-on wants PySide.QtWidgets, which FreeCAD 0.20 has not; an
#: add-on beside it (Init.py comes before every InitGui.py) puts it there.
SHIM = """
try:
    from PySide import QtWidgets
except ImportError:
    import sys
    import PySide
    from PySide2 import QtWidgets
    PySide.QtWidgets = sys.modules["PySide.QtWidgets"] = QtWidgets
"""
START_NEKA = """
from rpc_server import rpc_server
rpc_server.start_rpc_server(port={port})
"""


class Side:
    """One side of the comparison. A call that it does not offer is None; a
    call that fails raises."""

    name = ""
    trivial: Callable[[], Any]
    screenshot: Callable[[], Any] | None = None
    status: Callable[[], Any]
    documents: Callable[[], Any] | None = None
    #: Runs code and returns when it has ended; may be called from a thread.
    busy: Callable[[str], Any]
    #: Starts code in the background and returns at once.
    background: Callable[[str], Any] | None = None

    def close(self) -> None:
        """End what was started for this side."""


# ---- FreeCAD with an add-on ------------------------------------------------

class FreeCad:
    """A `freecad` with a private user directory on a private Xvfb."""

    def __init__(self, name: str, script: Callable[[str], str],
                 **environment: str) -> None:
        """script is called with the add-ons' directory; what it returns, the
        path of a script, is what FreeCAD starts with."""
        for program in ("Xvfb", "freecad"):
            if not shutil.which(program):
                raise Unavailable(f"{program} is not installed")
        self.name = name
        self.processes: list[subprocess.Popen[bytes]] = []
        self.directory = tempfile.mkdtemp(prefix="fcjw", dir="/tmp")
        self.environment = {
            key: value for key, value in os.environ.items()
            if key not in ("DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY",
                           "QT_QPA_PLATFORM") and not key.startswith("FCJ_")}
        self.environment |= environment | {
            "HOME": self.directory, "FREECAD_USER_HOME": self.directory,
            "FREECAD_USER_DATA": self.directory,
            "FREECAD_USER_TEMP": self.directory,
            "LIBGL_ALWAYS_SOFTWARE": "1", "QTWEBENGINE_DISABLE_SANDBOX": "1",
            "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            mod = os.path.join(self.directory, "Mod")
            os.mkdir(mod)
            with open(os.path.join(self.directory, "user.cfg"), "w") as file:
                file.write(USER_CFG)
            self.environment["DISPLAY"] = self._display()
            self._start(["freecad", script(mod)])
        except BaseException:
            self.close()
            raise

    def _start(self, command: list[str], **more: Any) -> None:
        with open(os.path.join(self.directory, "log"), "ab") as log:
            self.processes.append(subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=self.environment, start_new_session=True,
                cwd=self.directory, **more))

    def _display(self) -> str:
        """Start an Xvfb, which chooses a free display; its name."""
        told, tells = os.pipe()
        try:
            self._start(["Xvfb", "-displayfd", str(tells), "-screen", "0",
                         "1280x1024x24", "-nolisten", "tcp"],
                        pass_fds=(tells,))
            os.close(tells)
            tells = -1
            with open(told, closefd=False) as answer:
                number = answer.readline().strip()
        finally:
            os.close(told)
            if tells >= 0:
                os.close(tells)
        if not number:
            raise Unavailable("Xvfb does not start: " + self.log())
        return ":" + number

    def wait(self, works: Callable[[], Any]) -> None:
        """Return when a first call succeeds."""
        until, why = time.time() + START_S, ""
        while time.time() < until and self.processes[-1].poll() is None:
            try:
                works()
                return
            except (OSError, Unavailable, xmlrpc.client.Error) as failure:
                why = repr(failure)
            time.sleep(0.2)
        raise Unavailable(f"it does not answer: {why} {self.log()}")

    def log(self) -> str:
        """The last lines of all output."""
        with open(os.path.join(self.directory, "log"), errors="replace") as log:
            return "".join(log.readlines()[-6:])

    def close(self) -> None:
        """End FreeCAD, then Xvfb, then what they have left behind."""
        for process in reversed(self.processes):
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes = []
        for pid in carriers("FREECAD_USER_HOME", self.directory):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        shutil.rmtree(self.directory, ignore_errors=True)


# ---- How they are asked ----------------------------------------------------

class _Transport(xmlrpc.client.Transport):
    """One that does not wait forever."""

    def make_connection(self, host: Any) -> Any:
        connection = super().make_connection(host)
        connection.timeout = CALL_S
        return connection


def _proxy(port: int) -> xmlrpc.client.ServerProxy:
    return xmlrpc.client.ServerProxy(f"http://127.0.0.1:{port}/RPC2",
                                     transport=_Transport(), allow_none=True)


def _good(answer: Any) -> Any:
    """An answer that does not say that it failed."""
    if isinstance(answer, dict) and answer.get("success") is False:
        raise Unavailable(str(answer)[:300])
    return answer


def picture(text: Any) -> str:
    """What was given as a picture, if it is a PNG in base64 that can hold
    something."""
    if not str(text).startswith("iVBORw0KGgo") or len(text) < 1000:
        raise Unavailable(f"not a picture: {str(text)[:60]}")
    return str(text)


class NekaNat(Side):
    """neka-nat/freecad-mcp: XML-RPC, one request at a time; its threads hand
    the work to the GUI thread."""

    name = "neka-nat"

    def __init__(self, checkout: str) -> None:
        addon = os.path.join(checkout, "addon", "FreeCADMCP")
        if not os.path.isdir(addon):
            raise Unavailable(f"there is no {addon}")
        port = free_port()

        def script(mod: str) -> str:
            os.symlink(os.path.abspath(addon), os.path.join(mod, "FreeCADMCP"))
            os.mkdir(os.path.join(mod, "0Shim"))
            start = os.path.join(mod, "..", "start.py")
            for path, text in (
                    (os.path.join(mod, "0Shim", "Init.py"), SHIM),
                    (start, START_NEKA.format(port=port))):
                with open(path, "w") as file:
                    file.write(text)
            return start

        self.freecad = FreeCad(self.name, script)
        # a proxy is one connection: a thread has its own
        first, second = _proxy(port), _proxy(port)
        self.trivial = lambda: _good(first.execute_code("1 + 1"))
        self.busy = lambda code: _good(second.execute_code(code))
        self.background = lambda code: _good(first.execute_code_async(code))
        self.status = lambda: _good(first.get_rpc_status())
        self.documents = first.list_documents
        self.screenshot = lambda: picture(first.get_active_screenshot(
            "Isometric", 800, 600))
        try:
            self.freecad.wait(self.trivial)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self.freecad.close()


class Spkane(Side):
    """spkane's bridge by XML-RPC; a timer of 50 ms in the GUI thread looks for
    work. `socket_side` is the same FreeCAD by its JSON socket."""

    name = "spkane (XML-RPC)"

    def __init__(self, checkout: str) -> None:
        start = os.path.abspath(os.path.join(
            checkout, "freecad", "RobustMCPBridge", "freecad_mcp_bridge",
            "startup_bridge.py"))
        if not os.path.exists(start):
            raise Unavailable(f"there is no {start}")
        port, self.socket_port = free_port(), free_port()
        self.freecad = FreeCad(self.name, lambda _: start,
                               FREECAD_XMLRPC_PORT=str(port),
                               FREECAD_SOCKET_PORT=str(self.socket_port))
        first, second = _proxy(port), _proxy(port)
        self.trivial = lambda: _good(first.execute("_result_ = 1 + 1"))
        self.busy = lambda code: _good(second.execute(code))
        self.status = first.ping
        self.screenshot = lambda: picture(_good(first.get_view(
            800, 600, "Isometric"))["data"])
        try:
            self.freecad.wait(self.trivial)
            self.socket_side = SpkaneSocket(self.socket_port)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self.freecad.close()


class SpkaneSocket(Side):
    """The same by lines of JSON; it has no call for a picture."""

    name = "spkane (JSON socket)"

    def __init__(self, port: int) -> None:
        self.connections = [socket.create_connection(("127.0.0.1", port), CALL_S)
                            for _ in range(2)]
        for connection in self.connections:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        first, second = (item.makefile("rwb") for item in self.connections)
        self.trivial = lambda: self._call(first, "execute",
                                          code="_result_ = 1 + 1")
        self.busy = lambda code: self._call(second, "execute", code=code)
        self.status = lambda: self._call(first, "ping")

    @staticmethod
    def _call(stream: Any, method: str, **params: Any) -> Any:
        stream.write(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method,
                                 "params": params}).encode() + b"\n")
        stream.flush()
        answer = json.loads(stream.readline() or b"{}")
        if "result" not in answer:
            raise Unavailable(f"{method}: {str(answer)[:300]}")
        return _good(answer["result"])

    def close(self) -> None:
        for connection in self.connections:
            connection.close()


# ---- All that are at hand --------------------------------------------------

def start(say: Callable[[str], None]) -> list[Side]:
    """Each peer that is at hand and starts; the others are said."""
    where = os.environ.get("FCJ_BENCH_PEERS", "")
    if not where:
        say("servers inside FreeCAD are left out: FCJ_BENCH_PEERS is not set "
            "(tests/bench/README.md)")
        return []
    sides: list[Side] = []
    for folder, kind in (("neka-nat", NekaNat), ("spkane", Spkane)):
        checkout = os.path.join(where, folder)
        if not os.path.isdir(checkout):
            say(f"{folder} is left out: there is no {checkout}")
            continue
        try:
            side = kind(checkout)
        except (Unavailable, OSError) as failure:
            say(f"{folder}: {failure}")
            continue
        except BaseException:
            for begun in reversed(sides):
                begun.close()
            raise
        sides.append(side)
        if isinstance(side, Spkane):
            sides.append(side.socket_side)
    return sides
