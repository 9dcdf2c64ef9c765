"""A real server on a port, a real Chromium, and a fresh database with the real login roles."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
import uvicorn
import zxingcpp
from fastapi import FastAPI
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page
from playwright.sync_api import Error as PlaywrightError

from core.clock import FixedClock
from core.db import Database
from core.settings import Settings
from tests.conftest import make_settings, serve
from tests.look.checks import axe_complaints

_START_SECONDS = 30.0
_READ_SECONDS = 20.0
_TELL_OF_POLICY = """
addEventListener('securitypolicyviolation', (event) => policyBroken(
  `${event.effectiveDirective} ${event.blockedURI} on ${event.documentURI}`));
"""


@dataclass(frozen=True, slots=True)
class Live:
    """A running server and what is behind it."""

    url: str
    app: FastAPI
    settings: Settings
    database: Database
    clock: FixedClock


@dataclass(slots=True)
class Visitor:
    """A browser of somebody's own.

    Attributes:
        said: Every complaint of the console.
        broken: What the page wanted that its policy forbids; must be empty when it is closed.
    """

    context: BrowserContext
    page: Page
    said: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


@pytest.fixture
def live_settings() -> dict[str, Any]:
    """What a file of tests wants to be set besides."""
    return {}


@pytest.fixture
def listener() -> socket.socket:
    """The free port on which the application will answer."""
    return socket.create_server(("127.0.0.1", 0))


@pytest.fixture
def live(
    own_database: Database,
    clock: FixedClock,
    listener: socket.socket,
    live_settings: dict[str, Any],
) -> Iterator[Live]:
    """The web application on a free port of this machine, on a database of its own."""
    # By its name: a browser keeps no passkeys for a bare address.
    url = f"http://localhost:{listener.getsockname()[1]}"
    name = own_database._settings.database_url.rpartition("/")[2].partition("?")[0]
    settings = make_settings(name).model_copy(update={"public_url": url, **live_settings})
    app = serve(settings, own_database, clock)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + _START_SECONDS
    while not server.started:
        if time.monotonic() > deadline:
            pytest.fail("the server did not start")
        time.sleep(0.02)
    yield Live(url, app, settings, own_database, clock)
    server.should_exit = True
    thread.join(timeout=_START_SECONDS)


@contextmanager
def visiting(
    chromium: Browser,
    live: Live,
    *,
    width: int = 390,
    scripts: bool = True,
    bypass_csp: bool = False,
) -> Iterator[Visitor]:
    """A new browser window: a phone unless a width says otherwise.

    Args:
        chromium: The browser.
        live: The server; paths are below its address.
        width: In CSS pixels.
        scripts: Whether the page may run scripts.
        bypass_csp: Lets axe into the page, which the policy rightly forbids.
    """
    context = chromium.new_context(
        base_url=live.url,
        viewport={"width": width, "height": 844},
        locale="ja-JP",
        timezone_id="Asia/Tokyo",
        java_script_enabled=scripts,
        bypass_csp=bypass_csp,
    )
    visitor = Visitor(context, context.new_page())
    context.expose_binding("policyBroken", lambda _, what: visitor.broken.append(what))
    context.add_init_script(_TELL_OF_POLICY)
    visitor.page.on(
        "console",
        lambda message: visitor.said.append(message.text) if message.type == "error" else None,
    )
    visitor.page.on("pageerror", lambda error: visitor.said.append(str(error)))
    yield visitor
    context.close()
    assert visitor.broken == []


class MovingClock(FixedClock):
    """Set as a test wishes; from there it goes on, as the browser's own does."""

    @property
    def at(self) -> datetime:
        """The instant that was set, and what has passed since."""
        return self._set + timedelta(seconds=time.monotonic() - self._since)

    @at.setter
    def at(self, at: datetime) -> None:
        self._set, self._since = at, time.monotonic()


def until(page: Page, question: str, given: Any = None, *, seconds: float = 20) -> None:
    """Wait until a page's own question has a true answer.

    Unlike Playwright's `wait_for_function` this waits for questions that answer later, too: to
    that one a promise is as good as a yes.
    """
    page.evaluate(
        f"""async (given) => {{
          const ask = {question}, end = performance.now() + {seconds * 1000};
          while (!(await ask(given))) {{
            if (performance.now() > end) throw new Error('never: ' + ask);
            await new Promise((again) => setTimeout(again, 40));
          }}
        }}""",
        given,
    )


def axe_finds_nothing(page: Page) -> None:
    """No rule of WCAG 2.2 AA that a machine can check is broken on this page."""
    assert axe_complaints(page) == ""


def read_off(page: Page, place: str) -> str:
    """What a scanner reads off one place of the screen.

    A turning code is drawn anew while it is being pictured, and a page may still be laying itself
    out: like a scanner that is held up, this looks again.

    Raises:
        AssertionError: Nothing could be read there in time.
    """
    page.locator(f"{place} svg").first.wait_for()
    until = time.monotonic() + _READ_SECONDS
    while time.monotonic() < until:
        with suppress(PlaywrightError):
            picture = page.locator(place).first.screenshot(timeout=5000)
            found = zxingcpp.read_barcodes(Image.open(BytesIO(picture)))
            if len(found) == 1:
                return str(found[0].text)
    raise AssertionError(f"no code could be read at {place}")
