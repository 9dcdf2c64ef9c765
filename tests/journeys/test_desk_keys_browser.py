"""Passkeys of staff in a real Chromium: offered, used to sign in, and to send what waited."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from core.access import Role
from tests.factories.registry import HIDA, make_staff
from tests.journeys.conftest import Live, axe_finds_nothing, visiting
from tests.journeys.test_desk_browser import keep_picture, sign_in

pytestmark = pytest.mark.browser
DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def test_a_key_is_kept_used_and_sends_what_waited(chromium: Browser, live: Live) -> None:
    manager = make_staff(live.database, HIDA, Role.MANAGER, now=live.clock.now())
    with visiting(chromium, live, width=1280, bypass_csp=True) as visitor:
        page = visitor.page
        devtools = visitor.context.new_cdp_session(page)
        devtools.send("WebAuthn.enable")
        devtools.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
        sign_in(page, manager)
        page.get_by_role("button", name="顔や指紋を使う").click()
        expect(page.get_by_text("できました。")).to_be_visible()
        page.get_by_role("link", name="サインインの方法と端末").click()
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 844})
            axe_finds_nothing(page)
            keep_picture(page, f"own-{width}")
        page.set_viewport_size({"width": 1280, "height": 844})
        page.goto(f"/staff/{HIDA}/settings")
        form = page.locator('form[action$="/settings/staff"]')
        form.evaluate("one => one.closest('details')?.setAttribute('open', '')")
        form.locator('[name="name"]').fill("新しい担当")
        form.locator('[name="email"]').fill("tanto@city.example.jp")
        form.get_by_role("radio", name="担当者").check()
        form.get_by_role("button").click()
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 844})
            axe_finds_nothing(page)
            keep_picture(page, f"again-{width}")
        page.get_by_role("button", name="顔や指紋で確かめる").click()
        expect(page.get_by_text("職員を加えました。")).to_be_visible()
        page.get_by_role("button", name="サインアウト", exact=True).click()
        # The device's one key is the one offered in the field; a virtual face takes it at once.
        page.wait_for_url(f"/staff/{HIDA}")
