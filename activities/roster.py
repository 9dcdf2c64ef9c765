"""Who is coming to a session: for the organiser as a list, at the reception by search only (C29).

A phone armed for one session may take its names along, and nothing else of these people (C21).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.orm import Session

from activities.models import ActivitySession, CheckIn, SignUp
from activities.queries import LIVING
from core import audit
from core.access import Actor
from core.clock import japan_day
from core.errors import refused
from core.shortcode import normalise
from core.tables import csv_text
from registry.models import Card, Registration

#: Characters a search at the reception needs, and rows it shows at most (C29).
SEARCH_LENGTH = 3
SEARCH_ROWS = 20
FIELDS = ("display_name", "kana", "member_number")
CONTACT = ("emergency_name", "emergency_phone")
#: What an armed phone takes along of each person.
CARRIED = ("display_name",)
#: Hex digits of a mark: enough that nobody makes another card with the same.
_MARK = 32


@dataclass(frozen=True, slots=True)
class RosterEntry:
    """One person of a session, from the body's own copy of their data.

    `minor` is told on the day of the session only, and with it whom to call in an emergency
    (R18); before and after they are None.
    """

    sign_up_id: UUID
    person_id: UUID
    display_name: str
    kana: str | None
    member_number: str
    state: str
    insurance_proof: bool
    waiting_since: datetime | None
    offer_until: datetime | None
    arrived_at: datetime | None
    minor: bool | None
    emergency_name: str | None = None
    emergency_phone: str | None = None


def roster(
    db: Session,
    *,
    actor: Actor,
    session: ActivitySession,
    now: datetime,
    action: str = "roster.read",
) -> list[RosterEntry]:
    """Everybody who has or waits for a place, with who is here already (C35); the look is recorded.

    For organisers and staff. Devices and reception search instead (`search_roster`).
    """
    found = db.execute(_people(session).order_by(SignUp.state, SignUp.signed_up_at, SignUp.id))
    entries = [_entry(row[0], row[1], row[2], session, now) for row in found]
    _record(db, actor, session, entries, now, action=action)
    return entries


def search_roster(
    db: Session,
    *,
    actor: Actor,
    session: ActivitySession,
    text: str,
    now: datetime,
    contacts: bool = True,
) -> list[RosterEntry]:
    """C29: people of a session whose name, kana or member number begins with or holds a text.

    A device, which may lie on a table, is shown no `contacts` of minors.

    Raises:
        Refused: `search_too_short`, less than three characters.
    """
    wanted = text.strip()
    if len(wanted) < SEARCH_LENGTH:
        raise refused("search_too_short", rule="R19", found=len(wanted), needed=SEARCH_LENGTH)
    matches = [
        Registration.display_name.contains(wanted, autoescape=True),
        Registration.kana.contains(wanted, autoescape=True),
    ]
    number = normalise(wanted)
    # Hyphens and spaces alone normalise to nothing, which would begin every number.
    if len(number) >= SEARCH_LENGTH:
        matches.append(Registration.member_number.startswith(number, autoescape=True))
    found = db.execute(
        _people(session)
        .where(or_(*matches))
        .order_by(Registration.kana, SignUp.id)
        .limit(SEARCH_ROWS)
    )
    entries = [_entry(row[0], row[1], row[2], session, now, contacts=contacts) for row in found]
    _record(db, actor, session, entries, now, action="roster.search")
    return entries


@dataclass(frozen=True, slots=True)
class Carried:
    """One person as an armed phone knows them: a name, and marks by which their card is known."""

    display_name: str
    marks: tuple[str, ...]
    here: bool


def mark(session_id: UUID, text: str) -> str:
    """What stands on the phone for a card's id or a member number; it opens nothing (C13, C21)."""
    return hashlib.sha256(f"roster|{session_id}|{text}".encode()).hexdigest()[:_MARK]


