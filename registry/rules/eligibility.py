"""Who may hold premium with a body, and every reason why not.

Pure: the same facts and the same numbers give the same decision in the console, on the phone,
at night and in a rehearsal. Reasons come in the order in which a person can act on them:
residence, identity, guardian, the limit of bodies, the requirement.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from registry.rules.cap import CAP_KEYS, Cap, counted_with
from registry.rules.counting import COUNTING_KEYS, Counting, evidence, window_for
from registry.rules.facts import Applicant, Body, IdentityLevel, Period, ResidenceRelation
from registry.rules.minors import age_on, is_minor
from registry.rules.plain import Plain
from registry.rules.policy import Policy
from registry.rules.reasons import Decision, Reason, outcome_of
from registry.rules.requirement import Evidence
from registry.rules.residence import moved_in, relation
from registry.rules.versions import RequirementVersion, most_favourable, versions_for_applicant

IDENTITY_KEYS = ("idv.level.premium", "idv.level.premium_young", "idv.level.young_under")
STANDING_KEYS = ("residence.source", "minor.age", "idv.grace_days", *IDENTITY_KEYS)
PREMIUM_KEYS = (
    *STANDING_KEYS,
    *CAP_KEYS,
    *COUNTING_KEYS,
    "premium.rule",
    "premium.window",
    "rule.favour_days",
)


@dataclass(frozen=True, slots=True)
class PremiumInputs(Plain):
    """What a decision on premium was made from, as stored with it."""

    applicant: Applicant
    body: Body
    versions: tuple[RequirementVersion, ...]
    today: date
    applied_on: date
    replaces: UUID | None = None


@dataclass(frozen=True, slots=True)
class StandingInputs(Plain):
    applicant: Applicant
    body: Body
    today: date


def decide_premium(
    applicant: Applicant,
    body: Body,
    policy: Policy,
    versions: Iterable[RequirementVersion],
    today: date,
    *,
    applied_on: date | None = None,
    replaces: UUID | None = None,
) -> Decision:
    """R07, R12, R13, R16, R18, R33: all reasons against premium with a body; none means yes.

    `policy` is the body's view of the day (`PolicyBook.snapshot`), `versions` its requirement
    with history, `applied_on` the day of application (today if left out), `replaces` the place
    given up on approval. Raises NoValueInForceError before the first requirement.
    """
    given = PremiumInputs(applicant, body, tuple(versions), today, applied_on or today, replaces)
    checks = (
        lives_elsewhere(applicant, body, policy),
        identity_suffices(applicant, policy, today),
        guardian_agrees(applicant, policy, today),
        exchange_is_held(applicant, policy, replaces),
        within_cap(applicant, body, policy, today, replaces=replaces),
    )
    reasons = (
        *(reason for reason in checks if reason is not None),
        *requirement_met(given, policy),
    )
    return Decision(
        kind="premium",
        day=today,
        outcome=outcome_of(reasons),
        reasons=reasons,
        inputs=given,
        policy=policy.stored(PREMIUM_KEYS),
    )


def decide_standing(applicant: Applicant, body: Body, policy: Policy, today: date) -> Decision:
    """R12, R16, R18: whether a premium registration stands in mid-term, see `standing_reasons`."""
    reasons = standing_reasons(applicant, body, policy, today)
    return Decision(
        kind="standing",
        day=today,
        outcome=outcome_of(reasons),
        reasons=reasons,
        inputs=StandingInputs(applicant, body, today),
        policy=policy.stored(STANDING_KEYS),
    )


def standing_reasons(
    applicant: Applicant, body: Body, policy: Policy, today: date
) -> tuple[Reason, ...]:
    """R12, R16, R18: what ends premium on any day.

    Moving in, a minor without living consent, an identity that lapsed longer ago than the days
    of grace.
    """
    checks = (
        _moved_in(applicant, body, policy),
        guardian_agrees(applicant, policy, today),
        _identity_grace_over(applicant, policy, today),
    )
    return tuple(reason for reason in checks if reason is not None)


def lives_elsewhere(applicant: Applicant, body: Body, policy: Policy) -> Reason | None:
    """R16: premium is not for the place where the person lives; a town next door is another place."""
    related = relation(applicant.residence, body)
    source = policy.source("residence.source")
    if related is ResidenceRelation.RESIDENT:
        return Reason("R16", "resident", names=(body.code,), source=source, action="choose_body")
    if related is ResidenceRelation.UNKNOWN:
        return Reason("R16", "residence_unknown", source=source, action="confirm_residence")
    return None


def _moved_in(applicant: Applicant, body: Body, policy: Policy) -> Reason | None:
    """R16: a verified address in the body's area."""
    if not moved_in(applicant.residence, body):
        return None
    source = policy.source("residence.source")
    return Reason("R16", "moved_in", names=(body.code,), source=source, action="choose_body")


