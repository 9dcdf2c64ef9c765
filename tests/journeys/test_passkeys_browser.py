"""Passkeys in a real Chromium, on a device made of software: offered, made, used, refused, removed."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, CDPSession, Page, expect
from sqlalchemy import text

from tests.factories.registry import GATE, create_person
from tests.journeys.conftest import Live, Visitor, axe_finds_nothing, visiting

pytestmark = pytest.mark.browser

EMAIL = "hanako@example.jp"
FIELD = "8けたの番号"


@dataclass(frozen=True, slots=True)
class Phone:
    """A browser with a device of its own that knows a face."""

    visitor: Visitor
    page: Page
    devtools: CDPSession
    device: str

    def knows(self, face: bool) -> None:
        """Whether the device recognises who holds it."""
        told = {"authenticatorId": self.device, "isUserVerified": face}
        self.devtools.send("WebAuthn.setUserVerified", told)

    def keys(self) -> list[dict[str, Any]]:
        """What the device keeps."""
        found = self.devtools.send("WebAuthn.getCredentials", {"authenticatorId": self.device})
        keys: list[dict[str, Any]] = found["credentials"]
        return keys

    def count_back(self, to: int) -> None:
        """Put the one key back as a copy of it would be: with an old counter."""
        [key] = self.keys()
        named = {"authenticatorId": self.device, "credentialId": key["credentialId"]}
        self.devtools.send("WebAuthn.removeCredential", named)
        again = {"authenticatorId": self.device, "credential": key | {"signCount": to}}
        self.devtools.send("WebAuthn.addCredential", again)

    def sign_out(self) -> None:
        self.page.goto("/me")
        self.page.get_by_role("button", name="サインアウト").click()
        self.page.wait_for_url("/")


@pytest.fixture
def phone(chromium: Browser, live: Live) -> Iterator[Phone]:
    create_person(live.database, email=EMAIL, now=live.clock.now())
    with visiting(chromium, live) as visitor:
        devtools = visitor.context.new_cdp_session(visitor.page)
        devtools.send("WebAuthn.enable")
        made = devtools.send(
            "WebAuthn.addVirtualAuthenticator",
            {
                "options": {
                    "protocol": "ctap2",
                    "transport": "internal",
                    "hasResidentKey": True,
                    "hasUserVerification": True,
                    "isUserVerified": True,
                    "automaticPresenceSimulation": True,
                }
            },
        )
        yield Phone(visitor, visitor.page, devtools, made["authenticatorId"])


def look(page: Page) -> None:
    """As tall as the page, so that its bar lies at its foot; then axe looks."""
    tall = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": 390, "height": max(int(tall), 844)})
    axe_finds_nothing(page)
    page.set_viewport_size({"width": 390, "height": 844})


def by_code(page: Page, wanted: str = "/") -> None:
    """Sign in with the mailed code; a rehearsal shows it."""
    page.goto(f"/signin?next={wanted}")
    page.get_by_label("メールアドレス").fill(EMAIL)
    page.get_by_role("button", name="番号を送る").click()
    shown = re.search(r"\d{8}", page.locator("main").inner_text())
    assert shown
    page.get_by_label(FIELD).fill(shown[0])
    page.get_by_role("button", name="次へ進む").click()
    page.wait_for_url(wanted)


def offer(page: Page) -> Any:
    return page.get_by_role("button", name="顔や指紋を使う")


def make(phone: Phone) -> None:
    """After the first code a passkey is offered; take it."""
    by_code(phone.page)
    look(phone.page)
    offer(phone.page).click()
    expect(phone.page.get_by_text("できました。")).to_be_visible()
    look(phone.page)


def test_offered_after_the_first_code_and_used_from_then_on(phone: Phone, live: Live) -> None:
    make(phone)
    page = phone.page
    [key] = phone.keys()
    assert key["rpId"] == "localhost"
    assert EMAIL not in str(key)
    page.reload()
    assert offer(page).count() == 0
    for count in (2, 3):
        phone.sign_out()
        # The device's one key is the one offered in the field; a virtual face takes it at once.
        page.goto("/signin?next=/me/devices")
        page.wait_for_url("/me/devices")
        assert phone.keys()[0]["signCount"] == count
    look(page)
    assert "パスキー" in page.locator("main").inner_text()
    with live.database.transaction(GATE) as db:
        last = db.execute(text("select max(sign_count) from passkey")).scalar_one()
    assert last == 3
    assert phone.visitor.said == []


def test_the_button_works_without_the_list_of_the_field(phone: Phone) -> None:
    make(phone)
    phone.sign_out()
    page = phone.page
    page.add_init_script("PublicKeyCredential.isConditionalMediationAvailable = undefined")
    page.goto("/signin?next=/me/devices")
    look(page)
    page.get_by_role("button", name="顔や指紋でサインイン").click()
    page.wait_for_url("/me/devices")


def test_an_unknown_face_opens_nothing_and_the_code_does(phone: Phone) -> None:
    make(phone)
    phone.sign_out()
    phone.knows(False)
    page = phone.page
    page.add_init_script("PublicKeyCredential.isConditionalMediationAvailable = undefined")
    page.goto("/signin")
    page.get_by_role("button", name="顔や指紋でサインイン").click()
    expect(page.get_by_text("いまは確かめられませんでした")).to_be_visible()
    by_code(page)


def test_a_copied_key_is_refused_and_its_owner_told(phone: Phone) -> None:
    make(phone)
    phone.sign_out()
    phone.count_back(0)
    page = phone.page
    page.add_init_script("PublicKeyCredential.isConditionalMediationAvailable = undefined")
    page.goto("/signin")
    page.get_by_role("button", name="顔や指紋でサインイン").click()
    expect(page.get_by_text("いまは確かめられませんでした")).to_be_visible()
    by_code(page, "/me/devices")
    expect(page.get_by_text("写しが使われたおそれがあるため")).to_be_visible()
    page.goto("/notices")
    expect(page.get_by_role("heading", name="パスキーを止めました")).to_be_visible()


def test_named_added_twice_and_removed(phone: Phone) -> None:
    make(phone)
    page = phone.page
    page.goto("/me/devices")
    page.get_by_text("名前を変える・消す").click()
    page.get_by_label("名前").fill("台所の電話")
    look(page)
    page.get_by_role("button", name="名前を変える").click()
    expect(page.get_by_role("heading", name="台所の電話")).to_be_visible()
    page.get_by_role("button", name="この端末のパスキーを作る").click()
    expect(page.get_by_text("もう登録されています")).to_be_visible()
    page.get_by_text("名前を変える・消す").click()
    page.get_by_role("button", name="このパスキーを消す").click()
    expect(page.get_by_text("パスキーはまだありません")).to_be_visible()


def test_proving_oneself_again(phone: Phone, live: Live) -> None:
    make(phone)
    page = phone.page
    page.goto("/signin/again?next=/me/devices")
    look(page)
    page.get_by_role("button", name="顔や指紋で確かめる").click()
    page.wait_for_url("/me/devices")
    with live.database.transaction(GATE) as db:
        verified = (
            "select count(*) from web_session where method = 'code' and user_verified_at = :n"
        )
        found = db.execute(text(verified), {"n": live.clock.now()}).scalar_one()
    assert found == 1


def test_not_now_is_remembered(phone: Phone) -> None:
    by_code(phone.page)
    expect(offer(phone.page)).to_be_visible()
    phone.page.get_by_role("button", name="いまはしない").click()
    phone.page.wait_for_load_state()
    assert offer(phone.page).count() == 0


def test_without_scripts_nothing_is_offered(chromium: Browser, live: Live) -> None:
    create_person(live.database, email=EMAIL, now=live.clock.now())
    with visiting(chromium, live, scripts=False) as visitor:
        page = visitor.page
        by_code(page)
        assert not offer(page).is_visible()
        page.goto("/me/devices")
        assert not page.get_by_role("button", name="この端末のパスキーを作る").is_visible()
        page.goto("/signin/again")
        expect(page.get_by_role("button", name="番号を送る")).to_be_visible()
