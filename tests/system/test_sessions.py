"""Legacy sessions over HTTP: kept in Redis, served by any front-end, their
streams resumed after a lost connection."""

from __future__ import annotations

import json
import queue
import time
from typing import Iterator

import pytest

from service import META, MODERN, ProtocolError, Service, Stdio
from streams import ELICIT, Pair, Session, Stream

ALICE = "alice-token-0123456789abcdef"
BOB = "bob-token-0123456789abcdef"
SERVICE = {"tokens": {"alice": ALICE, "bob": BOB}}


@pytest.fixture(scope="module")
def pair(service: Service) -> Iterator[Pair]:
    yield Pair(service)


@pytest.fixture
def session(pair: Pair) -> Session:
    return Session(pair.service, ALICE)


def test_a_session_that_one_front_end_made_is_served_by_another(
        session: Session, pair: Pair) -> None:
    assert len(session.id) == 32
    assert session.request("ping", port=pair.other) == {}
    assert session.request("tools/list", port=pair.other)["tools"]
    assert session.request("logging/setLevel", {"level": "debug"},
                           pair.other) == {}


def test_a_session_survives_the_front_end_that_made_it(
        session: Session, pair: Pair) -> None:
    pair.service.restart("mcp")
    pair.service._until(lambda: pair.service.log("mcp").count(
        "http_listening") > 1)
    assert session.request("ping") == {}


def test_another_owners_session_does_not_exist(session: Session) -> None:
    session.auth = {"Authorization": f"Bearer {BOB}"}
    assert session.post("ping").status == 404
    assert session.get().status == 404
    assert session.delete() == 404


def test_an_unknown_session_is_not_found_and_none_is_needed_to_be_served(
        session: Session) -> None:
    for name in ("0" * 32, "../../x", "x" * 4000):
        session.id = name
        assert session.post("tools/list").status == 404
    session.id = ""
    assert session.request("tools/list")["tools"]
    assert session.get().status == 405


def test_a_deleted_session_is_gone_everywhere_and_its_stream_ends(
        session: Session, pair: Pair) -> None:
    stream = session.get(port=pair.other)
    assert stream.status == 200 and stream.is_stream
    assert session.request("ping", port=pair.other) == {}
    assert session.delete() == 204
    assert stream.next(10) is None
    assert session.post("ping").status == 404
    end = time.monotonic() + 10     # the other one hears of it by the bus
    while session.post("ping", port=pair.other).status != 404:
        assert time.monotonic() < end
        time.sleep(0.05)


def test_the_session_stream_tells_what_the_session_subscribed_to(
        session: Session, pair: Pair) -> None:
    stream = session.get(port=pair.other)
    job = session.call("execute_code_async", {
        "code": "import time\ntime.sleep(1)"}).result(
            session.number)["structuredContent"]["job_id"]
    assert session.request("resources/subscribe",
                           {"uri": f"job://{job}"}) == {}
    told = stream.method("notifications/resources/updated")
    assert told["params"]["uri"] == f"job://{job}"
    with pytest.raises(ProtocolError) as error:
        session.request("resources/subscribe", {
            "uri": "job://00000000-0000-4000-8000-000000000000"})
    assert error.value.code == -32002
    assert session.request("resources/unsubscribe",
                           {"uri": f"job://{job}"}) == {}


def test_only_what_can_be_read_is_subscribed_to(session: Session) -> None:
    job = session.call("execute_code_async", {"code": "1"}).result(
        session.number)["structuredContent"]["job_id"]
    for uri in (f"task:{job}", "freecad://nonsense", "http://x",
                "freecad://documents/", f"job://{job[:-1]}"):
        with pytest.raises(ProtocolError) as error:
            session.request("resources/subscribe", {"uri": uri})
        assert error.value.code == -32002, uri


def test_what_ended_while_the_stream_was_broken_is_told_when_it_is_resumed(
        session: Session, pair: Pair) -> None:
    stream = session.get()
    job = session.call("execute_code_async", {
        "code": "import time\ntime.sleep(1)"}).result(
            session.number)["structuredContent"]["job_id"]
    session.request("resources/subscribe", {"uri": f"job://{job}"})
    pair.service._until(lambda: stream.last_id)
    stream.close()
    done = session.call("get_job_status", {"job_id": job, "wait_s": 20})
    assert done.result(session.number)["structuredContent"][
        "state"] == "completed"
    again = session.get(last_id=stream.last_id, port=pair.other)
    told = again.method("notifications/resources/updated")
    assert told["params"]["uri"] == f"job://{job}"
    again.close()


