"""Doors of presence share this: keys and numbers at hand, sources, one call for any scans."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from activities.checkin import ScanRaceError, check_in
from activities.models import ActivitySession
from activities.scans import Answer, Scan, Source
from core import shortcode
from core.access import Actor, ActorKind
from core.clock import wall_now
from core.db import Context, Database
from core.errors import NotFound
from core.tenancy import Audience
from qr.store import KeyStore
from registry.policies import body_policy
from registry.rules.policy import Policy, PolicyBook

#: A body's changed number holds at every door within this time.
FRESH = timedelta(seconds=3)
TRIES = 3
GATE = Context(Audience.GATE, actor="system:gate")


@dataclass(slots=True)
class PolicyCache:
    """The numbers of bodies on days, at most three seconds old."""

    book: PolicyBook
    _known: dict[tuple[str, date], tuple[datetime, Policy]] = field(default_factory=dict)

    def known(self, lg_code: str, day: date, *, wall: datetime) -> Policy | None:
        """The policy if it was read recently."""
        found = self._known.get((lg_code, day))
        return found[1] if found is not None and wall - found[0] < FRESH else None

    def latest(self, lg_code: str, day: date) -> Policy:
        """The policy as it was last read.

        Raises:
            KeyError: It never was.
        """
        return self._known[lg_code, day][1]

    def read(self, db: Session, lg_code: str, day: date) -> Policy:
        """The policy, from the database unless it was read recently."""
        wall = wall_now()
        found = self.known(lg_code, day, wall=wall)
        if found is None:
            found = body_policy(db, self.book, lg_code, day).snapshot(day, lg_code)
            if len(self._known) > 10_000:  # noqa: PLR2004 (a bound on memory, not a rule)
                self._known.clear()
            self._known[lg_code, day] = (wall, found)
        return found


@dataclass(frozen=True, slots=True)
class Presence:
    """What a process keeps at hand for check-ins."""

    keys: KeyStore
    policies: PolicyCache


def run(
    database: Database,
    context: Context,
    presence: Presence,
    *,
    scans: Sequence[Scan],
    source: Source,
    now: datetime,
) -> list[Answer]:
    """Judge and store scans in one transaction of the context's local government.

    Tried again when the same scan arrived twice at once: the second then gets the first answer.
    """
    lg_code = context.lg_code or ""
    for attempt in range(1, TRIES + 1):
        try:
            return database.run(
                context,
                lambda db: _once(
                    db, presence, lg_code=lg_code, scans=scans, source=source, now=now
                ),
            )
        except ScanRaceError:
            if attempt == TRIES:
                raise
    raise AssertionError("unreachable: the last try returns or raises")


def _once(
    db: Session,
    presence: Presence,
    *,
    lg_code: str,
    scans: Sequence[Scan],
    source: Source,
    now: datetime,
) -> list[Answer]:
    presence.keys.refresh(db, wall=wall_now())
    return check_in(
        db,
        lg_code=lg_code,
        scans=scans,
        source=source,
        ring=presence.keys.ring,
        policies=lambda day: presence.policies.read(db, lg_code, day),
        now=now,
    )


def source_for(actor: Actor) -> Source:
    """The source of a scan made by a signed-in person or a member of staff."""
    return Source(
        label=actor.label,
        actor=actor.label,
        person_id=actor.id if actor.kind is ActorKind.PERSON else None,
        request_id=actor.request_id,
    )


def poster_session(database: Database, code: str) -> tuple[str, ActivitySession]:
    """The session a printed poster stands for, and its local government.

    Raises:
        NotFound: No published session has this code.
    """
    with database.transaction(GATE) as db:
        found = db.execute(
            select(ActivitySession).where(ActivitySession.poster_code == shortcode.normalise(code))
        ).scalar_one_or_none()
    if found is None:
        raise NotFound(code="not_found")
    return found.lg_code, found
