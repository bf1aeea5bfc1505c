"""An authorization server for the tests: real keys, real tokens, real HTTP.

It serves RFC 8414 metadata and a key set on loopback, counts what is asked
of it, rotates its keys, answers slowly or not at all when told to, and signs
whatever it is asked to sign, honest or not.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.server
import json
import ssl
import threading
import time
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import (
    ec, padding, rsa, utils)

ALGS = ("RS256", "RS512", "PS256", "PS384", "ES256", "ES384", "ES512")
HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(),
          "512": hashes.SHA512()}
CURVES = {"ES256": ("P-256", ec.SECP256R1(), 32),
          "ES384": ("P-384", ec.SECP384R1(), 48),
          "ES512": ("P-521", ec.SECP521R1(), 66)}
# Of RFC 8037: a key that our server has no use for, and passes over.
EDWARDS = {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": "EdDSA-1",
           "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value: int) -> str:
    return b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


class Key:
    """A private key with a kid, for one of ALGS."""

    def __init__(self, kid: str | None, alg: str, bits: int = 2048) -> None:
        self.kid, self.alg = kid, alg
        self.private: Any = (
            ec.generate_private_key(CURVES[alg][1]) if alg in CURVES
            else rsa.generate_private_key(65537, bits))

    @property
    def jwk(self) -> dict[str, Any]:
        public = self.private.public_key().public_numbers()
        named = {"kid": self.kid} if self.kid else {}
        if self.alg not in CURVES:
            return {"kty": "RSA", "n": number(public.n),
                    "e": number(public.e), "use": "sig", **named}
        name, _, size = CURVES[self.alg]
        return {"kty": "EC", "crv": name,
                "x": b64(public.x.to_bytes(size, "big")),
                "y": b64(public.y.to_bytes(size, "big")), **named}

    @property
    def pem(self) -> bytes:
        return self.private.public_key().public_bytes(
            serialization.Encoding.PEM,
            serialization.PublicFormat.SubjectPublicKeyInfo)

    def sign(self, data: bytes, alg: str | None = None) -> bytes:
        alg = alg or self.alg
        digest = HASHES[alg[2:]]
        if alg.startswith("RS"):
            return self.private.sign(data, padding.PKCS1v15(), digest)
        if alg.startswith("PS"):
            return self.private.sign(data, padding.PSS(
                padding.MGF1(digest), digest.digest_size), digest)
        r, s = utils.decode_dss_signature(
            self.private.sign(data, ec.ECDSA(digest)))
        size = CURVES[alg][2]
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def join(header: dict[str, Any], claims: dict[str, Any],
         sign: Any) -> str:
    """A token of these parts; sign gets what is signed."""
    head = (b64(json.dumps(header).encode()) + "."
            + b64(json.dumps(claims).encode()))
    return head + "." + b64(sign(head.encode()))


def hs256(secret: bytes) -> Any:
    return lambda data: hmac.new(secret, data, hashlib.sha256).digest()


class Issuer:
    """The server, with one key of each algorithm at first."""

    def __init__(self, audience: str,
                 tls: ssl.SSLContext | None = None) -> None:
        self.audience = audience
        self.keys = {alg: Key(f"{alg}-1", alg)
                     for alg in ALGS}
        self.extra: list[Any] = [EDWARDS]
        self.asked = 0              # for the key set
        self.broken = False
        self.delay = 0.0
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                time.sleep(issuer.delay)
                body = issuer.answer(self.path)
                self.send_response(200 if body else 404)
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *_: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), Handler)
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket,
                                                 server_side=True)
        self.url = (f"http{'s' if tls else ''}://"
                    f"{'localhost' if tls else '127.0.0.1'}:"
                    f"{self.server.server_port}/realms/lab")
        self.leads_to = self.url + "/keys"
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()

    def answer(self, path: str) -> bytes | None:
        if path == "/.well-known/oauth-authorization-server/realms/lab":
            return json.dumps({"issuer": self.url, "jwks_uri":
                               self.leads_to}).encode()
        if path == "/realms/lab/keys":
            self.asked += 1
            if self.broken:
                return b"<html>not now</html>"
            return json.dumps({"keys": [k.jwk for k in self.keys.values()]
                               + self.extra}).encode()
        return None

    def rotate(self, alg: str = "RS256") -> None:
        """A new key in the place of the old one."""
        kid = self.keys[alg].kid or ""
        self.keys[alg] = Key(f"{kid}+", alg)

    def claims(self, **more: Any) -> dict[str, Any]:
        now = int(time.time())
        claims = {"iss": self.url, "sub": "ann", "aud": self.audience,
                  "exp": now + 300, "iat": now, "client_id": "tests",
                  "scope": "openid fcj:read fcj:run", **more}
        return {k: v for k, v in claims.items() if v is not None}

    def token(self, alg: str = "RS256", header: dict[str, Any] | None = None,
              key: Key | None = None, **claims: Any) -> str:
        """A token signed as it should be, of these claims."""
        key = key or self.keys[alg]
        head = {"alg": alg, "typ": "at+jwt", "kid": key.kid, **(header or {})}
        head = {k: v for k, v in head.items() if v is not None}
        return join(head, self.claims(**claims),
                    lambda data: key.sign(data, alg))

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
