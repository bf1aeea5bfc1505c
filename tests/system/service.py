"""A private, real service for the tests, and clients that speak to it.

Each part (Redis, broker, worker, front-end) is a process of its own that is
started here one by one, so that a test can kill and restart any of them. All
state lies in one short directory below /tmp (socket paths are short); when
the service is stopped, no process that belongs to it may be left. The tests stand in for
fcj-service, which would restart what they kill; test_transports.py uses
the real one.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import pathlib
import queue
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from typing import Any, Iterator

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("BUILD", ROOT / "build")).resolve() / "bin"
# Where `make asan` wants the reports of whatever we start.
SANITIZERS = {k: v for k, v in os.environ.items()
              if k in ("ASAN_OPTIONS", "UBSAN_OPTIONS")}
MODERN = "2026-07-28"
LEGACY = "2025-11-25"
META = "io.modelcontextprotocol/"
TERMINAL = ("completed", "failed", "cancelled")
LIMIT_SLACK_S = 3.0     # design: a job ends within its limit plus three
MACHINE_SLACK_S = 4.0   # what a loaded machine may add to it


class ProtocolError(Exception):
    """A JSON-RPC error."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.data = code, message, data


class Lost(Exception):
    """The server went away before it answered."""


class Answer:
    """What a tools/call came back with."""

    def __init__(self, result: dict[str, Any]) -> None:
        self.raw = result
        self.data: dict[str, Any] = result.get("structuredContent") or {}
        self.is_error: bool = bool(result.get("isError"))
        self.content: list[dict[str, Any]] = result.get("content", [])
        self.text = "\n".join(c.get("text", "") for c in self.content)

    @property
    def everything(self) -> str:
        """Text and structure as one string, to look for words in."""
        return self.text + "\n" + json.dumps(self.data)

    def __getitem__(self, key: str) -> Any:
        return self.data[key]

    def get(self, key: str, otherwise: Any = None) -> Any:
        return self.data.get(key, otherwise)

    def __repr__(self) -> str:
        return f"<Answer error={self.is_error} {self.everything[:2000]}>"


class Client:
    """The tools, whatever the transport; `request` is the subclass's."""

    def request(self, method: str, params: dict[str, Any] | None = None,
                **more: Any) -> dict[str, Any]:
        raise NotImplementedError

    def call(self, tool: str, /, **arguments: Any) -> Answer:
        """Calls a tool; an error in the result is in the answer."""
        return Answer(self.request(
            "tools/call", {"name": tool, "arguments": arguments}))

    def refused(self, tool: str, /, **arguments: Any) -> str:
        """Calls a tool that must be refused; says in which words."""
        try:
            answer = self.call(tool, **arguments)
        except ProtocolError as error:
            return error.message
        assert answer.is_error, f"{tool} was not refused: {answer}"
        assert answer.text.strip(), "a refusal without a word"
        return answer.everything

    def submit(self, code: str, **options: Any) -> str:
        """Submits code; returns the job's id."""
        return self.start("execute_code_async", code=code, **options)

    def start(self, tool: str, /, **arguments: Any) -> str:
        """Calls an async tool that must be accepted; returns the id."""
        answer = self.call(tool, **arguments)
        assert not answer.is_error, f"{tool}: {answer}"
        return answer["job_id"]

    def status(self, job: str, wait_s: float = 0) -> Answer:
        if wait_s:
            return self.call("get_job_status", job_id=job, wait_s=wait_s)
        return self.call("get_job_status", job_id=job)

    def wait(self, job: str, seconds: float = 60) -> Answer:
        """Waits for a terminal state; returns the last status."""
        end = time.monotonic() + seconds
        while True:
            left = end - time.monotonic()
            answer = self.status(job, max(1, min(10, int(left))))
            if answer.get("state") in TERMINAL:
                return answer
            assert not answer.is_error, f"{job}: {answer}"
            assert time.monotonic() < end, f"{job} did not end: {answer}"

    def result(self, job: str) -> Answer:
        return self.call("get_job_result", job_id=job)

    def output(self, job: str, **options: Any) -> Answer:
        return self.call("get_job_output", job_id=job, **options)

    def cancel(self, job: str) -> Answer:
        return self.call("cancel_job", job_id=job)

    def run(self, code: str, seconds: float = 60, **options: Any) -> Answer:
        """Submits, waits, returns get_job_result's answer."""
        job = self.submit(code, **options)
        self.wait(job, seconds)
        return self.result(job)

    def until(self, job: str, state: str, seconds: float = 20) -> Answer:
        """Polls until the job is in that state."""
        end = time.monotonic() + seconds
        while True:
            answer = self.status(job)
            if answer.get("state") == state:
                return answer
            assert answer.get("state") not in TERMINAL, f"{answer}"
            assert time.monotonic() < end, f"never {state}: {answer}"
            time.sleep(0.05)

    def tools(self) -> dict[str, dict[str, Any]]:
        """All tools by name."""
        found, params = {}, {}
        while True:
            page = self.request("tools/list", params)
            found.update({t["name"]: t for t in page["tools"]})
            if not page.get("nextCursor"):
                return found
            params = {"cursor": page["nextCursor"]}


