"""Chaos: kill -9 everything at random while jobs run; nothing may be lost.

    chaos.py [N] [SEED]

Several clients submit N mixed jobs (results, exceptions, crashes, slow ones,
dependants, cancellations, questions) through the HTTP front-end. Meanwhile broker,
front-end, supervisor, zygote, job processes and Redis are killed in random
order, one every 0.3-2 s, and the parts restarted. A watcher reads Redis all
the time and notes each terminal record as it saw it first. Afterwards, in
quiet, every invariant of the design's section 10 is checked. The seed is
printed first; schedules repeat with it as far as the machine allows.
"""

from __future__ import annotations

import collections
import json
import os
import pathlib
import random
import signal
import sys
import threading
import time
import uuid
from dataclasses import dataclass, field

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "system"))
from service import (TERMINAL, Http, Lost, ProtocolError, Redis,  # noqa: E402
                     Service)

KEY = "{fcj:0}:"
CLIENTS = 4
EXECUTIONS_MAX = 3
CANCEL_S = 3.0
PACE_S = 1.0        # between two submits of a client, at most
STORM_S = 4.0       # killing goes on after the last submit
LEGAL = {None: {"queued", "running"},
         "queued": {"running", "failed", "cancelled"},
         "running": {"running", "queued", *TERMINAL}}
# What of a record is its result: it never changes once terminal.
RESULT_FIELDS = ("state", "reason", "result", "result_blob", "error",
                 "artifacts", "finished", "attempt")


@dataclass
class Job:
    """What a client knows of a job it had acknowledged."""
    id: str
    kind: str
    expected: object = None
    cancelled_at: float = 0.0
    depends_on: str = ""


