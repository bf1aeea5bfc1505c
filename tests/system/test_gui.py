"""FreeCAD's window as a worker: lanes, ends of every kind, documents that come
back, and a person's own FreeCAD. The real window, under Xvfb.

The tools of live documents have their own tests (test_live_tools.py); here
is what they run in.
"""

from __future__ import annotations

import json
import os
import pathlib
import queue
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from typing import Any, Callable, Iterator

import pytest

from service import (BIN, META, MODERN, SANITIZERS, Answer, Http, Service, Stdio, alive, children,
                     processes, remove)
from streams import Modern, Session, Stream

UP_S = 60


class Gui(Service):
    """A service with one or more workers for the window."""

    def command(self, part: str) -> list[str]:
        if part == "gui":
            return [str(BIN / "fcj-worker"), "--gui"]
        if part == "standby":
            return [str(BIN / "fcj-worker"), "--gui", "--gui-user-dir",
                    str(self.dir / "standby"), "--gui-dialogs", "accept"]
        return super().command(part)

    def window(self, name: str = "gui") -> dict[str, Any]:
        """What service_status says of a GUI worker; {} when it is away."""
        status = self.client().call("service_status")
        for worker in status.get("workers", []):
            if worker["name"] == name and worker["connected"] \
                    and "gui" in worker["info"]:
                return {**worker["info"]["gui"], "slots": worker["slots"]}
        return {}

    def up(self, part: str = "gui") -> None:
        """Starts a GUI worker and waits until its window takes jobs."""
        if part not in self.running:
            self.start(part)
        until(lambda: self.window().get("slots") == 1)

    def host(self, part: str = "gui") -> int:
        """The process of FreeCAD."""
        return self._child(part, "freecad")

    def display(self, part: str = "gui") -> int:
        return self._child(part, "Xvfb")

    def _child(self, part: str, name: str) -> int:
        mine = children(self.running[part].pid)
        return next(pid for pid, _, called, _ in processes()
                    if pid in mine and called.lower() == name.lower())


def until(probe: Callable[[], Any], seconds: float = UP_S) -> Any:
    end = time.monotonic() + seconds
    while not (found := probe()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)
    return found


@pytest.fixture(scope="module")
def gui() -> Iterator[Gui]:
    it = Gui(display="xvfb", toolsets="all")
    try:
        it.up()
        yield it
    finally:
        for part in ("gui", "standby"):
            if part in it.running:
                it.kill(part, signal.SIGTERM)
        it.stop()


@pytest.fixture
def client(gui: Gui) -> Http:
    gui.up()
    return gui.client()


def code(client: Http, text: str, **options: Any) -> Answer:
    return client.call("execute_code", code=text, **options)


def value(client: Http, text: str) -> Any:
    answer = code(client, text)
    assert not answer.is_error, answer
    return answer["result"]


def reason(client: Http, text: str, **options: Any) -> tuple[str, str]:
    """The reason for which that code fails, and in which words."""
    answer = code(client, text, **options)
    assert answer.is_error, answer
    return answer["reason"], answer["error"]["message"]


def make(client: Http, name: str, length: float = 10) -> None:
    value(client, f"d = App.newDocument('{name}'); b = d.addObject('Part::Box', 'Box'); "
                  f"b.Length = {length}; d.recompute()")


def aside(client: Http, what: Callable[[Http], Any]) -> threading.Thread:
    """Calls in a thread, with a client of its own."""
    thread = threading.Thread(target=what, args=(Http(client.port, client.token),))
    thread.start()
    return thread


def close_all(client: Http) -> None:
    value(client, "[App.closeDocument(n) for n in list(App.listDocuments())]; 1")


def saved(gui: Gui, client: Http) -> None:
    """Every document has a snapshot; the status may know the newest ones late."""
    there = set(value(client, "list(App.listDocuments())"))
    until(lambda: there == {one["name"] for one in gui.window()["documents"]
                            if one["snapshot_age_s"] is not None})


# ---- Lanes -----------------------------------------------------------------

