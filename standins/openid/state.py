"""Everything the stand-in remembers, in memory. One event loop touches it; no locks."""

import secrets
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from standins.openid.cards import Card, default_cards
from standins.openid.config import Config
from standins.openid.keys import KeyRing

_REMEMBERED_STATES = 200


@dataclass(frozen=True, slots=True)
class AuthRequest:
    """A valid authorization request."""

    client_id: str
    redirect_uri: str
    scopes: tuple[str, ...]
    state: str
    nonce: str
    challenge: str
    acr: str


@dataclass(frozen=True, slots=True)
class Answer:
    """How a request is to be answered: with which card, how it ends, what goes wrong."""

    card: str = "adult"
    outcome: str | None = None
    fact_format: str = "plain"
    faults: frozenset[str] = frozenset()


@dataclass(slots=True)
class Grant:
    """A code, and the access token it was exchanged for."""

    request: AuthRequest
    answer: Answer
    card: Card
    session_state: str
    code_until: datetime
    used: bool = False
    revoked: bool = False
    token_until: datetime | None = None


@dataclass(slots=True)
class State:
    """All of it."""

    config: Config
    keys: KeyRing = field(default_factory=KeyRing)
    cards: dict[str, Card] = field(default_factory=dict)
    waiting: dict[str, AuthRequest] = field(default_factory=dict)
    presets: deque[Answer] = field(default_factory=deque)
    certs_fault: str | None = None
    codes: dict[str, Grant] = field(default_factory=dict)
    tokens: dict[str, Grant] = field(default_factory=dict)
    spent_jti: dict[tuple[str, str], datetime] = field(default_factory=dict)
    states_seen: deque[str] = field(default_factory=lambda: deque(maxlen=_REMEMBERED_STATES))
    states_answered: deque[str] = field(default_factory=lambda: deque(maxlen=_REMEMBERED_STATES))
    nonces_seen: deque[str] = field(default_factory=lambda: deque(maxlen=_REMEMBERED_STATES))
    #: Counts of calls an endpoint got, for tests of caches and retries.
    calls: dict[str, int] = field(default_factory=dict)

    def count(self, endpoint: str) -> None:
        self.calls[endpoint] = self.calls.get(endpoint, 0) + 1

    def grant_code(self, request: AuthRequest, answer: Answer, card: Card) -> tuple[str, Grant]:
        """A fresh single-use code, bound to client, redirect and challenge by its request."""
        code = secrets.token_urlsafe(32)
        until = self.config.clock() + timedelta(seconds=self.config.code_seconds)
        grant = Grant(request, answer, card, secrets.token_hex(16), until)
        self.codes[code] = grant
        return code, grant

    def grant_token(self, grant: Grant) -> str:
        """The access token of a code that has just been used."""
        token = secrets.token_urlsafe(32)
        grant.used = True
        grant.token_until = self.config.clock() + timedelta(seconds=self.config.token_seconds)
        self.tokens[token] = grant
        return token

    def spend_jti(self, client_id: str, jti: str, until: datetime) -> bool:
        """Whether this assertion id is new; it is not from now on."""
        now = self.config.clock()
        self.spent_jti = {key: end for key, end in self.spent_jti.items() if end > now}
        if (client_id, jti) in self.spent_jti:
            return False
        self.spent_jti[client_id, jti] = until
        return True


def fresh_state(config: Config) -> State:
    """The state of a stand-in that has just started."""
    return State(config, cards=default_cards(config.clock().date()))
