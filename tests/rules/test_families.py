"""R18: who may act for whom, until when: every act, both ties, the edges of their days."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.rules.families import (
    FamilyAct,
    Tie,
    helps_until,
    managed_until,
    may_act,
    may_be_managed,
)

DAY = date(2027, 6, 1)
ALWAYS = {FamilyAct.LOOK, FamilyAct.SIGN_UP, FamilyAct.SHOW_CARD, FamilyAct.CHECK_IN}
GUARDIANS = {FamilyAct.REGISTER, FamilyAct.LEAVE, FamilyAct.CLOSE, FamilyAct.ASK_GUARDIAN}


@pytest.mark.parametrize("act", list(FamilyAct))
def test_r18_a_helper_lends_a_hand_and_decides_nothing(act: FamilyAct) -> None:
    refusal = may_act("helper", "living", act, DAY, until=DAY + timedelta(days=1))
    assert (refusal is None) is (act in ALWAYS)


@pytest.mark.parametrize("act", list(FamilyAct))
def test_r18_a_guardian_acts_for_a_managed_child_and_never_applies(act: FamilyAct) -> None:
    refusal = may_act("managed", "living", act, DAY, until=DAY + timedelta(days=1))
    assert (refusal is None) is (act in ALWAYS | GUARDIANS)


@pytest.mark.parametrize("scope", ["basic", "premium"])
@pytest.mark.parametrize("act", list(FamilyAct))
def test_r18_who_only_consents_does_nothing_in_the_childs_name(scope: str, act: FamilyAct) -> None:
    refusal = may_act(scope, "living", act, DAY, until=None)
    assert refusal is not None
    assert refusal.code == "not_for_others"


@given(
    tie=st.sampled_from(list(Tie)),
    state=st.sampled_from(["invited", "living", "withdrawn", "ended"]),
    act=st.sampled_from(list(FamilyAct)),
    days=st.integers(-400, 400),
)
def test_p24_nothing_is_done_after_the_end(tie: Tie, state: str, act: FamilyAct, days: int) -> None:
    refusal = may_act(tie, state, act, DAY, until=DAY + timedelta(days=days))
    if state != "living" or days <= 0:
        assert refusal is not None
        assert refusal.code == "tie_over"


@pytest.mark.parametrize(
    ("born", "day", "managed"),
    [
        (date(2014, 6, 2), DAY, True),
        (date(2014, 6, 1), DAY, False),
        (date(2012, 2, 29), date(2025, 2, 28), True),
        (date(2012, 2, 29), date(2025, 3, 1), False),
        (DAY, DAY, True),
        (DAY + timedelta(days=1), DAY, False),
    ],
)
def test_r18_a_child_is_managed_until_the_birthday(born: date, day: date, managed: bool) -> None:
    assert may_be_managed(born, day, managed_under=13) is managed
    assert (born <= day < managed_until(born, 13)) is managed


def test_r18_help_ends_after_its_months() -> None:
    assert helps_until(date(2027, 11, 30), 3) == date(2028, 2, 29)
    assert helps_until(DAY, 12) == date(2028, 6, 1)
