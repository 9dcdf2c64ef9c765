"""The waiting line of a session: places that fall free go to who waits longest, for a time (C33)."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from activities.models import Activity, ActivitySession, SignUp
from activities.queries import LIVING, activity_of, living_sign_ups, session_of
from activities.refusals import policy_now
from activities.rules.capacity import Seats, Waiting, next_offers
from core.clock import JAPAN, day_start, japan_day
from core.outbox import NoticeDraft, tell
from registry.rules.policy import Policy, PolicyBook


@dataclass(frozen=True, slots=True)
class LineMoves:
    """What happened in waiting lines: offers that ran out, places offered."""

    expired: int = 0
    offered: int = 0

    def __add__(self, other: "LineMoves") -> "LineMoves":
        """Both together."""
        return LineMoves(self.expired + other.expired, self.offered + other.offered)


def when(session: ActivitySession) -> str:
    """A session's start as Japanese time, for notices: `2027-06-05T09:00+09:00`."""
    return session.starts_at.astimezone(JAPAN).isoformat(timespec="minutes")


def count_seats(db: Session, session: ActivitySession) -> Seats:
    """How a locked session is filled, counted from its sign-ups, which are the truth.

    Brings `taken` of the row in line: places taken and those held by an open offer.
    """
    rows = db.execute(
        select(SignUp.state, func.count())
        .where(
            SignUp.lg_code == session.lg_code,
            SignUp.session_id == session.id,
            SignUp.state.in_(LIVING),
        )
        .group_by(SignUp.state)
    )
    counts = dict(iter(rows))
    taken, offered = counts.get("taken", 0), counts.get("offered", 0)
    session.taken = taken + offered
    return Seats(session.capacity, taken, offered, counts.get("waiting", 0))


def settle_line(
    db: Session, session: ActivitySession, *, policy: Policy, now: datetime
) -> LineMoves:
    """C33: bring one session's line up to date. The caller holds the session's lock.

    An offer that ran out leaves the line and frees its place; free places are offered in order.
    When the session has begun, the line is over.
    """
    seats = count_seats(db, session)
    if session.state != "open" or seats.offered + seats.waiting == 0:
        return LineMoves()
    people = living_sign_ups(db, session.lg_code, session.id)
    line = {one.id: one for one in people if one.state != "taken"}
    entries = [
        Waiting(one.id, one.waiting_since or one.signed_up_at, one.offer_until)
        for one in line.values()
    ]
    hours = policy.integer("signup.offer_hours")
    moves = next_offers(seats, entries, now, hours, session.starts_at)
    begun = now >= session.starts_at
    for sign_up_id in moves.expired:
        _end(line[sign_up_id], now)
    for sign_up_id in moves.offered:
        entry = line[sign_up_id]
        entry.state, entry.offer_until = "offered", moves.offer_until
    if begun:
        for entry in line.values():
            if entry.state == "waiting":
                _end(entry, now)
    db.flush()
    count_seats(db, session)
    activity = activity_of(db, session.lg_code, session.activity_id)
    tell(
        db,
        [
            *(_notice(line[one], activity, session, "offer_expired") for one in moves.expired),
            *(_notice(line[one], activity, session, "place_offered") for one in moves.offered),
        ],
        now=now,
    )
    return LineMoves(len(moves.expired), len(moves.offered))


def offer_seats(db: Session, *, lg_code: str, book: PolicyBook, now: datetime) -> LineMoves:
    """C33: bring every waiting line of a local government up to date; safe to repeat and to race.

    Offers that ran out are ended and their places offered on, in the same step.
    """
    policy = policy_now(db, book, lg_code, now)
    moved = LineMoves()
    for session_id in _lines(db, lg_code):
        session = session_of(db, lg_code, session_id, lock=True)
        moved += settle_line(db, session, policy=policy, now=now)
    return moved


def remind(db: Session, *, lg_code: str, as_of: date, book: PolicyBook, now: datetime) -> int:
    """Tell everybody with a place that their session is tomorrow, once; returns how many.

    Args:
        db: A transaction that may write in the local government's area.
        lg_code: The local government.
        as_of: The Japanese day on which the reminder is due.
        book: The numbers; mail keeps the quiet hours of `notify.quiet`.
        now: The instant of the run.
    """
    start, end = day_start(as_of + timedelta(days=1)), day_start(as_of + timedelta(days=2))
    rows = db.execute(
        select(SignUp, ActivitySession, Activity)
        .join(
            ActivitySession,
            (ActivitySession.lg_code == SignUp.lg_code) & (ActivitySession.id == SignUp.session_id),
        )
        .join(
            Activity,
            (Activity.lg_code == ActivitySession.lg_code)
            & (Activity.id == ActivitySession.activity_id),
        )
        .where(
            SignUp.lg_code == lg_code,
            SignUp.state == "taken",
            SignUp.reminded_at.is_(None),
            ActivitySession.state == "open",
            ActivitySession.starts_at >= start,
            ActivitySession.starts_at < end,
        )
        .with_for_update(of=SignUp, skip_locked=True)
    ).all()
    send_at = after_quiet(now, policy_now(db, book, lg_code, now).integers("notify.quiet"))
    for sign_up, _, _ in rows:
        sign_up.reminded_at = now
    drafts = [
        _notice(sign_up, activity, session, "session_reminder", send_at)
        for sign_up, session, activity in rows
    ]
    return tell(db, drafts, now=now)


def after_quiet(now: datetime, quiet: tuple[int, ...]) -> datetime:
    """R23: the instant itself, or the morning hour when it falls into the quiet hours."""
    evening, morning = quiet
    local = now.astimezone(JAPAN)
    if morning <= local.hour < evening:
        return now
    day = japan_day(now) + timedelta(days=1 if local.hour >= evening else 0)
    return day_start(day) + timedelta(hours=morning)


def _lines(db: Session, lg_code: str) -> list[UUID]:
    """Sessions in whose line somebody is, in one order for everybody who locks them."""
    return list(
        db.scalars(
            select(SignUp.session_id)
            .where(SignUp.lg_code == lg_code, SignUp.state.in_(("waiting", "offered")))
            .distinct()
            .order_by(SignUp.session_id)
        )
    )


def _end(entry: SignUp, now: datetime) -> None:
    entry.state, entry.ended_at = "declined", now


def _notice(
    sign_up: SignUp,
    activity: Activity,
    session: ActivitySession,
    kind: str,
    available_at: datetime | None = None,
) -> NoticeDraft:
    until = sign_up.offer_until
    return NoticeDraft(
        sign_up.person_id,
        kind,
        # Somebody may stand in the same line twice; each time is a fact of its own.
        f"{sign_up.id}:{(sign_up.waiting_since or sign_up.signed_up_at).isoformat()}",
        sign_up.lg_code,
        {
            "activity": activity.title,
            "activity_id": str(activity.id),
            "session_id": str(session.id),
            "when": when(session),
            "place": session.place,
            "until": None
            if until is None
            else until.astimezone(JAPAN).isoformat(timespec="minutes"),
        },
        available_at=available_at,
    )
