"""Run by the FreeCAD that a worker starts: `freecad boot.py` with fd 3.

FCJ_PATHS: directories for sys.path (fcj_gui and fcj, _fcj). FCJ_HANDLERS: the
user's own tools. FCJ_SNAPSHOTS, FCJ_RESTORE: where snapshots go; the one to
begin with.
"""

import os
import sys
import traceback


def _settings() -> None:
    """Nobody is there to answer a question, or to see a thumbnail."""
    import FreeCAD
    document = FreeCAD.ParamGet("User parameter:BaseApp/Preferences/Document")
    for name in ("SaveThumbnail", "AutoSaveEnabled", "RecoveryEnabled"):
        document.SetBool(name, False)


def _start() -> None:
    split = os.environ.get
    sys.path[:0] = [path for path in split("FCJ_PATHS", "").split(":") if path]
    from fcj_gui import host, snapshot
    _settings()
    if os.environ.get("FCJ_RESTORE"):
        for problem in snapshot.restore(os.environ["FCJ_RESTORE"]):
            print(f"not restored: {problem}", file=sys.__stderr__)
    handlers = [path for path in split("FCJ_HANDLERS", "").split(":") if path]
    sys.modules["fcj_gui"].running = host.Host(     # kept for as long as FreeCAD lives
        3, handlers, snapshots=os.environ.get("FCJ_SNAPSHOTS") or None, on_end=host.leave)


try:
    _start()
except BaseException:
    os.write(2, traceback.format_exc().encode())
    os._exit(1)
