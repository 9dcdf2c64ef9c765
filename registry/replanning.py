"""Nights follow the numbers: what was planned by others is looked at again (R04, R06, R12, R14).

A row says on which night it is looked at next, by the numbers of the day on which that was
planned. When one of them changes for a local government, by the nation's hand or its own, the
night before anything else forgets the plans there, and the other jobs of the night make them anew.
"""

from collections.abc import Mapping
from datetime import date
from hashlib import sha256

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from registry import policies
from registry.bulk import plain_json
from registry.models import UNPLANNED, LocalGovernment, PlanNumbers
from registry.rules.policy import PolicyBook

#: What the days to look again are reckoned from.
KEYS = (
    "dormancy.months",
    "dormancy.notice_days",
    "idv.grace_days",
    "renewal.checks",
    "renewal.grace_days",
    "survey.reminder_days",
    "survey.reminders",
)

_FORGET = (
    # What waits for somebody else (R15) is planned for no night, and stays so.
    (
        "update term set due_on = :unplanned where lg_code = :lg_code and state in ('active', 'grace')"
        " and renewal_state not in ('veto', 'review')"
    ),
    (
        "update registration set clock_due_on = :unplanned where lg_code = :lg_code"
        " and status = 'active' and direct"
    ),
    (
        "update registration set survey_due_on = :unplanned where lg_code = :lg_code"
        " and status = 'active' and direct and survey_due_on is not null"
    ),
)


def note_numbers(db: Session, *, as_of: date, book: PolicyBook) -> int:
    """Note for each local government the numbers of a day; how many have others than before.

    Args:
        db: A job's transaction for the nation.
        as_of: The Japanese day the night works for.
        book: The national book.
    """
    now = _digests(db, book, as_of)
    # Plain columns: every night reads a row of each local government, and changes next to none.
    known = dict(db.execute(select(PlanNumbers.lg_code, PlanNumbers.digest)).all())
    changed = [
        {"lg_code": code, "digest": now[code], "is_stale": True}
        for code, digest in known.items()
        if now.get(code, digest) != digest
    ]
    if changed:
        db.execute(update(PlanNumbers), changed)
    fresh = [
        {"lg_code": code, "digest": digest, "is_stale": False}
        for code, digest in now.items()
        if code not in known
    ]
    if fresh:
        db.execute(insert(PlanNumbers).on_conflict_do_nothing(), fresh)
    db.flush()
    return len(changed)


def _digests(db: Session, book: PolicyBook, day: date) -> Mapping[str, str]:
    """One short text a local government for all numbers that plans hang on."""
    own = policies.values_of_all(db, book, KEYS, day)
    codes = db.scalars(select(LocalGovernment.code)).all()
    nation = _digest(own, day, None)
    with_own = {code for code, _ in own.body_values if code is not None}
    return {code: _digest(own, day, code) if code in with_own else nation for code in codes}


def _digest(book: PolicyBook, day: date, lg_code: str | None) -> str:
    values = [book.on(key, day, lg_code).value for key in KEYS]
    return sha256(plain_json(values).encode()).hexdigest()


def forget_plans(db: Session, *, lg_code: str) -> int:
    """Let the jobs of this night look at every row whose plan hangs on a number; how many.

    Nothing is decided here: rows that are not due are planned anew, and nobody is told twice.
    """
    found = 0
    for statement in _FORGET:
        rows = db.execute(text(statement), {"lg_code": lg_code, "unplanned": UNPLANNED})
        found += getattr(rows, "rowcount", 0)
    db.get_one(PlanNumbers, lg_code).is_stale = False
    db.flush()
    return found
