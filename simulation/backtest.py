"""A back-test: the level of the first months is fitted, the months after it are foretold and compared.

What was observed is the folder of a rehearsal or a run (`series.csv` and `summary.json`). The model
is told nothing of it but the registrations of one day and the participations before it; how the
rest comes out is the test. `within` says how far off a figure may be (`STATED`) by the model's own
account; `interval` is where a repetition with other people's luck would lie (95 %).
"""

import csv
import json
import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from registry.rules.policy import PolicyBook
from simulation import measures as ms
from simulation.compare import t_value
from simulation.fast import Floats, Ints
from simulation.fitting import MONTHS, Level, Sample, fitted
from simulation.output import SERIES, SUMMARY
from simulation.parts import Job, run_parts, with_coupling
from simulation.scenario import Scenario, ScenarioError
from simulation.summary import series_of
from simulation.world import prepare

#: By figure: how it is read off the months, and the share by which it may be off.
STATED: Final[Mapping[str, tuple[str, float]]] = {
    "held_at_end": ("held", 0.10),
    "registrations": ("sum", 0.15),
    "check_ins": ("sum", 0.25),
    "premium_at_end": ("last", 0.40),
    "notices": ("sum", 0.20),
}
#: Seeds of the forecast: none is that of a ready run, whose people would be the very same.
SEEDS: Final = (101, 102, 103, 104, 105)


@dataclass(frozen=True, slots=True)
class Observed:
    """What happened: months × metrics in the scenario's full size, stocks as on the last day."""

    series: Floats
    people: int

    @property
    def months(self) -> int:
        """How many months were observed."""
        return len(self.series)


def read(folder: Path) -> Observed:
    """The series of a folder, all types together.

    Raises:
        ScenarioError: The folder holds no results.
    """
    try:
        run = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))["run"]
        with (folder / SERIES).open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, KeyError, ValueError) as error:
        raise ScenarioError(f"{folder}: no results of a run ({error}).") from None
    by_month: dict[str, Floats] = defaultdict(lambda: np.zeros(ms.N_METRICS))
    for row in rows:
        by_month[row["month"]] += [float(row[name]) for name in ms.METRICS]
    return Observed(np.array(list(by_month.values())) * run["weight"], run["people"])


def backtest(
    scenario: Scenario,
    book: PolicyBook,
    observed: Observed,
    known: int,
    *,
    seeds: Sequence[int] = SEEDS,
    tick: Callable[[int], None] = lambda _: None,
) -> dict[str, Any]:
    """Fit the first months, foretell the others.

    Args:
        scenario: What is assumed; its level need not be right.
        book: The nation's numbers.
        observed: What happened.
        known: So many months are seen by the fit.
        seeds: Of the forecast.
        tick: Told each seed that is done.

    Raises:
        ScenarioError: There is nothing to fit, or nothing left to foretell.
    """
    if not MONTHS <= known < observed.months:
        raise ScenarioError(f"Between {MONTHS} and {observed.months - 1} months can be known.")
    seen = observed.series[:known]
    held = float(seen[-1, ms.BASIC] + seen[-1, ms.PREMIUM])
    if not held:
        raise ScenarioError("Nobody is registered in the months that are known.")
    level = Level(held, float(seen[:, ms.CHECK_INS].sum()), known)
    fit = fitted(scenario, book, level, Sample(known, observed.people, tuple(seeds)))
    found: dict[str, list[float]] = {name: [] for name in STATED}
    for seed in seeds:
        series = _lived(fit.scenario, book, observed, seed)
        for name, value in _figures(series, known).items():
            found[name].append(value)
        tick(1)
    rows = [
        _row(name, found[name], value) for name, value in _figures(observed.series, known).items()
    ]
    return {
        "scenario": scenario.name,
        "known_months": known,
        "foretold_months": observed.months - known,
        "people": observed.people,
        "seeds": len(seeds),
        "figures": rows,
        "holds": all(row["holds"] for row in rows),
    }


def _lived(scenario: Scenario, book: PolicyBook, observed: Observed, seed: int) -> Floats:
    setting = prepare(scenario, book, months=observed.months)
    job = Job(with_coupling(setting, seed, observed.people), seed, observed.people)
    counts: Ints = series_of(run_parts(job)[0]).sum(axis=1)
    return np.asarray(counts * (scenario.people.value / observed.people), dtype=np.float64)


def _figures(series: Floats, known: int) -> dict[str, float]:
    later, found = series[known:], {}
    for name, (way, _) in STATED.items():
        if way == "held":
            found[name] = float(later[-1, ms.BASIC] + later[-1, ms.PREMIUM])
        elif way == "last":
            found[name] = float(later[-1, ms.PREMIUM])
        else:
            found[name] = float(later[:, ms.METRICS.index(name)].sum())
    return found


def _row(name: str, values: Sequence[float], observed: float) -> dict[str, Any]:
    """One figure: it holds inside the stated error, or where another draw of people would lie."""
    middle, n = float(np.mean(values)), len(values)
    spread = float(np.std(values, ddof=1)) * math.sqrt(1 + 1 / n) * t_value(n)
    off = middle / observed - 1 if observed else math.inf
    low, high = middle - spread, middle + spread
    within = STATED[name][1]
    return {
        "figure": name,
        "observed": round(observed, 1),
        "foretold": round(middle, 1),
        "interval": [round(low, 1), round(high, 1)],
        "off": round(off, 4) if observed else None,
        "within": within,
        "holds": abs(off) <= within or low <= observed <= high,
    }
