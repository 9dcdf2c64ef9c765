"""R09: the good lines of a calendar become dates of proposals, which are handed in.

A file designates nothing: see `calendars`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from activities import proposing, sessions
from activities.calendars import ALIVE, kind_of, known_keys, of_import
from activities.hosts import Host
from activities.models import Activity, ActivitySession, CalendarRow
from activities.proposing import ProposalFields
from core.clock import japan_day
from core.errors import Conflict, DomainError, Invalid, Refused
from registry.import_files import open_import, record
from registry.models import MemberImport
from registry.rules.calendars import fiscal_year_start
from registry.rules.policy import PolicyBook

#: So many dates are made with one press; another press goes on.
AT_ONCE: Final = 200


@dataclass(frozen=True, slots=True)
class _Making:
    db: Session
    host: Host
    book: PolicyBook
    now: datetime
    answers: Mapping[str, bool]


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


@dataclass(frozen=True, slots=True)
class _Outcome:
    date: _Date
    state: str
    problems: tuple[str, ...] = ()
    session: ActivitySession | None = None


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
    making = _Making(db, host, book, now, answers)
    made = 0
    for dates in _grouped(making, waiting[:AT_ONCE]):
        for one in _make(making, dates):
            one.date.row.state, one.date.row.problems = one.state, list(one.problems)
            if one.session is not None:
                made += 1
                one.date.row.activity_id = one.session.activity_id
                one.date.row.session_id = one.session.id
    if len(waiting) <= AT_ONCE:
        row.state, row.confirmed_at, row.file_sealed = "confirmed", now, None
    db.flush()
    record(db, host.actor, "import.confirm", row, now, made)
    return row


def _grouped(making: _Making, rows: Iterable[CalendarRow]) -> list[list[_Date]]:
    known = known_keys(making.db, making.host.lg_code, making.now)
    groups: dict[tuple[UUID, str, date], list[_Date]] = {}
    for row in rows:
        if row.key in known:
            row.state = "known"
        elif row.organisation_id and row.starts_at and row.ends_at:
            one = _Date(row, row.organisation_id, row.starts_at, row.ends_at)
            groups.setdefault(one.of, []).append(one)
    return list(groups.values())


def _make(making: _Making, dates: Sequence[_Date]) -> list[_Outcome]:
    """One activity with its dates, handed in; a new one that got no date is not kept."""
    outcomes: list[_Outcome] = []
    activity = _same(making, dates[0])
    try:
        with making.db.begin_nested() as tried:
            new = activity is None
            if activity is None:
                activity = _propose(making, dates[0])
            outcomes = [_dated(making, activity, one) for one in dates]
            if new and not any(one.session for one in outcomes):
                tried.rollback()
            elif new:
                _hand_in(making, activity)
    except (Invalid, Refused, Conflict) as refusal:
        return [_Outcome(one, "error", _codes(refusal)) for one in dates]
    return outcomes


def _same(making: _Making, first: _Date) -> Activity | None:
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


def _propose(making: _Making, first: _Date) -> Activity:
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


def _dated(making: _Making, activity: Activity, one: _Date) -> _Outcome:
    try:
        session = sessions.add_session(
            making.db,
            host=making.host,
            activity_id=activity.id,
            starts_at=one.starts_at,
            ends_at=one.ends_at,
            place=one.row.texts["place"],
            capacity=one.row.capacity,
            now=making.now,
        )
    except (Invalid, Refused, Conflict) as refusal:
        return _Outcome(one, "error", _codes(refusal))
    return _Outcome(one, "made", (), session)


def _codes(refusal: DomainError) -> tuple[str, ...]:
    return tuple(one.code for one in refusal.problems) or (refusal.code,)


def _hand_in(making: _Making, activity: Activity) -> None:
    proposing.submit(
        making.db,
        host=making.host,
        activity_id=activity.id,
        book=making.book,
        now=making.now,
        answers=making.answers,
    )
