"""The policy book as tables of whole numbers, which the compiled rules read.

A *period* begins on each day on which a number of the book changes within the run. Every number
has a row for each period and each type of body.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import product
from typing import Any

import numpy as np

from registry.rules.calendars import months_of
from registry.rules.facts import DecisionMode, IdentityLevel
from registry.rules.modes import DecisionKind, mode_for
from registry.rules.policy import (
    BodyValue,
    Dated,
    Policy,
    PolicyBook,
    PolicyError,
    Source,
    Step,
)
from registry.rules.requirement import MINUTES_PER_HOUR, AllOf, Leaf, Measure, Tree, parse
from registry.rules.versions import versions_from
from simulation.fast import Ints
from simulation.judge import COUNT, MEASURES, MINUTES, PROJECTS, STAYS

NOTICES = 4
#: A person's memory of participations with one body; a requirement cannot ask for more.
RECORDS = 24

# Columns of the numbers.
(
    P_MIN_MINUTES,
    P_PER_DAY,
    P_CAP,
    P_EXEMPT_ANY,
    P_PENDING,
    P_LEVEL,
    P_LEVEL_YOUNG,
    P_YOUNG_UNDER,
    P_ADULT,
    P_ID_GRACE,
    P_WINDOW,
    P_WINDOW_DAYS,
    P_FAVOUR,
    P_TERM,
    P_CHECK,
    P_GRACE,
    P_CARRY,
    P_MODE,
    P_MODE_RENEWAL,
    P_MODE_RELEASE,
    P_VETO_DAYS,
    P_DORMANCY,
    P_RESTORE,
    P_ACCOUNT,
    P_CHECK_2,
    P_CHECK_3,
) = range(26)
NUMBERS = 26
_MODES = {DecisionMode.AUTO: 0, DecisionMode.VETO: 1, DecisionMode.REVIEW: 2}
_WINDOWS = {"fiscal_year": 1, "registration_year": 2}
#: What people on the command line call a setting of the book.
SHORT = {"premium.required": "premium.rule", "decision.all": "decision.mode"}


@dataclass(frozen=True, slots=True)
class Rulebook:
    """All numbers of a run.

    `numbers` has periods × types × NUMBERS; `wanted` the requirements, types × versions × ways ×
    measures, each from `wanted_since`; `asked` is what a surplus is counted from.
    """

    starts: Ints
    numbers: Ints
    notice_days: Ints
    wanted_since: Ints
    wanted: Ints
    asked: Ints
    version: str


def changed(book: PolicyBook, changes: Mapping[str, Any], since: date) -> PolicyBook:
    """R33: the book with other values from a day on.

    `premium.required=2` is short for the requirement of so many counts, `decision.all` for the
    general mode. Raises PolicyError for an unknown name or a value outside its bounds.
    """
    source = Source("simulation", "a policy that is tried", confirmed=False)
    steps = {}
    for name, value in changes.items():
        key = SHORT.get(name, name)
        given = {"count": value} if name == "premium.required" else value
        steps[key] = Dated((Step(since, given, source),))
    return book.reformed(steps)


def with_own(book: PolicyBook, own: Mapping[str, Mapping[str, Any]], since: date) -> PolicyBook:
    """The book with the values that types of bodies set for themselves.

    Raises LocalValueRefusedError for a value that no body may set.
    """
    values = [
        BodyValue(type_, key, since, value, "simulation", "scenario")
        for type_, settings in own.items()
        for key, value in settings.items()
    ]
    return book.with_body_values(values)


def compile_book(book: PolicyBook, types: Sequence[str], first: date, last: date) -> Rulebook:
    """Tables for a run from one day to another. Raises PolicyError for what the model cannot do."""
    days = _starts(book, types, first, last)
    planned = _notice_days(book, days)
    numbers = np.array(
        [[_numbers(book.snapshot(day, name)) for name in types] for day in days], dtype=np.int64
    )
    since, wanted, asked = _requirements(book, types, last)
    return Rulebook(
        starts=np.array([day.toordinal() for day in days], dtype=np.int64),
        numbers=numbers,
        notice_days=planned,
        wanted_since=since,
        wanted=wanted,
        asked=asked,
        version=book.snapshot(first).version,
    )


def _starts(book: PolicyBook, types: Sequence[str], first: date, last: date) -> tuple[date, ...]:
    days = {first}
    for key, parameter in book.parameters.items():
        own = (step for name in types for step in book.body_values.get((name, key), ()))
        days |= {
            step.since for step in (*parameter.values.steps, *own) if first < step.since <= last
        }
    return tuple(sorted(days))


def _notice_days(book: PolicyBook, days: Sequence[date]) -> Ints:
    lists = {tuple(book.on("dormancy.notice_days", day).value) for day in days}
    if len(lists) > 1:
        raise PolicyError("The model needs one dormancy.notice_days for the whole run.")
    planned = sorted(lists.pop(), reverse=True)
    if len(planned) > NOTICES:
        raise PolicyError(f"The model sends at most {NOTICES} notices before a release.")
    return np.array(planned + [-1] * (NOTICES - len(planned)), dtype=np.int64)


def _numbers(policy: Policy) -> list[int]:
    if policy.integer("count.per_activity"):
        raise PolicyError("The model knows no count.per_activity: leave it at 0.")
    checks = sorted(set(policy.integers("renewal.checks")), reverse=True)
    if len(checks) > 3:  # noqa: PLR2004 - three columns
        raise PolicyError("The model knows at most three renewal.checks.")
    window = policy.text("premium.window")
    row = [0] * NUMBERS
    row[P_MIN_MINUTES] = policy.integer("activity.min_minutes")
    row[P_PER_DAY] = policy.integer("count.per_day")
    row[P_CAP] = policy.integer("premium.cap")
    row[P_EXEMPT_ANY] = int(policy.text("premium.prefecture_exempt_by") == "any")
    row[P_PENDING] = policy.integer("pending.days")
    row[P_LEVEL] = IdentityLevel(policy.text("idv.level.premium")).rank
    row[P_LEVEL_YOUNG] = IdentityLevel(policy.text("idv.level.premium_young")).rank
    row[P_YOUNG_UNDER] = policy.integer("idv.level.young_under")
    row[P_ADULT] = policy.integer("minor.age")
    row[P_ID_GRACE] = policy.integer("idv.grace_days")
    row[P_WINDOW] = _WINDOWS.get(window, 0)
    row[P_WINDOW_DAYS] = int(window.removeprefix("rolling")) if window.startswith("rolling") else 0
    row[P_FAVOUR] = policy.integer("rule.favour_days")
    row[P_TERM] = months_of(policy.text("premium.term"))
    row[P_CHECK] = checks[0]
    row[P_CHECK_2] = checks[min(1, len(checks) - 1)]
    row[P_CHECK_3] = checks[min(2, len(checks) - 1)]
    row[P_GRACE] = policy.integer("renewal.grace_days")
    row[P_CARRY] = policy.integer("renewal.carry_over")
    row[P_MODE] = _MODES[mode_for(policy, DecisionKind.REGISTRATION)]
    row[P_MODE_RENEWAL] = _MODES[mode_for(policy, DecisionKind.RENEWAL)]
    row[P_MODE_RELEASE] = _MODES[mode_for(policy, DecisionKind.RELEASE)]
    row[P_VETO_DAYS] = -(-policy.integer("decision.veto_hours") // 24)
    row[P_DORMANCY] = policy.integer("dormancy.months")
    row[P_RESTORE] = policy.integer("dormancy.restore_months")
    row[P_ACCOUNT] = int(policy.text("dormancy.scope") == "account")
    return row


_AMOUNTS = {
    Measure.COUNT: (COUNT, 1),
    Measure.HOURS: (MINUTES, MINUTES_PER_HOUR),
    Measure.PROJECTS: (PROJECTS, 1),
    Measure.STAY_DAYS: (STAYS, 1),
}


def ways(tree: Tree) -> list[list[int]]:
    """R07: each way to satisfy a requirement, as thresholds of the measures.

    Raises PolicyError for a requirement the model cannot judge.
    """
    if isinstance(tree, Leaf):
        return [_threshold(tree)]
    parts = [ways(part) for part in tree.parts]
    if not isinstance(tree, AllOf):
        return [way for part in parts for way in part]
    return [[max(column) for column in zip(*chosen, strict=True)] for chosen in product(*parts)]


def _threshold(leaf: Leaf) -> list[int]:
    if leaf.measure is Measure.CATEGORY:
        raise PolicyError("The model knows no categories: use counts, hours, projects or stays.")
    if leaf.amount > RECORDS:
        raise PolicyError(f"The model remembers {RECORDS} participations, not {leaf.amount}.")
    measure, unit = _AMOUNTS[leaf.measure]
    return [leaf.amount * unit if at == measure else 0 for at in range(MEASURES)]


def counts_asked(tree: Tree) -> int:
    """R14: the counts a requirement asks of everybody, -1 when there is a way around them."""
    if isinstance(tree, Leaf):
        return tree.amount if tree.measure is Measure.COUNT else -1
    asked = [counts_asked(part) for part in tree.parts]
    if not isinstance(tree, AllOf) and min(asked) < 0:
        return -1
    return max(asked)


def _requirements(book: PolicyBook, types: Sequence[str], last: date) -> tuple[Ints, Ints, Ints]:
    trees = []
    for name in types:
        found = versions_from(book.history("premium.rule", name))
        trees.append([(v.since, parse(v.rule)) for v in found if v.since <= last])
    versions = max(len(mine) for mine in trees)
    most = max(len(ways(tree)) for mine in trees for _, tree in mine)
    since = np.full((len(types), versions), np.iinfo(np.int64).max, dtype=np.int64)
    wanted = np.full((len(types), versions, most, MEASURES), -1, dtype=np.int64)
    asked = np.full((len(types), versions), -1, dtype=np.int64)
    for at, mine in enumerate(trees):
        for number, (day, tree) in enumerate(mine):
            since[at, number] = day.toordinal()
            asked[at, number] = counts_asked(tree)
            for way, thresholds in enumerate(ways(tree)):
                wanted[at, number, way] = thresholds
    return since, wanted, asked
