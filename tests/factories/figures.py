"""Figures: nights that count and publish, and counts of towns that have them already."""

from collections.abc import Mapping
from datetime import date

from sqlalchemy import insert

from core.db import Database, for_job
from reporting.counting import count_body
from reporting.models import FigureCount
from reporting.publishing import publish
from tests.factories.registry import NOW, policy_book

TODAY = NOW.date()
#: A town that many belong to.
TOWN: Mapping[str, Mapping[str, int]] = {
    "registrations": {"basic": 1043, "premium": 161},
    "people": {"verified": 640, "unverified": 564},
    "funnel": {"registered": 210, "signed_up": 90, "took_part": 164, "applied": 12, "premium": 61},
    "revisits": {"once": 120, "twice": 64, "thrice": 31, "often": 88},
    "staff_minutes": {"applications": 610, "activities": 480, "corrections": 90, "stays": 35},
    "cohorts": {
        "2025/basic": 310, "2025/activity": 120, "2025/premium": 70, "2025/stay": 21,
        "2026/basic": 350, "2026/activity": 170, "2026/premium": 58, "2026/stay": 12,
        "2027/basic": 80, "2027/activity": 12, "2027/premium": 1,
    },
    "origin": {
        "130001": 480, "230006": 301, "270008": 140, "140007": 90, "110001": 61, "010006": 20,
        "340006": 18, "400009": 22, "470007": 11, "160008": 4, "unknown": 57,
    },
    "apart": {"residents": 34},
}  # fmt: skip


def night(database: Database, *codes: str, day: date = TODAY) -> None:
    """Count and publish, as the jobs do."""
    for code in codes:
        with database.transaction(for_job("figures", code)) as db:
            count_body(db, lg_code=code, as_of=day, book=policy_book())
    publication(database, day=day)


def publication(database: Database, *, day: date = TODAY) -> None:
    """Publish what was counted."""
    with database.transaction(for_job("open_figures")) as db:
        publish(db, as_of=day, book=policy_book())


def plant(
    database: Database,
    lg_code: str,
    counts: Mapping[str, Mapping[str, int]] = TOWN,
    *,
    day: date = TODAY,
) -> None:
    """Counts as a night would have left them in a town of that size."""
    with database.transaction(for_job("figures", lg_code)) as db:
        db.execute(
            insert(FigureCount),
            [
                {"lg_code": lg_code, "day": day, "figure": figure, "cell": cell, "value": value}
                for figure, cells in counts.items()
                for cell, value in cells.items()
            ],
        )
