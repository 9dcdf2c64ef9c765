"""What registrants ask their local government, and what it answers."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from core.ids import new_id
from core.tenancy import Reach, TableClass, rights
from core.types import PersonalText


class Question(Base):
    """One question of a registrant, and its one answer."""

    __tablename__ = "question"
    __table_args__ = (
        ForeignKeyConstraint(
            ["lg_code", "registration_id"], ["registration.lg_code", "registration.id"]
        ),
        Index("ix_question_open", "lg_code", "answer_by", postgresql_where="state = 'open'"),
        Index(None, "lg_code", "registration_id", "asked_at"),
        Index(None, "person_id", "asked_at"),
        CheckConstraint("state in ('open', 'answered', 'closed')", name="state"),
        CheckConstraint("(state = 'answered') = (answered_at is not null)", name="answered"),
        {
            "info": rights(
                TableClass.BODY,
                person=("siu", Reach.PERSON),
                body=("su", Reach.BODY),
                worker=("sd", Reach.BODY),
            )
        },
    )

    lg_code: Mapped[str] = mapped_column(ForeignKey("local_government.code"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    registration_id: Mapped[UUID]
    person_id: Mapped[UUID]
    text: Mapped[str] = mapped_column(PersonalText)
    asked_at: Mapped[datetime]
    answer_by: Mapped[date] = mapped_column(comment="working days after it was asked")
    state: Mapped[str] = mapped_column(String(8), default="open")
    answer: Mapped[str | None] = mapped_column(PersonalText)
    answered_at: Mapped[datetime | None]
    answered_by: Mapped[str | None] = mapped_column(String(80))
    closed_at: Mapped[datetime | None] = mapped_column(comment="needed no answer any more")
