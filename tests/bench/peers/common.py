"""What every peer's driver shares: its arguments, its clock, its answer.

A driver is called as `driver SEQUENTIAL MANY REDIS_SOCKET DIRECTORY`, runs
that many no-op jobs one after the other and then that many in flight at
once, and prints one JSON object: {p50_ms, p99_ms, rate, note} or
{missing: "why"}. It starts its own workers and ends them.
"""
from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import Any, Callable, NoReturn

HERE = os.path.dirname(os.path.abspath(__file__))


class Arguments:
    """The command line of a driver."""

    def __init__(self) -> None:
        self.sequential = int(sys.argv[1])
        self.many = int(sys.argv[2])
        self.redis = sys.argv[3]
        self.directory = sys.argv[4]


def missing(why: str) -> NoReturn:
    """Say that the peer cannot be measured here, and end."""
    print(json.dumps({"missing": why}))
    sys.exit(0)


def start(command: list[str], name: str, directory: str,
          **more: Any) -> subprocess.Popen[bytes]:
    """Start a helper in its own session; its output goes to a log file."""
    log = open(os.path.join(directory, name + ".log"), "wb")
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log,
                            stderr=log, cwd=HERE, start_new_session=True,
                            **more)


def stop(processes: list[subprocess.Popen[bytes]]) -> None:
    """End helpers and all of their children."""
    for number in (15, 9):
        for process in processes:
            try:
                os.killpg(process.pid, number)
            except ProcessLookupError:
                pass
        for process in processes:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                pass


def percentile(values: list[float], part: float) -> float:
    """The value below which `part` of the sorted values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def measure(arguments: Arguments, one: Callable[[], None],
            many: Callable[[int], None], note: str) -> None:
    """Warm up, run both measurements, print the answer."""
    for _ in range(max(5, arguments.sequential // 10)):
        one()
    times = []
    for _ in range(arguments.sequential):
        began = time.perf_counter()
        one()
        times.append((time.perf_counter() - began) * 1e3)
    began = time.perf_counter()
    many(arguments.many)
    rate = arguments.many / (time.perf_counter() - began)
    print(json.dumps({"p50_ms": percentile(times, 0.50),
                      "p99_ms": percentile(times, 0.99),
                      "rate": rate, "note": note}))
