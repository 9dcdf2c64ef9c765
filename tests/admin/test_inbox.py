"""今日's list: everything by its deadline, decided from the row, taken back, many at once (R15)."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import select, text

from activities.models import StayDay
from core.clock import FixedClock
from core.db import Database, for_body, for_person
from core.models import AuditEvent, Notice
from registry.models import Application, Judgement, Term
from tests.conftest import RollbackDatabase
from tests.factories.desk import Morning, create_applicants, create_morning
from tests.factories.premium import slots_of, tier_of
from tests.factories.presence import make_device
from tests.factories.registry import HIDA, SignedIn, create_person, join, make_staff

HOME = f"/staff/{HIDA}"
TODAY = {"back": "today"}


@pytest.fixture
def morning(database: Database) -> Morning:
    return create_morning(database)


def send(http: TestClient, someone: SignedIn, path: str, **fields: Any) -> Response:
    """One of the page's forms, sent as a browser without scripts does."""
    given = {"_key": str(uuid4()), **fields}
    authority = {"Authorization": someone.headers["Authorization"]}
    return http.post(HOME + path, data=given, headers=authority)


def look(http: TestClient, someone: SignedIn, query: str = "") -> str:
    answer = http.get(HOME + query, headers=someone.headers)
    assert answer.status_code == 200, answer.text
    return answer.text


def keys(page: str) -> list[str]:
    """The rows of the list, in their order."""
    return re.findall(r'data-row tabindex="-1" id="([a-z]+)-', page)


def stored(database: Database, model: Any) -> Any:
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        return db.scalars(select(model).where(model.lg_code == HIDA)).all()


def told(database: Database, someone: SignedIn) -> list[str]:
    with database.transaction(for_person(someone.id)) as db:
        return list(db.scalars(select(Notice.kind).where(Notice.person_id == someone.id)))


def test_r15_everything_that_waits_is_one_list_by_deadline(
    http: TestClient, database: RollbackDatabase, morning: Morning, clock: FixedClock
) -> None:
    make_device(database, morning.organisation.id, now=clock.now())
    with database.owner() as connection:
        connection.execute(text("update scanner_device set reported_sequence = 7"))
        connection.execute(text("update activity set audit_sampled = true where published"))
    page = look(http, morning.approver)
    found = keys(page)
    assert sorted(found) == ["application", "device", "proposal", "sample", "scan", "stay"]
    assert found[-1] != "device", "a device's scans are lost after seven days, before the others"
    assert "7件の受付が、この端末に残っています" in page
    deadlines = re.findall(r"(\d+月\d+日[^<]*?)まで", page.partition("data-inbox")[2])
    assert len(deadlines) >= len(found)
    clerks = look(http, morning.clerk)
    assert f"/applications/{morning.application.id}/approve" not in clerks
    assert "/stays/" in clerks
    assert 'name="plain"' not in clerks
    # C48: names were shown, and that is recorded.
    assert {"application.list", "stay_day.list"} <= {
        row.action for row in stored(database, AuditEvent)
    }


def test_r15_a_row_is_decided_taken_back_and_decided_again(
    http: TestClient, database: Database, morning: Morning, clock: FixedClock
) -> None:
    """The person is told each time, and their place among three is kept."""
    way = f"/applications/{morning.application.id}/approve"
    done = send(http, morning.approver, way, **TODAY)
    where = done.headers["location"]
    assert where == f"{HOME}?done=approved&undo=application:{morning.application.id}"
    page = look(http, morning.approver, where.removeprefix(HOME))
    assert "/today/undo" in page
    assert "/today/undo" not in look(http, morning.manager, where.removeprefix(HOME))
    assert tier_of(database, morning.applicant, HIDA) == "premium"
    item = {"item": f"application:{morning.application.id}"}
    other = send(http, morning.manager, "/today/undo", **item)
    assert other.status_code == 409
    assert "10分間" in other.text
    back = send(http, morning.approver, "/today/undo", **item)
    assert back.headers["location"] == f"{HOME}?done=taken_back"
    assert tier_of(database, morning.applicant, HIDA) == "basic"
    assert slots_of(database, morning.applicant) == {HIDA: "pending"}
    assert "application" in keys(look(http, morning.approver))
    clock.advance(timedelta(seconds=9))
    assert send(http, morning.approver, way, **TODAY).status_code == 303
    assert tier_of(database, morning.applicant, HIDA) == "premium"
    by_itself = look(http, morning.approver).partition("自動で行ったこと")[2]
    assert "/judgements/" not in by_itself, "people decided, from the first look to the last"
    kinds = told(database, morning.applicant)
    assert kinds.count("premium_granted") == 2
    assert kinds.count("premium_taken_back") == 1
    assert "premium_ended" not in kinds
    clock.advance(timedelta(minutes=11))
    late = send(http, morning.approver, "/today/undo", **item)
    assert late.status_code == 409


