"""The facts of an applicant, gathered for the rules (R07, R12, R13, R16, R18).

Who gathers decides what is known. The person's own context sees everything. A local
government, and a job working for it, knows its own copy of the registration, its own evidence
and its own place, and nothing of other bodies. A stored judgement is readable by its local
government, so it is decided once more from facts in which other bodies are nameless (and left
out unless the limit is reached) and an adult's birth date is only "of age" (P13, R25).
"""

from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import queries
from registry.evidence import Evidence
from registry.models import (
    Guardianship,
    Person,
    PremiumSlot,
    Registration,
    Term,
)
from registry.policies import body_policy, rule_versions
from registry.rules.cap import Cap, counted_holdings, counted_with
from registry.rules.counting import window_for
from registry.rules.eligibility import decide_premium
from registry.rules.facts import (
    ONE_DAY,
    Applicant,
    Body,
    BodyKind,
    Holding,
    HoldingState,
    IdentityLevel,
    Period,
    Tier,
)
from registry.rules.minors import is_minor
from registry.rules.policy import Policy, PolicyBook
from registry.rules.reasons import Decision
from registry.rules.versions import RequirementVersion


@dataclass(frozen=True, slots=True)
class Case:
    """What one decision on premium needs: who, where, by which numbers."""

    applicant: Applicant
    body: Body
    policy: Policy
    versions: tuple[RequirementVersion, ...]
    today: date
    applied_on: date
    replaces: UUID | None = None

    def decide(self) -> Decision:
        """R07, R12, R13, R16, R18, R33: all reasons against, in the order people can act."""
        return decide_premium(
            self.applicant,
            self.body,
            self.policy,
            self.versions,
            self.today,
            applied_on=self.applied_on,
            replaces=self.replaces,
        )

    def nameless(self) -> "Case":
        """The same case as the body may keep it: other bodies nameless, an adult only of age."""
        return replace(self, applicant=_nameless(self))


def numbers(
    db: Session, book: PolicyBook, body: Body, day: date
) -> tuple[Policy, tuple[RequirementVersion, ...]]:
    """One body's view of a day, and its requirement with history (R07, R33)."""
    own = body_policy(db, book, body.code, day)
    return own.snapshot(day, body.code), rule_versions(own, body.code)


def case_of_person(
    db: Session,
    *,
    person: Person,
    registration: Registration,
    today: date,
    applied_on: date,
    book: PolicyBook,
    evidence: Evidence,
    replaces: UUID | None = None,
    window: Period | None = None,
) -> Case:
    """Everything about an applicant, in the person's own context.

    `window` is the period whose evidence is gathered: that of a first application if left out.
    """
    body = queries.body_of(queries.government(db, registration.lg_code))
    policy, versions = numbers(db, book, body, today)
    if window is None:
        window = window_for(policy.text("premium.window"), applied_on, registration.registered_on)
    lapsed = person.identity_lapsed_on
    applicant = Applicant(
        person_id=person.id,
        birth_date=queries.birth_of(person),
        residence=queries.residence_of(db, person),
        identity_level=IdentityLevel(person.identity_level),
        identity_valid=lapsed is None or lapsed > today,
        guardian_consent=consent_lives(db, person.id),
        holdings=holdings_of(db, person.id),
        registered_on=registration.registered_on,
        identity_lapsed_on=lapsed,
        **_shown(db, registration, window, evidence),
    )
    return Case(applicant, body, policy, versions, today, applied_on, replaces)


def case_of_body(
    db: Session,
    *,
    registration: Registration,
    today: date,
    applied_on: date,
    book: PolicyBook,
    evidence: Evidence,
) -> Case:
    """What the body (or its job) knows of an applicant: its own copy, evidence and place.

    The consent of a guardian is not asked again: its withdrawal takes the application out of
    the body's hands in the same transaction (R18).
    """
    body = queries.body_of(queries.government(db, registration.lg_code))
    policy, versions = numbers(db, book, body, today)
    window = window_for(policy.text("premium.window"), applied_on, registration.registered_on)
    level = IdentityLevel(registration.identity_level)
    homes = queries.governments(db, {registration.residence_code or ""})
    applicant = Applicant(
        person_id=registration.person_id,
        birth_date=known_birth_date(registration.minor_until, today, policy),
        residence=queries.residence_from(
            homes.get(registration.residence_code or ""), verified=level > IdentityLevel.EMAIL
        ),
        identity_level=level,
        identity_valid=registration.identity_lapsed_on is None
        or registration.identity_lapsed_on > today,
        identity_lapsed_on=registration.identity_lapsed_on,
        guardian_consent=True,
        registered_on=registration.registered_on,
        **_shown(db, registration, window, evidence),
    )
    return Case(applicant, body, policy, versions, today, applied_on)


