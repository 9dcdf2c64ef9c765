"""The figures as pages and files read them: a body's own counts, and what is published (R17)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Row, func, select, tuple_
from sqlalchemy.orm import Session

from registry.models import LocalGovernment
from reporting.definitions import SHARED, STAGES, figures
from reporting.models import NATION, FigureCount, OpenFigure

Place = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Counts:
    """The cells of one place on one day; a value of None is hidden.

    Attributes:
        day: The day; None: nothing has been counted yet.
        cells: Figure → cell → value.
    """

    day: date | None
    cells: Mapping[str, Mapping[str, int | None]]

    def of(self, figure: str) -> Mapping[str, int | None]:
        """The cells of a figure; what is not there is zero."""
        return self.cells.get(figure, {})

    def total(self, figure: str) -> int | None:
        """The sum of a figure's cells, unless one of them is hidden."""
        values = [value for cell, value in self.of(figure).items() if cell != "total"]
        return None if None in values else sum(value or 0 for value in values)


@dataclass(frozen=True, slots=True)
class Part:
    """One body of a prefecture, or one prefecture of the nation, with what is published of it."""

    code: str
    name: str
    cells: dict[str, int | None]

    def of(self, figure: str, cell: str) -> int | None:
        """A cell; None is hidden."""
        return self.cells.get(f"{figure}/{cell}", 0)


def own_counts(db: Session, lg_code: str) -> Counts:
    """A local government's own counts of the last night, for its staff."""
    day = db.scalar(select(func.max(FigureCount.day)).where(FigureCount.lg_code == lg_code))
    rows = db.execute(
        select(FigureCount.figure, FigureCount.cell, FigureCount.value).where(
            FigureCount.lg_code == lg_code, FigureCount.day == day
        )
    )
    return Counts(day, _by_figure(rows.all()))


def months(db: Session, lg_code: str, figure: str) -> Sequence[tuple[date, int]]:
    """A figure's sum on the first day of each month that is kept, and now."""
    last = select(func.max(FigureCount.day)).where(FigureCount.lg_code == lg_code)
    rows = db.execute(
        select(FigureCount.day, func.sum(FigureCount.value))
        .where(
            FigureCount.lg_code == lg_code,
            FigureCount.figure == figure,
            (func.extract("day", FigureCount.day) == 1)
            | (FigureCount.day == last.scalar_subquery()),
        )
        .group_by(FigureCount.day)
        .order_by(FigureCount.day.desc())
        .limit(13)
    ).all()
    return [(day, int(value)) for day, value in reversed(rows)]


def last_day(db: Session) -> date | None:
    """The last day whose figures are published."""
    return db.scalar(select(func.max(OpenFigure.day)))


def open_days(db: Session) -> Sequence[date]:
    """Every day whose figures are published, the last one first."""
    return db.scalars(select(OpenFigure.day).distinct().order_by(OpenFigure.day.desc())).all()


def open_counts(db: Session, level: str, code: str) -> Counts:
    """What was published last of a place."""
    day = last_day(db)
    rows = db.execute(
        select(OpenFigure.figure, OpenFigure.cell, OpenFigure.value).where(
            OpenFigure.day == day, OpenFigure.level == level, OpenFigure.code == code
        )
    )
    return Counts(day, _by_figure(rows.all()))


def parts_of(db: Session, level: str, prefecture_code: str | None) -> Sequence[Part]:
    """The published sizes of the bodies of a prefecture, or of all prefectures."""
    g = LocalGovernment
    day = last_day(db)
    statement = (
        select(g.code, g.name, OpenFigure.figure, OpenFigure.cell, OpenFigure.value)
        .join(g, g.code == OpenFigure.code)
        .where(
            OpenFigure.day == day,
            OpenFigure.level == level,
            OpenFigure.figure.in_(("registrations", "people")),
        )
        .order_by(g.code)
    )
    if prefecture_code is not None:
        statement = statement.where(g.prefecture_code == prefecture_code)
    found: dict[str, Part] = {}
    for code, name, figure, cell, value in db.execute(statement):
        found.setdefault(code, Part(code, name, {})).cells[f"{figure}/{cell}"] = value
    return list(found.values())


def prefecture_names(db: Session) -> Mapping[str, str]:
    """The 47 prefectures by code."""
    rows = db.execute(
        select(LocalGovernment.code, LocalGovernment.name)
        .where(LocalGovernment.kind == "prefecture")
        .order_by(LocalGovernment.code)
    )
    return {row.code: row.name for row in rows}


def _by_figure(
    rows: Iterable[Row[str, str, int | None]],
) -> Mapping[str, Mapping[str, int | None]]:
    found: dict[str, dict[str, int | None]] = {}
    for figure, cell, value in rows:
        found.setdefault(figure, {})[cell] = value
    return found


# --- for everybody -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Asked:
    """Which published cells somebody asks for; None: all."""

    day: date
    level: str | None = None
    figure: str | None = None
    prefecture: str | None = None


@dataclass(frozen=True, slots=True)
class OpenRow:
    """One published cell with the names of its place."""

    day: date
    level: str
    code: str
    name: str
    prefecture: str
    figure: str
    cell: str
    value: int | None

    @property
    def place(self) -> Place:
        """Where it stands in the order of a list."""
        return (self.level, self.code, self.figure, self.cell)


def open_rows(
    db: Session, asked: Asked, *, after: Place | None, limit: int | None
) -> Sequence[OpenRow]:
    """Published cells in the order of level, code, figure and cell."""
    f, g = OpenFigure, LocalGovernment
    statement = (
        select(f, g.name, g.prefecture)
        .outerjoin(g, g.code == f.code)
        .where(f.day == asked.day)
        .order_by(f.level, f.code, f.figure, f.cell)
    )
    if asked.level is not None:
        statement = statement.where(f.level == asked.level)
    if asked.figure is not None:
        statement = statement.where(f.figure == asked.figure)
    if asked.prefecture is not None:
        statement = statement.where(g.prefecture_code == asked.prefecture)
    if after is not None:
        statement = statement.where(tuple_(f.level, f.code, f.figure, f.cell) > after)
    if limit is not None:
        statement = statement.limit(limit)
    return [
        OpenRow(
            row.day,
            row.level,
            row.code,
            _name(row.level, row.code, name, prefecture),
            prefecture or "",
            row.figure,
            row.cell,
            row.value,
        )
        for row, name, prefecture in db.execute(statement)
    ]


def _name(level: str, code: str, name: str | None, prefecture: str | None) -> str:
    if code == NATION:
        return "全国"
    return prefecture or "" if level == "prefecture" else name or ""


def cell_words(figure: str, cell: str, lang: str, prefectures: Mapping[str, str]) -> str:
    """A cell as people call it."""
    fixed = {**SHARED, **(figures()[figure].cells or {})}
    year, _, stage = cell.partition("/")
    if cell in fixed:
        return fixed[cell].said(lang)
    if stage in STAGES:
        named = STAGES[stage].said(lang)
        return f"{year}: {named}" if lang == "en" else f"{year}年度・{named}"
    return prefectures.get(cell, cell)
