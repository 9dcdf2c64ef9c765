"""R33: which version of a body's requirement judges whom."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from registry.rules.facts import ONE_DAY
from registry.rules.plain import Plain
from registry.rules.policy import NoValueInForceError, Step
from registry.rules.reasons import Reason
from registry.rules.requirement import Evidence, Tree, evaluate, harder_than, parse


@dataclass(frozen=True, slots=True)
class RequirementVersion(Plain):
    """A requirement with the day from which it holds. `rule` is the tree as plain JSON."""

    since: date
    rule: Mapping[str, Any]
    source: str = ""
    announced_on: date | None = None
    # Read once: a night judges thousands of terms by one version. The underscore keeps it out
    # of what is written.
    _tree: Tree = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_tree", parse(self.rule))

    @property
    def tree(self) -> Tree:
        """The requirement as a tree."""
        return self._tree


def versions_from(steps: Iterable[Step]) -> tuple[RequirementVersion, ...]:
    """The versions of `PolicyBook.history("premium.rule", lg_code)`, oldest first."""
    return tuple(
        RequirementVersion(since=step.since, rule=step.value, source=str(step.source))
        for step in steps
    )


def version_for_term(
    versions: Iterable[RequirementVersion], term_first: date
) -> RequirementVersion:
    """R33: a term is judged to its end by the version in force on its first day.

    Raises NoValueInForceError when the term began before the first version.
    """
    return _in_force(versions, term_first)


def versions_for_applicant(
    versions: Iterable[RequirementVersion],
    applied_on: date,
    favour_days: int,
    *,
    judged_on: date | None = None,
) -> tuple[RequirementVersion, ...]:
    """R33: the versions an applicant may choose from, newest first; the better one is taken.

    Those are the version of the day of application, the one before when the change was at most
    `favour_days` ago, and one that came into force while the application waited.
    """
    ordered = sorted(versions, key=lambda version: version.since)
    until = max(applied_on, judged_on or applied_on)
    current = _in_force(ordered, applied_on)
    open_to = {current.since: current}
    for version, following in pairwise(ordered):
        if following.since <= applied_on <= following.since + timedelta(days=favour_days):
            open_to[version.since] = version
        if applied_on < following.since <= until:
            open_to[following.since] = following
    return tuple(open_to[since] for since in sorted(open_to, reverse=True))


def _in_force(versions: Iterable[RequirementVersion], day: date) -> RequirementVersion:
    held = [version for version in versions if version.since <= day]
    if not held:
        raise NoValueInForceError(f"No requirement was in force on {day}.")
    return max(held, key=lambda version: version.since)


def most_favourable(
    versions: Iterable[RequirementVersion], evidence: Evidence
) -> tuple[RequirementVersion, tuple[Reason, ...]]:
    """R33: the version by which the person stands best, and what is missing by it.

    The first of equals wins, so pass the newest first. Raises ValueError without any version.
    """
    judged = [(v, evaluate(v.tree, evidence, v.source)[1]) for v in versions]
    return min(judged, key=lambda pair: (len(pair[1]), sum(map(_shortfall, pair[1]))))


def _shortfall(reason: Reason) -> int:
    """How much is missing; a sum over leaves of different units only breaks ties."""
    return int(reason.needed or 0) - int(reason.found or 0)


def notice_problem(
    new: RequirementVersion, old: RequirementVersion, announced_on: date, notice_days: int
) -> Reason | None:
    """R33: a harder requirement needs so many days' notice in the app before it holds."""
    if not harder_than(new.tree, old.tree):
        return None
    earliest = announced_on + timedelta(days=notice_days)
    if new.since >= earliest:
        return None
    return Reason(
        rule="R33",
        code="notice_too_short",
        found=(new.since - announced_on) // ONE_DAY,
        needed=notice_days,
        names=(earliest.isoformat(),),
        source=new.source,
        action="start_later",
    )
