"""An activity, its designation, its sessions and who signed up.

What the public may see (designated activities and their sessions) is marked `published`,
so that registrants' pages reach it by one equality.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from core.ids import new_id
from core.tenancy import BODY_ONLY, HELD, Reach, TableClass, rights
from core.types import LgCode


class Activity(Base):
    """A 担い手活動: a project that counts once the local government designates it (R09)."""

    __tablename__ = "activity"
    __table_args__ = (
        ForeignKeyConstraint(
            ["lg_code", "organisation_id"], ["organisation.lg_code", "organisation.id"]
        ),
        Index("ix_activity_published", "lg_code", "state", postgresql_where="published"),
        CheckConstraint(
            "state in ('draft', 'submitted', 'designated', 'returned', 'rejected', 'withdrawn')",
            name="state",
        ),
        CheckConstraint("insurance in ('organiser', 'participant', 'none')", name="insurance"),
        CheckConstraint("attendance_mode in ('automatic', 'in_only', 'in_and_out')", name="mode"),
        CheckConstraint("published = (state = 'designated')", name="published"),
        {
            "info": rights(
                TableClass.HOST,
                person=("s", Reach.PUBLISHED),
                operator=("s", Reach.PUBLISHED),
                **BODY_ONLY,
            )
        },
    )

    lg_code: Mapped[str] = mapped_column(ForeignKey("local_government.code"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID]
    title: Mapped[str] = mapped_column(String(120))
    category: Mapped[str] = mapped_column(String(40))
    summary: Mapped[str] = mapped_column(String(1000), default="")
    bring: Mapped[str] = mapped_column(String(400), default="")
    contact: Mapped[str] = mapped_column(
        String(200), default="", comment="whom to call, as published"
    )
    state: Mapped[str] = mapped_column(String(10), default="draft")
    published: Mapped[bool] = mapped_column(default=False)
    pattern: Mapped[int | None] = mapped_column(comment="1 by project, 2 by trusted organisation")
    checklist: Mapped[dict[str, Any] | None] = mapped_column(
        comment="the four questions of R09, answered"
    )
    minutes_minimum: Mapped[int] = mapped_column(default=60)
    count_cap: Mapped[int | None]
    insurance: Mapped[str] = mapped_column(String(12), default="organiser")
    attendance_mode: Mapped[str] = mapped_column(String(10), default="in_only")
    late_night: Mapped[bool] = mapped_column(default=False, comment="hidden from minors (R18)")
    walk_in: Mapped[bool] = mapped_column(
        default=True, comment="registrants may come without sign-up"
    )
    beginners: Mapped[bool] = mapped_column(
        default=False, server_default=text("false"), comment="who has never done it is welcome"
    )
    site: Mapped[list[Any]] = mapped_column(
        default=list, server_default=text("'[]'"), comment="how the place is, in codes"
    )
    site_note: Mapped[str] = mapped_column(
        String(400), default="", server_default=text("''"), comment="how to get there"
    )
    audit_sampled: Mapped[bool] = mapped_column(default=False)
    proposed_by: Mapped[str] = mapped_column(String(80))
    created_at: Mapped[datetime]
    submitted_at: Mapped[datetime | None]
    decided_at: Mapped[datetime | None]
    designated_on: Mapped[date | None]
    withdrawn_at: Mapped[datetime | None] = mapped_column(
        comment="sessions that begin from here on are not designated; earlier ones stay so (R10)"
    )


class DesignationEvent(Base):
    """Each step of a proposal, with who took it and why; never changed (R09, R10)."""

    __tablename__ = "designation_event"
    __table_args__ = (
        ForeignKeyConstraint(["lg_code", "activity_id"], ["activity.lg_code", "activity.id"]),
        Index(None, "lg_code", "activity_id", "at"),
        {"info": rights(TableClass.HOST, body=("si", Reach.BODY), worker=("si", Reach.BODY))},
    )

    lg_code: Mapped[str] = mapped_column(LgCode, primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    activity_id: Mapped[UUID]
    from_state: Mapped[str] = mapped_column(String(10))
    to_state: Mapped[str] = mapped_column(String(10))
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(80))
    reason: Mapped[str | None] = mapped_column(String(400))
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)


class ActivitySession(Base):
    """開催回: one date, time and place of an activity. `taken` never passes `capacity` (C33)."""

    __tablename__ = "activity_session"
    __table_args__ = (
        ForeignKeyConstraint(["lg_code", "activity_id"], ["activity.lg_code", "activity.id"]),
        UniqueConstraint("lg_code", "id", "activity_id"),
        Index(None, "lg_code", "starts_at"),
        Index("ix_activity_session_published", "starts_at", postgresql_where="published"),
        CheckConstraint("ends_at > starts_at", name="order"),
        CheckConstraint("capacity is null or taken between 0 and capacity", name="capacity"),
        CheckConstraint("state in ('open', 'cancelled', 'closed')", name="state"),
        UniqueConstraint("poster_code"),
        {
            "info": rights(
                TableClass.HOST,
                {
                    "reminders": "state = 'open'"
                    " and starts_at >= ({as_of} + 1)::timestamp at time zone 'Asia/Tokyo'"
                    " and starts_at < ({as_of} + 2)::timestamp at time zone 'Asia/Tokyo'",
                    "readiness": "state = 'open' and published"
                    " and starts_at >= ({as_of} + 1)::timestamp at time zone 'Asia/Tokyo'"
                    " and starts_at < ({as_of} + 2)::timestamp at time zone 'Asia/Tokyo'",
                    "sign_ups": "starts_at > {at}",
                },
                gate=("s", Reach.PUBLISHED),
                person=("s", Reach.PUBLISHED),
                operator=("s", Reach.PUBLISHED),
                **BODY_ONLY,
            )
        },
    )

    lg_code: Mapped[str] = mapped_column(LgCode, primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    activity_id: Mapped[UUID]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    place: Mapped[str] = mapped_column(String(200))
    capacity: Mapped[int | None]
    taken: Mapped[int] = mapped_column(default=0, comment="places taken or held by an open offer")
    state: Mapped[str] = mapped_column(String(10), default="open")
    cancelled_at: Mapped[datetime | None]
    cancelled_reason: Mapped[str | None] = mapped_column(String(200))
    published: Mapped[bool] = mapped_column(default=False)
    overnight: Mapped[bool] = mapped_column(default=False)
    poster_code: Mapped[str] = mapped_column(String(8), comment="short code of the printed poster")
    created_at: Mapped[datetime]


class SignUp(Base):
    """A person's place in a session, or in its waiting line (C33)."""

    __tablename__ = "sign_up"
    __table_args__ = (
        ForeignKeyConstraint(
            ["lg_code", "session_id"], ["activity_session.lg_code", "activity_session.id"]
        ),
        UniqueConstraint("lg_code", "session_id", "person_id"),
        Index(None, "person_id"),
        Index(
            "ix_sign_up_waiting",
            "lg_code",
            "session_id",
            "waiting_since",
            postgresql_where="state in ('waiting', 'offered')",
        ),
        CheckConstraint(
            "state in ('taken', 'waiting', 'offered', 'declined', 'cancelled')", name="state"
        ),
        {
            "info": rights(
                TableClass.HOST,
                {
                    "offers": "state in ('waiting', 'offered') and offer_until <= {at}",
                    "waiting_lines": "state in ('waiting', 'offered')",
                },
                **HELD,
            )
        },
    )

    lg_code: Mapped[str] = mapped_column(LgCode, primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    session_id: Mapped[UUID]
    person_id: Mapped[UUID]
    registration_id: Mapped[UUID]
    state: Mapped[str] = mapped_column(String(10))
    insurance_proof: Mapped[bool] = mapped_column(default=False)
    signed_up_at: Mapped[datetime]
    waiting_since: Mapped[datetime | None]
    offer_until: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    reminded_at: Mapped[datetime | None]
