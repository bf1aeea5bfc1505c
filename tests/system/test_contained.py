"""What code may try, and how each attempt ends: with the right reason, in
time, while another job runs unharmed beside it."""

from __future__ import annotations

import os
import pathlib
import time

import pytest
from service import (LIMIT_SLACK_S, MACHINE_SLACK_S, Answer, Http,
                     ProtocolError, Service, alive)

SERVICE = {"output_max": 16 << 20, "memory_max": 1 << 30}
NEIGHBOUR = ("import time\nfor i in range(20):\n"
             "    Part.makeBox(1, 1, 1 + i).Volume; time.sleep(0.05)\n"
             "'unharmed'")


def contained(client: Http, code: str, timeout_s: int = 3) -> Answer:
    """Runs it beside a neighbour that must not notice."""
    neighbour = client.submit(NEIGHBOUR)
    began = time.monotonic()
    job = client.submit(code, timeout_s=timeout_s)
    client.wait(job, timeout_s + LIMIT_SLACK_S + MACHINE_SLACK_S)
    took = time.monotonic() - began
    assert took < timeout_s + LIMIT_SLACK_S + MACHINE_SLACK_S
    beside = client.wait(neighbour)
    assert beside["state"] == "completed", f"the neighbour: {beside}"
    assert client.result(neighbour)["result"] == "unharmed"
    return client.result(job)


@pytest.mark.parametrize("name, code, reason, word", [
    ("endless Python loop", "while True: pass", "timeout", ""),
    ("C loop that holds the GIL", "sum(range(10**13))", "timeout", ""),
    ("sleep in C that holds the GIL",
     "import ctypes\nwhile True: ctypes.PyDLL(None).pause()", "timeout", ""),
    ("endless boolean in OpenCASCADE",
     "import math\nr = [Part.makeTorus(20, 3, FreeCAD.Vector(i*1.3, i*.7, i)"
     ",FreeCAD.Vector(math.sin(i), math.cos(i), .3)) for i in range(90)]\n"
     "r[0].multiFuse(r[1:])", "timeout", ""),
    ("SIGTERM ignored",
     "import signal\nsignal.signal(15, signal.SIG_IGN)\nwhile True: pass",
     "timeout", ""),
    ("exceptions swallowed",
     "while True:\n    try:\n        while True: pass\n"
     "    except BaseException: pass", "timeout", ""),
    ("os._exit", "import os; os._exit(0)", "crashed", "without a result"),
    ("os._exit 3", "import os; os._exit(3)", "crashed", ""),
    ("sys.exit", "import sys; sys.exit(0)", "exception", "SystemExit"),
    ("segfault", "import ctypes; ctypes.string_at(0)", "crashed", "SIGSEGV"),
    ("abort", "import os; os.abort()", "crashed", "SIGABRT"),
    ("kills itself", "import os; os.kill(os.getpid(), 9)", "crashed",
     "SIGKILL"),
    ("stack overflow",
     "import sys\nsys.setrecursionlimit(10**9)\n"
     "x = []\nfor _ in range(10**6): x = [x]\nrepr(x)", "crashed",
     "SIGSEGV"),
    ("100 GB at once", "x = bytearray(100 << 30)", "memory", ""),
    ("100 GB by and by",
     "x = []\nwhile True: x.append(bytearray(64 << 20))", "memory", ""),
    ("a gigabyte of output",
     "while True: print('x' * 100000)", "output_limit", ""),
    ("a gigabyte of stderr",
     "import os\nwhile True: os.write(2, b'x' * 100000)",
     "output_limit", "")])
def test_it_ends_with_the_right_reason(
        client: Http, name: str, code: str, reason: str, word: str) -> None:
    timeout = 10 if reason != "timeout" else 2
    answer = contained(client, code, timeout)
    assert answer["state"] == "failed"
    assert answer["reason"] == reason, f"{name}: {answer}"
    assert word in answer.everything, f"{name}: {answer}"


def test_a_fork_bomb_is_bounded_and_leaves_nothing(
        client: Http, service: Service) -> None:
    before = len(service.job_processes())
    answer = contained(client, "import os\nwhile True:\n"
                       "    try:\n        os.fork()\n"
                       "    except OSError:\n        pass", 3)
    assert answer["state"] == "failed"
    assert answer["reason"] in ("timeout", "cpu", "memory"), f"{answer}"
    end = time.monotonic() + 5
    while len(service.family()) > before + 12:
        assert time.monotonic() < end, "the bomb left processes"
        time.sleep(0.1)


