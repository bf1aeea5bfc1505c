"""Native operations beside the same in plain FreeCAD Python, in one run.

Each case is a pipeline and the Python that does the same; the Python runs in
an interpreter of its own, without the service. `progress.svg` shows how three
long jobs say how far they are.
"""
from __future__ import annotations

import json
import os
import statistics
import subprocess
import time
from typing import Any, Callable

from service import BUILD, Mcp, Service

PYTHON = "/usr/bin/python3.11"
Steps = list[dict[str, Any]]
HEAD = """import sys, time, json
sys.path.append('/usr/lib/freecad-python3/lib')
import FreeCAD, Part
V = FreeCAD.Vector
def checked(shape):
    assert shape.isValid()
    shape.Volume, shape.Area, shape.CenterOfGravity
    return shape
"""


def spheres(count: tuple[int, int]) -> Steps:
    """Spheres of 10 mm that overlap, as one compound `balls`."""
    return [{"id": "ball", "op": "sphere", "radius": 10},
            {"id": "balls", "op": "pattern", "shape": "$ball", "kind": "grid",
             "count": [*count, 1], "step": [12, 12, 0]}]


def plate(side: int) -> Steps:
    """A plate and side x side cylinders to drill it with."""
    return [{"id": "plate", "op": "box", "size": [side * 10, side * 10, 5]},
            {"id": "hole", "op": "cylinder", "radius": 3, "height": 5,
             "at": [5, 5, 0]},
            {"id": "holes", "op": "pattern", "shape": "$hole", "kind": "grid",
             "count": [side, side, 1], "step": [10, 10, 0]}]


def drilled(side: int) -> Steps:
    """The plate with its holes."""
    return [*plate(side), {"id": "part", "op": "cut", "shape": "$plate",
                           "tools": "$holes"}]


