"""Tables of the registry. Every table held by a local government carries its code in its keys."""

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
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from core.ids import new_id
from core.tenancy import Reach, TableClass, rights
from core.types import LgCode, PersonalDate, PersonalText

#: A row that no night has planned yet: the next night looks at it.
UNPLANNED = date(2000, 1, 1)
#: A table held by a local government, whose rows a person may read where they are their own.
_HELD = {
    "person": ("siu", Reach.PERSON),
    "body": ("siu", Reach.BODY),
    "worker": ("siu", Reach.BODY),
}


class LocalGovernment(Base):
    """One of 1,741 municipalities or 47 prefectures, by 全国地方公共団体コード (R01)."""

    __tablename__ = "local_government"
    __table_args__ = (
        CheckConstraint("kind in ('municipality', 'prefecture')", name="kind"),
        CheckConstraint(
            "state in ('none', 'preparing', 'trial', 'active', 'suspended', 'left')", name="state"
        ),
        Index(None, "prefecture_code"),
        {
            "info": rights(
                TableClass.NATIONAL,
                gate=("s", Reach.ALL),
                person=("s", Reach.ALL),
                body=("s", Reach.ALL),
                worker=("s", Reach.ALL),
                relay=("s", Reach.ALL),
                operator=("su", Reach.ALL),
            )
        },
    )

    code: Mapped[str] = mapped_column(LgCode, primary_key=True)
    kind: Mapped[str] = mapped_column(String(12))
    prefecture_code: Mapped[str] = mapped_column(LgCode)
    prefecture: Mapped[str] = mapped_column(String(8))
    name: Mapped[str] = mapped_column(String(20))
    kana: Mapped[str] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(10), default="none", server_default="none")
    joined_on: Mapped[date | None]
    message: Mapped[str] = mapped_column(String(400), default="", server_default="")


class BodyValue(Base):
    """A local government's own value of a parameter, from a date, with who decided it (R07, R15)."""

    __tablename__ = "body_value"
    __table_args__ = (
        {
            "info": rights(
                TableClass.BODY,
                person=("s", Reach.ALL),
                body=("si", Reach.BODY),
                worker=("s", Reach.ALL),
                operator=("s", Reach.ALL),
            )
        },
    )

    lg_code: Mapped[str] = mapped_column(ForeignKey("local_government.code"), primary_key=True)
    key: Mapped[str] = mapped_column(String(48), primary_key=True)
    since: Mapped[date] = mapped_column(primary_key=True)
    decided_at: Mapped[datetime] = mapped_column(primary_key=True)
    value: Mapped[Any] = mapped_column(type_=Base.type_annotation_map[dict[str, Any]])
    decided_by: Mapped[str] = mapped_column(String(80))


class RequirementVersion(Base):
    """A requirement for premium with the date from which it holds (R07, R33)."""

    __tablename__ = "requirement_version"
    __table_args__ = (
        UniqueConstraint("lg_code", "effective_from"),
        {
            "info": rights(
                TableClass.BODY,
                person=("s", Reach.ALL),
                body=("si", Reach.BODY),
                worker=("s", Reach.ALL),
            )
        },
    )

    lg_code: Mapped[str] = mapped_column(ForeignKey("local_government.code"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    effective_from: Mapped[date]
    announced_on: Mapped[date]
    tree: Mapped[dict[str, Any]]
    decided_by: Mapped[str] = mapped_column(String(80))


class StaffRole(Base):
    """What a member of staff may do in one local government."""

    __tablename__ = "staff_role"
    __table_args__ = (
        CheckConstraint("role in ('viewer', 'clerk', 'approver', 'manager')", name="role"),
        {
            "info": rights(
                TableClass.BODY,
                gate=("s", Reach.ALL),
                body=("siu", Reach.BODY),
                worker=("s", Reach.BODY),
                operator=("siu", Reach.ALL),
            )
        },
    )

    lg_code: Mapped[str] = mapped_column(ForeignKey("local_government.code"), primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), primary_key=True)
    role: Mapped[str] = mapped_column(String(10), primary_key=True)
    name: Mapped[str] = mapped_column(PersonalText)
    granted_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


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
        {"info": rights(TableClass.PERSON, person=("siu", Reach.PERSON))},
    )

    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), primary_key=True)
    subject_index: Mapped[str] = mapped_column(String(64))
    issuer: Mapped[str] = mapped_column(String(200))
    level: Mapped[str] = mapped_column(String(10))
    checked_at: Mapped[datetime]


