"""Tables as files: CSV that Excel opens as it is, and in which nothing runs."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from fastapi import Response
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

#: Excel reads UTF-8 only where a file begins with its mark.
MARK: Final = "\ufeff"
CSV: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "content": {"text/csv": {"schema": {"type": "string"}}},
        "description": "UTF-8 with a mark, one row a line",
    }
}
#: Excel calls a file broken whose cells hold more.
_LONGEST_CELL: Final = 32_767
_BEGINS_A_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def defused(cell: object) -> object:
    """A spreadsheet would run a text that begins like a formula; numbers stay numbers."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_BEGINS_A_FORMULA) else cell


def csv_text(
    head: Sequence[str], rows: Iterable[Sequence[object]], above: Sequence[str] = ()
) -> str:
    """A table with its mark, every cell defused; above it a line that says what it is."""
    file = io.StringIO()
    table = csv.writer(file, lineterminator="\r\n")
    if above:
        table.writerow([defused(cell) for cell in above])
    table.writerow(head)
    table.writerows([defused(cell) for cell in row] for row in rows)
    return MARK + file.getvalue()


def workbook(
    head: Sequence[str], rows: Iterable[Sequence[object]], above: Sequence[str] = ()
) -> bytes:
    """The same as an Excel file: texts are typed as texts, so that none of them is a formula."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet()

    def cell(value: object) -> object:
        if not isinstance(value, str):
            return value
        typed = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("", value)[:_LONGEST_CELL])
        typed.data_type = "s"
        return typed

    for line in ([above] if above else []) + [head]:
        sheet.append([cell(value) for value in line])
    for row in rows:
        sheet.append([cell(value) for value in row])
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def as_csv(
    name: str, head: Sequence[str], rows: Iterable[Sequence[object]], headers: Mapping[str, str]
) -> Response:
    """The answer with a table as a file of this name."""
    return Response(
        csv_text(head, rows),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"', **headers},
    )
