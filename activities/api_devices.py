"""Doors for a host's devices, the venue's code and stay places."""

from datetime import date, datetime
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from activities import devices, stays
from activities.api_checkin import host_of_session, presence_of
from activities.doors import DeviceActor, HostActor, as_device
from activities.hosts import Device
from activities.models import ActivitySession, ScannerDevice, StayDay
from activities.presence import Presence
from activities.queries import organisation_of
from activities.schemas_checkin import VenueCodeOut
from activities.schemas_fields import Label, Name
from core.clock import japan_day, wall_now
from core.db import Context, for_body
from core.errors import NotFound
from core.tenancy import Audience
from core.web import Answer, Items, Platform, PlatformDep, answer_once, platform_of
from qr.codes import VenueCode, sign_venue_code, step_at, url_with_code
from qr.keys import KeyScope
from qr.render import qr_svg
from qr.signatures import KeyUse, Signer
from qr.store import NoSigningKeyError, ensure_keys
from registry.doors import GATE, ClerkActor, LgCode, PersonActor, as_body
from registry.own_case import refuse_own_case

host_router = APIRouter(tags=["devices"])
device_router = APIRouter(tags=["devices"])
staff_router = APIRouter(tags=["stays"])
person_router = APIRouter(tags=["stays"])


KEYS = Context(Audience.WORKER, actor="system:keys")


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class DeviceIn(_In):
    """A device to enrol."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"label": "公民館の受付"}]})

    label: Label


class DeviceOut(BaseModel):
    """An enrolled device; the token is shown at enrolment only."""

    id: UUID
    label: str
    token: str | None = None
    enrolled_at: datetime
    revoked_at: datetime | None = None
    ends_at: datetime | None = Field(default=None, description="When it ends by itself, at latest")
    armed_until: datetime | None = None
    last_seen_at: datetime | None = None
    unsent: int = 0
    log_broken_at: datetime | None = Field(
        default=None, description="When a line of its log did not follow from the one before"
    )

    @classmethod
    def of(cls, row: ScannerDevice, token: str | None = None) -> "DeviceOut":
        """From the table."""
        return cls(
            id=row.id,
            label=row.label,
            token=token,
            enrolled_at=row.enrolled_at,
            revoked_at=row.revoked_at,
            ends_at=row.ends_at,
            armed_until=row.armed_until,
            last_seen_at=row.last_seen_at,
            unsent=max(0, (row.reported_sequence or 0) - (row.last_sequence or 0)),
            log_broken_at=row.log_broken_at,
        )


class ArmedOut(BaseModel):
    """Until when a device may work without network."""

    ready_until: datetime


@host_router.post(
    "/local-governments/{lg_code}/organisations/{organisation_id}/devices",
    summary="Enrol a device for reception",
    response_model=DeviceOut,
    status_code=201,
)
def enrol_device(
    request: Request, lg_code: LgCode, organisation_id: UUID, given: DeviceIn, host: HostActor
) -> Response:
    """C27: a right of its own; the token is shown once and can be revoked without the person."""
    host.require(organisation_id)
    now = platform_of(request).clock.now()

    def work(db: Session) -> Answer:
        made = devices.enrol(
            db,
            actor=host.actor,
            lg_code=lg_code,
            organisation_id=organisation_id,
            label=given.label,
            now=now,
        )
        return Answer.of(DeviceOut.of(made.device, made.token), 201)

    return answer_once(request, as_body(host.actor, lg_code), actor=host.actor, work=work)


@host_router.get(
    "/local-governments/{lg_code}/organisations/{organisation_id}/devices",
    summary="Devices of an organisation",
)
def list_devices(
    request: Request, lg_code: LgCode, organisation_id: UUID, host: HostActor
) -> Items[DeviceOut]:
    """With unsent scans and the time of the last contact."""
    host.require(organisation_id)
    with platform_of(request).database.transaction(as_body(host.actor, lg_code)) as db:
        organisation_of(db, lg_code, organisation_id)
        rows = db.scalars(
            select(ScannerDevice)
            .where(
                ScannerDevice.lg_code == lg_code,
                ScannerDevice.organisation_id == organisation_id,
            )
            .order_by(ScannerDevice.enrolled_at)
        )
        return Items[DeviceOut](items=[DeviceOut.of(row) for row in rows])


@host_router.post(
    "/local-governments/{lg_code}/organisations/{organisation_id}/devices/{device_id}/revocation",
    summary="Take a device's right away",
    status_code=204,
    response_class=Response,
)
def revoke_device(
    request: Request, lg_code: LgCode, organisation_id: UUID, device_id: UUID, host: HostActor
) -> Response:
    """C28: what it scanned before still counts when it arrives; later scans are looked into."""
    host.require(organisation_id)
    platform = platform_of(request)
    with platform.database.transaction(as_body(host.actor, lg_code)) as db:
        row = db.get(ScannerDevice, (lg_code, device_id))
        if row is None or row.organisation_id != organisation_id:
            raise NotFound(code="not_found")
        devices.revoke(
            db, actor=host.actor, lg_code=lg_code, device_id=device_id, now=platform.clock.now()
        )
    return Response(status_code=204)


@device_router.get("/device", summary="What this device is, while it may receive")
def show_device(device: DeviceActor, platform: PlatformDep) -> DeviceOut:
    """C27: a device that was stopped learns it here (`device_revoked`), and forgets names (C21)."""
    with platform.database.transaction(as_device(device)) as db:
        return DeviceOut.of(db.get_one(ScannerDevice, (device.lg_code, device.actor.id)))


@device_router.post("/device/arming", summary="Make this device ready for work without network")
def arm_device(request: Request, device: DeviceActor) -> ArmedOut:
    """C18: says until when it is ready; C23 bounds how long and how many scans it may keep."""
    platform = platform_of(request)
    now = platform.clock.now()
    if device.actor.id is None:
        raise NotFound(code="not_found")
    with platform.database.transaction(as_device(device)) as db:
        policy = presence_of(request).policies.read(db, device.lg_code, japan_day(now))
        until = devices.arm(
            db, lg_code=device.lg_code, device_id=device.actor.id, policy=policy, now=now
        )
    return ArmedOut(ready_until=until)


def venue_code(
    request: Request, platform: Platform, lg_code: str, session_id: UUID
) -> VenueCodeOut:
    """The venue's code of this moment: signed, rotating, in the address's fragment (C17).

    Raises:
        NotFound: No such session here.
    """
    now = platform.clock.now()
    presence = presence_of(request)
    with platform.database.transaction(for_body(lg_code, actor="system:venue")) as db:
        session = db.get(ActivitySession, (lg_code, session_id))
        if session is None:
            raise NotFound(code="not_found")
        presence.keys.refresh(db, wall=wall_now())
        policy = presence.policies.read(db, lg_code, japan_day(now))
    rotate_s = policy.integer("checkin.rotate_s")
    kid, sign = venue_signer(platform, presence, lg_code, now)
    code = sign_venue_code(VenueCode(kid, lg_code, session_id, step_at(now, rotate_s)), sign)
    url = url_with_code(f"{platform.settings.public_url}/v", code)
    left = rotate_s - int(now.timestamp()) % rotate_s
    return VenueCodeOut(
        url=url, code=code, valid_for_s=left, svg=qr_svg(url, border=4, title="受付")
    )


@host_router.get(
    "/local-governments/{lg_code}/sessions/{session_id}/venue-code",
    summary="The venue's rotating code of this moment",
)
def show_venue_code(
    request: Request,
    lg_code: LgCode,
    session_id: UUID,
    host: HostActor,
    platform: PlatformDep,
) -> VenueCodeOut:
    """R19: shown on a screen at the place; a photograph of it is worth nothing a minute later."""
    host_of_session(platform, host, session_id)
    return venue_code(request, platform, lg_code, session_id)


@device_router.get(
    "/device/sessions/{session_id}/venue-code",
    summary="The venue's rotating code, on an enrolled device",
)
def show_venue_code_on_device(
    request: Request, session_id: UUID, device: DeviceActor, platform: PlatformDep
) -> VenueCodeOut:
    """As for a host, with the device's right."""
    _own_session(platform, device, session_id)
    return venue_code(request, platform, device.lg_code, session_id)