class Guardianship(Base):
    """A guardian's consent for a minor: scope, version of the text, when, until when (R18).

    `person_id` is the minor. The guardian answers through an invitation and proves who they
    are with their own card; the guardian's account is recorded once they have one.
    """

    __tablename__ = "guardianship"
    __table_args__ = (
        Index(None, "person_id"),
        Index(None, "guardian_id"),
        UniqueConstraint("invite_hash"),
        CheckConstraint("state in ('invited', 'living', 'withdrawn', 'ended')", name="state"),
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
    scope: Mapped[str] = mapped_column(String(10), comment="basic or premium")
    text_version: Mapped[str] = mapped_column(String(20))
    invite_hash: Mapped[str] = mapped_column(String(64))
    invited_at: Mapped[datetime]
    contact_confirmed_at: Mapped[datetime | None]
    verified_at: Mapped[datetime | None] = mapped_column(comment="with the guardian's own card")
    ended_at: Mapped[datetime | None]
    ended_reason: Mapped[str | None] = mapped_column(String(24))


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
            "ix_registration_minor",
            "lg_code",
            "minor_until",
            postgresql_where="minor_until is not null",
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
                    "over_cap": "over_cap_since is not null",
                    "retention": "status <> 'active' and pseudonymised_on is null"
                    " and least(restore_until, ended_on) < {as_of}",
                },
                **_HELD,
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
    identity_level: Mapped[str] = mapped_column(String(10), default="email")
    identity_lapsed_on: Mapped[date | None]


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
        {"info": rights(TableClass.BODY, **_HELD)},
    )

    lg_code: Mapped[str] = mapped_column(LgCode, primary_key=True)
    registration_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[str] = mapped_column(String(20), primary_key=True)
    person_id: Mapped[UUID]
    answers: Mapped[dict[str, Any]]
    answered_at: Mapped[datetime]


class Application(Base):
    """A person asks for premium (R07, R13); one open at a time a person and local government."""

    __tablename__ = "application"
    __table_args__ = (
        ForeignKeyConstraint(
            ["lg_code", "registration_id"], ["registration.lg_code", "registration.id"]
        ),
        Index(
            "uq_application_open",
            "lg_code",
            "registration_id",
            unique=True,
            postgresql_where="state in ('open', 'veto', 'review', 'waiting')",
        ),
        Index("ix_application_due", "lg_code", "effective_at", postgresql_where="state = 'veto'"),
        CheckConstraint(
            "state in ('open', 'waiting', 'veto', 'review', 'granted', 'refused', 'withdrawn',"
            " 'expired', 'reversed')",
            name="state",
        ),
        {
            "info": rights(
                TableClass.BODY,
                {
                    "premium_veto": "state = 'veto' and effective_at <= {at}",
                    "pending": "state in ('open', 'veto', 'review', 'waiting')"
                    " and state in ('waiting', 'review') and slot_until < {as_of}",
                    "nudges": "state in ('open', 'veto', 'review', 'waiting') and state = 'review'",
                },
                **_HELD,
            )
        },
    )

    lg_code: Mapped[str] = mapped_column(LgCode, primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    registration_id: Mapped[UUID]
    person_id: Mapped[UUID]
    state: Mapped[str] = mapped_column(String(10))
    mode: Mapped[str] = mapped_column(String(8), comment="auto, veto or review when it was decided")
    applied_at: Mapped[datetime]
    applied_on: Mapped[date]
    replaces_lg_code: Mapped[str | None] = mapped_column(
        LgCode, comment="exchange: this one is given up on approval"
    )
    slot_until: Mapped[date | None] = mapped_column(
        comment="a pending place is kept until this day"
    )
    effective_at: Mapped[datetime | None] = mapped_column(comment="when a veto window closes")
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None] = mapped_column(String(80))
    judgement_id: Mapped[UUID | None]
    note: Mapped[str | None] = mapped_column(PersonalText)


