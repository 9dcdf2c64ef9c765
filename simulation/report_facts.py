"""What the report shows, gathered from a run; nothing here draws, words or rounds for the eye."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any, Final

import numpy as np

from registry.rules.parameters import Step
from registry.rules.policy import PolicyBook
from simulation import measures as ms
from simulation.fast import Ints
from simulation.parts import Counts, Job
from simulation.rulebook import SHORT
from simulation.summary import series_of, staff_hours
from simulation.world import Setting

#: Who set a value that no policy file holds.
OURS: Final = "simulation"
#: The settings that move the answer most; those that are tried are always added.
SHOWN: Final = (
    "premium.rule",
    "premium.window",
    "count.per_day",
    "activity.min_minutes",
    "premium.cap",
    "premium.term",
    "idv.level.premium",
    "decision.mode",
    "renewal.checks",
    "renewal.grace_days",
    "dormancy.months",
    "dormancy.notice_days",
    "dormancy.restore_months",
)


@dataclass(frozen=True, slots=True)
class Law:
    """One setting as it holds on the first day, for all types of bodies or for one."""

    key: str
    label: str
    about: str
    unit: str
    type: str
    value: Any
    document: str
    clause: str
    tried: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """A run: its summary, and its months as the series have them, all types together."""

    summary: Mapping[str, Any]
    months: tuple[date, ...]
    monthly: Mapping[str, tuple[int, ...]]
    held: tuple[int, ...]
    busiest: tuple[int, ...]
    staff: tuple[float, ...]
    laws: tuple[Law, ...]
    disasters: tuple[tuple[date, date], ...]

    @property
    def bodies(self) -> int:
        """How many bodies take part."""
        return sum(int(row["bodies"]) for row in self.summary["types"])

    @property
    def staff_total(self) -> float:
        """Hours of staff in the whole run, as the summary has them."""
        return round(sum(float(row["staff_hours"]) for row in self.summary["types"]), 1)


def facts_of(job: Job, counts: Counts, summary: Mapping[str, Any], book: PolicyBook) -> Facts:
    """Everything the page needs. `book` is the law of the run, with all that is tried."""
    setting = job.setting
    first = [date.fromordinal(int(day)) for day in setting.month_first]
    series = series_of(counts)
    both = series.sum(axis=1)
    weight = float(summary["run"]["weight"])
    days = counts.table("days")[:, ms.DAY_NOTICES]
    since = [(day - first[0]).days for day in first]
    return Facts(
        summary=summary,
        months=tuple(first[:-1]),
        monthly={name: tuple(int(v) for v in both[:, at]) for at, name in enumerate(ms.METRICS)},
        held=tuple(int(v) for v in both[:, ms.BASIC] + both[:, ms.PREMIUM]),
        busiest=tuple(int(days[a:b].max()) for a, b in pairwise(since)),
        staff=_staff(setting, series, weight),
        laws=tuple(_laws(setting, book)),
        disasters=tuple((found.first, found.last) for found in setting.scenario.disasters),
    )


def _staff(setting: Setting, series: Ints, weight: float) -> tuple[float, ...]:
    """Hours of staff by month, all types together; sessions begin when a type opens."""
    hours = np.zeros(setting.months)
    for at, name in enumerate(setting.types):
        given = setting.scenario.types[name]
        bodies = sum(1 for place in setting.places if place.type == name)
        held = given.hosts.value * given.sessions.value * bodies
        for month in range(setting.months):
            sessions = held if month >= int(given.opens_month.value) else 0
            hours[month] += staff_hours(setting.scenario, series[month, at], sessions, weight)
    return tuple(round(float(value), 1) for value in hours)


def _laws(setting: Setting, book: PolicyBook) -> list[Law]:
    scenario = setting.scenario
    changed = {SHORT.get(name, name) for name in setting.changes}
    rows: list[Law] = []
    for key in (*SHOWN, *sorted(changed - set(SHOWN))):
        parameter = book.parameter(key)
        steps: dict[str, Step] = {
            name: book.on(key, scenario.start, name) for name in setting.types
        }
        same = len({repr(step.value) for step in steps.values()}) == 1
        for name, step in list(steps.items())[: 1 if same else None]:
            rows.append(
                Law(
                    key=key,
                    label=parameter.label,
                    about=parameter.about,
                    unit=parameter.unit,
                    type="" if same else name,
                    value=step.value,
                    document=step.source.document,
                    clause=step.source.clause,
                    tried=key in changed and step.source.document == OURS,
                )
            )
    return rows
