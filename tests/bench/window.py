"""The live FreeCAD: trivial code, pictures, status while the window is busy,
through the whole stdio path and beside other servers inside FreeCAD if they
are at hand (window_peers.py: without the MCP process that ours includes); and
what a snapshot of 500 objects costs.
"""
from __future__ import annotations

import http.client
import json
import statistics
import subprocess
import threading
import time
import xmlrpc.client
from typing import Any, Callable

import window_peers
from service import Service, Unavailable
from window_peers import Side

ROUNDS = 3
#: As an agent makes one: the window has been drawn again by then.
PAUSE_S = 0.25
DOCUMENT = """
d = App.newDocument("Big")
for i in range(500):
    d.addObject("Part::Box", f"B{i}").Placement.Base = App.Vector(20 * i, 0, 0)
d.recompute()
"""
#: What a picture shows.
TWO = """
import FreeCAD
d = FreeCAD.newDocument("Two")
d.addObject("Part::Box", "Box")
d.addObject("Part::Cylinder", "Cylinder").Placement.Base.x = 20
d.recompute()
"""
BUSY = """
import time
end = time.time() + {seconds}
while time.time() < end:
    pass
"""
BOOLEANS = """
import time, Part, FreeCAD
end = time.time() + {seconds}
while time.time() < end:
    balls = [Part.makeSphere(10, FreeCAD.Vector(12 * i, 0, i % 3)) for i in range(20)]
    balls[0].multiFuse(balls[1:])
"""
#: In the host: the fork of a snapshot, and the same copy made by the host.
PRICE = """
import os, time
from fcj_gui import running
def best(work, count):
    times = []
    for _ in range(count):
        began = time.thread_time(); work(); times.append((time.thread_time() - began) * 1e3)
    return sorted(times)[len(times) // 2]
def edit():
    doc.B0.Length = doc.B0.Length.Value + 1
    doc.recompute()
path = os.path.join(job.scratch, "copy.FCStd")
[best(running._snapshots.take, 9), best(lambda: doc.saveCopy(path), 3), best(edit, 9)]
"""


