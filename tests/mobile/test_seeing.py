"""Language, size of letters and readings: switchable anywhere, coming back to where one was."""

import re
from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from core.furigana import Furigana
from tests.conftest import RollbackDatabase
from tests.factories.registry import GIFU, HIDA, open_bodies

NAMES = (
    ("岐阜県", "ギフケン", "", ""),
    ("飛騨市", "ヒダシ", "岐阜県", "ギフケン"),
    ("池田町", "イケダチョウ", "岐阜県", "ギフケン"),
    ("池田町", "イケダマチ", "長野県", "ナガノケン"),
    ("つがる市", "ツガルシ", "青森県", "アオモリケン"),
)
HERE = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture(scope="module")
def put() -> Callable[[str], str]:
    """Readings as text: 飛騨市（ひだし）."""
    furigana = Furigana(NAMES)
    return lambda html: re.sub(r"</?(ruby|rp|rt)( aria-hidden=\"true\")?>", "", furigana.put(html))


@pytest.mark.parametrize(
    ("html", "read"),
    [
        ("<p>飛騨市へ</p>", "<p>飛騨市（ひだし）へ</p>"),
        ("<p>岐阜県飛騨市</p>", "<p>岐阜県（ぎふけん）飛騨市（ひだし）</p>"),
        ("<p>飛騨市民と奥飛騨市</p>", "<p>飛騨市民と奥飛騨市</p>"),
        ("池田町", "池田町"),
        ("岐阜県池田町", "岐阜県（ぎふけん）池田町（いけだちょう）"),
        ("青森県つがる市", "青森県（あおもりけん）つがる市（つがるし）"),
        ("登録証を見る", "登録証（とうろくしょう）を見る"),
        ('<a title="飛騨市" href="/飛騨市">x</a>', '<a title="飛騨市" href="/飛騨市">x</a>'),
        ("<title>飛騨市</title><option>飛騨市</option>", None),
        ("<style>飛騨市 > a {}</style><textarea>飛騨市</textarea>", None),
    ],
)
def test_readings_stand_where_they_are_known(
    put: Callable[[str], str], html: str, read: str | None
) -> None:
    # An option stands in its select.
    given = html.replace("<option>", "<select><option>").replace("</option>", "</option></select>")
    assert put(given) == (given if read is None else read)


def test_a_screen_reader_hears_a_name_once() -> None:
    marked = Furigana(NAMES).put("飛騨市")
    assert marked == ('<ruby>飛騨市<rp>（</rp><rt aria-hidden="true">ひだし</rt><rp>）</rp></ruby>')


def test_readings_are_there_when_wanted_and_by_themselves_in_easy_japanese(
    client: TestClient, database: RollbackDatabase
) -> None:
    open_bodies(database, GIFU, HIDA)
    reading = '<rt aria-hidden="true">ひだし</rt>'
    for lang, furigana, there in (
        ("ja", None, False), ("ja", "on", True), ("easy", None, True), ("easy", "off", False),
        ("en", None, False),
    ):  # fmt: skip
        client.cookies.clear()
        client.cookies.set("lang", lang)
        if furigana:
            client.cookies.set("readings", furigana)
        assert (reading in client.get(f"/towns/{HIDA}").text) is there, (lang, furigana)


def test_choices_are_kept_and_lead_back(client: TestClient) -> None:
    page = client.get("/towns?q=ひだ")
    back = re.search(r'action="/settings">\s*<input[^>]*name="next" value="([^"]+)"', page.text)
    assert back
    assert back[1] == "/towns?q=%E3%81%B2%E3%81%A0"
    for name, value in (("text_size", "huge"), ("readings", "on")):
        answer = client.post("/settings", data={name: value, "next": back[1]}, headers=HERE)
        assert (answer.status_code, answer.headers["location"]) == (303, back[1])
    again = client.get(back[1]).text
    assert '<html lang="ja" class="huge">' in again
    assert "ふりがなを" in again
    client.post("/settings", data={"text_size": "9em", "next": "//evil.example"}, headers=HERE)
    assert 'class="huge"' in client.get("/").text
    client.post("/settings", data={"text_size": "", "next": "/"}, headers=HERE)
    assert 'class="huge"' not in client.get("/").text


def test_switches_lead_nowhere_else(client: TestClient) -> None:
    for wanted in ("//evil.example", "https://evil.example", "/\\evil.example"):
        answer = client.post("/settings", data={"text_size": "huge", "next": wanted}, headers=HERE)
        assert answer.headers["location"] == "/"


@pytest.mark.parametrize("lang", ["easy", "en"])
def test_errors_keep_the_language_and_lead_back(client: TestClient, lang: str) -> None:
    client.cookies.set("lang", lang)
    missing = client.get("/towns/999999?from=poster")
    assert missing.status_code == 404
    assert missing.headers["content-language"] == ("en" if lang == "en" else "ja")
    assert 'name="next" value="/towns/999999?from=poster"' in missing.text
    refused = client.post(
        "/signin",
        data={"email": "?"},
        headers=HERE | {"Referer": "http://testserver/signin?next=/me"},
    )
    assert refused.status_code == 422
    assert 'name="next" value="/signin?next=/me"' in refused.text
    assert ("Sign in" if lang == "en" else "<rt") in refused.text


def test_strangers_get_pages_squeezed_and_registrants_do_not(client: TestClient) -> None:
    """What holds somebody's secrets does not tell by its length what it holds."""
    squeezed = client.get("/", headers={"Accept-Encoding": "gzip"})
    assert squeezed.headers["content-encoding"] == "gzip"
    assert "Accept-Encoding" in squeezed.headers["vary"]
    assert "Cookie" in squeezed.headers["vary"]
    client.cookies.set("fj", "x")
    assert "content-encoding" not in client.get("/help").headers
    client.cookies.clear()
    token = {"Authorization": "Bearer x", "Accept-Encoding": "gzip"}
    assert "content-encoding" not in client.get("/api/v1/openapi.json", headers=token).headers
