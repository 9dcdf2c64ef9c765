"""数字: a body's own figures, its prefecture's, the nation's, and what everybody sees (R17)."""

import csv
import io
import re

from fastapi.testclient import TestClient

from core.access import Role
from core.db import Database
from core.tiles import tiles
from reporting.definitions import figures
from tests.factories.figures import TOWN, plant, publication
from tests.factories.registry import GIFU, HIDA, KESENNUMA, make_operator, make_staff

TAKAYAMA, SHIRAKAWA = "212032", "216046"
API = f"/api/v1/local-governments/{HIDA}/figures"


def planted(database: Database) -> None:
    """Four places of a prefecture; one of them is so small that its numbers are hidden."""
    for code, size in ((HIDA, 1), (TAKAYAMA, 3), (GIFU, 2), (KESENNUMA, 2)):
        plant(database, code, {f: {c: v * size for c, v in v.items()} for f, v in TOWN.items()})
    plant(database, SHIRAKAWA, {"registrations": {"basic": 4}, "people": {"verified": 4}})
    publication(database)


def rows_of(page: str, caption: str) -> dict[str, list[str]]:
    """The lines of a page's table by their first cell."""
    table = page.split(f"{caption}</caption>")[1].split("</table>", maxsplit=1)[0]
    found = {}
    for line in table.split("<tr")[2:]:
        cells = re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", line, re.DOTALL)
        words = [" ".join(re.sub(r"<[^>]*>", " ", cell).split()) for cell in cells]
        found[words[0]] = words[1:]
    return found


def test_a_body_sees_each_figure_as_chart_and_table(http: TestClient, database: Database) -> None:
    """Every number of a chart stands in the table beside it; small ones too, for the own desk."""
    plant(database, HIDA)
    staff = make_staff(database, HIDA, Role.VIEWER)
    page = http.get(f"/staff/{HIDA}/figures", headers=staff.headers).text
    for name in ("registrations", "people", "funnel", "revisits", "staff_minutes", "apart"):
        figure = figures()[name]
        shown = rows_of(page, figure.title.ja)
        expected = {
            words.ja: [f"{TOWN[name].get(cell, 0):,}"]
            for cell, words in (figure.cells or {}).items()
        }
        assert {label: cells[-1:] for label, cells in shown.items()} == expected
    assert page.count('<svg class="bars"') == 8
    assert rows_of(page, figures()["origin"].title.ja)["富山県"][-1] == "4"
    cohorts = rows_of(page, figures()["cohorts"].title.ja)
    assert cohorts["2026年度"] == ["350", "170", "58", "12"]
    assert "1.0<small>分／年</small>" in page
    assert "非公開" not in page.split("<main")[1].split("だれでも見られる数字")[0].replace(
        "地図の「＊」は非公開です。", ""
    )


def test_the_map_has_47_tiles_in_places_of_their_own(http: TestClient, database: Database) -> None:
    plant(database, HIDA)
    staff = make_staff(database, HIDA, Role.VIEWER)
    page = http.get(f"/staff/{HIDA}/figures", headers=staff.headers).text
    assert len(re.findall(r'<rect class="tile', page)) == 47
    names = {f"{number:02}0000": f"県{number}" for number in range(1, 48)}
    found = tiles({"130000": 12_345, "270000": 9, "010000": None}, names)
    assert len({(tile.x, tile.y) for tile in found}) == 47
    by_code = {tile.code: tile for tile in found}
    assert [by_code[f"{n}0000"].shade for n in ("13", "27", "02", "01")] == [5, 1, 0, 0]
    assert by_code["130000"].number == "1.2万"
    assert by_code["010000"].number == "＊"


