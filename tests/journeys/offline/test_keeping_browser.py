"""What a phone keeps, of whom, and for whose eyes (F24, P30)."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page
from playwright.sync_api import Error as PlaywrightError
from sqlalchemy import text

from core.clock import wall_now
from core.db import for_body
from core.web import SESSION_COOKIE
from tests.factories.registry import GATE, GIFU, HIDA, sign_in
from tests.journeys.offline.conftest import (
    DUMP,
    KEPT_PAGES,
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


def test_the_app_can_be_installed(chromium: Browser, village: Village, tmp_path: Path) -> None:
    """In a window that keeps things: a private one is never installed."""
    context = at_rest(chromium, village, tmp_path)
    page = context.pages[0]
    give_session(context, village, village.person())
    at_home(page)
    session = context.new_cdp_session(page)
    assert session.send("Page.getInstallabilityErrors")["installabilityErrors"] == []
    assert session.send("Page.getAppManifest")["errors"] == []
    context.close()


def test_f24_signing_out_with_a_full_queue_warns_loses_and_leaks_nothing(
    page: Page, context: BrowserContext, village: Village
) -> None:
    page.goto(village.poster)
    village.line.mode = "shut"
    press(page)
    page.goto("/")
    kept = worker_of(context)
    # The line is back for pages, and the server refuses to take the scan for the moment.
    village.line.mode = "open"
    kept.evaluate(
        "() => { globalThis.realFetch = fetch; globalThis.fetch = (what, more) =>"
        " more?.headers?.Accept ? Promise.reject(new TypeError('away'))"
        " : realFetch(what, more); }"
    )
    page.goto("/me")
    page.get_by_role("button", name="サインアウト").click()
    warning = page.get_by_role("heading", name="まだ送っていない受付があります")
    warning.wait_for()
    tall(page)
    page.get_by_role("button", name="サインアウト").click()
    page.wait_for_url(village.line.url + "/")
    # Nobody: a number, and nothing else of it.
    page.get_by_role("link", name="ほかの方の、まだ送っていない受付 1件").wait_for()
    held = page.evaluate(DUMP)
    assert village.session.poster_code not in held
    assert village.activity.title not in held
    assert f"/card/{HIDA}" not in page.evaluate(KEPT_PAGES)
    assert (
        page.evaluate(
            "async () => (await (await import('/static/store.js')).values('keys')).length"
        )
        == 0
    )
    kept.evaluate("() => { globalThis.fetch = globalThis.realFetch; }")
    # Somebody else on the same phone: it is neither shown nor sent as theirs.
    other = village.person("太郎")
    context.clear_cookies()
    give_session(context, village, other)
    at_home(page)
    page.goto("/queued")
    page.get_by_text("送っていない受付はありません").wait_for()
    assert village.activity.title not in page.locator("main").inner_text()
    flushed(page)
    assert village.attempts() == []
    # Its owner is back.
    context.clear_cookies()
    with village.live.database.transaction(for_body(HIDA, actor="system:test")) as db:
        owner = db.execute(
            text("select person_id from registration where person_id <> :other"),
            {"other": other.id},
        ).scalar_one()
    token = _token_of(village, owner)
    context.add_cookies([{"name": SESSION_COOKIE, "value": token, "url": village.line.url}])
    page.goto("/")
    (row,) = village.arrived()
    assert (row.person_id, row.outcome) == (owner, "accepted")


def _token_of(village: Village, person_id: Any) -> str:
    with village.live.database.transaction(GATE) as db:
        email = db.execute(
            text("select email from account where id = :id"), {"id": person_id}
        ).scalar_one()
    return sign_in(village.live.database, str(email), now=wall_now())


def test_only_what_is_needed_is_kept(page: Page, village: Village) -> None:
    """P30: no page with more of the person than the card and their own activities."""
    for path in ("/me", "/notices", "/me/history", "/me/profile", "/towns", "/activities"):
        page.goto(path)
    kept = set(page.evaluate(KEPT_PAGES))
    assert kept == {
        "/", f"/card/{HIDA}", "/card", f"/card/{GIFU}", "/scan", "/queued", "/not-kept",
        "/offline", f"/activities/{HIDA}/{village.activity.id}",
    }  # fmt: skip


def test_the_pages_of_waiting_are_for_everybody(page: Page, village: Village) -> None:
    for path in ("/queued", "/not-kept", "/offline"):
        page.goto(path)
        page.set_viewport_size({"width": 320, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, path


def test_the_desk_is_left_to_the_network(page: Page, village: Village) -> None:
    """The worker is the registrants': it neither keeps nor answers for pages of staff."""
    page.goto("/staff/signin")
    assert not any(path.startswith("/staff") for path in page.evaluate(KEPT_PAGES))
    village.line.mode = "shut"
    with pytest.raises(PlaywrightError):
        page.goto("/staff/signin")
