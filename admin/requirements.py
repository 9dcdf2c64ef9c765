"""Requirements as staff read them: every version in words, and what a draft would mean (R07, R33)."""

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy.orm import Session

from admin import words
from admin.desk import Desk
from admin.numbers import requirement_words
from registry import policies
from registry.models import RequirementVersion
from registry.rules import composing, versions
from registry.rules.composing import Draft
from registry.rules.requirement import (
    MINUTES_PER_HOUR,
    Evidence,
    Measure,
    harder_than,
    parse,
    to_json,
)


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
class Imagined:
    """Somebody one may imagine: what they did in a year, in words, and whether it is enough."""

    words: str
    passes: bool


@dataclass(frozen=True, slots=True)
class Composed:
    """What a draft would mean if it were announced (R07, R33).

    `same` says that it is the one in force, with none announced that it could take the place of.
    """

    words: str
    same: bool
    below: bool
    harder: bool
    earliest: date
    imagined: tuple[Imagined, ...]
    idle: tuple[str, ...]


def composed(db: Session, desk: Desk, tree: Draft) -> Composed:
    """R07, R33: the sentence, who would pass, how it compares, and the earliest day for it."""
    own = policies.body_policy(db, desk.book, desk.lg_code, desk.today)
    wanted = parse(tree)
    every = policies.rule_versions(own, desk.lg_code)
    known = versions.version_for_term(every, desk.today)
    days = int(own.on("rule.notice_days", desk.today, desk.lg_code).value)
    harder = harder_than(wanted, known.tree)
    kinds = any(leaf.measure is Measure.PROJECTS for leaf in composing.leaves_of(wanted))
    return Composed(
        words=requirement_words(desk, tree),
        same=all(one.tree == wanted for one in every if one.since >= known.since),
        below=policies.is_below_base(wanted, desk.book, desk.today),
        harder=harder,
        earliest=desk.today + timedelta(days=days) if harder else desk.today,
        imagined=tuple(
            Imagined(_did(desk, one.evidence, kinds=kinds), one.passes)
            for one in composing.examples(wanted)
        ),
        idle=tuple(
            requirement_words(desk, to_json(leaf)) for leaf in composing.says_nothing(wanted)
        ),
    )


def _did(desk: Desk, evidence: Evidence, *, kinds: bool) -> str:
    """What somebody did in a year; with `kinds`, how many different activities it were."""
    days = sum(many for _, many in evidence.categories)
    found = [
        desk.say("「{name}」の活動に{n}回", name=words.word(desk.say, "category", name), n=many)
        for name, many in evidence.categories
    ]
    if evidence.count > days or not (found or evidence.stay_days):
        found.insert(0, desk.say("指定された活動に{n}回", n=evidence.count))
    if kinds and evidence.projects:
        found.append(desk.say("活動は{n}種類", n=evidence.projects))
    if evidence.minutes:
        found.append(desk.say("活動は合わせて{n}時間", n=evidence.minutes // MINUTES_PER_HOUR))
    if evidence.stay_days:
        found.append(desk.say("滞在{n}日", n=evidence.stay_days))
    return desk.say("、").join(found)


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
