"""R18: the night somebody becomes an adult: consent ends, and nobody decides for them any more."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core import audit
from core.access import Actor, system
from core.db import context_of
from core.outbox import NoticeDraft, tell
from registry.events import add_event
from registry.models import Guardianship, Registration

JOB = "adults"


def turn_adults(db: Session, *, as_of: date, now: datetime) -> int:
    """R18: clear the mark of a minor on the day the age holds, end consents, tell both.

    A birthday counts from 00:00; somebody born on 29 February becomes an adult on 1 March of a
    common year (`minor_until` says so). Premium goes on: the adult speaks for themselves. Safe
    to repeat, and to run for a day long past.

    Args:
        db: A job's transaction for one local government.
        as_of: The Japanese day to work for.
        now: The instant.

    Returns:
        How many registrations of this local government became an adult's.
    """
    actor = system(JOB)
    lg_code = context_of(db).lg_code
    rows = db.scalars(
        select(Registration)
        .where(
            Registration.lg_code == lg_code,
            Registration.minor_until.is_not(None),
            Registration.minor_until <= as_of,
        )
        .order_by(Registration.person_id)
        .with_for_update(skip_locked=True)
    ).all()
    drafts = []
    for row in rows:
        drafts.append(_draft(row.person_id, "became_adult", row.minor_until or as_of))
        row.minor_until = row.emergency_name = row.emergency_phone = None
        add_event(db, row, kind="became_adult", now=now)
        _record(db, actor, row, now)
    drafts += _end_consents(db, rows, now)
    db.flush()
    tell(db, drafts, now=now)
    return len(rows)


def _end_consents(db: Session, rows: Sequence[Registration], now: datetime) -> list[NoticeDraft]:
    ended = db.execute(
        update(Guardianship)
        .where(
            Guardianship.person_id.in_([row.person_id for row in rows]),
            Guardianship.state.in_(("invited", "living")),
        )
        .values(state="ended", ended_at=now, ended_reason="adult")
        .returning(Guardianship.id, Guardianship.guardian_id)
    ).all()
    return [
        NoticeDraft(guardian_id, "ward_became_adult", str(guardianship_id))
        for guardianship_id, guardian_id in ended
        if guardian_id is not None
    ]


def _draft(person_id: UUID, kind: str, day: date) -> NoticeDraft:
    """One notice a person, however many local governments they are registered with."""
    return NoticeDraft(person_id, kind, day.isoformat())


def _record(db: Session, actor: Actor, row: Registration, now: datetime) -> None:
    audit.record(
        db,
        actor=actor,
        action="registration.became_adult",
        subject=("registration", row.id),
        now=now,
        lg_code=row.lg_code,
        person_id=row.person_id,
    )
