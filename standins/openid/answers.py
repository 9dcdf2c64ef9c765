"""How an authorization request is answered: by redirect, or by what the command asks."""

import secrets
from urllib.parse import urlencode

from fastapi import Response
from fastapi.responses import RedirectResponse

from standins.openid.cards import OUTCOMES, Card
from standins.openid.pages import link_page, post_page
from standins.openid.state import Answer, AuthRequest, State

_LINK_FAULTS = {
    "callback_attempt_expired": "このリンクを10分より後に開いてください。",
    "callback_in_other_browser": "このリンクを別のブラウザーで開いてください。",
    "callback_duplicate": "二つのリンクを続けて開いてください。",
}


def redirect(uri: str, params: list[tuple[str, str]]) -> Response:
    """The answer by the browser."""
    glue = "&" if "?" in uri else "?"
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return RedirectResponse(f"{uri}{glue}{urlencode(params)}", 302, headers)


def answer_request(state: State, request: AuthRequest, answer: Answer) -> Response:
    """Answer a valid request with the chosen card, outcome and faults."""
    card = state.cards[answer.card]
    outcome = answer.outcome or card.outcome
    if outcome == "ok" and "sign" in request.scopes and not card.signing_certificate:
        outcome = "certificate_missing"
    if outcome == "ok":
        params = _code_params(state, request, answer, card)
    else:
        error, description = OUTCOMES[outcome]
        params = [("error", error), ("error_description", description), ("state", request.state)]
    params = _bent_params(state, request, params, answer.faults)
    state.states_answered.append(request.state)
    return _sent(request.redirect_uri, params, answer.faults)


def _code_params(
    state: State, request: AuthRequest, answer: Answer, card: Card
) -> list[tuple[str, str]]:
    code, grant = state.grant_code(request, answer, card)
    return [("code", code), ("state", request.state), ("session_state", grant.session_state)]


def _bent_params(
    state: State, request: AuthRequest, params: list[tuple[str, str]], faults: frozenset[str]
) -> list[tuple[str, str]]:
    """The parameters of the callback with the commanded faults."""
    without_state = [pair for pair in params if pair[0] != "state"]
    others = [seen for seen in state.states_seen if seen != request.state]
    waiting = [seen for seen in others if seen not in state.states_answered]
    used = [seen for seen in others if seen in state.states_answered]
    invented = secrets.token_urlsafe(24)
    html = "<script>alert('x')</script><a href=//evil.invalid>再試行</a>"
    own_state = ("state", request.state)
    bent = {
        "callback_state_missing": without_state,
        "callback_state_of_other_session": [
            *without_state,
            ("state", waiting[-1] if waiting else invented),
        ],
        "callback_state_used": [*without_state, ("state", used[-1] if used else invented)],
        "callback_without_attempt": [*without_state, ("state", invented)],
        "callback_state_twice": [*params, own_state],
        "callback_error_with_code": [*params, ("error", "access_denied")],
        "callback_error_unknown": [("error", "e_4711"), ("error_description", "?"), own_state],
        "callback_error_html": [("error", "server_error"), ("error_description", html), own_state],
        "callback_issuer_other": [*params, ("iss", "https://issuer.invalid")],
    }
    return next((changed for fault, changed in bent.items() if fault in faults), params)


def _sent(uri: str, params: list[tuple[str, str]], faults: frozenset[str]) -> Response:
    """Redirect, unless a person is to carry the answer in an unusual way."""
    if "callback_by_post" in faults:
        return post_page(uri, params)
    for fault, explanation in _LINK_FAULTS.items():
        if fault in faults:
            url = redirect(uri, params).headers["location"]
            return link_page([url] * (2 if fault == "callback_duplicate" else 1), explanation)
    return redirect(uri, params)
