"""A renewal night and the relay of its notices, on the full path: judgement, term, event, audit, notice.

One worker with a process for each core, as it runs in service: due terms are found, judged and
written by its runners, and the night is run a second time. Of the terms that reach their first
check, nine in ten are renewed and one in ten is told what is missing. `one_process` is the same
night in the hands of a single process. `lapse_terms` is a night of which nobody's premium goes on.
"""

import multiprocessing
import os
import statistics
import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from functools import partial
from multiprocessing.synchronize import Barrier
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import text

from app.local import LocalStack
from bench.population import Cohort, fill, spread
from core.clock import JAPAN, FixedClock
from core.db import Database, for_job
from core.settings import Settings
from workers.notifications.relay import Relay
from workers.parts import Parts
from workers.runner import Runner

#: One local government a round: each night works for one.
ROUNDS = (("202053", "200000"), ("042056", "040002"), ("113611", "110001"))
#: The local governments of the night that all processes of a worker share.
TOGETHER = (
    ("212172", "210005"),
    ("202029", "200000"),
    ("042072", "040002"),
    ("112011", "110001"),
)
PROCESSES = os.cpu_count() or 1
TERM_FROM = date(2027, 8, 1)
#: Sixty days before the last day of a term from 1 August.
NIGHT = date(2028, 6, 1)
AT_LEAST_TERMS, SECOND_RUN_SECONDS, AT_LEAST_NOTICES = 5_000, 1.0, 2_000
#: The local government whose terms all end without presence: grace from the last day, then basic.
LAPSING = ("222119", "220001")
LAPSE_FROM, GRACE, LAPSE = date(2027, 4, 1), date(2028, 3, 31), date(2028, 5, 1)
AT_LEAST_LAPSES = 1_000


class InstantProvider:
    """Takes every message at once and keeps none."""

    def send(self, delivery_id: UUID, address: str, subject: str, text: str) -> str:
        """The provider's id."""
        return f"{delivery_id}:{len(address) + len(subject) + len(text)}"

    def close(self) -> None:
        """Nothing is open."""


def run(stack: LocalStack, *, people: int = 10_000) -> dict[str, dict[str, object]]:
    """Figures of the night, of its second run, and of the relay."""
    database = Database(stack.settings())
    clock = FixedClock(_at(NIGHT, 4))
    parts = Parts.of(stack.settings(), database=database, clock=clock)
    lapses = _lapses(stack, parts, clock, people)
    first, second = [], []
    for done, (code, prefecture) in enumerate(ROUNDS, start=1):
        _people(stack, code, prefecture, people)
        night = partial(Runner(parts).run_named, "renewal", NIGHT)
        seconds, counts = _timed(night)
        # The job's day counts every local government that had its night so far.
        renewed = people * 9 // 10
        if counts != {"booked": done * renewed, "missing": done * (people - renewed)}:
            raise RuntimeError(f"the night came to {counts}")
        first.append(people / seconds)
        seconds, _ = _timed(night)
        second.append(seconds)
    together = _together(stack, parts, people)
    clock.at = _at(NIGHT, 12)
    relay = Relay(parts, {"mail": InstantProvider()})
    seconds, sent = _timed(partial(relay.drain, seconds=600))
    database.dispose()
    return {
        "renewal_terms": _figure(together, "terms/s", AT_LEAST_TERMS)
        | {"processes": PROCESSES, "one_process": round(statistics.median(first))},
        "lapse_terms": _figure(lapses, "terms/s", AT_LEAST_LAPSES),
        "renewal_second_run": {
            "value": round(statistics.median(second), 3),
            "unit": "s",
            "limit": SECOND_RUN_SECONDS,
        },
        "notice_relay": _figure(sent["sent"] / seconds, "notices/s", AT_LEAST_NOTICES),
    }


def _lapses(stack: LocalStack, parts: Parts, clock: FixedClock, people: int) -> float:
    """Returns to basic a second, in one process: term, place, tier, prefecture's row, notice."""
    code, prefecture = LAPSING
    _write(stack, code, [Cohort(code, prefecture, people, LAPSE_FROM)])
    for day, outcome in ((GRACE, "grace"), (LAPSE, "lapsed")):
        clock.at = _at(day, 4)
        seconds, counts = _timed(partial(Runner(parts).run_named, "renewal", day))
        if counts != {outcome: people}:
            raise RuntimeError(f"the night of returns to basic came to {counts}")
    clock.at = _at(NIGHT, 4)
    return people / seconds


def _together(stack: LocalStack, parts: Parts, people: int) -> float:
    """Terms a second of one worker's processes together, each taking whole local governments."""
    for code, prefecture in TOGETHER:
        _people(stack, code, prefecture, people)
    Runner(parts).open_again("renewal", NIGHT)
    spawn = multiprocessing.get_context("spawn")
    start = spawn.Barrier(PROCESSES + 1)
    processes = [
        spawn.Process(target=_worker_process, args=(stack.settings(), start))
        for _ in range(PROCESSES)
    ]
    for one in processes:
        one.start()
    start.wait()
    began = time.perf_counter()
    for one in processes:
        one.join()
    seconds = time.perf_counter() - began
    if any(one.exitcode for one in processes):
        raise RuntimeError("a worker's process ended in an error")
    return people * len(TOGETHER) / seconds


def _worker_process(settings: Settings, start: Barrier) -> None:
    parts = Parts.of(settings, clock=FixedClock(_at(NIGHT, 4)))
    with parts.database.transaction(for_job("renewal", None)) as db:
        db.execute(text("select 1"))
    start.wait()
    Runner(parts).help_with("renewal")
    parts.database.dispose()


def _people(stack: LocalStack, code: str, prefecture: str, people: int) -> None:
    days = spread(TERM_FROM, TERM_FROM + timedelta(days=200), 3)
    renewed = people * 9 // 10
    cohorts = [
        Cohort(code, prefecture, count, TERM_FROM, took_part, last_access_on=date(2028, 5, 1))
        for count, took_part in ((renewed, days), (people - renewed, days[:2]))
    ]
    _write(stack, code, cohorts)


def _write(stack: LocalStack, code: str, cohorts: Sequence[Cohort]) -> None:
    with psycopg.connect(stack.owner_url.replace("+psycopg", "")) as connection:
        connection.execute(
            "insert into body_value (lg_code, key, since, decided_at, value, decided_by)"
            " values (%s, 'decision.mode', '2025-04-01', '2025-04-01', '\"auto\"', 'bench')",
            [code],
        )
        fill(connection, cohorts, seed=int(code))
    with psycopg.connect(stack.owner_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("analyze")


def _at(day: date, hour: int) -> datetime:
    return datetime.combine(day, clock_time(hour), JAPAN).astimezone(UTC)


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    found = work()
    return time.perf_counter() - began, found


def _figure(value: float, unit: str, limit: float) -> dict[str, object]:
    return {"value": round(value), "unit": unit, "limit": limit}
