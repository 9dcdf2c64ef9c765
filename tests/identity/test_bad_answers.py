"""P23, R12: every bad answer of the provider, by name; each verifies nobody.

After each one the same platform and provider verify a good card, so the fault was the reason.
"""

from datetime import date, timedelta

import pytest

from core.clock import wall_now
from registry.idp import IdentityRefused, begin
from standins.openid import BAD_ANSWERS, EXTRA_FAULTS
from tests.identity.rig import Browser, StandIn

#: Code, and the check that failed, for each of the 44.
EXPECTED: dict[str, tuple[str, str | None]] = {
    "callback_state_missing": ("callback_malformed", "state"),
    "callback_state_of_other_session": ("attempt_unknown", None),
    "callback_state_used": ("attempt_used", None),
    "callback_attempt_expired": ("attempt_expired", None),
    "callback_state_twice": ("callback_malformed", "repeated"),
    "callback_without_attempt": ("attempt_unknown", None),
    "callback_error_with_code": ("callback_malformed", "error_with_code"),
    "callback_error_unknown": ("provider_error", "unknown"),
    "callback_error_html": ("provider_unavailable", "callback"),
    "callback_issuer_other": ("callback_malformed", "issuer"),
    "callback_by_post": ("callback_malformed", "method"),
    "token_400": ("token_refused", "400"),
    "token_401": ("token_refused", "401"),
    "token_500": ("provider_unavailable", "token"),
    "token_timeout_after_issuing": ("provider_unavailable", "token"),
    "token_not_json": ("token_malformed", "content_type"),
    "token_without_id_token": ("token_malformed", "id_token"),
    "token_two_id_tokens": ("token_malformed", "json"),
    "token_type_other": ("token_malformed", "token_type"),
    "token_scope_smaller": ("token_malformed", "scope"),
    "token_scope_larger": ("token_malformed", "scope"),
    "token_redirect": ("token_refused", "307"),
    "id_token_alg_none": ("id_token_invalid", "alg"),
    "id_token_hs256_public_key": ("id_token_invalid", "alg"),
    "id_token_rs256": ("id_token_invalid", "alg"),
    "id_token_unknown_kid": ("id_token_invalid", "kid"),
    "id_token_embedded_key": ("id_token_invalid", "header"),
    "id_token_key_url": ("id_token_invalid", "header"),
    "id_token_bad_signature": ("id_token_invalid", "signature"),
    "id_token_issuer_slash": ("id_token_invalid", "iss"),
    "id_token_issuer_sandbox": ("id_token_invalid", "iss"),
    "id_token_audience_other": ("id_token_invalid", "aud"),
    "id_token_audience_stranger": ("id_token_invalid", "aud"),
    "id_token_expired": ("id_token_invalid", "exp"),
    "id_token_from_future": ("id_token_invalid", "iat"),
    "id_token_without_nonce": ("id_token_invalid", "nonce"),
    "id_token_nonce_of_other_attempt": ("id_token_invalid", "nonce"),
    "id_token_without_subject": ("id_token_invalid", "sub"),
    "id_token_subject_long": ("id_token_invalid", "sub"),
    "id_token_acr_lower": ("id_token_invalid", "acr"),
    "userinfo_other_subject": ("subject_mismatch", None),
    "userinfo_facts_missing": ("facts_missing", "name"),
    "userinfo_birth_date_future": ("birth_date_in_future", None),
    "userinfo_individual_number": ("individual_number_found", None),
}

#: Variants and outages beyond the list.
EXPECTED_EXTRA: dict[str, tuple[str, str | None]] = {
    "id_token_azp_other": ("id_token_invalid", "azp"),
    "id_token_at_hash_wrong": ("id_token_invalid", "at_hash"),
    "token_black_hole": ("provider_unavailable", "token"),
    "token_huge_body": ("token_malformed", "size"),
    "token_slow_body": ("provider_unavailable", "token"),
    "userinfo_401": ("userinfo_refused", "401"),
    "userinfo_500": ("provider_unavailable", "userinfo"),
    "userinfo_black_hole": ("provider_unavailable", "userinfo"),
    "userinfo_facts_wrong_type": ("facts_malformed", "name"),
    "userinfo_not_json": ("userinfo_malformed", "content_type"),
    "userinfo_without_subject": ("subject_mismatch", None),
}


def test_p23_the_list_is_complete() -> None:
    assert len(BAD_ANSWERS) == len(set(BAD_ANSWERS)) == 44
    assert set(EXPECTED) == set(BAD_ANSWERS)
    assert set(EXPECTED_EXTRA) < set(EXTRA_FAULTS)


@pytest.fixture
def hurried(standin: StandIn) -> Browser:
    """A browser at a platform with short patience."""
    config = standin.config()
    object.__setattr__(config, "timeout_seconds", 0.5)
    object.__setattr__(config, "answer_seconds", 0.8)
    return Browser(standin, config)


