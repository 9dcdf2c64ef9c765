"""R19, R08: presence through the real doors. Every attempt is stored; accepted once is counted once."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text

from activities.models import Activity, ActivitySession
from core.clock import FixedClock
from qr.store import KeyStore, revoke_key
from tests.conftest import RollbackDatabase
from tests.factories.activities import create_designated_activity, create_session, sign_up
from tests.factories.presence import (
    WORKER,
    Look,
    jst,
    make_card,
    make_device,
    make_keys,
    venue_code,
)
from tests.factories.registry import HIDA, KESENNUMA, SignedIn, create_person, join, make_staff

DAY = date(2027, 6, 5)


@dataclass
class Scene:
    """A session of 飛騨市 at 9:00–12:00, somebody registered there, keys, a device."""

    client: TestClient
    database: RollbackDatabase
    clock: FixedClock
    keys: KeyStore
    activity: Activity
    session: ActivitySession
    someone: SignedIn
    look: Look
    device: str

    def self_scan(self, code: str, **more: Any) -> Any:
        """The person scans with their own phone."""
        body = {"scan_id": str(uuid4()), "code": code} | more
        return self.client.post("/api/v1/check-ins", json=body, headers=self.someone.headers)

    def device_scan(self, session: ActivitySession | None = None, **more: Any) -> Any:
        """The organiser's device scans."""
        body = {"scan_id": str(uuid4())} | more
        return self.client.post(
            f"/api/v1/device/sessions/{(session or self.session).id}/check-ins",
            json=body,
            headers={"Authorization": f"Bearer {self.device}"},
        )

    def another(self, day: date, **more: Any) -> ActivitySession:
        """Another session of the same activity."""
        return create_session(
            self.database, self.activity, starts_at=jst(day, 9), now=self.clock.now(), **more
        )


@pytest.fixture
def scene(app: FastAPI, client: TestClient, database: RollbackDatabase, clock: FixedClock) -> Scene:
    """Everything ready at 9:00 on the day."""
    someone = create_person(database, name="古川 花子")
    join(database, someone, HIDA)
    activity = create_designated_activity(database)
    session = create_session(database, activity, starts_at=jst(DAY, 9))
    keys = make_keys(database, now=clock.now() - timedelta(days=60))
    device = make_device(database, activity.organisation_id, now=clock.now())
    clock.at = jst(DAY, 9)
    return Scene(client, database, clock, keys, activity, session, someone, Look(database), device)


def test_r19_the_venues_code_counts_once_and_a_repeat_gets_the_first_answer(scene: Scene) -> None:
    """C2: the same scan id is answered as before; a second scan is "already"."""
    code = venue_code(scene.keys, scene.session, at=scene.clock.now())
    scan_id = str(uuid4())
    first = scene.self_scan(code, scan_id=scan_id)
    assert first.status_code == 200, first.text
    assert (first.json()["outcome"], first.json()["counted"]) == ("accepted", True)
    again = scene.self_scan(code, scan_id=scan_id)
    assert again.json() == first.json() | {"repeated": True}
    second = scene.self_scan(code)
    assert (second.json()["outcome"], second.json()["counted"]) == ("already", False)
    assert scene.look.one("select count(*) from participation where counted") == 1
    assert scene.look.one("select count(*) from scan_attempt") == 2
    assert scene.look.one("select count(*) from audit_event where action = 'check_in.scan'") == 2
    assert scene.look.one("select count(*) from stay_day") == 1


def test_r08_three_consecutive_days_are_three_and_twice_a_day_is_one(scene: Scene) -> None:
    """Example 1."""
    for offset in range(3):
        day = DAY + timedelta(days=offset)
        session = scene.session if offset == 0 else scene.another(day)
        scene.clock.at = jst(day, 9)
        code = venue_code(scene.keys, session, at=scene.clock.now())
        assert scene.self_scan(code).json()["counted"] is True
    evening = create_session(
        scene.database,
        scene.activity,
        starts_at=jst(day, 15),
        now=scene.clock.now(),
        place="別の会場",
    )
    scene.clock.at = jst(day, 15)
    second = scene.self_scan(venue_code(scene.keys, evening, at=scene.clock.now())).json()
    assert (second["outcome"], second["reason"], second["counted"]) == (
        "accepted",
        "same_day",
        False,
    )
    assert scene.look.one("select count(*) from participation where counted") == 3
    assert scene.look.one("select count(*) from participation") == 4
    assert scene.look.one("select count(*) from notice where kind = 'premium_within_reach'") == 1


