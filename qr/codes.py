"""Signed codes: the paper card, the phone's code and the venue's code (R19, R22).

A code is ``FJ1:`` followed by base45 (RFC 9285), so that a QR writer can use its
dense alphanumeric mode. The bytes begin with a version and a kind, and every
signature covers everything before it: a signature made for one kind can never pass
as another's. Numbers are big-endian, instants are seconds since 1970 in UTC.

======  =====  =====================================================================
kind    bytes  fields (length in bytes)
======  =====  =====================================================================
``C``      87  version 1, kind 1, kid 4, lg code 3, card id 10, expiry 4, signature 64
``D``     188  as ``C`` with the phone's public key 33 before its signature (the
               certificate, 120 bytes), then step 4 and the phone's signature 64
``V``      93  version 1, kind 1, kid 4, session id 16, step 4, lg code 3, signature 64
======  =====  =====================================================================

The key id selects the key, its algorithm and its use; nothing in a code names an
algorithm. ECDSA lets anyone turn a valid signature into a second valid one, so the
bytes of a code are no identity: replays are found by :attr:`Verified.replay_key`.

This module is pure: it reads no clock, no settings and no database.
"""

import hashlib
import struct
import unicodedata
from collections.abc import Collection, Container
from datetime import UTC, datetime
from urllib.parse import quote, unquote
from uuid import UUID

from base45 import b45decode, b45encode

from qr.contents import (
    Assurance,
    CardCode,
    CodeError,
    Kind,
    ParsedCode,
    PhoneCode,
    Refusal,
    VenueCode,
    Verified,
)
from qr.signatures import (
    DEVICE_KEY_BYTES,
    SIGNATURE_BYTES,
    KeyRing,
    KeyStatus,
    KeyUse,
    Signer,
    check_kid,
    check_lg_code,
    es256_verifies,
    load_public_key,
)

__all__ = [
    "CARD_ID_BYTES",
    "CERTIFICATE_BYTES",
    "MAX_TEXT",
    "PREFIX",
    "VERSION",
    "Assurance",
    "CardCode",
    "CodeError",
    "Kind",
    "ParsedCode",
    "PhoneCode",
    "Refusal",
    "VenueCode",
    "Verified",
    "card_hash",
    "certify_phone",
    "head_of",
    "parse",
    "sign_card",
    "sign_phone_code",
    "sign_venue_code",
    "step_at",
    "url_with_code",
    "verify",
]

PREFIX = "FJ1:"
VERSION = 1
CARD_ID_BYTES = 10
# Longer than any code within any address we print; what is longer is not looked at.
MAX_TEXT = 2048
MAX_UINT32 = 2**32 - 1
MAX_LG_CODE = 999_999

# --- writing ----------------------------------------------------------------------

_CARD = struct.Struct(">BB4s3s10sI")
_VENUE = struct.Struct(">BB4s16sI3s")
_STEP = struct.Struct(">I")
CERTIFICATE_BYTES = _CARD.size + DEVICE_KEY_BYTES + SIGNATURE_BYTES
_LENGTH = {
    Kind.CARD: _CARD.size + SIGNATURE_BYTES,
    Kind.PHONE: CERTIFICATE_BYTES + _STEP.size + SIGNATURE_BYTES,
    Kind.VENUE: _VENUE.size + SIGNATURE_BYTES,
}


def sign_card(card: CardCode, sign: Signer) -> str:
    """The text of a paper card's code (R19); ``sign`` belongs to the key ``card.kid``."""
    head = _card_head(Kind.CARD, card)
    return _text(head + _signature(head, sign))


def certify_phone(card: CardCode, device_key: bytes, sign: Signer) -> bytes:
    """Certify a phone's key for a card: the 120 bytes the phone keeps (R19).

    ``device_key`` is a compressed P-256 point; ValueError when it is none. That the
    phone holds the private half is for the caller to have checked.
    """
    if len(device_key) != DEVICE_KEY_BYTES:
        raise ValueError("A phone's key is a compressed point of 33 bytes.")
    load_public_key(device_key)
    head = _card_head(Kind.PHONE, card) + device_key
    return head + _signature(head, sign)


