"""An account's own passkeys: listed, named, removed."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from core import audit
from core.access import Actor, ActorKind
from core.errors import NotFound, invalid, refused
from core.individual_number import contains_individual_number
from core.models import Passkey

MOST = 10
MAX_NAME = 40


def passkeys_of(db: Session, account_id: UUID) -> Sequence[Passkey]:
    """An account's keys, the oldest first."""
    return db.scalars(
        select(Passkey)
        .where(Passkey.account_id == account_id)
        .order_by(Passkey.created_at, Passkey.id)
    ).all()


def has_passkey(db: Session, account_id: UUID) -> bool:
    """Whether an account has any key."""
    return (
        db.scalar(select(Passkey.id).where(Passkey.account_id == account_id).limit(1)) is not None
    )


def can_prove(db: Session, account_id: UUID) -> bool:
    """Whether an account has a key that still opens something."""
    return (
        db.scalar(
            select(Passkey.id)
            .where(Passkey.account_id == account_id, Passkey.blocked_at.is_(None))
            .limit(1)
        )
        is not None
    )


def rename(db: Session, *, actor: Actor, passkey_id: UUID, name: str, now: datetime) -> Passkey:
    """Call one of one's keys something else.

    Raises:
        NotFound: It is not theirs.
        Invalid: The name is empty or too long.
    """
    row = _own(db, actor, passkey_id)
    row.name = plain_name(name)
    _record(db, actor, "passkey.rename", row.id, now)
    return row


def remove(db: Session, *, actor: Actor, passkey_id: UUID, now: datetime) -> None:
    """Forget one of one's keys; it opens nothing from then on. A mailed code still does."""
    row = _own(db, actor, passkey_id)
    db.delete(row)
    _record(db, actor, "passkey.remove", passkey_id, now)


def forget_all(db: Session, account_id: UUID) -> None:
    """Forget every key of an account that is closed."""
    db.execute(delete(Passkey).where(Passkey.account_id == account_id))


def _own(db: Session, actor: Actor, passkey_id: UUID) -> Passkey:
    row = db.get(Passkey, passkey_id)
    if row is None or row.account_id != actor.id:
        raise NotFound(code="not_found")
    return row


def plain_name(text: str) -> str:
    """A key's name in one line.

    Raises:
        Invalid: It is empty, too long, or unreadable.
        Refused: It holds an Individual Number.
    """
    plain = " ".join(text.split())
    if not plain or len(plain) > MAX_NAME:
        raise invalid("passkey_name", field="name", needed=MAX_NAME, found=len(plain))
    if not plain.isprintable():
        raise invalid("text_unreadable", field="name")
    if contains_individual_number(plain):
        raise refused("individual_number", rule="R12", field="name")
    return plain


def _record(db: Session, actor: Actor, action: str, passkey_id: UUID, now: datetime) -> None:
    audit.record(
        db,
        actor=actor,
        action=action,
        subject=("passkey", passkey_id),
        now=now,
        person_id=actor.id if actor.kind is ActorKind.PERSON else None,
    )
