"""HTTP as an OAuth 2 resource server: tokens that are good, tokens that must
not be, scopes, static tokens, metadata and challenges, TLS."""

from __future__ import annotations

import http.client
import json
import os
import pathlib
import re
import socket
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request
import warnings
from typing import Any, Iterator

import pytest

from issuer import ALGS, EDWARDS, Issuer, Key, b64, hs256, join
from service import (BIN, LEGACY, META, MODERN, Http, Service, free_port,
                     hashed)
from streams import Session

LIST = b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}'
STATIC = "static-token-0123456789abcdef"


class Protected:
    """A service with an issuer, a stranger, and a static token."""

    def __init__(self) -> None:
        self.service = Service(start=False, tokens={"eve": STATIC})
        self.url = f"http://127.0.0.1:{self.service.port}/mcp"
        self.issuer = Issuer(self.url)
        self.service.env |= {
            "FCJ_AUTH_ISSUER": self.issuer.url, "FCJ_PUBLIC_URL": self.url,
            "FCJ_AUTH_ALGORITHMS": ",".join(ALGS),
            "FCJ_AUTH_REFETCH_S": "1", "FCJ_AUTH_LEEWAY_S": "5",
            "http_proxy": "http://127.0.0.1:9"}     # no way to loopback
        self.service.start_all()

    def ask(self, token: str | None, body: bytes = LIST,
            **headers: str) -> tuple[int, dict[str, str], bytes]:
        return Http(self.service.port, token).raw(
            body, {"MCP-Protocol-Version": LEGACY, **headers})

    def status(self, token: str | None) -> int:
        return self.ask(token)[0]


@pytest.fixture(scope="module")
def at() -> Iterator[Protected]:
    it = Protected()
    try:
        yield it
    finally:
        it.issuer.close()
        it.service.stop()


def challenge(headers: dict[str, str]) -> dict[str, str]:
    value = headers["www-authenticate"]
    assert value.startswith("Bearer "), value
    return dict(re.findall(r'(\w+)="([^"]*)"', value))


# ---- Whose token is good ---------------------------------------------------

@pytest.mark.parametrize("alg", ALGS)
def test_a_token_of_each_algorithm_is_good(at: Protected, alg: str) -> None:
    assert at.status(at.issuer.token(alg)) == 200
    assert at.status(at.issuer.token(alg)) == 200


def test_forms_that_servers_give_claims_are_read(at: Protected) -> None:
    now = time.time()
    for claims in ({"aud": ["https://other.example", at.url]},
                   {"exp": now + 60.5}, {"nbf": int(now) + 3},
                   {"exp": int(now) - 2},           # within the leeway
                   {"scope": None, "scp": ["fcj:run"]},
                   {"scope": None, "scp": "fcj:read"},
                   {"aud": at.url.replace("http", "HTTP")},
                   {"sub": "x" * 300}, {"sub": "ü ö"}):
        assert at.status(at.issuer.token(**claims)) == 200, claims
    for header in ({"typ": "JWT"}, {"typ": None}, {"kid": None}):
        assert at.status(at.issuer.token(header=header)) == 200, header