class Http(Client):
    """MCP over Streamable HTTP, without a session; either era."""

    def __init__(self, port: int, token: str | None = None,
                 era: str = LEGACY, timeout: float = 60) -> None:
        self.port, self.token, self.era = port, token, era
        self.timeout = timeout
        self.number = 0
        self.notes: list[dict[str, Any]] = []
        self.connection: http.client.HTTPConnection | None = None

    def raw(self, body: bytes, headers: dict[str, str] | None = None,
            method: str = "POST", path: str = "/mcp"
            ) -> tuple[int, dict[str, str], bytes]:
        """One HTTP exchange with exactly these bytes."""
        put = {"Content-Type": "application/json",
               "Accept": "application/json, text/event-stream"}
        if self.token:
            put["Authorization"] = f"Bearer {self.token}"
        put.update(headers or {})
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.port, timeout=self.timeout)
        try:
            connection.request(method, path, body, put)
            reply = connection.getresponse()
            return (reply.status,
                    {k.lower(): v for k, v in reply.getheaders()},
                    reply.read())
        except (OSError, http.client.HTTPException) as error:
            raise Lost(repr(error)) from error
        finally:
            connection.close()

    def messages(self, headers: dict[str, str], body: bytes
                 ) -> Iterator[dict[str, Any]]:
        """The JSON-RPC messages in a response, JSON or event stream."""
        if not headers.get("content-type", "").startswith(
                "text/event-stream"):
            yield json.loads(body)
            return
        for line in body.decode().splitlines():
            if line.startswith("data:") and line[5:].strip():
                yield json.loads(line[5:])

    def request(self, method: str, params: dict[str, Any] | None = None,
                **more: Any) -> dict[str, Any]:
        self.number += 1
        params = dict(params or {})
        headers = {"MCP-Protocol-Version": self.era}
        if self.era >= MODERN:
            params["_meta"] = {META + "protocolVersion": self.era,
                               META + "clientCapabilities": {},
                               META + "clientInfo": {"name": "tests",
                                                     "version": "1"},
                               **params.get("_meta", {})}
            headers["Mcp-Method"] = method
            name = params.get("name") or params.get("uri")
            if name:
                headers["Mcp-Name"] = name
        status, got, body = self.raw(json.dumps(
            {"jsonrpc": "2.0", "id": self.number, "method": method,
             "params": params}).encode(), headers)
        if not body:
            raise Lost(f"HTTP {status} without a body")
        try:
            for message in self.messages(got, body):
                if message.get("id") == self.number or "error" in message:
                    return unwrap(message)
                self.notes.append(message)
        except ValueError as error:
            raise Lost(f"HTTP {status}: {body[:200]!r}") from error
        raise Lost("the stream ended without a response")


class Stdio(Client):
    """MCP over stdin and stdout of an fcj-mcp started for it."""

    def __init__(self, env: dict[str, str], *arguments: str) -> None:
        self.process = subprocess.Popen(
            [str(BIN / "fcj-mcp"), *arguments], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env)
        self.number = 0
        self.inbox: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self.notes: list[dict[str, Any]] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.inbox.put(json.loads(line))
        self.inbox.put(None)

    def send(self, line: bytes) -> None:
        assert self.process.stdin
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def receive(self, seconds: float = 60) -> dict[str, Any]:
        message = self.inbox.get(timeout=seconds)
        if message is None:
            raise Lost("fcj-mcp closed its stdout")
        return message

    def request(self, method: str, params: dict[str, Any] | None = None,
                modern: bool = False, **more: Any) -> dict[str, Any]:
        self.number += 1
        params = dict(params or {})
        if modern:
            params["_meta"] = {META + "protocolVersion": MODERN,
                               META + "clientCapabilities": {}}
        self.send(json.dumps({"jsonrpc": "2.0", "id": self.number,
                              "method": method, "params": params}).encode())
        while True:
            message = self.receive()
            if message.get("id") == self.number:
                return unwrap(message)
            self.notes.append(message)

    def initialize(self) -> dict[str, Any]:
        result = self.request("initialize", {
            "protocolVersion": LEGACY, "capabilities": {},
            "clientInfo": {"name": "tests", "version": "1"}})
        self.send(b'{"jsonrpc":"2.0","method":"notifications/initialized"}')
        return result

    def close(self) -> int:
        assert self.process.stdin
        self.process.stdin.close()
        try:
            return self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


