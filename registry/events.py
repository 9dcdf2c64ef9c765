"""What a change of a registration leaves behind: its event, and cards that no longer hold."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from core.clock import japan_day
from registry.models import Card, Registration, RegistrationEvent


def add_event(
    db: Session,
    registration: Registration,
    *,
    kind: str,
    now: datetime,
    facts: dict[str, Any] | None = None,
) -> None:
    """What happened to a registration, in order; never changed."""
    db.add(
        RegistrationEvent(
            lg_code=registration.lg_code,
            registration_id=registration.id,
            person_id=registration.person_id,
            kind=kind,
            at=now,
            on_day=japan_day(now),
            facts=facts or {},
        )
    )


def revoke_cards(
    db: Session, registrations: Sequence[Registration], *, reason: str, now: datetime
) -> None:
    """C45: a withdrawn entitlement takes its cards with it, in the same transaction.

    The registrations are of one local government.
    """
    if not registrations:
        return
    db.execute(
        update(Card)
        .where(
            Card.lg_code == registrations[0].lg_code,
            Card.registration_id.in_([row.id for row in registrations]),
            Card.revoked_at.is_(None),
        )
        .values(revoked_at=now, revoked_reason=reason[:24])
    )
