"""Profile, residence, the way to the card check, and pages without scripts of their own (R12, R16)."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from core.clock import FixedClock
from core.settings import Settings
from registry.idp import new_signing_key
from tests.conftest import RollbackDatabase, serve
from tests.factories.activities import create_member, create_organisation
from tests.factories.phone import Phone, sign_in
from tests.factories.presence import Look
from tests.factories.registry import GIFU, HIDA, NAGANO, open_bodies


@pytest.fixture
def hanako(phone: Phone, database: RollbackDatabase) -> Phone:
    return newcomer(phone, database)


def newcomer(phone: Phone, database: RollbackDatabase) -> Phone:
    open_bodies(database, GIFU, HIDA)
    phone.open("/signin")
    sign_in(phone, "hanako@example.jp")
    phone.send({"nickname": "花子", "birth_year": "1952", "consent": "yes"}, to="/welcome")
    phone.open(f"/towns/{HIDA}")
    return phone.send({"tie": "origin"}, to=f"/towns/{HIDA}/join")


@pytest.fixture
def with_provider(
    settings: Settings, database: RollbackDatabase, clock: FixedClock, tmp_path: Path
) -> Iterator[Phone]:
    """A registrant on a platform that has a key to ask the provider with."""
    key = tmp_path / "key.pem"
    key.write_bytes(new_signing_key().as_pem(private=True))
    asking = settings.model_copy(
        update={"idp_private_key_file": key, "idp_base_url": "http://127.0.0.1:9/realm"}
    )
    app = serve(asking, database, clock)
    with TestClient(app, follow_redirects=False) as http:
        yield newcomer(Phone(http), database)


def test_r12_the_card_check_is_a_link_out_and_no_form_leaves_the_site(
    with_provider: Phone, look: Look
) -> None:
    phone = with_provider.open("/me/identity?next=/me/residence")
    phone.send(to="/me/identity")
    out = urlsplit(phone.link("カードの確認へ進む"))
    assert out.netloc == "127.0.0.1:9"
    asked = parse_qs(out.query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["redirect_uri"] == ["http://testserver/identity/callback"]
    assert look.rows("select purpose, next_path from identity_attempt") == [
        ("premium", "/me/residence")
    ]
    for form in re.findall(r'<form[^>]*action="([^"]*)"', phone.text):
        assert form.startswith("/")


def test_r12_without_a_provider_the_page_says_so(hanako: Phone) -> None:
    hanako.open("/me/identity").send(to="/me/identity")
    assert hanako.status == 422
    assert "エラー" in hanako.text


def test_r16_a_declared_residence_is_compared_at_once(hanako: Phone, look: Look) -> None:
    relation = "select residence_relation from registration where lg_code = :c"
    assert look.one(relation, c=HIDA) == "unknown"
    hanako.open("/me/residence?q=ひだ").send({"code": HIDA}, to="/me/residence", nth=1)
    assert "岐阜県飛騨市" in hanako.words
    assert look.one(relation, c=HIDA) == "resident"
    hanako.open("/me/residence?q=長野").send({"code": NAGANO}, to="/me/residence", nth=1)
    assert look.one(relation, c=HIDA) == "elsewhere"
    hanako.open("/me/residence").send({"code": "999999"}, to="/me/residence", nth=1)
    assert hanako.status == 422
    hanako.open("/me/residence").send(to="/me/residence", nth=1)
    assert look.one("select declared_residence from person") is None


def test_r25_a_new_name_reaches_every_towns_copy(hanako: Phone, look: Look) -> None:
    hanako.open("/me/profile")
    hanako.send({"nickname": "はな", "name": "髙橋 花子", "kana": "たかはし はなこ"})
    assert hanako.path == "/me"
    names = "select distinct display_name, kana from registration"
    assert look.rows(names) == [("髙橋 花子", "たかはし はなこ")]
    hanako.open("/me/profile").send({"nickname": ""})
    assert hanako.status == 422


def test_no_page_carries_a_script_or_a_style_of_its_own(hanako: Phone) -> None:
    for path in ("/", "/me", "/checkin", f"/towns/{HIDA}", "/activities", "/notices"):
        hanako.open(path)
        assert not re.search(r"<script(?![^>]*\ssrc=)|\son\w+=|\sstyle=", hanako.text)
        assert len(re.findall(r"<style>", hanako.text)) == 1


def test_r22_a_scanner_may_hand_a_code_over_in_the_address(hanako: Phone) -> None:
    assert ">FJ1:ABC</textarea>" in hanako.open("/verify?code=FJ1:ABC").text


def test_r10_whoever_acts_for_a_host_finds_it_from_here(
    hanako: Phone, database: RollbackDatabase
) -> None:
    assert "/me/organisations" not in hanako.open("/me").text
    with database.owner() as owner:
        person_id = owner.execute(text("select id from person")).scalar_one()
    create_member(database, create_organisation(database), person_id)
    assert "/me/organisations" in hanako.open("/me").text
