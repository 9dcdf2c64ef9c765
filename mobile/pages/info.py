"""Short honest pages, the language switch, and the page of all components outside production."""

from datetime import date

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from core.errors import NotFound
from core.pages import language_response
from core.settings import Environment
from core.texts import language
from core.web import PlatformDep
from mobile.pages.shell import FormDep, VisitorDep, show, visitor
from registry import people
from registry.doors import BookDep, as_person

router = APIRouter(include_in_schema=False)


@router.get("/help", dependencies=[Depends(visitor)])
def help_page(request: Request) -> Response:
    """こまったとき."""
    return show(request, "help.html")


@router.get("/about", dependencies=[Depends(visitor)])
def about(request: Request) -> Response:
    """What this is, and what it is not."""
    return show(request, "about.html")


@router.get("/privacy", dependencies=[Depends(visitor)])
def privacy(request: Request) -> Response:
    """What is kept, who sees it, for how long (R25)."""
    return show(request, "privacy.html")


@router.get("/accessibility", dependencies=[Depends(visitor)])
def accessibility(request: Request) -> Response:
    """How easy to use this is meant to be, and what is not known yet."""
    return show(request, "accessibility.html")


@router.post("/language")
def switch_language(
    form: FormDep, who: VisitorDep, platform: PlatformDep, book: BookDep
) -> Response:
    """Keep the choice in this browser, and for the mails of a registrant."""
    chosen = language(form.one("lang"))
    if who.person is not None:
        with platform.database.transaction(as_person(who.actor)) as db:
            people.update_profile(
                db,
                actor=who.actor,
                changes={"language": chosen},
                now=platform.clock.now(),
                book=book,
            )
    return language_response(chosen, form.one("next"))


@router.get("/_dev/components")
def components(request: Request, platform: PlatformDep) -> Response:
    """Every component in every state; there is no such page in production."""
    if platform.settings.environment is Environment.PRODUCTION:
        raise NotFound(code="not_found")
    return show(request, "components.html", card_day=date(2027, 11, 20), signed_in=True)
