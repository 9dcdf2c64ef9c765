"""Signing keys: made, sealed at rest, rotated, published (R19, R22).

Records in, records out: where they are stored is the caller's affair. A key signs for
a while (``sign_for``) and is accepted for longer (``overlap``), until the last code it
signed has ended; only then is it retired, and nothing of it is accepted any more.
"""

import base64
import secrets
from collections.abc import Container, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from qr.signatures import (
    ALG,
    KeyRing,
    KeyStatus,
    KeyUse,
    PublicKeyRecord,
    Signer,
    compressed_point,
    es256_signer,
    load_public_key,
)

SECRET_BYTES = 32
_SEAL_VERSION = b"\x01"
_NONCE_BYTES = 12


class KeySealError(Exception):
    """A private key that cannot be opened: wrong secret, altered, or another key's."""


class NoSigningKeyError(Exception):
    """There is no key that may sign this now."""


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A row of the key table; see :class:`qr.signatures.PublicKeyRecord` for the fields.

    ``private_key_sealed`` is None where only the public half is kept here.
    """

    kid: str
    use: KeyUse
    lg_code: str | None
    public_key: bytes
    private_key_sealed: bytes | None
    not_before: datetime
    not_after: datetime
    status: KeyStatus = KeyStatus.ACTIVE
    revoked_at: datetime | None = None
    alg: str = ALG

    @property
    def public(self) -> PublicKeyRecord:
        """What verifiers may know; ValueError when the row is not well-formed."""
        return PublicKeyRecord(
            kid=self.kid,
            use=self.use,
            lg_code=self.lg_code,
            public_key=self.public_key,
            not_before=self.not_before,
            not_after=self.not_after,
            status=self.status,
            revoked_at=self.revoked_at,
            alg=self.alg,
        )


@dataclass(frozen=True, slots=True)
class KeyScope:
    """What a key is for: one use, for one local government or for the platform."""

    use: KeyUse
    lg_code: str | None


@dataclass(frozen=True, slots=True)
class PlannedKey:
    """A key to be made."""

    scope: KeyScope
    not_before: datetime
    not_after: datetime


@dataclass(frozen=True, slots=True)
class RotationPlan:
    """What to do now: keys to make, key ids to retire."""

    create: tuple[PlannedKey, ...]
    retire: tuple[str, ...]


def new_key(
    planned: PlannedKey, *, secret: bytes, taken_kids: Container[str] = frozenset()
) -> KeyRecord:
    """Make a key with a random id not among ``taken_kids``, sealed under ``secret``."""
    private_key = ec.generate_private_key(ec.SECP256R1())
    kid = secrets.token_hex(4)
    while kid in taken_kids:
        kid = secrets.token_hex(4)
    return KeyRecord(
        kid=kid,
        use=planned.scope.use,
        lg_code=planned.scope.lg_code,
        public_key=compressed_point(private_key.public_key()),
        private_key_sealed=_seal(private_key, kid, planned.scope.use, secret),
        not_before=planned.not_before,
        not_after=planned.not_after,
    )


def key_ring(records: Iterable[KeyRecord]) -> KeyRing:
    """The verifier's view of these rows."""
    return KeyRing(record.public for record in records)


# --- at rest ----------------------------------------------------------------------


def open_private_key(record: KeyRecord, *, secret: bytes) -> ec.EllipticCurvePrivateKey:
    """Open the sealed private key; KeySealError unless it is this row's own."""
    sealed = record.private_key_sealed
    if sealed is None or not sealed.startswith(_SEAL_VERSION):
        raise KeySealError(f"Key {record.kid} has no private half that can be opened here.")
    cipher = AESGCM(_sealing_key(secret))
    nonce, cipher_text = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
    try:
        der = cipher.decrypt(nonce, cipher_text, _seal_context(record.kid, record.use))
    except (InvalidTag, ValueError) as error:
        raise KeySealError(f"Key {record.kid} does not open with this secret.") from error
    private_key = serialization.load_der_private_key(der, password=None)
    if not isinstance(private_key, ec.EllipticCurvePrivateKey) or compressed_point(
        private_key.public_key()
    ) != compressed_point(load_public_key(record.public_key)):
        raise KeySealError(f"Key {record.kid}: the halves do not belong together.")
    return private_key


def signer_for(record: KeyRecord, *, secret: bytes) -> Signer:
    """A signer for this row's key; KeySealError as :func:`open_private_key`."""
    return es256_signer(open_private_key(record, secret=secret))


