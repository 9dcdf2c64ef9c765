"""R15: a stored judgement made again from its own facts and numbers."""

from collections.abc import Callable, Mapping
from typing import Any

from registry.rules.eligibility import (
    PremiumInputs,
    StandingInputs,
    decide_premium,
    decide_standing,
)
from registry.rules.policy import Policy
from registry.rules.reasons import Decision
from registry.rules.renewal import RenewalInputs, decide_renewal


class ReplayError(ValueError):
    """A stored judgement is of no kind that these rules can decide."""


def _premium(inputs: Mapping[str, Any], policy: Policy) -> Decision:
    given = PremiumInputs.from_json(inputs)
    return decide_premium(
        given.applicant,
        given.body,
        policy,
        given.versions,
        given.today,
        applied_on=given.applied_on,
        replaces=given.replaces,
    )


def _standing(inputs: Mapping[str, Any], policy: Policy) -> Decision:
    given = StandingInputs.from_json(inputs)
    return decide_standing(given.applicant, given.body, policy, given.today)


def _renewal(inputs: Mapping[str, Any], policy: Policy) -> Decision:
    given = RenewalInputs.from_json(inputs)
    return decide_renewal(
        given.applicant,
        given.term,
        policy,
        given.requirement,
        given.today,
        given.mode,
        body=given.body,
        release_mode=given.release_mode,
        extension_until=given.extension_until,
        carried=given.carried,
        over_cap_since=given.over_cap_since,
    ).decision


_KINDS: dict[str, Callable[[Mapping[str, Any], Policy], Decision]] = {
    "premium": _premium,
    "standing": _standing,
    "renewal": _renewal,
}


def replay(stored: Mapping[str, Any]) -> Decision:
    """R15: decide again from `Decision.to_json()`; an unchanged rule gives an equal decision.

    Raises ReplayError for an unknown kind, PlainError for inputs that cannot be read.
    """
    decision = Decision.from_json(stored)
    try:
        decide = _KINDS[decision.kind]
    except KeyError:
        raise ReplayError(f"No rule decides {decision.kind!r}.") from None
    return decide(stored["inputs"], Policy.from_json(decision.policy))
