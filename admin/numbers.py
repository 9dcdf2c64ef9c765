"""Values of settings as staff read them."""

from collections.abc import Mapping
from typing import Any, Protocol

from activities.categories import LABELS
from admin import words
from core import formats
from core.texts import Translate
from registry.rules.parameters import Parameter
from registry.rules.requirement import RequirementError, describe_en, describe_ja, parse


class Reader(Protocol):
    """Whoever reads: staff at a desk, or the operator."""

    @property
    def language(self) -> str:
        """The short name of the language."""
        ...

    @property
    def english(self) -> bool:
        """Whether it is English."""
        ...

    @property
    def say(self) -> Translate:
        """The words of the language."""
        ...


def label_of(desk: Reader, parameter: Parameter) -> str:
    """What a setting is: its Japanese name, or the English sentence about it."""
    return parameter.about if desk.english else parameter.label


def requirement_words(desk: Reader, tree: object) -> str:
    """A requirement as one sentence (R07)."""
    try:
        parsed = parse(tree)
    except RequirementError:
        return str(tree)
    names = {code: desk.say(word) for code, word in LABELS.items()}
    return describe_en(parsed, names) if desk.english else describe_ja(parsed, names)


def shown_value(desk: Reader, value: Any, unit: str = "") -> str:
    """Any value of a setting in words: a number, a yes, a list, a choice, a requirement.

    Args:
        desk: In whose language.
        value: The value.
        unit: Of the numbers in it, as the parameter names it.
    """
    if isinstance(value, bool):
        return desk.say("はい") if value else desk.say("いいえ")
    if isinstance(value, Mapping):
        return requirement_words(desk, value)
    if isinstance(value, list | tuple):
        return formats.listing((shown_value(desk, one, unit) for one in value), desk.language)
    if isinstance(value, str):
        for family in ("mode", "category", "checklist", "insurance", "tier", "identity", "value"):
            if words.known(family, value):
                return words.word(desk.say, family, value)
    return _with_unit(desk, value, unit)


def _with_unit(desk: Reader, value: Any, unit: str) -> str:
    """A number with what it counts; anything else as it is."""
    if unit == "share":
        return f"{value:.0%}"
    shown = formats.fact(value, desk.language)
    if isinstance(value, int) and words.known("unit", unit):
        return words.word(desk.say, "unit", unit).format(value=shown)
    return shown
