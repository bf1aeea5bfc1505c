"""What each tool of live documents costs in a document of 500 objects.

    PYTHONPATH=tests/system python3.11 tests/bench/live_tools.py [objects]

Through everything: an MCP client on stdio, broker, Redis with fsync, FreeCAD's
real window on Xvfb. Median and 95th percentile of each call's wall time; and the
median of the time and of the CPU time that it took in FreeCAD (the job's run_s
and cpu_s): on a busy machine only the last one says something. There is a pause
before each call, as an agent makes one: without a graphics card FreeCAD takes
some 0.1 s to draw 500 objects anew after a change, and a call in that time waits.
"""

from __future__ import annotations

import pathlib
import statistics
import sys
import time
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))

from service import Stdio  # noqa: E402
from test_live_tools import Window  # noqa: E402

ROUNDS = 11
PAUSE_S = 0.4
BUILD = """
import Part
doc = App.newDocument("Many")
for n in range(COUNT * 3 // 5):
    box = doc.addObject("Part::Box", "Box")
    box.Placement.Base = App.Vector(n % 20 * 15, n // 20 * 15, 0)
boxes = [item for item in doc.Objects]
for n in range(COUNT // 5):
    hole = doc.addObject("Part::Cylinder", "Hole")
    hole.Placement.Base = boxes[n].Placement.Base + App.Vector(5, 5, 0)
    cut = doc.addObject("Part::Cut", "Cut")
    cut.Base, cut.Tool = boxes[n], hole
doc.recompute()
len(doc.Objects)
"""
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("execute_code", {"code": "1 + 1"}),
    ("execute_code", {"code": "1 + 1", "transaction": False}),
    ("list_documents", {}),
    ("get_active_document", {}),
    ("get_objects", {}),
    ("get_objects", {"type": "Part::Box", "properties": ["Length", "Placement"], "limit": 100}),
    ("get_object", {"object": "Box"}),
    ("inspect_object", {"object": "Cut"}),
    ("analyze_shape", {"object": "Cut", "elements": "faces"}),
    ("get_document_graph", {}),
    ("edit_object", {"object": "Box010", "properties": {"Length": "N"}}),
    ("edit_object", {"object": "Box200", "properties": {"Length": "N"}}),
    ("create_object", {"type": "Part::Box"}),
    ("undo", {}),
    ("redo", {}),
    ("delete_object", {"objects": ["N"]}),
    ("recompute_document", {}),
    ("recompute_document", {"force": True}),
    ("get_selection", {}),
    ("get_view", {}),
    ("get_view", {"views": ["Isometric", "Front", "Top", "Right"]}),
    ("get_view", {"focus_object": "Cut"}),
    ("get_console_output", {}),
    ("save_document", {"path": "many.FCStd"}),
    ("snapshot_document", {}),
]


def arguments_of(call: dict[str, Any], number: int, last: str) -> dict[str, Any]:
    """The call's arguments, with something new in place of "N"."""
    made = dict(call)
    if call.get("objects") == ["N"]:
        made["objects"] = [last]
    if call.get("properties") == {"Length": "N"}:
        made["properties"] = {"Length": 5 + number % 7}
    return made


def job_ms(client: Stdio, tool: str) -> tuple[float, float]:
    """How long the newest job of that tool ran, and its CPU time."""
    (job,) = client.call("list_jobs", tool=tool, limit=1)["jobs"]
    return job.get("run_s", 0) * 1000, job.get("cpu_s", 0) * 1000


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    window = Window(display="xvfb", roots_write="yes", hold_s=60, slots=1)
    try:
        window._until(lambda: not window.client().call("list_documents").is_error, 60)
        client = Stdio(window.env)
        client.initialize()
        made = client.call("execute_code", code=BUILD.replace("COUNT", str(count)), timeout_s=300)
        assert not made.is_error, made
        print(f"{made['result']} objects, {ROUNDS} calls each\n")
        print(f"{'tool':62} {'p50 ms':>8} {'p95 ms':>8} {'in FreeCAD':>10} {'CPU ms':>8}")
        last = ""
        for tool, call in CALLS:
            walls, inside, cpu = [], [], []
            rounds = 3 if call.get("force") else ROUNDS
            for number in range(rounds):
                if tool == "delete_object":
                    last = client.call("create_object", type="Part::Box")["object"]["name"]
                arguments = arguments_of(call, number, last)
                if tool == "redo":
                    assert not client.call("undo").is_error
                time.sleep(PAUSE_S)
                start = time.perf_counter()
                answer = client.call(tool, **arguments)
                walls.append((time.perf_counter() - start) * 1000)
                assert not answer.is_error, answer
                ran, used = job_ms(client, tool)
                inside.append(ran)
                cpu.append(used)
            walls.sort()
            label = tool + (f" {call}" if call else "")
            print(f"{label[:62]:62} {statistics.median(walls):8.1f} "
                  f"{walls[min(len(walls) - 1, int(len(walls) * 0.95))]:8.1f} "
                  f"{statistics.median(inside):10.1f} {statistics.median(cpu):8.1f}", flush=True)
        client.close()
    finally:
        window.stop()


if __name__ == "__main__":
    main()
