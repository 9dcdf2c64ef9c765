"""A policy tried: the same people with the same luck, under the law as it is and as it might be.

Each seed is another draw of people; a difference is taken within a seed, and the interval says how
far it varies between seeds (Student's t, 95 %).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from simulation import measures as ms
from simulation.parts import Job, run_parts
from simulation.run import Order, job_of
from simulation.summary import after, summarise

#: Two-sided 95 % of Student's t by degrees of freedom.
_T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
_NORMAL = 1.96
_EVER, _LAST_DAY = 4, ms.N_FUNNEL
SHOWN = (
    "registrations",
    "check_ins",
    "applications",
    "refusals",
    "grants",
    "renewals",
    "graces",
    "lapses",
    "releases",
    "notices",
    "reviews",
    "support_yen",
)


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure under both laws: means over the seeds, and the interval of the difference."""

    name: str
    base: float
    changed: float
    difference: float
    low: float
    high: float

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "name": self.name,
            "base": round(self.base, 2),
            "changed": round(self.changed, 2),
            "difference": round(self.difference, 2),
            "interval": [round(self.low, 2), round(self.high, 2)],
        }


def t_value(n: int) -> float:
    """Student's t for the 95 % interval of the mean of so many values, two at least."""
    return _T[n - 2] if n - 2 < len(_T) else _NORMAL


def difference_of(name: str, base: Sequence[float], changed: Sequence[float]) -> Difference:
    """The mean difference of pairs with its interval; one pair alone has none."""
    gaps = np.asarray(changed, dtype=np.float64) - np.asarray(base, dtype=np.float64)
    middle, n = float(gaps.mean()), len(gaps)
    half = math.inf
    if n > 1:
        half = t_value(n) * float(gaps.std(ddof=1)) / math.sqrt(n)
    return Difference(
        name,
        float(np.mean(base)),
        float(np.mean(changed)),
        middle,
        middle - half,
        middle + half,
    )


def compare(
    order: Order,
    changes: Mapping[str, Any],
    seeds: int,
    *,
    skip: int = 0,
    processes: int = 1,
    tick: Callable[[int], None] = lambda _: None,
) -> dict[str, Any]:
    """Both laws for each seed: differences, who would gain or be lost, hours, supports.

    Args:
        order: What is lived; its `since` says from which day the changes hold.
        changes: The settings that are tried.
        seeds: How many draws of people.
        skip: Months before the changes, whose figures are left out.
        processes: How many processes share the work.
        tick: Told the number of people done.

    Raises:
        ScenarioError: The scenario cannot be used.
        PolicyError: A setting cannot be used.
    """
    pairs, moved = [], []
    people = 0
    for seed in range(1, seeds + 1):
        base = job_of(replace(order, seed=seed))
        other = job_of(replace(order, seed=seed, changes=changes))
        people = base.people
        first, flags = _lived(base, skip, processes, tick)
        second, new = _lived(other, skip, processes, tick)
        pairs.append((first, second))
        moved.append(_moved(flags, new))
    figures = [
        difference_of(name, *_columns(pairs, name, "totals")).to_json() for name in SHOWN
    ] + [
        difference_of(f"{name}_at_end", *_columns(pairs, name, "at_end")).to_json()
        for name in ms.STOCKS
    ]
    return {
        "scenario": pairs[0][0]["scenario"],
        "changes": dict(changes),
        "people": people,
        "weight": pairs[0][0]["run"]["weight"],
        "seeds": seeds,
        "figures": figures,
        "who": {name: round(float(np.mean([m[name] for m in moved])), 1) for name in moved[0]},
        "sizes": _by(
            pairs, "sizes", "size", ("staff_hours", "staff_hours_per_body", "support_yen")
        ),
        "ties": _by(pairs, "ties", "tie", ("premium", "renewed")),
    }


def _lived(
    job: Job, skip: int, processes: int, tick: Callable[[int], None]
) -> tuple[dict[str, Any], np.ndarray[Any, np.dtype[np.int64]]]:
    counts, flags = run_parts(job, processes=processes, tick=tick)
    summary = summarise(job, counts)
    return (summary | after(job, counts, skip) if skip else summary), flags


def _moved(
    base: np.ndarray[Any, np.dtype[np.int64]], new: np.ndarray[Any, np.dtype[np.int64]]
) -> dict[str, int]:
    """The same persons under both laws."""
    found = {}
    for name, bit in (("ever_premium", _EVER), ("premium_on_the_last_day", _LAST_DAY)):
        before, after = (base >> bit) & 1, (new >> bit) & 1
        found[f"gain_{name}"] = int(((before == 0) & (after == 1)).sum())
        found[f"lose_{name}"] = int(((before == 1) & (after == 0)).sum())
    return found


def _columns(
    pairs: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]], name: str, table: str
) -> tuple[list[float], list[float]]:
    return [a[table][name] for a, _ in pairs], [b[table][name] for _, b in pairs]


def _by(
    pairs: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]],
    table: str,
    key: str,
    names: Sequence[str],
) -> list[dict[str, Any]]:
    rows = []
    for at, row in enumerate(pairs[0][0][table]):
        for name in names:
            base = [a[table][at][name] for a, _ in pairs]
            changed = [b[table][at][name] for _, b in pairs]
            rows.append({key: row[key]} | difference_of(name, base, changed).to_json())
    return rows
