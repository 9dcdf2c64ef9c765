"""The four endpoints of the provider, and the form of its consent page."""

import asyncio
import secrets
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse, RedirectResponse, StreamingResponse

from standins.openid.answers import answer_request, redirect
from standins.openid.checks import (
    ProtocolError,
    UntrustedRequestError,
    authenticate_client,
    read_auth_request,
    read_pairs,
    trusted_redirect,
    valid_verifier,
)
from standins.openid.config import PROTOCOL_PATH, Client
from standins.openid.faults import unknown_faults
from standins.openid.pages import consent_page, error_page
from standins.openid.state import Answer, AuthRequest, Grant, State
from standins.openid.tokens import s256, token_answer, userinfo_answer

_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_LARGEST_FORM = 64 * 1024
_HUGE_BODY = 5 * 1024 * 1024
_FORM = "application/x-www-form-urlencoded"


def protocol_router(state: State) -> APIRouter:
    """auth, token, userinfo and certs below the realm's path."""
    router = APIRouter(prefix=PROTOCOL_PATH)

    @router.get("/auth")
    async def auth(request: Request) -> Response:
        state.count("auth")
        return await _auth(state, request.url.query)

    @router.post("/auth/answer")
    async def choose(request: Request) -> Response:
        return _chosen(state, await _form(request))

    @router.post("/token")
    async def token(request: Request) -> Response:
        state.count("token")
        try:
            return await _token(state, request)
        except ProtocolError as error:
            return _oauth_error(error.error, error.description, error.status)

    @router.get("/userinfo")
    async def userinfo(request: Request) -> Response:
        state.count("userinfo")
        return await _userinfo(state, request)

    @router.get("/certs")
    async def certs() -> Response:
        state.count("certs")
        if state.certs_fault == "certs_500":
            return _broken()
        if state.certs_fault == "certs_empty":
            return JSONResponse({"keys": []})
        return JSONResponse(state.keys.jwks(), headers={"Cache-Control": "max-age=3600"})

    return router


async def _form(request: Request) -> dict[str, str]:
    """The parameters of a form, each at most once."""
    if request.headers.get("content-type", "").split(";")[0].strip() != _FORM:
        raise ProtocolError("invalid_request", "a form is required")
    body = await request.body()
    if len(body) > _LARGEST_FORM:
        raise ProtocolError("invalid_request", "the form is too large", 413)
    return read_pairs(body.decode("utf-8", "replace"))


async def _auth(state: State, query: str) -> Response:
    """Validate; then answer at once when a test has preset how, else ask the person."""
    try:
        params = read_pairs(query)
        client = trusted_redirect(state.config, params)
    except UntrustedRequestError as error:
        return error_page(str(error))
    except ProtocolError as error:
        return error_page(f"{error.error}: {error.description}")
    try:
        asked = read_auth_request(params, client)
    except ProtocolError as error:
        found = [("error", error.error), ("error_description", error.description)]
        found += [("state", params["state"])] if "state" in params else []
        return redirect(params["redirect_uri"], found)
    state.states_seen.append(asked.state)
    state.nonces_seen.append(asked.nonce)
    if state.presets:
        preset = state.presets.popleft()
        if "auth_delay" in preset.faults:
            await asyncio.sleep(state.config.delay_seconds)
        if "auth_500" in preset.faults:
            return _broken()
        return answer_request(state, asked, preset)
    handle = secrets.token_urlsafe(16)
    state.waiting[handle] = asked
    action = f"{PROTOCOL_PATH}/auth/answer"
    return consent_page(action, handle, client.id, asked.scopes, state.cards.values())


def _chosen(state: State, form: dict[str, str]) -> Response:
    """The person's choice on the consent page."""
    asked: AuthRequest | None = state.waiting.pop(form.get("request", ""), None)
    faults = [form["fault"]] if form.get("fault") else []
    if asked is None or form.get("card") not in state.cards or unknown_faults(faults):
        return error_page("この画面は使用済みか、内容が正しくありません。")
    outcome = "cancelled" if form.get("decision") == "deny" else form.get("outcome", "ok")
    answer = Answer(
        card=form["card"],
        outcome=None if outcome == "ok" else outcome,
        fact_format=form.get("fact_format", "plain"),
        faults=frozenset(faults),
    )
    return answer_request(state, asked, answer)