def bad(at: Protected) -> dict[str, str]:
    """Every token that must be refused, by what is wrong with it."""
    issuer, now = at.issuer, int(time.time())
    rs, good = issuer.keys["RS256"], issuer.token()
    head, body, signature = good.split(".")
    other = json.dumps(issuer.claims(sub="mallory")).encode()
    claims = issuer.claims()
    stranger = Key(rs.kid, "RS256")
    jwk = {"alg": "RS256", "kid": rs.kid, "jwk": stranger.jwk}
    es = issuer.token("ES256").split(".")
    return {
        "no signature": f"{head}.{body}.",
        "another body": f"{head}.{b64(other)}.{signature}",
        "none": join({"alg": "none"}, claims, lambda _: b""),
        "None": join({"alg": "None"}, claims, lambda _: b""),
        "none, signed": join({"alg": "none", "kid": rs.kid}, claims, rs.sign),
        "no alg": join({"kid": rs.kid}, claims, rs.sign),
        "HS256 by the public key": join(
            {"alg": "HS256", "kid": rs.kid}, claims, hs256(rs.pem)),
        "HS256 by the modulus": join(
            {"alg": "HS256", "kid": rs.kid}, claims,
            hs256(rs.jwk["n"].encode())),
        "HS256 by nothing": join({"alg": "HS256"}, claims, hs256(b"")),
        "RS384, which is not in the list": join(
            {"alg": "RS384", "kid": rs.kid}, claims,
            lambda data: rs.sign(data, "RS384")),
        "PS384 as RS256": join({"alg": "RS256", "kid": rs.kid}, claims,
                               lambda data: rs.sign(data, "PS384")),
        "EdDSA": join({"alg": "EdDSA", "kid": "EdDSA-1"}, claims,
                      lambda _: bytes(64)),
        "ES256 by a P-384 key": join(
            {"alg": "ES256", "kid": "ES384-1"}, claims,
            issuer.keys["ES384"].sign),
        "base64 that is none": f"A===.{body}.{signature}",
        "base64 that is none, as the body": f"{head}.A===.{signature}",
        "RS256 of an EC key": join(
            {"alg": "RS256", "kid": "ES256-1"}, claims, rs.sign),
        "ES256 of an RSA key": join(
            {"alg": "ES256", "kid": rs.kid}, claims, rs.sign),
        "a DER signature": ".".join(es[:2]) + "." + b64(
            b"0" + b"\x44" + b"\x02\x20" + b"a" * 32 + b"\x02\x20" + b"b" * 32),
        "zero r and s": ".".join(es[:2]) + "." + b64(bytes(64)),
        "a stranger's key": issuer.token(key=stranger),
        "a key in the header": join(jwk, claims, stranger.sign),
        "a key set in the header": join(
            {"alg": "RS256", "jku": at.issuer.url + "/mine"}, claims,
            stranger.sign),
        "critical extension": issuer.token(header={"crit": ["exp"]}),
        "an ID token": issuer.token(header={"typ": "logout+jwt"}),
        "kid of no string": issuer.token(header={"kid": 7}),
        "expired": issuer.token(exp=now - 60),
        "no expiry": issuer.token(exp=None),
        "expiry of no number": issuer.token(exp=str(now + 60)),
        "not yet": issuer.token(nbf=now + 600),
        "nbf of no number": issuer.token(nbf="soon"),
        "no audience": issuer.token(aud=None),
        "another audience": issuer.token(aud="https://other.example/mcp"),
        "audience that starts like ours": issuer.token(aud=at.url + "x"),
        "other audiences": issuer.token(aud=["a", "b", 3, None]),
        "another issuer": issuer.token(iss="https://evil.example"),
        "issuer and a slash": issuer.token(iss=issuer.url + "/"),
        "no issuer": issuer.token(iss=None),
        "no subject": issuer.token(sub=None),
        "empty subject": issuer.token(sub=""),
        "subject of no string": issuer.token(sub=7),
        "padding": f"{head}.{body}.{signature}==",
        "two parts": f"{head}.{body}", "four parts": good + ".x",
        "empty parts": "..", "a list": f"{b64(b'[]')}.{body}.{signature}",
        "doubled claim": ".".join([head, b64(
            json.dumps(claims)[:-1].encode() + b',"aud":"x"}'), signature]),
        "huge": good + "A" * 17000, "a static token that is none": "x" * 40,
    }


def test_every_bad_token_is_refused(at: Protected) -> None:
    let_in = {what: status for what, token in bad(at).items()
              if (status := at.status(token)) not in (401, 431)}
    assert not let_in
    assert at.status(at.issuer.token()) == 200


def test_a_token_outside_the_header_is_no_token(at: Protected) -> None:
    token = at.issuer.token()
    status = Http(at.service.port).raw(
        LIST, path=f"/mcp?access_token={token}")[0]
    assert status == 401
    assert at.ask(None, Authorization=f"Basic {token}")[0] == 401
    assert at.ask(None, Authorization=token)[0] == 401
    assert at.ask(None, Authorization=f"bearer {token}")[0] == 200


# ---- Keys ------------------------------------------------------------------

