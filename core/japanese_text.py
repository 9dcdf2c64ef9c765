"""Japanese text as people type it: full-width letters, many kinds of hyphen, years of eras (和暦)."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import date, time, timedelta
from types import MappingProxyType
from typing import Final

#: How people type the stroke between groups of digits.
_STROKES: Final = re.compile("[-‐‑‒–—―−ー－ｰ─━]")
#: Letters of a family's own name: another shape is another name (髙, 﨑, 神).
_OWN_SHAPES: Final = re.compile("([\uf900-\ufaff\U0002f800-\U0002fa1f]+)")
#: First day of an era, its signs, and the last day of it.
_ERAS: Final[Mapping[str, tuple[date, date]]] = MappingProxyType(
    {
        "M": (date(1868, 1, 25), date(1912, 7, 29)),
        "T": (date(1912, 7, 30), date(1926, 12, 24)),
        "S": (date(1926, 12, 25), date(1989, 1, 7)),
        "H": (date(1989, 1, 8), date(2019, 4, 30)),
        "R": (date(2019, 5, 1), date(2200, 12, 31)),
    }
)
_SIGNS: Final = MappingProxyType(
    {"明治": "M", "大正": "T", "昭和": "S", "平成": "H", "令和": "R"}
    | {"明": "M", "大": "T", "昭": "S", "平": "H", "令": "R"}
)
_PARTS: Final = r"(\d{1,4}|元)[年./-](\d{1,2})[月./-](\d{1,2})日?"
_OF_ERA: Final = re.compile(
    rf"(明治|大正|昭和|平成|令和|[明大昭平令]|[MTSHR])\.?{_PARTS}", re.IGNORECASE
)
_WESTERN: Final = re.compile(r"(\d{4})[年./-](\d{1,2})[月./-](\d{1,2})日?")
_CLOCK: Final = re.compile(r"[T ]\d{1,2}:\d{2}(:\d{2})?$")
_WEEKDAY: Final = re.compile(r"\([月火水木金土日][^)]*\)$")
_TOGETHER: Final = re.compile(r"(\d{4})(\d{2})(\d{2})")
#: A spreadsheet counts days; five digits are the years 1927 to 2173.
_SERIAL: Final = re.compile(r"\d{5}")
_SERIAL_BEGIN: Final = date(1899, 12, 30)
_YEARS: Final = (1868, 2200)
#: A day of a year that stands above the table: 4月5日, 4/5.
_NO_YEAR: Final = re.compile(r"(\d{1,2})[月./-](\d{1,2})日?")
#: A day, its weekday, and what is written after it.
_DAY_AND_REST: Final = re.compile(r"([^(]*?日|[^\s(]+)\s*(?:\([^)]*\))?\s*(.*)")
_FISCAL_YEAR: Final = re.compile(r"(?:(令和|R)\.?(\d{1,2}|元)|(20\d\d))年度", re.IGNORECASE)
_TIME: Final = re.compile(
    r"(午前|午後|AM|PM)?(正午|(\d{1,2})(?::(\d{2})(?::\d{2}(?:\.\d+)?)?|時(?:(半)|(\d{1,2})分)?))",
    re.IGNORECASE,
)
#: What stands between two times of a day and after them.
_BETWEEN: Final = re.compile(r"[~〜～-]|から|より|まで|頃|ごろ")
#: An end whose beginning nobody wrote: 〜12時, 12時まで.
_ONLY_AN_END: Final = re.compile(r"[~〜～-].*|[^~〜～-]*まで")
_APRIL: Final = 4
_NOON: Final = 12
_HOURS: Final = 24


def plain(text: str) -> str:
    """Half-width digits and letters, full-width katakana, one blank; kanji as they were written."""
    if text.isascii():
        return " ".join(text.split())
    parts = _OWN_SHAPES.split(text)
    folded = (
        part if odd % 2 else unicodedata.normalize("NFKC", part) for odd, part in enumerate(parts)
    )
    return " ".join("".join(folded).split())


def code(text: str) -> str:
    """A telephone number, a postal code, a member's number: half-width, with plain strokes."""
    return _STROKES.sub("-", plain(text)).replace(" ", "")