def sign_phone_code(certificate: bytes, step: int, sign: Signer) -> str:
    """The text a phone shows for one step; ``sign`` is the phone's own key (R19)."""
    if len(certificate) != CERTIFICATE_BYTES:
        raise ValueError("A phone's certificate has 120 bytes.")
    head = certificate + _STEP.pack(_uint32(step))
    return _text(head + _signature(head, sign))


def sign_venue_code(venue: VenueCode, sign: Signer) -> str:
    """The text a venue's screen shows for one step (R19)."""
    head = _VENUE.pack(
        VERSION,
        ord(Kind.VENUE),
        bytes.fromhex(check_kid(venue.kid)),
        venue.session_id.bytes,
        _uint32(venue.step),
        _lg_bytes(venue.lg_code),
    )
    return _text(head + _signature(head, sign))


def url_with_code(url: str, code: str) -> str:
    """The address with the code in its fragment, which no server log sees (C17)."""
    return f"{url}#{quote(code, safe='$*+-./:')}"


def head_of(kind: Kind) -> str:
    """How every code of a kind begins, for a reader that only has to tell kinds apart."""
    return _text(bytes([VERSION, ord(kind)]))


def step_at(now: datetime, rotate_s: int) -> int:
    """The number of the step of ``rotate_s`` seconds that holds ``now``."""
    return int(_seconds(now) // rotate_s)


def card_hash(kid: str, card_id: bytes) -> bytes:
    """The 8 bytes by which a revocation list names a card without disclosing its id."""
    return hashlib.sha256(b"FJ1 revoked card" + bytes.fromhex(kid) + card_id).digest()[:8]


def _card_head(kind: Kind, card: CardCode) -> bytes:
    if len(card.card_id) != CARD_ID_BYTES:
        raise ValueError("A card's id has 10 bytes.")
    return _CARD.pack(
        VERSION,
        ord(kind),
        bytes.fromhex(check_kid(card.kid)),
        _lg_bytes(card.lg_code),
        card.card_id,
        _uint32(int(_seconds(card.expires_at))),
    )


def _signature(message: bytes, sign: Signer) -> bytes:
    signature = sign(message)
    if len(signature) != SIGNATURE_BYTES:
        raise ValueError("An ES256 signature has 64 bytes in its raw form.")
    return signature


def _text(raw: bytes) -> str:
    return PREFIX + str(b45encode(raw), "ascii")


def _lg_bytes(lg_code: str) -> bytes:
    return int(check_lg_code(lg_code)).to_bytes(3, "big")


def _uint32(number: int) -> int:
    if not 0 <= number <= MAX_UINT32:
        raise ValueError("The number does not fit in four bytes.")
    return number


def _seconds(instant: datetime) -> float:
    if instant.tzinfo is None:
        raise ValueError("An instant needs its time zone.")
    return instant.timestamp()


# --- reading ----------------------------------------------------------------------

# What a keyboard scanner types through a Japanese input method, where NFKC stops.
_KEYBOARD = str.maketrans({"ー": "-", "−": "-", "‐": "-", "―": "-", "。": ".", "・": "/"})


def parse(text: str) -> ParsedCode:
    """Read a code as scanned or typed; CodeError ``malformed`` when it is none (R19).

    Tolerates surrounding white space, lower case, full-width letters and a whole
    address that carries the code in its fragment.
    """
    plain = _plain(text)
    if not plain.startswith(PREFIX):
        raise CodeError(Refusal.MALFORMED, found="no prefix", needed=PREFIX)
    try:
        raw = b45decode(plain[len(PREFIX) :])
    except ValueError:
        raise CodeError(Refusal.MALFORMED, found="not base45", needed="base45") from None
    if raw[:1] != bytes([VERSION]):
        raise CodeError(Refusal.MALFORMED, found="another version", needed=str(VERSION))
    try:
        kind = Kind(raw[1:2].decode("latin-1"))
    except ValueError:
        raise CodeError(Refusal.MALFORMED, found="unknown kind", needed="C, D or V") from None
    if len(raw) != _LENGTH[kind]:
        raise CodeError(Refusal.MALFORMED, found=f"{len(raw)} bytes", needed=str(_LENGTH[kind]))
    return ParsedCode(kind=kind, content=_content(kind, raw), raw=raw)


def verify(
    parsed: ParsedCode,
    *,
    keyring: KeyRing,
    expected_kinds: Collection[Kind],
    lg_code: str | None,
    now: datetime,
    rotate_s: int,
    step_tolerance: int,
    offset_uncertainty_s: float = 0,
    revoked_cards: Container[bytes] = frozenset(),
) -> Verified:
    """Check a code; CodeError with the first reason why it does not count (R19, R22).

    Order: kind, key, its use and status, local government, signature, expiry, step,
    revocation list. A reason is therefore never learnt from an unsigned field except
    the key id and the local government, which are no secrets.

    Args:
        parsed: The code as read by :func:`parse`.
        keyring: The keys known here.
        expected_kinds: The kinds this door takes.
        lg_code: The local government this door belongs to; None takes any.
        now: When the code was read, corrected by the measured clock offset.
        rotate_s: Length of a step in seconds.
        step_tolerance: Steps a code may be early or late.
        offset_uncertainty_s: How wrong ``now`` may still be, in seconds.
        revoked_cards: The :func:`card_hash` of every revoked card.
    """
    content = parsed.content
    if parsed.kind not in expected_kinds:
        needed = " ".join(sorted(expected_kinds))
        raise CodeError(Refusal.WRONG_KIND, found=parsed.kind, needed=needed)
    _check_key(parsed, keyring, now)
    key_lg_code = keyring[content.kid].lg_code
    if lg_code not in {None, content.lg_code} or key_lg_code not in {None, content.lg_code}:
        needed = lg_code or key_lg_code or ""
        raise CodeError(Refusal.FOREIGN_BODY, found=content.lg_code, needed=needed)
    _check_signatures(parsed, keyring)
    if not isinstance(content, VenueCode) and now >= content.expires_at:
        raise CodeError(Refusal.EXPIRED, found=content.expires_at.isoformat(), needed="later")
    steps_off = None
    if not isinstance(content, CardCode):
        steps_off = content.step - step_at(now, rotate_s)
        slack = step_tolerance * rotate_s + offset_uncertainty_s
        age = _seconds(now) - content.step * rotate_s
        if not -slack <= age < rotate_s + slack:
            needed = f"within {step_tolerance} steps and {offset_uncertainty_s} s"
            raise CodeError(Refusal.WRONG_TIME_STEP, found=f"{steps_off:+d} steps", needed=needed)
    if (
        not isinstance(content, VenueCode)
        and card_hash(content.kid, content.card_id) in revoked_cards
    ):
        raise CodeError(Refusal.REVOKED_CARD, found="on the revocation list", needed="valid card")
    return _verified(parsed, steps_off)


def _plain(text: str) -> str:
    if len(text) > MAX_TEXT:
        raise CodeError(Refusal.MALFORMED, found="too long", needed=f"{MAX_TEXT} characters")
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).translate(_KEYBOARD)
    # A base45 text never ends in a space (its last digit is below 33), so nothing is lost.
    text = text.strip()
    if "#" in text:
        text = unquote(text.split("#", 1)[1])
    if not text.isascii():
        raise CodeError(Refusal.MALFORMED, found="foreign characters", needed="base45")
    return text.upper()


