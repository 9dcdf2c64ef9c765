"""R06: however the nights fall out, nobody is released without all three notices in full."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.rules.dormancy import (
    AccessKind,
    StepKind,
    may_restore,
    next_step,
    resets_clock,
    restore_until,
)
from tests.rules.making import policy

POLICY = policy(settings={"dormancy.months": 12})
FIRST = date(2026, 1, 10)
NIGHTS = 700


def _live(silent: set[int], accesses: set[int]) -> tuple[date | None, dict[int, date], date]:
    """Two years of nights, some without a job, some days with an access."""
    last_access, notices = FIRST, dict[int, date]()
    for night in range(NIGHTS):
        today = FIRST + timedelta(days=night)
        if night in accesses:
            last_access = today
        if night in silent:
            continue
        step = next_step(last_access, notices, today, POLICY, premium_valid=False)
        if step.kind is StepKind.RELEASE:
            return today, notices, last_access
        if step.kind is StepKind.NOTICE:
            assert step.notice_days is not None
            notices[step.notice_days] = today
    return None, notices, last_access


SILENCES = st.lists(st.tuples(st.integers(300, NIGHTS), st.integers(1, 60)), max_size=4).map(
    lambda spans: {night for start, length in spans for night in range(start, start + length)}
)


@given(SILENCES, st.sets(st.integers(0, 450), max_size=3))
def test_r06_never_released_without_three_full_notices(
    silent: set[int], accesses: set[int]
) -> None:
    released_on, notices, last_access = _live(silent, accesses)
    if released_on is None:
        return
    assert all(released_on - notices[days] >= timedelta(days=days) for days in (60, 30, 7))
    assert all(sent > last_access for sent in notices.values())
    assert released_on >= date(last_access.year + 1, last_access.month, min(last_access.day, 28))


def test_r06_without_silence_released_on_the_day() -> None:
    released_on, notices, _ = _live(set(), set())
    assert released_on == date(2027, 1, 10)
    assert notices == {60: date(2026, 11, 11), 30: date(2026, 12, 11), 7: date(2027, 1, 3)}


def test_r06_catching_up_after_silence_ends_in_release() -> None:
    released_on, notices, _ = _live(set(range(290, 400)), set())
    assert notices[60] == FIRST + timedelta(days=400)
    assert released_on == FIRST + timedelta(days=460)


@given(st.integers(0, NIGHTS))
def test_r06_asking_twice_in_a_night_gives_the_same_step(night: int) -> None:
    today = FIRST + timedelta(days=night)
    step = next_step(FIRST, {}, today, POLICY, premium_valid=False)
    assert next_step(FIRST, {}, today, POLICY, premium_valid=False) == step
    if step.kind is StepKind.NOTICE:
        sent = {60: today}
        assert next_step(FIRST, sent, today, POLICY, premium_valid=False).kind is StepKind.NONE


@pytest.mark.parametrize("kind", list(AccessKind))
def test_r06_a_login_is_an_access_to_the_account_only(kind: AccessKind) -> None:
    assert resets_clock(kind, "account")
    assert resets_clock(kind, "registration") is (kind is not AccessKind.LOGIN)


def test_r06_one_tap_restores_for_twelve_months() -> None:
    released_on = date(2028, 2, 29)
    assert restore_until(released_on, POLICY) == date(2029, 2, 28)
    assert may_restore(released_on, date(2029, 2, 28), POLICY)
    assert not may_restore(released_on, date(2029, 3, 1), POLICY)