def test_own_figures_are_taken_as_files_by_own_staff_only(
    http: TestClient, database: Database
) -> None:
    """Each line of the file carries what it means; other bodies' staff find nothing there."""
    plant(database, HIDA)
    staff = make_staff(database, HIDA, Role.VIEWER)
    answer = http.get(f"{API}/csv", headers=staff.headers)
    assert answer.content.startswith(b"\xef\xbb\xbf")
    assert answer.headers["cache-control"] == "no-store"
    lines = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    told = {(one["figure"], one["cell"]): one for one in lines}
    assert {key: int(one["value"]) for key, one in told.items()} == {
        (figure, cell): value for figure, cells in TOWN.items() for cell, value in cells.items()
    }
    assert told["origin", "160008"]["cell_ja"] == "富山県"
    assert told["cohorts", "2026/stay"]["cell_ja"] == "2026年度・長期滞在"
    assert all(one["meaning_ja"] and one["unit_ja"] and one["figure_ja"] for one in lines)
    read = http.get(API, headers=staff.headers).json()
    assert {one["day"] for one in read["items"]} == {"2027-06-01"}
    found = {one["name"]: {c["cell"]: c["value"] for c in one["cells"]} for one in read["items"]}
    assert found == {name: dict(TOWN.get(name, {})) for name in figures()}
    stranger = make_staff(database, KESENNUMA)
    assert http.get(API, headers=stranger.headers).status_code == 404
    assert http.get(f"{API}/csv", headers=stranger.headers).status_code == 404


def test_a_prefecture_sees_what_is_published_of_its_municipalities(
    http: TestClient, database: Database
) -> None:
    """R17: its parts add up to it; what is hidden from everybody is hidden from it as well."""
    planted(database)
    staff = make_staff(database, GIFU, Role.VIEWER)
    page = http.get(f"/staff/{GIFU}/figures", headers=staff.headers).text
    rows = rows_of(page, "団体ごとの登録")
    size = sum(TOWN["registrations"].values())
    assert rows["高山市"][0] == f"{3 * size:,}"
    assert rows["白川村"] == ["非公開"] * 3
    assert rows["岐阜県への登録"] != rows["合計"]
    assert sum(cells[0] == "非公開" for cells in rows.values()) >= 3
    assert "気仙沼市" not in page
    assert f"{2 * size:,}<small>件</small>" in page
    assert "だれのことか分からないように" in page
    one_more = http.get(f"/staff/{HIDA}/figures", headers=make_staff(database, HIDA).headers).text
    assert "高山市" not in one_more


def test_before_the_first_night_the_page_says_so(http: TestClient, database: Database) -> None:
    for code in (HIDA, GIFU):
        staff = make_staff(database, code)
        answer = http.get(f"/staff/{code}/figures", headers=staff.headers)
        assert answer.status_code == 200
        assert "まだ数えていません" in answer.text
    assert "まだ公開した数字がありません" in http.get("/open-data").text
    operator = make_operator(database)
    page = http.get("/operator/figures", headers=operator.headers).text
    assert "まだ公開した数字がありません" in page


def test_everybody_walks_from_the_nation_to_a_town(http: TestClient, database: Database) -> None:
    """No sign-in; the same published cells as the files; an unknown place is no place."""
    planted(database)
    nation = http.get("/open-data").text
    assert f'href="/open-data?prefecture={GIFU}"' in nation
    assert "全国" in nation
    assert len(re.findall(r'<rect class="tile', nation)) == 2 * 47
    prefecture = http.get(f"/open-data?prefecture={GIFU}").text
    assert f'href="/open-data?body={TAKAYAMA}"' in prefecture
    town = http.get(f"/open-data?body={TAKAYAMA}").text
    assert f"{3 * sum(TOWN['registrations'].values()):,}" in town
    hidden = http.get(f"/open-data?body={SHIRAKAWA}").text
    assert "すべて非公開です" in hidden
    assert ">4 件<" not in hidden
    for wrong in ("prefecture=999999", f"prefecture={HIDA}", "body=999999", "body=x"):
        assert http.get(f"/open-data?{wrong}").status_code == 404, wrong
    operator = make_operator(database)
    own = http.get("/operator/figures", headers=operator.headers).text
    assert "元の表：application, designation_event, local_government" in own