def until(check: Any, seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_keys_that_rotate_are_fetched_at_a_bounded_rate(
        at: Protected) -> None:
    old = at.issuer.token()
    assert at.status(old) == 200
    time.sleep(1.1)                     # auth-refetch-s
    at.issuer.rotate()
    assert at.status(at.issuer.token()) == 200, "waits for the new key"
    assert at.status(old) == 401, "the old key is gone, and so its tokens"
    before = at.issuer.asked
    began = time.monotonic()
    for n in range(60):
        unknown = at.issuer.token(header={"kid": f"unknown-{n}"})
        assert at.status(unknown) == 401
    allowed = (time.monotonic() - began) / 1.0 + 1
    assert at.issuer.asked - before <= allowed


def states(client: Http) -> list[str]:
    """Of all jobs of this client's owner."""
    return [job["state"] for job in client.call("list_jobs")["jobs"]]


def test_a_slow_issuer_holds_up_nobody_else(at: Protected) -> None:
    time.sleep(1.1)
    at.issuer.rotate("ES256")
    at.issuer.delay = 2.0
    got: list[int] = []
    try:
        waiting = threading.Thread(target=lambda: got.append(
            at.status(at.issuer.token("ES256"))))
        waiting.start()
        time.sleep(0.2)
        served = 0
        while waiting.is_alive() and served < 10:
            assert at.status(STATIC) == 200
            served += not got
        assert served == 10, "served while the keys were fetched"
        waiting.join(20)
    finally:
        at.issuer.delay = 0.0
    assert got == [200]


@pytest.mark.parametrize("half", [False, True])
def test_who_leaves_before_the_keys_come_has_asked_for_nothing(
        at: Protected, half: bool) -> None:
    """The request is not run for nobody, nor answered into freed memory."""
    time.sleep(1.1)
    at.issuer.rotate("ES512")
    at.issuer.delay = 3.0
    token = at.issuer.token("ES512", sub="left")
    body = call("execute_code_async", code="import time; time.sleep(1)")
    try:
        with socket.create_connection(("127.0.0.1", at.service.port)) as it:
            it.sendall(b"POST /mcp HTTP/1.1\r\nHost: localhost\r\n"
                       b"Content-Type: application/json\r\n"
                       b"Authorization: Bearer %s\r\n"
                       b"Content-Length: %d\r\n\r\n%s" % (
                           token.encode(), len(body), body))
            time.sleep(0.3)
            if half:
                it.shutdown(socket.SHUT_WR)
                assert it.recv(100) == b"", "it was given up"
        assert at.status(token) == 200, "the keys came"
    finally:
        at.issuer.delay = 0.0
    assert states(at.service.client(token)) == []


def test_keys_at_hand_stay_good_while_the_issuer_is_broken(
        at: Protected) -> None:
    assert at.status(at.issuer.token()) == 200
    at.issuer.broken = True
    try:
        time.sleep(1.1)
        assert at.status(at.issuer.token(header={"kid": "new"})) == 401
        assert at.status(at.issuer.token()) == 200
    finally:
        at.issuer.broken = False


def test_weak_keys_are_no_keys(at: Protected) -> None:
    weak = Key("weak", "RS256", bits=1024)
    secret = {"kty": "oct", "kid": "oct", "k": b64(b"s" * 32)}
    for_encryption = {**Key("enc", "RS256").jwk, "use": "enc"}
    torn = {**Key("torn", "RS256").jwk, "n": "A==="}
    at.issuer.extra = [weak.jwk, secret, for_encryption, torn, {"kty": 5}, 7]
    time.sleep(1.1)
    at.issuer.rotate("ES384")
    assert at.status(at.issuer.token("ES384")) == 200
    assert at.status(at.issuer.token(key=weak)) == 401
    at.issuer.extra = [EDWARDS]


# ---- Metadata, challenges, scopes ------------------------------------------

@pytest.mark.parametrize("path", ["", "/mcp"])
def test_the_metadata_says_where_tokens_come_from(
        at: Protected, path: str) -> None:
    status, headers, body = Http(at.service.port).raw(
        b"", method="GET", path="/.well-known/oauth-protected-resource"
        + path, headers={"Origin": "https://app.example"})
    found = json.loads(body)
    assert status == 200 and headers["access-control-allow-origin"] == "*"
    assert found["resource"] == at.url
    assert found["authorization_servers"] == [at.issuer.url]
    assert "fcj:run" in found["scopes_supported"]
    assert "offline_access" not in found["scopes_supported"]


def test_a_challenge_leads_to_the_metadata(at: Protected) -> None:
    status, headers, _ = at.ask(None)
    told = challenge(headers)
    assert status == 401 and "error" not in told
    assert told["scope"] == "fcj:read fcj:run"
    with urllib.request.urlopen(told["resource_metadata"]) as reply:
        assert json.load(reply)["resource"] == at.url
    told = challenge(at.ask("x.y.z")[1])
    assert told["error"] == "invalid_token" and told["error_description"]


def call(tool: str, **arguments: object) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
                       "params": {"name": tool, "arguments": arguments}}
                      ).encode()


