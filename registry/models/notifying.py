"""What a person chose about notices that leave the app."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from core.tenancy import Reach, TableClass, rights


class NotificationSetting(Base):
    """Quiet hours and switched-off channels of one person; none means the nation's (R23)."""

    __tablename__ = "notification_setting"
    __table_args__ = (
        CheckConstraint(
            "(quiet_from is null) = (quiet_until is null)"
            " and coalesce(quiet_from, 0) between 0 and 23"
            " and coalesce(quiet_until, 0) between 0 and 23",
            name="quiet",
        ),
        {
            "info": rights(
                TableClass.PERSON,
                person=("siu", Reach.PERSON),
                relay=("s", Reach.ALL),
            )
        },
    )

    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), primary_key=True)
    quiet_from: Mapped[int | None] = mapped_column(
        SmallInteger, comment="hour of the Japanese day; equal to the end: never quiet"
    )
    quiet_until: Mapped[int | None] = mapped_column(SmallInteger)
    off: Mapped[list[Any]] = mapped_column(
        default=list, server_default=text("'[]'"), comment="topic:channel that is switched off"
    )
    changed_at: Mapped[datetime]
