"""Lists from which staff decide: proposals, samples, stay reports (R09, R10, R11)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from activities.models import Activity, ActivitySession, Organisation, StayDay
from core import audit
from core.access import Actor
from registry.models import Registration

LIMIT = 50


@dataclass(frozen=True, slots=True)
class Proposed:
    """A proposal with its host and how many dates it names."""

    activity: Activity
    organisation: Organisation
    sessions: int


@dataclass(frozen=True, slots=True)
class Reported:
    """A stay that somebody reported, to be let count."""

    stay: StayDay
    registration: Registration


def proposed(db: Session, lg_code: str, *, activity_id: UUID | None = None) -> list[Proposed]:
    """R09: proposals that wait, the oldest first; or one of them."""
    dates = (
        select(func.count())
        .select_from(ActivitySession)
        .where(
            ActivitySession.lg_code == Activity.lg_code,
            ActivitySession.activity_id == Activity.id,
            ActivitySession.state == "open",
        )
        .correlate(Activity)
        .scalar_subquery()
    )
    statement = (
        select(Activity, Organisation, dates)
        .join(
            Organisation,
            and_(
                Organisation.lg_code == Activity.lg_code,
                Organisation.id == Activity.organisation_id,
            ),
        )
        .where(Activity.lg_code == lg_code, Activity.state == "submitted")
        .order_by(Activity.submitted_at, Activity.id)
        .limit(LIMIT)
    )
    if activity_id is not None:
        statement = statement.where(Activity.id == activity_id)
    return [Proposed(*row) for row in db.execute(statement)]


def sampled(db: Session, lg_code: str) -> Sequence[Activity]:
    """R10: activities of trusted organisations drawn to be looked at afterwards."""
    return db.scalars(
        select(Activity)
        .where(Activity.lg_code == lg_code, Activity.audit_sampled)
        .order_by(Activity.decided_at, Activity.id)
        .limit(LIMIT)
    ).all()


def reported_stays(db: Session, *, actor: Actor, lg_code: str, now: datetime) -> list[Reported]:
    """R11: stays that were reported without a code, the oldest first."""
    rows = db.execute(
        select(StayDay, Registration)
        .join(
            Registration,
            and_(
                Registration.lg_code == StayDay.lg_code,
                Registration.id == StayDay.registration_id,
            ),
        )
        .where(StayDay.lg_code == lg_code, StayDay.state == "reported")
        .order_by(StayDay.created_at, StayDay.person_id, StayDay.day)
        .limit(LIMIT)
    )
    found = [Reported(*row) for row in rows]
    if found:
        audit.record(
            db,
            actor=actor,
            action="stay_day.list",
            subject=("local_government", lg_code),
            now=now,
            lg_code=lg_code,
            purpose="approval",
            row_count=len(found),
            fields=["display_name"],
        )
    return found


def answers(ticked: Sequence[str], questions: Sequence[str]) -> dict[str, bool]:
    """R09: yes or no to each question, from the boxes that were ticked."""
    return {question: question in ticked for question in questions}
