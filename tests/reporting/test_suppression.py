"""R17: no hidden cell can be reckoned from what is published, not even by one who knows a part."""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from reporting.definitions import TOTAL, UNKNOWN, Group, of_group
from reporting.models import NATION
from reporting.publishing import Cell, Counted, publishable

LEAST = 10
MINUTES = {"application": 5, "activity": 10, "other": 3}
ORIGINS = ("130001", "230006", "270008", UNKNOWN)
Row = dict[tuple[str, ...], Fraction]


@st.composite
def worlds(draw: st.DrawFn) -> tuple[dict[str, list[str]], Counted]:
    """Up to three prefectures of up to four local governments, each with some people."""
    value = st.one_of(st.just(0), st.integers(1, 12), st.integers(10, 300))
    areas: dict[str, list[str]] = {}
    counted: dict[str, dict[str, dict[str, int]]] = {
        name: {} for name in ("registrations", "origin", "revisits")
    }
    for number in range(1, 1 + draw(st.integers(1, 3))):  # 000000 is the nation
        area = f"{number}00000"
        areas[area] = [f"{number}0{place}00" for place in range(draw(st.integers(1, 4)))]
        for code in areas[area]:
            origin = {cell: draw(value) for cell in ORIGINS}
            size = sum(origin.values())
            premium = draw(st.integers(0, size))
            counted["origin"][code] = {c: v for c, v in origin.items() if v}
            counted["registrations"][code] = {
                cell: v for cell, v in (("basic", size - premium), ("premium", premium)) if v
            }
            counted["revisits"][code] = {"once": v} if (v := draw(value)) else {}
    return areas, counted


def equations(
    areas: Mapping[str, Sequence[str]], counted: Counted, cells: Sequence[Cell], known: str | None
) -> tuple[list[Row], set[tuple[str, ...]]]:
    """What is published (and what one local government knows), as sums of unknowns; the unknowns."""
    columns = {name: {c for v in counted[name].values() for c in v} for name in counted}
    bodies = {code: area for area, codes in areas.items() for code in codes}
    columns["registrations"] = {"basic", "premium", TOTAL}
    unknowns: set[tuple[str, ...]] = {
        (name, code, c) for name in counted for code in bodies for c in columns[name]
    }
    rows: list[Row] = []

    def inside(level: str, code: str) -> list[str]:
        if level == "body":
            return [code]
        return [one for one, area in bodies.items() if code in (area, NATION)]

    for one in cells:
        if one.value is None or one.figure not in counted:
            continue
        codes = inside(one.level, one.code)
        rows.append({(one.figure, code, one.cell): Fraction(1) for code in codes})
    for code in bodies:  # 延べ is the sum of the tiers, and of the origins
        size: Row = {("registrations", code, TOTAL): Fraction(1)}
        tiers = ("registrations", ("basic", "premium"))
        for name, parts in (tiers, ("origin", columns["origin"])):
            rows.append(size | {(name, code, c): Fraction(-1) for c in parts})
    if known is not None:
        rows += [{key: Fraction(1)} for key in unknowns if key[1] == known]
    return [{k: v for k, v in row.items() if k in unknowns} for row in rows], unknowns


def solved(rows: list[Row]) -> Iterator[Row]:
    """The rows in reduced form (Gauss and Jordan)."""
    done: list[tuple[tuple[str, ...], Row]] = []
    for given_row in rows:
        row = dict(given_row)
        for pivot, other in done:
            if factor := row.get(pivot):
                row = _minus(row, other, factor)
        if not row:
            continue
        pivot = min(row)
        row = {key: value / row[pivot] for key, value in row.items()}
        done = [
            (p, _minus(other, row, other[pivot]) if pivot in other else other) for p, other in done
        ]
        done.append((pivot, row))
    yield from (row for _, row in done)


