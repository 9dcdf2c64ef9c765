"""R06, P06: asked three times, then released; never without all three (example 8)."""

from datetime import date, timedelta
from typing import Any

import pytest

from bench.population import Cohort
from core.access import Actor, ActorKind
from core.db import Database, for_person
from core.errors import Conflict, Gone
from registry import registration
from registry.leaving import leave
from tests.workers.nights import GIFU, HIDA, do, move_to, parts_at, populate, rows
from workers.invariants import violated
from workers.parts import Parts
from workers.runner import Runner
from workers.schedule import named

DAY = timedelta(days=1)
#: Years of nights pass in these tests; the other jobs have tests of their own.
ONLY = (named("dormancy"),)
LAST_ACCESS = date(2027, 1, 31)
#: 24 months later; 2029 has no 31 February to worry about here.
RELEASE = date(2029, 1, 31)
ASKED = [(60, RELEASE - 60 * DAY), (30, RELEASE - 30 * DAY), (7, RELEASE - 7 * DAY)]


def silent(people: int = 1, **given: Any) -> Cohort:
    """Basic registrations with 飛騨市 that nobody has opened since."""
    return Cohort(HIDA, GIFU, people, **{"last_access_on": LAST_ACCESS, **given})


def prepared(database: Database, *cohorts: Cohort) -> Parts:
    """Silent people; the first night has run the day before anybody is asked."""
    populate(database, *(cohorts or (silent(),)))
    parts = parts_at(database, ASKED[0][1] - DAY)
    Runner(parts, ONLY).drain()
    return parts


def night(parts: Parts, day: date) -> None:
    move_to(parts, day)
    Runner(parts, ONLY).drain()


def asked(database: Database) -> list[tuple[Any, ...]]:
    query = "select notice_days, sent_on from dormancy_notice order by sent_on, notice_days desc"
    return list(rows(database, query))


def statuses(database: Database) -> dict[str, str]:
    return dict(rows(database, "select lg_code, status from registration"))


def me(database: Database) -> Actor:
    return Actor(ActorKind.PERSON, id=rows(database, "select id from person")[0][0])


def test_r06_example_8_asked_at_60_30_7_then_released_by_nobody(own_database: Database) -> None:
    parts = prepared(own_database)
    assert asked(own_database) == []
    for _, day in ASKED:
        night(parts, day - DAY)
        night(parts, day)
    assert asked(own_database) == ASKED
    night(parts, RELEASE - DAY)
    assert statuses(own_database) == {HIDA: "active", GIFU: "active"}
    night(parts, RELEASE)
    assert statuses(own_database) == {HIDA: "released_dormant", GIFU: "ended"}
    kinds = rows(own_database, "select kind, count(*) from notice group by kind order by kind")
    assert ("dormancy_notice", 3) in kinds
    assert ("dormancy_released", 1) in kinds
    assert violated(parts) == {"violated": 0}


def test_r06_one_tap_keeps_it_and_the_next_silence_is_asked_anew(own_database: Database) -> None:
    parts = prepared(own_database)
    night(parts, ASKED[0][1])
    kept_on = RELEASE - 10 * DAY
    move_to(parts, kept_on)
    actor = me(own_database)
    with own_database.transaction(for_person(actor.person_id)) as db:
        registration.keep(db, actor=actor, lg_code=HIDA, now=parts.clock.now(), book=parts.book)
    night(parts, RELEASE + 5 * DAY)
    assert statuses(own_database)[HIDA] == "active"
    assert len(asked(own_database)) == 1
    again = kept_on.replace(year=kept_on.year + 2) - 60 * DAY
    night(parts, again - DAY)
    assert len(asked(own_database)) == 1
    night(parts, again)
    assert asked(own_database)[-1] == (60, again)


@pytest.mark.parametrize(("later", "comes_back"), [(365, True), (366, False)])
def test_r06_one_tap_restores_for_twelve_months(
    own_database: Database, later: int, comes_back: bool
) -> None:
    """The last day is the corresponding day a year later."""
    parts = prepared(own_database)
    for _, day in ASKED:
        night(parts, day)
    night(parts, RELEASE)
    move_to(parts, RELEASE + later * DAY)
    actor, now = me(own_database), parts.clock.now()
    with own_database.transaction(for_person(actor.person_id)) as db:
        if comes_back:
            registration.restore(db, actor=actor, lg_code=HIDA, now=now, book=parts.book)
        else:
            with pytest.raises(Gone, match="restore_over"):
                registration.restore(db, actor=actor, lg_code=HIDA, now=now, book=parts.book)
    status = "active" if comes_back else "released_dormant"
    assert statuses(own_database)[HIDA] == status


