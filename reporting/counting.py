"""The night's counting: each local government for itself (R17)."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import delete, insert, text
from sqlalchemy.orm import Session

from registry import policies
from registry.rules.policy import PolicyBook
from reporting.definitions import figures
from reporting.models import FigureCount

YEAR: Final = timedelta(days=365)
#: Days for which every night's counts are kept; of older ones, those of each month's first day.
KEPT: Final = timedelta(days=62)
#: What a count looks at: living, of one's own will, not of residents (R17). A registration that is
#: being asked whether it stays lives on.
_COUNTED: Final = (
    "with counted as materialized (select lg_code, id, person_id, tier, identity_level,"
    " residence_code, registered_on from registration where lg_code = :code and status = 'active'"
    " and direct and not residence_related) "
)
#: Kinds of decisions that have a standard number of minutes (`stats.minutes_*`).
MINUTES: Final = ("application", "activity", "other")


def minutes_of(book: PolicyBook, day: date) -> dict[str, int]:
    """The standard minutes of a decision, by kind."""
    return {kind: book.on(f"stats.minutes_{kind}", day).value for kind in MINUTES}


def count_body(db: Session, *, lg_code: str, as_of: date, book: PolicyBook) -> int:
    """R17: count every figure of one local government as of a day; repeated, it counts anew."""
    own = policies.body_policy(db, book, lg_code, as_of)
    given = {
        "code": lg_code,
        "day": as_of,
        "year_ago": as_of - YEAR,
        "stay_days": own.on("stay.days", as_of, lg_code).value,
        **{f"minutes_{kind}": value for kind, value in minutes_of(book, as_of).items()},
    }
    rows = [
        {"lg_code": lg_code, "day": as_of, "figure": one.name, "cell": cell, "value": value}
        for one in figures().values()
        for cell, value in _counts(db, one.sql, given)
    ]
    own_rows = delete(FigureCount).where(FigureCount.lg_code == lg_code)
    db.execute(own_rows.where(FigureCount.day == as_of))
    db.execute(
        own_rows.where(
            FigureCount.day < as_of - KEPT, text("extract(day from figure_count.day) <> 1")
        )
    )
    if rows:
        db.execute(insert(FigureCount), rows)
    return len(rows)


def _counts(db: Session, sql: str, given: Mapping[str, Any]) -> list[tuple[str, int]]:
    statement = _COUNTED + sql if "counted" in sql else sql
    bound = {name: value for name, value in given.items() if f":{name}" in statement}
    return [(cell, value) for cell, value in db.execute(text(statement), bound) if value]
