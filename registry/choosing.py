"""R13: what to keep: premium given up by the person, and the end of being over the limit."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import audit
from core.access import Actor
from core.errors import Conflict, NotFound
from registry import queries, slots
from registry.ending import end_premium
from registry.events import add_event
from registry.models import Registration
from registry.rules.policy import PolicyBook


def give_up(
    db: Session, *, actor: Actor, lg_code: str, now: datetime, book: PolicyBook
) -> Registration:
    """R13: the person gives premium up and stays registered, as basic.

    The freed place goes to a prefecture that was waiting for one.

    Args:
        db: A transaction of the person.
        actor: The person.
        lg_code: Where.
        now: The instant.
        book: The policy book.

    Raises:
        NotFound: The person is not registered there.
        Conflict: `not_premium`: there is none of its own to give up.
    """
    registration = queries.registration_of(
        db, lg_code=lg_code, person_id=actor.person_id, lock=True
    )
    if registration is None:
        raise NotFound(code="not_found")
    if queries.living_term(db, registration) is None:
        raise Conflict(code="not_premium")
    end_premium(db, actor=actor, registration=registration, reason="given_up", now=now, book=book)
    flagged = db.scalars(
        select(Registration)
        .where(Registration.person_id == actor.person_id, Registration.over_cap_since.is_not(None))
        .order_by(Registration.lg_code)
        .with_for_update()
    ).all()
    for row in flagged:
        settle(db, actor=actor, registration=row, now=now, book=book)
    return registration


def settle(
    db: Session, *, actor: Actor, registration: Registration, now: datetime, book: PolicyBook
) -> bool:
    """R13: give a place to a row that is over the limit, if one has fallen free."""
    if registration.over_cap_since is None:
        return False
    taken = slots.take(db, registration=registration, state="active", now=now, book=book)
    if not taken:
        return False
    registration.over_cap_since = None
    db.flush()
    add_event(db, registration, kind="over_cap_settled", now=now)
    audit.record(
        db,
        actor=actor,
        action="registration.over_cap_settled",
        subject=("registration", registration.id),
        now=now,
        lg_code=registration.lg_code,
        person_id=registration.person_id,
    )
    return True
