"""R13: a person's places for premium: there are three, and a fourth cannot be represented.

A place is a row with a number from 1 to 3. Taking one is inserting a free number, so no reading
of other bodies' rows is needed and whoever races, the database decides. A row exists exactly
for what counts: a direct prefecture stands outside, and has no row, while a municipality inside
it is held; when the last of those goes, the prefecture takes over the freed place in the same
transaction.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, exists, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.access import Actor
from core.audit import record
from core.clock import japan_day
from core.db import context_of, working_for
from core.outbox import NoticeDraft, tell
from core.tenancy import Audience
from registry import queries
from registry.events import add_event
from registry.models import LocalGovernment, PremiumSlot, Registration, Term
from registry.rules.cap import Cap, choose_until
from registry.rules.facts import BodyKind, Tier
from registry.rules.policy import PolicyBook

#: As many numbers as the table can hold; the policy may allow fewer, never more.
NUMBERS = 3


def cap_of(book: PolicyBook, today: date) -> Cap:
    """The national numbers of the limit on a day."""
    return Cap(
        most=book.on("premium.cap", today).value,
        exempt_by_any=book.on("premium.prefecture_exempt_by", today).value == "any",
        pending_days=book.on("pending.days", today).value,
    )


def slot_of(db: Session, registration: Registration) -> PremiumSlot | None:
    """The place a registration has, pending or active."""
    return db.scalars(
        select(PremiumSlot).where(
            PremiumSlot.lg_code == registration.lg_code,
            PremiumSlot.registration_id == registration.id,
        )
    ).one_or_none()


def take(
    db: Session,
    *,
    registration: Registration,
    state: str,
    now: datetime,
    book: PolicyBook,
    until: date | None = None,
) -> bool:
    """R13: take a place, or make a pending one active; False when all places are taken.

    A prefecture with a municipality of the same person inside needs no place and gets none. A
    municipality taking a place frees the one its prefecture had.

    Args:
        db: A transaction that reaches the registration.
        registration: For which.
        state: `pending` (an application reserves it) or `active`.
        now: The instant.
        book: The policy book.
        until: The last day of a pending place.
    """
    today = japan_day(now)
    cap = cap_of(book, today)
    government = queries.government(db, registration.lg_code)
    inside = government.kind == BodyKind.PREFECTURE
    if inside and held_inside(db, registration, by_any=cap.exempt_by_any):
        _delete(db, [registration])
        return True
    if not inside:
        _exempt_prefecture(db, registration, government.prefecture_code)
    held = slot_of(db, registration)
    if held is not None:
        held.state, held.until = state, until
        return True
    return _insert(db, registration, state, today, until, most=cap.most)


def _insert(
    db: Session,
    registration: Registration,
    state: str,
    today: date,
    until: date | None = None,
    *,
    most: int = NUMBERS,
) -> bool:
    """Insert the first free number. Another's uncommitted number is waited for, not guessed."""
    for number in range(1, min(most, NUMBERS) + 1):
        done = db.execute(
            insert(PremiumSlot)
            .values(
                person_id=registration.person_id,
                slot=number,
                lg_code=registration.lg_code,
                registration_id=registration.id,
                state=state,
                since=today,
                until=until,
            )
            .on_conflict_do_nothing()
            .returning(PremiumSlot.slot)
        ).scalar_one_or_none()
        if done is not None:
            return True
    return False


def release(
    db: Session,
    *,
    actor: Actor,
    registration: Registration,
    now: datetime,
    book: PolicyBook,
    state: str | None = None,
) -> bool:
    """R13: free a registration's place; its prefecture, if it counts again, takes it over.

    Works in the person's context and in the registration's own body or job. `state` frees a
    place of that state only (`pending` or `active`). Returns whether a place was freed.
    """
    return bool(
        release_many(db, actor=actor, registrations=[registration], now=now, book=book, state=state)
    )


def release_many(
    db: Session,
    *,
    actor: Actor,
    registrations: Sequence[Registration],
    now: datetime,
    book: PolicyBook,
    state: str | None = None,
) -> set[UUID]:
    """R13: as `release`, for many registrations of one local government.

    Returns the registrations that had a place to free.
    """
    freed = _delete(db, registrations, state)
    people = [row.person_id for row in registrations if row.id in freed]
    if not people:
        return freed
    government = queries.government(db, registrations[0].lg_code)
    if government.kind == BodyKind.MUNICIPALITY:
        with working_for(db, government.prefecture_code):
            for row in _direct_terms(db, government.prefecture_code, people):
                _count_again(db, actor=actor, row=row, without=government.code, now=now, book=book)
    return freed


def _delete(
    db: Session, registrations: Sequence[Registration], state: str | None = None
) -> set[UUID]:
    statement = delete(PremiumSlot).where(
        PremiumSlot.lg_code.in_({row.lg_code for row in registrations}),
        PremiumSlot.registration_id.in_([row.id for row in registrations]),
    )
    if state is not None:
        statement = statement.where(PremiumSlot.state == state)
    return set(db.scalars(statement.returning(PremiumSlot.registration_id)))


