"""All of a person's registrations at a glance: for their own pages and API."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry import queries
from registry.derived_links import derived_expiry
from registry.models import (
    DormancyNotice,
    LocalGovernment,
    PendingLink,
    Registration,
    SurveyAnswer,
    Term,
)
from registry.rules.dormancy import DormancyStep, next_step
from registry.rules.facts import Tier
from registry.rules.policy import Policy, PolicyBook


@dataclass(frozen=True, slots=True)
class Held:
    """One registration with what belongs to it.

    Attributes:
        row: The registration.
        government: With whom.
        term: The living term of premium in its own right, if any.
        premium_until: Last day of premium, own or derived.
        dormancy: When the clock strikes (R06); no days where none runs.
        survey_answered: Whether the first questionnaire has been answered (R04).
        link_waits: Whether the prefecture has not joined yet and the link waits (R02).
    """

    row: Registration
    government: LocalGovernment
    term: Term | None
    premium_until: date | None
    dormancy: DormancyStep
    survey_answered: bool
    link_waits: bool


def held_by(
    db: Session,
    *,
    person_id: UUID,
    today: date,
    book: PolicyBook,
    lg_code: str | None = None,
) -> tuple[Held, ...]:
    """Every registration a person ever had, living ones first, then by code.

    Args:
        db: A transaction of the person.
        person_id: The person.
        today: The Japanese day.
        book: The policy book.
        lg_code: Only the one with this local government.
    """
    statement = (
        select(Registration, LocalGovernment)
        .join(LocalGovernment, LocalGovernment.code == Registration.lg_code)
        .where(Registration.person_id == person_id, Registration.status != "pending")
        .order_by(Registration.status != "active", Registration.lg_code)
    )
    if lg_code is not None:
        statement = statement.where(Registration.lg_code == lg_code)
    rows = db.execute(statement).all()
    gathered = _Gathered(db, person_id, [row for row, _ in rows])
    policy = book.snapshot(today)
    return tuple(gathered.held(row, government, today, policy) for row, government in rows)


class _Gathered:
    """What belongs to a person's registrations, each kind in one statement."""

    def __init__(self, db: Session, person_id: UUID, rows: Sequence[Registration]) -> None:
        ids = [row.id for row in rows]
        terms = db.scalars(
            select(Term).where(
                Term.person_id == person_id,
                Term.registration_id.in_(ids),
                Term.state.in_(queries.LIVING),
            )
        )
        self._terms = {term.registration_id: term for term in terms}
        self._answered = set(
            db.scalars(
                select(SurveyAnswer.registration_id).where(SurveyAnswer.person_id == person_id)
            )
        )
        self._waiting = set(
            db.scalars(select(PendingLink.source_lg_code).where(PendingLink.person_id == person_id))
        )
        self._notices: dict[tuple[UUID, date], dict[int, date]] = {}
        for notice in db.scalars(
            select(DormancyNotice).where(DormancyNotice.person_id == person_id)
        ):
            silence = self._notices.setdefault((notice.registration_id, notice.last_access_on), {})
            silence[notice.notice_days] = notice.sent_on

    def held(
        self, row: Registration, government: LocalGovernment, today: date, policy: Policy
    ) -> Held:
        term = self._terms.get(row.id)
        step = next_step(
            row.last_access_on,
            self._notices.get((row.id, row.last_access_on), {}),
            today,
            policy,
            row.tier == Tier.PREMIUM or row.status != "active",
            derived=row.derived,
        )
        return Held(
            row=row,
            government=government,
            term=term,
            premium_until=queries.premium_until(term) or derived_expiry(row),
            dormancy=step,
            survey_answered=row.id in self._answered,
            link_waits=row.lg_code in self._waiting,
        )
