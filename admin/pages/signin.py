"""Signing in for staff and operators: an address, then the mailed code. No passwords."""

import re
from typing import Annotated, Final

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import select

from admin.desk import TOLD_IN_PLACE, Problems, problems_of, status_of
from core import signin
from core.access import ActorKind
from core.errors import DomainError, TooMany, Unavailable
from core.passkey_challenges import available
from core.signin import IssuedCode
from core.web import Platform, clear_session, device_of, platform_of, set_session
from registry.doors import GATE, AnyActor, BookDep
from registry.models import LocalGovernment
from registry.signing_in import prove_code, send_code

router = APIRouter(include_in_schema=False)

#: What the browser that asked for a code brings back with it; gone with the code.
BINDING_COOKIE: Final = "fs"
_BINDING_SECONDS: Final = 600
_HOMES: Final = {"staff": "/staff", "operator": "/operator"}
_LOCAL: Final = re.compile(r"/(staff|operator)(?:[/?][^\x00-\x1f\\]*)?")
_TOO_MANY: Final = 429
_AWAY: Final = 503

Next = Annotated[str, Query(alias="next", max_length=300)]
NextField = Annotated[str, Form(alias="next", max_length=300)]
Email = Annotated[str, Form(max_length=254)]
Code = Annotated[str, Form(max_length=20)]


def kind_of(request: Request) -> str:
    """Whose door this is: `staff` or `operator`."""
    return "operator" if request.url.path.startswith("/operator") else "staff"


def home_of(kind: str) -> str:
    """The first address of an audience."""
    return _HOMES[kind]


def back(kind: str, wanted: str) -> str:
    """The address to go to: one of this audience's own pages, else its first one."""
    found = _LOCAL.fullmatch(wanted)
    return wanted if found and found[1] == kind else home_of(kind)


def _ask_address(
    request: Request, wanted: str, *, email: str = "", errors: Problems = (), status: int = 200
) -> Response:
    kind = kind_of(request)
    return platform_of(request).desk.render(
        request,
        "signin.html",
        status,
        kind=kind,
        step="address",
        action=f"{home_of(kind)}/signin",
        next=back(kind, wanted),
        email=email,
        shown_code=None,
        passkeys=available(platform_of(request).settings),
        errors=list(errors),
    )


def _ask_code(
    request: Request,
    wanted: str,
    *,
    email: str,
    shown_code: str | None = None,
    errors: Problems = (),
    status: int = 200,
) -> Response:
    kind = kind_of(request)
    return platform_of(request).desk.render(
        request,
        "signin.html",
        status,
        kind=kind,
        step="code",
        action=f"{home_of(kind)}/signin/code",
        next=back(kind, wanted),
        email=email,
        shown_code=shown_code,
        passkeys=False,
        errors=list(errors),
    )


@router.get("/staff/signin")
@router.get("/operator/signin")
def ask_address(request: Request, wanted: Next = "") -> Response:
    """One field: the address."""
    return _ask_address(request, wanted)


@router.post("/staff/signin")
@router.post("/operator/signin")
def send(request: Request, email: Email = "", wanted: NextField = "") -> Response:
    """Mail a code; known and unknown addresses get the same page."""
    platform = platform_of(request)
    try:
        issued = send_code(
            platform,
            kind=kind_of(request),
            email=email,
            address=request.client.host if request.client else "unknown",
            language=platform.desk.language(request),
            now=platform.clock.now(),
        )
    except (*TOLD_IN_PLACE, TooMany, Unavailable) as error:
        return _ask_address(
            request,
            wanted,
            email=email,
            errors=problems_of(request, error),
            status=status_of_code(error),
        )
    shown = issued.code if platform.settings.show_sign_in_codes else None
    response = _ask_code(request, wanted, email=email, shown_code=shown)
    keep_binding(response, platform, issued)
    return response


def keep_binding(response: Response, platform: Platform, issued: IssuedCode) -> None:
    """The browser that asked for a code brings this back with it."""
    response.set_cookie(
        BINDING_COOKIE,
        issued.binding,
        max_age=_BINDING_SECONDS,
        httponly=True,
        samesite="lax",
        secure=platform.settings.secure_cookies,
    )


@router.post("/staff/signin/code")
@router.post("/operator/signin/code")
def prove(
    request: Request,
    book: BookDep,
    code: Code = "",
    email: Email = "",
    wanted: NextField = "",
) -> Response:
    """The code opens a session that the server can end."""
    platform, device = platform_of(request), device_of(request)
    try:
        token, found = prove_code(
            platform,
            code=code,
            binding=request.cookies.get(BINDING_COOKIE, ""),
            transport="cookie",
            user_agent=request.headers.get("user-agent", ""),
            device=device,
            now=platform.clock.now(),
            book=book,
        )
    except TOLD_IN_PLACE as error:
        return _ask_code(
            request,
            wanted,
            email=email,
            errors=problems_of(request, error),
            status=status_of_code(error),
        )
    response = RedirectResponse(back(found.kind, wanted), status_code=303)
    set_session(response, platform.settings, token, device)
    response.delete_cookie(BINDING_COOKIE)
    return response


@router.post("/staff/signout")
@router.post("/operator/signout")
def sign_out(request: Request, actor: AnyActor) -> Response:
    """The session ends on the server."""
    platform = platform_of(request)
    if actor.kind is not ActorKind.ANONYMOUS:
        with platform.database.transaction(GATE) as db:
            signin.end_session(db, request.state.signed_in.token_hash, now=platform.clock.now())
    response = RedirectResponse(f"{home_of(kind_of(request))}/signin", status_code=303)
    clear_session(response, platform.settings)
    return response


@router.get("/staff")
def choose_body(request: Request, actor: AnyActor) -> Response:
    """To the desk of one's local government; who works for several chooses."""
    if actor.kind is not ActorKind.STAFF:
        return RedirectResponse("/staff/signin", status_code=303)
    if len(actor.roles) == 1:
        return RedirectResponse(f"/staff/{next(iter(actor.roles))}", status_code=303)
    platform = platform_of(request)
    with platform.database.transaction(GATE) as db:
        bodies = db.scalars(
            select(LocalGovernment)
            .where(LocalGovernment.code.in_(actor.roles))
            .order_by(LocalGovernment.code)
        ).all()
    return platform.desk.render(
        request, "choose_body.html", bodies=bodies, sign_out_href="/staff/signout"
    )


def status_of_code(error: DomainError) -> int:
    """The HTTP status of a refusal on the way to a code."""
    if isinstance(error, TooMany):
        return _TOO_MANY
    return _AWAY if isinstance(error, Unavailable) else status_of(error)
