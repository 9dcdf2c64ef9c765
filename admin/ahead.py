"""What staff see of a look ahead: who, from what to what, and why; the look is recorded (C46, C48)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import audit
from core.access import Actor
from registry.foresight import Foreseen
from registry.models import Registration

#: So many are named; the numbers are of all.
NAMED = 100


@dataclass(frozen=True, slots=True)
class Changed:
    """One registration that would change."""

    registration: Registration
    before: str
    kind: str
    reasons: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Ahead:
    """Everybody who would change: numbers by kind, and the first of them by name."""

    numbers: Mapping[tuple[str, str], int]
    rows: Sequence[Changed]

    @property
    def total(self) -> int:
        """How many."""
        return sum(self.numbers.values())


def told(
    db: Session, found: Sequence[Foreseen], *, actor: Actor, lg_code: str, now: datetime
) -> Ahead:
    """Numbers of all, names of the first; a look at people's data, recorded as one."""
    first = found[:NAMED]
    people = _people(db, lg_code, [one.registration_id for one in first])
    if first:
        audit.record(
            db,
            actor=actor,
            action="registration.look_ahead",
            subject=("local_government", lg_code),
            now=now,
            lg_code=lg_code,
            purpose="renewal",
            row_count=len(first),
            fields=["display_name"],
        )
    return Ahead(
        numbers=dict(Counter((one.before, one.kind) for one in found).most_common()),
        rows=[
            Changed(
                people[one.registration_id],
                one.before,
                one.kind,
                [reason.to_json() for reason in one.reasons],
            )
            for one in first
        ],
    )


def _people(db: Session, lg_code: str, ids: Sequence[UUID]) -> dict[UUID, Registration]:
    rows = db.scalars(
        select(Registration).where(Registration.lg_code == lg_code, Registration.id.in_(ids))
    )
    return {row.id: row for row in rows}
