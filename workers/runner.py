"""Runs the schedule; `job_run` is the truth about what has been done (P05, P06).

One row a job, day and local government, claimed under SKIP LOCKED for some minutes of the
machine's time. A day's job is planned when all before it is done, so days missed are caught up
in order, however many; any number of runners may work at once, and be killed anywhere.
"""

import gc
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from core.clock import wall_now
from core.db import Context, for_job
from workers.jobs import Scope
from workers.parts import Parts
from workers.schedule import SCHEDULE, Job, Ranged, Work, daily, named, ticking
from workers.shares import NATION, WHOLE, Claim, ClaimLostError, Shares, note_failures

LOG = logging.getLogger(__name__)
#: Days planned in one transaction while nothing is due on them.
PLAN_AT_ONCE = 200
#: Whoever plans, plans alone.
_PLANNING = 7_421_905_319

_CLOSE = """
update job_run w set state = 'done', finished_at = :now, counts = (
  select coalesce(jsonb_object_agg(s.name, s.total), '{}') from (
    select c.key as name, sum(c.value::text::bigint) as total
      from job_run r, jsonb_each(coalesce(r.counts, '{}')) c
     where r.job = w.job and r.period = w.period and r.range_key <> '' group by c.key) s)
 where w.state <> 'done' and w.range_key = ''
"""


