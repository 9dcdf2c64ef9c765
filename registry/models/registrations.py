"""A registration and what hangs on it."""

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
from core.tenancy import HELD, Reach, TableClass, rights
from core.types import LgCode, PersonalText
from registry.models.planning import UNPLANNED


class Registration(Base):
    """A person with a local government: one row for ever, its state moves (R02, R03, R06, R14).

    A prefecture's row keeps two independent origins: `direct`, and `derived` from the
    municipalities listed in `derived_from`.
    """

    __tablename__ = "registration"
    __table_args__ = (
        UniqueConstraint("lg_code", "person_id"),
        Index(None, "person_id"),
        Index(
            "ix_registration_clock",
            "lg_code",
            "clock_due_on",
            postgresql_where="status = 'active' and direct",
        ),
        Index(
            "ix_registration_survey",
            "lg_code",
            "survey_due_on",
            postgresql_where="status = 'active' and direct and survey_due_on is not null",
        ),
        Index(
            "ix_registration_minor",
            "lg_code",
            "minor_until",
            postgresql_where="minor_until is not null",
        ),
        Index(
            "ix_registration_alike",
            "lg_code",
            "alike_due_on",
            postgresql_where="alike_due_on is not null",
        ),
        Index("ix_registration_over_cap", "lg_code", postgresql_where="over_cap_since is not null"),
        Index(
            "ix_registration_past",
            "lg_code",
            "restore_until",
            "ended_on",
            postgresql_where="status <> 'active' and pseudonymised_on is null",
        ),
        Index("ix_registration_number", "lg_code", "member_number", unique=True),
        CheckConstraint("tier in ('basic', 'premium')", name="tier"),
        CheckConstraint(
            "status in ('active', 'pending', 'released_dormant', 'withdrawn', 'ended', 'closed')",
            name="status",
        ),
        CheckConstraint("status <> 'active' or direct or derived", name="origin"),
        CheckConstraint("not (residence_related and tier = 'premium')", name="residence"),
        {
            "info": rights(
                TableClass.BODY,
                {
                    "adults": "minor_until <= {as_of}",
                    "dormancy": "status = 'active' and direct and clock_due_on <= {as_of}",
                    "duplicates": "alike_due_on <= {as_of}",
                    "figures": "status = 'active'",
                    "over_cap": "over_cap_since is not null",
                    "survey": "status = 'active' and direct and survey_due_on <= {as_of}",
                    "retention": "status <> 'active' and pseudonymised_on is null"
                    " and least(restore_until, ended_on) < {as_of}",
                },
                "status = 'active' and direct",
                **HELD,
            )
        },
    )

    lg_code: Mapped[str] = mapped_column(ForeignKey("local_government.code"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    tier: Mapped[str] = mapped_column(String(8), default="basic")
    status: Mapped[str] = mapped_column(String(16), default="active")
    direct: Mapped[bool]
    derived: Mapped[bool] = mapped_column(default=False)
    derived_from: Mapped[list[Any]] = mapped_column(
        default=list, comment="snapshots of living sources"
    )
    link_opted_out: Mapped[bool] = mapped_column(
        default=False, comment="no prefectural row from this one"
    )
    residence_relation: Mapped[str] = mapped_column(String(12), default="unknown")
    residence_related: Mapped[bool] = mapped_column(default=False)
    over_cap_since: Mapped[date | None]
    member_number: Mapped[str] = mapped_column(String(12), comment="printed under the card's code")
    registered_on: Mapped[date]
    last_access_on: Mapped[date]
    clock_due_on: Mapped[date] = mapped_column(
        default=UNPLANNED,
        server_default=text("'2000-01-01'"),
        comment="the night of this day looks at the clock of dormancy",
    )
    survey_due_on: Mapped[date | None] = mapped_column(
        default=UNPLANNED,
        server_default=text("'2000-01-01'"),
        comment="the night of this day reminds of the first questionnaire; empty: never again",
    )
    alike_due_on: Mapped[date | None] = mapped_column(
        comment="the night of this day looks whether the person is registered twice (C42)"
    )
    released_on: Mapped[date | None]
    restore_until: Mapped[date | None]
    ended_on: Mapped[date | None]
    ended_reason: Mapped[str | None] = mapped_column(String(32))
    pseudonymised_on: Mapped[date | None]
    # The body's own copy (R25): staff read this and never the person's own rows.
    display_name: Mapped[str] = mapped_column(PersonalText)
    kana: Mapped[str | None] = mapped_column(PersonalText)
    residence_code: Mapped[str | None] = mapped_column(LgCode)
    minor_until: Mapped[date | None] = mapped_column(comment="first day as an adult, for minors")
    emergency_name: Mapped[str | None] = mapped_column(PersonalText, comment="of minors (R18)")
    emergency_phone: Mapped[str | None] = mapped_column(PersonalText, comment="of minors (R18)")
    identity_level: Mapped[str] = mapped_column(String(10), default="email")
    identity_lapsed_on: Mapped[date | None]
    identity_checked_on: Mapped[date | None] = mapped_column(comment="of the last check (R12)")


class RegistrationEvent(Base):
    """What happened to a registration, in order; never changed (R14, C38)."""

    __tablename__ = "registration_event"
    __table_args__ = (
        ForeignKeyConstraint(
            ["lg_code", "registration_id"], ["registration.lg_code", "registration.id"]
        ),
        Index(None, "lg_code", "registration_id", "at"),
        {
            "info": rights(
                TableClass.BODY,
                person=("si", Reach.PERSON),
                body=("si", Reach.BODY),
                worker=("si", Reach.BODY),
            )
        },
    )

    lg_code: Mapped[str] = mapped_column(LgCode, primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    registration_id: Mapped[UUID]
    person_id: Mapped[UUID]
    kind: Mapped[str] = mapped_column(String(32))
    at: Mapped[datetime]
    on_day: Mapped[date]
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)


class SurveyAnswer(Base):
    """Answers to the questionnaire at registration, with its version (R04)."""

    __tablename__ = "survey_answer"
    __table_args__ = (
        ForeignKeyConstraint(
            ["lg_code", "registration_id"], ["registration.lg_code", "registration.id"]
        ),
        {"info": rights(TableClass.BODY, **HELD)},
    )

    lg_code: Mapped[str] = mapped_column(LgCode, primary_key=True)
    registration_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[str] = mapped_column(String(20), primary_key=True)
    person_id: Mapped[UUID]
    answers: Mapped[dict[str, Any]]
    answered_at: Mapped[datetime]


class DormancyNotice(Base):
    """A notice before release, sent for one silence: its key is the day of the last access (R06)."""

    __tablename__ = "dormancy_notice"
    __table_args__ = (
        ForeignKeyConstraint(
            ["lg_code", "registration_id"], ["registration.lg_code", "registration.id"]
        ),
        {
            "info": rights(
                TableClass.BODY,
                person=("s", Reach.PERSON),
                body=("s", Reach.BODY),
                worker=("si", Reach.BODY),
            )
        },
    )

    lg_code: Mapped[str] = mapped_column(LgCode, primary_key=True)
    registration_id: Mapped[UUID] = mapped_column(primary_key=True)
    last_access_on: Mapped[date] = mapped_column(primary_key=True)
    notice_days: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[UUID]
    sent_on: Mapped[date]


class Card(Base):
    """The certificate: what a signed code stands for. Revoked with the entitlement (C45, R22)."""

    __tablename__ = "card"
    __table_args__ = (
        ForeignKeyConstraint(
            ["lg_code", "registration_id"], ["registration.lg_code", "registration.id"]
        ),
        UniqueConstraint("lg_code", "card_ref"),
        Index(None, "lg_code", "registration_id"),
        CheckConstraint("kind in ('paper', 'phone')", name="kind"),
        {"info": rights(TableClass.BODY, **HELD)},
    )

    lg_code: Mapped[str] = mapped_column(LgCode, primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    card_ref: Mapped[str] = mapped_column(
        String(20), comment="10 random bytes, hex, as in the code"
    )
    registration_id: Mapped[UUID]
    person_id: Mapped[UUID]
    kind: Mapped[str] = mapped_column(String(6))
    device_public_key: Mapped[str | None] = mapped_column(
        String(66), comment="hex, phone cards only"
    )
    device_name: Mapped[str | None] = mapped_column(
        String(40), comment="what the owner tells their phones apart by"
    )
    sign_in_ref: Mapped[str | None] = mapped_column(
        String(64), comment="which sign-in certified it, said differently to each body"
    )
    issued_at: Mapped[datetime]
    expires_on: Mapped[date]
    revoked_at: Mapped[datetime | None]
    revoked_reason: Mapped[str | None] = mapped_column(String(24))


class Certificate(Base):
    """証明書: what somebody has shown others about a registration; anybody may check it (R22).

    What stands on it is kept as it was on that day. Whether it still holds is asked of the
    registration, each time.
    """

    __tablename__ = "certificate"
    __table_args__ = (
        ForeignKeyConstraint(
            ["lg_code", "registration_id"], ["registration.lg_code", "registration.id"]
        ),
        UniqueConstraint("lg_code", "number"),
        Index(None, "lg_code", "registration_id"),
        CheckConstraint("tier in ('basic', 'premium')", name="tier"),
        {"info": rights(TableClass.BODY, **HELD)},
    )

    lg_code: Mapped[str] = mapped_column(LgCode, primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    number: Mapped[str] = mapped_column(String(10), comment="random; below the code of the body")
    registration_id: Mapped[UUID]
    person_id: Mapped[UUID]
    issued_at: Mapped[datetime]
    tier: Mapped[str] = mapped_column(String(8))
    premium_until: Mapped[date | None]
    counted: Mapped[int] = mapped_column(comment="participations in the year up to that day")
    minutes: Mapped[int] = mapped_column(comment="of those")
    revoked_at: Mapped[datetime | None]


class PendingLink(Base):
    """A prefecture that has not joined: the link waits, and wakes only after telling the person (R02)."""

    __tablename__ = "pending_link"
    __table_args__ = (
        Index(None, "lg_code"),
        {
            "info": rights(
                TableClass.PERSON,
                {"links": "since <= {as_of}"},
                person=("siud", Reach.PERSON),
                body=("siud", Reach.BODY),
                worker=("siud", Reach.BODY),
            )
        },
    )

    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), primary_key=True)
    lg_code: Mapped[str] = mapped_column(LgCode, primary_key=True, comment="the prefecture")
    source_lg_code: Mapped[str] = mapped_column(LgCode, primary_key=True)
    since: Mapped[date]
    told_at: Mapped[datetime | None]
