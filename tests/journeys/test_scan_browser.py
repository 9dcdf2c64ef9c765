"""Scanning in the page in a real Chromium: a camera that shows what the test wants (R19)."""

import base64
import gzip
import io
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from PIL import Image, ImageFilter
from playwright.sync_api import Browser, Page, Request, Route, expect

import hatch_build
from activities.models import ActivitySession
from core.pages import vendored
from core.web import SESSION_COOKIE
from qr.codes import url_with_code
from qr.render import Level, qr_png
from qr.sheets import poster_url
from tests.factories.activities import create_designated_activity, create_session
from tests.factories.presence import jst, make_card, make_keys, venue_code
from tests.factories.registry import GIFU, HIDA, create_person, join, open_bodies
from tests.journeys.conftest import Live, Visitor, axe_finds_nothing, until, visiting
from tests.journeys.relay import Relay

pytestmark = pytest.mark.browser

DAY = date(2027, 6, 5)
ROOT = Path(hatch_build.__file__).parent
FIRST_LOAD, ANY_PAGE = 30_000, 100_000

#: In place of a camera: a picture that the test chooses, or an error. Counts what is opened.
CAMERA = """
(() => {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 480;
  const pen = canvas.getContext("2d");
  const paint = () => {
    pen.fillStyle = "#cbb";
    pen.fillRect(0, 0, 480, 480);
    if (window.shown) pen.drawImage(window.shown, 40, 40, 400, 400);
  };
  setInterval(paint, 40);
  window.opened = 0;
  window.looks = 0;
  const look = CanvasRenderingContext2D.prototype.getImageData;
  CanvasRenderingContext2D.prototype.getImageData = function (...where) {
    window.looks += 1;
    return look.apply(this, where);
  };
  window.tracks = [];
  window.show = async (address) => {
    const picture = new Image();
    picture.src = address;
    await picture.decode();
    window.shown = picture;
  };
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    window.opened += 1;
    window.wanted = wanted;
    if (window.refusal) throw new DOMException("no", window.refusal);
    paint();
    const stream = canvas.captureStream(25);
    window.tracks.push(...stream.getTracks());
    return stream;
  };
})();
"""
#: A browser with a reader of its own; `window.says` is what it finds.
DETECTOR = """
window.BarcodeDetector = class {
  static async getSupportedFormats() { return window.formats ?? ["ean_13", "qr_code"]; }
  constructor(options) { window.askedFor = options.formats; }
  async detect() {
    window.detected = (window.detected ?? 0) + 1;
    if (window.broken) throw new DOMException("service unavailable", "NotSupportedError");
    return (window.says ?? []).map((rawValue) => ({ rawValue }));
  }
};
"""

#: Whether the worker has kept all of these.
KEPT = """
async (addresses) => {
  const found = await Promise.all(addresses.map((address) => caches.match(address)));
  return found.every(Boolean) && navigator.serviceWorker.controller;
}
"""


@pytest.fixture(scope="module", autouse=True)
def decoder() -> None:
    """What an installation brings in (hatch_build.py)."""
    if not hatch_build.is_fresh(ROOT):
        hatch_build.bring_in(ROOT, "system")


@dataclass(frozen=True, slots=True)
class Venue:
    """An activity of 飛騨市, ten minutes before it begins, and what can be scanned there."""

    live: Live
    session: ActivitySession
    poster: str
    screen: str
    card: str
    token: str

    def sign_in(self, visitor: Visitor, at: str = "") -> None:
        """花子 in this browser."""
        visitor.context.add_cookies(
            [{"name": SESSION_COOKIE, "value": self.token, "url": at or self.live.url}]
        )


@pytest.fixture
def venue(live: Live) -> Venue:
    open_bodies(live.database, GIFU, HIDA)
    keys = make_keys(live.database, now=live.clock.now())
    session = create_session(
        live.database, create_designated_activity(live.database), starts_at=jst(DAY, 9)
    )
    live.clock.at = jst(DAY, 8, 50)
    now = live.clock.now()
    someone = create_person(live.database, nickname="花子", birth_year=1952, now=now)
    join(live.database, someone, HIDA, now=now)
    return Venue(
        live,
        session,
        poster_url(live.url, session.poster_code),
        url_with_code(f"{live.url}/v", venue_code(keys, session, at=now)),
        make_card(live.database, keys, someone, now=now),
        someone.token,
    )


