"""The official Python SDK against a real fcj-mcp: both eras, stdio and HTTP.

Each connects, lists, calls, sees progress, cancels, runs a task, reads a
resource, gets a prompt, and is completed. The last line is `N passed, N
failed`. FCJ_MCP names the program.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import traceback
from collections.abc import Awaitable, Callable
from typing import Any, Literal

import mcp_types as types
from mcp.client.client import Client
from mcp.client.extension import ClaimContext, ClientExtension, ResultClaim
from mcp.client.stdio import StdioServerParameters
from mcp.shared.exceptions import MCPError

MODERN, LEGACY = "2026-07-28", "legacy"
TASKS = "io.modelcontextprotocol/tasks"
SLOW = """
for step in range(8):
    job.progress((step + 1) / 8, f"step {step + 1}")
    time.sleep(0.4)
_result_ = 42
"""
counts = {"passed": 0, "failed": 0}


# ---- Tasks of the modern era are an extension of ours ----------------------

class TaskId(types.RequestParams):
    task_id: str


class GetTask(types.Request[TaskId, Literal["tasks/get"]]):
    method: Literal["tasks/get"] = "tasks/get"
    params: TaskId
    name_param = "taskId"


class CancelTask(types.Request[TaskId, Literal["tasks/cancel"]]):
    method: Literal["tasks/cancel"] = "tasks/cancel"
    params: TaskId
    name_param = "taskId"


class TaskState(types.Result):
    model_config = {**types.Result.model_config, "extra": "allow"}
    task_id: str
    status: str
    result: dict[str, Any] | None = None


class TaskMade(types.Result):
    result_type: Literal["task"] = "task"
    task_id: str


class Tasks(ClientExtension):
    """Resolves a task by polling; with `cancel`, after cancelling it."""

    identifier = TASKS

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.cancel = False

    def claims(self) -> list[ResultClaim[Any]]:
        return [ResultClaim(result_type="task", model=TaskMade,
                            resolve=self.resolve)]

    async def resolve(self, made: TaskMade, ctx: ClaimContext
                      ) -> types.CallToolResult:
        self.seen.append(made.task_id)
        which = TaskId(task_id=made.task_id)
        if self.cancel:
            await ctx.session.send_request(CancelTask(params=which),
                                           types.EmptyResult)
        while True:
            state = await ctx.session.send_request(GetTask(params=which),
                                                   TaskState)
            if state.status not in ("working", "input_required"):
                break
            await asyncio.sleep(0.1)
        if state.result is None:
            return types.CallToolResult(content=[types.TextContent(
                type="text", text=state.status)], is_error=True)
        return types.CallToolResult.model_validate(state.result,
                                                   by_name=False)


# ---- What is shown ---------------------------------------------------------

def data(result: types.CallToolResult) -> dict[str, Any]:
    assert not result.is_error, result.content
    return result.structured_content or {}


class Session:
    def __init__(self, client: Client, label: str, tasks: Tasks) -> None:
        self.client, self.label, self.tasks = client, label, tasks

    async def check(self, name: str, run: Callable[[], Awaitable[None]]
                    ) -> None:
        try:
            await asyncio.wait_for(run(), 60)
            counts["passed"] += 1
        except Exception:       # noqa: BLE001
            counts["failed"] += 1
            print(f"not ok: {self.label}: {name}", traceback.format_exc())

    async def call(self, name: str, **arguments: Any) -> dict[str, Any]:
        return data(await self.client.call_tool(name, arguments))

    async def finish(self, job: str) -> str:
        while True:
            state = (await self.call("get_job_status", job_id=job,
                                     wait_s=10))["state"]
            if state in ("completed", "failed", "cancelled"):
                return state

    async def lists(self) -> None:
        tools = (await self.client.list_tools()).tools
        assert {"execute_code_async", "get_job_status"} <= {
            t.name for t in tools}
        assert (await self.client.list_resource_templates()
                ).resource_templates
        assert (await self.client.list_resources()).resources

    async def calls(self) -> None:
        made = await self.client.call_tool(
            "execute_code_async", {"code": "print('hi')\n6 * 7"})
        job = (made.structured_content or {}).get("job_id")
        job = job or self.tasks.seen[-1]
        assert await self.finish(job) == "completed"
        result = await self.call("get_job_result", job_id=job)
        assert result["result"] == 42, result
        record = await self.client.read_resource(f"job://{job}")
        text = record.contents[0].text      # type: ignore[union-attr]
        assert json.loads(text)["state"] == "completed"
        out = await self.client.read_resource(f"job://{job}/stdout")
        assert "hi" in out.contents[0].text  # type: ignore[union-attr]

    async def refused(self) -> None:
        result = await self.client.call_tool("get_job_status", {"job_id": 7})
        assert result.is_error
        try:
            await self.client.call_tool("no_such_tool", {})
            raise AssertionError("not refused")
        except MCPError as error:
            assert error.error.code == -32602

    async def progress(self) -> None:
        """A job is watched by the one call that waits for it."""
        seen: list[float] = []

        async def heard(progress: float, total: float | None,
                        message: str | None) -> None:
            seen.append(progress)

        made = await self.client.session.call_tool(
            "execute_code_async", {"code": "import time\n" + SLOW},
            allow_claimed=True)
        job = getattr(made, "task_id", None) or made.structured_content[
            "job_id"]
        waited = await self.client.call_tool(
            "get_job_status", {"job_id": job, "wait_s": 20},
            progress_callback=heard)
        assert data(waited)["state"] == "completed", waited
        assert len(seen) >= 2 and seen == sorted(seen), seen

    async def cancel(self) -> None:
        made = await self.client.session.call_tool(
            "execute_code_async", {"code": "while True: pass"},
            allow_claimed=True)
        job = getattr(made, "task_id", None) or made.structured_content[
            "job_id"]
        await self.call("cancel_job", job_id=job)
        assert await self.finish(job) == "cancelled"

    async def task(self) -> None:
        if self.client.protocol_version >= MODERN:
            result = await self.client.call_tool(
                "execute_code_async", {"code": "5 * 5"})
            assert self.tasks.seen and "25" in str(result), result
            self.tasks.cancel = True
            ended = await self.client.call_tool(
                "execute_code_async", {"code": "while True: pass"})
            self.tasks.cancel = False
            assert ended.is_error, ended
            return
        # This SDK reads no CreateTaskResult any more, but a task's id is its
        # job's.
        job = (await self.call("execute_code_async", code="5 * 5"))["job_id"]
        result = await self.client.session.send_request(
            types.GetTaskPayloadRequest(
                params=types.GetTaskPayloadRequestParams(task_id=job)),
            types.CallToolResult)
        assert "25" in str(result), result
        state = await self.client.session.send_request(
            types.GetTaskRequest(params=types.GetTaskRequestParams(
                task_id=job)), types.GetTaskResult)
        assert state.status == "completed", state

    async def prompts(self) -> None:
        names = {p.name for p in (await self.client.list_prompts()).prompts}
        assert "start_here" in names
        got = await self.client.get_prompt(
            "design_part", {"description": "a bracket"})
        assert "a bracket" in got.messages[0].content.text  # type: ignore
        values = await self.client.complete(
            types.PromptReference(type="ref/prompt",
                                  name="export_and_import"),
            {"name": "format", "value": "st"})
        assert values.completion.values == ["step", "stl"]

    async def resources(self) -> None:
        got = await self.client.read_resource("freecad://version")
        text = got.contents[0].text         # type: ignore[union-attr]
        assert json.loads(text)["workers"]

    async def run(self) -> None:
        for name in ("lists", "calls", "refused", "progress", "cancel",
                     "task", "prompts", "resources"):
            await self.check(name, getattr(self, name))


# ---- Transports ------------------------------------------------------------

def start_http(program: str) -> tuple[subprocess.Popen[str], str]:
    child = subprocess.Popen([program, "--http", "127.0.0.1:0"], text=True,
                             stderr=subprocess.PIPE,
                             stdin=subprocess.DEVNULL)
    assert child.stderr
    for line in child.stderr:
        found = re.search(r'http_listening.*?port["=:]+(\d+)', line)
        if found:
            return child, f"http://127.0.0.1:{found[1]}/mcp"
    raise RuntimeError("fcj-mcp did not start")


async def one(label: str, server: Any, mode: str) -> None:
    tasks = Tasks()
    try:
        async with Client(server, mode=mode, cache=None,
                          extensions=[tasks] if mode == MODERN else None
                          ) as client:
            counts["passed"] += 1
            assert (client.protocol_version >= MODERN) == (mode == MODERN)
            await Session(client, label, tasks).run()
    except Exception:           # noqa: BLE001
        counts["failed"] += 1
        print(f"not ok: {label}: connect", traceback.format_exc())


async def main() -> int:
    os.environ["FCJ_GUI"] = "no"        # the window has tests of its own
    program = os.environ["FCJ_MCP"]
    pipe = StdioServerParameters(command=program, args=[],
                                 env=dict(os.environ))
    child, url = start_http(program)
    try:
        for mode in (LEGACY, MODERN):
            await one(f"python stdio {mode}", pipe, mode)
            await one(f"python http {mode}", url, mode)
    finally:
        child.terminate()
        child.wait(10)
    print(f"{counts['passed']} passed, {counts['failed']} failed")
    return 1 if counts["failed"] else 0


sys.exit(asyncio.run(main()))