def resealed(record: KeyRecord, *, old_secret: bytes, new_secret: bytes) -> KeyRecord:
    """The same key under a new secret; verifiers notice nothing."""
    private_key = open_private_key(record, secret=old_secret)
    return replace(
        record, private_key_sealed=_seal(private_key, record.kid, record.use, new_secret)
    )


def _seal(private_key: ec.EllipticCurvePrivateKey, kid: str, use: KeyUse, secret: bytes) -> bytes:
    der = private_key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    nonce = secrets.token_bytes(_NONCE_BYTES)
    context = _seal_context(kid, use)
    return _SEAL_VERSION + nonce + AESGCM(_sealing_key(secret)).encrypt(nonce, der, context)


def _sealing_key(secret: bytes) -> bytes:
    if len(secret) < SECRET_BYTES:
        raise ValueError(f"The sealing secret needs at least {SECRET_BYTES} bytes.")
    return HKDF(hashes.SHA256(), 32, salt=None, info=b"furusato signing keys 1").derive(secret)


def _seal_context(kid: str, use: KeyUse) -> bytes:
    return f"{kid}:{use}".encode()


# --- public half --------------------------------------------------------------------


def public_pem(record: KeyRecord | PublicKeyRecord) -> str:
    """The public key as PEM, for tools outside."""
    key = load_public_key(record.public_key)
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode("ascii")


def public_jwk(record: KeyRecord | PublicKeyRecord) -> dict[str, str]:
    """The public key as JSON Web Key (RFC 7517), as browsers import it."""
    numbers = load_public_key(record.public_key).public_numbers()
    return {
        "kty": "EC",
        "crv": "P-256",
        "x": base64url(numbers.x.to_bytes(32, "big")),
        "y": base64url(numbers.y.to_bytes(32, "big")),
        "kid": record.kid,
        "alg": record.alg,
        "use": "sig",
    }


def base64url(data: bytes) -> str:
    """Base64 for addresses and JSON, without padding (RFC 7515)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


# --- rotation -----------------------------------------------------------------------


def choose_signing_key(
    records: Iterable[KeyRecord],
    *,
    scope: KeyScope,
    now: datetime,
    covers_until: datetime | None = None,
) -> KeyRecord:
    """The newest key that may sign for ``scope`` now; NoSigningKeyError without one.

    ``covers_until`` is the expiry of the code to be signed: the key must be accepted
    at least as long, so that no code that is still valid is refused for its key (R22).
    """
    fit = [
        record
        for record in records
        if (record.use, record.lg_code) == (scope.use, scope.lg_code)
        and record.status is KeyStatus.ACTIVE
        and record.private_key_sealed is not None
        and record.not_before <= now < record.not_after
        and (covers_until is None or covers_until <= record.not_after)
    ]
    if not fit:
        raise NoSigningKeyError(f"No {scope.use} key of {scope.lg_code or 'the platform'} fits.")
    return max(fit, key=lambda record: (record.not_before, record.kid))


def rotation_plan(
    records: Iterable[KeyRecord],
    *,
    scopes: Iterable[KeyScope],
    now: datetime,
    sign_for: timedelta,
    overlap: timedelta,
    lead: timedelta,
) -> RotationPlan:
    """Which keys to make and to retire now; empty once its advice has been followed.

    Args:
        records: All rows of the key table.
        scopes: Every scope that needs a key.
        now: The instant of planning.
        sign_for: How long a key signs before its successor takes over.
        overlap: How long it is accepted after that: at least the life of a code.
        lead: How long before it is needed a successor is made and published.
    """
    active = [record for record in records if record.status is KeyStatus.ACTIVE]
    living = [record for record in active if now < record.not_after]
    newest: dict[KeyScope, datetime] = {}
    for record in living:
        scope = KeyScope(record.use, record.lg_code)
        newest[scope] = max(record.not_before, newest.get(scope, record.not_before))
    create = []
    for scope in scopes:
        ends = newest[scope] + sign_for if scope in newest else now
        if ends - lead <= now:
            # Whole seconds, as the published list has no finer ones.
            start = max(ends, now).replace(microsecond=0)
            create.append(PlannedKey(scope, start, start + sign_for + overlap))
    retire = [record.kid for record in active if record.not_after <= now]
    return RotationPlan(create=tuple(create), retire=tuple(retire))


def retired(record: KeyRecord) -> KeyRecord:
    """The row after its end: nothing it signed is accepted, its private half is gone."""
    return replace(record, status=KeyStatus.RETIRED, private_key_sealed=None)


def revoked(record: KeyRecord, *, at: datetime) -> KeyRecord:
    """The row after the key was lost or misused: nothing it ever signed is accepted."""
    return replace(record, status=KeyStatus.REVOKED, revoked_at=at, private_key_sealed=None)
