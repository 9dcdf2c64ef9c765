"""お知らせ: unread first, with one-tap keep and restore. Reading a page changes nothing (R06)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query, Request
from sqlalchemy import select, update
from sqlalchemy.orm import Session
from starlette.responses import Response

from activities import paging
from core.access import Actor
from core.clock import japan_day
from core.models import Notice
from core.web import PlatformDep, platform_of
from mobile.pages.shell import FormDep, Registrant, act_as_person, show
from registry.doors import BookDep, as_person
from registry.models import Registration
from registry.notices import digest_hour, list_notices, read_notice
from registry.queries import direct_released

router = APIRouter(include_in_schema=False)

_PAGE: Final = 20
#: Where to go from what is about no town.
_WITHOUT_TOWN: Final = {
    "new_device": "/me/devices",
    "passkey_added": "/me/devices",
    "passkey_blocked": "/me/devices",
    "export_ready": "/me/data",
}


@dataclass(frozen=True, slots=True)
class Letter:
    """A notice in words, with what can be done about it.

    `act` is `keep` or `restore` where one tap helps, `href` where a page does.
    """

    id: UUID
    title: str
    body: str
    at: datetime
    read: bool
    lg_code: str | None
    act: str = ""
    href: str = ""


def letters(
    request: Request,
    db: Session,
    actor: Actor,
    *,
    unread: bool = False,
    limit: int = _PAGE,
    after: tuple[datetime, UUID] | None = None,
) -> list[Letter]:
    """A person's notices in the language of the request, newest first."""
    rows = list_notices(db, person_id=actor.person_id, unread=unread, limit=limit, after=after)
    codes = {row.lg_code for row in rows if row.lg_code}
    found = db.execute(
        select(Registration).where(
            Registration.person_id == actor.person_id, Registration.lg_code.in_(codes)
        )
    )
    states = {
        row.lg_code: "released_dormant" if direct_released(row) else row.status
        for row in found.scalars()
    }
    return [_letter(request, row, states.get(row.lg_code or "")) for row in rows]


def _letter(request: Request, row: Notice, status: str | None) -> Letter:
    platform = platform_of(request)
    title, body = platform.texts.notice_text(platform.phone.language(request), row.kind, row.facts)
    return Letter(
        id=row.id,
        title=title,
        body=body,
        at=row.created_at,
        read=row.read_at is not None,
        lg_code=row.lg_code,
        act=_act(row, status),
        href=_href(row),
    )


def _act(row: Notice, status: str | None) -> str:
    """R06: what one tap can do, as things stand now and not as they stood when it was sent."""
    if not row.kind.startswith("dormancy_"):
        return ""
    return {"active": "keep", "released_dormant": "restore"}.get(status or "", "")


def _href(row: Notice) -> str:
    """The page that a notice is about."""
    code, activity = row.lg_code, row.facts.get("activity_id")
    if row.kind.startswith("identity"):
        return "/me/identity"
    if code is None:
        return _WITHOUT_TOWN.get(row.kind, "")
    if activity:
        return f"/activities/{code}/{activity}"
    if row.kind == "survey_reminder":
        return f"/towns/{code}/survey"
    if row.kind.startswith(("premium", "renewal", "application", "place_freed", "requirement")):
        return f"/me/premium/{code}"
    return f"/towns/{code}"


@router.get("/notices")
def notices(
    request: Request,
    actor: Registrant,
    platform: PlatformDep,
    book: BookDep,
    after: Annotated[str, Query()] = "",
) -> Response:
    """Unread ones first on the first page, then by time."""
    with platform.database.transaction(as_person(actor)) as db:
        found = letters(request, db, actor, limit=_PAGE + 1, after=paging.after(after or None))
        digest = digest_hour(
            db,
            person_id=actor.person_id,
            today=japan_day(platform.clock.now()),
            book=book,
        )
    shown, last = paging.page(found, _PAGE)
    return show(
        request,
        "notices.html",
        letters=sorted(shown, key=lambda one: one.read),
        older=f"/notices?after={paging.cursor(last.at, last.id)}" if last else None,
        newer="/notices" if after else None,
        digest=digest,
    )


@router.post("/notices/read")
def read_all(request: Request, form: FormDep, actor: Registrant, platform: PlatformDep) -> Response:
    """Mark every notice read."""
    now = platform.clock.now()

    def work(db: Session) -> None:
        db.execute(
            update(Notice)
            .where(Notice.person_id == actor.person_id, Notice.read_at.is_(None))
            .values(read_at=now)
        )

    return act_as_person(request, form, actor, work, "/notices")


@router.post("/notices/{notice_id}/read")
def read_one(
    request: Request, notice_id: UUID, form: FormDep, actor: Registrant, platform: PlatformDep
) -> Response:
    """Mark one notice read."""
    now = platform.clock.now()

    def work(db: Session) -> None:
        read_notice(db, actor=actor, notice_id=notice_id, now=now)

    return act_as_person(request, form, actor, work, "/notices")
