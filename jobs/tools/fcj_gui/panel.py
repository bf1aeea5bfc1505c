"""The add-on in a person's FreeCAD: a button in the status bar.

It says what agents do here, pauses them, and disconnects. Connecting starts an
fcj-worker with one end of a socket; it finds the service by itself, also when
that starts later. When FreeCAD ends the worker ends.
"""

import os
import socket
import subprocess
from typing import Any

from .qt import QtCore, QtWidgets

START_MS = 1000
AGAIN_MS = 5000
PREFERENCES = "User parameter:BaseApp/Preferences/Mod/FreeCADJobs"
WORDS = {"connected": "connected", "standby": "standby: another FreeCAD has the jobs",
         "starting": "looking for the service", "no service": "no service: start it with `fcj up`"}


class Panel(QtCore.QObject):
    """Button, menu and connection."""

    def __init__(self, worker: str) -> None:
        import FreeCADGui
        super().__init__(FreeCADGui.getMainWindow())
        self._worker = worker
        self._process: subprocess.Popen[bytes] | None = None
        self.host: Any = None
        self.problem = ""
        self.button = QtWidgets.QToolButton()
        self.button.setObjectName("FreeCADJobs")
        self.button.setPopupMode(QtWidgets.QToolButton.InstantPopup)
        self.button.setToolButtonStyle(QtCore.Qt.ToolButtonTextOnly)
        self._make_menu()
        FreeCADGui.getMainWindow().statusBar().addPermanentWidget(self.button)
        self.show()
        if self._preferences().GetBool("Connect", True):
            self.connect_service()

    def _preferences(self) -> Any:
        import FreeCAD
        return FreeCAD.ParamGet(PREFERENCES)

    def _make_menu(self) -> None:
        menu = QtWidgets.QMenu(self.button)
        self.pause = menu.addAction("Pause: jobs wait")
        self.pause.setCheckable(True)
        self.pause.toggled.connect(self._on_pause)
        self.connection = menu.addAction("Disconnect")
        self.connection.triggered.connect(self._on_connection)
        self.automatic = menu.addAction("Connect when FreeCAD starts")
        self.automatic.setCheckable(True)
        self.automatic.setChecked(self._preferences().GetBool("Connect", True))
        self.automatic.toggled.connect(lambda on: self._preferences().SetBool("Connect", on))
        self.button.setMenu(menu)

    # ---- The connection -------------------------------------------------------

    def connect_service(self) -> None:
        """Starts the worker, and serves it."""
        from . import host
        ours, theirs = socket.socketpair()
        try:
            self._process = subprocess.Popen(
                [self._worker, "--gui", "--attach", str(theirs.fileno())],
                pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, start_new_session=True)
            theirs.close()
            self.problem = ""
            self.host = host.Host(ours.detach(), [], attached=True, on_change=self.show,
                                  on_end=self._on_end)
        except Exception as error:
            ours.close()
            theirs.close()
            self.problem = str(error)
            self._on_end()
        self.show()

    def disconnect_service(self) -> None:
        """The documents stay; the service uses another FreeCAD, or none."""
        if self.host is not None and self.host.job is not None:
            return                                  # not from within a job
        self._leave()
        self.show()

    def _leave(self) -> None:
        if self.host is not None:
            self.host.close()
            self.host = None
        if self._process is not None:
            QtCore.QTimer.singleShot(AGAIN_MS, self._process.poll)      # reaps it
            self._process = None
        self.pause.setChecked(False)

    def _on_end(self) -> None:
        """The worker has ended: another one, unless it was told to."""
        QtCore.QTimer.singleShot(0, self._lost)

    def _lost(self) -> None:
        self._leave()
        self.show()
        QtCore.QTimer.singleShot(AGAIN_MS, self._again)

    def _again(self) -> None:
        if self.host is None and self.automatic.isChecked():
            self.connect_service()

    # ---- What it shows --------------------------------------------------------

    def show(self) -> None:
        """Text, tip and menu as things are."""
        text = self.words()
        self.button.setText(f"Jobs: {text}")
        self.button.setToolTip("freecad-jobs: AI agents work in this FreeCAD through it")
        self.connection.setText("Disconnect" if self.host is not None else "Connect")
        self.pause.setEnabled(self.host is not None)

    def words(self) -> str:
        """What is going on, in a few words."""
        if self.host is None:
            return f"not connected ({self.problem})" if self.problem else "not connected"
        if self.host.job is not None:
            return f"{self.host.job['tool']} (of {self.host.job['owner']})"
        if self.host.paused:
            return "paused"
        if self.host.job_held:
            return f"a job waits: {self.host.job_held}"
        return WORDS.get(self.host.state, self.host.state)

    def _on_pause(self, on: bool) -> None:
        if self.host is not None and self.host.paused != on:
            self.host.pause(on)
        self.show()

    def _on_connection(self) -> None:
        if self.host is None:
            self.connect_service()
        else:
            self.disconnect_service()


def begin(worker: str) -> None:
    """Once the window is there."""
    if not os.access(worker, os.X_OK):
        raise FileNotFoundError(f"{worker} is not there")
    QtCore.QTimer.singleShot(START_MS, lambda: _begin(worker))


def _begin(worker: str) -> None:
    import fcj_gui
    fcj_gui.panel_shown = Panel(worker)
