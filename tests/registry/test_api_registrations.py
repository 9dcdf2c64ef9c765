"""R02–R06, R25: registrations over HTTP, for the person and for the staff of the place."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from core.access import Role
from core.clock import FixedClock
from core.db import Database, for_body
from core.models import AuditEvent
from core.shortcode import MEMBER, is_valid
from registry.models import Registration
from tests.factories import registry as make
from tests.factories.registry import GIFU, HIDA, NAGANO, SignedIn

MINE = "/api/v1/me/registrations"


@pytest.fixture
def someone(database: Database) -> SignedIn:
    """A registrant, while 飛騨市 and 岐阜県 take registrations."""
    make.open_bodies(database, GIFU, HIDA)
    return make.create_person(database)


def register(client: TestClient, someone: SignedIn, **given: Any) -> Any:
    return client.post(MINE, headers=someone.headers, json={"lg_code": HIDA, **given})


def states(client: TestClient, someone: SignedIn) -> dict[str, str]:
    listed = client.get(MINE, headers=someone.headers).json()["items"]
    return {row["lg_code"]: row["status"] for row in listed}


def test_r02_r03_registering_over_http(client: TestClient, someone: SignedIn) -> None:
    answer = register(client, someone)
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert (body["name"], body["tier"], body["status"], body["linked"]) == (
        "飛騨市",
        "basic",
        "active",
        True,
    )
    assert is_valid(body["member_number"], MEMBER)
    assert body["release_on"] == "2029-06-01"
    assert states(client, someone) == {GIFU: "active", HIDA: "active"}
    derived = client.get(f"{MINE}/{GIFU}", headers=someone.headers).json()
    assert (derived["direct"], derived["derived"], derived["derived_from"]) == (
        False,
        True,
        [HIDA],
    )
    assert derived["release_on"] is None


def test_the_same_request_twice_registers_once(client: TestClient, someone: SignedIn) -> None:
    headers = someone.headers
    first = client.post(MINE, headers=headers, json={"lg_code": HIDA})
    second = client.post(MINE, headers=headers, json={"lg_code": HIDA})
    assert (first.status_code, first.json()) == (second.status_code, second.json())


def test_r02_the_link_over_http(client: TestClient, someone: SignedIn) -> None:
    assert register(client, someone, link=False).json()["linked"] is False
    assert states(client, someone) == {HIDA: "active"}
    url = f"{MINE}/{HIDA}/link"
    assert client.put(url, headers=someone.headers, json={"linked": True}).status_code == 200
    assert states(client, someone) == {GIFU: "active", HIDA: "active"}
    answer = client.put(f"{MINE}/{GIFU}/link", headers=someone.headers, json={"linked": False})
    assert (answer.status_code, answer.json()["code"]) == (409, "link_of_prefecture")


def test_r02_leaving_over_http(client: TestClient, someone: SignedIn) -> None:
    register(client, someone)
    refused = client.delete(f"{MINE}/{GIFU}", headers=someone.headers)
    assert refused.json()["problems"][0]["action"] == "opt_out"
    assert client.delete(f"{MINE}/{HIDA}", headers=someone.headers).status_code == 200
    assert states(client, someone) == {GIFU: "ended", HIDA: "withdrawn"}
    assert client.delete(f"{MINE}/{NAGANO}", headers=someone.headers).status_code == 404


def test_r06_opening_the_page_restarts_the_clock_and_listing_does_not(
    client: TestClient, someone: SignedIn, clock: FixedClock
) -> None:
    register(client, someone)
    clock.advance(timedelta(days=10))
    listed = client.get(MINE, headers=someone.headers).json()["items"]
    assert {row["last_access_on"] for row in listed} == {"2027-06-01"}
    opened = client.get(f"{MINE}/{HIDA}", headers=someone.headers).json()
    assert (opened["last_access_on"], opened["release_on"]) == ("2027-06-11", "2029-06-11")
    clock.advance(timedelta(days=2))
    kept = client.post(f"{MINE}/{HIDA}/keep", headers=someone.headers).json()
    assert kept["last_access_on"] == "2027-06-13"
    refused = client.post(f"{MINE}/{NAGANO}/keep", headers=someone.headers)
    assert refused.status_code == 404


@pytest.mark.parametrize(
    "given",
    [
        {"lg_code": "飛騨市"},
        {"lg_code": HIDA + "0"},
        {"lg_code": None},
        {"lg_code": HIDA, "link": "perhaps"},
        {"lg_code": HIDA, "answers": []},
    ],
)
def test_malformed_requests_are_answered_with_the_field(
    client: TestClient, someone: SignedIn, given: dict[str, Any]
) -> None:
    answer = client.post(MINE, headers=someone.headers, json=given)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation")
    assert answer.json()["problems"][0]["field"] in given


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'"x"', b"\xff\xfe", b'{"lg_code": NaN}'])
def test_malformed_json_is_no_fault_of_ours(
    client: TestClient, someone: SignedIn, content: bytes
) -> None:
    headers = {**someone.headers, "Content-Type": "application/json"}
    answer = client.post(MINE, headers=headers, content=content)
    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"


# --- R04: the first questionnaire -----------------------------------------------------------


def answer_survey(client: TestClient, someone: SignedIn, answers: Any) -> Any:
    url = f"{MINE}/{HIDA}/survey"
    return client.post(url, headers=someone.headers, json={"answers": answers})


def test_r04_the_form_and_the_answers(client: TestClient, someone: SignedIn) -> None:
    form = client.get("/api/v1/first-questionnaire").json()
    assert [q["key"] for q in form["questions"] if q["required"]] == ["tie"]
    register(client, someone)
    assert client.get(f"{MINE}/{HIDA}/survey", headers=someone.headers).json()["answers"] == {}
    answer = answer_survey(
        client, someone, {"tie": "tourism", "visits": "3", "attractions": ["food", "nature"]}
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["answers"] == {
        "tie": "tourism",
        "visits": 3,
        "attractions": ["nature", "food"],
    }
    answer_survey(client, someone, {"tie": "residence", "visits": 3})
    kept = client.get(f"{MINE}/{HIDA}/survey", headers=someone.headers).json()
    assert (kept["version"], kept["answers"]) == ("1", {"tie": "residence"})
    assert client.get(f"{MINE}/{HIDA}", headers=someone.headers).json()["survey_answered"]


@pytest.mark.parametrize(
    ("answers", "code", "field"),
    [
        ({}, "answer_needed", "tie"),
        ({"tie": "love"}, "unknown_answer", "tie"),
        ({"tie": "work", "visits": 400}, "number_out_of_range", "visits"),
        ({"tie": "work", "shoes": 44}, "unknown_question", "shoes"),
        ({"tie": "work", "skills": "番号は123456789018です"}, "individual_number", "skills"),
    ],
)
def test_r04_r12_answers_that_cannot_be_kept(
    client: TestClient, someone: SignedIn, answers: Any, code: str, field: str
) -> None:
    register(client, someone)
    answer = answer_survey(client, someone, answers)
    first = answer.json()["problems"][0]
    assert (answer.status_code, first["code"], first["field"]) == (409, code, field)


def test_r04_answers_may_come_with_the_registration(client: TestClient, someone: SignedIn) -> None:
    refused = register(client, someone, answers={"tie": "love"})
    assert refused.status_code == 409
    assert states(client, someone) == {}
    assert register(client, someone, answers={"tie": "work"}).json()["survey_answered"]


# --- R25: the staff of the place ------------------------------------------------------------


def test_r25_staff_see_their_own_copy_and_the_look_is_recorded(
    client: TestClient, database: Database, someone: SignedIn
) -> None:
    row = make.join(database, someone, HIDA)
    clerk = make.make_staff(database, HIDA, Role.VIEWER)
    url = f"/api/v1/local-governments/{HIDA}/registrations"
    listed = client.get(url, headers=clerk.headers, params={"q": row.member_number}).json()
    assert [one["id"] for one in listed["items"]] == [str(row.id)]
    detail = client.get(f"{url}/{row.id}", headers=clerk.headers).json()
    assert [event["kind"] for event in detail["events"]] == ["registered"]
    assert "email" not in detail
    with database.transaction(someone.context) as db:
        looks = db.scalars(select(AuditEvent).where(AuditEvent.action == "registration.open")).all()
    assert [look.actor for look in looks] == [clerk.actor.label]


def test_r25_another_bodys_registrants_are_not_there(
    client: TestClient, database: Database, someone: SignedIn
) -> None:
    row = make.join(database, someone, HIDA)
    neighbour = make.make_staff(database, NAGANO)
    hida = f"/api/v1/local-governments/{HIDA}/registrations"
    own = f"/api/v1/local-governments/{NAGANO}/registrations"
    assert client.get(hida, headers=neighbour.headers).status_code == 404
    assert client.get(f"{hida}/{row.id}", headers=neighbour.headers).status_code == 404
    assert client.get(f"{own}/{row.id}", headers=neighbour.headers).status_code == 404
    assert client.get(own, headers=neighbour.headers).json()["items"] == []
    with database.transaction(for_body(NAGANO, actor="staff:test")) as db:
        assert db.scalars(select(Registration)).all() == []


def test_r25_members_by_pages(client: TestClient, database: Database) -> None:
    make.open_bodies(database, GIFU, HIDA)
    for number in range(5):
        someone = make.create_person(database, nickname=f"さくら{number}")
        make.join(database, someone, HIDA, joined=False)
    clerk = make.make_staff(database, HIDA, Role.CLERK)
    url = f"/api/v1/local-governments/{HIDA}/registrations"
    seen: list[str] = []
    cursor = None
    while True:
        asked: dict[str, Any] = {"limit": 2, "q": "さくら"}
        if cursor:
            asked["cursor"] = cursor
        page = client.get(url, headers=clerk.headers, params=asked).json()
        seen += [one["display_name"] for one in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert sorted(seen) == [f"さくら{number}" for number in range(5)]
    bad = client.get(url, headers=clerk.headers, params={"cursor": str(uuid4())})
    assert bad.status_code == 422