def test_code_runs_on_the_gui_thread_of_a_real_window(client: Http) -> None:
    assert value(client, "import threading; from PySide2 import QtWidgets; "
                         "[threading.current_thread() is threading.main_thread(), "
                         "Gui.getMainWindow().isVisible(), bool(QtWidgets.QApplication.instance())]"
                 ) == [True, True, True]


def test_what_is_printed_can_be_read_while_the_job_runs(client: Http) -> None:
    answer = code(client, "import sys; print('to out'); print('to err', file=sys.stderr); 1")
    assert (answer["stdout"], answer["stderr"]) == ("to out\n", "to err\n")
    job = client.call("list_jobs", limit=1)["jobs"][0]["job_id"]
    assert "to out" in client.output(job).everything


def test_jobs_that_compute_go_elsewhere_meanwhile(client: Http) -> None:
    """A busy window holds up neither status nor compute."""
    slow = aside(client, lambda other: code(other, "import time; time.sleep(3); 1"))
    until(lambda: any(job["tool"] == "execute_code" for worker in
                      client.call("service_status")["workers"] for job in worker["running"]))
    began = time.monotonic()
    assert client.run("6 * 7")["result"] == 42
    assert client.call("list_jobs", limit=5)["jobs"]
    assert time.monotonic() - began < 2.5, "held up by the window's job"
    slow.join()


# ---- Ends -----------------------------------------------------------------

def test_a_crash_is_one_failed_job_and_the_documents_come_back(gui: Gui, client: Http,
                                                               tmp_path: pathlib.Path) -> None:
    close_all(client)
    make(client, "Loose", 11)
    make(client, "Kept", 22)
    path = str(tmp_path / "kept.FCStd")
    value(client, f"d = App.getDocument('Kept'); d.saveAs({path!r}); d.Box.Width = 33; "
                  "d.recompute(); d.Label = 'A label'; Gui.getDocument('Loose').getObject('Box')"
                  ".ShapeColor = (1.0, 0.0, 0.0); App.setActiveDocument('Loose')")
    before = gui.host()
    why, words = reason(client, "import ctypes; doc.Box.Length = 99; ctypes.string_at(0)",
                        transaction=False)
    assert why == "crashed" and "SIGSEGV" in words
    assert value(client, "[App.getDocument('Loose').Box.Length.Value, "
                         "App.getDocument('Kept').Box.Width.Value]") == [11, 33]
    assert gui.host() != before
    known = {one["name"]: one for one in gui.window()["documents"]}
    assert known["Kept"]["label"] == "A label" and known["Kept"]["file"] == path
    assert known["Kept"]["modified"] and known["Loose"]["active"]
    assert value(client, "list(Gui.getDocument('Loose').getObject('Box').ShapeColor)[:3]"
                 ) == [1.0, 0.0, 0.0]
    assert gui.window()["restarts"] >= 1


def test_an_endless_python_loop_is_interrupted_and_freecad_lives_on(gui: Gui, client: Http) -> None:
    before = gui.host()
    why, words = reason(client, "while True: pass", timeout_s=1)
    assert why == "timeout" and "interrupted" in words
    assert value(client, "1 + 1") == 2 and gui.host() == before


def test_code_that_catches_everything_is_interrupted_again(gui: Gui, client: Http) -> None:
    before = gui.host()
    why, _ = reason(client, "n = 0\nwhile n < 2:\n    try:\n        while True: pass\n"
                            "    except BaseException: n += 1", timeout_s=1)
    assert why == "timeout"
    assert value(client, "1") == 1 and gui.host() == before


def test_an_interrupted_change_is_taken_back(client: Http) -> None:
    close_all(client)
    make(client, "Whole")
    assert reason(client, "doc.Box.Length = 50\nwhile True: pass", timeout_s=1)[0] == "timeout"
    assert value(client, "doc.Box.Length.Value") == 10


def test_endless_cpp_costs_freecad_its_life_but_no_document(gui: Gui, client: Http) -> None:
    close_all(client)
    make(client, "Alive", 44)
    before = gui.host()
    why, words = reason(client, "import ctypes; doc.Box.Length = 1; "
                                "ctypes.PyDLL(None).sleep(3600)", timeout_s=1, transaction=False)
    assert why == "timeout" and "started again" in words
    assert not alive(before)
    assert value(client, "App.getDocument('Alive').Box.Length.Value") == 44


