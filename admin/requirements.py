"""A requirement written by staff in plain fields: read, previewed, shown in words (R07, R33)."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy.orm import Session

from admin.desk import Desk
from admin.forms import Form
from admin.numbers import requirement_words
from core.errors import invalid
from registry import policies
from registry.models import RequirementVersion
from registry.rules import versions
from registry.rules.requirement import harder_than, parse

#: Fields of the form that are a measure of their own.
MEASURES = ("count", "hours", "projects", "stay_days")
FIELDS = (*MEASURES, "category", "category_count", "joint", "effective_from")


@dataclass(frozen=True, slots=True)
class Held:
    """One version as it is shown: words, its day, who decided, and whether it asks less (R07)."""

    words: str
    since: date
    announced_on: date | None
    decided_by: str
    below: bool
    in_force: bool


@dataclass(frozen=True, slots=True)
class Preview:
    """What a new requirement would mean, before it is announced."""

    words: str
    since: date
    below: bool
    harder: bool
    earliest: date


def tree_of(form: Form) -> dict[str, Any]:
    """R07: the rule tree of the filled fields; one alone, or joined by all or any.

    Raises:
        Invalid: No field is filled, or one cannot be read.
    """
    leaves: list[dict[str, Any]] = []
    for name in MEASURES:
        amount = form.amount(name)
        if amount is not None:
            leaves.append({name: amount})
    category, many = form.one("category", most=40), form.amount("category_count")
    if category:
        leaves.append({"category": {"name": category, "count": many or 1}})
    if not leaves:
        raise invalid("requirement_empty", field="count")
    if len(leaves) == 1:
        return leaves[0]
    return {"any_of" if form.one("joint") == "any" else "all_of": leaves}


def preview(db: Session, desk: Desk, tree: dict[str, Any], since: date) -> Preview:
    """R33: how the new one compares with the one it follows, and the earliest day for it."""
    own = policies.body_policy(db, desk.book, desk.lg_code, desk.today)
    known = policies.rule_versions(own, desk.lg_code)
    wanted = parse(tree)
    before = (
        versions.version_for_term(known, since),
        versions.version_for_term(known, desk.today),
    )
    days = int(own.on("rule.notice_days", desk.today, desk.lg_code).value)
    harder = any(harder_than(wanted, one.tree) for one in before)
    return Preview(
        words=requirement_words(desk, tree),
        since=since,
        below=policies.is_below_base(wanted, desk.book, since),
        harder=harder,
        earliest=desk.today + timedelta(days=days) if harder else desk.today,
    )


def held(db: Session, desk: Desk) -> list[Held]:
    """Every version of this local government, the newest first; the national base is the last."""
    own = policies.body_policy(db, desk.book, desk.lg_code, desk.today)
    now = own.on(policies.REQUIREMENT, desk.today, desk.lg_code)
    rows = list(reversed(policies.requirement_versions(db, desk.lg_code)))
    found = [_held(desk, row, in_force=row.effective_from == now.since) for row in rows]
    base = desk.book.on(policies.REQUIREMENT, desk.today)
    found.append(
        Held(
            words=requirement_words(desk, base.value),
            since=base.since,
            announced_on=None,
            decided_by=str(base.source),
            below=False,
            in_force=now.lg_code is None,
        )
    )
    return found


def _held(desk: Desk, row: RequirementVersion, *, in_force: bool) -> Held:
    return Held(
        words=requirement_words(desk, row.tree),
        since=row.effective_from,
        announced_on=row.announced_on,
        decided_by=row.decided_by,
        below=policies.is_below_base(parse(row.tree), desk.book, row.effective_from),
        in_force=in_force,
    )
