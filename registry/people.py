"""A registrant's own profile: what is asked, what is refused, and the copies bodies hold (R03, R18, R25)."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import audit
from core.access import Actor
from core.clock import japan_day
from core.errors import Conflict, invalid, refused
from core.individual_number import contains_individual_number
from core.models import Account
from core.texts import LANGUAGES
from registry import queries
from registry.models import LocalGovernment, Person, Registration
from registry.rules.policy import PolicyBook

MAX_NICKNAME = 40
MAX_NAME = 80
MAX_PHONE = 40
PHONE = re.compile(r"0\d{9,10}|\+\d{8,15}")
OLDEST = 130
#: What the card has proved is no longer typed over (R12).
PROVED_BY_CARD = frozenset({"name", "birth_date", "birth_year"})
CARD_LEVELS = frozenset({"mnc_user", "mnc_sign"})


@dataclass(frozen=True, slots=True)
class Profile:
    """What a person says of themselves; only the nickname must be there (R03).

    Attributes:
        nickname: What they want to be called.
        name: Full name, as hosts need it for insurance and rosters.
        kana: Its reading.
        birth_date: Or
        birth_year: which is enough to know whether a guardian is needed (R18).
        declared_residence: Code of the municipality, or prefecture, they say they live in (R16).
        emergency_name: Whom a host calls for a minor on the day (R18), with
        emergency_phone: their number.
    """

    nickname: str
    name: str | None = None
    kana: str | None = None
    birth_date: date | None = None
    birth_year: int | None = None
    declared_residence: str | None = None
    emergency_name: str | None = None
    emergency_phone: str | None = None


def create_profile(
    db: Session, *, actor: Actor, profile: Profile, now: datetime, book: PolicyBook
) -> Person:
    """R03: a signed-in person becomes a registrant; the mail address is proved by the sign-in.

    Raises:
        Conflict: `profile_exists`.
        Invalid: A field cannot be understood: the day of birth lies ahead, a code is unknown;
            `birth_year_needed`: without it nobody knows whether a guardian is needed (R18).
        Refused: A text holds an Individual Number (R12), or a field the nation asks for is missing.
    """
    if db.get(Person, actor.person_id) is not None:
        raise Conflict(code="profile_exists")
    values = _checked(db, _given(profile), today=japan_day(now))
    _need_fields(values, book, japan_day(now))
    if values.get("birth_year") is None:
        raise invalid("birth_year_needed", field="birth_year")
    someone = Person(
        id=actor.person_id,
        identity_level="email",
        link_default=bool(book.on("link.default", japan_day(now)).value),
        created_at=now,
        **values,
    )
    _need_whole_contact(someone)
    db.add(someone)
    db.flush()
    _record(db, actor, "person.create", sorted(values), now)
    return someone


def update_profile(
    db: Session,
    *,
    actor: Actor,
    changes: Mapping[str, Any],
    now: datetime,
    book: PolicyBook,
) -> Person:
    """Change fields of the profile; every body's own copy follows in the same transaction (R25).

    Args:
        db: A transaction of the person.
        actor: The person.
        changes: Fields of `Profile`, `link_default` (R02: whether new municipal registrations
            register the prefecture too) and `language`. Residence has its own use case.
        now: The instant.
        book: The policy book.

    Raises:
        Refused: `proved_by_card`: name and birth come from the card once it was shown (R12).
    """
    someone = queries.person(db, actor.person_id, lock=True)
    asked = dict(changes)
    language = asked.pop("language", None)
    if language is not None:
        _set_language(db, someone, language)
    if "link_default" in asked:
        someone.link_default = bool(asked.pop("link_default"))
    known = PROVED_BY_CARD & asked.keys() if someone.identity_level in CARD_LEVELS else set()
    for field in sorted(known):
        if asked[field] != getattr(someone, field):
            raise refused("proved_by_card", rule="R12", field=field)
    for field, value in _checked(db, asked, today=japan_day(now)).items():
        setattr(someone, field, value)
    if someone.birth_year is None and asked.keys() & {"birth_year", "birth_date"}:
        raise invalid("birth_year_needed", field="birth_year")
    _need_whole_contact(someone)
    if someone.birth_date is not None and someone.birth_year != someone.birth_date.year:
        raise invalid("birth_mismatch", field="birth_year", needed=someone.birth_date.year)
    db.flush()
    refresh_copies(db, person=someone, now=now, book=book)
    _record(db, actor, "person.update", sorted(changes), now)
    return someone


def refresh_copies(db: Session, *, person: Person, now: datetime, book: PolicyBook) -> None:
    """R25: bring the copies that local governments hold in line with the person's own row."""
    rows = db.scalars(
        select(Registration)
        .where(Registration.person_id == person.id, Registration.pseudonymised_on.is_(None))
        .order_by(Registration.lg_code)
        .with_for_update()
    )
    for row in rows:
        before = (row.display_name, row.kana, row.residence_code)
        for field, value in copies_of(person, book, japan_day(now)).items():
            setattr(row, field, value)
        if before != (row.display_name, row.kana, row.residence_code):
            row.alike_due_on = japan_day(now)
    db.flush()