def test_a_cancelled_job_ends_and_the_next_one_runs(client: Http) -> None:
    thread = aside(client, lambda other: code(other, "while True: pass"))
    job = until(lambda: next((one["job_id"] for one in client.call(
        "list_jobs", limit=5)["jobs"] if one["tool"] == "execute_code"
        and one["state"] == "running"), None))
    assert not client.cancel(job).is_error
    assert value(client, "5") == 5
    thread.join()


QUESTION = ("from PySide2 import QtWidgets as W\n"
            "W.QMessageBox.question(None, 'Sure?', 'Delete it all?') == W.QMessageBox.Yes")


def test_a_dialog_that_code_opens_is_told_and_closed(gui: Gui, client: Http) -> None:
    answer = code(client, QUESTION)
    assert not answer.is_error, answer
    assert answer["result"] is False
    assert "Sure?" in answer["stderr"] and "Delete it all?" in answer["stderr"]
    assert "dialog_closed" in gui.log("gui")


def test_a_dialog_that_a_recompute_opens_is_told_and_closed(client: Http) -> None:
    close_all(client)
    answer = code(client, """
from PySide2 import QtWidgets
class Asks:
    def __init__(self, item): item.Proxy = self
    def execute(self, item): QtWidgets.QMessageBox.warning(None, "From a recompute", "Broken?")
d = App.newDocument("Asks"); o = d.addObject("App::FeaturePython", "O"); Asks(o); d.recompute()
""")
    assert not answer.is_error and "From a recompute: Broken?" in answer["stderr"], answer
    close_all(client)


def test_a_killed_x_server_costs_one_job_and_no_document(gui: Gui, client: Http,
                                                         tmp_path: pathlib.Path) -> None:
    close_all(client)
    make(client, "Shown", 55)
    found: list[Answer] = []
    begun = tmp_path / "begun"
    thread = aside(client, lambda other: found.append(code(
        other, f"import time; open({str(begun)!r}, 'w')\n"
               "for _ in range(600): time.sleep(0.1)")))
    until(begun.exists)
    os.kill(gui.display(), signal.SIGKILL)
    thread.join()
    assert found[0]["reason"] == "crashed" and "X server" in found[0]["error"]["message"]
    assert value(client, "App.getDocument('Shown').Box.Length.Value") == 55


def test_unsaved_documents_survive_a_restart_of_the_service(gui: Gui, client: Http) -> None:
    close_all(client)
    make(client, "Stays", 66)
    gui.kill("gui", signal.SIGTERM)
    gui.up()
    assert value(client, "App.getDocument('Stays').Box.Length.Value") == 66
    saved(gui, client)


def test_a_closed_document_does_not_come_back(gui: Gui, client: Http) -> None:
    close_all(client)
    assert reason(client, "import os; os._exit(3)", transaction=False)[0] == "crashed"
    assert value(client, "list(App.listDocuments())") == []


# ---- Shapes between the window and other jobs -----------------------------------

def test_fetch_compute_apply_are_three_short_calls(client: Http) -> None:
    close_all(client)
    value(client, """
d = App.newDocument('Doc')
a = d.addObject('Part::Box', 'A'); b = d.addObject('Part::Box', 'B'); b.Label = 'Bee 1.5'
b.Placement.Base = App.Vector(5, 0, 0)
p = d.addObject('App::Part', 'P'); p.addObject(b); p.Placement.Base = App.Vector(0, 5, 0)
d.recompute()""")
    job = client.call("fuse_shapes_async", shapes=["a", "b"],
                      inputs={"a": "Doc.A", "b": {"document": "Doc", "object": "Bee 1.5"}})["job_id"]
    made = client.call("apply_job_result", job_id=job, name="Fused")
    assert made["label"] == "Fused" and made["shape"]["volume"] == pytest.approx(1750)
    assert value(client, f"jobs.result('{job}').Volume") == pytest.approx(1750)
    assert client.call("undo")["removed"] == [made["object"]]
    assert value(client, "sorted(o.Name for o in doc.Objects if o.TypeId == 'Part::Feature')") == []
    job = client.call("fuse_shapes_async", shapes=["Doc.A", "Doc.Bee 1.5"])["job_id"]
    other = client.call("apply_job_result", job_id=job, replace="A")
    assert other["replaced"] == "A" and other["label"] == "A"


