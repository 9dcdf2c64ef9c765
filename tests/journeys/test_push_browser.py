"""Web Push in a real Chromium: from the press on the page to the notice on the screen (R23).

Only the way to a browser maker's push service is replaced, at both ends: the page gets a
subscription of a service on this machine, and what that one received is handed to the worker.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from core import push
from core.ids import new_id
from core.web import SESSION_COOKIE
from tests.factories.pushing import Service, push_service
from tests.factories.registry import GIFU, HIDA, create_person, join, open_bodies
from tests.journeys.conftest import Live, visiting
from workers.notifications.push import PushChannel

pytestmark = pytest.mark.browser

#: The border of the browser: what a push service would have answered.
SUBSCRIBED = """
PushManager.prototype.subscribe = async (options) => {
  window.wanted = options;
  return { toJSON: () => ({ ...SERVICE, expirationTime: null }) };
};
"""
OPENED = """
() => {
  self.opened = [];
  clients.openWindow = async (address) => self.opened.push(address);
}
"""
#: A touch of the one notice, as the browser hands it to the worker; `url` may be somebody else's.
TOUCH = """
async (url) => {
  const [notice] = await registration.getNotifications();
  const event = new Event("notificationclick");
  const closed = [];
  event.notification = { close: () => closed.push(1), data: { url: url ?? notice.data.url } };
  event.waitUntil = (work) => (event.work = work);
  dispatchEvent(event);
  await event.work;
  return closed.length;
}
"""


@pytest.fixture
def live_settings(tmp_path: Path) -> dict[str, Any]:
    """A platform with a key for pushing; of services it knows this machine's only."""
    key = push.ensure_key(tmp_path / "push.pem")
    return {"push_private_key_file": key, "push_services": "127.0.0.1"}


@pytest.fixture
def service() -> Iterator[Service]:
    with push_service() as found:
        yield found


def test_r23_a_notice_is_pushed_to_the_browser_that_asked_for_it(
    whole_chromium: Browser, live: Live, service: Service
) -> None:
    open_bodies(live.database, GIFU, HIDA)
    someone = create_person(live.database)
    join(live.database, someone, HIDA)
    answer = {"endpoint": service.url, "keys": service.keys}
    with visiting(whole_chromium, live) as visitor:
        page, context = visitor.page, visitor.context
        context.add_cookies([{"name": SESSION_COOKIE, "value": someone.token, "url": live.url}])
        context.grant_permissions(["notifications"], origin=live.url)
        page.add_init_script(SUBSCRIBED.replace("SERVICE", json.dumps(answer)))
        page.goto("/settings/notices")
        expect(page.get_by_text("まだ、表示する端末はありません")).to_be_visible()
        page.get_by_role("button", name="この端末に表示する").click()
        page.get_by_role("button", name="表示をやめる").wait_for()

        channel = PushChannel(live.settings, live.database)
        told = channel.send(
            new_id(), str(someone.id), "ふるさと住民登録", "新しいお知らせがあります。"
        )
        channel.close()
        assert told == "1 browsers"
        (message,) = service.got

        page.evaluate("navigator.serviceWorker.ready")
        protocol = context.new_cdp_session(page)
        found: list[Any] = []

        def note(told: Any) -> None:
            found.append(told)

        protocol.on("ServiceWorker.workerRegistrationUpdated", note)
        protocol.send("ServiceWorker.enable")
        while not found:
            page.wait_for_timeout(20)
        registration = found[0]["registrations"][0]["registrationId"]
        given = {"origin": live.url, "registrationId": registration}
        # Twice, as a service may: the second takes the first one's place.
        for _ in range(2):
            protocol.send(
                "ServiceWorker.deliverPushMessage", {**given, "data": json.dumps(message)}
            )
        worker = context.service_workers[0]
        shown = worker.evaluate(
            """async () => {
              for (;;) {
                const all = await registration.getNotifications();
                if (all.length) return all.map((one) => [one.title, one.body, one.data.url]);
                await new Promise((again) => setTimeout(again, 40));
              }
            }"""
        )
        assert shown == [["ふるさと住民登録", "新しいお知らせがあります。", "/notices"]]

        worker.evaluate(OPENED)
        assert worker.evaluate(TOUCH, None) == 1
        assert worker.evaluate("self.opened") == [f"{live.url}/notices"]
        # Nothing that is pushed leads to another site.
        worker.evaluate(TOUCH, "https://elsewhere.example/")
        assert len(worker.evaluate("self.opened")) == 1

        page.get_by_role("button", name="表示をやめる").click()
        page.get_by_text("まだ、表示する端末はありません").wait_for()


def test_r23_a_refusal_is_said_and_mail_stays(whole_chromium: Browser, live: Live) -> None:
    """Chromium's own answer: without the permission nothing is asked of any service."""
    someone = create_person(live.database)
    with visiting(whole_chromium, live) as visitor:
        visitor.context.add_cookies(
            [{"name": SESSION_COOKIE, "value": someone.token, "url": live.url}]
        )
        visitor.page.goto("/settings/notices")
        visitor.page.get_by_role("button", name="この端末に表示する").click()
        visitor.page.get_by_text("お知らせの表示が止められています").wait_for()