class Redis:
    """A few lines of RESP, to look at what the store holds."""

    def __init__(self, path: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10)
        self.socket.connect(path)
        self.file = self.socket.makefile("rb")

    def __call__(self, *words: Any) -> Any:
        parts = [w if isinstance(w, bytes) else str(w).encode()
                 for w in words]
        self.socket.sendall(b"*%d\r\n" % len(parts) + b"".join(
            b"$%d\r\n%s\r\n" % (len(p), p) for p in parts))
        return self._reply()

    def _reply(self) -> Any:
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise Lost("Redis went away")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            raise RuntimeError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            size = int(rest)
            if size < 0:
                return None
            data = self.file.read(size + 2)
            if len(data) < size + 2:
                raise Lost("Redis went away")
            return data[:-2]
        return [self._reply() for _ in range(int(rest))]

    def hash(self, key: str) -> dict[str, bytes]:
        flat = self("HGETALL", key)
        return {k.decode(): v for k, v in zip(flat[::2], flat[1::2])}

    def close(self) -> None:
        self.file.close()
        self.socket.close()


def unwrap(message: dict[str, Any]) -> dict[str, Any]:
    """A response's result; its error is raised."""
    if "error" in message:
        error = message["error"]
        raise ProtocolError(error["code"], error["message"],
                            error.get("data"))
    return message["result"]


def hashed(token: str) -> str:
    """What a token file holds of a token."""
    return hashlib.blake2b(token.encode(), digest_size=32).hexdigest()


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def processes() -> Iterator[tuple[int, int, str, str]]:
    """(pid, parent, name, state) of every process."""
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            text = pathlib.Path(f"/proc/{entry}/stat").read_text()
        except OSError:
            continue
        name = text[text.index("(") + 1:text.rindex(")")]
        rest = text[text.rindex(")") + 2:].split()
        yield int(entry), int(rest[1]), name, rest[0]


def children(pid: int) -> list[int]:
    return [p for p, parent, _, state in processes()
            if parent == pid and state != "Z"]


def scratch(state: str | pathlib.Path) -> pathlib.Path:
    """Where the jobs of a service with that state directory run."""
    if os.geteuid():
        return pathlib.Path(state) / "scratch"
    name = hashlib.blake2b(str(state).encode(), digest_size=16).hexdigest()
    return pathlib.Path(f"/var/tmp/fcj-0-{name[:16]}")


def remove(directory: str | pathlib.Path) -> None:
    """Removes a service's directory and where its jobs ran as root."""
    shutil.rmtree(directory, ignore_errors=True)
    shutil.rmtree(scratch(pathlib.Path(directory) / "state"),
                  ignore_errors=True)


def alive(pid: int) -> bool:
    return any(p == pid and state != "Z" for p, _, _, state in processes())


