"""A private service for the bench: own state directory, own sockets, 2 slots,
and everything gone at the end. `Service` is fcj-service as a user runs it,
`Broker` Redis and the broker alone, so that jobs only queue up."""
from __future__ import annotations

import glob
import hashlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from typing import Any

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
VERSION = "2026-07-28"
START_S = 40


class Unavailable(Exception):
    """A part cannot be started here; the text says which and why."""


def free_port() -> int:
    """A TCP port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def request(tool: str, arguments: dict[str, Any]
            ) -> tuple[bytes, dict[str, str]]:
    """Body and headers of one tools/call, modern era: no session needed."""
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": {"name": tool, "arguments": arguments, "_meta": {
                "io.modelcontextprotocol/protocolVersion": VERSION,
                "io.modelcontextprotocol/clientCapabilities": {}}}}
    headers = {"Content-Type": "application/json",
               "Accept": "application/json, text/event-stream",
               "MCP-Protocol-Version": VERSION,
               "Mcp-Method": "tools/call", "Mcp-Name": tool}
    return json.dumps(body).encode(), headers


class Mcp:
    """One connection to the front-end."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port,
                                                     timeout=60)
        self.connection.connect()
        self.connection.sock.setsockopt(socket.IPPROTO_TCP,
                                        socket.TCP_NODELAY, 1)

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """structuredContent of a tool's answer."""
        body, headers = request(tool, arguments)
        self.connection.request("POST", "/mcp", body, headers)
        text = self.connection.getresponse().read()
        if text.lstrip().startswith((b"event:", b"data:", b"id:", b":")):
            text = [line[5:] for line in text.splitlines()
                    if line.startswith(b"data:") and b"result" in line][-1]
        answer = json.loads(text)
        if "error" in answer:
            raise Unavailable(f"{tool}: {answer['error'].get('message')}")
        result = answer["result"]
        if result.get("isError"):
            raise Unavailable(f"{tool}: {result['content'][0]['text'][:300]}")
        return dict(result.get("structuredContent") or {})

    def run(self, code: str, **options: Any) -> dict[str, Any]:
        """A job from submit to its end; the last status."""
        job = self.call("execute_code_async", code=code, **options)
        return self.wait(job["job_id"])

    def wait(self, job: str) -> dict[str, Any]:
        """The status of a job once it has ended."""
        while True:
            status = self.call("get_job_status", job_id=job, wait_s=25)
            if status["state"] not in ("queued", "running"):
                return status

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()


class _Private:
    """A state directory and the processes that use it."""

    def __init__(self, slots: int) -> None:
        self.directory = tempfile.mkdtemp(prefix="fcjb", dir="/tmp")
        os.chmod(self.directory, 0o711)
        self.endpoint = f"ipc://{self.directory}/f.sock"
        self.environment = {
            key: value for key, value in os.environ.items()
            if not key.startswith("FCJ_")}
        self.environment |= {
            "FCJ_STATE": os.path.join(self.directory, "s"),
            "FCJ_FRONTEND_ENDPOINT": self.endpoint,
            "FCJ_WORKER_ENDPOINT": f"ipc://{self.directory}/w.sock",
            "FCJ_SLOTS": str(slots), "FCJ_IDLE_S": "0",
            "FCJ_LOG_LEVEL": "warning", "FCJ_OWNER": "bench",
            "FCJ_QUEUE_MAX": "1000000", "FCJ_QUEUE_OWNER_MAX": "1000000"}
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, name: str, command: list[str]) -> subprocess.Popen[bytes]:
        """Start one program; its output is in NAME.log."""
        with open(os.path.join(self.directory, name + ".log"), "wb") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=self.environment, start_new_session=True, cwd="/")
        self.processes.append(process)
        return process

    def program(self, name: str) -> str:
        """Path of one of our programs."""
        path = os.path.join(BUILD, "bin", name)
        if not os.path.exists(path):
            raise Unavailable(f"{name} is not built (make)")
        return path

    def log(self) -> str:
        """The last lines of every log, for an error."""
        lines = []
        for path in sorted(glob.glob(self.directory + "/**/*.log",
                                     recursive=True)):
            with open(path, errors="replace") as file:
                tail = file.readlines()[-6:]
            lines += [f"{os.path.basename(path)}: {line.rstrip()}"
                      for line in tail]
        return "\n".join(lines)

    def stop(self) -> None:
        """End all processes, last started first, and remove the directory."""
        for process in reversed(self.processes):
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        for pid in self._left():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        shutil.rmtree(self.directory, ignore_errors=True)
        # where a root's jobs run; its name follows from the state's
        name = hashlib.blake2b(self.environment["FCJ_STATE"].encode(),
                               digest_size=16).hexdigest()[:16]
        shutil.rmtree("/var/tmp/fcj-0-" + name, ignore_errors=True)

    def _left(self) -> list[int]:
        """Our processes."""
        return carriers("FCJ_STATE", self.environment["FCJ_STATE"])

    def pids(self) -> dict[int, str]:
        """Every process of this service and its program's name."""
        return {pid: name for pid in self._left()
                if (name := _command(pid))}


