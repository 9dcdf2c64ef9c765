"""Enrolled scanners: a right of their own, revocable without touching the person (C18, C23, C27).

A device's token names its local government, so that one transaction in that body's context
answers everything about a scan.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Select,
    String,
    Uuid,
    any_,
    bindparam,
    exists,
    func,
    select,
    update,
)
from sqlalchemy.orm import Session, aliased

from activities.models import OrganisationMember, ScanAttempt, ScannerDevice
from activities.queries import organisation_of
from activities.rules.devicelog import Head, Line, LogState, follow
from activities.rules.fuses import DeviceFacts, Ending, ending_of, full
from activities.scans import Source
from core import audit, sealing
from core.access import Actor, system
from core.errors import NotFound, SignInNeeded, refused
from core.ids import new_id, new_token
from registry.rules.policy import Policy

#: How long a device may be heard of without its row being written again.
SEEN_EVERY = timedelta(hours=1)
#: How long a device works when nobody says otherwise.
USUAL_LIFE = timedelta(days=90)
_TOKEN = re.compile(r"d1\.(\d{6})\.[\w-]{43}")


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A new device and its token, which is shown once."""

    device: ScannerDevice
    token: str


def lg_code_of(token: str) -> str | None:
    """The local government a device token names, or None when it is no device token."""
    found = _TOKEN.fullmatch(token)
    return None if found is None else found.group(1)


def enrol(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    organisation_id: UUID,
    label: str,
    now: datetime,
    ends_at: datetime | None = None,
) -> Enrolled:
    """Enrol a device for an organisation; the door has checked that the actor may.

    It ends by itself at `ends_at`, after the usual life when nothing is said (C23).

    Raises:
        NotFound: There is no such organisation.
    """
    organisation_of(db, lg_code, organisation_id)
    token = f"d1.{lg_code}.{new_token()}"
    device = ScannerDevice(
        lg_code=lg_code,
        id=new_id(),
        organisation_id=organisation_id,
        label=label,
        token_hash=sealing.digest(token),
        enrolled_by=actor.id,
        enrolled_at=now,
        ends_at=ends_at or now + USUAL_LIFE,
    )
    db.add(device)
    audit.record(
        db,
        actor=actor,
        action="device.enrol",
        subject=("device", device.id),
        lg_code=lg_code,
        now=now,
    )
    return Enrolled(device, token)


def revoke(db: Session, *, actor: Actor, lg_code: str, device_id: UUID, now: datetime) -> None:
    """C28: scans it made before now still count when they arrive; later ones are looked into."""
    device = _device(db, lg_code, device_id)
    if device.revoked_at is None:
        device.revoked_at = now
    audit.record(
        db,
        actor=actor,
        action="device.revoke",
        subject=("device", device_id),
        lg_code=lg_code,
        now=now,
    )


def arm(db: Session, *, lg_code: str, device_id: UUID, policy: Policy, now: datetime) -> datetime:
    """C18: make a device ready for work without network; returns "ready until".

    Raises:
        Refused: `unsent_too_many`: what waits on it comes first (C23).
    """
    device = _device(db, lg_code, device_id)
    if full(device.reported_sequence, device.last_sequence, policy):
        found = device.reported_sequence - device.last_sequence
        raise refused("unsent_too_many", rule="R19", found=found, action="send_scans")
    device.last_seen_at = now
    offline = now + timedelta(days=policy.integer("checkin.offline_days"))
    device.armed_until = min(offline, ending(device, policy).at)
    return device.armed_until


def ending(device: ScannerDevice, policy: Policy) -> Ending:
    """C23: when this device ends by itself, and by what, as things stand."""
    facts = DeviceFacts(
        device.revoked_at, device.ends_at, device.last_seen_at or device.enrolled_at
    )
    return ending_of(facts, policy)


def _device(db: Session, lg_code: str, device_id: UUID) -> ScannerDevice:
    device = db.get(ScannerDevice, (lg_code, device_id))
    if device is None:
        raise NotFound(code="not_found")
    return device


def known_devices() -> Select[*tuple[Any, ...]]:
    """Devices with what the judgement of their scans needs; to be narrowed to the ones asked for."""
    other = aliased(ScannerDevice)
    unsent = exists().where(
        other.lg_code == ScannerDevice.lg_code,
        other.organisation_id == ScannerDevice.organisation_id,
        other.id != ScannerDevice.id,
        other.revoked_at.is_(None),
        other.reported_sequence > other.last_sequence,
    )
    return select(
        ScannerDevice.id,
        ScannerDevice.token_hash,
        ScannerDevice.organisation_id,
        ScannerDevice.enrolled_by,
        ScannerDevice.enrolled_at,
        ScannerDevice.revoked_at,
        ScannerDevice.ends_at,
        ScannerDevice.last_seen_at,
        OrganisationMember.ended_at.label("organiser_ended_at"),
        unsent.label("others_unsent"),
    ).outerjoin(
        OrganisationMember,
        (OrganisationMember.lg_code == ScannerDevice.lg_code)
        & (OrganisationMember.organisation_id == ScannerDevice.organisation_id)
        & (OrganisationMember.person_id == ScannerDevice.enrolled_by),
    )


