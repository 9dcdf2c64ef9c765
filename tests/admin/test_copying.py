"""R09: a fiscal year's activities once more in the next, on the same weekday, in one step."""

from __future__ import annotations

import calendar
import re
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from activities import organisations
from activities.models import Activity, ActivitySession
from activities.proposing import ProposalFields
from activities.rules.next_year import copied_by_default, next_year
from core.access import Role
from core.clock import JAPAN, japan_day
from core.db import for_body
from tests.factories.activities import (
    BOOK,
    create_designated_activity,
    create_organisation,
    create_session,
    staff_actor,
)
from tests.factories.registry import HIDA, NOW, SignedIn, make_staff, open_bodies

if TYPE_CHECKING:
    from fastapi.testclient import TestClient
    from httpx2 import Response

    from tests.conftest import RollbackDatabase

PAGE = f"/staff/{HIDA}/activities/last-year"


@given(st.dates(date(2025, 4, 1), date(2060, 3, 31)))
def test_r09_a_date_keeps_its_month_its_weekday_and_its_week(day: date) -> None:
    found = next_year(day)
    assert (found.year, found.month, found.weekday()) == (day.year + 1, day.month, day.weekday())
    fifth = 5
    week, other = (day.day + 6) // 7, (found.day + 6) // 7
    last = calendar.monthrange(found.year, found.month)[1] - found.day < len("weekday")
    assert week == other or (week == fifth and last)


@pytest.mark.parametrize(
    ("day", "year"), [("2027-06-01", 2026), ("2027-09-30", 2026), ("2027-10-01", 2027), ("2028-03-31", 2027)]
)  # fmt: skip
def test_r09_from_october_on_this_year_is_what_is_copied(day: str, year: int) -> None:
    assert copied_by_default(date.fromisoformat(day)) == year


def at(day: str, clock: str) -> datetime:
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=JAPAN)


def press(http: TestClient, someone: SignedIn, path: str, fields: dict[str, object]) -> Response:
    return http.post(path, data={"_key": str(uuid4()), **fields}, headers=someone.headers)


def offered(page: str) -> dict[str, object]:
    """What the form holds as it is offered: all boxes ticked, all fields filled."""
    boxes = re.findall(
        r'type="checkbox" id="[^"]+" name="(activity|session)" value="([^"]+)" checked', page
    )
    fields: dict[str, object] = dict(
        re.findall(r'name="((?:day|starts|ends|capacity)-[^"]+)" type="\w+" value="([^"]*)"', page)
    )
    for name in ("activity", "session"):
        fields[name] = [value for box, value in boxes if box == name]
    return fields | {"year": "2026"}


def test_r09_a_year_is_copied_in_one_step_looked_at_before_and_never_twice(
    http: TestClient, database: RollbackDatabase
) -> None:
    open_bodies(database, HIDA)
    clerk = make_staff(database, HIDA, Role.CLERK)
    trusted = create_organisation(database, name="信頼の会")
    actor = staff_actor()
    with database.transaction(for_body(HIDA, actor=actor.label)) as db:
        organisations.grant_trust(
            db, actor=actor, lg_code=HIDA, organisation_id=trusted.id,
            categories=["festival"], book=BOOK, now=NOW,
        )  # fmt: skip
    then = NOW - timedelta(days=365)
    mowing = create_designated_activity(
        database, fields=ProposalFields("水路の草刈り", "environment_care"), now=then
    )
    feast = create_designated_activity(
        database, trusted, fields=ProposalFields("祭り", "festival"), now=then
    )
    for activity, day in ((mowing, "2026-07-12"), (mowing, "2026-08-30"), (feast, "2026-09-20")):
        start = at(day, "09:00")
        create_session(database, activity, starts_at=start, place="宮川", capacity=12, now=then)
    page = http.get(f"{PAGE}?year=2026", headers=clerk.headers).text
    fields = offered(page)
    assert len(fields["activity"]) == 2  # type: ignore[arg-type]
    assert sorted(str(value) for name, value in fields.items() if name.startswith("day-")) == [
        "2027-07-11", "2027-08-29", "2027-09-19",
    ]  # fmt: skip
    late = next(name for name, value in fields.items() if value == "2027-08-29")
    wrong = press(http, clerk, f"{PAGE}/preview", {**fields, late: "2026-12-27"})
    assert "2回の開催回を作れます" in wrong.text
    assert "作れない日が1回あります" in wrong.text
    assert 'value="2026-12-27"' in wrong.text
    bad = press(http, clerk, f"{PAGE}/preview", {**fields, late: "あした"})
    assert bad.status_code == 422
    none = press(http, clerk, PAGE, {**fields, "activity": []})
    assert none.status_code == 422
    with database.transaction(for_body(HIDA, actor=actor.label)) as db:
        assert len(db.scalars(select(Activity)).all()) == 2
    # One date is left out, another one is moved by a day.
    unticked = late.removeprefix("day-")
    chosen = [one for one in fields["session"] if one != unticked]  # type: ignore[attr-defined]
    july = next(name for name, value in fields.items() if value == "2027-07-11")
    made = press(http, clerk, PAGE, {**fields, "session": chosen, july: "2027-07-10"})
    assert made.headers["location"].endswith("done=year_copied")
    with database.transaction(for_body(HIDA, actor=actor.label)) as db:
        rows = db.execute(
            select(Activity, ActivitySession)
            .join(ActivitySession, ActivitySession.activity_id == Activity.id)
            .where(ActivitySession.starts_at > NOW + timedelta(0))
            .order_by(ActivitySession.starts_at)
        ).all()
        assert [
            (a.title, a.state, a.pattern, japan_day(s.starts_at).isoformat(), s.place, s.capacity)
            for a, s in rows
        ] == [
            ("水路の草刈り", "submitted", None, "2027-07-10", "宮川", 12),
            ("祭り", "designated", 2, "2027-09-19", "宮川", 12),
        ]
    again = http.get(f"{PAGE}?year=2026", headers=clerk.headers).text
    assert "2件は、次の年度にもうあります" in again
    assert offered(again)["activity"] == []
    assert press(http, clerk, PAGE, fields).status_code == 422
    # The trust ends before the year after: its activity then waits for staff like any other.
    later = offered(http.get(f"{PAGE}?year=2027", headers=clerk.headers).text) | {"year": "2027"}
    assert press(http, clerk, PAGE, later).status_code == 303
    with database.transaction(for_body(HIDA, actor=actor.label)) as db:
        feasts = db.scalars(select(Activity).filter_by(title="祭り")).all()
        assert sorted(one.state for one in feasts) == ["designated", "designated", "submitted"]
    viewer = make_staff(database, HIDA, Role.VIEWER)
    assert http.get(PAGE, headers=viewer.headers).status_code == 403
