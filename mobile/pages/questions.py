"""まちへの質問: ask where one is registered, and read the answer (R06)."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from core.access import Actor
from core.clock import japan_day
from core.errors import Conflict, Invalid, Refused
from core.web import Platform, PlatformDep
from mobile.pages.occasions import town_name
from mobile.pages.shell import PUBLIC, FormDep, Registrant, act_as_person, again, show
from registry import queries, questions
from registry.doors import BookDep, LgCode, as_person
from registry.overview import held_by
from registry.rules.policy import PolicyBook

router = APIRouter(include_in_schema=False)
PATH = "/towns/{lg_code}/questions"


def _page(platform: Platform, actor: Actor, lg_code: str, book: PolicyBook) -> dict[str, Any]:
    with platform.database.transaction(PUBLIC) as db:
        name = town_name(queries.government(db, lg_code))
    with platform.database.transaction(as_person(actor)) as db:
        held = held_by(
            db,
            person_id=actor.person_id,
            today=japan_day(platform.clock.now()),
            book=book,
            lg_code=lg_code,
        )
        return {
            "code": lg_code,
            "name": name,
            "active": any(one.row.status == "active" for one in held),
            "rows": questions.own(db, actor=actor, lg_code=lg_code),
            "most": questions.MOST_TEXT,
            "a_day": questions.MOST_A_DAY,
            "days": questions.ANSWER_DAYS,
        }


@router.get(PATH)
def own_questions(
    request: Request, lg_code: LgCode, actor: Registrant, platform: PlatformDep, book: BookDep
) -> Response:
    """What one asked, what was answered, and the form."""
    page = _page(platform, actor, lg_code, book)
    if not page["active"] and not page["rows"]:
        return RedirectResponse(f"/towns/{lg_code}", status_code=303)
    return show(request, "questions.html", text="", **page)


@router.post(PATH)
def ask(
    request: Request,
    lg_code: LgCode,
    form: FormDep,
    actor: Registrant,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """Ask; three a day."""
    typed = form.one("text")

    def work(db: Session) -> None:
        questions.ask(
            db,
            actor=actor,
            lg_code=lg_code,
            text=form.text("text", most=questions.MOST_TEXT, needed=True),
            now=platform.clock.now(),
            book=book,
        )

    then = f"/towns/{lg_code}/questions?done=asked"
    try:
        return act_as_person(request, form, actor, work, then)
    except (Invalid, Refused, Conflict) as error:
        page = _page(platform, actor, lg_code, book)
        return again(request, "questions.html", error, text=typed, **page)


@router.post(PATH + "/{question_id}/close")
def close(
    request: Request,
    lg_code: LgCode,
    question_id: UUID,
    form: FormDep,
    actor: Registrant,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """No answer is needed any more."""

    def work(db: Session) -> None:
        questions.close(
            db, actor=actor, lg_code=lg_code, question_id=question_id, now=platform.clock.now()
        )

    then = f"/towns/{lg_code}/questions?done=closed"
    try:
        return act_as_person(request, form, actor, work, then)
    except Conflict as error:
        page = _page(platform, actor, lg_code, book)
        return again(request, "questions.html", error, text="", **page)
