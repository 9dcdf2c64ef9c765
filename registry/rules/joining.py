"""R01: how a local government comes into the scheme, pauses, and leaves it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Final

#: Which state may follow which. Nobody who left comes back without preparing again.
STEPS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "none": frozenset({"preparing", "trial", "active"}),
        "preparing": frozenset({"none", "trial", "active"}),
        "trial": frozenset({"preparing", "active", "suspended", "left"}),
        "active": frozenset({"suspended", "left"}),
        "suspended": frozenset({"trial", "active", "left"}),
        "left": frozenset({"preparing"}),
    }
)
#: The way in; a step against it takes something away from somebody.
_WAY_IN: Final = ("none", "preparing", "trial", "active")
_TAKES_AWAY: Final = frozenset({"suspended", "left"})


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A state that is to begin on a day."""

    state: str
    on_day: date


def needs_reason(before: str, after: str) -> bool:
    """R01: whether a step pauses, leaves, or goes back on the way in."""
    if after in _TAKES_AWAY:
        return True
    known = before in _WAY_IN and after in _WAY_IN
    return known and _WAY_IN.index(after) < _WAY_IN.index(before)


def state_on(state: str, planned: Iterable[PlannedStep], day: date) -> str:
    """R01: where a local government will stand at the end of a day, if all goes as planned."""
    for step in sorted(planned, key=lambda step: step.on_day):
        if step.on_day <= day and step.state in STEPS[state]:
            state = step.state
    return state


def first_impossible(state: str, planned: Iterable[PlannedStep]) -> PlannedStep | None:
    """R01: the first planned step that cannot follow what comes before it; None if all can."""
    for step in sorted(planned, key=lambda step: step.on_day):
        if step.state not in STEPS[state]:
            return step
        state = step.state
    return None


def reachable(state: str, planned: Iterable[PlannedStep]) -> tuple[str, ...]:
    """R01: the states that may follow today's, or one that is planned, on the way in's order."""
    standing = {state, *(step.state for step in planned)}
    return tuple(one for one in STEPS if any(one in STEPS[before] for before in standing))