def test_a_result_takes_the_place_and_the_looks_of_what_it_replaces(client: Http) -> None:
    close_all(client)
    value(client, "d = App.newDocument('Doc'); p = d.addObject('App::Part', 'P'); g = d.addObject("
                  "'App::DocumentObjectGroup', 'G'); p.addObject(g); b = d.addObject('Part::Box', 'B')\n"
                  "g.addObject(b); p.Placement.Base.z = 100; b.Placement.Base.x = 5; d.recompute()\n"
                  "b.ViewObject.ShapeColor = (1.0, 0.0, 0.0); 1")
    for old in ("B", "Result"):                     # parametric, then a plain shape
        job = client.call("execute_code_async", code="inputs['b']", inputs={"b": f"Doc.{old}"})["job_id"]
        made = client.call("apply_job_result", job_id=job, replace=old)
        assert made["object"] == "Result", made
        seen = client.call("inspect_object", object="Result")
        assert seen["parents"][0] == "P" and seen["placement_in_document"]["position"] == [5, 0, 100]
        assert seen["view_properties"]["ShapeColor"] == "#ff0000"
        assert value(client, "doc.G.Group[0].Name") == "Result"
    value(client, "b = doc.addObject('PartDesign::Body', 'Body'); f = doc.addObject('PartDesign::AdditiveBox', "
                  "'F'); b.addObject(f); 1")
    assert "Body is made from it" in client.refused("apply_job_result", job_id=job, replace="F")
    assert {"Body", "F"} <= set(client.call("apply_job_result", job_id=job, replace="Body")["changes"]["removed"])
    assert client.call("undo")["created"] and value(client, "doc.Body.Tip.Name") == "F"


def test_a_live_shape_that_is_not_there_is_told(client: Http) -> None:
    job = client.call("fuse_shapes_async", shapes=["a", "b"],
                      inputs={"a": "Doc.Nope", "b": "Doc.B"})["job_id"]
    assert client.wait(job)["reason"] == "dependency"
    taken = next(one for one in client.call("list_jobs", limit=5)["jobs"]
                 if one["tool"] == "snapshot_shapes")
    assert "Nope" in client.result(taken["job_id"]).everything


# ---- Workers that come and go -------------------------------------------------

def test_a_second_worker_is_standby_and_takes_over(gui: Gui, client: Http) -> None:
    gui.start("standby")
    until(lambda: sum("gui" in worker["lanes"] and worker["slots"] == 1 for worker in
                      client.call("service_status")["workers"]) == 2)
    def holders() -> list[str]:
        return [worker["worker"] for worker in client.call("service_status")["workers"]
                if worker["connected"] and worker["info"].get("gui", {}).get("holder")]
    first = until(lambda: holders() if len(holders()) == 1 else None)[0]
    pid = value(client, "import os; os.getpid()")
    assert pid == gui.host()
    gui.kill("gui")
    assert value(client, "import os; os.getpid()") == gui.host("standby")
    until(lambda: holders() and holders() != [first])
    assert value(client, QUESTION) is True          # the standby's policy is to accept
    gui.kill("standby", signal.SIGTERM)
    gui.up()


def test_a_broker_that_starts_again_finds_the_window(gui: Gui, client: Http) -> None:
    before = gui.host()
    gui.restart("broker")
    until(lambda: gui.window().get("holder"))
    assert value(client, "import os; os.getpid()") == before


def test_without_a_window_its_tools_say_so_at_once_and_others_work(gui: Gui, client: Http) -> None:
    gui.kill("gui", signal.SIGTERM)
    words = client.refused("execute_code", code="1")
    assert "no_worker" in words and "fcj-worker --gui" in words
    assert "no_worker" in client.refused("fuse_shapes_async", shapes=["a", "a"],
                                         inputs={"a": "Doc.A"})
    assert client.run("2")["result"] == 2
    gui.up()


