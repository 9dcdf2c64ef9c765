"""A phone that is full, and one whose clock is wrong (C26, F11, F12)."""

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.journeys.offline.conftest import DUMP, Village, press, worker_of

pytestmark = pytest.mark.browser


def test_p02_storage_that_is_full_is_said_and_nothing_pretended(
    page: Page, context: BrowserContext, village: Village
) -> None:
    """The database refuses as a full phone's does; Chromium's own switch for it does nothing here."""
    page.goto(village.poster)
    worker = worker_of(context)
    worker.evaluate(
        """() => {
          globalThis.realPut = IDBObjectStore.prototype.put;
          IDBObjectStore.prototype.put = () => {
            throw new DOMException('full', 'QuotaExceededError');
          };
        }"""
    )
    village.line.mode = "shut"
    page.get_by_role("button", name="参加を受付する").click()
    page.get_by_role("heading", name="受付をあずかれませんでした").wait_for()
    assert page.evaluate(DUMP) == "[]"
    worker.evaluate("() => { IDBObjectStore.prototype.put = realPut; }")
    village.line.mode = "open"
    page.goto(village.poster)
    page.get_by_role("button", name="参加を受付する").click()
    page.wait_for_url("**/done/**")
    assert [row.outcome for row in village.attempts()] == ["accepted"]


@pytest.mark.parametrize(
    ("minutes", "outcome", "reason"),
    [
        (7, "accepted", "counted"),
        (-7, "accepted", "counted"),
        (40, "refused", "scanner_clock_wrong"),
    ],
)
def test_c26_a_wrong_clock_is_measured_and_put_right(
    page: Page, context: BrowserContext, village: Village, minutes: int, outcome: str, reason: str
) -> None:
    """F11, case 12: minutes are corrected, the better part of an hour counts for nobody."""
    ahead = minutes * 60_000
    worker_of(context).evaluate(
        f"() => {{ const real = Date.now; Date.now = () => real() + {ahead}; }}"
    )
    page.goto(village.poster)
    village.line.mode = "shut"
    press(page)
    village.line.mode = "open"
    page.goto("/queued")
    (row,) = village.arrived()
    assert (row.outcome, row.reason) == (outcome, reason)
    assert abs(row.offset_ms - ahead) < 2000
    assert abs((row.scanned_at - row.received_at).total_seconds()) < 30
    if outcome == "refused":
        page.get_by_text("まだ受付できていません。理由を見てください。").wait_for()


def test_f12_a_clock_that_was_set_in_between_makes_the_time_less_sure(
    page: Page, village: Village
) -> None:
    """Measured two minutes ahead before the scan, right by now: the newer counts, with its doubt."""
    page.goto(village.poster)
    page.evaluate(
        """async () => (await import('/static/store.js')).put(
          'facts', 'clock', {offset: 120000, uncertainty: 10})"""
    )
    village.line.mode = "shut"
    press(page)
    village.line.mode = "open"
    page.goto("/queued")
    (row,) = village.arrived()
    assert abs(row.offset_ms) < 2000
    assert row.outcome == "accepted"