def carriers(name: str, value: str) -> list[int]:
    """Processes whose environment has NAME=VALUE, which only ours do, and
    their children (whose environment may be another)."""
    mark = f"{name}={value}\0".encode()
    found: set[int] = set()
    parents: dict[int, int] = {}
    for path in glob.glob("/proc/[0-9]*/environ"):
        pid = int(path.split("/")[2])
        try:
            with open(f"/proc/{pid}/stat") as file:
                after_name = file.read().rpartition(")")[2].split()
            parents[pid] = int(after_name[1])
            with open(path, "rb") as file:
                if mark in file.read():
                    found.add(pid)
        except OSError:
            continue
    more = set(found)
    while more:
        more = {pid for pid, parent in parents.items()
                if parent in found and pid not in found}
        found |= more
    return sorted(found - {os.getpid()})


def _command(pid: int) -> str:
    """The name of a process, or empty."""
    try:
        with open(f"/proc/{pid}/comm") as file:
            return file.read().strip()
    except OSError:
        return ""


class Service(_Private):
    """The whole service behind HTTP."""

    def __init__(self, slots: int = 2, window: bool = False) -> None:
        super().__init__(slots)
        self.environment |= {"FCJ_NO_GUI": "no" if window else "yes",
                             "FCJ_DISPLAY": "xvfb"}
        self.port = free_port()
        try:
            for name in ("broker", "worker", "zygote", "mcp"):
                self.program("fcj-" + name)
            self.start("service", [self.program("fcj-service"), "--http",
                                   f"127.0.0.1:{self.port}"])
            self._ready()
        except BaseException:
            self.stop()
            raise

    def _ready(self) -> None:
        until, why = time.time() + START_S, "nothing"
        while time.time() < until:
            if self.processes[0].poll() is not None:
                break
            try:
                mcp = Mcp(self.port)
                state = mcp.run("1")["state"]
                mcp.close()
                if state == "completed":
                    return
                why = f"a first job is {state}"
            except (OSError, Unavailable, http.client.HTTPException,
                    ValueError, KeyError) as failure:
                why = repr(failure)
            time.sleep(0.2)
        raise Unavailable(f"the service does not serve: {why}\n{self.log()}")

    def redis(self) -> str:
        """Socket of the service's Redis."""
        found = glob.glob(self.directory + "/**/redis.sock", recursive=True)
        if not found:
            raise Unavailable("no redis.sock")
        return found[0]


class Redis:
    """A private Redis that syncs each write, for us and for the peers."""

    def __init__(self, directory: str) -> None:
        self.directory = os.path.join(directory, "redis")
        os.makedirs(self.directory)
        self.socket = os.path.join(self.directory, "r.sock")
        self.process = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", self.socket,
             "--dir", self.directory, "--appendonly", "yes",
             "--appendfsync", "always", "--save", ""],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True)
        until = time.time() + 5
        while not os.path.exists(self.socket) and time.time() < until:
            time.sleep(0.02)

    def stop(self) -> None:
        """End it; its directory goes too."""
        self.process.terminate()
        self.process.wait(10)
        shutil.rmtree(self.directory, ignore_errors=True)


class Broker(_Private):
    """Redis and the broker, no worker until `work` is called."""

    def __init__(self) -> None:
        super().__init__(2)
        self.redis: Redis | None = None
        try:
            program = self.program("fcj-broker")
            self.redis = Redis(self.directory)
            self.environment["FCJ_REDIS"] = "unix://" + self.redis.socket
            self.broker = self.start("broker", [program])
        except BaseException:
            self.stop()
            raise

    def work(self) -> None:
        """Let a worker begin with what is queued."""
        self.start("worker", [self.program("fcj-worker")])

    def stop(self) -> None:
        """End broker and worker, then Redis."""
        for process in reversed(self.processes):
            process.terminate()
            process.wait(20)
        if self.redis:
            self.redis.stop()
        super().stop()
