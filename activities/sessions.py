"""開催回: dates, times and places of an activity, and what happens to people when one falls out."""

from datetime import date, datetime, timedelta
from secrets import token_bytes
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from activities.hosts import Host
from activities.models import Activity, ActivitySession
from activities.queries import (
    activity_of,
    living_sign_ups,
    session_of,
    sessions_of,
    trust_on,
)
from activities.refusals import policy_now
from activities.rules.capacity import Overlap, overlap
from activities.rules.designation import ActivityState, Pattern, Trust, trusts
from activities.waiting import settle_line, when
from core import audit
from core.access import Actor
from core.clock import japan_day
from core.errors import Conflict, invalid, refused
from core.outbox import NoticeDraft, tell
from core.shortcode import new_code
from registry.rules.notifying import disturbs_anyhow
from registry.rules.policy import PolicyBook

#: One session is one piece of work, however long; a camp of three days has three.
LONGEST = timedelta(hours=24)
_ENDED = frozenset({ActivityState.REJECTED, ActivityState.WITHDRAWN})
_CODE_TRIES = 5


def add_session(
    db: Session,
    *,
    host: Host,
    activity_id: UUID,
    starts_at: datetime,
    ends_at: datetime,
    place: str,
    capacity: int | None,
    now: datetime,
) -> ActivitySession:
    """Add a date to an activity; published at once if the activity is designated.

    Args:
        db: A transaction of the local government.
        host: Acts for the activity's organisation.
        activity_id: The activity.
        starts_at: Aware instant.
        ends_at: Aware instant, at most 24 hours later; overnight work belongs to its first day.
        place: Where people meet.
        capacity: Places at most; None for no limit.
        now: The instant of asking.

    Raises:
        Refused: `session_in_past`, `session_too_short` (R08), `session_overlaps`,
            `step_not_allowed` for an activity that has ended; `trust_withdrawn`,
            `trust_not_in_force` where only the trust in its host designates it (R10).
        Invalid: `session_times`, `capacity`.
    """
    # The activity first, then its sessions: the one order of locks (C33).
    activity = activity_of(db, host.lg_code, activity_id, lock=True)
    host.require(activity.organisation_id)
    _refuse_times(activity, starts_at, ends_at, now)
    _refuse_past_trust(db, activity, japan_day(starts_at))
    if capacity is not None and capacity < 1:
        raise invalid("capacity", field="capacity", found=capacity, needed=1)
    for other in sessions_of(db, host.lg_code, activity_id):
        same = other.state == "open" and other.place == place
        if same and overlap((starts_at, ends_at), (other.starts_at, other.ends_at), 0) is not (
            Overlap.NONE
        ):
            raise refused("session_overlaps", rule="R19", found=when(other), action="change_time")
    row = _insert(
        db,
        ActivitySession(
            lg_code=host.lg_code,
            activity_id=activity_id,
            starts_at=starts_at,
            ends_at=ends_at,
            place=place,
            capacity=capacity,
            taken=0,
            state="open",
            published=activity.published,
            overnight=japan_day(starts_at) != japan_day(ends_at),
            created_at=now,
        ),
    )
    _record(db, host.actor, "session.add", row, now)
    return row


def change_capacity(
    db: Session,
    *,
    host: Host,
    session_id: UUID,
    capacity: int | None,
    book: PolicyBook,
    now: datetime,
) -> ActivitySession:
    """More or fewer places, never below those taken or on offer; new ones go to who waits (C33).

    Raises:
        Refused: `capacity_below_taken`, with what is taken; `session_over`.
    """
    session = session_of(db, host.lg_code, session_id, lock=True)
    host.require(activity_of(db, host.lg_code, session.activity_id).organisation_id)
    _refuse_ended(session, now)
    if capacity is not None and capacity < max(1, session.taken):
        raise refused(
            "capacity_below_taken", rule="R19", found=capacity, needed=max(1, session.taken)
        )
    session.capacity = capacity
    db.flush()
    settle_line(db, session, policy=policy_now(db, book, host.lg_code, now), now=now)
    _record(db, host.actor, "session.change_capacity", session, now)
    return session


