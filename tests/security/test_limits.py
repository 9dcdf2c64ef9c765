"""Limits of volume (trust, abuse): too many tries are told to wait, kindly, and when to come back."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from activities.rates import DeviceRates
from core.access import Role
from core.clock import FixedClock
from core.db import Database
from core.errors import TooMany
from core.limits import Limit, Limiter
from core.settings import Settings
from tests.conftest import serve
from tests.factories import registry as make
from tests.factories.activities import create_designated_activity, create_session
from tests.factories.presence import make_device
from tests.factories.registry import HIDA, NOW

FEW = {
    "limit_check_ins": 2,
    "limit_searches": 2,
    "limit_verifications": 2,
    "limit_device_scans": 1,
    "limit_unknown_codes": 2,
}


@pytest.fixture
def few(database: Database, clock: FixedClock, settings: Settings) -> TestClient:
    """The application with limits that a test reaches."""
    app: FastAPI = serve(settings.model_copy(update=FEW), database, clock)
    app.state.platform.limiter.space = uuid4().hex
    return TestClient(app)


def used_up(limiter: Limiter, limit: Limit, asker: str) -> int:
    """How often somebody may before they are told to wait."""
    for count in range(50):
        try:
            limiter.take(limit, asker, now=NOW)
        except TooMany:
            return count
    raise AssertionError("there is no limit")


def test_a_limit_holds_over_processes_and_grows_back(settings: Settings) -> None:
    space, limit = uuid4().hex, Limit("test", 6)
    one, other = (Limiter(settings.redis_url, space) for _ in range(2))
    assert used_up(one, limit, "a") == 6
    with pytest.raises(TooMany):
        other.take(limit, "a", now=NOW)
    other.take(limit, "b", now=NOW)
    later = NOW + timedelta(seconds=10)
    other.take(limit, "a", now=later)
    with pytest.raises(TooMany):
        one.take(limit, "a", now=later)


def test_no_limit_is_none(settings: Settings) -> None:
    limiter = Limiter(settings.redis_url, uuid4().hex)
    for _ in range(100):
        limiter.take(Limit("test", 0), "a", now=NOW)


def test_while_valkey_is_away_each_process_keeps_its_own_count() -> None:
    limiter = Limiter("redis://127.0.0.1:1/0", "space")
    assert used_up(limiter, Limit("test", 5), "a") == 5


def test_the_verifier_of_cards_is_limited_by_address_on_a_kind_page(few: TestClient) -> None:
    answers = [few.post("/verify", data={"code": "FJ1:X"}) for _ in range(3)]
    assert [one.status_code for one in answers] == [422, 422, 429]
    assert answers[2].headers["retry-after"] == "30"
    assert "少しお待ち" in answers[2].text or "分ほどお待ち" in answers[2].text


def test_searches_for_people_are_limited_by_member_of_staff(
    few: TestClient, database: Database
) -> None:
    staff, other = (make.make_staff(database, HIDA, Role.VIEWER) for _ in range(2))
    url = f"/api/v1/local-governments/{HIDA}/registrations"
    given = {"headers": staff.headers, "params": {"q": "佐藤花"}}
    assert [few.get(url, **given).status_code for _ in range(3)] == [200, 200, 429]  # type: ignore[arg-type] # both are mappings
    answer = few.get(url, **given)  # type: ignore[arg-type] # as above
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.json()["code"], answer.headers["retry-after"]) == ("rate_limited", "30")
    assert few.get(url, headers=staff.headers).status_code == 200
    assert few.get(url, headers=other.headers, params={"q": "佐藤花"}).status_code == 200


def test_check_ins_with_ones_own_phone_are_limited_by_person(
    few: TestClient, database: Database
) -> None:
    someone, other = make.create_person(database), make.create_person(database)

    def scan(who: make.SignedIn) -> int:
        body = {"scan_id": str(uuid4()), "code": "FJ1:X"}
        return few.post("/api/v1/check-ins", json=body, headers=who.headers).status_code

    assert [scan(someone) for _ in range(3)] == [404, 404, 429]
    assert scan(other) == 404


def test_codes_of_posters_are_not_tried_one_after_another(few: TestClient) -> None:
    """Once too many were unknown, the address is not told of any other, known or not."""
    codes = ("ABCD2345", "ABCD2346", "ABCD2347")
    answers = [few.get(f"/c/{code}", headers={"accept": "text/html"}) for code in codes]
    assert [one.status_code for one in answers] == [404, 404, 429]
    assert answers[2].headers["retry-after"] == "30"
    assert few.get("/signin", params={"next": f"/c/{codes[0]}"}).status_code == 200


def scans_of(
    app: FastAPI, database: Database, clock: FixedClock, **limits: int
) -> Callable[[str], tuple[int, str | None]]:
    """Scans of one organiser's device: each one's status and how long to wait."""
    platform = app.state.platform
    settings = platform.settings.model_copy(update=limits)
    app.state.rates = DeviceRates.of(settings, Limiter(settings.redis_url, uuid4().hex))
    activity = create_designated_activity(database)
    session = create_session(
        database, activity, starts_at=clock.now() + timedelta(minutes=5), now=clock.now()
    )
    token = make_device(database, activity.organisation_id, now=clock.now())
    client = TestClient(app)

    def scan(code: str) -> tuple[int, str | None]:
        answer = client.post(
            f"/api/v1/device/sessions/{session.id}/check-ins",
            json={"scan_id": str(uuid4()), "code": code, "walk_in_confirmed": True},
            headers={"Authorization": f"Bearer {token}"},
        )
        return answer.status_code, answer.headers.get("retry-after")

    return scan


def test_a_device_that_tries_codes_nobody_knows_pauses_for_a_minute(
    app: FastAPI, database: Database, clock: FixedClock
) -> None:
    scan = scans_of(app, database, clock, limit_device_scans=0, limit_unknown_codes=2)
    assert [scan("FJ1:X") for _ in range(4)] == [(200, None)] * 3 + [(429, "60")]


def test_a_device_scans_at_the_pace_of_hands(
    app: FastAPI, database: Database, clock: FixedClock
) -> None:
    """The first scans ask nobody; what comes faster is counted for all processes together."""
    scan = scans_of(app, database, clock, limit_device_scans=1, limit_unknown_codes=0)
    statuses = [scan("FJ1:X") for _ in range(12)]
    assert statuses[:4] == [(200, None)] * 4
    assert (429, "1") in statuses
    assert scans_of(app, database, clock, limit_device_scans=1)("FJ1:X") == (200, None)
