"""The same write asked for twice has one effect and one answer.

The key's row is inserted in the transaction of the effect: a crash leaves neither, a second
caller waits for the first, and the same key with another request is refused.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.errors import Conflict, invalid
from core.models import IdempotencyKey

KEEP = timedelta(hours=24)
MAX_LENGTH = 255


@dataclass(frozen=True, slots=True)
class Stored:
    """An answer given before: HTTP status and body."""

    status: int
    body: dict[str, Any]


def claim(db: Session, *, actor: str, key: str, request_hash: str, now: datetime) -> Stored | None:
    """Take the key for this request, or hand back the answer the first one got.

    Raises:
        Invalid: The key is empty or longer than 255 characters.
        Conflict: `idempotency_conflict`, the key was used for another request;
            `in_progress`, the first request has not been answered.
    """
    if not key or len(key) > MAX_LENGTH:
        raise invalid("idempotency_key", field="Idempotency-Key", needed=MAX_LENGTH, found=len(key))
    taken = db.execute(
        insert(IdempotencyKey)
        .values(
            actor=actor,
            key=key,
            request_hash=request_hash,
            created_at=now,
            expires_at=now + KEEP,
        )
        .on_conflict_do_nothing()
        .returning(IdempotencyKey.key)
    ).scalar_one_or_none()
    if taken is not None:
        return None
    first = db.execute(
        select(IdempotencyKey).where(IdempotencyKey.actor == actor, IdempotencyKey.key == key)
    ).scalar_one()
    if first.request_hash != request_hash:
        raise Conflict(code="idempotency_conflict")
    if first.status is None or first.response is None:
        raise Conflict(code="in_progress")
    return Stored(first.status, first.response)


def keep(db: Session, *, actor: str, key: str, status: int, body: dict[str, Any]) -> None:
    """Store the answer beside its key, in the transaction of the effect."""
    db.execute(
        update(IdempotencyKey)
        .where(IdempotencyKey.actor == actor, IdempotencyKey.key == key)
        .values(status=status, response=body)
    )