@dataclass(frozen=True, slots=True)
class Phone:
    """A phone on the page for scanning."""

    visitor: Visitor
    asked: list[Request]

    @property
    def page(self) -> Page:
        return self.visitor.page

    def show(self, *texts: str, blur: float = 0) -> None:
        """Hold these codes before the camera."""
        address = "data:image/png;base64," + base64.b64encode(picture(*texts, blur=blur)).decode()
        self.page.evaluate("address => window.show(address)", address)

    def start(self) -> None:
        self.page.get_by_role("button", name="カメラで読み取る").click()

    def hears(self, words: str) -> None:
        """What the page says by itself."""
        self.page.get_by_role("status").get_by_text(words).wait_for()

    @property
    def all_stopped(self) -> bool:
        states = self.page.evaluate("window.tracks.map((track) => track.readyState)")
        return bool(states) and set(states) == {"ended"}

    def fetched(self, part: str) -> list[str]:
        return [request.url for request in self.asked if part in request.url]


Opening = Callable[..., Phone]


@pytest.fixture
def opened(chromium: Browser, venue: Venue) -> Iterator[Opening]:
    """A new phone on /scan; `known`: somebody is signed in; `native`: its browser reads codes."""
    with ExitStack() as phones:

        def new(
            *,
            known: bool = True,
            native: bool = False,
            before: str = "",
            path: str = "/scan",
            at: str = "",
        ) -> Phone:
            visitor = phones.enter_context(visiting(chromium, venue.live))
            if known:
                venue.sign_in(visitor, at)
            visitor.page.add_init_script(CAMERA + (DETECTOR if native else "") + before)
            asked: list[Request] = []
            visitor.page.on("request", lambda request: asked.append(request))  # noqa: PLW0108 (Playwright marks what it is given, and a list takes no mark)
            visitor.page.goto(path)
            if path == "/scan":
                visitor.page.get_by_role("button", name="カメラで読み取る").wait_for()
            return Phone(visitor, asked)

        yield new


def picture(*texts: str, blur: float = 0, kind: str = "PNG") -> bytes:
    """Codes side by side on a wall."""
    wall = Image.new("RGB", (560 * max(len(texts), 1), 560), (214, 205, 190))
    for place, text in enumerate(texts):
        one = Image.open(io.BytesIO(qr_png(text, level=Level.M, box_size=8))).convert("RGB")
        wall.paste(one.resize((500, 500), Image.Resampling.NEAREST), (30 + place * 560, 30))
    if blur:
        wall = wall.filter(ImageFilter.GaussianBlur(blur))
    buffer = io.BytesIO()
    wall.save(buffer, kind)
    return buffer.getvalue()


# --- the camera -----------------------------------------------------------------------------------


def test_r19_a_poster_in_the_camera_opens_its_page(opened: Opening, venue: Venue) -> None:
    phone = opened(known=False)
    assert phone.page.evaluate("window.opened") == 0, "nobody is asked before the press"
    assert phone.fetched("qr-decoder") == [], "nor is the decoder loaded"
    phone.show(venue.poster)
    phone.start()
    phone.page.wait_for_url(f"**/c/{venue.session.poster_code}")
    assert len(phone.fetched("/static/vendor/qr-decoder.js")) == 1
    assert phone.visitor.said == []


def test_r19_the_venues_screen_in_the_camera_is_the_reception(
    opened: Opening, venue: Venue
) -> None:
    """Two taps from the first page; the code stays out of every address (C17)."""
    phone = opened()
    phone.show(venue.screen)
    phone.start()
    phone.page.get_by_role("heading", name="受付しました").wait_for()
    assert phone.fetched("FJ1") == []
    assert phone.visitor.said == []


def test_a_strangers_venue_code_is_kept_for_after_the_sign_in(
    opened: Opening, venue: Venue
) -> None:
    phone = opened(known=False)
    phone.show(venue.screen)
    phone.start()
    phone.page.get_by_text("会場のコードを読み取りました").wait_for()
    expect(phone.page.get_by_role("link", name="サインインして受付する")).to_be_visible()
    assert phone.fetched("FJ1") == []


def test_the_browsers_own_reader_comes_first(opened: Opening, venue: Venue) -> None:
    phone = opened(native=True, before=f"window.says = [{json.dumps(venue.poster)}];")
    phone.start()
    phone.page.wait_for_url(f"**/c/{venue.session.poster_code}")
    assert phone.fetched("qr-decoder") == []


