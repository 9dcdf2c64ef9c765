"""The report of a run: whole, alone on its page, true to the summary, in both languages."""

import csv
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from core.tiles import PLACES
from simulation import measures as ms
from simulation.calibration import HELD_OUT, KNOWN, MATCHED, TARGET
from simulation.charts import line, steps_up_to
from simulation.compare import SHOWN, compare
from simulation.compare_page import write_compare
from simulation.console import changes_of
from simulation.judge import REASONS
from simulation.report_words import LANGUAGES, Words, read
from simulation.run import Order, simulate
from simulation.scenario import READY, SCENARIO_DIR, TIES, assumptions, load_scenario
from simulation.world import SIZES, prefectures

WICKED = "</title><script>alert('町')</script><img src=x onerror=alert(1)> & \"町\""


@dataclass(frozen=True)
class Made:
    """A run of a scenario whose texts mean harm, and its page."""

    summary: dict[str, Any]
    series: list[dict[str, str]]
    text: str
    sheets: dict[str, ET.Element]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("report")
    data = yaml.safe_load((SCENARIO_DIR / "pioneer.yaml").read_text(encoding="utf-8"))
    data["title"] = {"ja": WICKED, "en": WICKED}
    data["types"]["pioneer"]["title"] = {"ja": WICKED, "en": WICKED}
    data["people"]["assumption"] = WICKED
    data["disasters"] = [{"type": "pioneer", "first": date(2029, 4, 1), "last": date(2029, 6, 30)}]
    own = folder / "own.yaml"
    own.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    changes = changes_of(["premium.required=2", "dormancy.months=12"])
    simulate(Order(str(own), people=1100, months=48, seed=7, changes=changes), folder / "out")
    text = (folder / "out" / "report.html").read_text(encoding="utf-8")
    doctype, _, rest = text.partition("\n")
    assert doctype == "<!DOCTYPE html>"
    # Not well-formed, not parsed: every element is closed and every text escaped.
    root = ET.fromstring(rest)  # noqa: S314 - our own page
    with (folder / "out" / "series.csv").open(encoding="utf-8") as file:
        series = list(csv.DictReader(file))
    return Made(
        json.loads((folder / "out" / "summary.json").read_text(encoding="utf-8")),
        series,
        text,
        {sheet.attrib["lang"]: sheet for sheet in root.iter("main")},
    )


def cells(sheet: ET.Element) -> Iterator[list[str]]:
    """The texts of each row of each table."""
    for row in sheet.iter("tr"):
        yield ["".join(cell.itertext()) for cell in row]


def test_nothing_is_fetched_and_nothing_runs(made: Made) -> None:
    """One file alone: no script, no reference, no harm from a scenario's own texts."""
    tags = {
        element.tag
        for element in ET.fromstring(made.text.partition("\n")[2]).iter()  # noqa: S314 - our own page
    }
    assert not tags & {"script", "img", "link", "iframe", "object", "base", "form", "a"}
    assert not re.search(r"https?:|url\(|@import|\s(src|href|on\w+)=\"", made.text)
    assert "<script" not in made.text
    for sheet in made.sheets.values():
        headings = [found.text for found in sheet.iter("h1")]
        assert headings == [WICKED]
        assert any(row[-1] == WICKED for row in cells(sheet))
    assert len(made.text) < 600_000