def test_scopes_separate_read_run_and_administer(at: Protected) -> None:
    need = {"service_status": 1, "list_jobs": 1, "execute_code_async": 2,
            "cancel_job": 2, "reload_handlers": 3}
    arguments = {"execute_code_async": {"code": "1"},
                 "cancel_job": {"job_id": "0" * 8}}
    names = ["fcj:none", "fcj:read", "fcj:run", "fcj:admin"]
    for level, scope in enumerate(names):
        token = at.issuer.token(scope=f"openid {scope} admin")
        assert at.status(token) == (200 if level else 403)
        for tool, least in need.items():
            status, headers, body = at.ask(
                token, call(tool, **arguments.get(tool, {})))
            assert status == (200 if level >= least else 403), (scope, tool)
            if status == 403:
                told = challenge(headers)
                assert told["error"] == "insufficient_scope"
                assert told["scope"] == names[least]
                assert told["resource_metadata"]
                assert names[least] in json.loads(body)["error"]["message"]


def test_a_scope_is_checked_in_the_modern_era_too(at: Protected) -> None:
    body = json.loads(call("reload_handlers"))
    body["params"]["_meta"] = {META + "protocolVersion": MODERN,
                               META + "clientCapabilities": {}}
    status, headers, _ = Http(at.service.port, at.issuer.token()).raw(
        json.dumps(body).encode(), {
            "MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/call",
            "Mcp-Name": "reload_handlers"})
    assert status == 403 and challenge(headers)["scope"] == "fcj:admin"


def test_who_may_only_look_ends_no_call_of_who_may_run(
        at: Protected) -> None:
    """One subject, one session, two tokens."""
    session = Session(at.service, at.issuer.token(sub="two"))
    jobs = at.service.client(at.issuer.token(sub="two"))
    session.call("execute_code_async", {
        "code": "import time\ntime.sleep(20)", "wait_s": 25})
    cancel = {"requestId": session.number}
    until(lambda: states(jobs) == ["running"])
    runs = session.auth
    session.auth = {"Authorization": "Bearer " + at.issuer.token(
        sub="two", scope="fcj:read")}
    assert session.notify("notifications/cancelled", cancel) == 202
    assert session.request("ping") == {}
    time.sleep(0.3)
    assert states(jobs) == ["running"]
    session.auth = runs
    assert session.notify("notifications/cancelled", cancel) == 202
    until(lambda: states(jobs) == ["cancelled"])


def test_subjects_do_not_see_each_other(at: Protected) -> None:
    ann = at.service.client(at.issuer.token(sub="ann"))
    eve = at.service.client(at.issuer.token(sub="eve"))
    static_eve = at.service.client(STATIC)
    job = ann.submit("1 + 1")
    assert ann.wait(job)["state"] == "completed"
    again = at.service.client(at.issuer.token("ES256", sub="ann"))
    assert again.result(job)["result"] == 2
    for other in (eve, static_eve):
        assert other.status(job).is_error
        assert job not in other.call("list_jobs").everything
    mine = eve.submit("3")
    assert static_eve.status(mine).is_error, "eve of the issuer is not eve"


# ---- Static tokens ---------------------------------------------------------

