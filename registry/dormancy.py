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
from core.outbox import NoticeDraft
from registry import queries
from registry.bulk import (
    Act,
    Column,
    Counts,
    Happened,
    add_events,
    insert_rows,
    record_many,
    run,
    tell_many,
    unnest,
)
from registry.derived_links import Source, refresh_sources
from registry.events import revoke_cards
from registry.models import Registration
from registry.policies import body_policy
from registry.ranges import DueRows, Range
from registry.rules.dormancy import DormancyStep, StepKind, next_step, restore_until
from registry.rules.policy import Policy, PolicyBook

JOB = "dormancy"
#: Valid premium has no clock; whether it still is valid is looked at again after this time.
PREMIUM_LOOK = timedelta(days=30)

_CLOCKS = """
select r.id, r.person_id, r.last_access_on, r.tier
  from registration r
 where r.lg_code = :lg_code and r.status = 'active' and r.direct and r.clock_due_on <= :as_of
"""
DUE = DueRows(_CLOCKS, of="r")


def run_range(db: Session, part: Range, *, book: PolicyBook) -> Counts:
    """R06: notices at D-60, D-30 and D-7, release at D0, for one range of registrations.

    A night that runs late sends its notice on the day it runs, and the release moves with it:
    nobody is released without the full time after every notice.

    Args:
        db: A job's transaction for the local government.
        part: Which registrations, for which day.
        book: The policy book.
    """
    night, counts, _ = _looked(db, part, DUE.take(db, part), book)
    night.write()
    return counts


def foresee(db: Session, part: Range, *, book: PolicyBook) -> tuple[Counts, list[tuple[UUID, str]]]:
    """R06: what a range would come to, decided as `run_range` decides it; nothing is written."""
    _, counts, kinds = _looked(db, part, DUE.look(db, part), book)
    return counts, kinds


def _looked(
    db: Session, part: Range, rows: Sequence[Row[Any]], book: PolicyBook
) -> tuple["_Night", Counts, list[tuple[UUID, str]]]:
    """Each clock of a range, decided; what it comes to by registration."""
    counts = Counts(last=rows[-1].id if rows else None)
    lg_code, now = part.lg_code, part.now
    today = max(part.as_of, japan_day(now))
    policy = body_policy(db, book, lg_code, today).snapshot(today, lg_code)
    night = _Night(db, lg_code, queries.government(db, lg_code).name, policy, today, now, book)
    sent = _sent(db, lg_code, rows) if rows else {}
    kinds = []
    for row in rows:
        try:
            kind = night.look(row, sent.get(row.id, {}))
        except Exception as error:  # noqa: BLE001 - one row must not stop the night (C51)
            counts.failures[row.id] = f"{type(error).__name__}: {error}"
            continue
        counts.by_outcome[kind] += 1
        kinds.append((row.id, kind))
    return night, counts, kinds


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
        gone = [one for one in found if not one.derived]
        revoke_cards(self.db, gone, reason="dormant", now=self.now)
        refresh_sources(
            self.db,
            actor=self.actor,
            lg_code=self.lg_code,
            sources=[Source(one) for one in gone],
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

    def _trace(
        self, kind: str, rows: Sequence[Row[Any]], facts: Sequence[Mapping[str, Any]]
    ) -> None:
        add_events(
            self.db,
            [Happened(row.id, row.person_id, one) for row, one in zip(rows, facts, strict=True)],
            lg_code=self.lg_code,
            kind=kind,
            now=self.now,
            on_day=self.today,
        )
        record_many(
            self.db,
            [Act(f"registration.{kind}", row.id, row.person_id) for row in rows],
            actor=self.actor,
            lg_code=self.lg_code,
            now=self.now,
            subject_kind="registration",
        )


def _iso(asked: _Asked) -> str:
    """The day of release as seen now."""
    return "" if asked.step.release_on is None else asked.step.release_on.isoformat()
