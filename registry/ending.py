"""How premium ends before or at its time: back to basic, never deleted (R13, R14, R16, R18)."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core import audit
from core.access import Actor
from core.clock import japan_day
from core.outbox import NoticeDraft, tell
from registry import queries, slots
from registry.derived_links import refresh_source
from registry.events import add_event, revoke_cards
from registry.models import UNPLANNED, Application, Registration, Term
from registry.rules.facts import Tier
from registry.rules.policy import PolicyBook

OPEN_APPLICATION = ("open", "waiting", "veto", "review")
ONE_DAY = timedelta(days=1)
#: R32: with these the whole registration ends, and nobody is there to be told of premium.
UNTOLD = frozenset({"person", "deceased", "long_illness"})


def end_premium(
    db: Session,
    *,
    actor: Actor,
    registration: Registration,
    reason: str,
    now: datetime,
    book: PolicyBook,
) -> bool:
    """End somebody's premium with one local government: they stay registered, as basic.

    Ends the living term, annuls a booked one, frees the place among the three (R13), revokes
    the cards that stood for it (C45), brings the prefecture's derived row in line (R02), and
    leaves event, audit and a notice `premium_ended`. A prefecture's row keeps the tier that its
    sources give it. Safe to repeat: where nothing is left to end nothing happens.

    Args:
        db: A transaction that may write the registration: the person's, or its body's.
        actor: Who or what ends it.
        registration: The row, loaded in this transaction.
        reason: `lapsed`, `moved_in`, `left`, `consent_withdrawn`, `exchanged`, `reversed`, …
        now: The instant; today is its Japanese day.
        book: The policy book.

    Returns:
        Whether there was premium in its own right to end.
    """
    ended = _end_terms(db, registration, japan_day(now))
    freed = slots.release(
        db, actor=actor, registration=registration, now=now, book=book, state="active"
    )
    own = registration.tier == Tier.PREMIUM and not registration.derived
    if not (ended or freed or own):
        return False
    registration.tier = _tier_left(db, registration)
    registration.over_cap_since, registration.clock_due_on = None, UNPLANNED
    revoke_cards(db, registration, reason=reason, now=now)
    add_event(db, registration, kind="premium_ended", now=now, facts={"reason": reason})
    db.flush()
    refresh_source(
        db,
        actor=actor,
        lg_code=registration.lg_code,
        person_id=registration.person_id,
        expires_on=None,
        now=now,
        book=book,
    )
    _leave_word(db, actor, registration, reason, now)
    return True


def _end_terms(db: Session, registration: Registration, today: date) -> bool:
    """Close living terms at their last full day; a term that had none never held."""
    living = db.scalars(
        select(Term)
        .where(
            Term.lg_code == registration.lg_code,
            Term.registration_id == registration.id,
            Term.state.in_((*queries.LIVING, "booked")),
        )
        .with_for_update()
    ).all()
    for term in living:
        if term.state == "booked" or term.first_day >= today:
            term.state = "annulled"
        else:
            # A new term may begin today, and terms must not overlap (R14).
            term.last_day = min(term.last_day, today - ONE_DAY)
            term.state = "ended"
    db.flush()
    return bool(living)


def _tier_left(db: Session, registration: Registration) -> str:
    """Basic, except for a prefecture that its premium sources still carry (R02)."""
    if not registration.derived or registration.residence_related:
        return Tier.BASIC.value
    prefecture = queries.government(db, registration.lg_code)
    from_sources = any(entry["tier"] == Tier.PREMIUM for entry in registration.derived_from)
    home = queries.residence_from(
        queries.governments(db, [registration.residence_code or ""]).get(
            registration.residence_code or ""
        ),
        verified=False,
    )
    lives_there = home is not None and home.prefecture_code == prefecture.code
    return (Tier.PREMIUM if from_sources and not lives_there else Tier.BASIC).value


def _leave_word(
    db: Session, actor: Actor, registration: Registration, reason: str, now: datetime
) -> None:
    audit.record(
        db,
        actor=actor,
        action="premium.end",
        subject=("registration", registration.id),
        now=now,
        lg_code=registration.lg_code,
        person_id=registration.person_id,
        purpose=reason,
    )
    if reason in UNTOLD:
        return
    draft = NoticeDraft(
        person_id=registration.person_id,
        kind="premium_ended",
        period_key=f"{registration.id}:{now.isoformat()}",
        lg_code=registration.lg_code,
        facts={
            "government": queries.government(db, registration.lg_code).name,
            "reason": reason,
        },
    )
    tell(db, [draft], now=now)


def withdraw_applications(
    db: Session,
    *,
    actor: Actor,
    registrations: Sequence[Registration],
    now: datetime,
    book: PolicyBook,
) -> int:
    """Close what the person still asks for there, and free the places kept for it (R13)."""
    count = 0
    for registration in registrations:
        found = db.scalars(
            update(Application)
            .where(
                Application.lg_code == registration.lg_code,
                Application.registration_id == registration.id,
                Application.state.in_(OPEN_APPLICATION),
            )
            .values(state="withdrawn", decided_at=now, decided_by=actor.label, effective_at=None)
            .returning(Application.id)
        ).all()
        count += len(found)
        slots.release(
            db, actor=actor, registration=registration, now=now, book=book, state="pending"
        )
    return count
