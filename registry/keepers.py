"""R18: a managed child may have two guardians; one may go when another stays, or takes its place."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import sealing
from core.access import Actor
from core.errors import Conflict, NotFound
from core.ids import new_id, new_token
from core.models import Account
from core.signin import normal_email
from registry import guardians, queries
from registry.models import Guardianship
from registry.rules.families import Tie


def ask_keeper(
    db: Session, *, actor: Actor, person_id: UUID, contact: str, now: datetime
) -> guardians.Invited:
    """R18: another adult is asked to be a managed child's guardian too.

    Args:
        db: A transaction of the child, acting for its guardian or for staff who were asked.
        actor: The guardian, or staff after a guardian's death (R32).
        person_id: The child.
        contact: The other adult's e-mail address.
        now: The instant.

    Raises:
        Invalid: The address is none.
        Conflict: `invitation_answered`: no child of a guardian's account; `already_guardian`.
        TooMany: Five invitations are open.
    """
    queries.person(db, person_id, lock=True)
    ties = _ties(db, person_id)
    if not ties:
        raise Conflict(code="invitation_answered")
    address = normal_email(contact)
    if any(one.contact == address and one.state == "living" for one in ties):
        raise Conflict(code="already_guardian")
    guardians.limit_invitations(db, person_id, now)
    token = new_token()
    row = Guardianship(
        id=new_id(),
        person_id=person_id,
        contact=address,
        state="invited",
        scope=Tie.MANAGED.value,
        until=ties[0].until,
        text_version=guardians.CONSENT_TEXT,
        invite_hash=sealing.digest(token),
        invited_at=now,
    )
    db.add(row)
    db.flush()
    guardians.record_step(db, actor, row, "invite", now)
    return guardians.Invited(row, token)


def ask_for_orphan(
    db: Session, *, actor: Actor, person_id: UUID, contact: str, now: datetime
) -> guardians.Invited:
    """R18, R32: staff ask an adult to be the guardian of a child whose guardian died.

    Raises:
        Invalid, TooMany: As `ask_keeper`.
        Conflict: `guardian_there`: somebody manages the child, who asks themselves;
            `invitation_answered`: no child of a guardian's account.
    """
    if any(one.state == "living" for one in _ties(db, person_id)):
        raise Conflict(code="guardian_there")
    return ask_keeper(db, actor=actor, person_id=person_id, contact=contact, now=now)


def keepers_of(db: Session, *, person_id: UUID) -> list[Guardianship]:
    """Who manages a child, and who was asked to (in the child's context)."""
    return [one for one in _ties(db, person_id) if one.state in {"living", "invited"}]


def take_back(
    db: Session, *, actor: Actor, person_id: UUID, guardianship_id: UUID, now: datetime
) -> None:
    """R18: an invitation nobody answered is taken back; a guardian cannot put another one out.

    Raises:
        NotFound: No open invitation of this child.
    """
    row = db.get(Guardianship, guardianship_id, with_for_update=True)
    if row is None or row.person_id != person_id or row.state != "invited":
        raise NotFound(code="not_found")
    row.state, row.ended_at, row.ended_reason = "withdrawn", now, "by_guardian"
    db.flush()
    guardians.record_step(db, actor, row, "withdraw", now)


def step_back(db: Session, *, actor: Actor, row: Guardianship, reason: str, now: datetime) -> bool:
    """R18: one of two guardians goes; the other stays, and the child's mail reaches them.

    Works in the child's context. Answers False, and changes nothing, when nobody else is there.
    """
    queries.person(db, row.person_id, lock=True)
    own = db.get_one(Guardianship, row.id, populate_existing=True)
    others = [one for one in _ties(db, row.person_id) if one.id != row.id and one.state == "living"]
    if not others or own.state != "living":
        return False
    own.state, own.ended_at, own.ended_reason = "ended", now, reason
    db.get_one(Account, row.person_id).email = others[0].contact
    db.flush()
    guardians.record_step(db, actor, own, "end", now)
    return True


def _ties(db: Session, person_id: UUID) -> list[Guardianship]:
    return list(
        db.scalars(
            select(Guardianship)
            .where(
                Guardianship.person_id == person_id,
                Guardianship.scope == Tie.MANAGED.value,
            )
            .order_by(Guardianship.invited_at, Guardianship.id)
        )
    )
