"""A back-test: the later months of a run are foretold from its first, at a level nobody assumed."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from registry.policybook import load_policy
from simulation import measures as ms
from simulation import trying  # noqa: F401 - its commands join the console
from simulation.backtest import Observed, backtest, read
from simulation.console import cli
from simulation.run import Order, simulate
from simulation.scenario import ScenarioError, load_scenario

TRUTH = {
    "name": "truth",
    "like": "pioneer",
    "people": {"value": 9000, "assumption": "a test's"},
    "types": {"pioneer": {"calendar": {"value": 2.5, "assumption": "a test's"}}},
}
SEEDS = (101, 102, 103)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose people and occasions are others than the scenario says."""
    path = tmp_path_factory.mktemp("truth")
    (path / "truth.yaml").write_text(yaml.safe_dump(TRUTH), encoding="utf-8")
    order = Order(str(path / "truth.yaml"), people=3000, months=42, seed=7)
    simulate(order, path / "out")
    return path / "out"


def test_later_months_are_foretold_within_the_stated_error(folder: Path) -> None:
    """Fitted on two years, the next one and a half hold; without a fit they would be far off."""
    observed = read(folder)
    found = backtest(load_scenario("pioneer"), load_policy(), observed, 24, seeds=SEEDS)
    assert found["holds"], found["figures"]
    assert found["foretold_months"] == 18
    rows = {row["figure"]: row for row in found["figures"]}
    assert abs(rows["held_at_end"]["off"]) < 0.10
    low, high = rows["check_ins"]["interval"]
    assert low < rows["check_ins"]["foretold"] < high
    # What is assumed, 22,000 people, is more than twice the truth: the fit has found it out.
    assert rows["held_at_end"]["foretold"] < 0.6 * 22_000


def test_a_world_that_changes_is_not_foretold(folder: Path) -> None:
    """When participations double in the months held out, the back-test says that it does not hold."""
    observed = read(folder)
    series = observed.series.copy()
    series[24:, ms.CHECK_INS] *= 3
    found = backtest(
        load_scenario("pioneer"), load_policy(), Observed(series, observed.people), 24, seeds=SEEDS
    )
    assert not found["holds"]
    wrong = [row["figure"] for row in found["figures"] if not row["holds"]]
    assert wrong == ["check_ins"]


def test_what_cannot_be_tested_back_is_said(folder: Path, tmp_path: Path) -> None:
    """No results, too few months, nobody registered; the console prints its table."""
    scenario, book, observed = load_scenario("pioneer"), load_policy(), read(folder)
    with pytest.raises(ScenarioError, match="no results"):
        read(tmp_path)
    with pytest.raises(ScenarioError, match="can be known"):
        backtest(scenario, book, observed, 42)
    empty = Observed(np.zeros_like(observed.series), 10)
    with pytest.raises(ScenarioError, match="Nobody"):
        backtest(scenario, book, empty, 24)
    arguments = ["--observed", str(folder), "--scenario", "pioneer", "--known", "24"]
    told = CliRunner().invoke(cli, ["backtest", *arguments, "--out", str(tmp_path)])
    assert told.exit_code == 0, told.output
    assert "foretold" in told.output
    assert (tmp_path / "backtest.json").exists()
