"""Devices, attempts, check-ins and what they count."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from core.ids import new_id
from core.tenancy import BODY_ONLY, HELD, Reach, TableClass, rights
from core.types import LgCode


class ScannerDevice(Base):
    """An organiser's enrolled phone or counter: its own record, revocable without the person (C27)."""

    __tablename__ = "scanner_device"
    __table_args__ = (
        ForeignKeyConstraint(
            ["lg_code", "organisation_id"], ["organisation.lg_code", "organisation.id"]
        ),
        UniqueConstraint("token_hash"),
        {
            "info": rights(
                TableClass.HOST,
                gate=("s", Reach.ALL),
                **BODY_ONLY,
            )
        },
    )

    lg_code: Mapped[str] = mapped_column(LgCode, primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID]
    label: Mapped[str] = mapped_column(String(60))
    token_hash: Mapped[str] = mapped_column(String(64))
    enrolled_by: Mapped[UUID] = mapped_column(comment="person or staff account")
    enrolled_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    armed_until: Mapped[datetime | None]
    last_seen_at: Mapped[datetime | None]
    last_sequence: Mapped[int] = mapped_column(default=0, comment="highest scan number received")
    reported_sequence: Mapped[int] = mapped_column(
        default=0, comment="highest scan number the device says it made"
    )
    ends_at: Mapped[datetime | None] = mapped_column(comment="ends by itself at this instant")
    log_sequence: Mapped[int] = mapped_column(
        default=0, server_default="0", comment="last line of the device's log that is known"
    )
    log_mark: Mapped[str] = mapped_column(
        String(64), default="", server_default="", comment="the mark of that line"
    )
    log_broken_at: Mapped[datetime | None] = mapped_column(
        comment="when a line was found that does not follow from the one before"
    )


class DeviceTicket(Base):
    """A one-time right to become a scanner, shown as a QR code for some minutes (C27).

    The token is made of the id and the platform's secret; nothing here opens anything.
    """

    __tablename__ = "device_ticket"
    __table_args__ = (
        ForeignKeyConstraint(
            ["lg_code", "organisation_id"], ["organisation.lg_code", "organisation.id"]
        ),
        {"info": rights(TableClass.HOST, **BODY_ONLY)},
    )

    lg_code: Mapped[str] = mapped_column(LgCode, primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID]
    label: Mapped[str] = mapped_column(String(60))
    offered_by: Mapped[str] = mapped_column(String(80), comment="who answers for the device")
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ends_at: Mapped[datetime] = mapped_column(comment="until when the device may work")
    used_at: Mapped[datetime | None]
    device_id: Mapped[UUID | None]


class ScanAttempt(Base):
    """Every try to prove presence, whatever its result; append-only (C1, C2, C4).

    A second arrival of the same (device or person, scan id) gets the first stored answer.
    Unknown codes are kept as hashes only.
    """

    __tablename__ = "scan_attempt"
    __table_args__ = (
        Index(None, "lg_code", "session_id", "received_at"),
        Index(None, "lg_code", "person_id"),
        Index("ix_scan_attempt_seen", "lg_code", "code_hash"),
        Index(
            "ix_scan_attempt_refused",
            "lg_code",
            "received_at",
            postgresql_where="outcome = 'refused'",
        ),
        {
            "info": rights(
                TableClass.HOST,
                {
                    "retention": "outcome = 'refused' and received_at < {at} - interval '1 day'",
                },
                person=("s", Reach.PERSON),
                body=("si", Reach.BODY),
                worker=("sd", Reach.BODY),
            )
        },
    )

    lg_code: Mapped[str] = mapped_column(LgCode, primary_key=True)
    source: Mapped[str] = mapped_column(
        String(80), primary_key=True, comment="device:id, person:id or staff:id"
    )
    scan_id: Mapped[UUID] = mapped_column(
        primary_key=True, comment="made by the client before the first try"
    )
    session_id: Mapped[UUID | None]
    activity_id: Mapped[UUID | None]
    person_id: Mapped[UUID | None]
    method: Mapped[str] = mapped_column(
        String(16), comment="venue, poster, card, phone, roster, typed"
    )
    direction: Mapped[str] = mapped_column(String(3), default="in")
    code_hash: Mapped[str | None] = mapped_column(String(64))
    outcome: Mapped[str] = mapped_column(
        String(12), comment="accepted, already, refused, needs_input"
    )
    reason: Mapped[str] = mapped_column(String(40))
    counted: Mapped[bool]
    provisional: Mapped[bool] = mapped_column(default=False)
    offline: Mapped[bool] = mapped_column(default=False)
    assurance: Mapped[str] = mapped_column(String(16), default="low")
    sequence: Mapped[int | None]
    scanned_at: Mapped[datetime] = mapped_column(comment="corrected by the measured offset")
    device_at: Mapped[datetime | None] = mapped_column(comment="what the device's clock said")
    offset_ms: Mapped[int | None]
    offset_method: Mapped[str | None] = mapped_column(String(16))
    received_at: Mapped[datetime]
    duplicate_of: Mapped[UUID | None]
    answer: Mapped[dict[str, Any]]


