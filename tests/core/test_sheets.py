"""Files of town offices, made as they have them: read strictly, bounded, found by usual names."""

import io
import zipfile
from datetime import date

import pytest
from openpyxl import Workbook

from core import sheets
from core.errors import Invalid
from core.japanese_text import code, day, day_and_rest, fiscal_year_in, plain, times
from core.sheet_columns import find
from tests.factories.town_files import PLAIN, csv_file, workbook

NAMES = {
    "name": ("氏名", "お名前"),
    "kana": ("フリガナ", "氏名カナ"),
    "email": ("メールアドレス", "メール", "email"),
    "postal": ("郵便番号",),
    "town": ("市町村",),
    "joined_on": ("入会日", "登録年月日"),
}
ROW = ("００１", "髙橋　花子", "ﾀｶﾊｼ ﾊﾅｺ", "hanako@example.jp", "R8.4.1")


@pytest.mark.parametrize("encoding", ["cp932", "utf-8", "utf-8-sig"])
def test_a_csv_says_the_same_in_each_encoding(encoding: str) -> None:
    found = sheets.read(csv_file([PLAIN, ROW], encoding=encoding))
    assert found.lines[1].cells == ROW
    assert found.encoding == ("cp932" if encoding == "cp932" else "utf-8")


def test_half_width_katakana_of_an_old_system_are_not_read_as_greek() -> None:
    """These bytes are UTF-8 as well, of letters nobody in a town office types."""
    old = "ﾃｽ,ﾄｱ\r\n".encode("cp932")
    assert old.decode("utf-8") != "ﾃｽ,ﾄｱ\r\n"
    assert sheets.read(old).lines[0].cells == ("ﾃｽ", "ﾄｱ")


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (b"\xff\xfe\x41\x00", "sheet_encoding"),
        ("氏名\n".encode("cp932") + b"\xfd\xfe", "sheet_encoding"),
        ("氏名\n".encode("cp932") + b"\x81", "sheet_encoding"),
        (b"", "sheet_empty"),
        (b",,\r\n ,,\r\n", "sheet_empty"),
        ('氏名,"メール\n'.encode(), "sheet_broken"),
        ("氏名,計\n山田,=1+1\n".encode(), "sheet_formula"),
        (b"PK\x03\x04 and nothing else", "sheet_broken"),
        (b"a" * (sheets.MAX_BYTES + 1), "sheet_size"),
        (b"a\n" * (sheets.MAX_ROWS + 1), "sheet_rows"),
    ],
)
def test_what_cannot_be_read_for_certain_is_refused(data: bytes, refusal: str) -> None:
    with pytest.raises(Invalid) as caught:
        sheets.read(data)
    assert caught.value.problems[0].code == refusal


def test_an_excel_book_with_title_blank_lines_and_joined_headers() -> None:
    data = workbook(
        [
            ("令和８年度　ふるさとファンクラブ会員名簿", *[None] * 5),
            (None,) * 6,
            ("No", "氏名", "連絡先", None, None, "入会日"),
            (None, None, "メールアドレス", "郵便番号", "市町村", None),
            (1, "山田　太郎", "taro@example.jp", "５０９ー４２２１", "飛騨市", 46113),
            (None,) * 6,
            (2, "佐藤 花", "hana@example.jp", "988-0084", "気仙沼市", "H31/4/30"),
        ],
        joined=["A1:F1", "A3:A4", "B3:B4", "C3:E3", "F3:F4"],
    )
    table = find(sheets.read(data), NAMES)
    assert table.columns == {"name": 1, "email": 2, "postal": 3, "town": 4, "joined_on": 5}
    assert table.headers[2] == "連絡先 メールアドレス"
    assert [line.number for line in table.lines] == [5, 7]
    assert code(table.lines[0].cells[3]) == "509-4221"
    assert [day(line.cells[5]) for line in table.lines] == [date(2026, 4, 1), date(2019, 4, 30)]


def test_the_same_list_saved_as_csv_keeps_its_joined_headers_as_blanks() -> None:
    rows = [
        ("ファンクラブ会員名簿", "", "", "", ""),
        ("No", "氏名", "連絡先", "", "入会日"),
        ("", "", "メール", "郵便番号", ""),
        ("1", "山田 太郎", "taro@example.jp", "509-4221", "2026/4/1"),
    ]
    table = find(sheets.read(csv_file(rows)), NAMES)
    assert table.columns == {"name": 1, "email": 2, "postal": 3, "joined_on": 4}
    assert table.headers == ("No", "氏名", "連絡先 メール", "連絡先 郵便番号", "入会日")
    assert len(table.lines) == 1


def test_marks_and_widths_in_headers_do_not_hide_them() -> None:
    rows = [("■お名前（漢字）", "Ｅｍａｉｌ ※", "その他"), ("山田", "a@example.jp", "x")]
    table = find(sheets.read(csv_file(rows)), NAMES | {"name": ("お名前（漢字）",)})
    assert table.columns == {"name": 0, "email": 1}


def test_headers_nobody_knows_leave_the_choice_to_people() -> None:
    rows = [("一覧", "", ""), ("甲", "乙", "丙"), ("山田", "a@example.jp", "x")]
    table = find(sheets.read(csv_file(rows)), NAMES)
    assert table.columns == {}
    assert table.headers == ("甲", "乙", "丙")
    assert len(table.lines) == 1


def test_a_date_cell_and_a_number_cell_are_text() -> None:
    book = Workbook()
    book.active.append(["氏名", "入会日", "番号"])
    book.active.append(["山田", date(2026, 4, 1), 12.0])
    out = io.BytesIO()
    book.save(out)
    assert sheets.read(out.getvalue()).lines[1].cells == ("山田", "2026-04-01", "12")


