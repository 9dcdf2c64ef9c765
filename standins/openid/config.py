"""What the stand-in is told when it starts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

REALM_PATH = "/api/realms/main"
PROTOCOL_PATH = f"{REALM_PATH}/protocol/openid-connect"


def _machine_time() -> datetime:
    """The machine's time: iat and exp are protocol time, not the time of the scheme."""
    return datetime.now(UTC)  # noqa: TID251 - a separate program; it may not import core.clock


@dataclass(frozen=True, slots=True)
class Client:
    """A registered relying party; it proves itself by private_key_jwt only.

    `jwks` holds its public keys (two while it rotates), `algorithms` those it may sign with.
    """

    id: str
    redirect_uris: tuple[str, ...]
    jwks: Mapping[str, Any]
    algorithms: tuple[str, ...] = ("ES256", "RS256")


@dataclass(frozen=True, slots=True)
class Config:
    """Addresses, clients, clock and lifetimes (seconds)."""

    base_url: str
    clients: tuple[Client, ...]
    clock: Callable[[], datetime] = _machine_time
    code_seconds: int = 60
    token_seconds: int = 300
    assertion_seconds: int = 300
    #: How long a black hole stays silent and a late answer waits before it gives up.
    hang_seconds: float = 30.0
    delay_seconds: float = 2.0
    #: Published test secret: makes the pairwise subjects of test cards the same everywhere.
    subject_secret: bytes = field(default=b"stand-in subjects", repr=False)

    @property
    def issuer(self) -> str:
        return f"{self.base_url}{REALM_PATH}"

    @property
    def token_url(self) -> str:
        return f"{self.base_url}{PROTOCOL_PATH}/token"

    def client(self, client_id: str | None) -> Client | None:
        return next((client for client in self.clients if client.id == client_id), None)
