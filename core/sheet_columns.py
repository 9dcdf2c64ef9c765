"""Where a table begins in a sheet, and which column is which: found by name, the rest chosen by people."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from core.japanese_text import plain
from core.sheets import Line, Sheet

#: Titles, notes and dates stand above the header; never more than these lines.
LINES_ABOVE: Final = 20
#: Marks that people put into headers: 氏名（漢字）※, メール アドレス, ■住所.
_MARKS: Final = re.compile(r"[\s*※■●◆〇○・:：/_.\-ー−―()（）\[\]【】「」]")

#: What a field is usually called, the most certain name first.
Names = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Table:
    """A sheet's table.

    Attributes:
        headers: What each column is called; empty where nothing is written.
        columns: Field to column, as far as names tell.
        lines: The lines below the header.
        above: The lines above it: titles and notes.
    """

    headers: tuple[str, ...]
    columns: Mapping[str, int]
    lines: tuple[Line, ...]
    above: tuple[Line, ...]


def find(sheet: Sheet, names: Names) -> Table:
    """The table of a sheet: the header is where most usual names stand, in one line or two."""
    known = {_key(name) for given in names.values() for name in given}
    above = sheet.lines[:LINES_ABOVE]
    scores = [_score(line, known) for line in above]
    first = scores.index(max(scores)) if max(scores) else _widest(above)
    # Of two header lines of joined cells the lower one names most columns, or the upper one.
    top = first - 1 if first and scores[first - 1] else first
    below = first + 1
    last = below if below < len(above) and _is_header(above[below], scores[below]) else first
    header = above[top : last + 1]
    width = max(len(line.cells) for line in sheet.lines[top:])
    headers = tuple(_joined(header, column) for column in range(width))
    columns = _match(header, width, names)
    return Table(headers, columns, sheet.lines[last + 1 :], sheet.lines[:top])


def _key(name: str) -> str:
    return _MARKS.sub("", plain(name)).lower()


def _score(line: Line, known: set[str]) -> int:
    """How many different columns a line names; a title over all columns names at most one."""
    return len({_key(cell) for cell in line.cells} & known)


def _is_header(line: Line, score: int) -> bool:
    return score > 0 and 2 * score >= len({cell for cell in line.cells if cell})


def _widest(lines: Sequence[Line]) -> int:
    counts = [len({cell for cell in line.cells if cell}) for line in lines]
    return counts.index(max(counts))


def _cell(line: Line, column: int) -> str:
    return plain(line.cells[column]) if column < len(line.cells) else ""


def _over(line: Line, column: int) -> str:
    """The name above a column: CSV keeps joined cells as one name and blanks to its right."""
    while column and not _cell(line, column):
        column -= 1
    return _cell(line, column)


def _joined(header: Sequence[Line], column: int) -> str:
    lower = _cell(header[-1], column)
    if len(header) == 1:
        return lower
    upper = _over(header[0], column) if lower else _cell(header[0], column)
    return " ".join(part for part in (upper, lower if lower != upper else "") if part)


def _match(header: Sequence[Line], width: int, names: Names) -> dict[str, int]:
    """Each field's column by the most certain name that is there; a column serves one field."""
    spelled = [_spellings(header, column) for column in range(width)]
    found: dict[str, int] = {}
    ranked = sorted(
        (
            (rank, field, _key(name))
            for field, given in names.items()
            for rank, name in enumerate(given)
        ),
        key=lambda one: one[0],
    )
    for _, field, key in ranked:
        if field in found:
            continue
        for column, spellings in enumerate(spelled):
            if key in spellings and column not in found.values():
                found[field] = column
                break
    return found


def _spellings(header: Sequence[Line], column: int) -> set[str]:
    alone = {_key(_cell(line, column)) for line in header}
    return (alone | {_key(_joined(header, column))}) - {""}
