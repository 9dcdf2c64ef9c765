"""R12: good cards pass, in both forms of facts, with either of our keys, through key rotation."""

import re
from datetime import date, timedelta

import pytest

from core.clock import wall_now
from registry.idp import (
    GUARDIAN_SCOPES,
    PREMIUM_SCOPES,
    PREMIUM_YOUNG_SCOPES,
    RENEWAL_SCOPES,
    SIGN_IN_SCOPES,
    Facts,
    IdentityRefused,
    blind_index,
    pairwise,
)
from registry.rules.facts import IdentityLevel
from tests.identity.rig import ALL_FACTS, Browser, StandIn, callback_of


@pytest.mark.parametrize("fact_format", ["plain", "oidc"])
@pytest.mark.parametrize(
    ("card", "facts"),
    [
        (
            "adult",
            Facts("山田 花子", "東京都世田谷区世田谷4丁目21番27号", date(1985, 3, 15), "female"),
        ),
        (
            "rare-takahashi",
            Facts("髙橋 蒼", "東京都千代田区九段南1丁目2番1号", date(1988, 6, 6), "male"),
        ),
        (
            "rare-saki",
            Facts("山﨑 薫", "長野県長野市大字鶴賀緑町1613番地", date(1971, 10, 10), "female"),
        ),
        (
            "rare-yoshino",
            Facts("𠮷野 桜", "岐阜県飛騨市古川町本町2番22号", date(1993, 3, 3), "female"),
        ),
        (
            "latin",
            Facts(
                "O'BRIEN MÁIRE ANNE", "東京都千代田区九段南1丁目2番1号", date(1985, 3, 15), "female"
            ),
        ),
        ("leap", Facts("閏 二月", "東京都世田谷区世田谷4丁目21番27号", date(2008, 2, 29), "male")),
        (
            "resident-131016",
            Facts("高橋 実", "東京都千代田区九段南1丁目2番1号", date(1974, 7, 7), "unknown"),
        ),
    ],
)
def test_r12_card_is_verified_in_both_forms(
    browser: Browser, card: str, facts: Facts, fact_format: str
) -> None:
    identity = browser.identify(PREMIUM_SCOPES, card=card, fact_format=fact_format)
    assert identity.facts == facts
    assert identity.level is IdentityLevel.MNC_SIGN
    assert set(identity.acr.split()) == {"aal3", "crl"}


@pytest.mark.parametrize(
    ("scopes", "asked"),
    [
        (PREMIUM_YOUNG_SCOPES, {"name", "address", "birth_date", "gender"}),
        (RENEWAL_SCOPES, {"address"}),
        (GUARDIAN_SCOPES, {"name", "birth_date"}),
        (SIGN_IN_SCOPES, set()),
    ],
)
def test_r12_only_the_facts_of_the_purpose_come(
    browser: Browser, scopes: tuple[str, ...], asked: set[str]
) -> None:
    identity = browser.identify(scopes)
    taken = {name for name in Facts.__slots__ if getattr(identity.facts, name) is not None}
    assert taken == asked
    assert identity.level is IdentityLevel.MNC_USER


def test_r18_card_of_a_14_year_old_has_no_signing_certificate(browser: Browser) -> None:
    with pytest.raises(IdentityRefused, match="certificate_missing"):
        browser.identify(PREMIUM_SCOPES, card="age-14")
    young = browser.identify(PREMIUM_YOUNG_SCOPES, card="age-14")
    assert young.level is IdentityLevel.MNC_USER
    assert young.facts.name == "佐藤 三葉"


@pytest.mark.parametrize(
    ("card", "code", "action"),
    [
        ("revoked", "certificate_revoked", "visit_counter"),
        ("expired", "certificate_expired", "visit_counter"),
        ("pin-locked", "pin_locked", "visit_counter"),
        ("cancelled", "cancelled", "start_again"),
        ("no-address", "facts_missing", "ask_support"),
    ],
)
def test_r12_card_that_verifies_nobody(browser: Browser, card: str, code: str, action: str) -> None:
    with pytest.raises(IdentityRefused) as refused:
        browser.identify(card=card)
    assert refused.value.code == code
    assert refused.value.problems[0].action == action


def test_r12_subject_is_the_holders_until_the_card_is_reissued(browser: Browser) -> None:
    first = browser.identify(card="adult")
    moved = browser.identify(card="adult-moved")
    renamed = browser.identify(card="adult-renamed")
    assert first.subject == moved.subject == renamed.subject
    assert moved.facts.address == "長野県飯田市大久保町2534番地"
    assert renamed.facts.name == "鈴木 花子"
    other_client = Browser(browser.standin, browser.standin.config(client_id="other"))
    assert other_client.identify(card="adult").subject != first.subject
    browser.standin.command("cards/guardian/reissue", {})
    assert browser.identify(card="guardian").subject != first.subject
    before = browser.identify(card="resident-202011").subject
    browser.standin.command("cards/resident-202011/reissue", {})
    assert browser.identify(card="resident-202011").subject != before


