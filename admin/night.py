"""What the platform did by itself: shown to staff with its reasons, and reversible (R15)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import String, and_, cast, exists, func, select
from sqlalchemy.orm import Session

from core import audit
from core.access import Actor
from core.clock import day_start, japan_day
from core.models import AuditEvent
from registry.granting import OPEN
from registry.models import Application, Judgement, Registration
from registry.rules.renewal import RenewalOutcome

ONE_DAY = timedelta(days=1)
#: Outcomes by which nothing took effect: staff decide, or nothing was due.
WAITING = (RenewalOutcome.TO_STAFF.value, RenewalOutcome.NOT_DUE.value)


@dataclass(frozen=True, slots=True)
class ByItself:
    """A judgement that took effect without staff, and whose it is."""

    judgement: Judgement
    registration: Registration


@dataclass(frozen=True, slots=True)
class Night:
    """What happened without staff since an instant.

    `acts` counts the platform's own acts by their name in the audit trail. `released` are those
    whom a long silence ended: they come back with one press of their own (R06).
    """

    since: datetime
    acts: Mapping[str, int]
    judgements: list[ByItself]
    released: Sequence[Registration]


def by_itself(db: Session, *, actor: Actor, lg_code: str, now: datetime, limit: int = 50) -> Night:
    """R15: what the platform did since yesterday began; names that are shown are recorded (C48)."""
    found = _found(db, lg_code, japan_day(now), limit)
    named = len(found.judgements) + len(found.released)
    if named:
        audit.record(
            db,
            actor=actor,
            action="night.list",
            subject=("local_government", lg_code),
            now=now,
            lg_code=lg_code,
            purpose="approval",
            row_count=named,
            fields=["display_name"],
        )
    return found


def _found(db: Session, lg_code: str, today: date, limit: int) -> Night:
    since = day_start(today - ONE_DAY)
    acts = db.execute(
        select(AuditEvent.action, func.count())
        .where(
            AuditEvent.lg_code == lg_code,
            AuditEvent.at >= since,
            AuditEvent.actor.startswith("system:"),
        )
        .group_by(AuditEvent.action)
        .order_by(AuditEvent.action)
    )
    # An application is judged when it is made, and again when the decision takes effect (C37).
    human = exists().where(
        Application.lg_code == Judgement.lg_code,
        Application.registration_id == Judgement.registration_id,
        Judgement.subject_key.startswith(cast(Application.id, String)),
        Application.decided_by.startswith("staff:") | Application.state.in_(OPEN),
    )
    rows = db.execute(
        select(Judgement, Registration)
        .join(
            Registration,
            and_(
                Registration.lg_code == Judgement.lg_code,
                Registration.id == Judgement.registration_id,
            ),
        )
        .where(
            Judgement.lg_code == lg_code,
            Judgement.made_at >= since,
            Judgement.outcome.not_in(WAITING),
            ~human,
        )
        .order_by(Judgement.made_at.desc(), Judgement.id)
        .limit(limit)
    )
    released = db.scalars(
        select(Registration)
        .where(
            Registration.lg_code == lg_code,
            Registration.status == "released_dormant",
            Registration.released_on >= today - ONE_DAY,
        )
        .order_by(Registration.released_on.desc(), Registration.id)
        .limit(limit)
    ).all()
    return Night(since, dict(acts.all()), [ByItself(*row) for row in rows], released)
