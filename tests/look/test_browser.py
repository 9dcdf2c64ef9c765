"""All components in a real Chromium: axe, sizes, reflow, focus, policy (frontend.md, section f)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page
from starlette.responses import Response

from tests.look.checks import SMALL_TARGETS, SMALL_TEXTS, axe_complaints, hidden_stops
from tests.look.showing import ADDRESS, serve

pytestmark = pytest.mark.browser

ROOMS = ("mobile", "admin")


@contextmanager
def opened(
    chromium: Browser,
    shown: Mapping[tuple[str, str], Response],
    room: str,
    lang: str = "ja",
    *,
    width: int = 390,
    scheme: Literal["light", "dark"] = "light",
    **options: Any,
) -> Iterator[Page]:
    context = chromium.new_context(
        viewport={"width": width, "height": 844},
        locale="ja-JP",
        color_scheme=scheme,
        base_url=ADDRESS,
        **options,
    )
    serve(context, shown)
    page = context.new_page()
    page.goto(f"{ADDRESS}/{room}/{lang}")
    yield page
    context.close()


@pytest.mark.parametrize("room", ROOMS)
@pytest.mark.parametrize(("lang", "scheme"), [("ja", "light"), ("en", "dark")])
def test_axe_finds_nothing(
    chromium: Browser,
    shown: Mapping[tuple[str, str], Response],
    room: str,
    lang: str,
    scheme: Literal["light", "dark"],
) -> None:
    width = 390 if room == "mobile" else 1280
    # axe is put into the page from outside, which the policy rightly forbids.
    with opened(chromium, shown, room, lang, width=width, scheme=scheme, bypass_csp=True) as page:
        assert axe_complaints(page) == ""


@pytest.mark.parametrize("room", ROOMS)
def test_policy_stays_silent(
    chromium: Browser, shown: Mapping[tuple[str, str], Response], room: str
) -> None:
    with opened(chromium, shown, room) as page:
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.reload()
        assert (
            page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(253, 250, 242)"
        )
    assert said == []


@pytest.mark.parametrize("room", ROOMS)
def test_everything_to_press_is_44_px(
    chromium: Browser, shown: Mapping[tuple[str, str], Response], room: str
) -> None:
    with opened(chromium, shown, room, width=390 if room == "mobile" else 1280) as page:
        assert page.evaluate(SMALL_TARGETS) == []


def test_phone_sizes_follow_the_design(
    chromium: Browser, shown: Mapping[tuple[str, str], Response]
) -> None:
    with opened(chromium, shown, "mobile") as page:
        assert page.evaluate(SMALL_TEXTS) == []
        style = "e => { const s = getComputedStyle(e); return [s.minHeight, s.fontSize] }"
        assert page.locator(".button-main").first.evaluate(style) == ["64px", "22px"]
        assert page.locator(".button-second").first.evaluate(style) == ["56px", "18px"]


@pytest.mark.parametrize("room", ROOMS)
@pytest.mark.parametrize(("width", "zoom"), [(320, 100), (390, 200)])
def test_nothing_scrolls_sideways(
    chromium: Browser,
    shown: Mapping[tuple[str, str], Response],
    room: str,
    width: int,
    zoom: int,
) -> None:
    with opened(chromium, shown, room, "en", width=width) as page:
        page.evaluate(f"document.documentElement.style.fontSize = '{zoom}%'")
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("room", ROOMS)
def test_focus_is_always_seen(
    chromium: Browser, shown: Mapping[tuple[str, str], Response], room: str
) -> None:
    with opened(chromium, shown, room) as page:
        assert hidden_stops(page) == []


def test_reduced_motion_is_still(
    chromium: Browser, shown: Mapping[tuple[str, str], Response]
) -> None:
    with opened(chromium, shown, "mobile", reduced_motion="reduce", forced_colors="active") as page:
        page.locator(".button-main").first.hover()
        assert page.evaluate("document.getAnimations().length") == 0