class Judgement(Base):
    """One decision by the rules: inputs, version, result and every reason; can be replayed (R15)."""

    __tablename__ = "judgement"
    __table_args__ = (
        UniqueConstraint("lg_code", "registration_id", "kind", "as_of", "subject_key"),
        Index(None, "lg_code", "made_at"),
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
    kind: Mapped[str] = mapped_column(String(16), comment="premium or renewal")
    subject_key: Mapped[str] = mapped_column(
        String(64), comment="the application or term judged, and the check"
    )
    as_of: Mapped[date]
    made_at: Mapped[datetime]
    allowed: Mapped[bool]
    outcome: Mapped[str] = mapped_column(String(20))
    reasons: Mapped[list[Any]]
    inputs: Mapped[dict[str, Any]]
    rules_version: Mapped[str] = mapped_column(String(40))
    reversible_until: Mapped[date | None]


class Term(Base):
    """One year of premium, from approval: a new row a year, never stretched (R14, C39)."""

    __tablename__ = "term"
    __table_args__ = (
        ForeignKeyConstraint(
            ["lg_code", "registration_id"], ["registration.lg_code", "registration.id"]
        ),
        Index(
            "uq_term_first_day",
            "lg_code",
            "registration_id",
            "first_day",
            unique=True,
            postgresql_where="state <> 'annulled'",
        ),
        ExcludeConstraint(
            ("lg_code", "="),
            ("registration_id", "="),
            (text("daterange(first_day, last_day, '[]')"), "&&"),
            name="ex_term_no_overlap",
            using="gist",
            where=text("state <> 'annulled'"),
        ),
        Index("ix_term_due", "lg_code", "due_on", postgresql_where="state in ('active', 'grace')"),
        Index(
            "ix_term_waiting",
            "lg_code",
            "renewal_effective_at",
            postgresql_where="renewal_state in ('veto', 'review')",
        ),
        CheckConstraint("last_day >= first_day", name="order"),
        CheckConstraint(
            "state in ('booked', 'active', 'grace', 'ended', 'annulled')", name="state"
        ),
        {
            "info": rights(
                TableClass.BODY,
                {
                    "renewal": "state in ('active', 'grace') and due_on <= {as_of}"
                    " and renewal_state not in ('veto', 'review')",
                    "renewal_veto": "renewal_state = 'veto' and renewal_effective_at <= {at}"
                    " and state in ('active', 'grace')",
                    "nudges": "renewal_state = 'review' and state in ('active', 'grace')",
                },
                **_HELD,
            )
        },
    )

    lg_code: Mapped[str] = mapped_column(LgCode, primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    registration_id: Mapped[UUID]
    person_id: Mapped[UUID]
    first_day: Mapped[date]
    last_day: Mapped[date]
    state: Mapped[str] = mapped_column(String(10))
    requirement_version_id: Mapped[UUID | None] = mapped_column(
        comment="the national base when empty"
    )
    grace_until: Mapped[date | None]
    extended_until: Mapped[date | None] = mapped_column(comment="disaster or illness")
    extension_reason: Mapped[str | None] = mapped_column(String(40))
    renewal_state: Mapped[str] = mapped_column(
        String(12), default="none", comment="none, veto, review, booked, refused, done"
    )
    renewal_effective_at: Mapped[datetime | None]
    renewal_judgement_id: Mapped[UUID | None]
    last_check: Mapped[int | None] = mapped_column(
        comment="the latest of 60, 30, 0 days that was done"
    )
    due_on: Mapped[date] = mapped_column(
        default=UNPLANNED,
        server_default=text("'2000-01-01'"),
        comment="the night of this day looks at the term",
    )
    carried: Mapped[int] = mapped_column(
        default=0, server_default=text("0"), comment="surplus counts of the term before"
    )
    created_at: Mapped[datetime]


class PremiumSlot(Base):
    """One of a person's places for premium. The numbers 1 to 3 are all there are (R13).

    Taking a place is inserting a free number: a fourth cannot be represented, whoever races.
    A local government sees its own row only; that all are taken shows as a refused insert.
    """

    __tablename__ = "premium_slot"
    __table_args__ = (
        UniqueConstraint("lg_code", "registration_id"),
        CheckConstraint("slot between 1 and 3", name="three"),
        CheckConstraint("state in ('pending', 'active')", name="state"),
        {
            "info": rights(
                TableClass.PERSON,
                person=("siud", Reach.PERSON),
                body=("siud", Reach.BODY),
                worker=("siud", Reach.BODY),
            )
        },
    )

    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), primary_key=True)
    slot: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    lg_code: Mapped[str] = mapped_column(LgCode)
    registration_id: Mapped[UUID]
    state: Mapped[str] = mapped_column(String(8))
    since: Mapped[date]
    until: Mapped[date | None] = mapped_column(comment="a pending place falls free after this day")


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
        {"info": rights(TableClass.BODY, **_HELD)},
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
    issued_at: Mapped[datetime]
    expires_on: Mapped[date]
    revoked_at: Mapped[datetime | None]
    revoked_reason: Mapped[str | None] = mapped_column(String(24))


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
                worker=("sud", Reach.BODY),
            )
        },
    )

    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), primary_key=True)
    lg_code: Mapped[str] = mapped_column(LgCode, primary_key=True, comment="the prefecture")
    source_lg_code: Mapped[str] = mapped_column(LgCode, primary_key=True)
    since: Mapped[date]
    told_at: Mapped[datetime | None]