def test_a_hidden_sheet_is_not_the_list() -> None:
    book = Workbook()
    book.active.append(["古い", "一覧"])
    book.active.sheet_state = "hidden"
    book.create_sheet("名簿").append(["氏名", "メール"])
    out = io.BytesIO()
    book.save(out)
    assert sheets.read(out.getvalue()).lines[0].cells == ("氏名", "メール")


def test_a_formula_in_a_book_is_refused_with_its_line() -> None:
    with pytest.raises(Invalid) as caught:
        sheets.read(workbook([("氏名", "計"), ("山田", "=SUM(1,2)")]))
    assert (caught.value.problems[0].code, caught.value.problems[0].found) == ("sheet_formula", 2)


def _altered(part: str, old: bytes, new: bytes) -> bytes:
    source, out = io.BytesIO(workbook([("氏名",), ("山田",)])), io.BytesIO()
    with zipfile.ZipFile(source) as given, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name in given.namelist():
            content = given.read(name)
            if name == part:
                assert old in content
                content = content.replace(old, new, 1)
            made.writestr(name, content)
    return out.getvalue()


@pytest.mark.parametrize(
    ("old", "new", "refusal"),
    [
        # 96 MiB of blanks pack into a hundred kilobytes.
        (b"</sheetData>", b"</sheetData>" + b" " * (97 * 1024 * 1024), "sheet_size"),
        (
            b"</sheetData>",
            b'</sheetData><mergeCells count="1"><mergeCell ref="A1:XFD1048576"/></mergeCells>',
            "sheet_size",
        ),
        (b"<worksheet", b'<!DOCTYPE x [<!ENTITY a "b">]><worksheet', "sheet_broken"),
        (b"<sheetData>", b"<sheetData", "sheet_broken"),
    ],
    ids=["bomb", "joined", "entities", "torn"],
)
def test_a_book_built_to_harm_is_refused(old: bytes, new: bytes, refusal: str) -> None:
    with pytest.raises(Invalid) as caught:
        sheets.read(_altered("xl/worksheets/sheet1.xml", old, new))
    assert caught.value.problems[0].code == refusal


def test_a_cell_in_the_last_corner_makes_no_million_rows() -> None:
    book = Workbook()
    book.active["A1"] = "氏名"
    book.active["XFD1048576"] = "x"
    out = io.BytesIO()
    book.save(out)
    assert [line.number for line in sheets.read(out.getvalue()).lines] == [1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("R8.4.1", date(2026, 4, 1)),
        ("令和８年４月１日", date(2026, 4, 1)),
        ("令和元年5月1日", date(2019, 5, 1)),
        ("㋿8年4月1日", date(2026, 4, 1)),
        ("H31/4/30", date(2019, 4, 30)),
        ("Ｓ６４．１．７", date(1989, 1, 7)),
        ("昭 55-3-3", date(1980, 3, 3)),
        ("2026ー4ー1", date(2026, 4, 1)),
        ("2026/04/01 0:00:00", date(2026, 4, 1)),
        ("2026年4月1日（水）", date(2026, 4, 1)),
        ("20260401", date(2026, 4, 1)),
        ("46113", date(2026, 4, 1)),
        ("H31/5/1", None),
        ("令和0年1月1日", None),
        ("2026/2/30", None),
        ("R8.13.1", None),
        ("4月1日", None),
        ("不明", None),
        ("", None),
    ],
)
def test_days_as_offices_write_them(text: str, expected: date | None) -> None:
    assert day(text) == expected


def test_text_is_folded_but_a_familys_letters_stay() -> None:
    assert plain("　Ｈａｎａ　ﾀｶﾊｼ  １ ") == "Hana タカハシ 1"
    assert plain("髙﨑\ufa19") == "髙﨑\ufa19"
    assert code("０９０ー１２３４−５６７８") == "090-1234-5678"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("９時３０分", ["09:30"]),
        ("午後1時〜3時", ["13:00", "15:00"]),
        ("10：00～15：30", ["10:00", "15:30"]),
        ("午前10時から正午まで", ["10:00", "12:00"]),
        ("正午〜3時", ["12:00", "15:00"]),
        ("〜12:00", None),
        ("12時まで", None),
        ("9時から", ["09:00"]),
        ("9時半", ["09:30"]),
        ("20:00-24:00", ["20:00", "00:00"]),
        ("09:00:00", ["09:00"]),
        ("", []),
        ("夕方", None),
        ("25時", None),
        ("9:00〜12:00（雨天中止）", None),
    ],
)
def test_times_as_offices_write_them(text: str, expected: list[str] | None) -> None:
    found = times(text)
    told = None if found is None else [one.isoformat("minutes") for one in found]
    assert told == expected


@pytest.mark.parametrize(
    ("text", "expected", "rest"),
    [
        ("７月４日（日）", "2027-07-04", ""),
        ("3/31", "2028-03-31", ""),
        ("4月5日(土・祝)9時〜12時", "2027-04-05", "9時〜12時"),
        ("2027-04-05 09:00:00", "2027-04-05", "09:00:00"),
        ("令和 9年 4月 5日", "2027-04-05", ""),
        ("2月29日", "2028-02-29", ""),
        ("2月30日", None, ""),
        ("毎週土曜", None, ""),
    ],
)
def test_a_day_without_its_year_belongs_to_the_fiscal_year(
    text: str, expected: str | None, rest: str
) -> None:
    found, after = day_and_rest(text, 2027)
    assert (found and found.isoformat(), after) == (expected, rest)


def test_the_fiscal_year_is_read_from_a_title() -> None:
    titles = ("令和９年度　行事予定表", "R9年度", "２０２７年度計画", "令和元年度", "行事予定")
    assert [fiscal_year_in(title) for title in titles] == [2027, 2027, 2027, 2019, None]
