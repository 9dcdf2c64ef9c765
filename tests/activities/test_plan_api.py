"""R07, R13, R14: the plan over HTTP, and that whoever follows it is granted premium."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text

from activities.models import ActivitySession
from activities.proposing import ProposalFields
from core.clock import FixedClock
from tests.conftest import RollbackDatabase
from tests.factories.activities import (
    create_designated_activity,
    create_session,
    sign_up,
)
from tests.factories.desk import arrive
from tests.factories.premium import apply, granted, own, ready, set_mode, show_card, take_part
from tests.factories.presence import jst
from tests.factories.registry import (
    GIFU,
    HIDA,
    KESENNUMA,
    MIYAGI,
    SAITAMA,
    YOKOZE,
    SignedIn,
    create_person,
    join,
    open_bodies,
    sign_in,
)

TODAY = date(2027, 6, 1)


@pytest.fixture
def http(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app) as client:
        yield client


@pytest.fixture
def hanako(database: RollbackDatabase) -> SignedIn:
    """Registered with 飛騨市, which decides at once; her card has been checked."""
    open_bodies(database, GIFU, HIDA, MIYAGI, KESENNUMA, SAITAMA, YOKOZE)
    someone = create_person(database, nickname="花子", birth_date=date(1952, 4, 1))
    show_card(database, someone, name="山田 花子")
    join(database, someone, HIDA)
    set_mode(database, HIDA, "auto")
    return someone


def plan_of(http: TestClient, someone: SignedIn, lg_code: str = HIDA) -> Any:
    answer = http.get(own(lg_code, "plan"), headers=someone.headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def session_on(
    database: RollbackDatabase, number: int, title: str = "草刈り", **more: Any
) -> ActivitySession:
    """A session of an activity of its own, so many days from today."""
    fields = ProposalFields(title, "agriculture_forestry")
    activity = create_designated_activity(database, fields=fields)
    day = TODAY + timedelta(days=number)
    return create_session(database, activity, starts_at=jst(day, 9), **more)


def test_r07_whoever_follows_the_plan_is_granted_premium(
    http: TestClient, database: RollbackDatabase, hanako: SignedIn, clock: FixedClock
) -> None:
    for number in (3, 10, 17, 24):
        session_on(database, number)
    full = session_on(database, 5, capacity=1)
    other = create_person(database, nickname="太郎", birth_year=1960)
    join(database, other, HIDA)
    sign_up(database, full, other.id)
    found = plan_of(http, hanako)
    assert (found["standing"], found["state"], found["count"]) == ("first", "planned", 0)
    assert found["steps"] == []
    route = found["soonest"]
    assert [one["starts_at"][:10] for one in route["sessions"]] == [
        "2027-06-04",
        "2027-06-11",
        "2027-06-18",
    ]
    assert str(full.id) not in [one["session_id"] for one in route["sessions"]]
    for one in route["sessions"]:
        _attend(database, one["session_id"], hanako)
    clock.at = jst(date.fromisoformat(route["ask_from"]), 18)
    later = replace(hanako, token=sign_in(database, hanako.email, now=clock.at))
    answer = apply(http, later, HIDA)
    assert answer.json()["state"] == "granted", answer.text


def _attend(database: RollbackDatabase, session_id: str, someone: SignedIn) -> None:
    with database.owner() as connection:
        row = connection.execute(
            text("select lg_code, id, starts_at from activity_session where id = :id"),
            {"id": session_id},
        ).one()
    session = ActivitySession(lg_code=row.lg_code, id=row.id, starts_at=row.starts_at)
    sign_up(database, session, someone.id)
    assert arrive(database, session, someone).outcome == "accepted"


def test_r08_the_shortest_trip_and_what_one_has_promised(
    http: TestClient, database: RollbackDatabase, hanako: SignedIn
) -> None:
    take_part(database, hanako, HIDA, 1, last=TODAY - timedelta(days=360))
    mine = session_on(database, 2)
    sign_up(database, mine, hanako.id)
    session_on(database, 9)
    for number in (20, 21):
        session_on(database, number, "稲刈り")
    found = plan_of(http, hanako)
    assert found["count"] == 1
    # The presence of a year ago ceases to count before two more are done.
    assert found["keep_until"] == (TODAY + timedelta(days=4)).isoformat()
    assert [one["signed_up"] for one in found["soonest"]["sessions"]] == [True, False, False]
    trip = found["trip"]
    assert (trip["days"], trip["first_day"]) == (2, (TODAY + timedelta(days=20)).isoformat())


def test_c34_what_stands_against_a_promise_elsewhere_is_not_proposed(
    http: TestClient, database: RollbackDatabase, hanako: SignedIn
) -> None:
    take_part(database, hanako, HIDA, 2)
    session_on(database, 3)
    later = session_on(database, 6)
    join(database, hanako, KESENNUMA)
    elsewhere = create_designated_activity(database, lg_code=KESENNUMA)
    busy = create_session(database, elsewhere, starts_at=jst(TODAY + timedelta(days=3), 10))
    sign_up(database, busy, hanako.id)
    found = plan_of(http, hanako)
    assert [one["session_id"] for one in found["soonest"]["sessions"]] == [str(later.id)]


def test_without_a_plan_it_says_why_and_what_would_change_it(
    http: TestClient, database: RollbackDatabase, hanako: SignedIn
) -> None:
    nothing = plan_of(http, hanako)
    assert (nothing["state"], nothing["why"]["code"]) == ("none", "plan_no_sessions")
    assert [one["code"] for one in nothing["changes"]] == ["more_sessions"]
    take_part(database, hanako, HIDA, 2)
    full = session_on(database, 5, "屋根の雪下ろし", capacity=1)
    other = create_person(database, nickname="太郎", birth_year=1960)
    join(database, other, HIDA)
    sign_up(database, full, other.id)
    found = plan_of(http, hanako)
    assert found["why"]["code"] == "plan_sessions_full"
    assert found["changes"][0]["session_id"] == str(full.id)
    assert "屋根の雪下ろし" in found["changes"][0]["detail"]
    http.cookies.set("lang", "en")
    english = plan_of(http, hanako)
    assert english["changes"][-1]["detail"].startswith("When the town sets new dates")


def test_r12_r18_what_is_missing_besides_is_a_step(
    http: TestClient, database: RollbackDatabase
) -> None:
    open_bodies(database, GIFU, HIDA)
    young = create_person(database, nickname="翔", birth_year=1990, residence=KESENNUMA)
    join(database, young, HIDA)
    with database.owner() as connection:
        connection.execute(text("update person set birth_date = '2012-04-01'"))
        connection.execute(text("update registration set minor_until = '2030-04-01'"))
    night = create_designated_activity(
        database, fields=ProposalFields("夜まつり", "festival", late_night=True)
    )
    create_session(database, night, starts_at=jst(TODAY + timedelta(days=2), 20))
    take_part(database, young, HIDA, 2)
    found = plan_of(http, young)
    assert found["state"] == "none"  # nights are not for minors (R18)
    assert {one["action"] for one in found["steps"]} == {"verify_identity", "ask_guardian"}


def test_r13_the_exchange_names_the_places_that_make_room(
    http: TestClient, database: RollbackDatabase, hanako: SignedIn
) -> None:
    open_bodies(database, "200000", "202053")
    granted(http, database, hanako, HIDA, KESENNUMA, YOKOZE)
    ready(database, hanako, "202053")
    found = plan_of(http, hanako, "202053")
    assert found["state"] == "ready"
    (step,) = found["steps"]
    assert step["action"] == "exchange"
    assert set(step["choices"]) == {HIDA, KESENNUMA, YOKOZE}


def test_r14_premium_plans_its_renewal_inside_the_term(
    http: TestClient, database: RollbackDatabase, hanako: SignedIn
) -> None:
    granted(http, database, hanako, HIDA)
    for number in (3, 10, 17):
        session_on(database, number)
    found = plan_of(http, hanako)
    # What led to the first year is not counted for the next one.
    assert (found["standing"], found["count"]) == ("renewal", 0)
    assert len(found["soonest"]["sessions"]) == 3
    assert found["soonest"]["ask_from"] == "2028-04-01"
    assert found["soonest"]["ask_by"] == "2028-05-31"


def test_r02_a_prefecture_that_follows_has_no_plan_of_its_own(
    http: TestClient, hanako: SignedIn
) -> None:
    found = plan_of(http, hanako, GIFU)
    assert (found["standing"], found["state"]) == ("follows", None)


def test_nobody_plans_for_another(http: TestClient, hanako: SignedIn, app: FastAPI) -> None:
    assert http.get(own(KESENNUMA, "plan"), headers=hanako.headers).status_code == 404
    with TestClient(app) as stranger:
        assert stranger.get(own(HIDA, "plan")).status_code == 401
