"""Modal dialogs: nobody may be there to answer them.

While a job runs, its code holds the GUI thread; a timer can fire only when
something runs an event loop below it: a modal dialog, or processEvents. So
the timer costs nothing otherwise, and what it finds is the job's (or a
recompute's) dialog. Between jobs a dialog is a person's, or left over.
"""

from typing import Any, Callable

from .qt import QtCore, QtWidgets

LOOK_MS = 100
TEXT_MAX = 2000


def modal() -> Any:
    """The dialog or popup that has the window to itself, or None."""
    found = QtWidgets.QApplication.activeModalWidget() or QtWidgets.QApplication.activePopupWidget()
    return None if isinstance(found, QtWidgets.QProgressDialog) else found


def busy_person() -> str:
    """What a person is doing that a job must not disturb, or ''."""
    found = modal()
    if found is not None:
        return f"the dialog “{found.windowTitle() or type(found).__name__}” is open"
    if QtWidgets.QApplication.mouseButtons() != QtCore.Qt.NoButton:
        return "a mouse button is down"
    return ""


def describe(widget: Any) -> dict[str, Any]:
    """Title, text and buttons as a person sees them."""
    if isinstance(widget, QtWidgets.QMessageBox):
        texts = [widget.text(), widget.informativeText()]
    else:
        texts = [label.text() for label in widget.findChildren(QtWidgets.QLabel)
                 if label.isVisible()]
    buttons = [button.text().replace("&", "") for button in
               widget.findChildren(QtWidgets.QAbstractButton) if button.isVisible()]
    if isinstance(widget, QtWidgets.QMenu):
        buttons = [action.text().replace("&", "") for action in widget.actions()]
    return {"title": widget.windowTitle()[:200] or type(widget).__name__,
            "text": " ".join(" ".join(text for text in texts if text).split())[:TEXT_MAX],
            "buttons": [text[:80] for text in buttons if text][:20]}


def close(widget: Any, policy: str) -> str:
    """Closes it; "dismissed" or "accepted"."""
    accept = policy == "accept" and isinstance(widget, QtWidgets.QDialog)
    button = _button(widget, accept) if isinstance(widget, QtWidgets.QMessageBox) else None
    if button is not None:
        button.click()
    elif accept:
        widget.accept()
    elif isinstance(widget, QtWidgets.QDialog):
        widget.reject()
    else:
        widget.close()
    return "accepted" if accept else "dismissed"


def _button(box: Any, accept: bool) -> Any:
    if accept:
        if box.defaultButton() is not None:
            return box.defaultButton()
        roles = (QtWidgets.QMessageBox.AcceptRole, QtWidgets.QMessageBox.YesRole)
    else:
        if box.escapeButton() is not None:
            return box.escapeButton()
        roles = (QtWidgets.QMessageBox.RejectRole, QtWidgets.QMessageBox.NoRole)
    return next((button for button in box.buttons() if box.buttonRole(button) in roles), None)


class Watch:
    """Looks for dialogs while a job runs, and tells each of them."""

    def __init__(self, tell: Callable[[dict[str, Any]], None]) -> None:
        self._tell = tell
        self._policy = "dismiss"
        self.found: list[dict[str, Any]] = []
        self._timer = QtCore.QTimer()
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self._look)

    def begin(self, policy: str) -> None:
        """A job begins."""
        self._policy, self.found = policy, []
        self._timer.start()

    def end(self) -> None:
        """The job has ended."""
        self._timer.stop()

    def close_now(self, by: str) -> bool:
        """Closes what is open; False when nothing is."""
        widget = modal()
        if widget is None:
            return False
        made = {"type": "dialog", **describe(widget), "by": by}
        made["action"] = close(widget, self._policy)
        self.found.append(made)
        self._tell(made)
        return True

    def _look(self) -> None:
        import FreeCAD
        recomputing = any(document.Recomputing for document in FreeCAD.listDocuments().values())
        self.close_now("recompute" if recomputing else "job")
