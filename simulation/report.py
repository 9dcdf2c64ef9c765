"""The page that is put on the table: one HTML file with everything in it, in two languages.

No script, nothing fetched: drawings are SVG, each with its table, and the values stand as the
summary has them. Every text goes through the template's escaping, a scenario's own too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from core.formats import day
from registry.rules.requirement import describe_en, describe_ja, parse
from simulation import charts
from simulation.pages import Big, Table, rendered, write_page
from simulation.report_facts import OURS, Facts, Law
from simulation.report_words import LANGUAGES, Words, plain, rounded, share

REPORT: Final = "report.html"
_SHADES: Final = 5
_YEAR: Final = 12
_YEARLY: Final = ("registrations", "check_ins", "grants", "releases", "notices")
_TYPES: Final = (
    "bodies",
    "registrations",
    "check_ins",
    "grants",
    "premium",
    "staff_hours",
    "support_yen",
)
_SIZES: Final = (
    "bodies",
    "registrations",
    "check_ins",
    "premium",
    "staff_hours",
    "staff_hours_per_body",
)
_FLOWS: Final = ("registrations", "check_ins", "notices", "releases")
_DORMANCY: Final = ("dormancy_notices", "keeps", "releases", "restores")


@dataclass(frozen=True, slots=True)
class Chart:
    """A line over the months with what it says and its table."""

    key: str
    title: str
    says: str
    line: charts.Line
    peak: str
    table: Table


def write_report(facts: Facts, out: Path) -> None:
    """The page into a folder of results."""
    write_page(out / REPORT, page(facts))


def page(facts: Facts) -> str:
    """The whole page as text."""
    title = facts.summary["scenario"]["title"]
    return rendered("report.html", title, [_sheet(facts, Words(lang)) for lang in LANGUAGES])


def _sheet(facts: Facts, w: Words) -> dict[str, Any]:
    """Everything that the template shows in one language."""
    summary = facts.summary
    return {
        "w": w,
        "lang": w.lang,
        "title": summary["scenario"]["title"][w.lang],
        "summary": summary,
        "facts": facts,
        "length": w.length(len(facts.months)),
        "first": w.day(summary["scenario"]["start"]),
        "weight": None if summary["run"]["weight"] == 1 else plain(summary["run"]["weight"]),
        "bigs": _bigs(facts, w),
        "asked": _asked(facts, w),
        "laws": _laws(facts, w),
        "charts": {chart.key: chart for chart in _charts(facts, w)},
        "years": _years(facts, w),
        "funnel": _funnel(facts, w),
        "ties": _ties(facts, w),
        "cohorts": _cohorts(facts, w),
        "maps": [_towns(facts, w), _homes(facts, w)],
        "types": _groups(facts, w, "types", _TYPES),
        "sizes": _groups(facts, w, "sizes", _SIZES),
        "dormancy": {name: summary["totals"][name] for name in _DORMANCY},
        "refusals": _refusals(facts, w),
        "fit": _fit(facts, w),
        "assumed": _assumed(facts, w),
    }


def _bigs(facts: Facts, w: Words) -> list[Big]:
    totals, peaks = facts.summary["totals"], facts.summary["peaks"]
    steps = {row["step"]: row["people"] for row in facts.summary["funnel"]}
    weight = facts.summary["run"]["weight"]
    months = len(facts.months)
    busy = max(range(months), key=lambda at: facts.staff[at])

    def big(key: str, number: float, unit: str, **said: Any) -> Big:
        scaled = weight != 1 and key != "staff"
        full = w("full_size", n=rounded(number * weight)) if scaled else ""
        title, says = w(f"big_{key}"), w(f"big_{key}_says", **said)
        return Big(title, f"{number:,.0f}", w(f"unit_{unit}"), full, says)

    def peak(name: str) -> dict[str, Any]:
        found = peaks[name]
        return {"day": w.day(found["day"]), "count": found["count"], "median": found["median"]}

    held = {name: totals[name] for name in ("registrations", "releases", "restores")}
    return [
        big("held", facts.held[-1], "count", years=w.length(months), **held),
        big(
            "premium",
            steps["premium"],
            "people",
            registered=steps["registered"],
            share=share(steps["premium"], steps["registered"]),
            renewed=steps["renewed"],
            premium=facts.summary["at_end"]["premium"],
        ),
        big("check_ins", totals["check_ins"], "count", **peak("check_ins")),
        big("notices", totals["notices"], "letters", **peak("notices")),
        big(
            "staff",
            facts.staff_total,
            "hours",
            bodies=facts.bodies,
            mean=f"{facts.staff_total / months:,.1f}",
            month=w.month(facts.months[busy]),
            peak=f"{facts.staff[busy]:,.1f}",
        ),
        big(
            "support",
            totals["support_yen"],
            "yen",
            bodies=facts.bodies,
            each=f"{totals['support_yen'] * _YEAR / months:,.0f}",
        ),
    ]


def _asked(facts: Facts, w: Words) -> list[tuple[str, str]]:
    scenario, run = facts.summary["scenario"], facts.summary["run"]
    changes = "、".join(f"{name} = {value}" for name, value in run["changes"].items())
    people = w("asked_people_of", run=run["people"], scenario=f"{scenario['people']:,.0f}")
    return [
        (w("asked_scenario"), f"{scenario['title'][w.lang]} ({scenario['name']})"),
        (w("asked_period"), f"{w.day(scenario['start'])} – {w.length(len(facts.months))}"),
        (w("asked_people"), people),
        (w("asked_bodies"), f"{facts.bodies:,}"),
        *(
            (w("asked_disaster"), f"{day(first, w.lang)} – {day(last, w.lang)}")
            for first, last in facts.disasters
        ),
        (w("asked_changes"), changes or w("asked_no_changes")),
        (w("asked_seed"), str(run["seed"])),
        (w("asked_digest"), f"{scenario['digest']} / {run['policy']}"),
    ]


def _laws(facts: Facts, w: Words) -> Table:
    titles = {row["type"]: row["title"][w.lang] for row in facts.summary["types"]}
    rows = []
    for law in facts.laws:
        name = law.label if w.lang == "ja" else law.about.removesuffix(".")
        of = f"{w('colon')}{titles[law.type]}" if law.type else ""
        rows.append((f"{name}{of}", _value(law, w), _source(law, w)))
    return Table((w("policy_name"), w("policy_value"), w("policy_source")), rows)


def _value(law: Law, w: Words) -> str:
    if isinstance(law.value, dict):
        return (describe_ja if w.lang == "ja" else describe_en)(parse(law.value))
    values = law.value if isinstance(law.value, list | tuple) else [law.value]
    said = []
    for value in values:
        last = w.name("unit_of", f"{law.unit}_{value}")
        if not last.startswith(law.unit):
            said.append(last)
            continue
        counted = isinstance(value, int) and w.name("unit_of", law.unit) != law.unit
        said.append(w(f"unit_of_{law.unit}", n=value) if counted else w.name("value", str(value)))
    return ("、" if w.lang == "ja" else ", ").join(said)


def _source(law: Law, w: Words) -> str:
    if law.document == OURS:
        return w("source_tried" if law.tried else "source_scenario")
    return ": ".join(part for part in (w.name("source", law.document), law.clause) if part)


def _charts(facts: Facts, w: Words) -> list[Chart]:
    premium = facts.monthly["premium"]
    stocks = {"held": facts.held, "premium": premium}
    flows = {name: facts.monthly[name] for name in _FLOWS}
    found = []
    for key, values in stocks.items():
        says = w(f"{key}_says", last=values[-1], **_top(facts, values, w))
        found.append(_chart(facts, w, key, values, says))
    for key, flow in {**flows, "staff": facts.staff}.items():
        mean = f"{sum(flow) / len(flow):,.1f}"
        found.append(_chart(facts, w, key, flow, w("flow_says", mean=mean, **_top(facts, flow, w))))
    says = w("notice_days_says", **_top(facts, facts.busiest, w))
    return [*found, _chart(facts, w, "notice_days", facts.busiest, says)]


def _top(facts: Facts, values: Sequence[float], w: Words) -> dict[str, str]:
    at = max(range(len(values)), key=lambda number: values[number])
    return {"month": w.month(facts.months[at]), "peak": _exact(values[at])}


def _exact(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"


def _chart(facts: Facts, w: Words, key: str, values: Sequence[float], says: str) -> Chart:
    column = {"notice_days": "busiest_day"}.get(key, key)
    rows = [(w.month(m), _exact(v)) for m, v in zip(facts.months, values, strict=True)]
    line = charts.line(values, facts.months)
    table = Table((w("time"), w(f"m_{column}")), rows)
    return Chart(key, w(f"{key}_title"), says, line, _exact(values[line.top]), table)


def _years(facts: Facts, w: Words) -> Table:
    heads = (w("year"), *(w(f"m_{name}") for name in _YEARLY), w("m_held"), w("m_premium"))
    rows = [
        (
            w.year(number),
            *(f"{year[name]:,}" for name in _YEARLY),
            f"{year['basic'] + year['premium']:,}",
            f"{year['premium']:,}",
        )
        for number, year in enumerate(facts.summary["years"], start=1)
    ]
    totals = facts.summary["totals"]
    rows.append(
        (
            w("total"),
            *(f"{totals[name]:,}" for name in _YEARLY),
            f"{facts.held[-1]:,}",
            f"{facts.summary['at_end']['premium']:,}",
        )
    )
    return Table(heads, rows)


def _funnel(facts: Facts, w: Words) -> dict[str, Any]:
    steps = facts.summary["funnel"]
    by = {row["step"]: row["people"] for row in steps}
    bars = charts.bars([(w.name("step", row["step"]), row["people"]) for row in steps])
    rows = [(bar.name, f"{bar.count:,}", share(bar.count, by["registered"])) for bar in bars]
    says = w(
        "funnel_says",
        registered=by["registered"],
        took_part=by["took_part"],
        share=share(by["took_part"], by["registered"]),
        premium=by["premium"],
    )
    table = Table((w("step"), w("people"), w("of_registered")), rows)
    return {"bars": bars, "says": says, "table": table, "height": charts.ROW * len(bars)}


def _ties(facts: Facts, w: Words) -> Table:
    steps = [row["step"] for row in facts.summary["funnel"]]
    rows = [
        (w.name("tie", row["tie"]), *(f"{row[step]:,}" for step in steps))
        for row in facts.summary["ties"]
    ]
    return Table((w("tie"), *(w.name("step", step) for step in steps)), rows)


def _cohorts(facts: Facts, w: Words) -> dict[str, Any]:
    cohorts = facts.summary["cohorts"]
    width = max((len(row["kept"]) for row in cohorts), default=0)
    heads = (
        w("cohort_year"),
        w("cohort_registered"),
        *(w("cohort_after", n=number) for number in range(1, width + 1)),
    )
    shares, counts = [], []
    for number, row in enumerate(cohorts, start=1):
        registered, gap = row["registered"], [""] * (width - len(row["kept"]))
        cells = [
            (share(kept, registered), round(_SHADES * kept / registered) if registered else 0)
            for kept in row["kept"]
        ]
        start = (w.year(number), f"{registered:,}")
        shares.append((*start, [*cells, *((text, 0) for text in gap)]))
        counts.append((*start, *(f"{kept:,}" for kept in row["kept"]), *gap))
    says = w("cohorts_short")
    if width:
        first, kept = cohorts[0]["registered"], cohorts[0]["kept"][-1]
        many = w.length(_YEAR * len(cohorts[0]["kept"]))
        says = w("cohorts_says", registered=first, kept=kept, share=share(kept, first), years=many)
    return {"heads": heads, "shares": shares, "says": says, "table": Table(heads, counts)}


def _towns(facts: Facts, w: Words) -> dict[str, Any]:
    """Registrations where the towns are."""
    held = {
        row["code"]: [a + b for a, b in zip(row["basic"], row["premium"], strict=True)]
        for row in facts.summary["prefectures"]
    }
    return _maps(facts, w, "map", held)


def _homes(facts: Facts, w: Words) -> dict[str, Any]:
    """The same registrations where people live."""
    held = {row["code"]: row["homes"] for row in facts.summary["prefectures"]}
    return _maps(facts, w, "home", held)


def _maps(facts: Facts, w: Words, kind: str, held: Mapping[str, Sequence[int]]) -> dict[str, Any]:
    names = {row["code"]: row["name"] for row in facts.summary["prefectures"]}
    years = len(facts.summary["years"])
    drawn = charts.maps(held, names, years)
    most = max(held, key=lambda code: held[code][-1])
    only = sum(1 for row in held.values() if any(row)) == 1
    says = w(
        f"{kind}_says_one" if only else f"{kind}_says",
        name=w.prefecture(most, names[most]),
        year=w.year(years),
        count=held[most][-1],
    )
    table = Table(
        (w("prefecture"), *(w.year(one.year) for one in drawn)),
        [
            (w.prefecture(code, names[code]), *(f"{row[one.year - 1]:,}" for one in drawn))
            for code, row in held.items()
        ]
        + [
            (
                w("map_all"),
                *(f"{sum(row[one.year - 1] for row in held.values()):,}" for one in drawn),
            )
        ],
    )
    return {
        "kind": kind,
        "title": w(f"{kind}_title"),
        "note": w(f"{kind}_note"),
        "drawn": drawn,
        "says": says,
        "table": table,
    }


def _groups(facts: Facts, w: Words, name: str, columns: Sequence[str]) -> Table:
    rows = []
    for row in facts.summary[name]:
        title = row["title"][w.lang] if name == "types" else w.name("size", row["size"])
        rows.append((title, *(f"{row[column]:,}" for column in columns)))
    first = w("type" if name == "types" else "size")
    return Table((first, *(w(f"m_{column}") for column in columns)), rows)


def _refusals(facts: Facts, w: Words) -> Table:
    found = sorted(facts.summary["refusals"].items(), key=lambda item: -item[1])
    rows = [(w.name("refusal", reason), f"{count:,}") for reason, count in found if count]
    return Table((w("reason"), w("count")), rows)


def _fit(facts: Facts, w: Words) -> Table:
    heads = [w(f"fit_{name}") for name in ("figure", "use", "measured", "published", "off")]
    rows = [
        (
            w.name("figure", row["figure"]),
            w.name("use", row["use"]),
            *(_known(row["figure"], row[name]) for name in ("measured", "published")),
            f"{round(100 * row['off']) or 0:+}%",
            w.reason(row["source"]),
        )
        for row in facts.summary["calibration"]
    ]
    return Table((*heads, w("policy_source")), rows)


def _known(figure: str, value: float) -> str:
    return share(value, 1) if figure == "left" else plain(value)


def _assumed(facts: Facts, w: Words) -> Table:
    rows = []
    for row in facts.summary["assumptions"]:
        values = row["value"] if isinstance(row["value"], list) else [row["value"]]
        said = ", ".join(f"{value:,g}" if value < 1e6 else plain(value) for value in values)  # noqa: PLR2004 - %g would turn to powers of ten
        rows.append((row["name"], said, w.reason(row["why"])))
    return Table((w("assumed_name"), w("assumed_value"), w("assumed_why")), rows)
