"""What a body asks for premium: a small tree of conditions, and what changes of it mean.

A tree is plain JSON with one name a node: `count`, `hours`, `projects`, `stay_days`,
`category` are leaves; `all_of` and `any_of` join them. Every leaf is monotone: more evidence
never harms. That is why "easier" and "harder" can be decided exactly from smallest evidence.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from types import MappingProxyType
from typing import Any

from registry.rules.plain import Plain
from registry.rules.reasons import Reason

MINUTES_PER_HOUR = 60
# Limits of the form, not of the scheme: a tree stays readable and quick to compare.
MAX_NODES = 24
MAX_DEPTH = 4
MAX_AMOUNT = 1000


class RequirementError(ValueError):
    """A tree that cannot be read. `path` points at the node, the sentence says what is wrong."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path
        self.problem = problem


class Measure(StrEnum):
    """What a leaf measures, within the counting period and at the body asking."""

    COUNT = "count"  # counted days of activities (R08)
    HOURS = "hours"  # hours of activities
    PROJECTS = "projects"  # distinct activities
    STAY_DAYS = "stay_days"  # days with evidence of being there (R11)
    CATEGORY = "category"  # counted days of one category of activity


@dataclass(frozen=True, slots=True)
class Leaf:
    """At least `amount` of one measure. `category` is named for CATEGORY only."""

    measure: Measure
    amount: int
    category: str = ""