def _shown(
    db: Session, registration: Registration, window: Period, evidence: Evidence
) -> dict[str, Any]:
    # Overnight work of the day before counts on the window's first day (R08).
    wide = Period(window.first - ONE_DAY, window.last)
    ids, code = [registration.id], registration.lg_code
    present = evidence.participations(db, code, ids, wide).get(registration.id, ())
    stays = evidence.stay_days(db, code, ids, wide).get(registration.id, ())
    return {"participations": tuple(present), "stay_days": tuple(stays)}


def known_birth_date(minor_until: date | None, today: date, policy: Policy) -> date:
    """R18: a birth date that gives a body's rules the right answer and says no more.

    A body keeps the first day as an adult of minors, which is their birthday; of adults it
    knows that they are of age, so the latest birth date of an adult stands for all.
    """
    age = policy.integer("minor.age")
    day = minor_until if minor_until is not None and minor_until > today else today
    try:
        return day.replace(year=day.year - age)
    except ValueError:  # 29 February
        return day.replace(year=day.year - age, day=28)


def consent_lives(db: Session, person_id: UUID) -> bool:
    """R18: whether a guardian with a verified identity consents to premium."""
    found = db.scalar(
        select(Guardianship.id)
        .where(
            Guardianship.person_id == person_id,
            Guardianship.state == "living",
            Guardianship.scope == "premium",
            Guardianship.verified_at.is_not(None),
        )
        .limit(1)
    )
    return found is not None


def holdings_of(db: Session, person_id: UUID) -> tuple[Holding, ...]:
    """R13: the premium places a person holds or has applied for, in the person's own context.

    Basic registrations are listed too: a setting may let them exempt their prefecture.
    """
    registrations = db.scalars(
        select(Registration).where(
            Registration.person_id == person_id,
            Registration.status == "active",
            Registration.direct,
        )
    ).all()
    terms = db.execute(
        select(Term.registration_id, Term.first_day).where(
            Term.person_id == person_id, Term.state.in_(queries.LIVING)
        )
    )
    begun = {row.registration_id: row.first_day for row in terms}
    slots = db.scalars(select(PremiumSlot).where(PremiumSlot.person_id == person_id)).all()
    pending = {slot.registration_id: slot.since for slot in slots if slot.state == "pending"}
    bodies = queries.governments(db, {row.lg_code for row in registrations})
    return tuple(
        Holding(
            registration_id=row.id,
            body=queries.body_of(bodies[row.lg_code]),
            state=HoldingState.PENDING if row.id in pending else HoldingState.ACTIVE,
            since=begun.get(row.id) or pending.get(row.id) or row.registered_on,
            tier=Tier.PREMIUM if row.id in begun or row.id in pending else Tier.BASIC,
        )
        for row in sorted(registrations, key=lambda row: row.lg_code)
    )


def _nameless(case: Case) -> Applicant:
    """The applicant with other bodies' names, and an adult's birth date, taken out.

    The decision stays the same: what fills the limit counts, as numbered municipalities of
    nowhere; an exemption by a municipality inside a prefecture stays one; what is given in
    exchange stays held.
    """
    given, cap = case.applicant, Cap.of(case.policy)
    counted = counted_with(given.holdings, case.body, cap, case.today, replaces=case.replaces)
    others = [holding for holding in counted if holding.body != case.body]
    kept: list[Holding] = []
    if len(others) >= cap.most and len(others) == len(counted):
        kept = [_other(holding, 1, case, case.body.code) for holding in _inside(case, cap)]
    elif len(others) >= cap.most:
        kept = [_other(h, at, case, f"nowhere-{at}") for at, h in enumerate(others, start=1)]
    for holding in given.holdings:
        if holding.registration_id == case.replaces:
            at = len(kept) + 1
            nameless = _other(holding, at, case, f"nowhere-{at}")
            kept.append(replace(nameless, registration_id=holding.registration_id))
    born, age = given.birth_date, case.policy.integer("minor.age")
    if born is not None and not is_minor(born, case.today, age):
        born = known_birth_date(None, case.today, case.policy)
    return replace(given, holdings=tuple(kept), birth_date=born)


def _other(holding: Holding, number: int, case: Case, prefecture: str) -> Holding:
    body = Body(f"other-{number}", BodyKind.MUNICIPALITY, prefecture)
    return replace(holding, registration_id=UUID(int=number), body=body, since=case.today)


def _inside(case: Case, cap: Cap) -> tuple[Holding, ...]:
    """One holding that lets the asked prefecture stand outside the limit."""
    held = [
        holding
        for holding in case.applicant.holdings
        if holding.body.prefecture_code == case.body.code
        and not holding.body.is_prefecture
        and holding.registration_id != case.replaces
    ]
    return (counted_holdings(held, cap, case.today) or tuple(held))[:1]
