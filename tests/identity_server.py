"""An identity provider as a real HTTP server in a thread, which signs whatever a test asks for and fails as told."""

from __future__ import annotations

import json
import secrets
import ssl
import threading
import time
from base64 import urlsafe_b64encode
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache, partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

DISCOVERY = "/.well-known/openid-configuration"
KEYS = "/keys"
AUDIENCE = "emporion"

# What tokens have in `iat`: seconds since 1970; they end after 300 more.
NOW = 1_800_000_000.0

CURVES: Mapping[str, ec.EllipticCurve] = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | Ed25519PrivateKey

# Seconds until threads that were told to end have ended, on a busy machine.
PATIENCE = 30.0


@lru_cache
def rsa_key(name: str, bits: int = 2048) -> rsa.RSAPrivateKey:
    """An RSA key, the same for each `name`, since making one takes long."""
    return rsa.generate_private_key(65537, bits)


def new_key(algorithm: str) -> PrivateKey:
    """A key that can sign by `algorithm`."""
    if algorithm == "EdDSA":
        return Ed25519PrivateKey.generate()
    if algorithm.startswith("ES"):
        return ec.generate_private_key(CURVES[algorithm])
    return rsa_key("published")


def raw_token(header: Mapping[str, Any], claims: Any, sign: Callable[[bytes], bytes]) -> str:
    """A token with a header that no library would write. sign: the signature of what stands before it."""
    signed = b".".join(_base64(json.dumps(part).encode()) for part in (header, claims))
    return b".".join((signed, _base64(sign(signed)))).decode()


def _base64(value: bytes) -> bytes:
    return urlsafe_b64encode(value).rstrip(b"=")


@dataclass(frozen=True)
class SigningKey:
    """A key with its id, and the algorithm by which it signs. named: whether the key set tells the algorithm."""

    id: str
    algorithm: str
    private: PrivateKey
    named: bool = True

    @property
    def jwk(self) -> dict[str, Any]:
        """What everybody may know of it (RFC 7517)."""
        jwk = jwt.get_algorithm_by_name(self.algorithm).to_jwk(self.private.public_key(), as_dict=True)
        more = {"alg": self.algorithm} if self.named else {}
        return {**jwk, "kid": self.id, "use": "sig", **more}


@dataclass(frozen=True)
class Answer:
    """What a path answers. pause: seconds between two bytes."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    pause: float = 0.0


class IdentityServer:
    """Signs tokens, and publishes its keys while it runs. It begins with one key for ES256.

    url: where it listens, also after it was stopped and started again. fetches: how often each path was asked for.
    answers: what a path answers in place of its own. asked: set by each request.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._port = 0
        self._answering = threading.Event()
        self._answering.set()
        self.fetches: Counter[str] = Counter()
        self.answers: dict[str, Answer] = {}
        self.asked = threading.Event()
        self.keys: list[SigningKey] = []
        self.rotate("ES256")
        self.start()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Listen, on the port that it had before if it had one."""
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), partial(_Handler, self))
        self._port = self._server.server_port
        if self._tls:
            self._server.socket = self._tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def stop(self) -> None:
        """Listen no longer. May be called twice."""
        self._answering.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(PATIENCE)

    def hang(self) -> None:
        """Take requests and answer none."""
        self._answering.clear()

    def resume(self) -> None:
        """Answer again, also those that wait."""
        self._answering.set()

    def rotate(self, algorithm: str, *, named: bool = True) -> SigningKey:
        """Put one new key in place of all that are published; the new one."""
        self.keys = []
        return self.publish(algorithm, named=named)

    def publish(self, algorithm: str, *, named: bool = True) -> SigningKey:
        """A new key beside those that are published."""
        key = SigningKey(secrets.token_hex(4), algorithm, new_key(algorithm), named)
        self.keys.append(key)
        return key

    def claims(self, **claims: Any) -> dict[str, Any]:
        """Those of a good token, with `claims` in place of its own; None leaves one out."""
        good = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "f3b1",
            "preferred_username": "anna",
            "account": "1000000",
            "role": "editor",
            "iat": int(NOW),
            "exp": int(NOW) + 300,
            **claims,
        }
        return {name: value for name, value in good.items() if value is not None}

    def mint(
        self,
        claims: Mapping[str, Any] | None = None,
        key: SigningKey | None = None,
        algorithm: str | None = None,
        headers: Mapping[str, Any] | None = None,
    ) -> str:
        """A signed token, by default with good claims and by the newest key; `headers` of None are left out."""
        key = key or self.keys[-1]
        algorithm = algorithm or key.algorithm
        header = {"typ": "JWT", "alg": algorithm, "kid": key.id, **(headers or {})}
        return raw_token(
            {name: value for name, value in header.items() if value is not None},
            self.claims() if claims is None else claims,
            lambda signed: jwt.get_algorithm_by_name(algorithm).sign(signed, key.private),
        )

    def _answer(self, path: str) -> Answer:
        documents: dict[str, Any] = {
            DISCOVERY: {"issuer": self.url, "jwks_uri": self.url + KEYS},
            KEYS: {"keys": [key.jwk for key in self.keys]},
        }
        if path in self.answers:
            return self.answers[path]
        if path in documents:
            return Answer(json.dumps(documents[path]).encode())
        return Answer(status=404)

    def respond(self, path: str) -> Answer:
        """What a request for `path` gets, as soon as this server answers."""
        self.fetches[path] += 1
        self.asked.set()
        self._answering.wait()
        return self._answer(path)


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, identity: IdentityServer, *args: Any) -> None:
        self._identity = identity
        super().__init__(*args)

    def do_GET(self) -> None:
        answer = self._identity.respond(self.path)
        # The client may have given up.
        with suppress(OSError):
            self._send(answer)

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        pieces = [bytes([byte]) for byte in answer.body] if answer.pause else [answer.body]
        for piece in pieces:
            self.wfile.write(piece)
            time.sleep(answer.pause)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Nothing: the test says what it has seen."""


@contextmanager
def identity_server(tls: ssl.SSLContext | None = None) -> Iterator[IdentityServer]:
    """A running identity provider, until the block ends. tls: its certificate, if it is to speak https."""
    server = IdentityServer(tls)
    try:
        yield server
    finally:
        server.stop()