def _content(kind: Kind, raw: bytes) -> CardCode | PhoneCode | VenueCode:
    if kind is Kind.VENUE:
        _, _, kid, session_id, step, lg = _VENUE.unpack_from(raw)
        return VenueCode(kid.hex(), _lg_code(lg), UUID(bytes=session_id), step)
    _, _, kid, lg, card_id, expiry = _CARD.unpack_from(raw)
    expires_at = datetime.fromtimestamp(expiry, UTC)
    if kind is Kind.CARD:
        return CardCode(kid.hex(), _lg_code(lg), card_id, expires_at)
    device_key = raw[_CARD.size : _CARD.size + DEVICE_KEY_BYTES]
    (step,) = _STEP.unpack_from(raw, CERTIFICATE_BYTES)
    return PhoneCode(kid.hex(), _lg_code(lg), card_id, expires_at, device_key, step)


def _lg_code(data: bytes) -> str:
    number = int.from_bytes(data, "big")
    if number > MAX_LG_CODE:
        raise CodeError(Refusal.MALFORMED, found=str(number), needed="six digits")
    return f"{number:06d}"


def _check_key(parsed: ParsedCode, keyring: KeyRing, now: datetime) -> None:
    kid = parsed.content.kid
    use = KeyUse.VENUE if parsed.kind is Kind.VENUE else KeyUse.CARD
    record = keyring.get(kid)
    if record is None:
        raise CodeError(Refusal.UNKNOWN_KEY, found=kid, needed="a published key")
    if record.use is not use:
        raise CodeError(Refusal.UNKNOWN_KEY, found=f"{kid} for {record.use}", needed=f"for {use}")
    if record.status is KeyStatus.REVOKED:
        raise CodeError(Refusal.REVOKED_KEY, found=kid, needed="an active key")
    if record.status is KeyStatus.RETIRED or now >= record.not_after:
        raise CodeError(Refusal.RETIRED_KEY, found=kid, needed="an active key")
    if now < record.not_before:
        needed = record.not_before.isoformat()
        raise CodeError(Refusal.NOT_YET_VALID, found=now.isoformat(), needed=needed)


