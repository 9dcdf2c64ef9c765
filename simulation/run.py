"""One run from a scenario to a folder of results; what was finished is kept and taken up again."""

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from registry.policybook import POLICY_DIR, load_policy
from simulation.output import (
    DAY_SERIES,
    EVENTS,
    RUN,
    SERIES,
    SUMMARY,
    write_days,
    write_json,
    write_series,
)
from simulation.parts import PART, Counts, Job, run_parts, with_coupling
from simulation.report import write_report
from simulation.report_facts import facts_of
from simulation.scenario import ScenarioError, load_scenario
from simulation.summary import series_of, summarise
from simulation.world import Setting, prepare, tried_book

PARTS = "parts"
_KEY = "run.key"


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody asked for."""

    scenario: str
    people: int | None = None
    months: int | None = None
    seed: int = 1
    changes: Mapping[str, Any] = field(default_factory=dict)
    since: date | None = None
    events: bool = False
    policy_dir: Path = POLICY_DIR


def job_of(order: Order) -> Job:
    """The run with its coupling known: the same for every division of the work.

    Raises:
        ScenarioError: The scenario cannot be used.
        PolicyError: A setting cannot be used.
    """
    scenario = load_scenario(order.scenario)
    book = load_policy(order.policy_dir)
    setting = prepare(scenario, book, months=order.months, changes=order.changes, since=order.since)
    people = order.people or int(scenario.people.value)
    return Job(with_coupling(setting, order.seed, people), order.seed, people, order.events)


def simulate(
    order: Order,
    out: Path,
    *,
    processes: int = 1,
    each: int = PART,
    resume: bool = False,
    tick: Callable[[int], None] = lambda _: None,
) -> dict[str, Any]:
    """Live everybody and write the results; answers the summary.

    Raises:
        ScenarioError: The scenario cannot be used, or `resume` finds the parts of another run.
        PolicyError: A setting cannot be used.
    """
    began = time.monotonic()
    job = job_of(order)
    folder = out / PARTS
    _take_up(folder, _key(order, job, each), resume=resume)
    counts, _ = run_parts(job, folder=folder, processes=processes, each=each, tick=tick)
    summary = summarise(job, counts)
    write(job, counts, summary, out)
    law = tried_book(
        job.setting.scenario, load_policy(order.policy_dir), order.changes, order.since
    )
    write_report(facts_of(job, counts, summary, law), out)
    if order.events:
        from simulation.events import write_events

        write_events(folder, out / EVENTS, job.setting)
    shutil.rmtree(folder)
    spent = round(time.monotonic() - began, 2)
    write_json(out / RUN, {"seconds": spent, "processes": processes, "people": job.people})
    return summary


def write(job: Job, counts: Counts, summary: Mapping[str, Any], out: Path) -> None:
    """The files that equal runs have in common."""
    setting = job.setting
    write_json(out / SUMMARY, summary)
    series = series_of(counts)
    tables = {name: series[:, at] for at, name in enumerate(setting.types)}
    write_series(out / SERIES, months_of(setting), tables)
    write_days(out / DAY_SERIES, setting.scenario.start, counts.table("days"))


def months_of(setting: Setting) -> list[str]:
    """The months of a run as YYYY-MM."""
    return [date.fromordinal(int(day)).isoformat()[:7] for day in setting.month_first[:-1]]


def _key(order: Order, job: Job, each: int) -> str:
    """What finished parts belong to: anything else makes them worthless."""
    setting = job.setting
    facts = [
        setting.scenario.digest,
        setting.rulebook.version,
        job.people,
        job.seed,
        setting.months,
        each,
        order.events,
        str(order.since),
        json.dumps(dict(order.changes), sort_keys=True, default=str),
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _take_up(folder: Path, key: str, *, resume: bool) -> None:
    kept = folder / _KEY
    if resume and kept.exists() and kept.read_text(encoding="utf-8") != key:
        raise ScenarioError("The finished parts in this folder belong to another run.")
    if not resume and folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    kept.write_text(key, encoding="utf-8")
