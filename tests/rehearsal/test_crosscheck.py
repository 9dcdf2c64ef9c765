"""The same lives in the model and on the real platform: nothing may differ in any month."""

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
from rich.console import Console

from app.local import LocalStack
from app.local_prepare import prepare
from app.rehearsal.days import law_folder, rehearse, set_out
from app.rehearsal.results import Results, results_of
from core.settings import Environment
from simulation.acts import lives_of
from simulation.run import Order
from workers.notifications.relay import Relay
from workers.parts import Parts
from workers.runner import Runner
from workers.schedule import SCHEDULE

pytestmark = pytest.mark.stack

ROOT = Path(__file__).resolve().parents[2]
LIVELY = Path(__file__).with_name("lively.yaml")
PEOPLE, MONTHS = 60, 14
#: What looks after the platform decides about nobody, and would be made up for night by night.
DECIDING = tuple(job for job in SCHEDULE if not job.national and job.name != "figures")
#: Generous: other tests run beside it.
LONGEST = 600.0


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(
        prefix="furusato-rehearsal-", ignore_cleanup_errors=True
    ) as at:
        yield Path(at)


@pytest.fixture(scope="module")
def lively(home: Path) -> Results:
    """Fourteen months through the real doors, mail and nights; this process does the worker's part."""
    folder = home / "lively"
    lives = lives_of(Order(str(LIVELY), people=PEOPLE, months=MONTHS))
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DATABASE_URL", "REDIS_URL"):
            patch.delenv(name, raising=False)
        stack = LocalStack(
            folder,
            environment=Environment.TEST,
            durable=False,
            settings={"policy_dir": law_folder(folder), "limit_device_scans": 0},
        )
        with stack:
            set_out(stack, lives)
            prepare(stack, Console(quiet=True))
            stack.start_processes(("mail", "openid", "web"))
            stack.wait_ready()
            parts = Parts.of(stack.settings())
            runner, relay = Runner(parts, DECIDING), Relay(parts)

            def work() -> None:
                runner.tick()
                runner.drain()
                relay.drain(seconds=30)

            work()
            played = rehearse(stack, lives, lambda _days: None, work=work)
            parts.database.dispose()
            return results_of(stack, lives, played, folder / "results")


def test_both_engines_are_equal_in_every_month(lively: Results) -> None:
    """Registrations, check-ins, grants, dormancy, notices: the draw is shared, so none may differ."""
    assert lively.played.whole
    assert [line for line in lively.lines if not line.is_equal] == []
    both = {line.measure: line for line in lively.lines}
    for measure in (
        *("registrations", "check_ins", "applications", "grants", "refusals", "moved_in"),
        *("dormancy_notices", "keeps", "releases", "restores", "notices"),
    ):
        assert both[measure].platform > 0, measure


def bare() -> dict[str, str]:
    """The environment without the caller's settings."""
    foreign = ("FURUSATO", "DATABASE", "REDIS")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)}


def test_as_anybody_runs_it(home: Path) -> None:
    """Worker, beat and all: summary.json, series.csv and the page, from the platform's records."""
    folder = home / "short"
    words = ["rehearse", "--people", "20", "--months", "1", "--exit", "--check"]
    done = subprocess.run(
        [
            *(sys.executable, "-c", "from app.cli import main; main()"),
            *(*words, "--scenario", str(LIVELY), "--data-dir", str(folder)),
        ],
        cwd=home,
        env=bare() | {"PYTHONPATH": str(ROOT), "COLUMNS": "100"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    line: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert line["whole"]
    assert line["equal"]
    results = folder / "results"
    summary = json.loads((results / "summary.json").read_text(encoding="utf-8"))
    assert summary["format"] == "furusato-simulation/1"
    assert summary["run"]["people"] == 20
    with (results / "series.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for metric in ("registrations", "check_ins", "notices"):
        assert sum(int(row[metric]) for row in rows) == line["measures"][metric][1]
    assert (results / "report.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    run = json.loads((results / "run.json").read_text(encoding="utf-8"))
    assert run["answers"]["registers:ok"] == summary["totals"]["registrations"] > 0
