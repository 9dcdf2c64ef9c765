"""Hashes and indexes over secrets: sessions, codes, addresses."""

import hashlib
import hmac


def digest(value: str) -> str:
    """SHA-256 in hex, for values that are random already (tokens)."""
    return hashlib.sha256(value.encode()).hexdigest()


def index(secret: str, purpose: str, value: str) -> str:
    """A blind index in hex: the same value gives the same key, nobody without the secret can tell which."""
    return hmac.new(secret.encode(), f"{purpose}|{value}".encode(), hashlib.sha256).hexdigest()


def same(left: str, right: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(left.encode(), right.encode())