@pytest.mark.parametrize("extra", [
    "", "os.setsid()", "os.setpgid(0, 0)",
    "import signal; [signal.signal(s, signal.SIG_IGN) for s in (1, 2, 15)]"])
def test_a_grandchild_does_not_outlive_its_job(
        client: Http, extra: str) -> None:
    answer = contained(client, "import os, time\npid = os.fork()\n"
                       "if pid == 0:\n"
                       "    if os.fork() != 0: os._exit(0)\n"
                       "    open(os.path.join(job.scratch, 'pid'), 'w')"
                       ".write(str(os.getpid()))\n"
                       "    try:\n"
                       f"        {extra or 'pass'}\n"
                       "    except OSError: pass\n"
                       "    time.sleep(120); os._exit(0)\n"
                       "time.sleep(0.5)\n"
                       "int(open(os.path.join(job.scratch, 'pid')).read())",
                       10)
    assert answer["state"] == "completed", f"{answer}"
    pid = answer["result"]
    end = time.monotonic() + LIMIT_SLACK_S + MACHINE_SLACK_S
    while alive(pid):
        assert time.monotonic() < end, f"grandchild {pid} lives"
        time.sleep(0.05)


def blocked(client: Http, code: str) -> str:
    """Runs code that must raise OSError; returns what it raised."""
    answer = contained(client, "import os, socket\ntry:\n"
                       + "".join(f"    {line}\n" for line in
                                 code.splitlines())
                       + "except OSError as e:\n"
                       "    _result_ = 'blocked ' + type(e).__name__\n"
                       "else:\n    _result_ = 'it got through'", 10)
    assert answer["state"] == "completed", f"{answer}"
    assert answer["result"].startswith("blocked"), f"{answer}"
    return answer["result"]


@pytest.mark.parametrize("code", [
    "socket.socket()",
    "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
    "socket.socket(socket.AF_INET6)",
    "socket.create_connection(('127.0.0.1', 80), 1)",
    "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
    "socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)"])
def test_there_is_no_network(client: Http, code: str) -> None:
    blocked(client, code)


@pytest.mark.parametrize("path", [
    "/etc/fcj-test", "/fcj-test", "/root/fcj-test", "/tmp/fcj-test",
    "/usr/share/freecad/fcj-test", "/dev/shm/fcj-test", "/var/tmp/fcj-test"])
def test_writing_outside_is_blocked(client: Http, path: str) -> None:
    try:
        blocked(client, f"open({path!r}, 'w').write('x')")
    finally:
        written = os.path.exists(path)
        pathlib.Path(path).unlink(missing_ok=True)
    assert not written


def test_the_state_directory_is_unreadable(
        client: Http, service: Service) -> None:
    state, redis = service.state, service.dir / "redis"
    blocked(client, f"os.listdir({str(state / 'blobs')!r})")
    blocked(client, f"os.listdir({str(redis)!r})")
    blocked(client, f"open({str(state / 'x')!r}, 'w')")
    for file in [*state.rglob("*"), *redis.rglob("*")]:
        if file.is_file():
            blocked(client, f"open({str(file)!r}, 'rb').read(1)")
            break


@pytest.mark.parametrize("which", ["redis.sock", "state/run/worker.sock",
                                   "state/run/frontend.sock"])
def test_the_services_sockets_are_out_of_reach(
        client: Http, service: Service, which: str) -> None:
    path = str(service.dir / which)
    blocked(client, "s = socket.socket(socket.AF_UNIX)\n"
            f"s.connect({path!r})")
    blocked(client, "a, b = socket.socketpair(socket.AF_UNIX)\n"
            f"a.connect({path!r})")


def test_other_processes_are_out_of_reach(
        client: Http, service: Service) -> None:
    for part in ("redis", "broker", "worker"):
        pid = service.running[part].pid
        blocked(client, f"os.kill({pid}, 0)")
        blocked(client, f"open('/proc/{pid}/environ').read()")
    for pid in service.zygotes():
        blocked(client, f"os.kill({pid}, 0)")


