"""Joining, the questionnaire, the prefecture, leaving; keep and restore with one tap (R02–R06)."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from core.clock import FixedClock
from core.db import for_job
from core.outbox import NoticeDraft, tell
from tests.conftest import RollbackDatabase
from tests.factories.phone import Phone, sign_in
from tests.factories.presence import Look
from tests.factories.registry import GIFU, HIDA, KESENNUMA, MIYAGI, open_bodies


@pytest.fixture
def hanako(phone: Phone, database: RollbackDatabase) -> Phone:
    """Signed in, with a profile, registered nowhere; two towns have joined."""
    open_bodies(database, GIFU, HIDA, MIYAGI, KESENNUMA)
    phone.open("/signin")
    sign_in(phone, "hanako@example.jp")
    phone.send({"nickname": "花子", "birth_year": "1952", "consent": "yes"}, to="/welcome")
    assert phone.path == "/"
    assert "花子さん、こんにちは" in phone.words
    return phone


def join(phone: Phone, code: str, **more: str) -> Phone:
    phone.open(f"/towns/{code}")
    return phone.send({"tie": "origin", **more}, to=f"/towns/{code}/join")


def states(look: Look) -> dict[str, tuple[str, bool, bool]]:
    rows = look.rows("select lg_code, status, direct, derived from registration")
    return {row[0]: (row[1], row[2], row[3]) for row in rows}


def test_r02_joining_brings_the_prefecture_and_opting_out_takes_it_away(
    hanako: Phone, look: Look
) -> None:
    join(hanako, HIDA)
    assert states(look) == {HIDA: ("active", True, False), GIFU: ("active", False, True)}
    hanako.open(f"/towns/{HIDA}")
    hanako.send(to=f"/towns/{HIDA}/link")
    assert states(look)[HIDA] == ("active", True, False)
    assert states(look)[GIFU][0] != "active"
    assert "いっしょに登録していません" in hanako.words


def test_r02_joining_without_the_prefecture(hanako: Phone, look: Look) -> None:
    join(hanako, HIDA, link="no")
    assert set(states(look)) == {HIDA}


def test_r04_the_first_question_is_asked_and_the_rest_may_wait(hanako: Phone, look: Look) -> None:
    hanako.open(f"/towns/{HIDA}")
    hanako.send({"tie": ""}, to=f"/towns/{HIDA}/join")
    assert hanako.status == 422
    assert "エラー" in hanako.text
    assert states(look) == {}
    join(hanako, HIDA)
    hanako.open(hanako.link("あとで答える"))
    hanako.open(f"/towns/{HIDA}/survey")
    assert 'value="origin" checked' in hanako.text
    hanako.send({"since": "1995", "attractions": ["nature", "food"], "skills": "草刈り機"})
    assert "ご回答を受け取りました" in hanako.words
    answers = look.one("select answers from survey_answer")
    assert answers["since"] == 1995
    assert answers["attractions"] == ["nature", "food"]


def test_r04_a_wrong_answer_comes_back_with_what_was_typed(hanako: Phone) -> None:
    join(hanako, HIDA)
    hanako.open(f"/towns/{HIDA}/survey")
    hanako.send({"visits": "たくさん", "skills": "溶接"})
    assert hanako.status == 422
    assert "溶接" in hanako.text
    assert 'href="#visits"' in hanako.text


def test_r12_an_individual_number_is_never_taken(hanako: Phone, look: Look) -> None:
    join(hanako, HIDA)
    hanako.open(f"/towns/{HIDA}/survey")
    hanako.send({"skills": "123456789018"})
    assert hanako.status in {409, 422}
    assert "skills" not in look.one("select answers from survey_answer")
    hanako.open("/me/profile")
    hanako.send({"name": "123456789018"}, to="/me/profile")
    assert hanako.status == 422
    assert look.one("select name from person") is None


def test_leaving_asks_first_and_can_be_undone_by_joining(hanako: Phone, look: Look) -> None:
    join(hanako, HIDA)
    hanako.open(f"/towns/{HIDA}/leave")
    assert states(look)[HIDA][0] == "active"  # looking changes nothing
    hanako.send()
    assert "登録を終えました" in hanako.words
    assert states(look)[HIDA][0] == "withdrawn"
    join(hanako, HIDA)
    assert states(look)[HIDA][0] == "active"


def test_a_town_that_has_not_joined_cannot_be_joined(hanako: Phone) -> None:
    hanako.open("/towns/131130")
    assert "まだ準備中です" in hanako.words


def owed(database: RollbackDatabase, kind: str, person: Any, clock: FixedClock) -> None:
    draft = NoticeDraft(person, kind, f"{kind}:1", HIDA, {"government": "飛騨市", "days": 60})
    with database.transaction(for_job("dormancy", HIDA)) as db:
        tell(db, [draft], now=clock.now())


def test_r06_one_tap_keeps_and_opening_the_notice_does_not(
    hanako: Phone, database: RollbackDatabase, look: Look, clock: FixedClock
) -> None:
    join(hanako, HIDA)
    long_ago = date(2025, 7, 15)
    with database.owner() as connection:
        connection.execute(
            text("update registration set last_access_on = :day where lg_code = :code"),
            {"day": long_ago, "code": HIDA},
        )
    owed(database, "dormancy_notice", look.one("select id from person"), clock)
    hanako.open("/notices")
    hanako.open("/")
    assert "つながりを続けますか" in hanako.words
    silent = "select last_access_on from registration where lg_code = :code"
    assert look.one(silent, code=HIDA) == long_ago
    hanako.open("/notices")
    hanako.send(to=f"/towns/{HIDA}/keep")
    assert "登録を続けます" in hanako.words
    assert look.one(silent, code=HIDA) == date(2027, 6, 1)
    hanako.send_again()
    assert look.one("select count(*) from registration_event where kind = 'kept'") == 1


def test_r06_one_tap_restores_while_it_may(
    hanako: Phone, database: RollbackDatabase, look: Look, clock: FixedClock
) -> None:
    join(hanako, HIDA, link="no")
    with database.owner() as connection:
        connection.execute(
            text(
                "update registration set status = 'released_dormant', released_on = '2027-05-01',"
                " restore_until = '2028-04-30' where lg_code = :code"
            ),
            {"code": HIDA},
        )
    owed(database, "dormancy_released", look.one("select id from person"), clock)
    hanako.open("/notices")
    hanako.send(to=f"/towns/{HIDA}/restore")
    assert "おかえりなさい" in hanako.words
    assert states(look)[HIDA][0] == "active"
    clock.advance(timedelta(days=1))
    hanako.open("/notices")
    assert "登録をもとに戻す" not in hanako.words


def test_notices_are_read_when_one_says_so(hanako: Phone, look: Look) -> None:
    join(hanako, HIDA)
    hanako.open("/notices")
    unread = "select count(*) from notice where read_at is null"
    before = look.one(unread)
    assert before > 0
    notice = look.one("select id from notice order by created_at limit 1")
    hanako.send(to=f"/notices/{notice}/read")
    assert look.one(unread) == before - 1
    hanako.send(to="/notices/read")
    assert look.one(unread) == 0
    assert "新着" not in hanako.words


def test_a_form_from_another_site_changes_nothing(hanako: Phone, look: Look) -> None:
    answer = hanako.client.post(
        f"/towns/{HIDA}/join",
        data={"tie": "origin", "_key": "k"},
        headers={"Sec-Fetch-Site": "cross-site"},
    )
    assert answer.status_code == 403
    assert states(look) == {}


def test_language_is_kept_and_reaches_the_account(hanako: Phone, look: Look) -> None:
    answer = hanako.client.post(
        "/language",
        data={"lang": "en", "next": "/towns"},
        headers={"Sec-Fetch-Site": "same-origin"},
    )
    assert answer.headers["location"] == "/towns"
    hanako.open("/towns")
    assert "Find a town" in hanako.words
    assert look.one("select language from account where kind = 'person'") == "en"


def test_signing_out_ends_the_session_on_the_server(hanako: Phone) -> None:
    cookies = dict(hanako.client.cookies)
    hanako.open("/me")
    hanako.send(to="/signout")
    assert "登録・サインイン" in hanako.words
    hanako.client.cookies.update(cookies)
    hanako.open("/me")
    assert hanako.path.startswith("/signin")


def test_signing_in_again_goes_where_one_was_going(hanako: Phone) -> None:
    hanako.open("/me")
    hanako.send(to="/signout")
    hanako.open(f"/me/premium/{HIDA}")
    assert hanako.path.startswith("/signin")
    sign_in(hanako, "HANAKO@example.jp ")
    assert hanako.path == f"/towns/{HIDA}"  # not registered there yet


@pytest.mark.parametrize("wanted", ["//evil.example", "https://evil.example", "/\\evil.example"])
def test_nobody_is_sent_to_another_site(phone: Phone, wanted: str) -> None:
    phone.open(f"/signin?next={wanted}")
    assert "evil" not in phone.form("/signin").fields.get("next", "")


def test_a_wrong_code_is_told_and_counted(phone: Phone, look: Look) -> None:
    phone.open("/signin").send({"email": "hanako@example.jp"}, to="/signin")
    for _ in range(5):
        phone.send({"code": "00000000"}, to="/signin/code")
        assert phone.status == 422
    assert look.one("select max(tries) from sign_in_code") == 5
    phone.send({"code": "00000000"}, to="/signin/code")
    assert "期限が過ぎました" in phone.words


def test_r03_a_machine_that_fills_the_hidden_field_gets_no_profile(
    phone: Phone, look: Look
) -> None:
    phone.open("/signin")
    sign_in(phone, "robot@example.jp")
    phone.send(
        {"nickname": "x", "birth_year": "1990", "consent": "yes", "website": "https://spam"},
        to="/welcome",
    )
    assert phone.status == 422
    assert look.one("select count(*) from person") == 0
    phone.send({"nickname": "", "birth_year": "19", "consent": ""}, to="/welcome")
    assert phone.text.count('class="error"') == 3


def test_r05_above_twenty_towns_the_page_says_that_mails_come_as_one(
    hanako: Phone, database: RollbackDatabase, look: Look
) -> None:
    towns = [
        row[0]
        for row in look.rows(
            "select code from local_government where prefecture_code = '210005'"
            " and code <> '210005' order by code limit 21"
        )
    ]
    open_bodies(database, *towns)
    for count, town in enumerate(towns, start=1):
        join(hanako, town)
        if count == 20:
            assert "1日1通" not in hanako.open("/notices").words
    assert "1日1通（18時）" in hanako.open("/notices").words
