"""Questions the registry asks of its tables, each in one statement."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.errors import Conflict, NotFound
from registry.models import LocalGovernment, Person, Registration, Term
from registry.rules.facts import Body, BodyKind, Residence
from registry.rules.minors import adult_on, is_minor, youngest_birth_date
from registry.rules.policy import PolicyBook
from registry.rules.residence import in_use

#: States of a term in which premium lasts.
LIVING = ("active", "grace")


@dataclass(frozen=True, slots=True)
class Where:
    """A code people gave as the place they live in, as the rules want it."""

    body: Body
    name: str


def government(db: Session, lg_code: str) -> LocalGovernment:
    """The local government of a code.

    Raises:
        NotFound: There is none.
    """
    found = db.get(LocalGovernment, lg_code)
    if found is None:
        raise NotFound(code="not_found")
    return found


def governments(db: Session, codes: Collection[str]) -> Mapping[str, LocalGovernment]:
    """Local governments by code; unknown codes are left out."""
    if not codes:
        return {}
    rows = db.scalars(select(LocalGovernment).where(LocalGovernment.code.in_(set(codes))))
    return {row.code: row for row in rows}


def body_of(government: LocalGovernment) -> Body:
    """A local government as the rules see it (R01)."""
    return Body(government.code, BodyKind(government.kind), government.prefecture_code)


def accepts(government: LocalGovernment, book: PolicyBook, today: date) -> bool:
    """R01: whether a local government takes registrations (it is on trial or active)."""
    return government.state in book.on("body.accepts", today).value


def direct_released(row: Registration) -> bool:
    """R02, R06: a direct origin released for silence, while municipalities carry the row on."""
    return row.status == "active" and not row.direct and row.restore_until is not None


def accepting_codes(db: Session, book: PolicyBook, today: date) -> Sequence[str]:
    """R01: codes of all local governments that take registrations, in their order."""
    states = book.on("body.accepts", today).value
    return db.scalars(
        select(LocalGovernment.code)
        .where(LocalGovernment.state.in_(states))
        .order_by(LocalGovernment.code)
    ).all()


def person(db: Session, person_id: UUID, *, lock: bool = False) -> Person:
    """The person's own row (in the person's context).

    Raises:
        NotFound: `profile_needed`: nobody, or not for this context.
        Conflict: `account_closed`.
    """
    found = db.get(Person, person_id, with_for_update=lock or None)
    if found is None:
        raise NotFound(code="profile_needed")
    if found.closed_at is not None:
        raise Conflict(code="account_closed")
    return found


def registration_of(
    db: Session, *, lg_code: str, person_id: UUID, lock: bool = False
) -> Registration | None:
    """The one row of a person with a local government, whatever its state."""
    statement = select(Registration).where(
        Registration.lg_code == lg_code, Registration.person_id == person_id
    )
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return db.scalars(statement).one_or_none()


def living_term(db: Session, registration: Registration) -> Term | None:
    """The term in which premium lasts now, in force or in grace (R14)."""
    return db.scalars(
        select(Term)
        .where(
            Term.lg_code == registration.lg_code,
            Term.registration_id == registration.id,
            Term.state.in_(LIVING),
        )
        .order_by(Term.first_day.desc())
        .limit(1)
    ).one_or_none()


def premium_until(term: Term | None) -> date | None:
    """R14: the day until which premium lasts, with grace or an extension where there is one."""
    if term is None:
        return None
    return max(day for day in (term.last_day, term.grace_until, term.extended_until) if day)


def residence_from(where: LocalGovernment | None, *, verified: bool) -> Residence | None:
    """R16: a code of residence as the rules want it; a prefecture's code leaves the town open."""
    if where is None:
        return None
    town = None if where.kind == BodyKind.PREFECTURE else where.code
    return Residence(town, where.prefecture_code, verified=verified)


def residence_of(db: Session, someone: Person) -> Residence | None:
    """R16: where a person lives: the declared place until the card gave a verified one."""
    codes = {c for c in (someone.declared_residence, someone.verified_residence) if c}
    found = governments(db, codes)
    return in_use(
        residence_from(found.get(someone.declared_residence or ""), verified=False),
        residence_from(found.get(someone.verified_residence or ""), verified=True),
    )


def birth_of(someone: Person) -> date | None:
    """R18: the birth date as given, or the last day of the year of birth, which protects most."""
    if someone.birth_date is not None:
        return someone.birth_date
    return None if someone.birth_year is None else youngest_birth_date(someone.birth_year)


def minor_until(someone: Person, book: PolicyBook, today: date) -> date | None:
    """R18: the first day as an adult for somebody under age, else None."""
    born = birth_of(someone)
    age = book.on("minor.age", today).value
    return adult_on(born, age) if born is not None and is_minor(born, today, age) else None
