"""What one member of staff asked for and another one has to confirm."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from core.ids import new_id
from core.tenancy import Reach, TableClass, rights
from core.types import PersonalText


class Confirmation(Base):
    """One person asked, another one answers; the database refuses the same one (P19, C47).

    `asked_by` and `answered_by` are whoever the transaction works for: a trigger compares them
    with the context, so that nobody writes somebody else's name. What is asked never changes.
    `subject` tells two wishes of a kind apart; `name` is the colleague a role is for.
    """

    __tablename__ = "confirmation"
    __table_args__ = (
        CheckConstraint("kind in ('requirement', 'auto_mode', 'manager_role')", name="kind"),
        CheckConstraint(
            "state in ('open', 'confirmed', 'declined', 'cancelled', 'expired')", name="state"
        ),
        CheckConstraint("(state = 'open') = (answered_by is null)", name="answered"),
        CheckConstraint(
            "state not in ('confirmed', 'declined')"
            " or (answered_by <> asked_by and answered_by <> subject)",
            name="two_people",
        ),
        CheckConstraint("state <> 'confirmed' or answered_at <= expires_at", name="in_time"),
        Index(
            "uq_confirmation_open",
            "lg_code",
            "kind",
            "subject",
            unique=True,
            postgresql_where="state = 'open'",
        ),
        {"info": rights(TableClass.BODY, body=("siu", Reach.BODY))},
    )

    lg_code: Mapped[str] = mapped_column(ForeignKey("local_government.code"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(String(12))
    subject: Mapped[str] = mapped_column(String(80))
    facts: Mapped[dict[str, Any]]
    name: Mapped[str | None] = mapped_column(PersonalText)
    state: Mapped[str] = mapped_column(String(10), default="open", server_default="open")
    asked_by: Mapped[str] = mapped_column(String(80))
    asked_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    answered_by: Mapped[str | None] = mapped_column(String(80))
    answered_at: Mapped[datetime | None]
