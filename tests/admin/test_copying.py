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
from sqlalchemy import select, text

from activities import copying_year, organisations
from activities.models import Activity, ActivitySession
from activities.proposing import ProposalFields
from activities.rules.next_year import copied_by_default, next_year
from core.access import Role
from core.clock import JAPAN, FixedClock, japan_day
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


@pytest.fixture
def three(database: RollbackDatabase) -> list[Activity]:
    """Activities of last year in time: the first of them on three days, each other on one."""
    open_bodies(database, HIDA)
    then = NOW - timedelta(days=365)
    found = [
        create_designated_activity(
            database, fields=ProposalFields(title, "environment_care"), now=then
        )
        for title in ("草刈り", "水路の掃除", "植樹")
    ]
    days = ("2026-07-05", "2026-07-12", "2026-07-19"), ("2026-08-02",), ("2026-09-06",)
    for activity, held in zip(found, days, strict=True):
        for number, day in enumerate(held):
            start = at(day, "09:00")
            create_session(database, activity, starts_at=start, place=f"広場{number}", now=then)
    return found


def test_r09_what_nobody_wants_is_passed_by_page_after_page(
    http: TestClient,
    database: RollbackDatabase,
    three: list[Activity],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # What a form may hold: five fields a date, and a few of its own (Starlette: 1,000).
    assert 5 * copying_year.MOST_OF_ONE < 950
    monkeypatch.setattr(copying_year, "MOST_DATES", 1)
    monkeypatch.setattr(copying_year, "MOST_OF_ONE", 2)
    clerk = make_staff(database, HIDA, Role.CLERK)
    mowing, ditches, trees = three
    seen, path = [], f"{PAGE}?year=2026"
    for _ in three:
        page = http.get(path, headers=clerk.headers).text
        seen.append(offered(page)["activity"])
        found = re.search(r'rel="next" href="([^"]+)"', page)
        path = "" if found is None else found.group(1).replace("&amp;", "&")
    assert (seen, path) == ([[str(one.id)] for one in three], "")
    first = http.get(f"{PAGE}?year=2026", headers=clerk.headers).text
    assert "この活動には3回あり、はじめの2回を並べています" in first
    assert "このあとに、ほかの活動が2件あります" in first
    assert len(offered(first)["session"]) == 2  # type: ignore[arg-type]
    # A page in the middle is looked at and copied as it stands; the other two are left alone.
    middle = f"{PAGE}?year=2026&after={mowing.id}"
    fields = offered(http.get(middle, headers=clerk.headers).text) | {"after": str(mowing.id)}
    looked = press(http, clerk, f"{PAGE}/preview", fields).text
    assert "1回の開催回を作れます" in looked
    assert offered(looked)["activity"] == [str(ditches.id)]
    made = press(http, clerk, PAGE, fields)
    assert f"after={mowing.id}&done=year_copied" in made.headers["location"]
    left = http.get(made.headers["location"], headers=clerk.headers).text
    assert offered(left)["activity"] == [str(trees.id)]


def test_r09_colleagues_take_turns_a_strange_year_is_told_and_a_proof_is_asked(
    http: TestClient, database: RollbackDatabase, clock: FixedClock, three: list[Activity]
) -> None:
    clerk = make_staff(database, HIDA, Role.CLERK)
    fields = offered(http.get(f"{PAGE}?year=2026", headers=clerk.headers).text)
    for year in ("0000", "9999", "x", ""):
        assert press(http, clerk, PAGE, fields | {"year": year}).status_code == 422
        assert press(http, clerk, f"{PAGE}/preview", fields | {"year": year}).status_code == 422
    held = "select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()"
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        before = db.scalar(text(held)) or 0
    assert press(http, clerk, PAGE, fields).status_code == 303
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        assert db.scalar(text(held)) == before + 1, "a colleague waits until it is done"
        assert len(db.scalars(select(Activity)).all()) == 2 * len(three)
    clock.at = NOW + timedelta(minutes=10)
    late = press(http, clerk, PAGE, fields)
    assert (late.status_code, "もう一度確かめます" in late.text) == (401, True)
