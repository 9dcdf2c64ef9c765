"""会場の二次元コード: the rotating code on an organiser's or a device's screen (R19, C17)."""

from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from activities.api_devices import venue_code
from mobile.counters import Counter, own_session
from mobile.pages.counter import DeviceCounter, HostCounter, KnownCounter
from mobile.pages.shell import show, visitor

host_router = APIRouter(prefix="/host/{lg_code}", include_in_schema=False)
device_router = APIRouter(
    prefix="/counter", include_in_schema=False, dependencies=[Depends(visitor)]
)


def show_venue(request: Request, counter: Counter, session_id: UUID) -> Response:
    """The code of this moment; the page asks for the next one by itself, scripts or not."""
    with counter.platform.database.transaction(counter.context) as db:
        session, activity = own_session(db, counter, session_id)
    code = venue_code(request, counter.platform, counter.lg_code, session_id)
    return show(
        request,
        "venue.html",
        session=session,
        activity=activity,
        picture=code.svg,
        left=code.valid_for_s,
        back_href=counter.page(session_id),
        signed_in=False,
    )


@host_router.get("/sessions/{session_id}/venue")
def host_venue(request: Request, counter: HostCounter, session_id: UUID) -> Response:
    """On an organiser's phone."""
    return show_venue(request, counter, session_id)


@device_router.get("/sessions/{session_id}/offline")
def offline(request: Request, counter: KnownCounter, session_id: UUID) -> Response:
    """C18: the reception without network: armed here, kept in this phone, sent later.

    A phone that was stopped still opens it: what it scanned before counts (C28).
    """
    with counter.platform.database.transaction(counter.context) as db:
        session, activity = own_session(db, counter, session_id)
    return show(
        request,
        "counter_offline.html",
        camera=True,
        session=session,
        activity=activity,
        back_href=counter.page(session_id),
        signed_in=False,
    )


@device_router.get("/sessions/{session_id}/venue")
def device_venue(request: Request, counter: DeviceCounter, session_id: UUID) -> Response:
    """On an enrolled phone."""
    return show_venue(request, counter, session_id)
