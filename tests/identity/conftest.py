"""A real stand-in on a real loopback port, and a browser that carries its answers."""

import socket
import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest
import uvicorn
from joserfc.jwk import RSAKey

from registry.idp import new_signing_key, public_keys
from standins.openid import Client, Config, create_app
from tests.identity.rig import REDIRECT, Browser, StandIn


@pytest.fixture(scope="session")
def running_standin() -> Iterator[StandIn]:
    """One stand-in server for the run."""
    listener = socket.create_server(("127.0.0.1", 0))
    base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    es_key, rsa_key = new_signing_key(), RSAKey.generate_key(2048, private=True)
    rsa_key.ensure_kid()
    with httpx.Client(trust_env=False) as http:
        standin = StandIn(base_url, es_key, rsa_key, http)
        jwks = public_keys(es_key, rsa_key)
        clients = (Client("furusato", (REDIRECT,), jwks), Client("other", (REDIRECT,), jwks))
        config = Config(base_url, clients, clock=standin.now, hang_seconds=3, delay_seconds=0.2)
        server = uvicorn.Server(
            uvicorn.Config(create_app(config), log_level="warning", ws="none", lifespan="off")
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield standin
        server.should_exit = True
        thread.join()
    listener.close()


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
