"""A person's place in a session: taken, waited for, offered, given back (C33, C34, R18, R31).

Works in the context of the session's local government, for the person acting. What the person
does elsewhere on that day is gathered before, in the person's own context, and handed in.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from activities.models import Activity, ActivitySession, SignUp
from activities.queries import (
    LIVING,
    activity_of,
    registration_of,
    session_of,
)
from activities.refusals import policy_now, refuse
from activities.rules.capacity import Overlap, Place, Waiting, may_accept_offer, overlap, place_for
from activities.waiting import LineMoves, count_seats, settle_line, when
from core import audit
from core.access import Actor
from core.clock import japan_day
from core.errors import Gone, NotFound, refused
from core.outbox import NoticeDraft, tell
from registry.access import touch
from registry.models import Registration
from registry.rules.dormancy import AccessKind
from registry.rules.policy import Policy, PolicyBook
from registry.rules.reasons import Reason


@dataclass(frozen=True, slots=True)
class Engagement:
    """Time a person has promised to a session already."""

    session_id: UUID
    title: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Signed:
    """A sign-up, whether it was made just now, and what it touches a little (C34)."""

    sign_up: SignUp
    activity: Activity
    session: ActivitySession
    created: bool
    touches: tuple[str, ...] = ()


def engagements(db: Session, *, person_id: UUID, now: datetime) -> tuple[Engagement, ...]:
    """Every session a person has a place in and that is not over, as far as this context sees."""
    rows = db.execute(
        select(ActivitySession, Activity.title)
        .join(
            SignUp,
            (SignUp.lg_code == ActivitySession.lg_code) & (SignUp.session_id == ActivitySession.id),
        )
        .join(
            Activity,
            (Activity.lg_code == ActivitySession.lg_code)
            & (Activity.id == ActivitySession.activity_id),
        )
        .where(
            SignUp.person_id == person_id,
            SignUp.state == "taken",
            ActivitySession.state == "open",
            ActivitySession.ends_at > now,
        )
    ).all()
    return tuple(
        Engagement(session.id, title, session.starts_at, session.ends_at) for session, title in rows
    )


def sign_up(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    session_id: UUID,
    insurance_proof: bool,
    elsewhere: Sequence[Engagement],
    book: PolicyBook,
    now: datetime,
) -> Signed:
    """Take a place, or a place in the waiting line when none is free (C33).

    Args:
        db: A transaction of the session's local government.
        actor: The registrant.
        lg_code: The local government.
        session_id: The session.
        insurance_proof: The person says they are insured for it (R31).
        elsewhere: What `engagements` found in the person's own context.
        book: The numbers.
        now: The instant of asking.

    Returns:
        The sign-up; the one that stands already when there is one.

    Raises:
        NotFound: No such session is open to the public.
        Refused: `not_registered`, `session_begun`, `minor_at_night` (R18), `insurance_proof`
            (R31), `overlapping_session` (C34): every reason that holds.
    """
    person_id = actor.person_id
    # The person's row, then the session's: two sign-ups of one person cannot pass each other.
    registration = registration_of(db, lg_code, person_id, lock=True)
    session, activity = _open_session(db, lg_code, session_id)
    mine = _own(db, lg_code, session_id, person_id)
    if mine is not None and mine.state in LIVING:
        return Signed(mine, activity, session, created=False)
    policy = policy_now(db, book, lg_code, now)
    busy = {
        one.session_id: one for one in (*elsewhere, *engagements(db, person_id=person_id, now=now))
    }
    reasons = [
        *_against(registration, activity, session, now),
        *_insurance(activity, insurance_proof=insurance_proof),
        *_clashes(session, busy.values(), policy),
    ]
    refuse(reasons)
    if registration is None:  # said by the reasons already
        raise NotFound(code="not_found")
    place = place_for(count_seats(db, session))
    mine = mine or SignUp(
        lg_code=lg_code, session_id=session_id, person_id=person_id, signed_up_at=now
    )
    _take(mine, registration, place, insurance_proof=insurance_proof, now=now)
    touch(
        db,
        lg_code=lg_code,
        person_id=person_id,
        kind=AccessKind.SIGN_UP,
        today=japan_day(now),
        book=book,
    )
    db.add(mine)
    db.flush()
    count_seats(db, session)
    kind = "sign_up_taken" if place is Place.TAKEN else "sign_up_waiting"
    _settle(db, actor, mine, activity, session, kind, now)
    touches = tuple(
        sorted(one.title for one in busy.values() if _overlap(session, one, policy) is Overlap.SOFT)
    )
    return Signed(mine, activity, session, created=True, touches=touches)


def cancel_sign_up(
    db: Session, *, actor: Actor, lg_code: str, session_id: UUID, book: PolicyBook, now: datetime
) -> Signed:
    """Give a place, an offer or a place in the line back; the next one is asked at once (C33).

    Raises:
        NotFound: The person has none.
        Refused: `session_begun`.
    """
    person_id = actor.person_id
    session = session_of(db, lg_code, session_id, lock=True)
    activity = activity_of(db, lg_code, session.activity_id)
    mine = _own(db, lg_code, session_id, person_id)
    if mine is None or mine.state not in LIVING:
        raise NotFound(code="not_found")
    if session.starts_at <= now:
        raise refused("session_begun", rule="R19", found=when(session))
    mine.state, mine.ended_at, mine.offer_until = "cancelled", now, None
    db.flush()
    _settle(db, actor, mine, activity, session, None, now)
    settle_line(db, session, policy=policy_now(db, book, lg_code, now), now=now)
    return Signed(mine, activity, session, created=False)


def accept_offer(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    session_id: UUID,
    elsewhere: Sequence[Engagement],
    book: PolicyBook,
    now: datetime,
) -> Signed:
    """Take the place that was offered from the waiting line, while the offer holds (C33).

    Raises:
        NotFound: The person stands in no line there.
        Gone: `offer_expired`; the place goes to the next.
        Refused: `not_offered` while still waiting; otherwise as `sign_up`.
    """
    person_id = actor.person_id
    registration = registration_of(db, lg_code, person_id, lock=True)
    session, activity = _open_session(db, lg_code, session_id)
    mine = _own(db, lg_code, session_id, person_id)
    if mine is None or mine.state == "cancelled":
        raise NotFound(code="not_found")
    if mine.state == "taken":
        return Signed(mine, activity, session, created=False)
    if mine.state == "waiting":
        raise refused("not_offered", rule="R19", action="wait")
    entry = Waiting(mine.id, mine.waiting_since or mine.signed_up_at, mine.offer_until)
    if mine.state != "offered" or not may_accept_offer(entry, now):
        raise Gone(code="offer_expired")
    policy = policy_now(db, book, lg_code, now)
    busy = {
        one.session_id: one for one in (*elsewhere, *engagements(db, person_id=person_id, now=now))
    }
    refuse(
        [
            *_against(registration, activity, session, now),
            *_clashes(session, busy.values(), policy),
        ]
    )
    mine.state, mine.offer_until, mine.signed_up_at = "taken", None, now
    db.flush()
    _settle(db, actor, mine, activity, session, "sign_up_taken", now)
    return Signed(mine, activity, session, created=True)


def give_back_ended(
    db: Session, *, actor: Actor, lg_code: str, book: PolicyBook, now: datetime
) -> LineMoves:
    """Give back every future place of people whose registration here has ended (C33).

    For the night: the register knows nothing of activities. Safe to repeat.
    """
    policy = policy_now(db, book, lg_code, now)
    rows = db.execute(
        select(SignUp.session_id, SignUp.person_id)
        .join(
            Registration,
            (Registration.lg_code == SignUp.lg_code) & (Registration.id == SignUp.registration_id),
        )
        .join(
            ActivitySession,
            (ActivitySession.lg_code == SignUp.lg_code) & (ActivitySession.id == SignUp.session_id),
        )
        .where(
            SignUp.lg_code == lg_code,
            SignUp.state.in_(LIVING),
            ActivitySession.starts_at > now,
            Registration.status != "active",
        )
        .order_by(SignUp.session_id, SignUp.person_id)
    ).all()
    moved = LineMoves()
    for session_id, person_id in rows:
        session = session_of(db, lg_code, session_id, lock=True)
        mine = _own(db, lg_code, session_id, person_id)
        if mine is None or mine.state not in LIVING or session.starts_at <= now:
            continue
        mine.state, mine.ended_at, mine.offer_until = "cancelled", now, None
        db.flush()
        activity = activity_of(db, lg_code, session.activity_id)
        _settle(db, actor, mine, activity, session, None, now)
        moved += settle_line(db, session, policy=policy, now=now)
    return moved


def _open_session(db: Session, lg_code: str, session_id: UUID) -> tuple[ActivitySession, Activity]:
    session = session_of(db, lg_code, session_id, lock=True)
    activity = activity_of(db, lg_code, session.activity_id)
    if not activity.published or not session.published or session.state != "open":
        raise NotFound(code="not_found")
    return session, activity


def _own(db: Session, lg_code: str, session_id: UUID, person_id: UUID) -> SignUp | None:
    return db.scalars(
        select(SignUp).where(
            SignUp.lg_code == lg_code,
            SignUp.session_id == session_id,
            SignUp.person_id == person_id,
        )
    ).one_or_none()


def _against(
    registration: Registration | None, activity: Activity, session: ActivitySession, now: datetime
) -> Iterable[Reason]:
    if registration is None:
        yield Reason("R19", "not_registered", action="register")
    elif (
        activity.late_night
        and registration.minor_until is not None
        and japan_day(session.starts_at) < registration.minor_until
    ):
        yield Reason("R18", "minor_at_night")
    if session.starts_at <= now:
        yield Reason("R19", "session_begun", found=when(session))


def _insurance(activity: Activity, *, insurance_proof: bool) -> Iterable[Reason]:
    """R31: where the participant insures, they say that they have."""
    if activity.insurance == "participant" and not insurance_proof:
        yield Reason("R31", "insurance_proof", action="insurance_proof")


def _clashes(
    session: ActivitySession, busy: Iterable[Engagement], policy: Policy
) -> Iterable[Reason]:
    """C34: nobody is at two places at once; a little is a warning only."""
    titles = sorted(one.title for one in busy if _overlap(session, one, policy) is Overlap.HARD)
    if titles:
        yield Reason(
            "R19",
            "overlapping_session",
            needed=policy.integer("signup.overlap_minutes"),
            names=tuple(titles),
            source=policy.source("signup.overlap_minutes"),
            action="choose_one",
        )


def _overlap(session: ActivitySession, other: Engagement, policy: Policy) -> Overlap:
    if other.session_id == session.id:
        return Overlap.NONE
    return overlap(
        (session.starts_at, session.ends_at),
        (other.starts_at, other.ends_at),
        policy.integer("signup.overlap_minutes"),
    )


def _take(
    mine: SignUp, registration: Registration, place: Place, *, insurance_proof: bool, now: datetime
) -> None:
    mine.registration_id = registration.id
    mine.state = place.value
    mine.insurance_proof = insurance_proof
    mine.signed_up_at = now
    mine.waiting_since = now if place is Place.WAITING else None
    mine.offer_until = mine.ended_at = mine.reminded_at = None


def _settle(
    db: Session,
    actor: Actor,
    mine: SignUp,
    activity: Activity,
    session: ActivitySession,
    kind: str | None,
    now: datetime,
) -> None:
    """Audit, and the notice if one is owed."""
    audit.record(
        db,
        actor=actor,
        action=f"sign_up.{mine.state}",
        subject=("session", session.id),
        lg_code=mine.lg_code,
        person_id=mine.person_id,
        now=now,
    )
    if kind is None:
        return
    facts = {
        "activity": activity.title,
        "activity_id": str(activity.id),
        "session_id": str(session.id),
        "when": when(session),
        "place": session.place,
    }
    key = f"{mine.id}:{mine.signed_up_at.isoformat()}"
    tell(db, [NoticeDraft(mine.person_id, kind, key, mine.lg_code, facts)], now=now)
