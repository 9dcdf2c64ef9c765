"""The compiled rules decide as the rules do; R06, R07, R08, R12, R13, R14, R15, R16, R18."""

import pytest

from simulation.parity import CASES, differences

#: `python -m simulation parity` compares millions; these are what a minute's tests can afford.
EACH = {"calendar": 4000, "dormancy": 4000, "counting": 4000, "cap": 4000}


@pytest.mark.parametrize("kind", CASES)
def test_the_compiled_rules_are_the_rules(kind: str) -> None:
    """Not one difference on random cases, odd days among them."""
    assert list(differences(kind, EACH.get(kind, 2000), seed=7)) == []
