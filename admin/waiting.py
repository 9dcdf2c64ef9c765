"""What waits for a human at one local government, counted and listed (R15, C46)."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, exists, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, aliased

from activities.models import Activity, ActivitySession, CheckIn, ScanAttempt, StayDay
from core.clock import day_start
from core.models import Undelivered
from registry.models import Application, Registration, Term
from registry.queries import LIVING

#: Applications and renewals in which a human may say something.
OPEN_TO_STAFF = ("review", "veto")
#: A scan is settled within the days of an offline upload; older ones wait for nobody (R19).
SCAN_DAYS = timedelta(days=14)
#: Terms that end within these days are shown as due.
DUE_DAYS = timedelta(days=60)

#: Notices that could not be delivered are counted over these days (R06).
LOST_DAYS = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many of each kind wait."""

    proposals: int
    applications: int
    renewals: int
    stays: int
    scans: int
    provisional: int
    due: int
    samples: int


@dataclass(frozen=True, slots=True)
class Lost:
    """R06: notices that reached nobody outside the app, of which some asked before a release."""

    found: int
    before_release: int


def undelivered(db: Session, *, lg_code: str, today: date) -> Lost:
    """R06: how many notices of the last days could not be delivered; numbers, never names."""
    rows = db.execute(
        select(Undelivered.kind, func.sum(Undelivered.found))
        .where(Undelivered.lg_code == lg_code, Undelivered.on_day > today - LOST_DAYS)
        .group_by(Undelivered.kind)
    )
    by_kind = {kind: int(found) for kind, found in rows}
    return Lost(sum(by_kind.values()), by_kind.get("dormancy_notice", 0))


def to_decide(db: Session, lg_code: str) -> int:
    """Proposals, applications, renewals and stay reports that want a decision (for the menu)."""
    return sum(_one(db, count) for count in _decisions(lg_code))


def _one(db: Session, statement: Select[int]) -> int:
    return db.scalar(statement) or 0


def _decisions(lg_code: str) -> tuple[Select[int], ...]:
    return (
        _count(Activity, Activity.lg_code == lg_code, Activity.state == "submitted"),
        _count(Application, Application.lg_code == lg_code, Application.state.in_(OPEN_TO_STAFF)),
        _count(
            Term,
            Term.lg_code == lg_code,
            Term.state.in_(LIVING),
            Term.renewal_state.in_(OPEN_TO_STAFF),
        ),
        _count(StayDay, StayDay.lg_code == lg_code, StayDay.state == "reported"),
    )


def _count(model: Any, *where: ColumnElement[bool]) -> Select[int]:
    return select(func.count()).select_from(model).where(*where)


def counts(db: Session, *, lg_code: str, today: date, now: datetime) -> Waiting:
    """R15: everything that waits, counted.

    Args:
        db: A transaction of the local government.
        lg_code: The local government.
        today: The Japanese day.
        now: The instant.
    """
    proposals, applications, renewals, stays = (_one(db, one) for one in _decisions(lg_code))
    return Waiting(
        proposals=proposals,
        applications=applications,
        renewals=renewals,
        stays=stays,
        scans=_one(db, _count(ScanAttempt, *_unsettled(lg_code, now))),
        provisional=_one(
            db, _count(CheckIn, CheckIn.lg_code == lg_code, CheckIn.provisional.is_(True))
        ),
        due=_one(
            db,
            _count(
                Term,
                Term.lg_code == lg_code,
                Term.state.in_(LIVING),
                Term.last_day <= today + DUE_DAYS,
                Term.renewal_state != "booked",
            ),
        ),
        samples=_one(
            db, _count(Activity, Activity.lg_code == lg_code, Activity.audit_sampled.is_(True))
        ),
    )


def _unsettled(lg_code: str, now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Scans at a poster that nobody has looked at, and scans to be looked into (R19, C28)."""
    doubtful = ScanAttempt.answer["investigate"].as_boolean()
    tap = and_(ScanAttempt.method == "poster", ScanAttempt.reason == "second_factor")
    here = exists().where(
        CheckIn.lg_code == ScanAttempt.lg_code,
        CheckIn.session_id == ScanAttempt.session_id,
        CheckIn.person_id == ScanAttempt.person_id,
        CheckIn.direction == ScanAttempt.direction,
        CheckIn.annulled_at.is_(None),
    )
    return (
        ScanAttempt.lg_code == lg_code,
        ScanAttempt.received_at > now - SCAN_DAYS,
        ScanAttempt.person_id.is_not(None),
        tap | doubtful,
        ~here,
    )


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A scan that waits for somebody's look, with whose it is and where."""

    scan: ScanAttempt
    session: ActivitySession
    title: str
    registration: Registration

    @property
    def wants_tap(self) -> bool:
        """Whether one look settles it; the others are looked into (R19, C28)."""
        return self.scan.reason == "second_factor"


def unsettled_scans(
    db: Session,
    *,
    lg_code: str,
    now: datetime,
    session_id: UUID | None = None,
    limit: int = 50,
) -> list[Unsettled]:
    """R19: scans at posters without a second look and scans that are doubtful, oldest first.

    A person who scanned a poster twice appears once.
    """
    which = (ScanAttempt.session_id, ScanAttempt.person_id, ScanAttempt.direction)
    first = select(ScanAttempt).where(*_unsettled(lg_code, now)).ext(distinct_on(*which))
    if session_id is not None:
        first = first.where(ScanAttempt.session_id == session_id)
    scan = aliased(ScanAttempt, first.order_by(*which, ScanAttempt.received_at).subquery())
    rows = db.execute(
        select(scan, ActivitySession, Activity.title, Registration)
        .join(
            ActivitySession,
            and_(ActivitySession.lg_code == scan.lg_code, ActivitySession.id == scan.session_id),
        )
        .join(
            Activity,
            and_(
                Activity.lg_code == ActivitySession.lg_code,
                Activity.id == ActivitySession.activity_id,
            ),
        )
        .join(
            Registration,
            and_(Registration.lg_code == scan.lg_code, Registration.person_id == scan.person_id),
        )
        .order_by(scan.received_at, scan.scan_id)
        .limit(limit)
    )
    return [Unsettled(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class SessionToday:
    """A session of a day with how many are expected and here."""

    session: ActivitySession
    title: str
    activity_id: UUID
    expected: int
    here: int


def sessions_on(db: Session, *, lg_code: str, day: date, days: int = 1) -> list[SessionToday]:
    """Sessions that begin on a Japanese day, or on some days from it, in time."""
    here = (
        select(func.count())
        .select_from(CheckIn)
        .where(
            CheckIn.lg_code == ActivitySession.lg_code,
            CheckIn.session_id == ActivitySession.id,
            CheckIn.direction == "in",
            CheckIn.annulled_at.is_(None),
        )
        .correlate(ActivitySession)
        .scalar_subquery()
    )
    rows = db.execute(
        select(ActivitySession, Activity.title, Activity.id, ActivitySession.taken, here)
        .join(
            Activity,
            and_(
                Activity.lg_code == ActivitySession.lg_code,
                Activity.id == ActivitySession.activity_id,
            ),
        )
        .where(
            ActivitySession.lg_code == lg_code,
            ActivitySession.starts_at >= day_start(day),
            ActivitySession.starts_at < day_start(day + timedelta(days=days)),
        )
        .order_by(ActivitySession.starts_at, ActivitySession.id)
    )
    return [SessionToday(*row) for row in rows]
