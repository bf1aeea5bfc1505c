"""fcj as a person uses it: what it says, what it does not take, how it ends,
and fcj doctor and fcj top. The service is one that `fcj up` has started."""

from __future__ import annotations

import fcntl
import json
import os
import pathlib
import pty
import re
import select
import shutil
import struct
import subprocess
import tempfile
import termios
import time
from typing import Iterator

import pytest
from service import BIN, SANITIZERS, Stdio, alive, free_port, remove

NOBODY = "00000000-0000-4000-8000-000000000000"


class Line:
    """The command line of one state directory."""

    def __init__(self) -> None:
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="fcj", dir="/tmp"))
        self.home.chmod(0o711)
        self.env = {"PATH": "/usr/bin:/bin", "HOME": str(self.home),
                    "LANG": "C.UTF-8", "FCJ_NO_GUI": "yes", "FCJ_SLOTS": "2",
                    "FCJ_STATE": str(self.home / "state"), **SANITIZERS}

    def __call__(self, *words: str, **env: str
                 ) -> subprocess.CompletedProcess[str]:
        return subprocess.run([str(BIN / "fcj"), *words], text=True,
                              capture_output=True, timeout=60,
                              env={**self.env, **env})

    def json(self, *words: str) -> dict:
        return json.loads(self("--json", *words).stdout)

    def close(self) -> None:
        self("down")
        remove(self.home)


@pytest.fixture(scope="module")
def fcj() -> Iterator[Line]:
    line = Line()
    try:
        up = line("up")
        assert up.returncode == 0, up
        yield line
    finally:
        line.close()


@pytest.fixture
def away() -> Iterator[Line]:
    """Where no service is."""
    line = Line()
    yield line
    line.close()


@pytest.mark.parametrize("words", [
    ["submit"], ["submit", "a.py", "b.py"], ["submit", "-c", "1", "--nonsense"],
    ["wait", NOBODY, "more"], ["wait", NOBODY, "--timeout", "soon"],
    ["wait", "x"], ["cancel", NOBODY, "more"], ["log", NOBODY, "more"],
    ["result", NOBODY, "a", "-o"], ["list", "--limit", "3x"], ["list", "all"],
    ["status", "more"], ["up", "more"], ["down", "more"], ["top", "more"],
    ["doctor", "more"], ["answer"]])
def test_what_a_command_does_not_take_is_refused_with_how_it_goes(
        away: Line, words: list[str]) -> None:
    said = away(*words)
    assert said.returncode == 2, said
    assert f"usage: fcj {words[0]}" in said.stderr and not said.stdout
    if words[0] == "submit":                    # whole, to its last line
        assert "print the result" in said.stderr.splitlines()[-1]


def test_numbers_and_ids_are_checked_before_anything_is_sent(
        away: Line) -> None:
    for option, value in (("--timeout", "5x"), ("--timeout", "86401"),
                          ("--threads", "0"), ("--after", "that")):
        said = away("submit", "-c", "1", option, value)
        assert said.returncode == 2 and option in said.stderr, said
    said = away("frobnicate")
    assert said.returncode == 2 and "no command frobnicate" in said.stderr
    for words in (["submit", "--help"], ["wait", "--help"], ["--help"]):
        said = away(*words)
        assert said.returncode == 0 and "fcj" in said.stdout, said


def test_without_a_service_nothing_waits_for_ever(away: Line) -> None:
    for words in (["wait", NOBODY], ["submit", "-c", "1"], ["list"],
                  ["cancel", NOBODY], ["status"], ["top"]):
        said = away(*words)
        assert said.returncode == 3, said
        assert "fcj up" in said.stdout + said.stderr