def test_r06_valid_premium_and_derived_rows_have_no_clock(own_database: Database) -> None:
    """Premium is never released as dormant; the prefecture's row lives by its sources."""
    premium = silent(term_from=date(2028, 10, 1), took_part=(date(2028, 11, 1),))
    parts = prepared(own_database, premium)
    night(parts, RELEASE + 60 * DAY)
    assert asked(own_database) == []
    assert statuses(own_database) == {HIDA: "active", GIFU: "active"}


@pytest.mark.parametrize("silence", [1, 3, 7, 45])
def test_p06_a_late_notice_moves_the_release(own_database: Database, silence: int) -> None:
    """However long the nights were silent: three notices, each with its full time."""
    parts = prepared(own_database)
    back = ASKED[0][1] + silence * DAY
    night(parts, back)
    for offset in range(1, 70):
        day = back + offset * DAY
        if offset in {29, 30, 31, 52, 53, 54, 59, 60, 61}:
            night(parts, day)
    sent = dict(asked(own_database))
    released = rows(own_database, f"select released_on from registration where lg_code = '{HIDA}'")
    assert sent[60] == back
    assert set(sent) == {60, 30, 7}
    assert all((released[0][0] - on).days >= days for days, on in sent.items())
    assert violated(parts) == {"violated": 0}


def test_p06_two_years_of_silence_release_nobody_without_notices(own_database: Database) -> None:
    """Far past the release: the first night back asks, it does not release."""
    parts = prepared(own_database)
    back = RELEASE + timedelta(days=400)
    night(parts, back)
    assert statuses(own_database)[HIDA] == "active"
    assert [days for days, _ in asked(own_database)] == [60]
    night(parts, back + 29 * DAY)
    assert [days for days, _ in asked(own_database)] == [60]
    night(parts, back + 30 * DAY)
    night(parts, back + 53 * DAY)
    night(parts, back + 59 * DAY)
    assert statuses(own_database)[HIDA] == "active"
    night(parts, back + 60 * DAY)
    assert statuses(own_database)[HIDA] == "released_dormant"


def test_r02_r06_a_prefectures_own_origin_comes_back_by_one_tap(own_database: Database) -> None:
    """Direct and derived: silence ends the direct origin only, and it can be restored."""
    prepared(own_database)
    do(
        own_database,
        "update registration set direct = true, clock_due_on = '2000-01-01',"
        " last_access_on = case lg_code when %s then %s else %s end",
        GIFU,
        LAST_ACCESS,
        RELEASE,
    )
    parts = parts_at(own_database, ASKED[0][1] - DAY)
    for _, day in ASKED:
        night(parts, day)
    night(parts, RELEASE)
    origins = "select status, direct, derived from registration where lg_code = %s"
    assert rows(own_database, origins, GIFU) == [("active", False, True)]
    actor = me(own_database)
    given: dict[str, Any] = {"actor": actor, "lg_code": GIFU, "now": parts.clock.now()}
    with (
        pytest.raises(Conflict, match="registration_not_active"),
        own_database.transaction(for_person(actor.person_id)) as db,
    ):
        registration.keep(db, **given, book=parts.book)
    with own_database.transaction(for_person(actor.person_id)) as db:
        registration.restore(db, **given, book=parts.book)
    assert rows(own_database, origins, GIFU) == [("active", True, True)]
    assert violated(parts) == {"violated": 0}


def test_r02_r06_the_last_source_goes_and_the_origin_still_comes_back(
    own_database: Database,
) -> None:
    prepared(own_database)
    do(
        own_database,
        "update registration set direct = true, clock_due_on = '2000-01-01',"
        " last_access_on = case lg_code when %s then %s else %s end",
        GIFU,
        LAST_ACCESS,
        RELEASE,
    )
    parts = parts_at(own_database, ASKED[0][1] - DAY)
    for day in (*(day for _, day in ASKED), RELEASE):
        night(parts, day)
    actor = me(own_database)
    given: dict[str, Any] = {"actor": actor, "now": parts.clock.now(), "book": parts.book}
    with own_database.transaction(for_person(actor.person_id)) as db:
        leave(db, lg_code=HIDA, **given)
    assert statuses(own_database)[GIFU] == "released_dormant"
    assert violated(parts) == {"violated": 0}
    with own_database.transaction(for_person(actor.person_id)) as db:
        registration.restore(db, lg_code=GIFU, **given)
    assert statuses(own_database)[GIFU] == "active"
