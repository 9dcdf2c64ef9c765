"""What codes hold, and why one does not count (R19). Pure records.

Read the layouts in :mod:`qr.codes`, which is also where callers import these from.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Kind(StrEnum):
    """What a code is; the letter is also its byte."""

    CARD = "C"
    PHONE = "D"
    VENUE = "V"


class Assurance(StrEnum):
    """How much a verified code proves by itself (R19)."""

    COPYABLE = "copyable"  # paper: needs a second factor
    DEVICE = "device"  # signed just now by the phone certified for this card
    VENUE = "venue"  # shown at the place; says nothing about who reads it


class Refusal(StrEnum):
    """Why a code does not count; stored with the attempt, never shown as such."""

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
        super().__init__(f"{code}: found {found or '?'}, needed {needed or '?'}")
        self.code = code
        self.found = found
        self.needed = needed


@dataclass(frozen=True, slots=True)
class CardCode:
    """What a paper card says; ``expires_at`` is the first instant it no longer holds."""

    kid: str
    lg_code: str
    card_id: bytes
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class PhoneCode:
    """What a phone shows for one step: its certificate's content and the step."""

    kid: str
    lg_code: str
    card_id: bytes
    expires_at: datetime
    device_key: bytes
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
    raw: bytes


@dataclass(frozen=True, slots=True)
class Verified:
    """A code that passed every check made here.

    Still the caller's to check: session window, seen before, sign-up, designation.
    ``steps_off`` is the code's step minus the verifier's: negative is an old code.
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
        """``(card id, step)``, to be accepted once; None for a code shown to many."""
        if self.card_id is None or self.step is None:
            return None
        return self.card_id, self.step
