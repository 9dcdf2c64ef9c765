"""Single rows below a local government, found or refused alike whatever the cause."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from activities.hosts import HostRole
from activities.models import (
    Activity,
    ActivitySession,
    Organisation,
    OrganisationMember,
    OrganisationTrust,
    SignUp,
)
from core.errors import NotFound
from registry.models import LocalGovernment, Registration

#: States of a sign-up that has not ended.
LIVING = ("taken", "waiting", "offered")


def organisation_of(db: Session, lg_code: str, organisation_id: UUID) -> Organisation:
    """An organisation. Raises NotFound."""
    row = db.get(Organisation, (lg_code, organisation_id))
    if row is None:
        raise NotFound(code="not_found")
    return row


def activity_of(db: Session, lg_code: str, activity_id: UUID, *, lock: bool = False) -> Activity:
    """An activity, locked against other steps if asked. Raises NotFound."""
    row = db.get(Activity, (lg_code, activity_id), with_for_update=lock)
    if row is None:
        raise NotFound(code="not_found")
    return row


def session_of(
    db: Session, lg_code: str, session_id: UUID, *, lock: bool = False
) -> ActivitySession:
    """A session, locked so that its places are counted by one at a time (C33). Raises NotFound."""
    row = db.get(
        ActivitySession, (lg_code, session_id), with_for_update=lock, populate_existing=lock
    )
    if row is None:
        raise NotFound(code="not_found")
    return row


def sessions_of(db: Session, lg_code: str, activity_id: UUID) -> list[ActivitySession]:
    """All sessions of an activity, in time."""
    return list(
        db.scalars(
            select(ActivitySession)
            .where(ActivitySession.lg_code == lg_code, ActivitySession.activity_id == activity_id)
            .order_by(ActivitySession.starts_at, ActivitySession.id)
        )
    )


def open_starts(db: Session, activity: Activity) -> Sequence[datetime]:
    """When the dates of an activity that have not been called off begin."""
    return db.scalars(
        select(ActivitySession.starts_at).where(
            ActivitySession.lg_code == activity.lg_code,
            ActivitySession.activity_id == activity.id,
            ActivitySession.state == "open",
        )
    ).all()


def living_sign_ups(db: Session, lg_code: str, session_id: UUID) -> list[SignUp]:
    """Everybody who has or waits for a place in a session."""
    return list(
        db.scalars(
            select(SignUp).where(
                SignUp.lg_code == lg_code,
                SignUp.session_id == session_id,
                SignUp.state.in_(LIVING),
            )
        )
    )


def registration_of(
    db: Session, lg_code: str, person_id: UUID, *, lock: bool = False
) -> Registration | None:
    """A person's active registration with a local government, if there is one."""
    query = select(Registration).where(
        Registration.lg_code == lg_code,
        Registration.person_id == person_id,
        Registration.status == "active",
    )
    return db.scalars(query.with_for_update() if lock else query).one_or_none()


def organiser_ids(db: Session, lg_code: str, organisation_id: UUID) -> list[UUID]:
    """The people who organise for an organisation now."""
    return list(
        db.scalars(
            select(OrganisationMember.person_id).where(
                OrganisationMember.lg_code == lg_code,
                OrganisationMember.organisation_id == organisation_id,
                OrganisationMember.role == HostRole.ORGANISER.value,
                OrganisationMember.ended_at.is_(None),
            )
        )
    )


def trust_on(
    db: Session, lg_code: str, organisation_id: UUID, day: date
) -> OrganisationTrust | None:
    """R10: the latest grant of trust that began by a day."""
    return db.scalars(
        select(OrganisationTrust)
        .where(
            OrganisationTrust.lg_code == lg_code,
            OrganisationTrust.organisation_id == organisation_id,
            OrganisationTrust.since <= day,
        )
        .order_by(OrganisationTrust.since.desc())
        .limit(1)
    ).one_or_none()


def body_name(db: Session, lg_code: str) -> str:
    """A local government's name as people say it."""
    body = db.get(LocalGovernment, lg_code)
    if body is None:
        raise NotFound(code="not_found")
    return body.name
