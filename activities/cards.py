"""登録証: a card of a registration and its signed code, for the screen and for paper (R19, R22).

The code is signed again whenever it is shown: what is kept is the card's random id, by which a
lost card is refused at every reception. The code that turns with the time comes from the phone
itself (`mobile.phones`); this one is of paper's low assurance, and the reception asks for the name.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from secrets import token_bytes
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from activities.rules.stays import long_stay
from core import audit
from core.access import Actor
from core.clock import day_start, japan_day
from core.errors import Conflict, NotFound, invalid
from core.ids import new_id
from qr.codes import CARD_ID_BYTES, CardCode, sign_card
from qr.render import Level, qr_svg
from qr.sheets import Card as PrintedCard
from qr.sheets import CardWords, card_svg
from qr.signatures import KeyUse
from qr.store import KeyStore
from registry import queries
from registry.derived_links import derived_expiry
from registry.evidence import Evidence
from registry.models import Card, LocalGovernment, Registration
from registry.policies import body_policy
from registry.rules.counting import window_rolling
from registry.rules.facts import Tier
from registry.rules.policy import PolicyBook
from registry.rules.terms import term_for

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class SignedCard:
    """A living card with the code that stands for it today."""

    card: Card
    registration: Registration
    government: LocalGovernment
    code: str

    def svg(self, title: str) -> str:
        """The code as a picture for the screen; `title` is what a screen reader says."""
        return qr_svg(self.code, level=Level.M, title=title)

    def facts(self, tier: str) -> PrintedCard:
        """What a wallet card says; `tier` in the reader's language."""
        return PrintedCard(
            town=self.government.name,
            tier=tier,
            premium=self.registration.tier == Tier.PREMIUM,
            member_number=self.registration.member_number,
            signed_code=self.code,
            name=self.registration.display_name,
        )

    def printed(self, tier: str, words: CardWords) -> str:
        """The wallet card, to be printed and cut out."""
        return card_svg(self.facts(tier), words)


def issue_card(
    db: Session, *, actor: Actor, lg_code: str, keys: KeyStore, now: datetime, book: PolicyBook
) -> SignedCard:
    """R22: one's own new card; the one before it, lost or worn, holds no longer (C45).

    Args:
        db: A transaction of the person.
        actor: The person.
        lg_code: Of which registration.
        keys: Keys at hand, read not long ago.
        now: The instant.
        book: The policy book.

    Raises:
        NotFound: There is no registration.
        Conflict: `registration_not_active`.
        NoSigningKeyError: The body has no key that lasts as long as the card.
    """
    registration = living_registration(db, actor, lg_code, lock=True)
    return issue_for(db, registration, actor=actor, keys=keys, now=now, book=book)


def issue_for(
    db: Session,
    registration: Registration,
    *,
    actor: Actor,
    keys: KeyStore,
    now: datetime,
    book: PolicyBook,
) -> SignedCard:
    """R22: a new card for a registration that its caller holds; by the person or by staff.

    Raises:
        NoSigningKeyError: As `issue_card`.
    """
    lg_code, today = registration.lg_code, japan_day(now)
    _revoke_paper(db, registration, now)
    card = Card(
        lg_code=lg_code,
        id=new_id(),
        card_ref=token_bytes(CARD_ID_BYTES).hex(),
        registration_id=registration.id,
        person_id=registration.person_id,
        kind="paper",
        issued_at=now,
        expires_on=expiry(db, registration, book, today),
    )
    code = _sign(card, keys, now)
    db.add(card)
    db.flush()
    audit.record(
        db,
        actor=actor,
        action="card.issue",
        subject=("card", card.id),
        now=now,
        lg_code=lg_code,
        person_id=registration.person_id,
    )
    return SignedCard(card, registration, queries.government(db, lg_code), code)


def living_card(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    keys: KeyStore,
    now: datetime,
    lasts: timedelta | None = None,
) -> SignedCard | None:
    """The card that holds today with its code; None when one must be issued.

    `lasts` is for a screen: a picture taken of it is worth nothing soon after (R22).

    Raises:
        NotFound, Conflict, NoSigningKeyError: As `issue_card`.
    """
    registration = living_registration(db, actor, lg_code, lock=False)
    held = living_cards(db, [registration], keys=keys, now=now, lasts=lasts)
    return held[0] if held else None


def living_cards(
    db: Session,
    registrations: Sequence[Registration],
    *,
    keys: KeyStore,
    now: datetime,
    lasts: timedelta | None = None,
) -> list[SignedCard]:
    """The cards of one body's registrations that hold today, in the registrations' order.

    Raises:
        NoSigningKeyError: As `issue_card`.
    """
    if not registrations:
        return []
    lg_code = registrations[0].lg_code
    found = db.scalars(
        select(Card)
        .where(
            Card.lg_code == lg_code,
            Card.registration_id.in_([one.id for one in registrations]),
            Card.kind == "paper",
            Card.revoked_at.is_(None),
            Card.expires_on >= japan_day(now),
        )
        .order_by(Card.issued_at)
    )
    latest = {card.registration_id: card for card in found}
    government = queries.government(db, lg_code)
    until = None if lasts is None else now + lasts
    return [
        SignedCard(latest[one.id], one, government, _sign(latest[one.id], keys, now, until))
        for one in registrations
        if one.id in latest
    ]


