"""Places of the report's drawings: plain numbers for the template, nothing of words or colours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Final

from core.tiles import Tile, tiles

#: A drawing is small, so that its letters are readable on a phone and two stand side by side on paper.
WIDTH: Final = 360
HEIGHT: Final = 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 10, 22, 24
_TICKS: Final = 4
_YEARS_SHOWN: Final = 6
ROW: Final = 40
_BAR_WIDTH: Final = 356


@dataclass(frozen=True, slots=True)
class Tick:
    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line over months, the area below it, and the place of its highest value."""

    path: str
    area: str
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    top_at: tuple[float, float]
    top: int
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    floor: int = HEIGHT - _BOTTOM

    @property
    def anchor(self) -> str:
        """Where the letters of the highest value begin, so that they stay inside."""
        x = self.top_at[0]
        third = (self.right - self.left) / 3
        return "start" if x < self.left + third else "end" if x > self.right - third else "middle"


@dataclass(frozen=True, slots=True)
class Bar:
    """One step of a funnel."""

    name: str
    count: int
    share: float
    y: int
    width: float


@dataclass(frozen=True, slots=True)
class Map:
    """The 47 tiles of one year."""

    year: int
    tiles: tuple[Tile, ...]


def steps_up_to(most: float) -> list[float]:
    """Round numbers from 0 to at least `most`, about four of them."""
    if most <= 0:
        return [0, 1]
    size = 1.0
    while size * 10 <= most / _TICKS:
        size *= 10
    while size > most / _TICKS and size > 1:
        size /= 10
    step = next(size * by for by in (1, 2, 5, 10) if size * by * _TICKS >= most)
    return [step * number for number in range(int(-(-most // step)) + 1)]


def line(values: Sequence[float], months: Sequence[date]) -> Line:
    """A line of one value a month."""
    steps = steps_up_to(max(values, default=0))
    wide, high = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM
    floor = HEIGHT - _BOTTOM

    def x(number: int) -> float:
        return round(_LEFT + wide * number / max(1, len(values) - 1), 1)

    def y(value: float) -> float:
        return round(floor - high * value / steps[-1], 1)

    points = [(x(number), y(value)) for number, value in enumerate(values)]
    path = "M" + "L".join(f"{a} {b}" for a, b in points)
    top = max(range(len(values)), key=lambda number: values[number])
    return Line(
        path=path,
        area=f"{path}L{points[-1][0]} {floor}L{points[0][0]} {floor}Z",
        across=tuple(Tick(x(at), str(months[at].year)) for at in _years(months)),
        up=tuple(Tick(y(step), f"{step:,.0f}") for step in steps),
        top_at=points[top],
        top=top,
    )


def _years(months: Sequence[date]) -> list[int]:
    """Which months carry their year: each January, or fewer when there are many."""
    first = [at for at, (a, b) in enumerate(pairwise(months), start=1) if a.year < b.year]
    every = -(-len(first) // _YEARS_SHOWN)
    return first[::every] if first else [0]


def bars(steps: Sequence[tuple[str, int]]) -> tuple[Bar, ...]:
    """Steps of a funnel, each as wide as its part of the first."""
    most = max((count for _, count in steps), default=0) or 1
    return tuple(
        Bar(name, count, count / most, ROW * at, round(_BAR_WIDTH * count / most, 1))
        for at, (name, count) in enumerate(steps)
    )


def maps(
    by_year: Mapping[str, Sequence[int]], names: Mapping[str, str], years: int
) -> tuple[Map, ...]:
    """First, middle and last year, in one scale of shades.

    Args:
        by_year: What is counted in each prefecture, by its code and the number of the year.
        names: Names of the prefectures by code.
        years: How many there are.
    """
    shown = sorted({0, (years - 1) // 2, years - 1})
    most = max((row[year] for row in by_year.values() for year in shown), default=0)
    return tuple(
        Map(
            year + 1,
            tuple(tiles({code: row[year] for code, row in by_year.items()}, names, most=most)),
        )
        for year in shown
    )
