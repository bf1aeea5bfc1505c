"""fcj-worker against a broker of forty lines: every way a job can end.

No Redis and no fcj-broker: what is held here is the worker's side of
broker/PROTOCOL.md and the walls around a job process.
"""

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any, Iterator

import pytest
from service import remove, scratch

msgpack = pytest.importorskip("msgpack")
zmq = pytest.importorskip("zmq")

ROOT = Path(__file__).resolve().parents[2]
WORKER = ROOT / os.environ.get("BUILD", "build") / "bin" / "fcj-worker"
GRACE_S = 4.0


class Broker:
    """A broker that says WELCOME, gives jobs and confirms their ends."""

    def __init__(self, *flags: str) -> None:
        self.dir = tempfile.mkdtemp(prefix="fcj-worker-")
        endpoint = f"ipc://{self.dir}/w.sock"
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.ROUTER)
        self.socket.bind(endpoint)
        self.log = open(f"{self.dir}/log", "w+", encoding="utf-8")
        self.worker = subprocess.Popen(
            [WORKER, "--state", f"{self.dir}/state", "--worker-endpoint", endpoint,
             "--slots", "2", *flags], stderr=self.log, stdin=subprocess.DEVNULL)
        self.peer, self.hello, self.info = b"", {}, {}
        self.offered: list[int] = []        # slots, with each HELLO

    def send(self, kind: str, body: dict[str, Any]) -> None:
        self.socket.send_multipart([self.peer, b"FCJ1", kind.encode(), msgpack.packb(body)])

    def receive(self, timeout: float) -> tuple[str, dict[str, Any]]:
        end = time.monotonic() + timeout
        while self.socket.poll(max(0, int((end - time.monotonic()) * 1000))):
            self.peer, version, kind, body = self.socket.recv_multipart()
            assert version == b"FCJ1"
            message = msgpack.unpackb(body)
            if kind == b"HELLO":
                self.hello = message
                self.offered.append(message["slots"])
                self.send("WELCOME", {"broker": "test", "lease_ms": 15000, "beat_ms": 1000})
            elif kind == b"BEAT":
                self.send("BEAT", {})
                continue
            elif kind == b"INFO":
                self.info = message["info"]
                continue
            return kind.decode(), message
        raise TimeoutError("the worker said nothing\n" + Path(self.log.name).read_text())

    def ready(self) -> "Broker":
        while not self.hello.get("slots"):
            self.receive(60)
        return self

    def give(self, code: str, **spec: Any) -> str:
        token, job = secrets.token_hex(16), str(uuid.uuid4())
        self.send("RUN", {"id": job, "attempt": 1, "token": token, "refs": {}, "spec": {
            "id": job, "owner": "me", "tool": "execute_code_async", "lane": "compute",
            "arguments": json.dumps({"code": code}), "timeout_s": 30, **spec}})
        return token

    def end_of(self, token: str, timeout: float = 30) -> dict[str, Any]:
        end = time.monotonic() + timeout
        while True:
            kind, message = self.receive(end - time.monotonic())
            if kind in ("FINISH", "RELEASE") and message["token"] == token:
                self.send("FINISHED", {"id": message["id"], "token": token})
                return {"kind": kind, **message}

    def run(self, code: str, timeout: float = 30, **spec: Any) -> dict[str, Any]:
        return self.end_of(self.give(code, **spec), timeout)

    def children(self, name: str) -> list[int]:
        out = subprocess.run(["pgrep", "-P", str(self.worker.pid), name], check=False,
                             capture_output=True, text=True).stdout
        return [int(pid) for pid in out.split()]

    def zygote(self) -> int:
        return self.children("fcj-zygote")[0]

    def close(self) -> None:
        if self.worker.poll() is None:
            self.worker.terminate()
            self.worker.wait(15)
        self.context.destroy(linger=0)
        self.log.close()
        remove(self.dir)        # what a killed one left, too


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    made = Broker().ready()
    yield made
    made.close()


@pytest.fixture
def own() -> Iterator[list[Broker]]:
    made: list[Broker] = []
    yield made
    for one in made:
        one.close()


def reason(end: dict[str, Any]) -> tuple[str, str]:
    return end["state"], end.get("reason", "")


