"""R06: the clock of a registration starts again with each sign of a tie to the place."""

from datetime import date
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session

from registry.models import Registration
from registry.rules.dormancy import AccessKind, resets_clock
from registry.rules.policy import PolicyBook


def touch(
    db: Session,
    *,
    lg_code: str,
    person_id: UUID,
    kind: AccessKind,
    today: date,
    book: PolicyBook,
) -> bool:
    """R06: note an access to one local government; at most one write a day.

    Args:
        db: A transaction of the person, or of the local government (a check-in).
        lg_code: The local government.
        person_id: The registrant.
        kind: What they did; a login alone counts only where the nation says so.
        today: The Japanese day of it. An earlier day (a late scan) never sets the clock back.
        book: The policy book.

    Returns:
        Whether the clock moved.
    """
    if not resets_clock(kind, str(book.on("dormancy.scope", today).value)):
        return False
    moved = db.execute(
        update(Registration)
        .where(
            Registration.lg_code == lg_code,
            Registration.person_id == person_id,
            Registration.status == "active",
            Registration.last_access_on < today,
        )
        .values(last_access_on=today)
        .returning(Registration.id)
    )
    return moved.first() is not None


def touch_by_login(db: Session, *, person_id: UUID, today: date, book: PolicyBook) -> int:
    """R06: a login to the app; it resets all clocks only in scope "account". Returns how many."""
    if not resets_clock(AccessKind.LOGIN, str(book.on("dormancy.scope", today).value)):
        return 0
    moved = db.execute(
        update(Registration)
        .where(
            Registration.person_id == person_id,
            Registration.status == "active",
            Registration.last_access_on < today,
        )
        .values(last_access_on=today)
        .returning(Registration.id)
    )
    return len(moved.all())
