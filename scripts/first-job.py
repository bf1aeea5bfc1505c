#!/usr/bin/python3.11
"""Runs one real job through MCP over HTTP and shows what comes back.

usage: first-job.py URL [TOKEN-FILE]

`make run` calls it to prove that the whole line works: the same requests that
any MCP client sends, written out with the standard library only.
"""

from __future__ import annotations

import json
import sys
import time
import urllib.request
from typing import Any

CODE = """
import math
shapes = [Part.makeBox(40, 40, 10)]
for n in range(12):
    angle = 2 * math.pi * n / 12
    at = FreeCAD.Vector(20 + 15 * math.cos(angle), 20 + 15 * math.sin(angle))
    shapes.append(Part.makeCylinder(3, 20, at))
    job.progress((n + 1) / 24, f"made {n + 1} of 12 pins")
fused = shapes[0].fuse(shapes[1:]).removeSplitter()
job.artifact("part.step", fused)
_result_ = fused
"""
TERMINAL = ("completed", "failed", "cancelled")


class Mcp:
    """An MCP client of forty lines."""

    def __init__(self, url: str, token: str | None) -> None:
        self.url, self.number = url, 0
        self.headers = {
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
        }
        if token:
            self.headers["Authorization"] = f"Bearer {token}"

    def post(self, message: dict[str, Any]) -> dict[str, Any] | None:
        """One message, its answer (none for a notification)."""
        request = urllib.request.Request(
            self.url, json.dumps(message).encode(), self.headers)
        with urllib.request.urlopen(request, timeout=40) as reply:
            session = reply.headers.get("Mcp-Session-Id")
            if session:
                self.headers["Mcp-Session-Id"] = session
            kind = reply.headers.get("Content-Type", "")
            body = reply.read().decode()
        if not body.strip():
            return None
        if kind.startswith("text/event-stream"):
            body = [line[5:] for line in body.splitlines()
                    if line.startswith("data:") and line[5:].strip()][-1]
        return json.loads(body)

    def request(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """A request's result; an error ends the program with its text."""
        self.number += 1
        answer = self.post({"jsonrpc": "2.0", "id": self.number,
                            "method": method, "params": params}) or {}
        if "error" in answer:
            sys.exit(f"{method}: {answer['error'].get('message')}")
        return answer["result"]

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Calls a tool; its structured content."""
        result = self.request("tools/call",
                              {"name": tool, "arguments": arguments})
        if result.get("isError"):
            sys.exit(f"{tool}: " + " ".join(
                part.get("text", "") for part in result["content"]))
        return result.get("structuredContent") or {}


def connect(url: str, token: str | None) -> Mcp:
    """Says initialize, again while the front-end is still starting."""
    for attempt in range(100):
        mcp = Mcp(url, token)
        try:
            mcp.request("initialize", {
                "protocolVersion": "2025-11-25", "capabilities": {},
                "clientInfo": {"name": "first-job", "version": "1"}})
            mcp.headers["MCP-Protocol-Version"] = "2025-11-25"
            mcp.post({"jsonrpc": "2.0",
                      "method": "notifications/initialized"})
            return mcp
        except OSError as error:
            if attempt == 99:
                sys.exit(f"No answer from {url}: {error}")
            time.sleep(0.1)
    raise AssertionError


def main() -> None:
    """Submit, poll, fetch."""
    token = open(sys.argv[2]).readline().strip() if len(sys.argv) > 2 else None
    mcp = connect(sys.argv[1], token)
    began = time.monotonic()
    handle = mcp.call("execute_code_async", code=CODE, name="first job")
    job = handle["job_id"]
    print(f"  execute_code_async -> job {job} "
          f"({1000 * (time.monotonic() - began):.1f} ms)")
    while True:
        status = mcp.call("get_job_status", job_id=job, wait_s=10)
        print(f"  get_job_status     -> {status['state']}")
        if status["state"] in TERMINAL:
            break
    result = mcp.call("get_job_result", job_id=job)
    print("  get_job_result     ->")
    for line in json.dumps(result, indent=2).splitlines():
        print("    " + line)
    if status["state"] != "completed":
        sys.exit(1)


if __name__ == "__main__":
    main()
