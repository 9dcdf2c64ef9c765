"""The Celery application. A message is a wake-up and carries no facts: losing all of them loses nothing.

`celery -A workers.app worker`, `celery -A workers.app beat`: settings come from the environment.
"""

import os
import socket
from collections.abc import Mapping
from functools import cache
from typing import Any

from celery import Celery, signals
from kombu import Queue

from core.queues import JOBS, NOTICES, key_prefix
from core.settings import Settings
from workers import trials
from workers.heartbeat import beat_of
from workers.notifications.relay import Relay
from workers.parts import Parts
from workers.runner import Runner

#: Longer than any task may run, so that a running task is never handed out twice.
VISIBILITY_SECONDS = 300
HARD_LIMIT_SECONDS, SOFT_LIMIT_SECONDS = 120, 100
#: A task stops taking more work well before its soft limit.
WORK_SECONDS = 60.0
#: A tick nobody took before the next ones came is not worth taking any more.
EXPIRES_SECONDS = 60.0
#: How many more processes are asked to help when a night has many shares.
MOST_HELPERS = 8


def make_app(settings: Settings) -> Celery:
    """The Celery application for these settings, with its tasks and its beat."""
    app = Celery("furusato")
    app.conf.update(configuration(settings))
    app.task(name="jobs.tick")(_tick)
    app.task(name="jobs.work")(_work)
    app.task(name="notices.relay")(_relay)
    return app


def configuration(settings: Settings) -> Mapping[str, Any]:
    """Every setting with its reason (trust d-6)."""
    visibility = {"visibility_timeout": VISIBILITY_SECONDS}
    return {
        "broker_url": settings.redis_url,
        "broker_connection_retry_on_startup": True,
        "broker_transport_options": {
            **visibility,
            # A message of a dead worker comes back after seconds, not after minutes.
            "unacked_restore_interval": 5,
            "unacked_restore_throttle": 1,
            # Without it a publish waits for ever on a dead connection.
            "socket_timeout": 30,
            "socket_connect_timeout": 5,
            "socket_keepalive": True,
            "health_check_interval": 25,
            "global_keyprefix": key_prefix(settings),
        },
        # The shortest one wins, so all three places say the same.
        "result_backend_transport_options": visibility,
        **visibility,
        "result_backend": None,
        "task_ignore_result": True,
        # The truth is in PostgreSQL and tasks may be repeated: acknowledge when done.
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "worker_prefetch_multiplier": 1,
        "task_time_limit": HARD_LIMIT_SECONDS,
        "task_soft_time_limit": SOFT_LIMIT_SECONDS,
        "worker_soft_shutdown_timeout": 30,
        # A task that loses the broker ends its work: its message may come a second time and finds
        # everything claimed or done, while a task cut off in the middle keeps its share claimed
        # for minutes and holds up the night.
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "worker_hijack_root_logger": False,
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_default_queue": JOBS,
        "task_queues": [Queue(JOBS), Queue(NOTICES)],
        "task_routes": {"jobs.*": {"queue": JOBS}, "notices.*": {"queue": NOTICES}},
        "task_create_missing_queues": False,
        "timezone": "UTC",
        "enable_utc": True,
        "beat_scheduler": "workers.heartbeat:BeatScheduler",
        # Short ticks of a rehearsal need a beat that looks often.
        "beat_max_loop_interval": min(settings.tick_seconds, 5.0),
        "beat_schedule": {
            name: {
                "task": name,
                "schedule": settings.tick_seconds,
                "options": {"expires": max(EXPIRES_SECONDS, settings.tick_seconds)},
            }
            for name in ("jobs.tick", "notices.relay")
        },
    }


# --- tasks: doors into the runner and the relay --------------------------------------------


@cache
def _parts_of(_process: int) -> Parts:
    """The parts of this process; connections must not be shared with a parent."""
    return Parts.of(Settings())


def parts() -> Parts:
    """The parts of the process that runs the task."""
    return _parts_of(os.getpid())


#: What answers trials beside this process.
_MODEL = trials.Beside()


@signals.worker_process_shutdown.connect
def _end(**_told: object) -> None:
    _MODEL.end()


def _tick() -> None:
    """What beat asks for: a sign of life, the jobs of the tick, and whatever day is due."""
    own = parts()
    beat_of(own.database, "worker", {"host": socket.gethostname(), "pid": os.getpid()})
    if trials.waiting(own):
        # Not in this process: no tick, notice or night waits for a model.
        _MODEL.begin()
    runner = Runner(own)
    runner.tick()
    runner.drain(seconds=WORK_SECONDS, on_planned=_call_helpers)


def _call_helpers(shares: int) -> None:
    for _ in range(min(shares - 1, MOST_HELPERS)):
        _current().send_task("jobs.work", expires=EXPIRES_SECONDS)


def _work() -> None:
    """Help with a night that has many shares."""
    Runner(parts()).drain(seconds=WORK_SECONDS)


def _relay() -> None:
    """Send what is owed."""
    Relay(parts()).drain(seconds=WORK_SECONDS)


@cache
def _current() -> Celery:
    return make_app(Settings())


def __getattr__(name: str) -> Celery:
    """`app`, made when Celery asks for it, so that importing this module needs no environment."""
    if name == "app":
        return _current()
    raise AttributeError(name)
