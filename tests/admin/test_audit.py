"""C48: the record is searched by person, staff, act and day, taken as a file, and never leaks."""

import csv
import io
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from activities.trail import events_of_operators
from core import audit
from core.access import Role
from core.clock import JAPAN, FixedClock
from core.db import Database, for_body
from core.errors import Forbidden
from core.models import AuditEvent
from registry import members
from registry.doors import as_operator
from registry.models import Registration
from tests.factories.registry import (
    GIFU,
    HIDA,
    KESENNUMA,
    NOW,
    SignedIn,
    create_person,
    join,
    make_operator,
    make_staff,
)

PAGE = f"/staff/{HIDA}/audit"
FILE = f"{PAGE}/file"


def lines(http: TestClient, someone: SignedIn, path: str, **asked: str) -> list[dict[str, str]]:
    """The rows of a file by the words of its head."""
    answer = http.get(path, headers=someone.headers, params=asked)
    assert answer.status_code == 200, answer.text
    assert answer.content.startswith(b"\xef\xbb\xbf")
    assert answer.headers["content-disposition"].endswith('.csv"')
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


def look(database: Database, staff: SignedIn, registration: Registration) -> None:
    """Somebody opens a person's page."""
    with database.transaction(for_body(HIDA, actor=staff.actor.label)) as db:
        members.open_member(
            db,
            actor=staff.actor,
            lg_code=HIDA,
            registration_id=registration.id,
            now=NOW,
            purpose="inquiry",
        )


def test_it_is_searched_by_number_staff_act_and_day(http: TestClient, database: Database) -> None:
    manager = make_staff(database, HIDA, name="課長")
    clerk = make_staff(database, HIDA, Role.CLERK, name="=係員")
    ours = [join(database, create_person(database), HIDA) for _ in range(2)]
    for row in ours:
        look(database, clerk, row)
    number = ours[0].member_number
    found = lines(http, manager, FILE, number=f" {number[:4]}-{number[4:].lower()} ")
    assert "登録者の記録を見た" in {one["何を"] for one in found}
    opened = [one for one in found if one["何を"] == "登録者の記録を見た"]
    assert len(opened) == 1
    # A name that begins like a formula stays a text; times are Japanese.
    assert opened[0] | {"対象": ""} == {
        "いつ": NOW.astimezone(JAPAN).isoformat(),
        "だれが": "職員",
        "名前": "'=係員",
        "何を": "登録者の記録を見た",
        "対象": "",
        "目的": "本人からの問い合わせ",
        "件数": "1",
        "結果": "できた",
    }
    by_clerk = lines(http, manager, FILE, staff=str(clerk.id))
    assert {one["名前"] for one in by_clerk} == {"'=係員"}
    assert len(by_clerk) == 2
    by_act = lines(http, manager, FILE, action="registration.open")
    assert len(by_act) == 2
    day = "2027-06-01"
    assert len(lines(http, manager, FILE, action="registration.open", since=day, until=day)) == 2
    assert lines(http, manager, FILE, action="registration.open", since="2027-06-02") == []
    assert lines(http, manager, FILE, action="registration.open", until="2027-05-31") == []
    page = http.get(PAGE, headers=manager.headers, params={"number": number, "since": day}).text
    # Having taken the file about this person is one row more.
    assert page.count("この人の記録") == len(found) + 1
    assert f'value="{number}"' in page
    assert f"{FILE}?number={number}&amp;since={day}" in page


def test_what_does_not_fit_is_told_in_place(http: TestClient, database: Database) -> None:
    """No other body's number is known here, and a bad day is no empty answer."""
    manager = make_staff(database, HIDA)
    elsewhere = join(database, create_person(database), KESENNUMA)
    for asked, said in (
        ({"number": elsewhere.member_number}, "この番号の登録者は、ここにはいません"),
        ({"number": "zzz"}, "この番号の登録者は、ここにはいません"),
        ({"since": "2027-13-01"}, "エラー"),
        ({"since": "0001-01-01"}, "エラー"),
        ({"until": "9999-12-31"}, "エラー"),
        ({"staff": "nobody"}, "エラー"),
    ):
        page = http.get(PAGE, headers=manager.headers, params=asked)
        assert page.status_code == 422, asked
        assert said in page.text, asked
        assert http.get(FILE, headers=manager.headers, params=asked).status_code == 422
    empty = http.get(PAGE, headers=manager.headers, params={"since": "2030-01-01"}).text
    assert "当てはまる記録はありません" in empty


def test_taking_the_file_is_recorded_and_asks_who_one_is(
    http: TestClient, database: Database, clock: FixedClock
) -> None:
    """d-11: a file leaves the desk only after a proof a short while ago; viewers get none."""
    manager = make_staff(database, HIDA)
    lines(http, manager, FILE)
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        rows = db.scalars(select(AuditEvent).where(AuditEvent.action == "audit.export")).all()
    assert [(one.actor, one.lg_code) for one in rows] == [(manager.actor.label, HIDA)]
    approver = make_staff(database, HIDA, Role.APPROVER)
    assert http.get(FILE, headers=approver.headers).status_code == 403
    clock.advance(timedelta(minutes=6))
    answer = http.get(f"{FILE}?action=audit.read", headers=manager.headers)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(
        "/staff/signin/again?next=/staff/212172/audit/file"
    )


def test_the_prefecture_and_the_operator_have_their_own(
    http: TestClient, database: Database
) -> None:
    """Each sees its own acts: no municipality's at the prefecture, nobody's person at the operator."""
    operator, manager = make_operator(database), make_staff(database, HIDA)
    prefecture = make_staff(database, GIFU, name="県の人")
    row = join(database, create_person(database), HIDA)
    look(database, manager, row)
    with database.transaction(as_operator(operator.actor)) as db:
        audit.record(
            db,
            actor=operator.actor,
            action="local_government.state",
            subject=("local_government", HIDA),
            now=NOW,
            lg_code=HIDA,
        )
    own = http.get("/operator/audit", headers=operator.headers).text
    assert f'href="/operator/bodies/{HIDA}"' in own
    assert str(row.person_id) not in own
    told = lines(http, operator, "/operator/audit/file")
    assert {one["だれが"] for one in told} == {"運営"}
    assert {one["何を"] for one in told} >= {"記録を見た", "団体の状態を変えた"}
    again = lines(http, operator, "/operator/audit/file", action="audit.export")
    assert len(again) == 1
    at_prefecture = lines(http, prefecture, f"/staff/{GIFU}/audit/file")
    assert "登録者の記録を見た" not in {one["何を"] for one in at_prefecture}
    with database.transaction(as_operator(operator.actor)) as db:
        seen = db.scalars(select(AuditEvent)).all()
        assert {one.actor.partition(":")[0] for one in seen} == {"operator"}
        with pytest.raises(Forbidden):
            events_of_operators(db, actor=manager.actor, now=NOW, limit=5)


def test_machines_search_it_too(http: TestClient, database: Database) -> None:
    """The same search over the API: staff and days."""
    manager, clerk = make_staff(database, HIDA), make_staff(database, HIDA, Role.CLERK)
    look(database, clerk, join(database, create_person(database), HIDA))
    path = f"/api/v1/local-governments/{HIDA}/audit-events"

    def actions(**asked: str) -> list[str]:
        answer = http.get(path, headers=manager.headers, params=asked)
        return [one["action"] for one in answer.json()["items"]]

    assert actions(account_id=str(clerk.id)) == ["registration.open"]
    assert "registration.open" in actions(since="2027-06-01", until="2027-06-01")
    assert actions(since="2027-06-02") == []
    assert "registration.open" not in actions(until="2027-05-31")
