"""A local government's registrants, as its staff see them: its own copy, each look recorded (R25)."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from core import audit
from core.access import Actor, Role
from core.errors import NotFound
from core.shortcode import normalise
from registry.models import Registration, RegistrationEvent

MAX_PAGE = 200
SHOWN = ("display_name", "kana")


def list_members(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    now: datetime,
    text: str = "",
    tier: str | None = None,
    status: str | None = "active",
    after: UUID | None = None,
    limit: int = 50,
) -> Sequence[Registration]:
    """Registrations of one local government, in the order of their ids; the look is recorded.

    Args:
        db: A transaction of the local government.
        actor: Staff of it.
        lg_code: The local government.
        now: The instant.
        text: Part of the name or its reading, or a whole member number.
        tier: `basic` or `premium`.
        status: One status, or all when None.
        after: Id of the last one already seen.
        limit: At most so many, up to 200 and one.
    """
    actor.require_role(lg_code, Role.VIEWER)
    statement = of_body(lg_code, tier=tier, status=status).limit(min(limit, MAX_PAGE + 1))
    if after is not None:
        statement = statement.where(Registration.id > after)
    if text.strip():
        plain = text.strip()
        statement = statement.where(
            or_(
                Registration.display_name.contains(plain, autoescape=True),
                Registration.kana.contains(plain, autoescape=True),
                Registration.member_number == normalise(plain),
            )
        )
    rows = db.scalars(statement).all()
    audit.record(
        db,
        actor=actor,
        action="registration.list",
        subject=("local_government", lg_code),
        now=now,
        lg_code=lg_code,
        purpose="search" if text.strip() else "list",
        row_count=len(rows),
        fields=SHOWN,
    )
    return rows


def of_body(
    lg_code: str, *, tier: str | None = None, status: str | None = None
) -> Select[Registration]:
    """Registrations of a local government by tier and status, in the order of their ids."""
    statement = (
        select(Registration)
        .where(Registration.lg_code == lg_code, Registration.status != "pending")
        .order_by(Registration.id)
    )
    if tier is not None:
        statement = statement.where(Registration.tier == tier)
    if status is not None:
        statement = statement.where(Registration.status == status)
    return statement


def member(db: Session, *, lg_code: str, registration_id: UUID) -> Registration:
    """The row of an act on somebody; a look at it is `open_member`, which is recorded.

    Raises:
        NotFound: Not of this local government.
    """
    row = db.scalars(
        select(Registration).where(
            Registration.lg_code == lg_code, Registration.id == registration_id
        )
    ).one_or_none()
    if row is None:
        raise NotFound(code="not_found")
    return row


def open_member(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    registration_id: UUID,
    now: datetime,
    purpose: str | None = None,
) -> tuple[Registration, Sequence[RegistrationEvent]]:
    """One registration with its history; the person can read that it was looked at (R25).

    Raises:
        NotFound: Not of this local government.
    """
    actor.require_role(lg_code, Role.VIEWER)
    row = member(db, lg_code=lg_code, registration_id=registration_id)
    events = db.scalars(
        select(RegistrationEvent)
        .where(
            RegistrationEvent.lg_code == lg_code,
            RegistrationEvent.registration_id == registration_id,
        )
        .order_by(RegistrationEvent.at, RegistrationEvent.id)
    ).all()
    audit.record(
        db,
        actor=actor,
        action="registration.open",
        subject=("registration", registration_id),
        now=now,
        lg_code=lg_code,
        person_id=row.person_id,
        purpose=purpose,
        fields=SHOWN,
    )
    return row, events


def person_of_number(db: Session, *, lg_code: str, number: str) -> UUID | None:
    """Whose member number it is, however it was typed; None: nobody's here."""
    return db.scalars(
        select(Registration.person_id).where(
            Registration.lg_code == lg_code, Registration.member_number == normalise(number.strip())
        )
    ).one_or_none()
