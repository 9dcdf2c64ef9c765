"""A host proposes what should count: ten fields, last year's as a start, one press to submit."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from activities.hosts import Host
from activities.models import Activity
from activities.queries import activity_of, open_starts, organisation_of, trust_on
from activities.refusals import policy_now
from activities.rules.designation import (
    ActivityState,
    Pattern,
    Proposal,
    Trust,
    audit_sampled,
    checklist_of,
    may_designate,
    never_counts,
    pattern_for,
)
from activities.sites import carry_over
from activities.steps import noted, step
from core import audit
from core.access import Actor
from core.clock import japan_day
from core.errors import invalid, refused
from registry.rules.policy import Policy, PolicyBook

#: States in which the host may still change the proposal.
_OPEN = frozenset({ActivityState.DRAFT, ActivityState.RETURNED})


@dataclass(frozen=True, slots=True)
class ProposalFields:
    """The ten fields of a proposal.

    Attributes:
        title: What it is called.
        category: One of `activity.categories`.
        summary: What people will do.
        bring: What to bring and wear.
        contact: Whom to call, as published.
        insurance: Who insures: organiser, participant or none (R31).
        attendance_mode: automatic, in_only or in_and_out (C31).
        minutes_minimum: Minutes at least for it to count (R08); the body's value when empty.
        late_night: Hidden from minors (R18).
        walk_in: Registrants may come without sign-up.
    """

    title: str
    category: str
    summary: str = ""
    bring: str = ""
    contact: str = ""
    insurance: str = "organiser"
    attendance_mode: str = "in_only"
    minutes_minimum: int | None = None
    late_night: bool = False
    walk_in: bool = True


def propose(
    db: Session,
    *,
    host: Host,
    organisation_id: UUID,
    fields: ProposalFields,
    book: PolicyBook,
    now: datetime,
) -> Activity:
    """R09: a draft of an activity for one's organisation.

    Raises:
        NotFound, Forbidden: The organisation is not the host's.
        Invalid: `category_unknown`, or a way of insuring that is not offered.
        Refused: `never_counts` (purchase, donation, mere visit); `organisation_not_active`;
            `minutes_too_few`.
    """
    host.require(organisation_id)
    organisation = organisation_of(db, host.lg_code, organisation_id)
    if organisation.state != "active":
        raise refused("organisation_not_active", rule="R09", found=organisation.state)
    policy = policy_now(db, book, host.lg_code, now)
    activity = Activity(
        lg_code=host.lg_code,
        organisation_id=organisation_id,
        state=ActivityState.DRAFT.value,
        published=False,
        proposed_by=host.actor.label,
        created_at=now,
        audit_sampled=False,
        **_checked(fields, policy),
    )
    db.add(activity)
    db.flush()
    _record(db, host.actor, "activity.propose", activity, now)
    return activity


def copy_activity(
    db: Session, *, host: Host, activity_id: UUID, book: PolicyBook, now: datetime
) -> Activity:
    """R09: a draft with the fields of an earlier activity, such as last year's."""
    source = activity_of(db, host.lg_code, activity_id)
    fields = ProposalFields(
        title=source.title,
        category=source.category,
        summary=source.summary,
        bring=source.bring,
        contact=source.contact,
        insurance=source.insurance,
        attendance_mode=source.attendance_mode,
        minutes_minimum=source.minutes_minimum,
        late_night=source.late_night,
        walk_in=source.walk_in,
    )
    activity = propose(
        db,
        host=host,
        organisation_id=source.organisation_id,
        fields=fields,
        book=book,
        now=now,
    )
    carry_over(source, activity)
    noted(db, activity, actor=host.actor, now=now, facts={"copied_from": str(source.id)})
    return activity


def revise(
    db: Session,
    *,
    host: Host,
    activity_id: UUID,
    fields: ProposalFields,
    book: PolicyBook,
    now: datetime,
) -> Activity:
    """R09: change a draft or a returned proposal; what was decided on is not changed behind it.

    Raises:
        Refused: `proposal_closed`, and as `propose`.
    """
    activity = activity_of(db, host.lg_code, activity_id, lock=True)
    host.require(activity.organisation_id)
    if ActivityState(activity.state) not in _OPEN:
        raise refused("proposal_closed", rule="R09", found=activity.state, action="copy_activity")
    for name, value in _checked(fields, policy_now(db, book, host.lg_code, now)).items():
        setattr(activity, name, value)
    _record(db, host.actor, "activity.revise", activity, now)
    return activity


