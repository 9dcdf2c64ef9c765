"""P04: a write asked for twice under one key has one effect and one answer, on every door."""

from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text

from activities import enrolment
from activities.models import DeviceTicket
from app.openapi import KEYLESS, needs_key
from app.routes import Door
from core.clock import FixedClock
from core.db import Database, for_body
from tests.conftest import RollbackDatabase, serve
from tests.factories.registry import GIFU, HIDA, create_person, make_operator, open_bodies
from tests.security.knocking import Way, examples_of, knock, ways
from tests.security.places import Place, settle
from tests.security.test_two_worlds import digest, undone

#: Forms without a key, each with what makes a repeat harmless instead.
KEYLESS_FORMS = MappingProxyType(
    {
        "/signin": "another code; the first stays good",
        "/signin/code": "a code works once",
        "/signin/again": "another code; the first stays good",
        "/staff/signin/again": "another code; the first stays good",
        "/operator/signin/again": "another code; the first stays good",
        "/staff/me/sign-ins/end": "what has ended stays ended",
        "/operator/me/sign-ins/end": "what has ended stays ended",
        "/me/passkeys/later": "the same choice again",
        "/me/devices/sign-out": "what has ended stays ended",
        "/welcome": "the second press finds the profile made",
        "/me/identity": "another visit to the provider; each works once",
        "/signout": "what has ended stays ended",
        "/language": "the same choice again",
        "/settings": "the same choice again",
        "/counter/leave": "what has ended stays ended",
        "/verify": "a look; nothing is written",
        "/notices/read": "what is read stays read",
        "/notices/{notice_id}/read": "what is read stays read",
        "/c/{code}": "the scan id is the key",
        "/C/{code}": "the scan id is the key",
        "/checkin": "the scan id is the key",
        "/scan/photo": "reads a photo and keeps nothing",
        "/v": "the scan id is the key",
        "/staff/{lg_code}/activities/{activity_id}/reason": "sentences stand in the form; nothing is written",
        "/staff/signin": "another code; the first stays good",
        "/staff/signin/code": "a code works once",
        "/staff/signout": "what has ended stays ended",
        "/operator/signin": "another code; the first stays good",
        "/operator/signin/code": "a code works once",
        "/operator/signout": "what has ended stays ended",
        "/staff/{lg_code}/sessions/{session_id}/codes": "the form's key is the scan id",
        "/staff/{lg_code}/sessions/{session_id}/people/{person_id}": "the form's key is the scan id",
        "/staff/{lg_code}/sessions/{session_id}/scans/{scan_id}/confirm": "the form's key is the"
        " scan id",
    }
)


#: What may be said before a missing key: that there is nothing to write to, or no right to.
FIRST = {
    *("idempotency_key_missing", "not_found", "not_for_others"),
    *("invitation_ended", "provider_unavailable"),
}


def writes(*, api: bool) -> list[Way]:
    return [way for way in ways() if way.method != "GET" and way.api is api]


def token_for(way: Way, place: Place, operator: str) -> str:
    """Somebody whom the door is for."""
    return {
        Door.STAFF: place.people["manager"].token,
        Door.HOST: place.people["organiser"].token,
        Door.DEVICE: place.device,
        Door.OPERATOR: operator,
    }.get(way.door, place.people["person"].token)


@pytest.fixture
def place(database: RollbackDatabase) -> Place:
    return settle(database, HIDA)


@pytest.fixture
def examples(app: FastAPI, database: RollbackDatabase, place: Place) -> dict[Any, Any]:
    """What each operation shows; a ticket must be a real one to get as far as the key."""
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        ticket = db.get_one(DeviceTicket, (HIDA, UUID(place.ids["ticket_id"])))
        secret = database._settings.secret_key.get_secret_value()
        token = enrolment.token_of_ticket(secret, ticket)
    return examples_of(app.openapi()) | {("post", "/api/v1/device-enrolments"): {"token": token}}


def test_the_lists_of_keyless_writes_are_exact() -> None:
    """A write that needs no key says why, and names a route that there is."""
    served = {(way.method.lower(), way.template) for way in writes(api=True)}
    assert set(KEYLESS) <= served
    assert set(KEYLESS_FORMS) <= {way.template for way in writes(api=False)}
    assert all(KEYLESS.values())


def test_without_a_key_nothing_is_written(
    client: TestClient, database: RollbackDatabase, place: Place, examples: dict[Any, Any]
) -> None:
    """Exactly the listed writes work without a key; every other one asks for it."""
    operator = make_operator(database).token
    before, wrong = digest(database), []
    for way in writes(api=True):
        if not needs_key(way.method.lower(), way.template):
            continue
        with undone(database):
            headers = {"Authorization": f"Bearer {token_for(way, place, operator)}"}
            answer = client.request(
                way.method,
                place.path(way.template),
                headers=headers,
                json=examples.get((way.method.lower(), way.template)),
            )
            told = answer.json().get("code") if answer.content else ""
            if told not in FIRST or digest(database) != before:
                wrong.append(f"{way}: {answer.status_code} {told}")
    for way in writes(api=False):
        if way.template in KEYLESS_FORMS:
            continue
        with undone(database):
            headers = {"Authorization": f"Bearer {token_for(way, place, operator)}"}
            data = {"reason": "理由", "tie": "tourism", "state": "suspended"}
            answer = client.post(place.path(way.template), data=data, headers=headers)
            if answer.status_code not in {404, 409, 410, 422} or digest(database) != before:
                wrong.append(f"{way}: {answer.status_code}")
    assert not wrong, "\n".join(wrong)


