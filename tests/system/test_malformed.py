"""Messages that no honest client sends, over HTTP and stdio: each is answered
with an error that says what is wrong, and the next honest one is served."""

from __future__ import annotations

import json
import os
import socket
from typing import Any, Iterator

import pytest

from service import LEGACY, META, MODERN, Http, Service, Stdio

SERVICE: dict[str, Any] = {}
PING = b'{"jsonrpc":"2.0","id":"honest","method":"ping"}'
ENVELOPE = {META + "protocolVersion": MODERN, META + "clientCapabilities": {}}


def message(method: Any = "ping", params: Any = None, **more: Any) -> bytes:
    made = {"jsonrpc": "2.0", "id": 1, "method": method, **more}
    if params is not None:
        made["params"] = params
    return json.dumps({k: v for k, v in made.items() if v != "-"}).encode()


# ---- Bytes that are no message ---------------------------------------------

NO_JSON = {
    "nothing but blanks": b" ", "a word": b"nonsense", "half": b"{",
    "half a string": b'{"jsonrpc":"2', "a brace too many": PING + b"}",
    "two values": PING + PING, "a comma at the end": PING[:-1] + b",}",
    "single quotes": PING.replace(b'"', b"'"), "a comment": b"/**/" + PING,
    "a BOM": b"\xef\xbb\xbf" + PING, "UTF-16": PING.decode().encode("utf-16"),
    "not UTF-8": PING.replace(b"honest", b"\xff\xfe"),
    "overlong UTF-8": PING.replace(b"honest", b"\xc0\xaf"),
    "a surrogate in UTF-8": PING.replace(b"honest", b"\xed\xa0\x80"),
    "a lone surrogate": PING.replace(b"honest", b"\\ud800"),
    "a NUL": PING.replace(b"honest", b"a\0b"),
    "an escaped NUL": PING.replace(b"honest", b"\\u0000"),
    "a control character": PING.replace(b"honest", b"a\x01b"),
    "a bad escape": PING.replace(b"honest", b"\\x"),
    "a bad number": PING.replace(b'"honest"', b"01"),
    "NaN": PING.replace(b'"honest"', b"NaN"),
    "a huge number": PING.replace(b'"honest"', b"9" * 400),
    "a huge exponent": PING.replace(b'"honest"', b"1e999"),
    "a doubled member": b'{"id":2,' + PING[1:],
    "a doubled member below": message(params={}).replace(
        b"{}", b'{"a":1,"a":2}'),
    "deep arrays": b"[" * 5000 + b"]" * 5000,
    "deep and open": b"[" * 100000,
    "deep objects": b'{"a":' * 3000 + b"1" + b"}" * 3000,
    "65 levels": message(params=json.loads('{"a":' * 65 + "1" + "}" * 65)),
    "true": b"true", "null": b"null", "a number": b"5", "a string": b'"x"',
    "an empty array": b"[]", "an array of numbers": b"[1,2]",
    "an array in an array": b"[[]]",
}
NO_REQUEST = {
    "an empty object": b"{}", "no version": message(jsonrpc="-"),
    "version 1": message(jsonrpc="1.0"), "version 2": message(jsonrpc=2),
    "no method": message(method="-"), "method null": message(method=None),
    "method a number": message(method=5), "method a list": message(["ping"]),
    "id null": message(id=None), "id true": message(id=True),
    "id a real": message(id=1.5), "id a list": message(id=[1]),
    "id an object": message(id={}), "params a list": message(params=[1]),
    "params a string": message(params="x"), "params 0": message(params=0),
    "params null": message().replace(b"}", b',"params":null}'),
    "no such method": message("no/such"), "method empty": message(""),
    "method with a slash": message("tools/"),
    "method long": message("x" * 9000),
    "method with dots": message("../../etc/passwd"),
    "method of the server": message("sampling/createMessage"),
    "_meta a list": message(params={"_meta": []}),
    "_meta a string": message(params={"_meta": "x"}),
    "claim a number": message(params={"_meta": {
        META + "protocolVersion": 5}}),
    "claim unknown": message(params={"_meta": {
        **ENVELOPE, META + "protocolVersion": "2099-01-01"}}),
    "no capabilities": message(params={"_meta": {
        META + "protocolVersion": MODERN}}),
    "capabilities a list": message(params={"_meta": {
        **ENVELOPE, META + "clientCapabilities": []}}),
    "bad log level": message(params={"_meta": {
        **ENVELOPE, META + "logLevel": "loud"}}),
    "ping in the modern era": message(params={"_meta": ENVELOPE}),
    "initialize in the modern era": message("initialize",
                                            {"_meta": ENVELOPE}),
}


