"""All tables of a run in three arrays, so that compiled functions are handed little.

A table has a number; `at` says where it begins and how it is laid out. Handing dozens of arrays
from function to function makes the compiled engine many times slower, and its compilation too.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from simulation.fast import Floats, Ints, inner

WHOLE = (
    "month_first",
    "body_type",
    "body_prefecture",
    "body_is_prefecture",
    "body_opens",
    "disaster_from",
    "disaster_until",
    "prefecture_at",
    "age_from",
    "starts",
    "numbers",
    "notice_days",
    "wanted_since",
    "wanted",
    "asked",
)
REAL = (
    "season",
    "day_share",
    "town_share",
    "place_share",
    "home_share",
    "km",
    "age_share",
    "phone",
    "card",
    "wishes",
    "tie",
    "tie_share",
    "habit",
    "type_number",
    "word",
    "admitted",
)
(
    W_MONTH_FIRST,
    W_BODY_TYPE,
    W_BODY_PREFECTURE,
    W_BODY_IS_PREFECTURE,
    W_BODY_OPENS,
    W_DISASTER_FROM,
    W_DISASTER_UNTIL,
    W_PREFECTURE_AT,
    W_AGE_FROM,
    W_STARTS,
    W_NUMBERS,
    W_NOTICE_DAYS,
    W_WANTED_SINCE,
    W_WANTED,
    W_ASKED,
    W_SEASON,
    W_DAY_SHARE,
    W_TOWN_SHARE,
    W_PLACE_SHARE,
    W_HOME_SHARE,
    W_KM,
    W_AGE_SHARE,
    W_PHONE,
    W_CARD,
    W_WISHES,
    W_TIE,
    W_TIE_SHARE,
    W_HABIT,
    W_TYPE_NUMBER,
    W_WORD,
    W_ADMITTED,
) = range(31)
COUNTS = ("series", "bodies", "days", "prefectures", "cohorts", "funnel", "refusals", "ties")
O_SERIES, O_BODIES, O_DAYS, O_PREFECTURES, O_COHORTS, O_FUNNEL, O_REFUSALS, O_TIES = range(8)
# How a table lies: where, its two steps, its two sizes, the length of a row.
OFFSET, STEP, STEP_2, SIZE, SIZE_2, ROW = range(6)
MEASURES = 4


class World(NamedTuple):
    """What holds for everybody in a run."""

    at: Ints
    ints: Ints
    floats: Floats


class Out(NamedTuple):
    """What is counted, in whole numbers; parts of the work are added up.

    `events` has room × (person, day, body, kind), `acts` the same and a number of the act's own;
    `written` is how many there were of each, with or without room. `flags` has the steps of the funnel of each person as bits, and one for premium on the last day.
    """

    at: Ints
    counts: Ints
    events: Ints
    acts: Ints
    written: Ints
    flags: Ints


def laid_out(shapes: Sequence[tuple[int, ...]]) -> Ints:
    """Where tables of these shapes lie one after another."""
    rows, offset = [], 0
    for shape in shapes:
        steps = [int(np.prod(shape[at + 1 :])) for at in range(len(shape))]
        step, step_2 = steps[0], (steps[1] if len(shape) > 1 else 0)
        two = shape[1] if len(shape) > 1 else 1
        row = shape[0] if len(shape) == 1 else (step if len(shape) == 2 else step_2)  # noqa: PLR2004
        rows.append([offset, step, step_2, shape[0], two, row])
        offset += int(np.prod(shape))
    return np.array(rows, dtype=np.int64)


def world_of(tables: Mapping[str, Ints | Floats]) -> World:
    """The tables of a run as one. Every name of WHOLE and REAL is needed."""
    whole = [np.asarray(tables[name], dtype=np.int64) for name in WHOLE]
    real = [np.asarray(tables[name], dtype=np.float64) for name in REAL]
    at = np.vstack([laid_out([t.shape for t in whole]), laid_out([t.shape for t in real])])
    return World(
        at=at,
        ints=np.concatenate([t.ravel() for t in whole]),
        floats=np.concatenate([t.ravel() for t in real]),
    )


def with_real(world: World, name: str, table: Floats) -> World:
    """The world with another table of the same shape."""
    place = world.at[len(WHOLE) + REAL.index(name)]
    floats = world.floats.copy()
    floats[place[OFFSET] : place[OFFSET] + table.size] = table.ravel()
    return world._replace(floats=floats)


@inner
def whole(w: World, table: int, i: int, j: int = 0, k: int = 0) -> int:
    """A whole number of a table."""
    at = w.at[table]
    return w.ints[at[0] + i * at[1] + j * at[2] + k]  # type: ignore[no-any-return]


@inner
def real(w: World, table: int, i: int, j: int = 0, k: int = 0) -> float:
    """A real number of a table."""
    at = w.at[table]
    return w.floats[at[0] + i * at[1] + j * at[2] + k]  # type: ignore[no-any-return]


@inner
def whole_row(w: World, table: int, i: int = 0, j: int = 0) -> Ints:
    """The last row of numbers under two indices (one for a table of two)."""
    at = w.at[table]
    start = at[0] + i * at[1] + j * at[2]
    return w.ints[start : start + at[5]]


@inner
def real_row(w: World, table: int, i: int = 0, j: int = 0) -> Floats:
    """As `row`, of real numbers."""
    at = w.at[table]
    start = at[0] + i * at[1] + j * at[2]
    return w.floats[start : start + at[5]]


@inner
def size(w: World, table: int, which: int = 0) -> int:
    """How long a table is."""
    return w.at[table, 3 + which]  # type: ignore[no-any-return]


@inner
def ways_of(w: World, type_: int, version: int) -> Ints:
    """R07: the ways to satisfy a requirement: ways × measures."""
    found = whole_row(w, W_WANTED, type_, version)
    return found.reshape(found.shape[0] // MEASURES, MEASURES)


@inner
def bump(o: Out, table: int, amount: int, i: int, j: int = 0, k: int = 0) -> None:
    """So many more."""
    at = o.at[table]
    o.counts[at[0] + i * at[1] + j * at[2] + k] += amount
