"""Event streams as a client sees them: one connection, its events as they
come, ids and all; and a legacy session on top of them."""

from __future__ import annotations

import http.client
import json
import queue
import socket
import threading
import time
from typing import Any

from service import LEGACY, META, MODERN, Lost, ProtocolError, Service, unwrap

TASKS = {"extensions": {"io.modelcontextprotocol/tasks": {}}}
ELICIT = {"elicitation": {"form": {}}}


class Stream:
    """A response that is read in the background."""

    def __init__(self, port: int, method: str, headers: dict[str, str],
                 body: Any = None, timeout: float = 60) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port,
                                                     timeout=timeout)
        text = None if body is None else json.dumps(body).encode()
        self.connection.request(method, "/mcp", text, {
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream", **headers})
        self.socket = self.connection.sock
        self.reply = self.connection.getresponse()
        self.status = self.reply.status
        self.headers = {k.lower(): v for k, v in self.reply.getheaders()}
        self.last_id = ""
        self.retry = 0
        self.inbox: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self.seen: list[dict[str, Any]] = []
        threading.Thread(target=self._read, daemon=True).start()

    @property
    def is_stream(self) -> bool:
        return self.headers.get("content-type", "") == "text/event-stream"

    def _read(self) -> None:
        try:
            if not self.is_stream:
                body = self.reply.read()
                if body:
                    self.inbox.put(json.loads(body))
            else:
                self._events()
        except (OSError, ValueError, AttributeError,
                http.client.HTTPException):
            pass
        self.inbox.put(None)

    def _events(self) -> None:
        data: list[str] = []
        for raw in self.reply:
            line = raw.decode().rstrip("\r\n")
            if line.startswith("id:"):
                self.last_id = line[3:].strip()
            elif line.startswith("retry:"):
                self.retry = int(line[6:])
            elif line.startswith("data:"):
                data.append(line[5:].strip())
            elif not line and data:
                text = "\n".join(data)
                data = []
                if text:
                    self.inbox.put(json.loads(text))

    def next(self, seconds: float = 30) -> dict[str, Any] | None:
        """The next message; None at the end."""
        message = self.inbox.get(timeout=seconds)
        if message is not None:
            self.seen.append(message)
        return message

    def until(self, probe: Any, seconds: float = 30) -> dict[str, Any]:
        end = time.monotonic() + seconds
        while True:
            message = self.next(max(0.1, end - time.monotonic()))
            if message is None:
                raise Lost(f"the stream ended after {self.seen}")
            if probe(message):
                return message

    def method(self, name: str, seconds: float = 30) -> dict[str, Any]:
        return self.until(lambda m: m.get("method") == name, seconds)

    def result(self, number: Any, seconds: float = 60) -> dict[str, Any]:
        return unwrap(self.until(lambda m: m.get("id") == number
                                 and "method" not in m, seconds))

    def close(self) -> None:
        """Drops the connection, as a client that goes away."""
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.connection.close()


class Session:
    """A legacy client over HTTP; each message may go to another port."""

    def __init__(self, service: Service, token: str | None = None,
                 version: str = LEGACY,
                 capabilities: dict[str, Any] | None = None) -> None:
        self.port, self.version, self.number = service.port, version, 0
        self.auth = {"Authorization": f"Bearer {token}"} if token else {}
        self.id = ""
        first = self.post("initialize", {
            "protocolVersion": version, "capabilities": capabilities or {},
            "clientInfo": {"name": "tests", "version": "1"}}, version=None)
        self.hello = first.result(1)
        self.id = first.headers["mcp-session-id"]
        assert self.notify("notifications/initialized") == 202

    def headers(self, version: str | None = "") -> dict[str, str]:
        made = dict(self.auth)
        if self.id:
            made["Mcp-Session-Id"] = self.id
        if version is not None:
            made["MCP-Protocol-Version"] = version or self.version
        return made

    def send(self, body: Any, port: int | None = None,
             version: str | None = "") -> Stream:
        return Stream(port or self.port, "POST", self.headers(version), body)

    def post(self, method: str, params: dict[str, Any] | None = None,
             port: int | None = None, version: str | None = "") -> Stream:
        self.number += 1
        return self.send({"jsonrpc": "2.0", "id": self.number,
                          "method": method, "params": params or {}}, port,
                         version)

    def request(self, method: str, params: dict[str, Any] | None = None,
                port: int | None = None) -> dict[str, Any]:
        stream = self.post(method, params, port)
        return stream.result(self.number)

    def tools(self) -> dict[str, dict[str, Any]]:
        """All tools by name, from all pages."""
        found: dict[str, dict[str, Any]] = {}
        params: dict[str, Any] = {}
        while True:
            page = self.request("tools/list", params)
            found.update({t["name"]: t for t in page["tools"]})
            if not page.get("nextCursor"):
                return found
            params = {"cursor": page["nextCursor"]}

    def notify(self, method: str, params: dict[str, Any] | None = None,
               port: int | None = None) -> int:
        return self.send({"jsonrpc": "2.0", "method": method,
                          "params": params or {}}, port).status

    def call(self, tool: str, arguments: dict[str, Any],
             port: int | None = None, **params: Any) -> Stream:
        return self.post("tools/call", {"name": tool, "arguments": arguments,
                                        **params}, port)

    def get(self, last_id: str = "", port: int | None = None) -> Stream:
        headers = self.headers()
        if last_id:
            headers["Last-Event-ID"] = last_id
        return Stream(port or self.port, "GET", headers)

    def delete(self, port: int | None = None) -> int:
        return Stream(port or self.port, "DELETE", self.headers()).status


class Modern:
    """A client of 2026-07-28: nothing but requests."""

    def __init__(self, service: Service, token: str | None = None,
                 capabilities: dict[str, Any] | None = None) -> None:
        self.port, self.number = service.port, 0
        self.auth = {"Authorization": f"Bearer {token}"} if token else {}
        self.capabilities = capabilities or {}

    def post(self, method: str, params: dict[str, Any] | None = None,
             port: int | None = None, **meta: Any) -> Stream:
        self.number += 1
        params = dict(params or {})
        params["_meta"] = {META + "protocolVersion": MODERN,
                           META + "clientCapabilities": self.capabilities,
                           **meta}
        headers = {**self.auth, "MCP-Protocol-Version": MODERN,
                   "Mcp-Method": method}
        name = params.get("name") or params.get("uri") or params.get("taskId")
        if name:
            headers["Mcp-Name"] = name
        return Stream(port or self.port, "POST", headers, {
            "jsonrpc": "2.0", "id": self.number, "method": method,
            "params": params})

    def request(self, method: str, params: dict[str, Any] | None = None,
                port: int | None = None) -> dict[str, Any]:
        stream = self.post(method, params, port)
        return stream.result(self.number)

    def refused(self, method: str, params: dict[str, Any] | None = None,
                port: int | None = None) -> tuple[int, int]:
        """HTTP status and code of what must be an error."""
        stream = self.post(method, params, port)
        try:
            stream.result(self.number)
        except ProtocolError as error:
            return stream.status, error.code
        raise AssertionError("it was not refused")

    def call(self, tool: str, arguments: dict[str, Any],
             port: int | None = None, **params: Any) -> Stream:
        return self.post("tools/call", {"name": tool, "arguments": arguments,
                                        **params}, port)

    def task(self, task: str, port: int | None = None) -> dict[str, Any]:
        return self.request("tasks/get", {"taskId": task}, port)

    def ended(self, task: str, port: int | None = None,
              seconds: float = 40) -> dict[str, Any]:
        end = time.monotonic() + seconds
        while True:
            now = self.task(task, port)
            if now["status"] in ("completed", "failed", "cancelled"):
                return now
            assert time.monotonic() < end, now
            time.sleep(0.05)


class Pair:
    """The service with two front-ends, and a tool of its own."""

    TOOL = '''"""A tool for the tests."""
import time
from fcj import Job, tool

@tool(needs="compute", toolset="jobs", title="Nap")
def nap(job: Job, seconds: float, ask: bool = False, steps: int = 10) -> dict[str, str]:
    """Sleeps, tells its progress, and asks when it is told to."""
    said = ""
    if ask:
        answer = job.ask("Who is there?", {"type": "object", "properties": {
            "name": {"type": "string"}}, "required": ["name"]})
        said = answer.content.get("name", answer.action)
    for step in range(steps):
        time.sleep(seconds / steps)
        job.progress((step + 1) / steps, f"step {step + 1}")
    return {"said": said}
'''

    def __init__(self, service: Service) -> None:
        from service import free_port
        self.service = service
        (service.handlers / "nap.py").write_text(self.TOOL)
        answer = service.client().call("reload_handlers")
        assert not answer.is_error, answer
        self.other = free_port()
        first = service.port
        service.port = self.other
        service.start("mcp2")
        service.port = first
        service._until(lambda: "http_listening" in service.log("mcp2"))
