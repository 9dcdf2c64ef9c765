"""Shares of a day's job: claimed for a while, extended, finished or put back (P05).

A share is one row of `job_run`: one job, one day, one local government or the nation.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from time import sleep
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from core.clock import wall_now
from core.db import for_job
from workers.parts import Parts
from workers.schedule import Job, named

#: A claim ends by itself after this time; each range of rows extends it. Longer than any task
#: may run: who still works never loses a share, and only a killed worker leaves one behind.
CLAIM = timedelta(minutes=5)
#: How long a restart of the database may take before the claim is left to end by itself.
AWAY = timedelta(seconds=60)
#: Tries of one local government's share of a job before the night goes on without it.
MOST_TRIES = 5
FIRST_WAIT = timedelta(seconds=2)
#: Range keys: the row that stands for the job's whole day, and that of a national job.
WHOLE, NATION = "", "nation"

_CLAIM_ONE = """
update job_run set state = 'running', claimed_until = :until, tries = tries + 1,
       started_at = coalesce(started_at, :now)
 where (job, period, range_key) =
       (select job, period, range_key from job_run
         where state <> 'done' and range_key <> '' and (:job = '' or job = :job)
           and (claimed_until is null or claimed_until < :wall)
         order by period, job, range_key limit 1 for update skip locked)
returning job, period, range_key, tries
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """One local government's share of a job for one day, in the hands of this runner."""

    job: Job
    period: date
    range_key: str
    tries: int

    @property
    def lg_code(self) -> str | None:
        """The local government, None for a national job."""
        return None if self.range_key == NATION else self.range_key

    @property
    def key(self) -> dict[str, Any]:
        """The row's primary key and the try that holds it, as bound values."""
        return {
            "job": self.job.name,
            "period": self.period,
            "range_key": self.range_key,
            "tries": self.tries,
        }


class ClaimLostError(Exception):
    """Another runner took over because this one was too slow; its work is rolled back."""


class Shares:
    """The table of shares as one runner works on it."""

    def __init__(self, parts: Parts, schedule: Sequence[Job]) -> None:
        self._parts = parts
        self._schedule = schedule

    def claim(self, job: str = "") -> Claim | None:
        """Take a share that waits, or whose claim has ended; of a job, if one is named."""
        wall = wall_now()
        with self._parts.database.transaction(for_job("claim")) as db:
            row = db.execute(
                text(_CLAIM_ONE),
                {
                    "until": wall + CLAIM,
                    "wall": wall,
                    "now": self._parts.clock.now(),
                    "job": job,
                },
            ).one_or_none()
        if row is None:
            return None
        return Claim(named(row.job, self._schedule), row.period, row.range_key, row.tries)

    def claimable(self, db: Session) -> bool:
        """Whether a share waits for somebody to take it."""
        found: bool = db.execute(
            text(
                "select exists (select from job_run where state <> 'done' and range_key <> ''"
                " and (claimed_until is null or claimed_until < :wall))"
            ),
            {"wall": wall_now()},
        ).scalar_one()
        return found

    def finish(self, db: Session, claim: Claim, counts: Mapping[str, int]) -> None:
        """The share is done, in the transaction of its effect.

        Raises:
            ClaimLostError: Another runner has it by now.
        """
        changed = db.execute(
            text(
                "update job_run set state = 'done', finished_at = :now, claimed_until = null,"
                " counts = cast(:counts as jsonb), error = null where job = :job"
                " and period = :period and range_key = :range_key and tries = :tries"
                " and state = 'running' returning 1"
            ),
            {**claim.key, "now": self._parts.clock.now(), "counts": json.dumps(dict(counts))},
        ).first()
        if changed is None:
            raise ClaimLostError

    def extend(self, db: Session, claim: Claim) -> None:
        """Hold the claim on for a while, in the transaction of a range.

        Raises:
            ClaimLostError: Another runner has it by now.
        """
        changed = db.execute(
            text(
                "update job_run set claimed_until = :until where job = :job and period = :period"
                " and range_key = :range_key and tries = :tries and state = 'running' returning 1"
            ),
            {**claim.key, "until": wall_now() + CLAIM},
        ).first()
        if changed is None:
            raise ClaimLostError

    def put_back(self, claim: Claim, error: Exception) -> None:
        """Try again soon; after some tries the night goes on, and the failure is on record.

        A database that restarts is waited for: a claim left behind would hold up the night for
        its whole time.
        """
        until = wall_now() + AWAY
        while True:
            try:
                return self._put_back(claim, error)
            except (OperationalError, InterfaceError):
                if wall_now() > until:
                    raise
                sleep(0.5)

    def _put_back(self, claim: Claim, error: Exception) -> None:
        gives_up = claim.tries >= MOST_TRIES
        told = f"{type(error).__name__}: {error}"[:400]
        with self._parts.database.transaction(for_job(claim.job.name)) as db:
            if gives_up:
                note_failures(db, claim, {claim.range_key: told})
            db.execute(
                text(
                    "update job_run set state = :state, claimed_until = :until, error = :error,"
                    " counts = cast(:counts as jsonb)"
                    " where job = :job and period = :period and range_key = :range_key"
                    " and tries = :tries and state = 'running'"
                ),
                {
                    **claim.key,
                    "state": "done" if gives_up else "due",
                    "until": wall_now() + FIRST_WAIT * 2 ** min(claim.tries, 6),
                    "error": told,
                    "counts": json.dumps({"failed": 1} if gives_up else {}),
                },
            )


def note_failures(db: Session, claim: Claim, failures: Mapping[Any, str]) -> None:
    """C51: who could not be handled, for people to look at; the last error stands."""
    for subject, error in failures.items():
        db.execute(
            text(
                "insert into job_failure (job, period, subject, error, at)"
                " values (:job, :period, :subject, :error, :at)"
                " on conflict (job, period, subject) do update"
                " set error = excluded.error, at = excluded.at"
            ),
            {
                "job": claim.job.name,
                "period": claim.period,
                "subject": str(subject),
                "error": str(error)[:400],
                "at": wall_now(),
            },
        )
