"""Files as town offices have them: Excel books with titles and joined cells, CSV of old systems."""

import csv
import io
from collections.abc import Sequence

from openpyxl import Workbook

Cell = str | int | float | None
CALENDAR = ("催し", "日付", "開始", "終了", "場所", "主催")
PLAIN = ("会員番号", "氏名", "フリガナ", "メールアドレス", "入会日")


def csv_file(rows: Sequence[Sequence[Cell]], *, encoding: str = "cp932") -> bytes:
    """A CSV file with the line ends of Windows."""
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    return out.getvalue().encode(encoding)


def workbook(rows: Sequence[Sequence[Cell]], *, joined: Sequence[str] = ()) -> bytes:
    """An Excel file whose first sheet holds these rows, with areas of joined cells."""
    book = Workbook()
    sheet = book.active
    for row in rows:
        sheet.append(list(row))
    for area in joined:
        sheet.merge_cells(area)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