def _check_signatures(parsed: ParsedCode, keyring: KeyRing) -> None:
    raw, content = parsed.raw, parsed.content
    signed = raw[:CERTIFICATE_BYTES] if isinstance(content, PhoneCode) else raw
    message, signature = signed[:-SIGNATURE_BYTES], signed[-SIGNATURE_BYTES:]
    if not es256_verifies(keyring.public_key(content.kid), message, signature):
        raise CodeError(Refusal.BAD_SIGNATURE, found="the issuer's", needed=content.kid)
    if isinstance(content, PhoneCode):
        _check_phone(content.device_key, raw)


def _check_phone(device_key: bytes, raw: bytes) -> None:
    try:
        device = load_public_key(device_key)
    except ValueError:  # an issuer certified what is no key
        raise CodeError(Refusal.BAD_SIGNATURE, found="no phone key", needed="P-256") from None
    if not es256_verifies(device, raw[:-SIGNATURE_BYTES], raw[-SIGNATURE_BYTES:]):
        raise CodeError(Refusal.BAD_SIGNATURE, found="the phone's", needed="its certified key")


def _verified(parsed: ParsedCode, steps_off: int | None) -> Verified:
    content = parsed.content
    if isinstance(content, VenueCode):
        return Verified(
            parsed.kind,
            Assurance.VENUE,
            content.kid,
            content.lg_code,
            session_id=content.session_id,
            step=content.step,
            steps_off=steps_off,
        )
    phone = isinstance(content, PhoneCode)
    return Verified(
        parsed.kind,
        Assurance.DEVICE if phone else Assurance.COPYABLE,
        content.kid,
        content.lg_code,
        card_id=content.card_id,
        expires_at=content.expires_at,
        step=content.step if isinstance(content, PhoneCode) else None,
        steps_off=steps_off,
    )
