"""R19, R22: the pictures read back as what was written, and hold nothing else."""

import io
import re
import xml.etree.ElementTree as ET
from itertools import pairwise
from typing import Any

import pytest
import zxingcpp
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from core.shortcode import MEMBER, POSTER, check_character
from qr.codes import Kind, VenueCode, parse, step_at, url_with_code
from qr.render import Level, qr_matrix, qr_png, qr_svg
from qr.sheets import Card, Poster, PosterWords, card_svg, poster_svg, poster_url
from qr.typeset import clusters, one_line, text_width, wrap, wrap_or_cut
from tests.qr.offices import HIDA, NOW, ROTATE_S, Office

SVG = "{http://www.w3.org/2000/svg}"
CODE = "ABCD234" + check_character("ABCD234", POSTER)
MEMBER_NUMBER = "ABCD2345EFG" + check_character("ABCD2345EFG", MEMBER)
HOSTILE = "<script>alert('x')</script>\"'&]]>\x00\x08\ud800{{7*7}}"


def tree(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 - what we have just drawn ourselves


def decoded(image: Image.Image) -> list[str]:
    return [found.text for found in zxingcpp.read_barcodes(image)]


def painted(svg: str, pixels: int = 12) -> Image.Image:
    """Paint the black rectangles of the code's path, as a printer would."""
    paths = [e for e in tree(svg).iter(f"{SVG}path") if e.get("fill") == "#000"]
    assert len(paths) == 1
    runs = re.findall(r"M([\d.]+) ([\d.]+)h([\d.]+)v([\d.]+)h-[\d.]+z", paths[0].get("d", ""))
    boxes = [tuple(map(float, run)) for run in runs]
    scale = pixels / boxes[0][3]
    side = int(max(x + width for x, _, width, _ in boxes) * scale + 4 * pixels)
    image = Image.new("L", (side, side), 255)
    for x, y, width, height in boxes:
        left, top = round(x * scale), round(y * scale)
        corner = (round((x + width) * scale) - 1, round((y + height) * scale) - 1)
        ImageDraw.Draw(image).rectangle(((left, top), corner), fill=0)
    return image


def poster(**changes: Any) -> Poster:
    facts: dict[str, Any] = {
        "town": "飛騨市",
        "activity": "種蔵の棚田で稲刈り",
        "when": ("2026年10月3日（土）9:00〜15:00",),
        "where": "種蔵集落センター",
        "host": "種蔵を守り育む会",
        "base_url": "https://example.jp",
        "code": CODE,
    }
    return Poster(**(facts | changes))


def words_of(svg: str) -> list[str]:
    return [element.text or "" for element in tree(svg).iter(f"{SVG}text")]


def assert_safe(svg: str) -> None:
    """Nothing a strict content security policy would stop, nothing fetched, no id."""
    for element in tree(svg).iter():
        assert element.tag.removeprefix(SVG) in {
            "svg",
            "title",
            "path",
            "rect",
            "circle",
            "g",
            "text",
        }
        for name in element.attrib:
            assert name not in {"style", "id", "href", "src", "class"}
            assert not name.startswith("on")


# --- pictures of codes --------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("level", list(Level))
def test_r19_png_and_svg_read_back(texts: dict[Kind, str], kind: Kind, level: Level) -> None:
    text = texts[kind]
    assert decoded(Image.open(io.BytesIO(qr_png(text, level=level, box_size=4)))) == [text]
    assert decoded(painted(qr_svg(text, level=level, title="t"))) == [text]


def test_r19_signed_codes_use_the_dense_mode(texts: dict[Kind, str]) -> None:
    """Versions of the standard's alphanumeric tables: the byte mode would need larger ones."""
    sizes = {kind: len(qr_matrix(text, Level.M)) for kind, text in texts.items()}
    assert sizes == {Kind.CARD: 41, Kind.PHONE: 57, Kind.VENUE: 41}
    assert len(qr_matrix(texts[Kind.CARD], Level.Q)) == 49


def test_r19_venue_address_reads_back_as_the_code(office: Office, texts: dict[Kind, str]) -> None:
    url = url_with_code("https://example.jp/v", texts[Kind.VENUE])
    (read,) = decoded(Image.open(io.BytesIO(qr_png(url, box_size=4))))
    assert parse(read) == parse(texts[Kind.VENUE])
    content = parse(read).content
    assert isinstance(content, VenueCode)
    assert (content.lg_code, content.step) == (HIDA, step_at(NOW, ROTATE_S))


def test_svg_is_accessible_and_safe_in_a_page() -> None:
    svg = qr_svg("FJ1:", title=f"登録証 {HOSTILE}")
    root = tree(svg)
    assert root.get("role") == "img"
    assert root.get("aria-label") == root.findtext(f"{SVG}title")
    assert str(root.get("aria-label")).startswith("登録証 <script>")
    assert "<script" not in svg
    assert_safe(svg)


def test_border_is_the_quiet_zone() -> None:
    matrix = qr_matrix("A", Level.M)
    for border in (0, 4):
        size = len(matrix) + 2 * border
        assert f'viewBox="0 0 {size} {size}"' in qr_svg("A", border=border, title="t")
        png = Image.open(io.BytesIO(qr_png("A", border=border, box_size=3)))
        assert png.size == (3 * size, 3 * size)


def test_too_long_a_text_is_refused() -> None:
    for make in (lambda text: qr_svg(text, title="t"), qr_png):
        with pytest.raises(ValueError, match="too long"):
            make("x" * 5000)


# --- poster and card ----------------------------------------------------------------------


def test_r19_poster_s_picture_is_the_upper_case_address() -> None:
    svg = poster_svg(poster())
    assert decoded(painted(svg)) == [f"HTTPS://EXAMPLE.JP/C/{CODE}"]
    assert poster_url("https://example.jp/", CODE) == f"HTTPS://EXAMPLE.JP/C/{CODE}"


def test_r19_poster_says_the_facts_the_code_and_the_second_factor() -> None:
    said = words_of(poster_svg(poster()))
    for word in (
        "飛騨市",
        "2026年10月3日（土）9:00〜15:00",
        "種蔵集落センター",
        "種蔵を守り育む会",
    ):
        assert word in said
    assert "種蔵の棚田で稲刈り" in "".join(said)
    assert f"{CODE[:4]} {CODE[4:]}" in said
    assert any("係に画面を見せる" in word for word in said)
    assert "携帯電話がなくても参加できます。" in "".join(said)


def test_poster_escapes_whatever_was_typed() -> None:
    svg = poster_svg(
        poster(town=HOSTILE, activity=HOSTILE, when=(HOSTILE,), where=HOSTILE, host=HOSTILE)
    )
    assert_safe(svg)
    assert "<script" not in svg
    assert decoded(painted(svg)) == [f"HTTPS://EXAMPLE.JP/C/{CODE}"]


def test_poster_s_words_may_be_another_language_s() -> None:
    said = words_of(poster_svg(poster(), PosterWords(when="When", heading="Check in here")))
    assert "When" in said
    assert "Check in here" in said
    assert "日時" not in said


def test_poster_with_many_sessions_says_how_many_there_are() -> None:
    said = words_of(poster_svg(poster(when=tuple(f"10月{day}日" for day in range(1, 8)))))
    assert "10月3日" in said
    assert "10月4日" not in said
    assert "ほか、全7回" in said


@pytest.mark.parametrize("length", [1, 12, 40, 60, 90, 2000])
def test_poster_s_text_never_reaches_the_code(length: int) -> None:
    long = "稲刈りと草刈りのお手伝い" * (length // 12 + 1)
    svg = poster_svg(poster(activity=long[:length], when=(long,) * 9, where=long, host=long))
    for element in tree(svg).iter(f"{SVG}text"):
        x, y, size = (float(element.get(name, "0")) for name in ("x", "y", "font-size"))
        if element.get("text-anchor") != "middle":
            assert x + text_width(element.text or "") * size <= 200
        if 82 < y < 172:
            assert y + size * 0.3 < 172


def test_poster_leaves_out_rows_without_content() -> None:
    said = words_of(poster_svg(poster(host=" ", when=())))
    assert "場所" in said
    assert "主催" not in said
    assert "日時" not in said


def card(office: Office, name: str | None = "髙橋 𠮷乃", *, premium: bool = True) -> Card:
    tier = "プレミアム登録" if premium else "ベーシック登録"
    return Card("飛騨市", tier, premium, MEMBER_NUMBER, office.card_text(), name)


def test_r22_card_says_what_it_should_and_no_validity_date(office: Office) -> None:
    one = card(office)
    svg = card_svg(one)
    assert decoded(painted(svg)) == [one.signed_code]
    said = words_of(svg)
    for word in ("飛騨市", "プレミアム登録", "髙橋 𠮷乃", "ABCD 2345 EFG" + MEMBER_NUMBER[-1]):
        assert word in said
    assert not re.search(r"20\d\d|令和|有効期", "".join(said))
    assert_safe(svg)
    assert 'width="85.6mm" height="53.98mm"' in svg


def test_r22_card_without_a_name_and_with_a_hostile_one(office: Office) -> None:
    assert "髙橋 𠮷乃" not in words_of(card_svg(card(office, None)))
    svg = card_svg(card(office, HOSTILE * 5))
    assert_safe(svg)
    for element in tree(svg).iter(f"{SVG}text"):
        if element.get("x") == "4.5":
            size = float(element.get("font-size", "0"))
            assert 4.5 + text_width(element.text or "") * size < 85.6 - 3


def test_r22_tiers_differ_in_words_and_look(office: Office) -> None:
    assert "ベーシック登録" in words_of(card_svg(card(office, premium=False)))
    assert card_svg(card(office, premium=False)) != card_svg(card(office))


# --- lines --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("雪下ろし隊", 10, ["雪下ろし隊"]),
        ("種蔵の棚田で稲刈りとはさがけ", 11, ["種蔵の棚田で", "稲刈りとはさがけ"]),
        ("画面の「参加を受付する」を押す", 12.5, ["画面の", "「参加を受付する」を押す"]),
        (
            "第12回 古川やんちゃ公園の草刈りと遊具のペンキ塗り直しボランティア",
            13,
            ["第12回 古川やんちゃ", "公園の草刈りと遊具の", "ペンキ塗り直しボランティア"],
        ),
    ],
)
def test_lines_break_where_a_reader_pauses(text: str, width: float, lines: list[str]) -> None:
    assert wrap(text, width, 3) == lines


