"""The night of dormant registrations: asked three times, then released, without anybody's hand (R06).

A clock is due on the night of its `clock_due_on`; the rule says what to do and when to look
again. Everything of a range is one transaction, so a killed night leaves nothing half done.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from core.access import Actor, system
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
from registry.derived_links import Source, refresh_sources
from registry.models import Registration
from registry.policies import body_policy
from registry.rules.dormancy import DormancyStep, StepKind, next_step, restore_until
from registry.rules.policy import Policy, PolicyBook

JOB = "dormancy"
LIMIT = 10_000
#: Valid premium has no clock; whether it still is valid is looked at again after this time.
PREMIUM_LOOK = timedelta(days=30)

_DUE = """
select r.id, r.person_id, r.last_access_on, r.tier
  from registration r
 where r.lg_code = :lg_code and r.status = 'active' and r.direct and r.clock_due_on <= :as_of
"""
_RANGE = " and r.id > :after order by r.id limit :limit for no key update skip locked"
_ONLY = " and r.id = any(:only) order by r.id for no key update skip locked"


def due_ids(
    db: Session, *, lg_code: str, as_of: date, after: UUID | None = None, limit: int = LIMIT
) -> Sequence[UUID]:
    """Ids of the registrations whose clock is due, in their order. Locks nothing."""
    found = db.execute(
        text(
            "select id from registration where lg_code = :lg_code and status = 'active' and direct"
            " and clock_due_on <= :as_of and id > :after order by id limit :limit"
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
    """R06: notices at D-60, D-30 and D-7, release at D0, for one range of registrations.

    A night that runs late sends its notice on the day it runs, and the release moves with it:
    nobody is released without the full time after every notice.

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
    night = _Night(db, lg_code, queries.government(db, lg_code).name, policy, today, now, book)
    sent = _sent(db, lg_code, rows)
    for row in rows:
        try:
            kind = night.look(row, sent.get(row.id, {}))
        except Exception as error:  # noqa: BLE001 - one row must not stop the night (C51)
            counts.failures[row.id] = f"{type(error).__name__}: {error}"
            continue
        counts.by_outcome[kind] += 1
    night.write()
    return counts


def _sent(db: Session, lg_code: str, rows: Sequence[Row[Any]]) -> Mapping[UUID, dict[int, date]]:
    """Notices of the present silence, by registration: days before release → day sent."""
    found = db.execute(
        text(
            "select n.registration_id, n.notice_days, n.sent_on from dormancy_notice n"
            " where n.lg_code = :lg_code and n.registration_id = any(:ids)"
        ),
        {"lg_code": lg_code, "ids": [row.id for row in rows]},
    ).all()
    access = {row.id: row.last_access_on for row in rows}
    sent: dict[UUID, dict[int, date]] = {}
    for registration_id, days, on in found:
        if on > access[registration_id]:
            sent.setdefault(registration_id, {})[days] = on
    return sent


@dataclass(frozen=True, slots=True)
class _Asked:
    """A notice to be sent."""

    row: Row[Any]
    step: DormancyStep
    due_on: date


