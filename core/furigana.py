"""Readings above the kanji of a finished page: ふりがな, which a switch turns on.

Readings come from data and are never guessed: a name or word gets one only where it stands between
letters of another kind, so that nothing is cut wrongly. Screen readers say the word once: the
reading is hidden from them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from core import plainyaml

_WORDS: Final = Path(__file__).resolve().parent / "locale" / "readings.yaml"
_KANJI: Final = "一-鿿々"
# What shows no ruby (a menu, a drawing), or is no text at all.
_LEFT_ALONE: Final = r"<(style|script|title|select|textarea|svg|ruby)\b.*?</\1>|<[^>]*>"
_TO_HIRAGANA: Final = {code: code - 0x60 for code in range(ord("ァ"), ord("ヶ") + 1)}


def hiragana(kana: str) -> str:
    """A reading in hiragana, as everybody learns it first."""
    return kana.translate(_TO_HIRAGANA)


class Furigana:
    """Puts readings into pages. Immutable, so it may be shared by threads."""

    def __init__(self, names: Iterable[tuple[str, str, str, str]]) -> None:
        """Learn the names of places besides the fixed words.

        Args:
            names: (name, its kana, before it: a prefecture or nothing, that one's kana).
        """
        words = plainyaml.read(_WORDS)["words"]
        self._marked = {word: _ruby(word, kana) for word, kana in words.items()}
        self._marked |= _of_names(names)
        mixed = sorted(
            (word for word in self._marked if not re.fullmatch(f"[{_KANJI}]+", word)),
            key=len,
            reverse=True,
        )
        alone = "|".join(map(re.escape, mixed)) or "(?!)"
        self._pattern = re.compile(
            f"{_LEFT_ALONE}|(?<![{_KANJI}])(?:{alone})(?![{_KANJI}])|[{_KANJI}]+", re.DOTALL
        )

    def put(self, html: str) -> str:
        """The page with readings above what is known."""
        return self._pattern.sub(lambda found: self._marked.get(found[0], found[0]), html)


def _of_names(names: Iterable[tuple[str, str, str, str]]) -> Mapping[str, str]:
    marked: dict[str, str] = {}
    several: set[str] = set()
    for name, kana, before, before_kana in names:
        ruby = _ruby(name, kana)
        if marked.setdefault(name, ruby) != ruby:
            # 池田町 is read in two ways: only with its prefecture it is known which.
            several.add(name)
        if before:
            marked[before + name] = _ruby(before, before_kana) + ruby
    return {name: ruby for name, ruby in marked.items() if name not in several}


def _ruby(word: str, kana: str) -> str:
    reading = f'<rp>（</rp><rt aria-hidden="true">{hiragana(kana)}</rt><rp>）</rp>'
    return f"<ruby>{word}{reading}</ruby>"
