"""`furusato rehearse --check` as anybody runs it: the same lives in the model and on the real platform."""

import csv
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simulation.acts import lives_of
from simulation.run import Order

pytestmark = pytest.mark.stack

ROOT = Path(__file__).resolve().parents[2]
LIVELY = Path(__file__).with_name("lively.yaml")
PEOPLE, MONTHS = 60, 14
#: Generous: other tests run beside it.
LONGEST = 900.0


@pytest.fixture(scope="module")
def rehearsed() -> Iterator[tuple[Path, dict[str, Any]]]:
    """A short rehearsal in which everything happens, on servers of the tests."""
    with tempfile.TemporaryDirectory(
        prefix="furusato-rehearsal-", ignore_cleanup_errors=True
    ) as home:
        folder = Path(home) / "data"
        yield folder, json.loads(rehearse(folder).splitlines()[-1])


def rehearse(folder: Path) -> str:
    """What a rehearsal of the lively town says."""
    bare = {
        k: v for k, v in os.environ.items() if not k.startswith(("FURUSATO", "DATABASE", "REDIS"))
    }
    words = f"rehearse --people {PEOPLE} --months {MONTHS} --seed 1 --exit --check".split()
    done = subprocess.run(
        [
            *(sys.executable, "-c", "from app.cli import main; main()"),
            *(*words, "--scenario", str(LIVELY), "--data-dir", str(folder)),
        ],
        cwd=folder.parent,
        env=bare | {"PYTHONPATH": str(ROOT), "COLUMNS": "100"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_both_engines_are_equal_in_every_month(rehearsed: tuple[Path, dict[str, Any]]) -> None:
    """Registrations, check-ins, grants, dormancy, notices: the draw is shared, so none may differ."""
    _, line = rehearsed
    assert line["whole"]
    assert line["equal"]
    both = line["measures"]
    for measure in (
        *("registrations", "check_ins", "applications", "grants", "refusals"),
        *("dormancy_notices", "keeps", "releases", "restores", "notices"),
    ):
        assert both[measure][0] == both[measure][1] > 0, measure


def test_the_results_have_the_form_of_a_simulation(
    rehearsed: tuple[Path, dict[str, Any]],
) -> None:
    """summary.json, series.csv and the page, counted from the platform's own records."""
    folder, line = rehearsed
    results = folder / "results"
    summary = json.loads((results / "summary.json").read_text(encoding="utf-8"))
    assert summary["format"] == "furusato-simulation/1"
    assert summary["run"]["people"] == PEOPLE
    with (results / "series.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == MONTHS
    for metric in ("registrations", "check_ins", "grants", "releases", "notices"):
        assert sum(int(row[metric]) for row in rows) == line["measures"][metric][1]
    assert (results / "report.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    run = json.loads((results / "run.json").read_text(encoding="utf-8"))
    assert run["answers"]["registers:ok"] == summary["totals"]["registrations"]


def test_the_same_lives_are_played_again() -> None:
    """Acts depend on scenario, people and seed alone."""
    order = Order(str(LIVELY), people=PEOPLE, months=MONTHS)
    assert lives_of(order).acts == lives_of(order).acts
