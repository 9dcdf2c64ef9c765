"""R33: when a number changes, the nights that hang on it move, for the bodies it changed for."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from bench.population import Cohort
from core.db import Database
from registry.rules.parameters import Dated, Source, Step
from registry.rules.policy import PolicyBook
from tests.workers.nights import GIFU, HIDA, IIDA, NAGANO, body_value, do, parts_at, populate, rows
from tests.workers.renewing import LAST, hida
from workers.parts import Parts
from workers.runner import Runner
from workers.schedule import named

DAY = timedelta(days=1)
NIGHT = tuple(named(name) for name in ("numbers", "replan", "renewal", "dormancy", "survey"))
OPENED = date(2027, 1, 31)
SINCE = date(2028, 1, 10)


def with_step(book: PolicyBook, key: str, value: object) -> PolicyBook:
    """The nation decides another value from a day on."""
    parameter = book.parameter(key)
    step = Step(SINCE, value, Source("test", "", confirmed=False))
    changed = replace(parameter, values=Dated((*parameter.values.steps, step)))
    return replace(book, parameters={**book.parameters, key: changed})


def night(parts: Parts, day: date) -> Parts:
    """The whole night of a day, by the numbers of these parts."""
    parts = replace(parts_at(parts.database, day), book=parts.book)
    Runner(parts, NIGHT).drain()
    return parts


def looks(database: Database, column: str, table: str = "registration") -> dict[str, Any]:
    condition = "direct" if table == "registration" else "true"
    return dict(rows(database, f"select lg_code, {column} from {table} where {condition}"))


def test_r06_a_shorter_silence_asks_people_who_were_planned_for_later(
    own_database: Database,
) -> None:
    """24 months become 12: asked the night it holds, with the full time from then on."""
    populate(own_database, Cohort(HIDA, GIFU, 1, last_access_on=OPENED))
    parts = parts_at(own_database, SINCE - DAY)
    parts = replace(parts, book=with_step(parts.book, "dormancy.months", 12))
    night(parts, SINCE - DAY)
    assert looks(own_database, "clock_due_on") == {HIDA: date(2029, 1, 31) - 60 * DAY}
    night(parts, SINCE)
    assert rows(own_database, "select notice_days, sent_on from dormancy_notice") == [(60, SINCE)]
    assert looks(own_database, "clock_due_on") == {HIDA: SINCE + 30 * DAY}


def test_r14_an_earlier_check_is_made_in_time(own_database: Database) -> None:
    populate(own_database, hida())
    first = LAST - 60 * DAY
    parts = parts_at(own_database, SINCE)
    night(parts, SINCE - DAY)
    assert looks(own_database, "due_on", "term") == {HIDA: first}
    parts = replace(parts, book=with_step(parts.book, "renewal.checks", [90, 60, 30, 0]))
    night(parts, SINCE)
    assert looks(own_database, "due_on", "term") == {HIDA: LAST - 90 * DAY}


def test_r04_a_bodys_own_number_moves_its_own_plans_only(own_database: Database) -> None:
    populate(own_database, Cohort(HIDA, GIFU, 1), Cohort(IIDA, NAGANO, 1))
    do(own_database, "update registration set registered_on = %s", SINCE - 2 * DAY)
    parts = parts_at(own_database, SINCE)
    night(parts, SINCE - DAY)
    planned = {HIDA: SINCE + 12 * DAY, IIDA: SINCE + 12 * DAY}
    assert looks(own_database, "survey_due_on") == planned
    body_value(own_database, "survey.reminders", 0)
    night(parts, SINCE)
    assert looks(own_database, "survey_due_on") == {**planned, HIDA: None}


def test_a_night_without_a_change_forgets_nothing(own_database: Database) -> None:
    """Nothing is looked at twice; what waits for staff is planned for no night and stays so."""
    populate(own_database, hida())
    parts = night(parts_at(own_database, SINCE - DAY), SINCE - DAY)
    do(own_database, "update term set renewal_state = 'review', due_on = '9999-12-31'")
    counts = Runner(parts, NIGHT).run_named("numbers", SINCE)
    assert counts["changed"] == 0
    night(parts, SINCE)
    assert rows(own_database, "select count(*) from job_run where job = 'replan'"
                " and range_key <> ''") == [(0,)]  # fmt: skip
    parts = replace(parts, book=with_step(parts.book, "renewal.checks", [90, 60, 30, 0]))
    night(parts, SINCE + DAY)
    assert looks(own_database, "due_on", "term") == {HIDA: date(9999, 12, 31)}
    replanned = "select count(*) from job_run where job = 'replan' and range_key = %s"
    assert rows(own_database, replanned, HIDA) == [(1,)]
