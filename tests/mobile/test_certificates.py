"""R22: a certificate is made, saved, checked by anybody, and ends with what it says."""

from datetime import date

from fastapi.testclient import TestClient

from core.clock import FixedClock
from core.shortcode import CERTIFICATE, is_valid
from registry import choosing
from tests.conftest import RollbackDatabase
from tests.factories.phone import Phone, sign_in
from tests.factories.premium import take_part
from tests.factories.registry import (
    HIDA,
    KESENNUMA,
    SignedIn,
    create_person,
    grant,
    join,
    policy_book,
)

ISSUE = f"/api/v1/me/registrations/{HIDA}/certificates"
MINE = "/api/v1/me/certificates"


def _member(database: RollbackDatabase, email: str = "ume@example.jp") -> SignedIn:
    someone = create_person(database, nickname="うめ", name="山田 うめ", email=email)
    join(database, someone, HIDA)
    take_part(database, someone, HIDA, days=3)
    return someone


def test_r22_made_on_the_phone_and_checked_by_a_stranger(
    phone: Phone, database: RollbackDatabase, client: TestClient
) -> None:
    _member(database)
    phone.open("/signin?next=/me/certificate")
    sign_in(phone, "ume@example.jp")
    assert phone.path == "/me/certificate"
    phone.send(to=f"/me/certificate/{HIDA}")
    assert "岐阜県飛騨市" in phone.words
    assert "3回" in phone.words
    sheet = phone.client.get(phone.link("PDFを受け取る"))
    assert (sheet.status_code, sheet.headers["content-type"]) == (200, "application/pdf")
    assert sheet.content.startswith(b"%PDF")
    where = phone.link("/verify/")
    client.cookies.clear()
    seen = client.get(where.removeprefix("http://testserver")).text
    assert "有効な証明書です" in seen
    assert "飛騨市" in seen
    assert "うめ" not in seen
    assert "3回" not in seen
    typed = client.post(
        "/verify",
        data={"code": where.rpartition("/")[2].replace("-", " ").lower(), "_key": "k"},
        headers={"Sec-Fetch-Site": "same-origin"},
    )
    assert "有効な証明書です" in typed.text
    phone.send(to=f"/me/certificate/{where.rpartition('/')[2]}/revoke")
    assert "/verify/" not in phone.text
    assert "いまは有効ではありません" in client.get(where).text


def test_r22_it_ends_with_the_registration_and_with_premium(
    client: TestClient, database: RollbackDatabase, clock: FixedClock
) -> None:
    someone = _member(database)
    basic = client.post(ISSUE, headers=someone.headers).json()
    assert (basic["tier"], basic["counted"], basic["holds"]) == ("basic", 3, True)
    assert is_valid(basic["number"].partition("-")[2], CERTIFICATE)
    assert client.post(ISSUE, headers=someone.headers).json() == basic, "nothing new: the same"
    grant(database, someone, HIDA, first_day=date(2027, 3, 1), last_day=date(2028, 2, 29))
    premium = client.post(ISSUE, headers=someone.headers).json()
    assert (premium["tier"], premium["premium_until"]) == ("premium", "2028-02-29")
    checked = f"/api/v1/certificates/{premium['number']}"
    told = client.get(checked).json()
    assert told == {
        "valid": True,
        "lg_code": HIDA,
        "tier": "premium",
        "as_of": told["as_of"],
    }
    with database.transaction(someone.context) as db:
        choosing.give_up(db, actor=someone.actor, lg_code=HIDA, now=clock.now(), book=policy_book())
    assert client.get(checked).json()["valid"] is False
    assert client.get(f"/api/v1/certificates/{basic['number']}").json()["valid"] is True
    assert client.delete(
        f"/api/v1/me/registrations/{HIDA}", headers=someone.headers
    ).status_code in {200, 204}
    gone = client.get(f"/api/v1/certificates/{basic['number']}").json()
    assert (gone["valid"], gone["tier"], gone["lg_code"]) == (False, None, None)
    assert client.post(ISSUE, headers=someone.headers).status_code == 409


def test_r22_only_ones_own_and_only_real_numbers(
    client: TestClient, database: RollbackDatabase
) -> None:
    someone, other = _member(database), create_person(database)
    join(database, other, KESENNUMA)
    number = client.post(ISSUE, headers=someone.headers).json()["number"]
    assert [one["number"] for one in client.get(MINE, headers=someone.headers).json()["items"]] == [
        number
    ]
    assert client.get(MINE, headers=other.headers).json()["items"] == []
    assert client.get(f"{MINE}/{number}/sheet", headers=other.headers).status_code == 404
    assert client.post(f"{MINE}/{number}/revoke", headers=other.headers).status_code == 404
    assert client.post(ISSUE, headers=other.headers).status_code == 404
    sheet = client.get(
        f"{MINE}/{number}/sheet", headers=someone.headers | {"Accept-Language": "en"}
    )
    assert sheet.content.startswith(b"%PDF")
    back = client.post(f"{MINE}/{number}/revoke", headers=someone.headers)
    assert (back.status_code, back.json()["holds"]) == (200, False)
    assert client.get(f"/api/v1/certificates/{number}").json()["valid"] is False
    misread = number[:-1] + ("2" if number[-1] != "2" else "3")
    assert client.get(f"/api/v1/certificates/{misread}").status_code == 404
    page = client.get(f"/verify/{misread}")
    assert page.status_code == 422
    assert "証明書を確かめる" in page.text
