"""R11: stay days from evidence, and the long-stay mark on the card."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from registry.rules.facts import Period
from registry.rules.plain import Plain
from registry.rules.policy import Policy
from registry.rules.reasons import Reason


class StayKind(StrEnum):
    """R11: what proves that somebody was there on a day; there is no tracking of places."""

    CHECK_IN = "check_in"
    STAY_CHECK_IN = "stay_check_in"
    APPROVED_REPORT = "approved_report"


@dataclass(frozen=True, slots=True)
class StayEvidence(Plain):
    """One proof for one day at one body.

    `approved` matters for a person's own report only, `designated_place` for a check-in at a
    lodging, library or the like.
    """

    lg_code: str
    day: date
    kind: StayKind
    approved: bool = False
    designated_place: bool = True
    annulled: bool = False


def stay_days(
    evidence: Iterable[StayEvidence], lg_code: str, period: Period, kinds: Collection[str]
) -> tuple[date, ...]:
    """R11: the distinct days with at least one valid proof, in order."""
    return tuple(
        sorted(
            {
                proof.day
                for proof in evidence
                if proof.lg_code == lg_code and proof.day in period and proves(proof, kinds)
            }
        )
    )


def proves(proof: StayEvidence, kinds: Collection[str]) -> bool:
    """R11: whether a proof is of an admitted kind, stands, and was approved where it must be."""
    if proof.annulled or proof.kind.value not in kinds:
        return False
    if proof.kind is StayKind.APPROVED_REPORT:
        return proof.approved
    return proof.kind is StayKind.CHECK_IN or proof.designated_place


def long_stay(days: Iterable[date], policy: Policy) -> Reason | None:
    """R11: None when the card carries the long-stay mark, else how many days are missing.

    The mark is an addition to premium; whether somebody has premium is asked elsewhere.
    """
    found, needed = len(set(days)), policy.integer("stay.days")
    if found >= needed:
        return None
    source = policy.source("stay.days")
    return Reason("R11", "not_enough_stay_days", found, needed, (), source, "add_stay_day")