def names_along(
    db: Session, *, actor: Actor, session: ActivitySession, now: datetime
) -> list[Carried]:
    """C21: the names of everybody with a place, for a phone without network; the look is recorded.

    Cards and numbers go along as marks only, which are of use with the code in hand.
    """
    found = db.execute(
        _people(session).where(SignUp.state == "taken").order_by(Registration.kana, SignUp.id)
    ).all()
    entries = [_entry(row[0], row[1], row[2], session, now, contacts=False) for row in found]
    cards: dict[UUID, list[str]] = {}
    for registration_id, ref in db.execute(
        select(Card.registration_id, Card.card_ref).where(
            Card.lg_code == session.lg_code,
            Card.registration_id.in_([row[1].id for row in found]),
            Card.revoked_at.is_(None),
        )
    ):
        cards.setdefault(registration_id, []).append(ref)
    _record(db, actor, session, entries, now, action="roster.carry", shown=CARRIED)
    return [
        Carried(
            display_name=row[1].display_name,
            marks=tuple(
                mark(session.id, text) for text in (row[1].member_number, *cards.get(row[1].id, ()))
            ),
            here=row[2] is not None,
        )
        for row in found
    ]


def insurance_list(db: Session, *, actor: Actor, session: ActivitySession, now: datetime) -> str:
    """R31: everybody with a place, as CSV for the insurer; the look is recorded.

    Begins with a byte order mark: spreadsheets read Japanese rightly only with it.
    """
    found = db.execute(
        _people(session).where(SignUp.state == "taken").order_by(Registration.kana, SignUp.id)
    )
    entries = [_entry(row[0], row[1], row[2], session, now, contacts=False) for row in found]
    _record(db, actor, session, entries, now, action="roster.insurance", purpose="insurance")
    return csv_text(
        ("登録番号", "氏名", "フリガナ"),
        ((one.member_number, one.display_name, one.kana or "") for one in entries),
    )


def _people(session: ActivitySession) -> Select[SignUp, Registration, datetime | None]:
    return (
        select(SignUp, Registration, CheckIn.at)
        .join(
            Registration,
            and_(Registration.lg_code == SignUp.lg_code, Registration.id == SignUp.registration_id),
        )
        .outerjoin(
            CheckIn,
            and_(
                CheckIn.lg_code == SignUp.lg_code,
                CheckIn.session_id == SignUp.session_id,
                CheckIn.person_id == SignUp.person_id,
                CheckIn.direction == "in",
                CheckIn.annulled_at.is_(None),
            ),
        )
        .where(
            SignUp.lg_code == session.lg_code,
            SignUp.session_id == session.id,
            SignUp.state.in_(LIVING),
        )
    )


def _entry(
    one: SignUp,
    registration: Registration,
    arrived_at: datetime | None,
    session: ActivitySession,
    now: datetime,
    *,
    contacts: bool = True,
) -> RosterEntry:
    minor = _minor(registration, session, japan_day(now))
    called = registration if minor and contacts else None
    return RosterEntry(
        sign_up_id=one.id,
        person_id=one.person_id,
        display_name=registration.display_name,
        kana=registration.kana,
        member_number=registration.member_number,
        state=one.state,
        insurance_proof=one.insurance_proof,
        waiting_since=one.waiting_since,
        offer_until=one.offer_until,
        arrived_at=arrived_at,
        minor=minor,
        emergency_name=None if called is None else called.emergency_name,
        emergency_phone=None if called is None else called.emergency_phone,
    )


def _minor(registration: Registration, session: ActivitySession, today: date) -> bool | None:
    """R18: the organiser sees that somebody is a minor on the day, not before and not after.

    A session over midnight is held on both of its days.
    """
    if not japan_day(session.starts_at) <= today <= japan_day(session.ends_at):
        return None
    return registration.minor_until is not None and today < registration.minor_until


def _record(
    db: Session,
    actor: Actor,
    session: ActivitySession,
    entries: Sequence[RosterEntry],
    now: datetime,
    *,
    action: str,
    purpose: str = "reception",
    shown: tuple[str, ...] = FIELDS,
) -> None:
    """C48: one row a person shown, which they can read; a search without a hit leaves one too.

    The row names the emergency contact where it was shown (R18).
    """
    people: Sequence[RosterEntry | None] = entries or [None]
    for one in people:
        called = one is not None and one.emergency_phone is not None
        audit.record(
            db,
            actor=actor,
            action=action,
            subject=("session", session.id),
            lg_code=session.lg_code,
            person_id=None if one is None else one.person_id,
            purpose=purpose,
            row_count=len(entries),
            fields=(*shown, *CONTACT) if called else shown,
            now=now,
        )
