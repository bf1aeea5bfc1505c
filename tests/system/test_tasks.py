"""Tasks, subscriptions and questions of 2026-07-28, and the tasks of
2025-11-25, on the same durable jobs."""

from __future__ import annotations

import http.client
import json
import os
import pathlib
import resource
import time
from typing import Iterator

import pytest

from service import ProtocolError, Service
from streams import ELICIT, TASKS, Modern, Pair, Session

ALICE = "alice-token-0123456789abcdef"
BOB = "bob-token-0123456789abcdef"
SERVICE = {"tokens": {"alice": ALICE, "bob": BOB}, "slots": 4}
NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def pair(service: Service) -> Iterator[Pair]:
    yield Pair(service)


@pytest.fixture
def client(pair: Pair) -> Modern:
    return Modern(pair.service, ALICE, TASKS)


def started(client: Modern, **arguments: object) -> str:
    made = client.call("nap", arguments).result(client.number)
    assert made["resultType"] == "task", made
    return made["taskId"]


# ---- Tasks of 2026-07-28 -----------------------------------------------------

def test_a_long_call_becomes_a_task_that_every_front_end_knows(
        client: Modern, pair: Pair) -> None:
    task = started(client, seconds=2)
    assert client.task(task, pair.other)["status"] == "working"
    pair.service.restart("mcp")
    done = client.ended(task, pair.other)
    assert done["status"] == "completed"
    assert done["result"]["structuredContent"] == {"said": ""}
    assert done["ttlMs"] >= 86400_000 and done["createdAt"].endswith("Z")
    pair.service._until(lambda: pair.service.log("mcp").count(
        "http_listening") > 1)
    assert client.task(task)["status"] == "completed"


def test_a_short_call_is_answered_and_an_async_tool_is_a_task_at_once(
        client: Modern) -> None:
    short = client.call("nap", {"seconds": 0}).result(client.number)
    assert short["resultType"] == "complete"
    made = client.call("execute_code_async", {"code": "6 * 7"}).result(
        client.number)
    assert made["resultType"] == "task"
    done = client.ended(made["taskId"])
    assert done["result"]["structuredContent"]["result"] == 42
    assert done["result"]["structuredContent"]["job_id"] == made["taskId"]
    bad = client.call("execute_code_async", {"code": "1 / 0"}).result(
        client.number)
    done = client.ended(bad["taskId"])
    assert done["status"] == "completed" and done["result"]["isError"]


def test_a_task_is_cancelled_and_stays_so(client: Modern, pair: Pair) -> None:
    task = started(client, seconds=60)
    for _ in range(2):
        ack = client.request("tasks/cancel", {"taskId": task}, pair.other)
        assert set(ack) <= {"resultType", "_meta"}
    assert client.ended(task)["status"] == "cancelled"


def test_a_task_is_its_owners_only(client: Modern, pair: Pair) -> None:
    task = started(client, seconds=1)
    other = Modern(pair.service, BOB, TASKS)
    for method, more in (("tasks/get", {}), ("tasks/cancel", {}),
                         ("tasks/update", {"inputResponses": {}})):
        assert other.refused(method, {"taskId": task, **more})[1] == -32602
        assert client.refused(method, {"taskId": NOBODY, **more})[1] == -32602
        assert Modern(pair.service, ALICE).refused(
            method, {"taskId": task, **more}) == (400, -32021)
    listen = other.post("subscriptions/listen",
                        {"notifications": {"taskIds": [task]}})
    ack = listen.next()
    assert ack["params"]["notifications"] == {}
    assert listen.result(other.number)["resultType"] == "complete"


