"""当日の受付: a list, a field for codes, one big answer, and fifteen minutes to take it back (R19)."""

from collections.abc import Sequence
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from activities import corrections, receptions, roster
from activities.api_checkin import presence_of
from activities.doors import DeviceActor, KnownDevice, as_device
from activities.hosts import HostRole
from activities.models import ActivitySession
from activities.presence import source_for
from activities.refusals import policy_now
from activities.rules.checkin import Direction, Method
from activities.scans import Scan, Source
from core.errors import Conflict, NotFound, Refused, invalid
from core.web import PlatformDep
from mobile.counters import (
    Counter,
    family_of,
    not_here_yet,
    outcome_of,
    own_session,
    receive_family,
    sessions_now,
)
from mobile.pages.hosts import HostHere
from mobile.pages.shell import FormDep, field_errors, show, visitor
from qr.codes import MAX_TEXT
from registry.doors import BookDep, as_body
from registry.families import Companion

host_router = APIRouter(prefix="/host/{lg_code}", include_in_schema=False)
# Whose phone it is besides: the worker of a signed-in phone must not take a page for a stranger's.
device_router = APIRouter(
    prefix="/counter", include_in_schema=False, dependencies=[Depends(visitor)]
)

_REFUSED: Final = 422
#: What whoever receives can answer at once, and the box that says so.
_ASKED: Final = {"confirm_name": "name_confirmed", "confirm_walk_in": "walk_in_confirmed"}
Search = Annotated[str, Query(alias="q", max_length=60)]
View = Annotated[str, Query(max_length=10)]
ScanId = Annotated[UUID | None, Query(alias="scan")]
Scans = Annotated[list[UUID] | None, Query(alias="with", max_length=12)]


# --- who receives ---------------------------------------------------------------------------------


def counter_of_host(request: Request, host: HostHere, platform: PlatformDep) -> Counter:
    """An organiser, or somebody of theirs who receives, with their own phone."""
    return Counter(
        platform=platform,
        presence=presence_of(request),
        actor=host.actor,
        context=as_body(host.actor, host.lg_code),
        source=source_for(host.actor),
        lg_code=host.lg_code,
        home=f"/host/{host.lg_code}",
        organisations=frozenset(host.roles),
        browses=HostRole.ORGANISER in host.roles.values(),
        now=platform.clock.now(),
    )


def counter_of_device(request: Request, device: DeviceActor, platform: PlatformDep) -> Counter:
    """An enrolled phone; it searches and never lists (C29)."""
    return Counter(
        platform=platform,
        presence=presence_of(request),
        actor=device.actor,
        context=as_device(device),
        source=Source(
            label=device.actor.label,
            actor=device.actor.label,
            organisation_id=device.organisation_id,
            revoked_at=device.ends_at,
            request_id=device.actor.request_id,
        ),
        lg_code=device.lg_code,
        home="/counter",
        organisations=frozenset({device.organisation_id}),
        browses=False,
        now=platform.clock.now(),
    )


def counter_of_known(request: Request, device: KnownDevice, platform: PlatformDep) -> Counter:
    """As `counter_of_device`, also for a phone that was stopped and still has scans to hand in."""
    return counter_of_device(request, device, platform)


HostCounter = Annotated[Counter, Depends(counter_of_host)]
DeviceCounter = Annotated[Counter, Depends(counter_of_device)]
KnownCounter = Annotated[Counter, Depends(counter_of_known)]


# --- pages ----------------------------------------------------------------------------------------


@device_router.get("")
def sessions(request: Request, counter: DeviceCounter) -> Response:
    """Today's sessions of the device's organisation."""
    with counter.platform.database.transaction(counter.context) as db:
        found = sessions_now(db, counter)
    return show(request, "counter.html", rows=found, home=counter.home, signed_in=False)


