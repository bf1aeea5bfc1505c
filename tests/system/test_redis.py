"""A Redis of the operator's own: over TCP with a password, over TLS, and
what a wrong password or a strange certificate is answered with."""

from __future__ import annotations

import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
from typing import Iterator

import pytest
from service import BIN, SANITIZERS, Service, free_port, remove

PASSWORD = "a:strange/pass@word"
QUOTED = "a%3Astrange%2Fpass%40word"


class Redis:
    """redis-server on two ports, one plain, one with TLS; a password."""

    def __init__(self) -> None:
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="fcj", dir="/tmp"))
        self.plain, self.tls = free_port(), free_port()
        self.ca = self.dir / "ca.crt"
        self._certificates()
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.plain), "--tls-port",
             str(self.tls), "--bind", "127.0.0.1", "--requirepass", PASSWORD,
             "--tls-cert-file", str(self.dir / "redis.crt"),
             "--tls-key-file", str(self.dir / "redis.key"),
             "--tls-ca-cert-file", str(self.ca), "--tls-auth-clients", "no",
             "--dir", str(self.dir), "--appendonly", "yes", "--appendfsync",
             "always", "--save", ""], stdout=subprocess.DEVNULL)
        end = time.monotonic() + 20
        while self._ping() != "PONG":
            assert self.process.poll() is None, "redis-server ended"
            assert time.monotonic() < end, "redis-server did not start"
            time.sleep(0.05)

    def _openssl(self, *words: str) -> None:
        subprocess.run(["openssl", *words], cwd=self.dir, check=True,
                       capture_output=True)

    def _certificates(self) -> None:
        """An authority, and the server's certificate for localhost."""
        self._openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes",
                      "-keyout", "ca.key", "-out", "ca.crt", "-days", "2",
                      "-subj", "/CN=test authority")
        self._openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout",
                      "redis.key", "-out", "redis.csr", "-subj",
                      "/CN=localhost")
        (self.dir / "names").write_text("subjectAltName=DNS:localhost\n")
        self._openssl("x509", "-req", "-in", "redis.csr", "-CA", "ca.crt",
                      "-CAkey", "ca.key", "-CAcreateserial", "-out",
                      "redis.crt", "-days", "2", "-extfile", "names")

    def _ping(self) -> str:
        return subprocess.run(
            ["redis-cli", "-p", str(self.plain), "--no-auth-warning", "-a",
             PASSWORD, "ping"], capture_output=True, text=True,
            timeout=10).stdout.strip()

    def keys(self) -> int:
        return int(subprocess.run(
            ["redis-cli", "-p", str(self.plain), "--no-auth-warning", "-a",
             PASSWORD, "dbsize"], capture_output=True, text=True,
            timeout=10).stdout)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)
        shutil.rmtree(self.dir, ignore_errors=True)


class Served(Service):
    """The parts but Redis, which is somebody else's."""

    PARTS = ("broker", "worker", "mcp")


@pytest.fixture(scope="module")
def redis() -> Iterator[Redis]:
    it = Redis()
    try:
        yield it
    finally:
        it.stop()


def works(**config: str) -> None:
    service = Served(**config)
    try:
        client = service.client()
        assert client.run("6 * 7")["result"] == 42
        assert len(client.call("list_jobs")["jobs"]) == 1
        assert PASSWORD not in "".join(map(service.log, Served.PARTS))
    finally:
        service.stop()


def test_a_password_and_tcp(redis: Redis) -> None:
    works(redis=f"redis://:{QUOTED}@127.0.0.1:{redis.plain}/0")
    assert redis.keys() > 0


def test_tls_with_a_certificate_that_is_trusted(
        redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    before = Served.start

    def start(self: Served, part: str) -> None:
        self.env["SSL_CERT_FILE"] = str(redis.ca)
        before(self, part)

    monkeypatch.setattr(Served, "start", start)
    works(redis=f"rediss://default:{QUOTED}@localhost:{redis.tls}/0",
          owner="tls")


@pytest.mark.parametrize("url, word", [
    ("redis://:wrong@127.0.0.1:{plain}", "WRONGPASS"),
    ("redis://127.0.0.1:{plain}", "NOAUTH"),
    ("rediss://:" + QUOTED + "@localhost:{tls}", "certificate")])
def test_why_it_cannot_be_used_is_said(redis: Redis, url: str,
                                       word: str) -> None:
    home = pathlib.Path(tempfile.mkdtemp(prefix="fcj", dir="/tmp"))
    broker = subprocess.Popen(
        [str(BIN / "fcj-broker"), "--redis",
         url.format(plain=redis.plain, tls=redis.tls)],
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
        env={"PATH": "/usr/bin:/bin", "HOME": str(home),
             "FCJ_STATE": str(home / "state"), **SANITIZERS})
    assert broker.stderr
    said = ""
    try:
        for line in broker.stderr:
            said += line
            if "store_down" in line:
                break
        assert word in said, said
        assert QUOTED not in said and PASSWORD not in said
    finally:
        broker.terminate()
        broker.wait(10)
        broker.stderr.close()
        remove(home)
