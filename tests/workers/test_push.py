"""R23: what is pushed reaches a push service sealed and signed; services that end, wait or lie."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from core import push
from core.db import Database
from core.settings import Settings
from tests.factories.pushing import Service, push_service
from tests.workers.nights import do, move_to, rows
from tests.workers.test_relay import TODAY, Recorder, owed
from workers.notifications.mail import Channel
from workers.notifications.push import PushChannel
from workers.notifications.relay import Relay
from workers.parts import Parts


@pytest.fixture
def service() -> Iterator[Service]:
    with push_service() as found:
        yield found


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
    for (person,) in rows(database, "select id from person"):
        do(
            database,
            "insert into push_subscription (id, person_id, endpoint, endpoint_hash, p256dh,"
            " auth, session_hash, device, created_at)"
            " values (gen_random_uuid(), %s, %s, 'x', %s, %s, 'x', 'Firefox', now())",
            *(person, service.url, service.keys["p256dh"], service.keys["auth"]),
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
