"""Codes that people read, say and type: poster codes, member and certificate numbers (R19, R22).

The last character checks the others. The alphabet has 31 characters, a prime, and
every position has its own weight, so that any one wrong character and any two
exchanged characters always change the checksum. 0, 1, I, L and O are left out.
A poster code is never a valid member number: they differ in length and in checksum.

This module is pure; random bytes are handed in.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
_VALUE = {character: value for value, character in enumerate(ALPHABET)}
_PRIME = len(ALPHABET)
_LOWER = str.maketrans("abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
# Every sort of hyphen and space that keyboards and input methods produce.
_NOISE = re.compile(r"[\s\-‐-―−ー_・.]+")
_PATH = re.compile(r"^[^?#]*/[A-Za-z]/([^/?#]+)")
# So that no amount of pasted text is normalised before it is refused.
MAX_TEXT = 2048


@dataclass(frozen=True, slots=True)
class Scheme:
    """One family of codes: its length with check character, and its checksum's start."""

    length: int
    start: int
    group: int = 4


POSTER = Scheme(length=8, start=0)
"""On printed posters; 31^7 codes, of use only with a second factor (R19)."""

MEMBER = Scheme(length=12, start=17)
"""The member number on a card; 31^11 numbers, so that guessing one is hopeless."""

CERTIFICATE = Scheme(length=10, start=23, group=5)
"""Below a local government's code on a certificate; 31^9 numbers, and checks are limited (R22)."""


def new_code(randbytes: Callable[[int], bytes], scheme: Scheme = POSTER) -> str:
    """A new random code; ``randbytes(n)`` returns n random bytes (for instance token_bytes)."""
    # 32 bytes are many more than needed: the bias of the remainder is below 2^-190.
    number = int.from_bytes(randbytes(32), "big")
    characters = []
    for _ in range(scheme.length - 1):
        number, value = divmod(number, _PRIME)
        characters.append(ALPHABET[value])
    body = "".join(characters)
    return body + check_character(body, scheme)


def check_character(body: str, scheme: Scheme = POSTER) -> str:
    """The character that completes ``body``; KeyError outside the alphabet."""
    total = scheme.start + sum(
        weight * _VALUE[character] for weight, character in enumerate(body, start=2)
    )
    # The check character has weight 1: it must bring the sum to a multiple of the prime.
    return ALPHABET[-total % _PRIME]


def normalise(text: str) -> str:
    """A typed or scanned code as we store it: upper case, half width, no separators.

    An address such as ``https://host/C/ABCD2345`` is reduced to its code. Nothing is
    guessed: a letter O stays, and :func:`is_valid` refuses it.
    """
    plain = unicodedata.normalize("NFKC", text[:MAX_TEXT]).strip()
    if match := _PATH.match(plain):
        plain = match[1]
    return _NOISE.sub("", plain).translate(_LOWER)


def is_valid(text: str, scheme: Scheme = POSTER) -> bool:
    """Whether the text, normalised, has the length, the alphabet and the right check."""
    code = normalise(text)
    if len(code) != scheme.length or any(character not in _VALUE for character in code):
        return False
    return check_character(code[:-1], scheme) == code[-1]


def grouped(code: str, scheme: Scheme = POSTER) -> str:
    """The code as people read it, in groups: ``ABCD 2345``."""
    step = scheme.group
    return " ".join(code[start : start + step] for start in range(0, len(code), step))