def show_session(
    request: Request,
    counter: Counter,
    session_id: UUID,
    *,
    text: str = "",
    view: str = "",
    scan_id: UUID | None = None,
    family: Sequence[UUID] = (),
    asked: dict[str, Any] | None = None,
    errors: Sequence[dict[str, str]] = (),
    status: int = 200,
) -> Response:
    """The reception of one session: the last answer, the field for codes, then the names."""
    with counter.platform.database.transaction(counter.context) as db:
        session, activity = own_session(db, counter, session_id)
        told = None if scan_id is None else outcome_of(db, counter, scan_id)
        others = [outcome_of(db, counter, one) for one in family]
        view = view if view in receptions.VIEWS else "away"
        lines, problems = _lines(request, db, counter, session, text, view)
    here = told is not None and told.told.attempt.outcome in {"accepted", "already"}
    person_id = told.told.attempt.person_id if told is not None and here else None
    came: list[Companion] = []
    if person_id is not None and told is not None and told.told.attempt.method != "roster":
        people = family_of(counter, person_id)
        if people:
            with counter.platform.database.transaction(counter.context) as db:
                came = not_here_yet(db, counter, session_id, people)
    return show(
        request,
        "counter_session.html",
        status,
        camera=True,
        errors=[*errors, *problems],
        here_url=counter.page(session_id),
        home=counter.home,
        browses=counter.browses,
        label=counter.source.label,
        session=session,
        activity=activity,
        told=told,
        others=[one for one in others if one is not None],
        family=came,
        asked=asked,
        lines=lines,
        text=text,
        view=view,
        signed_in=counter.browses or not counter.home.startswith("/counter"),
    )


def _lines(
    request: Request, db: Session, counter: Counter, session: ActivitySession, text: str, view: str
) -> tuple[list[receptions.Line], list[dict[str, str]]]:
    """C29, C35: the list for whom it is for, else what a search of three characters finds."""
    if text:
        try:
            found = roster.search_roster(
                db,
                actor=counter.actor,
                session=session,
                text=text,
                now=counter.now,
                contacts=counter.home != "/counter",
            )
        except Refused as error:
            return [], field_errors(request, error)
        return receptions.lines(db, session=session, entries=found, view="all"), []
    if not counter.browses:
        return [], []
    entries = roster.roster(db, actor=counter.actor, session=session, now=counter.now)
    return receptions.lines(db, session=session, entries=entries, view=view), []


def _read(request: Request, counter: Counter, session_id: UUID, form: FormDep) -> Response:
    """R19: a card, a phone or a typed number; what it lacks is asked on the same page."""
    code = form.one("code")[:MAX_TEXT]
    if not code:
        problems = field_errors(request, invalid("field_needed", field="code"))
        return show_session(request, counter, session_id, errors=problems, status=_REFUSED)
    leaving = form.one("direction") == "out"
    scan = Scan(
        scan_id=form.id("scan_id"),
        scanned_at=counter.now,
        session_id=session_id,
        code=code,
        direction=Direction.OUT if leaving else Direction.IN,
        name_confirmed=bool(form.one("name_confirmed")),
        walk_in_confirmed=bool(form.one("walk_in_confirmed")),
    )
    with counter.platform.database.transaction(counter.context) as db:
        own_session(db, counter, session_id)
    answer = counter.judge([scan])[0]
    if answer.outcome == "needs_input" and answer.reason in _ASKED:
        with counter.platform.database.transaction(counter.context) as db:
            told = outcome_of(db, counter, scan.scan_id)
        given = {box: True for box in _ASKED.values() if form.one(box)}
        asked = {
            "code": code,
            "reason": answer.reason,
            "name": "" if told is None else told.name,
            "direction": scan.direction.value,
            "boxes": given | {_ASKED[answer.reason]: True},
        }
        return show_session(request, counter, session_id, asked=asked)
    return RedirectResponse(f"{counter.page(session_id)}?scan={answer.scan_id}", status_code=303)


def _vouch(counter: Counter, session_id: UUID, person_id: UUID, form: FormDep) -> Response:
    """R19: somebody is here, say two people one after the other."""
    with counter.platform.database.transaction(counter.context) as db:
        own_session(db, counter, session_id)
    scan = Scan(
        scan_id=form.id("scan_id"),
        scanned_at=counter.now,
        session_id=session_id,
        person_id=person_id,
        method=Method.ROSTER,
    )
    answer = counter.judge([scan])[0]
    return RedirectResponse(f"{counter.page(session_id)}?scan={answer.scan_id}", status_code=303)


