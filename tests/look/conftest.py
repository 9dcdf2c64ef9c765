"""The words, the two audiences' pages, and a browser to look at them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright
from starlette.responses import Response

from core.pages import Pages
from core.texts import Texts
from tests.browser_setup import find_chromium
from tests.look.showing import component_pages, pages_of


@pytest.fixture(scope="session")
def texts() -> Texts:
    return Texts.load(names={"212172": "飛騨市", "042056": "気仙沼市"})


@pytest.fixture(scope="session")
def phone(texts: Texts) -> Pages:
    return pages_of(texts, "mobile")


@pytest.fixture(scope="session")
def desk(texts: Texts) -> Pages:
    return pages_of(texts, "admin")


@pytest.fixture(scope="session")
def shown(texts: Texts) -> dict[tuple[str, str], Response]:
    return component_pages(texts)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(),
            args=["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"],
        )
        yield browser
        browser.close()
