"""The published key list, for verifiers without a connection (R22).

``/.well-known/fj-keys.json`` holds every signing key's public half and standing, a
counter that only rises, and the root key's signature. The signed bytes are
``FJ key list 1``, a line feed, and the document without ``signature`` as JSON with
sorted names, no white space and ASCII only (for such data the same as RFC 8785).
"""

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from qr.keys import KeyRecord, base64url, public_jwk
from qr.signatures import (
    KeyRing,
    KeyStatus,
    KeyUse,
    PublicKeyRecord,
    Signer,
    compressed_point,
    es256_verifies,
)

_CONTEXT = b"FJ key list 1\n"
_VERSION = 1


class KeyListRefusal(StrEnum):
    """Why a key list is not taken over."""

    MALFORMED = "malformed"
    UNKNOWN_ROOT = "unknown_root"
    BAD_SIGNATURE = "bad_signature"
    OLD_COUNTER = "old_counter"


class KeyListError(Exception):
    """A key list that is not taken over; the one already held stays in force."""

    def __init__(self, code: KeyListRefusal, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class RootSigner:
    """The root key as far as signing a list needs it."""

    kid: str
    sign: Signer


@dataclass(frozen=True, slots=True)
class KeyList:
    """A key list that was verified."""

    counter: int
    issued_at: datetime
    keys: tuple[PublicKeyRecord, ...]


def published_key_list(
    records: Iterable[KeyRecord], *, counter: int, now: datetime, root: RootSigner
) -> dict[str, Any]:
    """The signed document; root keys are pinned in the clients and not listed (R22)."""
    listed = sorted(
        (record for record in records if record.use is not KeyUse.ROOT), key=lambda r: r.kid
    )
    document: dict[str, Any] = {
        "version": _VERSION,
        "counter": counter,
        "issued_at": _timestamp(now),
        "root_kid": root.kid,
        "keys": [_entry(record) for record in listed],
    }
    document["signature"] = base64url(root.sign(_signed_bytes(document)))
    return document


def verify_key_list(
    document: Mapping[str, Any], *, root_keys: KeyRing, minimum_counter: int
) -> KeyList:
    """Check a list against the pinned root keys; KeyListError when it is not to be used.

    ``minimum_counter`` is the counter of the list already held: a lower one would bring
    back a key that was revoked since. Whether the list is too old is the caller's to say.
    """
    root_kid = document.get("root_kid")
    root = root_keys.get(root_kid) if isinstance(root_kid, str) else None
    if root is None or root.use is not KeyUse.ROOT or root.status is not KeyStatus.ACTIVE:
        raise KeyListError(KeyListRefusal.UNKNOWN_ROOT, "Not signed by a pinned root key.")
    try:
        signature = _from_base64url(document["signature"])
        message = _signed_bytes(document)
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise KeyListError(KeyListRefusal.MALFORMED, "No readable signature.") from error
    if not es256_verifies(root_keys.public_key(root.kid), message, signature):
        raise KeyListError(KeyListRefusal.BAD_SIGNATURE, "The signature does not fit.")
    key_list = _read(document)
    if not root.not_before <= key_list.issued_at < root.not_after:
        raise KeyListError(KeyListRefusal.UNKNOWN_ROOT, "Issued outside the root key's time.")
    if key_list.counter < minimum_counter:
        message_text = f"Counter {key_list.counter} is below {minimum_counter}."
        raise KeyListError(KeyListRefusal.OLD_COUNTER, message_text)
    return key_list


def _read(document: Mapping[str, Any]) -> KeyList:
    try:
        counter = _counter(document)
        keys = tuple(_record(entry) for entry in document["keys"])
        KeyRing(keys)  # refuses a key id that occurs twice
        return KeyList(counter, _instant(document["issued_at"]), keys)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise KeyListError(KeyListRefusal.MALFORMED, "The list is not well-formed.") from error


def _counter(document: Mapping[str, Any]) -> int:
    counter = document["counter"]
    if document["version"] == _VERSION and type(counter) is int:
        return counter
    raise ValueError("Another version, or no counter.")


def _entry(record: KeyRecord) -> dict[str, Any]:
    return {
        "kid": record.kid,
        "alg": record.alg,
        "use": str(record.use),
        "lg_code": record.lg_code,
        "not_before": _timestamp(record.not_before),
        "not_after": _timestamp(record.not_after),
        "status": str(record.status),
        "revoked_at": None if record.revoked_at is None else _timestamp(record.revoked_at),
        "jwk": public_jwk(record),
    }


def _record(entry: Mapping[str, Any]) -> PublicKeyRecord:
    jwk = entry["jwk"]
    x, y = (int.from_bytes(_from_base64url(jwk[name]), "big") for name in ("x", "y"))
    key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    revoked_at = entry["revoked_at"]
    return PublicKeyRecord(
        kid=entry["kid"],
        use=KeyUse(entry["use"]),
        lg_code=entry["lg_code"],
        public_key=compressed_point(key),
        not_before=_instant(entry["not_before"]),
        not_after=_instant(entry["not_after"]),
        status=KeyStatus(entry["status"]),
        revoked_at=None if revoked_at is None else _instant(revoked_at),
        alg=entry["alg"],
    )


def _signed_bytes(document: Mapping[str, Any]) -> bytes:
    unsigned = {name: value for name, value in document.items() if name != "signature"}
    return _CONTEXT + json.dumps(unsigned, sort_keys=True, separators=(",", ":")).encode("ascii")


def _from_base64url(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _timestamp(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _instant(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