def test_a_task_asks_and_is_answered_at_another_front_end(
        client: Modern, pair: Pair) -> None:
    task = started(client, seconds=0, ask=True)
    end = time.monotonic() + 20
    while client.task(task)["status"] != "input_required":
        assert time.monotonic() < end
        time.sleep(0.05)
    (key, asked), = client.task(task)["inputRequests"].items()
    assert asked["method"] == "elicitation/create"
    for answers in ({"no-such-key": {"action": "accept"}},
                    {key: {"action": "accept", "content": {"name": 5}}},
                    {key: "nonsense"}):
        client.request("tasks/update", {"taskId": task,
                                        "inputResponses": answers})
        assert client.task(task)["status"] == "input_required"
    client.request("tasks/update", {"taskId": task, "inputResponses": {
        key: {"action": "accept", "content": {"name": "Ada"}}}}, pair.other)
    done = client.ended(task)
    assert done["result"]["structuredContent"] == {"said": "Ada"}


# ---- Subscriptions -----------------------------------------------------------

def test_a_listener_hears_of_its_task_and_of_its_resource(
        client: Modern, pair: Pair) -> None:
    task = started(client, seconds=2)
    listen = client.post("subscriptions/listen", {"notifications": {
        "taskIds": [task, NOBODY], "toolsListChanged": True,
        "resourceSubscriptions": [f"job://{task}", f"job://{NOBODY}"]}},
        port=pair.other)
    number = client.number
    ack = listen.next()
    assert ack["method"] == "notifications/subscriptions/acknowledged"
    assert ack["params"]["notifications"] == {
        "toolsListChanged": True, "taskIds": [task],
        "resourceSubscriptions": [f"job://{task}"]}
    listen.until(lambda m: m.get("method") == "notifications/tasks"
                 and m["params"]["status"] == "completed")
    listen.method("notifications/resources/updated")
    path = pair.service.handlers / "listened.py"
    path.write_text(Pair.TOOL.replace("def nap", "def listened"))
    assert not pair.service.client().call("reload_handlers").is_error
    listen.method("notifications/tools/list_changed")
    path.unlink()
    assert not pair.service.client().call("reload_handlers").is_error
    tag = "io.modelcontextprotocol/subscriptionId"
    assert all(m["params"]["_meta"][tag] == number for m in listen.seen)
    result = next(m for m in listen.seen
                  if m["params"].get("status") == "completed")["params"]
    assert result["result"]["structuredContent"] == {"said": ""}
    listen.close()


def test_a_listener_hears_of_changes_and_of_nothing_else(
        client: Modern, pair: Pair) -> None:
    tool = Modern(pair.service, ALICE)
    job = tool.call("execute_code_async", {
        "code": "import time\ntime.sleep(2)\nprint('a', flush=True)\n"
                "time.sleep(2)"}).result(tool.number)[
                    "structuredContent"]["job_id"]
    time.sleep(0.5)
    record, output, file = (f"job://{job}{part}"
                            for part in ("", "/stdout", "/part.step"))
    task = f"task:{job}"
    heard = client.post("subscriptions/listen", {"notifications": {
        "taskIds": [job], "resourceSubscriptions": [
            record, output, file, task, "freecad://nonsense"]}})
    assert heard.next()["params"]["notifications"] == {
        "taskIds": [job], "resourceSubscriptions": [record, output, file]}
    told: list[str] = []
    while not {"completed", record, file} <= set(told) or told.count(output) < 2:
        params = heard.next(10)["params"]
        told.append(params.get("uri") or params["status"])
    assert told[0] == output, "nothing had changed before it printed"
    assert sorted(told) == sorted([output, output, record, file, "completed"])
    heard.close()
    late = client.post("subscriptions/listen", {"notifications": {
        "taskIds": [job], "resourceSubscriptions": [record]}})
    assert late.method("notifications/tasks")["params"]["status"] == "completed"
    assert [m["method"] for m in late.seen][1:] == ["notifications/tasks"]
    late.close()


def test_a_failed_call_fits_the_schema_that_was_announced(
        pair: Pair) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    client = pair.service.client()
    tools = client.tools()
    for name, arguments in (("nap", {"seconds": -1}), ("execute_code_async", {
            "code": "1/0", "wait_s": 10})):
        answer = client.call(name, **arguments)
        assert answer.is_error and answer["state"] == "failed"
        assert "Error" in answer["error"]["type"] and answer["message"]
        jsonschema.validate(answer.data, tools[name]["outputSchema"])