def level_needed(applicant: Applicant, policy: Policy, today: date) -> IdentityLevel:
    """R12: the level for premium; children have no signing certificate, so theirs is lower."""
    young = applicant.birth_date is not None and age_on(
        applicant.birth_date, today
    ) < policy.integer("idv.level.young_under")
    return IdentityLevel(policy.text("idv.level.premium_young" if young else "idv.level.premium"))


def identity_suffices(applicant: Applicant, policy: Policy, today: date) -> Reason | None:
    """R12: premium needs the card; without one a person stays basic and reads why."""
    needed = level_needed(applicant, policy, today)
    source = policy.source("idv.level.premium")
    if applicant.identity_level < needed:
        found = applicant.identity_level.value
        return Reason("R12", "identity_too_low", found, needed.value, (), source, "verify_identity")
    if not applicant.identity_valid:
        return Reason("R12", "identity_lapsed", source=source, action="verify_identity")
    return None


def identity_grace_until(applicant: Applicant, policy: Policy) -> date | None:
    """R12: the last day of grace after a certificate lapsed; None while it holds."""
    if applicant.identity_valid or applicant.identity_lapsed_on is None:
        return None
    return applicant.identity_lapsed_on + timedelta(days=policy.integer("idv.grace_days"))


def _identity_grace_over(applicant: Applicant, policy: Policy, today: date) -> Reason | None:
    """R12: a lapsed certificate has some days of grace before premium ends."""
    until = identity_grace_until(applicant, policy)
    if until is None or today <= until:
        return None
    needed = policy.integer("idv.grace_days")
    found = (today - until).days + needed
    source = policy.source("idv.grace_days")
    return Reason("R12", "identity_grace_over", found, needed, (), source, "verify_identity")


def guardian_agrees(applicant: Applicant, policy: Policy, today: date) -> Reason | None:
    """R18: a minor needs a living consent of a guardian with a verified identity."""
    age = policy.integer("minor.age")
    source = policy.source("minor.age")
    if applicant.birth_date is None:
        return Reason("R18", "birth_date_unknown", source=source, action="verify_identity")
    if applicant.guardian_consent or not is_minor(applicant.birth_date, today, age):
        return None
    found = age_on(applicant.birth_date, today)
    return Reason("R18", "guardian_consent_missing", found, age, (), source, "ask_guardian")


def exchange_is_held(applicant: Applicant, policy: Policy, replaces: UUID | None) -> Reason | None:
    """R13: only a place that one holds can be given in exchange."""
    held = {holding.registration_id for holding in applicant.holdings}
    if replaces is None or replaces in held:
        return None
    source = policy.source("premium.cap")
    return Reason("R13", "exchange_not_held", source=source, action="exchange")


def within_cap(
    applicant: Applicant, body: Body, policy: Policy, today: date, *, replaces: UUID | None = None
) -> Reason | None:
    """R13: at most three bodies, pending ones included; names those held and offers exchange.

    A place that would itself not count is never blocked.
    """
    cap = Cap.of(policy)
    counted = counted_with(applicant.holdings, body, cap, today, replaces=replaces)
    others = tuple(holding.body.code for holding in counted if holding.body != body)
    if len(others) < cap.most or len(others) == len(counted):
        return None
    source = policy.source("premium.cap")
    return Reason("R13", "cap_reached", len(others), cap.most, others, source, "exchange")


def requirement_met(given: PremiumInputs, policy: Policy) -> tuple[Reason, ...]:
    """R07, R33: what is missing by the requirement version that favours the applicant most."""
    shown = first_evidence(given.applicant, given.body, policy, given.applied_on)
    versions = versions_for_applicant(
        given.versions,
        given.applied_on,
        policy.integer("rule.favour_days"),
        judged_on=given.today,
    )
    return most_favourable(versions, shown)[1]


def first_evidence(applicant: Applicant, body: Body, policy: Policy, day: date) -> Evidence:
    """R07: the evidence of a first application, in the window ending on the day of application."""
    period = window_for(policy.text("premium.window"), day, applicant.registered_on)
    return evidence_in(applicant, body, policy, period)


def evidence_in(
    applicant: Applicant, body: Body, policy: Policy, period: Period, *, carried: int = 0
) -> Evidence:
    """R07, R08: the applicant's evidence at a body in a period."""
    return evidence(
        applicant.participations,
        applicant.stay_days,
        body.code,
        period,
        Counting.of(policy),
        carried=carried,
    )
