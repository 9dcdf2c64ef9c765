"""The phone's pages over HTTP, with scripts off."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from tests.factories.phone import Phone
from tests.factories.presence import Look


@pytest.fixture
def phone(app: FastAPI) -> Iterator[Phone]:
    """A phone nobody is signed in on; a fault of ours fails the test with its own trace."""
    with TestClient(app, follow_redirects=False) as http:
        yield Phone(http)


@pytest.fixture
def look(database: Any) -> Look:
    """Everything the database holds."""
    return Look(database)
