"""R12: an identity that no longer holds, or that a renewal asks for anew, and the days of grace."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import audit
from core.access import Actor
from core.clock import japan_day
from core.outbox import NoticeDraft, tell
from registry import queries
from registry.bulk import tell_many
from registry.models import UNPLANNED, Person, Registration, Term
from registry.rules.identity import identity_lapsed_on
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


def recheck_until(db: Session, *, person: Person, today: date, book: PolicyBook) -> date | None:
    """R12: the day until which renewed years ask this person for the card; None when none does.

    Works in the person's own context.
    """
    asked = db.scalars(
        select(Term.identity_asked_on).where(
            Term.person_id == person.id,
            Term.state.in_(queries.LIVING),
            Term.identity_asked_on.is_not(None),
        )
    )
    checked = person.identity_checked_at and japan_day(person.identity_checked_at)
    since = [identity_lapsed_on(None, asked_on=day, checked_on=checked) for day in asked]
    first = min((day for day in since if day is not None), default=None)
    days = timedelta(days=book.on("idv.grace_days", today).value)
    return None if first is None else first + days


def ask_again(
    db: Session,
    *,
    lg_code: str,
    people: Sequence[UUID],
    asked_on: date,
    now: datetime,
    book: PolicyBook,
) -> None:
    """R12: a renewed year asks for the card once more; premium goes on through the grace.

    Told on the day from which the grace runs, so that nobody loses a day of it.
    """
    until = asked_on + timedelta(days=book.on("idv.grace_days", asked_on).value)
    facts = {"government": queries.government(db, lg_code).name, "day": until.isoformat()}
    key = f"{lg_code}:{asked_on.isoformat()}"
    drafts = [NoticeDraft(one, "identity_recheck_renewal", key, lg_code, facts) for one in people]
    tell_many(db, drafts, now=now)
