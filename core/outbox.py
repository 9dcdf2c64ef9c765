"""A notice is a row, unique by its key, written in the transaction of the fact that owes it.

The row is what the person sees in the app. Each channel outside the app gets a delivery row
beside it, which workers send and account for.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.models import Delivery, Notice

#: Name space of notice ids: the same fact gives the same id, whoever writes it first.
NOTICES = UUID("6f1f6f0e-6c0b-4d0e-9d51-0a8f6f2f6a11")
CHANNELS = ("mail",)


@dataclass(frozen=True, slots=True)
class NoticeDraft:
    """A notice that is owed.

    Attributes:
        person_id: Who is told.
        kind: Names the sentence in the catalogue.
        period_key: Makes a repeat of the same fact the same notice: ids and ISO dates only.
        lg_code: The local government it is about, if one.
        facts: What the sentence needs.
        channels: Channels outside the app.
        available_at: Not to be sent before (quiet hours); at once when empty.
    """

    person_id: UUID
    kind: str
    period_key: str
    lg_code: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    channels: Sequence[str] = CHANNELS
    available_at: datetime | None = None

    @property
    def id(self) -> UUID:
        """The notice's id, determined by its key."""
        return uuid5(NOTICES, f"{self.person_id}|{self.kind}|{self.period_key}")


def tell(db: Session, drafts: Iterable[NoticeDraft], *, now: datetime) -> int:
    """Owe these notices; those already owed stay as they are. Returns how many were handed in."""
    rows = list(drafts)
    if not rows:
        return 0
    db.execute(
        insert(Notice).on_conflict_do_nothing(),
        [
            {
                "id": draft.id,
                "person_id": draft.person_id,
                "lg_code": draft.lg_code,
                "kind": draft.kind,
                "period_key": draft.period_key,
                "facts": dict(draft.facts),
                "created_at": now,
            }
            for draft in rows
        ],
    )
    deliveries = [
        {
            "id": uuid5(draft.id, channel),
            "notice_id": draft.id,
            "person_id": draft.person_id,
            "channel": channel,
            "state": "queued",
            "available_at": draft.available_at or now,
            "tries": 0,
        }
        for draft in rows
        for channel in draft.channels
    ]
    if deliveries:
        db.execute(insert(Delivery).on_conflict_do_nothing(), deliveries)
    return len(rows)
