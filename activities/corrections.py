"""Presence put right: undone, corrected, settled. Nothing is deleted, every step keeps its history.

C7: whoever scanned may undo for some minutes; later only staff, with a reason.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session, aliased

from activities.exits import arrival_of, exit_of, follow_minutes
from activities.models import (
    CheckIn,
    Participation,
    ParticipationChange,
    ScannerDevice,
    StayDay,
)
from core import audit
from core.access import Actor, ActorKind, Role
from core.clock import japan_day
from core.errors import Conflict, NotFound
from core.ids import new_id
from registry.rules.policy import Policy


@dataclass(frozen=True, slots=True)
class Undone:
    """Whether a check-in was undone, or why not; a try that fails is recorded too."""

    done: bool
    code: str


def annul(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    check_in_id: UUID,
    reason: str,
    policy: Policy,
    now: datetime,
    session_id: UUID | None = None,
    undone_at: datetime | None = None,
) -> Undone:
    """Undo a check-in: the row stays, marked; the day counts again from what else was there.

    Args:
        db: A transaction of the local government.
        actor: Whoever scanned, or staff.
        lg_code: The local government.
        check_in_id: The check-in.
        reason: Why, in the actor's words.
        policy: The numbers in force.
        now: The instant.
        session_id: The session it must be of, where the door names one.
        undone_at: When it was taken back without network, by the device's corrected clock.

    Raises:
        NotFound: No such check-in in this local government, or in this session.
    """
    row = db.execute(
        select(CheckIn)
        .where(CheckIn.lg_code == lg_code, CheckIn.id == check_in_id)
        .with_for_update()
    ).scalar_one_or_none()
    if row is None or session_id not in {None, row.session_id}:
        raise NotFound(code="not_found")
    if row.annulled_at is not None:
        return Undone(done=True, code="already_annulled")
    allowed = _may_undo(actor, row, policy, min(now, undone_at or now))
    audit.record(
        db,
        actor=actor,
        action="check_in.annul",
        subject=("check_in", row.id),
        lg_code=lg_code,
        person_id=row.person_id,
        now=now,
        outcome="done" if allowed else "refused",
    )
    if not allowed:
        return Undone(done=False, code="undo_too_late")
    row.annulled_at, row.annulled_by, row.annulled_reason = now, actor.label, reason
    if row.direction == "in":
        _annul_participation(db, actor=actor, row=row, reason=reason, now=now)
        _annul_stay(db, row)
        _annul_exit(db, row)
    else:
        _stays_until_the_end(db, actor=actor, row=row, reason=reason, now=now)
    return Undone(done=True, code="annulled")


def _may_undo(actor: Actor, row: CheckIn, policy: Policy, now: datetime) -> bool:
    if actor.kind is ActorKind.STAFF:
        return actor.has_role(row.lg_code, Role.CLERK)
    undo = timedelta(minutes=policy.integer("checkin.undo_minutes"))
    return row.source == actor.label and now - row.at <= undo


def _annul_participation(
    db: Session, *, actor: Actor, row: CheckIn, reason: str, now: datetime
) -> None:
    found = db.execute(
        select(Participation).where(
            Participation.lg_code == row.lg_code,
            Participation.session_id == row.session_id,
            Participation.person_id == row.person_id,
            Participation.annulled_at.is_(None),
        )
    ).scalars()
    for one in found:
        _change(db, one, actor=actor, reason=reason, now=now, counted=False, annulled_at=now)
        _promote(db, one.lg_code, one.person_id, one.day, actor=actor, now=now)


def _annul_exit(db: Session, row: CheckIn) -> None:
    """C31: nobody leaves who did not come."""
    gone = exit_of(db, row)
    if gone is not None:
        gone.annulled_at, gone.annulled_by = row.annulled_at, row.annulled_by
        gone.annulled_reason = row.annulled_reason


def _stays_until_the_end(
    db: Session, *, actor: Actor, row: CheckIn, reason: str, now: datetime
) -> None:
    """C31: without a way out somebody is there until the session ends."""
    db.flush()
    arrival = arrival_of(db, row)
    if arrival is not None:
        follow_minutes(db, actor=actor, arrival=arrival, reason=reason, now=now, left_at=None)


def _change(
    db: Session,
    one: Participation,
    *,
    actor: Actor,
    reason: str,
    now: datetime,
    counted: bool,
    annulled_at: datetime | None,
) -> None:
    before = {"counted": one.counted, "annulled": one.annulled_at is not None}
    one.counted, one.annulled_at = counted, annulled_at
    one.not_counted_reason = None if counted else "corrected"
    db.add(
        ParticipationChange(
            lg_code=one.lg_code,
            id=new_id(),
            participation_id=one.id,
            person_id=one.person_id,
            at=now,
            actor=actor.label,
            reason=reason,
            before=before,
            after={"counted": counted, "annulled": annulled_at is not None},
        )
    )
    db.flush()


def _promote(
    db: Session, lg_code: str, person_id: UUID, day: date, *, actor: Actor, now: datetime
) -> None:
    """R08: the day's second presence stands for the day once the first is undone."""
    other = db.execute(
        select(Participation)
        .where(
            Participation.lg_code == lg_code,
            Participation.person_id == person_id,
            Participation.day == day,
            Participation.annulled_at.is_(None),
            Participation.not_counted_reason == "same_day",
        )
        .order_by(Participation.created_at)
        .limit(1)
    ).scalar_one_or_none()
    if other is not None:
        _change(
            db,
            other,
            actor=actor,
            reason="same_day_undone",
            now=now,
            counted=True,
            annulled_at=None,
        )


