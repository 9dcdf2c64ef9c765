"""Signing in: an e-mail address, then the code that was mailed to it. One question a page (R03)."""

import unicodedata
from typing import Any, Final
from urllib.parse import quote, unquote

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from core import signin
from core.access import ActorKind
from core.db import for_person
from core.errors import Gone, Invalid, Refused, TooMany, Unavailable
from core.passkey_challenges import available
from core.settings import Settings
from core.signin import IssuedCode
from core.web import Platform, PlatformDep, clear_session, device_of, set_session
from mobile.pages.occasions import poster_of
from mobile.pages.shell import (
    FormDep,
    NextPath,
    VisitorDep,
    again,
    local_path,
    rehearsal,
    show,
    with_next,
)
from registry.doors import GATE, BookDep
from registry.identifying import INVITATION_PAGE
from registry.models import Person
from registry.phones import stop_with_sign_in
from registry.pushing import forget_session
from registry.signing_in import prove_code, send_code

router = APIRouter(include_in_schema=False)

#: Ties the code to the browser that asked for it.
_BINDING: Final = "fj_code"
#: The code itself, in a rehearsal without a mailbox only.
_SHOWN: Final = "fj_shown"
#: Where somebody was going when the code was sent: whoever comes back by another way gets there.
_GOING: Final = "fj_going"
_SECONDS: Final = int(signin.CODE_LIFE.total_seconds())


def _keep(response: Response, settings: Settings, name: str, value: str) -> None:
    response.set_cookie(
        name,
        value,
        max_age=_SECONDS,
        path="/signin",
        httponly=True,
        samesite="lax",
        secure=settings.secure_cookies,
    )


def keep_code(response: Response, platform: Platform, issued: IssuedCode) -> None:
    """Tie a code on its way to this browser; in a rehearsal, keep the code itself to be shown."""
    _keep(response, platform.settings, _BINDING, issued.binding)
    if rehearsal(platform):
        _keep(response, platform.settings, _SHOWN, issued.code)


@router.get("/signin")
def ask_email(
    request: Request, visitor: VisitorDep, platform: PlatformDep, wanted: NextPath = "/"
) -> Response:
    """Where to send the code; a passkey needs none."""
    back_to = local_path(wanted)
    if visitor.actor.kind is ActorKind.PERSON:
        return RedirectResponse(back_to, status_code=303)
    page = _email_page(request, platform, back_to, "") | {"sent": _BINDING in request.cookies}
    return show(request, "signin.html", **page)


def _email_page(request: Request, platform: Platform, back_to: str, email: str) -> dict[str, Any]:
    return {
        "back_to": back_to,
        "code_href": with_next("/signin/code", back_to),
        "email": email,
        "sent": False,
        "passkeys": available(platform.settings),
        "poster": poster_of(request, platform, back_to),
    }


def _going(request: Request, wanted: str) -> str:
    """The page that is wanted, else the one that was when the code was sent."""
    back_to = local_path(wanted)
    return local_path(unquote(request.cookies.get(_GOING, ""))) if back_to == "/" else back_to


@router.post("/signin")
def send(request: Request, form: FormDep, platform: PlatformDep) -> Response:
    """Mail a code; a repeat sends another one, within limits."""
    email, back_to = form.one("email"), form.back_to
    try:
        issued = send_code(
            platform,
            kind="person",
            email=email,
            address=request.client.host if request.client else "unknown",
            language=platform.phone.language(request),
            now=platform.clock.now(),
        )
    except (Invalid, TooMany, Unavailable) as error:
        return again(
            request, "signin.html", error, **_email_page(request, platform, back_to, email)
        )
    response = RedirectResponse(with_next("/signin/code", back_to), status_code=303)
    keep_code(response, platform, issued)
    _keep(response, platform.settings, _GOING, quote(back_to, safe="/"))
    return response


@router.get("/signin/code")
def ask_code(request: Request, platform: PlatformDep, wanted: NextPath = "/") -> Response:
    """The code from the mail."""
    back_to = _going(request, wanted)
    if _BINDING not in request.cookies:
        return RedirectResponse(with_next("/signin", back_to), status_code=303)
    return show(request, "signin_code.html", **_code_page(request, platform, back_to))


def _code_page(request: Request, platform: PlatformDep, back_to: str) -> dict[str, Any]:
    shown = request.cookies.get(_SHOWN) if rehearsal(platform) else None
    return {
        "back_to": back_to,
        "shown_code": shown,
        "again_href": with_next("/signin", back_to),
        "poster": poster_of(request, platform, back_to),
    }


@router.post("/signin/code")
def prove(request: Request, form: FormDep, platform: PlatformDep, book: BookDep) -> Response:
    """Open a session for this browser when the code is right."""
    back_to = form.back_to
    typed = unicodedata.normalize("NFKC", form.one("code")).replace("-", "")
    device = device_of(request)
    try:
        token, found = prove_code(
            platform,
            code=typed,
            binding=request.cookies.get(_BINDING, ""),
            transport="cookie",
            user_agent=request.headers.get("user-agent", ""),
            device=device,
            now=platform.clock.now(),
            book=book,
        )
    except (Invalid, Gone, Refused) as error:
        page = _code_page(request, platform, back_to)
        return again(request, "signin_code.html", error, **page)
    with platform.database.transaction(for_person(found.account_id)) as db:
        known = db.get(Person, found.account_id) is not None
    # A guardian is asked for a name on the page of the invitation, and for nothing else.
    invited = back_to.startswith(INVITATION_PAGE)
    then = back_to if known or invited else with_next("/welcome", back_to)
    response = RedirectResponse(then, status_code=303)
    set_session(response, platform.settings, token, device)
    for name in (_BINDING, _SHOWN, _GOING):
        response.delete_cookie(name, path="/signin", httponly=True, samesite="lax")
    return response


@router.post("/signout")
def sign_out(request: Request, visitor: VisitorDep, platform: PlatformDep) -> Response:
    """End this browser's session on the server, and the codes it made; twice is once (R22)."""
    if visitor.actor.kind is not ActorKind.ANONYMOUS:
        found: signin.SignedIn = request.state.signed_in
        stop_with_sign_in(platform, visitor.actor, found.token_hash, now=platform.clock.now())
        with platform.database.transaction(GATE) as db:
            signin.end_session(db, found.token_hash, now=platform.clock.now())
            forget_session(db, found.token_hash)
    response = RedirectResponse("/", status_code=303)
    clear_session(response, platform.settings)
    return response
