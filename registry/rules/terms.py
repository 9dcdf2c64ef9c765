"""R14: the year of premium, its end, its checks and its grace."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta

from registry.rules.calendars import JST, add_months, month_end, months_of
from registry.rules.facts import ONE_DAY, Period

ONE_SECOND = timedelta(seconds=1)


def term_for(approved_on: date, length: str = "P1Y") -> Period:
    """R14: the term whose first day is the day of approval.

    It ends the day before the corresponding day; where the last month has no corresponding day
    it ends with that month (Civil Code, art. 143): from 2028-02-29 to 2029-02-28.
    """
    corresponding = add_months(approved_on, months_of(length))
    if corresponding.day < approved_on.day:
        return Period(approved_on, month_end(corresponding))
    return Period(approved_on, corresponding - ONE_DAY)


def ends_at(term: Period) -> datetime:
    """R14: the last second of the term, 23:59:59 Japan time, as an instant in UTC."""
    midnight = datetime.combine(term.last + ONE_DAY, time(), tzinfo=JST)
    return (midnight - ONE_SECOND).astimezone(UTC)


def checks(term: Period, days: Iterable[int]) -> tuple[date, ...]:
    """R14: the days on which a term is checked, earliest first, as days before its last day."""
    return tuple(sorted({term.last - timedelta(days=before) for before in days}))


def next_term(term: Period, length: str = "P1Y") -> Period:
    """R14: the term that follows without gap or overlap, however early it is booked."""
    return term_for(term.last + ONE_DAY, length)


def grace_until(term: Period, days: int) -> date:
    """R14: the last day of grace after a term that was not renewed."""
    return term.last + timedelta(days=days)


def extended(term: Period, until: date | None) -> Period:
    """R14: the term as judged when the body declared an extension for disaster or illness."""
    if until is None or until <= term.last:
        return term
    return Period(term.first, until)


def belongs_to_term(day: date, terms: Iterable[Period]) -> Period | None:
    """R14: the one term an activity's day belongs to, if any, even when the next is booked."""
    return next((term for term in terms if day in term), None)
