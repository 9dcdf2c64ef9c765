"""Who stands at the door of a host: organisers, staff in their place, enrolled devices."""

from typing import Annotated

from fastapi import Depends, Request

from activities.devices import ending, heard_anew, note_heard
from activities.hosts import Device, Host, look_up_device, look_up_host
from activities.models import ScannerDevice
from activities.presence import Presence
from core.access import Actor, ActorKind
from core.clock import japan_day
from core.db import Context, for_body
from core.errors import Forbidden, SignInNeeded
from core.web import platform_of, request_id, scanner_cookie
from registry.doors import GATE, AnyActor, LgCode, as_body


def require_host(request: Request, actor: AnyActor, lg_code: LgCode) -> Host:
    """A registrant who acts for an organisation there, or staff there from clerk upwards."""
    if actor.kind is ActorKind.ANONYMOUS:
        raise SignInNeeded(code="sign_in_needed")
    with platform_of(request).database.transaction(GATE) as db:
        return look_up_host(db, actor=actor, lg_code=lg_code)


def device_token(request: Request) -> str | None:
    """A device's token: as a bearer token, else in the cookie of a phone enrolled by QR code."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return token
    return request.cookies.get(scanner_cookie(platform_of(request).settings))


def known_device(request: Request) -> Device:
    """An enrolled device by its token, also after its end: it may still hand in what it has."""
    token, platform = device_token(request), platform_of(request)
    now = platform.clock.now()
    with platform.database.transaction(GATE) as db:
        device = None if token is None else look_up_device(db, token=token)
        if device is None:
            raise SignInNeeded(code="sign_in_needed")
        lg_code, organisation_id, label = device.lg_code, device.organisation_id, device.label
        device_id = device.id
    presence: Presence = request.app.state.presence
    with platform.database.transaction(for_body(lg_code, actor="system:gate")) as db:
        policy = presence.policies.read(db, lg_code, japan_day(now))
        row = db.get_one(ScannerDevice, (lg_code, device_id))
        ends = ending(row, policy)
        if heard_anew(row.last_seen_at or row.enrolled_at, ends.at, now):
            note_heard(db, lg_code, device_id, now)
    actor = Actor(ActorKind.DEVICE, id=device_id, request_id=request_id(request))
    return Device(actor, lg_code, organisation_id, label, ends.at)


KnownDevice = Annotated[Device, Depends(known_device)]


def device_actor(request: Request, device: KnownDevice) -> Device:
    """An enrolled device, until a person or a fuse ends it (C23, C27)."""
    if device.ends_at <= platform_of(request).clock.now():
        raise Forbidden(code="device_revoked")
    return device


HostActor = Annotated[Host, Depends(require_host)]
DeviceActor = Annotated[Device, Depends(device_actor)]


def as_host(host: Host) -> Context:
    """The transaction context of a host's local government."""
    return as_body(host.actor, host.lg_code)


def as_device(device: Device) -> Context:
    """The transaction context of a device's local government."""
    return as_body(device.actor, device.lg_code)