def test_a_reader_that_only_pretends_gives_way_to_the_decoder(
    opened: Opening, venue: Venue
) -> None:
    for fault in ("window.formats = ['ean_13'];", "window.broken = true;"):
        phone = opened(native=True, before=fault)
        phone.show(venue.poster)
        phone.start()
        phone.page.wait_for_url(f"**/c/{venue.session.poster_code}")
        assert len(phone.fetched("qr-decoder")) == 1, fault


def test_without_a_camera_the_next_rung_is_named(opened: Opening) -> None:
    phone = opened()
    for tries, (error, words) in enumerate(
        {
            "NotAllowedError": "カメラを使う許可がありませんでした",
            "NotFoundError": "使えるカメラが見つかりませんでした",
            "NotReadableError": "カメラを始められませんでした",
        }.items(),
        start=1,
    ):
        phone.page.evaluate("error => { window.refusal = error }", error)
        phone.start()
        phone.hears(words)
        expect(phone.page.get_by_label("コードの写真")).to_be_visible()
        expect(phone.page.get_by_label("8文字のコード")).to_be_visible()
        assert phone.page.evaluate("window.opened") == tries, "asked once a press"
    phone.page.evaluate("window.refusal = null")
    phone.start()
    phone.page.get_by_role("button", name="カメラを止める").wait_for()


def test_the_real_camera_is_refused_without_permission(chromium: Browser, venue: Venue) -> None:
    """No stub: Chromium's own answer, as a phone gives it."""
    with visiting(chromium, venue.live) as visitor:
        visitor.page.goto("/scan")
        visitor.page.get_by_role("button", name="カメラで読み取る").click()
        told = visitor.page.get_by_role("status").locator("p:not([hidden])")
        told.get_by_text("受付できます").wait_for()
        assert "下の写真" in told.inner_text()


def test_f21_after_a_wrong_code_the_camera_reads_on(opened: Opening, venue: Venue) -> None:
    phone = opened()
    phone.show("https://shop.example/menu")
    phone.start()
    phone.hears("このサービスのコードではないようです")
    phone.show(venue.card)
    phone.hears("登録証のコードが写りました")
    assert phone.page.evaluate("window.opened") == 1
    phone.show(venue.poster)
    phone.page.wait_for_url(f"**/c/{venue.session.poster_code}")


def test_two_codes_of_ours_are_one_too_many(opened: Opening, venue: Venue) -> None:
    says = json.dumps([venue.poster, venue.screen])
    phone = opened(native=True, before=f"window.says = {says};")
    phone.start()
    phone.hears("コードが2つ写っています")
    phone.page.evaluate("text => { window.says = [text, 'https://shop.example'] }", venue.poster)
    phone.page.wait_for_url(f"**/c/{venue.session.poster_code}")


def test_a_blurred_code_is_waited_for(opened: Opening, venue: Venue) -> None:
    phone = opened()
    phone.show(venue.poster, blur=25)
    phone.start()
    # Looked at, several times, and not given up.
    phone.page.wait_for_function("() => window.looks > 3")
    expect(phone.page.get_by_role("button", name="カメラを止める")).to_be_visible()
    phone.show(venue.poster)
    phone.page.wait_for_url(f"**/c/{venue.session.poster_code}")


def test_the_camera_goes_off_when_stopped_and_when_nobody_looks(opened: Opening) -> None:
    phone = opened()
    phone.start()
    end = phone.page.get_by_role("button", name="カメラを止める")
    end.wait_for()
    wanted = phone.page.evaluate("window.wanted")
    assert wanted["video"]["facingMode"] == {"ideal": "environment"}
    assert wanted["audio"] is False
    end.click()
    assert phone.all_stopped
    assert phone.page.evaluate("document.activeElement.innerText.trim()") == "カメラで読み取る"
    phone.start()
    end.wait_for()
    phone.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    phone.page.get_by_role("button", name="カメラで読み取る").wait_for()
    assert phone.all_stopped


