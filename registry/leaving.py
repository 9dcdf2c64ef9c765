"""How registrations end for good, and come back after a mistake (R02, R18, R32)."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.access import Actor
from core.clock import japan_day
from core.errors import Refused, refused
from registry import queries
from registry.ending import end_premium, withdraw_applications
from registry.events import revoke_cards
from registry.models import Registration
from registry.registration import check_age, revive
from registry.rules.policy import PolicyBook
from registry.scene import Scene

#: Municipalities first: what follows from them ends with them, what is direct after them (R02).
_TOWNS_FIRST = (func.substr(Registration.lg_code, 3, 3) == "000", Registration.lg_code)


def leave(db: Session, *, actor: Actor, lg_code: str, now: datetime, book: PolicyBook) -> None:
    """R02: end the direct origin. A prefecture stays while municipalities carry it.

    Premium ends with it, applications are withdrawn, cards are revoked. Leaving twice is leaving
    once.

    Raises:
        NotFound: There never was a registration.
        Refused: `derived_registration`: it follows from municipalities; opt out there.
    """
    scene = Scene(db, actor, queries.government(db, lg_code), now, book)
    row = scene.row()
    if row.status != "active":
        return
    if not row.direct:
        codes = tuple(entry["code"] for entry in row.derived_from)
        names = tuple(g.name for g in queries.governments(db, codes).values())
        raise refused("derived_registration", rule="R02", names=names, action="opt_out")
    _end_direct(scene, row, status="withdrawn", reason="left")
    scene.mark(row, "left", told=True)


def end_without_contact(
    db: Session, *, actor: Actor, person_id: UUID, now: datetime, book: PolicyBook
) -> int:
    """R18: a minor without any guardian's confirmed contact holds no registration; how many ended.

    For the transaction that withdraws a consent, in the minor's context; `actor` is the guardian.
    """
    person = queries.person(db, person_id, lock=True)
    try:
        check_age(db, person, book, japan_day(now))
    except Refused:
        return end_registrations(
            db, actor=actor, person_id=person_id, ending=WITHOUT_CONTACT, now=now, book=book
        )
    return 0


@dataclass(frozen=True, slots=True)
class Ending:
    """How direct registrations end together.

    Attributes:
        status: What they are afterwards.
        reason: Kept with each.
        kind: Of the event, and of the notice where one is owed.
        told: Whether the person is told.
        of: States that end; a registration released as dormant could otherwise be restored.
        lg_codes: Only with these local governments; with all when None.
    """

    status: str
    reason: str
    kind: str
    told: bool
    of: tuple[str, ...] = ("active",)
    lg_codes: tuple[str, ...] | None = None


WITHOUT_CONTACT = Ending("ended", "consent_withdrawn", "left", told=True)


def end_registrations(
    db: Session,
    *,
    actor: Actor,
    person_id: UUID,
    ending: Ending,
    now: datetime,
    book: PolicyBook,
) -> int:
    """End a person's direct registrations, municipalities first; how many ended.

    Each takes with it what hangs on it, as leaving does: premium, applications, cards, and the
    entry in the prefecture's row (R02). Nothing is deleted.
    """
    statement = (
        select(Registration)
        .where(
            Registration.person_id == person_id,
            Registration.status.in_(ending.of),
            Registration.direct,
        )
        .order_by(*_TOWNS_FIRST)
        .with_for_update()
    )
    if ending.lg_codes is not None:
        statement = statement.where(Registration.lg_code.in_(ending.lg_codes))
    rows = db.scalars(statement).all()
    for row in rows:
        # A town that ended before may have changed its prefecture's row.
        db.refresh(row)
        scene = Scene(db, actor, queries.government(db, row.lg_code), now, book)
        _end_direct(scene, row, status=ending.status, reason=ending.reason)
        scene.mark(row, ending.kind, told=ending.told)
    return len(rows)


def _end_direct(scene: Scene, row: Registration, *, status: str, reason: str) -> None:
    end_premium(
        scene.db,
        actor=scene.actor,
        registration=row,
        reason=reason,
        now=scene.now,
        book=scene.book,
    )
    withdraw_applications(
        scene.db, actor=scene.actor, registrations=[row], now=scene.now, book=scene.book
    )
    row.direct = False
    if not row.derived:
        row.status, row.ended_on, row.ended_reason = status, scene.today, reason
        row.restore_until = None
        revoke_cards(scene.db, [row], reason=reason, now=scene.now)
    scene.link(row)


def reopen_registrations(
    db: Session, *, actor: Actor, person_id: UUID, reason: str, now: datetime, book: PolicyBook
) -> int:
    """R32: direct registrations that one closing ended are active again, as basic; how many."""
    rows = db.scalars(
        select(Registration)
        .where(
            Registration.person_id == person_id,
            Registration.ended_reason == reason,
            Registration.status == "closed",
            Registration.pseudonymised_on.is_(None),
        )
        .order_by(*_TOWNS_FIRST)
        .with_for_update()
    ).all()
    for row in rows:
        db.refresh(row)
        scene = Scene(db, actor, queries.government(db, row.lg_code), now, book)
        revive(row, scene.today)
        scene.mark(row, "restored", told=False)
        scene.link(row)
    return len(rows)
