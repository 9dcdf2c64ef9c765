"""The phone's pages over HTTP, with scripts off."""

from typing import Any

import pytest
from factories.phone import Phone
from factories.presence import Look
from fastapi.testclient import TestClient


@pytest.fixture
def phone(client: TestClient) -> Phone:
    """A phone nobody is signed in on."""
    return Phone(client)


@pytest.fixture
def look(database: Any) -> Look:
    """Everything the database holds."""
    return Look(database)
