"""R20, R21: what may be offered as a support, and what is a gift in disguise."""

from dataclasses import dataclass

from registry.rules.plain import Plain
from registry.rules.policy import Policy
from registry.rules.reasons import Reason


@dataclass(frozen=True, slots=True)
class Benefit(Plain):
    """A support as a body proposes it. `needs_presence`: redeemed there, or with a booked activity."""

    delivery: str
    purpose: str
    needs_presence: bool = True
    shipped: bool = False
    redeemable_elsewhere: bool = False
    cash_like: bool = False


def accepts_benefit(benefit: Benefit, policy: Policy) -> Reason | None:
    """R21: no gift that arrives without visiting. A bus fare passes (R20), an apple box does not.

    Information needs no presence; everything else is redeemed on the spot or with an activity.
    """
    allowed = policy.texts("benefit.delivery")
    source = policy.source("benefit.delivery")
    if benefit.delivery not in allowed:
        return _refusal("delivery_not_allowed", benefit.delivery, source, allowed)
    disguises = {
        "shipped_goods": benefit.shipped,
        "redeemable_elsewhere": benefit.redeemable_elsewhere,
        "cash_like": benefit.cash_like,
    }
    for code, present in disguises.items():
        if present:
            return _refusal(code, benefit.delivery, source, allowed)
    if not benefit.needs_presence and benefit.delivery != "information":
        return _refusal("presence_needed", benefit.delivery, source, allowed)
    if benefit.purpose not in policy.texts("benefit.purpose"):
        purposes = policy.texts("benefit.purpose")
        return _refusal("purpose_not_allowed", benefit.purpose, source, purposes)
    return None


def _refusal(code: str, found: str, source: str, allowed: tuple[str, ...]) -> Reason:
    return Reason(
        rule="R21", code=code, found=found, names=allowed, source=source, action="change_support"
    )
