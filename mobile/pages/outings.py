"""活動: finding one, its sessions, taking and giving back a place (C33, C34, R18, R31)."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query, Request
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.responses import Response

from activities import paging, signup
from activities.api_activities import reader_context, reads_as_minor
from activities.categories import LABELS
from activities.models import ActivitySession, SignUp
from activities.search import ActivityQuery, activity_detail, find_activities
from activities.sites import features_of
from core.access import Actor
from core.clock import japan_day
from core.errors import Conflict, Gone, Refused
from core.web import Platform, PlatformDep
from mobile.kin import kin_of, sign_ups_of
from mobile.pages.occasions import town_name
from mobile.pages.seats import Seat, next_seats, own_sign_ups
from mobile.pages.shell import (
    FormDep,
    Registrant,
    VisitorDep,
    act,
    plain_problems,
    show,
)
from registry import registration
from registry.doors import BookDep, LgCode, as_body, as_person
from registry.models import LocalGovernment, Registration
from registry.overview import held_by
from registry.rules.policy import PolicyBook

public_router = APIRouter(include_in_schema=False)
router = APIRouter(include_in_schema=False)

_PAGE: Final = 20
_REFUSED: Final = 409
_EARLIEST, _LATEST = date(2020, 1, 1), date(2100, 12, 31)
CodeQuery = Annotated[str, Query(pattern=r"^(\d{6})?$")]


def day_of(text: str) -> date | None:
    """A day as a field sends it; none for anything that is no day of this century."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if _EARLIEST <= found <= _LATEST else None


@public_router.get("/activities")
def activities(
    request: Request,
    visitor: VisitorDep,
    platform: PlatformDep,
    book: BookDep,
    town: CodeQuery = "",
    prefecture: CodeQuery = "",
    day: Annotated[str, Query(max_length=10)] = "",
    category: Annotated[str, Query(max_length=40)] = "",
    free: Annotated[str, Query(max_length=3)] = "",
    beginners: Annotated[str, Query(max_length=3)] = "",
    after: Annotated[str, Query(max_length=400)] = "",
) -> Response:
    """Activities with sessions to come, the next one first; minors see no late nights (R18)."""
    now = platform.clock.now()
    today, first = japan_day(now), day_of(day)
    with platform.database.transaction(reader_context(visitor.actor)) as db:
        query = ActivityQuery(
            lg_code=town or None,
            prefecture_code=prefecture or None,
            first_day=first,
            category=category if category in LABELS else None,
            free_only=free == "yes",
            beginners=beginners == "yes",
            for_minor=reads_as_minor(db, visitor.actor, today),
        )
        rows = find_activities(
            db, query=query, now=now, limit=_PAGE + 1, after=paging.after(after or None)
        )
        held = [] if visitor.person is None else _towns_of(db, visitor.actor, today, book)
        seats = next_seats(db, visitor, rows[:_PAGE], {code for code, _ in held})
        chosen = db.get(LocalGovernment, town) if town else None
        if chosen is not None and town not in dict(held):
            held.append((town, town_name(chosen)))
    shown, last = paging.page(rows, _PAGE)
    older = None
    if last is not None and last.next_at is not None:
        same = {"town": town, "prefecture": prefecture, "day": day, "category": category}
        at = paging.cursor(last.next_at, last.activity.id)
        older = "/activities?" + urlencode(
            same | {"free": free, "beginners": beginners, "after": at}
        )
    return show(
        request,
        "activities.html",
        found=shown,
        seats=seats,
        older=older,
        towns=held,
        town=town,
        day=first.isoformat() if first else "",
        category=category,
        free=free == "yes",
        beginners=beginners == "yes",
        categories=LABELS,
        narrowed=bool(town or first or category or free or beginners or prefecture),
    )


def _towns_of(db: Session, actor: Actor, today: date, book: PolicyBook) -> list[tuple[str, str]]:
    held = held_by(db, person_id=actor.person_id, today=today, book=book)
    return [
        (one.row.lg_code, town_name(one.government)) for one in held if one.row.status == "active"
    ]


@public_router.get("/activities/{lg_code}/{activity_id}")
def activity(
    request: Request,
    lg_code: LgCode,
    activity_id: UUID,
    visitor: VisitorDep,
    platform: PlatformDep,
    touches: Annotated[str, Query(max_length=400)] = "",
) -> Response:
    """What people do there, what to bring, whom to call, and when."""
    now = platform.clock.now()
    with platform.database.transaction(reader_context(visitor.actor)) as db:
        detail = activity_detail(
            db,
            lg_code=lg_code,
            activity_id=activity_id,
            now=now,
            for_minor=reads_as_minor(db, visitor.actor, japan_day(now)),
        )
        mine: dict[UUID, SignUp] = {}
        registered, touched = False, list[str]()
        if visitor.person is not None:
            busy = signup.engagements(db, person_id=visitor.actor.person_id, now=now)
            touched = [one.title for one in busy if str(one.session_id) in touches]
            mine = own_sign_ups(db, visitor.actor, lg_code, detail.sessions)
            registered = _registered(db, visitor.actor, lg_code)
        government = db.get_one(LocalGovernment, lg_code)
    kin = [] if visitor.person is None else kin_of(platform, visitor.actor)
    ids = [one.id for one in detail.sessions]
    return show(
        request,
        "activity.html",
        activity=detail.found.activity,
        organisation=detail.found.organisation,
        town=town_name(government),
        category=LABELS.get(detail.found.activity.category, detail.found.activity.category),
        site=features_of(detail.found.activity),
        seats=[Seat(one, mine.get(one.id)) for one in detail.sessions],
        now=now,
        known=visitor.person is not None,
        registered=registered,
        touches="、".join(sorted(set(touched))),
        map_of=_map_of,
        kin=[(one, sign_ups_of(platform, one, lg_code, ids)) for one in kin],
    )