class Service:
    """Redis, broker, worker and HTTP front-end in a private directory."""

    PARTS = ("redis", "broker", "worker", "mcp")

    def __init__(self, start: bool = True,
                 tokens: dict[str, str] | None = None,
                 **config: Any) -> None:
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="fcj", dir="/tmp"))
        self.dir.chmod(0o711)
        self.workspace = self.dir / "workspace"
        self.workspace.mkdir(mode=0o755)
        self.handlers = self.dir / "handlers"
        self.handlers.mkdir(mode=0o755)
        self.state = self.dir / "state"
        self.logs = self.dir / "logs"
        self.logs.mkdir()
        self.redis_sock = str(self.dir / "redis.sock")
        self.port = free_port()
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.env = {
            "PATH": "/usr/bin:/bin", "HOME": str(self.dir), "LANG": "C.UTF-8",
            "FCJ_STATE": str(self.state),
            "FCJ_ROOTS": str(self.workspace),
            "FCJ_REDIS": f"unix://{self.redis_sock}",
            "FCJ_SLOTS": "2", "FCJ_TOOLSETS": "all",
            "FCJ_HANDLERS": str(self.handlers),
            **{f"FCJ_{k.upper()}": str(v) for k, v in config.items()},
            **SANITIZERS}
        if tokens:
            path = self.dir / "tokens"
            path.touch(mode=0o600)
            path.write_text("".join(
                f"{who}:blake2b:{hashed(token)}:admin\n"
                for who, token in tokens.items()))
            self.env["FCJ_TOKEN_FILE"] = str(path)
        self.token = next(iter((tokens or {}).values()), None)
        self.seen: set[int] = set()
        self.listener = self._service_sock()
        if start:
            try:
                self.start_all()
            except BaseException:
                self.stop(check=False)
                raise

    def _service_sock(self) -> socket.socket:
        """We are fcj-service: front-ends ask us whether all is up, and would
        start a service of their own if nobody answered."""
        run = self.state / "run"
        self.state.mkdir(mode=0o711)
        run.mkdir(mode=0o700)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(run / "service.sock"))
        listener.listen(100)

        def serve() -> None:
            clients = []
            while True:
                try:
                    client = listener.accept()[0]
                except OSError:
                    return              # we are closed
                try:
                    client.sendall(b'{"state":"ready"}\n')
                    clients.append(client)
                except OSError:
                    client.close()      # it only looked whether we are there

        threading.Thread(target=serve, daemon=True).start()
        return listener

    # -- parts -----------------------------------------------------------

    def command(self, part: str) -> list[str]:
        if part == "redis":
            data = self.dir / "redis"
            data.mkdir(exist_ok=True)
            return ["redis-server", "--port", "0", "--unixsocket",
                    self.redis_sock, "--dir", str(data), "--appendonly",
                    "yes", "--appendfsync", "always", "--save", ""]
        if part in ("mcp", "mcp2"):
            return [str(BIN / "fcj-mcp"), "--http", f"127.0.0.1:{self.port}"]
        return [str(BIN / f"fcj-{part}")]

    def start(self, part: str) -> None:
        """Starts one part; its log is logs/<part>.log."""
        with open(self.logs / f"{part}.log", "ab") as log:
            self.running[part] = subprocess.Popen(
                self.command(part), env=self.env, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, cwd=self.dir)
        self.seen.add(self.running[part].pid)

    def start_all(self) -> None:
        for part in self.PARTS:
            self.start(part)
            if part == "redis":
                self._until(lambda: os.path.exists(self.redis_sock))
        self.ready()

    def ready(self, seconds: float = 40) -> None:
        """Waits until a job runs from end to end."""
        def probe() -> bool:
            for part, process in self.running.items():
                assert process.poll() is None, (
                    f"{part} ended with {process.returncode}: "
                    + self.log(part)[-2000:])
            try:
                answer = self.client(timeout=10).call("service_status")
            except (Lost, ProtocolError):
                return False
            return (bool(answer.get("workers")) and not answer.is_error
                    and answer.get("store") == "up")
        self._until(probe, seconds)

    def _until(self, probe: Any, seconds: float = 20) -> None:
        end = time.monotonic() + seconds
        while not probe():
            assert time.monotonic() < end, "the service did not start: " + (
                "\n".join(self.log(p)[-1500:] for p in self.running))
            time.sleep(0.05)

    def kill(self, part: str, number: int = signal.SIGKILL) -> None:
        """Kills a part and reaps it."""
        process = self.running.pop(part)
        self.family()
        process.send_signal(number)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"{part} did not end on signal {number}")

    def restart(self, part: str) -> None:
        self.kill(part)
        self.start(part)

    def log(self, part: str) -> str:
        path = self.logs / f"{part}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    # -- processes -------------------------------------------------------

    def zygotes(self) -> list[int]:
        return children(self.running["worker"].pid)

    def job_processes(self) -> list[int]:
        return [p for z in self.zygotes() for p in children(z)]

    def family(self) -> set[int]:
        """Every living process that belongs to this service."""
        mark = str(self.dir).encode()
        found = set()
        for pid, parent, _, state in processes():
            if pid == os.getpid() or state == "Z":
                continue
            mine = pid in self.seen or parent in self.seen
            for what in ("cmdline", "environ"):
                try:
                    if mark in pathlib.Path(
                            f"/proc/{pid}/{what}").read_bytes():
                        mine = True
                except OSError:
                    pass
            if mine and pid != os.getppid():
                found.add(pid)
        self.seen |= found
        return found

    # -- clients ---------------------------------------------------------

    def client(self, token: str | None = None, era: str = LEGACY,
               timeout: float = 60) -> Http:
        return Http(self.port, token or self.token, era, timeout)

    def redis(self) -> Redis:
        return Redis(self.redis_sock)

    # -- the end ---------------------------------------------------------

    def stop(self, check: bool = True) -> None:
        """SIGTERM to all in order; then nobody may be left."""
        late = []
        self.family()
        for part in ("mcp2", "mcp", "worker", "broker", "redis"):
            if part in self.running:
                try:
                    self.kill(part, signal.SIGTERM)
                except AssertionError as error:
                    late.append(str(error))
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        end = time.monotonic() + 5
        while (left := self._left()) and time.monotonic() < end:
            time.sleep(0.05)
        names = {p: n for p, _, n, _ in processes() if p in left}
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if not os.environ.get("FCJ_KEEP"):
            remove(self.dir)
        if check:
            assert not late, late
            assert not left, f"processes left behind: {names}"

    def _left(self) -> set[int]:
        mark = str(self.dir).encode()
        left = set()
        for pid, _, _, state in processes():
            if state == "Z" or pid == os.getpid():
                continue
            for what in ("cmdline", "environ"):
                try:
                    if mark in pathlib.Path(
                            f"/proc/{pid}/{what}").read_bytes():
                        left.add(pid)
                except OSError:
                    pass
        return left
