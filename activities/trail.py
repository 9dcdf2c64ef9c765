"""The audit trail as its readers see it: a local government's own, and a person's (R25, C48)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.orm import Session

from core import audit
from core.access import Actor, Role
from core.models import AuditEvent

_After = tuple[datetime, UUID] | None


def events_of_body(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    now: datetime,
    limit: int,
    after: _After = None,
    person_id: UUID | None = None,
    action: str | None = None,
) -> list[AuditEvent]:
    """What was done and looked at in a local government, the latest first; this look included.

    Args:
        db: A transaction of the local government.
        actor: A manager there.
        lg_code: The local government.
        now: The instant of looking.
        limit: Rows at most.
        after: Instant and id of the last row of the page before.
        person_id: About one person only.
        action: One action only, such as `roster.read`.
    """
    actor.require_role(lg_code, Role.MANAGER)
    statement = _page(limit, after).where(AuditEvent.lg_code == lg_code)
    if person_id is not None:
        statement = statement.where(AuditEvent.person_id == person_id)
    if action is not None:
        statement = statement.where(AuditEvent.action == action)
    rows = list(db.scalars(statement))
    audit.record(
        db,
        actor=actor,
        action="audit.read",
        subject=("audit", None),
        lg_code=lg_code,
        person_id=person_id,
        row_count=len(rows),
        now=now,
    )
    return rows


def events_about(
    db: Session, *, actor: Actor, limit: int, after: _After = None, lg_code: str | None = None
) -> list[AuditEvent]:
    """R25: who did or looked at what of one's own, with one local government or all of them.

    The latest comes first.
    """
    statement = _page(limit, after).where(AuditEvent.person_id == actor.person_id)
    if lg_code is not None:
        statement = statement.where(AuditEvent.lg_code == lg_code)
    return list(db.scalars(statement))


def _page(limit: int, after: _After) -> Select[AuditEvent]:
    statement = select(AuditEvent).order_by(AuditEvent.at.desc(), AuditEvent.id).limit(limit)
    if after is None:
        return statement
    at, event_id = after
    return statement.where(
        or_(AuditEvent.at < at, and_(AuditEvent.at == at, AuditEvent.id > event_id))
    )
