"""Who stands at the door of a host: organisers, staff in their place, enrolled devices."""

from typing import Annotated

from fastapi import Depends, Request

from activities.hosts import Device, Host, look_up_device, look_up_host
from core.access import ActorKind
from core.db import Context
from core.errors import Forbidden, SignInNeeded
from core.web import platform_of, request_id
from registry.doors import GATE, AnyActor, LgCode, as_body


def require_host(request: Request, actor: AnyActor, lg_code: LgCode) -> Host:
    """A registrant who acts for an organisation there, or staff there from clerk upwards."""
    if actor.kind is ActorKind.ANONYMOUS:
        raise SignInNeeded(code="sign_in_needed")
    with platform_of(request).database.transaction(GATE) as db:
        return look_up_host(db, actor=actor, lg_code=lg_code)


def device_actor(request: Request) -> Device:
    """An enrolled device by its bearer token, while it is not revoked (C27)."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise SignInNeeded(code="sign_in_needed")
    with platform_of(request).database.transaction(GATE) as db:
        device = look_up_device(db, token=token, request_id=request_id(request))
    if device is None:
        raise SignInNeeded(code="sign_in_needed")
    if device.revoked_at is not None:
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
