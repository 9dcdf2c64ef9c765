"""The numbers that hold for one local government, and how its managers change them (R07, R15, R33)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import audit
from core.access import Actor, Role
from core.clock import japan_day
from core.errors import Conflict, NotFound, Problem, Refused, invalid, refused
from core.ids import new_id
from core.outbox import NoticeDraft, tell
from registry import queries
from registry.models import BodyValue, Registration, RequirementVersion
from registry.requirement_checks import check_reach, check_size
from registry.rules import policy as rules
from registry.rules import versions
from registry.rules.calendars import fiscal_year_start
from registry.rules.facts import DecisionMode
from registry.rules.policy import Parameter, PolicyBook, PolicyError, Step
from registry.rules.reasons import Reason
from registry.rules.requirement import (
    RequirementError,
    Tree,
    below_national_base,
    harder_than,
    parse,
    to_json,
)

REQUIREMENT = "premium.rule"


@dataclass(frozen=True, slots=True)
class Setting:
    """One parameter as a local government's manager sees it.

    `in_force` holds on the day asked about; `own` are the body's values, later days too.
    """

    parameter: Parameter
    national: Step
    in_force: Step
    own: tuple[Step, ...]


def body_policy(db: Session, book: PolicyBook, lg_code: str, day: date) -> PolicyBook:
    """R07, R15, R33: the national book with one local government's own values and requirements.

    Args:
        db: Any transaction but the gate's: the values are public.
        book: The national book.
        lg_code: The local government.
        day: Values that begin later are left out, but for requirements: they are announced.

    Returns:
        A book; ask it with the same `lg_code`. A stored value that the nation no longer
        allows rests, as if the body had not set it.
    """
    own = db.scalars(
        select(BodyValue)
        .where(BodyValue.lg_code == lg_code, BodyValue.since <= day)
        .order_by(BodyValue.since, BodyValue.decided_at)
    )
    values = [_value(row.key, row.since, row.value, row) for row in own]
    values += [
        _value(REQUIREMENT, row.effective_from, row.tree, row)
        for row in requirement_versions(db, lg_code)
    ]
    return book.with_body_values(value for value in values if _allowed(book, value))


def values_of_all(db: Session, book: PolicyBook, keys: Iterable[str], day: date) -> PolicyBook:
    """The national book with the own values of every local government, for some numbers."""
    rows = db.scalars(
        select(BodyValue)
        .where(BodyValue.key.in_(list(keys)), BodyValue.since <= day)
        .order_by(BodyValue.since, BodyValue.decided_at)
    )
    values = [_value(row.key, row.since, row.value, row) for row in rows]
    return book.with_body_values(value for value in values if _allowed(book, value))


def _value(
    key: str, since: date, value: object, row: BodyValue | RequirementVersion
) -> rules.BodyValue:
    return rules.BodyValue(
        lg_code=row.lg_code,
        key=key,
        since=since,
        value=value,
        source=f"local-government-{row.lg_code}",
        decided_by=row.decided_by,
    )


def _allowed(book: PolicyBook, value: rules.BodyValue) -> bool:
    """A value of a setting that is gone, or before the nation had one, has nothing to say."""
    try:
        return book.refusal(value) is None
    except PolicyError:
        return False


def settings_of(db: Session, *, lg_code: str, book: PolicyBook, day: date) -> tuple[Setting, ...]:
    """Every parameter with the national value, the body's own, and the one in force on a day."""
    full = body_policy(db, book, lg_code, date.max)
    return tuple(
        Setting(
            parameter=parameter,
            national=book.on(key, day),
            in_force=full.on(key, day, lg_code),
            own=full.body_values.get((lg_code, key), ()),
        )
        for key, parameter in sorted(full.parameters.items())
    )


def needs_two(key: str, value: object) -> bool:
    """R15, C47: whether one person alone may not set this: machines would decide from then on."""
    return key.startswith("decision.mode") and value == DecisionMode.AUTO.value