def pairwise(number: int) -> Steps:
    """One fuse after the other."""
    steps: Steps = [{"id": f"s{i}", "op": "sphere", "radius": 10,
                     "at": [i % 10 * 12, i // 10 * 12, 0]}
                    for i in range(number)]
    last = "s0"
    for i in range(1, number):
        steps.append({"id": f"f{i}", "op": "fuse",
                      "shapes": [f"${last}", f"$s{i}"], "unify": False})
        last = f"f{i}"
    return steps


SPHERES = ("s = [Part.makeSphere(10, V(i % 10 * 12, i // 10 * 12, 0)) "
           "for i in range({n})]\n")
PLATE = ("plate = Part.makeBox({s}*10, {s}*10, 5)\n"
         "holes = [Part.makeCylinder(3, 5, V(x * 10 + 5, y * 10 + 5, 0)) "
         "for x in range({s}) for y in range({s})]\n")
LOFT = ("import math\nw = [Part.Wire([Part.makeCircle(10 + 3 * math.sin(i / 4), "
        "V(0, 0, i * 2))]) for i in range(50)]\n")


def loft() -> Steps:
    """Fifty circles and the loft through them."""
    import math
    return [*({"id": f"c{i}", "op": "circle", "at": [0, 0, i * 2],
               "radius": 10 + 3 * math.sin(i / 4)} for i in range(50)),
            {"id": "loft", "op": "loft", "max_degree": 5,
             "profiles": [f"$c{i}" for i in range(50)]}]


#: what, its pipeline, the operations that count, Python before, Python timed
CASES: list[tuple[str, Steps, tuple[str, ...], str, str]] = [
    ("fuse of 60 spheres, one operation",
     [*spheres((10, 6)), {"op": "fuse", "shapes": "$balls", "unify": False}],
     ("fuse",), SPHERES.format(n=60), "checked(s[0].multiFuse(s[1:]))"),
    ("fuse of 30 spheres, pairwise", pairwise(30), ("fuse",),
     SPHERES.format(n=30),
     "a = s[0]\nfor b in s[1:]: a = checked(a.fuse(b))"),
    ("plate with 400 holes",
     [*plate(20), {"op": "cut", "shape": "$plate", "tools": "$holes",
                   "unify": False}],
     ("cut",), PLATE.format(s=20), "checked(plate.cut(holes))"),
    ("loft through 50 sections", loft(), ("loft",), LOFT,
     "checked(Part.makeLoft(w, True, False, False, 5))"),
    ("fillet of all 324 edges of a plate with 100 holes",
     [*drilled(10), {"op": "fillet", "radius": 0.4, "rule": "all"}],
     ("fillet",), PLATE.format(s=10) + "part = plate.cut(holes)\n",
     "checked(part.makeFillet(0.4, part.Edges))"),
]
MESH = [*spheres((8, 5)), {"op": "mesh", "shape": "$balls", "linear": 0.02,
                           "file": "part.stl"}]
MESH_PLAIN = (SPHERES.format(n=40) + "part = Part.makeCompound(s)\n",
              "part.exportStl('{f}.stl', 0.02)")
WRITE = [*drilled(20), {"op": "export", "shapes": "$part", "file": "part.step"}]
WRITE_PLAIN = (PLATE.format(s=20) + "part = plate.cut(holes)\n",
               "part.exportStep('{f}.step')")
READ = [{"id": "read", "op": "load", "input": "$part"}]
READ_PLAIN = ("", "p = Part.Shape()\np.read('{f}.step')\nchecked(p)")
LONG: list[tuple[str, Steps]] = [
    ("fuse of 60 spheres", [*spheres((10, 6)), {"op": "fuse", "shapes": "$balls"}]),
    ("plate with 400 holes", drilled(20)),
    ("pipeline: drill, fillet, mesh, export",
     [*drilled(7), {"op": "fillet", "radius": 0.4, "rule": "all"},
      {"op": "mesh", "linear": 0.05, "angular": 15, "file": "a.stl"},
      {"op": "export", "file": "a.step"}])]


Theirs = tuple[float, float] | str


def plain(before: str, timed: str, directory: str, runs: int) -> Theirs:
    """Seconds in an interpreter of its own: of what is timed, and processor
    time of all but the imports; or why it failed."""
    code = (HEAD + "cpu = time.process_time()\n" + before
            + "began = time.perf_counter()\n"
            + timed.replace("{f}", os.path.join(directory, "plain"))
            + "\nprint(time.perf_counter() - began, time.process_time() - cpu)"
            + "\n")
    times = []
    for _ in range(runs):
        done = subprocess.run([PYTHON, "-c", code], capture_output=True,
                              text=True, timeout=600)
        if done.returncode != 0:
            return "fails: " + done.stderr.strip()[-60:]
        times.append([float(word) for word in done.stdout.split()[-2:]])
    return (statistics.median(one[0] for one in times),
            statistics.median(one[1] for one in times))


class Ours:
    """Pipelines through the whole service."""

    def __init__(self, service: Service) -> None:
        self.mcp = Mcp(service.port)

    def run(self, steps: Steps, ops: tuple[str, ...], **options: Any
            ) -> tuple[float, float, str, dict[str, Any]]:
        """Seconds of these operations, of all from call to answer, the job."""
        began = time.perf_counter()
        job = self.mcp.call("run_pipeline_async", steps=steps,
                            **{"memo": False, **options})["job_id"]
        ended = self.mcp.wait(job)
        whole = time.perf_counter() - began
        result = self.mcp.call("get_job_result", job_id=job)
        if ended["state"] != "completed":
            raise RuntimeError(json.dumps(result)[:300])
        done = result["result"]["steps"]
        result["result"]["cpu_s"] = ended.get("cpu_s", 0.0)
        return (sum(step["ms"] for step in done if step["op"] in ops) / 1e3,
                whole, job, result["result"])

    def rows(self, what: str, steps: Steps, ops: tuple[str, ...],
             theirs: Theirs, runs: int, row: Callable[..., None],
             **options: Any) -> str:
        """The operation beside theirs, and what our path adds."""
        inside, around, cpu, job = [], [], [], ""
        for _ in range(runs):
            took, whole, job, answer = self.run(steps, ops, **options)
            inside.append(took * 1e3)
            cpu.append(answer["cpu_s"] * 1e3)
            others = sum(step["ms"] for step in answer["steps"]
                         if step["op"] not in ops)
            around.append(whole * 1e3 - took * 1e3 - others)
        name = "plain FreeCAD Python"
        known = isinstance(theirs, tuple)
        row(what, statistics.median(inside), "ms", name,
            theirs[0] * 1e3 if known else theirs)
        row("    processor time of the whole job", statistics.median(cpu),
            "ms", name + ", whole", theirs[1] * 1e3 if known else "-")
        row("    around it: service, summary, result.brep",
            statistics.median(around), "ms")
        return job

    def memo(self, row: Callable[..., None]) -> None:
        """The same fuse twice."""
        steps = [*spheres((10, 6)), {"op": "fuse", "shapes": "$balls"}]
        _, first, _, made = self.run(steps, ("fuse",), memo=True)
        time.sleep(0.3)
        _, second, _, again = self.run(steps, ("fuse",), memo=True)
        state = again["steps"][-1]["memo"]
        row(f"fuse of 60 spheres again, call to answer (memo: {state})",
            second * 1e3, "ms", "the first time", first * 1e3)
        del made

    def progress(self, name: str, steps: Steps) -> list[tuple[float, float]]:
        """(seconds, fraction) as a client sees them."""
        began, points = time.perf_counter(), [(0.0, 0.0)]
        job = self.mcp.call("run_pipeline_async", steps=steps,
                            memo=False)["job_id"]
        while True:
            status = self.mcp.call("get_job_status", job_id=job)
            at = time.perf_counter() - began
            points.append((at, float(status.get("progress") or 0)))
            if status["state"] not in ("queued", "running"):
                return points
            time.sleep(0.02)


COLOURS = ("#1f77b4", "#d62728", "#2ca02c")


def plot(path: str, curves: dict[str, list[tuple[float, float]]]) -> None:
    """Progress over time as an SVG, time as a part of each job's own."""
    wide, high, edge = 640, 400, 50
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide + 2 * edge}"'
             f' height="{high + 3 * edge}" font-family="sans-serif" '
             'font-size="13">', '<rect width="100%" height="100%" fill="white"/>']
    for part in range(0, 11, 2):
        x, y = edge + wide * part / 10, edge + high * (1 - part / 10)
        parts += [f'<path d="M{edge},{y}H{edge + wide}M{x},{edge}V{edge + high}" '
                  'stroke="#ddd"/>',
                  f'<text x="{edge - 8}" y="{y + 4}" text-anchor="end">'
                  f'{part * 10} %</text>',
                  f'<text x="{x}" y="{edge + high + 18}" text-anchor="middle">'
                  f'{part * 10} %</text>']
    parts.append(f'<text x="{edge}" y="{edge - 16}">Progress over time (each '
                 'job: its whole time is 100 %)</text>')
    for number, (name, points) in enumerate(curves.items()):
        colour, end = COLOURS[number % len(COLOURS)], points[-1][0] or 1.0
        line = " ".join(f"{edge + wide * at / end:.1f},"
                        f"{edge + high * (1 - done):.1f}" for at, done in points)
        below = edge + high + 45 + 20 * number
        parts += [f'<polyline points="{line}" fill="none" stroke="{colour}" '
                  'stroke-width="2"/>',
                  f'<text x="{edge + 30}" y="{below}">{name}, {end:.1f} s</text>',
                  f'<path d="M{edge},{below - 4}h24" stroke="{colour}" '
                  'stroke-width="3"/>']
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join([*parts, "</svg>"]) + "\n")


