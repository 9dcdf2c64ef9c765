"""Tables as offices have them: CSV and Excel files, read strictly, bounded, and as text only.

Whoever made the file is a stranger: it may be of any size, hold formulas, or be built to fill the
memory of whoever opens it. What cannot be read for certain is refused, never guessed at.
"""

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Final

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet.worksheet import Worksheet

from core.errors import DomainError, invalid

MAX_BYTES: Final = 8 * 1024 * 1024
MAX_ROWS: Final = 20_100
MAX_COLUMNS: Final = 80
MAX_CELL: Final = 2_000
#: What an Excel file may be once unpacked, in how many parts.
_MOST_UNPACKED: Final = 96 * 1024 * 1024
_MOST_PARTS: Final = 400
#: Cells joined into one: reading makes a cell of each, so their sum is bounded.
_MOST_MERGED: Final = 50_000
_ZIP: Final = b"PK\x03\x04"
_MERGE: Final = re.compile(rb"<(?:\w+:)?mergeCell\s[^>]*?ref=[\"']([A-Z]+)(\d+):([A-Z]+)(\d+)[\"']")
_HIDDEN: Final = frozenset({"hidden", "veryHidden"})
#: What decoders make of bytes that stand for nothing.
_NO_LETTERS: Final = re.compile("[\x80-\x9f\uf8f0-\uf8f3]")
#: Beyond it UTF-8 needs three bytes, which half-width katakana of Shift_JIS never look like.
_TWO_BYTES: Final = "\u07ff"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a sheet with the number that people see beside it."""

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table's lines that hold anything at all.

    Attributes:
        kind: `csv` or `xlsx`.
        encoding: Of a CSV file, `utf-8` or `cp932`; empty for Excel.
        lines: In order, without empty ones.
    """

    kind: str
    encoding: str
    lines: tuple[Line, ...]


def read(data: bytes) -> Sheet:
    """The table of a file, all cells as text.

    Raises:
        Invalid: `sheet_size`, `sheet_encoding`, `sheet_formula`, `sheet_broken`, `sheet_empty`,
            `sheet_rows`: what cannot be read for certain.
    """
    if len(data) > MAX_BYTES:
        raise invalid("sheet_size", field="file", needed=MAX_BYTES // 1024**2)
    if data.startswith(_ZIP):
        kind, encoding, found = "xlsx", "", _excel(data)
    else:
        text, encoding = decode(data)
        kind, found = "csv", _csv(text)
    lines = tuple(line for line in found if any(line.cells))
    if not lines:
        raise invalid("sheet_empty", field="file")
    return Sheet(kind, encoding, lines)


# --- CSV ------------------------------------------------------------------------------------------


def decode(data: bytes) -> tuple[str, str]:
    """The text and its encoding: UTF-8 with or without a mark, else the Shift_JIS of Windows.

    Raises:
        Invalid: `sheet_encoding`.
    """
    if b"\0" in data:
        raise invalid("sheet_encoding", field="file")
    readings = {}
    for encoding in ("utf-8-sig", "cp932"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if not _NO_LETTERS.search(text):
            readings[encoding] = text
    if not readings:
        raise invalid("sheet_encoding", field="file")
    utf8 = readings.get("utf-8-sig")
    if utf8 is None or ("cp932" in readings and _looks_foreign(utf8)):
        return readings["cp932"], "cp932"
    return utf8, "utf-8"


def _looks_foreign(text: str) -> bool:
    """Whether a reading has letters of other scripts only: half-width katakana read as UTF-8."""
    beyond = [letter for letter in text if not letter.isascii()]
    return bool(beyond) and all(letter <= _TWO_BYTES for letter in beyond)


def _csv(text: str) -> Iterator[Line]:
    first = text[:4000]
    comma = "\t" if first.count("\t") > first.count(",") else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=comma, strict=True)
    began = 1
    try:
        for cells in reader:
            yield _line(began, [_of_csv(cell, began) for cell in _bounded(cells, began)])
            began = reader.line_num + 1
    except csv.Error as error:
        raise invalid("sheet_broken", field="file", found=began) from error


def _of_csv(cell: str, number: int) -> str:
    if cell.lstrip().startswith("="):
        raise _formula(number)
    return cell


# --- Excel ----------------------------------------------------------------------------------------


def _excel(data: bytes) -> Iterator[Line]:
    _refuse_bombs(data)
    try:
        book = openpyxl.load_workbook(io.BytesIO(data), data_only=False, keep_links=False)
    except (
        InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, TypeError, IndexError,
        AttributeError, SyntaxError, EOFError, OSError,
    ) as error:  # fmt: skip
        # The reader has no error of its own: a wrong part shows as whatever it stumbles over.
        raise invalid("sheet_broken", field="file") from error
    for sheet in book.worksheets:
        if sheet.sheet_state not in _HIDDEN:
            lines = list(_of_sheet(sheet))
            if any(any(line.cells) for line in lines):
                return iter(lines)
    return iter(())


def _refuse_bombs(data: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
            # A part is never unpacked beyond what its entry says.
            if (
                len(parts) > _MOST_PARTS
                or sum(part.file_size for part in parts) > _MOST_UNPACKED
                or any(part.flag_bits & 1 for part in parts)
            ):
                raise invalid("sheet_size", field="file", needed=MAX_BYTES // 1024**2)
            merged = sum(_check_part(archive.read(part)) for part in parts if _is_xml(part))
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError) as error:
        raise invalid("sheet_broken", field="file") from error
    if merged > _MOST_MERGED:
        raise invalid("sheet_size", field="file", needed=MAX_BYTES // 1024**2)


def _is_xml(part: zipfile.ZipInfo) -> bool:
    return part.filename.endswith((".xml", ".rels"))


def _check_part(content: bytes) -> int:
    """How many cells are joined; a part that declares entities is refused."""
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise invalid("sheet_broken", field="file")
    return sum(
        (int(bottom) - int(top) + 1) * (_column(right) - _column(left) + 1)
        for left, top, right, bottom in _MERGE.findall(content)
    )


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number


def _of_sheet(sheet: Worksheet) -> Iterator[Line]:
    joined = {
        (row, column): (area.min_row, area.min_col)
        for area in sheet.merged_cells.ranges
        for row in range(area.min_row, area.max_row + 1)
        for column in range(area.min_col, area.max_col + 1)
    }
    width = min(sheet.max_column, MAX_COLUMNS)
    height = min(sheet.max_row, MAX_ROWS + 1)
    for number, cells in enumerate(sheet.iter_rows(max_row=height, max_col=width), 1):
        found = []
        for column, cell in enumerate(cells, 1):
            place = joined.get((number, column))
            value = sheet.cell(*place) if place else cell
            if value.data_type == "f":
                raise _formula(number)
            found.append(_plain(value.value))
        if any(found):
            yield _line(number, _bounded(found, number))


def _plain(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time(0) else value.isoformat(" ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


# --- both -----------------------------------------------------------------------------------------


def _bounded(cells: list[str], number: int) -> list[str]:
    if number > MAX_ROWS:
        raise invalid("sheet_rows", field="file", needed=MAX_ROWS - 100)
    return cells[:MAX_COLUMNS]


def _line(number: int, cells: Iterable[str]) -> Line:
    return Line(number, tuple(cell[:MAX_CELL].strip() for cell in cells))


def _formula(number: int) -> DomainError:
    return invalid("sheet_formula", field="file", found=number)
