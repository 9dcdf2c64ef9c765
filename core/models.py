"""Tables of the machinery: accounts and sessions, outbox, jobs, idempotency, audit, keys."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    func,
)
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from core.ids import new_id
from core.tenancy import Reach, TableClass, rights
from core.types import LgCode, PersonalText


class Account(Base):
    """Somebody who can sign in: a registrant, a member of staff, or an operator.

    A registrant's account id is their person id. The e-mail address is kept here only;
    no local government reads it. A child managed by its guardian (R18) has the guardian's address
    for its mail and no `email_key`: nobody signs in as the child.
    """

    __tablename__ = "account"
    __table_args__ = (
        UniqueConstraint("kind", "email_key"),
        {
            "info": rights(
                TableClass.PERSON,
                gate=("siu", Reach.ALL),
                person=("siu", Reach.RECIPIENT),
                relay=("s", Reach.ALL),
            )
        },
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(String(16))
    email: Mapped[str | None] = mapped_column(PersonalText)
    email_key: Mapped[str | None] = mapped_column(String(64), comment="blind index of the address")
    email_verified_at: Mapped[datetime | None]
    language: Mapped[str] = mapped_column(String(8), default="ja", server_default="ja")
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class WebSession(Base):
    """A sign-in that can be ended on the server: a browser's, or a mobile app's bearer token."""

    __tablename__ = "web_session"
    __table_args__ = (
        Index(None, "account_id"),
        UniqueConstraint("id"),
        {"info": rights(TableClass.PERSON, gate=("siud", Reach.ALL), worker=("sd", Reach.ALL))},
    )

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[UUID] = mapped_column(
        default=new_id, server_default=func.gen_random_uuid(), comment="names it in lists"
    )
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    transport: Mapped[str] = mapped_column(String(8), comment="cookie or bearer")
    method: Mapped[str] = mapped_column(
        String(8), default="code", server_default="code", comment="code or passkey"
    )
    user_verified_at: Mapped[datetime | None] = mapped_column(
        comment="a passkey last verified who holds the device: sign-in or step-up"
    )
    device_hash: Mapped[str] = mapped_column(
        String(64), default="", server_default="", comment="the browser's own mark"
    )
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    user_agent: Mapped[str] = mapped_column(String(200), default="")


class SignInCode(Base):
    """A code sent by e-mail: ten minutes, five tries, bound to the browser that asked."""

    __tablename__ = "sign_in_code"
    __table_args__ = (
        Index(None, "kind", "email_key", "created_at"),
        {"info": rights(TableClass.PERSON, gate=("siud", Reach.ALL), worker=("sd", Reach.ALL))},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(String(16))
    email: Mapped[str] = mapped_column(PersonalText)
    email_key: Mapped[str] = mapped_column(String(64))
    code_hash: Mapped[str] = mapped_column(String(64))
    binding_hash: Mapped[str] = mapped_column(String(64))
    address_hash: Mapped[str] = mapped_column(String(64), default="")
    tries: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class Passkey(Base):
    """The public half of a key that never leaves somebody's device, and what is known of it."""

    __tablename__ = "passkey"
    __table_args__ = (
        UniqueConstraint("credential_id"),
        Index(None, "account_id"),
        {"info": rights(TableClass.PERSON, gate=("siud", Reach.ALL))},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    credential_id: Mapped[bytes] = mapped_column(LargeBinary)
    public_key: Mapped[bytes] = mapped_column(LargeBinary, comment="COSE")
    sign_count: Mapped[int] = mapped_column(BigInteger, comment="0 for ever where devices sync")
    name: Mapped[str] = mapped_column(PersonalText, comment="as its owner calls it")
    device_type: Mapped[str] = mapped_column(
        String(16), comment="single_device, or multi_device where it may be synced"
    )
    backed_up: Mapped[bool]
    aaguid: Mapped[str] = mapped_column(String(36), comment="the make of the authenticator")
    transports: Mapped[list[Any]] = mapped_column(comment="how a browser reaches it")
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    blocked_at: Mapped[datetime | None] = mapped_column(
        comment="its counter went back: somebody may hold a copy"
    )


class PasskeyChallenge(Base):
    """What a device is to sign: five minutes, one try, for whoever asked."""

    __tablename__ = "passkey_challenge"
    __table_args__ = (
        UniqueConstraint("binding_hash"),
        Index(None, "address_hash", "created_at"),
        {"info": rights(TableClass.PERSON, gate=("sid", Reach.ALL), worker=("sd", Reach.ALL))},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    binding_hash: Mapped[str] = mapped_column(String(64))
    challenge: Mapped[bytes] = mapped_column(LargeBinary)
    purpose: Mapped[str] = mapped_column(String(8), comment="register, sign_in or confirm")
    kind: Mapped[str] = mapped_column(String(16))
    session_hash: Mapped[str | None] = mapped_column(
        String(64), comment="whose, unless for signing in"
    )
    address_hash: Mapped[str] = mapped_column(String(64), default="")
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class ExportFile(Base):
    """A copy of everything we hold of a person, sealed, for one day, for that person alone."""

    __tablename__ = "export_file"
    __table_args__ = (
        Index(None, "person_id", "asked_at"),
        Index("ix_export_file_open", "state", "expires_at"),
        CheckConstraint("state in ('asked', 'ready')", name="state"),
        {
            "info": rights(
                TableClass.PERSON,
                person=("siu", Reach.PERSON),
                worker=("sd", Reach.ALL),
            )
        },
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    state: Mapped[str] = mapped_column(String(8))
    row_count: Mapped[int]
    asked_at: Mapped[datetime]
    ready_at: Mapped[datetime | None]
    expires_at: Mapped[datetime]
    data_sealed: Mapped[str | None] = mapped_column(Text, comment="JSON, packed and sealed")
    sheet_sealed: Mapped[str | None] = mapped_column(Text, comment="PDF, packed and sealed")


class IdempotencyKey(Base):
    """A write that was asked for under a key, and the answer it got."""

    __tablename__ = "idempotency_key"
    __table_args__ = (
        {
            "info": rights(
                TableClass.MACHINERY,
                gate=("siu", Reach.ACTOR),
                person=("siu", Reach.ACTOR),
                body=("siu", Reach.ACTOR),
                operator=("siu", Reach.ACTOR),
                worker=("sd", Reach.ALL),
            )
        },
    )

    actor: Mapped[str] = mapped_column(String(80), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    request_hash: Mapped[str] = mapped_column(String(64))
    status: Mapped[int | None]
    response: Mapped[dict[str, Any] | None] = mapped_column()
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class AuditEvent(Base):
    """Who did or read what, when and why. Inserted with the act; never changed."""

    __tablename__ = "audit_event"
    __table_args__ = (
        Index(None, "lg_code", "at"),
        Index(None, "person_id", "at"),
        Index("ix_audit_event_operators", "at", postgresql_where="starts_with(actor, 'operator:')"),
        {
            "info": rights(
                TableClass.MACHINERY,
                gate=("i", Reach.ALL),
                person=[("i", Reach.ALL), ("s", Reach.PERSON)],
                body=[("i", Reach.ALL), ("s", Reach.BODY)],
                # Of one local government at a time: its managers' files of the record.
                worker=[("i", Reach.ALL), ("s", Reach.BODY)],
                operator=[("i", Reach.ALL), ("s", Reach.OPERATORS)],
            )
        },
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    at: Mapped[datetime]
    lg_code: Mapped[str | None] = mapped_column(LgCode)
    actor: Mapped[str] = mapped_column(String(80))
    action: Mapped[str] = mapped_column(String(64))
    subject_kind: Mapped[str] = mapped_column(String(32))
    subject_id: Mapped[str | None] = mapped_column(String(80))
    person_id: Mapped[UUID | None]
    purpose: Mapped[str | None] = mapped_column(String(64))
    row_count: Mapped[int] = mapped_column(default=1)
    fields: Mapped[list[Any] | None] = mapped_column(
        comment="names of the fields touched, never values"
    )
    outcome: Mapped[str] = mapped_column(String(16), default="done")
    request_id: Mapped[str | None] = mapped_column(String(64))


class Notice(Base):
    """What a person sees in the app: exactly one row for a (person, kind, period)."""

    __tablename__ = "notice"
    __table_args__ = (
        UniqueConstraint("person_id", "kind", "period_key"),
        Index(None, "person_id", "created_at"),
        {
            "info": rights(
                TableClass.PERSON,
                person=("siu", Reach.PERSON),
                body=("i", Reach.BODY),
                worker=("i", Reach.ALL),
                relay=("s", Reach.ALL),
            )
        },
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID]
    lg_code: Mapped[str | None] = mapped_column(LgCode)
    kind: Mapped[str] = mapped_column(String(48))
    period_key: Mapped[str] = mapped_column(String(120))
    facts: Mapped[dict[str, Any]] = mapped_column(comment="what the sentence of this kind needs")
    created_at: Mapped[datetime]
    read_at: Mapped[datetime | None]


class Delivery(Base):
    """One notice on one channel outside the app, from queued to a recorded end."""

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("notice_id", "channel"),
        Index("ix_delivery_due", "available_at", postgresql_where="state in ('queued', 'claimed')"),
        {
            "info": rights(
                TableClass.MACHINERY,
                person=("i", Reach.ALL),
                body=("i", Reach.ALL),
                worker=("is", Reach.ALL),
                relay=("siu", Reach.ALL),
                operator=("s", Reach.ALL),
            )
        },
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    notice_id: Mapped[UUID] = mapped_column(ForeignKey("notice.id"))
    person_id: Mapped[UUID]
    channel: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16), default="queued")
    available_at: Mapped[datetime]
    claimed_until: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(default=0)
    sent_at: Mapped[datetime | None]
    provider_id: Mapped[str | None] = mapped_column(String(120))
    error: Mapped[str | None] = mapped_column(String(200))


class Undelivered(Base):
    """Notices of a day that reached nobody outside the app, as a local government sees them (R06).

    Numbers only: whose they were stays in the deliveries, which no local government reads.
    """

    __tablename__ = "undelivered"
    __table_args__ = (
        {
            "info": rights(
                TableClass.MACHINERY,
                body=("s", Reach.BODY),
                relay=("siu", Reach.ALL),
            )
        },
    )

    lg_code: Mapped[str] = mapped_column(LgCode, primary_key=True)
    on_day: Mapped[date] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(48), primary_key=True)
    found: Mapped[int]


class JobRun(Base):
    """One job for one day and one range: the truth about what has been done."""

    __tablename__ = "job_run"
    __table_args__ = (
        Index("ix_job_run_open", "job", "period", postgresql_where="state <> 'done'"),
        {
            "info": rights(
                TableClass.MACHINERY,
                worker=("siu", Reach.ALL),
                operator=("s", Reach.ALL),
            )
        },
    )

    job: Mapped[str] = mapped_column(String(48), primary_key=True)
    period: Mapped[date] = mapped_column(primary_key=True, comment="the Japanese day it works for")
    range_key: Mapped[str] = mapped_column(String(48), primary_key=True)
    state: Mapped[str] = mapped_column(String(12), default="due")
    claimed_until: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(default=0)
    counts: Mapped[dict[str, Any] | None]
    error: Mapped[str | None] = mapped_column(String(400))


class JobFailure(Base):
    """A subject a job could not handle; the rest of the night went on without it."""

    __tablename__ = "job_failure"
    __table_args__ = (
        {
            "info": rights(
                TableClass.MACHINERY,
                worker=("siu", Reach.ALL),
                operator=("s", Reach.ALL),
            )
        },
    )

    job: Mapped[str] = mapped_column(String(48), primary_key=True)
    period: Mapped[date] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(String(80), primary_key=True)
    error: Mapped[str] = mapped_column(String(400))
    at: Mapped[datetime]


class Heartbeat(Base):
    """A process says it is alive, in the machine's own time."""

    __tablename__ = "heartbeat"
    __table_args__ = (
        {
            "info": rights(
                TableClass.MACHINERY,
                worker=("siu", Reach.ALL),
                gate=("s", Reach.ALL),
                operator=("s", Reach.ALL),
            )
        },
    )

    name: Mapped[str] = mapped_column(String(48), primary_key=True)
    at: Mapped[datetime]
    facts: Mapped[dict[str, Any]]


class SigningKey(Base):
    """A key that signs codes. Private halves are sealed; a key id names key, use and algorithm."""

    __tablename__ = "signing_key"
    __table_args__ = (
        CheckConstraint("status in ('active', 'retired', 'revoked')", name="status"),
        {
            "info": rights(
                TableClass.MACHINERY,
                gate=("s", Reach.ALL),
                person=("s", Reach.ALL),
                body=("s", Reach.ALL),
                worker=("siu", Reach.ALL),
                operator=("siu", Reach.ALL),
            )
        },
    )

    kid: Mapped[str] = mapped_column(String(8), primary_key=True, comment="4 random bytes, hex")
    use: Mapped[str] = mapped_column(String(16), comment="card, venue, root")
    lg_code: Mapped[str | None] = mapped_column(LgCode)
    alg: Mapped[str] = mapped_column(String(8))
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    private_key_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    not_before: Mapped[datetime]
    not_after: Mapped[datetime]
    status: Mapped[str] = mapped_column(String(8))
    revoked_at: Mapped[datetime | None]


class Incident(Base):
    """A disturbance that every page tells of until its end: a sentence, and nobody's name."""

    __tablename__ = "incident"
    __table_args__ = (
        CheckConstraint("ends_at >= begins_at", name="ends_later"),
        {
            "info": rights(
                TableClass.NATIONAL,
                gate=("s", Reach.ALL),
                operator=("siu", Reach.ALL),
            )
        },
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    text_ja: Mapped[str] = mapped_column(String(200))
    text_en: Mapped[str] = mapped_column(String(300))
    begins_at: Mapped[datetime]
    ends_at: Mapped[datetime] = mapped_column(index=True)
    told_by: Mapped[str] = mapped_column(String(80))
