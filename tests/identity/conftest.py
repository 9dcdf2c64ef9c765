"""A real stand-in on a real loopback port, and a browser that carries its answers."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.identity.rig import REDIRECT, Browser, StandIn, standin_server


@pytest.fixture(scope="session")
def running_standin() -> Iterator[StandIn]:
    """One stand-in server for the run."""
    with standin_server(REDIRECT) as standin:
        yield standin


@pytest.fixture
def standin(running_standin: StandIn) -> StandIn:
    """The stand-in with nothing preset and its clock right."""
    running_standin.ahead = timedelta(0)
    running_standin.command("reset", {})
    return running_standin


@pytest.fixture
def browser(standin: StandIn) -> Browser:
    """A browser at a platform that signs with ES256."""
    return Browser(standin, standin.config())
