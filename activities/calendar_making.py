"""R09: the good lines of a calendar become dates of proposals, which are handed in.

A file designates nothing: see `calendars`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from activities import proposing
from activities.calendars import ALIVE, kind_of, known_keys, of_import
from activities.hosts import Host
from activities.making import Made, Making, Wanted, add_dates, make
from activities.models import Activity, ActivitySession, CalendarRow
from activities.proposing import ProposalFields
from core.clock import japan_day
from core.errors import DomainError
from registry.import_files import open_import, record
from registry.models import MemberImport
from registry.rules.calendars import fiscal_year_start
from registry.rules.policy import PolicyBook

#: So many dates are made with one press; another press goes on.
AT_ONCE: Final = 200


@dataclass(frozen=True, slots=True)
class _Date:
    """A good line: a date of an activity that is there or is proposed with it."""

    row: CalendarRow
    organisation_id: UUID
    starts_at: datetime
    ends_at: datetime

    @property
    def of(self) -> tuple[UUID, str, date]:
        """Which activity it belongs to: its host, its title and the fiscal year."""
        return self.organisation_id, self.row.texts["title"], _year(self.starts_at)


def confirm(
    db: Session,
    *,
    host: Host,
    import_id: UUID,
    answers: Mapping[str, bool],
    book: PolicyBook,
    now: datetime,
) -> MemberImport:
    """R09: make the good lines into dates of proposals and hand the proposals in.

    Lines of one organisation, one title and one fiscal year are one activity; where there is such
    an activity already, they become its next dates. A line that something came between since the
    look says so and stays behind. At most `AT_ONCE` lines; the import stays open while others wait.

    Raises:
        NotFound: There is no such import.
        Conflict: `import_confirmed`.
    """
    row = open_import(db, kind_of(book), lg_code=host.lg_code, import_id=import_id)
    waiting = db.scalars(
        select(CalendarRow)
        .where(*of_import(row), CalendarRow.state == "ready")
        .order_by(CalendarRow.line)
        .limit(AT_ONCE + 1)
    ).all()
    making = Making(db, host, book, now)
    made = 0
    for dates in _grouped(making, waiting[:AT_ONCE]):
        for one, found in zip(dates, _make(making, dates, answers), strict=True):
            if found.session is not None:
                made += 1
                one.row.state, one.row.session_id = "made", found.session.id
                one.row.activity_id = found.session.activity_id
            elif found.error is not None:
                one.row.state, one.row.problems = "error", _codes(found.error)
    if len(waiting) <= AT_ONCE:
        row.state, row.confirmed_at, row.file_sealed = "confirmed", now, None
    db.flush()
    record(db, host.actor, "import.confirm", row, now, made)
    return row


def _grouped(making: Making, rows: Iterable[CalendarRow]) -> list[list[_Date]]:
    known = known_keys(making.db, making.host.lg_code, making.now)
    groups: dict[tuple[UUID, str, date], list[_Date]] = {}
    for row in rows:
        if row.key in known:
            row.state = "known"
        elif row.organisation_id and row.starts_at and row.ends_at:
            one = _Date(row, row.organisation_id, row.starts_at, row.ends_at)
            groups.setdefault(one.of, []).append(one)
    return list(groups.values())


def _make(making: Making, dates: Sequence[_Date], answers: Mapping[str, bool]) -> list[Made]:
    """The next dates of an activity that is there, or a new one with its dates."""
    wanted = [
        Wanted(one.starts_at, one.ends_at, one.row.texts["place"], one.row.capacity)
        for one in dates
    ]
    activity = _same(making, dates[0])
    if activity is not None:
        return add_dates(making, activity, wanted)
    return make(making, partial(_propose, making, dates[0]), wanted, answers)


def _same(making: Making, first: _Date) -> Activity | None:
    """The living activity of this name and host that has dates in this fiscal year, or none yet."""
    last = (
        select(func.max(ActivitySession.starts_at))
        .where(
            ActivitySession.lg_code == Activity.lg_code,
            ActivitySession.activity_id == Activity.id,
        )
        .correlate(Activity)
        .scalar_subquery()
    )
    rows = making.db.execute(
        select(Activity, last)
        .where(
            Activity.lg_code == making.host.lg_code,
            Activity.organisation_id == first.organisation_id,
            Activity.title == first.row.texts["title"],
            Activity.state.in_(ALIVE),
        )
        .order_by(Activity.created_at.desc(), Activity.id)
    )
    year = _year(first.starts_at)
    return next((row for row, at in rows if at is None or _year(at) == year), None)


def _year(instant: datetime) -> date:
    return fiscal_year_start(japan_day(instant))


def _propose(making: Making, first: _Date) -> Activity:
    texts = first.row.texts
    return proposing.propose(
        making.db,
        host=making.host,
        organisation_id=first.organisation_id,
        fields=ProposalFields(
            title=texts["title"],
            category=first.row.category,
            summary=texts["summary"],
            bring=texts["bring"],
            contact=texts["contact"],
        ),
        book=making.book,
        now=making.now,
    )


def _codes(refusal: DomainError) -> list[str]:
    return [one.code for one in refusal.problems] or [refusal.code]
