"""受付に使う電話: a QR code that enrols one, the list, taking a right away (C23, C27)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from activities import devices, enrolment
from activities.api_checkin import presence_of
from activities.doors import DeviceActor, as_device
from activities.hosts import Host, HostRole
from activities.models import DeviceTicket, Organisation, ScannerDevice
from activities.queries import organisation_of
from activities.rules.fuses import Fuse
from core.clock import JAPAN, day_start, japan_day
from core.db import for_body
from core.errors import Invalid, NotFound, Refused, invalid
from core.texts import N_
from core.web import Platform, PlatformDep, require_key, scanner_cookie
from mobile.pages.hosts import HostHere, own_organisation
from mobile.pages.outings import day_of
from mobile.pages.shell import FormDep, act, again, show, visitor
from qr.render import qr_svg
from registry.doors import as_body

router = APIRouter(prefix="/host/{lg_code}", include_in_schema=False)
public_router = APIRouter(include_in_schema=False, dependencies=[Depends(visitor)])
device_router = APIRouter(include_in_schema=False, dependencies=[Depends(visitor)])

#: Offered as the last day of a new device.
_USUAL: Final = timedelta(days=30)
ENDS: Final = {
    Fuse.HOST: N_("止めました"),
    Fuse.DAY: N_("決めた日が過ぎて、終わりました"),
    Fuse.SILENCE: N_("長く使われず、終わりました"),
}


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """A device as its hosts see it; `ended` says by what, if it has."""

    id: UUID
    label: str
    since: datetime
    ends_at: datetime
    seen_at: datetime | None
    armed_until: datetime | None
    unsent: int
    broken_at: datetime | None
    ended: str


def rows_of(
    request: Request, db: Session, lg_code: str, organisation_id: UUID, now: datetime
) -> list[DeviceRow]:
    """The devices of an organisation, living ones first."""
    policy = presence_of(request).policies.read(db, lg_code, japan_day(now))
    found = []
    for one in db.scalars(
        select(ScannerDevice)
        .where(ScannerDevice.lg_code == lg_code, ScannerDevice.organisation_id == organisation_id)
        .order_by(ScannerDevice.enrolled_at.desc())
    ):
        ends = devices.ending(one, policy)
        found.append(
            DeviceRow(
                id=one.id,
                label=one.label,
                since=one.enrolled_at,
                ends_at=ends.at,
                seen_at=one.last_seen_at,
                armed_until=one.armed_until,
                unsent=max(0, one.reported_sequence - one.last_sequence),
                broken_at=one.log_broken_at,
                ended=ENDS[ends.by] if ends.at <= now else "",
            )
        )
    return sorted(found, key=lambda row: bool(row.ended))


# --- for the organiser ----------------------------------------------------------------------------


def _page(
    request: Request, platform: Platform, host: Host, organisation_id: UUID, now: datetime
) -> dict[str, Any]:
    with platform.database.transaction(as_body(host.actor, host.lg_code)) as db:
        row = own_organisation(db, host, organisation_id, HostRole.ORGANISER)
        return {
            "organisation": row,
            "rows": rows_of(request, db, host.lg_code, organisation_id, now),
            "given": {"label": "", "until": (japan_day(now) + _USUAL).isoformat()},
        }


@router.get("/organisations/{organisation_id}/devices")
def list_devices(
    request: Request, organisation_id: UUID, host: HostHere, platform: PlatformDep
) -> Response:
    """Every phone that receives for the organisation, and how to add one."""
    page = _page(request, platform, host, organisation_id, platform.clock.now())
    return show(request, "host_devices.html", **page)


@router.post("/organisations/{organisation_id}/devices")
def offer_device(
    request: Request, organisation_id: UUID, form: FormDep, host: HostHere, platform: PlatformDep
) -> Response:
    """C27: a ticket, shown as a QR code on the next page."""
    now = platform.clock.now()

    def work(db: Session) -> DeviceTicket:
        own_organisation(db, host, organisation_id, HostRole.ORGANISER)
        day = day_of(form.one("until"))
        if day is None:
            raise invalid("day_needed", field="until")
        return enrolment.offer(
            db,
            actor=host.actor,
            lg_code=host.lg_code,
            organisation_id=organisation_id,
            label=form.text("label", most=60, needed=True),
            ends_at=day_start(day + timedelta(days=1)),
            now=now,
        )

    try:
        return act(
            request,
            form,
            as_body(host.actor, host.lg_code),
            host.actor,
            work,
            lambda ticket: f"/host/{host.lg_code}/device-tickets/{ticket.id}",
        )
    except (Invalid, Refused) as error:
        page = _page(request, platform, host, organisation_id, now)
        given = {"label": form.one("label")[:60], "until": form.one("until")[:10]}
        return again(request, "host_devices.html", error, **(page | {"given": given}))


@router.get("/device-tickets/{ticket_id}")
def show_ticket(
    request: Request, ticket_id: UUID, host: HostHere, platform: PlatformDep
) -> Response:
    """The QR code that the other phone reads; once it has, this page says so."""
    now = platform.clock.now()
    with platform.database.transaction(as_body(host.actor, host.lg_code)) as db:
        ticket = db.get(DeviceTicket, (host.lg_code, ticket_id))
        if ticket is None:
            raise NotFound(code="not_found")
        host.require(ticket.organisation_id)
        living = ticket.used_at is None and ticket.expires_at > now
        url = f"{platform.settings.public_url}/device/" + enrolment.token_of_ticket(
            platform.secret, ticket
        )
    return show(
        request,
        "host_ticket.html",
        ticket=ticket,
        living=living,
        picture=qr_svg(url, border=4, title=ticket.label) if living else None,
        until=ticket.expires_at.astimezone(JAPAN),
    )


@router.post("/organisations/{organisation_id}/devices/{device_id}/revocation")
def revoke(
    request: Request,
    organisation_id: UUID,
    device_id: UUID,
    form: FormDep,
    host: HostHere,
    platform: PlatformDep,
) -> Response:
    """C28: what it scanned until now counts when it arrives."""
    now = platform.clock.now()

    def work(db: Session) -> None:
        own_organisation(db, host, organisation_id, HostRole.ORGANISER)
        row = db.get(ScannerDevice, (host.lg_code, device_id))
        if row is None or row.organisation_id != organisation_id:
            raise NotFound(code="not_found")
        devices.revoke(db, actor=host.actor, lg_code=host.lg_code, device_id=device_id, now=now)

    then = f"/host/{host.lg_code}/organisations/{organisation_id}/devices"
    return act(request, form, as_body(host.actor, host.lg_code), host.actor, work, then)


# --- for the phone that is enrolled ---------------------------------------------------------------


def _waiting(db: Session, lg_code: str, ticket_id: UUID, now: datetime) -> Organisation:
    ticket = enrolment.living_ticket(db, lg_code=lg_code, ticket_id=ticket_id, now=now)
    return organisation_of(db, lg_code, ticket.organisation_id)


@public_router.get("/device/{token}")
def ticket_page(request: Request, token: str, platform: PlatformDep) -> Response:
    """For whom this phone would receive, and one button."""
    lg_code, ticket_id = enrolment.read_token(platform.secret, token)
    now = platform.clock.now()
    with platform.database.transaction(for_body(lg_code, actor="system:gate")) as db:
        row = _waiting(db, lg_code, ticket_id, now)
    return show(request, "device_ticket.html", token=token, organisation=row, signed_in=False)


@public_router.post("/device/{token}")
def enrol_here(request: Request, token: str, form: FormDep, platform: PlatformDep) -> Response:
    """C27: this phone is a scanner from now on; its token stays out of every script's reach."""
    require_key(request, form.key)
    lg_code, ticket_id = enrolment.read_token(platform.secret, token)
    now = platform.clock.now()
    with platform.database.transaction(for_body(lg_code, actor="system:gate")) as db:
        made = enrolment.redeem(db, lg_code=lg_code, ticket_id=ticket_id, now=now)
        ends_at = made.device.ends_at or now
    response = RedirectResponse("/counter", status_code=303)
    response.set_cookie(
        scanner_cookie(platform.settings),
        made.token,
        max_age=int((ends_at - now).total_seconds()),
        httponly=True,
        samesite="lax",
        secure=platform.settings.secure_cookies,
        path="/",
    )
    return response


@device_router.post("/counter/leave")
def leave(request: Request, device: DeviceActor, platform: PlatformDep) -> Response:
    """The phone gives its right back; its own memory is cleared by the page that asks."""
    now = platform.clock.now()
    if device.actor.id is None:
        raise NotFound(code="not_found")
    with platform.database.transaction(as_device(device)) as db:
        devices.revoke(
            db, actor=device.actor, lg_code=device.lg_code, device_id=device.actor.id, now=now
        )
    response = show(request, "device_left.html", signed_in=False)
    response.delete_cookie(
        scanner_cookie(platform.settings),
        httponly=True,
        samesite="lax",
        secure=platform.settings.secure_cookies,
    )
    return response
