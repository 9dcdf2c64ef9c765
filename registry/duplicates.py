"""C42: pairs of registrations that may be one person's: found at night, decided by staff.

Nothing is ever merged, and no registration ends by this: who has two leaves one themselves.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

from core import audit
from core.access import Actor, Role
from core.db import working_for_person
from core.errors import Conflict, NotFound
from core.ids import new_id
from core.outbox import NoticeDraft, tell
from registry import queries
from registry.alike import Looks, alike, folded
from registry.members import SHOWN, member
from registry.models import DuplicatePair, Person, Registration

#: Pairs of one name at most: beyond that a name says nothing.
MOST_OF_A_NAME: Final = 20
_COMPARED: Final = (
    Registration.id,
    Registration.person_id,
    Registration.display_name,
    Registration.kana,
    Registration.residence_code,
)


def find(db: Session, *, lg_code: str, as_of: date, now: datetime) -> int:
    """C42: compare who is new, or has another name, with everybody here (for the worker).

    Args:
        db: A job's transaction for one local government.
        lg_code: The local government.
        as_of: The day worked for.
        now: The instant.

    Returns:
        How many pairs were found that nobody has seen before.
    """
    new = db.execute(
        update(Registration)
        .where(Registration.lg_code == lg_code, Registration.alike_due_on <= as_of)
        .values(alike_due_on=None)
        .returning(*_COMPARED)
    ).all()
    if not new:
        return 0
    by_name: defaultdict[str, list[_One]] = defaultdict(list)
    here = select(*_COMPARED).where(
        Registration.lg_code == lg_code, Registration.status == "active"
    )
    everybody = {row.id: _One(*row) for row in db.execute(here.order_by(Registration.id))}
    for one in everybody.values():
        for key in one.keys:
            by_name[key].append(one)
    years: dict[UUID, int | None] = {}
    found = 0
    for row in new:
        if row.id not in everybody:
            continue
        one = everybody[row.id]
        for other in _others(one, by_name):
            reasons = alike(_looks(db, one, years), _looks(db, other, years))
            found += bool(reasons) and _keep(db, lg_code, {one.id, other.id}, reasons, now)
    return found


@dataclass(frozen=True, slots=True)
class _One:
    """What is compared of a registration, as light as can be: there may be 100,000."""

    id: UUID
    person_id: UUID
    name: str
    kana: str | None
    residence: str | None

    @property
    def keys(self) -> tuple[str, ...]:
        """By which somebody of the same name or reading is found."""
        read = (f"kana:{folded(self.kana)}",) if self.kana else ()
        return (f"name:{folded(self.name)}", *read)


def _others(one: _One, by_name: Mapping[str, Sequence[_One]]) -> Iterable[_One]:
    found = (other for key in one.keys for other in by_name[key][:MOST_OF_A_NAME])
    return {other.id: other for other in found if other.id != one.id}.values()


def _looks(db: Session, one: _One, years: dict[UUID, int | None]) -> Looks:
    """With the year of birth, which the platform compares and no local government is told."""
    if one.person_id not in years:
        with working_for_person(db, one.person_id):
            years[one.person_id] = db.scalar(
                select(Person.birth_year).where(Person.id == one.person_id)
            )
    return Looks(one.name, one.kana, one.residence, years[one.person_id])


def _keep(
    db: Session, lg_code: str, both: Iterable[UUID], reasons: Sequence[str], now: datetime
) -> bool:
    """Whether the pair is a new one; one that was decided about is never found again."""
    first, second = sorted(both)
    made = db.execute(
        insert(DuplicatePair)
        .values(
            lg_code=lg_code,
            id=new_id(),
            first_id=first,
            second_id=second,
            reasons=list(reasons),
            state="open",
            found_at=now,
        )
        .on_conflict_do_nothing()
        .returning(DuplicatePair.id)
    )
    return made.first() is not None


# --- looking and deciding -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pair:
    """Two registrations side by side."""

    row: DuplicatePair
    both: tuple[Registration, Registration]


def waiting(db: Session, *, lg_code: str, limit: int) -> list[Pair]:
    """Pairs that nobody has decided about, the oldest first; both are still registered."""
    first, second = aliased(Registration), aliased(Registration)
    rows = db.execute(
        select(DuplicatePair, first, second)
        .join(
            first, (first.lg_code == DuplicatePair.lg_code) & (first.id == DuplicatePair.first_id)
        )
        .join(
            second,
            (second.lg_code == DuplicatePair.lg_code) & (second.id == DuplicatePair.second_id),
        )
        .where(
            DuplicatePair.lg_code == lg_code,
            DuplicatePair.state == "open",
            first.status == "active",
            second.status == "active",
        )
        .order_by(DuplicatePair.found_at, DuplicatePair.id)
        .limit(limit)
    )
    return [Pair(row, (one, other)) for row, one, other in rows]


def pair(db: Session, *, lg_code: str, pair_id: UUID, lock: bool = False) -> Pair:
    """One pair; whoever shows it records the look.

    Raises:
        NotFound: There is none.
    """
    row = db.get(DuplicatePair, (lg_code, pair_id), with_for_update=lock)
    if row is None:
        raise NotFound(code="not_found")
    one, other = (
        member(db, lg_code=lg_code, registration_id=each) for each in (row.first_id, row.second_id)
    )
    return Pair(row, (one, other))


def open_pair(db: Session, *, actor: Actor, lg_code: str, pair_id: UUID, now: datetime) -> Pair:
    """C42, C48: two people side by side; both can read that they were looked at.

    Raises:
        NotFound: There is none.
    """
    found = pair(db, lg_code=lg_code, pair_id=pair_id)
    for one in found.both:
        _record(db, actor, "duplicate.open", found.row, one, now)
    return found


def partners(db: Session, *, lg_code: str, registration_id: UUID) -> list[DuplicatePair]:
    """Pairs of a registration that somebody has said are one person's."""
    return list(
        db.scalars(
            select(DuplicatePair).where(
                DuplicatePair.lg_code == lg_code,
                DuplicatePair.state == "same",
                or_(
                    DuplicatePair.first_id == registration_id,
                    DuplicatePair.second_id == registration_id,
                ),
            )
        )
    )


