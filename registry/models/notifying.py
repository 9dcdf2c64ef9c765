"""What a person chose about notices that leave the app."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    SmallInteger,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from core.ids import new_id
from core.tenancy import Reach, TableClass, rights
from core.types import PersonalText


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


class PushSubscription(Base):
    """One browser that shows notices of a person; it ends when its push service says so (R23).

    The address is a secret of the browser: whoever has it and our key could send to it.
    """

    __tablename__ = "push_subscription"
    __table_args__ = (
        UniqueConstraint("person_id", "endpoint_hash"),
        Index(None, "endpoint_hash"),
        Index(None, "session_hash"),
        {
            "info": rights(
                TableClass.PERSON,
                gate=("sd", Reach.ALL),
                person=("sid", Reach.PERSON),
                relay=("sd", Reach.ALL),
            )
        },
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    endpoint: Mapped[str] = mapped_column(PersonalText)
    endpoint_hash: Mapped[str] = mapped_column(String(64))
    p256dh: Mapped[str] = mapped_column(PersonalText)
    auth: Mapped[str] = mapped_column(PersonalText)
    session_hash: Mapped[str] = mapped_column(
        String(64), comment="the sign-in it was made with; signing out ends it"
    )
    device: Mapped[str] = mapped_column(String(80), comment="browser and system, as lists say it")
    created_at: Mapped[datetime]
