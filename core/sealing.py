"""Hashes, indexes and seals over secrets: sessions, codes, addresses, answers that are kept."""

import base64
import hashlib
import hmac
import secrets
import zlib

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12


def digest(value: str) -> str:
    """SHA-256 in hex, for values that are random already (tokens)."""
    return hashlib.sha256(value.encode()).hexdigest()


def index(secret: str, purpose: str, value: str) -> str:
    """A blind index in hex: the same value gives the same key, nobody without the secret can tell which."""
    return hmac.new(secret.encode(), f"{purpose}|{value}".encode(), hashlib.sha256).hexdigest()


def mac(key: str, text: str) -> str:
    """HMAC-SHA-256 in hex under a key that somebody else was given."""
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


def same(left: str, right: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(left.encode(), right.encode())


def seal(secret: str, place: str, value: str) -> str:
    """The value so that only the secret reads it again, and only from the place it was put."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    sealed = AESGCM(_key(secret)).encrypt(nonce, value.encode(), place.encode())
    return base64.b64encode(nonce + sealed).decode()


def unseal(secret: str, place: str, sealed: str) -> str:
    """The value of `seal`.

    Raises:
        cryptography.exceptions.InvalidTag: It was changed, moved, or sealed under another secret.
    """
    raw = base64.b64decode(sealed)
    nonce, rest = raw[:_NONCE_BYTES], raw[_NONCE_BYTES:]
    return AESGCM(_key(secret)).decrypt(nonce, rest, place.encode()).decode()


def pack(secret: str, place: str, content: bytes) -> str:
    """A file, made small and sealed."""
    return seal(secret, place, base64.b64encode(zlib.compress(content)).decode())


def unpack(secret: str, place: str, packed: str) -> bytes:
    """The file of `pack`."""
    return zlib.decompress(base64.b64decode(unseal(secret, place, packed)))


def _key(secret: str) -> bytes:
    return hmac.new(secret.encode(), b"seal", hashlib.sha256).digest()