def decide(
    db: Session, *, actor: Actor, lg_code: str, pair_id: UUID, same: bool, now: datetime
) -> Pair:
    """C42: say whether two registrations are one person's; a mistake is decided anew.

    Whoever has two is asked to leave the one they do not use, in their own time: nothing is
    merged and nothing ends. Two people are never asked about again.

    Args:
        db: A transaction of the local government.
        actor: A clerk, who is neither of the two.
        lg_code: The local government.
        pair_id: Which pair.
        same: Whether they are one person.
        now: The instant.

    Raises:
        NotFound: There is none.
        Conflict: `duplicate_decided`: this is what was said before.
    """
    actor.require_role(lg_code, Role.CLERK)
    found = pair(db, lg_code=lg_code, pair_id=pair_id, lock=True)
    row, state = found.row, "same" if same else "different"
    if row.state == state:
        raise Conflict(code="duplicate_decided")
    row.state, row.decided_at, row.decided_by = state, now, actor.label
    db.flush()
    for one in found.both:
        _record(db, actor, f"duplicate.{state}", row, one, now)
    if same:
        _tell_both(db, found, now)
    return found


def _tell_both(db: Session, found: Pair, now: datetime) -> None:
    """Neither is told anything of the other: they know themselves whether both are theirs."""
    facts = {"government": queries.government(db, found.row.lg_code).name}
    drafts = [
        NoticeDraft(one.person_id, "registered_twice", str(found.row.id), found.row.lg_code, facts)
        for one in found.both
    ]
    tell(db, drafts, now=now)


def _record(
    db: Session,
    actor: Actor,
    action: str,
    row: DuplicatePair,
    one: Registration,
    now: datetime,
) -> None:
    audit.record(
        db,
        actor=actor,
        action=action,
        subject=("duplicate_pair", row.id),
        now=now,
        lg_code=row.lg_code,
        person_id=one.person_id,
        purpose="duplicate",
        fields=SHOWN,
    )