def fcj(service: Service, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(BIN / "fcj"), *words], env=service.env,
                          capture_output=True, text=True, timeout=20,
                          check=False)


def test_fcj_token_makes_and_takes_away_tokens() -> None:
    it = Service(start=False)
    try:
        it.start("mcp")
        until(lambda: "http_listening" in it.log("mcp"))
        bare = Http(it.port)
        assert bare.raw(LIST)[0] == 200, "no tokens: whoever reaches us"
        made = fcj(it, "token", "add", "ann", "--scope", "read")
        secret = made.stdout.strip()
        assert made.returncode == 0 and len(secret) == 47, made
        path = it.state / "tokens"
        assert path.stat().st_mode & 0o777 == 0o600
        assert secret not in path.read_text() and hashed(secret) in \
            path.read_text()
        until(lambda: bare.raw(LIST)[0] == 401)
        assert "resource_metadata" not in bare.raw(LIST)[1][
            "www-authenticate"]
        ann = Http(it.port, secret)
        assert ann.raw(LIST)[0] == 200
        assert ann.raw(call("execute_code_async", code="1"))[0] == 403
        assert Http(it.port, secret[:-1]).raw(LIST)[0] == 401
        assert fcj(it, "token", "add", "ann").returncode != 0
        assert fcj(it, "token", "add", "a:b").returncode != 0
        assert fcj(it, "token", "add", "bob", "--scope", "all"
                   ).returncode == 2
        assert "ann" in fcj(it, "token", "list").stdout
        assert secret not in fcj(it, "token", "list").stdout
        assert fcj(it, "token", "remove", "ann").returncode == 0
        until(lambda: ann.raw(LIST)[0] == 401)
        path.chmod(0o622)
        until(lambda: "others may write the token file" in it.log("mcp"))
        assert "chmod 600" in fcj(it, "token", "list").stderr
        path.chmod(0o600)
        path.write_text("nonsense\n")
        fcj(it, "token", "list")
        until(lambda: "token_file_broken" in it.log("mcp"))
        assert bare.raw(LIST)[0] == 401, "a broken file opens no door"
    finally:
        it.stop()


def test_a_stream_ends_with_its_token(at: Protected) -> None:
    body = json.dumps({
        "jsonrpc": "2.0", "id": 1, "method": "subscriptions/listen",
        "params": {"notifications": {"toolsListChanged": True}, "_meta": {
            META + "protocolVersion": MODERN,
            META + "clientCapabilities": {}}}}).encode()

    def listen(token: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(
            "127.0.0.1", at.service.port, timeout=30)
        connection.request("POST", "/mcp", body, {
            "Authorization": f"Bearer {token}", "Accept":
            "application/json, text/event-stream", "Content-Type":
            "application/json", "MCP-Protocol-Version": MODERN,
            "Mcp-Method": "subscriptions/listen"})
        reply = connection.getresponse()
        assert reply.status == 200
        return reply

    stays = listen(at.issuer.token())
    expires = listen(at.issuer.token(exp=int(time.time()) - 2))
    made = fcj(at.service, "token", "add", "gone").stdout.strip()
    until(lambda: at.status(made) == 200)
    removed = listen(made)
    assert fcj(at.service, "token", "remove", "gone").returncode == 0
    assert b"data:" in expires.read() and b"data:" in removed.read()
    stays.fp.raw._sock.settimeout(0.5)      # type: ignore[union-attr]
    with pytest.raises(TimeoutError):
        stays.read()


@pytest.mark.parametrize("env, word", [
    ({}, "token"),
    ({"FCJ_AUTH_ISSUER": "http://id.example.org",
      "FCJ_PUBLIC_URL": "https://us.example/mcp"}, "https"),
    ({"FCJ_PUBLIC_URL": "us.example"}, "public-url"),
    ({"FCJ_PUBLIC_URL": 'https://us.example/"'}, "public-url"),
    ({"FCJ_AUTH_ISSUER": "https://id.example.org"}, "public-url"),
    ({"FCJ_AUTH_ALGORITHMS": "HS256"}, "auth-algorithms"),
    ({"FCJ_AUTH_ALGORITHMS": "none"}, "auth-algorithms"),
    ({"FCJ_AUTH_ALGORITHMS": "RS256,EdDSA"}, "auth-algorithms"),
    ({"FCJ_TOKEN_FILE": "/nowhere/tokens"}, "token"),
    ({"FCJ_TLS_CERT": "/nowhere/cert.pem"}, "tls-key")])
def test_an_open_or_half_set_door_is_refused(
        env: dict[str, str], word: str) -> None:
    it = Service(start=False)
    try:
        done = subprocess.run(
            [str(BIN / "fcj-mcp"), "--http", f"0.0.0.0:{free_port()}"],
            env=it.env | env, capture_output=True, text=True, timeout=20,
            check=False)
        assert done.returncode != 0 and word in done.stderr, done.stderr
    finally:
        it.stop()


# ---- TLS -------------------------------------------------------------------

def certificate(directory: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path]:
    """For localhost, signed by itself; and its key."""
    cert, key = directory / "cert.pem", directory / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
         "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
         "-keyout", str(key), "-out", str(cert)], check=True,
        capture_output=True)
    return cert, key


