"""R18: ages, guardians, and the day somebody becomes an adult."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from registry.rules.facts import ONE_DAY
from registry.rules.plain import Plain


class ConsentState(StrEnum):
    NOT_NEEDED = "not_needed"  # an adult: any consent has ended
    LIVING = "living"
    MISSING = "missing"
    UNVERIFIED = "unverified"  # given by a guardian whose identity is not verified
    WITHDRAWN = "withdrawn"


class BasicAccess(StrEnum):
    """How somebody of an age may hold a basic registration."""

    ALONE = "alone"
    GUARDIAN_CONTACT = "guardian_contact"
    MANAGED = "managed"


@dataclass(frozen=True, slots=True)
class Consent(Plain):
    """A guardian's consent with its scope and dates."""

    scope: str
    given_on: date
    guardian_verified: bool
    withdrawn_on: date | None = None


def birthday(birth_date: date, age: int) -> date:
    """R18: the day from whose 00:00 the age holds; for 29 February, 1 March in common years."""
    year = birth_date.year + age
    try:
        return birth_date.replace(year=year)
    except ValueError:
        return date(year, birth_date.month, birth_date.day - 1) + ONE_DAY


def age_on(birth_date: date, day: date) -> int:
    """R18: full years on a Japanese day. Raises ValueError for a birth in the future."""
    if birth_date > day:
        raise ValueError("Nobody is registered before being born.")
    age = day.year - birth_date.year
    return age if birthday(birth_date, age) <= day else age - 1


def adult_on(birth_date: date, age: int) -> date:
    """R18: the first day as an adult; guardian consent ends at its 00:00."""
    return birthday(birth_date, age)


def is_minor(birth_date: date, day: date, age: int) -> bool:
    """R18: whether somebody is under age on a day."""
    return day < adult_on(birth_date, age)


def youngest_birth_date(birth_year: int) -> date:
    """R18: basic registration asks the year only; the latest day of it protects most."""
    return date(birth_year + 1, 1, 1) - ONE_DAY


def basic_access(birth_date: date, day: date, *, adult_age: int, managed_under: int) -> BasicAccess:
    """R18: alone, with a guardian's confirmed contact, or inside a guardian's family account."""
    age = age_on(birth_date, day)
    if age < managed_under:
        return BasicAccess.MANAGED
    return BasicAccess.GUARDIAN_CONTACT if age < adult_age else BasicAccess.ALONE


def consent_state(
    birth_date: date, consents: Iterable[Consent], scope: str, day: date, *, adult_age: int
) -> ConsentState:
    """R18: whether a consent for a scope lives on a day. One living consent suffices."""
    if not is_minor(birth_date, day, adult_age):
        return ConsentState.NOT_NEEDED
    given = [c for c in consents if c.scope == scope and c.given_on <= day]
    living = [c for c in given if c.withdrawn_on is None or c.withdrawn_on > day]
    if any(consent.guardian_verified for consent in living):
        return ConsentState.LIVING
    if living:
        return ConsentState.UNVERIFIED
    return ConsentState.WITHDRAWN if given else ConsentState.MISSING