def test_a_message_is_told_on_one_stream_only(
        session: Session, pair: Pair) -> None:
    older = session.get()
    newer = session.get(port=pair.other)
    assert older.next(10) is None, "it ends when its client comes elsewhere"
    job = session.call("execute_code_async", {
        "code": "import time\ntime.sleep(1)"}).result(
            session.number)["structuredContent"]["job_id"]
    session.request("resources/subscribe", {"uri": f"job://{job}"})
    newer.method("notifications/resources/updated")
    with pytest.raises(queue.Empty):
        newer.next(1.5)
    newer.close()


def test_a_streams_version_and_kind_are_checked(session: Session) -> None:
    for method in ("GET", "DELETE"):
        stream = Stream(session.port, method, session.headers("1999-01-01"))
        assert stream.status == 400, method
    only = Stream(session.port, "GET", {**session.headers(),
                                        "Accept": "application/json"})
    assert only.status == 406
    assert session.request("ping") == {}


def test_tasks_are_of_the_version_that_has_them(
        session: Session, pair: Pair) -> None:
    with pytest.raises(ProtocolError) as error:
        Session(pair.service, ALICE, "2025-06-18").request("tasks/list")
    assert error.value.code == -32601
    for method in ("tasks/list", "resources/templates/list"):
        for cursor in (5, "x" * 100):
            with pytest.raises(ProtocolError) as error:
                session.request(method, {"cursor": cursor})
            assert error.value.code == -32602


def test_the_session_stream_tells_that_the_tools_changed_and_is_resumed(
        session: Session, pair: Pair) -> None:
    stream = session.get()
    assert stream.status == 200
    client = pair.service.client()
    path = pair.service.handlers / "more.py"

    def change(number: int) -> None:
        path.write_text(Pair.TOOL.replace("def nap", f"def more_{number}"))
        assert not client.call("reload_handlers").is_error

    change(1)
    stream.method("notifications/tools/list_changed")
    at = stream.last_id
    stream.close()
    again = session.get(last_id=at, port=pair.other)
    assert again.status == 200
    change(2)
    again.method("notifications/tools/list_changed")
    path.unlink()
    assert not client.call("reload_handlers").is_error


def test_a_call_whose_connection_broke_is_resumed_at_another_front_end(
        session: Session, pair: Pair) -> None:
    stream = session.call("nap", {"seconds": 3},
                          _meta={"progressToken": "p"})
    number = session.number
    first = stream.method("notifications/progress")["params"]["progress"]
    at = stream.last_id
    assert at and stream.retry
    stream.close()
    again = session.get(last_id=at, port=pair.other)
    assert again.is_stream
    result = again.result(number)
    assert not result.get("isError"), result
    more = [m["params"]["progress"] for m in again.seen if "params" in m]
    assert more == sorted(set(more)) and first < more[0] and more[-1] == 1
    with pytest.raises(Exception):
        session.get(last_id="no-such.1-1").result(0)
    assert session.get(last_id="abcdef0123456789.1-1").status == 404


def test_a_question_is_answered_at_another_front_end_than_asked(
        pair: Pair) -> None:
    session = Session(pair.service, ALICE, capabilities=ELICIT)
    stream = session.call("nap", {"seconds": 0, "ask": True})
    number = session.number
    asked = stream.method("elicitation/create")
    assert asked["params"]["message"] == "Who is there?"
    assert asked["params"]["requestedSchema"]["required"] == ["name"]
    assert session.send({"jsonrpc": "2.0", "id": asked["id"], "result": {
        "action": "accept", "content": {"name": "Ada"}}},
        port=pair.other).status == 202
    result = stream.result(number)
    assert result["structuredContent"] == {"said": "Ada"}


def test_a_declined_question_reaches_the_job_and_a_strangers_answer_does_not(
        pair: Pair) -> None:
    session = Session(pair.service, ALICE, capabilities=ELICIT)
    stranger = Session(pair.service, ALICE, capabilities=ELICIT)
    stream = session.call("nap", {"seconds": 0, "ask": True})
    number = session.number
    asked = stream.method("elicitation/create")
    reply = {"jsonrpc": "2.0", "id": asked["id"],
             "result": {"action": "accept", "content": {"name": "Eve"}}}
    assert stranger.send(reply).status == 202
    reply["result"] = {"action": "decline"}
    assert session.send(reply).status == 202
    assert stream.result(number)["structuredContent"] == {"said": "decline"}


