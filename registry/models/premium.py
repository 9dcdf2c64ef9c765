"""Application, judgement, term and the numbered places of premium."""

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
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.db import Base
from core.ids import new_id
from core.tenancy import HELD, Reach, TableClass, rights
from core.types import LgCode, PersonalText
from registry.models.planning import UNPLANNED


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
                **HELD,
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


class PolicySnapshot(Base):
    """Numbers that judgements of a local government were made with, kept once (R15).

    A night judges thousands of terms by the same numbers; with each of them they would be most
    of what it writes.
    """

    __tablename__ = "policy_snapshot"
    __table_args__ = (
        {
            "info": rights(
                TableClass.BODY,
                person=("si", Reach.ALL),
                body=("si", Reach.BODY),
                worker=("si", Reach.BODY),
            )
        },
    )

    lg_code: Mapped[str] = mapped_column(LgCode, primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    policy: Mapped[dict[str, Any]] = mapped_column(
        comment="each value with the day it holds from and its source"
    )


class Judgement(Base):
    """One decision by the rules: inputs, version, result and every reason; can be replayed (R15)."""

    __tablename__ = "judgement"
    __table_args__ = (
        UniqueConstraint("lg_code", "registration_id", "kind", "as_of", "subject_key"),
        ForeignKeyConstraint(
            ["lg_code", "policy_digest"], ["policy_snapshot.lg_code", "policy_snapshot.digest"]
        ),
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
    inputs: Mapped[dict[str, Any]] = mapped_column(comment="the facts it was made from")
    policy_day: Mapped[date] = mapped_column(comment="the day whose numbers were used")
    policy_digest: Mapped[str] = mapped_column(String(64))
    rules_version: Mapped[str] = mapped_column(String(40))
    reversible_until: Mapped[date | None]

    #: An outer join: a list of terms shows those without a judgement too.
    numbers: Mapped[PolicySnapshot] = relationship(viewonly=True, lazy="joined")

    @property
    def policy(self) -> dict[str, Any]:
        """The numbers it was made with, as `Policy.from_json` reads them."""
        return {"day": self.policy_day.isoformat(), **self.numbers.policy}


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
        # Ids of registrations are unique in the nation; the code would double the index.
        ExcludeConstraint(
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
                    "renewal": "state in ('active', 'grace') and due_on <= {as_of}",
                    "renewal_veto": "renewal_state = 'veto' and renewal_effective_at <= {at}"
                    " and state in ('active', 'grace')",
                    "nudges": "renewal_state = 'review' and state in ('active', 'grace')",
                },
                **HELD,
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
    identity_asked_on: Mapped[date | None] = mapped_column(
        comment="a renewed term asks for a new check of identity from this day (R12)"
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
