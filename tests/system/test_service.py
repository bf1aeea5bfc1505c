"""The local service by itself: it starts what dies again, says when nobody
serves, takes over settings, leaves nothing; and it needs no root."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from typing import Any, Callable, Iterator

import pytest
from service import (BIN, ROOT, SANITIZERS, Stdio, alive, processes, remove,
                     scratch)


def directory() -> pathlib.Path:
    path = pathlib.Path(tempfile.mkdtemp(prefix="fcj", dir="/tmp"))
    path.chmod(0o711)
    return path


def environment(home: pathlib.Path, **more: str) -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "HOME": str(home), "LANG": "C.UTF-8",
            "FCJ_NO_GUI": "yes", **SANITIZERS, **more}


def named(home: pathlib.Path) -> dict[str, list[int]]:
    """The processes that carry the directory, by name."""
    found: dict[str, list[int]] = {}
    for pid, _, name, state in processes():
        for what in ("cmdline", "environ"):
            try:
                if state != "Z" and str(home).encode() in pathlib.Path(
                        f"/proc/{pid}/{what}").read_bytes():
                    found.setdefault(name, []).append(pid)
                    break
            except OSError:
                pass
    return found


def until(probe: Callable[[], Any], what: str, seconds: float = 30) -> Any:
    end = time.monotonic() + seconds
    while not (value := probe()):
        assert time.monotonic() < end, what
        time.sleep(0.05)
    return value


def end(home: pathlib.Path, seconds: float = 30) -> None:
    """Nobody may be left; who is, is killed."""
    try:
        until(lambda: not named(home), "processes were left", seconds)
    finally:
        for pids in named(home).values():
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
        remove(home)


@pytest.fixture(scope="module")
def home() -> Iterator[pathlib.Path]:
    """A service that fcj-mcp has started, with the client of it."""
    path = directory()
    yield path
    end(path)


@pytest.fixture(scope="module")
def client(home: pathlib.Path) -> Iterator[Stdio]:
    it = Stdio(environment(home, FCJ_STATE=str(home / "state"),
                           FCJ_SLOTS="1", FCJ_IDLE_S="1", FCJ_BEAT_MS="100",
                           FCJ_LEASE_MS="2000"))
    it.initialize()
    assert it.run("1 + 1")["result"] == 2
    yield it
    assert it.close() == 0


def test_what_is_killed_is_started_again_and_nothing_is_lost(
        client: Stdio, home: pathlib.Path) -> None:
    job = client.submit("import time; time.sleep(1); 'survived'")
    for name in ("fcj-worker", "fcj-broker", "redis-server"):
        old, = named(home)[name]
        os.kill(old, signal.SIGKILL)
        until(lambda: named(home).get(name, [old]) != [old],
              f"{name} was not started again")
        assert not alive(old)

    def finished() -> bool:
        status = client.status(job)
        return status.get("state") == "completed"

    until(finished, "the job did not end", 60)
    assert client.result(job)["result"] == "survived"
    assert client.run("2 + 2")["result"] == 4


def test_a_client_that_was_there_when_it_was_stopped_has_it_started_again(
        client: Stdio, home: pathlib.Path) -> None:
    old, = named(home)["fcj-service"]
    done = client.submit("'before'")
    client.wait(done)
    os.kill(old, signal.SIGTERM)            # as `fcj down` does
    until(lambda: not alive(old), "it did not stop")
    assert client.result(done)["result"] == "before"
    os.kill(named(home)["fcj-service"][0], signal.SIGTERM)
    assert client.run("3 + 3")["result"] == 6       # asked while it stops


def said(home: pathlib.Path) -> str:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(home / "state" / "run" / "service.sock"))
        return json.loads(connection.makefile().readline())["state"]


def test_a_service_without_slots_says_so_and_goes_on_answering(
        client: Stdio, home: pathlib.Path) -> None:
    until(lambda: said(home) == "ready", "the service is not ready")
    worker, = named(home)["fcj-worker"]
    os.kill(worker, signal.SIGSTOP)
    try:
        until(lambda: said(home) == "degraded", "nobody was missed")
        job = client.submit("'later'")
        assert client.status(job)["state"] in ("queued", "running")
    finally:
        os.kill(worker, signal.SIGCONT)
    assert client.wait(job)["state"] == "completed"
    until(lambda: said(home) == "ready", "the service is not ready again")


def test_the_flags_of_a_front_end_are_its_services_and_nothing_is_left(
        ) -> None:
    home = directory()
    conf = home / "my.conf"
    conf.write_text("slots = 1\nidle-s = 1\n")
    state = home / "elsewhere"
    client = Stdio(environment(home), "--state", str(state),
                   f"--config={conf}", "--timeout-s", "77")
    try:
        client.initialize()
        assert client.run("40 + 2")["result"] == 42
        workers = client.call("service_status")["workers"]
        assert [w["slots"] for w in workers] == [1]
        assert (state / "run" / "service.sock").exists()
        log = (state / "log" / "service.log").read_text()
        assert "service_ready" in log
        assert scratch(state).exists()
    finally:
        client.close()
    try:
        until(lambda: not named(home), "the service did not end")
        text = (state / "log" / "service.log").read_text()
        assert "service_stopped" in text
        assert not scratch(state).exists()
    finally:
        end(home)


def test_the_same_key_is_the_same_job_for_the_command_line(
        client: Stdio, home: pathlib.Path) -> None:
    env = environment(home, FCJ_STATE=str(home / "state"))
    first = client.submit("6 * 7", idempotency_key="one")
    again = subprocess.run(
        [str(BIN / "fcj"), "submit", "-c", "6 * 7", "--key", "one"], env=env,
        capture_output=True, text=True, timeout=30)
    assert again.stdout.strip() == first, again
    other = subprocess.run(
        [str(BIN / "fcj"), "submit", "-c", "6 * 8", "--key", "one"], env=env,
        capture_output=True, text=True, timeout=30)
    assert other.returncode == 1 and "other arguments" in other.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="SKIP: is no root already")
def test_it_needs_no_root() -> None:
    home = directory()
    copy = home / "copy"
    shutil.copytree(BIN.parent / "bin", copy / "build" / "bin")
    shutil.copytree(BIN.parent / "share", copy / "build" / "share")
    for part in ("jobs/tools", "jobs/store"):
        shutil.copytree(ROOT / part, copy / part)
    if (BIN.parent / "lib").exists():
        shutil.copytree(BIN.parent / "lib", copy / "build" / "lib")
    own = home / "own"
    own.mkdir()
    os.chown(own, 65534, 65534)
    env = environment(own, FCJ_STATE=str(own / "state"), FCJ_SLOTS="1",
                      FCJ_IDLE_S="1")
    job = """
import os, socket
told = [os.geteuid()]
for forbidden in (lambda: open('%s/x', 'w'), lambda: os.listdir('%s/state'),
                  socket.socket):
    try:
        forbidden()
        told.append('allowed')
    except OSError:
        told.append('refused')
told + [Part.makeBox(1, 2, 3).Volume]""" % (own, own)
    script = [shutil.which("setpriv") or "setpriv", "--reuid=65534",
              "--regid=65534", "--clear-groups", "--",
              str(copy / "build" / "bin" / "fcj")]
    try:
        up = subprocess.run([*script, "up"], env=env, capture_output=True,
                            text=True, timeout=90)
        assert up.returncode == 0, up
        done = subprocess.run([*script, "--json", "submit", "-c", job,
                               "--wait"], env=env, capture_output=True,
                              text=True, timeout=90)
        assert done.returncode == 0, done
        result = json.loads(done.stdout)["result"]
        assert result[:2] == [65534, "refused"] and result[3:] == [
            "refused", 6.0], done.stdout
    finally:
        subprocess.run([*script, "down"], env=env, timeout=60,
                       capture_output=True)
        end(home)