def _minus(row: Row, other: Row, factor: Fraction) -> Row:
    keys = row.keys() | other.keys()
    found = {key: row.get(key, Fraction()) - factor * other.get(key, Fraction()) for key in keys}
    return {key: value for key, value in found.items() if value}


def told(
    areas: Mapping[str, Sequence[str]], counted: Counted, cells: Sequence[Cell], known: str | None
) -> set[tuple[str, ...]]:
    """Unknowns of others that have one possible value."""
    rows, _ = equations(areas, counted, cells, known)
    found = {next(iter(row)) for row in solved(rows) if len(row) == 1}
    return {key for key in found if key[1] != known}


@settings(max_examples=60, deadline=None)
@given(worlds())
def test_no_hidden_cell_can_be_reckoned(world: tuple[dict[str, list[str]], Counted]) -> None:
    """By anybody, and by the staff of each local government, who know their own cells."""
    areas, counted = world
    cells = publishable(areas, counted, least=LEAST, minutes=MINUTES)
    hidden = {(c.figure, c.code, c.cell) for c in cells if c.value is None and c.level == "body"}
    for one in cells:
        assert one.value is None or not 0 < one.value < LEAST, one
    for known in (None, *(code for codes in areas.values() for code in codes)):
        others = {key for key in hidden if key[1] != known}
        assert not told(areas, counted, cells, known) & others


@settings(max_examples=60, deadline=None)
@given(worlds())
def test_three_levels_reconcile(world: tuple[dict[str, list[str]], Counted]) -> None:
    """Wherever all parts are shown, they add up: bodies to prefectures, these to the nation."""
    areas, counted = world
    cells = publishable(areas, counted, least=LEAST, minutes=MINUTES)
    shown = {(c.level, c.code, c.figure, c.cell): c.value for c in cells}
    kinds = {(c.figure, c.cell) for c in cells}
    for kind in kinds:
        for area, codes in areas.items():
            parts = [shown.get(("body", code, *kind), 0) for code in codes]
            whole = shown.get(("prefecture", area, *kind), 0)
            if whole is not None and None not in parts:
                assert whole == sum(part or 0 for part in parts)
        parts = [shown.get(("prefecture", area, *kind), 0) for area in areas]
        whole = shown.get(("nation", NATION, *kind), 0)
        if whole is not None and None not in parts:
            assert whole == sum(part or 0 for part in parts)
    for (level, code, figure, cell), value in shown.items():
        if cell == TOTAL and figure == "registrations" and value is not None:
            parts = [shown[level, code, figure, one] for one in ("basic", "premium")]
            assert None in parts or sum(part or 0 for part in parts) == value


def test_a_large_country_hides_little() -> None:
    """What is hidden is small: a town's thousand of Tokyo is published beside its three of Tottori."""
    areas = {f"{n}00000": [f"{n}0{m}00" for m in range(4)] for n in range(1, 4)}
    everywhere = {"130001": 1000, "230006": 200, "310000": 3, UNKNOWN: 40}
    codes = [code for inside in areas.values() for code in inside]
    counted = {
        "registrations": {code: {"basic": 1000, "premium": 243} for code in codes},
        "origin": dict.fromkeys(codes, everywhere),
    }
    cells = publishable(areas, counted, least=LEAST, minutes=MINUTES)
    shown = {(c.code, c.figure, c.cell): c.value for c in cells if c.level == "body"}
    assert {shown[code, "origin", "130001"] for code in codes} == {1000}
    assert {shown[code, "origin", "310000"] for code in codes} == {None}
    assert {shown[code, "registrations", "premium"] for code in codes} == {243}
    nation = {(c.figure, c.cell): c.value for c in cells if c.level == "nation"}
    assert nation["origin", "310000"] == 36
    assert nation["registrations", TOTAL] == 12 * 1243


def test_every_figure_is_in_a_group() -> None:
    assert "registrations" in of_group(Group.PEOPLE)
    assert of_group(Group.OWN) == ("apart",)
