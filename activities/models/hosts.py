"""Host organisations, their people and how far they are trusted."""

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
)
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from core.ids import new_id
from core.tenancy import BODY_ONLY, Reach, TableClass, rights
from core.types import LgCode, PersonalText


class Organisation(Base):
    """A host organisation: 自治会, NPO, 消防団 … within one local government."""

    __tablename__ = "organisation"
    __table_args__ = (
        UniqueConstraint("lg_code", "name"),
        CheckConstraint("state in ('active', 'suspended', 'closed')", name="state"),
        {"info": rights(TableClass.HOST, person=("s", Reach.ALL), **BODY_ONLY)},
    )

    lg_code: Mapped[str] = mapped_column(ForeignKey("local_government.code"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(120))
    kind: Mapped[str] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(10), default="active")
    created_at: Mapped[datetime]


class OrganisationMember(Base):
    """A person who acts for a host organisation; also the sign-in gate's source of that right."""

    __tablename__ = "organisation_member"
    __table_args__ = (
        ForeignKeyConstraint(
            ["lg_code", "organisation_id"], ["organisation.lg_code", "organisation.id"]
        ),
        Index(None, "person_id"),
        CheckConstraint("role in ('organiser', 'reception')", name="role"),
        {
            "info": rights(
                TableClass.HOST, gate=("s", Reach.ALL), person=("s", Reach.PERSON), **BODY_ONLY
            )
        },
    )

    lg_code: Mapped[str] = mapped_column(LgCode, primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(primary_key=True)
    role: Mapped[str] = mapped_column(String(10))
    name: Mapped[str] = mapped_column(PersonalText)
    granted_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class OrganisationInvitation(Base):
    """A link that makes the person who opens it a member: single use, with an end.

    A local government reads no accounts, so it invites and the person accepts.
    """

    __tablename__ = "organisation_invitation"
    __table_args__ = (
        ForeignKeyConstraint(
            ["lg_code", "organisation_id"], ["organisation.lg_code", "organisation.id"]
        ),
        UniqueConstraint("token_hash"),
        CheckConstraint("role in ('organiser', 'reception')", name="role"),
        {"info": rights(TableClass.HOST, **BODY_ONLY)},
    )

    lg_code: Mapped[str] = mapped_column(LgCode, primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID]
    role: Mapped[str] = mapped_column(String(10))
    name: Mapped[str] = mapped_column(PersonalText)
    token_hash: Mapped[str] = mapped_column(String(64))
    invited_by: Mapped[str] = mapped_column(String(80))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]


class OrganisationTrust(Base):
    """Pattern 2: projects of this organisation are designated in principle (R10)."""

    __tablename__ = "organisation_trust"
    __table_args__ = (
        ForeignKeyConstraint(
            ["lg_code", "organisation_id"], ["organisation.lg_code", "organisation.id"]
        ),
        {"info": rights(TableClass.HOST, **BODY_ONLY)},
    )

    lg_code: Mapped[str] = mapped_column(LgCode, primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    since: Mapped[date] = mapped_column(primary_key=True)
    until: Mapped[date]
    categories: Mapped[list[Any]]
    granted_by: Mapped[str] = mapped_column(String(80))
    withdrawn_on: Mapped[date | None]
    withdrawn_reason: Mapped[str | None] = mapped_column(String(200))