class Runner:
    """Does what is due."""

    def __init__(self, parts: Parts, schedule: Sequence[Job] = SCHEDULE) -> None:
        self._parts = parts
        self._schedule = schedule
        self._daily = daily(schedule)
        self._shares = Shares(parts, schedule)

    # --- what the tasks and the console call ---

    def tick(self) -> Counter[str]:
        """The jobs of the tick, wherever something is due; what they came to, by job."""
        now = self._parts.clock.now()
        done: Counter[str] = Counter()
        for job in ticking(self._schedule):
            if isinstance(job.work, Ranged):
                raise TypeError(f"{job.name}: a job of the tick has no ranges")
            day = job.latest_day(now)
            for code in self._places(job, day, now):
                done[job.name] += self._once(job, job.work, Scope(code, day, now))
        return done

    def drain(
        self, *, seconds: float = 90.0, on_planned: Callable[[int], None] | None = None
    ) -> int:
        """Work until nothing is due that another runner does not have; returns shares done.

        `on_planned` is told how many shares a job has, so that others can be asked to help.
        """
        stop = wall_now() + timedelta(seconds=seconds)
        done = 0
        while wall_now() < stop:
            claim = self._shares.claim()
            if claim is not None:
                done += self._share(claim)
            elif not self._plan(on_planned):
                break
        return done

    def run_named(self, name: str, as_of: date) -> dict[str, int]:
        """Run one job for one day now, whether or not it ran before; the sum of its counts.

        Raises:
            LookupError: There is no such job.
        """
        job, now = named(name, self._schedule), self._parts.clock.now()
        counts: Counter[str] = Counter()
        if job.at is None:
            for code in self._places(job, as_of, now):
                if not isinstance(job.work, Ranged):
                    counts[job.name] += self._once(job, job.work, Scope(code, as_of, now))
            return dict(counts)
        self.open_again(name, as_of)
        self.help_with(name)
        with self._transaction(job.name) as db:
            db.execute(text(_CLOSE), {"now": now})
            found = db.execute(
                text(
                    "select counts from job_run"
                    " where job = :job and period = :period and range_key = ''"
                ),
                {"job": job.name, "period": as_of},
            ).scalar_one()
        return dict(found or {})

    def help_with(self, name: str) -> None:
        """Do the open shares of one job that no other runner has."""
        while (claim := self._shares.claim(name)) is not None:
            self._share(claim)

    def open_shares(self) -> int:
        """Shares that wait or run."""
        with self._transaction("runner") as db:
            return int(
                db.execute(
                    text("select count(*) from job_run where state <> 'done' and range_key <> ''")
                ).scalar_one()
            )

    # --- planning ---

    def _plan(self, on_planned: Callable[[int], None] | None = None) -> bool:
        """Plan the next job of the next day, passing over what has nothing to do.

        False when there is nothing more to plan, or somebody works on what must come first.
        """
        now = self._parts.clock.now()
        with self._transaction("plan") as db:
            db.execute(text("select pg_advisory_xact_lock(:turn)"), {"turn": _PLANNING})
            if db.execute(
                text(
                    "select exists (select from job_run where state <> 'done' and range_key <> '')"
                )
            ).scalar_one():
                # Somebody planned in the meantime, or holds a share that must be done first.
                return self._shares.claimable(db)
            db.execute(text(_CLOSE), {"now": now})
            for planned, (period, job) in enumerate(self._due(db, now), start=1):
                bodies = self._with_work(db, job, period, now)
                self._open(db, job, period, bodies, now)
                if bodies or planned >= PLAN_AT_ONCE:
                    shares = len(bodies)
                    break
            else:
                return False
        if on_planned is not None and shares > 1:
            on_planned(shares)
        return True

    def _due(self, db: Session, now: datetime) -> Iterator[tuple[date, Job]]:
        """Days and jobs not done yet, oldest day first, then in the order of the table.

        A job that never ran begins with the present day: there is nothing before it to catch up.
        """
        # One look into the key's index a job: the record of a year has millions of rows.
        rows = db.execute(
            text(
                "select job, (select max(period) from job_run r where r.job = n.job)"
                " from unnest(cast(:names as text[])) as n(job)"
            ),
            {"names": [job.name for job in self._daily]},
        ).all()
        done: dict[str, date] = {row[0]: row[1] for row in rows if row[1] is not None}
        day = timedelta(days=1)
        starts = {
            job.name: done[job.name] + day if job.name in done else job.latest_day(now)
            for job in self._daily
        }
        first = min(starts.values(), default=date.max)
        last = max((job.latest_day(now) for job in self._daily), default=date.min)
        while first <= last:
            for job in self._daily:
                if starts[job.name] <= first and job.is_due(first, now):
                    yield first, job
            first += day

    def _with_work(self, db: Session, job: Job, period: date, now: datetime) -> Sequence[str]:
        if job.national:
            return [NATION]
        return _due_bodies(db, job.name, period, now)

    def _open(
        self, db: Session, job: Job, period: date, bodies: Sequence[str], now: datetime
    ) -> None:
        # A day with nothing to do is done as soon as it is planned.
        db.execute(
            text(
                "insert into job_run (job, period, range_key, state, tries, finished_at, counts)"
                " select :job, :period, k, :state, 0, cast(:at as timestamptz), '{}'"
                " from unnest(cast(:keys as text[])) as k on conflict do nothing"
            ),
            {
                "job": job.name,
                "period": period,
                "keys": [WHOLE, *bodies],
                "state": "due" if bodies else "done",
                "at": None if bodies else now,
            },
        )

    def open_again(self, name: str, period: date) -> None:
        """Make the shares of one job's day due, whether or not they were done before."""
        job = named(name, self._schedule)
        with self._transaction(job.name) as db:
            bodies = self._with_work(db, job, period, self._parts.clock.now())
            db.execute(
                text(
                    "insert into job_run (job, period, range_key, state, tries)"
                    " select :job, :period, k, 'due', 0 from unnest(cast(:keys as text[])) as k"
                    " on conflict (job, period, range_key) do update set state = 'due',"
                    " claimed_until = null, tries = 0, counts = null, finished_at = null"
                    " where job_run.state = 'done'"
                ),
                {"job": job.name, "period": period, "keys": [WHOLE, *bodies]},
            )

    # --- one share ---

    def _share(self, claim: Claim) -> int:
        """Do one share; 1 when it is done. What fails is noted and tried again, then left."""
        scope = Scope(claim.lg_code, claim.period, self._parts.clock.now())
        try:
            if isinstance(claim.job.work, Ranged):
                self._ranges(claim, claim.job.work, scope)
            else:
                self._whole(claim, claim.job.work, scope)
        except ClaimLostError:
            LOG.warning("claim lost: %s", claim.key)
            return 0
        except Exception as error:
            LOG.exception("share failed: %s", claim.key)
            self._shares.put_back(claim, error)
            return 0
        return 1

    def _whole(self, claim: Claim, work: Work, scope: Scope) -> None:
        def once(db: Session) -> None:
            counts = work(self._parts, db, scope)
            self._shares.finish(db, claim, counts)

        self._parts.database.run(for_job(claim.job.name, claim.lg_code), once)

    def _ranges(self, claim: Claim, work: Ranged, scope: Scope) -> None:
        """Range after range, each with its part of the share's record in one transaction."""
        context = for_job(claim.job.name, claim.lg_code)
        after: UUID | None = None
        total: Counter[str] = Counter()
        while True:
            begun = after

            def once(
                db: Session, begun: UUID | None = begun
            ) -> tuple[UUID | None, Counter[str], dict[UUID, str]]:
                found = work.batch(self._parts, db, scope.part(after=begun))
                note_failures(db, claim, found.failures)
                if found.last is None:
                    self._shares.finish(db, claim, total)
                else:
                    self._shares.extend(db, claim)
                return found.last, found.by_outcome, found.failures

            try:
                with _without_collector():
                    after, counts, failures = self._parts.database.run(context, once)
            except (OperationalError, InterfaceError, ClaimLostError):
                raise
            except Exception:
                LOG.exception("range failed, going one by one: %s after %s", claim.key, begun)
                after, counts, failures = self._one_by_one(claim, work, scope, begun)
            total.update(counts)
            if failures:
                total["failed"] += len(failures)
            if after is None:
                return

    def _one_by_one(
        self, claim: Claim, work: Ranged, scope: Scope, after: UUID | None
    ) -> tuple[UUID | None, Counter[str], dict[UUID, str]]:
        """C51: a range that failed, row by row; who fails is noted and does not stop the rest."""
        context = for_job(claim.job.name, claim.lg_code)
        counts: Counter[str] = Counter()
        failures: dict[UUID, str] = {}
        ids = self._parts.database.run(
            context, lambda db: work.due.ids(db, scope.part(after=after))
        )
        for one in ids:

            def once(db: Session, one: UUID = one) -> Counter[str]:
                found = work.batch(self._parts, db, scope.part(only=[one]))
                self._shares.extend(db, claim)
                failures.update(found.failures)
                return found.by_outcome

            try:
                counts.update(self._parts.database.run(context, once))
            except (OperationalError, InterfaceError, ClaimLostError):
                raise
            except Exception as error:  # noqa: BLE001 - noted below; the others go on
                failures[one] = f"{type(error).__name__}: {error}"
        self._parts.database.run(context, lambda db: note_failures(db, claim, failures))
        return (ids[-1] if ids else None), counts, failures

    # --- the tick ---

    def _once(self, job: Job, work: Work, scope: Scope) -> int:
        try:
            counts = self._parts.database.run(
                for_job(job.name, scope.lg_code), lambda db: work(self._parts, db, scope)
            )
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:
            LOG.exception("tick failed: %s %s", job.name, scope.lg_code)
            place = scope.lg_code or NATION
            claim = Claim(job, scope.as_of, place, 0)
            with self._transaction(job.name) as db:
                note_failures(db, claim, {place: f"{type(error).__name__}: {error}"})
            return 0
        return sum(counts.values())

    def _places(self, job: Job, day: date, now: datetime) -> Sequence[str | None]:
        """Where a job of the tick has work: local governments, or the nation as a whole."""
        if job.national:
            return [None]
        with self._transaction(job.name) as db:
            return _due_bodies(db, job.name, day, now)

    def _transaction(self, job: str) -> Any:
        context: Context = for_job(job)
        return self._parts.database.transaction(context)


@contextmanager
def _without_collector() -> Iterator[None]:
    """A range makes a million small records without cycles: looking for some costs a quarter."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _due_bodies(db: Session, job: str, day: date, now: datetime) -> Sequence[str]:
    """Codes of local governments where a job has work; the one thing seen of all at once."""
    found = db.execute(
        text("select furusato_due_bodies(:job, :as_of, :at)"),
        {"job": job, "as_of": day, "at": now},
    )
    return found.scalars().all()
