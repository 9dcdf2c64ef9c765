"""People, who they proved to be, and who answers for them."""

from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from core.ids import new_id
from core.tenancy import Reach, TableClass, rights
from core.types import PersonalDate, PersonalText


class Person(Base):
    """One human being; the id is that of their account. Owned by the person (R03, R12, R16)."""

    __tablename__ = "person"
    __table_args__ = (
        {
            "info": rights(
                TableClass.PERSON,
                person=("siu", Reach.RECIPIENT),
                worker=("su", Reach.RECIPIENT),
            )
        },
    )

    id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), primary_key=True)
    nickname: Mapped[str] = mapped_column(PersonalText)
    name: Mapped[str | None] = mapped_column(PersonalText)
    kana: Mapped[str | None] = mapped_column(PersonalText)
    birth_date: Mapped[date | None] = mapped_column(PersonalDate)
    birth_year: Mapped[int | None]
    declared_residence: Mapped[str | None] = mapped_column(ForeignKey("local_government.code"))
    verified_residence: Mapped[str | None] = mapped_column(ForeignKey("local_government.code"))
    address: Mapped[str | None] = mapped_column(
        PersonalText, comment="as the card says, for display"
    )
    emergency_name: Mapped[str | None] = mapped_column(
        PersonalText, comment="whom a host calls for a minor, on the day (R18)"
    )
    emergency_phone: Mapped[str | None] = mapped_column(PersonalText)
    identity_level: Mapped[str] = mapped_column(String(10), default="email", server_default="email")
    identity_checked_at: Mapped[datetime | None]
    identity_lapsed_on: Mapped[date | None] = mapped_column(
        comment="certificate no longer valid from this day"
    )
    link_default: Mapped[bool] = mapped_column(default=True, server_default=text("true"))
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    closed_reason: Mapped[str | None] = mapped_column(String(32))


class IdentityAttempt(Base):
    """One visit to the identity provider: single use, ten minutes, bound to the browser session."""

    __tablename__ = "identity_attempt"
    __table_args__ = (
        UniqueConstraint("state_hash"),
        {"info": rights(TableClass.PERSON, person=("siu", Reach.PERSON), worker=("sd", Reach.ALL))},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    session_hash: Mapped[str] = mapped_column(String(64))
    purpose: Mapped[str] = mapped_column(String(16), comment="premium, renewal, guardian")
    guardianship_id: Mapped[UUID | None] = mapped_column(comment="the consent a guardian gives")
    state_hash: Mapped[str] = mapped_column(String(64))
    nonce: Mapped[str] = mapped_column(String(120))
    verifier: Mapped[str] = mapped_column(String(160))
    scopes: Mapped[str] = mapped_column(String(120), comment="what was asked for, space separated")
    next_path: Mapped[str] = mapped_column(String(300), comment="where the browser goes afterwards")
    created_at: Mapped[datetime] = mapped_column(comment="protocol time, as expires_at and used_at")
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    result: Mapped[str | None] = mapped_column(String(40))


class IdentityLink(Base):
    """One identity subject belongs to one account; only its blind index is searchable (R12)."""

    __tablename__ = "identity_link"
    __table_args__ = (
        UniqueConstraint("subject_index"),
        {"info": rights(TableClass.PERSON, person=("siud", Reach.PERSON))},
    )

    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), primary_key=True)
    subject_index: Mapped[str] = mapped_column(String(64))
    issuer: Mapped[str] = mapped_column(String(200))
    level: Mapped[str] = mapped_column(String(10))
    checked_at: Mapped[datetime]


class Guardianship(Base):
    """Somebody stands by somebody: scope, version of the text, when, until when (R18, C43).

    `person_id` is the minor. The guardian answers through an invitation and proves who they
    are with their own card; the guardian's account is recorded once they have one. With the scope
    `managed` the guardian acts for a young child; with `helper` the person is an adult who asked
    somebody to lend a hand, and `guardian_id` is the helper.
    """

    __tablename__ = "guardianship"
    __table_args__ = (
        Index(None, "person_id"),
        Index(None, "guardian_id"),
        UniqueConstraint("invite_hash"),
        CheckConstraint("state in ('invited', 'living', 'withdrawn', 'ended')", name="state"),
        Index(
            "ix_guardianship_until",
            "until",
            postgresql_where="until is not null and state in ('invited', 'living')",
        ),
        {
            "info": rights(
                TableClass.PERSON,
                person=("siu", Reach.PERSON),
                gate=("su", Reach.ALL),
                worker=("su", Reach.ALL),
            )
        },
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    guardian_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    contact: Mapped[str] = mapped_column(PersonalText, comment="the guardian's e-mail address")
    state: Mapped[str] = mapped_column(String(10))
    scope: Mapped[str] = mapped_column(String(10), comment="basic, premium, managed or helper")
    until: Mapped[date | None] = mapped_column(comment="first day on which it no longer holds")
    guardian_name: Mapped[str | None] = mapped_column(
        PersonalText, comment="as the guardian or helper is called, for the person to read"
    )
    text_version: Mapped[str] = mapped_column(String(20))
    invite_hash: Mapped[str] = mapped_column(String(64))
    invited_at: Mapped[datetime]
    contact_confirmed_at: Mapped[datetime | None]
    verified_at: Mapped[datetime | None] = mapped_column(comment="with the guardian's own card")
    ended_at: Mapped[datetime | None]
    ended_reason: Mapped[str | None] = mapped_column(String(24))

    @property
    def last_day(self) -> date | None:
        """The last day on which it holds, as people say it."""
        return None if self.until is None else self.until - timedelta(days=1)
