"""A disturbance as every page tells it: written by the operator, kept in memory by each process.

No request asks for it: a process looks every few seconds, whatever its visitors do, and the end is
known beforehand. While the database does not answer, what was known stays until its end.
"""

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from core import audit
from core.access import Actor, ActorKind
from core.clock import Clock
from core.db import Context, Database
from core.errors import Forbidden, invalid
from core.ids import new_id
from core.models import Incident
from core.tenancy import Audience

log = logging.getLogger(__name__)
#: How often a process looks.
EVERY_SECONDS: Final = 10.0
#: A sentence that stands longer is none of a disturbance.
LONGEST: Final = timedelta(days=7)
_GATE: Final = Context(Audience.GATE, actor="system:incidents")


@dataclass(frozen=True, slots=True)
class Told:
    """The sentence in both languages, and until when it holds."""

    ja: str
    en: str
    ends_at: datetime

    def text(self, lang: str) -> str:
        """In the language of a reader; やさしい日本語 is Japanese."""
        return self.en if lang == "en" else self.ja


class Board:
    """What a process knows of a disturbance."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._told: Told | None = None

    def shown(self) -> Told | None:
        """What a page tells now; costs a look at the clock, and only while there is something."""
        told = self._told
        return told if told is not None and self._clock.now() < told.ends_at else None

    def look(self, database: Database) -> None:
        """Learn what is told now."""
        with database.transaction(_GATE) as db:
            row = current(db, now=self._clock.now())
            self._told = None if row is None else Told(row.text_ja, row.text_en, row.ends_at)

    async def keep_looking(self, database: Database) -> None:
        """Look every few seconds until the process ends."""
        while True:
            try:
                await run_in_threadpool(self.look, database)
            except SQLAlchemyError as error:
                log.warning("incidents are not known anew: %s", type(error).__name__)
            await asyncio.sleep(EVERY_SECONDS)


def current(db: Session, *, now: datetime) -> Incident | None:
    """What is told at an instant."""
    return db.scalars(
        select(Incident)
        .where(Incident.ends_at > now, Incident.begins_at <= now)
        .order_by(Incident.begins_at.desc(), Incident.id)
        .limit(1)
    ).first()


def tell(
    db: Session, *, actor: Actor, text_ja: str, text_en: str, ends_at: datetime, now: datetime
) -> Incident:
    """Tell everybody of a disturbance until its end; what was told before ends with it.

    Raises:
        Forbidden: Somebody else than the operator.
        Invalid: `incident_over`, `incident_too_long`: its end.
    """
    _operators_only(actor)
    if ends_at <= now:
        raise invalid("incident_over", field="time")
    if ends_at > now + LONGEST:
        raise invalid("incident_too_long", field="day", needed=LONGEST.days)
    _end_all(db, now)
    row = Incident(
        id=new_id(),
        text_ja=text_ja,
        text_en=text_en,
        begins_at=now,
        ends_at=ends_at,
        told_by=actor.label,
    )
    db.add(row)
    db.flush()
    audit.record(db, actor=actor, action="incident.tell", subject=("incident", row.id), now=now)
    return row


def end(db: Session, *, actor: Actor, now: datetime) -> None:
    """It is over: no page tells of it any more.

    Raises:
        Forbidden: Somebody else than the operator.
    """
    _operators_only(actor)
    row = current(db, now=now)
    if row is not None:
        _end_all(db, now)
        audit.record(db, actor=actor, action="incident.end", subject=("incident", row.id), now=now)


def _end_all(db: Session, now: datetime) -> None:
    db.execute(update(Incident).where(Incident.ends_at > now).values(ends_at=now))


def _operators_only(actor: Actor) -> None:
    if actor.kind is not ActorKind.OPERATOR:
        raise Forbidden(code="forbidden")
