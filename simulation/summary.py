"""What a run shows, as the plain values of `summary.json` (see `output`)."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import numpy as np

from simulation import measures as ms
from simulation.calibration import compared
from simulation.fast import Ints
from simulation.judge import REASONS
from simulation.output import FORMAT
from simulation.parts import Counts, Job
from simulation.scenario import Scenario, assumptions
from simulation.world import SIZES, Setting, prefectures

_STOCK_AT = [ms.METRICS.index(name) for name in ms.STOCKS]
_FLOWS = [number for number, name in enumerate(ms.METRICS) if name not in ms.STOCKS]


def series_of(counts: Counts) -> Ints:
    """Months × types × metrics, stocks as on the month's last day."""
    series = counts.table("series").copy()
    series[:, :, _STOCK_AT] = np.cumsum(series[:, :, _STOCK_AT], axis=0)
    return series


def summarise(job: Job, counts: Counts) -> dict[str, Any]:
    """The whole summary; the same run gives the same values to the last digit."""
    setting, scenario = job.setting, job.setting.scenario
    series = series_of(counts)
    weight = scenario.people.value / job.people
    return {
        "format": FORMAT,
        "scenario": {
            "name": scenario.name,
            "title": scenario.title.model_dump(),
            "digest": scenario.digest,
            "start": scenario.start.isoformat(),
            "months": setting.months,
            "people": scenario.people.value,
        },
        "run": {
            "people": job.people,
            "seed": job.seed,
            "weight": weight,
            "policy": setting.rulebook.version,
            "changes": dict(setting.changes),
        },
        "totals": {ms.METRICS[at]: int(series[:, :, at].sum()) for at in _FLOWS},
        "at_end": {ms.METRICS[at]: int(series[-1, :, at].sum()) for at in _STOCK_AT},
        "years": _years(setting, series),
        "funnel": _funnel(counts.table("funnel")),
        "cohorts": _cohorts(setting, counts.table("cohorts")),
        "types": _types(setting, series, weight),
        "sizes": _sizes(setting, counts.table("bodies"), weight),
        "prefectures": _prefectures(counts.table("prefectures")),
        "peaks": _peaks(scenario.start, counts.table("days")),
        "refusals": _refusals(counts.table("refusals")),
        "ties": _ties(scenario, counts.table("ties")),
        "calibration": compared(scenario, series, int(counts.table("funnel")[0]), weight),
        "assumptions": [
            {"name": name, "value": value, "why": why} for name, value, why in assumptions(scenario)
        ],
    }


def after(job: Job, counts: Counts, skip: int) -> dict[str, Any]:
    """Totals and the work of staff without the first months, for a run whose bodies are of one size."""
    setting, scenario = job.setting, job.setting.scenario
    later = series_of(counts)[skip:]
    weight = scenario.people.value / job.people
    places = [place for place in setting.places if place.type]
    hours, yen = 0.0, 0
    for at, name in enumerate(setting.types):
        values = later[:, at].sum(axis=0)
        bodies = sum(1 for place in places if place.type == name)
        sessions = bodies * sessions_of(setting, name, skip)
        hours += staff_hours(scenario, values, sessions, weight)
        yen += int(values[ms.SUPPORT_YEN])
    row = {
        "size": places[0].size,
        "staff_hours": round(hours, 1),
        "staff_hours_per_body": round(hours / len(places), 1),
        "support_yen": yen,
    }
    return {
        "totals": {ms.METRICS[at]: int(later[:, :, at].sum()) for at in _FLOWS},
        "sizes": [row],
    }


def _years(setting: Setting, series: Ints) -> list[dict[str, int]]:
    both = series.sum(axis=1)
    years = []
    for start in range(0, setting.months, 12):
        part = both[start : start + 12]
        values = part.sum(axis=0)
        values[_STOCK_AT] = part[-1, _STOCK_AT]
        begins = date.fromordinal(int(setting.month_first[start]))
        named = {name: int(values[at]) for at, name in enumerate(ms.METRICS)}
        years.append({"year": begins.year} | named)
    return years


def _funnel(funnel: Ints) -> list[dict[str, Any]]:
    return [
        {"step": step, "people": int(count)} for step, count in zip(ms.FUNNEL, funnel, strict=True)
    ]


