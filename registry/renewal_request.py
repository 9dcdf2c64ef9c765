"""R14: the next term, booked early by the person who has done enough already."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from core import audit
from core.access import Actor
from core.clock import japan_day
from core.errors import Conflict, NotFound, Refused, refused
from core.outbox import NoticeDraft, tell
from registry import judging, queries
from registry.applicants import case_of_person
from registry.events import add_event
from registry.evidence import Evidence
from registry.granting import cards_last_until, requirement_in_force
from registry.models import Registration, Term
from registry.renewal import NEVER
from registry.renewal_terms import NewTerm, add_terms, word_of
from registry.rules.facts import DecisionMode, Period
from registry.rules.identity import identity_lapsed_on
from registry.rules.modes import DecisionKind, mode_for, resolution
from registry.rules.policy import Policy, PolicyBook
from registry.rules.renewal import Renewal, RenewalOutcome, decide_renewal
from registry.rules.terms import checks, extended
from registry.terms import version_of

ASKED = ("booked", "veto", "review")


def request_renewal(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    now: datetime,
    book: PolicyBook,
    evidence: Evidence,
) -> Term:
    """R14, R15: from the first check on, whoever meets the requirement need not wait for the next.

    The same decision as at night, on the evidence inside the current term. The body's mode says
    what follows: the next term is booked, waits for objections, or for staff. Every activity
    dated inside the current term still belongs to that term only.

    Args:
        db: A transaction of the person.
        actor: The person.
        lg_code: Where.
        now: The instant.
        book: The policy book.
        evidence: Of presence.

    Returns:
        The current term, with the state of its renewal.

    Raises:
        NotFound: The person is not registered there.
        Conflict: `not_premium`, or `renewal_asked`.
        Refused: `renewal_not_due`; `renewal_in_grace`: the nights look at it; `over_cap`: choose
            what to keep first (R13); or `renewal_refused` with every reason.
    """
    today = japan_day(now)
    person = queries.person(db, actor.person_id, lock=True)
    registration = queries.registration_of(db, lg_code=lg_code, person_id=person.id, lock=True)
    if registration is None:
        raise NotFound(code="not_found")
    term = _open_term(db, registration)
    period = Period(term.first_day, term.last_day)
    case = case_of_person(
        db,
        person=person,
        registration=registration,
        today=today,
        applied_on=today,
        book=book,
        evidence=evidence,
        window=extended(period, term.extended_until),
    )
    mode = mode_for(case.policy, DecisionKind.RENEWAL)
    lapsed = identity_lapsed_on(
        person.identity_lapsed_on,
        asked_on=term.identity_asked_on,
        checked_on=registration.identity_checked_on,
    )
    found = decide_renewal(
        # What is stored is readable by the body: other bodies play no part and are left out.
        replace(
            case.nameless().applicant,
            holdings=(),
            identity_valid=lapsed is None or lapsed > today,
            identity_lapsed_on=lapsed,
        ),
        period,
        case.policy,
        version_of(db, term, book),
        today,
        mode,
        body=case.body,
        release_mode=mode_for(case.policy, DecisionKind.RELEASE),
        extension_until=term.extended_until,
        carried=term.carried,
    )
    _require_renewed(found, case.policy)
    term.renewal_judgement_id = judging.keep(
        db,
        found.decision,
        registration=registration,
        subject_key=f"{term.id}:asked",
        now=now,
    )
    _settle(db, term, registration, found, mode, case.policy, now, book)
    _leave_word(db, actor, term, now)
    return term


def _open_term(db: Session, registration: Registration) -> Term:
    term = queries.living_term(db, registration)
    if term is None:
        raise Conflict(code="not_premium")
    if term.renewal_state in ASKED:
        raise Conflict(code="renewal_asked")
    if term.state == "grace":
        raise refused("renewal_in_grace", rule="R14", action="wait")
    if registration.over_cap_since is not None:
        raise refused("over_cap", rule="R13", action="choose_body")
    return term


def _require_renewed(found: Renewal, policy: Policy) -> None:
    if found.proposal is RenewalOutcome.RENEWED:
        return
    if found.decision.reasons:
        problems = [judging.problem_of(reason) for reason in found.decision.reasons]
        raise Refused(code="renewal_refused", problems=problems)
    first = checks(found.judged_term, policy.integers("renewal.checks"))[0]
    raise refused("renewal_not_due", rule="R14", needed=first.isoformat(), action="wait")


def _settle(
    db: Session,
    term: Term,
    registration: Registration,
    found: Renewal,
    mode: DecisionMode,
    policy: Policy,
    now: datetime,
    book: PolicyBook,
) -> None:
    if mode is not DecisionMode.AUTO:
        # Staff, or the end of the hours of objection, move the term on; nights leave it alone.
        term.renewal_state, term.due_on = mode.value, NEVER
        term.renewal_effective_at = resolution(mode, now, policy).effective_at
        return
    following = found.next_term
    if following is None:
        raise AssertionError("unreachable: a renewal has a next term")
    term.renewal_state, term.due_on = "booked", following.first
    new = NewTerm(
        registration_id=registration.id,
        person_id=registration.person_id,
        period=following,
        version_id=requirement_in_force(db, book, term.lg_code, following.first),
        carried=found.carry_over,
        active=False,
        due_on=checks(following, policy.integers("renewal.checks"))[0],
    )
    add_terms(db, term.lg_code, [new], now=now)
    cards_last_until(db, registration, following.last)


def _leave_word(db: Session, actor: Actor, term: Term, now: datetime) -> None:
    registration = queries.registration_of(db, lg_code=term.lg_code, person_id=term.person_id)
    if registration is not None:
        facts = {"term_id": str(term.id), "state": term.renewal_state}
        add_event(db, registration, kind="renewal_asked", now=now, facts=facts)
    audit.record(
        db,
        actor=actor,
        action="term.renewal_asked",
        subject=("term", term.id),
        now=now,
        lg_code=term.lg_code,
        person_id=term.person_id,
        purpose=term.renewal_state,
    )
    draft = NoticeDraft(
        person_id=term.person_id,
        kind=f"renewal_{term.renewal_state}",
        period_key=word_of(term.id, japan_day(now)),
        lg_code=term.lg_code,
        facts={
            "government": queries.government(db, term.lg_code).name,
            "day": term.last_day.isoformat(),
        },
    )
    tell(db, [draft], now=now)
