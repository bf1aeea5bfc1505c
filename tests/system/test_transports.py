"""Both transports, both eras, and the service that starts by itself."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import tempfile
import time

import pytest
from service import (BIN, LEGACY, META, MODERN, SANITIZERS, Http,
                     ProtocolError, Service, Stdio, free_port, processes, remove)


def lone(idle_s: int = 600) -> dict[str, str]:
    """Environment of a client whose service is not started yet."""
    path = tempfile.mkdtemp(prefix="fcj", dir="/tmp")
    os.chmod(path, 0o711)
    return {"PATH": "/usr/bin:/bin", "HOME": path, "LANG": "C.UTF-8",
            "FCJ_STATE": path + "/state", "FCJ_NO_GUI": "yes",
            "FCJ_SLOTS": "1", "FCJ_IDLE_S": str(idle_s), **SANITIZERS}


def belonging(env: dict[str, str]) -> dict[int, str]:
    """Processes that carry the environment's directory."""
    mark, found = env["HOME"].encode(), {}
    for pid, _, name, state in processes():
        for what in ("cmdline", "environ"):
            try:
                if state != "Z" and mark in pathlib.Path(
                        f"/proc/{pid}/{what}").read_bytes():
                    found[pid] = name
            except OSError:
                pass
    return found


def gone(env: dict[str, str], seconds: float = 30) -> None:
    """Waits until nothing of it is left; kills what stays, and fails."""
    end = time.monotonic() + seconds
    while (left := belonging(env)) and time.monotonic() < end:
        time.sleep(0.1)
    for pid in left:
        os.kill(pid, 9)
    remove(env["HOME"])
    assert not left, f"left behind: {left}"


def test_stdio_starts_the_service_shares_it_and_it_goes_when_idle() -> None:
    env = lone(idle_s=1)
    one, two = Stdio(env), Stdio(env)
    try:
        assert one.initialize()["serverInfo"]["name"]
        two.initialize()
        answer = one.run("40 + 2")
        assert answer["state"] == "completed" and answer["result"] == 42
        assert two.result(answer["job_id"])["result"] == 42
        names = list(belonging(env).values())
        assert names.count("fcj-broker") == 1, names
        assert names.count("fcj-worker") == 1, names
    finally:
        codes = one.close(), two.close()
    assert codes == (0, 0)
    gone(env)


def test_initialize_is_answered_before_the_service_is_up() -> None:
    env = lone(idle_s=1)
    env["FCJ_REDIS"] = "unix:///nonexistent/redis.sock"
    client = Stdio(env)
    try:
        began = time.monotonic()
        assert client.initialize()["protocolVersion"] == LEGACY
        assert time.monotonic() - began < 5
        assert "execute_code_async" in client.tools()
        words = client.refused("execute_code_async", code="1")
        assert len(words) > 40, "a failure that says what to do"
    finally:
        client.close()
    gone(env)


def test_stdio_answers_both_eras() -> None:
    env = lone(idle_s=1)
    client = Stdio(env)
    try:
        found = client.request("server/discover", modern=True)
        assert MODERN in found["supportedVersions"]
        assert found["resultType"] == "complete"
        tools = client.request("tools/list", modern=True)
        assert tools["resultType"] == "complete" and "ttlMs" in tools
        result = client.initialize()
        assert "resultType" not in result
        assert "resultType" not in client.request("tools/list")
        assert client.request("ping") == {}
    finally:
        client.close()
    gone(env)


def test_stdio_survives_malformed_lines() -> None:
    env = lone(idle_s=1)
    client = Stdio(env)
    try:
        for line in (b"nonsense", b"{", b"[]", b"\xff\xfe", b"5",
                     b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]',
                     b'{"jsonrpc":"2.0","id":7}',
                     b'{"jsonrpc":"1.0","id":7,"method":"ping"}'):
            client.send(line)
            assert "error" in client.receive(), line
        client.send(b"")
        client.send(b'{"jsonrpc":"2.0","method":"notifications/unknown"}')
        with pytest.raises(ProtocolError) as error:
            client.request("no/such")
        assert error.value.code == -32601
        client.initialize()
    finally:
        assert client.close() == 0
    gone(env)


@pytest.mark.parametrize("order", [("id", "params"), ("params", "id")])
def test_what_cannot_be_read_is_answered_to_the_request_that_it_was(
        order: tuple[str, str]) -> None:
    def request(number: int | str, code: str) -> bytes:
        parts = {"id": json.dumps(number),
                 "params": '{"name": "execute_code_async", "arguments": '
                 '{"id": 7, "code": ' + code + "}}"}
        return ('{"jsonrpc": "2.0", "method": "tools/call"' + "".join(
            f', "{name}": {parts[name]}' for name in order) + "}").encode()
    env = lone(idle_s=1)
    client = Stdio(env)
    try:
        client.initialize()
        for number, code, word in (
                (41, '"1\\u0000"', "NUL"), ("x\"y", '"\\ud800"', "Parse"),
                (42, "[" * 200 + "]" * 200, "flatter"),
                (43, '"' + "x" * 10_000_000 + '"', "by reference"),
                (44, '"' + "y" * 5_000_000 + '"', "by reference")):
            client.send(request(number, code))
            answer = client.receive()
            assert answer.get("id") == number, (number, answer)
            assert word in answer["error"]["message"], answer
        client.send(request(45, '"').replace(b"45", b"4.5"))
        assert "id" not in client.receive()         # no id that could be one
    finally:
        assert client.close() == 0
    gone(env)