def test_r19_example_12_none_of_these_counts_and_each_is_recorded(scene: Scene) -> None:
    """A photographed venue code an hour later, a replay, a revoked key, a clock 40 minutes off."""
    photographed = venue_code(scene.keys, scene.session, at=scene.clock.now())
    scene.clock.advance(timedelta(hours=1))
    assert scene.self_scan(photographed).json()["reason"] == "wrong_time_step"
    card = make_card(scene.database, scene.keys, scene.someone, now=scene.clock.now())
    off = scene.device_scan(code=card, name_confirmed=True, offset_ms=40 * 60 * 1000)
    assert off.json()["reason"] == "scanner_clock_wrong"
    fresh = venue_code(scene.keys, scene.session, at=scene.clock.now())
    kid = scene.look.one("select kid from signing_key where use = 'venue'")
    with scene.database.transaction(WORKER) as db:
        revoke_key(db, kid, at=scene.clock.now())
    scene.client.app.state.presence.keys._read_at = None  # type: ignore[attr-defined] # three seconds later
    assert scene.self_scan(fresh).json()["reason"] == "revoked_key"
    assert scene.look.one("select count(*) from participation") == 0
    assert scene.look.one("select count(*) from scan_attempt where outcome = 'refused'") == 3


def test_r19_paper_needs_a_name_and_a_walk_in_a_word(scene: Scene) -> None:
    """C6, C12: each missing word is asked for; a new scan id for each try."""
    card = make_card(scene.database, scene.keys, scene.someone, now=scene.clock.now())
    asked = scene.device_scan(code=card, name_confirmed=True).json()
    assert (asked["outcome"], asked["reason"]) == ("needs_input", "confirm_walk_in")
    asked = scene.device_scan(code=card, walk_in_confirmed=True).json()
    assert (asked["outcome"], asked["reason"]) == ("needs_input", "confirm_name")
    done = scene.device_scan(code=card, name_confirmed=True, walk_in_confirmed=True).json()
    assert (done["outcome"], done["counted"]) == ("accepted", True)
    assert scene.look.rows("select state from sign_up") == [("taken",)]


def test_r19_a_poster_needs_the_roster_or_a_tap(scene: Scene) -> None:
    """A printed code alone is not proof; somebody who signed up is on the roster."""
    asked = scene.self_scan(scene.session.poster_code).json()
    assert (asked["outcome"], asked["reason"]) == ("needs_input", "second_factor")
    sign_up(scene.database, scene.session, scene.someone.id, now=jst(DAY, 8))
    done = scene.self_scan(f"HTTP://TESTSERVER/C/{scene.session.poster_code.lower()}").json()
    assert (done["outcome"], done["counted"]) == ("accepted", True)


def test_c27_a_roster_entry_needs_two_people(scene: Scene) -> None:
    """R19: no phone, no card: two roles vouch."""
    entry: dict[str, Any] = {"person_id": str(scene.someone.id), "walk_in_confirmed": True}
    asked = scene.device_scan(**entry).json()
    assert (asked["outcome"], asked["reason"]) == ("needs_input", "second_approval")
    staff = make_staff(scene.database, HIDA, now=scene.clock.now())
    done = scene.client.post(
        f"/api/v1/local-governments/{HIDA}/sessions/{scene.session.id}/check-ins",
        json={"scan_id": str(uuid4())} | entry,
        headers=staff.headers,
    ).json()
    assert (done["outcome"], done["counted"]) == ("accepted", True)