@dataclass(slots=True)
class _Night:
    """One range: decides, collects, writes in bulk."""

    db: Session
    lg_code: str
    name: str
    policy: Policy
    today: date
    now: datetime
    book: PolicyBook
    actor: Actor = field(default_factory=lambda: system(JOB))
    _planned: list[tuple[UUID, date]] = field(default_factory=list)
    _asked: list[_Asked] = field(default_factory=list)
    _released: list[Row[Any]] = field(default_factory=list)
    _known: dict[Any, DormancyStep] = field(default_factory=dict)

    def look(self, row: Row[Any], sent: Mapping[int, date]) -> str:
        """Decide one clock; what it came to."""
        if row.tier == "premium":
            self._planned.append((row.id, self.today + PREMIUM_LOOK))
            return "premium"
        step = self._step(row.last_access_on, sent)
        if step.kind is StepKind.RELEASE:
            self._released.append(row)
            return "released"
        if step.kind is StepKind.NOTICE and step.notice_days is not None:
            after = self._step(row.last_access_on, {**sent, step.notice_days: self.today})
            self._asked.append(_Asked(row, step, after.due_on or self.today))
            return f"notice_{step.notice_days}"
        self._planned.append((row.id, step.due_on or self.today + PREMIUM_LOOK))
        return "planned"

    def _step(self, last_access: date, sent: Mapping[int, date]) -> DormancyStep:
        # Thousands of clocks share a day of last access and the notices since.
        key = (last_access, tuple(sorted(sent.items())))
        if key not in self._known:
            self._known[key] = next_step(
                last_access, sent, self.today, self.policy, premium_valid=False
            )
        return self._known[key]

    def write(self) -> None:
        """Everything that follows, in the caller's transaction."""
        self._plan([*self._planned, *((one.row.id, one.due_on) for one in self._asked)])
        self._ask()
        self._release()

    def _plan(self, looks: Sequence[tuple[UUID, date]]) -> None:
        if not looks:
            return
        columns = {
            "id": Column("uuid", [one for one, _ in looks]),
            # A look in the past would repeat itself in the same night.
            "due_on": Column(
                "date", [max(day, self.today + timedelta(days=1)) for _, day in looks]
            ),
        }
        run(
            self.db,
            f"update registration r set clock_due_on = v.due_on from {unnest(columns)}"
            " where r.lg_code = %(lg_code)s and r.id = v.id",
            columns,
            lg_code=self.lg_code,
        )

    def _ask(self) -> None:
        if not self._asked:
            return
        rows = [one.row for one in self._asked]
        insert_rows(
            self.db,
            "dormancy_notice",
            {
                "registration_id": Column("uuid", [row.id for row in rows]),
                "last_access_on": Column("date", [row.last_access_on for row in rows]),
                "notice_days": Column("int", [one.step.notice_days for one in self._asked]),
                "person_id": Column("uuid", [row.person_id for row in rows]),
            },
            same={"lg_code": self.lg_code, "sent_on": self.today},
        )
        facts = [{"days": one.step.notice_days, "release_on": _iso(one)} for one in self._asked]
        self._trace("dormancy_asked", rows, facts)
        tell_many(
            self.db,
            [
                NoticeDraft(
                    one.row.person_id,
                    "dormancy_notice",
                    f"{one.row.id}:{one.row.last_access_on.isoformat()}:{one.step.notice_days}",
                    self.lg_code,
                    {
                        "government": self.name,
                        "day": _iso(one),
                        "days": one.step.notice_days,
                        "lg_code": self.lg_code,
                    },
                )
                for one in self._asked
            ],
            now=self.now,
        )

    def _release(self) -> None:
        """R06: status `released_dormant`; the prefecture's derived row follows (R02)."""
        if not self._released:
            return
        until = restore_until(self.today, self.policy)
        found = self.db.scalars(
            select(Registration)
            .where(
                Registration.lg_code == self.lg_code,
                Registration.id.in_([row.id for row in self._released]),
            )
            .execution_options(populate_existing=True)
        ).all()
        for registration in found:
            registration.released_on, registration.restore_until = self.today, until
            if registration.derived:
                # The prefecture's row lives on by its sources; the direct origin can come back.
                registration.direct = False
            else:
                registration.status = "released_dormant"
        self.db.flush()
        self._revoke_cards([one.id for one in found if not one.derived])
        refresh_sources(
            self.db,
            actor=self.actor,
            lg_code=self.lg_code,
            sources=[Source(one) for one in found if not one.derived],
            now=self.now,
            book=self.book,
        )
        facts = [{"restore_until": until.isoformat()} for _ in self._released]
        self._trace("released_dormant", self._released, facts)
        tell_many(
            self.db,
            [
                NoticeDraft(
                    row.person_id,
                    "dormancy_released",
                    f"{row.id}:{row.last_access_on.isoformat()}",
                    self.lg_code,
                    {
                        "government": self.name,
                        "day": until.isoformat(),
                        "lg_code": self.lg_code,
                    },
                )
                for row in self._released
            ],
            now=self.now,
        )

    def _revoke_cards(self, ids: Sequence[UUID]) -> None:
        self.db.execute(
            text(
                "update card set revoked_at = :now, revoked_reason = 'dormant'"
                " where lg_code = :lg_code and registration_id = any(:ids) and revoked_at is null"
            ),
            {"now": self.now, "lg_code": self.lg_code, "ids": list(ids)},
        )

    def _trace(
        self, kind: str, rows: Sequence[Row[Any]], facts: Sequence[Mapping[str, Any]]
    ) -> None:
        insert_rows(
            self.db,
            "registration_event",
            {
                "id": Column("uuid", [new_id() for _ in rows]),
                "registration_id": Column("uuid", [row.id for row in rows]),
                "person_id": Column("uuid", [row.person_id for row in rows]),
                "facts": Column("jsonb", [plain_json(one) for one in facts]),
            },
            same={"lg_code": self.lg_code, "kind": kind, "at": self.now, "on_day": self.today},
        )
        record_many(
            self.db,
            actor=self.actor.label,
            lg_code=self.lg_code,
            now=self.now,
            subject_kind="registration",
            rows=[(new_id(), f"registration.{kind}", row.id, row.person_id) for row in rows],
        )


def _iso(asked: _Asked) -> str:
    """The day of release as seen now."""
    return "" if asked.step.release_on is None else asked.step.release_on.isoformat()
