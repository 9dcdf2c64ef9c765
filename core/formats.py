"""Dates, times and numbers as people read them, in Japanese and in English.

Instants are judged and shown in Japan time (rules.md, first lines); no function here reads a clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Final

from core.clock import JAPAN, japan_day

_WEEKDAYS_JA: Final = "月火水木金土日"
_WEEKDAYS_EN: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS_EN: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
# First day of each era since the calendar became solar (元号を改める政令 and its predecessors).
_ERAS: Final = (
    (date(2019, 5, 1), "令和"),
    (date(1989, 1, 8), "平成"),
    (date(1926, 12, 25), "昭和"),
    (date(1912, 7, 30), "大正"),
    (date(1873, 1, 1), "明治"),
)
_MEIJI_FIRST_YEAR: Final = 1868


def japan_date(value: date) -> date:
    """The Japanese calendar day of a date (itself) or of an aware instant."""
    return japan_day(value) if isinstance(value, datetime) else value


def day(value: date, lang: str = "ja", *, year: bool = True) -> str:
    """A day with its weekday: 2026年11月21日（土） or Sat 21 November 2026."""
    when = japan_date(value)
    if lang == "en":
        text = f"{_WEEKDAYS_EN[when.weekday()]} {when.day} {_MONTHS_EN[when.month - 1]}"
        return f"{text} {when.year}" if year else text
    text = f"{when.month}月{when.day}日（{_WEEKDAYS_JA[when.weekday()]}）"
    return f"{when.year}年{text}" if year else text


def clock_time(value: datetime, lang: str = "ja") -> str:
    """The Japan time of an aware instant: 9時30分, 9時, or 9:30 in English."""
    local = value.astimezone(JAPAN)
    if lang == "en":
        return f"{local.hour}:{local.minute:02d}"
    return f"{local.hour}時{local.minute:02d}分" if local.minute else f"{local.hour}時"


def moment(value: datetime, lang: str = "ja") -> str:
    """Day and time of an aware instant: 2026年11月21日（土） 9時30分."""
    return f"{day(value, lang)} {clock_time(value, lang)}"


def span(start: datetime, end: datetime, lang: str = "ja") -> str:
    """From start to end; the day is said once when both are on the same Japanese day."""
    joint = "–" if lang == "en" else "～"
    if japan_date(start) == japan_date(end):
        return f"{moment(start, lang)}{joint}{clock_time(end, lang)}"
    return f"{moment(start, lang)}{joint}{moment(end, lang)}"


def era_year(value: date) -> str:
    """The year in the Japanese era of that day: 令和8年, 令和元年.

    Raises:
        ValueError: before the solar calendar of 1873.
    """
    when = japan_date(value)
    for first_day, name in _ERAS:
        if when >= first_day:
            first_year = _MEIJI_FIRST_YEAR if name == "明治" else first_day.year
            count = when.year - first_year + 1
            return f"{name}{'元' if count == 1 else count}年"
    raise ValueError(f"{when.isoformat()} is before the solar calendar")


def era_day(value: date) -> str:
    """A day in its era: 令和8年11月21日."""
    when = japan_date(value)
    return f"{era_year(when)}{when.month}月{when.day}日"


def number(value: float) -> str:
    """A number with thousands separators: 12,345."""
    return f"{value:,}"


def listing(values: Iterable[object], lang: str = "ja") -> str:
    """Names side by side: 飛騨市、気仙沼市 or 飛騨市, 気仙沼市."""
    return (", " if lang == "en" else "、").join(str(value) for value in values)


def fact(value: object, lang: str = "ja") -> str:
    """A fact of a judgement as words, whatever its type (ISO days arrive as text from JSON)."""
    if isinstance(value, datetime):
        return moment(value, lang)
    if isinstance(value, date):
        return day(value, lang)
    if isinstance(value, int | float):
        return number(value)
    return _iso_fact(str(value), lang)


def _iso_fact(text: str, lang: str) -> str:
    """A text that is exactly an ISO day or an ISO instant with its offset, as a day or a moment."""
    iso_day_length = 10
    try:
        if len(text) == iso_day_length:
            return day(date.fromisoformat(text), lang)
        when = datetime.fromisoformat(text)
    except ValueError:
        return text
    return moment(when, lang) if when.tzinfo is not None else text