def test_a_call_that_is_cancelled_elsewhere_ends_and_so_does_its_job(
        session: Session, pair: Pair) -> None:
    stream = session.call("nap", {"seconds": 60},
                          _meta={"progressToken": 1})
    stream.until(lambda m: m.get("method") == "notifications/progress", 20)
    assert session.notify("notifications/cancelled",
                          {"requestId": session.number}, pair.other) == 202
    assert stream.next(10) is None
    client = pair.service.client()
    jobs = client.call("list_jobs", tool="nap", limit=1)["jobs"]
    assert client.wait(jobs[0]["job_id"], 10)["state"] == "cancelled"


def test_a_lost_connection_is_no_cancellation_for_a_legacy_client(
        session: Session, pair: Pair) -> None:
    stream = session.call("nap", {"seconds": 2}, _meta={"progressToken": 1})
    stream.method("notifications/progress")
    stream.close()
    client = pair.service.client()
    job = client.call("list_jobs", tool="nap", limit=1)["jobs"][0]["job_id"]
    assert client.wait(job, 20)["state"] == "completed"


def test_a_form_that_a_version_has_not_is_not_shown_to_its_clients(
        pair: Pair) -> None:
    code = """job.ask("Which?", {"type": "object", "properties": {"which": {
        "type": "array", "items": {"type": "string", "enum": ["a", "b"]}}}})"""
    for version, shown in (("2025-06-18", False), ("2025-11-25", True)):
        session = Session(pair.service, ALICE, version, ELICIT)
        stream = session.call("execute_code_async", {"code": code,
                                                     "wait_s": 10})
        said = stream.next()
        assert (said.get("method") == "elicitation/create") is shown
        if shown:
            session.send({"jsonrpc": "2.0", "id": said["id"], "result": {
                "action": "cancel"}})
            stream.result(session.number)
        else:
            told = said["result"]
            assert "answer_job" in told["content"][0]["text"]
            pair.service.client().call(
                "cancel_job", job_id=told["structuredContent"]["job_id"])


def test_log_messages_come_at_the_level_that_was_set(
        session: Session) -> None:
    session.request("logging/setLevel", {"level": "debug"})
    stream = session.call("nap", {"seconds": 0.2})
    number = session.number
    stream.result(number)
    said = [m["params"] for m in stream.seen
            if m.get("method") == "notifications/message"]
    assert {"running", "completed"} <= {m["data"]["state"] for m in said}
    session.request("logging/setLevel", {"level": "error"})
    stream = session.call("nap", {"seconds": 0.2})
    stream.result(session.number)
    assert not any("params" in m for m in stream.seen)
    with pytest.raises(ProtocolError):
        session.request("logging/setLevel", {"level": "loud"})


def test_batches_are_for_clients_of_their_time(pair: Pair) -> None:
    old = Session(pair.service, ALICE, "2025-03-26")
    batch = [{"jsonrpc": "2.0", "id": 1, "method": "ping"},
             {"jsonrpc": "2.0", "method": "notifications/x"},
             {"jsonrpc": "2.0", "id": "two", "method": "no/such"}]
    answers = old.send(batch).next()
    assert isinstance(answers, list) and len(answers) == 2
    assert {a["id"] for a in answers} == {1, "two"}
    assert old.send([]).status == 400
    assert old.send([batch[0]] * 65).status == 400
    modern = {"jsonrpc": "2.0", "id": 3, "method": "tools/list", "params": {
        "_meta": {META + "protocolVersion": MODERN,
                  META + "clientCapabilities": {}}}}
    refused = old.send([*batch, modern])
    assert (refused.status, refused.next()["error"]["code"]) == (400, -32600)
    new = Session(pair.service, ALICE)
    assert new.send(batch).status == 400


@pytest.mark.parametrize("version", ["2025-06-18", "2025-03-26"])
def test_older_clients_get_a_session_of_their_version(
        pair: Pair, version: str) -> None:
    session = Session(pair.service, ALICE, version)
    assert session.hello["protocolVersion"] == version
    assert "tasks" not in session.hello["capabilities"]
    stream = session.call("nap", {"seconds": 1}, _meta={"progressToken": 1})
    result = stream.result(session.number)
    assert not result.get("isError")
    assert "execution" not in str(session.tools())


