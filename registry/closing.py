"""R32: closing for good, by the person or by staff whom a family told, and undoing a mistake.

Everything ends, nothing is deleted: registrations, terms, applications and cards at once (notices
stop with the account), future places the same night (C33), consents in both directions. The
records that count stay with the local governments until their retention (R25).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import delete, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core import audit
from core.access import Actor
from core.clock import japan_day
from core.errors import Conflict, Gone, NotFound, invalid, refused
from core.models import Account
from core.outbox import NoticeDraft, tell
from core.signin import email_key
from registry import queries
from registry.leaving import Ending, end_registrations, reopen_registrations
from registry.models import Guardianship, IdentityLink, Person, Registration
from registry.parting import Ward, part_from, require_nobody_alone
from registry.rules.policy import PolicyBook

BY_PERSON = "person"
#: What a closing ends; a registration released as dormant could otherwise be restored (R06).
CLOSED_TOO = ("active", "released_dormant")


class ClosingReason(StrEnum):
    """Why staff close for somebody who cannot (R32)."""

    DECEASED = "deceased"
    LONG_ILLNESS = "long_illness"


class ToldBy(StrEnum):
    """From whom staff know it; kept with the act."""

    FAMILY = "family"
    OFFICE = "office"
    DOCUMENT = "document"


class Seen(StrEnum):
    """The paper a family showed; what it says is never stored, and no copy is kept."""

    DEATH_CERTIFICATE = "death_certificate"
    FAMILY_REGISTER = "family_register"
    MEDICAL_NOTE = "medical_note"


@dataclass(frozen=True, slots=True)
class Told:
    """What staff were told, by whom, and which paper they saw."""

    reason: ClosingReason
    told_by: ToldBy
    seen: Seen | None = None

    @property
    def purpose(self) -> str:
        """As the audit trail keeps it."""
        said = f"{self.reason.value}:{self.told_by.value}"
        return said if self.seen is None else f"{said}:{self.seen.value}"

    def require_paper(self) -> None:
        """R32: a family asks at the counter with a paper; a voice on the telephone closes nothing.

        Raises:
            Invalid: `field_needed`, of the field `seen`.
        """
        if self.told_by is ToldBy.FAMILY and self.seen is None:
            raise invalid("field_needed", field="seen")


@dataclass(frozen=True, slots=True)
class Closed:
    """How many registrations ended, how many minors were told to name another guardian."""

    registrations: int
    wards: int = 0


def close_own_account(
    db: Session,
    *,
    actor: Actor,
    now: datetime,
    book: PolicyBook,
    wards: Sequence[Ward] = (),
) -> Closed:
    """R32: the person closes the account; what is theirs goes at once, and they may begin anew.

    The address, the profile and the tie to the card are erased: with none of them left, address
    and card are free for another account (R12). What local governments hold stays (R25).
    Consents and help they gave end, and those who had them are told.

    Args:
        db: A transaction of the person.
        actor: The person, or a guardian in a managed child's name.
        now: The instant.
        book: The policy book.
        wards: Those the person stands by, as `parting.wards_of` knows them at the gate.

    Raises:
        Refused: `children_first`: a child that cannot sign in would be left with nobody (R18).
    """
    require_nobody_alone(wards)
    part_from(db, actor=actor, guardian_id=actor.person_id, wards=wards, now=now, book=book)
    closed = _close(db, actor, actor.person_id, BY_PERSON, BY_PERSON, now, book)
    db.get_one(Account, actor.person_id).email = None
    person = db.get_one(Person, actor.person_id)
    person.nickname, person.name, person.kana, person.address = "", None, None, None
    person.birth_date, person.birth_year = None, None
    person.declared_residence, person.verified_residence = None, None
    db.execute(delete(IdentityLink).where(IdentityLink.person_id == actor.person_id))
    db.flush()
    return Closed(closed.registrations, len(wards))


def close_for_person(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    person_id: UUID,
    told: Told,
    wards: Sequence[Ward],
    now: datetime,
    book: PolicyBook,
) -> Closed:
    """R32: staff close for somebody who died, or who is ill for long.

    A death closes the account, with every local government: no notice reaches the family any
    more, from nobody. An illness ends the registration with this local government alone; the
    person may come back whenever they can. The address is kept sealed off, so that a mistake can
    be put right (`reopen`).

    Args:
        db: A transaction of the person; the door has looked up the right of staff.
        actor: Staff of the local government.
        lg_code: Where they work.
        person_id: Whom it is about.
        told: Why, and from whom staff know.
        wards: Those the person stood by, as `parting.wards_of` knows them at the gate (R18). A
            managed child stays registered; staff ask another adult to be its guardian.
        now: The instant.
        book: The policy book.

    Raises:
        NotFound: No registration there.
        Invalid: `field_needed`: a family asked and no paper was seen.
        Conflict: `account_closed`; `registration_not_active` for an illness.
        Refused: `derived_registration`: illness ends the municipal one it follows from.
    """
    told.require_paper()
    row = queries.registration_of(db, lg_code=lg_code, person_id=person_id)
    if row is None:
        raise NotFound(code="not_found")
    if told.reason is ClosingReason.LONG_ILLNESS:
        return _close_one(db, actor, row, told, now, book)
    closed = _close(db, actor, person_id, told.reason.value, told.purpose, now, book, lg_code)
    part_from(db, actor=actor, guardian_id=person_id, wards=wards, now=now, book=book)
    return Closed(closed.registrations, len(wards))


def _close_one(
    db: Session, actor: Actor, row: Registration, told: Told, now: datetime, book: PolicyBook
) -> Closed:
    if row.status not in CLOSED_TOO:
        raise Conflict(code="registration_not_active")
    if not row.direct:
        raise refused("derived_registration", rule="R02")
    reason = told.reason.value
    ending = Ending("closed", reason, "closed", told=False, of=CLOSED_TOO, lg_codes=(row.lg_code,))
    count = end_registrations(
        db, actor=actor, person_id=row.person_id, ending=ending, now=now, book=book
    )
    _record(db, actor, row.person_id, "close_one", told.purpose, now, row.lg_code)
    return Closed(count)


def _close(
    db: Session,
    actor: Actor,
    person_id: UUID,
    reason: str,
    purpose: str,
    now: datetime,
    book: PolicyBook,
    lg_code: str | None = None,
) -> Closed:
    person = queries.person(db, person_id, lock=True)
    ending = Ending("closed", reason, "closed", told=False, of=CLOSED_TOO)
    count = end_registrations(
        db, actor=actor, person_id=person_id, ending=ending, now=now, book=book
    )
    db.execute(
        update(Guardianship)
        .where(Guardianship.person_id == person_id, Guardianship.state.in_(("invited", "living")))
        .values(state="ended", ended_at=now, ended_reason="closed")
    )
    person.closed_at, person.closed_reason = now, reason
    account = db.get_one(Account, person_id)
    account.closed_at, account.email_key = now, None
    _record(db, actor, person_id, "close", purpose, now, lg_code)
    db.flush()
    return Closed(count)


def reopen(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    person_id: UUID,
    secret: str,
    now: datetime,
    book: PolicyBook,
) -> int:
    """R32: a death was recorded by mistake: sign-in, notices and basic registrations come back.

    Within the days in which staff may reverse a decision (R15). Premium has ended and is asked
    for anew; consents of guardians are given anew. Reopening twice is reopening once. Returns
    how many registrations came back.

    Args:
        db: A transaction of the person; the door has looked up the right of staff.
        actor: Staff of a local government where the person was registered.
        lg_code: Where they work.
        person_id: Whom it is about.
        secret: The platform's, under which addresses are found.
        now: The instant.
        book: The policy book.

    Raises:
        NotFound: Nobody, or closed by themselves: they begin anew.
        Gone: `reversal_over`: the days have passed.
        Conflict: `address_taken`: somebody has signed up with the address meanwhile.
    """
    person = db.get(Person, person_id, with_for_update=True)
    if person is None or person.closed_reason == BY_PERSON:
        raise NotFound(code="not_found")
    if person.closed_at is None:
        return 0
    days = book.on("decision.reverse_days", japan_day(now)).value
    if now > person.closed_at + timedelta(days=days):
        raise Gone(code="reversal_over")
    account = db.get_one(Account, person_id)
    if account.email is None:
        raise NotFound(code="not_found")
    reason, person.closed_at, person.closed_reason = person.closed_reason, None, None
    account.closed_at, account.email_key = None, email_key(secret, account.email)
    try:
        with db.begin_nested():
            db.flush()
    except IntegrityError as error:
        raise Conflict(code="address_taken") from error
    count = reopen_registrations(
        db, actor=actor, person_id=person_id, reason=reason or "", now=now, book=book
    )
    _record(db, actor, person_id, "reopen", "mistake", now, lg_code)
    tell(db, [NoticeDraft(person_id, "account_reopened", now.isoformat())], now=now)
    return count


def _record(
    db: Session,
    actor: Actor,
    person_id: UUID,
    verb: str,
    purpose: str,
    now: datetime,
    lg_code: str | None,
) -> None:
    audit.record(
        db,
        actor=actor,
        action=f"person.{verb}",
        subject=("person", person_id),
        now=now,
        lg_code=lg_code,
        person_id=person_id,
        purpose=purpose,
    )
