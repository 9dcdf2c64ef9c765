"""R01: every step there is between the states of a local government, and every one there is not."""

from datetime import date
from itertools import product

import pytest

from registry.rules.joining import (
    STEPS,
    PlannedStep,
    first_impossible,
    needs_reason,
    reachable,
    state_on,
)

FREE = {
    ("none", "preparing"), ("none", "trial"), ("none", "active"),
    ("preparing", "trial"), ("preparing", "active"), ("trial", "active"),
    ("suspended", "trial"), ("suspended", "active"), ("left", "preparing"),
}  # fmt: skip
REASONED = {
    ("preparing", "none"), ("trial", "preparing"), ("trial", "suspended"), ("trial", "left"),
    ("active", "suspended"), ("active", "left"), ("suspended", "left"),
}  # fmt: skip


@pytest.mark.parametrize(("before", "after"), list(product(STEPS, STEPS)))
def test_r01_each_step(before: str, after: str) -> None:
    allowed = after in STEPS[before]
    assert allowed == ((before, after) in FREE | REASONED)
    if allowed:
        assert needs_reason(before, after) == ((before, after) in REASONED)


def test_r01_a_plan_is_followed_in_the_order_of_its_days() -> None:
    plan = [
        PlannedStep("active", date(2027, 10, 1)),
        PlannedStep("preparing", date(2027, 7, 1)),
        PlannedStep("trial", date(2027, 8, 1)),
    ]
    assert first_impossible("none", plan) is None
    found = [state_on("none", plan, date(2027, month, 1)) for month in (6, 7, 8, 9, 10)]
    assert found == ["none", "preparing", "trial", "trial", "active"]
    assert first_impossible("active", plan) == plan[1]
    assert reachable("active", ()) == ("suspended", "left")
    later = [PlannedStep("suspended", date(2027, 10, 1))]
    assert reachable("active", later) == ("trial", "active", "suspended", "left")
