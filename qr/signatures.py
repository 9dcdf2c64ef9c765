"""ES256 signatures and the public keys a verifier knows (R19, R22).

Signatures are raw 64 bytes (r then s), as browsers' Web Crypto makes and checks them.
This module is pure: it reads no clock, no settings and no database.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

ALG = "ES256"
DEVICE_KEY_BYTES = 33
SIGNATURE_BYTES = 64

_KID = re.compile(r"[0-9a-f]{8}")
_LG_CODE = re.compile(r"[0-9]{6}")
_ECDSA = ec.ECDSA(hashes.SHA256())

Signer = Callable[[bytes], bytes]
"""Takes the message, returns its raw 64-byte ES256 signature."""


class KeyUse(StrEnum):
    """What a key may sign; never more than one thing."""

    CARD = "card"
    VENUE = "venue"
    ROOT = "root"


class KeyStatus(StrEnum):
    """Where a key stands; only codes of an active key count."""

    ACTIVE = "active"
    RETIRED = "retired"
    REVOKED = "revoked"


def check_lg_code(lg_code: str) -> str:
    """Return the code; ValueError unless it is six digits (全国地方公共団体コード)."""
    if not _LG_CODE.fullmatch(lg_code):
        raise ValueError("A local government's code is six digits.")
    return lg_code


def check_kid(kid: str) -> str:
    """Return the key id; ValueError unless it is eight lower-case hexadecimal digits."""
    if not _KID.fullmatch(kid):
        raise ValueError("A key id is eight lower-case hexadecimal digits.")
    return kid


@dataclass(frozen=True, slots=True)
class PublicKeyRecord:
    """A public key and what it may be used for.

    ``public_key`` is the X9.62 compressed point (33 bytes) or a PEM. The key counts
    from ``not_before`` until just before ``not_after``. ``lg_code`` None means a key
    of the platform, not of one local government.
    """

    kid: str
    use: KeyUse
    lg_code: str | None
    public_key: bytes
    not_before: datetime
    not_after: datetime
    status: KeyStatus = KeyStatus.ACTIVE
    revoked_at: datetime | None = None
    alg: str = ALG

    def __post_init__(self) -> None:
        check_kid(self.kid)
        if self.lg_code is not None:
            check_lg_code(self.lg_code)
        if self.alg != ALG:
            raise ValueError(f"Only {ALG} keys are known.")


class KeyRing(Mapping[str, PublicKeyRecord]):
    """The keys a verifier knows, by key id; points are unpacked once and kept."""

    def __init__(self, records: Iterable[PublicKeyRecord]) -> None:
        self._records: dict[str, PublicKeyRecord] = {}
        self._keys: dict[str, ec.EllipticCurvePublicKey] = {}
        for record in records:
            if record.kid in self._records:
                raise ValueError(f"Key id {record.kid} twice.")
            self._records[record.kid] = record

    def __getitem__(self, kid: str) -> PublicKeyRecord:
        return self._records[kid]

    def __iter__(self) -> Iterator[str]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)

    def public_key(self, kid: str) -> ec.EllipticCurvePublicKey:
        """The key itself; KeyError when unknown, ValueError when it is no P-256 key."""
        key = self._keys.get(kid)
        if key is None:
            key = self._keys[kid] = load_public_key(self._records[kid].public_key)
        return key


def load_public_key(data: bytes) -> ec.EllipticCurvePublicKey:
    """Read a compressed point or a PEM; ValueError unless it is a P-256 public key."""
    if not data.startswith(b"-----BEGIN"):
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), data)
    key = serialization.load_pem_public_key(data)
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise ValueError("Not a P-256 public key.")


def compressed_point(key: ec.EllipticCurvePublicKey) -> bytes:
    """The 33 bytes by which a public key is stored and certified."""
    return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint)


def es256_signer(private_key: ec.EllipticCurvePrivateKey) -> Signer:
    """A signer for a P-256 private key; ValueError for another curve."""
    if private_key.curve.name != ec.SECP256R1.name:
        raise ValueError("ES256 needs a P-256 key.")

    def sign(message: bytes) -> bytes:
        r, s = decode_dss_signature(private_key.sign(message, _ECDSA))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    return sign


def es256_verifies(key: ec.EllipticCurvePublicKey, message: bytes, signature: bytes) -> bool:
    """Whether the raw signature is this key's for this message."""
    if len(signature) != SIGNATURE_BYTES:
        return False
    r = int.from_bytes(signature[:32], "big")
    s = int.from_bytes(signature[32:], "big")
    try:
        key.verify(encode_dss_signature(r, s), message, _ECDSA)
    except InvalidSignature:
        return False
    return True