def test_a_server_that_stops_ends_its_subscriptions_politely(
        client: Modern, pair: Pair) -> None:
    listen = client.post("subscriptions/listen", {
        "notifications": {"toolsListChanged": True}}, port=pair.other)
    assert listen.next()["params"]["notifications"] == {
        "toolsListChanged": True}
    pair.service.kill("mcp2", 15)
    assert listen.result(client.number)["resultType"] == "complete"
    first, pair.service.port = pair.service.port, pair.other
    pair.service.start("mcp2")
    pair.service.port = first
    pair.service._until(lambda: pair.service.log("mcp2").count(
        "http_listening") > 1)


def test_a_malformed_subscription_is_refused(client: Modern) -> None:
    for asked in (None, [], {"taskIds": 5}, {"resourceSubscriptions": {}},
                  {"resourceSubscriptions": [5]},
                  {"toolsListChanged": "yes"}):
        assert client.refused("subscriptions/listen",
                              {"notifications": asked})[1] == -32602


def test_a_thousand_idle_streams_cost_little_and_harm_nobody(
        client: Modern, pair: Pair) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, hard), hard))
    process = pair.service.running["mcp2"]

    def memory() -> int:
        text = pathlib.Path(f"/proc/{process.pid}/statm").read_text()
        return int(text.split()[1]) * resource.getpagesize()

    before = memory()
    streams = []
    try:
        for _ in range(1000):
            streams.append(client.post("subscriptions/listen", {
                "notifications": {"toolsListChanged": True}},
                port=pair.other))
        assert all(one.next() for one in streams)
        most = 48 if "ASAN_OPTIONS" not in os.environ else 200
        assert (memory() - before) / 1000 < most * 1024
        assert client.request("tools/list", {}, pair.other)["tools"]
        path = pair.service.handlers / "loud.py"
        path.write_text(Pair.TOOL.replace("def nap", "def loud"))
        assert not pair.service.client().call("reload_handlers").is_error
        for one in streams:
            one.method("notifications/tools/list_changed")
        path.unlink()
    finally:
        for one in streams:
            one.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert client.request("tools/list", {}, pair.other)["tools"]


# ---- Without tasks -----------------------------------------------------------

def test_a_held_call_tells_its_progress_at_a_bounded_rate(pair: Pair) -> None:
    client = Modern(pair.service, ALICE)
    stream = client.post("tools/call", {"name": "nap", "arguments": {
        "seconds": 1.5, "steps": 150}}, progressToken="p")
    result = stream.result(client.number)
    assert result["structuredContent"] == {"said": ""}
    told = [m["params"] for m in stream.seen if "params" in m]
    steps = [one["progress"] for one in told]
    assert steps == sorted(set(steps)) and 2 <= len(steps) <= 12
    assert steps[-1] == 1, "the last one, however soon after the one before"
    assert {one["progressToken"] for one in told} == {"p"}


def test_a_modern_client_that_hangs_up_cancels_what_only_it_knows(
        pair: Pair) -> None:
    client = Modern(pair.service, ALICE)
    stream = client.post("tools/call", {"name": "nap", "arguments": {
        "seconds": 60}}, progressToken=1)
    stream.until(lambda m: "params" in m, 30)
    stream.close()
    tool = pair.service.client()
    job = tool.call("list_jobs", tool="nap", limit=1)["jobs"][0]["job_id"]
    assert tool.wait(job, 20)["state"] == "cancelled"


def test_a_client_that_hangs_up_after_it_has_answered_cancels_too(
        pair: Pair) -> None:
    client = Modern(pair.service, ALICE, ELICIT)
    asked = {"seconds": 60, "ask": True}
    first = client.call("nap", asked).result(client.number)
    (key,) = first["inputRequests"]
    again = client.post("tools/call", {
        "name": "nap", "arguments": asked,
        "requestState": first["requestState"], "inputResponses": {
            key: {"action": "accept", "content": {"name": "Ada"}}}},
        progressToken=1)
    again.until(lambda m: m["params"]["progress"] > 0, 30)
    again.close()
    tool = pair.service.client()
    job = tool.call("list_jobs", tool="nap", limit=1)["jobs"][0]["job_id"]
    assert tool.wait(job, 20)["state"] == "cancelled"