def measure(service: Service, row: Callable[..., None], say: Callable[[str], None],
            quick: bool) -> None:
    """All of it but the throughput."""
    ours, runs, where = Ours(service), 1 if quick else 3, service.directory
    ours.run([{"op": "box", "size": [1, 1, 1]}], ())
    for what, steps, ops, before, timed in CASES:
        say(what)
        # FreeCAD's booleans take every core, ours as many as they are given
        ours.rows(what, steps, ops, plain(before, timed, where, runs), runs,
                  row, threads=2)
    say("mesh, STEP")
    theirs = plain(*MESH_PLAIN, where, runs)
    for threads in (1, 2):
        ours.rows(f"fine mesh of 40 spheres to STL, {threads} thread"
                  + "s" * (threads > 1), MESH, ("mesh",), theirs, runs, row,
                  threads=threads)
    job = ours.rows("STEP written (plate with 400 holes)", WRITE, ("export",),
                    plain(*WRITE_PLAIN, where, 1), runs, row)
    ours.rows("STEP read (the same)", READ, ("load",),
              plain(*READ_PLAIN, where, runs), runs, row,
              inputs={"part": {"job": job, "artifact": "part.step"}})
    say("memo, progress")
    ours.memo(row)
    curves = {name: ours.progress(name, steps) for name, steps in LONG}
    path = os.path.join(BUILD, "bench", "progress.svg")
    plot(path, curves)
    say(f"progress of three long jobs: {path}")
    for name, points in curves.items():
        fractions = [done for _, done in points]
        row(f"progress seen: {name}",
            f"{len(set(fractions))} values, "
            + ("rising to 1" if fractions == sorted(fractions)
               and fractions[-1] == 1 else "NOT rising to 1"), "")
    ours.mcp.close()
