"""R18: consents to premium end because staff were told so by a guardian."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.access import Actor
from registry.guardians import withdraw
from registry.models import Guardianship
from registry.rules.policy import PolicyBook


def withdraw_told(
    db: Session, *, actor: Actor, person_id: UUID, now: datetime, book: PolicyBook
) -> int:
    """R18: staff were told by a guardian (a letter, at the counter): consents to premium end.

    Returns how many ended; the guardian's word reaches every local government (minor's context).
    """
    living = db.scalars(
        select(Guardianship.id).where(
            Guardianship.person_id == person_id,
            Guardianship.scope == "premium",
            Guardianship.state.in_(("invited", "living")),
        )
    ).all()
    for guardianship_id in living:
        withdraw(
            db,
            actor=actor,
            guardianship_id=guardianship_id,
            reason="by_staff",
            now=now,
            book=book,
        )
    return len(living)
