"""まちの便り: staff write it, everybody reads it on the town's page (R23)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from core import audit
from core.access import Actor, Role
from core.errors import Conflict, NotFound
from registry.models import TownNews

MOST_TITLE: Final = 120
MOST_TEXT: Final = 2000


def publish(
    db: Session, *, actor: Actor, lg_code: str, title: str, text: str, now: datetime
) -> TownNews:
    """R23: a piece of news, on the page from now on. Words and lengths are the door's to check."""
    actor.require_role(lg_code, Role.CLERK)
    row = TownNews(
        lg_code=lg_code,
        title=title,
        text=text,
        published=True,
        published_at=now,
        written_by=actor.label,
    )
    db.add(row)
    db.flush()
    _record(db, actor, row, "news.publish", now)
    return row


def withdraw(db: Session, *, actor: Actor, lg_code: str, news_id: UUID, now: datetime) -> TownNews:
    """R23: take a piece of news down; it stays in the local government's own record.

    Raises:
        NotFound: There is none.
        Conflict: `cannot_change_now`: it is down already.
    """
    actor.require_role(lg_code, Role.CLERK)
    row = db.get(TownNews, (lg_code, news_id), with_for_update=True)
    if row is None:
        raise NotFound(code="not_found")
    if not row.published:
        raise Conflict(code="cannot_change_now")
    row.published, row.withdrawn_at = False, now
    db.flush()
    _record(db, actor, row, "news.withdraw", now)
    return row


def news_of(
    db: Session,
    *,
    lg_code: str,
    limit: int,
    after: tuple[datetime, UUID] | None = None,
) -> Sequence[TownNews]:
    """What stands on a town's page, the latest first."""
    statement = (
        select(TownNews)
        .where(TownNews.lg_code == lg_code, TownNews.published)
        .order_by(TownNews.published_at.desc(), TownNews.id)
        .limit(limit)
    )
    if after is not None:
        at, last = after
        statement = statement.where(
            or_(
                TownNews.published_at < at,
                and_(TownNews.published_at == at, TownNews.id > last),
            )
        )
    return db.scalars(statement).all()


def _record(db: Session, actor: Actor, row: TownNews, action: str, now: datetime) -> None:
    audit.record(
        db,
        actor=actor,
        action=action,
        subject=("town_news", row.id),
        now=now,
        lg_code=row.lg_code,
    )
