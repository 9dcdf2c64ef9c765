"""P05, C51: run twice, side by side, killed half-way: the state of one undisturbed run (example 7)."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from bench.population import Cohort
from core.db import Database
from registry import renewal
from registry.bulk import Counts
from registry.ranges import Range
from tests.conftest import make_settings, new_database
from tests.workers.nights import (
    GIFU,
    HIDA,
    IIDA,
    NAGANO,
    address,
    at,
    body_value,
    digest,
    do,
    move_to,
    parts_at,
    populate,
    rows,
)
from workers import jobs
from workers.jobs import Scope
from workers.parts import Parts
from workers.runner import Runner
from workers.schedule import Job, Ranged

ROOT = Path(__file__).resolve().parents[2]
LEAP, LAST = date(2028, 2, 29), date(2029, 2, 28)
THREE = (date(2028, 3, 1), date(2028, 8, 1), date(2028, 11, 1))
NIGHT = LAST - timedelta(days=60)
PEOPLE = (
    Cohort(HIDA, GIFU, 12, term_from=LEAP, took_part=THREE),
    Cohort(HIDA, GIFU, 8, term_from=LEAP, took_part=THREE[:1]),
    Cohort(HIDA, GIFU, 10, last_access_on=NIGHT - timedelta(days=672)),
    Cohort(IIDA, NAGANO, 9, term_from=LEAP, took_part=THREE),
    Cohort(IIDA, NAGANO, 7, term_from=LEAP - timedelta(days=92), took_part=()),
)


@contextmanager
def people(template: str) -> Iterator[tuple[Database, Parts]]:
    """An own database with the same people each time; the clock stands before the night."""
    with new_database(template) as name:
        database = Database(make_settings(name))
        body_value(database, "decision.mode", "auto", HIDA)
        body_value(database, "decision.mode", "veto", IIDA)
        populate(database, *PEOPLE)
        parts = parts_at(database, NIGHT - timedelta(days=1))
        Runner(parts).drain()
        move_to(parts, NIGHT)
        yield database, parts
        database.dispose()


@pytest.fixture(scope="module")
def undisturbed(template: str) -> dict[str, str]:
    """The state after one run that nobody disturbed."""
    with people(template) as (database, parts):
        Runner(parts).drain()
        assert rows(database, "select count(*) from term where state = 'booked'") == [(12,)]
        return digest(database)


def test_p05_run_twice_is_run_once(template: str, undisturbed: dict[str, str]) -> None:
    with people(template) as (database, parts):
        Runner(parts).drain()
        for name in ("renewal", "dormancy", "adults", "renewal"):
            Runner(parts).run_named(name, NIGHT)
        assert digest(database) == undisturbed


def test_p05_three_runners_side_by_side_are_one(template: str, undisturbed: dict[str, str]) -> None:
    with people(template) as (database, parts):
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(lambda _: Runner(parts).drain(), range(3)))
        assert Runner(parts).drain() == 0
        assert digest(database) == undisturbed


#: Dies by SIGKILL inside the night's transaction, at the n-th statement of its writing.
KILLED = """
import os, signal, sys
from datetime import datetime
from core.clock import FixedClock
from core.settings import Settings
from registry import bulk
from workers.parts import Parts
from workers.runner import Runner

left = int(sys.argv[2])
written = bulk.run

def deadly(*given, **named):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return written(*given, **named)

for module in ("registry.bulk", "registry.renewal_bulk", "registry.renewal_terms", "registry.dormancy"):
    sys.modules[module].run = deadly
Runner(Parts.of(Settings(), clock=FixedClock(datetime.fromisoformat(sys.argv[1])))).drain()
"""


@pytest.mark.parametrize("survived", [0, 4, 9])
def test_p05_killed_anywhere_and_run_again_is_run_once(
    template: str, undisturbed: dict[str, str], survived: int
) -> None:
    with people(template) as (database, parts):
        environment = os.environ | {
            "DATABASE_URL": address(database),
            "FURUSATO_ENVIRONMENT": "test",
            "PYTHONPATH": str(ROOT),
        }
        done = subprocess.run(
            [sys.executable, "-c", KILLED, at(NIGHT).isoformat(), str(survived)],
            env=environment,
            cwd=ROOT,
            check=False,
            timeout=60,
        )
        assert done.returncode == -signal.SIGKILL
        assert rows(database, "select count(*) from job_run where state = 'running'") == [(1,)]
        Runner(parts).drain()
        assert rows(database, "select count(*) from job_run where state = 'running'") == [(1,)], (
            "a claim holds for some minutes"
        )
        do(database, "update job_run set claimed_until = now() - interval '1 second'")
        Runner(parts).drain()
        assert digest(database) == undisturbed


def test_c51_who_fails_is_noted_and_the_others_go_on(
    template: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once in the rule, once in the writing of the whole range."""
    with people(template) as (database, parts):
        ids = [row[0] for row in rows(database, "select id from term order by id")]
        real_step, real_batch = renewal._step, renewal.run_range

        def step(night: Any, row: Any, applicants: Any) -> Any:
            if row.id == ids[0]:
                raise ValueError("a fact nobody foresaw")
            return real_step(night, row, applicants)

        def batch(db: Session, part: Range, **given: Any) -> Counts:
            found = real_batch(db, part, **given)
            if (part.only is None and found.total) or part.only == [ids[1]]:
                db.connection().exec_driver_sql("select 1 / 0")
            return found

        monkeypatch.setattr(renewal, "_step", step)
        monkeypatch.setattr(renewal, "run_range", batch)
        Runner(parts).drain()
        failed = dict(
            rows(database, "select subject, error from job_failure where job = 'renewal'")
        )
        assert set(failed) == {str(ids[0]), str(ids[1])}
        assert "a fact nobody foresaw" in failed[str(ids[0])]
        left = rows(database, "select id from term where due_on <= %s", NIGHT)
        assert {row[0] for row in left} == {ids[0], ids[1]}
        monkeypatch.undo()
        Runner(parts).run_named("renewal", NIGHT)
        assert rows(database, "select count(*) from term where due_on <= %s", NIGHT) == [(0,)]


