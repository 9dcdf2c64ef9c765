"""R18: a guardian's consent for a minor: invited, contact confirmed, card shown, living, withdrawn.

The minor invites by e-mail address. The guardian opens the link, signs in with that address
(which proves it) and, for premium, shows their own card. The row keeps which text was agreed to,
when, by whom, and how it ended (C43). Rows are the minor's; a guardian reaches them through the
gate, and acts in the minor's context under their own name.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core import audit, sealing
from core.access import Actor
from core.clock import japan_day
from core.errors import Conflict, Forbidden, Gone, NotFound, TooMany, invalid, refused
from core.ids import new_id, new_token
from core.models import Account
from core.outbox import NoticeDraft, tell
from core.signin import normal_email
from registry import premium, queries
from registry.ending import end_premium
from registry.evidence import Evidence
from registry.helping import tell_helping_over
from registry.leaving import end_without_contact
from registry.models import Guardianship, Person, Registration
from registry.rules.facts import Tier
from registry.rules.families import Tie, helps_until
from registry.rules.minors import is_minor
from registry.rules.policy import PolicyBook

#: Version of the text a guardian agrees to; it changes with the text.
CONSENT_TEXT = "2026-11"
INVITATION_LIFE = timedelta(days=30)
#: Invitations a minor may have open; more would make the platform a sender of unwanted mail.
MOST_OPEN = 5
SCOPES = ("basic", "premium", Tie.HELPER.value)
#: Scopes for which the confirmed address is enough.
BY_ADDRESS = frozenset({"basic", Tie.HELPER.value, Tie.MANAGED.value})
#: Months for which somebody may ask a helper; it is agreed on anew afterwards.
MONTHS = (3, 6, 12)


@dataclass(frozen=True, slots=True)
class Invited:
    """An invitation and the token of its link, which is not stored."""

    guardianship: Guardianship
    token: str


def invite(
    db: Session,
    *,
    actor: Actor,
    contact: str,
    scope: str,
    now: datetime,
    book: PolicyBook,
    months: int = MONTHS[-1],
) -> Invited:
    """R18: a minor asks a guardian, an adult a helper; the link goes to that address alone.

    Args:
        db: A transaction of the person.
        actor: The minor, or the adult who asks for help.
        contact: The guardian's or the helper's e-mail address.
        scope: `basic` (to be registered), `premium` or `helper`.
        now: The instant.
        book: The policy book.
        months: For how long somebody helps, one of `MONTHS`.

    Raises:
        Invalid: The address is none, the scope unknown, or one's own address (`own_contact`).
        Refused: `not_a_minor`: nobody speaks for an adult; `helper_of_minor`: minors have
            guardians.
        TooMany: Five invitations are open.
    """
    person = queries.person(db, actor.person_id, lock=True)
    if scope not in SCOPES or months not in MONTHS:
        raise invalid("validation", field="scope", found=scope)
    address = normal_email(contact)
    if db.scalar(select(Account.email).where(Account.id == person.id)) == address:
        raise invalid("own_contact", field="contact")
    minor = queries.minor_until(person, book, japan_day(now)) is not None
    if minor is (scope == Tie.HELPER):
        raise refused("helper_of_minor" if minor else "not_a_minor", rule="R18")
    limit_invitations(db, person.id, now)
    token = new_token()
    row = Guardianship(
        id=new_id(),
        person_id=person.id,
        contact=address,
        state="invited",
        scope=scope,
        until=helps_until(japan_day(now), months) if scope == Tie.HELPER else None,
        text_version=CONSENT_TEXT,
        invite_hash=sealing.digest(token),
        invited_at=now,
    )
    db.add(row)
    db.flush()
    record_step(db, actor, row, "invite", now)
    return Invited(row, token)


def limit_invitations(db: Session, person_id: UUID, now: datetime) -> None:
    """Refuse (`TooMany`) whoever has too many open invitations."""
    count = db.scalar(
        select(func.count())
        .select_from(Guardianship)
        .where(
            Guardianship.person_id == person_id,
            Guardianship.state == "invited",
            Guardianship.invited_at > now - INVITATION_LIFE,
        )
    )
    if (count or 0) >= MOST_OPEN:
        raise TooMany(code="rate_limited")


def by_token(db: Session, token: str, *, now: datetime) -> Guardianship:
    """An invitation by the token of its link (at the gate).

    Raises:
        NotFound: There is none.
        Gone: `invitation_ended`: nobody answered for 30 days.
    """
    row = db.scalars(
        select(Guardianship).where(Guardianship.invite_hash == sealing.digest(token))
    ).one_or_none()
    if row is None:
        raise NotFound(code="not_found")
    if row.state == "invited" and row.invited_at + INVITATION_LIFE <= now:
        raise Gone(code="invitation_ended")
    return row


def ensure_person(db: Session, *, actor: Actor, nickname: str, now: datetime) -> str:
    """A guardian who only signed in gets a profile, without any registration (their own context).

    Returns how they are called.
    """
    db.execute(
        insert(Person)
        .values(id=actor.person_id, nickname=nickname, identity_level="email", created_at=now)
        .on_conflict_do_nothing()
    )
    return db.get_one(Person, actor.person_id).nickname


def confirm(
    db: Session, *, actor: Actor, token: str, now: datetime, name: str = ""
) -> Guardianship:
    """R18: the guardian opened the link and is signed in with the invited address (at the gate).

    For `premium` the guardian's own card comes next; otherwise that is enough. The name by which
    the guardian or helper is called is kept, for the person to know who acted.

    Raises:
        NotFound, Gone: As `by_token`.
        Forbidden: `other_address`: signed in with an address that was not invited.
        Conflict: `invitation_answered`.
    """
    row = by_token(db, token, now=now)
    guardian_id = actor.person_id
    address = db.scalar(select(Account.email).where(Account.id == guardian_id))
    if address != row.contact or guardian_id == row.person_id:
        raise Forbidden(code="other_address")
    if row.state != "invited":
        raise Conflict(code="invitation_answered")
    if row.contact_confirmed_at is None:
        row.contact_confirmed_at, row.guardian_id = now, guardian_id
        row.guardian_name = name or None
        if row.scope in BY_ADDRESS:
            row.state = "living"
        db.flush()
        if row.scope == Tie.MANAGED:
            _mail_for(db, row)
        record_step(db, actor, row, "confirm", now)
    return row


def _mail_for(db: Session, row: Guardianship) -> None:
    """Mail for a managed child reaches its new guardian when nobody else is there any more."""
    others = db.scalar(
        select(Guardianship.id).where(
            Guardianship.person_id == row.person_id,
            Guardianship.scope == row.scope,
            Guardianship.state == "living",
            Guardianship.id != row.id,
        )
    )
    if others is None:
        db.get_one(Account, row.person_id).email = row.contact


def spoken_for(db: Session, *, actor: Actor) -> Sequence[Guardianship]:
    """The minors somebody speaks or spoke for (at the gate)."""
    return db.scalars(
        select(Guardianship)
        .where(Guardianship.guardian_id == actor.person_id)
        .order_by(Guardianship.invited_at.desc())
    ).all()


def guardians_of(db: Session, *, actor: Actor) -> Sequence[Guardianship]:
    """Whom a minor has asked (in the minor's context)."""
    return db.scalars(
        select(Guardianship)
        .where(Guardianship.person_id == actor.person_id)
        .order_by(Guardianship.invited_at.desc())
    ).all()


def ward_of(db: Session, *, actor: Actor, guardianship_id: UUID) -> Guardianship:
    """The guardianship of a guardian who has confirmed their address (at the gate).

    Raises:
        NotFound: There is none of this guardian.
    """
    row = db.get(Guardianship, guardianship_id)
    if row is None or row.guardian_id != actor.person_id:
        raise NotFound(code="not_found")
    return row


def require_adult(birth_date: date | None, *, today: date, book: PolicyBook) -> None:
    """R18: a guardian is of age, by their own card.

    Raises:
        Refused: `guardian_is_minor`.
    """
    age = book.on("minor.age", today).value
    if birth_date is None or is_minor(birth_date, today, age):
        raise refused("guardian_is_minor", rule="R18", needed=age)


def verify(
    db: Session,
    *,
    actor: Actor,
    guardianship_id: UUID,
    now: datetime,
    book: PolicyBook,
    evidence: Evidence,
) -> Guardianship:
    """R18: the guardian's card was checked: the consent lives, and what waited for it goes on.

    Args:
        db: A transaction of the minor, acting for the guardian.
        actor: The guardian.
        guardianship_id: The consent.
        now: The instant.
        book: The policy book.
        evidence: Of presence, for applications that waited.

    Raises:
        NotFound: No such consent of this guardian.
        Conflict: `invitation_answered`: it was withdrawn or has ended.
    """
    row = _own(db, actor, guardianship_id)
    if row.state not in {"invited", "living"}:
        raise Conflict(code="invitation_answered")
    row.state, row.verified_at = "living", now
    db.flush()
    record_step(db, actor, row, "verify", now)
    _tell(db, row, "guardian_consented", now)
    premium.resume_waiting(
        db, actor=actor, person_id=row.person_id, now=now, book=book, evidence=evidence
    )
    return row


def _own(db: Session, actor: Actor, guardianship_id: UUID) -> Guardianship:
    row = db.get(Guardianship, guardianship_id, with_for_update=True)
    if row is None or row.guardian_id != actor.id:
        raise NotFound(code="not_found")
    return row


def withdraw(
    db: Session,
    *,
    actor: Actor,
    guardianship_id: UUID,
    reason: str,
    now: datetime,
    book: PolicyBook,
) -> Guardianship:
    """R18, example 9: the consent ends, and with the last one premium: back to basic at once.

    A consent to be registered at all (`basic`) takes the registrations with it, unless another
    guardian's contact is confirmed. A helper's tie takes nothing with it; both are told.

    Args:
        db: A transaction of the minor, acting for the guardian (or for staff who were told).
        actor: The guardian, or staff; the door has looked up their right at the gate.
        guardianship_id: The consent.
        reason: `by_guardian`, `by_person` or `by_staff`, kept in the ledger.
        now: The instant.
        book: The policy book.

    Raises:
        NotFound: There is none.
        Conflict: `invitation_answered`: it has ended before.
    """
    row = db.get(Guardianship, guardianship_id, with_for_update=True)
    if row is None:
        raise NotFound(code="not_found")
    if row.state not in {"invited", "living"}:
        raise Conflict(code="invitation_answered")
    was_confirmed = row.contact_confirmed_at is not None
    row.state, row.ended_at, row.ended_reason = "withdrawn", now, reason
    db.flush()
    record_step(db, actor, row, "withdraw", now)
    if row.scope == Tie.HELPER:
        tell_helping_over(db, row, now)
        return row
    _tell(db, row, "guardian_withdrew", now)
    if row.scope == "premium":
        end_without_consent(db, actor=actor, person_id=row.person_id, now=now, book=book)
    elif was_confirmed:
        end_without_contact(db, actor=actor, person_id=row.person_id, now=now, book=book)
    return row


def end_without_consent(
    db: Session,
    *,
    actor: Actor,
    person_id: UUID,
    now: datetime,
    book: PolicyBook,
    reason: str = "consent_withdrawn",
) -> int:
    """R18: a minor whose last consent is gone keeps no premium; returns how many ended."""
    person = queries.person(db, person_id, lock=True)
    still = db.scalar(
        select(Guardianship.id)
        .where(
            Guardianship.person_id == person_id,
            Guardianship.scope == "premium",
            Guardianship.state == "living",
            Guardianship.verified_at.is_not(None),
        )
        .limit(1)
    )
    if still is not None or queries.minor_until(person, book, japan_day(now)) is None:
        return 0
    premium.wait_again(db, actor=actor, person_id=person_id, now=now, book=book)
    held = db.scalars(
        select(Registration)
        .where(
            Registration.person_id == person_id,
            Registration.status == "active",
            Registration.tier == Tier.PREMIUM.value,
            Registration.direct,
        )
        .order_by(Registration.lg_code)
        .with_for_update()
    ).all()
    return sum(
        end_premium(db, actor=actor, registration=row, reason=reason, now=now, book=book)
        for row in held
    )


def record_step(db: Session, actor: Actor, row: Guardianship, verb: str, now: datetime) -> None:
    """C44: the step is written where the minor, and the guardian's own log, can read it."""
    audit.record(
        db,
        actor=actor,
        action=f"guardianship.{verb}",
        subject=("guardianship", row.id),
        now=now,
        person_id=row.person_id,
        purpose=f"{row.scope}:{row.text_version}",
    )


def _tell(db: Session, row: Guardianship, kind: str, now: datetime) -> None:
    tell(db, [NoticeDraft(row.person_id, kind, f"{row.id}:{now.isoformat()}")], now=now)
