"""Proposals in lists: a host's own, and what waits for staff (R09, R10)."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from activities.models import Activity, DesignationEvent


def proposals_of(
    db: Session,
    *,
    lg_code: str,
    limit: int,
    organisation_id: UUID | None = None,
    states: Sequence[str] = (),
    sampled: bool | None = None,
    after: tuple[datetime, UUID] | None = None,
) -> list[Activity]:
    """Proposals of a local government, the newest first.

    Args:
        db: A transaction of the local government.
        lg_code: The local government.
        limit: Rows at most.
        organisation_id: One organisation's only.
        states: In these states only; any when empty.
        sampled: Those waiting to be looked at afterwards (R10), or all others.
        after: Creation and id of the last row of the page before.
    """
    statement = (
        select(Activity)
        .where(Activity.lg_code == lg_code)
        .order_by(Activity.created_at.desc(), Activity.id)
        .limit(limit)
    )
    if organisation_id is not None:
        statement = statement.where(Activity.organisation_id == organisation_id)
    if states:
        statement = statement.where(Activity.state.in_(states))
    if sampled is not None:
        statement = statement.where(Activity.audit_sampled.is_(sampled))
    if after is not None:
        created_at, activity_id = after
        statement = statement.where(
            or_(
                Activity.created_at < created_at,
                and_(Activity.created_at == created_at, Activity.id > activity_id),
            )
        )
    return list(db.scalars(statement))


def history_of(db: Session, activity: Activity) -> list[DesignationEvent]:
    """Every step of a proposal, oldest first."""
    return list(
        db.scalars(
            select(DesignationEvent)
            .where(
                DesignationEvent.lg_code == activity.lg_code,
                DesignationEvent.activity_id == activity.id,
            )
            .order_by(DesignationEvent.at, DesignationEvent.id)
        )
    )