def check_value(
    *,
    actor: Actor,
    lg_code: str,
    key: str,
    value: object,
    since: date,
    now: datetime,
    book: PolicyBook,
) -> None:
    """R15: whether a manager may set this value from that day; nothing is written.

    Raises:
        NotFound: There is no such setting.
        Refused: A body may not set it, or not this value (`setting_…`, with the rule's id); or
            from a past day (`in_the_past`), as nobody may change what has been judged (R33).
    """
    actor.require_role(lg_code, Role.MANAGER)
    if key not in book.parameters:
        raise NotFound(code="not_found")
    parameter = book.parameter(key)
    rule = parameter.rules[0] if parameter.rules else "R15"
    if key == REQUIREMENT:
        raise refused("setting_by_requirement", rule="R33", field=key)
    today = japan_day(now)
    if since < today:
        raise refused("in_the_past", rule="R33", found=since.isoformat(), needed=today.isoformat())
    wanted = rules.BodyValue(lg_code, key, since, value, f"local-government-{lg_code}", actor.label)
    problem = book.refusal(wanted)
    if problem is not None:
        raise refused(f"setting_{problem.code}", rule=rule, found=str(value), field=key)


def set_body_value(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    key: str,
    value: object,
    since: date,
    now: datetime,
    book: PolicyBook,
) -> Step:
    """A manager sets the body's own value from a day on.

    Raises:
        NotFound, Refused: As `check_value`; `second_person_needed` where two have to agree.
        Conflict: It was decided for that day at this very instant.
    """
    check_value(actor=actor, lg_code=lg_code, key=key, value=value, since=since, now=now, book=book)
    if needs_two(key, value):
        raise refused("second_person_needed", rule="R15", field=key)
    row = BodyValue(lg_code=lg_code, key=key, since=since, value=value, decided_by=actor.label)
    return add_value(db, row, actor=actor, now=now, book=book)


def add_value(
    db: Session, row: BodyValue, *, actor: Actor, now: datetime, book: PolicyBook
) -> Step:
    """Write down a value that was checked; what holds from its day on."""
    row.decided_at = now
    if db.get(BodyValue, (row.lg_code, row.key, row.since, now)) is not None:
        raise Conflict(code="conflict")
    db.add(row)
    db.flush()
    audit.record(
        db,
        actor=actor,
        action="setting.set",
        subject=("setting", row.key),
        now=now,
        lg_code=row.lg_code,
        purpose=row.since.isoformat(),
    )
    return body_policy(db, book, row.lg_code, row.since).on(row.key, row.since, row.lg_code)


# --- requirements for premium -----------------------------------------------------------


def requirement_versions(db: Session, lg_code: str) -> Sequence[RequirementVersion]:
    """R33: a body's own requirements, oldest first; the national base holds before the first."""
    return db.scalars(
        select(RequirementVersion)
        .where(RequirementVersion.lg_code == lg_code)
        .order_by(RequirementVersion.effective_from)
    ).all()


def rule_versions(book: PolicyBook, lg_code: str) -> tuple[versions.RequirementVersion, ...]:
    """R33: every requirement that ever held for a body, national ones included, for the rules.

    Args:
        book: A book made by `body_policy`.
        lg_code: The local government.
    """
    return versions.versions_from(book.history(REQUIREMENT, lg_code))


def requirement_id(db: Session, lg_code: str, since: date) -> UUID | None:
    """The stored version that holds from a day; None when that is the national base."""
    return db.scalar(
        select(RequirementVersion.id).where(
            RequirementVersion.lg_code == lg_code, RequirementVersion.effective_from == since
        )
    )


def is_below_base(tree: Tree, book: PolicyBook, day: date) -> bool:
    """R07: whether a requirement asks less than the national base, which is shown openly."""
    return below_national_base(tree, parse(book.on("premium.base", day).value))


def check_requirement(
    db: Session,
    *,
    lg_code: str,
    tree: object,
    effective_from: date,
    now: datetime,
    book: PolicyBook,
) -> tuple[Tree, Tree]:
    """R33: the requirement, and the one it follows, if it may be announced today for that day.

    Raises:
        Invalid: The tree cannot be read (`requirement_tree`).
        Refused: It is too large, or nobody could meet it (R07). The day is past, no first day of
            a fiscal year where the nation asks for one, or sooner than the notice a harder
            requirement needs (`notice_too_short`). Or it is the one that would hold that day
            anyway (`requirement_same`): nobody is told of a change that is none.
        Conflict: Another requirement begins on that day.
    """
    today = japan_day(now)
    wanted = _parsed(tree)
    check_size(to_json(wanted), book, today)
    check_reach(wanted, book, today)
    _check_day(effective_from, today, book)
    own = body_policy(db, book, lg_code, effective_from)
    if requirement_id(db, lg_code, effective_from) is not None:
        raise Conflict(code="requirement_exists")
    old, problems = _compared(own, lg_code, wanted, effective_from, today)
    if wanted == old:
        raise refused("requirement_same", rule="R33")
    if problems:
        raise Refused(code=problems[0].code, problems=[_problem(reason) for reason in problems])
    return wanted, old


