"""A requirement is put together step by step on a draft, and announced when it says what is meant (R07, R33)."""

from collections.abc import Callable, Mapping
from datetime import date, datetime

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core import audit
from core.access import Actor, Role
from core.clock import japan_day
from core.errors import Conflict, invalid
from registry import confirming, policies
from registry.models import Confirmation, RequirementDraft
from registry.requirement_checks import check_size
from registry.rules.composing import Draft, draft_of, grown, tidy
from registry.rules.policy import PolicyBook
from registry.rules.requirement import RequirementError, parse


def start(
    db: Session, *, actor: Actor, lg_code: str, now: datetime, book: PolicyBook
) -> RequirementDraft:
    """A draft that says what the requirement in force says; an older draft is left as it is."""
    actor.require_role(lg_code, Role.MANAGER)
    today = japan_day(now)
    own = policies.body_policy(db, book, lg_code, today)
    made = db.scalar(
        insert(RequirementDraft)
        .values(
            lg_code=lg_code,
            tree=draft_of(own.on(policies.REQUIREMENT, today, lg_code).value),
            written_by=actor.label,
            written_at=now,
        )
        # Two managers may start at the same instant: one draft, the same for both.
        .on_conflict_do_nothing()
        .returning(RequirementDraft.lg_code)
    )
    if made:
        _record(db, actor, "requirement.draft", lg_code, now)
    return db.get_one(RequirementDraft, lg_code)


def edit(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    seen: str,
    change: Callable[[Draft], Draft],
    now: datetime,
    book: PolicyBook,
) -> RequirementDraft:
    """One step on the draft, which may be unfinished after it.

    Args:
        db: A transaction of the local government.
        actor: A manager there.
        lg_code: The local government.
        seen: The stamp of the draft that was looked at.
        change: The step.
        now: The instant.
        book: The national book.

    Raises:
        Conflict: `draft_changed`: somebody else edited, announced or dropped it meanwhile.
        Invalid: `requirement_tree`, with the place in the draft as its field, after `at-`.
        Refused: It would grow too large. What is too large already may become smaller.
    """
    row = _seen(db, actor, lg_code, seen)
    try:
        tree = change(row.tree)
    except RequirementError as error:
        field = f"at-{error.path}"
        raise invalid("requirement_tree", field=field, found=error.problem) from error
    if grown(row.tree, tree):
        check_size(tree, book, japan_day(now))
    row.tree, row.edits, row.written_by, row.written_at = tree, row.edits + 1, actor.label, now
    db.flush()
    return row


def ask(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    seen: str,
    effective_from: date,
    now: datetime,
    book: PolicyBook,
) -> Confirmation:
    """R33: what the draft asks waits for a second person; the draft stays until it is announced.

    Raises:
        Conflict: `draft_changed`: it is no longer what was looked at.
        Invalid, Refused: As `asked_by` and `confirming.ask_requirement`.
    """
    row = _seen(db, actor, lg_code, seen)
    return confirming.ask_requirement(
        db,
        actor=actor,
        lg_code=lg_code,
        tree=asked_by(row.tree),
        effective_from=effective_from,
        now=now,
        book=book,
    )


def discard(db: Session, *, actor: Actor, lg_code: str, seen: str, now: datetime) -> None:
    """Nobody was told of it; nothing remains but that it was dropped.

    Raises:
        Conflict: `draft_changed`: it is no longer what was looked at.
    """
    db.delete(_seen(db, actor, lg_code, seen))
    db.flush()
    _record(db, actor, "requirement.draft_dropped", lg_code, now)


def _seen(db: Session, actor: Actor, lg_code: str, stamp: str) -> RequirementDraft:
    """The draft that a manager looked at, held until the transaction ends.

    Raises:
        Conflict: `draft_changed`.
    """
    actor.require_role(lg_code, Role.MANAGER)
    row = db.get(RequirementDraft, lg_code, with_for_update=True)
    if row is None or row.stamp != stamp:
        raise Conflict(code="draft_changed")
    return row


def asked_by(draft: Mapping[str, object]) -> Draft:
    """What a draft asks, as it would be announced.

    Raises:
        Invalid: `requirement_empty`.
    """
    found = tidy(dict(draft))
    if found is None:
        raise invalid("requirement_empty", field="measure")
    parse(found)
    return found


def _record(db: Session, actor: Actor, action: str, lg_code: str, now: datetime) -> None:
    audit.record(
        db,
        actor=actor,
        action=action,
        subject=("local_government", lg_code),
        now=now,
        lg_code=lg_code,
    )
