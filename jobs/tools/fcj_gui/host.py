"""The host: messages from the supervisor in, one job after the other.

A thread in C reads the socket (workers/host) and makes a descriptor readable;
Qt's event loop watches that, so a message runs on the GUI thread at once and
nothing polls. A job runs inside that wake-up, from its first to its last line.
"""

import json
import os
import sys
from typing import Any, Callable

import _fcj

from fcj import loader, process
from fcj.errors import Interrupted

from . import dialogs, documents, output, snapshot
from .qt import QtCore, QtWidgets

LOOK_AGAIN_MS = 100
TELL_MS = 250                           # changes outside jobs, the first to the message
ANSWER_SLICE_S = 0.05


class Host:
    """One FreeCAD that serves one supervisor.

    attached: a person's FreeCAD. snapshots: where they go, or None; restored:
    the one whose documents are open already; problems: which are not.
    on_change: called when `state`, `job` or `paused` changed (the panel).
    on_end: called when the supervisor is gone.
    """

    def __init__(self, fd: int, handlers: list[str], *, attached: bool = False,
                 snapshots: str | None = None, restored: str = "", problems: str = "",
                 on_change: Callable[[], None] | None = None,
                 on_end: Callable[[], None] | None = None) -> None:
        self.attached, self._handlers = attached, handlers
        self._on_change, self._on_end = on_change or (lambda: None), on_end or (lambda: None)
        self.state, self.job, self.paused = "starting", None, False
        self._pending: list[dict[str, Any]] = []
        self._running = False
        self._told: Any = None
        self._told_changes = -1
        self._telling = QtCore.QTimer()
        self._telling.setSingleShot(True)
        self._telling.setInterval(TELL_MS)
        self._telling.timeout.connect(self._on_telling)
        self._to_tell = False
        self._output: output.Redirected | None = None
        catalogue = process.prepare_live(handlers)
        self._changes = documents.Changes(self._tell_soon, self._on_close)
        self._changes.watch(views=bool(snapshots))
        self._dialogs = dialogs.Watch(self._on_dialog)
        self._snapshots = snapshot.Snapshots(snapshots, self._changes, _fcj.send) \
            if snapshots else None
        self._wake = _fcj.host_open(fd)
        self._notifier = QtCore.QSocketNotifier(self._wake, QtCore.QSocketNotifier.Read)
        self._notifier.activated.connect(self._on_wake)
        self._ready(catalogue, restored, problems)

    def _ready(self, catalogue: str, restored: str, problems: str) -> None:
        from fcj import freecad
        self.send({"type": "ready", "info": json.dumps(freecad.info()), "catalogue": catalogue,
                   "attached": self.attached, "problems": problems[:500]})
        if restored and self._snapshots is not None:
            self._snapshots.adopt(restored)
        self._tell_documents()
        self.send({"type": "waiting"})

    def close(self) -> None:
        """Leaves the supervisor; the documents stay."""
        self._notifier.setEnabled(False)
        self._changes.stop()
        self._to_tell = True                # nothing more
        self._telling.stop()
        try:
            self.send({"type": "bye"})
        except OSError:
            pass
        _fcj.host_close()

    def pause(self, on: bool) -> None:
        """No new job starts while paused; the service lets them wait."""
        self.paused = on
        self.send({"type": "pause", "on": on})
        self._on_change()

    # ---- The channel of a job --------------------------------------------------

    def send(self, message: dict[str, Any]) -> None:
        """To the supervisor; what was printed goes before a result."""
        if message.get("type") == "result" and self._output is not None:
            self._output.flush()
        _fcj.send(message)

    open_beneath = staticmethod(_fcj.open_beneath)

    def receive(self) -> dict[str, Any]:
        """The answer to a question; the window lives on meanwhile."""
        while True:
            answer = _fcj.host_wait(ANSWER_SLICE_S)
            if answer is not None:
                return answer
            QtWidgets.QApplication.processEvents()

    # ---- Messages --------------------------------------------------------------

    def _on_wake(self, *_: Any) -> None:
        while (message := _fcj.host_take()) is not None:
            kind = message["type"]
            if kind == "run":
                self._pending.append(message)
            elif kind == "state":
                self.state = message.get("text", "")
                self._on_change()
            elif kind == "reload":
                self._reload()
            elif kind == "end":
                self._on_end()
                return
        self._next()

    def _next(self) -> None:
        if self._running or not self._pending:
            return
        message = self._pending[0]
        if _fcj.interrupted(message["id"]):         # too late: told as a timeout already
            self._pending.pop(0)
            self.send({"type": "waiting"})
            return
        if self._held(message):
            QtCore.QTimer.singleShot(LOOK_AGAIN_MS, self._next)
            return
        self._pending.pop(0)
        self._running = True
        try:
            self._perform(message)
        finally:
            self._running = False
        if self._pending:
            QtCore.QTimer.singleShot(0, self._next)

    def _held(self, message: dict[str, Any]) -> bool:
        """A person's dialog is waited for; one that nobody opened is closed,
        and waited for until its event loop has ended."""
        if not self.attached:
            return self._dialogs.close_now("idle")
        why = dialogs.busy_person()
        if why != self.job_held:
            self.job_held = why
            self._on_change()
        return bool(why)

    job_held = ""

    # ---- A job -----------------------------------------------------------------

    def _perform(self, message: dict[str, Any]) -> None:
        spec = message["spec"]
        self.job = {"id": message["id"], "tool": spec.get("tool", ""),
                    "owner": spec.get("owner", "")}
        if self.attached:
            self._on_change()
        self._take_snapshot()                       # what changed between the jobs
        self._dialogs.begin(message.get("dialogs", "dismiss"))
        try:
            with output.Redirected(_fcj.send) as self._output:
                process.run_live(message, self, self._guard, self._dialogs.found)
        finally:
            self._output = None
            self._dialogs.end()
            self.job = None
        self._take_snapshot()
        self._tell_documents()
        self.send({"type": "waiting"})
        if self.attached:
            self._on_change()

    def _guard(self, function: Callable[[], Any], id: str) -> Any:
        return _fcj.guard(function, id, Interrupted)

    def _take_snapshot(self) -> None:
        if self._snapshots is None or not self._snapshots.due():
            return
        try:
            self._snapshots.take()
        except OSError as error:
            os.write(2, f"no snapshot: {error}\n".encode())

    def _on_close(self) -> None:
        """A document goes. Its views are to be deleted by the event loop, whose
        timers may ask one of them (a page's tab) for the document before that:
        FreeCAD crashes. So a job deletes them now; a hand may be in one."""
        if self._running:
            QtCore.QCoreApplication.sendPostedEvents(None, QtCore.QEvent.DeferredDelete)

    def _on_dialog(self, made: dict[str, Any]) -> None:
        self.send(made)
        if self._output is not None:
            print(f"[dialog {made['action']}] {made['title']}: {made['text']}", file=sys.stderr)

    def _tell_documents(self) -> None:
        """At once when the list is another; new versions can wait."""
        changes, now = self._changes.settle(), documents.listed()
        if now != self._told:
            self._tell(now, changes)
        elif changes != self._told_changes:
            self._tell_soon()

    def _tell(self, now: list[dict[str, Any]], changes: int) -> None:
        self._told, self._told_changes = now, changes
        versions = self._changes.serials
        short = [{**entry, "label": entry["label"][:200], "file": entry["file"][-800:],
                  "version": versions.get(entry["name"], 0)} for entry in now]
        self.send({"type": "documents", "documents": short, "changes": changes})

    def _tell_soon(self) -> None:
        """Something changed; in any thread, so the timer is started by Qt."""
        if not self._to_tell:
            self._to_tell = True
            QtCore.QMetaObject.invokeMethod(self._telling, "start", QtCore.Qt.AutoConnection)

    def _on_telling(self) -> None:
        self._to_tell = False
        if self._running:
            return                          # the end of the job tells
        changes, now = self._changes.settle(), documents.listed()
        if now != self._told or changes != self._told_changes:
            try:
                self._tell(now, changes)
            except OSError:                 # the supervisor has just gone
                pass

    def _reload(self) -> None:
        try:
            catalogue = loader.reload(self._handlers)
            self.send({"type": "reloaded", "ok": True, "catalogue": catalogue})
        except Exception as error:
            self.send({"type": "reloaded", "ok": False, "error": str(error)[:2000]})


def leave() -> None:
    """The supervisor of an owned host is gone: so are we."""
    os._exit(0)