def _map_of(town: str, place: str) -> str:
    """Where a map shows a place; only the place is told, and only when somebody presses the link."""
    return "https://www.openstreetmap.org/search?" + urlencode({"query": f"{town} {place}"})


def _registered(db: Session, actor: Actor, lg_code: str) -> bool:
    status = db.scalar(
        select(Registration.status).where(
            Registration.lg_code == lg_code, Registration.person_id == actor.person_id
        )
    )
    return status == "active"


# --- a place --------------------------------------------------------------------------------------


def _page_of(lg_code: str, session: ActivitySession) -> str:
    return f"/activities/{lg_code}/{session.activity_id}"


def _after_signing(
    lg_code: str, signed: signup.Signed, elsewhere: Sequence[signup.Engagement]
) -> str:
    """Back to the activity, with the sessions it touches a little (C34)."""
    page = _page_of(lg_code, signed.session)
    ids = [str(one.session_id) for one in elsewhere if one.title in signed.touches]
    return f"{page}?touches={','.join(ids)}" if ids else page


@router.post("/sign-ups/{lg_code}/{session_id}")
def sign_up(
    request: Request,
    lg_code: LgCode,
    session_id: UUID,
    form: FormDep,
    actor: Registrant,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """Take a place, or wait for one; a basic registration is made on the way."""
    now = platform.clock.now()

    def work(db: Session) -> signup.Signed:
        return signup.sign_up(
            db,
            actor=actor,
            lg_code=lg_code,
            session_id=session_id,
            insurance_proof=form.one("insurance_proof") == "yes",
            elsewhere=elsewhere,
            book=book,
            now=now,
        )

    try:
        with platform.database.transaction(as_person(actor)) as db:
            elsewhere = signup.engagements(db, person_id=actor.person_id, now=now)
            if not _registered(db, actor, lg_code):
                registration.register(db, actor=actor, lg_code=lg_code, now=now, book=book)
        return act(
            request,
            form,
            as_body(actor, lg_code),
            actor,
            work,
            lambda signed: _after_signing(lg_code, signed, elsewhere),
        )
    except (Refused, Conflict) as error:
        return _refused(request, platform, lg_code, session_id, actor, error)


@router.post("/sign-ups/{lg_code}/{session_id}/accept")
def accept(
    request: Request,
    lg_code: LgCode,
    session_id: UUID,
    form: FormDep,
    actor: Registrant,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """Take the place that was offered, while the offer holds."""
    now = platform.clock.now()
    with platform.database.transaction(as_person(actor)) as db:
        elsewhere = signup.engagements(db, person_id=actor.person_id, now=now)

    def work(db: Session) -> signup.Signed:
        return signup.accept_offer(
            db,
            actor=actor,
            lg_code=lg_code,
            session_id=session_id,
            elsewhere=elsewhere,
            book=book,
            now=now,
        )

    try:
        return act(
            request,
            form,
            as_body(actor, lg_code),
            actor,
            work,
            lambda signed: _after_signing(lg_code, signed, elsewhere),
        )
    except (Refused, Gone) as error:
        return _refused(request, platform, lg_code, session_id, actor, error)


@router.post("/sign-ups/{lg_code}/{session_id}/cancel")
def cancel(
    request: Request,
    lg_code: LgCode,
    session_id: UUID,
    form: FormDep,
    actor: Registrant,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """Give the place back; who waits longest is asked at once."""
    now = platform.clock.now()

    def work(db: Session) -> signup.Signed:
        return signup.cancel_sign_up(
            db, actor=actor, lg_code=lg_code, session_id=session_id, book=book, now=now
        )

    return act(
        request,
        form,
        as_body(actor, lg_code),
        actor,
        work,
        lambda signed: _page_of(lg_code, signed.session),
    )


def _refused(
    request: Request,
    platform: Platform,
    lg_code: str,
    session_id: UUID,
    actor: Actor,
    error: Refused | Conflict | Gone,
) -> Response:
    with platform.database.transaction(as_person(actor)) as db:
        session = db.get(ActivitySession, (lg_code, session_id))
        name = town_name(db.get_one(LocalGovernment, lg_code))
        back = "/activities" if session is None else _page_of(lg_code, session)
    return show(
        request,
        "refused.html",
        _REFUSED,
        title=name,
        town="",
        lg_code=lg_code,
        reasons=plain_problems(error),
        back_href=back,
    )
