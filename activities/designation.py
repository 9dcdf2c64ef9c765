"""Staff decide what counts: designate, return, reject, withdraw, and look at samples (R09, R10)."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from activities.models import Activity, OrganisationMember
from activities.organisations import withdraw_trust
from activities.queries import activity_of, sessions_of, trust_on
from activities.refusals import policy_now, refuse
from activities.rules.designation import (
    ActivityState,
    Pattern,
    Proposal,
    checklist_of,
    may_designate,
)
from activities.sessions import cancel_for_all
from activities.steps import noted, step
from core.access import Actor, Role
from core.clock import japan_day
from core.errors import NotFound, refused
from registry.rules.policy import PolicyBook


def designate(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    activity_id: UUID,
    answers: Mapping[str, bool],
    book: PolicyBook,
    now: datetime,
    count_cap: int | None = None,
) -> Activity:
    """R09: designate a submitted proposal, the checklist of four confirmed and stored.

    Args:
        db: A transaction of the local government.
        actor: An approver there, who did not propose it and is no member of its host (C47).
        lg_code: The local government.
        activity_id: The proposal.
        answers: Yes or no to each question of `designation.checklist`.
        book: The numbers.
        now: The instant of the decision.
        count_cap: Counts a person may have from this activity in a year at most (R08).

    Raises:
        Refused: Every reason against, such as `checklist_incomplete` or `own_proposal`.
    """
    actor.require_role(lg_code, Role.APPROVER)
    activity = activity_of(db, lg_code, activity_id, lock=True)
    _refuse_own(db, actor, activity)
    policy = policy_now(db, book, lg_code, now)
    questions = policy.texts("designation.checklist")
    checklist = checklist_of(answers, questions)
    proposal = Proposal(
        activity.category, tuple(checklist.items()), activity.proposed_by, actor.label
    )
    refuse(may_designate(proposal, policy))
    handed_in, activity.checklist = activity.checklist, dict(checklist)
    activity.pattern = int(Pattern.PROJECT.value)
    activity.count_cap = count_cap
    step(
        db,
        activity,
        ActivityState.DESIGNATED,
        actor=actor,
        now=now,
        facts={
            "pattern": activity.pattern,
            "checklist": activity.checklist,
            "handed_in": handed_in,
            "count_cap": count_cap,
        },
    )
    return activity


def return_proposal(
    db: Session, *, actor: Actor, lg_code: str, activity_id: UUID, reason: str, now: datetime
) -> Activity:
    """R09: back to the host to be improved, with the reason."""
    return _decide(db, actor, lg_code, activity_id, ActivityState.RETURNED, reason, now)


def reject(
    db: Session, *, actor: Actor, lg_code: str, activity_id: UUID, reason: str, now: datetime
) -> Activity:
    """R09: this will not be designated, with the reason."""
    return _decide(db, actor, lg_code, activity_id, ActivityState.REJECTED, reason, now)


def withdraw_designation(
    db: Session, *, actor: Actor, lg_code: str, activity_id: UUID, reason: str, now: datetime
) -> Activity:
    """R10: no longer designated from now on; what people did until now stays counted.

    Sessions that have begun are left alone. Later ones are cancelled, and everybody who has or
    waits for a place is told.
    """
    actor.require_role(lg_code, Role.APPROVER)
    activity = activity_of(db, lg_code, activity_id, lock=True)
    if activity.state != ActivityState.DESIGNATED.value:
        raise refused("step_not_allowed", rule="R09", found=activity.state, action="reload")
    step(db, activity, ActivityState.WITHDRAWN, actor=actor, now=now, reason=reason)
    for session in sessions_of(db, lg_code, activity_id):
        if session.state == "open" and session.starts_at > now:
            cancel_for_all(db, activity, session, actor=actor, reason=reason, now=now)
    return activity


def record_audit(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    activity_id: UUID,
    sound: bool,
    note: str,
    now: datetime,
) -> Activity:
    """R10: what staff found when they looked at a sampled activity of a trusted organisation.

    An anomaly leads the organisation back to pattern 1 from today.

    Raises:
        NotFound: The activity was not sampled, or has been looked at.
    """
    actor.require_role(lg_code, Role.APPROVER)
    activity = activity_of(db, lg_code, activity_id, lock=True)
    _refuse_own(db, actor, activity)
    if not activity.audit_sampled:
        raise NotFound(code="not_found")
    activity.audit_sampled = False
    noted(db, activity, actor=actor, now=now, facts={"audit_sound": sound, "note": note})
    trust = trust_on(db, lg_code, activity.organisation_id, japan_day(now))
    if not sound and trust is not None and trust.withdrawn_on is None:
        withdraw_trust(
            db,
            actor=actor,
            lg_code=lg_code,
            organisation_id=activity.organisation_id,
            reason=note,
            now=now,
        )
    return activity


def _decide(
    db: Session,
    actor: Actor,
    lg_code: str,
    activity_id: UUID,
    to: ActivityState,
    reason: str,
    now: datetime,
) -> Activity:
    actor.require_role(lg_code, Role.APPROVER)
    activity = activity_of(db, lg_code, activity_id, lock=True)
    _refuse_own(db, actor, activity)
    step(db, activity, to, actor=actor, now=now, reason=reason)
    return activity


def _refuse_own(db: Session, actor: Actor, activity: Activity) -> None:
    """C47: who decides is not of the organisation that proposed."""
    member = db.get(OrganisationMember, (activity.lg_code, activity.organisation_id, actor.id))
    if member is not None and member.ended_at is None:
        raise refused("own_proposal", rule="R09", action="second_person")
