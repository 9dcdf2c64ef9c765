"""Doors of signing in and out. They carry no idempotency key: an answer with a token is not kept."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse

from core import signin
from core.access import ActorKind
from core.browsers import browser_of
from core.errors import SignInNeeded
from core.ids import new_token
from core.problems import problems
from core.signin import SignedIn
from core.web import Items, Platform, PlatformDep, address_of, clear_session, device_of, set_session
from registry.doors import GATE, AnyActor, BookDep
from registry.phones import stop_with_sign_in
from registry.schemas_signin import (
    CodeAsked,
    CodeProved,
    CodeSent,
    SessionOut,
    SignInOut,
)
from registry.signing_in import prove_code, send_code

public_router = APIRouter(tags=["sign-in"])
own_router = APIRouter(tags=["sign-in"])


def signed_in(request: Request, actor: AnyActor) -> SignedIn:
    """The session a request came with, whoever it belongs to."""
    if actor.kind is ActorKind.ANONYMOUS:
        raise SignInNeeded(code="sign_in_needed")
    found: SignedIn = request.state.signed_in
    return found


SessionDep = Annotated[SignedIn, Depends(signed_in)]


@public_router.post(
    "/sign-in-codes",
    status_code=202,
    summary="Have a code sent by mail",
    responses=problems(422, 429, 503),
)
def ask_for_code(request: Request, given: CodeAsked, platform: PlatformDep) -> CodeSent:
    """R03: eight digits, good for ten minutes and five tries, on the device that asked.

    At most three codes in ten minutes and ten a day go to one address.
    """
    now = platform.clock.now()
    if given.website:
        # A machine: it gets the answer people get, and nothing is sent.
        return CodeSent(binding=new_token(), expires_at=now + signin.CODE_LIFE)
    issued = send_code(
        platform,
        kind=given.kind,
        email=given.email,
        address=address_of(request),
        language=given.language,
        now=now,
    )
    shown = issued.code if platform.settings.show_sign_in_codes else None
    return CodeSent(binding=issued.binding, expires_at=issued.expires_at, code=shown)


@public_router.post(
    "/sign-ins",
    status_code=201,
    summary="Sign in with the code",
    response_model=SignInOut,
    responses=problems(409, 410, 422),
)
def sign_in(request: Request, given: CodeProved, platform: PlatformDep, book: BookDep) -> Response:
    """R03: a bearer token for an app, or a cookie for a browser. There are no passwords.

    The first sign-in of a registrant makes their account; staff and operators get theirs from
    those who may give it.
    """
    device = device_of(request) if given.transport == "cookie" else ""
    token, found = prove_code(
        platform,
        code=given.code,
        binding=given.binding,
        transport=given.transport,
        user_agent=request.headers.get("user-agent", ""),
        device=device,
        now=platform.clock.now(),
        book=book,
    )
    return token_answer(platform, given.transport, found, token, device)


def token_answer(
    platform: Platform, transport: str, found: SignedIn, token: str, device: str, status: int = 201
) -> Response:
    """A token, as an app keeps it or as a browser does; it is shown this once."""
    bearer = transport == "bearer"
    out = SignInOut.model_validate(
        {
            "kind": found.kind,
            "account_id": str(found.account_id),
            "token": token if bearer else None,
        }
    )
    response = JSONResponse(
        out.model_dump(mode="json"), status_code=status, headers={"Cache-Control": "no-store"}
    )
    if not bearer:
        set_session(response, platform.settings, token, device)
    return response


@own_router.get(
    "/sign-ins",
    summary="List one's own sign-ins",
    responses=problems(401),
)
def list_sign_ins(session: SessionDep, platform: PlatformDep) -> Items[SessionOut]:
    """Where one is signed in, the latest used first."""
    now = platform.clock.now()
    with platform.database.transaction(GATE) as db:
        rows = signin.living_sessions(db, session, now=now)
    return Items[SessionOut](
        items=[
            SessionOut(
                id=row.id,
                transport=row.transport,
                method=row.method,
                created_at=row.created_at,
                last_seen_at=row.last_seen_at,
                user_agent=row.user_agent,
                browser=browser_of(row.user_agent),
                current=row.token_hash == session.token_hash,
            )
            for row in rows
        ]
    )


@own_router.delete(
    "/sign-ins/current", status_code=204, summary="Sign out here", responses=problems(401)
)
def sign_out(session: SessionDep, actor: AnyActor, platform: PlatformDep) -> Response:
    """The session ends on the server; its token or cookie is worth nothing from then on.

    Phone keys that it had certified end with it (R22).
    """
    stop_with_sign_in(platform, actor, session.token_hash, now=platform.clock.now())
    with platform.database.transaction(GATE) as db:
        signin.end_session(db, session.token_hash, now=platform.clock.now())
    response = Response(status_code=204)
    clear_session(response, platform.settings)
    return response


@own_router.delete(
    "/sign-ins/{sign_in_id}",
    status_code=204,
    summary="Sign out on one of one's devices",
    responses=problems(401, 404),
)
def sign_out_there(
    session: SessionDep, actor: AnyActor, platform: PlatformDep, sign_in_id: UUID
) -> Response:
    """One of one's own sign-ins ends, and its phone's codes; what has ended stays ended."""
    with platform.database.transaction(GATE) as db:
        ended = signin.end_other(db, session, sign_in_id, now=platform.clock.now())
    stop_with_sign_in(platform, actor, ended, now=platform.clock.now())
    return Response(status_code=204)


@own_router.delete(
    "/sign-ins", status_code=204, summary="Sign out everywhere", responses=problems(401)
)
def sign_out_everywhere(session: SessionDep, actor: AnyActor, platform: PlatformDep) -> Response:
    """Every session of the account ends, this one too, and with them every phone's key (R22)."""
    stop_with_sign_in(platform, actor, now=platform.clock.now())
    with platform.database.transaction(GATE) as db:
        signin.end_all_sessions(db, session.account_id, now=platform.clock.now())
    response = Response(status_code=204)
    clear_session(response, platform.settings)
    return response
