"""受付: one session at the counter. By list, by code, by the second look a poster needs (R19)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.datastructures import UploadFile

from activities import corrections, receptions, roster
from activities.api_uploads import take_in
from activities.exits import forgotten_exits, say_left
from activities.models import Activity, ActivitySession, ScanAttempt
from activities.presence import Presence, run, source_for
from activities.queries import session_of
from activities.refusals import policy_now
from activities.rules.checkin import Direction, Method, SecondFactor
from activities.scans import Answer, Scan
from admin import waiting
from admin.desk import ClerkDesk, Desk, Done, Problems, ViewerDesk, not_oneself, problems_of
from admin.forms import Form, FormDep
from core.clock import japan_day
from core.errors import Invalid, NotFound, Refused, invalid
from core.shortcode import grouped
from core.web import limit_search
from registry import members
from registry.models import Registration

router = APIRouter(include_in_schema=False)
SESSION = "/staff/{lg_code}/sessions/{session_id}"
#: Registrants who did not sign up, shown at most by one search (C29).
MAX_FOUND = 20
Search = Annotated[str, Query(alias="q", max_length=80)]
ScanId = Annotated[UUID | None, Query(alias="scan")]
View = Annotated[str, Query(max_length=10)]


@dataclass(frozen=True, slots=True)
class Asked:
    """A scan that needs an answer at the counter before it is accepted."""

    code: str
    reason: str
    name: str
    name_confirmed: bool
    walk_in_confirmed: bool


def show(
    desk: Desk,
    session_id: UUID,
    *,
    text: str = "",
    view: str = "",
    scan_id: UUID | None = None,
    asked: Asked | None = None,
    errors: Problems = (),
    status: int = 200,
    done: str = "",
) -> Response:
    """The counter's page of one session."""
    with desk.transaction() as db:
        session = session_of(db, desk.lg_code, session_id)
        activity = db.get_one(Activity, (desk.lg_code, session.activity_id))
        # Who reads codes one after the other does not look at the whole list each time (C48).
        listed = bool(text or view) or scan_id is None
        view = view if view in receptions.VIEWS else "all"
        found, others, problems = _found(desk, db, session, text) if listed else ([], [], ())
        told = None
        if scan_id is not None:
            told = receptions.told(
                db, lg_code=desk.lg_code, source=desk.actor.label, scan_id=scan_id
            )
        return desk.render(
            db,
            "reception.html",
            here="activities",
            status=status,
            errors=[*errors, *problems],
            done=done,
            session=session,
            activity=activity,
            listed=listed,
            lines=receptions.lines(db, session=session, entries=found, view=view),
            others=others,
            text=text,
            view=view,
            told=told,
            asked=asked,
            scans=waiting.unsettled_scans(
                db, lg_code=desk.lg_code, now=desk.now, session_id=session_id
            ),
            label=desk.actor.label,
            forgotten=forgotten_exits(
                db, actor=desk.actor, lg_code=desk.lg_code, now=desk.now, session_id=session_id
            ),
            poster_code=grouped(session.poster_code),
        )


def _found(
    desk: Desk, db: Session, session: ActivitySession, text: str
) -> tuple[list[roster.RosterEntry], list[Registration], Problems]:
    """The list or what a search finds in it, and registrants who did not sign up (C29)."""
    if not text:
        return roster.roster(db, actor=desk.actor, session=session, now=desk.now), [], ()
    limit_search(desk.platform, desk.actor)
    try:
        found = roster.search_roster(db, actor=desk.actor, session=session, text=text, now=desk.now)
    except Refused as error:
        return [], [], problems_of(desk.request, error)
    expected = {one.person_id for one in found}
    rows = members.list_members(
        db,
        actor=desk.actor,
        lg_code=desk.lg_code,
        now=desk.now,
        text=text,
        limit=MAX_FOUND,
    )
    return found, [row for row in rows if row.person_id not in expected], ()


@router.get(SESSION)
def counter(
    desk: ViewerDesk,
    session_id: UUID,
    text: Search = "",
    view: View = "",
    scan_id: ScanId = None,
    done: Done = "",
) -> Response:
    """R19: one list with a search, one field for codes, one button a name."""
    return show(desk, session_id, text=text.strip(), view=view, scan_id=scan_id, done=done)


# --- check-in -------------------------------------------------------------------------------------


@router.post(SESSION + "/codes")
def read_code(desk: ClerkDesk, session_id: UUID, form: FormDep) -> Response:
    """R19: a card, a phone or a typed number, as a keyboard scanner sends it."""
    code = form.one("code", most=2048)
    if not code:
        problem = problems_of(desk.request, invalid("field_needed", field="code"))
        return show(desk, session_id, errors=problem, status=422)
    scan = Scan(
        scan_id=form.id("_key"),
        scanned_at=desk.now,
        session_id=session_id,
        code=code,
        name_confirmed=form.flag("name_confirmed"),
        walk_in_confirmed=form.flag("walk_in_confirmed"),
    )
    answer = _judge(desk, session_id, scan)
    if answer.outcome == "needs_input" and answer.reason in {"confirm_name", "confirm_walk_in"}:
        return show(desk, session_id, asked=_asked(desk, scan, answer))
    return _to_answer(desk, session_id, answer)


@router.post(SESSION + "/people/{person_id}")
def vouch(desk: ClerkDesk, session_id: UUID, person_id: UUID, form: FormDep) -> Response:
    """R19: somebody without card or phone is here, say two people one after the other."""
    scan = Scan(
        scan_id=form.id("_key"),
        scanned_at=desk.now,
        session_id=session_id,
        person_id=person_id,
        method=Method.ROSTER,
        walk_in_confirmed=form.flag("walk_in"),
    )
    return _to_answer(desk, session_id, _judge(desk, session_id, scan), form=form)