def test_a_job_that_waits_for_a_window_says_that_there_is_none(gui: Gui, client: Http) -> None:
    client.start("execute_code", code="import time; time.sleep(4)", wait_s=0)
    job = client.start("execute_code", code="6 * 7", wait_s=0)
    assert "no window" not in client.status(job).everything
    os.kill(gui.running["gui"].pid, signal.SIGTERM)
    until(lambda: "no window is connected" in client.status(job).everything)
    status = client.status(job)
    assert status["state"] == "queued" and "fcj-worker --gui" in status["message"]
    gui.kill("gui", signal.SIGTERM)
    gui.up()
    client.wait(job)
    assert client.result(job)["result"]["result"] == 42


# ---- Changes by hand ------------------------------------------------------------

#: What a hand does, some time after the job that says what has ended.
LATER = ("from PySide2.QtCore import QTimer; import fcj_gui; fcj_gui.hand = QTimer(); "
         "fcj_gui.hand.setSingleShot(True); fcj_gui.hand.timeout.connect(lambda: ({})); "
         "fcj_gui.hand.start(1000); 1")


def heard(stream: Stream, seconds: float = 30) -> str:
    return str(stream.method("notifications/resources/updated", seconds)["params"]["uri"])


def listening(gui: Gui, *uris: str) -> Stream:
    stream = Modern(gui).post("subscriptions/listen",
                              {"notifications": {"resourceSubscriptions": list(uris)}})
    acknowledged = stream.next()
    assert acknowledged and acknowledged["params"]["notifications"]
    return stream


def quiet(stream: Stream, seconds: float = 1) -> None:
    """Until nothing more has been told for a while."""
    try:
        while stream.next(seconds):
            pass
    except queue.Empty:
        pass


def test_a_change_by_hand_is_told_to_who_subscribed_to_that_document(
        gui: Gui, client: Http) -> None:
    close_all(client)
    make(client, "One")
    make(client, "Two")
    one, box = "freecad://documents/One/objects", "freecad://documents/One/objects/Box"
    two, every = "freecad://documents/Two/objects", "freecad://documents"
    modern = listening(gui, one, two, every, "freecad://documents/Two")
    session = Session(gui)
    stream = session.get()
    for uri in (box, two):
        assert session.request("resources/subscribe", {"uri": uri}) == {}
    for at in (modern, stream):
        quiet(at)
    value(client, LATER.format("setattr(App.getDocument('One').Box, 'Length', 77)"))
    assert [heard(modern), heard(stream)] == [one, box]
    for at in (modern, stream):         # a number within a document is not in the list
        with pytest.raises(queue.Empty):
            at.next(1.5)
    value(client, LATER.format("App.closeDocument('Two')"))
    assert {heard(modern) for _ in range(3)} >= {two, every, "freecad://documents/Two"}
    assert heard(stream) == two
    modern.close()
    stream.close()
    close_all(client)


def test_a_client_on_stdio_that_only_listens_hears_of_changes(gui: Gui, client: Http) -> None:
    make(client, "Heard")
    stdio = Stdio(gui.env)
    try:
        stdio.send(json.dumps({
            "jsonrpc": "2.0", "id": "sub", "method": "subscriptions/listen", "params": {
                "notifications": {"resourceSubscriptions": ["freecad://documents/Heard"]},
                "_meta": {META + "protocolVersion": MODERN,
                          META + "clientCapabilities": {}}}}).encode())
        assert stdio.receive()["method"] == "notifications/subscriptions/acknowledged"
        for length in range(20, 40):        # from when it is told is not promised
            value(client, f"App.getDocument('Heard').Box.Length = {length}; 1")
            try:
                told = stdio.receive(1)
            except queue.Empty:
                continue
            break
        assert told["params"]["uri"] == "freecad://documents/Heard"
    finally:
        stdio.close()
        close_all(client)


