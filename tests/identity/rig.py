"""What the tests of the identity check hold: the stand-in, and a browser at a platform."""

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import httpx
import uvicorn
from joserfc.jwk import RSAKey

from core.clock import wall_now
from registry.idp import (
    Attempt,
    Callback,
    KeptAttempt,
    KeyCache,
    ProviderConfig,
    VerifiedIdentity,
    begin,
    finish,
    new_signing_key,
    provider_at,
    public_keys,
)
from standins.openid import Client, Config, create_app

REDIRECT = "http://localhost:8000/identity/callback"
TODAY = date(2026, 11, 21)
ALL_FACTS = ("openid", "name", "address", "birthdate", "gender")


@dataclass
class StandIn:
    """The running stand-in, its address, its clock and our keys registered with it."""

    base_url: str
    es_key: Any
    rsa_key: Any
    http: httpx.Client
    ahead: timedelta = timedelta(0)

    @property
    def issuer(self) -> str:
        return f"{self.base_url}/api/realms/main"

    def now(self) -> datetime:
        return wall_now() + self.ahead

    def preset(self, *answers: dict[str, Any], certs_fault: str | None = None) -> None:
        body = {"answers": answers, "certs_fault": certs_fault}
        self.http.post(f"{self.base_url}/_standin/preset", json=body).raise_for_status()

    def command(self, path: str, body: object) -> Any:
        return (
            self.http.post(f"{self.base_url}/_standin/{path}", json=body).raise_for_status().json()
        )

    def calls(self, endpoint: str) -> int:
        health = self.http.get(f"{self.base_url}/_standin/health").raise_for_status().json()
        return int(health["calls"].get(endpoint, 0))

    def config(self, **changes: Any) -> ProviderConfig:
        values: dict[str, Any] = {
            "client_id": "furusato",
            "redirect_uri": REDIRECT,
            "signing_key": self.es_key,
            "production": False,
        }
        return provider_at(self.issuer, **{**values, **changes})


@dataclass
class Browser:
    """One browser session with its attempts, kept as the platform's store keeps them."""

    standin: StandIn
    config: ProviderConfig
    keys: KeyCache = field(default_factory=KeyCache)
    attempts: dict[str, KeptAttempt] = field(default_factory=dict)

    def start(self, scopes: tuple[str, ...] = ALL_FACTS) -> Attempt:
        attempt = begin(self.config, scopes, now=wall_now())
        kept = attempt.kept()
        self.attempts[kept.state_hash] = kept
        return attempt

    def visit(self, attempt: Attempt) -> list[Callback]:
        """Go to the provider; the callbacks its answer leads to (a page may hold several)."""
        response = self.standin.http.get(attempt.url)
        if response.status_code == httpx.codes.FOUND:
            return [callback_of(response.headers["location"])]
        links = re.findall(r'<li><a href="([^"]+)"', response.text)
        if links:
            return [callback_of(unescape(link)) for link in links]
        pairs = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', response.text)
        return [Callback(tuple((name, unescape(value)) for name, value in pairs), "POST")]

    def return_with(
        self, callback: Callback, *, now: datetime | None = None, **more: Any
    ) -> VerifiedIdentity:
        """Claim the attempt of this browser as the store does, then finish."""
        now = now or wall_now()
        attempt = self.attempts.get(callback.state_hash or "")
        if attempt is not None:
            used = KeptAttempt(
                attempt.state_hash,
                attempt.nonce,
                attempt.verifier,
                attempt.scopes,
                attempt.begun_at,
                used_at=now,
            )
            self.attempts[attempt.state_hash] = used
        return finish(
            self.config,
            self.standin.http,
            callback=callback,
            attempt=attempt,
            now=now,
            keys=self.keys,
            **{"today": TODAY, **more},
        )

    def identify(self, scopes: tuple[str, ...] = ALL_FACTS, **answer: Any) -> VerifiedIdentity:
        """The whole flow with one preset answer."""
        self.standin.preset(answer)
        (callback,) = self.visit(self.start(scopes))
        return self.return_with(callback)


def callback_of(url: str) -> Callback:
    """The request a browser makes when it follows an answer."""
    assert url.startswith(f"{REDIRECT}?")
    return Callback.from_query(urlsplit(url).query)


@contextmanager
def standin_server(*redirects: str) -> Iterator[StandIn]:
    """A stand-in on a real port, which sends browsers back to these addresses only."""
    listener = socket.create_server(("127.0.0.1", 0))
    base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    es_key, rsa_key = new_signing_key(), RSAKey.generate_key(2048, private=True)
    rsa_key.ensure_kid()
    with httpx.Client(trust_env=False) as http:
        standin = StandIn(base_url, es_key, rsa_key, http)
        jwks = public_keys(es_key, rsa_key)
        clients = (Client("furusato", redirects, jwks), Client("other", redirects, jwks))
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