# ---- Requests with parameters that can not be ------------------------------

WRONG: list[Any] = [None, 5, True, "", "x" * 5000, [], {}, -1, 1e300]
METHODS: list[tuple[str, str]] = [
    ("tools/call", "name"), ("resources/read", "uri"),
    ("prompts/get", "name"), ("completion/complete", "ref"),
    ("completion/complete", "argument"), ("tools/list", "cursor"),
    ("resources/list", "cursor"), ("prompts/list", "cursor"),
    ("logging/setLevel", "level"), ("resources/subscribe", "uri"),
    ("tasks/get", "taskId"), ("tasks/cancel", "taskId"),
    ("tasks/result", "taskId")]
CALLS: dict[str, str] = {
    "get_job_status": "job_id", "get_job_result": "job_id",
    "get_job_output": "job_id", "cancel_job": "job_id",
    "delete_job": "job_id", "list_jobs": "state",
    "execute_code_async": "code", "fuse_shapes_async": "shapes",
    "loft_async": "profiles", "export_async": "shapes"}


def wrong_params() -> Iterator[tuple[str, bytes]]:
    for method, key in METHODS:
        for value in WRONG:
            if "cursor" in key and value in (None, ""):
                continue
            yield f"{method} {key}={value!r:.20}", message(
                method, {key: value})
    for tool, key in CALLS.items():
        for value in WRONG:
            yield f"{tool} {key}={value!r:.20}", message("tools/call", {
                "name": tool, "arguments": {key: value, "odd": 1}})
    for arguments in (None, 5, "x", [1]):
        yield f"arguments {arguments}", message("tools/call", {
            "name": "list_jobs", "arguments": arguments})


def failed(reply: dict[str, Any]) -> bool:
    """An error of the protocol or of a tool, in words."""
    if "error" in reply:
        error = reply["error"]
        return isinstance(error["code"], int) and len(error["message"]) > 8
    result = reply["result"]
    return bool(result.get("isError") and result["content"][0]["text"])


ALL = {**NO_JSON, **NO_REQUEST, **dict(wrong_params())}


def test_there_are_enough_of_them() -> None:
    assert len(ALL) > 200 and len(ALL) * 2 + len(BROKEN) > 450


def test_every_one_is_refused_over_http(service: Service) -> None:
    client = service.client()
    let_in, pid = {}, service.running["mcp"].pid
    for what, body in ALL.items():
        status, headers, reply = client.raw(
            body, {"MCP-Protocol-Version": LEGACY}
            if META.encode() not in body else {})
        if status >= 500 or not failed(json.loads(reply)):
            let_in[what] = (status, reply[:200])
        if what in NO_JSON and status not in (400, 413):
            let_in[what] = (status, reply[:200])
    assert not let_in, "\n".join(f"{k}: {v}" for k, v in let_in.items())
    assert client.raw(PING)[0] == 200 and service.running["mcp"].pid == pid
    assert service.running["mcp"].poll() is None


def test_every_one_is_refused_over_stdio(service: Service) -> None:
    client = Stdio(service.env)
    let_in = {}
    try:
        client.initialize()
        for what, line in ALL.items():
            if b"\n" in line or not line.strip() or line[:2] == b"\xff\xfe":
                continue
            client.send(line)
            reply = client.receive(20)
            while "method" in reply:
                reply = client.receive(20)
            if isinstance(reply, list) or not failed(reply):
                let_in[what] = reply
        assert not let_in, "\n".join(
            f"{k}: {v}" for k, v in let_in.items())
        client.send(PING)
        assert client.receive()["id"] == "honest"
        client.send(b"x" * (5 << 20))
        assert client.receive()["error"]["code"] == -32600
        client.send(PING)
        assert client.receive()["id"] == "honest"
    finally:
        assert client.close() == 0