def _own_session(platform: Platform, device: Device, session_id: UUID) -> None:
    with platform.database.transaction(as_device(device)) as db:
        if db.get(ActivitySession, (device.lg_code, session_id)) is None:
            raise NotFound(code="not_found")


def venue_signer(
    platform: Platform, presence: Presence, lg_code: str, now: datetime
) -> tuple[str, Signer]:
    """The body's venue key; one that has just joined gets its first key here, not at night."""
    try:
        return presence.keys.signer(use=KeyUse.VENUE, lg_code=lg_code, now=now)
    except NoSigningKeyError:
        with platform.database.transaction(KEYS) as db:
            scopes = [KeyScope(KeyUse.VENUE, lg_code)]
            ensure_keys(db, scopes=scopes, secret=platform.secret, now=now)
            presence.keys.forget()
            presence.keys.refresh(db, wall=wall_now())
        return presence.keys.signer(use=KeyUse.VENUE, lg_code=lg_code, now=now)


class StayPlaceIn(_In):
    """A place where a stay can be proved."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "道の駅 飛騨古川いぶし", "kind": "roadside"}]}
    )

    name: Name
    kind: str = Field(pattern="^(lodging|coworking|library|roadside|office)$")


class StayPlaceOut(BaseModel):
    """A designated place and the code on its poster."""

    id: UUID
    name: str
    kind: str
    poster_code: str


class StayIn(_In):
    """Proof of a stay by a place's poster code, or a day reported without one."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"poster_code": "7KQ2M9XD"}, {"lg_code": "212172", "day": "2027-06-05"}]
        }
    )

    poster_code: str | None = Field(default=None, max_length=60)
    lg_code: str | None = Field(default=None, pattern=r"^\d{6}$")
    day: date | None = None


