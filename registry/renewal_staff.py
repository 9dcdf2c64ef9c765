"""What people and the clock do with a renewal that waits: confirm, object, decide (R15)."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import audit
from core.access import Actor, Role, system
from core.errors import Conflict, NotFound, Refused
from registry import judging, queries
from registry.evidence import Evidence
from registry.models import UNPLANNED, Judgement, Registration, Term
from registry.renewal_desk import TermDesk, end, given_reason, open_desk
from registry.rules.policy import Policy, PolicyBook
from registry.rules.renewal import Renewal, RenewalInputs, RenewalOutcome, decide_renewal

LIMIT = 500
JOB = "renewal_veto"


def confirm_due(
    db: Session,
    *,
    lg_code: str,
    now: datetime,
    book: PolicyBook,
    evidence: Evidence,
    limit: int = LIMIT,
) -> int:
    """R15: renewals to which nobody objected in time take effect; returns how many were looked at.

    Each is judged once more on the facts of today (C37).

    Safe to repeat and to race: rows are locked, those of another worker skipped.
    """
    due = db.scalars(
        select(Term)
        .where(
            Term.lg_code == lg_code,
            Term.state.in_(queries.LIVING),
            Term.renewal_state == "veto",
            Term.renewal_effective_at <= now,
        )
        .order_by(Term.renewal_effective_at, Term.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    for term in due:
        registration = db.get_one(Registration, (lg_code, term.registration_id))
        desk = TermDesk(db, system(JOB), term, registration, now, book)
        _confirm(desk, evidence)
    return len(due)


def _confirm(desk: TermDesk, evidence: Evidence) -> None:
    found, _ = desk.look_again(evidence)
    if found.proposal is not RenewalOutcome.RENEWED:
        desk.give_to_night()
        return
    following = desk.book_next(found)
    desk.mark("booked", until=following.last.isoformat())


def judged_renewal(db: Session, term: Term) -> Renewal | None:
    """The decision a waiting renewal rests on, made again from its stored facts and numbers."""
    if term.renewal_judgement_id is None:
        return None
    row = db.get(Judgement, (term.lg_code, term.renewal_judgement_id))
    return None if row is None else _decided(row)


def _decided(row: Judgement) -> Renewal:
    given = RenewalInputs.from_json(row.inputs)
    return decide_renewal(
        given.applicant,
        given.term,
        Policy.from_json(row.policy),
        given.requirement,
        given.today,
        given.mode,
        body=given.body,
        release_mode=given.release_mode,
        extension_until=given.extension_until,
        carried=given.carried,
        over_cap_since=given.over_cap_since,
    )


def waiting_renewals(
    db: Session, *, actor: Actor, lg_code: str, now: datetime, limit: int = LIMIT
) -> Sequence[tuple[Term, Registration, Judgement | None]]:
    """R15: renewals that wait for an objection or for staff, soonest end first."""
    actor.require_role(lg_code, Role.VIEWER)
    rows = db.execute(
        select(Term, Registration, Judgement)
        .join(
            Registration,
            (Registration.lg_code == Term.lg_code) & (Registration.id == Term.registration_id),
        )
        .outerjoin(
            Judgement,
            (Judgement.lg_code == Term.lg_code) & (Judgement.id == Term.renewal_judgement_id),
        )
        .where(
            Term.lg_code == lg_code,
            Term.state.in_(queries.LIVING),
            Term.renewal_state.in_(("veto", "review")),
        )
        .order_by(Term.last_day, Term.id)
        .limit(limit)
    ).all()
    audit.record(
        db,
        actor=actor,
        action="term.list_waiting",
        subject=("term", None),
        now=now,
        lg_code=lg_code,
        purpose="renewal",
        row_count=len(rows),
        fields=["display_name"],
    )
    return [(row[0], row[1], row[2]) for row in rows]


def person_of(db: Session, *, lg_code: str, term_id: UUID) -> UUID:
    """Whose term it is.

    Raises:
        NotFound: There is none in this local government.
    """
    found = db.scalar(select(Term.person_id).where(Term.lg_code == lg_code, Term.id == term_id))
    if found is None:
        raise NotFound(code="not_found")
    return found


def object_renewal(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    term_id: UUID,
    reason: str,
    now: datetime,
    book: PolicyBook,
) -> Term:
    """R15: within the hours of objection staff stop an automatic renewal; a human then decides.

    Raises:
        NotFound: There is no such term here.
        Conflict: `renewal_decided`: nothing waits for an objection, or the time is over.
        Invalid: No reason.
    """
    desk = open_desk(db, actor, lg_code, term_id, now, book, states=("veto",))
    effective = desk.term.renewal_effective_at
    if effective is None or effective <= now:
        raise Conflict(code="renewal_decided")
    desk.term.renewal_state, desk.term.renewal_effective_at = "review", None
    db.flush()
    desk.mark("review", reason=given_reason(reason))
    return desk.term


def decide_renewal_by_staff(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    term_id: UUID,
    approve: bool,
    now: datetime,
    book: PolicyBook,
    evidence: Evidence,
    reason: str | None = None,
) -> Term:
    """R15: staff decide a renewal that waits for them; their slowness costs nobody a day.

    An approval books the next year, on the facts of today (C37): what the rules had found met
    must still be met. Where they had found too little, staff may let premium go on all the same,
    but not without what the law asks of everybody (R12, R16, R18). A refusal lets the year run out, then its grace (R14); where
    the grace is over already, premium ends now.

    Raises:
        NotFound: There is no such term here.
        Conflict: `renewal_decided`.
        Refused: `renewal_not_met`, with every reason, to an approval.
        Invalid: A refusal without a reason.
    """
    desk = open_desk(db, actor, lg_code, term_id, now, book, states=("veto", "review"))
    found = judged_renewal(db, desk.term)
    if approve:
        following = desk.book_next(_approvable(desk, found, evidence))
        desk.mark("booked", until=following.last.isoformat())
        return desk.term
    why = given_reason(reason)
    if found is not None and found.proposal is RenewalOutcome.LAPSED_TO_BASIC:
        end(desk, "lapsed")
        return desk.term
    desk.term.renewal_state, desk.term.renewal_effective_at = "refused", None
    desk.term.due_on = UNPLANNED
    db.flush()
    desk.mark("refused", reason=why)
    return desk.term


def _approvable(desk: TermDesk, found: Renewal | None, evidence: Evidence) -> Renewal:
    """The decision on today's facts, if staff may say yes to it."""
    again, standing = desk.look_again(evidence)
    lenient = found is not None and found.proposal is RenewalOutcome.LAPSED_TO_BASIC
    reasons = standing if lenient else again.decision.reasons
    if reasons:
        problems = [judging.problem_of(reason) for reason in reasons]
        raise Refused(code="renewal_not_met", problems=problems)
    return again
