"""A scenario brought to the level that somebody has counted: how many are registered, how often they come.

Two numbers are moved, and nothing else: how many people the scenario has, and how many occasions a
body offers (`calendar`, which all visits are proportional to). What follows from them (premium,
refusals, releases) is the model's and can be compared with what was counted.
"""

from dataclasses import dataclass
from typing import Any

from registry.rules.policy import PolicyBook
from simulation import measures as ms
from simulation.parts import Job, run_parts, with_coupling
from simulation.scenario import Scenario
from simulation.summary import series_of
from simulation.world import prepare

#: Each round measures with the numbers of the one before; more visits change who stays.
ROUNDS = 3
MONTHS = 12
#: A programme is not made a thousand times larger because of one strange count.
_LEAST, _MOST = 0.02, 20.0


@dataclass(frozen=True, slots=True)
class Level:
    """What was counted on the first day of a month.

    Attributes:
        held: Registrations, of both kinds.
        came: Participations of the months before; None: nobody has counted them.
        months: How many months `came` speaks about.
    """

    held: float
    came: float | None
    months: int = MONTHS


@dataclass(frozen=True, slots=True)
class Sample:
    """With whom one measures: how long, how many, whose luck (the mean of some)."""

    months: int
    people: int
    seeds: tuple[int, ...] = (1,)


@dataclass(frozen=True, slots=True)
class Fit:
    """The scenario moved to the level, and what the model then shows on that day, in full size."""

    scenario: Scenario
    held: float
    came: float
    premium: float


def measured(
    scenario: Scenario, book: PolicyBook, sample: Sample, months: int
) -> tuple[float, float, float]:
    """Registrations, participations of the last months and premium, in the scenario's full size."""
    setting = prepare(scenario, book, months=sample.months)
    jobs = [
        Job(with_coupling(setting, seed, sample.people), seed, sample.people)
        for seed in sample.seeds
    ]
    series = sum(series_of(run_parts(job)[0]).sum(axis=1) for job in jobs)
    weight = scenario.people.value / sample.people / len(jobs)
    held = float(series[-1, ms.BASIC] + series[-1, ms.PREMIUM])
    came = float(series[-months:, ms.CHECK_INS].sum())
    return held * weight, came * weight, float(series[-1, ms.PREMIUM]) * weight


def fitted(scenario: Scenario, book: PolicyBook, level: Level, sample: Sample) -> Fit:
    """The scenario with as many people, and as many occasions, as give the level after some months."""
    held, came, premium = measured(scenario, book, sample, level.months)
    for _ in range(ROUNDS):
        people = level.held / held if held else 1.0
        often = 1.0
        if level.came is not None and came:
            often = (level.came / max(level.held, 1e-9)) / (came / held)
        scenario = moved(scenario, people, often)
        held, came, premium = measured(scenario, book, sample, level.months)
    return Fit(scenario, held, came, premium)


def moved(scenario: Scenario, people: float, often: float) -> Scenario:
    """So many times as many people, who find so many times as many occasions."""
    types: dict[str, Any] = {}
    for name, type_ in scenario.types.items():
        calendar = min(_MOST, max(_LEAST, type_.calendar.value * often))
        types[name] = type_.model_copy(update={"calendar": _value(type_.calendar, calendar)})
    return scenario.model_copy(
        update={
            "people": _value(scenario.people, scenario.people.value * people),
            "types": types,
        }
    )


def _value(figure: Any, value: float) -> Any:
    return figure.model_copy(update={"value": value})