def cancel_session(
    db: Session, *, host: Host, session_id: UUID, reason: str, now: datetime
) -> ActivitySession:
    """Call a session off; everybody who has or waits for a place is told.

    Raises:
        Refused: `session_over`, it is over or was called off.
    """
    session = session_of(db, host.lg_code, session_id, lock=True)
    activity = activity_of(db, host.lg_code, session.activity_id)
    host.require(activity.organisation_id)
    _refuse_ended(session, now)
    cancel_for_all(db, activity, session, actor=host.actor, reason=reason, now=now)
    return session


def cancel_for_all(
    db: Session,
    activity: Activity,
    session: ActivitySession,
    *,
    actor: Actor,
    reason: str,
    now: datetime,
) -> int:
    """Call a session off for everybody in it; returns how many are told."""
    session = session_of(db, session.lg_code, session.id, lock=True)
    session.state, session.taken = "cancelled", 0
    session.cancelled_at, session.cancelled_reason = now, reason
    people = living_sign_ups(db, session.lg_code, session.id)
    for sign_up in people:
        sign_up.state, sign_up.ended_at, sign_up.offer_until = "cancelled", now, None
    facts: dict[str, Any] = {
        "activity": activity.title,
        "activity_id": str(activity.id),
        "session_id": str(session.id),
        "when": when(session),
        "place": session.place,
        "reason": reason,
    }
    if disturbs_anyhow(japan_day(session.starts_at), japan_day(now)):
        facts["anyhow"] = True
    tell(
        db,
        [
            NoticeDraft(one.person_id, "session_cancelled", str(session.id), session.lg_code, facts)
            for one in people
        ],
        now=now,
    )
    _record(db, actor, "session.cancel", session, now)
    return len(people)


def _refuse_times(
    activity: Activity, starts_at: datetime, ends_at: datetime, now: datetime
) -> None:
    if ActivityState(activity.state) in _ENDED:
        raise refused("step_not_allowed", rule="R09", found=activity.state, action="copy_activity")
    if not timedelta(0) < ends_at - starts_at <= LONGEST:
        raise invalid("session_times", field="ends_at", needed=LONGEST // timedelta(hours=1))
    if starts_at <= now:
        raise refused("session_in_past", rule="R19", found=japan_day(starts_at).isoformat())
    minutes = (ends_at - starts_at) // timedelta(minutes=1)
    if minutes < activity.minutes_minimum:
        raise refused(
            "session_too_short", rule="R08", found=minutes, needed=activity.minutes_minimum
        )


def _refuse_past_trust(db: Session, activity: Activity, day: date) -> None:
    """R10: what is designated by trust alone gets no new dates once the trust is over.

    Dates announced before stay: nobody who signed up in good faith is sent away.
    """
    if activity.pattern != int(Pattern.ORGANISATION.value):
        return
    row = trust_on(db, activity.lg_code, activity.organisation_id, day)
    if row is None:
        raise refused("trust_not_in_force", rule="R10", action="copy_activity")
    given = Trust(row.since, row.until, tuple(row.categories), row.withdrawn_on)
    problem = trusts(given, activity.category, day)
    if problem is not None:
        raise refused(
            problem.code,
            rule="R10",
            found=problem.found,
            needed=problem.needed,
            action="copy_activity",
        )


def _refuse_ended(session: ActivitySession, now: datetime) -> None:
    if session.state != "open" or session.ends_at <= now:
        raise refused("session_over", rule="R19", found=session.state)


def _insert(db: Session, row: ActivitySession) -> ActivitySession:
    """Under a poster code nobody has: other areas' codes are not visible, so the insert decides."""
    for _ in range(_CODE_TRIES):
        row.poster_code = new_code(token_bytes)
        try:
            with db.begin_nested():
                db.add(row)
        except IntegrityError:
            db.expunge(row)
        else:
            return row
    raise Conflict(code="busy")


def _record(
    db: Session, actor: Actor, action: str, session: ActivitySession, now: datetime
) -> None:
    audit.record(
        db,
        actor=actor,
        action=action,
        subject=("session", session.id),
        lg_code=session.lg_code,
        now=now,
    )
