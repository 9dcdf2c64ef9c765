"""R23: what is pushed reaches a push service sealed and signed; services that end, wait or lie."""

import base64
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import http_ece  # type: ignore[import-untyped] # it ships no types
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from core import push
from core.db import Database
from core.settings import Settings
from tests.workers.nights import do, move_to, rows
from tests.workers.test_relay import TODAY, Recorder, owed
from workers.notifications.mail import Channel
from workers.notifications.push import PushChannel
from workers.notifications.relay import Relay
from workers.parts import Parts


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


@pytest.fixture
def service() -> Iterator[Service]:
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


def relay(
    database: Database, parts: Parts, service: Service, folder: Path
) -> tuple[Relay, Recorder, Settings]:
    """A relay with both ways out, for people who all have this one browser."""
    settings = parts.settings.model_copy(
        update={
            "push_private_key_file": push.ensure_key(folder / "push.pem"),
            "push_services": "127.0.0.1",
        }
    )
    point = service.key.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    for (person,) in rows(database, "select id from person"):
        do(
            database,
            "insert into push_subscription (id, person_id, endpoint, endpoint_hash, p256dh,"
            " auth, session_hash, device, created_at)"
            " values (gen_random_uuid(), %s, %s, 'x', %s, %s, 'x', 'Firefox', now())",
            *(person, service.url, text_of(point), text_of(service.secret)),
        )
    recorder = Recorder()
    ways: dict[str, Channel] = {"mail": recorder, "push": PushChannel(settings, database)}
    return Relay(parts, ways), recorder, settings


def ends(database: Database) -> list[tuple[Any, ...]]:
    return list(rows(database, "select state, error from delivery where channel = 'push'"))


def test_r23_a_notice_is_mailed_and_shown_and_says_nothing_of_the_person(
    own_database: Database, service: Service, tmp_path: Path
) -> None:
    parts = owed(own_database, 2)
    sender, recorder, settings = relay(own_database, parts, service, tmp_path)
    assert sender.drain() == {"sent": 4}, ends(own_database)
    assert sender.drain() == {}
    assert len(recorder.texts) == len(service.got) == 2
    told = service.got[0]
    assert told["body"] == "新しいお知らせがあります。"
    assert told["url"] == "/notices"
    assert "飛騨" not in json.dumps(service.got, ensure_ascii=False)
    assert service.signers == {push.public_key(settings)}
    assert service.claims[0]["sub"] == "mailto:no-reply@furusato.invalid"


@pytest.mark.parametrize("status", [404, 410])
def test_r23_a_browser_its_service_forgot_is_removed(
    own_database: Database, service: Service, tmp_path: Path, status: int
) -> None:
    sender, _, _ = relay(own_database, owed(own_database, 1), service, tmp_path)
    service.answer = status
    assert sender.drain() == {"sent": 1, "suppressed": 1}
    assert ends(own_database) == [("suppressed", "no browser")]
    assert rows(own_database, "select count(*) from push_subscription") == [(0,)]


@pytest.mark.parametrize("status", [429, 503])
def test_r23_a_busy_service_is_asked_again(
    own_database: Database, service: Service, tmp_path: Path, status: int
) -> None:
    parts = owed(own_database, 1)
    sender, _, _ = relay(own_database, parts, service, tmp_path)
    service.answer = status
    assert sender.drain() == {"sent": 1, "queued": 1}
    assert ends(own_database) == [("queued", f"later: {status}")]
    service.answer = 201
    move_to(parts, TODAY, 13)
    assert sender.drain() == {"sent": 1}
    assert service.got[0]["tag"] == service.got[1]["tag"], "a repeat replaces what is shown"


@pytest.mark.parametrize("status", [400, 403, 307])
def test_r23_a_service_that_refuses_or_sends_elsewhere_is_an_end(
    own_database: Database, service: Service, tmp_path: Path, status: int
) -> None:
    sender, _, _ = relay(own_database, owed(own_database, 1), service, tmp_path)
    service.answer = status
    assert sender.drain() == {"sent": 1, "failed": 1}
    assert len(service.got) == 1


def test_r23_nothing_is_shown_in_quiet_hours_or_when_switched_off(
    own_database: Database, service: Service, tmp_path: Path
) -> None:
    parts = owed(own_database, 1, hour=22)
    sender, _, _ = relay(own_database, parts, service, tmp_path)
    assert sender.drain() == {}
    do(
        own_database,
        "insert into notification_setting (person_id, off, changed_at)"
        " select id, '[\"premium:push\"]', now() from person",
    )
    move_to(parts, TODAY + timedelta(days=1), 9)
    assert sender.drain() == {"sent": 1, "suppressed": 1}
    assert service.got == []


@pytest.mark.parametrize(
    ("endpoint", "known"),
    [
        ("https://fcm.googleapis.com/fcm/send/x", True),
        ("https://web.push.apple.com/x", True),
        ("https://updates.push.services.mozilla.com.evil.example/x", False),
        ("http://fcm.googleapis.com/x", False),
        ("https://fcm.googleapis.com:8443/x", False),
        ("https://user@fcm.googleapis.com/x", False),
        ("https://127.0.0.1/x", False),
        ("https://[::1/x", False),
    ],
)
def test_d13_only_known_services_are_called(settings: Settings, endpoint: str, known: bool) -> None:
    live = settings.model_copy(update={"environment": "production"})
    assert push.is_push_service(live, endpoint) is known
