"""The page for scanning, with scripts off: photos and typed codes, with and without an account (R19)."""

import io
from datetime import date

import pytest
from PIL import Image, ImageFilter

from core.clock import FixedClock
from mobile.pages.scanning import MAX_PHOTO
from qr.codes import url_with_code
from qr.render import Level, qr_png
from qr.sheets import poster_url
from tests.conftest import RollbackDatabase
from tests.factories.activities import create_designated_activity, create_session
from tests.factories.phone import Phone, sign_in
from tests.factories.presence import jst, make_keys, venue_code
from tests.factories.registry import GIFU, HIDA, open_bodies

DAY = date(2027, 6, 5)
SITE = "https://furusato.example"


@pytest.fixture
def codes(database: RollbackDatabase, clock: FixedClock) -> dict[str, str]:
    """What hangs at a venue, ten minutes before it begins: poster, screen, and their characters."""
    open_bodies(database, GIFU, HIDA)
    keys = make_keys(database, now=clock.now())
    session = create_session(database, create_designated_activity(database), starts_at=jst(DAY, 9))
    clock.at = jst(DAY, 8, 50)
    return {
        "typed": session.poster_code,
        "poster": poster_url(SITE, session.poster_code),
        "venue": url_with_code(f"{SITE}/v", venue_code(keys, session, at=clock.now())),
    }


@pytest.fixture
def hanako(phone: Phone, codes: dict[str, str]) -> Phone:
    """A registrant of 飛騨市."""
    phone.open(f"/signin?next=/towns/{HIDA}")
    sign_in(phone, "hanako@example.jp")
    phone.send({"nickname": "花子", "birth_year": "1952", "consent": "yes"}, to="/welcome")
    return phone.send({"tie": "origin", "link": "yes"}, to=f"/towns/{HIDA}/join")


def photo(*texts: str, blur: float = 0) -> bytes:
    """A wall with these codes on it."""
    wall = Image.new("RGB", (1500, 900), (214, 205, 190))
    for place, text in enumerate(texts):
        one = Image.open(io.BytesIO(qr_png(text, level=Level.M, box_size=8))).convert("RGB")
        wall.paste(one, (60 + place * 720, 120))
    if blur:
        wall = wall.filter(ImageFilter.GaussianBlur(blur))
    buffer = io.BytesIO()
    wall.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def show(phone: Phone, picture: bytes, *, name: str = "photo.jpg") -> Phone:
    """Choose a photo on the page, and press the button."""
    form = phone.open("/scan").form("/scan/photo")
    assert 'enctype="multipart/form-data"' in phone.text
    assert set(form.fields) == {"photo"}
    answer = phone.client.post(
        form.action,
        files={"photo": (name, picture, "image/jpeg")},
        headers={"Sec-Fetch-Site": "same-origin"},
    )
    return phone._land(answer, form.action)


def test_only_this_page_may_use_the_camera(phone: Phone, codes: dict[str, str]) -> None:
    for path, allowed in (("/scan", True), ("/checkin", True), ("/v", True), ("/", False)):
        policy = phone.client.get(path).headers["permissions-policy"]
        assert ("camera=(self)" in policy) is allowed, path
        assert ("camera=()" in policy) is not allowed, path


def test_r19_a_photo_of_the_poster_leads_a_stranger_to_its_page(
    phone: Phone, codes: dict[str, str]
) -> None:
    show(phone, photo(codes["poster"]))
    assert phone.path == f"/c/{codes['typed']}"
    assert "参加を受付する" in phone.words


def test_r19_a_photo_of_the_venues_screen_is_one_press_from_the_reception(
    hanako: Phone, codes: dict[str, str]
) -> None:
    show(hanako, photo(codes["venue"]))
    assert "会場のコードを読み取りました" in hanako.words
    assert "FJ1" not in hanako.path
    hanako.send(to="/checkin")
    assert "受付しました" in hanako.words


def test_c17_a_strangers_venue_code_stays_behind_the_hash(
    phone: Phone, codes: dict[str, str]
) -> None:
    answer = phone.client.post(
        "/scan/photo",
        files={"photo": ("photo.jpg", photo(codes["venue"]), "image/jpeg")},
        headers={"Sec-Fetch-Site": "same-origin"},
    )
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/v#")
    assert "FJ1" in answer.headers["location"].partition("#")[2]


def test_a_stranger_may_type_the_posters_code(phone: Phone, codes: dict[str, str]) -> None:
    typed = f" {codes['typed'][:4].lower()}-{codes['typed'][4:].lower()} "
    phone.open("/scan").send({"code": typed}, to="/scan")
    assert phone.path == f"/c/{codes['typed']}"
    last = "3" if codes["typed"][-1] == "2" else "2"
    phone.open("/scan").send({"code": codes["typed"][:-1] + last}, to="/scan")
    assert phone.status == 422
    assert 'href="#code"' in phone.text


def test_a_foreign_code_on_the_wall_does_not_disturb(phone: Phone, codes: dict[str, str]) -> None:
    show(phone, photo("https://shop.example/menu", codes["poster"]))
    assert phone.path == f"/c/{codes['typed']}"


def test_one_code_twice_is_one_code(phone: Phone, codes: dict[str, str]) -> None:
    show(phone, photo(codes["poster"], codes["poster"].lower()))
    assert phone.path == f"/c/{codes['typed']}"


@pytest.mark.parametrize(
    ("which", "words"),
    [
        ("two", "コードが2つ以上写っています"),
        ("foreign", "このサービスのコードではないようです"),
        ("blurred", "写真からはコードを読み取れませんでした"),
        ("empty", "写真からはコードを読み取れませんでした"),
        ("nothing", "コードの写真をえらんでから"),
        ("heic", "この形式（HEIC）の写真は開けませんでした"),
        ("text", "写真を開けませんでした"),
        ("huge", "写真が大きすぎて開けませんでした"),
    ],
)
def test_what_is_wrong_with_a_photo_is_said_beside_the_field(
    phone: Phone, codes: dict[str, str], which: str, words: str
) -> None:
    pictures: dict[str, bytes] = {
        "two": photo(codes["poster"], codes["venue"]),
        "foreign": photo("https://shop.example/menu"),
        "blurred": photo(codes["poster"], blur=30),
        "empty": photo(),
        "nothing": b"",
        "heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
        "text": b"no picture",
        "huge": b"\xff\xd8" + b"\0" * MAX_PHOTO,
    }
    show(phone, pictures[which])
    assert phone.status == 422
    assert words in phone.words
    assert 'href="#photo"' in phone.text
    assert "写真を読み取る" in phone.words, "it can be tried again at once"


def test_other_doors_take_no_more_than_before(hanako: Phone) -> None:
    answer = hanako.client.post(
        "/checkin", data={"code": "A" * 300_000}, headers={"Sec-Fetch-Site": "same-origin"}
    )
    assert answer.status_code == 413
