"""Run by the FreeCAD that a worker starts: `freecad boot.py` with fd 3.

FCJ_PATHS: directories for sys.path (fcj_gui and fcj, _fcj). FCJ_HANDLERS: the
user's own tools. FCJ_HOST: where snapshots go, a tab, and the one to begin with.
"""

import os
import signal
import sys
import traceback

UNDO_STEPS = 100                # FreeCAD's own default is 20


def _settings() -> None:
    """Nobody is there to answer a question, or to see a thumbnail. And code that
    commits many steps of its own can be taken back."""
    import FreeCAD
    document = FreeCAD.ParamGet("User parameter:BaseApp/Preferences/Document")
    for name in ("SaveThumbnail", "AutoSaveEnabled", "RecoveryEnabled"):
        document.SetBool(name, False)
    document.SetInt("MaxUndoSize", UNDO_STEPS)


def _crash_as_usual() -> None:
    """FreeCAD makes exit code 1 of a crash; its signal says more."""
    for number in (signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGABRT):
        signal.signal(number, signal.SIG_DFL)


def _paths(name: str) -> list[str]:
    return [path for path in os.environ.get(name, "").split(":") if path]


def _start() -> None:
    sys.path[:0] = _paths("FCJ_PATHS")
    import fcj_gui
    from fcj_gui import host, snapshot
    _settings()
    _crash_as_usual()
    snapshots, _, restored = os.environ.get("FCJ_HOST", "").partition("\t")
    problems = snapshot.restore(restored) if restored else []
    fcj_gui.running = host.Host(            # kept for as long as FreeCAD lives
        3, _paths("FCJ_HANDLERS"), snapshots=snapshots or None, restored=restored,
        problems="; ".join(problems), on_end=host.leave)


try:
    _start()
except BaseException:
    os.write(2, traceback.format_exc().encode())
    os._exit(1)