@router.post(SESSION + "/scans/{scan_id}/confirm")
def confirm(desk: ClerkDesk, session_id: UUID, scan_id: UUID, form: FormDep) -> Response:
    """R19: the second look that a poster's code needs; it counts from when it was scanned."""
    with desk.transaction() as db:
        given = db.scalars(
            select(ScanAttempt).where(
                ScanAttempt.lg_code == desk.lg_code,
                ScanAttempt.session_id == session_id,
                ScanAttempt.scan_id == scan_id,
                ScanAttempt.method == Method.POSTER.value,
            )
        ).first()
    if given is None or given.person_id is None:
        raise NotFound(code="not_found")
    scanned = given.person_id
    not_oneself(desk, lambda _: scanned)
    scan = Scan(
        scan_id=form.id("_key"),
        scanned_at=_when(given, desk.now),
        session_id=session_id,
        person_id=given.person_id,
        method=Method.POSTER,
        direction=Direction(given.direction),
        second_factors=(SecondFactor.STAFF_TAP,),
    )
    answer = _judge(desk, session_id, scan)
    if form.one("back") == "today" and answer.outcome == "accepted":
        return RedirectResponse(f"{desk.home}?done=checked_in", status_code=303)
    return _to_answer(desk, session_id, answer)


def _when(given: ScanAttempt, now: datetime) -> datetime:
    return min(given.scanned_at, now)


def _judge(desk: Desk, session_id: UUID, scan: Scan) -> Answer:
    with desk.transaction() as db:
        session_of(db, desk.lg_code, session_id)
    presence: Presence = desk.request.app.state.presence
    answers = run(
        desk.platform.database,
        desk.context,
        presence,
        scans=[scan],
        source=source_for(desk.actor),
        now=desk.now,
    )
    return answers[0]


def _asked(desk: Desk, scan: Scan, answer: Answer) -> Asked:
    with desk.transaction() as db:
        told = receptions.told(
            db, lg_code=desk.lg_code, source=desk.actor.label, scan_id=scan.scan_id
        )
    someone = None if told is None else told.registration
    return Asked(
        code=scan.code or "",
        reason=answer.reason,
        name="" if someone is None else someone.display_name,
        name_confirmed=scan.name_confirmed or answer.reason == "confirm_name",
        walk_in_confirmed=scan.walk_in_confirmed or answer.reason == "confirm_walk_in",
    )


def _to_answer(
    desk: Desk, session_id: UUID, answer: Answer, *, form: Form | None = None
) -> Response:
    view = form.one("view") if form is not None else ""
    where = f"{desk.home}/sessions/{session_id}?scan={answer.scan_id}"
    if view in receptions.VIEWS:
        where += f"&view={view}"
    return RedirectResponse(where, status_code=303)


@router.post(SESSION + "/check-ins/{check_in_id}/annul")
def annul(desk: ClerkDesk, session_id: UUID, check_in_id: UUID, form: FormDep) -> Response:
    """C7: staff undo with a reason; nothing is deleted."""

    def work(db: Session) -> str:
        session_of(db, desk.lg_code, session_id)
        corrections.annul(
            db,
            actor=desk.actor,
            lg_code=desk.lg_code,
            check_in_id=check_in_id,
            reason=form.needed("reason", most=200),
            policy=policy_now(db, desk.book, desk.lg_code, desk.now),
            now=desk.now,
            session_id=session_id,
        )
        return f"{desk.home}/sessions/{session_id}?done=annulled"

    return desk.act(
        form,
        work,
        lambda errors, status: show(desk, session_id, errors=errors, status=status),
    )


@router.post(SESSION + "/check-ins/{check_in_id}/leaving")
def leave(desk: ClerkDesk, session_id: UUID, check_in_id: UUID, form: FormDep) -> Response:
    """C31: when somebody left who forgot to check out; a time of the night is the second day's."""

    def work(db: Session) -> str:
        session = session_of(db, desk.lg_code, session_id)
        left_at = form.moment(japan_day(session.starts_at), "left")
        if left_at < session.starts_at and japan_day(session.ends_at) > japan_day(left_at):
            left_at = form.moment(japan_day(session.ends_at), "left")
        say_left(
            db,
            actor=desk.actor,
            lg_code=desk.lg_code,
            check_in_id=check_in_id,
            left_at=left_at,
            now=desk.now,
            session_id=session_id,
        )
        return f"{desk.home}/sessions/{session_id}?done=left"

    return desk.act(
        form,
        work,
        lambda errors, status: show(desk, session_id, errors=errors, status=status),
    )


# --- a device's file ------------------------------------------------------------------------------


async def _read_file(request: Request) -> bytes:
    """The file of the form; empty when there is none, or one that was too large to be read."""
    if request.scope["state"].get("body_too_large"):
        return b""
    async with request.form() as form:
        sent = form.get("file")
        return await sent.read() if isinstance(sent, UploadFile) else b""


@router.post(SESSION + "/device-file")
def take_file(
    desk: ClerkDesk,
    session_id: UUID,
    request: Request,
    content: Annotated[bytes, Depends(_read_file)],
) -> Response:
    """C25: a phone that found no signal for days; its scans count as if it had sent them."""
    try:
        take_in(request, desk.platform, desk.actor, desk.lg_code, content)
    except Invalid as error:
        problems = problems_of(desk.request, error)
        return show(desk, session_id, errors=problems, status=422)
    return RedirectResponse(f"{desk.home}/sessions/{session_id}?done=file_taken", status_code=303)
