"""A check-in that waits in the phone, and every way in which it is sent (P02, C24, F3, F5)."""

import time
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.factories.registry import HIDA
from tests.journeys.offline.conftest import (
    Village,
    at_home,
    at_rest,
    flushed,
    give_session,
    press,
    tall,
    worker_of,
)

pytestmark = pytest.mark.browser


def test_p02_a_check_in_waits_and_is_sent_when_the_line_is_back(
    page: Page, village: Village
) -> None:
    page.goto(village.poster)
    village.line.mode = "shut"
    assert press(page) < 5
    strip = page.get_by_role("link", name="まだ送っていない受付 1件")
    strip.wait_for()
    assert village.activity.title in page.locator("main").inner_text()
    assert "電波を待っています" in page.locator("main").inner_text()
    tall(page)
    page.goto("/")
    expect(page.get_by_role("link", name="まだ送っていない受付 1件")).to_be_visible()
    assert village.attempts() == []
    village.line.mode = "open"
    page.goto("/queued")
    page.get_by_text("送りました。受付しました。").wait_for()
    (row,) = village.arrived()
    assert (row.outcome, row.offline) == ("accepted", True)
    # C26, F7: the time is the phone's, put right; that of arrival stands beside it.
    assert row.offset_ms is not None
    assert row.received_at > row.scanned_at
    assert strip.is_hidden()
    page.get_by_role("link", name="結果を見る").click()
    assert "受付しました" in page.locator("h1").inner_text()
    page.goto("/queued")
    page.get_by_text("送っていない受付はありません").wait_for()


def test_f3_a_lost_reply_is_two_posts_and_one_row(page: Page, village: Village) -> None:
    page.goto(village.poster)
    village.line.mode = "lose"
    assert press(page) < 5
    village.arrived()
    village.line.mode = "open"
    page.goto("/queued")
    page.get_by_text("送りました。").first.wait_for()
    assert village.line.posts(village.poster) == 2
    assert len(village.attempts()) == 1


def test_p02_a_hanging_line_is_answered_within_five_seconds(page: Page, village: Village) -> None:
    page.goto(village.poster)
    village.line.mode = "hang"
    assert press(page) <= 5
    began = time.monotonic()
    page.goto("/")
    assert time.monotonic() - began <= 5
    assert "花子さん" in page.locator("h1").inner_text()


def test_p02_a_cold_start_without_network(
    chromium: Browser, village: Village, tmp_path: Path
) -> None:
    """The browser itself was closed; nothing but the line decides."""
    someone = village.person()
    first = at_rest(chromium, village, tmp_path)
    give_session(first, village, someone)
    page = first.pages[0]
    at_home(page)
    page.goto(f"/card/{HIDA}")
    page.locator("[data-picture] svg").wait_for()
    first.close()
    village.line.mode = "shut"
    second = at_rest(chromium, village, tmp_path)
    page = second.pages[0]
    page.goto("/")
    assert village.activity.title in page.locator("main").inner_text()
    page.goto(f"/activities/{HIDA}/{village.activity.id}")
    assert village.activity.title in page.locator("h1").inner_text()
    page.goto(f"/card/{HIDA}")
    page.locator("[data-picture] svg").wait_for()
    page.goto("/me/history")
    assert "電波がありません" in page.locator("h1").inner_text()
    # A poster never opened before, through the phone's camera.
    page.goto(village.poster.upper())
    page.get_by_text("会場のコードを読み取りました").wait_for()
    press(page)
    second.close()
    village.line.mode = "open"
    third = at_rest(chromium, village, tmp_path)
    third.pages[0].goto("/")
    (row,) = village.arrived()
    assert row.outcome == "accepted"
    third.close()


def test_p02_a_sync_event_sends_with_every_page_closed(
    page: Page, context: BrowserContext, village: Village
) -> None:
    page.goto(village.poster)
    village.line.mode = "shut"
    press(page)
    session = context.new_cdp_session(page)
    versions: list[Any] = []

    def note(told: Any) -> None:
        versions.append(told)

    session.on("ServiceWorker.workerRegistrationUpdated", note)
    session.send("ServiceWorker.enable")
    while not versions:
        page.wait_for_timeout(20)
    page.goto("about:blank")
    village.line.mode = "open"
    registration = versions[0]["registrations"][0]["registrationId"]
    session.send(
        "ServiceWorker.dispatchSyncEvent",
        {
            "origin": village.line.url,
            "registrationId": registration,
            "tag": "check-ins",
            "lastChance": False,
        },
    )
    assert village.arrived()[0].outcome == "accepted"


def test_p02_a_browser_without_background_sync_sends_when_online(
    page: Page, context: BrowserContext, village: Village
) -> None:
    worker_of(context).evaluate("delete ServiceWorkerRegistration.prototype.sync")
    assert worker_of(context).evaluate("registration.sync === undefined")
    page.goto(village.poster)
    context.set_offline(True)
    village.line.mode = "shut"
    press(page)
    village.line.mode = "open"
    context.set_offline(False)
    assert village.arrived()[0].outcome == "accepted"


def test_f5_what_cannot_be_taken_is_set_aside_and_the_rest_flows(
    page: Page, village: Village
) -> None:
    """C24: a code of nowhere is shown with its reason and may be removed; the good one arrives."""
    page.goto("/checkin")
    village.line.mode = "shut"
    page.get_by_label("8文字のコード").fill("2222 2222")
    page.get_by_role("button", name="このコードで進む").click()
    page.get_by_role("heading", name="受付をあずかりました").wait_for()
    page.goto(village.poster)
    page.get_by_text("会場のコードを読み取りました").wait_for()
    press(page)
    village.line.mode = "open"
    page.goto("/queued")
    page.get_by_text("送りました。受付しました。").wait_for()
    assert [row.outcome for row in village.arrived()] == ["accepted"]
    expect(page.get_by_role("link", name="まだ送っていない受付 1件")).to_be_visible()
    tall(page)
    page.get_by_role("button", name="この受付を取り消す").click()
    page.get_by_role("link", name="まだ送っていない受付 1件").wait_for(state="hidden")


def test_one_flush_at_a_time(page: Page, village: Village) -> None:
    """Eight ask at once; each hears back only when nothing more is under way."""
    page.goto(village.poster)
    village.line.mode = "shut"
    press(page)
    village.line.mode = "open"
    flushed(page, times=8)
    village.arrived()
    assert village.line.posts(village.poster) == 1
