"""R04: the first questionnaire: which version is asked, and what somebody answered."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core import audit
from core.access import Actor
from core.clock import japan_day
from core.errors import Conflict, NotFound, Problem, Refused
from registry import access, queries
from registry.events import add_event
from registry.models import Registration, SurveyAnswer
from registry.people import refuse_individual_number
from registry.policybook import load_survey
from registry.rules import survey as rules
from registry.rules.dormancy import AccessKind
from registry.rules.policy import PolicyBook


@cache
def _versions() -> tuple[rules.Survey, ...]:
    return load_survey()


def form(book: PolicyBook, now: datetime) -> rules.Survey:
    """R04: the questionnaire that is asked today."""
    version = book.on("survey.base.version", japan_day(now)).value
    return rules.version_of(_versions(), int(version))


def answers_of(db: Session, registration: Registration) -> SurveyAnswer | None:
    """The newest answers given for a registration."""
    return db.scalars(
        select(SurveyAnswer)
        .where(
            SurveyAnswer.lg_code == registration.lg_code,
            SurveyAnswer.registration_id == registration.id,
        )
        .order_by(SurveyAnswer.answered_at.desc())
        .limit(1)
    ).one_or_none()


def answer(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    answers: Mapping[str, object],
    now: datetime,
    book: PolicyBook,
) -> SurveyAnswer:
    """R04: keep the answers with the version they were given to; again replaces them.

    Answering is an access and restarts the clock of the registration (R06).

    Raises:
        NotFound: There is no registration.
        Conflict: It is not active.
        Refused: An answer is missing or of the wrong kind; every reason is given. Free text that
            holds an Individual Number (R12).
    """
    registration = queries.registration_of(db, lg_code=lg_code, person_id=actor.person_id)
    if registration is None:
        raise NotFound(code="not_found")
    if registration.status != "active":
        raise Conflict(code="registration_not_active")
    asked = form(book, now)
    normal, reasons = rules.validate(asked, answers)
    if reasons:
        problems = [
            Problem(
                code=reason.code,
                rule=reason.rule,
                found=reason.found,
                needed=reason.needed,
                names=reason.names,
                field=reason.names[0],
            )
            for reason in reasons
        ]
        raise Refused(code=problems[0].code, problems=problems)
    for key, value in normal.items():
        if isinstance(value, str):
            refuse_individual_number(value, field=key)
    row = _keep(db, registration, str(asked.version), normal, now)
    registration.survey_due_on = None
    access.touch(
        db,
        lg_code=lg_code,
        person_id=actor.person_id,
        kind=AccessKind.SURVEY,
        today=japan_day(now),
        book=book,
    )
    add_event(db, registration, kind="survey_answered", now=now, facts={"version": asked.version})
    audit.record(
        db,
        actor=actor,
        action="survey.answer",
        subject=("registration", registration.id),
        now=now,
        lg_code=lg_code,
        person_id=actor.person_id,
        fields=sorted(normal),
    )
    return row


def _keep(
    db: Session,
    registration: Registration,
    version: str,
    answers: Mapping[str, Any],
    now: datetime,
) -> SurveyAnswer:
    values = {
        "answers": {k: list(v) if isinstance(v, tuple) else v for k, v in answers.items()},
        "answered_at": now,
    }
    statement = insert(SurveyAnswer).values(
        lg_code=registration.lg_code,
        registration_id=registration.id,
        version=version,
        person_id=registration.person_id,
        **values,
    )
    return db.scalars(
        statement.on_conflict_do_update(
            index_elements=["lg_code", "registration_id", "version"], set_=values
        ).returning(SurveyAnswer),
        execution_options={"populate_existing": True},
    ).one()
