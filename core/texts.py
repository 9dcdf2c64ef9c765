"""The words of the platform: message catalogues and the sentences of refusals.

Source language is Japanese: a msgid is the Japanese sentence itself. Other languages are read from
`core/locale/<locale>/<room>.po` when the process starts; nothing is compiled or generated.
A refusal travels as data (code, found, needed, names, action); its sentence lives in
`core/locale/refusals.yaml`, so rules never hold words and words never hold rules. A notice travels
in the same way; its title and body live in `core/locale/notices.yaml`.

`python -m core.texts extract [room …]` adds missing msgids to the catalogues.
"""

from __future__ import annotations

import string
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Protocol, cast

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from core import formats, plainyaml

DEFAULT: Final = "ja"
# Short name (cookie, form, URL) → Babel locale (folder under core/locale).
LANGUAGES: Final[Mapping[str, str]] = MappingProxyType(
    {"ja": "ja", "easy": "ja@easy", "en": "en"},
)
ROOMS: Final = (
    "core",
    "app",
    "registry",
    "activities",
    "qr",
    "reporting",
    "mobile",
    "admin",
    "workers",
)

_ROOT: Final = Path(__file__).resolve().parent.parent
_LOCALE: Final = Path(__file__).resolve().parent / "locale"
_METHODS: Final = [("**/templates/**.html", "jinja2.ext:babel_extract"), ("**.py", "python")]
# A template with a syntax error must stop the extraction, not quietly lose its sentences.
_OPTIONS: Final = {"**/templates/**.html": {"silent": "false"}}


class Translate(Protocol):
    """`_("あと{count}回", count=1)`: the sentence in one language, with its facts filled in."""

    def __call__(self, msgid: str, /, **facts: object) -> str: ...


def N_(msgid: str) -> str:  # noqa: N802 (the name every extractor knows for "translate later")
    """Mark a Japanese sentence for the catalogues where no language is known yet."""
    return msgid


def language(name: str | None) -> str:
    """The short name of a supported language; the default for anything else."""
    if name is not None and name in LANGUAGES:
        return name
    short = {locale: key for key, locale in LANGUAGES.items()}
    return short.get(name or "", DEFAULT)


def html_lang(lang: str) -> str:
    """The value of `<html lang>`: やさしい日本語 is Japanese for every reader and browser."""
    return "en" if lang == "en" else "ja"


def placeholders(sentence: str) -> frozenset[str]:
    """Names of the `{facts}` a sentence needs."""
    return frozenset(name for _, name, _, _ in string.Formatter().parse(sentence) if name)


@dataclass(frozen=True, slots=True)
class Texts:
    """All words, loaded once. Immutable, so it may be shared by threads."""

    catalogues: Mapping[str, Mapping[str, str]]
    refusals: Mapping[str, Mapping[str, Any]]
    actions: Mapping[str, Mapping[str, Any]]
    words: Mapping[str, Mapping[str, str]]
    names: Mapping[str, str]
    notices: Mapping[str, Mapping[str, Any]]

    @classmethod
    def load(
        cls, folder: Path = _LOCALE, *, names: Mapping[str, str] = MappingProxyType({})
    ) -> Texts:
        """Read every catalogue below folder.

        Args:
            folder: holds one folder a locale, refusals.yaml and notices.yaml.
            names: what to say for a code that turns up as a fact (212172 → 飛騨市).

        Raises:
            OSError, ValueError, yaml.YAMLError: a catalogue is missing or cannot be read.
        """
        catalogues = {
            short: _merged(folder / locale)
            for short, locale in LANGUAGES.items()
            if short != DEFAULT
        }
        sentences = plainyaml.read(folder / "refusals.yaml")
        notices = plainyaml.read(folder / "notices.yaml")
        return cls(
            catalogues=catalogues,
            refusals=sentences["refusals"] | sentences["outcomes"],
            actions=sentences["actions"],
            words=sentences["words"],
            names=names,
            notices=notices,
        )

    def translator(self, lang: str) -> Translate:
        """The `_` of one language; an untranslated sentence stays Japanese."""
        catalogue = self.catalogues.get(language(lang), {})

        def translate(msgid: str, /, **facts: object) -> str:
            sentence = catalogue.get(msgid) or msgid
            return sentence.format(**facts) if facts else sentence

        return translate

    def reason_sentence(self, lang: str, reason: Mapping[str, Any]) -> str:
        """Why something was refused (or how a check-in went), in words a person understands.

        Args:
            lang: short language name.
            reason: {rule, code, found, needed, names, action}; only `code` must be there.
        """
        entry = self.refusals.get(str(reason.get("code"))) or self.refusals["unknown"]
        return self._say(entry, lang, reason)

    def action_sentence(self, lang: str, reason: Mapping[str, Any]) -> str:
        """What the person can do next; empty when nobody can do anything.

        The refusal's own `action` decides; without one, the usual advice for its code.
        """
        entry = self.actions.get(str(reason.get("action") or ""))
        if entry is None:
            refusal = self.refusals.get(str(reason.get("code"))) or self.refusals["unknown"]
            entry = self.actions.get(str(refusal.get("action") or ""))
        return "" if entry is None else self._say(entry, lang, reason)

    def _say(self, entry: Mapping[str, Any], lang: str, reason: Mapping[str, Any]) -> str:
        short = language(lang)
        return _fullest(entry, short, self._facts(reason, short))

    def _facts(self, reason: Mapping[str, Any], lang: str) -> dict[str, str]:
        """Facts as words; `missing` is needed minus found where both are numbers."""
        told = {
            name: value
            for name in ("found", "needed", "names")
            if (value := reason.get(name)) not in (None, "", [], ())
        }
        found, needed = told.get("found"), told.get("needed")
        if isinstance(found, int | float) and isinstance(needed, int | float):
            told["missing"] = max(needed - found, 0)
        return {name: self._word(value, lang) for name, value in told.items()}

    def _word(self, value: object, lang: str) -> str:
        if isinstance(value, list | tuple):
            return formats.listing((self._word(item, lang) for item in value), lang)
        if isinstance(value, str):
            word = self.words.get(value)
            value = word.get(lang, word[DEFAULT]) if word else self.names.get(value, value)
        return formats.fact(value, lang)

    def notice_text(self, lang: str, kind: str, facts: Mapping[str, Any]) -> tuple[str, str]:
        """Title and body of a notice, in words a person understands.

        Args:
            lang: short language name.
            kind: names the sentence; with a `reason` among the facts, `kind.reason` comes first.
            facts: what the sentence needs; a day or an instant as ISO text.
        """
        entry = self.notices.get(f"{kind}.{facts.get('reason')}") or self.notices.get(kind)
        entry = entry or self.notices["unknown"]
        short = language(lang)
        words = {
            name: self._word(value, short)
            for name, value in facts.items()
            if value not in (None, "", [], ()) and not isinstance(value, Mapping)
        }
        return _fullest(entry["title"], short, words), _fullest(entry["body"], short, words)

    def is_at_once(self, kind: str) -> bool:
        """R05: whether a kind of notice never waits for the digest of the day."""
        return bool(self.notices.get(kind, {}).get("at_once", False))


