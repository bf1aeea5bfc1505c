"""The tools of the tasks extension's scenarios, as jobs like any other."""

import time

from fcj import Failure, Job, tool


@tool(needs="compute", toolset="conformance", title="Slow compute")
def slow_compute(job: Job, seconds: float = 1, label: str = "") -> dict[str, str]:
    """Sleeps and then has a result."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(min(0.1, max(0.0, end - time.monotonic())))
        job.progress(1 - max(0.0, end - time.monotonic()) / max(seconds, 0.001), label)
    return {"label": label}


@tool(needs="compute", toolset="conformance", title="Failing job", task="required")
def failing_job() -> dict[str, str]:
    """Fails after a second."""
    time.sleep(1)
    raise Failure("this job always fails")


@tool(needs="compute", toolset="conformance", title="Protocol error")
def protocol_error_job() -> dict[str, str]:
    """Is never started: it expires while it waits for another job."""
    return {}


@tool(needs="compute", toolset="conformance", title="Confirm delete")
def confirm_delete(job: Job, filename: str) -> dict[str, str]:
    """Asks before it deletes (nothing)."""
    answer = job.ask(f"Delete {filename}?", {
        "type": "object", "properties": {"confirm": {"type": "boolean"}},
        "required": ["confirm"]})
    done = answer.action == "accept" and answer.content.get("confirm")
    return {"deleted": filename if done else ""}


@tool(needs="compute", toolset="conformance", title="Multi input")
def multi_input(job: Job) -> dict[str, str]:
    """Asks two things at once."""
    answer = job.ask_all({
        "first": ("Who are you?", {"name": {"type": "string"}}),
        "second": ("Are you sure?", {"confirm": {"type": "boolean"}})})
    return {"name": str(answer.content.get("name", "")), "action": answer.action}


@tool(needs="compute", toolset="conformance", title="Tool with task")
def test_tool_with_task(user_name: str = "") -> str:
    """Greets, in the background, whom the client named."""
    time.sleep(1)
    return f"Hello, {user_name}!"
