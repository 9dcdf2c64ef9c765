"""One step of a proposal's course: the state, its history, its audit, and who is told (R09)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from activities.models import Activity, ActivitySession, DesignationEvent
from activities.queries import organiser_ids
from activities.refusals import refuse
from activities.rules.designation import ActivityState, may_move
from core import audit
from core.access import Actor
from core.clock import japan_day
from core.outbox import NoticeDraft, tell

#: States whose coming the organisers are told of, and the notice's kind.
_TOLD: Mapping[ActivityState, str] = {
    ActivityState.DESIGNATED: "activity_designated",
    ActivityState.RETURNED: "activity_returned",
    ActivityState.REJECTED: "activity_rejected",
}


def step(
    db: Session,
    activity: Activity,
    to: ActivityState,
    *,
    actor: Actor,
    now: datetime,
    reason: str = "",
    facts: Mapping[str, Any] | None = None,
) -> DesignationEvent:
    """R09: take an activity from its state to another, where that step exists.

    Raises:
        Refused: `step_not_allowed` or `reason_needed`.
    """
    given = ActivityState(activity.state)
    found = may_move(given, to, reason)
    refuse(() if found is None else (found,))
    event = _event(activity, given, to, actor=actor, now=now, reason=reason, facts=facts)
    db.add(event)
    _apply(db, activity, given, to, now)
    db.flush()
    audit.record(
        db,
        actor=actor,
        action=f"activity.{to.value}",
        subject=("activity", activity.id),
        lg_code=activity.lg_code,
        now=now,
    )
    kind = _TOLD.get(to)
    if given is ActivityState.DESIGNATED:
        kind = "designation_withdrawn"
    if kind is not None:
        tell_organisers(db, activity, kind, key=str(event.id), reason=reason, now=now)
    return event


def noted(
    db: Session, activity: Activity, *, actor: Actor, now: datetime, facts: Mapping[str, Any]
) -> DesignationEvent:
    """Add to an activity's history without moving it."""
    state = ActivityState(activity.state)
    event = _event(activity, state, state, actor=actor, now=now, facts=facts)
    db.add(event)
    return event


def tell_organisers(
    db: Session, activity: Activity, kind: str, *, key: str, reason: str, now: datetime
) -> None:
    """Owe a notice to everybody who organises for the activity's organisation."""
    tell(
        db,
        [
            NoticeDraft(
                person_id,
                kind,
                key,
                activity.lg_code,
                {"activity": activity.title, "activity_id": str(activity.id), "reason": reason},
            )
            for person_id in organiser_ids(db, activity.lg_code, activity.organisation_id)
        ],
        now=now,
    )


def _event(
    activity: Activity,
    given: ActivityState,
    to: ActivityState,
    *,
    actor: Actor,
    now: datetime,
    reason: str = "",
    facts: Mapping[str, Any] | None = None,
) -> DesignationEvent:
    return DesignationEvent(
        lg_code=activity.lg_code,
        activity_id=activity.id,
        from_state=given.value,
        to_state=to.value,
        at=now,
        actor=actor.label,
        reason=reason or None,
        facts=dict(facts or {}),
    )


def _apply(
    db: Session, activity: Activity, given: ActivityState, to: ActivityState, now: datetime
) -> None:
    designated = to is ActivityState.DESIGNATED
    activity.state, activity.published = to.value, designated
    if to is ActivityState.SUBMITTED:
        activity.submitted_at = now
        return
    activity.decided_at = now
    if designated:
        activity.designated_on = japan_day(now)
        db.execute(
            update(ActivitySession)
            .where(
                ActivitySession.lg_code == activity.lg_code,
                ActivitySession.activity_id == activity.id,
                ActivitySession.state == "open",
            )
            .values(published=True)
        )
    elif given is ActivityState.DESIGNATED:
        activity.withdrawn_at = now