def test_keys_come_only_from_whom_we_trust(tmp_path: pathlib.Path) -> None:
    """An issuer behind HTTPS whose certificate nobody knows has no keys."""
    cert, key = certificate(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(cert, key)
    issuer = Issuer("https://us.example/mcp", tls)
    it = Service(start=False)
    it.env |= {"FCJ_AUTH_ISSUER": issuer.url, "FCJ_AUTH_REFETCH_S": "1",
               "FCJ_AUTH_AUDIENCE": "https://us.example/mcp"}
    try:
        it.start("mcp")
        until(lambda: "issuer_keys_missing" in it.log("mcp"))
        status, headers, _ = Http(it.port, issuer.token()).raw(LIST)
        assert status == 503 and headers["retry-after"]
        assert issuer.asked == 0
        it.env["FCJ_AUTH_CA_FILE"] = str(cert)
        it.restart("mcp")
        until(lambda: it.log("mcp").count("http_listening") == 2)
        until(lambda: Http(it.port, issuer.token()).raw(LIST)[0] == 200)
        # Metadata from elsewhere does not lead to what is on our loopback.
        inside = Issuer("https://us.example/mcp")
        issuer.leads_to = inside.leads_to
        it.restart("mcp")
        until(lambda: it.log("mcp").count("no jwks_uri that may be") == 1)
        assert inside.asked == 0
        inside.close()
    finally:
        issuer.close()
        it.stop()


def test_https_with_a_certificate_of_ones_own() -> None:
    it = Service(start=False, tokens={"ann": STATIC})
    cert, key = certificate(it.dir)
    it.env |= {"FCJ_TLS_CERT": str(cert), "FCJ_TLS_KEY": str(key)}
    try:
        it.start("mcp")
        until(lambda: "http_listening" in it.log("mcp"))
        trust = ssl.create_default_context(cafile=str(cert))
        request = urllib.request.Request(
            f"https://localhost:{it.port}/mcp", LIST,
            {"Content-Type": "application/json",
             "Authorization": f"Bearer {STATIC}"})
        with urllib.request.urlopen(request, context=trust) as reply:
            assert json.load(reply)["result"]["tools"]
        with pytest.raises(urllib.error.HTTPError) as error:
            urllib.request.urlopen(urllib.request.Request(
                f"https://localhost:{it.port}/mcp", LIST,
                {"Content-Type": "application/json"}), context=trust)
        assert error.value.code == 401
        plain = urllib.request.Request(f"http://localhost:{it.port}/mcp",
                                       LIST)
        with pytest.raises((urllib.error.URLError, OSError)):
            urllib.request.urlopen(plain, timeout=5)
        old = ssl.create_default_context(cafile=str(cert))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            old.set_ciphers("DEFAULT:@SECLEVEL=0")  # else we'd refuse
            old.minimum_version = ssl.TLSVersion.TLSv1
            old.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises(urllib.error.URLError) as refused:
            urllib.request.urlopen(request, context=old, timeout=5)
        assert "closed" in str(refused.value), "by the server, not by us"
    finally:
        it.stop()
    assert not os.path.exists(it.dir)
