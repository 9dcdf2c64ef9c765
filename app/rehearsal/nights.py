"""The nights of a rehearsal: which of them have work, and when their work is done."""

import time
from collections.abc import Callable
from datetime import date, datetime, timedelta
from datetime import time as day_time

from sqlalchemy import create_engine, make_url, text

from app.story.world import LAST_JOB, NIGHT_SECONDS, StoryError, World
from core.clock import JAPAN

#: When people and staff act; every night is over, and sessions begin half an hour later.
HOUR = day_time(9, 0)
#: What decides about somebody; the other jobs of a night look after the platform.
DECIDING = (
    "adults",
    "links",
    "settle",
    "pending",
    "renewal",
    "dormancy",
    "sign_ups",
    "survey",
    "premium_veto",
    "renewal_veto",
)
#: Of these, what runs at every tick.
TICKING = ("premium_veto", "renewal_veto")
_FIRST_DUE = """
select min(d.day) from unnest(cast(:days as date[]), cast(:instants as timestamptz[]))
       as d(day, at), unnest(cast(:jobs as text[])) as j(job)
 where exists (select from furusato_due_bodies(j.job, d.day, d.at))
"""
#: As /health/ready says it, asked of the database: a web process has better things to do.
_OVER = """
select not exists (select from job_run where state <> 'done')
   and exists (select from job_run where job = :last and period >= :day and state = 'done')
"""
#: Seconds between two looks.
LOOKS = 0.03


def instant(day: date) -> datetime:
    """The hour of a day at which people act."""
    return datetime.combine(day, HOUR, JAPAN)


class Nights:
    """Goes from day to day, past those on which nobody is due."""

    def __init__(self, world: World, work: Callable[[], None] | None = None) -> None:
        self._world = world
        self._work = work
        self.worked = 0
        address = make_url(world.stack.owner_url).set(drivername="postgresql+psycopg")
        self._engine = create_engine(address, isolation_level="AUTOCOMMIT", pool_size=1)

    def until(self, day: date) -> None:
        """Play every night up to a day on which a local government has something to decide.

        A platform that missed days makes up for them, but decides as on the day on which it
        does: so no night with anything to decide is missed, and the first of each month, whose
        figures are published, neither.
        """
        while (step := self._next(day)) < day:
            self._at(step)
        self._at(day)

    def _next(self, day: date) -> date:
        """The next day with work, at most `day`."""
        today = self._world.today
        first = min(day, (today.replace(day=28) + timedelta(days=4)).replace(day=1))
        days = [today + timedelta(days=n) for n in range(1, (first - today).days)]
        return self._first_due(days, DECIDING) or first

    def _first_due(self, days: list[date], jobs: tuple[str, ...]) -> date | None:
        if not days:
            return None
        with self._engine.connect() as connection:
            found: date | None = connection.execute(
                text(_FIRST_DUE),
                {"days": days, "instants": [instant(day) for day in days], "jobs": list(jobs)},
            ).scalar_one()
        return found

    def _at(self, day: date) -> None:
        """Go to a day and wait until its night, and what runs out that morning, are done."""
        if day > self._world.today:
            self._world.at(day, HOUR.hour, HOUR.minute)
        self.worked += 1
        if self._work is not None:
            self._work()
            return
        deadline = time.monotonic() + NIGHT_SECONDS
        while not self._is_over(day) or self._first_due([day], TICKING) is not None:
            if time.monotonic() > deadline:
                raise StoryError(f"the night of {day} is not done")
            time.sleep(LOOKS)

    def _is_over(self, day: date) -> bool:
        """Whether the workers have done every day up to this one."""
        with self._engine.connect() as connection:
            over: bool = connection.execute(
                text(_OVER), {"day": day, "last": LAST_JOB}
            ).scalar_one()
        return over

    def close(self) -> None:
        """Close the connection."""
        self._engine.dispose()
