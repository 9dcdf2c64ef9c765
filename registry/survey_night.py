"""The night of unanswered questionnaires: asked again, at most twice (R04).

A registration is due on the night of its `survey_due_on`; the rule says whether to remind and
when to look again. Reminders sent are events of the registration, so nothing is counted twice.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from core.access import system
from core.clock import japan_day
from core.outbox import NoticeDraft
from registry import queries
from registry.bulk import (
    Act,
    Column,
    Counts,
    Happened,
    add_events,
    record_many,
    run,
    tell_many,
    unnest,
)
from registry.policies import body_policy
from registry.ranges import DueRows, Range
from registry.rules.policy import PolicyBook
from registry.rules.survey import remind

JOB = "survey"
KIND = "survey_reminder"

_ASKED = """
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
DUE = DueRows(_ASKED, of="r")


def run_range(db: Session, part: Range, *, book: PolicyBook) -> Counts:
    """R04: remind who has not answered, for one range of registrations; at most twice in all.

    A night that runs late reminds on the day it runs, and the next reminder moves with it.

    Args:
        db: A job's transaction for the local government.
        part: Which registrations, for which day.
        book: The policy book.
    """
    rows = DUE.take(db, part)
    counts = Counts()
    if not rows:
        return counts
    counts.last = rows[-1].id
    lg_code, now = part.lg_code, part.now
    today = max(part.as_of, japan_day(now))
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
    add_events(
        db,
        [Happened(row.id, row.person_id, {"number": row.sent + 1}) for row in rows],
        lg_code=lg_code,
        kind=KIND,
        now=now,
        on_day=today,
    )
    record_many(
        db,
        [Act("registration.survey_reminder", row.id, row.person_id) for row in rows],
        actor=system(JOB),
        lg_code=lg_code,
        now=now,
        subject_kind="registration",
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