class CheckIn(Base):
    """A person's accepted presence at a session: one an in, one an out (C3); annulled, never deleted."""

    __tablename__ = "check_in"
    __table_args__ = (
        ForeignKeyConstraint(
            ["lg_code", "session_id"], ["activity_session.lg_code", "activity_session.id"]
        ),
        Index(
            "uq_check_in_living",
            "lg_code",
            "session_id",
            "person_id",
            "direction",
            unique=True,
            postgresql_where="annulled_at is null",
        ),
        Index(None, "person_id"),
        {
            "info": rights(
                TableClass.HOST,
                person=("s", Reach.PERSON),
                **BODY_ONLY,
            )
        },
    )

    lg_code: Mapped[str] = mapped_column(LgCode, primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    session_id: Mapped[UUID]
    person_id: Mapped[UUID]
    direction: Mapped[str] = mapped_column(String(3), default="in")
    at: Mapped[datetime]
    source: Mapped[str] = mapped_column(String(80))
    scan_id: Mapped[UUID]
    method: Mapped[str] = mapped_column(String(16))
    assurance: Mapped[str] = mapped_column(String(16))
    provisional: Mapped[bool] = mapped_column(default=False)
    annulled_at: Mapped[datetime | None]
    annulled_by: Mapped[str | None] = mapped_column(String(80))
    annulled_reason: Mapped[str | None] = mapped_column(String(200))


class Participation(Base):
    """参加実績: the record that counts, at most one a person, body and day (R08).

    `designated`, `category` and `minutes` are copied from the activity as it was, so that the
    nightly judgement reads one table.
    """

    __tablename__ = "participation"
    __table_args__ = (
        Index(
            "uq_participation_counted",
            "lg_code",
            "person_id",
            "day",
            unique=True,
            postgresql_where="counted",
        ),
        Index(
            "uq_participation_living",
            "lg_code",
            "session_id",
            "person_id",
            "day",
            unique=True,
            postgresql_where="annulled_at is null",
        ),
        Index(
            "ix_participation_evidence",
            "lg_code",
            "registration_id",
            "day",
            postgresql_where="counted and designated",
            postgresql_include=["activity_id", "minutes", "category"],
        ),
        Index(None, "person_id", "day"),
        Index("ix_participation_provisional", "lg_code", postgresql_where="provisional"),
        {
            "info": rights(
                TableClass.BODY,
                {"settle": "provisional"},
                person=("s", Reach.PERSON),
                **BODY_ONLY,
            )
        },
    )

    lg_code: Mapped[str] = mapped_column(LgCode, primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID]
    registration_id: Mapped[UUID]
    session_id: Mapped[UUID]
    activity_id: Mapped[UUID]
    day: Mapped[date]
    designated: Mapped[bool]
    counted: Mapped[bool]
    not_counted_reason: Mapped[str | None] = mapped_column(String(40))
    minutes: Mapped[int]
    minutes_minimum: Mapped[int]
    count_cap: Mapped[int | None] = mapped_column(
        comment="the activity's own limit of counts in one period, as on that day (R08)"
    )
    overnight_next_day: Mapped[bool] = mapped_column(default=False)
    category: Mapped[str] = mapped_column(String(40))
    method: Mapped[str] = mapped_column(String(16))
    assurance: Mapped[str] = mapped_column(String(16))
    provisional: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    annulled_at: Mapped[datetime | None]


class ParticipationChange(Base):
    """A correction with who, when, why, before and after; never changed (R19)."""

    __tablename__ = "participation_change"
    __table_args__ = (
        ForeignKeyConstraint(
            ["lg_code", "participation_id"], ["participation.lg_code", "participation.id"]
        ),
        Index(None, "lg_code", "participation_id", "at"),
        {
            "info": rights(
                TableClass.BODY,
                person=("s", Reach.PERSON),
                body=("si", Reach.BODY),
                worker=("si", Reach.BODY),
            )
        },
    )

    lg_code: Mapped[str] = mapped_column(LgCode, primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    participation_id: Mapped[UUID]
    person_id: Mapped[UUID]
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(80))
    reason: Mapped[str] = mapped_column(String(200))
    before: Mapped[dict[str, Any]]
    after: Mapped[dict[str, Any]]


class StayPlace(Base):
    """A place where a stay can be proved: lodging, coworking, library, 道の駅, town office (R11)."""

    __tablename__ = "stay_place"
    __table_args__ = (
        UniqueConstraint("poster_code"),
        {
            "info": rights(
                TableClass.BODY, gate=("s", Reach.ALL), person=("s", Reach.ALL), **BODY_ONLY
            )
        },
    )

    lg_code: Mapped[str] = mapped_column(ForeignKey("local_government.code"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(120))
    kind: Mapped[str] = mapped_column(String(20))
    poster_code: Mapped[str] = mapped_column(String(8))
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class StayDay(Base):
    """滞在日: a day with evidence of being there, one a person, body and day (R11)."""

    __tablename__ = "stay_day"
    __table_args__ = (
        Index(None, "person_id", "day"),
        {"info": rights(TableClass.BODY, **HELD)},
    )

    lg_code: Mapped[str] = mapped_column(LgCode, primary_key=True)
    person_id: Mapped[UUID] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    registration_id: Mapped[UUID]
    evidence: Mapped[str] = mapped_column(String(16), comment="check_in, place, report")
    source_id: Mapped[UUID]
    state: Mapped[str] = mapped_column(
        String(10), default="counted", comment="counted, reported, annulled"
    )
    created_at: Mapped[datetime]
