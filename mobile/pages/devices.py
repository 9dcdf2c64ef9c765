"""サインインの方法と端末: passkeys, and where one is signed in (trust d-11)."""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from core import passkey_list, signin
from core.browsers import browser_of
from core.errors import Invalid, Refused, TooMany, Unavailable
from core.passkey_challenges import available
from core.signin import SignedIn
from core.web import Platform, PlatformDep, clear_session, platform_of
from mobile.pages.shell import (
    FormDep,
    NextPath,
    Registrant,
    act,
    again,
    local_path,
    registrant,
    show,
    with_next,
)
from mobile.pages.signin import keep_code
from registry.api_passkeys import at_the_gate
from registry.doors import GATE, PersonActor
from registry.phones import stop_with_sign_in
from registry.signing_in import send_code

router = APIRouter(include_in_schema=False)

#: Somebody said "not now"; they find it under わたし whenever they like.
LATER_COOKIE: Final = "fl"
_LATER_SECONDS: Final = int(timedelta(days=90).total_seconds())


def offered(request: Request) -> bool:
    """Whether to offer a passkey here: signed in by a code, has none, did not say "not now"."""
    platform, found = platform_of(request), getattr(request.state, "signed_in", None)
    if (
        not isinstance(found, SignedIn)
        or found.method != "code"
        or LATER_COOKIE in request.cookies
        or not available(platform.settings)
    ):
        return False
    with platform.database.transaction(GATE) as db:
        return not passkey_list.has_passkey(db, found.account_id)


@router.post("/me/passkeys/later")
def not_now(form: FormDep, _actor: PersonActor, platform: PlatformDep) -> Response:
    """Do not offer a passkey on this device for a while."""
    response = RedirectResponse(form.back_to, status_code=303)
    response.set_cookie(
        LATER_COOKIE,
        "1",
        max_age=_LATER_SECONDS,
        httponly=True,
        samesite="lax",
        secure=platform.settings.secure_cookies,
    )
    return response


# --- the page -------------------------------------------------------------------------------------


def _page(request: Request, platform: Platform) -> dict[str, Any]:
    found: SignedIn = request.state.signed_in
    with platform.database.transaction(GATE) as db:
        keys = passkey_list.passkeys_of(db, found.account_id)
        sessions = signin.living_sessions(db, found, now=platform.clock.now())
        return {
            "keys": keys,
            "most": passkey_list.MOST,
            "longest_name": passkey_list.MAX_NAME,
            "sessions": [(one, browser_of(one.user_agent)) for one in sessions],
            "current": found.session_id,
            "passkeys": available(platform.settings),
        }


@router.get("/me/devices", dependencies=[Depends(registrant)])
def devices(request: Request, platform: PlatformDep) -> Response:
    """One's passkeys, and where one is signed in."""
    return show(request, "devices.html", **_page(request, platform))


@router.post("/me/passkeys/{passkey_id}/name")
def rename(
    request: Request, passkey_id: UUID, form: FormDep, actor: Registrant, platform: PlatformDep
) -> Response:
    """Call a passkey something one knows it by."""

    def work(db: Session) -> object:
        return passkey_list.rename(
            db,
            actor=actor,
            passkey_id=passkey_id,
            name=form.one("name"),
            now=platform.clock.now(),
        )

    try:
        return act(request, form, at_the_gate(actor), actor, work, "/me/devices")
    except (Invalid, Refused) as error:
        return again(request, "devices.html", error, **_page(request, platform))


@router.post("/me/passkeys/{passkey_id}/remove")
def remove(
    request: Request, passkey_id: UUID, form: FormDep, actor: Registrant, platform: PlatformDep
) -> Response:
    """Forget a passkey; the mailed code stays."""

    def work(db: Session) -> None:
        passkey_list.remove(db, actor=actor, passkey_id=passkey_id, now=platform.clock.now())

    return act(request, form, at_the_gate(actor), actor, work, "/me/devices")


@router.post("/me/devices/{sign_in_id}/sign-out")
def sign_out_there(
    request: Request, sign_in_id: UUID, form: FormDep, actor: Registrant, platform: PlatformDep
) -> Response:
    """End the sign-in of another device of one's own."""
    ended: list[str] = []

    def work(db: Session) -> None:
        now = platform.clock.now()
        ended.append(signin.end_other(db, request.state.signed_in, sign_in_id, now=now))

    answer = act(request, form, at_the_gate(actor), actor, work, "/me/devices")
    for token_hash in ended:
        stop_with_sign_in(platform, actor, token_hash, now=platform.clock.now())
    return answer


@router.post("/me/devices/sign-out")
def sign_out_everywhere(actor: PersonActor, platform: PlatformDep) -> Response:
    """End every sign-in, this one too, and every phone's codes (R22)."""
    stop_with_sign_in(platform, actor, now=platform.clock.now())
    with platform.database.transaction(at_the_gate(actor)) as db:
        signin.end_all_sessions(db, actor.person_id, now=platform.clock.now())
    response = RedirectResponse("/", status_code=303)
    clear_session(response, platform.settings)
    return response


# --- proving oneself again ------------------------------------------------------------------------


def _again_page(request: Request, platform: Platform, back_to: str) -> dict[str, Any]:
    found: SignedIn = request.state.signed_in
    with platform.database.transaction(GATE) as db:
        has_key = passkey_list.has_passkey(db, found.account_id)
    return {"back_to": back_to, "email": found.email, "has_key": has_key}


@router.get("/signin/again")
def ask_again(
    request: Request, _actor: PersonActor, platform: PlatformDep, wanted: NextPath = "/"
) -> Response:
    """Some things ask who one is once more: with a passkey, or with a new code (d-11)."""
    page = _again_page(request, platform, local_path(wanted))
    return show(request, "signin_again.html", **page)


@router.post("/signin/again")
def send_again(
    request: Request, form: FormDep, _actor: PersonActor, platform: PlatformDep
) -> Response:
    """Mail a code to one's own address."""
    found: SignedIn = request.state.signed_in
    try:
        issued = send_code(
            platform,
            kind="person",
            email=found.email or "",
            address=request.client.host if request.client else "unknown",
            language=platform.phone.language(request),
            now=platform.clock.now(),
        )
    except (Invalid, TooMany, Unavailable) as error:
        page = _again_page(request, platform, form.back_to)
        return again(request, "signin_again.html", error, **page)
    response = RedirectResponse(with_next("/signin/code", form.back_to), status_code=303)
    keep_code(response, platform, issued)
    return response
