"""The audit trail as its readers see it: a local government's own, and a person's (R25, C48)."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Self
from uuid import UUID

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import Session

from core import audit
from core.access import Actor, ActorKind, Role
from core.clock import day_start
from core.errors import Forbidden, invalid
from core.models import AuditEvent

_After = tuple[datetime, UUID] | None
#: Rows of a file at most; whoever needs more takes a shorter time.
FILE_ROWS: Final = 20_000
#: Days that may be asked for; next to the others there may be none.
FIRST_YEAR, LAST_YEAR = 1900, 2200


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody looks for in the record; what is None does not matter.

    Attributes:
        person_id: About one person only.
        actor: What one did, such as `staff:<id>`.
        action: One action only, such as `roster.read`.
        since: From this instant on.
        before: Up to this instant.
    """

    person_id: UUID | None = None
    actor: str | None = None
    action: str | None = None
    since: datetime | None = None
    before: datetime | None = None

    @classmethod
    def of(
        cls,
        person_id: UUID | None = None,
        staff_id: UUID | None = None,
        action: str | None = None,
        first: date | None = None,
        last: date | None = None,
    ) -> Self:
        """With Japanese days, the last one included.

        Raises:
            Invalid: `day_needed`: a day outside of all that may be recorded.
        """
        for field, day in (("since", first), ("until", last)):
            if day is not None and not FIRST_YEAR <= day.year <= LAST_YEAR:
                raise invalid("day_needed", field=field)
        return cls(
            person_id,
            None if staff_id is None else f"staff:{staff_id}",
            action or None,
            None if first is None else day_start(first),
            None if last is None else day_start(last + timedelta(days=1)),
        )

    def within(self, statement: Select[AuditEvent]) -> Select[AuditEvent]:
        """A selection of the record, narrowed."""
        asked = (
            (AuditEvent.person_id, self.person_id),
            (AuditEvent.actor, self.actor),
            (AuditEvent.action, self.action),
        )
        for column, value in asked:
            if value is not None:
                statement = statement.where(column == value)
        if self.since is not None:
            statement = statement.where(AuditEvent.at >= self.since)
        if self.before is not None:
            statement = statement.where(AuditEvent.at < self.before)
        return statement


ALL: Final = Wanted()


def events_of_body(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    now: datetime,
    limit: int,
    after: _After = None,
    wanted: Wanted = ALL,
    look: str = "audit.read",
) -> list[AuditEvent]:
    """What was done and looked at in a local government, the latest first; this look included.

    Args:
        db: A transaction of the local government.
        actor: A manager there.
        lg_code: The local government.
        now: The instant of looking.
        limit: Rows at most.
        after: Instant and id of the last row of the page before.
        wanted: What is looked for.
        look: `audit.read`, or `audit.export` where a file leaves the desk.
    """
    actor.require_role(lg_code, Role.MANAGER)
    rows = list(db.scalars(within_body(lg_code, wanted, limit=limit, after=after)))
    audit.record(
        db,
        actor=actor,
        action=look,
        subject=("audit", None),
        lg_code=lg_code,
        person_id=wanted.person_id,
        row_count=len(rows),
        now=now,
    )
    return rows


def within_body(
    lg_code: str, wanted: Wanted, *, limit: int, after: _After = None
) -> Select[AuditEvent]:
    """The record of a local government, narrowed; whoever runs this records the look."""
    return wanted.within(_page(limit, after)).where(AuditEvent.lg_code == lg_code)


def events_of_operators(
    db: Session,
    *,
    actor: Actor,
    now: datetime,
    limit: int,
    after: _After = None,
    wanted: Wanted = ALL,
    look: str = "audit.read",
) -> list[AuditEvent]:
    """What operators did, the latest first; this look included. Other rows do not exist here.

    Raises:
        Forbidden: Somebody else than an operator.
    """
    if actor.kind is not ActorKind.OPERATOR:
        raise Forbidden(code="forbidden")
    statement = wanted.within(_page(limit, after))
    own = func.starts_with(AuditEvent.actor, "operator:")
    rows = list(db.scalars(statement.where(own)))
    audit.record(
        db, actor=actor, action=look, subject=("audit", None), row_count=len(rows), now=now
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
