"""R14: what happens to a premium registration when its year ends."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from registry.rules.cap import Cap, over_cap
from registry.rules.eligibility import (
    PREMIUM_KEYS,
    evidence_in,
    identity_grace_until,
    identity_suffices,
    lives_elsewhere,
    standing_reasons,
)
from registry.rules.facts import Applicant, Body, DecisionMode, Period
from registry.rules.plain import Plain
from registry.rules.policy import Policy
from registry.rules.reasons import Decision, Reason
from registry.rules.requirement import AllOf, Evidence, Leaf, Measure, Tree, evaluate
from registry.rules.residence import moved_in, supports_stop_on
from registry.rules.terms import checks, extended, grace_until, next_term
from registry.rules.versions import RequirementVersion

RENEWAL_KEYS = (
    *(key for key in PREMIUM_KEYS if key not in {"premium.window", "rule.favour_days"}),
    "premium.term",
    "renewal.checks",
    "renewal.grace_days",
    "renewal.carry_over",
    "over_cap.days",
)


class RenewalOutcome(StrEnum):
    """`not_due`: nothing to do today; `decision.reasons` may say what is still missing."""

    RENEWED = "renewed"
    GRACE = "grace"
    LAPSED_TO_BASIC = "lapsed_to_basic"
    TO_STAFF = "to_staff"
    NOT_DUE = "not_due"


@dataclass(frozen=True, slots=True)
class RenewalInputs(Plain):
    """What a decision on renewal was made from, as stored with it."""

    applicant: Applicant
    body: Body
    term: Period
    requirement: RequirementVersion
    today: date
    mode: DecisionMode
    release_mode: DecisionMode = DecisionMode.AUTO
    extension_until: date | None = None
    carried: int = 0
    over_cap_since: date | None = None


@dataclass(frozen=True, slots=True)
class Renewal(Plain):
    """The outcome of one check of one term.

    `proposal` is what the rules say; it differs from `outcome` only when staff decide.
    `next_term` is set for a renewal. `judged_term` is the term with its extension. `grace_until`
    is the last day of grace. `supports_until` is set when premium ends by moving in.
    `carry_over` is the surplus that the next term may use.
    """

    outcome: RenewalOutcome
    proposal: RenewalOutcome
    decision: Decision
    judged_term: Period
    grace_until: date
    next_term: Period | None = None
    supports_until: date | None = None
    carry_over: int = 0


def decide_renewal(
    applicant: Applicant,
    term: Period,
    policy: Policy,
    requirement: RequirementVersion,
    today: date,
    mode: DecisionMode,
    *,
    body: Body,
    release_mode: DecisionMode = DecisionMode.AUTO,
    extension_until: date | None = None,
    carried: int = 0,
    over_cap_since: date | None = None,
) -> Renewal:
    """R12–R16, R18, R33: renewed, in grace, back to basic, to staff, or not due today.

    Judged on the participations inside the current term only, by the requirement version of the
    term's first day (`versions.version_for_term`). From the first check on, whoever meets the
    requirement is renewed; who does not by the last day has grace, in which evidence of the term
    that arrives late still counts; then the registration goes back to basic, never away. Moving
    in, a minor without consent and an identity lapsed too long end premium on any day.
    `over_cap_since` is the day on which the person was told to choose (R13).
    """
    given = RenewalInputs(
        applicant=applicant,
        body=body,
        term=term,
        requirement=requirement,
        today=today,
        mode=mode,
        release_mode=release_mode,
        extension_until=extension_until,
        carried=carried,
        over_cap_since=over_cap_since,
    )
    return _judge(given, policy)


def _judge(given: RenewalInputs, policy: Policy) -> Renewal:
    judged = extended(given.term, given.extension_until)
    until = grace_until(judged, policy.integer("renewal.grace_days"))
    ended = standing_reasons(given.applicant, given.body, policy, given.today)
    shown = evidence_in(given.applicant, given.body, policy, judged, carried=given.carried)
    tree = given.requirement.tree
    due = given.today >= checks(judged, policy.integers("renewal.checks"))[0]
    reasons = ended or (_against(given, tree, shown, policy) if due else ())
    if reasons and all(reason.code == "identity_lapsed" for reason in reasons):
        until = max(until, identity_grace_until(given.applicant, policy) or until)
    proposal = _proposal(given.today, judged, until, ended=ended, reasons=reasons, due=due)
    outcome = _by_mode(proposal, given, ended=bool(ended))
    renews = proposal is RenewalOutcome.RENEWED
    gone = proposal is RenewalOutcome.LAPSED_TO_BASIC
    moves = gone and moved_in(given.applicant.residence, given.body)
    return Renewal(
        outcome=outcome,
        proposal=proposal,
        decision=Decision(
            kind="renewal",
            day=given.today,
            outcome=outcome.value,
            reasons=reasons,
            inputs=given,
            policy=policy.stored(RENEWAL_KEYS),
        ),
        judged_term=judged,
        grace_until=until,
        next_term=next_term(judged, policy.text("premium.term")) if renews else None,
        supports_until=supports_stop_on(given.today) if moves else None,
        carry_over=surplus(tree, shown, policy) if renews else 0,
    )


def _against(
    given: RenewalInputs, tree: Tree, shown: Evidence, policy: Policy
) -> tuple[Reason, ...]:
    checks_made = (
        lives_elsewhere(given.applicant, given.body, policy),
        identity_suffices(given.applicant, policy, given.today),
        returns_over_cap(given, policy),
    )
    missing = evaluate(tree, shown, given.requirement.source)[1]
    return (*(reason for reason in checks_made if reason is not None), *missing)


def _proposal(
    today: date,
    judged: Period,
    until: date,
    *,
    ended: tuple[Reason, ...],
    reasons: tuple[Reason, ...],
    due: bool,
) -> RenewalOutcome:
    if ended:
        return RenewalOutcome.LAPSED_TO_BASIC
    if not due:
        return RenewalOutcome.NOT_DUE
    if not reasons:
        return RenewalOutcome.RENEWED
    if today < judged.last:
        return RenewalOutcome.NOT_DUE
    return RenewalOutcome.GRACE if today <= until else RenewalOutcome.LAPSED_TO_BASIC


def _by_mode(proposal: RenewalOutcome, given: RenewalInputs, *, ended: bool) -> RenewalOutcome:
    """R15: staff decide renewals and releases where the body reviews them.

    What the law itself ends (moving in, consent withdrawn, identity gone) waits for nobody.
    """
    if proposal is RenewalOutcome.RENEWED and given.mode is DecisionMode.REVIEW:
        return RenewalOutcome.TO_STAFF
    lapses = proposal is RenewalOutcome.LAPSED_TO_BASIC and not ended
    if lapses and given.release_mode is DecisionMode.REVIEW:
        return RenewalOutcome.TO_STAFF
    return proposal


def returns_over_cap(given: RenewalInputs, policy: Policy) -> Reason | None:
    """R13: over the limit and no choice made in time, the newest direct prefecture is not renewed."""
    if given.over_cap_since is None:
        return None
    days = policy.integer("over_cap.days")
    if (given.today - given.over_cap_since).days <= days:
        return None
    over = over_cap(given.applicant.holdings, Cap.of(policy), given.today)
    held = {h.registration_id: h.body for h in given.applicant.holdings}
    if over.returns_to_basic is None or held[over.returns_to_basic] != given.body:
        return None
    source = policy.source("over_cap.days")
    return Reason(
        "R13", "over_cap", len(over.counted), over.most, over.counted, source, "choose_body"
    )


def surplus(tree: Tree, shown: Evidence, policy: Policy) -> int:
    """R14: counts beyond the requirement that the body lets over into the next term."""
    needed = _counts_asked(tree)
    if needed is None:
        return 0
    return max(0, min(shown.count - needed, policy.integer("renewal.carry_over")))


def _counts_asked(tree: Tree) -> int | None:
    """The counts a tree asks of everybody; None when a way around them exists."""
    if isinstance(tree, Leaf):
        return tree.amount if tree.measure is Measure.COUNT else None
    asked = [_counts_asked(part) for part in tree.parts]
    known = [amount for amount in asked if amount is not None]
    if not isinstance(tree, AllOf) and len(known) < len(asked):
        return None
    return max(known, default=None)
