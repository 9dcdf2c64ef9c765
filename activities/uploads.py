"""What a device made without network arrives: scans, its log, and what was taken back (C7, C19, C25).

An upload comes from the device itself, or, where a village has no signal for days, as a file that
staff take in at the desk. The file is sealed with a key the device got when it was armed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from activities import devices
from activities.corrections import annul
from activities.models import CheckIn
from activities.rules.devicelog import LogState
from activities.scans import Answer, Source
from activities.schemas_checkin import BatchedScan, BatchIn
from core import sealing
from core.access import Actor, ActorKind
from core.errors import invalid
from registry.rules.policy import Policy

#: Scans of a file are stored by so many at a time, as a device sends them.
GROUP = 200
#: Bytes of a file: several times what a device may hold before its fuse ends it (C24).
MAX_FILE = 4 * 1024**2


@dataclass(frozen=True, slots=True)
class Noted:
    """What an upload shows of a device: numbers still missing, and whether its log follows."""

    missing: tuple[int, ...]
    log: LogState | None


def note(
    db: Session,
    *,
    lg_code: str,
    source: Source,
    given: BatchIn,
    answers: Sequence[Answer],
    policy: Policy,
    now: datetime,
) -> Noted:
    """After the scans are stored: how many were made, whether the log follows, what was undone.

    Args:
        db: A transaction of the local government.
        lg_code: The local government.
        source: The device.
        given: What it sent.
        answers: What became of each scan.
        policy: The numbers in force.
        now: The instant.
    """
    missing: tuple[int, ...] = ()
    if given.made is not None:
        missing = devices.report(db, lg_code=lg_code, label=source.label, made=given.made, now=now)
    lines = [line for line in (one.line() for one in given.scans) if line is not None]
    log = None
    if lines:
        log = devices.keep_log(db, lg_code=lg_code, label=source.label, lines=lines, now=now)
    for scan, answer in zip(given.scans, answers, strict=True):
        if scan.undone_at is not None and answer.outcome == "accepted":
            _undo(db, lg_code, source, scan, policy, now)
    return Noted(missing, log)


def _undo(
    db: Session, lg_code: str, source: Source, scan: BatchedScan, policy: Policy, now: datetime
) -> None:
    """C7: taken back on the device, in time by its own clock; the row stays, marked."""
    found = db.scalar(
        select(CheckIn.id).where(
            CheckIn.lg_code == lg_code,
            CheckIn.source == source.label,
            CheckIn.scan_id == scan.scan_id,
            CheckIn.annulled_at.is_(None),
        )
    )
    if found is not None:
        annul(
            db,
            actor=Actor(ActorKind.DEVICE, id=UUID(source.label.removeprefix("device:"))),
            lg_code=lg_code,
            check_in_id=found,
            reason="undo",
            policy=policy,
            now=now,
            undone_at=scan.taken_back(),
        )


# --- the file -------------------------------------------------------------------------------------


class SealedFile(BaseModel):
    """The file of a device: what it would have sent, as text, and the seal on it."""

    device: UUID
    body: str
    seal: str


def file_key(secret: str, lg_code: str, device_id: UUID) -> str:
    """C25: with what a device seals its file; it learns it when it is armed."""
    return sealing.index(secret, f"device-file:{lg_code}", device_id.hex)


def open_file(secret: str, lg_code: str, content: bytes) -> tuple[UUID, list[BatchIn]]:
    """The device of a file and its scans, in parts of the size of an upload.

    Raises:
        Invalid: `device_file_unreadable`: no such file, of another local government, or changed.
    """
    try:
        sealed = SealedFile.model_validate_json(content)
        key = file_key(secret, lg_code, sealed.device)
        if not sealing.same(sealing.mac(key, sealed.body), sealed.seal):
            raise invalid("device_file_unreadable", field="file")
        whole = _Whole.model_validate_json(sealed.body)
    except ValidationError as error:
        raise invalid("device_file_unreadable", field="file") from error
    return sealed.device, [
        BatchIn(scans=whole.scans[start : start + GROUP], made=whole.made)
        for start in range(0, len(whole.scans), GROUP)
    ]


class _Whole(BaseModel):
    scans: list[BatchedScan]
    made: int
