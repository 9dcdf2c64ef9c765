"""P23, R12: the pure checks of callback, token answer and ID token, beyond what a provider plays."""

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwt

from core.clock import wall_now
from registry.idp import (
    Callback,
    IdentityRefused,
    KeyCache,
    _verified_claims,
    begin,
    finish,
    new_signing_key,
    provider_at,
)
from registry.idp_checks import (
    check_callback,
    check_claims,
    check_token_answer,
    check_token_header,
    half_hash,
    strict_json,
)
from registry.idp_http import _Published
from tests.identity.rig import REDIRECT, TODAY, Browser

NOW = wall_now()
KEY = new_signing_key()
CONFIG = provider_at(
    "https://auth-and-sign.go.jp/api/realms/main",
    client_id="furusato",
    redirect_uri=REDIRECT,
    signing_key=KEY,
)
ATTEMPT = begin(CONFIG, ("openid", "name"), now=NOW)
KEPT = ATTEMPT.kept()
CLAIMS: dict[str, Any] = {
    "iss": CONFIG.issuer,
    "sub": "subject-1",
    "aud": "furusato",
    "nonce": ATTEMPT.nonce,
    "iat": int(NOW.timestamp()),
    "exp": int(NOW.timestamp()) + 300,
    "acr": "aal3 crl",
}


def _subject(**changes: Any) -> str:
    claims = {key: value for key, value in (CLAIMS | changes).items() if value is not None}
    return check_claims(CONFIG, claims, KEPT, access_token="token", now=NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"aud": ["furusato"]},
        {"azp": "furusato"},
        {"acr": "crl aal3 more"},
        {"iat": int(NOW.timestamp()) - 299},
        {"iat": int(NOW.timestamp()) + 299},
        {"nbf": int(NOW.timestamp()) + 60},
        {"at_hash": half_hash("token")},
        {"exp": NOW.timestamp() + 0.5},
    ],
)
def test_r12_good_claims(changes: dict[str, Any]) -> None:
    assert _subject(**changes) == "subject-1"


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"iss": None}, "iss"),
        ({"iss": [CONFIG.issuer]}, "iss"),
        ({"aud": None}, "aud"),
        ({"aud": []}, "aud"),
        ({"aud": ["furusato", "furusato"]}, "aud"),
        ({"aud": "FURUSATO"}, "aud"),
        ({"azp": ["furusato"]}, "azp"),
        ({"nonce": [ATTEMPT.nonce]}, "nonce"),
        ({"nonce": ""}, "nonce"),
        ({"exp": None}, "exp"),
        ({"exp": int(NOW.timestamp())}, "exp"),
        ({"exp": "99999999999"}, "exp"),
        ({"exp": True}, "exp"),
        ({"exp": 10**400, "iat": None}, "exp"),
        ({"iat": None}, "iat"),
        ({"iat": NOW.timestamp() - 301}, "iat"),
        ({"iat": NOW.timestamp() + 301}, "iat"),
        ({"nbf": NOW.timestamp() + 301}, "nbf"),
        ({"nbf": "soon"}, "nbf"),
        ({"at_hash": half_hash("other")}, "at_hash"),
        ({"at_hash": 1}, "at_hash"),
        ({"acr": "aal3"}, "acr"),
        ({"acr": ["aal3", "crl"]}, "acr"),
        ({"acr": "aal3crl"}, "acr"),
        ({"sub": ""}, "sub"),
        ({"sub": 1}, "sub"),
        ({"sub": "登録者"}, "sub"),
        ({"sub": "a\nb"}, "sub"),
        ({"sub": "s" * 256}, "sub"),
    ],
)
def test_p23_wrong_claims(changes: dict[str, Any], found: str) -> None:
    with pytest.raises(IdentityRefused) as refused:
        _subject(**changes)
    assert refused.value.problems[0].found == found


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b'"x"',
        b'{"a":1,"a":2}',
        b'{"a":NaN}',
        b"{",
        b"\xff",
        b'{"a":' * 5000,
        b"1" * 9000,
    ],
)
def test_p23_json_that_is_not_one_plain_object(raw: bytes) -> None:
    with pytest.raises(IdentityRefused, match="token_malformed"):
        strict_json(raw, code="token_malformed")