# ---- HTTP that is none -----------------------------------------------------

HEAD = (b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        b"Content-Type: application/json\r\n")
LENGTH = b"Content-Length: %d\r\n\r\n" % len(PING)
BROKEN: dict[str, bytes] = {
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100),
    "binary": os.urandom(500), "NULs": bytes(500), "an LF": b"\n" * 500,
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/0.9": b"GET /mcp\r\n\r\n", "no version": b"POST /mcp\r\n\r\n",
    "HTTP/9.9": HEAD.replace(b"1.1", b"9.9") + LENGTH + PING,
    "no path": b"POST  HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "no host": HEAD.replace(b"Host: 127.0.0.1\r\n", b"") + LENGTH + PING,
    "two hosts": HEAD + b"Host: evil.example\r\n" + LENGTH + PING,
    "long path": b"POST /" + b"x" * 100000 + b" HTTP/1.1\r\n\r\n",
    "long header": HEAD + b"X: " + b"x" * 100000 + b"\r\n" + LENGTH,
    "many headers": HEAD + b"X: y\r\n" * 20000 + LENGTH,
    "long method": b"P" * 70000 + b" /mcp HTTP/1.1\r\n\r\n",
    "strange method": HEAD.replace(b"POST", b"P\x01ST") + LENGTH + PING,
    "header without a colon": HEAD + b"nonsense\r\n" + LENGTH + PING,
    "header without a name": HEAD + b": x\r\n" + LENGTH + PING,
    "NUL in a header": HEAD + b"X: a\0b\r\n" + LENGTH + PING,
    "folded header": HEAD + b"X: a\r\n b\r\n" + LENGTH + PING,
    "negative length": HEAD + b"Content-Length: -5\r\n\r\n" + PING,
    "length of no number": HEAD + b"Content-Length: five\r\n\r\n" + PING,
    "huge length": HEAD + b"Content-Length: 99999999999999999999\r\n\r\n",
    "length too long": HEAD + b"Content-Length: 900000000\r\n\r\n" + PING,
    "two lengths": HEAD + b"Content-Length: 3\r\n" + LENGTH + PING,
    "length too short": HEAD + b"Content-Length: 5\r\n\r\n" + PING,
    "no length": HEAD + b"\r\n" + PING,
    "bad chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + PING,
    "huge chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
                         b"fffffffffffffff\r\n" + PING,
    "negative chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n-5\r\n",
    "chunked and length": HEAD + b"Transfer-Encoding: chunked\r\n" + LENGTH
                          + b"0\r\n\r\n",
    "gzip": HEAD + b"Content-Encoding: gzip\r\n" + LENGTH
            + b"\x1f\x8b" + PING[2:],
    "another type": HEAD.replace(b"json", b"xml") + LENGTH + PING,
    "no type": HEAD.replace(b"Content-Type: application/json\r\n", b"")
               + LENGTH + PING,
    "a form": HEAD.replace(b"application/json",
                           b"application/x-www-form-urlencoded")
              + b"Content-Length: 3\r\n\r\na=b",
    "absolute URI": HEAD.replace(b"/mcp", b"http://evil.example/mcp")
                    + LENGTH + PING,
    "path up": HEAD.replace(b"/mcp", b"/../mcp") + LENGTH + PING,
    "path with a NUL": HEAD.replace(b"/mcp", b"/mcp%00") + LENGTH + PING,
    "CONNECT": b"CONNECT evil.example:443 HTTP/1.1\r\n"
               b"Host: evil.example\r\n\r\n",
    "TRACE": HEAD.replace(b"POST", b"TRACE") + LENGTH + PING,
    "long era header": HEAD + b"MCP-Protocol-Version: " + b"9" * 5000
                       + b"\r\n" + LENGTH + PING,
    "long session": HEAD + b"Mcp-Session-Id: " + b"s" * 5000 + b"\r\n"
                    + LENGTH + PING,
    "session of another": HEAD + b"Mcp-Session-Id: " + b"0" * 32 + b"\r\n"
                          + LENGTH + PING,
    "session with a quote": HEAD + b"Mcp-Session-Id: a'b\x7f\r\n" + LENGTH
                            + PING,
    "GET without a session": HEAD.replace(b"POST", b"GET") + b"\r\n",
    "GET of no session": HEAD.replace(b"POST", b"GET") + b"Mcp-Session-Id: x"
                         b"\r\nAccept: text/event-stream\r\n\r\n",
    "resuming nothing": HEAD.replace(b"POST", b"GET") + b"Mcp-Session-Id: x"
                        b"\r\nLast-Event-ID: \xff*\r\n\r\n",
    "DELETE of no session": HEAD.replace(b"POST", b"DELETE")
                            + b"Mcp-Session-Id: x\r\n\r\n",
}