def test_http_serves_both_eras(service: Service) -> None:
    for era in (LEGACY, MODERN):
        client = service.client(era=era)
        assert client.run("1 + 1")["result"] == 2
        assert "list_jobs" in client.tools()
    modern = service.client(era=MODERN)
    assert MODERN in modern.request("server/discover")["supportedVersions"]
    assert service.client().request("initialize", {
        "protocolVersion": LEGACY, "capabilities": {},
        "clientInfo": {"name": "t", "version": "1"}
    })["protocolVersion"] == LEGACY


@pytest.mark.parametrize("headers, status", [
    ({"Origin": "http://evil.example.com"}, 403),
    ({"Origin": "null"}, 403),
    ({"Host": "evil.example.com"}, 403),
    ({"Host": "evil.example.com", "Origin": "http://evil.example.com"}, 403),
    ({"Origin": "http://localhost:1234"}, 200),
    ({"Origin": "http://127.0.0.1"}, 200),
    ({"Host": "localhost:99"}, 200), ({}, 200),
    ({"Content-Type": "text/plain"}, 415)])
def test_origin_and_host_are_checked(
        client: Http, headers: dict[str, str], status: int) -> None:
    body = (b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}')
    got, _, reply = client.raw(
        body, {"MCP-Protocol-Version": LEGACY, **headers})
    assert got == status, reply[:300]


def modern(method: str = "tools/list", version: str = MODERN,
           **params: object) -> dict:
    return {"jsonrpc": "2.0", "id": 9, "method": method, "params": {
        **params, "_meta": {META + "protocolVersion": version,
                            META + "clientCapabilities": {}}}}


@pytest.mark.parametrize("message, headers, status, code", [
    (modern(), {"MCP-Protocol-Version": LEGACY}, 400, -32020),
    (modern(), {"Mcp-Method": "tools/call"}, 400, -32020),
    (modern(version="2099-01-01"), {"MCP-Protocol-Version": "2099-01-01"},
     400, -32022),
    (modern("ping"), {"Mcp-Method": "ping"}, 404, -32601),
    (modern("no/such"), {"Mcp-Method": "no/such"}, 404, -32601),
    ({"jsonrpc": "2.0", "id": 9, "method": "tools/list"}, {}, 400, -32602),
    ([modern()], {}, 400, -32600),
    ([{"jsonrpc": "2.0", "id": 9, "method": "ping"}],
     {"MCP-Protocol-Version": LEGACY}, 400, -32600),
    ({"jsonrpc": "2.0", "id": 9}, {"MCP-Protocol-Version": LEGACY}, 400,
     -32600),
    ({"jsonrpc": "2.0", "id": None, "method": "ping"},
     {"MCP-Protocol-Version": LEGACY}, 400, -32600)])
def test_the_ladder_of_eras(client: Http, message: object, headers: dict,
                            status: int, code: int) -> None:
    got, _, reply = client.raw(json.dumps(message).encode(), {
        "MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/list",
        **headers})
    assert (got, json.loads(reply)["error"]["code"]) == (status, code), \
        reply[:300]


def test_a_long_name_in_a_header_is_the_one_of_the_body(
        service: Service) -> None:
    uri = "freecad://documents/" + "%C3%A4" * 128 + "/objects/" + "x" * 256
    with pytest.raises(ProtocolError) as error:
        service.client(era=MODERN).request("resources/read", {"uri": uri})
    assert error.value.code == -32602


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
def test_only_post_is_served(client: Http, method: str) -> None:
    assert client.raw(b"", {"Accept": "text/event-stream"},
                      method)[0] == 405


def test_another_path_is_not_found(client: Http) -> None:
    assert client.raw(b"{}", path="/other")[0] == 404


def test_a_notification_is_accepted_without_a_body(client: Http) -> None:
    status, _, body = client.raw(
        b'{"jsonrpc":"2.0","method":"notifications/initialized"}',
        {"MCP-Protocol-Version": LEGACY})
    assert (status, body) == (202, b"")


def test_a_public_bind_without_a_token_is_refused(service: Service) -> None:
    done = subprocess.run(
        [str(BIN / "fcj-mcp"), "--http", f"0.0.0.0:{free_port()}"],
        env=service.env, capture_output=True, timeout=20, check=False)
    assert done.returncode != 0
    assert b"token" in done.stderr.lower(), done.stderr[-500:]


def test_a_wrong_token_is_unauthorised() -> None:
    it = Service(tokens={"alice": "alice-token-0123456789abcdef"})
    try:
        body = b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}'
        for token in (None, "x", "alice-token-0123456789abcdeg"):
            status, headers, _ = Http(it.port, token).raw(body)
            assert status == 401
            assert "bearer" in headers["www-authenticate"].lower()
        good = it.client("alice-token-0123456789abcdef")
        assert good.run("3")["result"] == 3
    finally:
        it.stop()
