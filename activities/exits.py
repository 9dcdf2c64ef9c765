"""C31: who forgot to check out; staff say when they left, and the minutes follow."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import and_, exists, select
from sqlalchemy.orm import Session, aliased

from activities.models import (
    Activity,
    ActivitySession,
    CheckIn,
    Participation,
    ParticipationChange,
)
from activities.rules.attendance import AttendanceMode, minutes_there
from activities.rules.presence import Direction, Method
from activities.scans import ASSURANCE
from core import audit
from core.access import Actor, Role
from core.errors import Conflict, NotFound, invalid
from core.ids import new_id
from registry.models import Registration

#: How far back the list looks, and rows it shows.
LOOK_BACK = timedelta(days=60)
MOST = 200


@dataclass(frozen=True, slots=True)
class ForgottenExit:
    """A presence that ended with its session because nobody checked out."""

    check_in: CheckIn
    session: ActivitySession
    title: str
    registration: Registration


def forgotten_exits(
    db: Session, *, actor: Actor, lg_code: str, now: datetime, session_id: UUID | None = None
) -> Sequence[ForgottenExit]:
    """Presences of sessions that are over without a way out, the latest first; looks are recorded.

    Args:
        db: A transaction of the local government.
        actor: Who looks.
        lg_code: The local government.
        now: The instant; sessions of the last sixty days are looked at.
        session_id: Only this session.
    """
    out = aliased(CheckIn)
    statement = (
        select(CheckIn, ActivitySession, Activity.title, Registration)
        .join(
            ActivitySession,
            and_(
                ActivitySession.lg_code == CheckIn.lg_code, ActivitySession.id == CheckIn.session_id
            ),
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
            and_(
                Registration.lg_code == CheckIn.lg_code,
                Registration.person_id == CheckIn.person_id,
            ),
        )
        .where(
            CheckIn.lg_code == lg_code,
            CheckIn.direction == Direction.IN.value,
            CheckIn.annulled_at.is_(None),
            Activity.attendance_mode == AttendanceMode.IN_AND_OUT.value,
            ActivitySession.ends_at <= now,
            ActivitySession.starts_at > now - LOOK_BACK,
            ~exists().where(
                out.lg_code == CheckIn.lg_code,
                out.session_id == CheckIn.session_id,
                out.person_id == CheckIn.person_id,
                out.direction == Direction.OUT.value,
                out.annulled_at.is_(None),
            ),
        )
        .order_by(ActivitySession.ends_at.desc(), CheckIn.at, CheckIn.id)
        .limit(MOST)
    )
    if session_id is not None:
        statement = statement.where(CheckIn.session_id == session_id)
    found = [ForgottenExit(*row) for row in db.execute(statement)]
    for one in found:
        audit.record(
            db,
            actor=actor,
            action="check_in.review",
            subject=("session", one.session.id),
            lg_code=lg_code,
            person_id=one.registration.person_id,
            purpose="reception",
            row_count=len(found),
            fields=("display_name", "kana"),
            now=now,
        )
    return found


def say_left(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    check_in_id: UUID,
    left_at: datetime,
    now: datetime,
    session_id: UUID | None = None,
) -> Participation:
    """C31: staff say when somebody left who forgot to check out; the minutes follow.

    Args:
        db: A transaction of the local government.
        actor: Staff of it.
        lg_code: The local government.
        check_in_id: The arrival.
        left_at: When they left; at the session's end where it was only forgotten.
        now: The instant.
        session_id: The session it must be of, where the door names one.

    Raises:
        NotFound: No such arrival here or in this session, or it was undone.
        Conflict: `already_left`.
        Invalid: `time_outside_session`: before the arrival or after the session's end.
    """
    actor.require_role(lg_code, Role.CLERK)
    arrival = db.scalars(
        select(CheckIn)
        .where(CheckIn.lg_code == lg_code, CheckIn.id == check_in_id)
        .with_for_update()
    ).one_or_none()
    if arrival is None or session_id not in {None, arrival.session_id}:
        raise NotFound(code="not_found")
    if arrival.direction != Direction.IN or arrival.annulled_at is not None:
        raise NotFound(code="not_found")
    session = db.get_one(ActivitySession, (lg_code, arrival.session_id))
    if exit_of(db, arrival) is not None:
        raise Conflict(code="already_left")
    if not arrival.at <= left_at <= max(session.ends_at, arrival.at):
        raise invalid("time_outside_session", field="left_at")
    db.add(
        CheckIn(
            lg_code=lg_code,
            session_id=session.id,
            person_id=arrival.person_id,
            direction=Direction.OUT.value,
            at=left_at,
            source=actor.label,
            scan_id=new_id(),
            method=Method.ROSTER.value,
            assurance=ASSURANCE[Method.ROSTER],
        )
    )
    one = follow_minutes(db, actor=actor, arrival=arrival, reason="left", now=now, left_at=left_at)
    audit.record(
        db,
        actor=actor,
        action="check_in.leave",
        subject=("check_in", arrival.id),
        lg_code=lg_code,
        person_id=arrival.person_id,
        now=now,
    )
    if one is None:
        raise NotFound(code="not_found")
    return one


def exit_of(db: Session, arrival: CheckIn) -> CheckIn | None:
    """The living way out of the person who arrived."""
    return db.scalars(
        select(CheckIn).where(
            CheckIn.lg_code == arrival.lg_code,
            CheckIn.session_id == arrival.session_id,
            CheckIn.person_id == arrival.person_id,
            CheckIn.direction == Direction.OUT.value,
            CheckIn.annulled_at.is_(None),
        )
    ).one_or_none()


def arrival_of(db: Session, leaving: CheckIn) -> CheckIn | None:
    """The living arrival of the person who left."""
    return db.scalars(
        select(CheckIn).where(
            CheckIn.lg_code == leaving.lg_code,
            CheckIn.session_id == leaving.session_id,
            CheckIn.person_id == leaving.person_id,
            CheckIn.direction == Direction.IN.value,
            CheckIn.annulled_at.is_(None),
        )
    ).one_or_none()


def follow_minutes(
    db: Session,
    *,
    actor: Actor,
    arrival: CheckIn,
    reason: str,
    now: datetime,
    left_at: datetime | None,
) -> Participation | None:
    """C31: bring the minutes of a presence in line with its way out; the history keeps both."""
    one = db.scalars(
        select(Participation)
        .where(
            Participation.lg_code == arrival.lg_code,
            Participation.session_id == arrival.session_id,
            Participation.person_id == arrival.person_id,
            Participation.annulled_at.is_(None),
        )
        .with_for_update()
    ).one_or_none()
    if one is None:
        return None
    session = db.get_one(ActivitySession, (arrival.lg_code, arrival.session_id))
    activity = db.get_one(Activity, (arrival.lg_code, session.activity_id))
    minutes = minutes_there(
        activity.attendance_mode,
        (session.starts_at, session.ends_at),
        arrived_at=arrival.at,
        left_at=left_at,
    )
    if minutes != one.minutes:
        state = {"counted": one.counted, "annulled": False}
        db.add(
            ParticipationChange(
                lg_code=one.lg_code,
                id=new_id(),
                participation_id=one.id,
                person_id=one.person_id,
                at=now,
                actor=actor.label,
                reason=reason,
                before=state | {"minutes": one.minutes},
                after=state | {"minutes": minutes},
            )
        )
        one.minutes = minutes
    db.flush()
    return one