def test_r15_a_refusal_is_taken_back(
    http: TestClient, database: Database, morning: Morning
) -> None:
    one = f"application:{morning.application.id}"
    way = f"/applications/{morning.application.id}/refuse"
    empty = send(http, morning.approver, way, reason="", **TODAY)
    assert empty.status_code == 422
    assert "data-inbox" in empty.text, "the list from which it was decided"
    done = send(http, morning.approver, way, reason="活動の日を確かめています。", **TODAY)
    assert done.headers["location"].endswith(f"done=refused&undo={one}")
    assert slots_of(database, morning.applicant) == {}
    assert send(http, morning.approver, "/today/undo", item=one).status_code == 303
    (row,) = stored(database, Application)
    assert (row.state, row.note) == ("review", None)
    assert slots_of(database, morning.applicant) == {HIDA: "pending"}
    # Who has taken something back cannot take it back again.
    assert send(http, morning.approver, "/today/undo", item=one).status_code == 409


def test_r11_a_stay_is_taken_back_by_whoever_let_it_count(
    http: TestClient, database: Database, morning: Morning
) -> None:
    (stay,) = (row for row in stored(database, StayDay) if row.state == "reported")
    way = f"/stays/{stay.person_id}/{stay.day}/approve"
    done = send(http, morning.clerk, way, **TODAY)
    item = f"stay:{stay.person_id}:{stay.day}"
    assert done.headers["location"].endswith(f"undo={item}")
    assert send(http, morning.approver, "/today/undo", item=item).status_code == 409
    assert send(http, morning.clerk, "/today/undo", item=item).status_code == 303
    again = {(row.person_id, row.day): row.state for row in stored(database, StayDay)}
    assert again[stay.person_id, stay.day] == "reported"


def test_r14_a_renewal_is_taken_back(
    http: TestClient, database: RollbackDatabase, morning: Morning
) -> None:
    send(http, morning.approver, f"/applications/{morning.application.id}/approve")
    with database.owner() as connection:
        connection.execute(
            text("update term set renewal_state = 'review', first_day = first_day - 40")
        )
    (term,) = stored(database, Term)
    item = f"renewal:{term.id}"
    assert "renewal" in keys(look(http, morning.approver))
    done = send(http, morning.approver, f"/renewals/{term.id}/approve", **TODAY)
    assert done.headers["location"].endswith(f"undo={item}")
    assert send(http, morning.approver, "/today/undo", item=item).status_code == 303
    states = {row.state: row.renewal_state for row in stored(database, Term)}
    assert states == {"active": "review", "annulled": "none"}
    assert "renewal_taken_back" in told(database, morning.applicant)
    assert send(http, morning.approver, f"/renewals/{term.id}/approve").status_code == 303


def test_r15_many_are_looked_at_before_and_approved_together(
    http: TestClient, database: RollbackDatabase, morning: Morning, clock: FixedClock
) -> None:
    """C46: what the look says is what happens; who is in the way stays, with the reason."""
    create_applicants(database, 3)
    with database.owner() as connection:
        connection.execute(
            text("update participation set counted = false where person_id = :id"),
            {"id": morning.applicant.id},
        )
    page = look(http, morning.approver)
    assert "要件を満たす4件をまとめて見る" in page
    nothing = send(http, morning.approver, "/today/preview")
    assert nothing.status_code == 422
    assert "1件以上選んでください" in nothing.text
    before = send(http, morning.approver, "/today/preview", plain="1")
    assert "選んだ4件のうち、3件を承認できます" in before.text
    assert "承認できません" in before.text
    rows = stored(database, Application)
    assert {row.state for row in rows} == {"review"}, "a look decides nothing"
    judged = len(stored(database, Judgement))
    given = [f"application:{row.id}" for row in rows]
    clock.advance(timedelta(minutes=6))
    asked = send(http, morning.approver, "/today/approve", item=given)
    assert asked.status_code == 401, "many at once ask once more who one is (d-11)"
    fresh = make_staff(database, HIDA, now=clock.now())
    done = send(http, fresh, "/today/approve", item=given)
    assert done.headers["location"] == f"{HOME}?done=many_partly"
    left = [row for row in stored(database, Application) if row.state == "review"]
    assert [row.id for row in left] == [morning.application.id]
    assert len(stored(database, Judgement)) == judged + 3
    assert [row.row_count for row in stored(database, AuditEvent) if "look_at" in row.action] == [4]


def test_c47_nobody_decides_about_themselves_among_many(
    http: TestClient, database: Database, morning: Morning
) -> None:
    own = create_person(database, email=morning.approver.email, nickname="山本")
    join(database, own, HIDA)
    item = f"stay:{own.id}:2027-05-20"
    for path in ("/today/preview", "/today/approve", "/today/undo"):
        assert send(http, morning.approver, path, item=item).status_code == 403
    assert send(http, morning.clerk, "/today/preview", item=item).status_code == 403
    assert send(http, morning.approver, "/today/undo", item="nothing:1").status_code == 404