@pytest.mark.parametrize(("fault", "expected"), [*EXPECTED.items(), *EXPECTED_EXTRA.items()])
def test_p23_r12_bad_answer_verifies_nobody(
    hurried: Browser, fault: str, expected: tuple[str, str | None]
) -> None:
    standin = hurried.standin
    # A finished visit of this browser, and one that another browser has not finished.
    assert hurried.identify().facts.name == "山田 花子"
    stranger = begin(hurried.config, ("openid",), now=wall_now())
    assert standin.http.get(stranger.url).status_code == 200
    standin.preset({"faults": [fault]})
    (callback,) = hurried.visit(hurried.start())
    late = timedelta(minutes=11) if fault == "callback_attempt_expired" else timedelta(0)
    with pytest.raises(IdentityRefused) as refused:
        hurried.return_with(callback, now=wall_now() + late)
    problem = refused.value.problems[0]
    assert (problem.code, problem.found) == expected
    assert refused.value.code == problem.code
    assert problem.rule == "R12"
    assert problem.action in {"start_again", "try_later", "visit_counter", "ask_support"}
    told = f"{refused.value!r} {problem.to_json()}"
    for secret in ("<script", "evil", "123456789018", "山田", "世田谷", "on command"):
        assert secret not in told
    assert hurried.identify().facts.name == "山田 花子"


def test_p23_43_minor_pretending_to_be_an_adult_after_the_first_check(browser: Browser) -> None:
    known = browser.identify(card="age-17").facts.birth_date
    browser.standin.preset({"card": "age-17", "faults": ["userinfo_minor_as_adult"]})
    (callback,) = browser.visit(browser.start())
    with pytest.raises(IdentityRefused, match="birth_date_changed"):
        browser.return_with(callback, known_birth_date=known)
    browser.standin.preset({"card": "age-17"})
    (callback,) = browser.visit(browser.start())
    again = browser.return_with(callback, known_birth_date=known)
    assert again.facts.birth_date == known


def test_p23_duplicate_callback_counts_once(browser: Browser) -> None:
    browser.standin.preset({"faults": ["callback_duplicate"]})
    first, second = browser.visit(browser.start())
    assert browser.return_with(first).facts.name == "山田 花子"
    with pytest.raises(IdentityRefused, match="attempt_used"):
        browser.return_with(second)


def test_p23_callback_in_another_browser_is_refused(browser: Browser) -> None:
    browser.standin.preset({"faults": ["callback_in_other_browser"]})
    (callback,) = browser.visit(browser.start())
    other = Browser(browser.standin, browser.config)
    with pytest.raises(IdentityRefused, match="attempt_unknown"):
        other.return_with(callback)
    # Another browser that has an attempt of its own is no better off.
    attempt = other.start().kept()
    other.attempts[callback.state_hash or ""] = attempt
    with pytest.raises(IdentityRefused, match="attempt_unknown"):
        other.return_with(callback)


def test_p23_code_of_another_visit_is_refused(browser: Browser) -> None:
    """Login swap: a stranger's code with my own state fails at PKCE and nonce."""
    browser.standin.preset({"card": "guardian"}, {"card": "adult"})
    (theirs,) = Browser(browser.standin, browser.config).visit(
        begin(browser.config, ("openid",), now=wall_now())
    )
    (mine,) = browser.visit(browser.start())
    swapped = tuple(
        (name, theirs.one("code") or "") if name == "code" else (name, value)
        for name, value in mine.params
    )
    with pytest.raises(IdentityRefused, match="token_refused"):
        browser.return_with(type(mine)(swapped))


def test_p12_slow_provider_is_waited_for_within_limits(browser: Browser) -> None:
    assert browser.identify(faults=["auth_delay", "token_delay"]).facts.name == "山田 花子"


def test_p12_provider_that_is_down_verifies_nobody(standin: StandIn) -> None:
    """Nothing listens at the address: a clear refusal, no traceback of the network."""
    browser = Browser(standin, standin.config())
    standin.preset({})
    (callback,) = browser.visit(browser.start())
    dead = standin.config()
    object.__setattr__(dead, "token_url", "http://127.0.0.1:1/token")
    browser.config = dead
    with pytest.raises(IdentityRefused, match="provider_unavailable"):
        browser.return_with(callback)


@pytest.mark.parametrize("certs_fault", ["certs_500", "certs_empty"])
def test_p23_no_keys_no_identity(standin: StandIn, certs_fault: str) -> None:
    browser = Browser(standin, standin.config())
    standin.preset({}, certs_fault=certs_fault)
    (callback,) = browser.visit(browser.start())
    with pytest.raises(IdentityRefused) as refused:
        browser.return_with(callback)
    assert refused.value.code in {"provider_unavailable", "id_token_invalid"}
    standin.preset()
    assert Browser(standin, standin.config()).identify().facts.birth_date == date(1985, 3, 15)
