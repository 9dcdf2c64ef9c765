"""What is pinned about the identity provider: addresses, algorithm, client and key (R12)."""

from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol
from urllib.parse import urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc.jwk import ECKey, KeySet, RSAKey

#: The algorithm of ID tokens; never taken from a token.
ID_TOKEN_ALGORITHM: Final = "ES256"  # noqa: S105 - a name, not a secret

#: The only host that may vouch for real people. Sandbox and stand-ins live elsewhere.
PRODUCTION_HOST = "auth-and-sign.go.jp"

SigningKey = ECKey | RSAKey
SigningAlgorithm = Literal["ES256", "RS256"]


_SHORTEST_RSA = 2048


class Pinned(Protocol):
    """What the checks and calls of the protocol need to know of any provider."""

    @property
    def issuer(self) -> str:
        """Compared exactly."""
        ...

    @property
    def client_id(self) -> str:
        """Ours, there."""
        ...

    @property
    def certs_url(self) -> str:
        """Where its keys are published."""
        ...

    @property
    def acr_values(self) -> str:
        """The classes of authentication that a token must name."""
        ...

    @property
    def token_algorithm(self) -> SigningAlgorithm:
        """The algorithm of its ID tokens."""
        ...

    @property
    def timeout_seconds(self) -> float:
        """For silence."""
        ...

    @property
    def answer_seconds(self) -> float:
        """For one whole answer."""
        ...


class UnsafeProviderError(ValueError):
    """The provider must not be used like this; the sentence says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderConfig:
    """One provider, pinned. Nothing here is ever read from an answer of the provider.

    `production` is true unless said otherwise, and then only the national provider's own host
    over https is accepted: a sandbox or a stand-in must not vouch for real people (P23).
    `acr_values` is asked for and must all be found in the ID token. `assertion_audience` is
    the token endpoint or the issuer, whichever the provider wants. Time-outs are in seconds:
    for one wait of the network, and for a whole answer.
    """

    issuer: str
    auth_url: str
    token_url: str
    userinfo_url: str
    certs_url: str
    client_id: str
    redirect_uri: str
    signing_key: SigningKey = field(repr=False)
    assertion_audience: str
    acr_values: str = "aal3 crl"
    production: bool = True
    timeout_seconds: float = 5.0
    answer_seconds: float = 10.0

    def __post_init__(self) -> None:
        """Refuse addresses that do not belong together, and stand-ins in production.

        Raises:
            UnsafeProviderError: with the reason.
        """
        origin = urlsplit(self.issuer)
        if self.issuer.endswith("/"):
            raise UnsafeProviderError("the issuer has a slash at its end; it is compared exactly")
        for url in (self.auth_url, self.token_url, self.userinfo_url, self.certs_url):
            parts = urlsplit(url)
            if (parts.scheme, parts.netloc) != (origin.scheme, origin.netloc):
                raise UnsafeProviderError(f"{url} is not at the issuer's address")
        if self.assertion_audience not in {self.issuer, self.token_url}:
            raise UnsafeProviderError(
                "assertions are addressed to the issuer or its token endpoint"
            )
        if self.production and (origin.scheme, origin.netloc) != ("https", PRODUCTION_HOST):
            raise UnsafeProviderError(f"in production only https://{PRODUCTION_HOST} is accepted")
        if not self.signing_key.is_private:
            raise UnsafeProviderError("the signing key has no private part")

    @property
    def token_algorithm(self) -> SigningAlgorithm:
        """The algorithm of ID tokens."""
        return ID_TOKEN_ALGORITHM

    @property
    def signing_algorithm(self) -> SigningAlgorithm:
        """The algorithm of our client assertions, as the kind of key demands."""
        return "ES256" if isinstance(self.signing_key, ECKey) else "RS256"


def provider_at(
    issuer: str,
    *,
    client_id: str,
    redirect_uri: str,
    signing_key: SigningKey,
    acr_values: str = "aal3 crl",
    audience: Literal["token", "issuer"] = "token",
    production: bool = True,
) -> ProviderConfig:
    """The provider whose endpoints lie at the usual paths below its issuer.

    Raises:
        UnsafeProviderError: when the provider must not be used like this.
    """
    base = f"{issuer}/protocol/openid-connect"
    return ProviderConfig(
        issuer=issuer,
        auth_url=f"{base}/auth",
        token_url=f"{base}/token",
        userinfo_url=f"{base}/userinfo",
        certs_url=f"{base}/certs",
        client_id=client_id,
        redirect_uri=redirect_uri,
        signing_key=signing_key,
        assertion_audience=issuer if audience == "issuer" else f"{base}/token",
        acr_values=acr_values,
        production=production,
    )


def read_signing_key(pem: bytes) -> SigningKey:
    """Our private key from PEM, P-256 or RSA of 2,048 bits and more; named by its thumbprint.

    Raises:
        UnsafeProviderError: when it is another kind of key.
    """
    key: SigningKey
    try:
        native = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UnsafeProviderError("the signing key is no readable PEM private key") from error
    if isinstance(native, EllipticCurvePrivateKey) and native.curve.name == "secp256r1":
        key = ECKey.import_key(pem)
    elif isinstance(native, RSAPrivateKey) and native.key_size >= _SHORTEST_RSA:
        key = RSAKey.import_key(pem)
    else:
        raise UnsafeProviderError("the signing key must be P-256, or RSA of 2,048 bits or more")
    key.ensure_kid()
    return key


def new_signing_key() -> ECKey:
    """A fresh P-256 key, named by its thumbprint."""
    key = ECKey.generate_key("P-256", private=True)
    key.ensure_kid()
    return key


def public_keys(*keys: SigningKey) -> dict[str, Any]:
    """The JWK set to register with the provider: public halves only, two while rotating."""
    return dict(KeySet(list(keys)).as_dict(private=False))