@dataclass(frozen=True, slots=True)
class AllOf:
    parts: tuple["Tree", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    parts: tuple["Tree", ...]


Tree = Leaf | AllOf | AnyOf


@dataclass(frozen=True, slots=True)
class Evidence(Plain):
    """What a person can show for one counting period. `minutes` in minutes, the rest in days."""

    count: int = 0
    minutes: int = 0
    projects: int = 0
    stay_days: int = 0
    categories: tuple[tuple[str, int], ...] = ()

    def amount(self, leaf: Leaf) -> int:
        """How much of what the leaf asks is there, in the leaf's unit (hours rounded down)."""
        if leaf.measure is Measure.CATEGORY:
            return dict(self.categories).get(leaf.category, 0)
        if leaf.measure is Measure.HOURS:
            return self.minutes // MINUTES_PER_HOUR
        return int(getattr(self, leaf.measure.value))


# What the person can do about a missing leaf.
_ACTION = {Measure.STAY_DAYS: "add_stay_day"}


def parse(data: object) -> Tree:
    """R07: the tree of plain JSON. Raises RequirementError with the path of the first fault."""
    tree = _parse(data, "rule", 1)
    nodes = sum(1 for _ in _nodes(tree))
    if nodes > MAX_NODES:
        raise RequirementError("rule", f"at most {MAX_NODES} conditions, found {nodes}.")
    return tree


def _parse(data: object, path: str, depth: int) -> Tree:
    if depth > MAX_DEPTH:
        raise RequirementError(path, f"at most {MAX_DEPTH} levels.")
    if not isinstance(data, Mapping) or len(data) != 1:
        raise RequirementError(path, "one condition with one name is needed.")
    name, body = next(iter(data.items()))
    here = f"{path}.{name}"
    if name in {"all_of", "any_of"}:
        if isinstance(body, str) or not isinstance(body, Sequence) or not body:
            raise RequirementError(here, "a list with at least one condition is needed.")
        parts = tuple(_parse(part, f"{here}[{at}]", depth + 1) for at, part in enumerate(body))
        return AllOf(parts) if name == "all_of" else AnyOf(parts)
    if name not in {measure.value for measure in Measure}:
        raise RequirementError(path, f"unknown condition {name!r}.")
    measure = Measure(name)
    if measure is Measure.CATEGORY:
        return _parse_category(body, here)
    return Leaf(measure, _amount(body, here))


def _parse_category(body: object, path: str) -> Leaf:
    if not isinstance(body, Mapping) or set(body) != {"name", "count"}:
        raise RequirementError(path, "a name and a count are needed.")
    name = body["name"]
    if not isinstance(name, str) or not name.strip():
        raise RequirementError(f"{path}.name", "the name of a category is needed.")
    return Leaf(Measure.CATEGORY, _amount(body["count"], f"{path}.count"), name)


def _amount(value: object, path: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_AMOUNT:
        raise RequirementError(path, f"a whole number from 1 to {MAX_AMOUNT} is needed.")
    return value


def _nodes(tree: Tree) -> Iterator[Tree]:
    yield tree
    if not isinstance(tree, Leaf):
        for part in tree.parts:
            yield from _nodes(part)


def to_json(tree: Tree) -> dict[str, Any]:
    """The tree as `parse` reads it."""
    if isinstance(tree, Leaf):
        if tree.measure is Measure.CATEGORY:
            return {"category": {"name": tree.category, "count": tree.amount}}
        return {tree.measure.value: tree.amount}
    name = "all_of" if isinstance(tree, AllOf) else "any_of"
    return {name: [to_json(part) for part in tree.parts]}


def evaluate(tree: Tree, evidence: Evidence, source: str = "") -> tuple[bool, tuple[Reason, ...]]:
    """R07: whether the evidence suffices, and a reason for each leaf that is missing.

    A satisfied branch hides its missing leaves: whoever needs one of two is not told to do both.
    """
    reasons = _missing(tree, evidence, source)
    return not reasons, reasons


def _missing(tree: Tree, evidence: Evidence, source: str) -> tuple[Reason, ...]:
    if isinstance(tree, Leaf):
        found = evidence.amount(tree)
        if found >= tree.amount:
            return ()
        return (_reason(tree, found, source),)
    parts = [_missing(part, evidence, source) for part in tree.parts]
    if isinstance(tree, AnyOf) and not all(parts):
        return ()
    # The same condition in two branches is told once.
    return tuple(dict.fromkeys(reason for part in parts for reason in part))


def _reason(leaf: Leaf, found: int, source: str) -> Reason:
    return Reason(
        rule="R07",
        code=f"not_enough_{leaf.measure.value}",
        found=found,
        needed=leaf.amount,
        names=(leaf.category,) if leaf.category else (),
        source=source,
        action=_ACTION.get(leaf.measure, "find_activity"),
    )


def smallest_evidences(tree: Tree) -> Iterator[Evidence]:
    """Every smallest evidence that satisfies the tree; any satisfying evidence holds one of them.

    A category's days are counted days, so they imply as many counts; hours and projects come
    from counted days too, so they imply one.
    """
    for leaves in _choices(tree):
        best: dict[tuple[Measure, str], int] = {}
        for leaf in leaves:
            key = (leaf.measure, leaf.category)
            best[key] = max(best.get(key, 0), leaf.amount)
        categories = {name: n for (measure, name), n in best.items() if measure is Measure.CATEGORY}
        active = int(any(leaf.measure is not Measure.STAY_DAYS for leaf in leaves))
        yield Evidence(
            count=max(best.get((Measure.COUNT, ""), active), *categories.values(), active),
            minutes=best.get((Measure.HOURS, ""), 0) * MINUTES_PER_HOUR,
            projects=best.get((Measure.PROJECTS, ""), active),
            stay_days=best.get((Measure.STAY_DAYS, ""), 0),
            categories=tuple(sorted(categories.items())),
        )


def _choices(tree: Tree) -> Iterator[tuple[Leaf, ...]]:
    """Each way to satisfy the tree, as the leaves it takes."""
    if isinstance(tree, Leaf):
        yield (tree,)
    elif isinstance(tree, AnyOf):
        for part in tree.parts:
            yield from _choices(part)
    else:
        for combination in product(*(tuple(_choices(part)) for part in tree.parts)):
            yield tuple(leaf for leaves in combination for leaf in leaves)


def implies(stronger: Tree, weaker: Tree) -> bool:
    """Whether whoever satisfies the first also satisfies the second."""
    return all(evaluate(weaker, evidence)[0] for evidence in smallest_evidences(stronger))


def below_national_base(tree: Tree, base: Tree) -> bool:
    """R07: whether somebody could get premium here without meeting the national base."""
    return not implies(tree, base)


def harder_than(new: Tree, old: Tree) -> bool:
    """R33: whether somebody who satisfied the old rule would fail the new one (60 days' notice)."""
    return not implies(old, new)


_JA = {
    Measure.COUNT: "指定された活動に{n}回以上参加する",
    Measure.HOURS: "指定された活動に合計{n}時間以上参加する",
    Measure.PROJECTS: "{n}種類以上の指定された活動に参加する",
    Measure.STAY_DAYS: "{n}日以上滞在する",
    Measure.CATEGORY: "「{name}」の活動に{n}回以上参加する",
}
_EN = {
    Measure.COUNT: "take part in designated activities at least {n} {times}",
    Measure.HOURS: "take part in designated activities for at least {n} {hours} in all",
    Measure.PROJECTS: "take part in at least {n} different designated {activities}",
    Measure.STAY_DAYS: "stay at least {n} {days}",
    Measure.CATEGORY: "take part in “{name}” activities at least {n} {times}",
}


_CODES: Mapping[str, str] = MappingProxyType({})


def describe_ja(tree: Tree, names: Mapping[str, str] = _CODES) -> str:
    """R07: the requirement as one Japanese sentence, as the person reads it.

    Args:
        tree: The requirement.
        names: Words for categories; one that is not among them is told by its code.
    """
    return _phrase_ja(tree, names, outer=True) + "こと。"


def _phrase_ja(tree: Tree, names: Mapping[str, str], *, outer: bool) -> str:
    if isinstance(tree, Leaf):
        name = names.get(tree.category, tree.category)
        return _JA[tree.measure].format(n=tree.amount, name=name)
    parts = [_phrase_ja(part, names, outer=False) for part in tree.parts]
    if len(parts) == 1:
        return parts[0]
    joint = "、かつ、" if isinstance(tree, AllOf) else "、または、"
    phrase = joint.join(parts)
    return phrase if outer else f"（{phrase}）"


def describe_en(tree: Tree, names: Mapping[str, str] = _CODES) -> str:
    """R07: the requirement as one English sentence; `names` as for the Japanese one."""
    phrase = _phrase_en(tree, names, outer=True)
    return phrase[0].upper() + phrase[1:] + "."


def _phrase_en(tree: Tree, names: Mapping[str, str], *, outer: bool) -> str:
    if isinstance(tree, Leaf):
        one = tree.amount == 1
        return _EN[tree.measure].format(
            n=tree.amount,
            name=names.get(tree.category, tree.category),
            times="time" if one else "times",
            hours="hour" if one else "hours",
            activities="activity" if one else "activities",
            days="day" if one else "days",
        )
    parts = [_phrase_en(part, names, outer=False) for part in tree.parts]
    if len(parts) == 1:
        return parts[0]
    joint = ", and " if isinstance(tree, AllOf) else ", or "
    phrase = joint.join(parts)
    return phrase if outer else f"({phrase})"
