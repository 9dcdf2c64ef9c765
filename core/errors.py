"""Refusals are data; bugs are exceptions. One file in `app/` turns these into HTTP.

A refusal carries the code, what was found, what was needed, the rule's id and what the
person can do. Its words live in the message catalogues.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason, in the shape every audience gets it."""

    code: str
    rule: str | None = None
    found: str | int | None = None
    needed: str | int | None = None
    names: tuple[str, ...] = ()
    action: str | None = None
    field: str | None = None

    def to_json(self) -> dict[str, object]:
        """A plain dict; empty members are left out."""
        full: dict[str, object] = {
            "code": self.code,
            "rule": self.rule,
            "found": self.found,
            "needed": self.needed,
            "names": list(self.names) or None,
            "action": self.action,
            "field": self.field,
        }
        return {key: value for key, value in full.items() if value is not None}


@dataclass
class DomainError(Exception):
    """Base of everything a person can be told."""

    code: str
    problems: Sequence[Problem] = ()
    facts: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        """The code; catalogues hold the words."""
        return self.code


class NotFound(DomainError):  # noqa: N818 - named as it is said
    """There is no such thing, or not for this actor: the two must look alike."""


class Conflict(DomainError):  # noqa: N818
    """The thing is no longer in the state the caller assumed."""


class Refused(DomainError):  # noqa: N818
    """The rules of the scheme say no; `problems` holds every reason."""


class Forbidden(DomainError):  # noqa: N818
    """The actor may not do this here."""


class Gone(DomainError):  # noqa: N818
    """It was there and has ended (an expired code, a past offer)."""


class Invalid(DomainError):  # noqa: N818
    """The input cannot be understood; `problems` names the fields."""


class SignInNeeded(DomainError):  # noqa: N818
    """Nobody is signed in, or not freshly enough."""


class TooMany(DomainError):  # noqa: N818
    """Too many tries; wait."""


class Unavailable(DomainError):  # noqa: N818
    """A part behind the platform does not answer; trying again helps."""


def refused(code: str, *, rule: str, **facts: str | int | tuple[str, ...] | None) -> Refused:
    """A refusal with one reason. Facts: found, needed, names, action, field."""
    return Refused(code=code, problems=(Problem(code=code, rule=rule, **facts),))  # type: ignore[arg-type] # facts are checked by Problem's own fields


def invalid(code: str, *, field: str, **facts: str | int | tuple[str, ...] | None) -> Invalid:
    """Input that cannot be understood, with the field named."""
    return Invalid(code=code, problems=(Problem(code=code, field=field, **facts),))  # type: ignore[arg-type] # as above
