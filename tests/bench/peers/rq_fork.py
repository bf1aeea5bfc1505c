"""RQ: each job in a process forked for it, as its default worker does."""
import sys
import time

import common

try:
    from redis import Redis
    from rq import Queue
except ImportError as failure:
    common.missing(f"not installed ({failure.name}: python3-rq)")

A = common.Arguments()
REDIS = Redis(unix_socket_path=A.redis)
QUEUE = Queue(connection=REDIS)


def wait(job_id: str) -> None:
    """RQ 1.13 has no blocking wait for a result: look every 0.2 ms."""
    while REDIS.hget("rq:job:" + job_id, "status") != b"finished":
        time.sleep(0.0002)


def one() -> None:
    """Submit one and wait for it."""
    wait(QUEUE.enqueue("bench_jobs.noop").id)


def many(count: int) -> None:
    """All in the queue first, then wait for each."""
    for job_id in [QUEUE.enqueue("bench_jobs.noop").id for _ in range(count)]:
        wait(job_id)


worker = [sys.executable, "-c", "import sys; from rq.cli import main; "
          "sys.argv[1:] = ['worker', '-u', 'unix://" + A.redis +
          "', '--path', '.', '--quiet']; main()"]
workers = [common.start(worker, f"rq{n}", A.directory) for n in range(2)]
try:
    common.measure(A, one, many, "own process a job, 2 workers")
finally:
    common.stop(workers)