def test_p05_a_slow_runner_whose_claim_was_taken_writes_nothing(
    own_database: Database,
) -> None:
    """The share's record and its effect are one transaction: the second try alone counts."""
    populate(own_database, Cohort(HIDA, GIFU, 1))
    parts = parts_at(own_database, NIGHT)
    calls: Counter[str] = Counter()

    def slow(_parts: Parts, db: Session, _scope: Scope) -> Mapping[str, int]:
        calls["slow"] += 1
        if calls["slow"] == 1:
            do(own_database, "update job_run set claimed_until = now() - interval '1 second'")
            Runner(parts, schedule).drain()
        db.connection().exec_driver_sql(
            "insert into job_failure values ('slow', '2029-01-01', gen_random_uuid(), 'x', now())"
        )
        return {"done": 1}

    schedule = (Job("slow", time(1), slow, "a test's own", national=True),)
    assert Runner(parts, schedule).drain() == 0
    assert calls["slow"] == 2
    assert rows(own_database, "select count(*) from job_failure") == [(1,)]
    assert rows(own_database, "select tries, state from job_run where range_key <> ''") == [
        (2, "done")
    ]


def test_p06_missed_days_are_caught_up_in_their_order(own_database: Database) -> None:
    """Day by day, and inside a day in the order of the table; no upper age."""
    populate(own_database, Cohort(HIDA, GIFU, 1))
    seen: list[tuple[str, date]] = []

    def note(name: str) -> Any:
        def work(_parts: Parts, _db: Session, scope: Scope) -> Mapping[str, int]:
            seen.append((name, scope.as_of))
            return {}

        return work

    schedule = (
        Job("first", time(1), note("first"), "a test's own", national=True),
        Job("second", time(13), note("second"), "a test's own", national=True),
    )
    parts = parts_at(own_database, NIGHT, hour=14)
    Runner(parts, schedule).drain()
    back = NIGHT + timedelta(days=3)
    move_to(parts, back, hour=12)
    Runner(parts, schedule).drain()
    days = [NIGHT + timedelta(days=n) for n in range(4)]
    expected = [(name, day) for day in days for name in ("first", "second")]
    assert seen == expected[:-1], "the last one is due at 13:00 only"
    move_to(parts, NIGHT, hour=11)
    assert Runner(parts, schedule).drain() == 0, "a clock set back repeats nothing"


def test_p06_what_only_a_night_can_tell_is_not_made_up_for(own_database: Database) -> None:
    """R17: registrations of a missed night are not known afterwards; a month's first is owed."""
    populate(own_database, Cohort(HIDA, GIFU, 1))
    seen: list[date] = []

    def work(_parts: Parts, _db: Session, scope: Scope) -> Mapping[str, int]:
        seen.append(scope.as_of)
        return {}

    schedule = (Job("count", time(1), work, "a test's own", national=True, made_up=False),)
    parts = parts_at(own_database, NIGHT)
    Runner(parts, schedule).drain()
    back = NIGHT + timedelta(days=70)
    move_to(parts, back, hour=12)
    Runner(parts, schedule).drain()
    between = [NIGHT + timedelta(days=n) for n in range(1, 70)]
    assert seen == [NIGHT, *(day for day in between if day.day == 1), back]


def test_a_share_that_fails_is_tried_again_and_then_left(own_database: Database) -> None:
    populate(own_database, Cohort(HIDA, GIFU, 1))
    parts = parts_at(own_database, NIGHT)

    def broken(_parts: Parts, _db: Session, _scope: Scope) -> Mapping[str, int]:
        raise RuntimeError("no such luck")

    schedule = (Job("broken", time(1), broken, "a test's own", national=True),)
    for _ in range(5):
        Runner(parts, schedule).drain()
        do(own_database, "update job_run set claimed_until = null where state = 'due'")
    found = rows(own_database, "select state, tries, error from job_run where range_key <> ''")
    assert found == [("done", 5, "RuntimeError: no such luck")]
    assert rows(own_database, "select subject from job_failure") == [("nation",)]


def test_ranges_follow_one_another(template: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A share larger than a range is several transactions; its counts are the sum."""
    with people(template) as (database, parts):
        real = renewal.run_range
        sizes: list[int] = []

        def small(db: Session, part: Range, **given: Any) -> Counts:
            found = real(db, replace(part, limit=5), **given)
            sizes.append(found.total)
            return found

        monkeypatch.setattr(renewal, "run_range", small)
        Runner(
            parts, (Job("renewal", time(3), Ranged(jobs.renewal_batch, renewal.DUE), ""),)
        ).drain()
        assert max(sizes) == 5
        counts = rows(
            database,
            "select counts from job_run where job = 'renewal' and period = %s and range_key = ''",
            NIGHT,
        )[0][0]
        assert counts == {"booked": 12, "missing": 8, "veto": 9, "planned": 7}