def submit(
    db: Session,
    *,
    host: Host,
    activity_id: UUID,
    book: PolicyBook,
    now: datetime,
    answers: Mapping[str, bool] | None = None,
) -> Activity:
    """R09, R10: hand a proposal in; a trusted organisation's is designated at once (pattern 2).

    The host answers the checklist. Staff confirm it in pattern 1; in pattern 2 it is what the
    trust rests on, so an answer that is not yes sends the proposal to staff like any other; so does
    a date on which the trust will be over.
    """
    activity = activity_of(db, host.lg_code, activity_id, lock=True)
    host.require(activity.organisation_id)
    policy = policy_now(db, book, host.lg_code, now)
    refuse_never(activity.category, policy)
    checklist = checklist_of(answers or {}, policy.texts("designation.checklist"))
    activity.checklist = dict(checklist)
    step(db, activity, ActivityState.SUBMITTED, actor=host.actor, now=now)
    trust = trust_on(db, host.lg_code, activity.organisation_id, japan_day(now))
    if trust is None:
        return activity
    facts = Trust(trust.since, trust.until, tuple(trust.categories), trust.withdrawn_on)
    proposal = Proposal(
        activity.category, tuple(checklist.items()), activity.proposed_by, trust.granted_by
    )
    days = {japan_day(now), *map(japan_day, open_starts(db, activity))}
    trusted = all(
        pattern_for(facts, activity.category, day) is Pattern.ORGANISATION for day in days
    )
    if trusted and not may_designate(proposal, policy):
        _designate_in_principle(db, activity, host.actor, policy, trust.since.isoformat(), now)
    return activity


def take_back(
    db: Session, *, host: Host, activity_id: UUID, now: datetime, reason: str = ""
) -> Activity:
    """R09: a host no longer proposes what has not been designated."""
    activity = activity_of(db, host.lg_code, activity_id, lock=True)
    host.require(activity.organisation_id)
    if activity.published:
        raise refused("step_not_allowed", rule="R09", found=activity.state, action="ask_staff")
    step(db, activity, ActivityState.WITHDRAWN, actor=host.actor, now=now, reason=reason)
    return activity


def refuse_never(category: str, policy: Policy) -> None:
    """R09: purchase, donation and mere visit never count, whoever asks."""
    if never_counts(category, policy):
        raise refused("never_counts", rule="R09", found=category, action="change_category")


def _designate_in_principle(
    db: Session, activity: Activity, actor: Actor, policy: Policy, since: str, now: datetime
) -> None:
    activity.pattern = int(Pattern.ORGANISATION.value)
    activity.audit_sampled = audit_sampled(activity.id, policy.number("org.audit_rate"))
    step(
        db,
        activity,
        ActivityState.DESIGNATED,
        actor=actor,
        now=now,
        facts={
            "pattern": activity.pattern,
            "trust_since": since,
            "checklist": activity.checklist,
            "audit_sampled": activity.audit_sampled,
        },
    )


def _checked(fields: ProposalFields, policy: Policy) -> dict[str, object]:
    refuse_never(fields.category, policy)
    known = policy.texts("activity.categories")
    if fields.category not in known:
        raise invalid("category_unknown", field="category", found=fields.category, names=known)
    ways = policy.texts("project.insurance")
    if fields.insurance not in ways:
        raise invalid("insurance_unknown", field="insurance", found=fields.insurance, names=ways)
    least = policy.integer("activity.min_minutes")
    minutes = least if fields.minutes_minimum is None else fields.minutes_minimum
    if minutes < least:
        raise refused("minutes_too_few", rule="R08", found=minutes, needed=least)
    return asdict(fields) | {"minutes_minimum": minutes}


def _record(db: Session, actor: Actor, action: str, activity: Activity, now: datetime) -> None:
    audit.record(
        db,
        actor=actor,
        action=action,
        subject=("activity", activity.id),
        lg_code=activity.lg_code,
        now=now,
    )
