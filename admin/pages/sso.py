"""Signing in with an account of one's local government: there, and back (d-11)."""

from typing import Annotated, Final

import httpx
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import select

from admin.desk import problems_of
from admin.pages.signin import Next, back, status_of_code
from core.clock import wall_now
from core.errors import DomainError, Invalid, NotFound, Refused, TooMany
from core.web import device_of, platform_of, set_session
from registry import staff_sso
from registry.doors import GATE, LgCode
from registry.idp_checks import Callback, IdentityRefused
from registry.models import LocalGovernment, StaffProvider

router = APIRouter(include_in_schema=False)
COOKIE: Final = "fo"
SHOWN: Final = 200
Text = Annotated[str, Query(max_length=40)]


def _page(request: Request, text: str = "", *, error: DomainError | None = None) -> Response:
    """Whose accounts can be used."""
    platform = platform_of(request)
    statement = (
        select(LocalGovernment)
        .join(StaffProvider, StaffProvider.lg_code == LocalGovernment.code)
        .order_by(LocalGovernment.code)
        .limit(SHOWN)
    )
    if text:
        statement = statement.where(LocalGovernment.name.contains(text, autoescape=True))
    with platform.database.transaction(GATE) as db:
        bodies = db.scalars(statement).all()
    return platform.desk.render(
        request,
        "signin_body.html",
        200 if error is None else status_of_code(error),
        bodies=bodies,
        text=text,
        errors=[] if error is None else problems_of(request, error),
    )


@router.get("/staff/signin/body")
def choose(request: Request, q: Text = "") -> Response:
    """Only local governments whose accounts can be used."""
    return _page(request, q)


@router.get("/staff/signin/with/{lg_code}")
def go(request: Request, lg_code: LgCode, wanted: Next = "") -> Response:
    """A link, so that forms may go nowhere but here (d-11)."""
    platform = platform_of(request)
    settings = platform.settings
    try:
        with platform.database.transaction(GATE) as db:
            visit = staff_sso.begin(
                db,
                provider=staff_sso.provider_of(db, lg_code, settings),
                secret=platform.secret,
                wanted=back("staff", wanted),
                address=request.client.host if request.client else "",
                at=wall_now(),
            )
    except NotFound:
        return RedirectResponse("/staff/signin/body", status_code=303)
    except TooMany as error:
        return _page(request, error=error)
    response = RedirectResponse(visit.url, status_code=303)
    response.set_cookie(
        COOKIE,
        visit.binding,
        max_age=int(staff_sso.LIFE.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=settings.secure_cookies,
    )
    return response


@router.get("/staff/signin/callback/{lg_code}")
def arrive(request: Request, lg_code: LgCode) -> Response:
    """The visit is used up first, then the answer is checked, and only then a session opens."""
    platform, device = platform_of(request), device_of(request)
    at, secret = wall_now(), platform.secret
    callback = Callback.from_query(request.url.query)
    try:
        with platform.database.transaction(GATE) as db:
            provider = staff_sso.provider_of(db, lg_code, platform.settings)
            claimed = staff_sso.claim(
                db,
                callback=callback,
                lg_code=lg_code,
                binding=request.cookies.get(COOKIE, ""),
                secret=secret,
                at=at,
            )
        with httpx.Client(trust_env=False) as http:
            vouched = staff_sso.finish(provider, http, callback=callback, claimed=claimed, at=at)
        with platform.database.transaction(GATE) as db:
            token = staff_sso.open_for(
                db,
                lg_code=lg_code,
                vouched=vouched,
                secret=secret,
                user_agent=request.headers.get("user-agent", ""),
                device=device,
                now=platform.clock.now(),
            )
    except (IdentityRefused, NotFound):
        # What the provider did wrong is nothing the person can mend: one sentence for all of it.
        return _page(request, error=Refused(code="sso_failed"))
    except (Refused, Invalid) as error:
        return _page(request, error=error)
    wanted = claimed.wanted if claimed else ""
    response = RedirectResponse(back("staff", wanted), status_code=303)
    set_session(response, platform.settings, token, device)
    response.delete_cookie(COOKIE)
    return response
