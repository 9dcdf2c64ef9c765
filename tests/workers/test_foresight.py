"""C46: the look ahead says what the night does, for everybody it touches and nobody else (R15)."""

from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest

from bench.population import Cohort
from core.db import Database, for_body
from registry import foresight
from registry.foresight import Foreseen, Look, Wanted
from registry.rules.facts import DecisionMode
from tests.workers.nights import GIFU, HIDA, at, digest, do, move_to, parts_at, populate, rows
from tests.workers.nights import body_value as set_value
from tests.workers.renewing import LAST, THREE, TWO, hida
from workers.parts import Parts
from workers.runner import Runner
from workers.schedule import named

DAY = timedelta(days=1)
NIGHT = tuple(named(name) for name in ("pending", "renewal", "dormancy", "renewal_veto"))
FOUR = {"count": 4}
CHECK = LAST - 60 * DAY
#: 24 months before the night of the first check and 30 days: the second notice is due.
SILENT = date(2027, 1, 30)


def town(database: Database, mode: str) -> Parts:
    """People of every kind in 飛騨市, on the eve of the first check of their year."""
    set_value(database, "decision.mode", mode)
    populate(
        database,
        hida(2),
        hida(3, took_part=TWO),
        hida(1, took_part=(*THREE, date(2028, 12, 1))),
        hida(1, identity_lapsed_on=date(2028, 10, 1)),
        hida(1, term_from=date(2027, 12, 1), took_part=()),
        Cohort(HIDA, GIFU, 2, last_access_on=SILENT),
        Cohort(HIDA, GIFU, 1, last_access_on=date(2028, 12, 1)),
    )
    parts = parts_at(database, CHECK - DAY)
    night(parts, CHECK - DAY)
    return parts


def night(parts: Parts, day: date) -> None:
    """A night and the ticks after it, at the hour to which one looks ahead."""
    move_to(parts, day, foresight.NIGHT_OVER.hour)
    runner = Runner(parts, NIGHT)
    runner.tick()
    runner.drain()


def ahead(parts: Parts, day: date) -> tuple[Look, Any]:
    look = Look(HIDA, day, at(day, foresight.NIGHT_OVER.hour), parts.book, parts.evidence)
    return look, for_body(HIDA, actor="staff:test")


def foreseen(parts: Parts, day: date) -> Counter[tuple[Any, str]]:
    look, context = ahead(parts, day)
    with parts.database.transaction(context) as db:
        return Counter((one.registration_id, one.kind) for one in foresight.tonight(db, look))


def supposed(parts: Parts, day: date, wanted: Wanted) -> list[Foreseen]:
    look, context = ahead(parts, day)
    with parts.database.transaction(context) as db:
        return foresight.by_other_numbers(db, look, wanted)


def happened(database: Database, day: date) -> Counter[tuple[Any, str]]:
    """What a night wrote to the history of registrations."""
    query = (
        "select registration_id, kind from registration_event where lg_code = %s and at = %s"
        " and kind <> 'supports_stop'"
    )
    return Counter(rows(database, query, HIDA, at(day, foresight.NIGHT_OVER.hour)))


@pytest.mark.parametrize("mode", ["auto", "veto", "review"])
def test_c46_the_look_ahead_is_the_night(own_database: Database, mode: str) -> None:
    """At the checks, as hours of objection end, in the grace and at its end."""
    parts = town(own_database, mode)
    kinds: set[str] = set()
    for day in (CHECK, CHECK + 3 * DAY, LAST - 30 * DAY, LAST, LAST + DAY, LAST + 31 * DAY):
        before = digest(own_database)
        said = foreseen(parts, day)
        assert digest(own_database) == before, "a look changes nothing"
        night(parts, day)
        assert said == happened(own_database, day), (mode, day)
        kinds |= {kind for _, kind in said}
    expected = {"renewal_missing", "renewal_grace", "dormancy_asked", "premium_ended"}
    decided = {"auto": "renewal_booked", "veto": "renewal_veto", "review": "renewal_review"}
    assert kinds >= {*expected, decided[mode]}


def test_r33_another_requirement_is_the_night_by_it(own_database: Database) -> None:
    """Who would lack what by four is who is told so by a night in which four holds."""
    parts = town(own_database, "auto")
    said = supposed(parts, CHECK, Wanted(tree=FOUR))
    assert {(one.before, one.kind) for one in said} == {("renewed", "grace")}
    assert all(one.reasons for one in said)
    do(
        own_database,
        "insert into requirement_version (lg_code, id, effective_from, announced_on, tree,"
        " decided_by) values (%s, gen_random_uuid(), '2025-04-02', '2025-04-02', %s, 'test')",
        HIDA,
        '{"count": 4}',
    )
    lacking = set(foreseen(parts, CHECK)) - set(_events(said, "renewal_missing"))
    night(parts, CHECK)
    wrote = happened(own_database, CHECK)
    assert set(_events(said, "renewal_missing")) <= set(wrote)
    assert lacking == set(wrote) - set(_events(said, "renewal_missing"))


def _events(said: list[Foreseen], kind: str) -> list[tuple[Any, str]]:
    return [(one.registration_id, kind) for one in said]


def test_r15_another_mode_is_the_night_by_it(own_database: Database) -> None:
    """Whom `auto` would renew by itself is who is renewed in a night of that mode."""
    parts = town(own_database, "review")
    said = supposed(parts, CHECK, Wanted(mode=DecisionMode.AUTO))
    assert {(one.before, one.kind) for one in said} == {("to_staff", "renewed")}
    do(own_database, "update body_value set value = %s where key = 'decision.mode'", '"auto"')
    night(parts, CHECK)
    booked = {one for one in happened(own_database, CHECK) if one[1] == "renewal_booked"}
    assert booked == set(_events(said, "renewal_booked"))
    assert len(booked) == 3
