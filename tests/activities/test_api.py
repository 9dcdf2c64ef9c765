"""The doors over HTTP: a host's course from invitation to roster, and who is kept out."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient

from activities.devices import enrol
from activities.hosts import HostRole
from activities.models import Activity, ScannerDevice
from core.access import Role
from core.clock import FixedClock
from core.db import Database, for_body
from tests.conftest import RollbackDatabase
from tests.factories.activities import (
    HIDA,
    NOW,
    YES,
    create_designated_activity,
    create_member,
    create_organisation,
    create_session,
)
from tests.factories.registry import KESENNUMA, SignedIn, create_person, join, make_staff

BODY = f"/api/v1/local-governments/{HIDA}"
PROPOSAL = {"title": "稲刈り", "category": "agriculture_forestry", "contact": "0577-00-0000"}
SESSION = {
    "day": "2027-06-05",
    "starts": "09:00",
    "ends": "12:00",
    "place": "古川町",
    "capacity": 1,
}


def post(client: TestClient, path: str, who: SignedIn, body: dict[str, Any] | None = None) -> Any:
    return client.post(path, headers=who.headers, json={} if body is None else body)


@pytest.fixture
def host(client: TestClient, database: RollbackDatabase) -> tuple[SignedIn, str]:
    """An organiser of an organisation of 飛騨市, invited and accepted over HTTP."""
    clerk, person = make_staff(database, HIDA, Role.CLERK), create_person(database)
    made = post(client, f"{BODY}/organisations", clerk, {"name": "里山の会", "kind": "npo"})
    assert made.status_code == 201
    organisation_id = made.json()["id"]
    invited = post(
        client, f"{BODY}/organisations/{organisation_id}/members", clerk, {"name": "主催 花子"}
    )
    assert invited.status_code == 201
    token = invited.json()["token"]
    assert invited.json()["url"].endswith(f"/host-invitations/{token}")
    accepted = post(client, "/api/v1/me/organisation-invitations/accept", person, {"token": token})
    assert accepted.json()["role"] == "organiser"
    return person, organisation_id


def test_a_host_proposes_staff_designate_people_sign_up(
    client: TestClient, database: RollbackDatabase, host: tuple[SignedIn, str]
) -> None:
    organiser, organisation_id = host
    approver = make_staff(database, HIDA, Role.APPROVER)
    own = client.get("/api/v1/me/organisations", headers=organiser.headers).json()["items"]
    assert [one["name"] for one in own] == ["里山の会"]

    draft = post(client, f"{BODY}/organisations/{organisation_id}/activities", organiser, PROPOSAL)
    assert draft.status_code == 201, draft.text
    activity_id = draft.json()["id"]
    path = f"{BODY}/activities/{activity_id}"
    session = post(client, f"{path}/sessions", organiser, SESSION)
    assert session.status_code == 201, session.text
    assert session.json()["starts_at"] == "2027-06-05T00:00:00Z"
    session_id = session.json()["id"]
    public = f"/api/v1/activities/{HIDA}/{activity_id}"
    assert client.get(public).status_code == 404
    assert post(client, f"{path}/submission", organiser).json()["state"] == "submitted"

    inbox = client.get(f"{BODY}/activities?state=submitted", headers=approver.headers).json()
    assert [one["id"] for one in inbox["items"]] == [activity_id]
    incomplete = post(client, f"{path}/designation", approver)
    assert (incomplete.status_code, incomplete.json()["code"]) == (409, "checklist_incomplete")
    designated = post(client, f"{path}/designation", approver, {"answers": YES})
    assert designated.json()["state"] == "designated"
    assert client.get(public).json()["upcoming"][0]["free"] == 1

    first, second = create_person(database), create_person(database, nickname="次郎")
    for one in (first, second):
        join(database, one, HIDA)
    wanted = {"lg_code": HIDA, "session_id": session_id}
    assert post(client, "/api/v1/me/sign-ups", first, wanted).json()["state"] == "taken"
    waiting = post(client, "/api/v1/me/sign-ups", second, wanted)
    assert (waiting.status_code, waiting.json()["state"]) == (201, "waiting")
    assert client.get(public).json()["upcoming"][0]["free"] == 0

    mine = f"/api/v1/me/sign-ups/{HIDA}/{session_id}"
    assert client.delete(mine, headers=first.headers).json()["state"] == "cancelled"
    offered = client.get("/api/v1/me/sign-ups", headers=second.headers).json()["items"]
    assert [one["state"] for one in offered] == ["offered"]
    assert offered[0]["offer_until"] == "2027-06-02T01:00:00Z"
    assert post(client, f"{mine}/acceptance", second).json()["state"] == "taken"

    roster = client.get(f"{BODY}/sessions/{session_id}/roster", headers=organiser.headers).json()
    assert [one["display_name"] for one in roster["items"]] == ["次郎"]
    trail = client.get("/api/v1/me/audit-events", headers=second.headers).json()["items"]
    looks = [one for one in trail if one["action"] == "roster.read"]
    assert [(one["actor_kind"], one["mine"]) for one in looks] == [("person", False)]

    detail = client.get(path, headers=organiser.headers).json()
    # Both at the same instant: the test's clock stands still.
    assert {one["to_state"] for one in detail["history"]} == {"submitted", "designated"}
    assert detail["sessions"][0]["taken"] == 1
    off = post(client, f"{BODY}/sessions/{session_id}/cancellation", organiser, {"reason": "雨"})
    assert off.json()["state"] == "cancelled"


def test_the_same_request_twice_makes_one_thing(
    client: TestClient, host: tuple[SignedIn, str]
) -> None:
    organiser, organisation_id = host
    path = f"{BODY}/organisations/{organisation_id}/activities"
    headers = organiser.headers
    first = client.post(path, headers=headers, json=PROPOSAL)
    again = client.post(path, headers=headers, json=PROPOSAL)
    assert first.json() == again.json()
    other = client.post(path, headers=headers, json=PROPOSAL | {"title": "田植え"})
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
    assert len(client.get(path, headers=headers).json()["items"]) == 1


def test_r10_trust_is_granted_and_withdrawn_over_http(
    client: TestClient, database: RollbackDatabase, host: tuple[SignedIn, str]
) -> None:
    organiser, organisation_id = host
    approver = make_staff(database, HIDA, Role.APPROVER)
    path = f"{BODY}/organisations/{organisation_id}"
    granted = post(client, f"{path}/trust", approver, {"categories": ["agriculture_forestry"]})
    assert (granted.status_code, granted.json()["until"]) == (201, "2028-04-30")
    draft = post(client, f"{path}/activities", organiser, PROPOSAL).json()["id"]
    submitted = post(client, f"{BODY}/activities/{draft}/submission", organiser, {"answers": YES})
    assert (submitted.json()["state"], submitted.json()["pattern"]) == ("designated", 2)
    ended = post(client, f"{path}/trust/withdrawal", approver, {"reason": "報告がない"})
    assert ended.json()["withdrawn_on"] == "2027-06-01"
    detail = client.get(path, headers=approver.headers).json()
    assert detail["trust"]["withdrawn_reason"] == "報告がない"
    assert [one["name"] for one in detail["members"]] == ["主催 花子"]
    removed = client.delete(f"{path}/members/{organiser.id}", headers=approver.headers)
    assert removed.status_code == 200
    gone = client.get(f"{path}/activities", headers=organiser.headers)
    assert gone.status_code == 404


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("organisations/{id}/activities", "POST"),
        ("organisations/{id}/activities", "GET"),
        ("activities/{id}", "GET"),
        ("activities/{id}/submission", "POST"),
        ("activities/{id}/sessions", "POST"),
        ("sessions/{id}/roster", "GET"),
        ("sessions/{id}/cancellation", "POST"),
    ],
)
def test_whoever_is_no_host_there_finds_nothing(
    client: TestClient, database: RollbackDatabase, path: str, method: str
) -> None:
    activity = create_designated_activity(database)
    session = create_session(database, activity)
    which = {"activities": activity.id, "sessions": session.id}.get(
        path.split("/", maxsplit=1)[0], activity.organisation_id
    )
    url = f"{BODY}/{path.format(id=which)}"
    bodies = {"submission": {}, "sessions": SESSION, "cancellation": {"reason": "x"}}
    body = bodies.get(path.rsplit("/", maxsplit=1)[-1], PROPOSAL)
    outsider = create_person(database)
    elsewhere = create_person(database)
    create_member(database, create_organisation(database, KESENNUMA), elsewhere.id)
    other_staff = make_staff(database, KESENNUMA)
    other_host = create_person(database)
    create_member(database, create_organisation(database), other_host.id)
    viewer = make_staff(database, HIDA, Role.VIEWER)
    for who in (outsider, elsewhere, other_staff, other_host, viewer):
        answer = client.request(
            method, url, headers=who.headers, json=body if method == "POST" else None
        )
        assert answer.status_code == 404, (path, answer.text)
    assert client.request(method, url, json=body if method == "POST" else None).status_code == 401


def test_reception_searches_and_does_not_browse_or_call_off(
    client: TestClient, database: RollbackDatabase
) -> None:
    organisation = create_organisation(database)
    session = create_session(database, create_designated_activity(database, organisation))
    who = create_person(database)
    create_member(database, organisation, who.id, role=HostRole.RECEPTION)
    path = f"{BODY}/sessions/{session.id}"
    assert client.get(f"{path}/people?q=ヤマダ", headers=who.headers).json()["items"] == []
    short = client.get(f"{path}/people?q=山", headers=who.headers)
    assert (short.status_code, short.json()["code"]) == (409, "search_too_short")
    assert client.get(f"{path}/roster", headers=who.headers).status_code == 403
    assert post(client, f"{path}/cancellation", who, {"reason": "x"}).status_code == 403


def test_c27_a_device_searches_in_its_organisation_until_revoked(
    client: TestClient, database: RollbackDatabase
) -> None:
    organisation = create_organisation(database)
    session = create_session(database, create_designated_activity(database, organisation))
    other = create_session(database, create_designated_activity(database))
    staff = make_staff(database, HIDA)
    with database.transaction(for_body(HIDA, actor=staff.actor.label)) as db:
        enrolled = enrol(
            db,
            actor=staff.actor,
            lg_code=HIDA,
            organisation_id=organisation.id,
            label="受付1",
            now=NOW,
        )
    headers = {"Authorization": f"Bearer {enrolled.token}"}

    def search(session_id: UUID) -> int:
        return client.get(
            f"/api/v1/device/sessions/{session_id}/people?q=ヤマダ", headers=headers
        ).status_code

    assert search(session.id) == 200
    assert search(other.id) == 404
    with database.transaction(for_body(HIDA, actor=staff.actor.label)) as db:
        device = db.merge(enrolled.device)
        device.revoked_at = NOW
    assert search(session.id) == 403
    assert client.get(f"/api/v1/device/sessions/{session.id}/people?q=ヤマダ").status_code == 401


def test_c23_a_device_that_scans_does_not_fall_silent(
    client: TestClient, database: RollbackDatabase, clock: FixedClock
) -> None:
    """Every door of a device moves its silence away: one scan, an upload; nothing else heard."""
    organisation = create_organisation(database)
    session = create_session(database, create_designated_activity(database, organisation))
    staff = make_staff(database, HIDA)
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        enrolled = enrol(
            db,
            actor=staff.actor,
            lg_code=HIDA,
            organisation_id=organisation.id,
            label="受付1",
            now=clock.now(),
        )
    headers = {"Authorization": f"Bearer {enrolled.token}"}

    def heard() -> datetime | None:
        with database.transaction(for_body(HIDA, actor="system:test")) as db:
            return db.get_one(ScannerDevice, (HIDA, enrolled.device.id)).last_seen_at

    for days, path in ((12, f"sessions/{session.id}/check-ins"), (24, "check-ins/batch")):
        clock.at = NOW + timedelta(days=days)
        scan = {"scan_id": str(uuid4()), "code": "FJ1:ABC", "scanned_at": clock.now().isoformat()}
        many = {"scans": [scan | {"session_id": str(session.id), "sequence": 1}]}
        body = many if "batch" in path else scan
        answer = client.post(f"/api/v1/device/{path}", headers=headers, json=body)
        assert answer.status_code == 200, answer.text
        assert heard() == clock.now(), path
    clock.at = NOW + timedelta(days=36)
    search = f"/api/v1/device/sessions/{session.id}/people?q=ヤマダ"
    assert client.get(search, headers=headers).status_code == 200


def test_what_the_public_reads_is_not_sent_twice(
    client: TestClient, database: RollbackDatabase
) -> None:
    create_session(database, create_designated_activity(database))
    first = client.get(f"/api/v1/activities?lg_code={HIDA}")
    assert first.status_code == 200
    tag = {"If-None-Match": first.headers["etag"]}
    again = client.get(f"/api/v1/activities?lg_code={HIDA}", headers=tag)
    assert (again.status_code, again.content) == (304, b"")
    create_session(database, create_designated_activity(database))
    assert client.get(f"/api/v1/activities?lg_code={HIDA}", headers=tag).status_code == 200


def test_pages_over_http(client: TestClient, database: RollbackDatabase) -> None:
    for day in range(3):
        create_session(
            database, create_designated_activity(database), starts_at=NOW + timedelta(days=1 + day)
        )
    seen, cursor = [], ""
    while cursor is not None:
        query = {"limit": "1", "lg_code": HIDA} | ({"cursor": cursor} if cursor else {})
        found = client.get("/api/v1/activities", params=query).json()
        seen += [one["id"] for one in found["items"]]
        cursor = found["next_cursor"]
    assert len(seen) == len(set(seen)) == 3


@pytest.mark.parametrize(
    "query",
    [
        "cursor=x",
        "cursor=WyJhIiwgImIiXQ",
        "lg_code=1",
        "lg_code=%F0%9F%92%A9",
        "limit=0",
        "limit=101",
        "first_day=9999-12-31",
        "last_day=9999-12-31",
        "first_day=0001-01-01",
        "first_day=tomorrow",
    ],
)
def test_queries_that_cannot_be_meant(client: TestClient, query: str) -> None:
    answer = client.get(f"/api/v1/activities?{query}")
    assert answer.status_code == 422, answer.text


@pytest.mark.parametrize(
    "changed",
    [
        {"day": "9999-12-31"},
        {"day": "0001-01-01"},
        {"starts": "25:00"},
        {"capacity": 0},
        {"capacity": 10**12},
        {"place": "   "},
        {"place": "\u0000"},
        {"place": "古" * 201},
        {"place": "番号は123456789018です"},
        {"more": 1},
    ],
)
def test_sessions_that_cannot_be_meant(
    client: TestClient, database: RollbackDatabase, changed: dict[str, Any]
) -> None:
    activity = create_designated_activity(database)
    staff = make_staff(database, HIDA)
    answer = post(client, f"{BODY}/activities/{activity.id}/sessions", staff, SESSION | changed)
    assert answer.status_code == 422, answer.text


def test_a_time_with_an_offset_is_read_as_japan_time(
    client: TestClient, database: RollbackDatabase
) -> None:
    activity = create_designated_activity(database)
    staff = make_staff(database, HIDA)
    given = SESSION | {"starts": "22:00Z", "ends": "01:00"}
    answer = post(client, f"{BODY}/activities/{activity.id}/sessions", staff, given).json()
    assert (answer["starts_at"], answer["ends_at"]) == (
        "2027-06-05T13:00:00Z",
        "2027-06-05T16:00:00Z",
    )


def test_a_character_no_database_keeps_is_the_callers_mistake(
    client: TestClient, database: RollbackDatabase
) -> None:
    session = create_session(database, create_designated_activity(database))
    staff = make_staff(database, HIDA)
    path = f"{BODY}/sessions/{session.id}/people"
    answer = client.get(path, params={"q": "\0\0\0"}, headers=staff.headers)
    assert answer.status_code == 422


def test_unknown_and_foreign_ids_look_alike(client: TestClient, database: RollbackDatabase) -> None:
    here: Activity = create_designated_activity(database)
    session = create_session(database, here)
    person = create_person(database)
    join(database, person, HIDA)
    join(database, person, KESENNUMA)
    for lg_code, session_id in ((HIDA, uuid4()), (KESENNUMA, session.id)):
        answer = post(
            client,
            "/api/v1/me/sign-ups",
            person,
            {"lg_code": lg_code, "session_id": str(session_id)},
        )
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert client.get(f"/api/v1/activities/{KESENNUMA}/{here.id}").status_code == 404


def test_a_write_without_a_key_is_refused(client: TestClient, database: Database) -> None:
    person = create_person(database)
    headers = {"Authorization": f"Bearer {person.token}"}
    body = {"lg_code": HIDA, "session_id": str(uuid4())}
    answer = client.post("/api/v1/me/sign-ups", headers=headers, json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_missing")


def test_an_offer_that_ran_out_is_gone(
    client: TestClient, database: RollbackDatabase, clock: FixedClock
) -> None:
    session = create_session(database, create_designated_activity(database), capacity=1)
    first, second = create_person(database), create_person(database)
    wanted = {"lg_code": HIDA, "session_id": str(session.id)}
    for one in (first, second):
        join(database, one, HIDA)
        assert post(client, "/api/v1/me/sign-ups", one, wanted).status_code == 201
    mine = f"/api/v1/me/sign-ups/{HIDA}/{session.id}"
    assert client.delete(mine, headers=first.headers).status_code == 200
    clock.advance(timedelta(hours=24, seconds=1))
    gone = post(client, f"{mine}/acceptance", second)
    assert (gone.status_code, gone.json()["code"]) == (410, "offer_expired")
