"""What a local government, or the clock, does with applications: decide, object, reverse (R15).

Facts are looked at again when a decision takes effect (C37): those that the body knows. Whoever
decides is not the applicant (C47).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import DateTime, cast, func, select, tuple_
from sqlalchemy.orm import Session

from core import audit
from core.access import Actor, Role
from core.clock import JAPAN
from core.errors import Conflict, Forbidden, NotFound, Refused, invalid
from core.models import Account
from registry import judging, queries
from registry.applicants import Case, case_of_body
from registry.ending import end_premium
from registry.evidence import Evidence
from registry.granting import (
    OPEN,
    Scene,
    grant,
    refuse_application,
    reversible_day,
)
from registry.models import Application, Judgement, Registration, Term
from registry.people import refuse_individual_number
from registry.rules.facts import DecisionMode
from registry.rules.policy import PolicyBook
from registry.rules.reasons import Decision, Reason

MAX_NOTE = 400


@dataclass(frozen=True, slots=True)
class InboxRow:
    """An open application as staff see it, with the instant by which it wants an answer."""

    application: Application
    registration: Registration
    judgement: Judgement | None
    deadline: datetime


#: An objection until the window closes; a review to the end of the last day its place is kept.
_DEADLINE = func.coalesce(
    Application.effective_at,
    func.timezone(
        JAPAN.key,
        cast(Application.slot_until, DateTime) + timedelta(days=1),
        type_=DateTime(timezone=True),
    ),
    Application.applied_at,
)


def inbox(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    now: datetime,
    states: Sequence[str] = OPEN,
    after: tuple[datetime, UUID] | None = None,
    limit: int = 50,
) -> list[InboxRow]:
    """Applications of one local government by deadline, soonest first; audited as a look."""
    actor.require_role(lg_code, Role.VIEWER)
    statement = (
        select(Application, Registration, Judgement, _DEADLINE)
        .join(
            Registration,
            (Registration.lg_code == Application.lg_code)
            & (Registration.id == Application.registration_id),
        )
        .outerjoin(
            Judgement,
            (Judgement.lg_code == Application.lg_code) & (Judgement.id == Application.judgement_id),
        )
        .where(Application.lg_code == lg_code, Application.state.in_(states))
        .order_by(_DEADLINE, Application.id)
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(tuple_(_DEADLINE, Application.id) > tuple_(*after))
    rows = [InboxRow(*row) for row in db.execute(statement)]
    audit.record(
        db,
        actor=actor,
        action="application.list",
        subject=("local_government", lg_code),
        now=now,
        lg_code=lg_code,
        purpose="premium",
        row_count=len(rows),
        fields=["display_name"],
    )
    return rows


def is_same_human(db: Session, *, staff_id: object, person_id: object) -> bool:
    """C47: whether a member of staff and a registrant sign in with one address (at the gate)."""
    keys = db.scalars(
        select(Account.email_key).where(
            Account.id.in_((staff_id, person_id)), Account.email_key.is_not(None)
        )
    ).all()
    return len(keys) > len(set(keys))


def applicant_of(db: Session, *, lg_code: str, application_id: object) -> UUID:
    """Whose application it is.

    Raises:
        NotFound: There is none in this local government.
    """
    found = db.scalar(
        select(Application.person_id).where(
            Application.lg_code == lg_code, Application.id == application_id
        )
    )
    if found is None:
        raise NotFound(code="not_found")
    return found


def decidable(
    db: Session, lg_code: str, application_id: object, states: Sequence[str]
) -> tuple[Application, Registration]:
    """The application in one of these states, locked, with its registration.

    Raises:
        NotFound: There is none here.
        Conflict: `application_decided`.
    """
    application = db.scalars(
        select(Application)
        .where(Application.lg_code == lg_code, Application.id == application_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if application is None:
        raise NotFound(code="not_found")
    if application.state not in states:
        raise Conflict(code="application_decided")
    registration = queries.registration_of(
        db, lg_code=lg_code, person_id=application.person_id, lock=True
    )
    if registration is None:
        raise NotFound(code="not_found")
    return application, registration


def recheck(
    scene: Scene, application: Application, registration: Registration, evidence: Evidence
) -> tuple[Case, Decision]:
    """C37: the facts the body knows, and the decision they give today."""
    case = case_of_body(
        scene.db,
        registration=registration,
        today=scene.today,
        applied_on=application.applied_on,
        book=scene.book,
        evidence=evidence,
    )
    return case, case.decide()


def grant_checked(
    scene: Scene,
    application: Application,
    registration: Registration,
    case: Case,
    decision: Decision,
) -> Term:
    """Store the judgement of the last look and grant."""
    judgement_id = judging.keep(
        scene.db,
        decision,
        registration=registration,
        # A decision taken back within minutes may be made again on the same day.
        subject_key=f"{application.id}:{scene.now:%H%M%S%f}",
        now=scene.now,
        reversible_until=reversible_day(case.policy, scene.now),
    )
    return grant(
        scene,
        registration=registration,
        application=application,
        policy=case.policy,
        judgement_id=judgement_id,
    )


def approve(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    application_id: object,
    now: datetime,
    book: PolicyBook,
    evidence: Evidence,
) -> Application:
    """R13, R15: a human grants; facts are looked at again first (C37).

    Args:
        db: A transaction of the local government.
        actor: An approver there, not the applicant (the door compares addresses at the gate).
        lg_code: The local government.
        application_id: In review, or before its time of objection is over.
        now: The instant.
        book: The policy book.
        evidence: Of presence.

    Raises:
        NotFound: There is none here.
        Conflict: `application_decided`.
        Refused: `recheck_failed` with every reason, when facts have changed; `cap_reached`, when
            the last place went to another body. The application stays open for staff.
    """
    actor.require_role(lg_code, Role.APPROVER)
    _refuse_self(actor, db, lg_code, application_id)
    scene = Scene(db, actor, now, book)
    application, registration = decidable(db, lg_code, application_id, ("review", "veto"))
    case, decision = recheck(scene, application, registration, evidence)
    if not decision.allowed:
        names = judging.names_in(db, decision.reasons)
        problems = [judging.problem_of(reason, names) for reason in decision.reasons]
        raise Refused(code="recheck_failed", problems=problems)
    grant_checked(scene, application, registration, case, decision)
    return application


def _refuse_self(actor: Actor, db: Session, lg_code: str, application_id: object) -> None:
    if actor.id == applicant_of(db, lg_code=lg_code, application_id=application_id):
        raise Forbidden(code="own_application")


def _note(text: str) -> str:
    """A reason in a sentence; without one nobody is refused.

    Raises:
        Invalid: Empty or longer than 400 characters.
        Refused: It holds an Individual Number (R12).
    """
    plain = " ".join(text.split())
    if not plain or len(plain) > MAX_NOTE:
        raise invalid("reason_needed", field="reason", found=len(plain), needed=MAX_NOTE)
    refuse_individual_number(plain, field="reason")
    return plain


def refuse(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    application_id: object,
    reason: str,
    now: datetime,
    book: PolicyBook,
) -> Application:
    """R15: a human says no, with a reason that the person reads.

    Raises:
        NotFound, Conflict: As `approve`.
        Invalid: No reason.
    """
    actor.require_role(lg_code, Role.APPROVER)
    _refuse_self(actor, db, lg_code, application_id)
    scene = Scene(db, actor, now, book)
    application, _ = decidable(db, lg_code, application_id, OPEN)
    refuse_application(
        scene,
        application=application,
        reasons=(Reason("R15", "refused_by_staff"),),
        note=_note(reason),
    )
    return application


def object_to(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    application_id: object,
    reason: str,
    now: datetime,
    book: PolicyBook,
) -> Application:
    """R15: within the hours of objection a human stops the clock; the application goes to review.

    Raises:
        NotFound: There is none here.
        Conflict: `application_decided`, or `objection_over`.
        Invalid: No reason.
    """
    actor.require_role(lg_code, Role.APPROVER)
    scene = Scene(db, actor, now, book)
    application, _ = decidable(db, lg_code, application_id, ("veto",))
    if application.effective_at is None or application.effective_at <= now:
        raise Conflict(code="objection_over")
    application.state, application.effective_at = "review", None
    application.mode, application.note = DecisionMode.REVIEW.value, _note(reason)
    scene.mark(application, "objected")
    scene.tell(application, "premium_in_review")
    return application


def reverse(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    application_id: object,
    reason: str,
    now: datetime,
    book: PolicyBook,
) -> Application:
    """R15: within 90 days staff undo a grant; the person is basic again and reads why.

    Raises:
        NotFound: There is none here.
        Conflict: `application_decided` (nothing was granted), or `reversal_over`.
        Invalid: No reason.
    """
    actor.require_role(lg_code, Role.APPROVER)
    _refuse_self(actor, db, lg_code, application_id)
    scene = Scene(db, actor, now, book)
    application, registration = decidable(db, lg_code, application_id, ("granted",))
    judged = db.get(Judgement, (lg_code, application.judgement_id))
    last = None if judged is None else judged.reversible_until
    if last is None or scene.today > last:
        raise Conflict(code="reversal_over")
    end_premium(db, actor=actor, registration=registration, reason="reversed", now=now, book=book)
    application.state, application.note = "reversed", _note(reason)
    scene.mark(application, "reversed")
    scene.tell(application, "premium_reversed", note=application.note)
    return application
