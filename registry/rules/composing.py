"""A requirement while somebody puts it together: a tree of conditions that need not be whole (R07).

A draft is the plain JSON of `requirement.parse` whose groups may still be empty; its outermost
node is always a group. A place is the way there from outside: `""`, `"0"`, `"0.2"`.
"""

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from registry.rules.requirement import (
    MAX_DEPTH,
    MAX_NODES,
    MINUTES_PER_HOUR,
    AllOf,
    AnyOf,
    Evidence,
    Leaf,
    Measure,
    RequirementError,
    Tree,
    evaluate,
    implies,
    parse,
    smallest_evidences,
    to_json,
)

JOINTS: Final = ("all_of", "any_of")
#: A year has no more days than that; a day counts once (R08).
DAYS_A_YEAR: Final = 365
#: Nobody is imagined to help for longer on one day.
HOURS_A_DAY: Final = 8
_MOST: Final[Mapping[Measure, int]] = {
    Measure.COUNT: DAYS_A_YEAR,
    Measure.PROJECTS: DAYS_A_YEAR,
    Measure.STAY_DAYS: DAYS_A_YEAR,
    Measure.CATEGORY: DAYS_A_YEAR,
}
#: No place in a draft has more digits: a requirement never has a thousand conditions.
_DIGITS: Final = 3
#: Fewer conditions than that are no group.
A_GROUP: Final = 2
Draft = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a requirement may grow before nobody reads it any more."""

    nodes: int = MAX_NODES
    depth: int = MAX_DEPTH


@dataclass(frozen=True, slots=True)
class Line:
    """A node of a draft as it is shown: where, how deep, and what."""

    place: str
    depth: int
    joint: str = ""
    leaf: Leaf | None = None
    parts: int = 0


def draft_of(tree: object) -> Draft:
    """A draft that starts from a requirement, whose outermost node is made a group."""
    plain = to_json(parse(tree))
    return plain if next(iter(plain)) in JOINTS else {"all_of": [plain]}


def lines(draft: Draft, place: str = "", depth: int = 1) -> Iterator[Line]:
    """Every node from outside to inside, in the order of the sentence."""
    name, body = _only(draft)
    if name not in JOINTS:
        yield Line(place, depth, leaf=next(leaves_of(parse(draft))))
        return
    yield Line(place, depth, joint=name, parts=len(body))
    for at, part in enumerate(body):
        yield from lines(part, f"{place}.{at}" if place else str(at), depth + 1)


def with_amounts(draft: Draft, given: Mapping[str, object]) -> Draft:
    """Other numbers at some places, and other ways of joining: a number, or `all_of`/`any_of`.

    Raises:
        RequirementError: `path` is the place of the first value that does not fit.
    """
    found = _copy(draft)
    for line in list(lines(found)):
        if line.place not in given:
            continue
        node, wanted = _node(found, line.place), given[line.place]
        name, body = _only(node)
        if line.leaf is None:
            if wanted not in JOINTS:
                raise RequirementError(line.place, "all_of or any_of is needed.")
            del node[name]
            node[str(wanted)] = body
            continue
        changed = {"name": body["name"], "count": wanted} if name == "category" else wanted
        _checked({name: changed}, line.place)
        node[name] = changed
    return found


def added(draft: Draft, place: str, leaf: Draft) -> Draft:
    """One more condition in a group.

    Raises:
        RequirementError: There is no such group, or the condition cannot be read.
    """
    found = _copy(draft)
    _checked(leaf, place)
    _group(found, place).append(leaf)
    return found


def grouped(draft: Draft, places: Collection[str]) -> Draft:
    """Some conditions of one group become a group of their own, joined the other way.

    Raises:
        RequirementError: Fewer than two, or not all of the same group.
    """
    inside = {place.rpartition(".")[0] for place in places}
    if len(places) < A_GROUP or len(inside) != 1 or "" in places:
        raise RequirementError("", "two conditions of one group are needed.")
    found = _copy(draft)
    outer = inside.pop()
    name, parts = _only(_node(found, outer))
    for place in places:
        _node(found, place)
    chosen = sorted(_steps(place)[-1] for place in places)
    other = JOINTS[1 - JOINTS.index(name)]
    group = {other: [parts[at] for at in chosen]}
    kept = [part for at, part in enumerate(parts) if at not in chosen]
    parts[:] = [*kept[: chosen[0]], group, *kept[chosen[0] :]]
    return found


def dissolved(draft: Draft, places: Collection[str]) -> Draft:
    """Some groups give their conditions to the group around them."""
    found = _copy(draft)
    for place in sorted(places, key=_steps, reverse=True):
        name, body = _only(_node(found, place))
        if name in JOINTS and place:
            at = _steps(place)[-1]
            _group(found, place.rpartition(".")[0])[at : at + 1] = body
    return found


def removed(draft: Draft, places: Collection[str]) -> Draft:
    """Some conditions, and groups with all they hold, are taken away; the outermost group stays."""
    found = _copy(draft)
    for place in sorted(places, key=_steps, reverse=True):
        _node(found, place)
        if place:
            del _group(found, place.rpartition(".")[0])[_steps(place)[-1]]
    return found


def tidy(draft: Draft) -> Draft | None:
    """What the draft asks: empty groups say nothing, a group of one is that one; None if nothing."""
    name, body = _only(draft)
    if name not in JOINTS:
        return draft
    kept = [part for part in map(tidy, body) if part is not None]
    if len(kept) < A_GROUP:
        return kept[0] if kept else None
    return {name: kept}


def too_large(draft: Draft, limits: Limits) -> str:
    """`conditions` or `levels` when a draft has grown beyond its limits, else nothing."""
    nodes, depth = _size(draft)
    if nodes > limits.nodes:
        return "conditions"
    return "levels" if depth > limits.depth else ""


def grown(before: Draft, after: Draft) -> bool:
    """Whether a draft has more conditions, or more levels, than it had."""
    return any(new > old for old, new in zip(_size(before), _size(after), strict=True))


def _size(draft: Draft) -> tuple[int, int]:
    """Conditions and groups together, and levels."""
    found = list(lines(draft))
    return len(found), max(line.depth for line in found)


def out_of_reach(tree: Tree, categories: Collection[str]) -> tuple[Leaf, ...]:
    """R07: conditions that nobody can meet in a year: too many days, or no such activities."""
    return tuple(
        leaf
        for leaf in leaves_of(tree)
        if leaf.amount > _MOST.get(leaf.measure, leaf.amount)
        or (leaf.measure is Measure.CATEGORY and leaf.category not in categories)
    )


def leaves_of(tree: Tree) -> Iterator[Leaf]:
    """The conditions of a tree, from left to right."""
    if isinstance(tree, Leaf):
        yield tree
        return
    for part in tree.parts:
        yield from leaves_of(part)


def says_nothing(tree: Tree) -> tuple[Leaf, ...]:
    """Conditions without which, all at once, the requirement would ask the very same."""
    if isinstance(tree, Leaf):
        return ()
    found: list[Leaf] = []
    kept = list(tree.parts)
    for part in tree.parts:
        if not isinstance(part, Leaf):
            found += says_nothing(part)
            continue
        # What was found idle supports nothing any more: of two equal ones, one stays.
        rest = list(kept)
        rest.remove(part)
        if rest and _idle(part, type(tree)(tuple(rest))):
            found.append(part)
            kept = rest
    return tuple(found)


def _idle(part: Leaf, rest: AllOf | AnyOf) -> bool:
    if isinstance(rest, AllOf):
        return implies(rest, part)
    return any(implies(part, other) for other in rest.parts)


@dataclass(frozen=True, slots=True)
class Example:
    """Somebody one may imagine: what they did in a year, and whether that is enough."""

    evidence: Evidence
    passes: bool


def examples(tree: Tree, most: int = 4) -> tuple[Example, ...]:
    """R07: who would just meet the requirement, and who would just miss it.

    The first are the smallest evidences that one may believe; each of the others lacks one unit
    of one of them, and is judged by what judges in earnest.
    """
    enough = list(dict.fromkeys(map(_believable, smallest_evidences(tree))))
    least = [
        one for one in enough if not any(other != one and _holds(one, other) for other in enough)
    ][:most]
    missed = [one for held in least[:1] for one in _one_less(held) if not evaluate(tree, one)[0]]
    return (
        *(Example(one, passes=True) for one in least),
        *(Example(one, passes=False) for one in missed[:1]),
    )


def _believable(least: Evidence) -> Evidence:
    """As many days as somebody needs for so many kinds of activity, and for so many hours."""
    days = math.ceil(least.minutes / (HOURS_A_DAY * MINUTES_PER_HOUR))
    return replace(least, count=max(least.count, least.projects, days))


def _holds(more: Evidence, less: Evidence) -> bool:
    categories = dict(more.categories)
    return (
        more.count >= less.count
        and more.minutes >= less.minutes
        and more.projects >= less.projects
        and more.stay_days >= less.stay_days
        and all(categories.get(name, 0) >= many for name, many in less.categories)
    )


def _one_less(held: Evidence) -> Iterator[Evidence]:
    if held.stay_days:
        yield replace(held, stay_days=held.stay_days - 1)
    if held.minutes:
        yield replace(held, minutes=held.minutes - MINUTES_PER_HOUR)
    if held.projects > 1:
        yield replace(held, projects=held.projects - 1)
    if held.count:
        yield replace(
            held,
            count=held.count - 1,
            projects=min(held.projects, held.count - 1),
            categories=tuple((name, min(many, held.count - 1)) for name, many in held.categories),
        )


def _only(node: Draft) -> tuple[str, Any]:
    name, body = next(iter(node.items()))
    return name, body


def _copy(draft: Draft) -> Draft:
    name, body = _only(draft)
    if name in JOINTS:
        return {name: [_copy(part) for part in body]}
    return {name: dict(body) if isinstance(body, Mapping) else body}


def _steps(place: str) -> tuple[int, ...]:
    """The way to a place; what is further in, or further on, is the greater."""
    steps = place.split(".") if place else []
    if not all(at.isascii() and at.isdecimal() and len(at) <= _DIGITS for at in steps):
        raise RequirementError("", "no such condition.")
    return tuple(map(int, steps))


def _node(draft: Draft, place: str) -> Draft:
    found = draft
    for at in _steps(place):
        name, body = _only(found)
        if name not in JOINTS or at >= len(body):
            raise RequirementError("", "no such condition.")
        found = body[at]
    return found


def _group(draft: Draft, place: str) -> list[Draft]:
    name, body = _only(_node(draft, place))
    if name not in JOINTS:
        raise RequirementError(place, "a group is needed.")
    found: list[Draft] = body
    return found


def _checked(leaf: Draft, place: str) -> None:
    """One condition alone, as `parse` reads it; the error names the place in the draft."""
    try:
        parse(leaf)
    except RequirementError as error:
        raise RequirementError(place, error.problem) from error
