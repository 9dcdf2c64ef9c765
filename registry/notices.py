"""A person's notices in the app: list them, mark them read."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

from core.access import Actor
from core.errors import NotFound
from core.models import Notice
from registry.models import Registration
from registry.rules.digest import takes_digest
from registry.rules.policy import PolicyBook

#: One row more than a door hands out tells it whether there are more.
MAX_PAGE = 100


def list_notices(
    db: Session,
    *,
    person_id: UUID,
    after: tuple[datetime, UUID] | None = None,
    limit: int = 30,
    unread: bool = False,
) -> Sequence[Notice]:
    """Newest first.

    Args:
        db: A transaction of the person.
        person_id: The person.
        after: Instant and id of the last one already seen.
        limit: At most so many.
        unread: Only those not read yet.
    """
    statement = (
        select(Notice)
        .where(Notice.person_id == person_id)
        .order_by(Notice.created_at.desc(), Notice.id.desc())
        .limit(min(limit, MAX_PAGE + 1))
    )
    if unread:
        statement = statement.where(Notice.read_at.is_(None))
    if after is not None:
        statement = statement.where(tuple_(Notice.created_at, Notice.id) < after)
    return db.scalars(statement).all()


def digest_hour(db: Session, *, person_id: UUID, today: date, book: PolicyBook) -> int | None:
    """R05: the hour at which a person's mails of the day come as one; None below the limit.

    Counts as the relay does: what the person chose, not the prefectures that follow.
    """
    held = db.scalar(
        select(func.count())
        .select_from(Registration)
        .where(
            Registration.person_id == person_id,
            Registration.status == "active",
            Registration.direct,
        )
    )
    policy = book.snapshot(today)
    return policy.integer("notify.digest_hour") if takes_digest(held or 0, policy) else None


def unread_count(db: Session, *, person_id: UUID) -> int:
    """How many notices a person has not read."""
    found = db.scalar(
        select(func.count())
        .select_from(Notice)
        .where(Notice.person_id == person_id, Notice.read_at.is_(None))
    )
    return found or 0


def read_notice(db: Session, *, actor: Actor, notice_id: UUID, now: datetime) -> Notice:
    """Mark a notice read; the first reading stays.

    Raises:
        NotFound: It is nobody's, or somebody else's.
    """
    found = db.get(Notice, notice_id)
    if found is None or found.person_id != actor.person_id:
        raise NotFound(code="not_found")
    if found.read_at is None:
        found.read_at = now
        db.flush()
    return found
