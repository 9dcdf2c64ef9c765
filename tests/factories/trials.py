"""Policies that were tried, with an answer as the model writes it."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from admin.trials import ROWS
from reporting.models import PolicyTrial
from reporting.trials import KEPT
from tests.factories.registry import NOW

TIES = ("origin", "fan", "volunteer", "donor", "family", "two_region")


def figure(name: str, base: float, changed: float, half: float = 1.0, **of: str) -> dict[str, Any]:
    """One figure of an answer."""
    gap = changed - base
    return {
        **of,
        "name": name,
        "base": base,
        "changed": changed,
        "difference": gap,
        "interval": [gap - half, gap + half],
    }


def answer(people: int = 600) -> dict[str, Any]:
    """An answer for a small town."""
    moved = {"grants": (59.0, 92.1), "lapses": (40.5, 12.2), "check_ins": (902.0, 902.4)}
    return {
        "since": "2027-06-01",
        "people": people,
        "simulated": 2000,
        "seeds": 5,
        "figures": [figure(name, *moved.get(name, (1234.0, 1240.0))) for name in ROWS],
        "sizes": [
            figure("staff_hours", 91.3, 94.2, size="city"),
            figure("support_yen", 280296.2, 423304.5, size="city"),
        ],
        "ties": [figure("premium", 10.0, 10.5, tie=tie) for tie in TIES],
        "who": {
            "gain_ever_premium": 30.2,
            "lose_ever_premium": 0.0,
            "gain_premium_on_the_last_day": 19.4,
            "lose_premium_on_the_last_day": 2.2,
        },
        "fit": [
            {"figure": "held", "counted": 412, "model": 412.0},
            {"figure": "premium", "counted": 23, "model": 18.4},
        ],
    }


def playable(lg_code: str) -> dict[str, Any]:
    """A question that the model takes, and needs its time for."""
    return {
        "lg_code": lg_code,
        "name": {"ja": lg_code, "en": lg_code},
        "day": "2027-06-01",
        "counts": {
            "held": 40_000,
            "premium": 900,
            "came": 12_000,
            "months": 24,
            "hosts": 40,
            "sessions": 900,
            "seats": None,
        },
        "origin": {},
        "ties": {},
        "policy": {},
        "changes": {"premium.required": 2},
        "premium_yen": 3000,
    }


def make_trial(
    db: Session, lg_code: str, *, answered: bool = True, question: dict[str, Any] | None = None
) -> UUID:
    """A trial of one local government, that was answered or that waits."""
    row = PolicyTrial(
        lg_code=lg_code,
        question=question or {"changes": {"premium.required": 2, "decision.all": "auto"}},
        asked_by="staff:test",
        asked_at=NOW,
        forget_on=NOW.date() + KEPT,
    )
    if answered:
        row.state, row.answered_at, row.result = "ready", NOW, answer()
        row.page = f"<!doctype html><title>{lg_code}</title>"
    db.add(row)
    db.flush()
    return row.id
