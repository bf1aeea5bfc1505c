"""The live FreeCAD: trivial code through the whole stdio path, status while
the window is busy, and what a snapshot of 500 objects costs.

The other servers' numbers for the first two are in README.md: they were taken
inside FreeCAD, without the MCP process that ours includes.
"""
from __future__ import annotations

import json
import statistics
import subprocess
import threading
import time
from typing import Any, Callable

from service import Service, Unavailable

DOCUMENT = """
d = App.newDocument("Big")
for i in range(500):
    d.addObject("Part::Box", f"B{i}").Placement.Base = App.Vector(20 * i, 0, 0)
d.recompute()
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

    def code(self, text: str, **options: Any) -> Any:
        """What that code gives in the live FreeCAD."""
        made = self.request("tools/call", {"name": "execute_code",
                                           "arguments": {"code": text, **options}})
        if made.get("isError") or "result" not in made.get("structuredContent", {}):
            raise Unavailable(f"execute_code: {made['content'][0]['text'][:300]}")
        return made["structuredContent"]["result"]

    def close(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(10)


def _times(work: Callable[[], Any], count: int) -> list[float]:
    times = []
    for _ in range(count):
        began = time.perf_counter()
        work()
        times.append((time.perf_counter() - began) * 1e3)
    return sorted(times)


def measure(service: Service, quick: bool, row: Callable[..., None]) -> None:
    """All rows of the group."""
    stdio = Stdio(service)
    try:
        until = time.time() + 60
        while True:
            try:
                stdio.code("1")
                break
            except Unavailable:
                if time.time() > until:
                    raise
                time.sleep(0.5)
        count = 100 if quick else 400
        times = _times(lambda: stdio.code("1 + 1"), count)
        row("window: trivial execute_code, stdio to result: p50",
            statistics.median(times), "ms")
        row("window: trivial execute_code, stdio to result: p95",
            times[int(count * 0.95)], "ms")
        _busy(service, quick, row)
        stdio.code(DOCUMENT, transaction=False)
        fork, copy, edit = stdio.code(PRICE, transaction=False)
        row("window, 500 boxes: snapshot by fork, CPU time of the GUI thread", fork, "ms")
        row("window, 500 boxes: the same by saveCopy there", copy, "ms")
        row("window, 500 boxes: one edit with recompute inside FreeCAD", edit, "ms")
        times = _times(lambda: stdio.code(
            "doc.B1.Length = doc.B1.Length.Value + 1"), 10 if quick else 40)
        row("window, 500 boxes: that edit as a call, stdio to result: p50",
            statistics.median(times), "ms")
    finally:
        stdio.close()


def _busy(service: Service, quick: bool, row: Callable[..., None]) -> None:
    seconds = 2 if quick else 6
    worker, looker = Stdio(service), Stdio(service)
    thread = threading.Thread(target=lambda: worker.code(
        f"import time\nend = time.time() + {seconds}\nwhile time.time() < end: pass\n1"))
    thread.start()
    times, until = [], time.time() + seconds - 0.5
    while time.time() < until:
        times += _times(lambda: looker.request("tools/call", {
            "name": "service_status", "arguments": {}}), 1)
        time.sleep(0.01)
    thread.join()
    times.sort()
    row(f"window: service_status during a {seconds} s job there: p50", times[len(times) // 2], "ms")
    row(f"window: service_status during a {seconds} s job there: p99",
        times[int(len(times) * 0.99)], "ms")
    worker.close()
    looker.close()
