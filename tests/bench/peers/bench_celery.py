"""A Celery application with one no-op task: acknowledged after the work,
result kept, one task a process at a time. BENCH_REDIS names the socket."""
import os

from celery import Celery

_REDIS = os.environ["BENCH_REDIS"]
app = Celery("bench_celery", broker="redis+socket://" + _REDIS,
             backend="redis+socket://" + _REDIS)
app.conf.update(task_acks_late=True, worker_prefetch_multiplier=1,
                task_reject_on_worker_lost=True,
                worker_hijack_root_logger=False)


@app.task(name="noop")
def noop() -> int:
    """Do nothing, successfully."""
    return 1