async def _token(state: State, request: Request) -> Response:
    """Exchange a code: client, code, redirect, verifier; then faults on command."""
    form = await _form(request)
    has_basic = "authorization" in request.headers
    client = authenticate_client(state, form, has_basic=has_basic)
    if form.get("grant_type") != "authorization_code":
        raise ProtocolError("unsupported_grant_type", "only authorization_code is offered")
    grant = _redeemed(state, client, form)
    access_token = state.grant_token(grant)
    faults = grant.answer.faults
    early = await _early_fault(state, request, faults)
    if early is not None:
        return early
    text = token_answer(state, grant, access_token)
    if "token_slow_body" in faults:
        return StreamingResponse(_drops(text), media_type="application/json")
    if "token_huge_body" in faults:
        text += " " * _HUGE_BODY
    return Response(text, headers=_NO_STORE, media_type="application/json")


def _redeemed(state: State, client: Client, form: dict[str, str]) -> Grant:
    """The grant of a code; a second use revokes what the first one got."""
    grant = state.codes.get(form.get("code", ""))
    if grant is None or grant.request.client_id != client.id:
        raise ProtocolError("invalid_grant", "the code is unknown")
    if grant.used:
        grant.revoked = True
        raise ProtocolError("invalid_grant", "the code was used; its tokens are revoked")
    if state.config.clock() >= grant.code_until:
        raise ProtocolError("invalid_grant", "the code has expired")
    if form.get("redirect_uri") != grant.request.redirect_uri:
        raise ProtocolError("invalid_grant", "redirect_uri differs")
    verifier = form.get("code_verifier", "")
    if not valid_verifier(verifier) or s256(verifier) != grant.request.challenge:
        raise ProtocolError("invalid_grant", "code_verifier does not fit")
    return grant


async def _early_fault(state: State, request: Request, faults: frozenset[str]) -> Response | None:
    """Faults that answer before, or instead of, a token."""
    if "token_delay" in faults:
        await asyncio.sleep(state.config.delay_seconds)
    if faults & {"token_timeout_after_issuing", "token_black_hole"}:
        await _silence(state, request)
    answers: dict[str, Response] = {
        "token_400": _oauth_error("invalid_grant", "on command", 400),
        "token_401": _oauth_error("invalid_client", "on command", 401),
        "token_500": _broken(),
        "token_not_json": PlainTextResponse("ok", headers=_NO_STORE),
        "token_redirect": RedirectResponse(f"{state.config.token_url}?again=1", 307),
    }
    return next((answer for fault, answer in answers.items() if fault in faults), None)


async def _userinfo(state: State, request: Request) -> Response:
    """The consented facts of a bearer token."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    grant = state.tokens.get(token) if scheme.lower() == "bearer" else None
    until = grant.token_until if grant else None
    fresh = until is not None and state.config.clock() < until
    if grant is None or grant.revoked or not fresh or "userinfo_401" in grant.answer.faults:
        headers = _NO_STORE | {"WWW-Authenticate": 'Bearer error="invalid_token"'}
        return JSONResponse({"error": "invalid_token"}, 401, headers)
    if "userinfo_black_hole" in grant.answer.faults:
        await _silence(state, request)
    if "userinfo_500" in grant.answer.faults:
        return _broken()
    if "userinfo_not_json" in grant.answer.faults:
        return PlainTextResponse("山田 花子", headers=_NO_STORE)
    return JSONResponse(userinfo_answer(state, grant), headers=_NO_STORE)


async def _silence(state: State, request: Request) -> None:
    """Say nothing until the caller goes away or the longest time is over."""
    step = 0.05
    for _ in range(int(state.config.hang_seconds / step)):
        if await request.is_disconnected():
            return
        await asyncio.sleep(step)


async def _drops(text: str) -> AsyncIterator[str]:
    """A body that comes a character at a time."""
    for character in text:
        yield character
        await asyncio.sleep(0.1)


def _oauth_error(error: str, description: str, status: int) -> Response:
    return JSONResponse({"error": error, "error_description": description}, status, _NO_STORE)


def _broken() -> Response:
    return PlainTextResponse("internal error", 500)
