"""Tables as files: CSV that Excel opens as it is, and in which nothing runs."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from fastapi import Response

#: Excel reads UTF-8 only where a file begins with its mark.
MARK: Final = "\ufeff"
CSV: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "content": {"text/csv": {"schema": {"type": "string"}}},
        "description": "UTF-8 with a mark, one row a line",
    }
}
_BEGINS_A_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def defused(cell: object) -> object:
    """A spreadsheet would run a text that begins like a formula; numbers stay numbers."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_BEGINS_A_FORMULA) else cell


def csv_text(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table with its mark, every cell defused."""
    file = io.StringIO()
    table = csv.writer(file, lineterminator="\r\n")
    table.writerow(head)
    table.writerows([defused(cell) for cell in row] for row in rows)
    return MARK + file.getvalue()


def as_csv(
    name: str, head: Sequence[str], rows: Iterable[Sequence[object]], headers: Mapping[str, str]
) -> Response:
    """The answer with a table as a file of this name."""
    return Response(
        csv_text(head, rows),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"', **headers},
    )
