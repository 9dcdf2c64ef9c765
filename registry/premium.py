"""A person asks for premium: applying, what is missing, withdrawing, going on after consent.

Everything here works in the person's own context, where all facts are known and all reasons are
given at once (R07, R12, R13, R16, R18). What a local government decides is in `approvals`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.access import Actor
from core.errors import Conflict, NotFound, refused
from core.ids import new_id
from registry import access, judging, queries, slots
from registry.applicants import Case, case_of_person
from registry.evidence import Evidence
from registry.granting import (
    OPEN,
    Scene,
    cap_refused,
    grant,
    open_application,
    refuse_application,
    reversible_day,
)
from registry.models import Application, Person, Registration, Term
from registry.rules import requirement
from registry.rules.cap import Cap, counted_with
from registry.rules.dormancy import AccessKind
from registry.rules.eligibility import first_evidence
from registry.rules.facts import DecisionMode
from registry.rules.modes import DecisionKind, mode_for, resolution
from registry.rules.policy import PolicyBook
from registry.rules.reasons import Decision
from registry.rules.versions import version_for_term

#: The only reason that time and another person can take away: the application waits for it.
CONSENT = ("guardian_consent_missing",)


@dataclass(frozen=True, slots=True)
class Applied:
    """An application and the decision behind it, with the names only the person may see."""

    application: Application
    decision: Decision
    names: dict[str, str]
    term: Term | None = None


def apply(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    now: datetime,
    book: PolicyBook,
    evidence: Evidence,
    replaces: str | None = None,
) -> Applied:
    """R07, R12, R13, R16, R18: ask for premium; judged at once, with all reasons.

    A refusal is an answer and not an error: the application is stored as refused with its
    judgement. Where only a guardian's consent is missing it waits, and keeps a place for 30
    days; asking again judges the waiting one again. Otherwise the body's mode decides: at once,
    after the hours of objection, or by staff (R15).

    Args:
        db: A transaction of the person.
        actor: The person.
        lg_code: Where.
        now: The instant.
        book: The policy book.
        evidence: Of presence.
        replaces: The local government given up on approval (R13, exchange).

    Raises:
        NotFound: The person is not registered there.
        Conflict: `already_premium`, or `application_open`.
        Refused: `body_not_joined` (R01); `registration_needed`: the registration has ended, or
            only follows from another one (R02).
    """
    scene = Scene(db, actor, now, book)
    person = queries.person(db, actor.person_id, lock=True)
    registration, waiting = _registration(scene, lg_code)
    if waiting is not None:
        return _judge_again(scene, person, registration, waiting, evidence)
    case = case_of_person(
        db,
        person=person,
        registration=registration,
        today=scene.today,
        applied_on=scene.today,
        book=book,
        evidence=evidence,
        replaces=_replaced(db, person.id, replaces),
    )
    decision = case.decide()
    application = Application(
        lg_code=lg_code,
        id=new_id(),
        registration_id=registration.id,
        person_id=person.id,
        state="review",
        mode=mode_for(case.policy, DecisionKind.REGISTRATION).value,
        applied_at=now,
        applied_on=scene.today,
        replaces_lg_code=replaces,
    )
    db.add(application)
    db.flush()
    access.touch(
        db,
        lg_code=lg_code,
        person_id=person.id,
        kind=AccessKind.PAGE,
        today=scene.today,
        book=book,
    )
    term = _resolve(scene, application, registration, case, decision, key=str(application.id))
    return Applied(application, decision, judging.names_in(db, decision.reasons), term)


def _registration(scene: Scene, lg_code: str) -> tuple[Registration, Application | None]:
    """The living direct registration, locked, without premium; and what waits for a guardian."""
    government = queries.government(scene.db, lg_code)
    found = queries.registration_of(
        scene.db, lg_code=lg_code, person_id=scene.actor.person_id, lock=True
    )
    if found is None:
        raise NotFound(code="not_found")
    if not queries.accepts(government, scene.book, scene.today):
        raise refused("body_not_joined", rule="R01", names=(government.name,))
    if found.status != "active" or not found.direct:
        raise refused("registration_needed", rule="R02", action="register")
    if queries.living_term(scene.db, found) is not None:
        raise Conflict(code="already_premium")
    asked = open_application(scene.db, found, lock=True)
    if asked is not None and asked.state != "waiting":
        raise Conflict(code="application_open")
    return found, asked


def _replaced(db: Session, person_id: UUID, lg_code: str | None) -> UUID | None:
    """The registration given in exchange; an id that nobody holds where there is no premium."""
    if lg_code is None:
        return None
    found = queries.registration_of(db, lg_code=lg_code, person_id=person_id)
    if found is None or queries.living_term(db, found) is None:
        return UUID(int=0)
    return found.id


def _resolve(
    scene: Scene,
    application: Application,
    registration: Registration,
    case: Case,
    decision: Decision,
    *,
    key: str,
) -> Term | None:
    """Store the judgement; refuse, wait, grant, or hand the application to its body."""
    auto = application.mode == DecisionMode.AUTO and decision.allowed
    judgement_id = judging.keep(
        scene.db,
        case.nameless().decide(),
        registration=registration,
        subject_key=key,
        now=scene.now,
        reversible_until=reversible_day(case.policy, scene.now) if auto else None,
    )
    application.judgement_id = judgement_id
    if not decision.allowed and decision.codes != CONSENT:
        refuse_application(scene, application=application, reasons=decision.reasons)
        return None
    if auto:
        scene.mark(application, "applied")
        return grant(
            scene,
            registration=registration,
            application=application,
            policy=case.policy,
            judgement_id=judgement_id,
        )
    _keep_place(scene, application, registration, case)
    if decision.codes == CONSENT:
        _wait_for_guardian(scene, application)
        return None
    given = resolution(DecisionMode(application.mode), scene.now, case.policy)
    application.state = application.mode
    application.effective_at = given.effective_at
    scene.mark(application, "applied", facts={"mode": application.mode})
    scene.tell(application, "premium_applied", mode=application.mode)
    return None


def _keep_place(
    scene: Scene, application: Application, registration: Registration, case: Case
) -> None:
    """R13: a pending application reserves a place for 30 days; an exchange has one already."""
    until = slots.pending_until(scene.book, application.applied_on)
    if application.replaces_lg_code is not None and _is_full(case):
        application.slot_until = until
        return
    taken = slots.take(
        scene.db,
        registration=registration,
        state="pending",
        now=scene.now,
        book=scene.book,
        until=until,
    )
    if not taken:
        raise cap_refused(scene.book, scene.today)
    application.slot_until = until


def _is_full(case: Case) -> bool:
    """Whether only the exchange makes room."""
    cap = Cap.of(case.policy)
    counted = counted_with(case.applicant.holdings, case.body, cap, case.today)
    return len(counted) > cap.most


def _wait_for_guardian(scene: Scene, application: Application) -> None:
    """R18, example 9: without the guardian's consent the application says so and waits."""
    waited = application.state == "waiting"
    application.state, application.effective_at = "waiting", None
    scene.mark(application, "waiting")
    if waited:
        # Judged again and still waiting: nothing new to tell.
        return
    until = application.slot_until
    scene.tell(
        application, "premium_waiting_guardian", day=None if not until else until.isoformat()
    )