def test_a_finished_job_is_told_in_json_and_in_words(fcj: Line) -> None:
    job = fcj("submit", "-c", "job.progress(0.5); 42").stdout.strip()
    assert fcj("wait", job, "--timeout=30").stdout == "completed\n"
    assert fcj.json("wait", job) == {"id": job, "state": "completed"}
    assert fcj.json("cancel", job) == {"id": job, "state": "completed"}
    assert fcj.json("list", "--limit=1")["progress"] == 1.0
    assert "100%" in fcj("list", "completed").stdout
    made = fcj("submit", "-c", "job.artifact('a.txt', 'a')", "--wait")
    file = fcj.home / "a.txt"
    latest = fcj.json("list", "--limit=1")["id"]
    assert fcj("result", latest, "a.txt", "-o", str(file)).returncode == 0
    mask = os.umask(0)
    os.umask(mask)
    assert made.returncode == 0 and file.read_text() == "a"
    assert file.stat().st_mode & 0o777 == 0o666 & ~mask  # a file of theirs
    failed = fcj.json("submit", "-c", "1/0")["id"]
    assert fcj.json("wait", failed) == {"id": failed, "state": "failed",
                                        "reason": "exception"}


def test_up_says_when_it_was_up_before_without_that_address(
        fcj: Line) -> None:
    assert fcj("up").returncode == 0
    said = fcj("up", "--http", f"127.0.0.1:{free_port()}")
    assert said.returncode == 1 and "fcj down" in said.stderr, said


def test_what_a_client_started_stays_after_up(away: Line) -> None:
    away.env["FCJ_IDLE_S"] = "1"
    client = Stdio(away.env)
    client.initialize()
    client.call("service_status")
    pid = away.json("status")["service"]["pid"]
    assert away("up").returncode == 0
    client.close()
    time.sleep(2.5)                     # more than it would be idle
    assert alive(pid)


@pytest.mark.parametrize("address, words", [
    ("0.0.0.0:{}", "fcj token add"), ("127.0.0.1:99999", "give host:port")])
def test_up_says_why_a_part_does_not_start(away: Line, address: str,
                                           words: str) -> None:
    said = away("up", "--http", address.format(free_port()))
    assert said.returncode == 3 and words in said.stderr, said
    assert "fcj down" in said.stderr
    verdict = {one["check"]: one["verdict"] for one in map(
        json.loads, away("--json", "doctor").stdout.splitlines())}
    assert verdict["service"] == "missing"


def test_up_says_which_handler_is_broken_and_doctor_which_root(
        away: Line) -> None:
    (away.home / "mine.py").write_text("def broken(:\n")
    (away.home / "closed").mkdir(mode=0o700)
    away.env["FCJ_HANDLERS"] = str(away.home)
    said = away("up")
    assert said.returncode == 3, said
    assert "mine.py: line 1: invalid syntax. Run" in said.stderr
    assert "mine.py: line 1: invalid syntax\n" in away("status").stdout
    checks = away("doctor", FCJ_ROOTS=f"/nowhere:parts:{away.home}:"
                  f"{away.home}/closed").stdout
    assert re.search("weak +roots +/nowhere is no directory", checks)
    assert re.search("weak +roots +parts is relative", checks)
    if os.geteuid() == 0:
        assert re.search("weak +roots +.*closed to others", checks)


HANDLER = '''
from fcj import tool

@tool(needs="compute", toolset="mine", title="Twice")
def twice_async(x: float) -> float:
    """Doubles a number."""
    return 2 * x
'''


def test_a_tool_of_ones_own_is_offered_from_the_start_and_no_longer(
        away: Line) -> None:
    (away.home / "mine.py").write_text(HANDLER)
    ask = ("submit", "--tool", "twice_async", "--arguments", '{"x": 21}',
           "--wait")

    def offered() -> bool:
        client = Stdio(away.env)
        client.initialize()
        try:
            return "twice_async" in client.tools()
        finally:
            client.close()

    assert away("up", FCJ_HANDLERS=str(away.home)).returncode == 0
    assert away(*ask).stdout.startswith("42"), "nobody called a reload"
    assert offered()
    away("down")
    assert away("up").returncode == 0
    assert "no tool twice_async" in away(*ask).stderr
    assert not offered()


def test_a_redis_that_cannot_be_used_is_told_before_long(away: Line) -> None:
    away.env["FCJ_REDIS"] = f"redis://127.0.0.1:{free_port()}"
    began = time.monotonic()
    said = away("up")
    assert said.returncode == 3 and "FCJ_REDIS" in said.stderr, said
    assert time.monotonic() - began < 40        # and not after a minute
    checks = away("doctor")
    assert checks.returncode == 1
    assert re.search("missing +Redis +.*Connection refused", checks.stdout)
    other = away("doctor", FCJ_REDIS="nonsense")
    assert re.search("missing +Redis +.*no Redis URL", other.stdout)