def test_a_client_of_2024_speaks_over_stdio_batches_too(pair: Pair) -> None:
    client = Stdio(pair.service.env)
    try:
        hello = client.request("initialize", {
            "protocolVersion": "2024-11-05", "capabilities": {},
            "clientInfo": {"name": "old", "version": "1"}})
        assert hello["protocolVersion"] == "2024-11-05"
        client.send(b'[{"jsonrpc":"2.0","id":"a","method":"ping"},'
                    b'{"jsonrpc":"2.0","id":"b","method":"tools/list"}]')
        answers = client.receive()
        assert isinstance(answers, list)
        assert {one["id"] for one in answers} == {"a", "b"}
        answer = client.call("nap", seconds=0)
        assert answer["said"] == ""
    finally:
        assert client.close() == 0


def test_stdio_serves_both_eras_at_once_and_ends_a_subscription(
        pair: Pair) -> None:
    client = Stdio(pair.service.env)
    try:
        client.initialize()
        meta = {META + "protocolVersion": MODERN,
                META + "clientCapabilities": {}}
        client.send(json.dumps({
            "jsonrpc": "2.0", "id": "sub", "method": "subscriptions/listen",
            "params": {"notifications": {"toolsListChanged": True},
                       "_meta": meta}}).encode())
        ack = client.receive()
        assert ack["method"] == "notifications/subscriptions/acknowledged"
        assert client.request("server/discover", modern=True)[
            "supportedVersions"] == [MODERN]
        assert client.request("ping") == {}
        client.process.terminate()
        told = [client.receive(), client.receive()]
        assert told[0]["method"] == "notifications/cancelled"
        assert told[0]["params"] == {"requestId": "sub"}
        assert told[1]["id"] == "sub" and told[1]["result"]["_meta"]
    finally:
        client.process.wait(10)


def test_a_call_cancelled_on_stdio_gets_no_answer_and_ends_its_job(
        pair: Pair) -> None:
    client = Stdio(pair.service.env)
    try:
        client.initialize()
        client.send(json.dumps({
            "jsonrpc": "2.0", "id": 77, "method": "tools/call",
            "params": {"name": "nap", "arguments": {"seconds": 60}}}
        ).encode())
        client.send(b'{"jsonrpc":"2.0","method":"notifications/cancelled",'
                    b'"params":{"requestId":77}}')
        job = client.call("list_jobs", tool="nap", limit=1)["jobs"]
        if job:                 # or it was cancelled before it was one
            assert client.wait(job[0]["job_id"], 20)["state"] in (
                "cancelled", "completed")
        assert client.request("ping") == {}
        assert not any(note.get("id") == 77 for note in client.notes)
    finally:
        client.close()


def test_an_owner_has_a_bounded_number_of_sessions(pair: Pair) -> None:
    first = Session(pair.service, BOB)
    client = pair.service.client(BOB)
    hello = json.dumps({
        "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": "2025-11-25", "capabilities": {},
            "clientInfo": {"name": "many", "version": "1"}}}).encode()
    for _ in range(1003):
        assert client.raw(hello)[0] == 200
    redis = pair.service.redis()
    count = redis("ZCARD", "{fcj:0}:mcp:sessions:bob")
    assert count <= 1001, count     # the last one's bound is under way
    assert redis("EXISTS", "{fcj:0}:mcp:session:" + first.id) == 0
    redis.close()
    end = time.monotonic() + 15     # a copy in memory is good for seconds
    while first.post("ping").status != 404:
        assert time.monotonic() < end
        time.sleep(0.2)


def test_a_session_that_is_used_lives_on(
        session: Session, pair: Pair) -> None:
    """However rare its requests are, and whichever front-end gets them."""
    key = "{fcj:0}:mcp:session:" + session.id
    redis = pair.service.redis()
    other = Session(pair.service, BOB)
    redis("EXPIRE", key, 1000)
    other.id = session.id               # not his: it is not used by that
    assert other.post("ping", port=pair.other).status == 404
    assert redis("TTL", key) <= 1000
    assert session.request("ping", port=pair.other) == {}
    end = time.monotonic() + 10
    while redis("TTL", key) <= 1000:
        assert time.monotonic() < end
        time.sleep(0.05)


def test_what_a_session_keeps_of_its_client_is_bounded(
        session: Session) -> None:
    id_ = session.id
    session.id = ""
    with pytest.raises(ProtocolError) as error:
        session.request("initialize", {
            "protocolVersion": "2025-06-18", "clientInfo": {
                "name": "tests", "version": "1"},
            "capabilities": {"experimental": {"x": "y" * 10000}}})
    assert error.value.code == -32602
    session.id = id_
    assert session.request("ping") == {}
