"""The first profile: one page, the least that is needed (R03, R18).

Somebody who comes from a poster registers with its town and checks in with the same button.
"""

from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from core.access import Actor
from core.clock import japan_day
from core.errors import Conflict, Invalid, Problem, Refused, invalid
from core.web import Platform, PlatformDep
from mobile.pages.occasions import poster_of
from mobile.pages.reception import receive
from mobile.pages.shell import (
    Form,
    FormDep,
    NextPath,
    again,
    local_path,
    show,
)
from registry import people
from registry.doors import BookDep, PersonActor, as_person
from registry.models import Person
from registry.rules.policy import PolicyBook

router = APIRouter(include_in_schema=False)


def _page(
    request: Request, platform: Platform, book: PolicyBook, back_to: str, typed: dict[str, str]
) -> dict[str, Any]:
    today = japan_day(platform.clock.now())
    poster = poster_of(request, platform, back_to)
    return {
        "signed_in": False,  # there is nothing to go to yet
        "back_to": back_to,
        "place": None if poster is None else poster[2],
        "scan_id": "" if poster is None else poster[1],
        "typed": typed,
        "adult_age": book.on("minor.age", today).value,
        "managed_under": book.on("minor.managed_under", today).value,
    }


@router.get("/welcome")
def first_profile(
    request: Request,
    actor: PersonActor,
    platform: PlatformDep,
    book: BookDep,
    wanted: NextPath = "/",
) -> Response:
    """What to call you, and the year of birth."""
    back_to = local_path(wanted)
    with platform.database.transaction(as_person(actor)) as db:
        if db.get(Person, actor.person_id) is not None:
            return RedirectResponse(back_to, status_code=303)
    page = _page(
        request, platform, book, back_to, {"nickname": "", "birth_year": "", "consent": ""}
    )
    return show(request, "welcome.html", **page)


@router.post("/welcome")
def begin(
    request: Request, form: FormDep, actor: PersonActor, platform: PlatformDep, book: BookDep
) -> Response:
    """Keep the profile; from a poster, register and check in as well."""
    back_to = form.back_to
    typed = {name: form.one(name) for name in ("nickname", "birth_year", "consent")}
    try:
        profile = _profile(form)
        _create(platform, book, actor, profile)
    except (Invalid, Refused) as error:
        page = _page(request, platform, book, back_to, typed)
        return again(request, "welcome.html", error, **page)
    poster = poster_of(request, platform, back_to)
    if poster is not None and form.one("scan_id"):
        return receive(request, platform, book, actor, code=poster[0], form=form)
    return RedirectResponse(back_to, status_code=303)


def _profile(form: Form) -> people.Profile:
    """The profile that was typed.

    Raises:
        Invalid: Every field that is missing; a form filled by a machine (R03).
    """
    if form.one("website"):
        raise invalid("validation", field="website")
    problems: list[Problem] = []
    if not form.one("nickname"):
        problems.append(Problem(code="nickname_needed", field="nickname"))
    year = 0
    try:
        year = form.year("birth_year")
    except Invalid as error:
        problems.extend(error.problems)
    if form.one("consent") != "yes":
        problems.append(Problem(code="consent_needed", field="consent"))
    if problems:
        raise Invalid(code=problems[0].code, problems=problems)
    return people.Profile(nickname=form.one("nickname"), birth_year=year)


def _create(platform: Platform, book: PolicyBook, actor: Actor, profile: people.Profile) -> None:
    """Make the profile; a second press finds it made."""

    def work(db: Session) -> None:
        people.create_profile(db, actor=actor, profile=profile, now=platform.clock.now(), book=book)

    try:
        platform.database.run(as_person(actor), work)
    except Conflict as error:
        if error.code != "profile_exists":
            raise