def test_doctor_calls_a_redis_that_may_forget_weak(away: Line) -> None:
    sock = away.home / "redis.sock"
    redis = subprocess.Popen(
        ["redis-server", "--port", "0", "--unixsocket", str(sock), "--dir",
         str(away.home), "--save", ""], stdout=subprocess.DEVNULL)
    try:
        while not sock.exists():
            time.sleep(0.02)
        url = f"unix://{sock}"
        weak = away("doctor", FCJ_REDIS=url).stdout
        assert re.search("weak +Redis +version 7", weak), weak
        assert "appendfsync" in weak
        for setting in (["appendonly", "yes"], ["appendfsync", "always"]):
            subprocess.run(["redis-cli", "-s", str(sock), "config", "set",
                            *setting], check=True, stdout=subprocess.DEVNULL)
        assert re.search("ok +Redis +version 7",
                         away("doctor", FCJ_REDIS=url).stdout)
    finally:
        redis.terminate()
        redis.wait(10)


def test_a_log_that_has_grown_is_put_aside(fcj: Line) -> None:
    log = fcj.home / "state" / "log" / "worker.log"
    with log.open("a") as more:
        more.write("much\n" * (3 << 20))
    end = time.monotonic() + 20
    while log.stat().st_size > 1 << 20:
        assert time.monotonic() < end, "it is as long as before"
        time.sleep(0.1)
    assert 9 << 20 < log.with_name("worker.log.1").stat().st_size < 11 << 20
    assert fcj("submit", "-c", "1", "--wait").returncode == 0
    assert "job_finished" in log.read_text()    # goes on at its beginning


def screen(fcj: Line, rows: int, columns: int, seconds: float) -> str:
    """What fcj top draws on such a terminal until `q` is pressed."""
    pid, fd = pty.fork()
    if pid == 0:
        time.sleep(0.2)                 # until the window has its size
        os.execve(str(BIN / "fcj"), ["fcj", "top"],
                  {**fcj.env, "TERM": "xterm"})
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns,
                                                    0, 0))
    drawn, end, pressed = b"", time.monotonic() + seconds, False
    while True:
        if select.select([fd], [], [], 0.1)[0]:
            try:
                drawn += os.read(fd, 65536)
            except OSError:
                break
        if time.monotonic() > end and not pressed:
            pressed = bool(os.write(fd, b"q"))
        assert time.monotonic() < end + 30, "q did not end it"
    os.close(fd)
    assert os.waitpid(pid, 0)[1] == 0
    return drawn.decode()


def test_top_fits_its_window_and_shows_what_runs(fcj: Line) -> None:
    job = fcj("submit", "-c", "import time\njob.progress(0.5, 'sägen' * 50)\n"
              "time.sleep(30)").stdout.strip()
    try:
        while '"running"' not in fcj("--json", "list", "running").stdout:
            time.sleep(0.05)
        picture = screen(fcj, 24, 80, 1.5).split("\x1b[H")[-1]
        assert "running 1" in picture and job[:8] in picture
        assert " 50%" in picture and "sägen" in picture
        for columns in (80, 30):
            for one in re.split("\n|\x1b\\[H", screen(fcj, 24, columns, 0.8)):
                plain = re.sub(r"\x1b\[[?0-9;]*[A-Za-z]|\r", "", one)
                assert len(plain) <= columns, plain
        low = screen(fcj, 6, 80, 0.8).split("\x1b[H")[-1]
        assert low.count("\n") <= 6 and "more line" in low
    finally:
        assert fcj("cancel", job).stdout == "cancelled\n"


@pytest.mark.parametrize("program", ["fcj-broker", "fcj-worker", "fcj-mcp"])
def test_a_word_that_is_no_setting_is_named(away: Line, program: str) -> None:
    def run(word: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([str(BIN / program), word], text=True,
                              capture_output=True, timeout=20, env=away.env,
                              stdin=subprocess.DEVNULL)
    said = run("--slotz")
    assert said.returncode == 2 and "--slotz" in said.stderr, said
    assert "--log-level" in run("--help").stdout
    assert program in run("--version").stdout
