"""What a requirement may not be, whoever writes it and however: endless, or out of reach (R07)."""

from datetime import date
from typing import cast

from core.errors import refused
from registry.rules.composing import Draft, Limits, out_of_reach, too_large
from registry.rules.policy import PolicyBook
from registry.rules.requirement import Tree


def limits_of(book: PolicyBook, day: date) -> Limits:
    """R07: how large a requirement may be."""
    return Limits(
        nodes=cast("int", book.on("rule.max_conditions", day).value),
        depth=cast("int", book.on("rule.max_levels", day).value),
    )


def check_size(tree: Draft, book: PolicyBook, day: date) -> None:
    """R07: refuse what has grown so large that nobody would read it.

    Raises:
        Refused: `requirement_too_long`, `requirement_too_deep`.
    """
    limits = limits_of(book, day)
    match too_large(tree, limits):
        case "conditions":
            raise refused("requirement_too_long", rule="R07", needed=limits.nodes)
        case "levels":
            raise refused("requirement_too_deep", rule="R07", needed=limits.depth)


def check_reach(tree: Tree, book: PolicyBook, day: date) -> None:
    """R07: refuse a condition that nobody could meet.

    Raises:
        Refused: `requirement_out_of_reach`, with what it asks.
    """
    known = cast("list[str]", book.on("activity.categories", day).value)
    impossible = out_of_reach(tree, known)
    if impossible:
        raise refused(
            "requirement_out_of_reach",
            rule="R07",
            found=impossible[0].amount,
            names=tuple(leaf.category for leaf in impossible if leaf.category)[:1],
        )
