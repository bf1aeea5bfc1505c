"""What happens at the bounds of queue and retention."""

from __future__ import annotations

import time

from service import Http

SERVICE = {"queue_owner_max": 5, "retention_s": 2}


def test_a_full_queue_is_a_clear_retryable_error(client: Http) -> None:
    jobs = [client.submit("import time; time.sleep(20)") for _ in range(5)]
    words = client.refused("execute_code_async", code="1")
    assert "queue_full" in words and "again" in words
    for job in jobs:
        client.cancel(job)
    job = client.submit("1")
    assert client.wait(job)["state"] == "completed"


def test_an_expired_job_says_expired(client: Http) -> None:
    job = client.submit("1")
    client.wait(job)
    end = time.monotonic() + 20
    while True:
        answer = client.status(job)
        if answer.is_error:
            break
        assert time.monotonic() < end, "never expired"
        time.sleep(0.3)
    assert "expired" in answer.everything
    assert "expired" in client.refused("get_job_result", job_id=job)
