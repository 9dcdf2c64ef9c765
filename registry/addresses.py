"""From the text of an address to the municipality it lies in (R16). Pure."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache

#: Other writings of characters that occur in names of municipalities.
_VARIANTS = str.maketrans("ヶヵ竃桧曾鯵竜驒諌梼﨑髙", "ケカ竈檜曽鰺龍騨諫檮崎高")
#: Spaces, and the selectors that choose a glyph of the same character.
_IGNORED = re.compile(r"[\s\u200b-\u200d\ufe00-\ufe0f\U000e0100-\U000e01ef]+")
#: A district (郡) or an island stands before the name: 木曽郡木曽町, 三宅島三宅村.
_FOREWORD = re.compile("[郡島]")
_LONGEST_FOREWORD = 6


def locate(address_text: str, governments: Sequence[tuple[str, str, str]]) -> str | None:
    """The municipality code of an address as a card gives it, or None when it is not certain.

    `governments` are rows of (code, prefecture, name); rows of prefectures may be among them
    and are passed over. The longest name that the address begins with wins. Wards of
    designated cities belong to their city (札幌市中央区 is 札幌市, R01); a 郡, absent from our
    names, may stand before the name; spaces, full-width forms and common other writings of a
    character do not matter. An address without its prefecture is accepted when only one
    municipality of the country fits. Nothing is guessed from a part of a name.
    """
    address = _plain(address_text)
    best_length, best_codes = 0, set[str]()
    for code, prefecture, name in governments:
        if name == prefecture:
            continue
        length = _fit(address, _plain_name(prefecture), _plain_name(name))
        if length > best_length:
            best_length, best_codes = length, {code}
        elif length and length == best_length:
            best_codes.add(code)
    return best_codes.pop() if len(best_codes) == 1 else None


def _plain(text: str) -> str:
    """One writing for all forms of the same characters."""
    return _IGNORED.sub("", unicodedata.normalize("NFKC", text)).translate(_VARIANTS)


#: Names of bodies come again with every address; people's addresses must not stay in memory.
_plain_name = lru_cache(maxsize=4096)(_plain)


def _fit(address: str, prefecture: str, name: str) -> int:
    """How many characters of prefecture and name the address begins with; 0 when it does not."""
    if name not in address:
        return 0
    named = address.startswith(prefecture)
    rest = address.removeprefix(prefecture)
    fits = any(part.startswith(name) for part in _beginnings(rest))
    return (len(prefecture) if named else 0) + len(name) if fits else 0


def _beginnings(rest: str) -> Iterator[str]:
    """The text after the prefecture, as it is and with the 郡 or island cut off."""
    yield rest
    for match in _FOREWORD.finditer(rest, 1, _LONGEST_FOREWORD):
        yield rest[match.end() :]
