"""Reads the figures from `figures.yaml`, where each is defined once, for people and machines (R17)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import yaml

FIGURES_FILE: Final = Path(__file__).parent / "figures.yaml"
#: The part of a figure that holds what is in no other: it is hidden along with small cells.
UNKNOWN: Final = "unknown"
TOTAL: Final = "total"


class Group(StrEnum):
    """Figures whose small cells are hidden together, and how."""

    PEOPLE = "people"
    DISTINCT = "distinct"
    ORIGIN = "origin"
    WORK = "work"
    OWN = ""


@dataclass(frozen=True, slots=True)
class Words:
    """A text in the languages of the dictionary."""

    ja: str
    en: str

    def said(self, lang: str) -> str:
        """In the language of a reader; やさしい日本語 is Japanese."""
        return self.en if lang == "en" else self.ja


#: The stages of a cohort in their order, and the cells that several figures share.
STAGES: Final[Mapping[str, Words]] = MappingProxyType(
    {
        "basic": Words("登録だけ", "Registered only"),
        "activity": Words("活動に参加", "Took part"),
        "premium": Words("プレミアム登録", "Premium"),
        "stay": Words("長期滞在", "Long stay"),
    }
)
SHARED: Final[Mapping[str, Words]] = MappingProxyType(
    {TOTAL: Words("合計", "Total"), UNKNOWN: Words("わからない", "Not known")}
)


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure.

    Attributes:
        name: As tables, files and addresses call it.
        title: As people call it.
        meaning: What is counted, and what is not.
        unit: Of the values.
        source: Tables it is counted from.
        group: How it is published; `Group.OWN`: never.
        cells: Its parts in their order; None when they are made by the data.
        sql: Counts it for one local government.
    """

    name: str
    title: Words
    meaning: Words
    unit: Words
    source: tuple[str, ...]
    group: Group
    cells: Mapping[str, Words] | None
    sql: str


@cache
def figures() -> Mapping[str, Figure]:
    """All figures by name, in the order of the file."""
    with FIGURES_FILE.open(encoding="utf-8") as file:
        read: Mapping[str, Any] = yaml.safe_load(file)
    return {name: _figure(name, entry) for name, entry in read.items()}


def _figure(name: str, entry: Mapping[str, Any]) -> Figure:
    cells = entry["cells"]
    return Figure(
        name=name,
        title=Words(**entry["name"]),
        meaning=Words(**entry["meaning"]),
        unit=Words(**entry["unit"]),
        source=tuple(part.strip() for part in entry["source"].split(",")),
        group=Group(entry["group"]),
        cells=None if cells == "open" else {key: Words(**said) for key, said in cells.items()},
        sql=entry["sql"],
    )


def of_group(group: Group) -> tuple[str, ...]:
    """Names of the figures of a group."""
    return tuple(one.name for one in figures().values() if one.group is group)
