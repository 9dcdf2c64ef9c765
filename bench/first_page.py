"""The first page of a stranger on a weak line: bytes and the time until its largest part is seen.

Through Chromium's own protocol: 400 kbit/s, 400 ms, a processor four times slower, nothing in the
cache. The address is opened in a new window each round; the median counts.
"""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from playwright.sync_api import Browser, ViewportSize, sync_playwright

from app.local import LocalStack
from tests.browser_setup import find_chromium

ROUNDS: Final = 5
LCP_LIMIT: Final = 1.0
BYTES_LIMIT: Final = 30_000
#: A page may still paint for a moment after everything has come in.
_SETTLE_MS: Final = 700
_PHONE: Final[ViewportSize] = {"width": 390, "height": 844}
_WEAK_LINE: Final = {
    "offline": False,
    "latency": 400,
    "downloadThroughput": 400_000 / 8,
    "uploadThroughput": 400_000 / 8,
}
_SLOWER: Final = {"rate": 4}
_WATCH: Final = """
window.largest = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.largest = entry.startTime;
}).observe({type: 'largest-contentful-paint', buffered: true});
"""


@dataclass(slots=True)
class Opened:
    """One opening of a page.

    Attributes:
        seconds: Until its largest part was painted.
        sizes: Bytes on the wire of each request, heads and all.
    """

    seconds: float = 0.0
    sizes: list[float] = field(default_factory=list)


def run(stack: LocalStack) -> Mapping[str, Mapping[str, Any]]:
    """Open the first page again and again, each time as somebody who was never there."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=["--no-sandbox", "--disable-gpu"]
        )
        rounds = [open_once(browser, stack.base_url) for _ in range(ROUNDS)]
        browser.close()
    return {
        "first_page_lcp": {
            "value": round(statistics.median(one.seconds for one in rounds), 2),
            "unit": "s",
            "limit": LCP_LIMIT,
        },
        "first_page_bytes": {
            "value": int(statistics.median(sum(one.sizes) for one in rounds)),
            "unit": "bytes",
            "limit": BYTES_LIMIT,
            "requests": int(statistics.median(len(one.sizes) for one in rounds)),
        },
    }


def open_once(browser: Browser, url: str) -> Opened:
    """The page in a window of its own, over a weak line."""
    found = Opened()
    context = browser.new_context(viewport=_PHONE, locale="ja-JP", service_workers="block")
    page = context.new_page()
    page.add_init_script(_WATCH)
    protocol = context.new_cdp_session(page)
    protocol.on(
        "Network.loadingFinished", lambda event: found.sizes.append(event["encodedDataLength"])
    )
    protocol.send("Network.enable")
    protocol.send("Network.setCacheDisabled", {"cacheDisabled": True})
    protocol.send("Network.emulateNetworkConditions", _WEAK_LINE)
    protocol.send("Emulation.setCPUThrottlingRate", _SLOWER)
    page.goto(url, wait_until="load")
    page.wait_for_timeout(_SETTLE_MS)
    found.seconds = page.evaluate("window.largest") / 1000
    context.close()
    return found
