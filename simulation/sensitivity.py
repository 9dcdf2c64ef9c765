"""Which assumptions move the answer: each figure that is assumed, a quarter less and more."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from registry.policybook import load_policy
from simulation import measures as ms
from simulation.parts import Job, run_parts, with_coupling
from simulation.run import Order
from simulation.scenario import Scenario, load_scenario, scenario_from
from simulation.summary import series_of
from simulation.world import prepare

STEP = 0.25
OUTCOMES = ("registrations", "check_ins", "premium", "releases")


def candidates(scenario: Scenario) -> Iterator[tuple[str, ...]]:
    """Habits and ties that are assumed and not zero; shares of ties belong together and stay."""
    for name in type(scenario.habits).model_fields:
        yield ("habits", name)
    for name in ("visits", "access", "loss", "premium", "km"):
        yield ("ties", name)


def sensitivity(
    order: Order,
    *,
    places: Sequence[tuple[str, ...]] = (),
    tick: Callable[[int], None] = lambda _: None,
) -> list[dict[str, Any]]:
    """For each assumption, the outcomes at three quarters and five quarters, by the usual one.

    Raises:
        ScenarioError: The scenario cannot be used.
    """
    scenario = load_scenario(order.scenario)
    usual = _outcomes(scenario, order)
    rows = []
    for place in places or tuple(candidates(scenario)):
        found = {
            "low": _outcomes(_with(scenario, place, 1 - STEP), order),
            "high": _outcomes(_with(scenario, place, 1 + STEP), order),
        }
        row: dict[str, Any] = {"name": ".".join(place)}
        for name in OUTCOMES:
            ratio = {side: values[name] / max(1, usual[name]) for side, values in found.items()}
            row[name] = [round(ratio["low"] - 1, 3), round(ratio["high"] - 1, 3)]
        rows.append(row)
        tick(1)
    return sorted(rows, key=lambda row: -max(abs(v) for name in OUTCOMES for v in row[name]))


def _with(scenario: Scenario, place: tuple[str, ...], factor: float) -> Scenario:
    data = scenario.model_dump(by_alias=True)
    table, name = place
    parts = [data[table]] if table == "habits" else list(data[table].values())
    for part in parts:
        figure = part[name]
        top = 1.0 if 0 < figure["value"] <= 1 else float("inf")
        figure["value"] = min(top, figure["value"] * factor)
    return scenario_from(data)


def _outcomes(scenario: Scenario, order: Order) -> dict[str, int]:
    setting = prepare(scenario, load_policy(order.policy_dir), months=order.months)
    people = order.people or int(scenario.people.value)
    setting = with_coupling(setting, order.seed, people)
    counts, _ = run_parts(Job(setting, order.seed, people))
    series = series_of(counts)
    total, last = series.sum(axis=(0, 1)), series[-1].sum(axis=0)
    return {
        name: int((last if name in ms.STOCKS else total)[ms.METRICS.index(name)])
        for name in OUTCOMES
    }
