"""The wake-ups that wait in Valkey: names of the queues, and how long they are."""

from collections.abc import Mapping
from typing import Final, cast

import redis
from sqlalchemy import make_url

from core.settings import Settings

JOBS: Final = "jobs"
NOTICES: Final = "notices"
#: Taken by a worker and not yet acknowledged.
TAKEN: Final = "unacked"
PATIENCE_SECONDS: Final = 0.5


def key_prefix(settings: Settings) -> str:
    """Our own corner of the broker; two platforms that share one never wake each other."""
    return f"furusato:{make_url(settings.database_url).database}:"


def lengths(settings: Settings) -> Mapping[str, int] | None:
    """How many wake-ups wait in each queue, and how many are being worked; None: no answer."""
    prefix = key_prefix(settings)
    patience = PATIENCE_SECONDS
    try:
        with redis.Redis.from_url(
            settings.redis_url, socket_timeout=patience, socket_connect_timeout=patience
        ) as valkey:
            found = {name: cast("int", valkey.llen(prefix + name)) for name in (JOBS, NOTICES)}
            return {**found, TAKEN: cast("int", valkey.hlen(prefix + TAKEN))}
    except redis.RedisError:
        return None
