"""P25 in a real browser: our own forms pass with and without Fetch Metadata, other sites' do not."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import sync_playwright
from starlette.requests import Request

from app.main import _from_here
from core.pages import Pages
from core.texts import Texts
from tests.browser_setup import find_chromium

pytestmark = pytest.mark.browser
#: Not this machine by name: browsers send no Fetch Metadata there without https.
PLAIN = "plain.example"
Sent = list[dict[str, str]]


@pytest.fixture
def site() -> Iterator[tuple[int, Sent]]:
    """A page with our headers and a form, and what the browser said when it was sent."""
    sent: Sent = []
    headers = Pages(Texts.load())._headers

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            target = self.path.partition("?to=")[2] or "/sent"
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Referrer-Policy", headers["Referrer-Policy"])
            self.end_headers()
            page = f"<form method=post action='{target}'><button>x</button></form>"
            self.wfile.write(page.encode())

        def do_POST(self) -> None:
            sent.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port, sent
    server.shutdown()
    server.server_close()


def _press(url: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(light=True),
            # Every name is this machine.
            args=["--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * 127.0.0.1"],
        )
        page = browser.new_page()
        page.goto(url)
        with page.expect_response("**/sent"):
            page.click("button")
        browser.close()


def press(url: str) -> None:
    """Open a page and press its button; in a thread, since each may have one Playwright only."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(_press, url).result()


def said(sent: Sent) -> bool | None:
    """What the guard of writes makes of it."""
    raw = [(name.encode(), value.encode()) for name, value in sent[-1].items()]
    return _from_here(Request({"type": "http", "headers": raw}))


@pytest.mark.parametrize("host", ["127.0.0.1", PLAIN])
def test_our_own_form_is_from_here(site: tuple[int, Sent], host: str) -> None:
    """With Fetch Metadata, and by its Origin alone as an older browser sends it."""
    port, sent = site
    press(f"http://{host}:{port}/")
    assert said(sent) is True
    assert ("sec-fetch-site" in sent[-1]) == (host != PLAIN)


@pytest.mark.parametrize("host", ["127.0.0.1", PLAIN])
def test_another_sites_form_is_not(site: tuple[int, Sent], host: str) -> None:
    """P25: state changed cross-site 0."""
    port, sent = site
    press(f"http://evil.example:{port}/?to=http://{host}:{port}/sent")
    assert said(sent) is False