@pytest.mark.parametrize(
    "change",
    [
        {"access_token": ""},
        {"access_token": "a b"},
        {"access_token": "a\r\nX-Header: 1"},
        {"access_token": "鍵"},
        {"access_token": None},
        {"id_token": ["a", "b"]},
        {"id_token": "x" * 40_000},
        {"token_type": None},
        {"scope": ["openid", "name"]},
        {"scope": "openid name name"},
        {"scope": ""},
    ],
)
def test_p23_wrong_token_answer(change: dict[str, Any]) -> None:
    good = {"access_token": "a", "id_token": "b", "token_type": "bearer", "scope": "name openid"}
    assert check_token_answer(good, KEPT).access_token == "a"
    with pytest.raises(IdentityRefused, match="token_malformed"):
        check_token_answer(good | change, KEPT)


@pytest.mark.parametrize("token", ["", "a", "e30.e30.", "!!.a.b", "bm8.e30.x", "\u3042.e30.x"])
def test_p23_wrong_header(token: str) -> None:
    with pytest.raises(IdentityRefused, match="id_token_invalid"):
        check_token_header(token)


@given(query=st.text(max_size=200))
def test_p23_any_query_is_a_code_or_a_refusal(query: str) -> None:
    with pytest.raises(IdentityRefused):
        check_callback(CONFIG, Callback.from_query(query), KEPT, NOW)


def test_r12_attempt_lasts_ten_minutes() -> None:
    callback = Callback.from_query(f"code=c&state={ATTEMPT.state}")
    last = NOW + timedelta(minutes=10) - timedelta(seconds=1)
    assert check_callback(CONFIG, callback, KEPT, last) == "c"
    for wrong in (NOW + timedelta(minutes=10), NOW - timedelta(seconds=1)):
        with pytest.raises(IdentityRefused, match="attempt_expired"):
            check_callback(CONFIG, callback, KEPT, wrong)


def test_r12_secrets_of_an_attempt_are_fresh_and_not_shown() -> None:
    other = begin(CONFIG, ("openid",), now=NOW)
    secrets = {ATTEMPT.state, ATTEMPT.nonce, ATTEMPT.verifier, other.state, other.nonce}
    assert len(secrets) == 5
    assert all(len(secret) == 43 for secret in secrets)
    assert ATTEMPT.verifier not in ATTEMPT.url
    assert ATTEMPT.state not in repr(ATTEMPT)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_p23_id_token_altered_at_any_character_is_refused(data: st.DataObject) -> None:
    """An altered character either is refused or changes no claim (spare bits of base64)."""
    provider_key = new_signing_key()
    header = {"alg": "ES256", "kid": provider_key.kid}
    token = jwt.encode(header, CLAIMS, provider_key, algorithms=["ES256"])
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters(min_codepoint=33, max_codepoint=126))
    altered = token[:place] + other + token[place + 1 :]
    keys = KeyCache()
    keys._published[CONFIG.certs_url] = _Published({str(provider_key.kid): provider_key}, NOW, NOW)
    try:
        with httpx.Client() as http:  # never used: the keys are there
            claims = _verified_claims(CONFIG, http, altered, keys, NOW)
    except IdentityRefused:
        return
    assert json.dumps(claims) == json.dumps(CLAIMS)


def test_r12_tokens_and_secrets_are_not_in_what_is_returned(browser: Browser) -> None:
    identity = browser.identify()
    shown = repr(identity)
    assert identity.subject not in shown
    assert "山田" not in shown


def test_r12_finish_without_attempt_makes_no_call(browser: Browser) -> None:
    callback = Callback.from_query(f"code=c&state={ATTEMPT.state}")
    before = browser.standin.calls("token")
    with pytest.raises(IdentityRefused, match="attempt_unknown"):
        finish(
            browser.config,
            browser.standin.http,
            callback=callback,
            attempt=None,
            now=NOW,
            today=TODAY,
            keys=KeyCache(),
        )
    assert browser.standin.calls("token") == before
