"""A scan as it arrives, whoever made it, and what is answered. Plain records."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from activities.rules.checkin import CodeProblem, Direction, Method, SecondFactor
from core import shortcode
from qr.codes import CodeError, Kind, parse, verify
from qr.signatures import KeyRing

_METHOD = {Kind.CARD: Method.CARD, Kind.PHONE: Method.PHONE, Kind.VENUE: Method.VENUE}
#: How much each way of proving presence says by itself, as stored with the participation.
ASSURANCE = {
    Method.PHONE: "high",
    Method.VENUE: "medium",
    Method.CARD: "confirmed_paper",
    Method.TYPED: "confirmed_paper",
    Method.ROSTER: "two_people",
    Method.POSTER: "low",
}


@dataclass(frozen=True, slots=True)
class Scan:
    """One try to prove presence at one local government (C1, C2, C26).

    Attributes:
        scan_id: Made by the client before its first try; a repeat gets the first answer.
        session_id: The session the scanner serves; a venue's code names its own.
        code: What was read: a signed code, a member number, or nothing for a roster entry.
        person_id: The person who scans, or whom a roster entry names.
        scanned_at: When, by the clock of whoever scanned (aware).
        offset_ms: That clock minus true time, if measured, in milliseconds.
        uncertainty_ms: How wrong that measurement may be (half a round trip).
        offline: Made without network and uploaded later.
        sequence: The device's own number of this scan.
    """

    scan_id: UUID
    scanned_at: datetime
    session_id: UUID | None = None
    code: str | None = None
    person_id: UUID | None = None
    method: Method | None = None
    direction: Direction = Direction.IN
    offset_ms: int | None = None
    offset_method: str | None = None
    uncertainty_ms: int = 0
    offline: bool = False
    sequence: int | None = None
    name_confirmed: bool = False
    walk_in_confirmed: bool = False
    second_factors: tuple[SecondFactor, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """Who scans: `person:id`, `device:id` or `staff:id`, with what is known of a device."""

    label: str
    actor: str
    person_id: UUID | None = None
    organisation_id: UUID | None = None
    revoked_at: datetime | None = None
    organiser_ended_at: datetime | None = None
    all_reported: bool = True
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a scan's code says before the database is asked."""

    method: Method
    session_id: UUID | None = None
    card_ref: str | None = None
    member_number: str | None = None
    code_hash: str | None = None
    problems: tuple[CodeProblem, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """The stored answer to a scan; the same for every repeat of its scan id."""

    scan_id: UUID
    outcome: str
    reason: str
    counted: bool
    body: Mapping[str, Any] = field(default_factory=dict)
    repeated: bool = False


def read(
    scan: Scan, *, lg_code: str, ring: KeyRing, at: datetime, rotate_s: int, tolerance: int
) -> Reading:
    """R19, C5: read a scan's code in the strict order of verification; nothing is believed before.

    Args:
        scan: The scan.
        lg_code: The local government whose door this is.
        ring: Keys known here.
        at: When it was scanned, corrected by the measured offset.
        rotate_s: Seconds a rotating code lives.
        tolerance: Steps a rotating code may be early or late.
    """
    if scan.code is None:
        return Reading(method=scan.method or Method.ROSTER, session_id=scan.session_id)
    code_hash = hashlib.sha256(scan.code.encode("utf-8", "replace")).hexdigest()
    number = shortcode.normalise(scan.code)
    if shortcode.is_valid(number, shortcode.MEMBER):
        return Reading(
            method=Method.TYPED,
            session_id=scan.session_id,
            member_number=number,
            code_hash=code_hash,
        )
    kinds = {Kind.VENUE} if scan.person_id is not None else {Kind.CARD, Kind.PHONE}
    method = Method.VENUE if scan.person_id is not None else Method.CARD
    try:
        parsed = parse(scan.code)
        method = _METHOD[parsed.kind]
        verified = verify(
            parsed,
            keyring=ring,
            expected_kinds=kinds,
            lg_code=lg_code,
            now=at,
            rotate_s=rotate_s,
            step_tolerance=tolerance,
            offset_uncertainty_s=scan.uncertainty_ms / 1000,
        )
    except CodeError as error:
        return Reading(
            method=method,
            session_id=scan.session_id,
            code_hash=code_hash,
            problems=(CodeProblem(error.code.value),),
        )
    if verified.replay_key is not None:
        card_id, step = verified.replay_key
        code_hash = hashlib.sha256(card_id + step.to_bytes(8, "big")).hexdigest()
    return Reading(
        method=method,
        session_id=verified.session_id or scan.session_id,
        card_ref=None if verified.card_id is None else verified.card_id.hex(),
        code_hash=code_hash,
    )


def new_scan_id() -> UUID:
    """A scan id for a page's form, made before the first try."""
    return uuid4()
