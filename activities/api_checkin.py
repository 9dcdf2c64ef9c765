"""Doors of presence: a person's own scan, an organiser's, a device's upload, undo, correction."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from activities.corrections import annul, correct, whose
from activities.devices import lg_code_of, source_of
from activities.doors import HostActor, device_token
from activities.exits import forgotten_exits, say_left
from activities.hosts import Host, HostRole
from activities.models import Activity, ActivitySession, CheckIn
from activities.presence import Presence, poster_session, run, source_for
from activities.rates import DeviceRates
from activities.rules.checkin import Method
from activities.scans import Answer, Scan, Source
from activities.schemas_checkin import (
    AnnulIn,
    AnnulledOut,
    CheckInOut,
    CorrectedOut,
    CorrectionIn,
    DoorCheckIn,
    ForgottenExitOut,
    LeavingIn,
    LeftOut,
    OwnCheckIn,
)
from core import shortcode
from core.access import Actor
from core.clock import japan_day
from core.db import for_body
from core.errors import Conflict, NotFound, SignInNeeded
from core.limits import Limit
from core.problems import problems
from core.web import Answer as WebAnswer
from core.web import Items, Platform, PlatformDep, answer_once, platform_of, request_id
from qr.codes import CodeError, VenueCode, parse
from registry.doors import ClerkActor, LgCode, PersonActor, ViewerActor, as_body
from registry.own_case import refuse_own_case

person_router = APIRouter(tags=["check-ins"])
device_router = APIRouter(tags=["check-ins"])
host_router = APIRouter(tags=["check-ins"])
staff_router = APIRouter(tags=["check-ins"])


def presence_of(request: Request) -> Presence:
    """What this process keeps at hand for check-ins."""
    presence: Presence = request.app.state.presence
    return presence


async def submit(
    request: Request, *, lg_code: str, scans: list[Scan], source: Source, now: datetime
) -> list[Answer]:
    """Hand scans to the busy door where it is open, else to a thread."""
    door = request.app.state.hot
    if door is not None:
        answers: list[Answer] = await door.check_in(
            lg_code=lg_code, scans=scans, source=source, now=now
        )
        return answers
    platform = platform_of(request)
    return await run_in_threadpool(
        run,
        platform.database,
        for_body(lg_code, actor=source.actor, request_id=source.request_id),
        presence_of(request),
        scans=scans,
        source=source,
        now=now,
    )


def own_scan(platform: Platform, actor: Actor, given: OwnCheckIn) -> tuple[str, Scan]:
    """A person's own scan and the local government whose door it is at.

    Raises:
        NotFound: The code names no place we know.
        TooMany: More tries within a minute than a person makes.
    """
    now = platform.clock.now()
    limit = Limit("check_in", platform.settings.limit_check_ins)
    platform.limiter.take(limit, actor.label, now=now)
    scan = Scan(
        scan_id=given.scan_id,
        scanned_at=given.when(now),
        code=given.code,
        person_id=actor.person_id,
        direction=given.direction,
        offset_ms=given.offset_ms,
        offset_method=None if given.offset_ms is None else "round_trip",
        uncertainty_ms=given.uncertainty_ms,
        offline=given.offline,
    )
    last = given.code.rstrip("/").rsplit("/", 1)[-1]
    if shortcode.is_valid(shortcode.normalise(last)):
        lg_code, session = poster_session(platform.database, last)
        return lg_code, Scan(
            scan_id=scan.scan_id,
            scanned_at=scan.scanned_at,
            session_id=session.id,
            person_id=actor.person_id,
            method=Method.POSTER,
            direction=scan.direction,
            offset_ms=scan.offset_ms,
            offset_method=scan.offset_method,
            uncertainty_ms=scan.uncertainty_ms,
            offline=scan.offline,
        )
    try:
        content = parse(given.code).content
    except CodeError as error:
        raise NotFound(code="malformed") from error
    if not isinstance(content, VenueCode):
        raise NotFound(code="wrong_kind")
    return content.lg_code, scan


@person_router.post(
    "/check-ins",
    summary="Check in at a venue with one's own phone",
)
async def check_in_myself(
    request: Request, given: OwnCheckIn, actor: PersonActor, platform: PlatformDep
) -> CheckInOut:
    """R19: read the venue's rotating code or a poster's code.

    The answer says accepted, already, refused or needs_input, with every reason. The same scan
    id gets the first answer again, so a lost reply is repeated without harm.
    """
    lg_code, scan = await run_in_threadpool(own_scan, platform, actor, given)
    answers = await submit(
        request,
        lg_code=lg_code,
        scans=[scan],
        source=source_for(actor),
        now=platform.clock.now(),
    )
    return CheckInOut.of(answers[0])


async def _device(request: Request) -> tuple[str, Source]:
    token = device_token(request)
    if token is None:
        raise SignInNeeded(code="sign_in_needed")
    door = request.app.state.hot
    if door is not None:
        found: tuple[str, Source] = await door.device(
            token, request_id=request_id(request), now=platform_of(request).clock.now()
        )
        return found
    return await run_in_threadpool(_device_in_thread, request, token)


def _device_in_thread(request: Request, token: str) -> tuple[str, Source]:
    lg_code = lg_code_of(token)
    if lg_code is None:
        raise SignInNeeded(code="sign_in_needed")
    platform = platform_of(request)
    now = platform.clock.now()
    with platform.database.transaction(for_body(lg_code, actor="system:gate")) as db:
        return lg_code, source_of(
            db,
            lg_code=lg_code,
            token=token,
            request_id=request_id(request),
            policy=presence_of(request).policies.read(db, lg_code, japan_day(now)),
            now=now,
        )


DeviceSource = Annotated[tuple[str, Source], Depends(_device)]


@device_router.post(
    "/device/sessions/{session_id}/check-ins",
    summary="Check somebody in with an enrolled device",
)
async def check_in_with_device(
    request: Request,
    session_id: UUID,
    given: DoorCheckIn,
    device: DeviceSource,
    platform: PlatformDep,
) -> CheckInOut:
    """R19: a device's token stands for its organisation; the code read is a card's or a phone's."""
    lg_code, source = device
    rates: DeviceRates = request.app.state.rates
    await rates.take(source.label)
    now = platform.clock.now()
    answers = await submit(
        request, lg_code=lg_code, scans=[given.scan(session_id, now)], source=source, now=now
    )
    await rates.answered(source.label, answers)
    return CheckInOut.of(answers[0])