def resume_waiting(
    db: Session,
    *,
    actor: Actor,
    person_id: UUID,
    now: datetime,
    book: PolicyBook,
    evidence: Evidence,
) -> Sequence[Application]:
    """R18: after a guardian's consent, judge again what waited for it (in the minor's context)."""
    scene = Scene(db, actor, now, book)
    person = queries.person(db, person_id, lock=True)
    waiting = db.scalars(
        select(Application)
        .where(Application.person_id == person_id, Application.state == "waiting")
        .order_by(Application.applied_at)
        .with_for_update()
    ).all()
    for application in waiting:
        registration = queries.registration_of(
            db, lg_code=application.lg_code, person_id=person_id, lock=True
        )
        if registration is not None:
            _judge_again(scene, person, registration, application, evidence)
    return waiting


def _judge_again(
    scene: Scene,
    person: Person,
    registration: Registration,
    application: Application,
    evidence: Evidence,
) -> Applied:
    """What waited for a guardian, by the facts of now and the day of its application."""
    case = case_of_person(
        scene.db,
        person=person,
        registration=registration,
        today=scene.today,
        applied_on=application.applied_on,
        book=scene.book,
        evidence=evidence,
        replaces=_replaced(scene.db, person.id, application.replaces_lg_code),
    )
    decision = case.decide()
    key = f"{application.id}:{new_id().hex[:8]}"
    term = _resolve(scene, application, registration, case, decision, key=key)
    return Applied(application, decision, judging.names_in(scene.db, decision.reasons), term)


