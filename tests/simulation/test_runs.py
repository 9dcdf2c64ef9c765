"""A run is the same however it is divided, and its folder holds what `output` promises."""

import csv
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulation import measures as ms
from simulation.parts import Job, live_part, run_parts
from simulation.run import Order, job_of, simulate
from simulation.scenario import ScenarioError, assumptions, load_scenario, scenario_from
from simulation.summary import series_of

PEOPLE = 1600


@pytest.fixture(scope="module")
def job() -> Job:
    return job_of(Order("wide", people=PEOPLE, months=48, seed=3))


def test_the_same_for_one_two_and_eight_parts(job: Job) -> None:
    """Counts and every person's way are equal to the last digit."""
    whole, flags = run_parts(job, each=PEOPLE)
    for number in (2, 8):
        parts, ways = run_parts(job, each=PEOPLE // number)
        assert np.array_equal(whole.numbers, parts.numbers)
        assert np.array_equal(flags, ways)
    other, _ = run_parts(replace(job, seed=4))
    assert not np.array_equal(whole.numbers, other.numbers)


def test_books_balance(job: Job) -> None:
    """Stocks follow from flows: nobody appears or vanishes."""
    counts, flags = run_parts(job)
    series = series_of(counts)
    total = series.sum(axis=(0, 1))
    last = series[-1].sum(axis=0)
    assert series[:, :, ms.PREMIUM].min() >= 0
    assert series[:, :, ms.BASIC].min() >= 0
    assert series[:, :, ms.DERIVED].min() >= 0
    left = total[ms.RELEASES] - total[ms.RESTORES]
    assert last[ms.BASIC] + last[ms.PREMIUM] == total[ms.REGISTRATIONS] - left
    ended = total[ms.LAPSES] + total[ms.MOVED_IN]
    assert last[ms.PREMIUM] == total[ms.GRANTS] - ended
    assert total[ms.WANTED] == total[ms.CHECK_INS] + total[ms.TURNED_AWAY]
    assert total[ms.GRANTS] > 0
    assert total[ms.RELEASES] > 0
    bodies = counts.table("bodies")
    assert np.array_equal(bodies.sum(axis=0), counts.table("series").sum(axis=(0, 1)))
    days = counts.table("days").sum(axis=0)
    assert days[ms.DAY_CHECK_INS] == total[ms.CHECK_INS]
    assert days[ms.DAY_NOTICES] == total[ms.NOTICES]
    premium = int(np.count_nonzero(flags >> ms.N_FUNNEL))
    assert 0 < premium <= last[ms.PREMIUM]


def test_people_are_counted_where_they_live(job: Job) -> None:
    """R17: each living registration has one town and one home, in every year."""
    table = np.cumsum(live_part(job.setting, 1, 0, 500)[0].table("prefectures"), axis=0)
    towns = table[:, :, [ms.PREF_BASIC, ms.PREF_PREMIUM]].sum(axis=(1, 2))
    homes = table[:, :, ms.PREF_HOMES]
    assert np.array_equal(towns, homes.sum(axis=1))
    assert towns[-1] > 0
    assert (homes >= 0).all()


def test_a_folder_of_results(tmp_path: Path) -> None:
    """summary.json, series.csv and days.csv tell the same story; two processes change nothing."""
    order = Order("pioneer", people=2000, months=36, events=True)
    summary = simulate(order, tmp_path / "one", each=1000)
    again = json.loads((tmp_path / "one" / "summary.json").read_text(encoding="utf-8"))
    assert again == summary
    with (tmp_path / "one" / "series.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 36
    for metric in ("registrations", "check_ins", "grants"):
        assert sum(int(row[metric]) for row in rows) == summary["totals"][metric]
    assert int(rows[-1]["premium"]) == summary["at_end"]["premium"]
    assert sum(year["check_ins"] for year in summary["years"]) == summary["totals"]["check_ins"]
    assert summary["funnel"][0]["people"] <= 2000
    assert summary["types"][0]["staff_hours"] > 0
    assert {item["name"] for item in summary["assumptions"]} >= {"habits.keep", "ties.fan.visits"}
    events = _events(tmp_path / "one" / "events.parquet")
    assert events["registered"] == summary["totals"]["registrations"]
    assert events["checked_in"] == summary["totals"]["check_ins"]
    assert not (tmp_path / "one" / "parts").exists()


def _events(path: Path) -> Mapping[str, int]:
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    people = table["person"].to_pylist()
    assert people == sorted(people)
    kinds = table["kind"].to_pylist()
    return {kind: kinds.count(kind) for kind in set(kinds)}


def test_a_stopped_run_goes_on(tmp_path: Path) -> None:
    """What was finished is not lived again; parts of another run are refused."""
    order = Order("late", people=200, months=24)
    done: list[int] = []

    def stop(people: int) -> None:
        done.append(people)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(order, tmp_path, each=50, tick=stop)
    assert len(list((tmp_path / "parts").glob("part-*.npz"))) == 1
    with pytest.raises(ScenarioError, match="another run"):
        simulate(replace(order, seed=2), tmp_path, each=50, resume=True)
    resumed = simulate(order, tmp_path, each=50, resume=True)
    assert resumed == simulate(order, tmp_path / "whole", each=200)


def test_a_policy_that_is_tried_changes_what_it_should() -> None:
    """Two counts instead of three grant more; a shorter silence releases more."""
    usual, _ = run_parts(job_of(Order("pioneer", people=2000, months=60)))
    easier = Order("pioneer", people=2000, months=60, changes={"premium.required": 1})
    eased, _ = run_parts(job_of(easier))
    shorter = Order("pioneer", people=2000, months=60, changes={"dormancy.months": 12})
    short, _ = run_parts(job_of(shorter))

    def total(counts: Any, metric: int) -> int:
        return int(counts.table("series")[:, :, metric].sum())

    assert total(eased, ms.GRANTS) > total(usual, ms.GRANTS)
    assert total(short, ms.RELEASES) > total(usual, ms.RELEASES)


def _plain(name: str) -> dict[str, Any]:
    return load_scenario(name).model_dump(by_alias=True)


HALF_A_YEAR = 183


def test_a_disaster_stops_the_clocks() -> None:
    """R14: nothing lapses, nobody is asked or released while it lasts; after it, it goes on."""
    drill, usual = job_of(Order("disaster", months=60)), job_of(Order("pioneer", months=60))
    counts, _, events = live_part(drill.setting, 5, 0, 6000, events=True)
    series = counts.table("series").sum(axis=1)
    during, after = series[30:36], series[36:]
    stopped = [ms.LAPSES, ms.DORMANCY_NOTICES, ms.RELEASES, ms.CHECK_INS]
    assert during[:, stopped].sum() == 0
    # A grace that it met is taken back and begins anew on its last day.
    assert during[:-1, ms.GRACES].sum() == 0
    assert during[:, ms.MISSING_NOTICES].sum() == 0
    assert all(after[:, metric].sum() > 0 for metric in (ms.GRACES, ms.CHECK_INS))
    # Silence is counted anew from the last day, so the first release is two years later.
    assert series[36:59, ms.RELEASES].sum() == 0
    # Terms that it met end so many days later as it lasted, to the day.
    _, _, calm = live_part(usual.setting, 5, 0, 6000, events=True)
    begins = date(2029, 4, 1).toordinal()
    first, shifted = _graces(calm, begins), _graces(events, begins)
    both = first.keys() & shifted.keys()
    assert len(both) > 10
    assert {shifted[at] - first[at] for at in both} == {HALF_A_YEAR}


def _graces(events: Any, begins: int) -> dict[tuple[int, int], int]:
    """Person and day of grant to the day of grace, for terms that were under way on a day."""
    granted: dict[int, int] = {}
    found = {}
    for person, day, _, kind in events.tolist():
        if kind in {ms.E_GRANTED, ms.E_RENEWED}:
            granted[person] = day if kind == ms.E_GRANTED else 0
        term_met = 0 < granted.get(person, 0) < begins <= granted.get(person, 0) + 364
        if kind == ms.E_GRACE and term_met:
            found[person, granted[person]] = day
    return found


@pytest.mark.parametrize("name", ["pioneer", "late", "wide", "nation", "disaster"])
def test_ready_scenarios_name_their_sources(name: str) -> None:
    """Every figure has a source or a reason; all of the latter are listed."""
    listed = {place for place, _, _ in assumptions(load_scenario(name))}
    assert "habits.start" in listed
    assert len(listed) > 60


def test_a_scenario_with_a_slip_is_refused() -> None:
    """The place and what is wrong are named."""
    data = _plain("late")
    data["habits"]["kep"] = data["habits"].pop("keep")
    with pytest.raises(ScenarioError, match=r"habits.kep: nothing is known by this name"):
        scenario_from(data)
    data = _plain("late")
    data["people"]["assumption"] = ""
    with pytest.raises(ScenarioError, match="source or the reason"):
        scenario_from(data)
    with pytest.raises(ScenarioError, match="Ready ones: disaster, late, nation"):
        load_scenario("nowhere")
