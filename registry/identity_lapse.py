"""R12: a certificate that no longer holds, and the days in which to check in anew."""

from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import audit
from core.access import Actor
from core.clock import japan_day
from core.outbox import NoticeDraft, tell
from registry import queries
from registry.models import UNPLANNED, Registration, Term
from registry.rules.policy import PolicyBook


def lapse_identity(
    db: Session, *, actor: Actor, person_id: UUID, lapsed_on: date, now: datetime, book: PolicyBook
) -> int:
    """R12: a certificate no longer holds; the person has the days of grace to check in anew.

    Works in the person's own context. The nights of their terms look again when the grace ends.
    Returns how many terms are concerned.
    """
    person = queries.person(db, person_id, lock=True)
    person.identity_lapsed_on = lapsed_on
    days = timedelta(days=book.on("idv.grace_days", japan_day(now)).value)
    rows = db.scalars(
        select(Registration)
        .where(Registration.person_id == person_id, Registration.pseudonymised_on.is_(None))
        .order_by(Registration.lg_code)
        .with_for_update()
    ).all()
    for row in rows:
        row.identity_lapsed_on = lapsed_on
    terms = db.scalars(
        select(Term).where(Term.person_id == person_id, Term.state.in_(queries.LIVING))
    ).all()
    for term in terms:
        term.due_on = UNPLANNED
    db.flush()
    audit.record(
        db,
        actor=actor,
        action="identity.lapse",
        subject=("person", person_id),
        now=now,
        person_id=person_id,
    )
    until = (lapsed_on + days).isoformat()
    draft = NoticeDraft(person_id, "identity_recheck", lapsed_on.isoformat(), facts={"day": until})
    tell(db, [draft] if terms else [], now=now)
    return len(terms)
