"""What everybody may know of the figures: three levels, no small cells, none to be reckoned (R17)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import delete, insert, or_, select, text
from sqlalchemy.orm import Session

from registry.models import LocalGovernment
from registry.rules.policy import PolicyBook
from reporting.counting import minutes_of
from reporting.definitions import TOTAL, UNKNOWN, Group, figures, of_group
from reporting.models import NATION, FigureCount, OpenFigure
from reporting.suppression import Closed, Hidden, Tree, closing, folding, is_small

#: The figure whose sum is the size of a local government: 延べ.
SIZE: Final = "registrations"
PEOPLE: Final = "people"
#: Kinds of decisions by the cells of `staff_minutes`.
_KINDS: Final[Mapping[str, str]] = {
    "applications": "application",
    "activities": "activity",
    "corrections": "other",
    "stays": "other",
}
Counted = Mapping[str, Mapping[str, Mapping[str, int]]]


@dataclass(frozen=True, slots=True)
class Cell:
    """One published cell; a value of None is hidden."""

    level: str
    code: str
    figure: str
    cell: str
    value: int | None


def publish(db: Session, *, as_of: date, book: PolicyBook) -> int:
    """R17: publish the counts of a day; how many cells.

    On the first day of each month only, and on the day there is something for the first time:
    who sees a number change from one day to the next learns of one person.

    Args:
        db: A job's transaction for the nation.
        as_of: The Japanese day that was counted.
        book: The national numbers.
    """
    if as_of.day != 1 and db.scalar(select(OpenFigure.day).limit(1)) is not None:
        return 0
    counted = _counted(db, as_of)
    if not counted:
        return 0
    areas = _areas(db, {code for bodies in counted.values() for code in bodies})
    least = book.on("stats.k", as_of).value
    cells = publishable(areas, counted, least=least, minutes=minutes_of(book, as_of))
    cells += _people(db, cells, least)
    db.execute(delete(OpenFigure).where(OpenFigure.day == as_of))
    db.execute(
        insert(OpenFigure),
        [
            {
                "day": as_of,
                "level": one.level,
                "code": one.code,
                "figure": one.figure,
                "cell": one.cell,
                "value": one.value,
            }
            for one in cells
        ],
    )
    return len(cells)


def _areas(db: Session, counting: set[str]) -> dict[str, list[str]]:
    """Prefecture → its local governments that take part or have anything to count."""
    g = LocalGovernment
    takes_part = g.state.not_in(("none", "preparing"))
    rows = db.execute(
        select(g.code, g.prefecture_code)
        .where(or_(takes_part, g.code.in_(counting)))
        .order_by(g.code)
    )
    areas: dict[str, list[str]] = {}
    for code, area in rows:
        areas.setdefault(area, []).append(code)
    return areas


def _counted(db: Session, day: date) -> dict[str, dict[str, dict[str, int]]]:
    """Figure → local government → cell → value."""
    found: dict[str, dict[str, dict[str, int]]] = {}
    for row in db.execute(
        select(FigureCount.figure, FigureCount.lg_code, FigureCount.cell, FigureCount.value).where(
            FigureCount.day == day
        )
    ):
        found.setdefault(row.figure, {}).setdefault(row.lg_code, {})[row.cell] = row.value
    return found


def publishable(
    areas: Mapping[str, Sequence[str]], counted: Counted, *, least: int, minutes: Mapping[str, int]
) -> list[Cell]:
    """Every cell of the figures that add up, hidden where it must be. Pure.

    Args:
        areas: Prefecture → its local governments.
        counted: Figure → local government → cell → value.
        least: People under which a cell is not shown.
        minutes: Standard minutes of a decision by kind.
    """
    sizes = {code: {TOTAL: sum(cells.values())} for code, cells in counted.get(SIZE, {}).items()}
    size_tree = Tree(areas, {code: cells for code, cells in sizes.items() if cells[TOTAL]})
    size = closing(size_tree, lambda _: least)
    shown = list(_whole(size_tree, SIZE, (TOTAL,), size))
    together = Tree(areas, _joined(counted, of_group(Group.PEOPLE)))
    people = closing(together, lambda _: least, size)
    for name in of_group(Group.PEOPLE):
        tree = Tree(areas, counted.get(name, {}))
        shown += _whole(tree, name, _columns(name, tree), people)
    for name in of_group(Group.WORK):
        tree = Tree(areas, counted.get(name, {}))
        work = closing(tree, lambda cell: least * minutes[_KINDS[cell]])
        shown += _whole(tree, name, _columns(name, tree), work)
    for name in of_group(Group.ORIGIN):
        tree = Tree(areas, counted.get(name, {}))
        columns = [cell for cell in _columns(name, tree) if cell != UNKNOWN]
        shown += _by_cell(tree, name, folding(tree, least, columns, size))
    return shown


def _joined(counted: Counted, names: Sequence[str]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for name in names:
        for code, cells in counted.get(name, {}).items():
            mine = found.setdefault(code, {})
            mine.update({f"{name}/{cell}": value for cell, value in cells.items()})
    return found


def _columns(name: str, tree: Tree) -> tuple[str, ...]:
    """The cells of a figure; those made by the data: any that anybody has."""
    fixed = figures()[name].cells
    return tuple(fixed) if fixed is not None else tuple(sorted(tree.of_nation()))


def _whole(tree: Tree, name: str, columns: Sequence[str], closed: Closed) -> Iterator[Cell]:
    def row(level: str, code: str, cells: Mapping[str, int], *, hide: bool) -> Iterator[Cell]:
        for column in columns:
            yield Cell(level, code, name, column, None if hide else cells.get(column, 0))

    yield from row("nation", NATION, tree.of_nation(), hide=closed.nation)
    for area, bodies in tree.areas.items():
        yield from row("prefecture", area, tree.of_area(area), hide=area in closed.areas)
        for code in bodies:
            yield from row("body", code, tree.cells.get(code, {}), hide=code in closed.bodies)


def _by_cell(tree: Tree, name: str, hidden: Hidden) -> Iterator[Cell]:
    def row(level: str, code: str, cells: Mapping[str, int], unseen: set[str]) -> Iterator[Cell]:
        for column in sorted({*cells, *unseen}):
            value = None if column in unseen else cells[column]
            yield Cell(level, code, name, column, value)

    yield from row("nation", NATION, tree.of_nation(), hidden.nation)
    for area, bodies in tree.areas.items():
        yield from row("prefecture", area, tree.of_area(area), hidden.areas[area])
        for code in bodies:
            unseen = hidden.bodies.get(code, set())
            yield from row("body", code, tree.cells.get(code, {}), unseen)


def _people(db: Session, cells: Sequence[Cell], least: int) -> list[Cell]:
    """実人数 of prefectures and the nation: the database tells numbers, and nobody sees whose."""
    found: dict[str, dict[str, int]] = {}
    for code, cell, value in db.execute(text("select * from furusato_totals_people()")):
        found.setdefault(code, {})[cell] = value
    told = []
    for one in cells:
        if one.figure != SIZE or one.cell != TOTAL or one.level == "body":
            continue
        parts = found.get(one.code, {})
        total = sum(parts.values())
        closed = one.value is None or is_small(total, least)
        apart = closed or any(is_small(value, least) for value in parts.values())
        told.append(Cell(one.level, one.code, PEOPLE, TOTAL, None if closed else total))
        told += [
            Cell(one.level, one.code, PEOPLE, cell, None if apart else parts.get(cell, 0))
            for cell in figures()[PEOPLE].cells or ()
        ]
    return told