@cache
def all_words() -> Texts:
    """What `Texts.load` reads, once a process: words come with the package and do not change."""
    return Texts.load()


def _fullest(entry: Mapping[str, Any], lang: str, words: Mapping[str, str]) -> str:
    """The first sentence whose facts are all known; the last one, with gaps, when none is."""
    sentences = entry.get(lang) or entry[DEFAULT]
    if isinstance(sentences, str):
        sentences = [sentences]
    for sentence in sentences:
        if placeholders(sentence) <= words.keys():
            return str(sentence).format(**words)
    last = str(sentences[-1])
    return last.format(**dict.fromkeys(placeholders(last), "…") | dict(words))


def _merged(folder: Path) -> Mapping[str, str]:
    """Msgid → translation over the rooms; the room named first in ROOMS wins."""
    merged: dict[str, str] = {}
    for room in ROOMS:
        path = folder / f"{room}.po"
        if path.exists():
            for msgid, text in _entries(_read(path)):
                if text:
                    merged.setdefault(msgid, text)
    return MappingProxyType(merged)


def _read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, charset="utf-8", abort_invalid=True)


def _entries(catalogue: Catalog) -> Iterator[tuple[str, str]]:
    # Messages with context or plural forms are not used: Japanese has none.
    for message in catalogue:
        if message.id and isinstance(message.id, str):
            yield message.id, cast("str", message.string or "")


# --- the extraction command -------------------------------------------------------------------


def found_messages(room: str, root: Path = _ROOT) -> dict[str, str]:
    """Msgid → first file that uses it, for the templates and Python files of one room."""
    found: dict[str, str] = {}
    if (root / room).is_dir():
        for name, _, message, _, _ in extract_from_dir(root / room, _METHODS, _OPTIONS):
            if isinstance(message, str) and message:
                found.setdefault(message, f"{room}/{name}")
    return found


def missing_messages(texts: Texts, lang: str, rooms: Iterable[str] = ROOMS) -> dict[str, str]:
    """Msgid → file, for every sentence of the rooms that has no words in that language."""
    known = texts.catalogues.get(language(lang), {})
    return {
        msgid: place
        for room in rooms
        for msgid, place in found_messages(room).items()
        if msgid not in known
    }


def extract(rooms: Sequence[str] = ROOMS, root: Path = _ROOT) -> dict[str, int]:
    """Add the rooms' new msgids, untranslated, to every catalogue; returns file → how many.

    Existing translations are never touched or dropped. A sentence that `core` already has is left
    to core, so that a button reads the same everywhere.
    """
    added: dict[str, int] = {}
    shared = found_messages("core", root)
    for room in rooms:
        messages = found_messages(room, root)
        for locale in LANGUAGES.values():
            if locale != LANGUAGES[DEFAULT]:
                path = root / "core" / "locale" / locale / f"{room}.po"
                wanted = [m for m in messages if room == "core" or m not in shared]
                if count := _add(path, wanted, messages):
                    added[str(path.relative_to(root))] = count
    return added


def _add(path: Path, wanted: Sequence[str], places: Mapping[str, str]) -> int:
    catalogue = _read(path) if path.exists() else Catalog(charset="utf-8")
    new = [msgid for msgid in wanted if msgid not in catalogue]
    for msgid in new:
        catalogue.add(msgid, "", locations=[(places[msgid], 1)])
    if new:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            # No header and no line numbers: a catalogue changes only when its words change.
            write_po(
                file, catalogue, width=0, omit_header=True, sort_output=True, include_lineno=False
            )
    return len(new)


def main(arguments: Sequence[str]) -> int:
    """`extract [room …]`: update the catalogues; then say which sentences still lack English."""
    if not arguments or arguments[0] != "extract" or not set(arguments[1:]) <= set(ROOMS):
        sys.stderr.write(f"usage: python -m core.texts extract [{' | '.join(ROOMS)} …]\n")
        return 2
    rooms = arguments[1:] or ROOMS
    for path, count in extract(rooms).items():
        sys.stdout.write(f"{path}: {count} new\n")
    for msgid, place in missing_messages(Texts.load(), "en", rooms).items():
        sys.stdout.write(f"no English yet: {msgid!r} ({place})\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
