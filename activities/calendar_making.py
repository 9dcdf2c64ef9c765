"""R09: the good lines of a calendar become dates of proposals, which are handed in.

A file designates nothing: see `calendars`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from activities import proposing
from activities.calendars import ALIVE, kind_of, known_keys, of_import
from activities.hosts import Host
from activities.making import Made, Making, Wanted, add_dates, make
from activities.models import Activity, ActivitySession, CalendarRow
from activities.proposing import ProposalFields
from activities.refusals import policy_now
from activities.rules.next_year import year_of
from core.clock import day_start, japan_day
from core.errors import Conflict, DomainError, invalid
from core.japanese_text import plain
from registry.import_files import open_import, record
from registry.rules.calendars import fiscal_year_start
from registry.rules.policy import PolicyBook

#: So many dates are made with one press; another press goes on.
AT_ONCE: Final = 200
ONE_DAY: Final = timedelta(days=1)
#: Proposals that their host has not handed in: dates are not added behind the host's back.
_UNFINISHED: Final = ("draft", "returned")


@dataclass(frozen=True, slots=True)
class Said:
    """What whoever imports says about all new activities of a file.

    Attributes:
        answers: The checklist (R09).
        insurance: Who insures (R31): a calendar does not say it, and nobody assumes it.
    """

    answers: Mapping[str, bool]
    insurance: str


class _Which(NamedTuple):
    """An activity by its host, its title and the fiscal year."""

    organisation_id: UUID
    title: str
    year: int


@dataclass(frozen=True, slots=True)
class _Date:
    """A good line: a date of an activity that is there or is proposed with it."""

    row: CalendarRow
    organisation_id: UUID
    starts_at: datetime
    ends_at: datetime

    @property
    def of(self) -> _Which:
        """Which activity it belongs to."""
        year = fiscal_year_start(japan_day(self.starts_at)).year
        return _Which(self.organisation_id, self.row.texts["title"], year)


def confirm(
    db: Session,
    *,
    host: Host,
    import_id: UUID,
    said: Said,
    book: PolicyBook,
    now: datetime,
) -> int:
    """R09: make the good lines into dates of proposals and hand the proposals in.

    Lines of one organisation, one title and one fiscal year are one activity; where there is such
    an activity already, they become its next dates. A line that something came between since the
    look says so and stays behind. At most `AT_ONCE` lines; the import stays open while others wait.
    Returns how many dates were made.

    Raises:
        NotFound: There is no such import.
        Conflict: `import_confirmed`.
        Invalid: `insurance_unknown` (R31).
    """
    _one_after_another(db, host.lg_code)
    row = open_import(db, kind_of(book), lg_code=host.lg_code, import_id=import_id)
    if said.insurance not in policy_now(db, book, host.lg_code, now).texts("project.insurance"):
        raise invalid("insurance_unknown", field="insurance", found=said.insurance)
    waiting = db.scalars(
        select(CalendarRow)
        .where(*of_import(row), CalendarRow.state == "ready")
        .order_by(CalendarRow.line)
        .limit(AT_ONCE + 1)
    ).all()
    making = Making(db, host, book, now)
    made = 0
    for dates in _grouped(making, waiting[:AT_ONCE]):
        for one, found in zip(dates, _make(making, dates, said), strict=True):
            if found.session is not None:
                made += 1
                one.row.state, one.row.session_id = "made", found.session.id
                one.row.activity_id = found.session.activity_id
            elif found.error is not None:
                one.row.state, one.row.problems = "error", _codes(found.error)
    row.state = "begun" if len(waiting) > AT_ONCE else "confirmed"
    row.confirmed_at, row.file_sealed = now, None
    db.flush()
    record(db, host.actor, "import.confirm", row, now, made)
    return made


def _one_after_another(db: Session, lg_code: str) -> None:
    """Two files with the same line: the second one waits and finds what the first one made."""
    turn = func.hashtextextended(f"calendar:{lg_code}", 0)
    db.execute(select(func.pg_advisory_xact_lock(turn)))


def _grouped(making: Making, rows: Iterable[CalendarRow]) -> list[list[_Date]]:
    known = known_keys(making.db, making.host.lg_code, making.now)
    groups: dict[_Which, list[_Date]] = {}
    for row in rows:
        if row.key in known:
            row.state = "known"
        elif row.organisation_id and row.starts_at and row.ends_at:
            one = _Date(row, row.organisation_id, row.starts_at, row.ends_at)
            groups.setdefault(one.of, []).append(one)
    return list(groups.values())


def _make(making: Making, dates: Sequence[_Date], said: Said) -> list[Made]:
    """The next dates of an activity that is there, or a new one with its dates."""
    wanted = [
        Wanted(one.starts_at, one.ends_at, one.row.texts["place"], one.row.capacity)
        for one in dates
    ]
    activity = _same(making, dates[0])
    if activity is None:
        propose = partial(_propose, making, dates[0], said.insurance)
        return make(making, propose, wanted, said.answers)
    if activity.state in _UNFINISHED:
        return [Made(None, Conflict(code="proposal_unfinished")) for _ in wanted]
    return add_dates(making, activity, wanted)


def _same(making: Making, first: _Date) -> Activity | None:
    """The living activity of this name and host with dates in this fiscal year, or with none yet.

    One that is handed in goes before one that is not.
    """
    begin, end = year_of(first.of.year)
    dates = (ActivitySession.lg_code == Activity.lg_code) & (
        ActivitySession.activity_id == Activity.id
    )
    in_year = exists().where(
        dates,
        ActivitySession.starts_at >= day_start(begin),
        ActivitySession.starts_at < day_start(end + ONE_DAY),
    )
    rows = making.db.scalars(
        select(Activity)
        .where(
            Activity.lg_code == making.host.lg_code,
            Activity.organisation_id == first.organisation_id,
            Activity.state.in_(ALIVE),
            in_year | ~exists().where(dates),
        )
        .order_by(Activity.state.in_(_UNFINISHED), Activity.created_at.desc(), Activity.id)
    )
    return next((row for row in rows if plain(row.title) == first.of.title), None)


def _propose(making: Making, first: _Date, insurance: str) -> Activity:
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
            insurance=insurance,
        ),
        book=making.book,
        now=making.now,
    )


def _codes(refusal: DomainError) -> list[str]:
    return [one.code for one in refusal.problems] or [refusal.code]