def test_a_busy_hand_is_told_a_few_times_a_second(gui: Gui, client: Http) -> None:
    make(client, "Busy")
    before = gui.window()["changes"]
    value(client, "from PySide2.QtCore import QTimer; import fcj_gui, _fcj, time; sent = []; "
                  "fcj_gui.sent, fcj_gui.send = sent, _fcj.send\n"
                  "def send(message):\n"
                  "    if message['type'] == 'documents': sent.append(time.monotonic())\n"
                  "    fcj_gui.send(message)\n"
                  "_fcj.send = send; box = App.getDocument('Busy').Box\n"
                  "def drag():\n"
                  "    fcj_gui.left -= 1; box.Length = 10 + fcj_gui.left\n"
                  "    if not fcj_gui.left: fcj_gui.hand.stop()\n"
                  "fcj_gui.left = 60; fcj_gui.hand = QTimer(); fcj_gui.hand.timeout.connect(drag); "
                  "fcj_gui.hand.start(5); 1")
    until(lambda: gui.window()["changes"] >= before + 60)
    until(lambda: not value(client, "import fcj_gui; fcj_gui.left"))
    sent = value(client, "import fcj_gui, _fcj; _fcj.send = fcj_gui.send; fcj_gui.sent")
    assert sent and all(after - one > 0.2 for one, after in zip(sent, sent[1:])), sent
    close_all(client)


# ---- A person's FreeCAD ---------------------------------------------------------