def _direct_terms(db: Session, prefecture: str, people: Sequence[UUID]) -> Sequence[Registration]:
    """Those of the people who hold premium of the prefecture in its own right."""
    holds = exists().where(
        Term.lg_code == prefecture,
        Term.registration_id == Registration.id,
        Term.state.in_(queries.LIVING),
    )
    return db.scalars(
        select(Registration)
        .where(
            Registration.lg_code == prefecture,
            Registration.person_id.in_(people),
            Registration.direct,
            holds,
        )
        .order_by(Registration.person_id)
    ).all()


def _exempt_prefecture(db: Session, registration: Registration, prefecture: str) -> None:
    """R13: the prefecture stops counting while a municipality inside is held."""
    with working_for(db, prefecture):
        db.execute(
            delete(PremiumSlot).where(
                PremiumSlot.lg_code == prefecture,
                PremiumSlot.person_id == registration.person_id,
            )
        )
        db.execute(
            update(Registration)
            .where(
                Registration.lg_code == prefecture,
                Registration.person_id == registration.person_id,
                Registration.over_cap_since.is_not(None),
            )
            .values(over_cap_since=None)
        )


def _count_again(
    db: Session,
    *,
    actor: Actor,
    row: Registration,
    without: str,
    now: datetime,
    book: PolicyBook,
) -> None:
    """R13: a direct prefecture that lost its last municipality counts; over the limit is flagged."""
    today = japan_day(now)
    cap = cap_of(book, today)
    if slot_of(db, row) is not None or held_inside(
        db, row, by_any=cap.exempt_by_any, without=without
    ):
        return
    if _insert(db, row, "active", today, most=cap.most):
        return
    _flag(db, actor=actor, row=row, now=now, days=book.on("over_cap.days", today).value)


def _flag(db: Session, *, actor: Actor, row: Registration, now: datetime, days: int) -> None:
    """R13: nothing is cancelled; the person is asked to choose what to keep."""
    today = japan_day(now)
    if row.over_cap_since is not None:
        return
    row.over_cap_since = today
    until = choose_until(today, days)
    add_event(db, row, kind="over_cap", now=now, facts={"choose_until": until.isoformat()})
    record(
        db,
        actor=actor,
        action="registration.over_cap",
        subject=("registration", row.id),
        now=now,
        lg_code=row.lg_code,
        person_id=row.person_id,
    )
    draft = NoticeDraft(
        person_id=row.person_id,
        kind="over_cap",
        period_key=f"{row.id}:{today.isoformat()}",
        lg_code=row.lg_code,
        facts={"day": until.isoformat(), "most": NUMBERS},
    )
    tell(db, [draft], now=now)


def held_inside(
    db: Session, prefecture_row: Registration, *, by_any: bool = False, without: str = ""
) -> bool:
    """R13: whether the person holds, or has applied for, premium inside the prefecture.

    `by_any` (the setting premium.prefecture_exempt_by) takes any registration inside. `without`
    leaves one municipality out of account. The person's own context asks once; a body or a job
    sees one body's rows at a time and asks each municipality of the prefecture in turn, which
    happens only for direct registrations with a prefecture.
    """
    if any(
        entry["tier"] == Tier.PREMIUM and entry["code"] != without
        for entry in prefecture_row.derived_from
    ):
        return True
    codes = [code for code in _municipalities(db, prefecture_row.lg_code) if code != without]
    if context_of(db).audience is Audience.PERSON:
        return _held(db, prefecture_row, codes, by_any=by_any)
    for code in codes:
        with working_for(db, code):
            if _held(db, prefecture_row, [code], by_any=by_any):
                return True
    return False


def _municipalities(db: Session, prefecture: str) -> Sequence[str]:
    return db.scalars(
        select(LocalGovernment.code)
        .where(
            LocalGovernment.prefecture_code == prefecture,
            LocalGovernment.kind == BodyKind.MUNICIPALITY.value,
        )
        .order_by(LocalGovernment.code)
    ).all()


def _held(db: Session, row: Registration, codes: Sequence[str], *, by_any: bool) -> bool:
    place = exists().where(PremiumSlot.person_id == row.person_id, PremiumSlot.lg_code.in_(codes))
    if by_any:
        any_row = exists().where(
            Registration.person_id == row.person_id,
            Registration.lg_code.in_(codes),
            Registration.status == "active",
        )
        return bool(db.scalar(select(place | any_row)))
    return bool(db.scalar(select(place)))


def pending_until(book: PolicyBook, today: date) -> date:
    """R13: the last day for which an application made today reserves its place."""
    days: int = book.on("pending.days", today).value
    return today + timedelta(days=days)
