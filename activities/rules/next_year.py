"""R09: when the dates of one year fall in the next: the same weekday of the same week of the month."""

from datetime import date, timedelta

from registry.rules.calendars import fiscal_year_end, fiscal_year_start, month_end

ONE_WEEK = timedelta(days=7)


def next_year(day: date) -> date:
    """The second Sunday of July for a second Sunday of July; for a fifth one the last there is.

    Example: 2027-07-11 (the second Sunday) becomes 2028-07-09.
    """
    first = date(day.year + 1, day.month, 1)
    to_weekday = timedelta(days=(day.weekday() - first.weekday()) % 7)
    found = first + to_weekday + ONE_WEEK * ((day.day - 1) // 7)
    return found if found <= month_end(first) else found - ONE_WEEK


def year_of(start: int) -> tuple[date, date]:
    """First and last day of the fiscal year that begins in a year."""
    first = date(start, 4, 1)
    return first, fiscal_year_end(first)


def copied_by_default(today: date) -> int:
    """The fiscal year that is copied when nobody says otherwise.

    From October on people plan the next fiscal year, before that they complete this one.
    """
    start = fiscal_year_start(today)
    planning = today >= start.replace(month=10)
    return start.year if planning else start.year - 1
