"""No-op jobs run in the zygote, so that its forks need not do things first.

Python does much at the first time: it fills its cache of attributes, turns
byte code into its fast form, makes tables. A fork that does that writes to
pages that it shares with the zygote, and the kernel copies each of them, for
two microseconds. What was done before the fork is there. No FreeCAD is
called: that could start threads (workers/zygote/main.c).

A fork then rehearses once itself, before it says that it waits: Python counts
references in the objects, so even reading copies their pages, hundreds of
them, and that is over when the job comes.
"""

import os
import shutil
from typing import Any

from . import process

#: The interpreter calls code fast when it ran eight times; twice that.
TIMES = 16
#: Each way a result goes: a number, text and containers, nothing at all.
CODES = ("1", "_result_ = {'a': [1.5, 'b', None, True]}", "import math\nx = math.pi")
ID = "00000000-0000-4000-8000-000000000000"


_nobody: "_Nobody"
_last: dict[str, Any]


class _Nobody:
    """A channel whose other end is not there; packs as the true one does."""

    def __init__(self, channel: Any) -> None:
        self.channel = channel

    def send(self, message: dict[str, Any]) -> None:
        self.channel.unpack(self.channel.pack(message))

    def open_beneath(self, root: str, path: str) -> int:
        raise FileNotFoundError(path)


def rehearse(channel: Any, home: str) -> None:
    """Runs each code some times in a directory made below home. Nothing is
    left of it. (tempfile would import random, which seeds itself anew in
    each fork.)"""
    global _nobody, _last
    nobody = _nobody = _Nobody(channel)
    _last = _message(nobody, CODES[0])
    scratch = os.path.join(home, f"rehearsal-{os.getpid()}")
    os.mkdir(scratch, 0o700)
    try:
        os.chdir(scratch)
        os.mkdir("artifacts")
        for _ in range(TIMES):
            for code in CODES:
                process.run(_message(nobody, code), nobody)
    finally:
        os.chdir(home)      # where it was may be closed to who we are
        shutil.rmtree(scratch, ignore_errors=True)


def once() -> None:
    """In a fork, whose directory is its scratch."""
    process.run(_last, _nobody)


def _message(nobody: _Nobody, code: str) -> dict[str, Any]:
    text = process.values.dumps({"code": code})
    spec = {"id": ID, "owner": "zygote", "tool": process.CODE_TOOL, "lane": "compute",
            "arguments": text, "priority": "normal", "timeout_s": 1}
    message = {"type": "run", "id": ID, "attempt": 1, "spec": spec, "refs": {}, "limits": {},
               "roots": [], "blobs": {}}
    return nobody.channel.unpack(nobody.channel.pack(message))