def host_of_session(platform: Platform, host: Host, session_id: UUID) -> ActivitySession:
    """The session, when the host may receive people there.

    Raises:
        NotFound: It is not theirs.
    """
    with platform.database.transaction(as_body(host.actor, host.lg_code)) as db:
        return _received_by(db, host, session_id)


def _received_by(db: Session, host: Host, session_id: UUID | None) -> ActivitySession:
    session = None if session_id is None else db.get(ActivitySession, (host.lg_code, session_id))
    if session is None:
        raise NotFound(code="not_found")
    activity = db.get_one(Activity, (host.lg_code, session.activity_id))
    host.require(activity.organisation_id, HostRole.RECEPTION)
    return session


@host_router.post(
    "/local-governments/{lg_code}/sessions/{session_id}/check-ins",
    summary="Check somebody in as an organiser or at the counter",
)
async def check_in_as_host(
    request: Request,
    lg_code: LgCode,
    session_id: UUID,
    given: DoorCheckIn,
    host: HostActor,
    platform: PlatformDep,
) -> CheckInOut:
    """R19: by card, typed number or roster; a roster entry needs a second person's word."""
    await run_in_threadpool(host_of_session, platform, host, session_id)
    now = platform.clock.now()
    answers = await submit(
        request,
        lg_code=lg_code,
        scans=[given.scan(session_id, now)],
        source=source_for(host.actor),
        now=now,
    )
    return CheckInOut.of(answers[0])


