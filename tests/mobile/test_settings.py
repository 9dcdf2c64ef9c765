"""設定: how one likes to read, kept in the browser; joining an activity in two taps from home."""

from datetime import date

import pytest

from core.web import SESSION_COOKIE
from tests.conftest import RollbackDatabase
from tests.factories.activities import create_designated_activity, create_session
from tests.factories.phone import Phone
from tests.factories.presence import Look, jst
from tests.factories.registry import GIFU, HIDA, create_person, join, open_bodies


@pytest.mark.parametrize(
    ("given", "classes"),
    [
        ({"text_size": "big", "readings": ""}, 'class="big"'),
        ({"text_size": "huge", "readings": "off"}, 'class="huge plain"'),
        ({"text_size": "", "readings": ""}, 'lang="ja">'),
        ({"text_size": "<script>", "readings": "x"}, 'lang="ja">'),
    ],
)
def test_what_is_chosen_holds_on_every_page(
    phone: Phone, given: dict[str, str], classes: str
) -> None:
    phone.open("/settings").send(given, to="/settings")
    assert phone.path == "/settings"
    for path in ("/", "/help", "/activities"):
        assert classes in phone.open(path).text.partition(">")[2].partition("<head>")[0]


def test_the_choice_is_shown_as_chosen(phone: Phone) -> None:
    phone.open("/settings").send({"text_size": "huge", "readings": "off"}, to="/settings")
    assert 'value="huge" checked' in phone.text
    assert 'value="off" checked' in phone.text


def test_joining_takes_two_taps_from_home(
    phone: Phone, database: RollbackDatabase, look: Look
) -> None:
    open_bodies(database, GIFU, HIDA)
    someone = create_person(database, nickname="花子", birth_year=1952)
    join(database, someone, HIDA)
    activity = create_designated_activity(database)
    session = create_session(database, activity, starts_at=jst(date(2027, 6, 5), 9), capacity=1)
    phone.client.cookies.set(SESSION_COOKIE, someone.token)
    phone.open("/")
    phone.open(phone.link("活動"))  # one
    assert "あと1人" in phone.words
    phone.send(to=f"/sign-ups/{HIDA}/{session.id}")  # two
    assert "申込済み" in phone.words
    assert look.rows("select state from sign_up") == [("taken",)]
    phone.open("/activities")
    assert "申込済み" in phone.words
    assert "参加を申し込む" not in phone.words


def test_the_map_is_told_the_place_only(phone: Phone, database: RollbackDatabase) -> None:
    open_bodies(database, GIFU, HIDA)
    activity = create_designated_activity(database)
    create_session(database, activity, starts_at=jst(date(2027, 6, 5), 9), place="種蔵 棚田広場")
    phone.open(f"/activities/{HIDA}/{activity.id}")
    assert phone.link("地図で見る").startswith("https://www.openstreetmap.org/search?query=")
    assert 'rel="noreferrer"' in phone.text