def _annul_stay(db: Session, row: CheckIn) -> None:
    """R11: the stay day falls too, unless another check-in of that day proves it."""
    stay = db.execute(
        select(StayDay).where(StayDay.lg_code == row.lg_code, StayDay.source_id == row.id)
    ).scalar_one_or_none()
    if stay is None:
        return
    others = db.execute(
        select(CheckIn).where(
            CheckIn.lg_code == row.lg_code,
            CheckIn.person_id == row.person_id,
            CheckIn.direction == "in",
            CheckIn.annulled_at.is_(None),
            CheckIn.id != row.id,
        )
    ).scalars()
    same_day = next((one for one in others if japan_day(one.at) == stay.day), None)
    if same_day is None:
        stay.state = "annulled"
    else:
        stay.source_id = same_day.id


def whose(db: Session, *, lg_code: str, participation_id: UUID) -> UUID:
    """Whose participation it is.

    Raises:
        NotFound: No such participation here.
    """
    found = db.scalar(
        select(Participation.person_id).where(
            Participation.lg_code == lg_code, Participation.id == participation_id
        )
    )
    if found is None:
        raise NotFound(code="not_found")
    return found


def correct(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    participation_id: UUID,
    counted: bool,
    reason: str,
    now: datetime,
) -> Participation:
    """R19: staff say whether a participation counts; the history keeps what stood before.

    Raises:
        NotFound: No such participation here.
        Conflict: `day_already_counted`, another presence stands for that day (R08);
            `annulled`, the presence was undone.
    """
    actor.require_role(lg_code, Role.CLERK)
    one = db.execute(
        select(Participation)
        .where(Participation.lg_code == lg_code, Participation.id == participation_id)
        .with_for_update()
    ).scalar_one_or_none()
    if one is None:
        raise NotFound(code="not_found")
    if one.annulled_at is not None:
        raise Conflict(code="annulled")
    if counted and not one.counted and _day_is_counted(db, one):
        raise Conflict(code="day_already_counted")
    if counted != one.counted:
        _change(db, one, actor=actor, reason=reason, now=now, counted=counted, annulled_at=None)
        if not counted:
            _promote(db, lg_code, one.person_id, one.day, actor=actor, now=now)
    audit.record(
        db,
        actor=actor,
        action="participation.correct",
        subject=("participation", one.id),
        lg_code=lg_code,
        person_id=one.person_id,
        now=now,
    )
    return one


def _day_is_counted(db: Session, one: Participation) -> bool:
    return bool(
        db.scalar(
            select(
                exists().where(
                    Participation.lg_code == one.lg_code,
                    Participation.person_id == one.person_id,
                    Participation.day == one.day,
                    Participation.counted,
                )
            )
        )
    )


def settle(db: Session, *, lg_code: str, policy: Policy, now: datetime) -> int:
    """Presence made offline stops being provisional once its host's devices have all reported.

    A device silent for longer than its fuse, or revoked, is waited for no longer (C23).
    Returns how many participations were settled.
    """
    device = aliased(ScannerDevice)
    source = aliased(ScannerDevice)
    waiting = (
        exists()
        .where(
            CheckIn.lg_code == Participation.lg_code,
            CheckIn.session_id == Participation.session_id,
            CheckIn.person_id == Participation.person_id,
            CheckIn.direction == "in",
            CheckIn.annulled_at.is_(None),
        )
        .where(
            source.lg_code == CheckIn.lg_code,
            CheckIn.source == "device:" + source.id.cast(CheckIn.source.type),
            device.lg_code == source.lg_code,
            device.organisation_id == source.organisation_id,
            device.revoked_at.is_(None),
            device.reported_sequence > device.last_sequence,
            device.last_seen_at > now - timedelta(days=policy.integer("checkin.fuse_days")),
        )
    )
    settled = db.execute(
        update(Participation)
        .where(Participation.lg_code == lg_code, Participation.provisional, ~waiting)
        .values(provisional=False)
        .returning(Participation.id)
        .execution_options(synchronize_session=False)
    ).all()
    db.execute(
        update(CheckIn)
        .where(
            CheckIn.lg_code == lg_code,
            CheckIn.provisional,
            ~exists().where(
                Participation.lg_code == CheckIn.lg_code,
                Participation.session_id == CheckIn.session_id,
                Participation.person_id == CheckIn.person_id,
                Participation.provisional,
            ),
        )
        .values(provisional=False)
        .execution_options(synchronize_session=False)
    )
    return len(settled)
