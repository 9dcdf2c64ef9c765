"""The stand-in is as strict as the provider it plays: what it accepts proves something (R12)."""

import json
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from joserfc import jwt

from core.clock import wall_now
from registry.idp import begin, new_signing_key, public_keys
from registry.idp import client_assertion as our_assertion
from tests.identity.rig import REDIRECT, Browser, StandIn, callback_of

Params = dict[str, str | None]


def _auth(standin: StandIn, changes: Params) -> httpx.Response:
    attempt = begin(standin.config(), ("openid", "name"), now=wall_now())
    asked = {key: values[0] for key, values in parse_qs(urlsplit(attempt.url).query).items()}
    merged = {key: value for key, value in (asked | changes).items() if value is not None}
    return standin.http.get(standin.config().auth_url, params=merged)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": None}, "unsupported_response_type"),
        ({"nonce": None}, "invalid_request"),
        ({"nonce": "n" * 256}, "invalid_request"),
        ({"nonce": "日本"}, "invalid_request"),
        ({"state": None}, "invalid_request"),
        ({"state": "s" * 256}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "c" * 129}, "invalid_request"),
        ({"code_challenge": "a+b"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"scope": "name"}, "invalid_scope"),
        ({"scope": "openid profile"}, "invalid_scope"),
        ({"scope": "OPENID"}, "invalid_scope"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": "openid sign"}, "invalid_request"),
        ({"scope": "openid sign", "sign_transaction_id": "1"}, "invalid_request"),
        ({"acr_values": "aal9"}, "invalid_request"),
    ],
)
def test_r12_wrong_request_is_answered_by_redirect(
    standin: StandIn, changes: Params, error: str
) -> None:
    response = _auth(standin, changes)
    assert response.status_code == 302
    callback = callback_of(response.headers["location"])
    assert callback.one("error") == error
    assert callback.one("code") is None
    assert ("state" in dict(callback.params)) == (changes.get("state", "") is not None)


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "nobody"},
        {"client_id": None},
        {"redirect_uri": "https://evil.invalid/"},
        {"redirect_uri": f"{REDIRECT}/more"},
        {"redirect_uri": None},
    ],
)
def test_r12_untrusted_redirect_gets_a_page(standin: StandIn, changes: Params) -> None:
    response = _auth(standin, changes)
    assert response.status_code == 400
    assert "location" not in response.headers


def test_r12_repeated_parameter_gets_a_page(standin: StandIn) -> None:
    attempt = begin(standin.config(), ("openid",), now=wall_now())
    assert standin.http.get(f"{attempt.url}&state=again").status_code == 400


class _Exchange:
    """A code and everything the token endpoint wants with it."""

    def __init__(self, standin: StandIn) -> None:
        self.standin, self.config = standin, standin.config()
        standin.preset({})
        attempt = begin(self.config, ("openid",), now=wall_now())
        (callback,) = Browser(standin, self.config).visit(attempt)
        self.claims: dict[str, Any] = {
            "iss": "furusato",
            "sub": "furusato",
            "aud": self.config.token_url,
            "jti": attempt.state,
            "exp": int(standin.now().timestamp()) + 60,
        }
        self.form: dict[str, str] = {
            "grant_type": "authorization_code",
            "code": callback.one("code") or "",
            "redirect_uri": REDIRECT,
            "client_id": "furusato",
            "code_verifier": attempt.verifier,
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        }

    def assertion(self, key: Any = None, **changes: Any) -> str:
        key = key or self.standin.es_key
        claims = {k: v for k, v in (self.claims | changes).items() if v is not None}
        return jwt.encode({"alg": "ES256", "kid": key.kid}, claims, key)

    def send(self, assertion: str | None = None, **changes: str) -> httpx.Response:
        form = {**self.form, "client_assertion": assertion or self.assertion(), **changes}
        return self.standin.http.post(self.config.token_url, data=form)


@pytest.fixture
def exchange(standin: StandIn) -> _Exchange:
    return _Exchange(standin)


def _fresh(claims: dict[str, Any], seconds: int) -> int:
    return int(claims["exp"]) - 60 + seconds