@host_router.post(
    "/local-governments/{lg_code}/check-ins/{check_in_id}/annul",
    summary="Undo a check-in",
    response_model=AnnulledOut,
)
def annul_check_in(
    request: Request, lg_code: LgCode, check_in_id: UUID, given: AnnulIn, host: HostActor
) -> Response:
    """C7: whoever scanned may undo for 15 minutes, staff later with a reason; nothing is deleted."""
    platform = platform_of(request)
    now = platform.clock.now()
    with platform.database.transaction(as_body(host.actor, lg_code)) as db:
        one = db.get(CheckIn, (lg_code, check_in_id))
        # Another organisation's check-in is no check-in to this host.
        _received_by(db, host, None if one is None else one.session_id)
        undone = annul(
            db,
            actor=host.actor,
            lg_code=lg_code,
            check_in_id=check_in_id,
            reason=given.reason,
            policy=presence_of(request).policies.read(db, lg_code, japan_day(now)),
            now=now,
        )
    if not undone.done:
        # After the commit, so that the late try stays on record.
        raise Conflict(code=undone.code)
    return JSONResponse({"check_in_id": str(check_in_id), "state": undone.code})


@staff_router.get(
    "/local-governments/{lg_code}/forgotten-exits",
    summary="List who forgot to check out",
    responses=problems(401, 403, 404),
)
def list_forgotten_exits(
    request: Request, lg_code: LgCode, actor: ViewerActor
) -> Items[ForgottenExitOut]:
    """C31: they count as there until the end, until staff say otherwise.

    Of sessions where leaving is checked: the latest first, 200 at most of the last sixty days.
    """
    platform = platform_of(request)
    with platform.database.transaction(as_body(actor, lg_code)) as db:
        found = forgotten_exits(db, actor=actor, lg_code=lg_code, now=platform.clock.now())
    return Items[ForgottenExitOut](
        items=[
            ForgottenExitOut(
                check_in_id=one.check_in.id,
                session_id=one.session.id,
                activity=one.title,
                display_name=one.registration.display_name,
                member_number=one.registration.member_number,
                arrived_at=one.check_in.at,
                ends_at=one.session.ends_at,
            )
            for one in found
        ]
    )


@staff_router.post(
    "/local-governments/{lg_code}/check-ins/{check_in_id}/leaving",
    summary="Say when somebody left who forgot to check out",
    response_model=LeftOut,
    responses=problems(401, 403, 404, 409, 422),
)
def leave(
    request: Request, lg_code: LgCode, check_in_id: UUID, given: LeavingIn, actor: ClerkActor
) -> Response:
    """C31: the minutes follow, between the arrival and the session's end; the history keeps both."""
    now = platform_of(request).clock.now()

    def work(db: Session) -> WebAnswer:
        one = say_left(
            db,
            actor=actor,
            lg_code=lg_code,
            check_in_id=check_in_id,
            left_at=given.left_at,
            now=now,
        )
        out = LeftOut(participation_id=one.id, minutes=one.minutes, counted=one.counted)
        return WebAnswer.of(out)

    return answer_once(request, as_body(actor, lg_code), actor=actor, work=work)


@staff_router.post(
    "/local-governments/{lg_code}/participations/{participation_id}/corrections",
    summary="Correct whether a participation counts",
    response_model=CorrectedOut,
)
def correct_participation(
    request: Request,
    lg_code: LgCode,
    participation_id: UUID,
    given: CorrectionIn,
    actor: ClerkActor,
) -> Response:
    """R19: staff decide with a reason; what stood before stays readable."""
    platform = platform_of(request)
    now = platform.clock.now()
    refuse_own_case(
        platform,
        actor,
        lg_code,
        lambda db: whose(db, lg_code=lg_code, participation_id=participation_id),
    )

    def work(db: Session) -> WebAnswer:
        one = correct(
            db,
            actor=actor,
            lg_code=lg_code,
            participation_id=participation_id,
            counted=given.counted,
            reason=given.reason,
            now=now,
        )
        return WebAnswer({"participation_id": str(one.id), "counted": one.counted}, 200)

    return answer_once(request, as_body(actor, lg_code), actor=actor, work=work)