def test_a_client_that_waits_for_a_status_and_hangs_up_cancels_nothing(
        pair: Pair) -> None:
    client = Modern(pair.service, ALICE)
    tool = pair.service.client()
    job = tool.start("execute_code_async",
                     code="import time\ntime.sleep(2)\n1")
    connection = http.client.HTTPConnection("127.0.0.1", client.port)
    meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {}}
    connection.request("POST", "/mcp", json.dumps({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
            "name": "get_job_status", "_meta": meta,
            "arguments": {"job_id": job, "wait_s": 20}}}), {
        **client.auth, "Content-Type": "application/json",
        "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call",
        "Mcp-Name": "get_job_status"})
    connection.close()
    assert tool.wait(job, 20)["state"] == "completed"


def test_a_running_job_asks_by_rounds_and_its_state_is_sealed(
        pair: Pair) -> None:
    client = Modern(pair.service, ALICE, ELICIT)
    arguments = {"seconds": 0, "ask": True}
    asked = client.call("nap", arguments).result(client.number)
    assert asked["resultType"] == "input_required"
    (key, request), = asked["inputRequests"].items()
    assert request["params"]["message"] == "Who is there?"
    state = asked["requestState"]
    answers = {key: {"action": "accept", "content": {"name": "Ada"}}}
    round_two = {"inputResponses": answers, "requestState": state}
    for changed in (state[:-2] + ("AA" if state[-2:] != "AA" else "BB"),
                    state + "x", "1.", "nonsense"):
        assert client.refused("tools/call", {
            "name": "nap", "arguments": arguments, **round_two,
            "requestState": changed})[1] == -32602
    assert client.refused("tools/call", {        # of other arguments
        "name": "nap", "arguments": {"seconds": 1}, **round_two})[1] == -32602
    thief = Modern(pair.service, BOB, ELICIT)
    assert thief.refused("tools/call", {
        "name": "nap", "arguments": arguments, **round_two})[1] == -32602
    again = client.call("nap", arguments, requestState=state).result(
        client.number)
    assert again["resultType"] == "input_required"
    done = client.call("nap", arguments, port=pair.other,
                       **round_two).result(client.number)
    assert done["structuredContent"] == {"said": "Ada"}


def test_a_status_that_is_waited_for_asks_too(pair: Pair) -> None:
    client = Modern(pair.service, ALICE, ELICIT)
    job = client.call("execute_code_async", {"code": (
        "a = job.ask('Which?', {'type': 'object', 'properties':"
        " {'n': {'type': 'integer'}}})\na.content['n']")}).result(
            client.number)["structuredContent"]["job_id"]
    arguments = {"job_id": job, "wait_s": 20}
    asked = client.call("get_job_status", arguments).result(client.number)
    (key, _), = asked["inputRequests"].items()
    status = client.call("get_job_status", arguments, inputResponses={
        key: {"action": "accept", "content": {"n": 7}}},
        requestState=asked["requestState"]).result(client.number)
    assert status["structuredContent"]["state"] == "completed"


def test_who_can_not_be_asked_gets_a_handle_and_answers_by_tool(
        pair: Pair) -> None:
    client = pair.service.client()
    handle = client.call("nap", seconds=0, ask=True)
    assert not handle.is_error and "answer_job" in handle.text
    status = client.status(handle["job_id"], 5)
    assert status["ask"]["message"] == "Who is there?"
    client.call("answer_job", job_id=handle["job_id"], ask=1,
                action="accept", content={"name": "Ada"})
    assert client.wait(handle["job_id"])["state"] == "completed"


