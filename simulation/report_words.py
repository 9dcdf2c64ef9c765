"""The words of the report in one of its two languages."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Final

from core import plainyaml
from core.formats import day

WORD_DIR: Final = Path(__file__).parent / "words"
LANGUAGES: Final = ("ja", "en")
_YEAR: Final = 12
_MONTHS_EN: Final = [
    "Jan",
    "Feb",
    "Mar",
    "Apr",
    "May",
    "Jun",
    "Jul",
    "Aug",
    "Sep",
    "Oct",
    "Nov",
    "Dec",
]


@cache
def read(name: str) -> Mapping[str, Any]:
    """One of the files of words."""
    words: Mapping[str, Any] = plainyaml.read(WORD_DIR / f"{name}.yaml")
    return words


@dataclass(frozen=True, slots=True)
class Words:
    """Sentences, names and numbers as readers of one language expect them."""

    lang: str

    def __call__(self, key: str, **facts: Any) -> str:
        """A sentence with its facts; whole numbers get their commas."""
        text: str = read("report")[key][self.lang]
        return text.format(
            **{name: f"{v:,}" if isinstance(v, int) else v for name, v in facts.items()}
        )

    def name(self, kind: str, code: str) -> str:
        """The word for a code, or the code itself when nobody has named it."""
        known = read("report").get(f"{kind}_{code}")
        return known[self.lang] if known else code

    def day(self, value: str) -> str:
        """A day of the results, with its weekday."""
        return day(date.fromisoformat(value), self.lang)

    def month(self, value: date) -> str:
        """A month with its year."""
        if self.lang == "ja":
            return f"{value.year}年{value.month}月"
        return f"{_MONTHS_EN[value.month - 1]} {value.year}"

    def year(self, number: int) -> str:
        """The first year is 1."""
        return self("year_nth", n=number)

    def length(self, months: int) -> str:
        """A number of months, as years where they are whole."""
        if months % _YEAR:
            return self("months_long", n=months)
        years = months // _YEAR
        return self("one_year") if years == 1 else self("years", n=years)

    def reason(self, text: str) -> str:
        """The reason of an assumption; one's own scenario is quoted as it is written."""
        return str(read("assumptions").get(text, text)) if self.lang == "ja" else text

    def prefecture(self, code: str, name: str) -> str:
        """A prefecture by its code and its Japanese name."""
        return name if self.lang == "ja" else str(read("prefectures")["en"][int(code[:2]) - 1])


def share(part: float, whole: float) -> str:
    """A part in per cent, with one digit when it is small."""
    if not whole:
        return "–"
    percent = 100 * part / whole
    return f"{percent:.0f}%" if percent >= 10 or percent == 0 else f"{percent:.1f}%"  # noqa: PLR2004 - two digits


def plain(value: float) -> str:
    """A number of any size, without digits that say nothing."""
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 100 else f"{value:,.3g}"  # noqa: PLR2004 - digits


def rounded(value: float) -> str:
    """A number of which three digits are meant."""
    return f"{float(f'{value:.3g}'):,.0f}"
