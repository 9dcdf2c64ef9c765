"""R18, R32: what becomes of those somebody stands by when their own account closes.

A child that cannot sign in is never left with nobody: its guardian first ends its registration,
gives it a sign-in of its own, or has another adult as its guardian. After a death staff ask one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import audit
from core.access import Actor
from core.db import working_for_person
from core.errors import refused
from core.outbox import NoticeDraft, tell
from registry import growing, guardians, keepers
from registry.models import Guardianship
from registry.rules.families import Tie
from registry.rules.policy import PolicyBook


@dataclass(frozen=True, slots=True)
class Ward:
    """Somebody who would lose a guardian or helper; `alone`: a child nobody else could act for."""

    person_id: UUID
    tie_id: UUID
    alone: bool = False


def wards_of(db: Session, *, person_id: UUID) -> tuple[Ward, ...]:
    """Everybody somebody stands by, once each (at the gate)."""
    rows = db.scalars(
        select(Guardianship)
        .where(Guardianship.guardian_id == person_id, Guardianship.state.in_(("invited", "living")))
        .order_by(Guardianship.person_id, Guardianship.invited_at)
    ).all()
    found: dict[UUID, Ward] = {}
    for row in rows:
        alone = _alone(db, row)
        if row.person_id not in found or alone:
            found[row.person_id] = Ward(row.person_id, row.id, alone)
    return tuple(found.values())


def _alone(db: Session, row: Guardianship) -> bool:
    """A child without a sign-in, for whom nobody else acts."""
    if row.scope != Tie.MANAGED and not growing.waits_for_sign_in(db, row):
        return False
    other = select(Guardianship.id).where(
        Guardianship.person_id == row.person_id,
        Guardianship.scope == row.scope,
        Guardianship.state == "living",
        Guardianship.guardian_id != row.guardian_id,
    )
    return row.state == "living" and db.scalar(other.limit(1)) is None


def require_nobody_alone(wards: Sequence[Ward]) -> None:
    """R18: a guardian's account stays open while a child has nobody else.

    Raises:
        Refused: `children_first`.
    """
    alone = sum(ward.alone for ward in wards)
    if alone:
        raise refused("children_first", rule="R18", found=alone, action="open_family")


def part_from(
    db: Session,
    *,
    actor: Actor,
    guardian_id: UUID,
    wards: Sequence[Ward],
    now: datetime,
    book: PolicyBook,
) -> None:
    """R18, R32: consents and help of somebody whose account closes end, and whoever had them is told.

    Premium goes back to basic where no other consent lives. Basic registrations stay: losing a
    guardian takes nobody's towns away. Works from any transaction of a person.
    """
    for ward in wards:
        with working_for_person(db, ward.person_id):
            _lose(db, actor, ward.person_id, guardian_id, now, book)


def _lose(
    db: Session, actor: Actor, person_id: UUID, guardian_id: UUID, now: datetime, book: PolicyBook
) -> None:
    rows = db.scalars(
        select(Guardianship)
        .where(
            Guardianship.person_id == person_id,
            Guardianship.guardian_id == guardian_id,
            Guardianship.state.in_(("invited", "living")),
        )
        .with_for_update()
    ).all()
    scopes = set()
    for row in rows:
        if row.scope == Tie.MANAGED and keepers.step_back(
            db, actor=actor, row=row, reason="guardian_gone", now=now
        ):
            continue
        scopes.add(row.scope)
        row.state, row.ended_at, row.ended_reason = "ended", now, "guardian_gone"
        audit.record(
            db,
            actor=actor,
            action="guardianship.end",
            subject=("guardianship", row.id),
            now=now,
            person_id=person_id,
            purpose="guardian_gone",
        )
    db.flush()
    if Tie.HELPER.value in scopes:
        tell(db, [NoticeDraft(person_id, "helper_over", str(guardian_id))], now=now)
    if scopes - {Tie.HELPER.value}:
        tell(db, [NoticeDraft(person_id, "guardian_gone", str(guardian_id))], now=now)
    if "premium" in scopes:
        guardians.end_without_consent(
            db, actor=actor, person_id=person_id, now=now, book=book, reason="guardian_gone"
        )