class Stdio:
    """One fcj-mcp over stdin and stdout."""

    def __init__(self, service: Service) -> None:
        self.process = subprocess.Popen(
            [service.program("fcj-mcp")], env=service.environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.number = 0
        self.request("initialize", {"protocolVersion": "2025-11-25", "capabilities": {},
                                    "clientInfo": {"name": "bench", "version": "1"}})

    def request(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin and self.process.stdout
        self.number += 1
        self.process.stdin.write(json.dumps({
            "jsonrpc": "2.0", "id": self.number, "method": method,
            "params": params}).encode() + b"\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            message = json.loads(line)
            if message.get("id") == self.number:
                if "error" in message:
                    raise Unavailable(str(message["error"]))
                return dict(message["result"])
        raise Unavailable("fcj-mcp ended")

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """A tool's answer."""
        made = self.request("tools/call", {"name": tool, "arguments": arguments})
        if made.get("isError"):
            raise Unavailable(f"{tool}: {made['content'][0]['text'][:300]}")
        return made

    def code(self, text: str, **options: Any) -> Any:
        """What that code gives in the live FreeCAD."""
        made = self.call("execute_code", code=text, **options)
        if "result" not in made.get("structuredContent", {}):
            raise Unavailable(f"execute_code: {made['content'][0]['text'][:300]}")
        return made["structuredContent"]["result"]

    def close(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(10)


def _times(work: Callable[[], Any], count: int, pause_s: float = 0) -> list[float]:
    times = []
    for _ in range(count):
        time.sleep(pause_s)
        began = time.perf_counter()
        work()
        times.append((time.perf_counter() - began) * 1e3)
    return sorted(times)


class Ours(Side):
    """Our service, each call through an fcj-mcp on stdio."""

    name = "ours"

    def __init__(self, service: Service) -> None:
        self.all = [Stdio(service), Stdio(service)]
        first, second = self.all
        self.trivial = lambda: first.code("1 + 1")
        self.busy = lambda code: second.code(code + "\n1", transaction=False)
        self.status = lambda: first.call("service_status")
        self.documents = lambda: first.call("list_documents")
        self.background = lambda code: first.call("execute_code_async", code=code)
        self.screenshot = lambda: window_peers.picture("".join(
            part.get("data", "") for part in first.call(
                "get_view", view_name="Isometric", width=800, height=600)["content"]))

    def wait(self) -> None:
        """Return when the window answers."""
        until = time.time() + 60
        while True:
            try:
                self.trivial()
                return
            except Unavailable:
                if time.time() > until:
                    raise
                time.sleep(0.5)

    def close(self) -> None:
        for stdio in self.all:
            stdio.close()


# ---- Ours beside the others ------------------------------------------------

#: A side's name and what was measured; the milliseconds of each call, sorted.
Times = dict[tuple[str, str], list[float]]


def compare(sides: list[Side], quick: bool, row: Callable[..., None],
            say: Callable[[str], None]) -> None:
    """The rows that have peers, ours first in each; all FreeCADs stay open,
    and what is short is measured in turns, so that each sees the same
    machine."""
    seconds, calls, pictures = (2, 20, 3) if quick else (6, 40, 5)
    times: Times = {}               # ours always: without them it raises

    def ask(side: Side, what: str, work: Callable[[], list[float]]) -> None:
        try:
            got = times.get((side.name, what), []) + work()
            times[side.name, what] = sorted(got)
        except (Unavailable, OSError, http.client.HTTPException,
                xmlrpc.client.Error, ValueError, KeyError) as failure:
            say(f"{side.name}, {what}: {failure!r}")
            if side is sides[0]:
                raise Unavailable(f"{what}: {failure!r}") from failure

    def in_turns(what: str, count: int, call: Callable[[Side], Any],
                 pause_s: float = 0) -> None:
        for turn in range(ROUNDS + 1):
            for side in sides:
                if turn == 0 and call(side):        # warms up, is not counted
                    ask(side, "warming up " + what, lambda: _times(call(side), 2))
                elif call(side):
                    ask(side, what, lambda: _times(call(side), count, pause_s))

    in_turns("trivial", calls, lambda side: side.trivial)
    for side in sides:
        ask(side, "drawing", lambda: _times(lambda: side.busy(TWO), 1))
    in_turns("drawn", calls, lambda side: side.trivial)
    in_turns("paused", calls // 5, lambda side: side.trivial, PAUSE_S)
    in_turns("picture", pictures, lambda side: side.screenshot)
    for side in sides:
        ask(side, "busy", lambda: _during(side, side.status, seconds))
        if side.documents:
            ask(side, "documents", lambda: _during(side, side.documents, seconds))
        if side.background:
            ask(side, "background", lambda: _background(side, seconds))

    _table(sides, times, seconds, row)


def _table(sides: list[Side], times: Times, seconds: int,
           row: Callable[..., None]) -> None:
    """A row for each figure and peer; one with ours alone without peers."""
    during = f"during a {seconds} s"
    for text, what, part in (
            ("trivial execute_code, stdio to result: p50", "trivial", 0.5),
            ("trivial execute_code, stdio to result: p95", "trivial", 0.95),
            ("the same with a document open: p50", "drawn", 0.5),
            (f"the same {PAUSE_S} s after the one before: p50", "paused", 0.5),
            ("picture of 800 x 600, two solids: p50", "picture", 0.5),
            (f"status {during} job there: p50", "busy", 0.5),
            (f"status {during} job there: slowest", "busy", 1),
            (f"list_documents {during} job there: slowest", "documents", 1),
            (f"status {during} background job (booleans): p50", "background", 0.5),
            (f"status {during} background job (booleans): slowest", "background", 1)):
        ours, *peers = [(side.name, _part(times[side.name, what], part))
                        for side in sides if (side.name, what) in times]
        for name, theirs in peers or [("", None)]:
            row("window: " + text, ours[1], "ms", name, theirs)


def _part(times: list[float], part: float) -> float:
    """The value below which that part of the sorted ones lies."""
    return times[min(len(times) - 1, int(len(times) * part))]


def _sample(work: Callable[[], Any], until: float) -> list[float]:
    """One call after the other, with a short pause, begun before that time."""
    times = []
    while time.time() < until:
        times += _times(work, 1)
        time.sleep(0.01)
    return times


def _during(side: Side, work: Callable[[], Any], seconds: float) -> list[float]:
    """Calls while the GUI thread runs Python for that long."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            side.busy(BUSY.format(seconds=seconds))
        except BaseException as failure:    # noqa: B902 (told below)
            failed.append(failure)

    thread = threading.Thread(target=run)
    thread.start()
    time.sleep(0.3)
    times = _sample(work, time.time() + seconds - 0.8)
    thread.join()
    if failed:
        raise Unavailable(f"the job: {failed[0]!r}")
    return times


def _background(side: Side, seconds: float) -> list[float]:
    """Calls while booleans run in what this side calls the background."""
    assert side.background
    until = time.time() + seconds
    side.background(BOOLEANS.format(seconds=seconds))
    time.sleep(0.3)
    times = _sample(side.status, until - 0.5)
    time.sleep(max(0.0, until + 1 - time.time()))
    return times


# ---- All rows --------------------------------------------------------------

def measure(service: Service, quick: bool, row: Callable[..., None],
            say: Callable[[str], None]) -> None:
    """All rows of the group."""
    ours = Ours(service)
    try:
        ours.wait()
        peers = window_peers.start(say)
        try:
            compare([ours, *peers], quick, row, say)
        finally:
            for side in reversed(peers):
                side.close()
        _snapshots(ours.all[0], quick, row)
    finally:
        ours.close()


def _snapshots(stdio: Stdio, quick: bool, row: Callable[..., None]) -> None:
    """What 500 objects cost."""
    stdio.code(DOCUMENT, transaction=False)
    fork, copy, edit = stdio.code(PRICE, transaction=False)
    row("window, 500 boxes: snapshot by fork, CPU time of the GUI thread", fork, "ms")
    row("window, 500 boxes: the same by saveCopy there", copy, "ms")
    row("window, 500 boxes: one edit with recompute inside FreeCAD", edit, "ms")
    times = _times(lambda: stdio.code(
        "doc.B1.Length = doc.B1.Length.Value + 1"), 10 if quick else 40)
    row("window, 500 boxes: that edit as a call, stdio to result: p50",
        statistics.median(times), "ms")