def expiry(db: Session, registration: Registration, book: PolicyBook, today: date) -> date:
    """The last day of a card: premium's last day with its grace (R14), else a year from today."""
    if registration.tier != Tier.PREMIUM:
        return term_for(today).last
    own = body_policy(db, book, registration.lg_code, today)
    grace = own.snapshot(today, registration.lg_code).integer("renewal.grace_days")
    term = queries.living_term(db, registration)
    ends = [derived_expiry(registration)]
    if term is not None:
        ends = [term.last_day, term.extended_until]
    last = max((day for day in ends if day is not None), default=today)
    return max(last + timedelta(days=grace), today)


def _revoke_paper(db: Session, registration: Registration, now: datetime) -> None:
    db.execute(
        update(Card)
        .where(
            Card.lg_code == registration.lg_code,
            Card.registration_id == registration.id,
            Card.kind == "paper",
            Card.revoked_at.is_(None),
        )
        .values(revoked_at=now, revoked_reason="reprinted")
    )


def living_registration(db: Session, actor: Actor, lg_code: str, *, lock: bool) -> Registration:
    """The actor's registration, as long as it is active.

    Raises:
        NotFound: There is none.
        Conflict: `registration_not_active`.
    """
    found = queries.registration_of(db, lg_code=lg_code, person_id=actor.person_id, lock=lock)
    if found is None:
        raise NotFound(code="not_found")
    if found.status != "active":
        raise Conflict(code="registration_not_active")
    return found


def _sign(card: Card, keys: KeyStore, now: datetime, until: datetime | None = None) -> str:
    expires_at = day_start(card.expires_on + ONE_DAY)
    if until is not None:
        expires_at = min(expires_at, until)
    kid, sign = keys.signer(use=KeyUse.CARD, lg_code=card.lg_code, now=now, covers_until=expires_at)
    return sign_card(CardCode(kid, card.lg_code, bytes.fromhex(card.card_ref), expires_at), sign)


def stays_long(
    db: Session, registration: Registration, evidence: Evidence, now: datetime, book: PolicyBook
) -> bool:
    """R11: premium with enough stay days in a year (ten, or the body's own number) is marked."""
    if registration.tier != "premium":
        return False
    today, code = japan_day(now), registration.lg_code
    period = window_rolling(today)
    days = evidence.stay_days(db, code, [registration.id], period).get(registration.id, ())
    policy = body_policy(db, book, code, today).snapshot(today, code)
    return long_stay(days, policy) is None


# --- at the desk ----------------------------------------------------------------------------------


def print_for(
    db: Session,
    registration_ids: Sequence[UUID],
    *,
    actor: Actor,
    lg_code: str,
    keys: KeyStore,
    now: datetime,
) -> list[SignedCard]:
    """R22: living cards of a body's registrants for its staff to print; each look is recorded.

    Raises:
        NotFound: None of them has a living card here.
        NoSigningKeyError: As `issue_card`.
    """
    found = living_cards(db, _active(db, lg_code, registration_ids), keys=keys, now=now)
    if not found:
        raise NotFound(code="not_found")
    for one in found:
        audit.record(
            db,
            actor=actor,
            action="card.print",
            subject=("card", one.card.id),
            now=now,
            lg_code=lg_code,
            person_id=one.card.person_id,
            fields=("display_name", "member_number"),
        )
    return found


def have_cards(
    db: Session,
    registration_ids: Sequence[UUID],
    *,
    actor: Actor,
    lg_code: str,
    keys: KeyStore,
    now: datetime,
    book: PolicyBook,
    anew: bool = False,
) -> list[UUID]:
    """R22: see to it that registrants have a living paper card; whose are, in kana's order.

    Args:
        db: A transaction of the local government.
        registration_ids: Whose; who is not active here gets none.
        actor: A clerk.
        lg_code: The local government.
        keys: Keys at hand.
        now: The instant.
        book: The policy book.
        anew: Make a new card even so: the one before, lost or worn, holds no longer (C45).

    Raises:
        Invalid: `choose_people`: nobody was chosen who is active here.
        NoSigningKeyError: As `issue_card`.
    """
    rows = _active(db, lg_code, registration_ids)
    if not rows:
        raise invalid("choose_people", field="id")
    living = set()
    if not anew:
        living = {one.registration.id for one in living_cards(db, rows, keys=keys, now=now)}
    for row in rows:
        if row.id not in living:
            issue_for(db, row, actor=actor, keys=keys, now=now, book=book)
    return [row.id for row in rows]


def _active(db: Session, lg_code: str, registration_ids: Sequence[UUID]) -> Sequence[Registration]:
    return db.scalars(
        select(Registration)
        .where(
            Registration.lg_code == lg_code,
            Registration.id.in_(registration_ids),
            Registration.status == "active",
        )
        .order_by(Registration.kana, Registration.id)
    ).all()
