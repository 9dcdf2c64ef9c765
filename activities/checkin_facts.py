"""R19: what the rule is told of a scan: from the code that was read, the database and the scans before it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from activities.rules.checkin import (
    CheckinFacts,
    CodeProblem,
    Method,
    PersonFacts,
    RegistrationState,
    ScannerFacts,
    SecondFactor,
    SessionFacts,
    SignUpState,
)
from activities.scans import Reading, Scan, Source
from core.clock import day_start, japan_day

#: Sign-ups that hold a place: an open offer is kept for the person until it ends (C33).
HELD = frozenset({"taken", "offered"})
Row = Mapping[Any, Any]


@dataclass(frozen=True, slots=True)
class Attempt:
    """A scan, who made it and when it was received: what of several devices goes in one statement."""

    scan: Scan
    source: Source
    received_at: datetime

    @property
    def key(self) -> tuple[str, str]:
        """What makes a repeat the same: the source's label and its scan id."""
        return self.source.label, str(self.scan.scan_id)


@dataclass(slots=True)
class Progress:
    """What earlier scans of the same upload have changed, before anything is written."""

    arrived: dict[tuple[UUID, UUID], datetime] = field(default_factory=dict)
    entries: dict[tuple[UUID, UUID], dict[str, Any]] = field(default_factory=dict)
    gone: set[tuple[UUID, UUID]] = field(default_factory=set)
    counted: set[tuple[UUID, date]] = field(default_factory=set)
    codes: set[str] = field(default_factory=set)
    walk_ins: dict[UUID, int] = field(default_factory=dict)


def corrected_at(scan: Scan) -> datetime:
    """C26: the scan's time by true time, as far as the error was measured."""
    return scan.scanned_at - timedelta(milliseconds=scan.offset_ms or 0)


def facts_of(one: Attempt, reading: Reading, row: Row, progress: Progress) -> CheckinFacts:
    """What is known of a scan, as the rule wants it."""
    scan, source, now = one.scan, one.source, one.received_at
    starts_at = row["starts_at"] or now
    day = japan_day(starts_at)
    person, session = row["person_id"], row["session_id"]
    places = None
    if row["capacity"] is not None:
        places = row["capacity"] - row["taken"] - progress.walk_ins.get(session, 0)
    factors = scan.second_factors
    if reading.method in {Method.POSTER, Method.VENUE} and row["sign_up"] == "taken":
        factors = (*factors, SecondFactor.ROSTER)
    return CheckinFacts(
        method=reading.method,
        direction=scan.direction,
        scanned_at=scan.scanned_at,
        received_at=now,
        code_problems=_problems(scan, reading, row),
        second_factors=factors,
        name_confirmed=scan.name_confirmed,
        walk_in_confirmed=scan.walk_in_confirmed,
        certifies_self=scan.person_id != source.person_id
        and person is not None
        and person == source.person_id,
        attestations=1 + (row["vouched"] or 0),
        session=SessionFacts(
            lg_code="" if session is None else str(session),
            starts_at=starts_at,
            ends_at=row["ends_at"] or now,
            designated_from=None
            if row["designated_on"] is None
            else day_start(row["designated_on"]),
            designated_until=row["withdrawn_at"],
            cancelled=row["session_state"] == "cancelled",
            walk_in=bool(row["walk_in"]),
            places_left=places,
            late_night=bool(row["late_night"]),
        ),
        scanner=ScannerFacts(
            revoked_at=source.revoked_at,
            organiser_ended_at=source.organiser_ended_at,
            serves_session=source.organisation_id is None
            or row["organisation_id"] in {None, source.organisation_id},
            offline=scan.offline,
            clock_offset_s=None if scan.offset_ms is None else scan.offset_ms / 1000,
            uncertainty_s=scan.uncertainty_ms / 1000,
            all_reported=source.all_reported,
        ),
        person=PersonFacts(
            registration=_registration_state(row["status"]),
            sign_up=_sign_up_state(row["sign_up"]),
            minor=row["minor_until"] is not None and day < row["minor_until"],
            arrived=row["arrived_at"] is not None or (person, session) in progress.arrived,
            left=row["gone"] or (person, session) in progress.gone,
            counted_today=row["counted_today"] or (person, day) in progress.counted,
            code_seen_elsewhere=reading.method is Method.PHONE
            and (row["code_seen"] or reading.code_hash in progress.codes),
        ),
    )


def _registration_state(status: str | None) -> RegistrationState:
    if status == "active":
        return RegistrationState.ACTIVE
    return RegistrationState.NONE if status is None else RegistrationState.ENDED


def _sign_up_state(state: str | None) -> SignUpState:
    if state in HELD:
        return SignUpState.TAKEN
    return SignUpState.WAITING if state == "waiting" else SignUpState.NONE


def _problems(scan: Scan, reading: Reading, row: Row) -> tuple[CodeProblem, ...]:
    """What is wrong with the code, including what only the database knows."""
    if reading.problems:
        return reading.problems
    found = []
    if row["session_id"] is None:
        found.append(CodeProblem.UNKNOWN_CODE)
    if reading.card_ref is not None and row["card_ref"] is None:
        found.append(CodeProblem.UNKNOWN_CODE)
    if row["card_revoked_at"] is not None and row["card_revoked_at"] <= corrected_at(scan):
        found.append(CodeProblem.REVOKED_CARD)
    return tuple(found)
