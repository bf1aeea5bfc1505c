"""Each hazard of the design's section on workers, provoked."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import time

from service import Http, Service, alive, children

SERVICE = {"lease_ms": 3000, "beat_ms": 500}


def test_a_killed_zygote_costs_no_job(
        client: Http, service: Service) -> None:
    jobs = [client.submit(f"import time; time.sleep(2); {i}")
            for i in range(2)]
    for job in jobs:
        client.until(job, "running")
    for zygote in service.zygotes():
        os.kill(zygote, signal.SIGKILL)
    for i, job in enumerate(jobs):
        assert client.wait(job)["state"] == "completed"
        assert client.result(job)["result"] == i
        key = f"{{fcj:0}}:job:{job}"
        assert int(service.redis()("HGET", key, "attempt")) == 2


def test_processes_of_a_killed_zygote_are_gone(
        client: Http, service: Service) -> None:
    job = client.submit("import time\ntime.sleep(2)\n1")
    client.until(job, "running")
    time.sleep(0.2)
    before = service.job_processes() + service.zygotes()
    for zygote in service.zygotes():
        os.kill(zygote, signal.SIGKILL)
    assert client.wait(job)["state"] == "completed"
    assert not [p for p in before if alive(p)]


def test_a_job_that_loses_its_process_three_times_is_poison(
        client: Http, service: Service) -> None:
    job = client.submit("import time; time.sleep(30)")
    end = time.monotonic() + 60
    while client.status(job)["state"] not in ("failed", "completed"):
        assert time.monotonic() < end
        status = client.status(job)
        # One that has not forked yet would only be started later each time.
        if status["state"] == "running" and service.job_processes():
            time.sleep(0.3)
            for zygote in service.zygotes():
                os.kill(zygote, signal.SIGKILL)
            time.sleep(0.5)
        time.sleep(0.1)
    answer = client.result(job)
    assert answer["reason"] == "poison", f"{answer}"
    attempts = service.redis()("HGET", f"{{fcj:0}}:job:{job}", "attempt")
    assert int(attempts) == 3


PARALLEL = ("b = Part.makeBox(50, 50, 10)\n"
            "b.cut([Part.makeCylinder(1, 10, FreeCAD.Vector(5 * i, 5 * j, 0))"
            " for i in range(1, 8) for j in range(1, 8)]).Volume")


def test_parallel_booleans_one_after_the_other_do_not_deadlock(
        client: Http) -> None:
    for _ in range(3):
        jobs = [client.submit(PARALLEL, timeout_s=30) for _ in range(4)]
        for job in jobs:
            assert client.wait(job, 60)["state"] == "completed", \
                client.result(job)


def test_the_zygote_has_one_thread(client: Http, service: Service) -> None:
    client.run(PARALLEL)
    for zygote in service.zygotes():
        text = pathlib.Path(f"/proc/{zygote}/status").read_text()
        assert "Threads:\t1\n" in text
        maps = pathlib.Path(f"/proc/{zygote}/maps").read_text()
        for library in ("libzmq", "libczmq", "libhiredis"):
            assert library not in maps


def test_a_crash_is_a_signal_not_an_exit_code(client: Http) -> None:
    answer = client.run("import ctypes; ctypes.string_at(0)")
    assert answer["reason"] == "crashed"
    assert "SIGSEGV" in answer.everything


def test_a_crash_in_a_thread_is_classified(client: Http) -> None:
    answer = client.run(
        "import ctypes, threading, time\n"
        "threading.Thread(target=ctypes.string_at, args=(0,)).start()\n"
        "time.sleep(5)")
    assert answer["reason"] == "crashed", f"{answer}"


def test_threads_that_are_left_running_do_not_hold_the_job(
        client: Http) -> None:
    answer = client.run("import threading, time\n"
                        "threading.Thread(target=time.sleep, "
                        "args=(30,)).start()\n'done'", seconds=10)
    assert answer["state"] == "completed", f"{answer}"


def test_atexit_and_destructors_do_not_change_the_result(
        client: Http) -> None:
    answer = client.run("import atexit, os\n"
                        "atexit.register(lambda: os._exit(7))\n'done'")
    assert answer["state"] == "completed" and answer["result"] == "done"


def test_the_environment_of_a_job_is_clean(client: Http) -> None:
    answer = client.run(
        "import os\ntry:\n"
        "    kernel = open('/proc/self/environ', 'rb').read()\n"
        "except OSError:\n    kernel = b''\n"
        "[dict(os.environ), kernel.decode(errors='replace')]")
    assert answer["state"] == "completed", f"{answer}"
    for word in ("FCJ_REDIS", "redis.sock", "FCJ_HTTP_TOKENS"):
        assert word not in answer.everything


def test_a_job_has_no_descriptors_but_its_own(client: Http) -> None:
    answer = client.run(
        "import os\n"
        "[os.readlink('/proc/self/fd/%s' % f) for f in "
        "os.listdir('/proc/self/fd') if os.path.lexists('/proc/self/fd/%s' "
        "% f)]")
    assert answer["state"] == "completed", f"{answer}"
    assert len(answer["result"]) <= 6, answer["result"]
    assert "redis" not in answer.everything


def test_file_formats_of_the_workbenches_are_there(client: Http) -> None:
    answer = client.run("import Mesh, Import, Sketcher, PartDesign, Draft\n"
                        "'ok'")
    assert answer["state"] == "completed", f"{answer}"


def test_a_stopped_job_process_is_ended_at_its_limit(
        client: Http) -> None:
    answer = client.run("import os; os.kill(os.getpid(), 19)", timeout_s=2,
                        seconds=12)
    assert answer["state"] == "failed"
    assert answer["reason"] == "timeout", f"{answer}"


def test_a_killed_waiting_process_is_replaced(
        client: Http, service: Service) -> None:
    for _ in range(3):
        for pid in service.job_processes():
            with contextlib.suppress(ProcessLookupError):   # it had run one
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)
        assert client.wait(client.submit("1"), 20)["state"] == "completed"


def test_a_stopped_waiting_process_does_not_block_the_slot(
        client: Http, service: Service) -> None:
    for pid in service.job_processes():
        os.kill(pid, signal.SIGSTOP)
    jobs = [client.submit("1", timeout_s=3) for _ in range(6)]
    states = [client.wait(job, 60)["state"] for job in jobs]
    for pid in service.job_processes():
        with contextlib.suppress(ProcessLookupError):   # ended meanwhile
            os.kill(pid, signal.SIGCONT)
    assert client.run("2")["state"] == "completed"
    assert "completed" in states


def test_a_supervisor_that_stops_hands_its_jobs_back(
        client: Http, service: Service) -> None:
    jobs = [client.submit("import time; time.sleep(1); 1")
            for _ in range(4)]
    client.until(jobs[0], "running")
    service.kill("worker", signal.SIGTERM)
    service.start("worker")
    for job in jobs:
        assert client.wait(job, 90)["state"] == "completed"


def test_a_killed_supervisor_leaves_no_process(
        client: Http, service: Service) -> None:
    job = client.submit("import time; time.sleep(1); 1")
    client.until(job, "running")
    before = (service.job_processes() + service.zygotes()
              + children(service.running["worker"].pid))
    service.restart("worker")
    end = time.monotonic() + 5
    while any(alive(p) for p in before):
        assert time.monotonic() < end, "orphans of a killed supervisor"
        time.sleep(0.05)
    assert client.wait(job, 60)["state"] == "completed"


def test_a_killed_broker_loses_no_running_job(
        client: Http, service: Service) -> None:
    jobs = [client.submit(f"import time; time.sleep(2); {i}")
            for i in range(4)]
    client.until(jobs[0], "running")
    service.restart("broker")
    for i, job in enumerate(jobs):
        assert client.wait(job, 60)["state"] == "completed"
        assert client.result(job)["result"] == i
    attempts = [int(service.redis()("HGET", f"{{fcj:0}}:job:{j}",
                                    "attempt")) for j in jobs]
    assert attempts == [1, 1, 1, 1], "a broker's death costs no attempt"
