"""A policy that is tried: differences with intervals; assumptions that are moved."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from simulation import trying  # noqa: F401 - its commands join the console
from simulation.compare import compare, difference_of
from simulation.console import changes_of, cli
from simulation.run import Order, simulate
from simulation.scenario import ScenarioError
from simulation.sensitivity import sensitivity


def test_a_difference_has_an_interval() -> None:
    """Student's t over the seeds: 2, 3 and 4 more are three more, give or take 2.48."""
    found = difference_of("x", [10, 20, 30], [12, 23, 34])
    assert found.difference == pytest.approx(3)
    assert found.high - found.difference == pytest.approx(4.303 / math.sqrt(3))


def test_one_count_instead_of_three() -> None:
    """More are granted, some gain and nobody is lost; the hours of each size are told."""
    order = Order("late", people=3000, months=48)
    found = compare(order, changes_of(["premium.required=1"]), seeds=2)
    figures = {row["name"]: row for row in found["figures"]}
    assert figures["grants"]["difference"] > 0
    # The same people with the same luck: whether they register does not hang on the requirement.
    assert figures["registrations"]["difference"] == 0
    assert found["who"]["gain_ever_premium"] > found["who"]["lose_ever_premium"]
    assert {row["size"] for row in found["sizes"]} == {"city"}
    assert {row["name"] for row in found["sizes"]} == {
        "staff_hours",
        "staff_hours_per_body",
        "support_yen",
    }
    nothing = compare(order, {"premium.required": 3}, seeds=2)
    assert all(row["difference"] == 0 for row in nothing["figures"])


def test_the_console_compares(tmp_path: Path) -> None:
    """`compare` prints the table and leaves compare.json and its page; what is no change is refused."""
    arguments = ["--base", "late", "--change", "dormancy.months=12", "--seeds", "2"]
    told = CliRunner().invoke(
        cli,
        ["compare", *arguments, "--people", "200", "--years", "3", "--out", str(tmp_path)],
    )
    assert told.exit_code == 0, told.output
    assert "releases" in told.output
    saved = json.loads((tmp_path / "compare.json").read_text(encoding="utf-8"))
    assert saved["changes"] == {"dormancy.months": 12}
    assert "dormancy.months = 12" in (tmp_path / "compare.html").read_text(encoding="utf-8")
    with pytest.raises(ScenarioError, match="name=value"):
        changes_of(["dormancy.months"])


def test_furusato_hands_over(tmp_path: Path) -> None:
    """`furusato simulate` is the simulation's own command; a slip is a sentence, not a traceback."""

    def furusato(*words: str) -> subprocess.CompletedProcess[str]:
        program = [sys.executable, "-c", "from app.cli import main; main()", "simulate", *words]
        return subprocess.run(program, capture_output=True, text=True, check=False)

    out = tmp_path / "late"
    done = furusato(
        "--scenario",
        "late",
        "--people",
        "60",
        "--years",
        "1",
        "--out",
        str(out),
        "--processes",
        "2",
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    # Two processes there, one here: the same to the last digit.
    assert summary == simulate(Order("late", people=60, months=12), tmp_path / "here")
    assert (out / "run.json").exists()
    wrong = furusato("--scenario", "late", "--change", "premium.capp=4", "--out", str(out))
    assert wrong.returncode == 2
    assert "premium.capp" in wrong.stderr
    assert "Traceback" not in wrong.stderr


def test_assumptions_are_moved() -> None:
    """Who loses interest sooner is released sooner; a row for each assumption."""
    order = Order("late", people=3000, months=48)
    found = sensitivity(order, places=[("ties", "loss"), ("habits", "restore")])
    rows = {row["name"]: row for row in found}
    assert rows["ties.loss"]["releases"][0] < 0 < rows["ties.loss"]["releases"][1]
    assert set(rows) == {"ties.loss", "habits.restore"}