def test_a_held_tool_says_that_it_may_answer_with_a_handle(
        pair: Pair) -> None:
    schema = pair.service.client().tools()["nap"]["outputSchema"]
    assert schema["type"] == "object"
    result, handle = schema["anyOf"]
    assert "job_id" in handle["required"] and result["type"] == "object"


# ---- Tasks of 2025-11-25 -----------------------------------------------------

def test_the_experimental_tasks_of_2025_11_25(pair: Pair) -> None:
    session = Session(pair.service, ALICE, capabilities=ELICIT)
    assert session.hello["capabilities"]["tasks"]["requests"] == {
        "tools": {"call": {}}}
    tools = session.tools()
    assert tools["nap"]["execution"] == {"taskSupport": "optional"}
    assert "execution" not in tools["get_job_status"]
    told = session.get()
    made = session.call("nap", {"seconds": 1, "ask": True},
                        task={"ttl": 60000}).result(session.number)["task"]
    task = made["taskId"]
    assert made["status"] == "working" and made["ttl"] > 0
    result = session.post("tasks/result", {"taskId": task}, pair.other)
    number = session.number
    asked = result.method("elicitation/create")
    assert asked["params"]["_meta"] == {
        "io.modelcontextprotocol/related-task": {"taskId": task}}
    assert session.request("tasks/get", {"taskId": task})["status"] == \
        "input_required"
    session.send({"jsonrpc": "2.0", "id": asked["id"], "result": {
        "action": "accept", "content": {"name": "Ada"}}})
    done = result.result(number)
    assert done["structuredContent"] == {"said": "Ada"}
    assert done["_meta"]["io.modelcontextprotocol/related-task"] == {
        "taskId": task}
    told.until(lambda m: m.get("method") == "notifications/tasks/status"
               and m["params"]["status"] == "completed")
    listed = session.request("tasks/list")["tasks"]
    assert listed[0]["taskId"] == task
    with pytest.raises(ProtocolError) as error:
        session.request("tasks/cancel", {"taskId": task})
    assert error.value.code == -32602
    made = session.call("nap", {"seconds": 60}, task={}).result(
        session.number)["task"]
    assert session.request("tasks/cancel", {"taskId": made["taskId"]},
                           pair.other)["status"] == "cancelled"
    with pytest.raises(ProtocolError) as error:
        session.call("get_job_status", {"job_id": task}, task={}).result(
            session.number)
    assert error.value.code == -32601


def test_a_failed_call_is_a_failed_task_there(pair: Pair) -> None:
    session = Session(pair.service, ALICE)
    made = session.call("execute_code_async", {"code": "1 / 0"},
                        task={}).result(session.number)["task"]
    done = session.post("tasks/result", {"taskId": made["taskId"]}).result(
        session.number)
    assert done["isError"]
    assert session.request("tasks/get", {"taskId": made["taskId"]})[
        "status"] == "failed"
    old = Session(pair.service, ALICE, "2025-06-18")
    with pytest.raises(ProtocolError) as error:
        old.request("tasks/get", {"taskId": made["taskId"]})
    assert error.value.code == -32601


def test_a_client_says_how_long_it_waits(pair: Pair) -> None:
    client = pair.service.client()
    waited = client.call("execute_code_async", code="6 * 7", wait_s=20)
    assert waited["state"] == "completed" and waited["result"] == 42
    handle = client.call("nap", seconds=2, wait_s=0)
    assert handle["state"] in ("queued", "running")
    assert "wait_s" in client.refused("nap", seconds=0, wait_s=26)
    asking = Modern(pair.service, ALICE, ELICIT)
    arguments = {"seconds": 0, "ask": True, "wait_s": 20}
    asked = asking.call("nap", arguments).result(asking.number)
    (key, _), = asked["inputRequests"].items()
    done = asking.call("nap", arguments, inputResponses={
        key: {"action": "decline"}}, requestState=asked["requestState"])
    assert done.result(asking.number)["structuredContent"] == {
        "said": "decline"}