def test_r19_offline_scans_uploaded_next_day_count_once_and_gaps_are_told(scene: Scene) -> None:
    """C19, C26, P02: device time decides, corrected; the second device's scan is already."""
    card = make_card(scene.database, scene.keys, scene.someone, now=scene.clock.now())
    made_at = scene.clock.now() + timedelta(minutes=10)
    scene.clock.advance(timedelta(days=1))

    def scan(sequence: int, **more: Any) -> dict[str, Any]:
        return {
            "scan_id": str(uuid4()),
            "session_id": str(scene.session.id),
            "scanned_at": (made_at + timedelta(minutes=2)).isoformat(),
            "offset_ms": 120_000,
            "offline": True,
            "sequence": sequence,
            "code": card,
            "name_confirmed": True,
            "walk_in_confirmed": True,
        } | more

    batch = {"scans": [scan(1), scan(3), scan(4, code="FJ1:NONSENSE")], "made": 4}
    headers = {"Authorization": f"Bearer {scene.device}"}
    answer = scene.client.post("/api/v1/device/check-ins/batch", json=batch, headers=headers)
    assert answer.status_code == 200, answer.text
    outcomes = [(one["outcome"], one["counted"]) for one in answer.json()["answers"]]
    assert outcomes == [("accepted", True), ("already", False), ("refused", False)]
    assert answer.json()["missing"] == [2]
    repeat = scene.client.post("/api/v1/device/check-ins/batch", json=batch, headers=headers)
    assert all(one["repeated"] for one in repeat.json()["answers"])
    assert scene.look.rows(
        "select at, day from check_in join participation using (session_id)"
    ) == [(made_at, DAY)]
    late = scan(5, scanned_at=(scene.clock.now() - timedelta(days=8)).isoformat())
    refused = scene.client.post(
        "/api/v1/device/check-ins/batch", json={"scans": [late]}, headers=headers
    ).json()["answers"][0]
    assert refused["reason"] == "upload_too_late"


def test_r19_before_and_after_the_window_and_without_registration(scene: Scene) -> None:
    """−60 to +30 minutes; a stranger is told what to do."""
    scene.clock.at = jst(DAY, 7, 59)
    early = scene.self_scan(venue_code(scene.keys, scene.session, at=scene.clock.now()))
    assert early.json()["reason"] == "too_early"
    scene.clock.at = jst(DAY, 12, 31)
    late = scene.self_scan(venue_code(scene.keys, scene.session, at=scene.clock.now()))
    assert late.json()["reason"] == "too_late"
    scene.clock.at = jst(DAY, 12, 30)
    scene.someone = create_person(scene.database)
    stranger = scene.self_scan(venue_code(scene.keys, scene.session, at=scene.clock.now())).json()
    assert (stranger["reason"], stranger["problems"][0]["action"]) == ("not_registered", "register")


def test_p13_another_bodys_device_and_session_do_not_exist_here(scene: Scene) -> None:
    """A device of 気仙沼市 cannot touch a session of 飛騨市, and learns nothing of it."""
    other = create_designated_activity(scene.database, lg_code=KESENNUMA)
    scene.device = make_device(
        scene.database, other.organisation_id, lg_code=KESENNUMA, now=scene.clock.now()
    )
    card = make_card(scene.database, scene.keys, scene.someone, now=scene.clock.now())
    answer = scene.device_scan(code=card, name_confirmed=True, walk_in_confirmed=True).json()
    assert (answer["outcome"], answer["reason"]) == ("refused", "foreign_body")
    assert answer["activity"] is None
    forged = scene.client.post(
        f"/api/v1/device/sessions/{scene.session.id}/check-ins",
        json={"scan_id": str(uuid4()), "code": card},
        headers={"Authorization": f"Bearer d1.{HIDA}.{scene.device.rsplit('.', 1)[1]}"},
    )
    assert forged.status_code == 401


