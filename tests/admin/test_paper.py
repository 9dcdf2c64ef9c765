"""What the desk prints: sheets are opened again as a printer would, and their codes are read."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pypdfium2
import pytest
import zxingcpp
from PIL import Image
from sqlalchemy import select

from activities.roster import roster
from admin.roster_sheet import WALK_INS, Roster, roster_pdf
from core.access import Role
from core.db import for_body
from core.models import AuditEvent
from core.pdf import missing_letters
from core.texts import Texts
from qr.render import Level, qr_matrix, quick_matrix
from tests.factories.activities import staff_actor
from tests.factories.desk import Morning, create_morning
from tests.factories.registry import HIDA, KESENNUMA, NOW, SignedIn, create_person, join, make_staff

if TYPE_CHECKING:
    from fastapi.testclient import TestClient
    from httpx2 import Response

    from tests.conftest import RollbackDatabase

A4, A3 = (595, 842), (842, 1191)
HOME = f"/staff/{HIDA}"


@pytest.fixture
def morning(database: RollbackDatabase) -> Morning:
    return create_morning(database)


def opened(answer: Response) -> pypdfium2.PdfDocument:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["cache-control"] == "no-store"
    return pypdfium2.PdfDocument(answer.content)


def words(sheet: pypdfium2.PdfDocument) -> str:
    return "".join(page.get_textpage().get_text_range() for page in sheet)


def codes(sheet: pypdfium2.PdfDocument) -> list[str]:
    """What a camera reads on all pages."""
    found: list[str] = []
    for page in sheet:
        picture = page.render(scale=200 / 72).to_pil()
        found += [one.text for one in zxingcpp.read_barcodes(picture)]
    return found


def looks(database: RollbackDatabase, action: str) -> list[tuple[UUID | None, int]]:
    """At whom, and at how many."""
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        asked = select(AuditEvent).where(AuditEvent.action == action)
        return [(one.person_id, one.row_count) for one in db.scalars(asked)]


def press(http: TestClient, staff: SignedIn, path: str, **fields: Any) -> Response:
    return http.post(path, data={"_key": str(uuid4()), **fields}, headers=staff.headers)


def test_r19_a_poster_fills_a4_or_a3_and_its_code_can_be_read(
    http: TestClient, morning: Morning
) -> None:
    page = http.get(f"{HOME}/sessions/{morning.session.id}/poster", headers=morning.clerk.headers)
    for link, size in ((".pdf", A4), (".pdf?paper=a3", A3)):
        path = f"{HOME}/sessions/{morning.session.id}/poster{link}"
        assert path in html.unescape(page.text)
        sheet = opened(http.get(path, headers=morning.clerk.headers))
        assert [round(one) for one in sheet[0].get_size()] == list(size)
        assert len(sheet) == 1
        assert morning.activity.title.split()[0] in words(sheet)
        read = codes(sheet)
        assert len(read) == 1
        assert read[0].endswith(f"/C/{morning.session.poster_code}")
    wrong = http.get(
        f"{HOME}/sessions/{morning.session.id}/poster.pdf?paper=b5", headers=morning.clerk.headers
    )
    assert wrong.status_code == 422


def test_c31_a_list_to_tick_is_for_clerks_and_each_look_is_told(
    http: TestClient, database: RollbackDatabase, morning: Morning
) -> None:
    path = f"{HOME}/sessions/{morning.session.id}/roster.pdf"
    told = words(opened(http.get(path, headers=morning.clerk.headers)))
    assert "山田 花子" in told
    assert "ヤマダ ハナコ" in told
    assert "髙橋 太郎" not in told, "has not signed up"
    assert "確認した人（2 人目）" in told
    viewer = make_staff(database, HIDA, Role.VIEWER)
    assert http.get(path, headers=viewer.headers).status_code == 403
    assert looks(database, "roster.print") == [(morning.expected.id, 1)]


def test_c31_names_with_rare_letters_are_pointed_out(
    database: RollbackDatabase, morning: Morning
) -> None:
    assert missing_letters(["髙﨑 𠮷野", "葛󠄀城", "ｱ"]) == ""
    assert missing_letters(["龘龘", "山田"]) == "龘"
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        entries = roster(db, actor=staff_actor(), session=morning.session, now=NOW)
        rare = [replace(entries[0], display_name="龘 葛󠄀城 太郎", kana=f"{n:02}") for n in range(40)]
        data = roster_pdf(
            Roster(morning.activity, morning.session, rare),
            Texts.load().translator("ja"),
            lang="ja",
            now=NOW,
        )
    told = words(pypdfium2.PdfDocument(data))
    assert "この紙に出せない文字があります（〓）" in told
    assert "〓 葛" in told
    assert f"{40 + WALK_INS}" in told


def test_r22_cards_of_chosen_people_are_printed_ten_a_sheet_and_a_lost_one_ends(
    http: TestClient, database: RollbackDatabase, morning: Morning
) -> None:
    people = [create_person(database, nickname=f"隣人{n}") for n in range(11)]
    rows = [join(database, one, HIDA) for one in people]
    elsewhere = join(database, people[0], KESENNUMA)
    ids = [str(row.id) for row in rows]
    sent = press(http, morning.clerk, f"{HOME}/members/cards", id=[*ids, str(elsewhere.id)])
    assert sent.status_code == 303, sent.text
    sheet = opened(http.get(sent.headers["location"], headers=morning.clerk.headers))
    assert len(sheet) == 2
    read = codes(sheet)
    assert len(set(read)) == len(read) == 11
    # Ordered once more, everybody keeps the card they have.
    again = press(http, morning.clerk, f"{HOME}/members/cards", id=ids)
    assert again.headers["location"] == sent.headers["location"]
    # One is lost: only the new one is printed from now on.
    made = press(http, morning.clerk, f"{HOME}/members/{ids[0]}/card")
    page = http.get(made.headers["location"], headers=morning.clerk.headers).text
    assert "前の登録証は、もう使えません" in page
    assert re.search(r"無効.*有効|有効.*無効", page, re.DOTALL)
    one = opened(http.get(f"{HOME}/members/cards.pdf?id={ids[0]}", headers=morning.clerk.headers))
    assert len(codes(one)) == 1
    assert codes(one)[0] not in read
    assert (people[0].id, 1) in looks(database, "card.print")


def test_r22_nobody_chosen_and_other_towns_people_get_no_card(
    http: TestClient, database: RollbackDatabase, morning: Morning
) -> None:
    other = join(database, create_person(database), KESENNUMA)
    for ids in ([], ["x"], [str(other.id)]):
        refused = press(http, morning.clerk, f"{HOME}/members/cards", id=ids)
        assert refused.status_code == 422
        assert "1人から50人まで選んでください" in refused.text
    answer = http.get(f"{HOME}/members/cards.pdf?id={other.id}", headers=morning.clerk.headers)
    assert answer.status_code == 404


def test_the_quick_writer_draws_what_the_slow_one_draws() -> None:
    """Other masks may be chosen; what is read must be the same, at the same size."""
    for text in ("A", "HTTPS://EXAMPLE.JP/C/ABCD2345", "飛騨市 ふるさと住民", "Z" * 300):
        quick, slow = quick_matrix(text, Level.Q), qr_matrix(text, Level.Q)
        assert len(quick) <= len(slow)
        side = len(quick) + 8
        dots = [[255] * side for _ in range(side)]
        for y, row in enumerate(quick):
            for x, black in enumerate(row):
                dots[y + 4][x + 4] = 0 if black else 255
        assert read(dots) == text
    with pytest.raises(ValueError, match="too long"):
        quick_matrix("Z" * 5000, Level.Q)


def read(dots: list[list[int]]) -> str:
    flat = bytes(shade for row in dots for shade in row)
    image = Image.frombytes("L", (len(dots[0]), len(dots)), flat)
    found = zxingcpp.read_barcodes(image.resize((image.width * 4, image.height * 4), 0))
    return found[0].text
