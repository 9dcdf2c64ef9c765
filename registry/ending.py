"""How premium ends before or at its time: back to basic, never deleted (R13, R14, R16, R18)."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.access import Actor
from core.clock import japan_day
from core.outbox import NoticeDraft
from registry import queries, slots
from registry.bulk import Act, Happened, add_events, record_many, tell_many
from registry.derived_links import Source, refresh_sources
from registry.events import revoke_cards
from registry.models import UNPLANNED, Application, LocalGovernment, Registration, Term
from registry.rules.facts import Tier
from registry.rules.policy import PolicyBook

OPEN_APPLICATION = ("open", "waiting", "veto", "review")
ONE_DAY = timedelta(days=1)
#: R32: with these the whole registration ends, and nobody is there to be told of premium. What is
#: taken back (R15) is told in words of its own.
UNTOLD = frozenset({"person", "deceased", "long_illness", "taken_back"})


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
    return bool(end_premiums(db, actor=actor, ends=[(registration, reason)], now=now, book=book))


def end_premiums(
    db: Session,
    *,
    actor: Actor,
    ends: Sequence[tuple[Registration, str]],
    now: datetime,
    book: PolicyBook,
) -> int:
    """As `end_premium`, for many registrations of one local government in few statements.

    Each comes with its own reason. Returns for how many there was premium to end.
    """
    rows = [row for row, _ in ends]
    stood = _end_terms(db, rows, japan_day(now))
    stood |= slots.release_many(
        db, actor=actor, registrations=rows, now=now, book=book, state="active"
    )
    gone = [(row, why) for row, why in ends if row.id in stood or _stands_for_itself(row)]
    if not gone:
        return 0
    homes = _homes(db, [row for row, _ in gone])
    for row, _ in gone:
        row.tier = _tier_left(db, row, homes)
        row.over_cap_since, row.clock_due_on = None, UNPLANNED
    for reason in sorted({why for _, why in gone}):
        revoke_cards(db, [row for row, why in gone if why == reason], reason=reason, now=now)
    db.flush()
    lg_code = gone[0][0].lg_code
    refresh_sources(
        db,
        actor=actor,
        lg_code=lg_code,
        sources=[Source(row) for row, _ in gone],
        now=now,
        book=book,
    )
    _leave_word(db, actor, lg_code, gone, now)
    return len(gone)


def _stands_for_itself(row: Registration) -> bool:
    return row.tier == Tier.PREMIUM and not row.derived


def _end_terms(db: Session, registrations: Sequence[Registration], today: date) -> set[UUID]:
    """Close living terms at their last full day; a term that had none never held.

    Returns the registrations that had one.
    """
    living = db.scalars(
        select(Term)
        .where(
            Term.lg_code.in_({row.lg_code for row in registrations}),
            Term.registration_id.in_([row.id for row in registrations]),
            Term.state.in_((*queries.LIVING, "booked")),
        )
        .order_by(Term.id)
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
    return {term.registration_id for term in living}


def _homes(db: Session, registrations: Sequence[Registration]) -> Mapping[str, LocalGovernment]:
    """Where people live whose tier may come from sources."""
    codes = {row.residence_code for row in registrations if row.derived and row.residence_code}
    return queries.governments(db, codes)


def _tier_left(
    db: Session, registration: Registration, homes: Mapping[str, LocalGovernment]
) -> str:
    """Basic, except for a prefecture that its premium sources still carry (R02)."""
    if not registration.derived or registration.residence_related:
        return Tier.BASIC.value
    prefecture = queries.government(db, registration.lg_code)
    from_sources = any(entry["tier"] == Tier.PREMIUM for entry in registration.derived_from)
    home = queries.residence_from(homes.get(registration.residence_code or ""), verified=False)
    lives_there = home is not None and home.prefecture_code == prefecture.code
    return (Tier.PREMIUM if from_sources and not lives_there else Tier.BASIC).value


def _leave_word(
    db: Session,
    actor: Actor,
    lg_code: str,
    gone: Sequence[tuple[Registration, str]],
    now: datetime,
) -> None:
    """Event and audit row for each, and a notice for whoever is there to be told."""
    happened = [Happened(row.id, row.person_id, {"reason": why}) for row, why in gone]
    add_events(db, happened, lg_code=lg_code, kind="premium_ended", now=now, on_day=japan_day(now))
    acts = [Act("premium.end", row.id, row.person_id, why) for row, why in gone]
    record_many(db, acts, actor=actor, lg_code=lg_code, now=now, subject_kind="registration")
    name = queries.government(db, lg_code).name
    tell_many(
        db,
        [
            NoticeDraft(
                person_id=row.person_id,
                kind="premium_ended",
                period_key=f"{row.id}:{now.isoformat()}",
                lg_code=lg_code,
                facts={"government": name, "reason": why},
            )
            for row, why in gone
            if why not in UNTOLD
        ],
        now=now,
    )


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
