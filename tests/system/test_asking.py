"""A running job asks its user: the question is seen, answered, and outlives
what may die meanwhile."""

from __future__ import annotations

import json
import subprocess
import time
from typing import Any

from service import BIN, Answer, Client, Http, Service

SERVICE = {"tokens": {"alice": "alice-token-0123456789abcdef",
                      "bob": "bob-token-0123456789abcdef"},
           "ask_s": 8, "lease_ms": 3000, "beat_ms": 500}
FORM = """{"type": "object", "properties": {
  "radius": {"type": "number", "minimum": 1, "maximum": 5}},
  "required": ["radius"]}"""
RADIUS = f"a = job.ask('Which radius?', {FORM})\n[a.action, a.content]"


def asked(client: Client, job: str, number: int | None = None,
          seconds: float = 40) -> dict[str, Any]:
    """Waits for the question that the status shows."""
    end = time.monotonic() + seconds
    while True:
        status = client.status(job, 2)
        question = status.get("ask")
        if question and number in (None, question["ask"]):
            return question
        assert time.monotonic() < end, f"never asked: {status}"
        assert status["state"] in ("queued", "running"), f"{status}"
        time.sleep(0.05)


def answer(client: Client, job: str, action: str = "accept", ask: int = 1,
           **more: Any) -> Answer:
    return client.call("answer_job", job_id=job, ask=ask, action=action,
                       **more)


def ended(client: Client, job: str) -> Any:
    assert client.wait(job)["state"] == "completed", client.result(job)
    return client.result(job)["result"]


def fcj(service: Service, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(BIN / "fcj"), *words], env={**service.env, "FCJ_OWNER": "alice"},
        capture_output=True, text=True, timeout=60)


def test_the_status_shows_what_a_job_asks_and_the_answer_reaches_it(
        client: Http) -> None:
    job = client.submit(RADIUS)
    question = asked(client, job)
    assert question["message"] == "Which radius?"
    assert question["schema"]["properties"]["radius"]["maximum"] == 5
    assert "answer_job" in client.status(job).text
    done = answer(client, job, content={"radius": 2.5})
    assert not done.is_error, done
    assert "ask" not in client.status(job).data
    assert ended(client, job) == ["accept", {"radius": 2.5}]


def test_waiting_ends_when_the_job_asks(client: Http) -> None:
    job = client.submit("import time; time.sleep(0.5)\n" + RADIUS)
    status = client.status(job, 25)
    assert status["ask"]["ask"] == 1, status
    answer(client, job, "decline")
    assert ended(client, job) == ["decline", {}]


def test_an_answer_that_does_not_fit_is_refused_or_asked_for_again(
        client: Http, service: Service) -> None:
    job = client.submit(RADIUS)
    asked(client, job)
    assert "radius" in client.refused(
        "answer_job", job_id=job, ask=1, action="accept",
        content={"radius": 9})
    # The command line leaves the check to the job.
    assert fcj(service, "answer", job, "accept",
               '{"radius": 9}').returncode == 0
    question = asked(client, job, 2)
    assert "does not fit" in question["message"]
    answer(client, job, ask=2, content={"radius": 3})
    assert ended(client, job) == ["accept", {"radius": 3}]


def test_only_the_open_question_is_answered_and_only_once(
        client: Http) -> None:
    job = client.submit(RADIUS + "\nimport time; time.sleep(2)\na.content")
    asked(client, job)
    assert "stale" in client.refused("answer_job", job_id=job, ask=7,
                                     action="accept", content={"radius": 2})
    assert not answer(client, job, content={"radius": 2}).is_error
    assert "stale" in client.refused("answer_job", job_id=job, ask=1,
                                     action="decline")
    assert ended(client, job) == {"radius": 2}
    assert "stale" in client.refused("answer_job", job_id=job, ask=1,
                                     action="decline")


def test_jobs_that_ask_do_not_keep_others_from_running(client: Http) -> None:
    slots = sum(one["slots"] for one in client.call("service_status")["workers"]
                if "compute" in one["lanes"])
    jobs = [client.submit(RADIUS) for _ in range(slots)]
    for job in jobs:
        asked(client, job)
    assert client.run("1 + 1")["result"] == 2
    for job in jobs:
        answer(client, job, "decline")
        assert ended(client, job) == ["decline", {}]


