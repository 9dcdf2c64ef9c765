"""Recognise a 12-digit Individual Number (個人番号), so that none is ever kept (R12, P22).

The platform never asks for the number. People still type it into free text, and a provider
might put it into a fact, so every such text is read by `contains_individual_number` first.
"""

import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise

_LENGTH = 12
#: Weights of the first eleven digits, left to right: the ordinance counts them from the right
#: as 2…7 and then 2…6.
_WEIGHTS = (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
#: Group lengths people write a number in: "1234 5678 9012", "123-456-789-012", digit by digit.
_GROUP_LENGTHS = (1, 2, 3, 4)
_LONGEST_GAP = 3

_KANJI_DIGITS = str.maketrans("〇一二三四五六七八九", "0123456789")
_DIGITS = re.compile(r"[0-9]+")
_GAP = re.compile(r"[\s\-‐‑‒–—―−ー_.·・/|~]+")


def has_valid_check_digit(digits: str) -> bool:
    """Whether twelve ASCII digits satisfy the check digit rule of the number.

    Source: 平成26年総務省令第85号第5条. The last digit is 11 minus the weighted sum of the others
    modulo 11, or 0 where that remainder is 0 or 1.
    """
    if len(digits) != _LENGTH or not (digits.isascii() and digits.isdigit()):
        return False
    total = sum(int(digit) * weight for digit, weight in zip(digits, _WEIGHTS, strict=False))
    remainder = total % 11
    expected = 0 if remainder <= 1 else 11 - remainder
    return int(digits[-1]) == expected


def contains_individual_number(text: str) -> bool:
    """Whether a text holds something that reads as an Individual Number (R12, P22).

    Found: twelve digits in one run, or in equal groups of one to four digits with the same
    kind of separators people use; full-width, circled, kanji and foreign digits count as
    digits, invisible characters as nothing. Not found: twelve digits inside a longer run or
    a longer chain of groups (a sixteen-digit card number), and whatever fails the check digit
    (about ten of eleven accidental twelve-digit strings).
    """
    return any(has_valid_check_digit(candidate) for candidate in _candidates(_plain(text)))


def _plain(text: str) -> str:
    """The text with every kind of digit as 0–9 and without invisible characters."""
    folded = unicodedata.normalize("NFKC", text).translate(_KANJI_DIGITS)
    return "".join(
        str(unicodedata.digit(char)) if char.isdecimal() else char
        for char in folded
        if unicodedata.category(char) != "Cf"
    )


def _candidates(text: str) -> Iterator[str]:
    """Every twelve-digit string that is written as one number."""
    runs = list(_DIGITS.finditer(text))
    groups = [run.group() for run in runs]
    gaps = [text[left.end() : right.start()] for left, right in pairwise(runs)]
    yield from (group for group in groups if len(group) == _LENGTH)
    for start, group in enumerate(groups):
        length = len(group)
        if length not in _GROUP_LENGTHS:
            continue
        end = start + _LENGTH // length
        inner = gaps[start : end - 1]
        if (
            end <= len(groups)
            and all(len(other) == length for other in groups[start:end])
            and all(_joins(gap) for gap in inner)
            and not _goes_on(groups, gaps, start, end)
        ):
            yield "".join(groups[start:end])


def _joins(gap: str) -> bool:
    """Whether what stands between two groups only separates digits of one number."""
    return len(gap) <= _LONGEST_GAP and _GAP.fullmatch(gap) is not None


def _goes_on(groups: list[str], gaps: list[str], start: int, end: int) -> bool:
    """Whether the chain is part of a longer one: an equal group, joined by the same gap."""
    length, inner = len(groups[start]), gaps[start : end - 1]
    before = start > 0 and len(groups[start - 1]) == length and gaps[start - 1] in inner
    after = end < len(groups) and len(groups[end]) == length and gaps[end - 1] in inner
    return before or after
