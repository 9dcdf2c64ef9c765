"""A comparison as one page: what was changed, who gains, what moves and how surely."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from simulation.charts import ROW, WIDTH
from simulation.pages import Big, Table, rendered, write_page
from simulation.report_words import LANGUAGES, Words

COMPARE_PAGE: Final = "compare.html"
_MIDDLE: Final = WIDTH / 2
_HALF: Final = WIDTH / 2 - 8


@dataclass(frozen=True, slots=True)
class Whisker:
    """One figure's change in per cent of today: its dot and the line of its interval."""

    name: str
    share: str
    sure: bool
    y: int
    at: float
    low: float
    high: float


def write_compare(found: Mapping[str, Any], out: Path) -> None:
    """The page of `compare.json` into its folder."""
    sheets = [_sheet(found, Words(lang)) for lang in LANGUAGES]
    text = rendered("compare.html", found["scenario"]["title"], sheets)
    write_page(out / COMPARE_PAGE, text)


def _sheet(found: Mapping[str, Any], w: Words) -> dict[str, Any]:
    scenario, people = found["scenario"], found["people"]
    whiskers = _whiskers(found["figures"], w)
    return {
        "w": w,
        "lang": w.lang,
        "title": scenario["title"][w.lang],
        "lead": w(
            "compare_lead", years=w.length(scenario["months"]), people=people, seeds=found["seeds"]
        ),
        "changes": [f"{name} = {value}" for name, value in found["changes"].items()],
        "of": w("compare_of", people=people),
        "bigs": [
            Big(w.name("who", name), f"{value:,.1f}", w("unit_people"), "", "")
            for name, value in found["who"].items()
        ],
        "moves": _moves(found["figures"], w),
        "whiskers": whiskers,
        "height": ROW * len(whiskers),
        "figures": _table(w, found["figures"]),
        "sizes": _table(w, found["sizes"], "size"),
        "ties": _table(w, found["ties"], "tie"),
    }


def _sure(row: Mapping[str, Any]) -> bool:
    """Whether every value of the interval goes the same way."""
    low, high = row["interval"]
    return bool(low > 0 or high < 0)


def _moves(rows: Sequence[Mapping[str, Any]], w: Words) -> str:
    def those(sign: int) -> str:
        names = [w.name("c", r["name"]) for r in rows if _sure(r) and r["difference"] * sign > 0]
        return ("、" if w.lang == "ja" else ", ").join(names) or w("compare_none")

    return w("compare_moves", up=those(1), down=those(-1))


def _whiskers(rows: Sequence[Mapping[str, Any]], w: Words) -> list[Whisker]:
    """Figures that have a today to be measured by, on one scale around no change."""
    shown = [row for row in rows if row["base"]]
    most = max(
        (abs(bound / row["base"]) for row in shown for bound in row["interval"]), default=0.0
    )

    def x(value: float) -> float:
        return round(_MIDDLE + _HALF * value / (most or 1), 1)

    drawn = []
    for number, row in enumerate(shown):
        low, high = (bound / row["base"] for bound in row["interval"])
        part = row["difference"] / row["base"]
        name, share = w.name("c", row["name"]), f"{100 * part:+.1f}%" if part else "0%"
        drawn.append(Whisker(name, share, _sure(row), ROW * number, x(part), x(low), x(high)))
    return drawn


def _table(w: Words, rows: Sequence[Mapping[str, Any]], key: str = "") -> Table:
    heads = [w(f"compare_{name}") for name in ("item", "base", "new", "difference", "interval")]
    body = []
    for row in rows:
        of = f"{w.name(key, row[key])}{w('colon')}" if key else ""
        low, high = row["interval"]
        body.append(
            (
                f"{of}{w.name('c', row['name'])}",
                f"{row['base']:,.1f}",
                f"{row['changed']:,.1f}",
                f"{row['difference']:+,.1f}",
                f"{low:+,.1f} … {high:+,.1f}",
            )
        )
    return Table(heads, body)