@pytest.mark.parametrize(
    "change",
    [
        lambda _: {"iss": "other"},
        lambda _: {"sub": "other"},
        lambda _: {"aud": "https://evil.invalid/token"},
        lambda _: {"aud": None},
        lambda _: {"jti": None},
        lambda _: {"exp": None},
        lambda claims: {"exp": _fresh(claims, -1)},
        lambda claims: {"exp": _fresh(claims, 3600)},
        lambda claims: {"iat": _fresh(claims, 600)},
    ],
)
def test_r12_wrong_assertion_is_refused(
    exchange: _Exchange, change: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    refused = exchange.send(exchange.assertion(**change(exchange.claims)))
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    assert exchange.send().status_code == 200


def test_r12_other_keys_and_other_ways_to_prove_a_client_are_refused(exchange: _Exchange) -> None:
    stranger = new_signing_key()
    assert exchange.send(exchange.assertion(stranger)).status_code == 401
    assert exchange.send("not.a.token").status_code == 401
    assert exchange.send(client_secret="secret").status_code == 401
    basic = exchange.standin.http.post(
        exchange.config.token_url, data=exchange.form, auth=("furusato", "secret")
    )
    assert basic.status_code == 401
    assert exchange.send(client_assertion_type="other").status_code == 401


def test_r12_assertion_is_good_once(exchange: _Exchange) -> None:
    assertion = exchange.assertion()
    assert exchange.send(assertion, code="unknown").json()["error"] == "invalid_grant"
    assert exchange.send(assertion).json()["error"] == "invalid_client"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"code_verifier": "v" * 43}, "invalid_grant"),
        ({"code_verifier": ""}, "invalid_grant"),
        ({"code_verifier": "short"}, "invalid_grant"),
        ({"redirect_uri": "http://localhost:8000/other"}, "invalid_grant"),
        ({"code": "unknown"}, "invalid_grant"),
    ],
)
def test_r12_wrong_exchange_is_refused(
    exchange: _Exchange, change: dict[str, str], error: str
) -> None:
    refused = exchange.send(**change)
    assert (refused.status_code, refused.json()["error"]) == (400, error)


def test_r12_code_of_another_client_is_refused(exchange: _Exchange) -> None:
    config = exchange.standin.config(client_id="other")
    form = exchange.form | {
        "client_id": "other",
        "client_assertion": our_assertion(config, now=wall_now()),
    }
    refused = exchange.standin.http.post(config.token_url, data=form)
    assert refused.json()["error"] == "invalid_grant"


def test_r12_code_lives_a_minute(exchange: _Exchange) -> None:
    exchange.standin.ahead = timedelta(seconds=60)
    late = exchange.assertion(exp=int(exchange.standin.now().timestamp()) + 60)
    assert exchange.send(late).json()["error"] == "invalid_grant"
    exchange.standin.ahead = timedelta(seconds=59)
    assert exchange.send(exchange.assertion(jti=secrets.token_hex(8))).status_code == 200


def test_r12_second_use_of_a_code_revokes_the_first_token(exchange: _Exchange) -> None:
    token = exchange.send().json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    url = exchange.config.userinfo_url
    assert exchange.standin.http.get(url, headers=headers).status_code == 200
    assert (
        exchange.send(exchange.assertion(jti=secrets.token_hex(8))).json()["error"]
        == "invalid_grant"
    )
    assert exchange.standin.http.get(url, headers=headers).status_code == 401


def test_r12_userinfo_wants_a_fresh_bearer_token(exchange: _Exchange) -> None:
    http, url = exchange.standin.http, exchange.config.userinfo_url
    token = exchange.send().json()["access_token"]
    assert http.get(url).status_code == 401
    assert http.get(url, headers={"Authorization": f"Basic {token}"}).status_code == 401
    assert http.get(url, headers={"Authorization": "Bearer x"}).status_code == 401
    exchange.standin.ahead = timedelta(minutes=5)
    assert http.get(url, headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_r12_token_endpoint_wants_one_form(exchange: _Exchange) -> None:
    url = exchange.config.token_url
    assert exchange.standin.http.post(url, json=exchange.form).status_code == 400
    twice = urlencode([*exchange.form.items(), ("code", "again")])
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    response = exchange.standin.http.post(url, content=twice, headers=headers)
    assert response.json()["error"] == "invalid_request"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("preset", {"answers": [{"card": "nobody"}]}),
        ("preset", {"answers": [{"faults": ["no_such_fault"]}]}),
        ("preset", {"answers": [{"outcome": "no_such_outcome"}]}),
        ("preset", {"answers": [{"fact_format": "xml"}]}),
        ("preset", {"unknown": 1}),
        ("cards", [{"id": "UPPER"}]),
        ("cards/nobody/reissue", {}),
    ],
)
def test_p23_typing_error_in_a_command_is_no_good_answer(
    standin: StandIn, path: str, body: object
) -> None:
    response = standin.http.post(f"{standin.base_url}/_standin/{path}", json=body)
    assert response.status_code in {404, 422}


def test_r12_runs_from_the_command_line(tmp_path: Path, standin: StandIn) -> None:
    """The same program a rehearsal starts."""
    key = new_signing_key()
    jwks = tmp_path / "jwks.json"
    jwks.write_text(json.dumps(public_keys(key)), encoding="utf-8")
    command = [sys.executable, "-m", "standins.openid", "--port", "0", "--client-jwks", str(jwks)]
    command += ["--redirect-uri", REDIRECT, "--ready-file", str(tmp_path / "ready")]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root) as process:
        try:
            ready = tmp_path / "ready"
            for _ in range(300):
                if ready.exists():
                    break
                time.sleep(0.05)
            other = StandIn(ready.read_text(encoding="utf-8"), key, None, standin.http)
            assert Browser(other, other.config()).identify().facts.name == "山田 花子"
        finally:
            process.terminate()
            process.wait(10)
