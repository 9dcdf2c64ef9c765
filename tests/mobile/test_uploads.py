"""C7, C19, C25: a device's log follows line by line, is taken back in time, travels as a file."""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from activities.rules.devicelog import Head, Line, LogState, follow, mark_of
from core import sealing
from core.access import Role
from core.clock import FixedClock
from core.web import SESSION_COOKIE
from tests.conftest import RollbackDatabase
from tests.factories.activities import create_designated_activity, create_session, sign_up
from tests.factories.presence import Look, make_card, make_device, make_keys
from tests.factories.registry import (
    GIFU,
    HIDA,
    NOW,
    create_person,
    join,
    make_staff,
    open_bodies,
)


def line(number: int, before: str) -> Line:
    bare = Line(number, str(uuid4()), "2027-06-01T01:00:00.000Z", "FJ1:X", "")
    return Line(number, bare.scan_id, bare.scanned_at, bare.code, mark_of(before, bare))


def test_c19_what_is_left_out_changed_or_moved_is_seen() -> None:
    lines: list[Line] = []
    for number in range(1, 5):
        lines.append(line(number, lines[-1].mark if lines else ""))
    one, two, three, four = lines
    head, state = follow(Head(), [two, one])
    assert (head, state) == (Head(2, two.mark), LogState.WHOLE), "the order of an upload is nothing"
    assert follow(head, [one, two]) == (head, LogState.WHOLE), "a repeat says nothing new"
    assert follow(head, [three, four])[1] is LogState.WHOLE
    assert follow(Head(1, one.mark), [three])[1] is LogState.GAP
    other = Line(3, three.scan_id, three.scanned_at, "FJ1:SOMEBODY ELSE", three.mark)
    assert follow(head, [other, four])[1] is LogState.BROKEN
    moved = [
        Line(3, four.scan_id, four.scanned_at, four.code, four.mark),
        Line(4, three.scan_id, three.scanned_at, three.code, three.mark),
    ]
    assert follow(head, moved)[1] is LogState.BROKEN


@dataclass
class Away:
    """An enrolled phone without network, as its script works (mobile/static/counter.js)."""

    client: TestClient
    token: str
    session: str
    made: list[dict[str, Any]] = field(default_factory=list)

    def scan(self, code: str, at: datetime) -> dict[str, Any]:
        before = self.made[-1]["mark"] if self.made else ""
        said = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        scan: dict[str, Any] = {
            "scan_id": str(uuid4()),
            "session_id": self.session,
            "code": code,
            "scanned_at": said,
            "offset_ms": 0,
            "offline": True,
            "sequence": len(self.made) + 1,
            "name_confirmed": True,
            "walk_in_confirmed": True,
        }
        text = "|".join((before, str(scan["sequence"]), scan["scan_id"], said, code))
        scan["mark"] = hashlib.sha256(text.encode()).hexdigest()
        self.made.append(scan)
        return scan

    def send(self, *scans: dict[str, Any]) -> Any:
        answer = self.client.post(
            "/api/v1/device/check-ins/batch",
            headers={"Authorization": f"Bearer {self.token}"},
            json={"scans": scans, "made": len(self.made)},
        )
        assert answer.status_code == 200, answer.text
        return answer.json()


@dataclass(frozen=True)
class Scene:
    away: Away
    cards: list[str]
    at: datetime


@pytest.fixture
def scene(client: TestClient, database: RollbackDatabase, clock: FixedClock) -> Scene:
    open_bodies(database, GIFU, HIDA)
    keys = make_keys(database, now=NOW)
    activity = create_designated_activity(database)
    session = create_session(database, activity, starts_at=NOW + timedelta(minutes=30))
    cards = []
    for name in ("山田春子", "髙橋正", "佐藤夏"):
        someone = create_person(database, nickname=name, birth_year=1952)
        join(database, someone, HIDA)
        sign_up(database, session, someone.id)
        cards.append(make_card(database, keys, someone, now=NOW))
    token = make_device(database, activity.organisation_id, now=NOW)
    at = NOW + timedelta(minutes=40)
    clock.at = at + timedelta(hours=5)
    return Scene(Away(client, token, str(session.id)), cards, at)


