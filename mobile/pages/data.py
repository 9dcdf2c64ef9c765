"""わたしのデータ: taking one's data along, and closing the account (R25, R32)."""

from dataclasses import replace
from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from activities.search import own_sign_ups
from core.access import FRESH, Actor
from core.clock import japan_day
from core.errors import Refused, SignInNeeded, TooMany, invalid
from core.web import Platform, PlatformDep, clear_session
from mobile import exports
from mobile.api_exports import ExportOut, file_answer, make_if_small
from mobile.pages.occasions import town_name
from mobile.pages.shell import FormDep, Registrant, act_as_person, again, show
from registry import closing, families
from registry.api_closing import wards_at
from registry.doors import BookDep, as_person
from registry.overview import held_by
from registry.parting import Ward
from registry.rules.policy import PolicyBook
from registry.signing_in import leave_the_gate

public_router = APIRouter(include_in_schema=False)
router = APIRouter(include_in_schema=False)

_MANY = 100


def _prove(actor: Actor, platform: Platform, back_to: str) -> RedirectResponse | None:
    """Where one proves oneself again, when that is too long ago (d-11)."""
    try:
        actor.require_fresh(within=FRESH, now=platform.clock.now())
    except SignInNeeded:
        return RedirectResponse(f"/signin/again?next={back_to}", status_code=303)
    return None


# --- taking it along ------------------------------------------------------------------------------


def _page(platform: Platform, actor: Actor) -> dict[str, Any]:
    with platform.database.transaction(as_person(actor)) as db:
        rows = exports.own_exports(db, actor=actor, now=platform.clock.now())
        return {"exports": [ExportOut.of(row) for row in rows], "most": exports.MOST}


@router.get("/me/data")
def data(request: Request, actor: Registrant, platform: PlatformDep) -> Response:
    """What there is to take, and how to ask for it."""
    return show(request, "data.html", **_page(platform, actor))


@router.post("/me/data")
def ask(request: Request, form: FormDep, actor: Registrant, platform: PlatformDep) -> Response:
    """Ask for a copy; a small one is made at once."""
    if (elsewhere := _prove(actor, platform, "/me/data")) is not None:
        return elsewhere
    asked: list[ExportOut] = []

    def work(db: Session) -> None:
        asked[:] = [ExportOut.of(exports.ask(db, actor=actor, now=platform.clock.now()))]

    try:
        response = act_as_person(request, form, actor, work, "/me/data")
    except TooMany as error:
        return again(request, "data.html", error, **_page(platform, actor))
    make_if_small(platform, actor, next(iter(asked), None))
    return response


@router.get("/me/data/{export_id}/{kind}")
def take(
    export_id: UUID, kind: Literal["json", "pdf"], actor: Registrant, platform: PlatformDep
) -> Response:
    """Save one of the two files."""
    return file_answer(platform, actor, export_id, kind)


# --- closing --------------------------------------------------------------------------------------


def _name(platform: Platform, actor: Actor, ward: Ward) -> str:
    return families.name_of(platform, replace(actor, behalf_of=ward.person_id))


def _close_page(platform: Platform, actor: Actor, book: PolicyBook) -> dict[str, Any]:
    """What would end."""
    now = platform.clock.now()
    with platform.database.transaction(as_person(actor)) as db:
        held = held_by(db, person_id=actor.person_id, today=japan_day(now), book=book)
        living = [one for one in held if one.row.status == "active"]
        planned = own_sign_ups(db, person_id=actor.person_id, limit=_MANY, since=now)
    wards = wards_at(platform, actor.person_id)
    return {
        "children": [
            (f"/family/{one.tie_id}", _name(platform, actor, one)) for one in wards if one.alone
        ],
        "others": [_name(platform, actor, one) for one in wards if not one.alone],
        "towns": [town_name(one.government) for one in living],
        "premium": [town_name(one.government) for one in living if one.row.tier == "premium"],
        "planned": sum(one.sign_up.state in {"taken", "offered", "waiting"} for one in planned),
        "years": book.on("retention.record_years", japan_day(now)).value,
    }


@router.get("/me/close")
def ask_to_close(
    request: Request, actor: Registrant, platform: PlatformDep, book: BookDep
) -> Response:
    """R32: what ends, what stays, and how to come back."""
    if (elsewhere := _prove(actor, platform, "/me/close")) is not None:
        return elsewhere
    return show(request, "close.html", **_close_page(platform, actor, book))


@router.post("/me/close")
def close(
    request: Request, form: FormDep, actor: Registrant, platform: PlatformDep, book: BookDep
) -> Response:
    """R32: close the account; what took place stays with the local governments (R25)."""
    if (elsewhere := _prove(actor, platform, "/me/close")) is not None:
        return elsewhere
    if form.one("sure") != "yes":
        error = invalid("closing_unconfirmed", field="sure")
        return again(request, "close.html", error, **_close_page(platform, actor, book))
    now, wards = platform.clock.now(), wards_at(platform, actor.person_id)

    def work(db: Session) -> object:
        return closing.close_own_account(db, actor=actor, now=now, book=book, wards=wards)

    try:
        response = act_as_person(request, form, actor, work, "/closed")
    except Refused as error:
        return again(request, "close.html", error, **_close_page(platform, actor, book))
    leave_the_gate(platform, actor.person_id, now=now)
    clear_session(response, platform.settings)
    return response


@public_router.get("/closed")
def closed(request: Request) -> Response:
    """A word of thanks."""
    return show(request, "closed.html")
