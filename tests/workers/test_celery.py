"""P05, P08: a real worker and a real beat, killed and with their broker emptied: nothing is lost."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from redis import Redis

from app.local import beat_options, worker_options
from bench.population import Cohort
from core.clock import FileClock
from core.db import Database, for_body
from core.queues import key_prefix
from tests.factories.trials import make_trial, playable
from tests.workers.nights import (
    GIFU,
    HIDA,
    address,
    at,
    body_value,
    digest,
    do,
    parts_at,
    populate,
    rows,
)
from tests.workers.renewing import LAST, LEAP, THREE
from workers.runner import Runner
from workers.trials import turn

ROOT = Path(__file__).resolve().parents[2]
NIGHT = LAST - timedelta(days=60)
PEOPLE = (
    Cohort(HIDA, GIFU, 150, term_from=LEAP, took_part=THREE),
    Cohort(HIDA, GIFU, 50, term_from=LEAP, took_part=THREE[:1]),
)
pytestmark = pytest.mark.stack


def prepared(database: Database, tmp_path: Path) -> tuple[dict[str, str], FileClock]:
    """People, a clock in a file, and the environment of the processes."""
    body_value(database, "decision.mode", "auto")
    populate(database, *PEOPLE)
    clock = FileClock(tmp_path / "clock.json")
    clock.set(at(NIGHT - timedelta(days=1)), running=False)
    environment = os.environ | {
        "DATABASE_URL": address(database),
        "REDIS_URL": database._settings.redis_url,
        "FURUSATO_ENVIRONMENT": "test",
        "FURUSATO_CLOCK_FILE": str(tmp_path / "clock.json"),
        "FURUSATO_TICK_SECONDS": "0.3",
        "PYTHONPATH": str(ROOT),
    }
    return environment, clock


@contextmanager
def process(environment: dict[str, str], *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """A Celery process in a group of its own; killed at the end, whatever happened."""
    running = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "workers.app", *options],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield running
    finally:
        kill(running)


def kill(running: subprocess.Popen[bytes]) -> None:
    """SIGKILL to the process and its children, as an operating system short of memory does."""
    with suppress(ProcessLookupError):
        os.killpg(running.pid, signal.SIGKILL)
    running.wait(10)


def eventually(come_true: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not come_true():
        assert time.monotonic() < deadline, "it has not come true in time"
        time.sleep(0.05)


def done_until(database: Database) -> bool:
    """Whether every night until the clock's day is over."""
    query = (
        "select count(*) filter (where state <> 'done'), max(period) filter"
        " (where job = 'reminders' and state = 'done') from job_run"
    )
    open_shares, period = rows(database, query)[0]
    return bool(open_shares == 0 and period == NIGHT)


def test_p05_p08_killed_and_emptied_the_night_is_still_done_once(
    own_database: Database, tmp_path: Path, template: str
) -> None:
    """The worker dies in its first night, the broker loses everything, a new worker finishes."""
    environment, clock = prepared(own_database, tmp_path)
    Runner(parts_at(own_database, NIGHT - timedelta(days=1))).drain()
    clock.set(at(NIGHT), running=False)
    broker = Redis.from_url(own_database._settings.redis_url)
    with process(environment, *beat_options(tmp_path / "beat")):
        with process(environment, *worker_options(1)) as worker:
            began = "select count(*) > 0 from job_run where period = %s"
            eventually(lambda: bool(rows(own_database, began, NIGHT)[0][0]))
            kill(worker)
        for key in broker.scan_iter(key_prefix(own_database._settings) + "*"):
            broker.delete(key)
        do(own_database, "update job_run set claimed_until = now() - interval '1 second'")
        with own_database.transaction(for_body(HIDA, actor="system:test")) as db:
            make_trial(db, HIDA, answered=False)
        with process(environment, *worker_options(1)):
            eventually(lambda: done_until(own_database))
            # R33: a trial beside the night; this one asks what the model cannot play.
            state = "select state, failure, tries from policy_trial"
            eventually(lambda: rows(own_database, state) == [("failed", "cannot", 1)])
            eventually(
                lambda: (
                    {"worker", "beat"}
                    <= {row[0] for row in rows(own_database, "select name from heartbeat")}
                )
            )
    assert rows(own_database, "select count(*) from term where state = 'booked'") == [(150,)]
    assert rows(own_database, "select kind, count(*) from notice group by kind order by kind") == [
        ("renewal_booked", 150),
        ("renewal_missing", 50),
        ("survey_reminder", 200),
    ]
    before = digest(own_database)
    parts = parts_at(own_database, NIGHT)
    Runner(parts).run_named("renewal", NIGHT)
    after = digest(own_database)
    assert after | {"delivery": ""} == before | {"delivery": ""}


def test_r33_the_only_worker_is_free_while_the_model_thinks_and_a_stop_costs_no_try(
    own_database: Database, tmp_path: Path
) -> None:
    """Ticks go on beside a trial; a worker that is stopped gives it back; one model at a time."""
    environment, _ = prepared(own_database, tmp_path)
    with own_database.transaction(for_body(HIDA, actor="system:test")) as db:
        make_trial(db, HIDA, answered=False, question=playable(HIDA))
    state = "select state, tries, claimed_until is not null from policy_trial"
    seen = "select at from heartbeat where name = 'worker'"
    with process(environment, *beat_options(tmp_path / "beat")):
        with turn(own_database) as mine:
            assert mine
            by_hand = [sys.executable, "-m", "workers.run", "--trials"]
            second = subprocess.run(
                by_hand, env=environment, cwd=ROOT, capture_output=True, text=True, check=True
            )
            assert second.stdout == '{"trials": 0}\n'
        with process(environment, *worker_options(1)) as worker:
            eventually(lambda: rows(own_database, state) == [("asked", 1, True)])
            last = rows(own_database, seen)
            eventually(lambda: rows(own_database, seen) != last, 20)
            assert rows(own_database, state) == [("asked", 1, True)], "the model is not done yet"
            worker.terminate()
            worker.wait(30)
            assert rows(own_database, state) == [("asked", 0, False)]
