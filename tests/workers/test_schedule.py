"""The schedule and the settings of Celery say what trust.md d-5 and d-6 ask for."""

from datetime import date, timedelta

import pytest
from sqlalchemy import text

import activities.models
import registry.models
import reporting.models
from core.db import Base, Database, for_job
from core.queues import key_prefix
from core.settings import Settings
from tests.workers.nights import at
from workers import trials
from workers.app import (
    HARD_LIMIT_SECONDS,
    SOFT_LIMIT_SECONDS,
    VISIBILITY_SECONDS,
    WORK_SECONDS,
    configuration,
    make_app,
)
from workers.invariants import OF_A_BODY, OF_THE_NATION
from workers.schedule import SCHEDULE, Ranged, daily, named, ticking
from workers.shares import CLAIM

MODELS = (activities.models, registry.models, reporting.models)


def test_times_follow_the_order_of_the_table() -> None:
    """What comes later in the table is due later in the day, so order and clock agree."""
    times = [job.at for job in daily()]
    assert times == sorted(times, key=lambda at: at or at)  # type: ignore[arg-type, return-value] # daily jobs have a time
    assert len({job.name for job in SCHEDULE}) == len(SCHEDULE)
    assert all(job.about for job in SCHEDULE)
    assert not any(isinstance(job.work, Ranged) for job in ticking())


def test_what_a_job_comes_after_stands_before_it() -> None:
    order = [job.name for job in SCHEDULE]
    for job in SCHEDULE:
        names = [name.strip() for name in job.after.partition(":")[0].split(",") if name.strip()]
        for name in names:
            if name in order:
                assert order.index(name) < order.index(job.name), (job.name, name)


def test_every_job_of_a_body_says_where_it_has_work() -> None:
    """The due conditions of the tables and the schedule name the same jobs."""
    named_by_tables = {job for table in Base.metadata.sorted_tables for job in table.info["due"]}
    # The model is asked beside the worker (workers.trials), so that no night waits for it.
    assert named_by_tables == {job.name for job in SCHEDULE if not job.national} | {trials.JOB}


def test_due_bodies_tells_codes_and_only_to_workers(own_database: Database) -> None:
    """The one look at all local governments at once is closed to every other role."""
    ask = text("select furusato_due_bodies(:job, :day, :at)")
    given = {"day": date(2029, 1, 1), "at": at(date(2029, 1, 1))}
    with own_database.transaction(for_job("test")) as db:
        for job in SCHEDULE:
            if not job.national:
                assert db.execute(ask, {"job": job.name, **given}).all() == []
        rights = db.execute(
            text(
                "select r.rolname from pg_proc p, aclexplode(p.proacl) a join pg_roles r"
                " on r.oid = a.grantee where p.proname = 'furusato_due_bodies'"
            )
        ).scalars()
        assert set(rights) == {"furusato_owner", "furusato_worker"}
        public = db.execute(
            text(
                "select count(*) from pg_proc p, aclexplode(p.proacl) a"
                " where p.proname = 'furusato_due_bodies' and a.grantee = 0"
            )
        ).scalar_one()
        assert public == 0


def test_unknown_jobs_are_answered_with_those_there_are() -> None:
    with pytest.raises(LookupError, match="renewal"):
        named("no-such-job")


def test_invariants_are_valid_questions(own_database: Database) -> None:
    """Each on its own, on an empty database: nothing is violated."""
    given = {
        "code": "212172",
        "today": date(2029, 1, 1),
        "at": at(date(2029, 1, 1)),
        "wall": at(date(2029, 1, 1)),
        "notice_days": [60, 30, 7],
    }
    with own_database.transaction(for_job("test", "212172")) as db:
        for name, query in {**OF_A_BODY, **OF_THE_NATION}.items():
            needed = {key: value for key, value in given.items() if f":{key}" in query}
            assert db.execute(text(query), needed).all() == [], name


def test_celery_is_set_as_decided(settings: Settings) -> None:
    conf = make_app(settings).conf
    assert conf.result_backend is None
    assert conf.task_ignore_result
    assert conf.task_acks_late
    assert conf.task_reject_on_worker_lost
    assert conf.worker_prefetch_multiplier == 1
    assert conf.worker_soft_shutdown_timeout == 30
    assert not conf.worker_cancel_long_running_tasks_on_connection_loss
    assert conf.task_serializer == "json"
    assert conf.accept_content == ["json"]
    transport = conf.broker_transport_options
    assert transport["visibility_timeout"] == conf.visibility_timeout == VISIBILITY_SECONDS
    assert conf.result_backend_transport_options["visibility_timeout"] == VISIBILITY_SECONDS
    assert WORK_SECONDS < SOFT_LIMIT_SECONDS < HARD_LIMIT_SECONDS < VISIBILITY_SECONDS
    wanted = {
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
        "socket_timeout": 30,
        "socket_connect_timeout": 5,
        "socket_keepalive": True,
        "health_check_interval": 25,
        "global_keyprefix": key_prefix(settings),
    }
    assert transport.items() >= wanted.items()


def test_beat_asks_for_registered_tasks_and_every_queue_is_served(settings: Settings) -> None:
    app = make_app(settings)
    asked = {entry["task"] for entry in configuration(settings)["beat_schedule"].values()}
    assert asked <= set(app.tasks)
    queues = {queue.name for queue in app.conf.task_queues}
    assert {route["queue"] for route in app.conf.task_routes.values()} == queues


def test_p05_a_claim_outlives_every_task() -> None:
    """Nobody takes a share from a runner that still works."""
    assert timedelta(seconds=HARD_LIMIT_SECONDS) < CLAIM
