"""Signed codes: the paper card, the phone's code and the venue's code (R19, R22).

A code is ``FJ1:`` followed by base45 (RFC 9285), so that a QR writer can use its
dense alphanumeric mode. The bytes begin with a version and a kind, and every
signature covers everything before it; a signature made for one kind can therefore
never pass as another's. All numbers are big-endian, all instants UTC.

======  =====  =====================================================================
kind    bytes  fields (length in bytes)
======  =====  =====================================================================
``C``      87  version 1, kind 1, kid 4, lg code 3, card id 10, expiry 4, signature 64
``D``     188  as ``C`` with the phone's public key 33 before its signature (the
               certificate, 120 bytes), then step 4 and the phone's signature 64
``V``      93  version 1, kind 1, kid 4, session id 16, step 4, lg code 3, signature 64
======  =====  =====================================================================

Signatures are ES256 in the raw 64-byte form that browsers produce and verify. The
key id selects the key, its algorithm and its use; nothing in a code names an
algorithm. ECDSA lets anyone turn a valid signature into a second valid one, so the
bytes of a code are no identity: use :attr:`Verified.replay_key`.

This module is pure: it reads no clock, no settings and no database.
"""

import hashlib
import re
import struct
import unicodedata
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from urllib.parse import quote, unquote
from uuid import UUID

from base45 import b45decode, b45encode
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

PREFIX = "FJ1:"
VERSION = 1
ALG = "ES256"
CARD_ID_BYTES = 10
DEVICE_KEY_BYTES = 33
SIGNATURE_BYTES = 64
# Longer than any code inside any address we print; what is longer is not read at all.
MAX_TEXT = 2048

type_of_signature = ec.ECDSA(hashes.SHA256())

Signer = Callable[[bytes], bytes]
"""Takes the message, returns the raw 64-byte ES256 signature (r then s)."""


class Kind(StrEnum):
    """What a code is; the letter is also its byte."""

    CARD = "C"
    PHONE = "D"
    VENUE = "V"


class KeyUse(StrEnum):
    """What a key may sign; never more than one thing."""

    CARD = "card"
    VENUE = "venue"
    ROOT = "root"


class KeyStatus(StrEnum):
    """Where a key stands; only codes of an active key count."""

    ACTIVE = "active"
    RETIRED = "retired"
    REVOKED = "revoked"


class Assurance(StrEnum):
    """How much a verified code proves by itself (R19)."""

    COPYABLE = "copyable"  # paper: a second factor is needed
    DEVICE = "device"  # signed by the phone that was certified for this card
    VENUE = "venue"  # shown at the place; says nothing about who reads it


class Refusal(StrEnum):
    """Why a code does not count. Stored with the attempt, not shown as such."""

    MALFORMED = "malformed"
    WRONG_KIND = "wrong_kind"
    UNKNOWN_KEY = "unknown_key"
    REVOKED_KEY = "revoked_key"
    RETIRED_KEY = "retired_key"
    NOT_YET_VALID = "not_yet_valid"
    FOREIGN_BODY = "foreign_body"
    BAD_SIGNATURE = "bad_signature"
    EXPIRED = "expired"
    WRONG_TIME_STEP = "wrong_time_step"
    REVOKED_CARD = "revoked_card"


class CodeError(Exception):
    """A code that does not count: the reason, what was found, what was needed."""

    def __init__(self, code: Refusal, *, found: str = "", needed: str = "") -> None:
        super().__init__(f"{code}: found {found or '-'}, needed {needed or '-'}")
        self.code = code
        self.found = found
        self.needed = needed


@dataclass(frozen=True, slots=True)
class CardCode:
    """What a paper card says. ``expires_at`` is the first instant it is no longer valid."""

    kid: str
    lg_code: str
    card_id: bytes
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class PhoneCertificate:
    """What the local government certifies: this phone's key may show this card."""

    card: CardCode
    device_key: bytes


@dataclass(frozen=True, slots=True)
class PhoneCode:
    """What a phone shows for one step."""

    certificate: PhoneCertificate
    step: int


@dataclass(frozen=True, slots=True)
class VenueCode:
    """What a venue's screen shows for one step."""

    kid: str
    lg_code: str
    session_id: UUID
    step: int


