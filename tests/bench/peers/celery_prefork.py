"""Celery: two reused worker processes, acks_late, result in Redis."""
import os
import sys
import time

import common

A = common.Arguments()
os.environ["BENCH_REDIS"] = A.redis
os.environ["C_FORCE_ROOT"] = "1"
try:
    from redis import Redis

    from bench_celery import noop
except ImportError as failure:
    common.missing(f"not installed ({failure.name}: python3-celery)")

REDIS = Redis(unix_socket_path=A.redis)


def one() -> None:
    """Submit one and wait for its result."""
    noop.delay().get(timeout=30)


def many(count: int) -> None:
    """All in the queue, then until each result is in Redis: cheaper for
    the client than result.get()."""
    keys = ["celery-task-meta-" + noop.delay().id for _ in range(count)]
    while REDIS.exists(*keys) < count:
        time.sleep(0.005)


worker = [sys.executable, "-m", "celery", "-A", "bench_celery", "worker",
          "-c", "2", "-P", "prefork", "--without-gossip", "--without-mingle",
          "--without-heartbeat", "-l", "error"]
workers = [common.start(worker, "celery", A.directory)]
try:
    common.measure(A, one, many, "reused processes, acks_late")
finally:
    common.stop(workers)
