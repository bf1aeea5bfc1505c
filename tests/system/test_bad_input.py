"""Bad input, and an answer that tells a model what to do next."""

from __future__ import annotations

import json
import os

import pytest
from service import LEGACY, Http, ProtocolError, Service

NOBODY = "00000000-0000-4000-8000-000000000000"


def test_an_unknown_tool_is_named(client: Http) -> None:
    words = client.refused("fuse_shape_async")
    assert "fuse_shape_async" in words and "tools/list" in words


@pytest.mark.parametrize("tool, arguments, word", [
    ("execute_code_async", {}, "code"),
    ("execute_code_async", {"code": 5}, "code"),
    ("execute_code_async", {"code": None}, "code"),
    ("execute_code_async", {"code": ["a"]}, "code"),
    ("execute_code_async", {"code": "1", "timeout_s": "soon"}, "timeout_s"),
    ("execute_code_async", {"code": "1", "timeout_s": -1}, "timeout_s"),
    ("execute_code_async", {"code": "1", "timeout_s": 10**12}, "timeout_s"),
    ("execute_code_async", {"code": "1", "priority": "urgent"}, "priority"),
    ("execute_code_async", {"code": "1", "depends_on": "x"}, "depends_on"),
    ("execute_code_async", {"code": "1", "depends_on": ["x"]}, "depends_on"),
    ("execute_code_async", {"code": "1", "inputs": []}, "inputs"),
    ("execute_code_async", {"code": "1", "idempotency_key": "k" * 300},
     "idempotency_key"),
    ("execute_code_async", {"code": "1", "nonsense": 1}, "nonsense"),
    ("get_job_status", {}, "job_id"),
    ("get_job_status", {"job_id": 7}, "job_id"),
    ("get_job_status", {"job_id": "seven"}, "job_id"),
    ("get_job_status", {"job_id": NOBODY, "wait_s": -1}, "wait_s"),
    ("list_jobs", {"limit": 0}, "limit"),
    ("list_jobs", {"limit": 10**9}, "limit"),
    ("list_jobs", {"state": "odd"}, "state"),
    ("list_jobs", {"cursor": "odd"}, "cursor"),
    ("get_job_output", {"job_id": NOBODY, "stream": "stdnone"}, "stream"),
    ("fuse_shapes_async", {"shapes": "x"}, "shapes"),
    ("fuse_shapes_async", {}, "shapes")])
def test_a_wrong_argument_is_named(
        client: Http, tool: str, arguments: dict, word: str) -> None:
    try:
        answer = client.call(tool, **arguments)
    except ProtocolError as error:
        assert word in error.message
        return
    if not answer.is_error and "job_id" in answer.data:
        client.wait(answer["job_id"])
        answer = client.result(answer["job_id"])
        assert answer["reason"] == "invalid", f"{answer}"
    assert word in answer.everything, f"{answer}"


@pytest.mark.parametrize("tool", [
    "get_job_status", "get_job_result", "get_job_output", "cancel_job",
    "delete_job"])
def test_an_unknown_job_is_told_with_the_next_step(
        client: Http, tool: str) -> None:
    words = client.refused(tool, job_id=NOBODY)
    assert NOBODY in words and "list_jobs" in words


def test_an_unknown_dependency_is_refused(client: Http) -> None:
    words = client.refused("execute_code_async", code="1",
                           depends_on=[NOBODY])
    assert NOBODY in words


def test_ten_megabytes_of_code_are_refused(client: Http) -> None:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
                       "params": {"name": "execute_code_async", "arguments":
                                  {"code": "#" * (10 << 20)}}}).encode()
    status, _, reply = client.raw(body, {"MCP-Protocol-Version": LEGACY})
    assert status == 413, reply[:300]
    assert b"MiB" in reply or b"bytes" in reply
    assert client.run("1")["state"] == "completed"


def test_two_megabytes_of_code_are_refused_with_the_bound(
        client: Http) -> None:
    words = client.refused("execute_code_async", code="#" * (2 << 20))
    assert "1048576" in words or "1 MiB" in words


def test_code_up_to_the_bound_runs(client: Http) -> None:
    code = "#" * 1000000 + "\n77"
    assert client.run(code)["result"] == 77


@pytest.mark.parametrize("body", [
    b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"execut'
    b'e_code_async","arguments":{"code":"\xff\xfe"}}}',
    b"\xff\xfe\x00", b'{"jsonrpc":"2.0","id":1,', b"", b"nonsense",
    b"[" * 100000,
    b'{"a":' * 50000 + b"1" + b"}" * 50000])
def test_what_is_no_json_is_a_parse_error(
        client: Http, body: bytes) -> None:
    status, headers, reply = client.raw(
        body, {"MCP-Protocol-Version": LEGACY})
    assert status == 400, (status, reply[:300])
    assert json.loads(reply)["error"]["code"] in (-32700, -32600)
    assert client.run("1")["state"] == "completed"


def test_nul_bytes_in_code_are_told(client: Http) -> None:
    try:
        answer = client.call("execute_code_async", code="1\0 + 1")
    except ProtocolError as error:
        assert "NUL" in error.message or "null" in error.message.lower()
        return
    if not answer.is_error:
        client.wait(answer["job_id"])
        answer = client.result(answer["job_id"])
        assert answer["reason"] in ("invalid", "exception")
    assert "null" in answer.everything.lower() or "NUL" in answer.everything


