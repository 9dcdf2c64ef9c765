"""One setting of the scheme: its value with history and source, and what a body may do with it."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, cast

from registry.rules.plain import Plain
from registry.rules.requirement import RequirementError, harder_than, parse


class PolicyError(ValueError):
    """A number cannot be had or may not be set. The message is a sentence for a person."""


class NoValueInForceError(PolicyError):
    """A day before the first value of a parameter."""


class LocalValueRefusedError(PolicyError):
    """A body may not set this value; `code` says why in one word, the message in a sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class Kind(StrEnum):
    """What a value is."""

    INTEGER = "integer"
    NUMBER = "number"
    FLAG = "flag"
    TEXT = "text"
    INTEGERS = "integers"
    TEXTS = "texts"
    REQUIREMENT = "requirement"


class May(StrEnum):
    """What a body may do with a national value."""

    NEVER = "never"
    RAISE = "raise"
    LOWER = "lower"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Source(Plain):
    """Where a value comes from. `confirmed` is False while the guideline is a draft or silent."""

    document: str
    clause: str
    confirmed: bool

    def __str__(self) -> str:
        return f"{self.document}, {self.clause}" if self.clause else self.document


@dataclass(frozen=True, slots=True)
class Step(Plain):
    """One value and the day from which it holds. `lg_code` is set when a body decided it."""

    since: date
    value: Any
    source: Source
    lg_code: str | None = None
    decided_by: str = ""


@dataclass(frozen=True, slots=True)
class Dated:
    """A value with its history, oldest first."""

    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        days = [step.since for step in self.steps]
        if not days or days != sorted(set(days)):
            raise PolicyError("A dated value needs at least one step, each on its own later day.")

    def on(self, day: date) -> Step:
        """The step in force. Raises NoValueInForceError before the first one."""
        for step in reversed(self.steps):
            if step.since <= day:
                return step
        raise NoValueInForceError(
            f"No value in force on {day}: the first is {self.steps[0].since}."
        )

    def changed_by(self, later: "Dated") -> "Dated":
        """R33: this history up to the first day of the other, which replaces the rest."""
        start = later.steps[0].since
        return Dated((*(step for step in self.steps if step.since < start), *later.steps))


@dataclass(frozen=True, slots=True)
class LocalRule:
    """Whether, in which direction and how far a body may set its own value."""

    may: May
    at_least: float | None = None
    at_most: float | None = None


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number, switch, list or rule of the scheme, with its history."""

    key: str
    rules: tuple[str, ...]
    about: str
    label: str
    unit: str
    kind: Kind
    local: LocalRule
    review_by: date
    values: Dated
    allowed: tuple[float, float] | None = None
    options: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.local.may in {May.RAISE, May.LOWER} and self.kind not in _ORDERED:
            raise PolicyError(f"{self.key}: {self.kind} values cannot be raised or lowered.")
        for step in self.values.steps:
            self.check(step.value)

    def check(self, value: object) -> None:
        """Raises PolicyError with a sentence when the value is of the wrong kind or range."""
        if not _fits(self.kind, value):
            raise PolicyError(f"{self.key}: {value!r} is no {self.kind}.")
        if self.kind is Kind.REQUIREMENT:
            try:
                parse(value)
            except RequirementError as error:
                raise PolicyError(f"{self.key}: {error}") from error
        for item in _items(value):
            self._check_item(item)

    def _check_item(self, item: object) -> None:
        if self.options and item not in self.options:
            raise PolicyError(f"{self.key}: {item!r} is none of {', '.join(self.options)}.")
        if self.allowed is not None and _number(item) is not None:
            low, high = self.allowed
            if not low <= cast("float", item) <= high:
                raise PolicyError(f"{self.key}: {item} is not between {low:g} and {high:g}.")


_TYPES: dict[Kind, tuple[type, ...]] = {
    Kind.INTEGER: (int,),
    Kind.NUMBER: (int, float),
    Kind.FLAG: (bool,),
    Kind.TEXT: (str,),
    Kind.INTEGERS: (int,),
    Kind.TEXTS: (str,),
    Kind.REQUIREMENT: (dict,),
}
_LISTS = {Kind.INTEGERS, Kind.TEXTS}
_ORDERED = {Kind.INTEGER, Kind.NUMBER, Kind.REQUIREMENT}


def _fits(kind: Kind, value: object) -> bool:
    if kind in _LISTS:
        return isinstance(value, list) and all(_fits_one(kind, item) for item in value)
    return _fits_one(kind, value)


def _fits_one(kind: Kind, value: object) -> bool:
    if isinstance(value, bool) and kind is not Kind.FLAG:
        return False
    return isinstance(value, _TYPES[kind])


def _items(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else [value]


def _number(value: object) -> float | None:
    return None if isinstance(value, bool) or not isinstance(value, int | float) else value


def local_refusal(
    parameter: Parameter, national: Step, value: object
) -> LocalValueRefusedError | None:
    """Why a body may not set this value while the given national value holds, or None."""
    local = parameter.local
    if local.may is May.NEVER:
        return LocalValueRefusedError(
            "national_only", f"{parameter.key} is the same for the whole country."
        )
    try:
        parameter.check(value)
    except PolicyError as error:
        return LocalValueRefusedError("invalid", str(error))
    return _wrong_direction(parameter, national, value) or _out_of_bounds(parameter, value)


def _wrong_direction(
    parameter: Parameter, national: Step, value: object
) -> LocalValueRefusedError | None:
    may = parameter.local.may
    if may is May.ANY:
        return None
    word, code = ("raise", "below_national") if may is May.RAISE else ("lower", "above_national")
    if parameter.kind is Kind.REQUIREMENT:
        new, old = parse(value), parse(national.value)
        wrong = harder_than(old, new) if may is May.RAISE else harder_than(new, old)
    else:
        new_number, old_number = cast("float", value), cast("float", national.value)
        wrong = new_number < old_number if may is May.RAISE else new_number > old_number
    if not wrong:
        return None
    sentence = f"{parameter.key}: a body may only {word} the national value {national.value}."
    return LocalValueRefusedError(code, sentence)


def _out_of_bounds(parameter: Parameter, value: object) -> LocalValueRefusedError | None:
    low, high = parameter.local.at_least, parameter.local.at_most
    for item in _items(value):
        number = _number(item)
        if number is None:
            continue
        if low is not None and number < low:
            return LocalValueRefusedError(
                "too_low", f"{parameter.key}: a body may set {low:g} at the lowest, not {number:g}."
            )
        if high is not None and number > high:
            return LocalValueRefusedError(
                "too_high", f"{parameter.key}: a body may set {high:g} at most, not {number:g}."
            )
    return None