def test_another_owner_neither_sees_nor_answers_it(
        client: Http, service: Service) -> None:
    job = client.submit(RADIUS)
    asked(client, job)
    bob = service.client("bob-token-0123456789abcdef")
    theirs = bob.refused("answer_job", job_id=job, ask=1, action="decline")
    nobodys = bob.refused("answer_job", ask=1, action="decline",
                          job_id="00000000-0000-4000-8000-000000000000")
    assert theirs.replace(job, "X") == nobodys.replace(
        "00000000-0000-4000-8000-000000000000", "X")
    answer(client, job, content={"radius": 1})
    assert ended(client, job) == ["accept", {"radius": 1}]


def test_the_run_time_stands_still_and_silence_is_a_cancel(
        client: Http) -> None:
    job = client.submit("a = job.ask('Anybody?')\na.action", timeout_s=2)
    asked(client, job)
    assert ended(client, job) == "cancel"
    status = client.status(job)
    assert status["run_s"] > 6 and "ask" not in status.data


def test_a_form_that_no_client_could_show_is_refused(client: Http) -> None:
    failed = client.run("job.ask('?', {'type': 'object', 'properties': "
                        "{'a': {'type': 'object'}}})")
    assert failed["state"] == "failed" and "flat" in failed.everything


def test_confirm_asks_who_can_be_asked_and_refuses_otherwise(
        client: Http, service: Service) -> None:
    code = "job.confirm('This overwrites a.step.')\n'done'"
    assert "overwrite=true" in client.run(code).everything
    for action, state in (("accept", "completed"), ("decline", "failed")):
        job = fcj(service, "submit", "--ask", "-c", code).stdout.strip()
        asked(client, job)
        shown = fcj(service, "answer", job)
        assert "This overwrites a.step." in shown.stdout
        assert fcj(service, "answer", job, action).returncode == 0
        assert client.wait(job)["state"] == state
    assert fcj(service, "answer", job).returncode == 1


def test_who_waits_on_the_command_line_is_told(client: Http,
                                               service: Service) -> None:
    waiting = subprocess.Popen(
        [str(BIN / "fcj"), "submit", "--ask", "-c",
         "job.ask('Go on?').action", "--wait"], text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**service.env, "FCJ_OWNER": "alice"})
    assert waiting.stderr
    line = ""
    while "fcj answer" not in line:
        line = waiting.stderr.readline()
        assert line, "it ended without a word"
    job = line.split("fcj answer ")[1].split()[0]
    assert fcj(service, "answer", job, "accept").returncode == 0
    out, _ = waiting.communicate(timeout=30)
    assert waiting.returncode == 0 and "accept" in out


def test_a_question_survives_the_broker(client: Http,
                                        service: Service) -> None:
    job = client.submit(RADIUS)
    asked(client, job)
    service.restart("broker")
    end = time.monotonic() + 20
    while True:
        done = answer(client, job, content={"radius": 4})
        if not done.is_error:
            break
        assert time.monotonic() < end, done
        time.sleep(0.2)
    assert ended(client, job) == ["accept", {"radius": 4}]


def test_a_job_whose_worker_dies_asks_again(client: Http,
                                            service: Service) -> None:
    job = client.submit(
        "a = job.ask('Attempt %d?' % job.attempt)\n[job.attempt, a.action]")
    assert asked(client, job)["message"] == "Attempt 1?"
    service.restart("worker")
    end = time.monotonic() + 60
    while asked(client, job)["message"] != "Attempt 2?":
        assert time.monotonic() < end
        time.sleep(0.1)
    assert not answer(client, job, ask=1).is_error
    assert ended(client, job) == [2, "accept"]


def test_a_cancelled_job_asks_nothing(client: Http,
                                      service: Service) -> None:
    job = client.submit(RADIUS)
    asked(client, job)
    client.cancel(job)
    assert "ask" not in client.status(job).data
    assert "stale" in client.refused("answer_job", job_id=job, ask=1,
                                     action="decline")
    record = service.redis().hash(f"{{fcj:0}}:job:{job}")
    assert "ask" not in record and "asking" not in record, json.dumps(
        list(record))
