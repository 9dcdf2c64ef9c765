"""The facts of a card: read tolerantly, normalised once, refused when in doubt (R12, P22). Pure."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from core.individual_number import contains_individual_number
from registry.idp_checks import refusal

_LONGEST_NAME = 200
_LONGEST_ADDRESS = 400
_DEEPEST = 6
_BIRTH_DATE = re.compile(r"([0-9]{4})-?([0-9]{2})-?([0-9]{2})")
_GENDERS = {
    "1": "male",
    "male": "male",
    "男": "male",
    "男性": "male",
    "2": "female",
    "female": "female",
    "女": "female",
    "女性": "female",
    "3": "unknown",
    "0": "unknown",
    "9": "unknown",
    "unknown": "unknown",
    "不明": "unknown",
    "other": "other",
}
#: Members of the standard address object, from large to small; the postal code is not kept.
_ADDRESS_PARTS = ("region", "locality", "street_address")


@dataclass(frozen=True, slots=True)
class Facts:
    """What a card says, as far as it was asked for. Name and address keep their characters.

    `gender` is male, female, other or unknown.
    """

    name: str | None = None
    address: str | None = None
    birth_date: date | None = None
    gender: str | None = None


def read_facts(
    answer: Mapping[str, Any],
    scopes: tuple[str, ...],
    *,
    today: date,
    known_birth_date: date | None = None,
) -> Facts:
    """The asked-for facts of a userinfo answer; facts nobody asked for are dropped (R12).

    `today` is the Japanese day of the scheme. `known_birth_date` is that of an earlier check:
    a birth date never changes.

    Raises:
        IdentityRefused: `individual_number_found`, `facts_missing`, `facts_malformed`,
            `birth_date_in_future` or `birth_date_changed`; nothing of the answer is in it.
    """
    if any(contains_individual_number(text) for text in _texts(answer, _DEEPEST)):
        raise refusal("individual_number_found", action="ask_support")
    facts = Facts(
        name=_text(answer, "name", _LONGEST_NAME) if "name" in scopes else None,
        address=_address(answer) if "address" in scopes else None,
        birth_date=_birth_date(answer) if "birthdate" in scopes else None,
        gender=_gender(answer) if "gender" in scopes else None,
    )
    if facts.birth_date is not None and facts.birth_date > today:
        raise refusal("birth_date_in_future", action="ask_support")
    if facts.birth_date is not None and known_birth_date not in (None, facts.birth_date):
        raise refusal("birth_date_changed", action="ask_support")
    return facts


def _texts(value: object, depth: int) -> Iterator[str]:
    """Every text and number in an answer."""
    if depth == 0:
        raise refusal("facts_malformed", found="depth", action="ask_support")
    if isinstance(value, str):
        yield value
    elif isinstance(value, int | float):
        yield str(value)
    elif isinstance(value, Mapping):
        for key, member in value.items():
            # An opaque subject may by chance hold twelve digits; only as a whole is it a number.
            if key != "sub" or (isinstance(member, str) and member.isdecimal()):
                yield from _texts(member, depth - 1)
    elif isinstance(value, list):
        for member in value:
            yield from _texts(member, depth - 1)


def _text(values: Mapping[str, Any], name: str, longest: int) -> str:
    """A text on one line, with its own characters."""
    value = values.get(name)
    if value is None or value == "":
        raise refusal("facts_missing", found=name, action="ask_support")
    if not isinstance(value, str):
        raise refusal("facts_malformed", found=name, action="ask_support")
    line = " ".join(value.splitlines()).strip()
    printable = all(unicodedata.category(char) not in {"Cc", "Cs"} for char in line)
    if not line or len(line) > longest or not printable:
        raise refusal("facts_malformed", found=name, action="ask_support")
    return line


def _address(answer: Mapping[str, Any]) -> str:
    """One line from a plain address or from the standard object."""
    value = answer.get("address")
    if not isinstance(value, Mapping):
        return _text(answer, "address", _LONGEST_ADDRESS)
    if value.get("formatted") is not None:
        return _text({"address": value["formatted"]}, "address", _LONGEST_ADDRESS)
    parts = [value[part] for part in _ADDRESS_PARTS if value.get(part) is not None]
    if not all(isinstance(part, str) for part in parts):
        raise refusal("facts_malformed", found="address", action="ask_support")
    return _text({"address": "".join(parts)}, "address", _LONGEST_ADDRESS)


def _birth_date(answer: Mapping[str, Any]) -> date:
    """19850315 or 1985-03-15."""
    text = unicodedata.normalize("NFKC", _text(answer, "birthdate", 20))
    match = _BIRTH_DATE.fullmatch(text)
    malformed = refusal("facts_malformed", found="birthdate", action="ask_support")
    if match is None:
        raise malformed
    year, month, day = map(int, match.groups())
    try:
        return date(year, month, day)
    except ValueError:
        raise malformed from None


def _gender(answer: Mapping[str, Any]) -> str:
    """1, 2, male, female and their like."""
    text = unicodedata.normalize("NFKC", _text(answer, "gender", 20)).lower()
    if text not in _GENDERS:
        raise refusal("facts_malformed", found="gender", action="ask_support")
    return _GENDERS[text]
