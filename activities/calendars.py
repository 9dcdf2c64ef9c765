"""R09: a town's calendar is brought along: looked at line by line, then made into proposals.

A file designates nothing. What is made is handed in as if its host had written it: staff decide
(pattern 1), and only a trusted organisation's is designated in principle (pattern 2), if whoever
imports answers the checklist for it. Who imported proposed, so another one decides (C47).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, insert, select
from sqlalchemy.orm import Session

from activities.categories import LABELS
from activities.models import Activity, ActivitySession, CalendarRow, Organisation
from activities.refusals import policy_now
from activities.rules import calendar_list
from activities.rules.calendar_list import Entry, Ground, key_of
from core import sheet_columns, sheets
from core.access import Actor
from core.clock import JAPAN
from core.ids import new_id
from core.japanese_text import day_and_rest, fiscal_year_in, plain, times
from registry.import_files import Kind, Reading, record, upload
from registry.models import MemberImport
from registry.rules.calendars import fiscal_year_start
from registry.rules.policy import PolicyBook

_LINES_AT_ONCE: Final = 1000
#: States of an activity that still comes about.
ALIVE: Final = ("draft", "submitted", "designated", "returned")
_PLACES: Final = re.compile(r"(?:先着|定員|約|各回|最大)*(\d{1,5})(?:名|人|組|席)?(?:程度|まで)?")
_NO_PLACES: Final = frozenset({"", "-", "なし", "無し", "制限なし", "定めなし", "上限なし"})
_STROKE: Final = re.compile("[‐‑–—―−ー－]")


def kind_of(book: PolicyBook) -> Kind:
    """A calendar, judged by these numbers."""
    return Kind(
        "calendar",
        calendar_list.COLUMNS,
        calendar_list.NEEDED,
        partial(_fill, book),
        _clear,
        b"calendar",
    )


def bring(
    db: Session, reading: Reading, *, name: str, data: bytes, book: PolicyBook
) -> MemberImport:
    """R09: read a calendar; the fiscal year above the header, else in its name, is that of all lines.

    A year that a line names is its own matter, such as a report on the year before.
    """

    def told(table: sheet_columns.Table) -> Mapping[str, str]:
        titles = (*(cell for line in table.above for cell in line.cells), name)
        years = (year for year in map(fiscal_year_in, titles) if year)
        return {"year": str(next(years, fiscal_year_start(reading.today).year))}

    return upload(db, kind_of(book), reading, name=name, data=data, defaults=told)


# --- judged ---------------------------------------------------------------------------------------


def _fill(
    book: PolicyBook,
    db: Session,
    row: MemberImport,
    table: sheet_columns.Table,
    reading: Reading,
) -> int:
    year = int(row.defaults.get("year") or fiscal_year_start(reading.today).year)
    entries = [_entry(line, row.columns, year) for line in table.lines]
    values = [
        {
            "lg_code": row.lg_code,
            "id": new_id(),
            "import_id": row.id,
            "line": one.entry.line,
            "state": one.state,
            "problems": list(one.problems),
            "host": one.entry.host[:120],
            "organisation_id": one.organisation_id,
            "category": one.category,
            "texts": {field: text[:1000] for field, text in one.entry.texts.items()},
            "starts_at": one.span[0] if one.span else None,
            "ends_at": one.span[1] if one.span else None,
            "capacity": one.entry.capacity or None,
            "key": one.key,
        }
        for one in calendar_list.judge(entries, _ground(db, book, row, reading.now))
    ]
    for start in range(0, len(values), _LINES_AT_ONCE):
        db.execute(insert(CalendarRow), values[start : start + _LINES_AT_ONCE])
    return len(values)


def _entry(line: sheets.Line, columns: Mapping[str, int], year: int) -> Entry:
    def cell(field: str) -> str:
        at = columns.get(field, len(line.cells))
        return plain(line.cells[at]) if at < len(line.cells) else ""

    day_text = cell("day")
    if month := cell("month"):
        day_text = f"{month.removesuffix('月')}月{day_text.removesuffix('日')}日"
    day, rest = day_and_rest(day_text, year)
    return Entry(
        line=line.number,
        texts={field: cell(field) for field in calendar_list.MOST},
        host=cell("host"),
        category=cell("category"),
        day=day,
        times=_times((cell("starts"), cell("ends")), cell("hours"), rest),
        capacity=_capacity(cell("capacity")),
    )


def _times(own: Iterable[str], together: str, after_day: str) -> calendar_list.Times:
    """From columns of their own, from one for both, or from what stands behind the day.

    An end without a beginning cannot be read: it is not taken for a beginning.
    """
    for texts in (own, (together,), (after_day,)):
        read = [times(text) for text in texts]
        if None in read or (not read[0] and any(read)):
            return None
        found = tuple(one for part in read if part for one in part)
        if found:
            return found
    return ()


def _capacity(text: str) -> int | None:
    told = _STROKE.sub("-", text).replace(" ", "")
    if told in _NO_PLACES:
        return 0
    match = _PLACES.fullmatch(told)
    return int(match[1]) or None if match else None


def _ground(db: Session, book: PolicyBook, row: MemberImport, now: datetime) -> Ground:
    policy = policy_now(db, book, row.lg_code, now)
    allowed = policy.texts("activity.categories")
    hosts = db.execute(
        select(Organisation.name, Organisation.id).where(
            Organisation.lg_code == row.lg_code, Organisation.state == "active"
        )
    )
    given = row.defaults
    by_name = {plain(name): host_id for name, host_id in hosts}
    host = UUID(given["host"]) if given.get("host") else None
    return Ground(
        hosts=by_name,
        host=host if host in by_name.values() else None,
        categories={LABELS[code]: code for code in allowed if code in LABELS}
        | {code: code for code in allowed},
        category=given.get("category", "") if given.get("category") in allowed else "",
        hours=int(given.get("hours") or 0),
        minutes_minimum=policy.integer("activity.min_minutes"),
        known=known_keys(db, row.lg_code, now),
        now=now,
        zone=JAPAN,
    )


def known_keys(db: Session, lg_code: str, now: datetime) -> frozenset[str]:
    """Dates that files have made, cancelled since or not, and dates that people have entered."""
    made = db.scalars(
        select(CalendarRow.key).where(CalendarRow.lg_code == lg_code, CalendarRow.state == "made")
    )
    there = db.execute(
        select(
            Activity.organisation_id,
            Activity.title,
            ActivitySession.starts_at,
            ActivitySession.place,
        )
        .join(
            ActivitySession,
            (ActivitySession.lg_code == Activity.lg_code)
            & (ActivitySession.activity_id == Activity.id),
        )
        .where(
            Activity.lg_code == lg_code,
            Activity.state.in_(ALIVE),
            ActivitySession.starts_at > now,
            ActivitySession.state == "open",
        )
    )
    return frozenset(made) | {
        key_of(host_id, plain(title), starts_at, plain(place))
        for host_id, title, starts_at, place in there
    }


def _clear(db: Session, row: MemberImport) -> None:
    """Lines that were made stay, so that no file makes them again, not even what was cancelled."""
    db.execute(delete(CalendarRow).where(*of_import(row), CalendarRow.state != "made"))


def of_import(row: MemberImport) -> tuple[ColumnElement[bool], ...]:
    """The lines of one file."""
    return (CalendarRow.lg_code == row.lg_code, CalendarRow.import_id == row.id)


# --- reading --------------------------------------------------------------------------------------


def counts_of(
    db: Session, *, lg_code: str, import_ids: Sequence[UUID]
) -> dict[UUID, dict[str, int]]:
    """How many lines of each calendar are in which state."""
    found: dict[UUID, dict[str, int]] = {one: {} for one in import_ids}
    rows = db.execute(
        select(CalendarRow.import_id, CalendarRow.state, func.count())
        .where(CalendarRow.lg_code == lg_code, CalendarRow.import_id.in_(import_ids))
        .group_by(CalendarRow.import_id, CalendarRow.state)
    )
    for import_id, state, count in rows:
        found[import_id][state] = count
    return found


def lines_of(
    db: Session,
    *,
    actor: Actor,
    row: MemberImport,
    state: str | None,
    after: int,
    limit: int,
    now: datetime,
) -> Sequence[CalendarRow]:
    """A page of a calendar's lines; the look is recorded (C44)."""
    wanted = [*of_import(row), CalendarRow.line > after]
    if state is not None:
        wanted.append(CalendarRow.state == state)
    found = db.scalars(
        select(CalendarRow).where(*wanted).order_by(CalendarRow.line).limit(limit)
    ).all()
    record(db, actor, "import.view", row, now, len(found))
    return found


def public_of(db: Session, row: MemberImport) -> int:
    """R09: how many dates of a file are published: what was made for a designated activity is at once."""
    return (
        db.scalar(
            select(func.count())
            .select_from(CalendarRow)
            .join(
                ActivitySession,
                (ActivitySession.lg_code == CalendarRow.lg_code)
                & (ActivitySession.id == CalendarRow.session_id),
            )
            .where(*of_import(row), CalendarRow.state == "made", ActivitySession.published)
        )
        or 0
    )


def unknown_hosts(db: Session, row: MemberImport) -> Sequence[str]:
    """Names of hosts that nobody has entered yet, to be entered first."""
    return db.scalars(
        select(CalendarRow.host)
        .where(*of_import(row), CalendarRow.problems.contains(["row_unknown_host"]))
        .distinct()
        .order_by(CalendarRow.host)
        .limit(20)
    ).all()