@pytest.fixture
def person(gui: Gui, tmp_path: pathlib.Path) -> Iterator[subprocess.Popen[bytes]]:
    """`freecad` with the add-on, as a person starts it, on an X server."""
    gui.up()
    home = gui.dir / "person"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    subprocess.run([str(BIN / "fcj"), "addon", "install", str(home / "Mod")], env=gui.env,
                   check=True, stdout=subprocess.DEVNULL)
    (home / "user.cfg").write_text((gui.state / "gui" / "user.cfg").read_text())
    read, write = os.pipe()
    server = subprocess.Popen(["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x1024x24",
                               "-nolisten", "tcp", "-noreset"],
                              pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    with open(read, encoding="ascii") as told:
        display = told.readline().strip()
    env = {**gui.env, "HOME": str(home), "FREECAD_USER_HOME": str(home),
           "FREECAD_USER_DATA": str(home), "FREECAD_USER_TEMP": str(home), "TMPDIR": str(home),
           "DISPLAY": f":{display}", "QT_LOGGING_TO_CONSOLE": "1", "LIBGL_ALWAYS_SOFTWARE": "1",
           "QTWEBENGINE_DISABLE_SANDBOX": "1"}
    with open(gui.logs / "person.log", "wb") as log:
        freecad = subprocess.Popen(["freecad"], env=env, stdout=log, stderr=log,
                                   stdin=subprocess.DEVNULL)
    gui.seen |= {freecad.pid, server.pid}
    try:
        yield freecad
    finally:
        freecad.kill()
        server.terminate()      # takes its lock away
        for process in (freecad, server):
            process.wait()


BUTTON = ("from PySide2 import QtWidgets as W; import fcj_gui; panel = fcj_gui.panel_shown; "
          "button = Gui.getMainWindow().findChild(W.QToolButton, 'FreeCADJobs'); ")


#: A person's hand: what is written into its pipe is clicked in the menu.
HAND = BUTTON + """
import os
from PySide2.QtCore import QSocketNotifier
path = os.path.join(App.getUserAppDataDir(), "hand")
os.mkfifo(path)
panel.hand = os.open(path, os.O_RDWR | os.O_NONBLOCK)
panel.hand_notifier = QSocketNotifier(panel.hand, QSocketNotifier.Read)
panel.undo = type("Undo", (), {"trigger": lambda self: Gui.runCommand("Std_Undo")})()
panel.hand_notifier.activated.connect(
    lambda *a: getattr(panel, os.read(panel.hand, 100).decode().strip()).trigger())
"""


def press(person: subprocess.Popen[bytes], action: str) -> None:
    """Clicks an action of the panel's menu."""
    home = pathlib.Path(f"/proc/{person.pid}/environ").read_bytes()
    where = home.split(b"FREECAD_USER_HOME=")[1].split(b"\0")[0].decode()
    with open(f"{where}/hand", "w", encoding="ascii") as hand:
        hand.write(action + "\n")


def test_a_persons_freecad_has_the_jobs_and_can_pause_them(
        gui: Gui, client: Http, person: subprocess.Popen[bytes]) -> None:
    until(lambda: gui.window("freecad").get("holder"))
    assert gui.window("freecad")["attached"] and not gui.window()["holder"]
    assert value(client, "import os; os.getpid()") == person.pid
    assert "execute_code" in value(client, BUTTON + "button.text()")
    value(client, HAND + "1")
    make(client, "Mine")
    code(client, "App.ActiveDocument.Box.Length = 33")
    listen = listening(gui, "freecad://documents/Mine")
    quiet(listen)
    press(person, "undo")               # by the menu, where no job sees it
    assert heard(listen) == "freecad://documents/Mine"
    assert value(client, "str(App.ActiveDocument.Box.Length)") == "10.0 mm"
    press(person, "pause")
    until(lambda: gui.window("freecad").get("state") == "paused")
    listen.close()
    found: list[Any] = []
    waiting = aside(client, lambda other: found.append(value(other, "import os; os.getpid()")))
    until(lambda: client.call("service_status")["queued"]["gui"] == 1)
    assert not found
    press(person, "pause")
    waiting.join()
    assert found == [person.pid]
    press(person, "connection")
    until(lambda: gui.window().get("holder"))
    assert value(client, "import os; os.getpid()") == gui.host() and person.poll() is None


def test_a_persons_freecad_is_interrupted_but_never_killed(
        gui: Gui, client: Http, person: subprocess.Popen[bytes]) -> None:
    until(lambda: gui.window("freecad").get("holder"))
    assert reason(client, "while True: pass", timeout_s=1)[0] == "timeout"
    why, words = reason(client, "import ctypes; ctypes.PyDLL(None).sleep(6)", timeout_s=1)
    assert why == "timeout" and "busy" in words
    assert value(client, "import os; os.getpid()") == person.pid
    assert person.poll() is None


# ---- What any job process can, the window can, too ---------------------------------

def test_a_job_in_the_window_asks_its_user_and_goes_on(gui: Gui, client: Http) -> None:
    asked = code(client, "a = job.ask('How long?', {'type': 'object', 'properties': "
                         "{'mm': {'type': 'number'}}})\n[a.action, a.content]")
    job = next(one["job_id"] for one in client.call("list_jobs", limit=5)["jobs"]
               if one["tool"] == "execute_code")
    assert "How long?" in client.status(job).everything, asked
    assert not client.call("answer_job", job_id=job, ask=1, action="accept",
                           content={"mm": 7}).is_error
    assert client.wait(job)["state"] == "completed"
    assert client.result(job)["result"]["result"] == ["accept", {"mm": 7}]


def test_new_handlers_are_loaded_by_a_window_that_stays(gui: Gui, client: Http) -> None:
    before = gui.host()
    tool = ('from fcj import tool\n\n@tool(needs="gui", toolset="jobs", title="Answer")\n'
            'def answer_of_the_window() -> int:\n'
            '    """Say a number from the live FreeCAD, for a test of reloading."""\n'
            '    return {}\n')
    try:
        (gui.handlers / "mine.py").write_text(tool.format(41))
        assert client.call("reload_handlers")["ok"]
        assert client.call("answer_of_the_window")["result"] == 41
        assert gui.host() == before
        (gui.handlers / "mine.py").write_text(tool.format(42))
        assert client.call("reload_handlers")["ok"]
        assert client.call("answer_of_the_window")["result"] == 42
        (gui.handlers / "mine.py").write_text("this is no Python")
        assert not client.call("reload_handlers").get("ok")
        assert client.call("answer_of_the_window")["result"] == 42
    finally:
        (gui.handlers / "mine.py").unlink()
    assert client.call("reload_handlers")["ok"] and gui.host() == before


def test_a_copy_that_cannot_be_opened_is_kept_and_told(gui: Gui, client: Http) -> None:
    close_all(client)
    make(client, "Broken", 77)
    make(client, "Fine", 88)
    saved(gui, client)
    gui.kill("gui", signal.SIGTERM)
    snapshots = gui.state / "gui" / "snapshots"
    newest = max(int(one.name) for one in snapshots.iterdir() if one.name.isdigit())
    (snapshots / str(newest) / "Broken.FCStd").write_bytes(b"no document")
    gui.up()
    assert value(client, "App.getDocument('Fine').Box.Length.Value") == 88
    assert "Broken" in gui.window()["error"]
    assert any(one.name.startswith("Broken-") for one in (snapshots / "lost").iterdir())


def test_links_between_documents_outlive_a_crash(gui: Gui, client: Http) -> None:
    close_all(client)
    files = tempfile.mkdtemp(prefix="fcjl", dir="/tmp")
    # The user opens before what it uses: FreeCAD would open that from its file.
    value(client, "u, p = App.newDocument('User'), App.newDocument('Used')\n"
                  f"u.saveAs('{files}/user.FCStd'); b = p.addObject('Part::Box', 'Box'); "
                  f"p.saveAs('{files}/used.FCStd')\n"
                  "u.addObject('App::Link', 'Link').LinkedObject = b\nu.recompute(); u.save()\n"
                  "b.Length = 44; p.recompute(); 1")
    saved(gui, client)
    code(client, "import os; os.kill(os.getpid(), 9)")
    assert value(client, "l = App.getDocument('User').Link\n[l.LinkedObject.FullName, l.isValid(), "
                         "Part.getShape(l).BoundBox.XLength, sorted(App.listDocuments())]"
                 ) == ["Used#Box", True, 44, ["Used", "User"]]
    shutil.rmtree(files)


def test_no_view_outlives_a_document_that_a_job_closes(client: Http) -> None:
    """Else FreeCAD crashes now and then: the tab of a page asks for its document."""
    close_all(client)
    assert value(client, "d = App.newDocument('Paper'); page = d.addObject('TechDraw::DrawPage', 'Page')\n"
                 "page.Template = d.addObject('TechDraw::DrawSVGTemplate', 'Template')\n"
                 "page.ViewObject.doubleClicked(); App.closeDocument('Paper')\n"
                 "str(Gui.getMainWindow().getActiveWindow())") == "None"


def test_a_document_that_ends_freecad_when_it_is_opened_costs_no_other(gui: Gui, client: Http) -> None:
    close_all(client)
    make(client, "First", 66)
    # Its view can be made, but not read from a file: FreeCAD 0.20 crashes.
    assert not code(client, "import Mesh; App.newDocument('Deadly').addObject('Mesh::Export', 'E'); 1",
                    transaction=False).is_error
    make(client, "Last", 99)
    # Its page has no template, so its tab can't be drawn: it is opened all the same.
    assert "Template not set" in value(client, "view = App.newDocument('Bare').addObject('TechDraw::DrawPage', 'Page')"
                                               ".ViewObject\ntry: view.doubleClicked()\n"
                                               "except RuntimeError as error: said = str(error)\nsaid")
    saved(gui, client)
    os.kill(gui.host(), signal.SIGKILL)
    until(lambda: "Deadly" in gui.window().get("error", ""))
    gui.up()
    assert value(client, "[App.getDocument(n).Box.Length.Value for n in ('First', 'Last')]") == [66, 99]
    assert "Bare" not in gui.window()["error"] and value(client, "App.getDocument('Bare').FileName") == ""
    assert "lost/Deadly" in client.refused("get_objects", document="Deadly")
    make(client, "More")
    saved(gui, client)
    lost = gui.state / "gui" / "snapshots" / "lost"
    assert any(one.name.startswith("Deadly-") for one in lost.iterdir()), "and its copy stays"


def test_the_local_service_starts_a_window_unless_told_not_to() -> None:
    for flags, there in (((), True), (("--no-gui",), False)):
        home = tempfile.mkdtemp(prefix="fcjw", dir="/tmp")
        env = {"PATH": "/usr/bin:/bin", "HOME": home, "LANG": "C.UTF-8",
               "FCJ_STATE": f"{home}/state", "FCJ_DISPLAY": "xvfb",
               **SANITIZERS}
        def fcj(*words: str) -> str:
            return subprocess.run([str(BIN / "fcj"), *words], env=env, check=True, timeout=90,
                                  capture_output=True, text=True).stdout
        try:
            fcj(*flags, "up")
            assert ("window     gui:" in fcj("status")) is there
            assert "ok       window" in fcj("doctor")
        finally:
            fcj("down")
            remove(home)
