"""Calls in processes of their own, that may crash or hang.

They are forked from a process in which FreeCAD is loaded and nothing has run. A
test's own process is no good for that: the threads that a parallel operation of an
earlier test left in it are missing in its children, which then wait for them.
"""

import os
import pickle
import resource
import signal
import struct
import subprocess
import sys
from pathlib import Path

LIMIT_S = 60
SIGNALS = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE)


class Apart:
    """`end (function, *arguments)`: the exit status of a process that calls a function
    of a module; 1 when it raised, minus the signal's number when one ended it
    (SIGALRM after LIMIT_S)."""

    def __init__(self):
        self._process = subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE)

    def end(self, function, *arguments):
        call = pickle.dumps((function, arguments))
        self._process.stdin.write(struct.pack("<I", len(call)) + call)
        self._process.stdin.flush()
        return struct.unpack("<i", self._process.stdout.read(4))[0]

    def close(self):
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def _call(call):
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.alarm(LIMIT_S)
    try:
        function, arguments = pickle.loads(call)
        function(*arguments)
        os._exit(0)
    except BaseException:
        os._exit(1)


def _serve(calls, answers):
    while size := calls.read(4):
        call = calls.read(struct.unpack("<I", size)[0])
        pid = os.fork()
        if pid == 0:
            _call(call)
        end = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        answers.write(struct.pack("<i", end))
        answers.flush()


if __name__ == "__main__":
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)               # what FreeCAD prints is no answer
    here = Path(__file__).resolve()
    sys.path[:0] = [str(here.parents[2] / "jobs" / "tools"), str(here.parent)]
    import test_kernel_files    # noqa: F401  FreeCAD and the kernel, once for all calls
    _serve(sys.stdin.buffer, answers)
