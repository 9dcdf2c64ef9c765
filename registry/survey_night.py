"""The night of unanswered questionnaires: asked again, at most twice (R04).

A registration is due on the night of its `survey_due_on`; the rule says whether to remind and
when to look again. Reminders sent are events of the registration, so nothing is counted twice.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from core.access import system
from core.clock import japan_day
from core.ids import new_id
from core.outbox import NoticeDraft
from registry import queries
from registry.bulk import (
    Column,
    Counts,
    insert_rows,
    plain_json,
    record_many,
    run,
    tell_many,
    unnest,
)
from registry.policies import body_policy
from registry.rules.policy import PolicyBook
from registry.rules.survey import remind

JOB = "survey"
KIND = "survey_reminder"
LIMIT = 10_000

_DUE = """
select r.id, r.person_id, e.sent, greatest(r.registered_on, e.since) as since,
       exists (select from survey_answer s where s.lg_code = r.lg_code
               and s.registration_id = r.id) as answered
  from registration r, lateral (
       select count(*) filter (where v.kind = 'survey_reminder') as sent, max(v.on_day) as since
         from registration_event v
        where v.lg_code = r.lg_code and v.registration_id = r.id
          and v.kind in ('registered', 'survey_reminder')) e
 where r.lg_code = :lg_code and r.status = 'active' and r.direct and r.survey_due_on <= :as_of
"""
_RANGE = " and r.id > :after order by r.id limit :limit for no key update of r skip locked"
_ONLY = " and r.id = any(:only) order by r.id for no key update of r skip locked"


def due_ids(
    db: Session, *, lg_code: str, as_of: date, after: UUID | None = None, limit: int = LIMIT
) -> Sequence[UUID]:
    """Ids of the registrations whose questionnaire is due for a look, in order. Locks nothing."""
    found = db.execute(
        text(
            "select id from registration where lg_code = :lg_code and status = 'active' and direct"
            " and survey_due_on <= :as_of and id > :after order by id limit :limit"
        ),
        {"lg_code": lg_code, "as_of": as_of, "after": after or UUID(int=0), "limit": limit},
    )
    return found.scalars().all()


def run_range(
    db: Session,
    *,
    lg_code: str,
    as_of: date,
    now: datetime,
    book: PolicyBook,
    after: UUID | None = None,
    limit: int = LIMIT,
    only: Sequence[UUID] | None = None,
) -> Counts:
    """R04: remind who has not answered, for one range of registrations; at most twice in all.

    A night that runs late reminds on the day it runs, and the next reminder moves with it.

    Args:
        db: A job's transaction for the local government.
        lg_code: The local government.
        as_of: The Japanese day the night works for.
        now: The instant.
        book: The policy book.
        after: Id of the last registration of the range before.
        limit: Registrations of a range at most.
        only: These registrations and no others.
    """
    rows = db.execute(
        text(_DUE + (_RANGE if only is None else _ONLY)),
        {
            "lg_code": lg_code,
            "as_of": as_of,
            "after": after or UUID(int=0),
            "limit": limit,
            "only": list(only or ()),
        },
    ).all()
    counts = Counts()
    if not rows:
        return counts
    counts.last = rows[-1].id
    today = max(as_of, japan_day(now))
    policy = body_policy(db, book, lg_code, today).snapshot(today, lg_code)
    asked, looks = [], []
    for row in rows:
        found = remind(row.since, row.sent, today, policy, answered=row.answered)
        looks.append(found.next_look)
        if found.is_due:
            asked.append(row)
        counts.by_outcome["reminded" if found.is_due else "planned"] += 1
    _plan(db, lg_code, rows, looks)
    _ask(db, lg_code, asked, today, now)
    return counts


def _plan(
    db: Session, lg_code: str, rows: Sequence[Row[Any]], looks: Sequence[date | None]
) -> None:
    columns = {"id": Column("uuid", [row.id for row in rows]), "due_on": Column("date", looks)}
    run(
        db,
        f"update registration r set survey_due_on = v.due_on from {unnest(columns)}"
        " where r.lg_code = %(lg_code)s and r.id = v.id",
        columns,
        lg_code=lg_code,
    )


def _ask(db: Session, lg_code: str, rows: Sequence[Row[Any]], today: date, now: datetime) -> None:
    name = queries.government(db, lg_code).name
    insert_rows(
        db,
        "registration_event",
        {
            "id": Column("uuid", [new_id() for _ in rows]),
            "registration_id": Column("uuid", [row.id for row in rows]),
            "person_id": Column("uuid", [row.person_id for row in rows]),
            "facts": Column("jsonb", [plain_json({"number": row.sent + 1}) for row in rows]),
        },
        same={"lg_code": lg_code, "kind": KIND, "at": now, "on_day": today},
    )
    record_many(
        db,
        actor=system(JOB).label,
        lg_code=lg_code,
        now=now,
        subject_kind="registration",
        rows=[(new_id(), "registration.survey_reminder", row.id, row.person_id) for row in rows],
    )
    tell_many(
        db,
        [
            NoticeDraft(
                row.person_id,
                KIND,
                f"{row.id}:{row.sent + 1}",
                lg_code,
                {"government": name, "lg_code": lg_code},
            )
            for row in rows
        ],
        now=now,
    )
