"""What is remembered of a job, what it costs, and what survives."""

from __future__ import annotations

import json
import re
import time

from service import Http, Service

SERVICE = {"lease_ms": 3000, "beat_ms": 500}


def record(service: Service, job: str) -> dict[str, bytes]:
    return service.redis().hash(f"{{fcj:0}}:job:{job}")


def test_a_finished_record_is_under_two_kilobytes(
        client: Http, service: Service) -> None:
    job = client.submit("print('x'); 42")
    client.wait(job)
    size = service.redis()("MEMORY", "USAGE", f"{{fcj:0}}:job:{job}",
                           "SAMPLES", 0)
    assert size < 2048, f"{size} bytes: {record(service, job)}"


def test_peak_memory_and_cpu_time_are_recorded(
        client: Http, service: Service) -> None:
    job = client.submit("x = bytearray(300 << 20)\n"
                        "import time\nt = time.process_time()\n"
                        "while time.process_time() < t + 0.5: pass")
    client.wait(job)
    it = record(service, job)
    assert int(it["memory"]) > 300 << 20
    assert 400 < int(it["cpu_ms"]) < 5000
    answer = client.result(job).everything
    assert "memory" in answer and "cpu" in answer


def test_each_phase_has_its_time(client: Http, service: Service) -> None:
    job = client.submit("import time; time.sleep(0.5)")
    client.wait(job)
    it = record(service, job)
    times = [int(it[k]) for k in ("submitted", "leased", "started",
                                  "finished")]
    assert times == sorted(times), times
    assert times[3] - times[2] >= 450


def test_a_crashed_job_has_memory_and_output(
        client: Http, service: Service) -> None:
    job = client.submit("print('last words', flush=True)\n"
                        "import ctypes; ctypes.string_at(0)")
    client.wait(job)
    it = record(service, job)
    assert int(it["memory"]) > 1 << 20
    assert b"last words" in it["stdout"]


def test_big_output_is_a_tail_and_an_artifact(
        client: Http, service: Service) -> None:
    job = client.submit("for i in range(20000): print('line', i)")
    client.wait(job)
    it = record(service, job)
    assert len(it["stdout"]) <= 4096 and b"line 19999" in it["stdout"]
    assert int(it["stdout_size"]) > 200000
    names = [a["name"] for a in json.loads(it["artifacts"])]
    assert any("stdout" in n for n in names), names
    page = client.output(job, offset=0, limit=100)
    assert "line 0" in page.everything


def test_a_big_result_is_an_artifact_and_the_record_says_so(
        client: Http, service: Service) -> None:
    job = client.submit("'x' * 300000")
    client.wait(job)
    it = record(service, job)
    assert len(it.get("result", b"")) < 2000
    answer = client.result(job)
    artifact, = answer["artifacts"]
    assert artifact["size"] == 300002
    assert artifact["name"] in json.dumps(answer["result"])
    read = client.request("resources/read", {"uri": artifact["uri"]})
    assert json.loads(read["contents"][0]["text"]) == "x" * 300000


def test_big_code_lies_in_the_blob_store(
        client: Http, service: Service) -> None:
    job = client.submit("#" * 200000 + "\n5")
    client.wait(job)
    assert client.result(job)["result"] == 5
    assert len(record(service, job)["spec"]) < 2000


def test_an_acknowledged_job_survives_everything_at_once(
        client: Http, service: Service) -> None:
    done = client.submit("'kept'")
    client.wait(done)
    jobs = [client.submit(f"import time; time.sleep(0.3); {i}")
            for i in range(10)]
    for part in ("redis", "broker", "worker", "mcp"):
        service.kill(part)
    for part in ("redis", "broker", "worker", "mcp"):
        service.start(part)
    time.sleep(0.5)
    service.ready()
    client = service.client()
    assert client.result(done)["result"] == "kept"
    for i, job in enumerate(jobs):
        assert client.wait(job, 90)["state"] == "completed"
        assert client.result(job)["result"] == i


def test_without_redis_the_answer_says_so(
        client: Http, service: Service) -> None:
    job = client.submit("1")
    client.wait(job)
    service.kill("redis")
    try:
        words = client.refused("execute_code_async", code="1")
        assert "unavailable" in words
        unsure = re.search("Its id is ([0-9a-f-]{36}):", words)
        assert unsure, words
        assert client.refused("get_job_status", job_id=job)
        assert client.call("service_status").data or True
    finally:
        service.start("redis")
    service.ready()
    after = client.status(unsure[1])            # as the refusal said
    assert after.get("state") or "not_found" in after.text
    end = time.monotonic() + 20
    while client.call("get_job_result", job_id=job).is_error:
        assert time.monotonic() < end
        time.sleep(0.1)
    assert client.run("2")["result"] == 2