def day(text: str) -> date | None:
    """A day as offices write it, or None when it is none.

    Example: `R8.4.1`, `令和８年４月１日`, `H31/4/30`, `平成元年1月8日`, `2026/4/1`, `46113`. A day
    beyond its era's end (H31/5/1) does not exist.
    """
    told = _WEEKDAY.sub("", _CLOCK.sub("", _STROKES.sub("-", plain(text)))).replace(" ", "")
    if match := _OF_ERA.fullmatch(told):
        return _of_era(*match.groups())
    if match := _WESTERN.fullmatch(told) or _TOGETHER.fullmatch(told):
        return _day(*map(int, match.groups()))
    if _SERIAL.fullmatch(told):
        return _SERIAL_BEGIN + timedelta(days=int(told))
    return None


def day_of_year(text: str, fiscal_year: int) -> date | None:
    """A day as `day` reads it, or one without its year, of a fiscal year from April to March."""
    told = _WEEKDAY.sub("", _STROKES.sub("-", plain(text))).replace(" ", "")
    if match := _NO_YEAR.fullmatch(told):
        month, day_ = int(match[1]), int(match[2])
        return _day(fiscal_year + (month < _APRIL), month, day_)
    return day(text)


def day_and_rest(text: str, fiscal_year: int) -> tuple[date | None, str]:
    """A day and what is written after it, such as its times: `4月5日（土）9時〜12時`."""
    whole = day_of_year(text, fiscal_year)
    match = _DAY_AND_REST.fullmatch(plain(text))
    if match is None or (whole is not None and not _CLOCK.search(plain(text))):
        return whole, ""
    return day_of_year(match[1], fiscal_year), match[2]


def fiscal_year_in(text: str) -> int | None:
    """The fiscal year that a title names: `令和９年度 行事予定`, `2027年度`."""
    match = _FISCAL_YEAR.search(plain(text).replace(" ", ""))
    if match is None:
        return None
    if match[3]:
        return int(match[3])
    return 2018 + (1 if match[2] == "元" else int(match[2]))


def times(text: str) -> tuple[time, ...] | None:
    """The times of a day in a cell, in order; None when it holds anything else, or an end alone.

    Example: `9:00`, `９時３０分`, `午後1時〜3時`, `10：00～15：30`, `正午〜3時`. The end of a day (`24:00`)
    is its midnight.
    """
    told = _STROKES.sub("-", plain(text)).replace(" ", "")
    found: list[time] = []
    afternoon = False
    for match in _TIME.finditer(told):
        read = _time(match, afternoon=afternoon)
        if read is None:
            return None
        afternoon = match[2] == "正午" or (match[1] or "").lower() in {"午後", "pm"}
        found.append(read)
    if len(found) == 1 and _ONLY_AN_END.fullmatch(told):
        return None
    rest = _BETWEEN.sub("", _TIME.sub("", told))
    return None if rest else tuple(found)


def _time(match: re.Match[str], *, afternoon: bool) -> time | None:
    if match[2] == "正午":
        return time(_NOON)
    sign, hour = (match[1] or "").lower(), int(match[3])
    minute = 30 if match[5] else int(match[4] or match[6] or 0)
    if (sign in {"午後", "pm"} or (afternoon and not sign)) and hour < _NOON:
        hour += _NOON
    if (hour, minute) == (_HOURS, 0):
        hour = 0
    try:
        return time(hour, minute)
    except ValueError:
        return None


def _of_era(sign: str, year: str, month: str, day_: str) -> date | None:
    first, last = _ERAS[_SIGNS.get(sign, sign.upper())]
    number = 1 if year == "元" else int(year)
    found = _day(first.year + number - 1, int(month), int(day_)) if number else None
    return found if found is not None and first <= found <= last else None


def _day(year: int, month: int, day_: int) -> date | None:
    if not _YEARS[0] <= year <= _YEARS[1]:
        return None
    try:
        return date(year, month, day_)
    except ValueError:
        return None
