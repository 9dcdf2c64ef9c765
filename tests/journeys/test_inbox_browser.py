"""今日 by keyboard in a real Chromium: fifty applications, and one row without scripts."""

from __future__ import annotations

import logging
import time

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import func, select

from core.access import Role
from core.db import for_body
from registry.models import Application
from tests.factories.desk import create_applicants, create_morning
from tests.factories.registry import HIDA, make_staff
from tests.journeys.conftest import Live, axe_finds_nothing, visiting
from tests.journeys.test_desk_browser import keep_picture, sign_in

LOG = logging.getLogger(__name__)
pytestmark = pytest.mark.browser
MANY = 50
#: Keys until the fiftieth is approved: one to enter the list, one for each.
PRESSES = MANY + 1


def granted(live: Live) -> int:
    with live.database.transaction(for_body(HIDA, actor="system:test")) as db:
        return (
            db.scalar(
                select(func.count())
                .select_from(Application)
                .where(Application.lg_code == HIDA, Application.state == "granted")
            )
            or 0
        )


def test_fifty_applications_by_keyboard(chromium: Browser, live: Live) -> None:
    """R15: one key an application, the next row under the fingers; none is told by the mouse."""
    create_applicants(live.database, MANY)
    someone = make_staff(live.database, HIDA, Role.APPROVER)
    with visiting(chromium, live, width=1280) as visitor:
        page = visitor.page
        sign_in(page, someone)
        expect(page.locator("[data-keys]")).to_be_visible()
        presses, began = 0, time.perf_counter()
        page.keyboard.press("j")
        presses += 1
        for left in range(MANY, 0, -1):
            expect(page.locator("[data-row]")).to_have_count(left)
            expect(page.locator("[data-row]").first).to_be_focused()
            page.keyboard.press("a")
            presses += 1
        expect(page.locator("[data-row]")).to_have_count(0)
        LOG.info("%d applications, %d keys, %.1f s", MANY, presses, time.perf_counter() - began)
        assert (presses, granted(live)) == (PRESSES, MANY)
        # The last page without rows, with its scripts: a key pressed while it loads is lost.
        expect(page.locator("body:not(:has([data-row])) [data-undo] button")).to_be_visible()
        page.wait_for_load_state()
        page.keyboard.press("u")
        expect(page.locator("[data-row]")).to_have_count(1)
        assert granted(live) == MANY - 1
        assert visitor.said == []


def test_keys_belong_to_words_while_somebody_writes(chromium: Browser, live: Live) -> None:
    morning = create_morning(live.database)
    with visiting(chromium, live, width=1280, bypass_csp=True) as visitor:
        page = visitor.page
        sign_in(page, morning.approver)
        row = page.locator(f"#application-{morning.application.id}")
        row.focus()
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 844})
            keep_picture(page, f"inbox-{width}")
            axe_finds_nothing(page)
        row.focus()
        page.keyboard.press("r")
        reason = row.get_by_label("理由")
        expect(reason).to_be_focused()
        page.keyboard.type("aukx jr")
        expect(reason).to_have_value("aukx jr")
        page.keyboard.press("Escape")
        expect(row).to_be_focused()
        _compose(page)
        expect(row).to_be_focused()
        page.keyboard.press("x")
        page.get_by_role("button", name="選んだものをまとめて見る").click()
        expect(page.get_by_text("選んだ1件のうち、1件を承認できます")).to_be_visible()
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 844})
            keep_picture(page, f"inbox-many-{width}")
            axe_finds_nothing(page)
        page.get_by_role("button", name="1件を承認する").click()
        expect(page.get_by_role("status")).to_contain_text("すべて承認しました")
        assert granted(live) == 1


def _compose(page: Page) -> None:
    """A key of a word that a Japanese keyboard is still composing."""
    page.evaluate(
        "document.activeElement.dispatchEvent(new KeyboardEvent('keydown',"
        " {key: 'a', isComposing: true, bubbles: true}))"
    )


def test_one_row_without_scripts(chromium: Browser, live: Live) -> None:
    morning = create_morning(live.database)
    with visiting(chromium, live, width=390, scripts=False) as visitor:
        page = visitor.page
        sign_in(page, morning.approver)
        row = page.locator(f"#application-{morning.application.id}")
        expect(page.locator("[data-keys]")).to_be_hidden()
        row.get_by_role("button", name="承認する").click()
        expect(page.get_by_role("status")).to_contain_text("承認しました")
        keep_picture(page, "inbox-undo-390")
        page.get_by_role("button", name="元に戻す").click()
        expect(page.get_by_role("status")).to_contain_text("元に戻しました")
        expect(row).to_be_visible()
        assert visitor.said == []
