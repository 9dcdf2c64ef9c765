"""A device in software: makes keys and signs with them as a real one would, or wrongly on demand."""

import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from webauthn.helpers import bytes_to_base64url, encode_cbor

PRESENT, VERIFIED, SYNCABLE, SYNCED, MADE = 0x01, 0x04, 0x08, 0x10, 0x40
ORIGIN = "http://testserver"


@dataclass
class Device:
    """Holds one key.

    Attributes:
        verifies: Whether it looks at a face before it signs.
        counts: Whether it has a counter; synced keys have none.
    """

    origin: str = ORIGIN
    domain: str = "testserver"
    verifies: bool = True
    counts: bool = True
    count: int = 0
    synced: bool = False
    user_handle: str = ""
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def make(self, options: dict[str, Any]) -> dict[str, Any]:
        """What `navigator.credentials.create(…).toJSON()` gives."""
        self.user_handle = options["user"]["id"]
        numbers = self.key.public_key().public_numbers()
        x, y = (number.to_bytes(32, "big") for number in (numbers.x, numbers.y))
        cose = encode_cbor({1: 2, 3: -7, -1: 1, -2: x, -3: y})
        made = bytes(16) + len(self.credential_id).to_bytes(2, "big") + self.credential_id + cose
        attested = {"fmt": "none", "attStmt": {}, "authData": self._data(MADE) + made}
        return self._credential(
            {
                "clientDataJSON": self._client("webauthn.create", options["challenge"]),
                "attestationObject": bytes_to_base64url(encode_cbor(attested)),
                "transports": ["internal", "hybrid", "carrier-pigeon"],
            }
        )

    def sign(self, options: dict[str, Any]) -> dict[str, Any]:
        """What `navigator.credentials.get(…).toJSON()` gives."""
        client = self._client("webauthn.get", options["challenge"])
        raw = json.dumps(self._said("webauthn.get", options["challenge"])).encode()
        data = self._data(0)
        signature = self.key.sign(data + hashlib.sha256(raw).digest(), ec.ECDSA(hashes.SHA256()))
        return self._credential(
            {
                "clientDataJSON": client,
                "authenticatorData": bytes_to_base64url(data),
                "signature": bytes_to_base64url(signature),
                "userHandle": self.user_handle,
            }
        )

    def _data(self, more: int) -> bytes:
        self.count += self.counts
        flags = PRESENT | more | (VERIFIED if self.verifies else 0)
        flags |= (SYNCABLE | SYNCED) if self.synced else 0
        return (
            hashlib.sha256(self.domain.encode()).digest()
            + bytes([flags])
            + self.count.to_bytes(4, "big")
        )

    def _said(self, kind: str, challenge: str) -> dict[str, Any]:
        return {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}

    def _client(self, kind: str, challenge: str) -> str:
        return bytes_to_base64url(json.dumps(self._said(kind, challenge)).encode())

    def _credential(self, response: dict[str, Any]) -> dict[str, Any]:
        name = bytes_to_base64url(self.credential_id)
        return {"id": name, "rawId": name, "type": "public-key", "response": response}
