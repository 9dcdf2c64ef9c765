"""Which cells are hidden so that none of them can be reckoned from the others (R17). Pure.

A small cell (from 1 to `least` - 1) is hidden at every level. The rest is hidden so that for each
hidden cell there is an exchange that changes it and leaves every published number as it is; nobody
can then tell which is true. Two ways:

`closing` hides all cells of a local government together. Two closed ones of a prefecture could
exchange a person without a trace.

`folding` hides cells one by one, always with the cell `unknown`. Two local governments that hide
the same cell could exchange, for one of `unknown`, one of that cell.

One local government knows its own cells, so at least three share each sum that can be reckoned,
and that sum is not small.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from reporting.definitions import UNKNOWN

Cells = Mapping[str, int]
#: Local governments that share a hidden sum: each knows its own part.
TOGETHER: Final = 3
#: Prefectures that do; whoever reads their sums has no part of their own.
AREAS: Final = 2


@dataclass(frozen=True, slots=True)
class Tree:
    """The counts of local governments, by prefecture.

    Attributes:
        areas: Prefecture → its local governments (its own office is one of them).
        cells: Local government → cell → value; what is missing is 0.
    """

    areas: Mapping[str, Sequence[str]]
    cells: Mapping[str, Cells]

    def of_area(self, area: str) -> dict[str, int]:
        """The sum over a prefecture."""
        return added(self.cells.get(code, {}) for code in self.areas[area])

    def of_nation(self) -> dict[str, int]:
        """The sum over all."""
        return added(self.cells.values())


@dataclass(slots=True)
class Closed:
    """What publishes none of its cells."""

    bodies: set[str] = field(default_factory=set)
    areas: set[str] = field(default_factory=set)
    nation: bool = False


@dataclass(slots=True)
class Hidden:
    """Cells that are hidden, by whom they are of."""

    bodies: dict[str, set[str]] = field(default_factory=dict)
    areas: dict[str, set[str]] = field(default_factory=dict)
    nation: set[str] = field(default_factory=set)


def added(many: Iterable[Cells]) -> dict[str, int]:
    """Cell by cell."""
    found: dict[str, int] = {}
    for cells in many:
        for cell, value in cells.items():
            found[cell] = found.get(cell, 0) + value
    return found


def is_small(value: int, least: int) -> bool:
    """Whether a count would tell of few people."""
    return 0 < value < least


# --- whole -------------------------------------------------------------------------------


def closing(tree: Tree, least: Callable[[str], int], already: Closed | None = None) -> Closed:
    """Which local governments, prefectures, and whether the nation, publish no cell.

    Args:
        tree: What is counted.
        least: The smallest value of a cell that may be shown.
        already: What is closed for another reason.
    """
    before = already or Closed()

    def small(cells: Cells) -> bool:
        return any(is_small(value, least(cell)) for cell, value in cells.items())

    def safe(codes: Iterable[str]) -> bool:
        shared = [tree.cells.get(code, {}) for code in codes]
        return not shared or (len(shared) >= TOGETHER and not small(added(shared)))

    closed = Closed(
        bodies=before.bodies | {code for code, cells in tree.cells.items() if small(cells)},
        areas=before.areas | {area for area in tree.areas if small(tree.of_area(area))},
        nation=before.nation or small(tree.of_nation()),
    )
    for area in tree.areas:
        _close_area(tree, closed, area, safe)
    _close_nation(tree, closed, safe)
    return closed


def _by_size(cells: Mapping[str, Cells], codes: Iterable[str]) -> list[str]:
    """Those that count anybody, the smallest first."""
    sizes = {code: sum(cells.get(code, {}).values()) for code in codes}
    return sorted((code for code in sizes if sizes[code]), key=lambda code: (sizes[code], code))


def _close_area(
    tree: Tree, closed: Closed, area: str, safe: Callable[[Iterable[str]], bool]
) -> None:
    inside = tree.areas[area]
    still_open = [code for code in _by_size(tree.cells, inside) if code not in closed.bodies]
    while area not in closed.areas and not safe(code for code in inside if code in closed.bodies):
        if still_open:
            closed.bodies.add(still_open.pop(0))
        else:
            closed.areas.add(area)


def _close_nation(tree: Tree, closed: Closed, safe: Callable[[Iterable[str]], bool]) -> None:
    sums = {area: tree.of_area(area) for area in tree.areas}
    still_open = [area for area in _by_size(sums, sums) if area not in closed.areas]
    while not closed.nation and closed.areas:
        shared = [c for area in closed.areas for c in tree.areas[area] if c in closed.bodies]
        if len(closed.areas) >= AREAS and safe(shared):
            break
        if not still_open:
            closed.nation = True
            break
        area = still_open.pop(0)
        closed.areas.add(area)
        if not closed.bodies & set(tree.areas[area]):
            closed.bodies.add(_by_size(tree.cells, tree.areas[area])[0])


# --- cell by cell ------------------------------------------------------------------------


def folding(tree: Tree, least: int, columns: Sequence[str], closed: Closed) -> Hidden:
    """Which cells are hidden; `closed` (by the sizes of the same tree) hide all of theirs."""
    return _Folding(tree, least, columns, closed).run()


class _Folding:
    """Hides more and more until nothing is left to hide; hidden cells never come back."""

    def __init__(self, tree: Tree, least: int, columns: Sequence[str], closed: Closed) -> None:
        self.tree, self.least, self.columns = tree, least, (*columns, UNKNOWN)
        self.sums = {area: tree.of_area(area) for area in tree.areas}
        self.whole = tree.of_nation()
        every = set(self.columns)
        self.hidden = Hidden(
            bodies={c: set(every if c in closed.bodies else ()) for c in tree.cells},
            areas={a: set(every if a in closed.areas else ()) for a in tree.areas},
            nation=set(every if closed.nation else ()),
        )

    def run(self) -> Hidden:
        """Repeat until a round hides nothing."""
        for code, cells in self.tree.cells.items():
            self._small(cells, self.hidden.bodies[code])
        for area, cells in self.sums.items():
            self._small(cells, self.hidden.areas[area])
        self._small(self.whole, self.hidden.nation)
        before = -1
        while before != self._count():
            before = self._count()
            for code, cells in self.tree.cells.items():
                self._complete(cells, self.hidden.bodies[code])
            for area, cells in self.sums.items():
                self._complete(cells, self.hidden.areas[area])
            self._complete(self.whole, self.hidden.nation)
            for column in self.columns:
                for area in self.tree.areas:
                    self._column_of_area(area, column)
                self._column_of_nation(column)
        return self.hidden

    def _count(self) -> int:
        parts = (*self.hidden.bodies.values(), *self.hidden.areas.values(), self.hidden.nation)
        return sum(map(len, parts))

    def _small(self, cells: Cells, hidden: set[str]) -> None:
        hidden |= {cell for cell, value in cells.items() if is_small(value, self.least)}

    def _complete(self, cells: Cells, hidden: set[str]) -> None:
        """In one row: with `unknown`, two at least, and together not small."""
        if not hidden:
            return
        hidden.add(UNKNOWN)
        shown = sorted(
            (c for c in self.columns if c not in hidden),
            key=lambda c: (not cells.get(c), cells.get(c, 0)),
        )
        while shown and (hidden == {UNKNOWN} or sum(cells.get(c, 0) for c in hidden) < self.least):
            hidden.add(shown.pop(0))

    def _hiding(self, area: str, column: str) -> list[str]:
        bodies = self.hidden.bodies
        return [code for code in self.tree.areas[area] if column in bodies.get(code, ())]

    def _value(self, code: str, column: str) -> int:
        return self.tree.cells.get(code, {}).get(column, 0)

    def _safe(self, codes: Sequence[str], column: str) -> bool:
        shared = sum(self._value(code, column) for code in codes)
        return len(codes) >= TOGETHER and not is_small(shared, self.least)

    def _hide_another(self, area: str, column: str, *, none: bool) -> bool:
        """Hide a column in one more local government of an area, the one with the least there."""
        shown = [
            code
            for code in self.tree.areas[area]
            if column not in self.hidden.bodies.get(code, {column})
            and (none or self._value(code, column))
        ]
        if not shown:
            return False
        chosen = min(shown, key=lambda c: (not self._value(c, column), self._value(c, column), c))
        self.hidden.bodies[chosen].add(column)
        return True

    def _column_of_area(self, area: str, column: str) -> None:
        while column not in self.hidden.areas[area]:
            hiding = self._hiding(area, column)
            if not hiding or self._safe(hiding, column):
                return
            if not self._hide_another(area, column, none=False):
                self.hidden.areas[area].add(column)
        if not self._hiding(area, column):
            self._hide_another(area, column, none=True)

    def _column_of_nation(self, column: str) -> None:
        while column not in self.hidden.nation:
            areas = [area for area, hidden in self.hidden.areas.items() if column in hidden]
            sharing = [code for area in areas for code in self._hiding(area, column)]
            if not areas or (len(areas) >= AREAS and self._safe(sharing, column)):
                return
            shown = [a for a in self.sums if a not in areas and self.sums[a].get(column)]
            if not shown:
                self.hidden.nation.add(column)
                break
            area = min(shown, key=lambda a: (self.sums[a][column], a))
            self.hidden.areas[area].add(column)
            self._column_of_area(area, column)
        if column in self.hidden.nation and not any(
            column in hidden for hidden in self.hidden.areas.values()
        ):
            area = max(self.sums, key=lambda a: (self.sums[a].get(column, 0), a))
            self.hidden.areas[area].add(column)
            self._column_of_area(area, column)