def test_the_cameras_page_breaks_no_rule(chromium: Browser, venue: Venue) -> None:
    with visiting(chromium, venue.live, bypass_csp=True) as visitor:
        venue.sign_in(visitor)
        visitor.page.add_init_script(CAMERA)
        for width in (320, 390, 1280):
            # As tall as the page: what lies below the bar now is free after scrolling.
            visitor.page.set_viewport_size({"width": width, "height": 2400})
            visitor.page.goto("/scan")
            axe_finds_nothing(visitor.page)
            visitor.page.get_by_role("button", name="カメラで読み取る").click()
            visitor.page.get_by_role("button", name="カメラを止める").wait_for()
            assert visitor.page.evaluate("document.documentElement.scrollWidth") <= width
            axe_finds_nothing(visitor.page)


def test_the_camera_reads_without_network(opened: Opening, venue: Venue) -> None:
    """The page and the decoder are kept by the worker; what is read waits in the phone (C18)."""
    with Relay(venue.live.url) as line:
        phone = opened(path=f"{line.url}/", at=line.url)
        wanted = ["/scan", "/queued", vendored("qr-decoder.js")]
        until(phone.page, KEPT, wanted)
        # A browser's own switch does not reach a worker that has to start for it.
        line.mode = "shut"
        phone.page.get_by_role("link", name="QRで受付する").click()
        phone.page.get_by_role("button", name="カメラで読み取る").wait_for()
        phone.show(venue.screen)
        phone.start()
        phone.page.get_by_role("heading", name="受付をあずかりました").wait_for()
        assert phone.page.url.endswith("/queued")


# --- photos ---------------------------------------------------------------------------------------


def choose(phone: Phone, photo: bytes) -> None:
    file = {"name": "photo.png", "mimeType": "image/png", "buffer": photo}
    phone.page.get_by_label("コードの写真").set_input_files(file)  # type: ignore[arg-type] # a dict is one of its kinds
    phone.page.get_by_role("button", name="写真を読み取る").click()


def test_a_photo_is_read_on_the_phone_and_not_sent(opened: Opening, venue: Venue) -> None:
    phone = opened(known=False)
    choose(phone, picture(venue.poster))
    phone.page.wait_for_url(f"**/c/{venue.session.poster_code}")
    assert phone.fetched("/scan/photo") == []


def test_what_the_phone_cannot_read_goes_to_the_server_made_smaller(
    opened: Opening, venue: Venue
) -> None:
    """A browser whose reader sees nothing: the server's is the better one."""
    phone = opened(native=True, before="window.says = [];")
    wide = Image.open(io.BytesIO(picture(venue.poster))).resize((3000, 3000))
    noise = Image.effect_noise(wide.size, 40).convert("RGB")
    buffer = io.BytesIO()
    Image.blend(wide, noise, 0.2).save(buffer, "PNG")
    sent: list[int] = []

    def weigh(route: Route) -> None:
        sent.append(len(route.request.post_data_buffer or b""))
        route.continue_()

    phone.page.route("**/scan/photo", weigh)
    choose(phone, buffer.getvalue())
    phone.page.wait_for_url(f"**/c/{venue.session.poster_code}")
    assert sent
    assert 0 < sent[0] < len(buffer.getvalue()) / 4


def test_a_photo_that_does_not_do_is_told_kindly(opened: Opening, venue: Venue) -> None:
    phone = opened(native=True, before="window.says = [];")
    for photo, words in (
        (picture(venue.poster, blur=30), "写真からはコードを読み取れませんでした"),
        (picture(venue.poster, venue.screen), "コードが2つ以上写っています"),
    ):
        choose(phone, photo)
        phone.page.get_by_role("alert").get_by_text(words).wait_for()
        assert phone.page.evaluate("document.activeElement.id") == "error-summary"


# --- weight ---------------------------------------------------------------------------------------


def test_the_page_is_light_and_the_decoder_comes_only_when_needed(
    chromium: Browser, venue: Venue
) -> None:
    """Weighed compressed, as a proxy sends text."""
    with visiting(chromium, venue.live) as visitor:
        sizes: dict[str, int] = {}
        visitor.page.on(
            "response", lambda answer: sizes.update({answer.url: len(gzip.compress(answer.body()))})
        )
        visitor.page.goto("/scan")
        visitor.page.wait_for_load_state("networkidle")
    assert any(url.endswith("/scan") for url in sizes)
    assert not [url for url in sizes if "vendor" in url]
    assert sum(sizes.values()) <= FIRST_LOAD, sizes
    address = vendored("qr-decoder.js")
    assert address is not None
    decoder = gzip.compress((ROOT / "core" / address.lstrip("/")).read_bytes())
    assert sum(sizes.values()) + len(decoder) <= ANY_PAGE
