"""The codes people type live in `core.shortcode`, which registry shares; named here as well."""

from core.shortcode import (
    ALPHABET,
    MAX_TEXT,
    MEMBER,
    POSTER,
    Scheme,
    check_character,
    grouped,
    is_valid,
    new_code,
    normalise,
)

__all__ = [
    "ALPHABET",
    "MAX_TEXT",
    "MEMBER",
    "POSTER",
    "Scheme",
    "check_character",
    "grouped",
    "is_valid",
    "new_code",
    "normalise",
]
