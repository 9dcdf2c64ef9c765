"""The words, the two audiences' pages, and a browser to look at them."""

from __future__ import annotations

import pytest
from starlette.responses import Response

from core.pages import Pages
from core.texts import Texts
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
