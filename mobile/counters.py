"""One counter for two kinds of people: an organiser with their own phone, and an enrolled device.

What they may see differs (C29: a device has no list to browse); what a scan gives is the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from activities import receptions
from activities.models import Activity, ActivitySession, CheckIn
from activities.presence import Presence, run
from activities.queries import activity_of, session_of
from activities.receptions import Told
from activities.rules.checkin import Method
from activities.scans import Answer, Scan, Source, new_scan_id
from core.access import Actor
from core.clock import japan_day
from core.db import Context
from core.errors import NotFound
from core.web import Platform
from registry.families import Companion, who_comes_with

#: How long before its start, and after its end, a session is offered at the counter.
_BEFORE, _AFTER = timedelta(hours=36), timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Counter:
    """Who receives, in which transaction, and at which address.

    Attributes:
        home: The address below which the counter's pages are, such as `/counter`.
        organisations: For which it receives.
        browses: Whether the whole list may be read.
    """

    platform: Platform
    presence: Presence
    actor: Actor
    context: Context
    source: Source
    lg_code: str
    home: str
    organisations: frozenset[UUID]
    browses: bool
    now: datetime

    def page(self, session_id: UUID) -> str:
        """The address of one session's reception."""
        return f"{self.home}/sessions/{session_id}"

    def judge(self, scans: Sequence[Scan], source: Source | None = None) -> list[Answer]:
        """R19: judge and store scans."""
        return run(
            self.platform.database,
            self.context,
            self.presence,
            scans=scans,
            source=source or self.source,
            now=self.now,
        )


def sessions_now(db: Session, counter: Counter) -> list[tuple[ActivitySession, Activity]]:
    """The sessions somebody may be received at now or soon, the next one first."""
    found = db.execute(
        select(ActivitySession, Activity)
        .join(
            Activity,
            (Activity.lg_code == ActivitySession.lg_code)
            & (Activity.id == ActivitySession.activity_id),
        )
        .where(
            ActivitySession.lg_code == counter.lg_code,
            ActivitySession.state == "open",
            ActivitySession.published,
            ActivitySession.starts_at < counter.now + _BEFORE,
            ActivitySession.ends_at > counter.now - _AFTER,
            Activity.organisation_id.in_(counter.organisations),
        )
        .order_by(ActivitySession.starts_at)
    )
    return [(row[0], row[1]) for row in found]


def own_session(
    db: Session, counter: Counter, session_id: UUID
) -> tuple[ActivitySession, Activity]:
    """A session of the counter's organisations, with its activity. Raises NotFound."""
    session = session_of(db, counter.lg_code, session_id)
    activity = activity_of(db, counter.lg_code, session.activity_id)
    if activity.organisation_id not in counter.organisations:
        raise NotFound(code="not_found")
    return session, activity


# --- what a scan gave -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one scan gave, with what can be done about it.

    Attributes:
        undo: The living check-in it made, while whoever made it may still undo it.
    """

    told: Told
    undo: UUID | None

    @property
    def name(self) -> str:
        """Whose it was, as they want to be called; empty for nobody we know."""
        return "" if self.told.registration is None else self.told.registration.display_name


def outcome_of(db: Session, counter: Counter, scan_id: UUID) -> Outcome | None:
    """The stored answer to one of this counter's scans."""
    label = counter.source.label
    found = receptions.told(db, lg_code=counter.lg_code, source=label, scan_id=scan_id)
    return None if found is None else Outcome(found, _undo(db, counter, scan_id))


def _undo(db: Session, counter: Counter, scan_id: UUID) -> UUID | None:
    """C7: for some minutes whoever scanned may take it back."""
    one = db.scalars(
        select(CheckIn).where(
            CheckIn.lg_code == counter.lg_code,
            CheckIn.source == counter.source.label,
            CheckIn.scan_id == scan_id,
            CheckIn.annulled_at.is_(None),
        )
    ).one_or_none()
    policy = counter.presence.policies.read(db, counter.lg_code, japan_day(counter.now))
    undo = timedelta(minutes=policy.integer("checkin.undo_minutes"))
    return one.id if one is not None and counter.now - one.at <= undo else None


# --- a family in one scan -------------------------------------------------------------------------


def family_of(counter: Counter, person_id: UUID) -> list[Companion]:
    """R18: who may have come with somebody whose card was read; each look is recorded."""
    return who_comes_with(
        counter.platform.database,
        counter.context,
        actor=counter.actor,
        person_id=person_id,
        now=counter.now,
    )


def not_here_yet(
    db: Session, counter: Counter, session_id: UUID, people: Sequence[Companion]
) -> list[Companion]:
    """Those of a family who have not been received at a session."""
    here = set(
        db.scalars(
            select(CheckIn.person_id).where(
                CheckIn.lg_code == counter.lg_code,
                CheckIn.session_id == session_id,
                CheckIn.person_id.in_([one.person_id for one in people]),
                CheckIn.direction == "in",
                CheckIn.annulled_at.is_(None),
            )
        )
    )
    return [one for one in people if one.person_id not in here]


def receive_family(
    counter: Counter, session_id: UUID, guardian_id: UUID, chosen: Sequence[UUID]
) -> list[UUID]:
    """One scan, several answers: who came with somebody whose card was just read.

    Two people say so, as for every name on a list (R19): the one they came with, whose card was
    read here, and whoever receives. Returns the scan ids, one for each.
    """
    word = replace(
        counter.source,
        label=f"with:{guardian_id}",
        person_id=guardian_id,
        actor=counter.actor.label,
    )
    made = []
    for person_id in chosen:
        scan = Scan(
            scan_id=new_scan_id(),
            scanned_at=counter.now,
            session_id=session_id,
            person_id=person_id,
            method=Method.ROSTER,
            walk_in_confirmed=True,
        )
        counter.judge([replace(scan, scan_id=new_scan_id())], word)
        made.append(counter.judge([scan])[0].scan_id)
    return made
