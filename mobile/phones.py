"""A phone's key is certified for a card: from then on the phone makes its codes itself (R19, R22).

The private half is made on the phone and cannot leave it. What the phone gets is the body's
signature under its public half, good for a month at most: a phone that is lost and never reported
falls silent by itself, and one in use asks again long before.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from secrets import token_bytes

from sqlalchemy import select
from sqlalchemy.orm import Session

from activities.cards import ONE_DAY, expiry, living_registration
from core import audit, sealing
from core.access import Actor
from core.clock import day_start, japan_day
from core.errors import Conflict, invalid
from core.ids import new_id
from core.outbox import NoticeDraft, tell
from qr.codes import CARD_ID_BYTES, CardCode, certify_phone
from qr.signatures import KeyUse, compressed_point, es256_verifies, load_public_key
from qr.store import KeyStore
from registry.models import Card, Registration
from registry.phones import own_phones, sign_in_ref
from registry.rules.policy import PolicyBook

#: A certificate's longest life: as long as a sign-in may last (core.signin).
PHONE_LIFE = timedelta(days=30)
#: Phones at once for one card; one more and the oldest stops.
MOST_PHONES = 5
CHALLENGE_LIFE = timedelta(minutes=10)
_PROOF = b"FJ1 phone key\n"
_NAME_LENGTH = 40


@dataclass(frozen=True, slots=True)
class PhoneKey:
    """What a phone sends to be certified.

    Attributes:
        public_key: The compressed point, 33 bytes.
        challenge: From :func:`new_challenge`, not older than ten minutes.
        proof: The phone's signature over :func:`proof_message`.
        name: How the owner will recognise the phone.
    """

    public_key: bytes
    challenge: str
    proof: bytes
    name: str


@dataclass(frozen=True, slots=True)
class Certified:
    """A phone's row and the 120 bytes it keeps."""

    card: Card
    certificate: bytes
    expires_at: datetime


def new_challenge(secret: str, *, actor: Actor, lg_code: str, now: datetime) -> str:
    """What a phone signs to show that it holds the private half; nothing is kept of it here."""
    at = str(int(now.timestamp()))
    return f"{at}.{_challenge_seal(secret, actor, lg_code, at)}"


def proof_message(challenge: str, public_key: bytes) -> bytes:
    """The bytes a phone signs for its certification."""
    return _PROOF + challenge.encode() + b"\n" + public_key


def certify(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    phone: PhoneKey,
    keys: KeyStore,
    secret: str,
    token_hash: str,
    now: datetime,
    book: PolicyBook,
) -> Certified:
    """R22, C11: certify a phone's key for the actor's card, or renew what it has.

    Args:
        db: A transaction of the person.
        actor: The person.
        lg_code: Of which registration.
        phone: The key and its proof.
        keys: Keys at hand, read not long ago.
        secret: The platform's secret.
        token_hash: The sign-in that asks; the key ends with it.
        now: The instant.
        book: The policy book.

    Raises:
        Invalid: `phone_key` (no P-256 key, or the proof does not fit) or `phone_challenge`.
        Conflict: `phone_key_revoked`, `registration_not_active`.
        NotFound: There is no registration.
        NoSigningKeyError: The body has no key that lasts as long.
    """
    _check(phone, secret=secret, actor=actor, lg_code=lg_code, now=now)
    registration = living_registration(db, actor, lg_code, lock=True)
    today = japan_day(now)
    last = min(expiry(db, registration, book, today), today + PHONE_LIFE)
    card = _row(db, actor, registration, phone, last, now)
    card.expires_on = last
    card.device_name = phone.name.strip()[:_NAME_LENGTH] or None
    card.sign_in_ref = sign_in_ref(secret, lg_code, token_hash)
    expires_at = day_start(card.expires_on + ONE_DAY)
    kid, sign = keys.signer(use=KeyUse.CARD, lg_code=lg_code, now=now, covers_until=expires_at)
    content = CardCode(kid, lg_code, bytes.fromhex(card.card_ref), expires_at)
    certificate = certify_phone(content, phone.public_key, sign)
    db.flush()
    audit.record(
        db,
        actor=actor,
        action="card.phone_certify",
        subject=("card", card.id),
        now=now,
        lg_code=lg_code,
        person_id=registration.person_id,
    )
    return Certified(card, certificate, expires_at)


def _row(
    db: Session,
    actor: Actor,
    registration: Registration,
    phone: PhoneKey,
    last: date,
    now: datetime,
) -> Card:
    """The key's row: the one it has, or a new one; a revoked key stays revoked for ever."""
    point = phone.public_key.hex()
    rows = db.scalars(
        select(Card).where(
            Card.lg_code == registration.lg_code,
            Card.registration_id == registration.id,
            Card.device_public_key == point,
        )
    ).all()
    if any(row.revoked_at is not None for row in rows):
        raise Conflict(code="phone_key_revoked")
    if rows:
        return rows[0]
    others = _make_room(db, actor, registration, now)
    card = Card(
        lg_code=registration.lg_code,
        id=new_id(),
        card_ref=token_bytes(CARD_ID_BYTES).hex(),
        registration_id=registration.id,
        person_id=registration.person_id,
        kind="phone",
        device_public_key=point,
        issued_at=now,
        expires_on=last,
    )
    db.add(card)
    if others:
        _tell_owner(db, card, phone.name, now)
    return card


def _make_room(db: Session, actor: Actor, registration: Registration, now: datetime) -> int:
    """How many other phones show this card; the oldest stops when there would be too many."""
    living = list(own_phones(db, actor=actor, now=now, lg_code=registration.lg_code))
    for old in living[MOST_PHONES - 1 :]:
        old.revoked_at, old.revoked_reason = now, "replaced"
    return len(living)


def _tell_owner(db: Session, card: Card, name: str, now: datetime) -> None:
    """C11: whoever has a card on a phone hears of every further phone."""
    draft = NoticeDraft(
        person_id=card.person_id,
        kind="card_phone_added",
        period_key=str(card.id),
        lg_code=card.lg_code,
        facts={"phone": name.strip()[:_NAME_LENGTH]},
    )
    tell(db, [draft], now=now)


def _check(phone: PhoneKey, *, secret: str, actor: Actor, lg_code: str, now: datetime) -> None:
    at, _, seal = phone.challenge.partition(".")
    if not at.isascii() or not at.isdecimal() or len(at) > len("9999999999"):
        raise invalid("phone_challenge", field="challenge")
    if not sealing.same(seal, _challenge_seal(secret, actor, lg_code, at)):
        raise invalid("phone_challenge", field="challenge")
    made = datetime.fromtimestamp(int(at), UTC)
    if not timedelta() <= now - made + timedelta(seconds=1) <= CHALLENGE_LIFE:
        raise invalid("phone_challenge", field="challenge")
    try:
        key = load_public_key(phone.public_key)
    except ValueError:
        raise invalid("phone_key", field="public_key") from None
    # A PEM would be read too; only the compressed point is what a code carries.
    if compressed_point(key) != phone.public_key:
        raise invalid("phone_key", field="public_key")
    message = proof_message(phone.challenge, phone.public_key)
    if not es256_verifies(key, message, phone.proof):
        raise invalid("phone_key", field="proof")


def _challenge_seal(secret: str, actor: Actor, lg_code: str, at: str) -> str:
    return sealing.index(secret, "phone-challenge", f"{actor.person_id}:{lg_code}:{at}")
