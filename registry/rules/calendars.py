"""Japanese days, months and years as the Civil Code counts them."""

import calendar
import re
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone

# Japan has had one offset and no summer time since 1951.
JST = timezone(timedelta(hours=9), "JST")
MONTHS_PER_YEAR = 12
APRIL = 4
SATURDAY = 5
_LENGTH = re.compile(r"P(?:(\d{1,2})Y)?(?:(\d{1,3})M)?")


def japan_day(instant: datetime) -> date:
    """The Japanese calendar day of an aware instant. Raises ValueError for a naive one."""
    if instant.tzinfo is None:
        raise ValueError("An instant needs its time zone.")
    return instant.astimezone(JST).date()


def months_of(length: str) -> int:
    """R14: months of an ISO 8601 length in years and months, such as P1Y. Raises ValueError."""
    match = _LENGTH.fullmatch(length)
    years, months = match.groups() if match else (None, None)
    total = int(years or 0) * MONTHS_PER_YEAR + int(months or 0)
    if total == 0:
        raise ValueError(f"{length!r} is no length in years and months such as P1Y.")
    return total


def add_months(day: date, months: int) -> date:
    """The corresponding day so many months later; the month's last day where there is none."""
    year, month = divmod(day.year * MONTHS_PER_YEAR + day.month - 1 + months, MONTHS_PER_YEAR)
    return date(year, month + 1, min(day.day, month_length(year, month + 1)))


def working_days_after(day: date, days: int, is_holiday: Callable[[date], bool]) -> date:
    """The so-manieth day after it on which offices work; `is_holiday` knows national holidays."""
    while days:
        day += timedelta(days=1)
        days -= day.weekday() < SATURDAY and not is_holiday(day)
    return day


def month_length(year: int, month: int) -> int:
    return calendar.monthrange(year, month)[1]


def month_end(day: date) -> date:
    return day.replace(day=month_length(day.year, day.month))


def fiscal_year_end(day: date) -> date:
    """The 31 March on or after the day."""
    return date(day.year + (day.month >= APRIL), APRIL, 1) - timedelta(days=1)


def fiscal_year_start(day: date) -> date:
    """The 1 April on or before the day."""
    return date(day.year - (day.month < APRIL), APRIL, 1)