@dataclass(frozen=True, slots=True)
class ParsedCode:
    """A code as read: well-formed, but nothing in it is believed yet."""

    kind: Kind
    content: CardCode | PhoneCode | VenueCode
    kid: str
    lg_code: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Verified:
    """A code that passed every check made here.

    Still the caller's to check: session window, seen before, sign-up, designation.
    """

    kind: Kind
    assurance: Assurance
    kid: str
    lg_code: str
    card_id: bytes | None = None
    session_id: UUID | None = None
    expires_at: datetime | None = None
    step: int | None = None
    steps_off: int | None = None

    @property
    def replay_key(self) -> tuple[bytes, int] | None:
        """``(card id, step)`` to be accepted once; None where a code may be shown again."""
        if self.card_id is None or self.step is None:
            return None
        return self.card_id, self.step


_KID = re.compile(r"[0-9a-f]{8}")
_LG_CODE = re.compile(r"[0-9]{6}")


@dataclass(frozen=True, slots=True)
class PublicKeyRecord:
    """A public key and what it may be used for.

    ``public_key`` is the X9.62 compressed point (33 bytes) or a PEM. The key counts
    from ``not_before`` until just before ``not_after``. ``lg_code`` None: a key of
    the platform, not of one local government.
    """

    kid: str
    use: KeyUse
    lg_code: str | None
    public_key: bytes
    not_before: datetime
    not_after: datetime
    status: KeyStatus = KeyStatus.ACTIVE
    revoked_at: datetime | None = None
    alg: str = ALG

    def __post_init__(self) -> None:
        if not _KID.fullmatch(self.kid):
            raise ValueError("A key id is 8 lower-case hexadecimal digits.")
        if self.lg_code is not None and not _LG_CODE.fullmatch(self.lg_code):
            raise ValueError("A local government's code is 6 digits.")
        if self.alg != ALG:
            raise ValueError(f"Only {ALG} keys are known.")


class KeyRing(Mapping[str, PublicKeyRecord]):
    """The keys a verifier knows, by key id; points are unpacked once and kept."""

    def __init__(self, records: Iterable[PublicKeyRecord]) -> None:
        self._records: dict[str, PublicKeyRecord] = {}
        self._keys: dict[str, ec.EllipticCurvePublicKey] = {}
        for record in records:
            if record.kid in self._records:
                raise ValueError(f"Key id {record.kid} twice.")
            self._records[record.kid] = record

    def __getitem__(self, kid: str) -> PublicKeyRecord:
        return self._records[kid]

    def __iter__(self) -> Iterator[str]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)

    def public_key(self, kid: str) -> ec.EllipticCurvePublicKey:
        """The key itself; KeyError when unknown, ValueError when it is no P-256 key."""
        key = self._keys.get(kid)
        if key is None:
            key = load_public_key(self._records[kid].public_key)
            self._keys[kid] = key
        return key


# --- signatures -----------------------------------------------------------------


def load_public_key(data: bytes) -> ec.EllipticCurvePublicKey:
    """Read a compressed point or PEM; ValueError unless it is a P-256 public key."""
    if data.startswith(b"-----BEGIN"):
        key = serialization.load_pem_public_key(data)
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(
            key.curve, ec.SECP256R1
        ):
            raise ValueError("Not a P-256 public key.")
        return key
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), data)


def es256_signer(private_key: ec.EllipticCurvePrivateKey) -> Signer:
    """A signer for a P-256 private key; ValueError for another curve."""
    if not isinstance(private_key.curve, ec.SECP256R1):
        raise ValueError("ES256 needs a P-256 key.")  # noqa: TRY004 - the value is wrong, not the type

    def sign(message: bytes) -> bytes:
        r, s = decode_dss_signature(private_key.sign(message, type_of_signature))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    return sign


def es256_verifies(key: ec.EllipticCurvePublicKey, message: bytes, signature: bytes) -> bool:
    """Whether the raw 64-byte signature is this key's for this message."""
    if len(signature) != SIGNATURE_BYTES:
        return False
    r = int.from_bytes(signature[:32], "big")
    s = int.from_bytes(signature[32:], "big")
    try:
        key.verify(encode_dss_signature(r, s), message, type_of_signature)
    except InvalidSignature:
        return False
    return True