@dataclass
class Book:
    """What is known, by clients and by the watcher."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    jobs: dict[str, Job] = field(default_factory=dict)
    settled: dict[str, dict[str, bytes]] = field(default_factory=dict)
    events: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    retries: int = 0
    deaths: collections.Counter[str] = field(
        default_factory=collections.Counter)

    def fault(self, text: str) -> None:
        with self.lock:
            self.wrong.append(text)


def submit(client: Http, book: Book, tool_args: dict[str, object]) -> str:
    """Submits until it is acknowledged; the key makes repeats harmless."""
    key = str(uuid.uuid4())
    end = time.monotonic() + 120
    first = ""
    while time.monotonic() < end:
        try:
            answer = client.call("execute_code_async",
                                 idempotency_key=key, **tool_args)
            if not answer.is_error:
                return answer["job_id"]
            first = answer.everything
            if not any(w in first for w in (
                    "unavailable", "retry", "Retry", "repeat")):
                raise AssertionError(f"refused: {first}")
        except Lost as error:
            first = repr(error)
        except ProtocolError as error:
            if error.code not in (-32603,):
                raise
            first = str(error)
        book.retries += 1
        time.sleep(0.1)
    raise AssertionError(f"not accepted within 120 s: {first}")


def one_client(number: int, count: int, service: Service, book: Book,
               seed: int) -> None:
    """Submits its share, mixes in cancels and reads; never gives up."""
    dice = random.Random(f"{seed}-{number}")
    client = service.client(timeout=15)
    mine: list[Job] = []
    for index in range(count):
        kind = dice.choices(
            ("ok", "exception", "crash", "slow", "depends", "cancel",
             "shape", "ask"), (24, 8, 8, 26, 12, 10, 6, 6))[0]
        value = f"{number}-{index}"
        job = Job("", kind, value)
        arguments: dict[str, object] = {"code": repr(value)}
        if kind == "exception":
            arguments["code"] = f"raise ValueError({value!r})"
        elif kind == "crash":
            arguments["code"] = "import os; os.kill(os.getpid(), 11)"
        elif kind == "slow":
            arguments["code"] = (f"import time; time.sleep("
                                 f"{dice.uniform(.1, .6):.2f}); {value!r}")
        elif kind == "depends" and mine:
            job.depends_on = dice.choice(mine[-20:]).id
            arguments["depends_on"] = [job.depends_on]
        elif kind == "cancel":
            arguments["code"] = "import time; time.sleep(20)"
        elif kind == "ask":
            arguments["code"] = f"job.ask('Go on?'); {value!r}"
        elif kind == "shape":
            arguments["code"] = "Part.makeBox(1, 2, 3)"
        arguments["code"] = mark(service, value) + str(arguments["code"])
        arguments["priority"] = dice.choice(("high", "normal", "low"))
        try:
            job.id = submit(client, book, arguments)
        except AssertionError as error:
            book.fault(f"{kind} {value}: {error}")
            continue
        mine.append(job)
        with book.lock:
            book.jobs[job.id] = job
        if kind == "cancel":
            time.sleep(dice.uniform(0, .2))
            cancel(client, book, job)
        elif dice.random() < 0.2:
            peek(client, book, dice.choice(mine))
        time.sleep(dice.uniform(0, PACE_S))


def mark(service: Service, value: str) -> str:
    """Code that leaves a file each time it runs (the roots are writable)."""
    return ("import time\n"
            f"open('{service.workspace}/{value}.%d' % time.time_ns(), 'x')"
            ".close()\n")


def cancel(client: Http, book: Book, job: Job) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        try:
            answer = client.cancel(job.id)
            if not answer.is_error:
                job.cancelled_at = time.time()
                return
        except (Lost, ProtocolError):
            pass
        time.sleep(0.1)
    book.fault(f"{job.id}: cancel was not answered within 120 s")


def peek(client: Http, book: Book, job: Job) -> None:
    """A read; an unknown job would be a lost one."""
    try:
        answer = client.status(job.id)
    except (Lost, ProtocolError):
        return
    if answer.is_error and "not_found" in answer.everything:
        book.fault(f"{job.id}: acknowledged, then unknown")


class User(threading.Thread):
    """Answers whatever a running job asks, until told to stop."""

    def __init__(self, service: Service) -> None:
        super().__init__(daemon=True)
        self.service, self.stop = service, threading.Event()

    def run(self) -> None:
        client = self.service.client(timeout=15)
        while not self.stop.wait(0.3):
            try:
                running = client.call("list_jobs", state="running", limit=100)
                for job in running.get("jobs", []):
                    if "ask" in job:
                        client.call("answer_job", job_id=job["job_id"],
                                    ask=job["ask"]["ask"], action="accept")
            except (Lost, ProtocolError):
                pass


class Watcher(threading.Thread):
    """Follows the stream of transitions; compares each terminal record with
    how it was seen first."""

    def __init__(self, service: Service, book: Book) -> None:
        super().__init__(daemon=True)
        self.service, self.book = service, book
        self.last = "-"
        self.stop = threading.Event()

    def run(self) -> None:
        while not self.stop.is_set():
            try:
                redis = self.service.redis()
            except OSError:
                time.sleep(0.05)
                continue
            try:
                while not self.stop.is_set():
                    self.round(redis)
                    time.sleep(0.1)
            except (Lost, OSError, RuntimeError):
                time.sleep(0.05)
            finally:
                redis.close()

    def round(self, redis: Redis) -> None:
        begin = self.last if self.last == "-" else "(" + self.last
        for name, flat in redis("XRANGE", KEY + "events", begin, "+",
                                "COUNT", 1000):
            texts = [t.decode() for t in flat]
            event = dict(zip(texts[::2], texts[1::2]))
            self.last = name.decode()
            self.book.events.append((self.last, event))
            if event["state"] in TERMINAL:
                self.settle(redis, event["id"])
        if self.book.settled:
            for job in random.sample(list(self.book.settled),
                                     min(10, len(self.book.settled))):
                self.settle(redis, job)

    def settle(self, redis: Redis, job: str) -> None:
        record = redis.hash(f"{KEY}job:{job}")
        kept = {k: record[k] for k in RESULT_FIELDS if k in record}
        first = self.book.settled.setdefault(job, kept)
        if first != kept:
            self.book.fault(f"{job}: its end changed from {first} to {kept}")


class Killer(threading.Thread):
    """Kills something every 0.3-2 s and restarts parts."""

    def __init__(self, service: Service, book: Book, seed: int) -> None:
        super().__init__(daemon=True)
        self.service, self.book = service, book
        self.dice = random.Random(f"{seed}-killer")
        self.stop = threading.Event()

    def run(self) -> None:
        try:
            while not self.stop.wait(self.dice.uniform(.3, 2)):
                self.strike(self.dice.choice((
                    "broker", "mcp", "worker", "zygote", "job", "job",
                    "redis")))
        except BaseException as error:      # the test must not pass then
            self.book.fault(f"the killer itself failed: {error!r}")

    def strike(self, victim: str) -> None:
        self.book.deaths[victim] += 1
        if victim in Service.PARTS:
            self.service.kill(victim)
            if self.dice.random() < 0.5:
                time.sleep(self.dice.uniform(0, .5))
            self.service.start(victim)
            return
        pids = (self.service.zygotes() if victim == "zygote"
                else self.service.job_processes())
        if pids:
            try:
                os.kill(self.dice.choice(pids), signal.SIGKILL)
            except ProcessLookupError:
                pass


def quiesce(service: Service, book: Book, seconds: float) -> None:
    """Waits until no job is live."""
    service.ready(60)
    end = time.monotonic() + seconds
    while True:
        redis = service.redis()
        live = redis("ZCARD", KEY + "live")
        redis.close()
        if not live:
            return
        if time.monotonic() > end:
            book.fault(f"{live} jobs are still live after {seconds} s")
            return
        time.sleep(0.2)


def check(service: Service, book: Book) -> None:
    """Every invariant that can be read from the store."""
    redis = service.redis()
    for name in ("live", "lease"):
        left = redis("ZRANGE", KEY + name, 0, 20)
        if left:
            book.fault(f"{name} is not empty: {left}")
    histories: dict[str, list[tuple[str, dict[str, str]]]] = \
        collections.defaultdict(list)
    for when, event in book.events:
        histories[event["id"]].append((when, event))
    if len(book.events) < 19000:
        for job in histories:
            if job not in book.jobs:
                record = redis.hash(f"{KEY}job:{job}")
                if record.get("tool") == b"execute_code_async":
                    book.fault(f"{job}: ran but nobody was told (a repeat "
                               "made a second job?)")
    for job in book.jobs.values():
        check_job(service, redis, book, job, histories.get(job.id, []))
    redis.close()
    idle_status(service, book)


def check_job(service: Service, redis: Redis, book: Book, job: Job,
              history: list[tuple[str, dict[str, str]]]) -> None:
    record = redis.hash(f"{KEY}job:{job.id}")
    if not record:
        book.fault(f"{job.id} ({job.kind}): acknowledged and lost")
        return
    state = record["state"].decode()
    reason = record.get("reason", b"").decode()
    if state not in TERMINAL:
        book.fault(f"{job.id} ({job.kind}): not terminal but {state}")
        return
    kept = {k: record[k] for k in RESULT_FIELDS if k in record}
    if book.settled.get(job.id, kept) != kept:
        book.fault(f"{job.id}: its end changed to {kept}")
    #  A lease whose RUN never reached the worker is an attempt, but no
    #  execution; a death of worker or broker may cost each job one of these.
    most = EXECUTIONS_MAX + book.deaths["worker"] + book.deaths["broker"]
    if int(record.get("attempt", b"0")) > most:
        book.fault(f"{job.id}: attempt {record['attempt']!r}")
    runs = len(list(service.workspace.glob(f"{job.expected}.*")))
    if runs > EXECUTIONS_MAX:
        book.fault(f"{job.id}: ran {runs} times")
    if state == "completed" and not runs:
        book.fault(f"{job.id}: completed, but it never ran")
    before, ends = None, 0
    for _, event in history:
        if event["state"] not in LEGAL.get(before, set()):
            book.fault(f"{job.id}: {before} -> {event['state']}: "
                       f"{[e['state'] for _, e in history]}")
        before = event["state"]
        ends += before in TERMINAL
    if history and (ends != 1 or before != state):
        book.fault(f"{job.id}: {ends} ends, last {before}, state {state}")
    check_outcome(book, job, state, reason, record, history)


def check_outcome(book: Book, job: Job, state: str, reason: str,
                  record: dict[str, bytes],
                  history: list[tuple[str, dict[str, str]]]) -> None:
    """Ended as it had to, but for what the killer did to it."""
    what = f"{job.id} ({job.kind}): {state} {reason} " + \
        record.get("error", b"").decode(errors="replace")[:300]
    allowed = {"poison", "worker_lost"}
    if book.deaths["job"]:
        allowed.add("crashed")
    if state == "failed" and reason in allowed:
        return
    if job.kind in ("ok", "slow", "depends", "ask"):
        if job.kind == "depends" and reason == "dependency":
            return
        if state != "completed":
            book.fault(f"{what}: expected completed")
        elif json.loads(record["result"]) != job.expected:
            book.fault(f"{what}: wrong result {record['result']!r}")
    elif job.kind == "shape" and state != "completed":
        book.fault(f"{what}: expected completed")
    elif job.kind == "exception" and reason != "exception":
        book.fault(f"{what}: expected exception")
    elif job.kind == "crash" and reason != "crashed":
        book.fault(f"{what}: expected crashed")
    elif job.kind == "cancel":
        if state != "cancelled":
            book.fault(f"{what}: expected cancelled")
        for when, event in history:
            late = int(when.split("-")[0]) / 1000 - job.cancelled_at
            if event["state"] == "running" and late > CANCEL_S:
                book.fault(f"{what}: ran {late:.1f} s after its cancel")


def idle_status(service: Service, book: Book) -> None:
    """Slots and counters are back at zero."""
    end = time.monotonic() + 20
    while True:
        try:
            data = service.client().call("service_status").data
        except (Lost, ProtocolError) as error:
            data = {"error": str(error)}
        queued = data.get("queued")
        if isinstance(queued, dict):
            queued = sum(queued.values())
        busy = sum(w.get("busy", 0) for w in data.get("workers", []))
        if (queued, data.get("running"), data.get("waiting") or 0,
                busy) in ((0, 0, 0, 0), (0, [], 0, 0)):
            return
        if time.monotonic() > end:
            book.fault(f"not at rest: {json.dumps(data)[:1500]}")
            return
        time.sleep(0.2)


def storm(service: Service, book: Book, count: int, seed: int) -> None:
    """The storm, then the quiet."""
    watcher, killer = Watcher(service, book), Killer(service, book, seed)
    shares = [count // CLIENTS + (i < count % CLIENTS)
              for i in range(CLIENTS)]
    clients = [threading.Thread(target=one_client, daemon=True, args=(
        i, share, service, book, seed)) for i, share in enumerate(shares)]
    user = User(service)
    watcher.start()
    user.start()
    killer.start()
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    time.sleep(STORM_S)
    killer.stop.set()
    killer.join()
    print(f"submitted {len(book.jobs)}, {book.retries} repeats, killed "
          f"{dict(book.deaths)}", flush=True)
    quiesce(service, book, 60 + count / 20)
    time.sleep(0.5)
    user.stop.set()
    user.join()
    watcher.stop.set()
    watcher.join()


def main(arguments: list[str]) -> int:
    count = int(arguments[0]) if arguments else 400
    seed = int(arguments[1]) if len(arguments) > 1 else \
        random.SystemRandom().randrange(1 << 31)
    print(f"chaos: {count} jobs, seed {seed}", flush=True)
    began = time.monotonic()
    book = Book()
    service = Service(lease_ms=3000, roots_write="yes")
    service.workspace.chmod(0o777)
    try:
        storm(service, book, count, seed)
        check(service, book)
        ends = collections.Counter(
            r.get("state", b"?").decode() + " "
            + r.get("reason", b"").decode() for r in book.settled.values())
    except BaseException as error:
        book.fault(f"{type(error).__name__}: {error}")
        ends = collections.Counter()
    if book.wrong and os.environ.get("FCJ_KEEP"):
        print(f"kept: {service.dir}")
    try:
        service.stop()
    except AssertionError as error:
        book.fault(str(error))
    print(f"ends: {dict(ends)}, {len(book.events)} transitions, "
          f"{time.monotonic() - began:.0f} s")
    for text in book.wrong[:30]:
        print(f"WRONG: {text}")
    if book.wrong:
        print(f"{len(book.wrong)} faults; repeat with: "
              f"tests/chaos/run {count} {seed}")
        return 1
    print("every invariant holds")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
