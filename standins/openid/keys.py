"""The stand-in's own signing keys: ES256, always two published, rotated on command."""

import json
import secrets
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and the id it is published under."""

    kid: str
    private: ec.EllipticCurvePrivateKey

    def public_jwk(self) -> dict[str, Any]:
        """The public half as published."""
        jwk = json.loads(ECAlgorithm(ECAlgorithm.SHA256).to_jwk(self.private.public_key()))
        return {**jwk, "kid": self.kid, "use": "sig", "alg": "ES256"}


def new_key() -> SigningKey:
    """A fresh P-256 key with a random id."""
    return SigningKey(secrets.token_hex(8), ec.generate_private_key(ec.SECP256R1()))


class KeyRing:
    """The current key and the next one; an RSA key is published too, as Keycloak does.

    The RSA key makes an RS256 token verifiable, so that only a relying party that pins its
    algorithm refuses it.
    """

    def __init__(self) -> None:
        self.current, self.next = new_key(), new_key()
        self.rsa = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.rsa_kid = secrets.token_hex(8)

    def rotate(self, *, at_once: bool) -> None:
        """Promote the published next key; `at_once` replaces both, as after a leak."""
        self.current = new_key() if at_once else self.next
        self.next = new_key()

    def jwks(self) -> dict[str, Any]:
        """The published set."""
        public = json.loads(RSAAlgorithm(RSAAlgorithm.SHA256).to_jwk(self.rsa.public_key()))
        old = {**public, "kid": self.rsa_kid, "use": "sig", "alg": "RS256"}
        return {"keys": [self.current.public_jwk(), self.next.public_jwk(), old]}
