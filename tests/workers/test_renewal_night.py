"""R12–R16, R33: the renewal night on real rows (example 6 and its neighbours)."""

from datetime import date, timedelta

from bench.population import Cohort
from core.db import Database
from tests.workers.nights import GIFU, HIDA, do, move_to, parts_at, populate, rows
from workers.invariants import violated
from workers.runner import Runner

LEAP = date(2028, 2, 29)
LAST = date(2029, 2, 28)
THREE = (date(2028, 3, 1), date(2028, 8, 1), date(2028, 11, 1))


def hida(people: int = 1, took_part: tuple[date, ...] = THREE, **given: object) -> Cohort:
    """People with premium in 飛騨市 approved on 29 February 2028."""
    fields = {"term_from": LEAP, "last_access_on": date(2028, 11, 1), **given}
    return Cohort(HIDA, GIFU, people, took_part=took_part, **fields)  # type: ignore[arg-type] # the cohort's own fields


def set_mode(database: Database, mode: str) -> None:
    do(
        database,
        "insert into body_value (lg_code, key, since, decided_at, value, decided_by) values"
        f" ('{HIDA}', 'decision.mode', '2025-04-01', '2025-04-01', to_jsonb('{mode}'::text), 't')",
    )


def terms(database: Database) -> list[tuple[object, ...]]:
    return list(
        rows(
            database,
            "select first_day, last_day, state, renewal_state from term order by first_day",
        )
    )


def test_r14_example_6_three_counts_renew_without_a_human(own_database: Database) -> None:
    """auto: booked at D-60, begins the day after, the prefecture's row follows (R02)."""
    set_mode(own_database, "auto")
    populate(own_database, hida())
    parts = parts_at(own_database, LAST - timedelta(days=61))
    runner = Runner(parts)
    runner.drain()
    assert terms(own_database) == [(LEAP, LAST, "active", "none")]
    move_to(parts, LAST - timedelta(days=60))
    runner.drain()
    next_year = (date(2029, 3, 1), date(2030, 2, 28))
    assert terms(own_database) == [
        (LEAP, LAST, "active", "booked"),
        (*next_year, "booked", "none"),
    ]
    move_to(parts, LAST + timedelta(days=1))
    runner.drain()
    assert terms(own_database) == [(LEAP, LAST, "ended", "done"), (*next_year, "active", "none")]
    expiry = rows(
        own_database,
        "select derived_from -> 0 ->> 'expires_on', tier from registration where derived",
    )
    assert expiry == [("2030-02-28", "premium")]
    kinds = rows(own_database, "select kind, facts ->> 'until' from notice")
    assert kinds == [("renewal_booked", "2030-02-28")]
    assert violated(parts) == {"violated": 0}
