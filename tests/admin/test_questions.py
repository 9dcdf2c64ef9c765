"""A registrant asks the town, staff answer from the row of 今日 by its day, the person reads it."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import jpholiday
import pytest
from sqlalchemy import select

from core.access import Role
from core.db import for_body
from core.models import AuditEvent, Notice
from registry.models import Question
from registry.rules.calendars import working_days_after
from tests.factories.registry import (
    HIDA,
    KESENNUMA,
    NOW,
    create_person,
    join,
    make_staff,
    registration_of,
)

if TYPE_CHECKING:
    from fastapi.testclient import TestClient
    from httpx2 import Response

    from core.clock import FixedClock
    from tests.conftest import RollbackDatabase
    from tests.factories.registry import SignedIn

PAGE = f"/towns/{HIDA}/questions"
HOME = f"/staff/{HIDA}"


def post(http: TestClient, someone: SignedIn, path: str, **fields: str) -> Response:
    return http.post(path, headers=someone.headers, data={"_key": str(uuid4())} | fields)


@pytest.mark.parametrize(
    ("asked", "by"),
    [
        (date(2027, 6, 1), date(2027, 6, 8)),
        # Golden Week: 29 April, 3 to 5 May.
        (date(2027, 4, 28), date(2027, 5, 11)),
        (date(2027, 6, 5), date(2027, 6, 11)),
    ],
)
def test_offices_work_on_weekdays_that_are_no_holidays(asked: date, by: date) -> None:
    assert working_days_after(asked, 5, jpholiday.is_holiday) == by


def test_a_question_is_answered_once_and_read_by_whoever_asked(
    http: TestClient, database: RollbackDatabase, clock: FixedClock
) -> None:
    person, other = create_person(database, nickname="たろう"), create_person(database)
    row = join(database, person, HIDA, now=NOW - timedelta(days=30))
    join(database, other, HIDA)
    clerk = make_staff(database, HIDA, Role.CLERK)
    town = http.get(f"/towns/{HIDA}", headers=person.headers).text
    assert f'href="{PAGE}"' in town
    asked = post(http, person, PAGE, text="長ぐつは\n借りられますか")
    assert asked.headers["location"] == f"{PAGE}?done=asked"
    assert "返事を待っています" in http.get(PAGE, headers=person.headers).text
    kept = registration_of(database, person, HIDA)
    assert kept is not None
    assert kept.last_access_on == NOW.date()
    inbox = http.get(HOME, headers=clerk.headers).text
    assert "長ぐつは\n借りられますか" in inbox
    assert "2027年6月9日（水） 0時まで" in inbox
    [path] = re.findall(rf'action="({HOME}/questions/[0-9a-f-]+)"', inbox)
    empty = post(http, clerk, path)
    assert empty.status_code == 422
    answered = post(http, clerk, path, sentence="counter", answer="3足あります。")
    assert answered.headers["location"] == f"{HOME}?done=question_answered"
    assert post(http, clerk, path, answer="もう一度").status_code == 409
    page = http.get(PAGE, headers=person.headers).text
    assert "くわしくは、役所の窓口かお電話でうかがいます。\n3足あります。" in page
    assert "借りられますか" not in http.get(PAGE, headers=other.headers).text
    assert path not in http.get(HOME, headers=clerk.headers).text
    member = http.get(f"{HOME}/members/{row.id}", headers=clerk.headers).text
    assert "3足あります。" in member
    with database.owner() as connection:
        told = connection.execute(
            select(Notice.person_id, Notice.facts).where(Notice.kind == "question_answered")
        ).all()
    assert [tuple(one) for one in told] == [(person.id, {"government": "飛騨市"})]
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        acts = select(AuditEvent.action).where(AuditEvent.subject_kind == "question")
        assert sorted(db.scalars(acts)) == ["question.answer", "question.ask"]


def test_a_few_a_day_where_one_is_registered_and_never_a_number(
    http: TestClient, database: RollbackDatabase, clock: FixedClock
) -> None:
    person, stranger = create_person(database), create_person(database)
    join(database, person, HIDA)
    join(database, stranger, KESENNUMA)
    assert post(http, stranger, PAGE, text="こんにちは").status_code == 404
    assert post(http, person, PAGE, text="").status_code == 422
    assert post(http, person, PAGE, text="あ" * 1001).status_code == 422
    refused = post(http, person, PAGE, text="番号は 123456789018 です")
    assert refused.status_code == 422
    for number in range(3):
        assert post(http, person, PAGE, text=f"質問{number}").status_code == 303
    fourth = post(http, person, PAGE, text="質問4")
    assert fourth.status_code == 422
    assert "1日に3つまで" in fourth.text
    assert "質問4" in fourth.text
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        ids = db.scalars(select(Question.id).order_by(Question.asked_at)).all()
    close = f"{PAGE}/{ids[0]}/close"
    assert post(http, stranger, close).status_code == 404
    assert post(http, person, close).status_code == 303
    assert post(http, person, close).status_code == 422
    clerk = make_staff(database, HIDA, Role.CLERK)
    inbox = http.get(HOME, headers=clerk.headers).text
    assert f"{HOME}/questions/{ids[0]}" not in inbox
    assert inbox.count(f'action="{HOME}/questions/') == 2
    viewer = make_staff(database, HIDA, Role.VIEWER)
    path = f"{HOME}/questions/{ids[1]}"
    assert post(http, viewer, path, answer="はい").status_code == 403
    clock.advance(timedelta(days=1))
    assert post(http, person, PAGE, text="質問5").status_code == 303
