"""How often somebody may do one thing: limits of volume, shared by all processes (trust: abuse).

Kept in Valkey, where they may be lost whole at any time. While it does not answer each process
keeps its own count, so that a limit fails open with a local cap. Counters that guard a secret
(codes by mail, visits to the identity provider) live in PostgreSQL and fail closed.
"""

import logging
import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import redis

from core import sealing
from core.clock import wall_now
from core.errors import Problem, TooMany

log = logging.getLogger(__name__)
#: How long Valkey is left alone after it did not answer, and how long an answer may take.
PAUSE = timedelta(seconds=5)
PATIENCE_SECONDS = 0.25
#: Askers a process remembers on its own.
MOST_REMEMBERED = 10_000
MILLISECONDS = 1000
SECONDS_A_MINUTE = 60

#: One number an asker: the instant at which what was used up will have grown back. A clock that
#: was set back (a rehearsal's) begins anew.
_TAKE = """
local now, step, span = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local full = tonumber(redis.call('get', KEYS[1]) or ARGV[1])
if full < now or full > now + span then full = now end
local wait = full + step - now - span
if wait > 0 then return math.ceil(wait) end
if ARGV[4] == 'look' then return 0 end
redis.call('set', KEYS[1], string.format('%.0f', full + step), 'px', math.ceil(span))
return 0
"""


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so many of one thing within a minute by one asker; 0 is no limit.

    `most` is how many may come at once, when that is not a whole minute's number.
    """

    flow: str
    a_minute: int
    most: int | None = None

    @property
    def span(self) -> float:
        """The time that is looked at, in milliseconds."""
        if self.most is not None:
            return self.step * self.most
        return float(SECONDS_A_MINUTE * MILLISECONDS)

    @property
    def step(self) -> float:
        """The time in which one grows back, in milliseconds."""
        return SECONDS_A_MINUTE * MILLISECONDS / self.a_minute


@dataclass(slots=True)
class Limiter:
    """Counts by asker.

    Attributes:
        url: Of Valkey.
        space: Keeps platforms apart that share a Valkey.
    """

    url: str
    space: str
    _client: "redis.Redis | None" = None
    _away_until: datetime | None = None
    _own: dict[str, float] = field(default_factory=dict)

    def take(self, limit: Limit, asker: str, *, now: datetime) -> None:
        """Use one up.

        Args:
            limit: Which limit.
            asker: Who: an account or a network address; kept as a hash only.
            now: The instant of the scheme's clock.

        Raises:
            TooMany: `rate_limited`, with the seconds after which one has grown back.
        """
        self._refuse(limit, asker, now, "take")

    def look(self, limit: Limit, asker: str, *, now: datetime) -> None:
        """Use nothing up, but refuse as `take` would.

        Raises:
            TooMany: As `take`.
        """
        self._refuse(limit, asker, now, "look")

    def _refuse(self, limit: Limit, asker: str, now: datetime, how: str) -> None:
        if limit.a_minute == 0:
            return
        key = f"limit:{self.space}:{limit.flow}:{sealing.digest(asker)}"
        instant = now.timestamp() * MILLISECONDS
        wait = self._ask(key, limit, instant, how)
        if wait > 0:
            raise too_many(timedelta(milliseconds=wait))

    def _ask(self, key: str, limit: Limit, instant: float, how: str) -> float:
        if self._away_until is not None and wall_now() < self._away_until:
            return self._count_here(key, limit, instant, how)
        try:
            found = self._connected().eval(
                _TAKE, 1, key, f"{instant:.0f}", f"{limit.step:.3f}", f"{limit.span:.0f}", how
            )
        except redis.RedisError as error:
            log.warning("limits are kept by this process alone: %s", type(error).__name__)
            self._away_until = wall_now() + PAUSE
            return self._count_here(key, limit, instant, how)
        self._away_until = None
        return float(found)

    def _connected(self) -> "redis.Redis":
        if self._client is None:
            self._client = redis.Redis.from_url(
                self.url, socket_timeout=PATIENCE_SECONDS, socket_connect_timeout=PATIENCE_SECONDS
            )
        return self._client

    def _count_here(self, key: str, limit: Limit, instant: float, how: str) -> float:
        """The same count in this process."""
        full = self._own.get(key, instant)
        if not instant <= full <= instant + limit.span:
            full = instant
        wait = full + limit.step - instant - limit.span
        if wait <= 0 and how == "take":
            if len(self._own) > MOST_REMEMBERED:
                self._own.clear()
            self._own[key] = full + limit.step
        return max(0.0, wait)


def too_many(wait: timedelta) -> TooMany:
    """The refusal, with when to come back."""
    seconds = max(1, math.ceil(wait.total_seconds()))
    minutes = math.ceil(seconds / SECONDS_A_MINUTE)
    return TooMany(
        code="rate_limited",
        problems=(Problem(code="rate_limited", needed=minutes, action="wait"),),
        facts={"retry_after": seconds},
    )
