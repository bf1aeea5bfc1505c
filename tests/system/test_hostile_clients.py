"""Clients that hold on to things: connections, time, memory. They lose them;
the others do not notice."""

from __future__ import annotations

import json
import pathlib
import resource
import socket
import threading
import time
from typing import Any, Iterator

import pytest

from service import BIN, LEGACY, META, MODERN, Service

SERVICE = {"http_request_s": 2, "http_memory_max": "32M"}
PING = b'{"jsonrpc":"2.0","id":"p","method":"ping"}'
HEAD = (b"POST /mcp HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Type: application/json\r\n")
STREAMS = 1000
# A sanitizer keeps what is freed: then memory says nothing.
MEASURES = "asan" not in str(BIN)


@pytest.fixture(scope="module", autouse=True)
def descriptors() -> Iterator[None]:
    """We hold the other ends."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4096 if hard == resource.RLIM_INFINITY else min(4096, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def connect(service: Service, count: int, receive: int = 0) -> list[socket.socket]:
    """receive: bytes that the kernel may keep for each reader; 0: as usual."""
    made = [socket.socket() for _ in range(count)]
    for it in made:
        it.settimeout(10)
        if receive:
            it.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        it.connect(("127.0.0.1", service.port))
    return made


def memory(service: Service) -> int:
    """Resident bytes of the front-end."""
    pid = service.running["mcp"].pid
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS")


def served(service: Service) -> None:
    """An honest client gets an answer, from the same process."""
    assert service.running["mcp"].poll() is None
    assert service.client().raw(PING)[0] == 200
    assert not service.client().call("service_status").is_error


def ended(it: socket.socket) -> bool:
    """The server closed it, perhaps after an answer."""
    try:
        while it.recv(65536):
            pass
    except TimeoutError:
        return False
    except OSError:
        pass
    return True


def test_slow_heads_and_bodies_are_ended(service: Service) -> None:
    """Slow-loris: a byte now and then, for longer than is allowed."""
    heads, bodies = connect(service, 150), connect(service, 150)
    for it in bodies:
        it.sendall(HEAD + b"Content-Length: 100\r\n\r\n{")
    end = time.monotonic() + 4
    while time.monotonic() < end:
        for it in heads + bodies:
            try:
                it.sendall(b"P")
            except OSError:
                pass
        served(service)
        time.sleep(0.2)
    for it in heads + bodies:
        assert ended(it)
        it.close()
    served(service)


def test_half_open_connections_are_ended(service: Service) -> None:
    silent = connect(service, 200)
    for it in connect(service, 50):     # reset before a word
        it.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                      b"\1\0\0\0" + bytes(4))
        it.close()
    served(service)
    for it in silent:
        assert ended(it)
        it.close()


def test_few_descriptors_are_not_all_held_by_the_silent() -> None:
    """Where 768 connections are all that there can be, they are a crowd."""
    it = Service(start=False)
    plain = it.command
    it.command = lambda part: [                 # type: ignore[method-assign]
        "prlimit", "--nofile=1024:1024", *plain(part)]
    it.env |= {"FCJ_HTTP_REQUEST_S": "600"}
    try:
        it.start("mcp")
        it._until(lambda: "http_listening" in it.log("mcp"))
        silent = connect(it, 900)
        assert it.client(timeout=60).raw(PING)[0] == 200
        for one in silent:
            one.close()
    finally:
        it.stop()


def test_bodies_that_never_end_have_a_budget(service: Service) -> None:
    before = memory(service)
    senders = connect(service, 60)
    part = b"[" + b" " * (3 << 20)
    head = HEAD + b"Content-Length: %d\r\n\r\n" % (len(part) + 1)
    refused = []
    for it in senders:
        try:
            it.sendall(head + part)
        except OSError:
            pass                # late, and ended
    assert not MEASURES or memory(service) - before < 96 << 20
    served(service)
    for it in senders:
        try:
            it.sendall(b"]")
            refused.append(it.recv(200))
        except OSError:
            pass
        it.close()
    assert all(b" 503 " in r or b" 400 " in r or not r for r in refused)
    served(service)
    big = service.client().raw(b'{"jsonrpc":"2.0","id":1,"method":"ping",'
                               b'"params":{"x":"' + b"y" * (3 << 20) + b'"}}')
    assert big[0] == 200, "the budget was given back"


def test_answers_that_are_not_read_have_a_budget(service: Service) -> None:
    """Each is more than the kernel keeps for a connection: what is all in its
    hands is no burden any more."""
    client = service.client()
    job = client.submit("job.artifact('big.txt', b'0123456789' * 800000)")
    assert client.wait(job)["state"] == "completed"
    uri = f"job://{job}/big.txt"
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "resources/read",
                       "params": {"uri": uri}}).encode()
    before = memory(service)
    readers = connect(service, 40, receive=16 << 10)
    for it in readers:
        it.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    heads = [it.recv(100).split(b"\r\n")[0] for it in readers]
    assert not MEASURES or memory(service) - before < 160 << 20
    assert b"HTTP/1.1 200 OK" in heads
    assert b"HTTP/1.1 503 Service Unavailable" in heads
    for it in readers:
        it.close()
    served(service)
    end = time.monotonic() + 20
    while client.raw(body)[0] != 200:
        assert time.monotonic() < end, "the budget was not given back"
        time.sleep(0.1)


def listen(number: int) -> bytes:
    body = json.dumps({
        "jsonrpc": "2.0", "id": number, "method": "subscriptions/listen",
        "params": {"notifications": {"toolsListChanged": True}, "_meta": {
            META + "protocolVersion": MODERN,
            META + "clientCapabilities": {}}}}).encode()
    return (HEAD + b"Accept: application/json, text/event-stream\r\n"
            b"MCP-Protocol-Version: " + MODERN.encode()
            + b"\r\nMcp-Method: subscriptions/listen\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body) + body)


def test_a_thousand_idle_streams(service: Service) -> None:
    before = memory(service)
    streams = connect(service, STREAMS)
    for number, it in enumerate(streams):
        it.sendall(listen(number))
    for it in streams:
        assert it.recv(4096).startswith(b"HTTP/1.1 200")
    each = (memory(service) - before) // STREAMS
    served(service)
    assert service.client().run("6 * 7")["result"] == 42
    time.sleep(3)               # more than http-request-s: they may stay
    for it in streams[::100]:
        it.setblocking(False)
        with pytest.raises(BlockingIOError):
            while it.recv(4096):
                pass
    for it in streams:
        it.close()
    served(service)
    assert not MEASURES or each < 64 << 10, f"{each} bytes a stream"


def test_sixty_four_callers_at_once(service: Service) -> None:
    wrong: list[Any] = []

    def caller(number: int) -> None:
        client = service.client(era=(LEGACY, MODERN)[number % 2])
        try:
            for turn in range(10):
                client.number = number * 1000 + turn
                if turn % 5 == 0:
                    job = client.submit(f"{number} * 10 + {turn}")
                    client.wait(job)
                    if client.result(job)["result"] != number * 10 + turn:
                        wrong.append((number, turn))
                elif client.call("service_status").is_error:
                    wrong.append((number, turn))
        except Exception as error:      # noqa: BLE001
            wrong.append((number, repr(error)))

    threads = [threading.Thread(target=caller, args=(n,)) for n in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not wrong and not any(t.is_alive() for t in threads)
    served(service)
