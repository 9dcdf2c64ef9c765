"""The card on a phone, in a real Chromium: a key that cannot leave, codes made without network."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page

from core.clock import FixedClock
from core.ids import new_id
from core.web import SESSION_COOKIE
from mobile.phones import PHONE_LIFE
from qr.codes import Kind, parse, step_at
from tests.factories.activities import create_designated_activity, create_session
from tests.factories.presence import jst, make_device, make_keys
from tests.factories.registry import HIDA, SignedIn, create_person, join
from tests.journeys.conftest import Live, MovingClock, axe_finds_nothing, read_off, visiting

pytestmark = pytest.mark.browser

DAY = date(2027, 6, 5)
#: Characters of a phone's code in which its certificate names the key.
CERTIFIED = 90
_KEPT = """
async () => {
  const {get} = await import('/static/store.js');
  const key = await get('keys', '212172');
  return key && {
    extractable: key.pair.privateKey.extractable,
    usages: key.pair.privateKey.usages,
    refused: await crypto.subtle.exportKey('pkcs8', key.pair.privateKey).then(
      () => 'exported', (error) => error.name),
    jwk: await crypto.subtle.exportKey('jwk', key.pair.privateKey).then(
      () => 'exported', (error) => error.name),
  };
}
"""


@pytest.fixture
def clock() -> FixedClock:
    """Codes turn by time, and a busy machine takes its own: both sides' clocks go on."""
    return MovingClock(jst(DAY, 8, 50))


@dataclass
class Gate:
    """A reception at nine and its scanner, over HTTP."""

    live: Live
    someone: SignedIn
    session_id: Any
    token: str

    def scan(self, code: str) -> dict[str, Any]:
        answer = httpx.post(
            f"{self.live.url}/api/v1/device/sessions/{self.session_id}/check-ins",
            json={"scan_id": str(new_id()), "code": code, "walk_in_confirmed": True},
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=20,
        )
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body


@pytest.fixture
def gate(live: Live) -> Gate:
    someone = create_person(live.database, nickname="花子", birth_year=1952)
    join(live.database, someone, HIDA)
    make_keys(live.database, now=live.clock.now())
    activity = create_designated_activity(live.database)
    session = create_session(live.database, activity, starts_at=jst(DAY, 9))
    token = make_device(live.database, activity.organisation_id, now=live.clock.now())
    live.clock.at = jst(DAY, 8, 50)
    return Gate(live, someone, session.id, token)


@pytest.fixture
def page(chromium: Browser, gate: Gate) -> Iterator[Page]:
    with ExitStack() as stack:
        visitor = stack.enter_context(visiting(chromium, gate.live))
        visitor.context.add_cookies(
            [{"name": SESSION_COOKIE, "value": gate.someone.token, "url": gate.live.url}]
        )
        yield visitor.page
        assert not [one for one in visitor.said if "ERR_INTERNET" not in one]


def shown(page: Page) -> str:
    """What a scanner reads off the screen."""
    return read_off(page, "[data-picture]")


def test_r22_the_phones_code_is_accepted_and_its_key_cannot_leave(page: Page, gate: Gate) -> None:
    page.goto(f"/card/{HIDA}")
    code = shown(page)
    assert parse(code).kind is Kind.PHONE
    kept = page.evaluate(_KEPT)
    assert kept == {
        "extractable": False,
        "usages": ["sign"],
        "refused": "InvalidAccessError",
        "jwk": "InvalidAccessError",
    }
    # The phone's clock is months off; the code is of the true time all the same (C26).
    assert abs(parse(code).content.step - step_at(gate.live.clock.now(), 30)) <= 1  # type: ignore[union-attr] # a phone's code has one
    assert gate.scan(code)["outcome"] == "accepted"
    assert gate.scan(code)["outcome"] == "already"
    assert page.locator("[data-server-code]").is_hidden()


def test_r22_without_network_the_code_goes_on_turning(page: Page, gate: Gate) -> None:
    page.goto(f"/card/{HIDA}")
    first = shown(page)
    page.context.set_offline(True)
    page.evaluate(
        """async () => {
          const {get, put} = await import('/static/store.js');
          const clock = await get('facts', 'clock');
          await put('facts', 'clock', {...clock, offset: clock.offset - 30000});
        }"""
    )
    gate.live.clock.advance(timedelta(seconds=30))
    step = page.locator("[data-phone-code]").get_attribute("data-step")
    page.wait_for_function(
        "step => document.querySelector('[data-phone-code]').dataset.step !== step", arg=step
    )
    second = shown(page)
    assert first != second
    assert gate.scan(second)["outcome"] == "accepted"


def test_r22_a_stopped_phone_makes_itself_a_new_key(page: Page, gate: Gate) -> None:
    """Whoever stops a key and goes on being signed in gets another; the stopped one stays refused."""
    page.goto(f"/card/{HIDA}")
    old = shown(page)
    path = f"{gate.live.url}/api/v1/me/card-phones"
    assert httpx.delete(path, headers=gate.someone.headers).json() == {"stopped": 1}
    assert gate.scan(old)["reason"] == "revoked_card"
    page.reload()
    deadline = time.monotonic() + 20
    # Head and public key stand in front of what is new with each step.
    while (new := shown(page))[:CERTIFIED] == old[:CERTIFIED]:
        assert time.monotonic() < deadline, "the stopped key is still shown"
        page.wait_for_timeout(50)
    assert gate.scan(new)["outcome"] == "accepted"


def test_r22_a_certificate_that_has_ended_shows_no_code(page: Page, gate: Gate) -> None:
    """After a month without network the phone says what to do instead of a dead code."""
    page.goto(f"/card/{HIDA}")
    shown(page)
    page.context.set_offline(True)
    seconds = (PHONE_LIFE + timedelta(days=2)).total_seconds()
    page.evaluate(
        """async (ms) => {
          const {get, put} = await import('/static/store.js');
          const clock = await get('facts', 'clock');
          await put('facts', 'clock', {...clock, offset: clock.offset - ms});
        }""",
        seconds * 1000,
    )
    page.locator("[data-phone-code]").wait_for(state="hidden")


def test_r22_with_scripts_off_the_server_makes_a_short_lived_code(
    chromium: Browser, gate: Gate
) -> None:
    with visiting(chromium, gate.live, scripts=False) as visitor:
        visitor.context.add_cookies(
            [{"name": SESSION_COOKIE, "value": gate.someone.token, "url": gate.live.url}]
        )
        visitor.page.goto(f"/card/{HIDA}")
        visitor.page.get_by_role("button", name="登録証のコードを作る").click()
        code = read_off(visitor.page, "[data-server-code]")
        assert parse(code).kind is Kind.CARD
        assert gate.scan(code)["reason"] == "confirm_name"
        gate.live.clock.advance(timedelta(minutes=11))
        assert gate.scan(code)["reason"] == "expired"


@pytest.mark.parametrize(("width", "height"), [(320, 640), (390, 844), (844, 390), (1280, 900)])
def test_the_card_fits_every_screen(page: Page, gate: Gate, width: int, height: int) -> None:
    """Upright and lying, the whole code is on the screen at once."""
    page.set_viewport_size({"width": width, "height": height})
    page.goto(f"/card/{HIDA}")
    shown(page)
    page.locator("[data-picture]").scroll_into_view_if_needed()
    box = page.locator("[data-picture] svg").bounding_box()
    assert box is not None
    assert 200 <= box["height"] <= height
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    tall = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": width, "height": int(tall)})
    axe_finds_nothing(page)