def test_no_signal_reaches_who_was_there_before_the_job(
        client: Http) -> None:
    """Whatever the kernel's Landlock knows of signals: without our filter a
    number that nobody has is a ProcessLookupError."""
    assert client.run(
        "import fcntl, os\n"
        "me, pipe = os.getpid(), os.pipe()[0]\n"
        "older = [n for n in range(2, me) if not os.path.exists(f'/proc/{n}')]\n"
        "tries = [lambda: os.kill(older[-1], 0), lambda: os.kill(-older[-1], 0),"
        " lambda: os.kill(-1, 0), lambda: fcntl.fcntl(pipe, fcntl.F_SETOWN, 1)]\n"
        "ends = []\n"
        "for attempt in tries:\n"
        "    try:\n        attempt()\n        ends.append('through')\n"
        "    except OSError as error:\n"
        "        ends.append(type(error).__name__)\nends"
    )["result"] == 4 * ["PermissionError"]


def test_a_job_may_end_what_it_started(client: Http) -> None:
    assert client.run(
        "import os, signal, subprocess\n"
        "child = subprocess.Popen(['/bin/sleep', '60'])\n"
        "child.terminate()\nended = child.wait()\n"
        "signal.signal(15, lambda *a: None)\n"
        "os.kill(os.getpid(), 15); os.kill(0, 15); os.killpg(os.getpgrp(), 15)"
        "\nended")["result"] == -15


def test_a_job_cannot_see_anothers_scratch(client: Http) -> None:
    one = client.submit("import os, time\n"
                        "open(os.path.join(job.scratch, 's'), 'w')"
                        ".write('secret')\nprint(job.scratch, flush=True)\n"
                        "time.sleep(6)")
    client.until(one, "running")
    text = ""
    for _ in range(60):
        text = client.output(one).everything
        if "/" in text:
            break
        time.sleep(0.05)
    path = next(w for w in text.replace('"', " ").replace(
        "\\n", " ").split() if w.startswith("/"))
    two = client.submit(f"import os\ntry:\n"
                        f"    r = open({path + '/s'!r}).read()\n"
                        "except OSError: r = 'blocked'\nr")
    client.wait(two)
    assert client.result(two)["result"] == "blocked"
    client.cancel(one)


@pytest.mark.parametrize("code", [
    "p = os.path.join(job.scratch, 'l'); os.symlink('/etc/shadow', p)\n"
    "job.artifact('l.txt', p)",
    "job.artifact('l.txt', b'innocent')\n"
    "import glob\n"
    "for f in glob.glob(job.scratch + '/**/*', recursive=True):\n"
    "    if os.path.isfile(f):\n"
    "        os.unlink(f); os.symlink('/etc/passwd', f)",
    "job.artifact('l.txt', b'innocent')\n"
    "import glob\n"
    "for f in glob.glob(job.scratch + '/**/*', recursive=True):\n"
    "    if os.path.isfile(f):\n"
    "        os.unlink(f); os.mkfifo(f)",
    "job.artifact('../../l.txt', b'innocent')",
    "job.artifact('l.txt', '/etc/shadow')"])
def test_a_symlink_or_stray_path_is_no_artifact(
        client: Http, code: str) -> None:
    answer = contained(client, "import os\n" + code, 10)
    assert answer["state"] == "failed", f"{answer}"
    for artifact in answer.get("artifacts") or []:
        try:
            read = client.request("resources/read", {"uri": (
                f"job://{answer['job_id']}/{artifact['name']}")})
        except ProtocolError:
            continue
        assert "root:" not in str(read)


@pytest.mark.parametrize("code", [
    "os.write(3, b'\\xff' * 64)", "os.close(3)",
    "os.write(3, b'\\x00\\x00\\x00\\x05\\x81\\xa4ty')",
    "[os.close(i) for i in range(3)]",
    "import gc; gc.disable(); os.closerange(3, 100)"])
def test_meddling_with_descriptors_costs_only_the_job(
        client: Http, code: str) -> None:
    answer = contained(client, "import os\n" + code, 10)
    assert answer["state"] in ("failed", "completed"), f"{answer}"
    assert client.run("1")["state"] == "completed"