def test_c7_c19_an_upload_tells_of_its_log_and_takes_back_in_time(scene: Scene, look: Look) -> None:
    away, (first, second, third) = scene.away, scene.cards
    one, two = away.scan(first, scene.at), away.scan(second, scene.at + timedelta(minutes=1))
    two["undone_at"] = (scene.at + timedelta(minutes=6)).isoformat()
    told = away.send(one, two)
    assert [answer["outcome"] for answer in told["answers"]] == ["accepted", "accepted"]
    assert told["log"] == "whole"
    living = "select count(*) from check_in where annulled_at is null"
    assert look.one(living) == 1
    assert look.one("select annulled_reason from check_in where annulled_at is not null") == "undo"
    # Sent already, taken back afterwards on the same phone: too late by its own clock.
    one["undone_at"] = (scene.at + timedelta(hours=2)).isoformat()
    assert away.send(one)["log"] == "whole"
    assert look.one(living) == 1
    # Somebody changes what waits on the phone: the line stands, and the log shows it.
    three = away.scan(first, scene.at + timedelta(minutes=20))
    changed = three | {"code": third}
    assert away.send(changed)["log"] == "broken"
    assert look.one("select log_broken_at is not null from scanner_device")
    assert look.one("select count(*) from audit_event where action = 'device.log_broken'") == 1


def test_c25_a_file_is_taken_in_at_the_desk_and_only_unchanged(
    scene: Scene, client: TestClient, database: RollbackDatabase, clock: FixedClock, look: Look
) -> None:
    away = scene.away
    clock.at = scene.at
    armed = client.post(
        f"/api/v1/device/sessions/{away.session}/arming",
        headers={"Authorization": f"Bearer {away.token}"},
    )
    clock.at = scene.at + timedelta(days=2)
    pack = armed.json()
    for card in scene.cards[:2]:
        away.scan(card, scene.at)
    # As long as the log of a device that was away for days.
    body = json.dumps({"scans": away.made, "made": len(away.made)}) + " " * 600_000
    sealed = {
        "device": pack["device_id"],
        "body": body,
        "seal": sealing.mac(pack["file_key"], body),
    }
    staff = make_staff(database, HIDA, Role.CLERK, now=clock.now())
    client.cookies.set(SESSION_COOKIE, staff.token)
    door = f"/staff/{HIDA}/sessions/{away.session}/device-file"

    def hand_in(content: str) -> Any:
        return client.post(
            door,
            data={"_key": str(uuid4())},
            files={"file": ("uketsuke.json", content.encode(), "application/json")},
            headers={"Sec-Fetch-Site": "same-origin"},
            follow_redirects=False,
        )

    bad = hand_in(json.dumps(sealed | {"body": body.replace("true", "false", 1)}))
    assert bad.status_code == 422
    assert "このファイルは読めませんでした" in bad.text
    assert hand_in("not a file of ours").status_code == 422
    endless = hand_in("x" * 5_000_000)
    assert endless.status_code == 422
    assert "このファイルは読めませんでした" in endless.text
    assert look.one("select count(*) from scan_attempt") == 0
    for _ in range(2):
        answer = hand_in(json.dumps(sealed))
        assert answer.status_code == 303, answer.text
        assert "file_taken" in answer.headers["location"]
    rows = look.rows("select outcome, source from scan_attempt order by sequence")
    assert rows == [("accepted", f"device:{pack['device_id']}")] * 2
    assert look.one("select log_sequence from scanner_device") == 2
    assert "ファイルの受付を入れました" in client.get(answer.headers["location"]).text


def test_c21_names_go_along_only_when_asked_for_and_a_stopped_device_is_told(
    scene: Scene, client: TestClient, clock: FixedClock, look: Look
) -> None:
    away = scene.away
    clock.at = scene.at
    door, headers = (
        f"/api/v1/device/sessions/{away.session}/arming",
        {"Authorization": f"Bearer {away.token}"},
    )
    assert client.post(door, headers=headers).json()["people"] is None
    assert look.one("select count(*) from audit_event where action = 'roster.carry'") == 0
    pack = client.post(f"{door}?names=true", headers=headers).json()
    assert [sorted(one) for one in pack["people"]] == [["here", "marks", "name"]] * 3
    assert {one["name"] for one in pack["people"]} == {"山田春子", "髙橋正", "佐藤夏"}
    number, ref = look.rows(
        "select r.member_number, c.card_ref from registration r"
        " join card c on c.lg_code = r.lg_code and c.registration_id = r.id"
        " where r.display_name = '佐藤夏'"
    )[0]
    natsu = next(one for one in pack["people"] if one["name"] == "佐藤夏")
    expected = [
        hashlib.sha256(f"roster|{away.session}|{text}".encode()).hexdigest()[:32]
        for text in (number, ref)
    ]
    assert natsu["marks"] == expected, "and neither the number nor the card's id"
    assert look.one("select count(*) from audit_event where action = 'roster.carry'") == 3
    device = client.get("/api/v1/device", headers=headers)
    assert device.json()["id"] == pack["device_id"]
    clock.at = scene.at + timedelta(days=100)
    stopped = client.get("/api/v1/device", headers=headers)
    assert (stopped.status_code, stopped.json()["code"]) == (403, "device_revoked")
