"""A short storm in each test run; `make chaos N=10000` is the long one."""

from __future__ import annotations

import os
import pathlib
import subprocess

CHAOS = pathlib.Path(__file__).resolve().parents[1] / "chaos" / "run"


def test_nothing_is_lost_while_everything_is_killed() -> None:
    done = subprocess.run([str(CHAOS), os.environ.get("FCJ_CHAOS_N", "200")],
                          capture_output=True, text=True, timeout=420,
                          check=False)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
