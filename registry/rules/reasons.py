"""Reasons and decisions: refusals are data, words live in the catalogues.

A reason names the rule, what was found, what was needed, the source, and what the person can
do about it. A decision holds every reason, the facts and the numbers it was made from, so that
anybody can replay it years later (`registry.rules.replay`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from registry.rules.plain import Plain

# Raised by one whenever a rule's function (not a number) changes its meaning.
RULES_VERSION = "2"


@dataclass(frozen=True, slots=True)
class Reason(Plain):
    """One reason against. `action` is the code of what the person can do, "" if nothing."""

    rule: str
    code: str
    found: int | str | None = None
    needed: int | str | None = None
    names: tuple[str, ...] = ()
    source: str = ""
    action: str = ""


@dataclass(frozen=True, slots=True)
class Decision(Plain):
    """A judgement: what was asked, on what day, from which facts and numbers, and the reasons.

    `kind` names the deciding function, `outcome` its result ("allowed", "refused", or the
    outcome of a renewal). `inputs` are the facts, as the rule was given them or as JSON read back;
    `policy` is each number with the day it holds from and its source, as JSON.
    """

    kind: str
    day: date
    outcome: str
    reasons: tuple[Reason, ...]
    inputs: Plain | Mapping[str, Any]
    policy: Mapping[str, Any]
    rules_version: str = RULES_VERSION

    def to_json(self) -> dict[str, Any]:
        """As any record; numbers, and inputs that were read back, are JSON already."""
        return {
            "kind": self.kind,
            "day": self.day.isoformat(),
            "outcome": self.outcome,
            "reasons": [reason.to_json() for reason in self.reasons],
            "inputs": self.inputs.to_json() if isinstance(self.inputs, Plain) else self.inputs,
            "policy": self.policy,
            "rules_version": self.rules_version,
        }

    @property
    def allowed(self) -> bool:
        """Nothing speaks against."""
        return not self.reasons

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of the reasons, in the order people can act on them."""
        return tuple(reason.code for reason in self.reasons)


def outcome_of(reasons: tuple[Reason, ...]) -> str:
    """The plain result of a yes-or-no question."""
    return "refused" if reasons else "allowed"