def test_c7_undo_annuls_and_the_days_second_presence_takes_its_place(scene: Scene) -> None:
    """Nothing is deleted; after 15 minutes only staff, and a late try is on record."""
    other = create_session(
        scene.database, scene.activity, starts_at=jst(DAY, 13), now=scene.clock.now(), place="別"
    )
    scene.self_scan(venue_code(scene.keys, scene.session, at=scene.clock.now()))
    scene.clock.at = jst(DAY, 13)
    staff = make_staff(scene.database, HIDA, now=scene.clock.now())
    scene.self_scan(venue_code(scene.keys, other, at=scene.clock.now()))
    first = scene.look.one("select id from check_in order by at limit 1")
    url = f"/api/v1/local-governments/{HIDA}/check-ins/{first}/annul"
    stranger = scene.client.post(url, json={"reason": "x"}, headers=scene.someone.headers)
    assert stranger.status_code == 404
    undone = scene.client.post(url, json={"reason": "まちがい"}, headers=staff.headers)
    assert undone.status_code == 200, undone.text
    assert scene.look.rows(
        "select counted, annulled_at is not null from participation order by created_at"
    ) == [(False, True), (True, False)]
    assert scene.look.one("select count(*) from participation_change") == 2
    assert scene.look.rows("select state from stay_day") == [("counted",)]
    again = venue_code(scene.keys, other, at=scene.clock.now())
    assert scene.self_scan(again).json()["outcome"] == "already"


def test_bad_input_is_answered_clearly(scene: Scene) -> None:
    """No 5xx from input: damaged codes at every byte, unknown ids, malformed bodies."""
    card = make_card(scene.database, scene.keys, scene.someone, now=scene.clock.now())
    for n in range(0, len(card), 7):
        broken = card[:n] + ("A" if card[n] != "A" else "B") + card[n + 1 :]
        answer = scene.device_scan(code=broken, name_confirmed=True, walk_in_confirmed=True)
        assert answer.status_code == 200, answer.text
        assert answer.json()["outcome"] == "refused"
    assert scene.look.one("select count(*) from participation") == 0
    headers = {"Authorization": f"Bearer {scene.device}"}
    url = f"/api/v1/device/sessions/{uuid4()}/check-ins"
    unknown = scene.client.post(url, json={"scan_id": str(uuid4()), "code": card}, headers=headers)
    assert unknown.json()["reason"] == "unknown_code"
    for body in ("{", "[]", '{"scan_id": 1}', '{"scan_id": "x", "code": "\\u0000"}'):
        bad = scene.client.post(
            url, content=body, headers=headers | {"Content-Type": "application/json"}
        )
        assert bad.status_code == 422
        assert bad.headers["content-type"] == "application/problem+json"
    nul = scene.device_scan(code="\x00\ud800".encode("utf-16", "surrogatepass").decode("latin-1"))
    assert nul.status_code in {200, 422}


# --- C31: minutes follow coming and leaving -------------------------------------------------


def _in_and_out(scene: Scene) -> str:
    with scene.database.owner() as connection:
        connection.execute(text("update activity set attendance_mode = 'in_and_out'"))
    return make_card(scene.database, scene.keys, scene.someone, now=scene.clock.now())


def _minutes(scene: Scene) -> list[int]:
    rows = scene.look.rows("select minutes from participation where annulled_at is null")
    return [minutes for (minutes,) in rows]


def test_c31_leaving_sets_the_minutes_and_undoing_it_gives_them_back(scene: Scene) -> None:
    card = _in_and_out(scene)
    shown: dict[str, Any] = {"code": card, "name_confirmed": True, "walk_in_confirmed": True}
    scene.clock.at = jst(DAY, 9, 20)
    assert scene.device_scan(**shown).json()["counted"] is True
    assert _minutes(scene) == [160]  # as long as nobody leaves: until the session ends
    scene.clock.at = jst(DAY, 11, 30)
    assert scene.device_scan(**shown, direction="out").json()["reason"] == "left"
    assert _minutes(scene) == [130]
    staff = make_staff(scene.database, HIDA, now=scene.clock.now())
    leaving = scene.look.one("select id from check_in where direction = 'out'")
    url = f"/api/v1/local-governments/{HIDA}/check-ins/{leaving}/annul"
    undone = scene.client.post(url, json={"reason": "まちがい"}, headers=staff.headers)
    assert undone.status_code == 200, undone.text
    assert _minutes(scene) == [160]
    changes = scene.look.rows("select before, after from participation_change")
    assert [(one["minutes"], two["minutes"]) for one, two in changes] == [(130, 160)]


