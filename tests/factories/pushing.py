"""A push service on this machine, so that what is pushed can be read as a browser reads it."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import http_ece  # type: ignore[import-untyped] # it ships no types
import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec


@dataclass
class Service:
    """A push service on this machine that holds a browser's keys and reads what it gets."""

    key: ec.EllipticCurvePrivateKey
    secret: bytes
    url: str = ""
    answer: int = 201
    got: list[dict[str, Any]] = field(default_factory=list)
    claims: list[dict[str, Any]] = field(default_factory=list)
    signers: set[str] = field(default_factory=set)

    @property
    def keys(self) -> dict[str, str]:
        """As a browser hands them to a page."""
        point = self.key.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
        return {"p256dh": text_of(point), "auth": text_of(self.secret)}

    def take(self, headers: Any, body: bytes) -> None:
        sealed = http_ece.decrypt(
            body, private_key=self.key, auth_secret=self.secret, version="aes128gcm"
        )
        scheme, _, rest = headers["authorization"].partition(" ")
        assert scheme.lower() == "vapid"
        parts = dict(one.strip().split("=", 1) for one in rest.split(","))
        point = base64.urlsafe_b64decode(parts["k"] + "=" * (-len(parts["k"]) % 4))
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        origin = self.url.rsplit("/", 1)[0]
        claims = jwt.decode(parts["t"], public, algorithms=["ES256"], audience=origin)
        self.signers.add(parts["k"].rstrip("="))
        self.claims.append(claims)
        self.got.append(json.loads(sealed))


@contextmanager
def push_service() -> Iterator[Service]:
    """One that runs until it is left."""
    found = Service(ec.generate_private_key(ec.SECP256R1()), b"0123456789abcdef")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.take(self.headers, self.rfile.read(int(self.headers["content-length"])))
            self.send_response(found.answer)
            self.send_header("content-length", "0")
            if found.answer == 307:
                self.send_header("location", "http://localhost:9/")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing is logged."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_port}/phone"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


def text_of(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