def exchange(port: int, data: bytes) -> bytes:
    """What comes back until the server closes or a second is over."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as it:
        try:
            it.sendall(data)
            it.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        got = b""
        it.settimeout(1)
        try:
            while part := it.recv(65536):
                got += part
        except OSError:
            pass
        return got


def test_broken_http_is_refused_or_dropped(service: Service) -> None:
    lenient = {"folded header", "length too short", "header without a colon",
               "many headers", "long header", "HTTP/9.9",
               "long session", "absolute URI", "gzip", "NUL in a header"}
    let_in = {}
    for what, data in BROKEN.items():
        reply = exchange(service.port, data)
        good = reply.startswith((b"HTTP/1.1 2", b"HTTP/1.0 2"))
        if good and b'"result"' in reply and what not in lenient:
            let_in[what] = reply[:300]
        assert service.running["mcp"].poll() is None, what
        assert Http(service.port).raw(PING)[0] == 200, what
    assert not let_in, "\n".join(f"{k}: {v}" for k, v in let_in.items())


def test_two_ways_to_read_a_request_are_none(service: Service) -> None:
    """A proxy in front may take the other one: request smuggling."""
    chunked = b"Transfer-Encoding: chunked\r\n"
    chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(PING), PING)
    smuggled = {
        "chunked and length": HEAD + chunked + LENGTH + chunks,
        "length and chunked": HEAD + LENGTH[:-2] + chunked + b"\r\n" + chunks,
        "two lengths": BROKEN["two lengths"] + HEAD + LENGTH + PING,
        "chunked twice": HEAD + chunked + chunked + b"\r\n" + chunks,
        "another coding": HEAD + b"Transfer-Encoding: xchunked\r\n\r\n"
                          + chunks,
        "two codings": HEAD + b"Transfer-Encoding: chunked, identity\r\n\r\n"
                       + chunks,
        "two hosts": BROKEN["two hosts"],
        "two types": HEAD + b"content-type: application/json\r\n" + LENGTH,
        "two origins": HEAD + b"Origin: http://localhost\r\nOrigin: "
                       b"http://evil.example\r\n" + LENGTH + PING,
        "two tokens": HEAD + b"Authorization: Bearer a\r\nAuthorization: "
                      b"Bearer b\r\n" + LENGTH + PING}
    for what, data in smuggled.items():
        reply = exchange(service.port, data)
        assert reply.startswith(b"HTTP/1.1 400 "), (what, reply[:300])
        assert reply.count(b"HTTP/1.1 ") == 1, (what, reply)
    reply = exchange(service.port, HEAD + b"Connection: close\r\n" + chunked
                     + b"\r\n" + chunks)
    assert reply.startswith(b"HTTP/1.1 200 "), reply


@pytest.mark.parametrize("size", [1, 7, 60, 4096])
def test_a_request_in_pieces_is_served(service: Service, size: int) -> None:
    data = HEAD + b"Connection: close\r\n" + LENGTH + PING
    with socket.create_connection(("127.0.0.1", service.port)) as it:
        it.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(data), size):
            it.sendall(data[start:start + size])
        got = b""
        while part := it.recv(65536):
            got += part
    assert got.startswith(b"HTTP/1.1 200") and b'"honest"' in got
