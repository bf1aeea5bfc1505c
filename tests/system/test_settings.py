"""Settings that change what a service does: leases, limits, the sandbox, and
how long blobs live."""

from __future__ import annotations

import json
import pathlib
import socket
import subprocess
import threading
import time
from typing import Iterator

import pytest

from service import BIN, Http, Service

SERVICE = {"lease_ms": 2000, "beat_ms": 200, "processes_max": 8,
           "artifact_max": "64K", "network": "yes", "sweep_s": 1,
           "sweep_grace_s": 1}


@pytest.fixture(scope="module")
def open_service() -> Iterator[Service]:
    service = Service(sandbox="off", slots=1)
    try:
        yield service
    finally:
        service.stop()


def blobs(service: Service) -> set[str]:
    return {f.parent.name + f.name
            for f in (service.state / "blobs").glob("??/*")}


def artifact(service: Service, job: str) -> str:
    record = service.redis().hash(f"{{fcj:0}}:job:{job}")
    return json.loads(record["artifacts"])[0]["hash"]


def test_a_lease_is_as_long_as_the_setting(client: Http,
                                           service: Service) -> None:
    job = client.submit("import time; time.sleep(30)")
    client.until(job, "running")
    redis = service.redis()
    deadline = float(redis("ZSCORE", "{fcj:0}:lease", job))
    leased = int(redis("HGET", f"{{fcj:0}}:job:{job}", "leased"))
    assert 1000 < deadline - leased < 2500
    client.cancel(job)


def test_a_job_of_a_lost_worker_runs_again_when_its_lease_is_over(
        client: Http, service: Service) -> None:
    job = client.submit(
        "import time\nif job.attempt == 1: time.sleep(60)\njob.attempt")
    client.until(job, "running")
    service.restart("worker")
    assert client.wait(job)["state"] == "completed"
    assert client.result(job)["result"] == 2


def test_a_lease_shorter_than_the_beats_it_needs_is_refused(
        service: Service) -> None:
    done = subprocess.run(
        [str(BIN / "fcj-broker")], capture_output=True, text=True, timeout=20,
        env={**service.env, "FCJ_STATE": str(service.dir / "other"),
             "FCJ_LEASE_MS": "1000", "FCJ_BEAT_MS": "1000"})
    assert done.returncode == 1
    assert "lease-ms" in done.stderr and "beat-ms" in done.stderr


#: More than 64 KiB in these formats (STEP takes long for many faces).
SIDES = {"a.step": 100, "a.stl": 1000, "a.glb": 1000, "result.brep": 1000}
PRISM = [{"id": "disc", "op": "polygon", "radius": 50},
         {"id": "prism", "op": "extrude", "shape": "$disc", "length": 10},
         {"id": "more", "op": "transform", "shape": "$prism",
          "translate": [0, 0, 20]}]


@pytest.mark.parametrize("file", SIDES)
def test_a_native_jobs_file_is_as_large_as_the_setting(
        client: Http, file: str) -> None:
    prism = [{**PRISM[0], "sides": SIDES[file]}, *PRISM[1:]]
    steps = prism if file == "result.brep" else [
        *prism, {"id": "out", "op": "export", "shapes": ["$prism", "$more"],
                 "file": file}]
    job = client.start("run_pipeline_async", steps=steps)
    client.wait(job)
    answer = client.result(job)
    assert answer["reason"] == "output_limit", f"{answer}"
    assert "would be larger than the 65536 bytes" in answer.text
    assert file.split(".")[0] in answer.text and "artifact-max" in answer.text
    job = client.start("run_pipeline_async",
                       steps=[{"id": "a", "op": "sphere", "radius": 1}])
    assert client.wait(job)["state"] == "completed"


def test_a_job_has_as_many_threads_as_the_setting(client: Http) -> None:
    result = client.run("""
import threading, time
count = 0
try:
    while count < 40:
        threading.Thread(target=time.sleep, args=(1,)).start()
        count += 1
except RuntimeError:
    pass
count""")
    assert 1 <= result["result"] <= 8, result


def test_an_artifact_is_at_most_as_large_as_the_setting(
        client: Http) -> None:
    fits = client.run("job.artifact('a.bin', b'x' * 60000)")
    assert fits["state"] == "completed", fits
    over = client.run("job.artifact('a.bin', b'x' * 70000)")
    assert over["state"] == "failed", over
    assert "too large" in over.everything
    assert "at most 65536 bytes" in over.everything


def test_with_network_a_job_reaches_it(client: Http) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        listener.settimeout(30)
        heard = []

        def serve() -> None:
            connection = listener.accept()[0]
            heard.append(connection.recv(10))
            connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        answer = client.run(
            "import socket\ns = socket.create_connection(('127.0.0.1', "
            f"{listener.getsockname()[1]}))\ns.sendall(b'hello')\ns.close()")
        assert answer["state"] == "completed", answer
        thread.join(30)
        assert heard == [b"hello"]


def test_without_the_sandbox_a_job_writes_where_its_user_may(
        open_service: Service) -> None:
    client = open_service.client()
    path = open_service.dir / "outside"
    answer = client.run(f"open({str(path)!r}, 'w').write('here')")
    assert answer["state"] == "completed", answer
    assert path.read_text() == "here"
    workers = client.call("service_status")["workers"]
    assert workers[0]["info"]["sandbox"] is False
    assert client.run("import ctypes; ctypes.string_at(0)")[
        "reason"] == "crashed"


def test_blobs_that_no_job_refers_to_are_removed_and_no_others(
        client: Http, service: Service) -> None:
    store = "job.artifact('a.bin', %r.encode())"
    kept, gone, same = (client.submit(store % text)
                        for text in ("kept", "gone", "kept"))
    for job in (kept, gone, same):
        assert client.wait(job)["state"] == "completed"
    hashes = {job: artifact(service, job) for job in (kept, gone)}
    # A big text is a blob from the submit on, long before anybody reads it.
    wait = client.submit("import time; time.sleep(6)")
    big = client.submit("# " + "x" * 70000 + "\n'read'", depends_on=[wait])
    arguments = service.redis()(
        "HGET", f"{{fcj:0}}:job:{big}", "blobs").decode()
    (service.state / "blobs" / "tmp-left").touch()
    assert {*hashes.values(), arguments} <= blobs(service)
    client.call("delete_job", job_id=gone)
    client.call("delete_job", job_id=same)
    end = time.monotonic() + 30
    while hashes[gone] in blobs(service):
        assert time.monotonic() < end, "the blob was not removed"
        time.sleep(0.1)
    assert {hashes[kept], arguments} <= blobs(service)
    assert client.wait(big)["state"] == "completed"
    assert client.result(big)["result"] == "read"
    read = client.request("resources/read", {"uri": f"job://{kept}/a.bin"})
    assert read["contents"]
    left: list[pathlib.Path] = [service.state / "blobs" / "tmp-left"]
    while left[0].exists():
        assert time.monotonic() < end, "a torn upload was not removed"
        time.sleep(0.1)
    client.call("delete_job", job_id=kept)
    client.call("delete_job", job_id=big)
    while blobs(service) & {hashes[kept], arguments}:
        assert time.monotonic() < end + 30, "blobs were not removed"
        time.sleep(0.1)
