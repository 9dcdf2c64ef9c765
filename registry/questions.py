"""Registrants ask their local government; its staff answer, in the order of the days (R06).

One question has one answer: whoever wants to know more asks again.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import jpholiday
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core import audit
from core.access import Actor, Role
from core.clock import japan_day
from core.errors import Conflict, NotFound, refused
from core.ids import new_id
from core.outbox import NoticeDraft, tell
from registry import access, queries
from registry.models import Question, Registration
from registry.rules.calendars import working_days_after
from registry.rules.dormancy import AccessKind
from registry.rules.policy import PolicyBook

#: Letters of a question and of an answer.
MOST_TEXT: Final = 1000
#: Questions of one person to one local government within a day.
MOST_A_DAY: Final = 3
ONE_DAY: Final = timedelta(days=1)
#: Working days within which an answer is wanted.
ANSWER_DAYS: Final = 5
SHOWN: Final = 50


def ask(
    db: Session, *, actor: Actor, lg_code: str, text: str, now: datetime, book: PolicyBook
) -> Question:
    """Ask where one is registered; it shows a tie to the place (R06).

    Args:
        db: A transaction of the person.
        actor: The person.
        lg_code: The local government.
        text: The question; its length is the door's to check.
        now: The instant.
        book: The policy book.

    Raises:
        NotFound: They were never registered there.
        Conflict: `registration_not_active`.
        Refused: `questions_of_a_day`: three a day.
    """
    row = db.scalars(
        select(Registration).where(
            Registration.lg_code == lg_code, Registration.person_id == actor.person_id
        )
    ).one_or_none()
    if row is None:
        raise NotFound(code="not_found")
    if row.status != "active":
        raise Conflict(code="registration_not_active")
    asked = db.scalar(
        select(func.count())
        .select_from(Question)
        .where(
            Question.lg_code == lg_code,
            Question.person_id == actor.person_id,
            Question.asked_at > now - ONE_DAY,
        )
    )
    if (asked or 0) >= MOST_A_DAY:
        raise refused("questions_of_a_day", rule="R25", field="text", needed=MOST_A_DAY)
    today = japan_day(now)
    question = Question(
        lg_code=lg_code,
        id=new_id(),
        registration_id=row.id,
        person_id=actor.person_id,
        text=text,
        asked_at=now,
        answer_by=working_days_after(today, ANSWER_DAYS, jpholiday.is_holiday),
        state="open",
    )
    db.add(question)
    db.flush()
    access.touch(
        db,
        lg_code=lg_code,
        person_id=actor.person_id,
        kind=AccessKind.MESSAGE,
        today=today,
        book=book,
    )
    _record(db, actor, "question.ask", question, now)
    return question


def own(db: Session, *, actor: Actor, lg_code: str) -> Sequence[Question]:
    """What somebody asked a local government, the latest first (in the person's context)."""
    return db.scalars(
        select(Question)
        .where(Question.lg_code == lg_code, Question.person_id == actor.person_id)
        .order_by(Question.asked_at.desc(), Question.id)
        .limit(SHOWN)
    ).all()


def close(db: Session, *, actor: Actor, lg_code: str, question_id: UUID, now: datetime) -> Question:
    """Whoever asked needs no answer any more.

    Raises:
        NotFound: They asked no such question.
        Conflict: `question_done`: it is answered or closed.
    """
    row = db.get(Question, (lg_code, question_id), with_for_update=True)
    if row is None or row.person_id != actor.person_id:
        raise NotFound(code="not_found")
    if row.state != "open":
        raise Conflict(code="question_done")
    row.state, row.closed_at = "closed", now
    db.flush()
    _record(db, actor, "question.close", row, now)
    return row


def waiting(
    db: Session, *, actor: Actor, lg_code: str, now: datetime, limit: int
) -> list[tuple[Question, Registration]]:
    """Questions without an answer, the most urgent first; the look is recorded (C48)."""
    found = [
        (question, registration)
        for question, registration in db.execute(
            select(Question, Registration)
            .join(
                Registration,
                (Registration.lg_code == Question.lg_code)
                & (Registration.id == Question.registration_id),
            )
            .where(Question.lg_code == lg_code, Question.state == "open")
            .order_by(Question.answer_by, Question.asked_at, Question.id)
            .limit(limit)
        )
    ]
    if found:
        audit.record(
            db,
            actor=actor,
            action="question.list",
            subject=("local_government", lg_code),
            now=now,
            lg_code=lg_code,
            purpose="inquiry",
            row_count=len(found),
            fields=("display_name", "text"),
        )
    return found


def of_registration(db: Session, *, lg_code: str, registration_id: UUID) -> Sequence[Question]:
    """All that a registrant asked here, the latest first; the caller has recorded the look."""
    return db.scalars(
        select(Question)
        .where(Question.lg_code == lg_code, Question.registration_id == registration_id)
        .order_by(Question.asked_at.desc(), Question.id)
        .limit(SHOWN)
    ).all()


def answer(
    db: Session, *, actor: Actor, lg_code: str, question_id: UUID, text: str, now: datetime
) -> Question:
    """Answer a question; the person is told that there is an answer, and reads it on their page.

    Args:
        db: A transaction of the local government.
        actor: A clerk there.
        lg_code: The local government.
        question_id: Which question.
        text: The answer; its length is the door's to check.
        now: The instant.

    Raises:
        NotFound: There is none.
        Conflict: `question_done`: somebody answered it, or it needs no answer any more.
    """
    actor.require_role(lg_code, Role.CLERK)
    row = db.get(Question, (lg_code, question_id), with_for_update=True)
    if row is None:
        raise NotFound(code="not_found")
    if row.state != "open":
        raise Conflict(code="question_done")
    row.state, row.answer, row.answered_at, row.answered_by = "answered", text, now, actor.label
    db.flush()
    _record(db, actor, "question.answer", row, now)
    facts = {"government": queries.government(db, lg_code).name}
    tell(
        db, [NoticeDraft(row.person_id, "question_answered", str(row.id), lg_code, facts)], now=now
    )
    return row


def _record(db: Session, actor: Actor, action: str, row: Question, now: datetime) -> None:
    audit.record(
        db,
        actor=actor,
        action=action,
        subject=("question", row.id),
        now=now,
        lg_code=row.lg_code,
        person_id=row.person_id,
        fields=("text",),
    )
