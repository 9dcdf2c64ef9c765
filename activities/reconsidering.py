"""R09: a decision on a proposal pressed by mistake is taken back within minutes; it waits again."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from activities.models import Activity, ActivitySession, DesignationEvent, SignUp
from activities.queries import activity_of
from activities.rules.designation import ActivityState
from activities.steps import noted, tell_organisers
from core import audit
from core.access import Actor, Role
from core.errors import Conflict
from core.models import AuditEvent
from registry.taking_back import refuse_late

#: Acts that are taken back, by the state they led to.
STATES: Final = (ActivityState.DESIGNATED, ActivityState.RETURNED, ActivityState.REJECTED)
DECIDED: Final = tuple(f"activity.{state.value}" for state in STATES)


def take_back(
    db: Session, *, actor: Actor, lg_code: str, activity_id: UUID, now: datetime
) -> Activity:
    """R09: the proposal waits for staff again, as it was handed in; its host is told.

    Raises:
        NotFound: There is no such activity here.
        Conflict: `take_back_over`: another's, of longer ago, handed in anew since, or somebody has
            signed up in good faith; then the designation is withdrawn with a reason.
            `proposal_revised`: its host has changed what was sent back.
    """
    actor.require_role(lg_code, Role.APPROVER)
    activity = activity_of(db, lg_code, activity_id, lock=True)
    given = activity.state
    refuse_late(
        db,
        actor=actor,
        lg_code=lg_code,
        actions=(f"activity.{given}",) if given in STATES else (),
        subject=str(activity_id),
        now=now,
    )
    if _has_sign_ups(db, activity):
        raise Conflict(code="take_back_over")
    if _revised(db, activity):
        raise Conflict(code="proposal_revised")
    if given == ActivityState.DESIGNATED:
        activity.checklist = _handed_in(db, activity)
    activity.state, activity.published = ActivityState.SUBMITTED.value, False
    activity.decided_at = activity.designated_on = None
    activity.pattern = activity.count_cap = None
    activity.audit_sampled = False
    db.execute(
        update(ActivitySession)
        .where(ActivitySession.lg_code == lg_code, ActivitySession.activity_id == activity_id)
        .values(published=False)
    )
    event = noted(db, activity, actor=actor, now=now, facts={"taken_back": given})
    event.from_state = given
    db.flush()
    audit.record(
        db,
        actor=actor,
        action="activity.taken_back",
        subject=("activity", activity_id),
        lg_code=lg_code,
        now=now,
    )
    tell_organisers(db, activity, "proposal_taken_back", key=str(event.id), reason="", now=now)
    return activity


def _revised(db: Session, activity: Activity) -> bool:
    """Whether the host has changed what was sent back."""
    found = select(AuditEvent.id).where(
        AuditEvent.lg_code == activity.lg_code,
        AuditEvent.subject_id == str(activity.id),
        AuditEvent.action == "activity.revise",
        AuditEvent.at > activity.decided_at,
    )
    return db.scalar(found.limit(1)) is not None


def _handed_in(db: Session, activity: Activity) -> dict[str, Any] | None:
    """The host's answers to the checklist, which those of the approver took the place of."""
    facts = db.scalars(
        select(DesignationEvent.facts)
        .where(
            DesignationEvent.lg_code == activity.lg_code,
            DesignationEvent.activity_id == activity.id,
            DesignationEvent.to_state == ActivityState.DESIGNATED,
        )
        .order_by(DesignationEvent.at.desc(), DesignationEvent.id.desc())
        .limit(1)
    ).one()
    handed_in: dict[str, Any] | None = facts.get("handed_in")
    return handed_in


def _has_sign_ups(db: Session, activity: Activity) -> bool:
    signed_up = exists().where(
        SignUp.lg_code == ActivitySession.lg_code, SignUp.session_id == ActivitySession.id
    )
    found = select(ActivitySession.id).where(
        ActivitySession.lg_code == activity.lg_code,
        ActivitySession.activity_id == activity.id,
        signed_up,
    )
    return db.scalar(found.limit(1)) is not None
