"""The figures as pages show them: sections of labelled rows, in the reader's words (R17)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from core.tiles import Tile, tiles
from reporting import reading
from reporting.definitions import SHARED, STAGES, TOTAL, UNKNOWN, figures
from reporting.reading import Counts

#: Figures shown as bars, in the order of the page.
BARS = ("registrations", "people", "funnel", "revisits", "staff_minutes", "apart")


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a chart and of its table; a value of None is hidden."""

    label: str
    value: int | None
    key: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """One figure of one place."""

    name: str
    title: str
    meaning: str
    unit: str
    lines: Sequence[Line]

    @property
    def most(self) -> int:
        """The longest bar."""
        return max((line.value or 0 for line in self.lines), default=0)

    @property
    def leading(self) -> Line | None:
        """The line with the most, when it is the only one; a sum leads nothing."""
        found = [one for one in self.lines if one.key != TOTAL and one.value]
        most = max((one.value or 0 for one in found), default=0)
        leads = [one for one in found if one.value == most]
        return leads[0] if len(leads) == 1 and len(found) > 1 else None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to draw."""
        return all(line.value == 0 for line in self.lines)

    @property
    def is_hidden(self) -> bool:
        """Whether no number is shown."""
        return not any(line.value for line in self.lines)


@dataclass(frozen=True, slots=True)
class Cohort:
    """Those who registered in one fiscal year, by the furthest stage."""

    year: int
    stages: Sequence[int | None]

    @property
    def is_hidden(self) -> bool:
        """Whether no part is shown."""
        return not any(self.stages)

    @property
    def total(self) -> int | None:
        """How many there are; unknown where a part is hidden."""
        return None if None in self.stages else sum(one or 0 for one in self.stages)


@dataclass(frozen=True, slots=True)
class Shown:
    """Everything a page draws of one place."""

    counts: Counts
    bars: Mapping[str, Section]
    cohorts: Sequence[Cohort]
    origin: Section
    tiles: Sequence[Tile]
    parts: Sequence[reading.Part] = ()

    def sum_of_parts(self, cell: str) -> int | None:
        """What the parts of a place come to; unknown while one of them is hidden."""
        values = [part.of("registrations", cell) for part in self.parts]
        return None if None in values else sum(one or 0 for one in values)


def shown(
    counts: Counts,
    names: Mapping[str, str],
    lang: str,
    parts: Sequence[reading.Part] = (),
) -> Shown:
    """Counts in the reader's words."""
    return Shown(
        counts=counts,
        bars={
            name: section(counts, name, lang)
            for name in BARS
            if name in counts.cells or name == "registrations"
        },
        cohorts=_cohorts(counts),
        origin=_origin(counts, names, lang),
        tiles=tiles(counts.of("origin"), names),
        parts=parts,
    )


def section(counts: Counts, name: str, lang: str) -> Section:
    """A figure with fixed parts; its sum leads where it is published with the parts."""
    cells = counts.of(name)
    lines = [Line(SHARED[TOTAL].said(lang), cells[TOTAL], TOTAL)] if TOTAL in cells else []
    lines += [
        Line(words.said(lang), cells.get(cell, 0), cell)
        for cell, words in (figures()[name].cells or {}).items()
    ]
    return described(name, lines, lang)


def described(name: str, lines: Sequence[Line], lang: str) -> Section:
    """Lines with the title, meaning and unit of their figure."""
    figure = figures()[name]
    return Section(
        name, figure.title.said(lang), figure.meaning.said(lang), figure.unit.said(lang), lines
    )


def _cohorts(counts: Counts) -> Sequence[Cohort]:
    """By fiscal year of registration, the last one first."""
    cells = counts.of("cohorts")
    years = sorted({int(cell.split("/")[0]) for cell in cells}, reverse=True)
    return [Cohort(year, [cells.get(f"{year}/{stage}", 0) for stage in STAGES]) for year in years]


def _origin(counts: Counts, names: Mapping[str, str], lang: str) -> Section:
    """Where registrants live: every prefecture with anybody, and those who did not say."""
    by_size = sorted(
        counts.of("origin").items(),
        key=lambda one: (one[0] == UNKNOWN, one[1] is None, -(one[1] or 0)),
    )
    lines = [
        Line(reading.cell_words("origin", cell, lang, names), value, cell)
        for cell, value in by_size
        if value != 0
    ]
    return described("origin", lines, lang)


def published(db: Session, level: str, code: str, names: Mapping[str, str], lang: str) -> Shown:
    """What was published last of a body, a prefecture or the nation, and of its parts."""
    below = {"nation": "prefecture", "prefecture": "body"}.get(level)
    inside = code if level == "prefecture" else None
    parts = reading.parts_of(db, below, inside) if below else ()
    return shown(reading.open_counts(db, level, code), names, lang, parts)


def words_of(lang: str) -> Mapping[str, Any]:
    """Names that charts of any place need."""
    cohorts = figures()["cohorts"]
    return {
        "stage_names": [words.said(lang) for words in STAGES.values()],
        "cohort_words": {
            "title": cohorts.title.said(lang),
            "meaning": cohorts.meaning.said(lang),
            "unit": cohorts.unit.said(lang),
        },
    }
