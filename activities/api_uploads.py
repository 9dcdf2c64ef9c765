"""The door through which a device hands in what it made without network (C19, C20)."""

from datetime import datetime

from fastapi import APIRouter, Request
from sqlalchemy import select
from starlette.concurrency import run_in_threadpool

from activities.api_checkin import DeviceSource, presence_of, submit
from activities.devices import source_by_id
from activities.models import ScannerDevice
from activities.presence import run
from activities.scans import Answer, Source
from activities.schemas_checkin import BatchIn, BatchOut, CheckInOut
from activities.uploads import Noted, note, open_file
from core.access import Actor
from core.clock import japan_day
from core.db import for_body
from core.errors import invalid
from core.web import Platform, PlatformDep
from registry.doors import as_body

router = APIRouter(tags=["check-ins"])


@router.post("/device/check-ins/batch", summary="Upload scans made without network")
async def upload(
    request: Request, given: BatchIn, device: DeviceSource, platform: PlatformDep
) -> BatchOut:
    """C19, C20: every scan is stored and answered, in order; a second one is never refused for being second.

    `log` tells whether the device's own log follows line by line: a line left out, changed or put
    elsewhere afterwards is seen here, and by those who run the device.
    """
    lg_code, source = device
    now = platform.clock.now()
    answers = await submit(
        request,
        lg_code=lg_code,
        scans=[one.scan(one.session_id, now) for one in given.scans],
        source=source,
        now=now,
    )
    noted = await run_in_threadpool(_note, request, platform, lg_code, source, given, answers, now)
    return BatchOut(
        answers=[CheckInOut.of(one) for one in answers],
        missing=list(noted.missing),
        log=noted.log,
    )


def _note(
    request: Request,
    platform: Platform,
    lg_code: str,
    source: Source,
    given: BatchIn,
    answers: list[Answer],
    now: datetime,
) -> Noted:
    told = given.made is not None or any(one.mark or one.undone_at for one in given.scans)
    if not told:
        return Noted((), None)
    with platform.database.transaction(for_body(lg_code, actor=source.label)) as db:
        policy = presence_of(request).policies.read(db, lg_code, japan_day(now))
        return note(
            db,
            lg_code=lg_code,
            source=source,
            given=given,
            answers=answers,
            policy=policy,
            now=now,
        )


def take_in(
    request: Request, platform: Platform, actor: Actor, lg_code: str, content: bytes
) -> list[Answer]:
    """C25: the file of a device that found no signal, at the desk; twice is as good as once.

    Raises:
        Invalid: `device_file_unreadable`.
    """
    now = platform.clock.now()
    device_id, parts = open_file(platform.secret, lg_code, content)
    with platform.database.transaction(as_body(actor, lg_code)) as db:
        known = db.scalar(
            select(ScannerDevice.id).where(
                ScannerDevice.lg_code == lg_code, ScannerDevice.id == device_id
            )
        )
        if known is None:
            raise invalid("device_file_unreadable", field="file")
        policy = presence_of(request).policies.read(db, lg_code, japan_day(now))
        source = source_by_id(
            db,
            lg_code=lg_code,
            device_id=device_id,
            request_id=actor.request_id,
            policy=policy,
        )
    found: list[Answer] = []
    for given in parts:
        answers = run(
            platform.database,
            for_body(lg_code, actor=actor.label, request_id=actor.request_id),
            presence_of(request),
            scans=[one.scan(one.session_id, now) for one in given.scans],
            source=source,
            now=now,
        )
        _note(request, platform, lg_code, source, given, answers, now)
        found += answers
    return found
