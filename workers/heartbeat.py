"""Signs of life: a row a process, written in the machine's own time, shown by /health/ready."""

import json
import logging
import os
import socket
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from celery.beat import PersistentScheduler
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from core.clock import wall_now
from core.db import Database, for_job
from core.settings import Settings

LOG = logging.getLogger(__name__)
#: No more often than this; a reader calls a process away after two minutes.
EVERY = timedelta(seconds=5)
_LAST: dict[str, datetime] = {}


def beat_of(database: Database, name: str, facts: Mapping[str, Any]) -> None:
    """Write a process's sign of life, unless it did a moment ago."""
    now = wall_now()
    if name in _LAST and now - _LAST[name] < EVERY:
        return
    with database.transaction(for_job("heartbeat")) as db:
        db.execute(
            text(
                "insert into heartbeat (name, at, facts) values (:name, :at, cast(:facts as jsonb))"
                " on conflict (name) do update set at = excluded.at, facts = excluded.facts"
                " where heartbeat.at < excluded.at"
            ),
            {"name": name, "at": now, "facts": json.dumps(dict(facts))},
        )
    _LAST[name] = now


class BeatScheduler(PersistentScheduler):
    """Celery's own beat, which also says that its loop turns.

    A second beat is harmless: whatever it asks for is claimed in the database.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._database = Database(Settings())
        super().__init__(*args, **kwargs)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Ask for what is due, then write the sign of life."""
        wait: float = super().tick(*args, **kwargs)
        try:
            beat_of(self._database, "beat", {"host": socket.gethostname(), "pid": os.getpid()})
        except SQLAlchemyError:
            # Beat must outlive a restart of the database.
            LOG.warning("no sign of life could be written", exc_info=True)
        return min(wait, EVERY.total_seconds())