def test_figures_are_those_of_the_summary(made: Made) -> None:
    """Large type, tables and charts show what summary.json and series.csv hold, in both languages."""
    summary, totals = made.summary, made.summary["totals"]
    held = summary["at_end"]["basic"] + summary["at_end"]["premium"]
    steps = {row["step"]: row["people"] for row in summary["funnel"]}
    hours = sum(row["staff_hours"] for row in summary["types"])
    for lang, sheet in made.sheets.items():
        w = Words(lang)
        big = [f"{held:,}", f"{steps['premium']:,}", f"{totals['check_ins']:,}"]
        big += [f"{totals['notices']:,}", f"{hours:,.0f}", f"{totals['support_yen']:,}"]
        assert [found.text for found in sheet.iter("strong")] == big
        rows = list(cells(sheet))
        names = ("registrations", "check_ins", "grants", "releases", "notices")
        for number, year in enumerate(summary["years"], start=1):
            flows = [f"{year[name]:,}" for name in names]
            ends = [f"{year['basic'] + year['premium']:,}", f"{year['premium']:,}"]
            assert [w.year(number), *flows, *ends] in rows
        for step in summary["funnel"]:
            assert [w.name("step", step["step"]), f"{step['people']:,}"] in [r[:2] for r in rows]
        for number, row in enumerate(summary["cohorts"], start=1):
            kept = [f"{value:,}" for value in row["kept"]]
            assert [w.year(number), f"{row['registered']:,}", *kept] in [
                found[: len(kept) + 2] for found in rows
            ]
        gifu = next(row for row in summary["prefectures"] if row["code"] == "210005")
        ends = [a + b for a, b in zip(gifu["basic"], gifu["premium"], strict=True)]
        shown = [f"{ends[at]:,}" for at in (0, 1, 3)]
        assert [w.prefecture("210005", "岐阜県"), *shown] in rows
        tokyo = next(row for row in summary["prefectures"] if row["code"] == "130001")
        living = [f"{tokyo['homes'][at]:,}" for at in (0, 1, 3)]
        assert [w.prefecture("130001", "東京都"), *living] in rows
        held_then = [year["basic"] + year["premium"] for year in summary["years"]]
        # The towns' map and the people's come to the same.
        sums = [w("map_all"), *(f"{held_then[at]:,}" for at in (0, 1, 3))]
        assert rows.count(sums) == 2
        assert len([row for row in rows if row[0] == w.reason("") or "habits." in row[0]]) == 18
        text = "".join(sheet.itertext())
        assert w.day(summary["peaks"]["notices"]["day"]) in text
        assert w("weight", weight="20") in text


def test_each_chart_has_its_words_and_its_table(made: Made) -> None:
    """A drawing is named and described; its table has each month of series.csv."""
    summary = made.summary
    for sheet in made.sheets.values():
        drawings = list(sheet.iter("svg"))
        assert len(drawings) == 8 + 1 + 3 + 3
        for drawing in drawings:
            named = drawing.attrib["aria-labelledby"].split()
            inside = {e.attrib["id"]: e.text for e in drawing.iter() if "id" in e.attrib}
            assert all(inside[name] for name in named)
        assert sum(1 for e in sheet.iter("rect") if e.attrib["class"].startswith("tile")) == 6 * 47
        tables = {
            "".join(figure.find("figcaption").itertext()): list(cells(figure))[1:]  # type: ignore[union-attr]
            for figure in sheet.iter("figure")
            if figure.attrib["class"] == "chart"
        }
        w = Words(sheet.attrib["lang"])
        for key in ("premium", "check_ins", "notices", "releases", "registrations"):
            column = [row[1] for row in tables[w(f"{key}_title")]]
            assert column == [f"{int(row[key]):,}" for row in made.series]
        hours = [float(row[1].replace(",", "")) for row in tables[w("staff_title")]]
        assert sum(hours) == pytest.approx(sum(t["staff_hours"] for t in summary["types"]), abs=3)
        busiest = [int(row[1].replace(",", "")) for row in tables[w("notice_days_title")]]
        assert max(busiest) == summary["peaks"]["notices"]["count"]


def test_what_was_asked_is_told_with_its_sources(made: Made) -> None:
    """R33: what is tried is marked as tried; the rest names the document it comes from."""
    japanese = {row[0]: row[1:] for row in cells(made.sheets["ja"])}
    english = {row[0]: row[1:] for row in cells(made.sheets["en"])}
    assert japanese["プレミアム登録の要件"] == [
        "指定された活動に2回以上参加すること。",
        "この試算で試した値",
    ]
    assert japanese["休眠までの期間"] == ["12か月", "この試算で試した値"]
    assert japanese["判定の方法"] == ["自動（すぐに決まる）", "シナリオの設定"]
    assert japanese["更新判定の時期"][0] == "満了の60日前、満了の30日前、満了の当日"
    assert japanese["プレミアム登録の上限"][1].startswith(
        "総務省の案（2026年1月26日、未定稿）: 登録可能"
    )
    assert english["Counts for one person, body and day, at most"][0] == "once"
    for sheet in made.sheets.values():
        text = "".join(sheet.itertext())
        assert "premium.required = 2" in text
        w = Words(sheet.attrib["lang"])
        assert f"{w.day('2029-04-01')} – {w.day('2029-06-30')}" in text