def test_nul_bytes_elsewhere_are_refused(client: Http) -> None:
    client.refused("get_job_status", job_id="a\0b")
    client.refused("execute_code_async", code="1", idempotency_key="a\0b")
    client.refused("execute_code_async", code="1", name="a\0b")


def test_deep_arguments_are_refused(client: Http) -> None:
    deep: object = 1
    for _ in range(500):
        deep = [deep]
    try:
        answer = client.call("execute_code_async", code="1",
                             inputs={"a": deep})
        assert answer.is_error
    except ProtocolError as error:
        assert error.code in (-32700, -32600, -32602)


def test_a_syntax_error_names_the_line(client: Http) -> None:
    answer = client.run("a = 1\nb = = 2\n")
    assert answer["state"] == "failed"
    assert answer["error"]["type"] == "SyntaxError"
    assert answer["error"]["line"] == 2
    assert "b = = 2" in answer.everything


def test_surrogates_in_the_output_do_not_break_it(client: Http) -> None:
    answer = client.run("import sys, os\nos.write(1, b'\\xff\\xfe\\x00ok')\n"
                        "'\\ud800x'")
    assert answer["state"] in ("completed", "failed"), f"{answer}"
    assert "ok" in client.output(answer["job_id"]).everything


@pytest.mark.parametrize("reference, word", [
    ({"file": "../outside.step"}, "root"),
    ({"file": "/etc/passwd"}, "outside the workspace roots"),
    ({"file": "/etc/passwd.step"}, "root"),
    ({"file": "link.brep"}, "link"),
    ({"file": "dir/out.brep"}, ""),
    ({"file": "none.step"}, "none.step"),
    ({"file": "broken.step"}, "broken.step"),
    ({"file": "text.txt"}, "text.txt"),
    ({"file": "a\0b.step"}, ""),
    ({"file": "fifo.step"}, "fifo.step"),
    ({"brep": "not a brep"}, ""),
    ({"brep": ""}, ""),
    ({"job": "not an id"}, "job"),
    ({"nothing": 1}, ""),
    ({}, ""),
    ("a string", "")])
def test_a_bad_input_fails_before_any_code_runs(
        client: Http, service: Service, reference: object,
        word: str) -> None:
    root = service.workspace
    (service.dir / "outside.brep").write_text("DBRep_DrawableShape\n")
    for name, target in (("link.brep", service.dir / "outside.brep"),
                         ("dir", service.dir)):
        if not (root / name).is_symlink():
            (root / name).symlink_to(target)
    (root / "dir2").mkdir(exist_ok=True)
    (root / "broken.step").write_text("ISO-10303-21; garbage")
    (root / "text.txt").write_text("text")
    if not (root / "fifo.step").exists():
        os.mkfifo(root / "fifo.step")
    try:
        answer = client.call("execute_code_async", timeout_s=10,
                             code="print('ran')", inputs={"bad": reference})
    except ProtocolError as error:
        assert "bad" in error.message or word in error.message
        return
    if not answer.is_error:
        job = answer["job_id"]
        client.wait(job)
        answer = client.result(job)
        assert answer["state"] == "failed"
        assert answer["reason"] == "invalid", f"{answer}"
        assert "ran" not in json.dumps(client.output(job).get("text", ""))
    assert "bad" in answer.everything, f"{answer}"
    assert word in answer.everything, f"{answer}"


def test_a_null_shape_is_invalid(client: Http) -> None:
    null = client.submit("Part.Shape()")
    good = client.submit("Part.makeBox(1, 1, 1)")
    for job in (null, good):
        client.wait(job)
    answer = client.call("fuse_shapes_async",
                         shapes=[{"job": null}, {"job": good}])
    if not answer.is_error:
        client.wait(answer["job_id"])
        answer = client.result(answer["job_id"])
        assert answer["reason"] == "invalid", f"{answer}"
    words = answer.everything.lower()
    assert "the shape is null" in words
    assert "shapes[0]" in words, "which one is named"


def test_an_invalid_shape_is_told(client: Http) -> None:
    bad = client.submit(
        "w = Part.makePolygon([FreeCAD.Vector(x, y, 0) for x, y in "
        "((0, 0), (10, 10), (10, 0), (0, 10), (0, 0))])\nPart.Face(w)")
    good = client.submit("Part.makeBox(1, 1, 1)")
    for job in (bad, good):
        client.wait(job)
    answer = client.call("fuse_shapes_async",
                         shapes=[{"job": bad}, {"job": good}])
    if not answer.is_error:
        client.wait(answer["job_id"])
        answer = client.result(answer["job_id"])
    assert "valid" in answer.everything.lower(), f"{answer}"


@pytest.mark.parametrize("uri", [
    f"job://{NOBODY}/x.txt", "job://x/y", "job://", "file:///etc/passwd",
    f"job://{NOBODY}/../../etc/passwd", "", "job://%00/x"])
def test_an_unknown_resource_is_refused(client: Http, uri: str) -> None:
    with pytest.raises(ProtocolError) as error:
        client.request("resources/read", {"uri": uri})
    assert error.value.code in (-32602, -32002)


@pytest.mark.parametrize("params", [
    None, [], "x", {"name": 5}, {"arguments": {}},
    {"name": "list_jobs", "arguments": []},
    {"name": "list_jobs", "arguments": "x"}])
def test_malformed_params_are_refused(client: Http, params: object) -> None:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
                       "params": params}).encode()
    _, _, reply = client.raw(body, {"MCP-Protocol-Version": LEGACY})
    message = json.loads(reply)
    assert ("error" in message
            or message["result"].get("isError")), message