def source_from(row: Mapping[str, Any], policy: Policy, request_id: str | None = None) -> Source:
    """The source of scans, from a row of `known_devices`."""
    facts = DeviceFacts(row["revoked_at"], row["ends_at"], last_heard(row))
    return Source(
        label=f"device:{row['id']}",
        actor=f"device:{row['id']}",
        person_id=row["enrolled_by"],
        organisation_id=row["organisation_id"],
        revoked_at=ending_of(facts, policy).at,
        organiser_ended_at=row["organiser_ended_at"],
        all_reported=not row["others_unsent"],
        request_id=request_id,
    )


def source_of(
    db: Session, *, lg_code: str, token: str, request_id: str | None, policy: Policy, now: datetime
) -> Source:
    """Who a device token is, with what the judgement of its scans needs to know.

    Being heard of keeps a device from falling silent; one that has ended stays so (C23).

    Raises:
        SignInNeeded: No such device in this local government.
    """
    row = _known(db, lg_code, ScannerDevice.token_hash == sealing.digest(token))
    source = source_from(row, policy, request_id)
    if source.revoked_at and heard_anew(last_heard(row), source.revoked_at, now):
        note_heard(db, lg_code, row["id"], now)
    return source


def source_by_id(
    db: Session, *, lg_code: str, device_id: UUID, request_id: str | None, policy: Policy
) -> Source:
    """As `source_of`, for a device whose file staff take in; it is not heard of by that.

    Raises:
        SignInNeeded: No such device in this local government.
    """
    row = _known(db, lg_code, ScannerDevice.id == device_id)
    return source_from(row, policy, request_id)


def _known(db: Session, lg_code: str, which: ColumnElement[bool]) -> dict[str, Any]:
    statement = known_devices().where(ScannerDevice.lg_code == lg_code, which)
    row = db.execute(statement).mappings().one_or_none()
    if row is None:
        raise SignInNeeded(code="sign_in_needed")
    return {**row}


def last_heard(row: Mapping[str, Any]) -> datetime:
    """The last exchange with a device of `known_devices`, its enrolment at the earliest."""
    last: datetime = row["last_seen_at"] or row["enrolled_at"]
    return last


def heard_anew(last: datetime, ends_at: datetime, now: datetime) -> bool:
    """Whether a living device is heard of for the first time in an hour."""
    return now < ends_at and now - last >= SEEN_EVERY


#: Notes that devices of one local government were heard of.
NOTE_HEARD = (
    update(ScannerDevice.__table__)  # type: ignore[arg-type] # a mapped class has a table
    .where(
        ScannerDevice.lg_code == bindparam("of_lg_code", type_=String),
        ScannerDevice.id == any_(bindparam("device_ids", type_=ARRAY(Uuid()))),
    )
    .values(last_seen_at=bindparam("heard_at", type_=ScannerDevice.last_seen_at.type))
)


def note_heard(db: Session, lg_code: str, device_id: UUID, now: datetime) -> None:
    """Keep a device from falling silent."""
    db.execute(NOTE_HEARD, {"of_lg_code": lg_code, "device_ids": [device_id], "heard_at": now})


def report(db: Session, *, lg_code: str, label: str, made: int, now: datetime) -> tuple[int, ...]:
    """P02: note how many scans a device says it has made; returns the numbers still missing."""
    device_id = UUID(label.removeprefix("device:"))
    have = set(
        db.execute(
            select(ScanAttempt.sequence).where(
                ScanAttempt.lg_code == lg_code,
                ScanAttempt.source == label,
                ScanAttempt.sequence.is_not(None),
            )
        ).scalars()
    )
    missing = tuple(number for number in range(1, made + 1) if number not in have)
    complete = missing[0] - 1 if missing else made
    db.execute(
        update(ScannerDevice)
        .where(ScannerDevice.lg_code == lg_code, ScannerDevice.id == device_id)
        .values(
            last_seen_at=now,
            last_sequence=complete,
            reported_sequence=func.greatest(ScannerDevice.reported_sequence, made),
        )
    )
    return missing


def keep_log(
    db: Session, *, lg_code: str, label: str, lines: Sequence[Line], now: datetime
) -> LogState:
    """C19: follow the log of a device from where it is known; what breaks it stays to be seen."""
    device = db.get(
        ScannerDevice, (lg_code, UUID(label.removeprefix("device:"))), with_for_update=True
    )
    if device is None:
        raise NotFound(code="not_found")
    head, state = follow(Head(device.log_sequence, device.log_mark), lines)
    device.log_sequence, device.log_mark = head.sequence, head.mark
    if state is LogState.BROKEN and device.log_broken_at is None:
        device.log_broken_at = now
        audit.record(
            db,
            actor=system("devices"),
            action="device.log_broken",
            subject=("device", device.id),
            lg_code=lg_code,
            now=now,
        )
    return state