def test_a_comparison_is_a_page_too(tmp_path: Path) -> None:
    """Both laws side by side with what is sure; whoever gains is told in large type."""
    found = compare(Order("late", people=600, months=48), {"premium.required": 1}, seeds=2)
    found["scenario"]["title"] = {"ja": WICKED, "en": WICKED}
    write_compare(found, tmp_path)
    text = (tmp_path / "compare.html").read_text(encoding="utf-8")
    assert "<script" not in text
    root = ET.fromstring(text.partition("\n")[2])  # noqa: S314 - our own page
    for sheet in root.iter("main"):
        w = Words(sheet.attrib["lang"])
        rows = list(cells(sheet))
        for row in found["figures"]:
            cell = [f"{row['base']:,.1f}", f"{row['changed']:,.1f}", f"{row['difference']:+,.1f}"]
            assert [w(f"c_{row['name']}"), *cell] in [shown[:4] for shown in rows]
        assert len(rows) == 3 + sum(len(found[part]) for part in ("figures", "sizes", "ties"))
        whiskers = [e for e in sheet.iter("circle") if e.attrib["class"].startswith("dot")]
        assert len(whiskers) == sum(1 for row in found["figures"] if row["base"])
        told = [e.text for e in sheet.iter("strong")]
        assert told[0] == "premium.required = 1"
        assert told[1:] == [f"{value:,.1f}" for value in found["who"].values()]


def test_both_languages_are_whole() -> None:
    """Every sentence exists twice with the same facts, and whatever the page names has a word."""
    words = read("report")
    for key, both in words.items():
        assert set(both) == set(LANGUAGES), key
        facts = [set(re.findall(r"{(\w+)}", both[lang])) for lang in LANGUAGES]
        assert facts[0] == facts[1], key
        assert both["ja"], key
        assert both["en"] or key.startswith("unit_"), key
    room = SCENARIO_DIR.parent
    sources = [room / f"{name}.py" for name in ("report", "report_words", "compare_page")]
    sources += sorted((room / "templates").glob("*.html"))
    asked = {
        key
        for path in sources
        for key in re.findall(r"\b(?:w|self)\(\"(\w+)\"", path.read_text(encoding="utf-8"))
    }
    assert len(asked) > 60
    assert asked <= words.keys()
    named = {f"step_{step}" for step in ms.FUNNEL} | {f"tie_{tie}" for tie in TIES}
    named |= {f"size_{size}" for size in SIZES} | {f"refusal_{reason}" for reason in REASONS}
    named |= {f"figure_{known.figure}" for known in KNOWN}
    named |= {f"use_{use}" for use in (MATCHED, HELD_OUT, TARGET)}
    named |= {f"c_{name}" for name in SHOWN} | {f"c_{name}_at_end" for name in ms.STOCKS}
    assert named <= words.keys()


def test_reasons_of_the_ready_scenarios_are_told_in_japanese() -> None:
    """Also where known figures come from; the 47 have English names in the same order."""
    told = read("assumptions")
    for name in (*READY, "nation"):
        for place, _, why in assumptions(load_scenario(name)):
            assert told.get(why), f"{name} {place}: {why}"
    assert {known.source for known in KNOWN} <= told.keys()
    en = Words("en")
    by_code = {row["code"]: en.prefecture(row["code"], row["name"]) for row in prefectures()}
    assert len(set(by_code.values())) == len(PLACES) == 47
    assert (by_code["130001"], by_code["210005"], by_code["470007"]) == ("Tokyo", "Gifu", "Okinawa")


@pytest.mark.parametrize("most", [0, 1, 3, 7, 19, 133, 999, 17_973, 1_000_000, 31_500_000])
def test_the_scale_of_a_chart_holds_its_values(most: int) -> None:
    """A handful of round steps, the last not below the highest value."""
    steps = steps_up_to(most)
    assert steps[0] == 0
    assert most <= steps[-1] <= max(1, 2.5 * most)
    assert 2 <= len(steps) <= 6
    months = [row for year in range(2026, 2029) for row in _months(year)]
    drawn = line([most] * len(months), months)
    assert drawn.top == 0
    assert all(0 <= tick.at <= drawn.height for tick in drawn.up)


def _months(year: int) -> list[date]:
    return [date(year, month, 1) for month in range(1, 13)]
