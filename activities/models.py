"""Tables of hosts, activities and presence; each carries its local government's code in its keys.

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
)
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from core.ids import new_id
from core.tenancy import Reach, TableClass, rights
from core.types import LgCode, PersonalText

_HELD = {
    "person": ("siu", Reach.PERSON),
    "body": ("siu", Reach.BODY),
    "worker": ("siu", Reach.BODY),
}
_BODY_ONLY = {"body": ("siu", Reach.BODY), "worker": ("siu", Reach.BODY)}


class Organisation(Base):
    """A host organisation: 自治会, NPO, 消防団 … within one local government."""

    __tablename__ = "organisation"
    __table_args__ = (
        UniqueConstraint("lg_code", "name"),
        CheckConstraint("state in ('active', 'suspended', 'closed')", name="state"),
        {"info": rights(TableClass.HOST, person=("s", Reach.ALL), **_BODY_ONLY)},
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
                TableClass.HOST, gate=("s", Reach.ALL), person=("s", Reach.PERSON), **_BODY_ONLY
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
        {"info": rights(TableClass.HOST, **_BODY_ONLY)},
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
        {"info": rights(TableClass.HOST, **_BODY_ONLY)},
    )

    lg_code: Mapped[str] = mapped_column(LgCode, primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    since: Mapped[date] = mapped_column(primary_key=True)
    until: Mapped[date]
    categories: Mapped[list[Any]]
    granted_by: Mapped[str] = mapped_column(String(80))
    withdrawn_on: Mapped[date | None]
    withdrawn_reason: Mapped[str | None] = mapped_column(String(200))


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
                **_BODY_ONLY,
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
                    "sign_ups": "starts_at > {at}",
                },
                gate=("s", Reach.PUBLISHED),
                person=("s", Reach.PUBLISHED),
                operator=("s", Reach.PUBLISHED),
                **_BODY_ONLY,
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
                **_HELD,
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
                **_BODY_ONLY,
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
                **_BODY_ONLY,
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
                **_BODY_ONLY,
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
                TableClass.BODY, gate=("s", Reach.ALL), person=("s", Reach.ALL), **_BODY_ONLY
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
        {"info": rights(TableClass.BODY, **_HELD)},
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