def create_requirement(
    db: Session, row: RequirementVersion, *, actor: Actor, now: datetime, book: PolicyBook
) -> RequirementVersion:
    """R33: announce what two people agreed on; registrants are told in the app.

    Args:
        db: A transaction of the local government.
        row: Its day, its tree, who decided and whose confirmation it rests on.
        actor: Who confirmed.
        now: The instant; the notice is reckoned from its day.
        book: The national book.

    Raises:
        Invalid, Refused, Conflict: As `check_requirement`.
    """
    wanted, old = check_requirement(
        db,
        lg_code=row.lg_code,
        tree=row.tree,
        effective_from=row.effective_from,
        now=now,
        book=book,
    )
    row.id, row.announced_on, row.tree = new_id(), japan_day(now), to_json(wanted)
    db.add(row)
    db.flush()
    audit.record(
        db,
        actor=actor,
        action="requirement.announce",
        subject=("requirement_version", row.id),
        now=now,
        lg_code=row.lg_code,
    )
    _tell_registrants(db, row, harder=harder_than(wanted, old), now=now)
    return row


def _parsed(tree: object) -> Tree:
    try:
        return parse(tree)
    except RequirementError as error:
        raise invalid("requirement_tree", field="tree", found=str(error)) from error


def _check_day(effective_from: date, today: date, book: PolicyBook) -> None:
    if effective_from < today:
        raise refused(
            "in_the_past",
            rule="R33",
            found=effective_from.isoformat(),
            needed=today.isoformat(),
        )
    by_year = book.on("rule.effective_from", today).value == "fiscal_year"
    if by_year and effective_from != fiscal_year_start(effective_from):
        raise refused("fiscal_year_needed", rule="R33", found=effective_from.isoformat())


def _compared(
    book: PolicyBook, lg_code: str, wanted: Tree, effective_from: date, today: date
) -> tuple[Tree, list[Reason]]:
    """The requirement this one follows, and what speaks against the day.

    It must keep its notice against every requirement that holds until then: otherwise an easier
    one in between would let a hard one come without any.
    """
    days = cast("int", book.on("rule.notice_days", today, lg_code).value)
    known = rule_versions(book, lg_code)
    before = versions.version_for_term(known, effective_from)
    current = versions.version_for_term(known, today)
    new = versions.RequirementVersion(effective_from, to_json(wanted), announced_on=today)
    found = [versions.notice_problem(new, old, today, days) for old in (before, current)]
    return before.tree, [reason for reason in found if reason][:1]


def _problem(reason: Reason) -> Problem:
    return Problem(
        code=reason.code,
        rule=reason.rule,
        found=reason.found,
        needed=reason.needed,
        names=reason.names,
        action=reason.action or None,
    )


def _tell_registrants(db: Session, row: RequirementVersion, *, harder: bool, now: datetime) -> None:
    people = db.scalars(
        select(Registration.person_id).where(
            Registration.lg_code == row.lg_code,
            Registration.status == "active",
            Registration.direct,
        )
    )
    facts: dict[str, Any] = {
        "government": queries.government(db, row.lg_code).name,
        "since": row.effective_from.isoformat(),
    }
    tell(db, _announcements(people, row, facts, harder=harder), now=now)


def _announcements(
    people: Iterable[UUID], row: RequirementVersion, facts: dict[str, Any], *, harder: bool
) -> list[NoticeDraft]:
    """In the app; by mail as well where it becomes harder, as somebody must act on it."""
    kind = "requirement_raised" if harder else "requirement_changed"
    return [
        NoticeDraft(
            person_id=person_id,
            kind=kind,
            period_key=str(row.id),
            lg_code=row.lg_code,
            facts=facts,
            channels=("mail",) if harder else (),
        )
        for person_id in people
    ]
