"""R14: properties of terms over fifty years."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.rules.calendars import (
    add_months,
    fiscal_year_end,
    fiscal_year_start,
    japan_day,
    months_of,
)
from registry.rules.facts import Period
from registry.rules.terms import belongs_to_term, checks, ends_at, next_term, term_for

DAYS = st.dates(date(2025, 4, 1), date(2090, 12, 31))


@given(DAYS)
def test_r14_fifty_years_of_terms_have_no_gap_and_no_overlap(approved_on: date) -> None:
    term = term_for(approved_on)
    for _ in range(50):
        following = next_term(term)
        assert following.first - term.last == timedelta(days=1)
        assert term.days in {365, 366}
        assert ends_at(term) + timedelta(seconds=1) == datetime.combine(
            following.first, datetime.min.time(), tzinfo=UTC
        ) - timedelta(hours=9)
        term = following


@given(DAYS)
def test_r14_a_term_ends_before_the_corresponding_day(approved_on: date) -> None:
    term = term_for(approved_on)
    if (approved_on.month, approved_on.day) == (2, 29):
        assert term.last == date(approved_on.year + 1, 2, 28)
    else:
        assert term.last + timedelta(days=1) == approved_on.replace(year=approved_on.year + 1)


@given(DAYS, st.integers(-400, 800))
def test_r14_an_activity_belongs_to_one_term_at_most(approved_on: date, days: int) -> None:
    first = term_for(approved_on)
    terms = [first, next_term(first)]
    day = approved_on + timedelta(days=days)
    belongs = belongs_to_term(day, terms)
    assert [term for term in terms if day in term] == ([belongs] if belongs else [])


@given(DAYS, st.integers(1, 60))
def test_months_keep_the_day_or_end_the_month(day: date, months: int) -> None:
    later = add_months(day, months)
    index = day.year * 12 + day.month - 1 + months
    assert later.year * 12 + later.month - 1 == index
    assert later.day == day.day or (later + timedelta(days=1)).day == 1


def test_r14_an_early_renewal_does_not_take_days_of_the_current_term() -> None:
    current = term_for(date(2027, 10, 1))
    booked = next_term(current)
    assert belongs_to_term(date(2028, 9, 30), [booked, current]) == current
    assert belongs_to_term(date(2028, 10, 1), [booked, current]) == booked
    assert belongs_to_term(date(2027, 9, 30), [booked, current]) is None


def test_r14_checks_come_in_order_and_once() -> None:
    term = term_for(date(2027, 10, 1))
    assert checks(term, [0, 60, 30, 30])[0] == date(2028, 8, 1)


@pytest.mark.parametrize("length", ["", "P", "1Y", "P1D", "PT1H", "P0Y", "P1Y "])
def test_r14_a_length_that_is_none_is_refused(length: str) -> None:
    with pytest.raises(ValueError, match="no length"):
        months_of(length)


def test_r14_lengths() -> None:
    assert (months_of("P1Y"), months_of("P1Y6M"), months_of("P6M")) == (12, 18, 6)


def test_fiscal_years() -> None:
    assert fiscal_year_end(date(2027, 3, 31)) == date(2027, 3, 31)
    assert fiscal_year_end(date(2027, 4, 1)) == date(2028, 3, 31)
    assert fiscal_year_start(date(2027, 3, 31)) == date(2026, 4, 1)
    assert fiscal_year_start(date(2027, 4, 1)) == date(2027, 4, 1)


def test_a_day_is_a_japanese_day() -> None:
    assert japan_day(datetime(2027, 9, 30, 14, 59, 59, tzinfo=UTC)) == date(2027, 9, 30)
    assert japan_day(datetime(2027, 9, 30, 15, tzinfo=UTC)) == date(2027, 10, 1)
    with pytest.raises(ValueError, match="time zone"):
        japan_day(datetime(2027, 9, 30))  # noqa: DTZ001 - the naive instant is the test


def test_a_period_cannot_end_before_it_starts() -> None:
    with pytest.raises(ValueError, match="cannot end"):
        Period(date(2027, 10, 2), date(2027, 10, 1))