def wait_again(
    db: Session, *, actor: Actor, person_id: UUID, now: datetime, book: PolicyBook
) -> int:
    """R18: a withdrawn consent takes open applications out of the bodies' hands; they wait again."""
    scene = Scene(db, actor, now, book)
    taken_back = db.scalars(
        select(Application)
        .where(Application.person_id == person_id, Application.state.in_(("veto", "review")))
        .with_for_update()
    ).all()
    for application in taken_back:
        _wait_for_guardian(scene, application)
    return len(taken_back)


def withdraw(
    db: Session, *, actor: Actor, lg_code: str, now: datetime, book: PolicyBook
) -> Application:
    """The person takes an application back; its place falls free at once.

    Raises:
        NotFound: There is no open one.
    """
    scene = Scene(db, actor, now, book)
    registration = queries.registration_of(db, lg_code=lg_code, person_id=actor.person_id)
    found = None if registration is None else open_application(db, registration, lock=True)
    if found is None:
        raise NotFound(code="not_found")
    scene.free_place(found)
    found.state, found.decided_at = "withdrawn", now
    found.decided_by, found.effective_at = actor.label, None
    scene.mark(found, "withdrawn")
    return found


def latest_application(db: Session, *, person_id: UUID, lg_code: str) -> Application:
    """The person's last application there, whatever became of it.

    Raises:
        NotFound: There never was one.
    """
    found = db.scalars(
        select(Application)
        .where(Application.person_id == person_id, Application.lg_code == lg_code)
        .order_by(Application.state.in_(OPEN).desc(), Application.applied_at.desc())
        .limit(1)
    ).one_or_none()
    if found is None:
        raise NotFound(code="not_found")
    return found


@dataclass(frozen=True, slots=True)
class Missing:
    """What stands between a person and premium with one body, today.

    `shown` is the evidence in the counting period; `asked` the requirement in force, as a tree
    and as a sentence.
    """

    decision: Decision
    shown: requirement.Evidence
    asked: requirement.Tree
    names: dict[str, str]
    application: Application | None
    term: Term | None
    day: date


def missing(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    now: datetime,
    book: PolicyBook,
    evidence: Evidence,
) -> Missing:
    """R07: needed and found for each reason, by the same code that judges (C46). Writes nothing.

    Raises:
        NotFound: The person is not registered there.
    """
    scene = Scene(db, actor, now, book)
    person = queries.person(db, actor.person_id)
    registration = queries.registration_of(db, lg_code=lg_code, person_id=person.id)
    if registration is None or registration.status != "active":
        raise NotFound(code="not_found")
    case = case_of_person(
        db,
        person=person,
        registration=registration,
        today=scene.today,
        applied_on=scene.today,
        book=book,
        evidence=evidence,
    )
    decision = case.decide()
    return Missing(
        decision=decision,
        shown=first_evidence(case.applicant, case.body, case.policy, scene.today),
        asked=version_for_term(case.versions, scene.today).tree,
        names=judging.names_in(db, decision.reasons),
        application=open_application(db, registration),
        term=queries.living_term(db, registration),
        day=scene.today,
    )