def test_r12_added_card_serves_a_rehearsal(browser: Browser) -> None:
    card = {
        "id": "story-1",
        "name": "星野 こはる",
        "address": "宮城県気仙沼市八日町一丁目1番1号",
        "lg_code": "042056",
        "birthdate": "2012-04-01",
        "gender": "female",
    }
    browser.standin.command("cards", [card])
    assert browser.identify(card="story-1").facts.birth_date == date(2012, 4, 1)


def test_r12_both_of_our_keys_are_accepted(standin: StandIn) -> None:
    for key in (standin.es_key, standin.rsa_key):
        for audience in ("token", "issuer"):
            config = standin.config(signing_key=key, audience=audience)
            assert Browser(standin, config).identify().facts.name == "山田 花子"


def test_r12_provider_rotates_its_keys_without_anybody_noticing(standin: StandIn) -> None:
    browser = Browser(standin, standin.config())
    browser.identify()
    fetched = standin.calls("certs")
    standin.command("rotate", {"at_once": False})
    browser.identify()  # the next key had been published before
    assert standin.calls("certs") == fetched


def test_r12_unknown_key_asks_again_once_a_minute(standin: StandIn) -> None:
    browser = Browser(standin, standin.config())
    browser.identify()
    fetched = standin.calls("certs")
    standin.command("rotate", {"at_once": True})
    for _ in range(3):
        with pytest.raises(IdentityRefused, match="id_token_invalid"):
            browser.identify()  # less than a minute after the last fetch
    assert standin.calls("certs") == fetched
    standin.preset({})
    standin.ahead = timedelta(seconds=61)
    (callback,) = browser.visit(browser.start())
    identity = browser.return_with(callback, now=wall_now() + timedelta(seconds=61))
    assert identity.facts.name == "山田 花子"
    assert standin.calls("certs") == fetched + 1


def test_r12_keys_are_asked_for_again_after_an_hour(standin: StandIn) -> None:
    browser = Browser(standin, standin.config())
    browser.identify()
    fetched = standin.calls("certs")
    standin.ahead = timedelta(hours=1)
    standin.preset({})
    attempt = browser.start()
    (callback,) = browser.visit(attempt)
    kept = attempt.kept()
    object.__setattr__(kept, "begun_at", wall_now() + timedelta(minutes=59))
    browser.attempts[kept.state_hash] = kept
    browser.return_with(callback, now=wall_now() + timedelta(hours=1))
    assert standin.calls("certs") == fetched + 1


def test_r12_consent_page_works_as_a_plain_form(browser: Browser) -> None:
    attempt = browser.start(PREMIUM_YOUNG_SCOPES)
    page = browser.standin.http.get(attempt.url)
    assert page.status_code == 200
    assert "試験用の代替画面" in page.text
    assert "<script" not in page.text
    fields = {"card": "resident-202011", "outcome": "ok", "decision": "allow"}
    handle = re.search(r'name="request" value="([^"]+)"', page.text)
    action = re.search(r'<form method="post" action="([^"]+)"', page.text)
    assert handle is not None
    assert action is not None
    url = f"{browser.standin.base_url}{action[1]}"
    answer = browser.standin.http.post(url, data={**fields, "request": handle[1]})
    identity = browser.return_with(callback_of(answer.headers["location"]))
    assert identity.facts.name == "小林 誠"
    again = browser.standin.http.post(url, data={**fields, "request": handle[1]})
    assert again.status_code == 400


def test_r12_consent_can_be_denied(browser: Browser) -> None:
    page = browser.standin.http.get(browser.start(ALL_FACTS).url)
    handle = re.search(r'name="request" value="([^"]+)"', page.text)
    assert handle is not None
    answer = browser.standin.http.post(
        f"{browser.standin.issuer}/protocol/openid-connect/auth/answer",
        data={"request": handle[1], "card": "adult", "outcome": "ok", "decision": "deny"},
    )
    with pytest.raises(IdentityRefused, match="cancelled"):
        browser.return_with(callback_of(answer.headers["location"]))


def test_r12_index_and_pseudonym_of_a_subject_are_keyed_and_apart() -> None:
    subject, key, other = "subject-1", b"k" * 32, b"o" * 32
    found = {
        blind_index(key, subject),
        blind_index(other, subject),
        pairwise(key, subject),
        pairwise(other, subject),
        blind_index(key, "subject-2"),
    }
    assert len(found) == 5
    assert all(re.fullmatch(r"[0-9a-f]{64}", value) for value in found)
    assert blind_index(key, subject) == blind_index(key, subject)
