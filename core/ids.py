"""Ids seen outside are random, never sequences: a sequence tells how many there are."""

import secrets
from uuid import UUID, uuid4


def new_id() -> UUID:
    """A random UUIDv4."""
    return uuid4()


def new_token() -> str:
    """256 random bits, URL-safe."""
    return secrets.token_urlsafe(32)