def lives(pid: int) -> bool:
    """A zombie, which waits for an init that may be slow, does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def message(end: dict[str, Any]) -> str:
    return json.loads(end["error"])["message"]


def test_a_result_comes_back_with_its_numbers(broker: Broker) -> None:
    end = broker.run("print('hi'); 1 + 1")
    assert reason(end) == ("completed", "") and end["result"] == "2"
    assert end["stdout"] == "hi\n" and end["memory"] > 0 and end["finished"] >= end["started"]


def test_an_exception_is_an_exception(broker: Broker) -> None:
    end = broker.run("raise ValueError('x')")
    assert reason(end) == ("failed", "exception") and message(end) == "x"
    assert reason(broker.run("import sys; sys.exit(0)")) == ("failed", "exception")


@pytest.mark.parametrize("code, name", [
    ("import ctypes; ctypes.string_at(0)", "SIGSEGV"),
    ("import os; os.abort()", "SIGABRT"),
    ("import os, signal; os.kill(os.getpid(), signal.SIGFPE)", "SIGFPE")])
def test_a_crash_is_told_with_its_signal(broker: Broker, code: str, name: str) -> None:
    end = broker.run(code)
    assert reason(end) == ("failed", "crashed") and json.loads(end["error"])["signal"] == name


def test_an_exit_without_a_result_is_a_crash(broker: Broker) -> None:
    for code in ("import os; os._exit(0)", "import os; os._exit(3)"):
        end = broker.run(code)
        assert reason(end) == ("failed", "crashed") and "without a result" in message(end)


@pytest.mark.parametrize("code", [
    "while True: pass", "10 ** 10 ** 10",
    "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: pass"])
def test_an_endless_loop_ends_at_its_time_limit(broker: Broker, code: str) -> None:
    begin = time.monotonic()
    assert reason(broker.run(code, timeout_s=1)) == ("failed", "timeout")
    assert time.monotonic() - begin < 1 + GRACE_S


def test_cpu_time_has_a_limit_of_its_own(broker: Broker) -> None:
    assert reason(broker.run("while True: pass", cpu_s=1)) == ("failed", "cpu")


def test_memory_has_a_limit(broker: Broker) -> None:
    assert reason(broker.run("bytearray(100 << 30)")) == ("failed", "memory")
    end = broker.run("a = []\nwhile True: a.append(bytearray(1 << 22))", memory_max=300 << 20)
    assert reason(end) == ("failed", "memory")


def test_memory_of_children_counts_on_a_crowded_machine(broker: Broker) -> None:
    """More processes are there, with lower numbers, than a job may have."""
    crowd = subprocess.Popen([sys.executable, "-c", (
        "import os, signal\n"
        "for _ in range(1100):\n"
        "    if os.fork() == 0: signal.pause()\n"
        "print('there', flush=True); signal.pause()")],
        stdout=subprocess.PIPE, start_new_session=True)
    try:
        assert crowd.stdout and crowd.stdout.readline()
        end = broker.run(
            "import os, time\nfor _ in range(3):\n    if os.fork() == 0:\n"
            "        x = b'x' * (100 << 20)\n        time.sleep(60)\ntime.sleep(20)",
            memory_max=256 << 20, timeout_s=5)
    finally:
        os.killpg(crowd.pid, signal.SIGKILL)
        crowd.wait()
    assert reason(end) == ("failed", "memory")


def test_a_fork_bomb_stays_in_its_job(broker: Broker) -> None:
    end = broker.run("import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
                     timeout_s=2, timeout=15)
    assert end["state"] == "failed" and end["reason"] in ("timeout", "memory", "output_limit")
    assert reason(broker.run("1"))[0] == "completed"


def test_a_flood_of_output_is_cut_and_kept(broker: Broker) -> None:
    end = broker.run("while True: print('x' * 100000)", output_max=1 << 20)
    assert reason(end) == ("failed", "output_limit") and len(end["stdout"]) == 4096
    assert end["stdout_size"] <= 1 << 20
    assert [a["name"] for a in json.loads(end["artifacts"])] == ["stdout.log"]


def test_the_tail_is_text_whatever_was_written(broker: Broker) -> None:
    end = broker.run("import os; os.write(1, bytes(range(256)) * 2); None")
    assert reason(end)[0] == "completed" and end["stdout_size"] == 512


def test_a_grandchild_does_not_outlive_its_job(broker: Broker) -> None:
    end = broker.run("import subprocess; subprocess.Popen(['/bin/sleep', '77.125']).pid")
    assert reason(end)[0] == "completed"
    time.sleep(0.3)
    assert subprocess.run(["pgrep", "-f", "sleep 77.125"], check=False).returncode == 1


@pytest.mark.parametrize("code", [
    "import socket; socket.socket()", "import os; os.setsid()",
    "open('/etc/fcj-was-here', 'w')", "open('/tmp/fcj-was-here', 'w')",
    "import os; os.listdir('/root')", "import os; os.listdir('/var/tmp')",
    "import os; os.kill(os.getppid(), 9)",
    "import os; os.setuid(0); open('/etc/shadow')"])
def test_the_walls_stand(broker: Broker, code: str) -> None:
    end = broker.run(code)
    assert reason(end) == ("failed", "exception")
    assert "ermi" in end["error"] or "not permitted" in end["error"], end["error"]


def test_a_link_is_no_artifact(broker: Broker) -> None:
    code = ("import os; job.artifact('a.txt', b'1')\n"
            "d = 'artifacts'\n"
            "for f in os.listdir(d): os.unlink(f'{d}/{f}'); os.symlink('/etc/passwd', f'{d}/{f}')")
    end = broker.run(code)
    assert reason(end) == ("failed", "invalid") and "link" in message(end)


def test_artifacts_are_blobs(broker: Broker) -> None:
    end = broker.run("job.artifact('a.txt', b'hello'); 1")
    [one] = json.loads(end["artifacts"])
    path = Path(broker.dir, "state", "blobs", one["hash"][:2], one["hash"][2:])
    assert one["name"] == "a.txt" and one["size"] == 5 and path.read_bytes() == b"hello"


def test_documents_work_inside_the_walls(broker: Broker) -> None:
    end = broker.run("d = FreeCAD.newDocument(); b = d.addObject('Part::Box'); d.recompute()\n"
                     "d.addObject('PartDesign::Body'); b.Shape.Volume")
    assert reason(end)[0] == "completed", end["error"]
    assert float(end["result"]) == pytest.approx(1000)


def test_parallel_booleans_work_in_each_process(broker: Broker) -> None:
    code = "Part.makeBox(9,9,9).cut([Part.makeSphere(2, FreeCAD.Vector(i,i,i)) for i in range(9)]).Volume"
    for _ in range(6):
        assert reason(broker.run(code, timeout_s=10))[0] == "completed"


def test_nothing_of_a_job_is_left_to_the_next(broker: Broker) -> None:
    broker.run("import builtins; builtins.leak = 1; x = 5; open('mine', 'w').write('1')")
    end = broker.run("import os, builtins; [hasattr(builtins, 'leak'), 'x' in globals(), os.path.exists('mine')]")
    assert json.loads(end["result"]) == [False, False, False]


def test_a_killed_job_reports_nothing(broker: Broker) -> None:
    token = broker.give("while True: pass")
    assert broker.receive(10)[0] == "STARTED"
    broker.send("KILL", {"id": "", "token": token, "why": "cancelled"})
    with pytest.raises(TimeoutError):
        broker.end_of(token, 3)
    assert reason(broker.run("1"))[0] == "completed"


def test_two_jobs_run_at_once_and_a_third_waits(broker: Broker) -> None:
    tokens = [broker.give("import time; time.sleep(0.5)") for _ in range(3)]
    for token in tokens:
        kind, end = broker.receive(10)
        while kind != "FINISH":
            kind, end = broker.receive(10)
        broker.send("FINISHED", {"id": end["id"], "token": end["token"]})
        assert end["token"] in tokens and end["state"] == "completed"


def test_finish_is_repeated_until_it_is_confirmed(broker: Broker) -> None:
    token = broker.give("1")
    ends = 0
    while ends < 2:
        kind, end = broker.receive(10)
        if kind == "FINISH" and end["token"] == token:
            ends += 1
            if ends == 1:
                broker.send("HELLO?", {})
    broker.send("FINISHED", {"id": end["id"], "token": token})
    assert reason(broker.run("2"))[0] == "completed"


def test_a_reload_takes_over_only_when_it_is_proven(broker: Broker) -> None:
    old = broker.zygote()
    broker.send("RELOAD", {"req": 7})
    kind, answer = broker.receive(30)
    while kind != "RELOADED":
        kind, answer = broker.receive(30)
    assert answer["req"] == 7 and answer["ok"], answer
    assert json.loads(answer["catalogue"])["tools"]
    assert reason(broker.run("1"))[0] == "completed"
    time.sleep(0.5)
    assert broker.zygote() != old


def test_broken_handlers_never_replace_working_ones(own: list[Broker],
                                                    tmp_path: Path) -> None:
    handlers = tmp_path
    broker = Broker("--handlers", str(handlers))
    own.append(broker)
    broker.ready()
    Path(handlers, "bad.py").write_text("this is no Python\n")
    broker.send("RELOAD", {"req": 8})
    kind, answer = broker.receive(30)
    while kind != "RELOADED":
        kind, answer = broker.receive(30)
    assert not answer["ok"] and "bad.py" in answer["error"]
    assert reason(broker.run("1"))[0] == "completed"


#: Talks to the supervisor itself: `say` sends one message, whoever listens.
WIRE = (
    "import os, struct, time, sys\n"
    "def pack(value):\n"
    "    if isinstance(value, dict):\n"
    "        return bytes([0x80 + len(value)]) + b''.join(\n"
    "            pack(k) + pack(v) for k, v in value.items())\n"
    "    if isinstance(value, int): return b'\\xce' + struct.pack('>I', value)\n"
    "    text = value.encode()\n"
    "    return b'\\xd9' + bytes([len(text)]) + text\n"
    "def frame(**value):\n"
    "    body = pack(value)\n"
    "    return struct.pack('>I', len(body)) + body\n"
    "def say(data):\n"
    "    data = memoryview(data)\n"
    "    while data: data = data[os.write(3, data):]\n")


def test_a_job_that_asks_and_reads_no_answer_stops_nobody(broker: Broker) -> None:
    flood = WIRE + ("for n in range(1, 5000):\n"
                    "    say(frame(type='ask', ask=n, message='?', schema='no'))\n"
                    "time.sleep(60)")
    rude = broker.give(flood, timeout_s=20)
    assert json.loads(broker.run("6 * 7")["result"]) == 42
    assert reason(broker.end_of(rude)) == ("failed", "crashed")
    assert json.loads(broker.run("6 * 7")["result"]) == 42


def test_many_messages_at_once_are_all_heard(broker: Broker) -> None:
    end = broker.run(WIRE + "say(frame(type='progress', message='x') * 3000)\n'heard'")
    assert reason(end) == ("completed", "") and json.loads(end["result"]) == "heard"


def test_the_last_messages_of_a_process_that_ends_are_heard(broker: Broker) -> None:
    result = "frame(type='result', state='completed', result='7')"
    end = broker.run(WIRE + f"say(frame(type='progress', message='x') * 900 + {result})\n"
                     "os._exit(0)")
    assert reason(end) == ("completed", "") and json.loads(end["result"]) == 7


def test_a_flood_of_messages_fills_no_memory(broker: Broker) -> None:
    def resident() -> int:
        text = Path(f"/proc/{broker.worker.pid}/statm").read_text()
        return int(text.split()[1]) * os.sysconf("SC_PAGESIZE")
    before = resident()
    flood = broker.give(WIRE + "nothing = b'\\0\\0\\0\\1\\x80' * 200000\n"
                        "while True: say(nothing)", timeout_s=4)
    assert json.loads(broker.run("6 * 7")["result"]) == 42
    assert reason(broker.end_of(flood)) == ("failed", "timeout")
    # A sanitizer keeps 256 MiB of what was freed, to watch it.
    assert resident() - before < (400 << 20 if "asan" in str(WORKER) else 16 << 20)


def test_handlers_that_end_their_process_are_refused_at_once(own: list[Broker],
                                                             tmp_path: Path) -> None:
    broker = Broker("--handlers", str(tmp_path))
    own.append(broker)
    broker.ready()
    Path(tmp_path, "bad.py").write_text(
        "import os\nos.register_at_fork(after_in_child=lambda: os._exit(3))\n")
    broker.send("RELOAD", {"req": 9})
    kind, answer = broker.receive(30)       # not the minute that a zygote may take
    while kind != "RELOADED":
        kind, answer = broker.receive(30)
    assert not answer["ok"] and "ended before" in answer["error"], answer
    assert reason(broker.run("1"))[0] == "completed"


def test_zygotes_lost_now_and_then_are_not_lost_in_a_row(own: list[Broker]) -> None:
    broker = Broker().ready()
    own.append(broker)
    for _ in range(3):
        old = broker.zygote()
        os.kill(old, signal.SIGKILL)
        while not set(broker.children("fcj-zygote")) - {old}:
            time.sleep(0.01)
        assert reason(broker.run("1"))[0] == "completed"
    assert broker.offered == [2]


def test_roots_that_the_walls_have_no_room_for_are_refused(own: list[Broker]) -> None:
    own.append(Broker("--roots", ":".join(f"/root{n}" for n in range(33))))
    assert own[0].worker.wait(20) == 1
    assert "roots names 33 directories, 32 are possible" in Path(own[0].log.name).read_text()


def test_files_over_a_gigabyte_are_allowed_where_artifact_max_says_so(own: list[Broker]) -> None:
    own.append(Broker("--artifact-max", "3G").ready())
    code = "import resource; resource.getrlimit(resource.RLIMIT_FSIZE)[0]"
    assert json.loads(own[0].run(code)["result"]) == 3 << 30
    end = own[0].run("", engine="native", tool="native_check", arguments="{}")
    assert reason(end) == ("completed", ""), end
    native = own[0].children("fcj-native")[0]
    assert f"{(3 << 30) + 1} " in Path(f"/proc/{native}/limits").read_text()


def test_a_lost_zygote_hands_its_jobs_back_and_is_replaced(own: list[Broker]) -> None:
    broker = Broker()
    own.append(broker)
    broker.ready()
    token = broker.give("while True: pass")
    assert broker.receive(10)[0] == "STARTED"
    os.kill(broker.zygote(), signal.SIGKILL)
    end = broker.end_of(token)
    assert end["kind"] == "RELEASE" and end["lost"] is True
    assert reason(broker.run("1"))[0] == "completed"


def test_a_worker_that_is_told_to_stop_hands_its_jobs_back(own: list[Broker]) -> None:
    broker = Broker()
    own.append(broker)
    broker.ready()
    token = broker.give("while True: pass")
    assert broker.receive(10)[0] == "STARTED"
    broker.worker.terminate()
    end = broker.end_of(token)
    assert end["kind"] == "RELEASE" and end["lost"] is False
    assert broker.receive(5)[0] == "BYE"
    assert broker.worker.wait(5) == 0
    assert not scratch(f"{broker.dir}/state").exists()


def test_a_window_without_a_directory_for_its_settings_is_said_and_leaves_nothing(
        own: list[Broker]) -> None:
    broker = Broker("--gui", "--gui-user-dir", "/proc/nowhere")
    own.append(broker)
    assert broker.worker.wait(15) == 1
    assert "--gui-user-dir" in Path(broker.log.name).read_text()
    assert not scratch(f"{broker.dir}/state").exists()


def test_a_killed_supervisor_leaves_nothing_behind(own: list[Broker]) -> None:
    broker = Broker()
    own.append(broker)
    broker.ready()
    broker.give("import subprocess; subprocess.Popen(['/bin/sleep', '78.125'])\nwhile True: pass")
    assert broker.receive(10)[0] == "STARTED"
    time.sleep(0.5)
    zygote = broker.zygote()
    broker.worker.kill()
    broker.worker.wait()
    time.sleep(1)
    assert not lives(zygote)
    assert subprocess.run(["pgrep", "-f", "sleep 78.125"], check=False).returncode == 1