def test_a_repeat_gets_the_first_answer_and_no_second_effect(
    client: TestClient, database: RollbackDatabase, place: Place, examples: dict[Any, Any]
) -> None:
    """Byte for byte, for every write whose own example succeeds; another body is refused."""
    operator = make_operator(database).token
    wrong, done = [], 0
    for way in writes(api=True):
        if not needs_key(way.method.lower(), way.template):
            continue
        token, key, path = token_for(way, place, operator), str(uuid4()), place.path(way.template)
        with undone(database):
            first = knock(client, way, path, token, examples=examples, key=key)
            if first.status_code >= 300:
                continue
            done += 1
            after = digest(database)
            second = knock(client, way, path, token, examples=examples, key=key)
            if (second.status_code, second.content) != (first.status_code, first.content):
                # Who has closed their account or signed out is nobody any more.
                if second.status_code != 401:
                    wrong.append(f"{way}: {first.status_code}, then {second.status_code}")
                continue
            if digest(database) != after:
                wrong.append(f"{way}: a second effect")
            other = knock(client, way, f"{path}?x=1", token, examples=examples, key=key)
            if other.json()["code"] != "idempotency_conflict" or digest(database) != after:
                wrong.append(f"{way}: another request under the key, {other.status_code}")
    assert not wrong, "\n".join(wrong)
    assert done >= 25, done


def test_the_same_form_sent_twice_has_one_effect(
    client: TestClient, database: RollbackDatabase, place: Place
) -> None:
    """Back button and double tap: the same place to go to, one effect; changed, it is refused."""
    open_bodies(database, GIFU, "212032")
    person = place.people["person"]
    headers = {"Authorization": f"Bearer {person.token}"}
    form = {"_key": str(uuid4()), "tie": "tourism"}
    first = client.post("/towns/212032/join", data=form, headers=headers)
    after = digest(database)
    second = client.post("/towns/212032/join", data=form, headers=headers)
    assert first.status_code == second.status_code == 303
    assert first.headers["location"] == second.headers["location"]
    other = client.post("/towns/212032/join", data=form | {"tie": "work"}, headers=headers)
    assert other.status_code == 409
    assert digest(database) == after


def test_one_persons_key_is_not_anothers(client: TestClient, database: RollbackDatabase) -> None:
    """A key belongs to whoever made it: another person's same key is a request of its own."""
    open_bodies(database, GIFU, HIDA)
    key = "the same"
    for _ in range(2):
        someone = create_person(database)
        answer = client.post(
            "/api/v1/me/registrations",
            json={"lg_code": HIDA},
            headers=someone.headers | {"Idempotency-Key": key},
        )
        assert answer.status_code == 201
        assert answer.headers.get("x-repeated") is None


def test_long_keys_are_told_apart(client: TestClient, database: RollbackDatabase) -> None:
    """Two long keys that begin alike are two keys; longer than 255 characters is refused."""
    open_bodies(database, GIFU, HIDA)
    someone = create_person(database)

    def ask(key: str, code: str) -> Any:
        return client.post(
            "/api/v1/me/registrations",
            json={"lg_code": code},
            headers=someone.headers | {"Idempotency-Key": key},
        )

    assert ask("k" * 254 + "a", HIDA).status_code == 201
    assert (
        ask("k" * 254 + "b", GIFU).status_code != 409
        or "idempotency" not in ask("k" * 254 + "b", GIFU).text
    )
    assert ask("k" * 256, HIDA).status_code == 422


def test_two_at_once_have_one_effect(own_database: Database, clock: FixedClock) -> None:
    """P04: twelve at the same instant, real roles, real commits: one effect, one answer."""
    app = serve(own_database._settings, own_database, clock)
    open_bodies(own_database, GIFU, HIDA)
    someone = create_person(own_database)
    headers = someone.headers
    with TestClient(app, raise_server_exceptions=False) as client:

        def ask(_number: int) -> tuple[int, bytes]:
            answer = client.post(
                "/api/v1/me/registrations", json={"lg_code": HIDA}, headers=headers
            )
            return answer.status_code, answer.content

        with ThreadPoolExecutor(12) as pool:
            answers = set(pool.map(ask, range(12)))
    assert len(answers) == 1, answers
    assert answers.pop()[0] == 201
    with own_database.transaction(someone.context) as db:
        assert db.scalar(text("select count(*) from registration")) == 2
        assert db.scalar(text("select count(*) from audit_event where action like '%join%'")) in {
            0,
            1,
            2,
        }