def _with_family(counter: Counter, session_id: UUID, form: FormDep) -> Response:
    """One scan, several answers (R18, R19)."""
    with counter.platform.database.transaction(counter.context) as db:
        own_session(db, counter, session_id)
        scan_id = form.id("scan")
        told = outcome_of(db, counter, scan_id)
    attempt = None if told is None else told.told.attempt
    if (
        attempt is None
        or attempt.person_id is None
        or attempt.session_id != session_id
        or attempt.outcome not in {"accepted", "already"}
    ):
        raise NotFound(code="not_found")
    people = family_of(counter, attempt.person_id)
    chosen = [one.person_id for one in people if str(one.person_id) in form.many("people")]
    made = receive_family(counter, session_id, attempt.person_id, chosen)
    where = f"{counter.page(session_id)}?scan={scan_id}" + "".join(f"&with={one}" for one in made)
    return RedirectResponse(where, status_code=303)


def _undo(
    request: Request, counter: Counter, session_id: UUID, check_in_id: UUID, book: BookDep
) -> Response:
    """C7: for some minutes whoever scanned takes it back; later staff do."""
    with counter.platform.database.transaction(counter.context) as db:
        own_session(db, counter, session_id)
        undone = corrections.annul(
            db,
            actor=counter.actor,
            lg_code=counter.lg_code,
            check_in_id=check_in_id,
            reason="undo",
            policy=policy_now(db, book, counter.lg_code, counter.now),
            now=counter.now,
            session_id=session_id,
        )
    if not undone.done:
        problems = field_errors(request, Conflict(code=undone.code))
        return show_session(request, counter, session_id, errors=problems, status=_REFUSED)
    return RedirectResponse(f"{counter.page(session_id)}?view=away#list", status_code=303)


# --- the same doors for both ----------------------------------------------------------------------


@host_router.get("/sessions/{session_id}")
def host_session(
    request: Request,
    counter: HostCounter,
    session_id: UUID,
    text: Search = "",
    view: View = "",
    scan_id: ScanId = None,
    family: Scans = None,
) -> Response:
    """R19: the reception on an organiser's phone."""
    return show_session(
        request,
        counter,
        session_id,
        text=text.strip(),
        view=view,
        scan_id=scan_id,
        family=family or (),
    )


@device_router.get("/sessions/{session_id}")
def device_session(
    request: Request,
    counter: DeviceCounter,
    session_id: UUID,
    text: Search = "",
    scan_id: ScanId = None,
    family: Scans = None,
) -> Response:
    """R19: the reception on an enrolled phone."""
    return show_session(
        request, counter, session_id, text=text.strip(), scan_id=scan_id, family=family or ()
    )


@host_router.post("/sessions/{session_id}/codes")
def host_code(request: Request, counter: HostCounter, session_id: UUID, form: FormDep) -> Response:
    """By card, phone or number."""
    return _read(request, counter, session_id, form)


@device_router.post("/sessions/{session_id}/codes")
def device_code(
    request: Request, counter: DeviceCounter, session_id: UUID, form: FormDep
) -> Response:
    """By card, phone or number."""
    return _read(request, counter, session_id, form)


@host_router.post("/sessions/{session_id}/people/{person_id}")
def host_vouch(counter: HostCounter, session_id: UUID, person_id: UUID, form: FormDep) -> Response:
    """By a name on the list."""
    return _vouch(counter, session_id, person_id, form)


@device_router.post("/sessions/{session_id}/people/{person_id}")
def device_vouch(
    counter: DeviceCounter, session_id: UUID, person_id: UUID, form: FormDep
) -> Response:
    """By a name that was searched for."""
    return _vouch(counter, session_id, person_id, form)


@host_router.post("/sessions/{session_id}/family")
def host_family(counter: HostCounter, session_id: UUID, form: FormDep) -> Response:
    """Who came along."""
    return _with_family(counter, session_id, form)


@device_router.post("/sessions/{session_id}/family")
def device_family(counter: DeviceCounter, session_id: UUID, form: FormDep) -> Response:
    """Who came along."""
    return _with_family(counter, session_id, form)


@host_router.post("/sessions/{session_id}/check-ins/{check_in_id}/undo")
def host_undo(
    request: Request, counter: HostCounter, session_id: UUID, check_in_id: UUID, book: BookDep
) -> Response:
    """Taken back."""
    return _undo(request, counter, session_id, check_in_id, book)


@device_router.post("/sessions/{session_id}/check-ins/{check_in_id}/undo")
def device_undo(
    request: Request, counter: DeviceCounter, session_id: UUID, check_in_id: UUID, book: BookDep
) -> Response:
    """Taken back."""
    return _undo(request, counter, session_id, check_in_id, book)