def test_c31_a_batch_with_both_ways_counts_the_time_between(scene: Scene) -> None:
    card = _in_and_out(scene)
    made = {"in": jst(DAY, 8, 50), "out": jst(DAY, 10, 15)}
    scene.clock.advance(timedelta(days=1))
    scans = [
        {
            "scan_id": str(uuid4()),
            "session_id": str(scene.session.id),
            "scanned_at": made[way].isoformat(),
            "offset_ms": 0,
            "offline": True,
            "sequence": number,
            "code": card,
            "name_confirmed": True,
            "walk_in_confirmed": True,
            "direction": way,
        }
        for number, way in enumerate(("out", "in"), start=1)
    ]
    headers = {"Authorization": f"Bearer {scene.device}"}
    url = "/api/v1/device/check-ins/batch"
    answer = scene.client.post(url, json={"scans": scans, "made": 2}, headers=headers).json()
    assert {one["outcome"] for one in answer["answers"]} == {"accepted"}
    assert _minutes(scene) == [75]


def test_c31_in_only_keeps_the_scheduled_hours(scene: Scene) -> None:
    card = make_card(scene.database, scene.keys, scene.someone, now=scene.clock.now())
    shown: dict[str, Any] = {"code": card, "name_confirmed": True, "walk_in_confirmed": True}
    scene.clock.at = jst(DAY, 10)
    scene.device_scan(**shown)
    scene.clock.at = jst(DAY, 11)
    scene.device_scan(**shown, direction="out")
    assert _minutes(scene) == [180]


def test_c31_a_forgotten_way_out_waits_for_staff_who_say_when(scene: Scene) -> None:
    card = _in_and_out(scene)
    scene.device_scan(code=card, name_confirmed=True, walk_in_confirmed=True)
    scene.clock.at = jst(DAY, 13)
    staff = make_staff(scene.database, HIDA, now=scene.clock.now())
    area = f"/api/v1/local-governments/{HIDA}"
    listed = scene.client.get(f"{area}/forgotten-exits", headers=staff.headers).json()["items"]
    assert [one["display_name"] for one in listed] == ["古川 花子"]
    assert scene.look.one("select count(*) from audit_event where action = 'check_in.review'") == 1
    url = f"{area}/check-ins/{listed[0]['check_in_id']}/leaving"
    for wrong in (jst(DAY, 8), jst(DAY, 12, 1)):
        given = {"left_at": wrong.isoformat()}
        refused = scene.client.post(url, json=given, headers=staff.headers)
        assert (refused.status_code, refused.json()["code"]) == (422, "time_outside_session")
    given = {"left_at": jst(DAY, 10).isoformat()}
    done = scene.client.post(url, json=given, headers=staff.headers)
    assert (done.status_code, done.json()["minutes"]) == (200, 60)
    assert _minutes(scene) == [60]
    again = scene.client.post(url, json=given, headers=staff.headers)
    assert (again.status_code, again.json()["code"]) == (409, "already_left")
    left = scene.client.get(f"{area}/forgotten-exits", headers=staff.headers).json()
    assert left == {"items": [], "next_cursor": None}


def test_c31_undoing_the_arrival_undoes_the_leaving(scene: Scene) -> None:
    card = _in_and_out(scene)
    shown: dict[str, Any] = {"code": card, "name_confirmed": True, "walk_in_confirmed": True}
    scene.device_scan(**shown)
    scene.clock.at = jst(DAY, 9, 5)
    scene.device_scan(**shown, direction="out")
    staff = make_staff(scene.database, HIDA, now=scene.clock.now())
    arrival = scene.look.one("select id from check_in where direction = 'in'")
    url = f"/api/v1/local-governments/{HIDA}/check-ins/{arrival}/annul"
    scene.client.post(url, json={"reason": "まちがい"}, headers=staff.headers)
    assert scene.look.one("select count(*) from check_in where annulled_at is null") == 0