class StayOut(BaseModel):
    """A stay day."""

    lg_code: str
    day: date
    evidence: str
    state: str

    @classmethod
    def of(cls, row: StayDay) -> "StayOut":
        """From the table."""
        return cls(lg_code=row.lg_code, day=row.day, evidence=row.evidence, state=row.state)


@staff_router.post(
    "/local-governments/{lg_code}/stay-places",
    summary="Designate a place where a stay can be proved",
    response_model=StayPlaceOut,
    status_code=201,
)
def open_stay_place(
    request: Request, lg_code: LgCode, given: StayPlaceIn, actor: ClerkActor
) -> Response:
    """R11: lodging, coworking, library, 道の駅, town office; there is no tracking of places."""
    now = platform_of(request).clock.now()

    def work(db: Session) -> Answer:
        place = stays.open_place(
            db, actor=actor, lg_code=lg_code, name=given.name, kind=given.kind, now=now
        )
        out = StayPlaceOut(
            id=place.id, name=place.name, kind=place.kind, poster_code=place.poster_code
        )
        return Answer.of(out, 201)

    return answer_once(request, as_body(actor, lg_code), actor=actor, work=work)


@staff_router.post(
    "/local-governments/{lg_code}/stay-days/{person_id}/{day}/approval",
    summary="Let a reported stay count",
)
def approve_stay(
    request: Request, lg_code: LgCode, person_id: UUID, day: date, actor: ClerkActor
) -> StayOut:
    """R11: a report without a code counts once staff have looked at it."""
    platform = platform_of(request)
    refuse_own_case(platform, actor, lg_code, lambda _: person_id)
    with platform.database.transaction(as_body(actor, lg_code)) as db:
        row = stays.approve_report(
            db,
            actor=actor,
            lg_code=lg_code,
            person_id=person_id,
            day=day,
            now=platform.clock.now(),
        )
        return StayOut.of(row)


@person_router.post(
    "/me/stay-days", summary="Prove or report a stay", response_model=StayOut, status_code=201
)
def add_stay(request: Request, given: StayIn, actor: PersonActor) -> Response:
    """R11: by the poster of a designated place, at once; or as a report that staff approve.

    Raises:
        NotFound: Neither a place's code nor a local government and day were given, or no such place.
    """
    platform = platform_of(request)
    now = platform.clock.now()
    place = None
    if given.poster_code is not None:
        with platform.database.transaction(GATE) as gate:
            place = stays.place_by_code(gate, given.poster_code)
    lg_code = place.lg_code if place is not None else given.lg_code
    if lg_code is None or (place is None and given.day is None):
        raise NotFound(code="not_found")

    def work(db: Session) -> Answer:
        if place is not None:
            row = stays.check_in_at_place(db, actor=actor, place=place, now=now)
        else:
            row = stays.report(
                db, actor=actor, lg_code=lg_code, day=given.day or japan_day(now), now=now
            )
        return Answer.of(StayOut.of(row), 201)

    return answer_once(request, as_body(actor, lg_code), actor=actor, work=work)
