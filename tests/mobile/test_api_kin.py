"""R18 through the API: what the pages let a guardian and a helper do, and no more."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from activities.models import ActivitySession
from core.clock import FixedClock
from tests.conftest import RollbackDatabase
from tests.factories.activities import create_designated_activity, create_session
from tests.factories.presence import Look, make_keys
from tests.factories.registry import (
    GIFU,
    HIDA,
    NOW,
    SignedIn,
    create_person,
    join,
    open_bodies,
    sign_in,
)
from tests.security.places import helps


class Api:
    """Somebody's bearer token at the doors of the API."""

    def __init__(self, client: TestClient, database: RollbackDatabase, someone: SignedIn) -> None:
        self.client, self.someone = client, someone
        self.token = sign_in(database, someone.email, now=NOW)

    def __call__(self, method: str, path: str, given: Any = None, key: str = "") -> Any:
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": key or str(uuid4())}
        self.client.cookies.clear()
        return self.client.request(method, f"/api/v1{path}", json=given, headers=headers)


@pytest.fixture
def session(database: RollbackDatabase, clock: FixedClock) -> ActivitySession:
    open_bodies(database, GIFU, HIDA)
    make_keys(database, now=NOW)
    starts = NOW + timedelta(minutes=20)
    return create_session(database, create_designated_activity(database), starts_at=starts)


@pytest.fixture
def mother(client: TestClient, database: RollbackDatabase, session: ActivitySession) -> Api:
    someone = create_person(database, nickname="春子", birth_year=1985)
    return Api(client, database, someone)


def test_r18_a_guardian_does_for_a_young_child_what_the_pages_allow(
    mother: Api, session: ActivitySession, look: Look
) -> None:
    given = {"nickname": "太郎", "birth_year": 2018, "consent": True}
    made = mother("POST", "/me/children", given, key="once")
    assert made.status_code == 201, made.text
    assert mother("POST", "/me/children", given, key="once").json()["id"] == made.json()["id"]
    assert look.one("select count(*) from guardianship") == 1
    assert mother("POST", "/me/children", given | {"birth_year": 2010}).status_code == 409
    kin = f"/me/guardianships/{made.json()['id']}"
    told = mother("GET", kin).json()
    assert (told["name"], told["scope"]) == ("太郎", "managed")
    assert {"register", "sign_up", "show_card", "check_in"} <= set(told["may"])
    assert "apply" not in told["may"]
    place = {"lg_code": HIDA, "session_id": str(session.id)}
    assert mother("POST", f"{kin}/sign-ups", place).json()["state"] == "taken"
    towns = mother("GET", f"{kin}/registrations").json()["items"]
    assert {one["lg_code"] for one in towns if one["status"] == "active"} == {HIDA, GIFU}
    assert mother("GET", "/me/registrations").json()["items"] == []
    assert mother("GET", f"{kin}/registrations/{HIDA}/card").json() is None
    card = mother("POST", f"{kin}/registrations/{HIDA}/card").json()
    assert card["code"].startswith("FJ1:")
    scan = {"scan_id": str(uuid4()), "code": session.poster_code}
    first = mother("POST", f"{kin}/check-ins", scan).json()
    assert (first["outcome"], first["counted"]) == ("accepted", True)
    assert mother("POST", f"{kin}/check-ins", scan).json() == first | {"repeated": True}
    child = look.one("select person_id from guardianship")
    assert look.rows("select person_id from check_in") == [(child,)]
    # The record names who acted, for the child it was done for.
    trail = look.rows("select actor, action from audit_event where person_id = :p", p=child)
    assert {actor for actor, _ in trail} == {f"person:{mother.someone.id}"}
    assert {"sign_up.taken", "card.issue", "check_in.scan"} <= {action for _, action in trail}
    left = mother("DELETE", f"{kin}/registrations/{HIDA}")
    assert left.json()["status"] == "withdrawn"


def test_r18_a_helper_lends_a_hand_and_a_stranger_finds_nobody(
    mother: Api, client: TestClient, database: RollbackDatabase, session: ActivitySession
) -> None:
    helped = create_person(database, nickname="祖母", birth_year=1940)
    join(database, helped, HIDA)
    kin = f"/me/guardianships/{helps(database, mother.someone, helped)}"
    assert "register" not in mother("GET", kin).json()["may"]
    place = {"lg_code": HIDA, "session_id": str(session.id)}
    assert mother("POST", f"{kin}/sign-ups", place).status_code == 201
    assert len(mother("GET", f"{kin}/sign-ups").json()["items"]) == 1
    assert mother("DELETE", f"{kin}/sign-ups/{HIDA}/{session.id}").json()["state"] == "cancelled"
    for method, path, given in (
        ("POST", f"{kin}/registrations", {"lg_code": HIDA}),
        ("DELETE", f"{kin}/registrations/{HIDA}", None),
    ):
        assert mother(method, path, given).status_code == 409
    stranger = Api(client, database, create_person(database, nickname="他人", birth_year=1980))
    assert stranger("GET", kin).status_code == 404
    assert stranger("POST", f"{kin}/sign-ups", place).status_code == 404
