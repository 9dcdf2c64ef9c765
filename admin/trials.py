"""A policy that was tried, as staff read it: what changes, how surely, for whom (R33)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from admin import words
from core import formats
from core.texts import Translate
from reporting.models import PolicyTrial

#: The rows of the page in their order; what a body never sees move is left out by the page.
ROWS: Final = (
    "premium_at_end",
    "grants",
    "renewals",
    "lapses",
    "basic_at_end",
    "releases",
    "check_ins",
    "refusals",
    "reviews",
    "notices",
)
WORK: Final = ("staff_hours", "support_yen")
#: Below this a figure is told with one digit after the point.
_SMALL: Final = 100
#: The field of the form for what the model calls a change.
FIELDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "premium.required": "required",
        "dormancy.months": "dormancy",
        "decision.all": "mode",
        "premium.cap": "cap",
        "renewal.grace_days": "grace",
    }
)
_UNITS: Final[Mapping[str, str]] = MappingProxyType(
    {"required": "counts", "dormancy": "months", "cap": "bodies", "grace": "days"}
)


@dataclass(frozen=True, slots=True)
class Moved:
    """One figure as it is and as it would be."""

    label: str
    base: str
    changed: str
    difference: str
    interval: str
    way: str


@dataclass(frozen=True, slots=True)
class Shown:
    """Everything the page tells of one answer."""

    figures: Sequence[Moved]
    ties: Sequence[Moved]
    who: Mapping[str, str]
    fit: Sequence[tuple[str, str, str]]
    up: Sequence[str]
    down: Sequence[str]


def number(value: float) -> str:
    """A figure of a model: no more digits than it is worth."""
    exact = round(value, 1) if abs(value) < _SMALL else round(value)
    return formats.number(int(exact) if exact == int(exact) else exact)


def signed(value: float) -> str:
    """A difference with its sign."""
    told = number(abs(value))
    if told == "0":
        return told
    return f"+{told}" if value > 0 else f"−{told}"


def _moved(say: Translate, family: str, name: str, row: Mapping[str, Any]) -> Moved:
    low, high = row["interval"]
    way = "same" if not row["difference"] and not low and not high else "open"
    if low > 0 or high < 0:
        way = "more" if row["difference"] > 0 else "less"
    return Moved(
        label=words.word(say, family, name),
        base=number(row["base"]),
        changed=number(row["changed"]),
        difference=signed(row["difference"]),
        interval=f"{signed(low)} … {signed(high)}",
        way=way,
    )


def shown(say: Translate, result: Mapping[str, Any]) -> Shown:
    """An answer of the model in the reader's words."""
    found = {row["name"]: row for row in [*result["figures"], *result["sizes"]]}
    figures = [_moved(say, "tried", name, found[name]) for name in (*ROWS, *WORK)]
    return Shown(
        figures=figures,
        ties=[
            _moved(say, "tie", row["tie"], row)
            for row in result["ties"]
            if row["name"] == "premium"
        ],
        who={name: number(value) for name, value in result["who"].items()},
        fit=[
            (words.word(say, "tried", row["figure"]), number(row["counted"]), number(row["model"]))
            for row in result["fit"]
        ],
        up=[row.label for row in figures if row.way == "more"],
        down=[row.label for row in figures if row.way == "less"],
    )


def changes(say: Translate, row: PolicyTrial) -> list[tuple[str, str]]:
    """What was tried, each as its name and its value in words."""
    found = []
    for name, value in row.question["changes"].items():
        field = FIELDS[name]
        if field == "mode":
            told = words.word(say, "mode", value)
        else:
            told = words.word(say, "unit", _UNITS[field]).format(value=formats.number(value))
        found.append((words.word(say, "try_field", field), told))
    return found