def _cohorts(setting: Setting, cohorts: Ints) -> list[dict[str, Any]]:
    rows = []
    for year, row in enumerate(cohorts):
        begins = date.fromordinal(int(setting.month_first[year * 12]))
        # A whole cohort is seen only when its last month is so many years old.
        seen = (setting.months - 12 * (year + 1)) // 12
        kept = [int(count) for count in row[1 : 1 + max(0, seen)]]
        rows.append({"year": begins.year, "registered": int(row[0]), "kept": kept})
    return rows


def staff_hours(scenario: Scenario, metrics: Ints, sessions: float, weight: float) -> float:
    """Hours of staff for what was counted, in the scenario's full size."""
    minutes = scenario.staff
    per = {
        ms.REGISTRATIONS: minutes.registration.value,
        ms.REVIEWS: minutes.review.value,
        ms.VETO_LOOKS: minutes.veto.value,
        ms.REFUSALS: minutes.refusal.value,
        ms.CHECK_INS: minutes.check_in.value,
        ms.PAPER_CHECK_INS: minutes.paper_check_in.value,
        ms.NOTICES: minutes.notice.value,
    }
    work = sum(int(metrics[at]) * value for at, value in per.items())
    return round((work * weight + sessions * minutes.session.value) / 60, 1)


def sessions_of(setting: Setting, type_: str, skip: int = 0) -> float:
    """Sessions that hosts of one body of a type hold within the run, or after its first months."""
    given = setting.scenario.types[type_]
    months = max(0, setting.months - max(skip, int(given.opens_month.value)))
    return given.hosts.value * given.sessions.value * months


def _types(setting: Setting, series: Ints, weight: float) -> list[dict[str, Any]]:
    rows = []
    for at, name in enumerate(setting.types):
        values = series[:, at].sum(axis=0)
        values[_STOCK_AT] = series[-1, at, _STOCK_AT]
        bodies = sum(1 for place in setting.places if place.type == name)
        row: dict[str, Any] = {
            "type": name,
            "title": setting.scenario.types[name].title.model_dump(),
            "bodies": bodies,
        }
        row |= {metric: int(values[number]) for number, metric in enumerate(ms.METRICS)}
        hours = sessions_of(setting, name) * bodies
        row["staff_hours"] = staff_hours(setting.scenario, values, hours, weight)
        rows.append(row)
    return rows


def _sizes(setting: Setting, bodies: Ints, weight: float) -> list[dict[str, Any]]:
    rows = []
    for size in SIZES:
        mine = [at for at, p in enumerate(setting.places) if p.type and p.size == size]
        if not mine:
            continue
        values = bodies[mine].sum(axis=0)
        sessions = sum(sessions_of(setting, setting.places[at].type) for at in mine)
        hours = staff_hours(setting.scenario, values, sessions, weight)
        rows.append(
            {
                "size": size,
                "bodies": len(mine),
                "registrations": int(values[ms.REGISTRATIONS]),
                "check_ins": int(values[ms.CHECK_INS]),
                "premium": int(values[ms.PREMIUM]),
                "support_yen": int(values[ms.SUPPORT_YEN]),
                "staff_hours": hours,
                "staff_hours_per_body": round(hours / len(mine), 1),
            }
        )
    return rows


def _prefectures(table: Ints) -> list[dict[str, Any]]:
    stocks = list(ms.PREF_STOCKS)
    table = table.copy()
    table[:, :, stocks] = np.cumsum(table[:, :, stocks], axis=0)
    return [
        {"code": row["code"], "name": row["name"]}
        | {name: [int(v) for v in table[:, at, number]] for number, name in enumerate(ms.PREFS)}
        for at, row in enumerate(prefectures())
    ]


def _peaks(first: date, days: Ints) -> dict[str, Any]:
    found = {}
    for number, name in enumerate(ms.DAYS):
        at = int(np.argmax(days[:, number]))
        found[name] = {
            "day": (first + timedelta(days=at)).isoformat(),
            "count": int(days[at, number]),
            "median": int(np.median(days[:, number])),
        }
    return found


def _refusals(refusals: Ints) -> Mapping[str, int]:
    return {name: int(refusals[bit.bit_length() - 1]) for name, bit in REASONS.items()}


def _ties(scenario: Scenario, table: Ints) -> list[dict[str, Any]]:
    return [
        {"tie": tie} | {step: int(row[at]) for at, step in enumerate(ms.FUNNEL)}
        for tie, row in zip(scenario.ties, table, strict=True)
    ]
