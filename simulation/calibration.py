"""What the model says beside what is known, with what was matched and what was held out.

A figure is *matched* when the scenario's assumptions were chosen with it in mind, *held out* when
it was only compared afterwards. `off` is measured by published, less one.
"""

from dataclasses import dataclass
from typing import Any

from simulation import measures as ms
from simulation.fast import Ints
from simulation.scenario import Scenario

MATCHED, HELD_OUT, TARGET = "matched", "held_out", "target"
_YEAR_4, _YEAR_5, _YEAR_10 = 48, 60, 120


@dataclass(frozen=True, slots=True)
class Known:
    """A published figure, and the scenarios it speaks about."""

    figure: str
    published: float
    source: str
    use: str
    scenarios: tuple[str, ...]


KNOWN = (
    Known("members_year_5", 17_000, "飛騨市: about 17,000 members", MATCHED, ("pioneer",)),
    Known("check_ins_year_5", 1_500, "ヒダスケ！: 1,500 a year", MATCHED, ("pioneer",)),
    Known(
        "check_ins_per_member",
        0.088,
        "飛騨市: 1,500 by 17,000",
        HELD_OUT,
        ("late", "wide", "nation"),
    ),
    Known("members_year_4", 1_925, "しまっち!: supporters in 2025-07", MATCHED, ("wide",)),
    Known("left", 0.50, "e-Residency: about half in ten years", HELD_OUT, ("pioneer", "nation")),
    Known("people", 10_000_000, "target of the founding deck", TARGET, ("nation",)),
    Known("registrations", 100_000_000, "target of the founding deck", TARGET, ("nation",)),
)


def compared(
    scenario: Scenario, series: Ints, registered: int, weight: float
) -> list[dict[str, Any]]:
    """Each known figure that speaks about the scenario, when the run is long enough for it.

    Args:
        scenario: Whose figures.
        series: Months × types × metrics, stocks as on the last day.
        registered: People who registered at all.
        weight: How many people one simulated person stands for.
    """
    found = []
    measured = _measured(series, registered, weight)
    for known in KNOWN:
        value = measured.get(known.figure)
        if scenario.name not in known.scenarios or value is None:
            continue
        found.append(
            {
                "figure": known.figure,
                "source": known.source,
                "use": known.use,
                "measured": round(value, 4),
                "published": known.published,
                "off": round(value / known.published - 1, 4),
            }
        )
    return found


def _measured(series: Ints, registered: int, weight: float) -> dict[str, float]:
    both = series.sum(axis=1)
    held = both[:, ms.BASIC] + both[:, ms.PREMIUM]
    months = len(both)
    found: dict[str, float] = {}
    if months >= _YEAR_4:
        found["members_year_4"] = float(held[_YEAR_4 - 1]) * weight
    if months >= _YEAR_5:
        members = float(held[_YEAR_5 - 1])
        came = float(both[_YEAR_5 - 12 : _YEAR_5, ms.CHECK_INS].sum())
        found["members_year_5"] = members * weight
        found["check_ins_year_5"] = came * weight
        found["check_ins_per_member"] = came / max(1.0, members)
    if months >= _YEAR_10:
        total = float(both[:, ms.REGISTRATIONS].sum())
        found["left"] = 1 - float(held[-1]) / max(1.0, total)
        found["people"] = registered * weight
        found["registrations"] = total * weight
    return found