JAPANESE = st.text("稲刈りのお手伝いカタカナー、。「」（）abcXYZ 123", max_size=60)


@settings(deadline=None)
@given(JAPANESE, st.integers(4, 20), st.integers(1, 4))
@example("「 XX、", 4, 2)
def test_lines_keep_the_text_the_width_and_the_rules(text: str, width: int, most: int) -> None:
    lines = wrap(text, width, most)
    if lines is None:
        return
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert len(lines) <= most
    assert all(text_width(line) <= width for line in lines)
    for before, after in pairwise(lines):
        assert not after.startswith(("、", "。", "」", "）", "ー"))
        assert not before.endswith(("「", "（"))


@settings(deadline=None)
@given(JAPANESE | st.text(max_size=60), st.integers(4, 20), st.integers(1, 3))
def test_cut_lines_always_fit(text: str, width: int, most: int) -> None:
    lines = wrap_or_cut(text, width, most)
    assert len(lines) <= most
    assert all(text_width(line) <= width for line in lines)


def test_variants_of_a_kanji_stay_with_it() -> None:
    assert clusters("葛󠄀が") == ["葛󠄀", "が"]
    assert wrap("葛󠄀葛󠄀葛󠄀葛󠄀", 2, 2) == ["葛󠄀葛󠄀", "葛󠄀葛󠄀"]


def test_one_line_drops_what_xml_forbids() -> None:
    assert one_line(" a\r\n\tb\x00\ud800\ufffe　c ") == "a b c"