def copies_of(person: Person, book: PolicyBook, today: date) -> dict[str, Any]:
    """R25: what a local government holds of a person."""
    minor_until = queries.minor_until(person, book, today)
    return {
        "display_name": person.name or person.nickname,
        "kana": person.kana,
        "residence_code": person.verified_residence or person.declared_residence,
        "minor_until": minor_until,
        "emergency_name": person.emergency_name if minor_until else None,
        "emergency_phone": person.emergency_phone if minor_until else None,
        "identity_level": person.identity_level,
        "identity_lapsed_on": person.identity_lapsed_on,
        "identity_checked_on": person.identity_checked_at and japan_day(person.identity_checked_at),
    }


def _given(profile: Profile) -> dict[str, Any]:
    return {field: getattr(profile, field) for field in Profile.__slots__}


def _checked(db: Session, values: Mapping[str, Any], *, today: date) -> dict[str, Any]:
    """The fields in normal form; an empty text is none."""
    found: dict[str, Any] = {}
    for field, value in values.items():
        if field in {"nickname", "name", "kana", "emergency_name"}:
            found[field] = _text(field, value)
        elif field == "emergency_phone":
            found[field] = _phone(value)
        elif field == "birth_date":
            found["birth_date"] = _birth(value, today)
            if value is not None:
                found["birth_year"] = value.year
        elif field == "birth_year":
            if values.get("birth_date") is None:
                found["birth_year"] = _year(value, today)
        elif field == "declared_residence":
            found[field] = _code(db, value)
        else:
            raise invalid("unknown_field", field=field)
    if "nickname" in found and not found["nickname"]:
        raise invalid("nickname_needed", field="nickname")
    return found


def _text(field: str, value: str | None) -> str | None:
    """One line in normal form, without an Individual Number in it.

    Raises:
        Invalid: Too long, or with control characters.
        Refused: `individual_number` (R12): it is never accepted anywhere.
    """
    if value is None:
        return None
    plain = " ".join(unicodedata.normalize("NFC", value).split())
    longest = MAX_NICKNAME if field == "nickname" else MAX_NAME
    if len(plain) > longest:
        raise invalid("text_too_long", field=field, found=len(plain), needed=longest)
    if any(unicodedata.category(char) in {"Cc", "Cs"} for char in plain):
        raise invalid("text_unreadable", field=field)
    refuse_individual_number(plain, field=field)
    return plain or None


def _phone(value: str | None) -> str | None:
    """A number one can call: Japanese with its leading 0, or international with its +.

    Raises:
        Invalid: `phone_unreadable`.
    """
    plain = unicodedata.normalize("NFKC", value or "").strip()
    if not plain:
        return None
    if not PHONE.fullmatch(re.sub(r"[\s()‐-―ー−-]", "", plain)):
        raise invalid("phone_unreadable", field="emergency_phone")
    return plain[:MAX_PHONE]


def refuse_individual_number(text: str, *, field: str) -> None:
    """R12: the 12-digit Individual Number is never accepted, in whatever field it is written."""
    if contains_individual_number(text):
        raise refused("individual_number", rule="R12", field=field)


def _birth(value: date | None, today: date) -> date | None:
    if value is not None and value > today:
        raise invalid("birth_in_future", field="birth_date", needed=today.isoformat())
    if value is not None and value.year < today.year - OLDEST:
        raise invalid("birth_too_early", field="birth_date", needed=today.year - OLDEST)
    return value


def _year(value: int | None, today: date) -> int | None:
    if value is not None and value > today.year:
        raise invalid("birth_in_future", field="birth_year", needed=today.year)
    if value is not None and value < today.year - OLDEST:
        raise invalid("birth_too_early", field="birth_year", needed=today.year - OLDEST)
    return value


def _code(db: Session, value: str | None) -> str | None:
    if value is not None and db.get(LocalGovernment, value) is None:
        raise invalid("unknown_government", field="declared_residence", found=value)
    return value


def _need_fields(values: Mapping[str, Any], book: PolicyBook, today: date) -> None:
    """R03: what the nation asks for; the mail address was proved by signing in."""
    for field in book.on("basic.min_fields", today).value:
        if field != "email" and not values.get(field):
            raise refused("field_needed", rule="R03", field=field)


def _need_whole_contact(someone: Person) -> None:
    """R18: a name without a number helps nobody in an emergency."""
    if bool(someone.emergency_name) != bool(someone.emergency_phone):
        missing = "emergency_phone" if someone.emergency_name else "emergency_name"
        raise invalid("field_needed", field=missing)


def _set_language(db: Session, someone: Person, language: str) -> None:
    if language not in LANGUAGES:
        raise invalid("unknown_language", field="language", found=language)
    account = db.get_one(Account, someone.id)
    account.language = language


def _record(db: Session, actor: Actor, action: str, fields: list[str], now: datetime) -> None:
    audit.record(
        db,
        actor=actor,
        action=action,
        subject=("person", actor.person_id),
        now=now,
        person_id=actor.person_id,
        fields=fields,
    )
