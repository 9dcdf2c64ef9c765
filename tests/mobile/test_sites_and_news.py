"""How a place is and who may come; what a town tells: written once, read by everybody."""

from datetime import date, timedelta

import pytest
from fastapi.testclient import TestClient

from activities.models import Organisation
from core.access import Role
from core.clock import FixedClock
from tests.conftest import RollbackDatabase
from tests.factories.activities import (
    create_designated_activity,
    create_member,
    create_organisation,
    create_session,
)
from tests.factories.phone import Phone, sign_in
from tests.factories.presence import jst
from tests.factories.registry import (
    GIFU,
    HIDA,
    KESENNUMA,
    MIYAGI,
    create_person,
    join,
    make_staff,
    open_bodies,
)

NEWS = f"/api/v1/local-governments/{HIDA}/news"


@pytest.fixture
def organisation(database: RollbackDatabase) -> Organisation:
    open_bodies(database, GIFU, HIDA, MIYAGI, KESENNUMA)
    return create_organisation(database, name="里山の会")


def test_a_host_says_how_the_place_is_and_newcomers_find_it(
    phone: Phone, database: RollbackDatabase, client: TestClient, organisation: Organisation
) -> None:
    host = create_person(database, email="host@example.jp")
    create_member(database, organisation, host.id)
    activity = create_designated_activity(database, organisation)
    create_session(database, activity, starts_at=jst(date(2027, 6, 5), 9))
    other = create_designated_activity(database, organisation)
    create_session(database, other, starts_at=jst(date(2027, 6, 6), 9))
    base = f"/host/{HIDA}/activities/{activity.id}"
    phone.open(f"/signin?next={base}")
    sign_in(phone, "host@example.jp")
    phone.open(phone.link("会場のようす"))
    phone.send({"features": ["toilet", "pickup"], "beginners": "yes", "note": "駅から車が出ます"})
    assert phone.path == f"{base}?done=site"
    seen = phone.open(f"/activities/{HIDA}/{activity.id}").words
    for words in ("初めてでも", "トイレがあります", "送り迎えがあります", "駅から車が出ます"):
        assert words in seen
    assert "段差がありません" not in seen
    assert "会場のようす" not in phone.open(f"/activities/{HIDA}/{other.id}").words
    phone.open("/activities").send({"beginners": "yes"}, to="/activities")
    assert f"/activities/{HIDA}/{activity.id}" in phone.text
    assert str(other.id) not in phone.text
    found = client.get("/api/v1/activities?beginners=true").json()["items"]
    assert [one["id"] for one in found] == [str(activity.id)]
    detail = client.get(f"/api/v1/activities/{HIDA}/{activity.id}").json()
    assert (detail["site"], detail["site_note"]) == (["toilet", "pickup"], "駅から車が出ます")
    phone.open(f"{base}/site").send({"features": ["trampoline"], "note": "x"})
    assert phone.status == 422
    assert "画面の中から選んでください" in phone.words
    door = f"/api/v1/local-governments/{HIDA}/activities/{activity.id}/site"
    said = client.put(door, json={"features": ["seats"], "note": ""}, headers=host.headers)
    assert said.json() == {"features": ["seats"], "note": "", "beginners": False}
    stranger = create_person(database)
    assert client.put(door, json={}, headers=stranger.headers).status_code == 404
    copied = client.post(
        f"/api/v1/local-governments/{HIDA}/activities/{activity.id}/copies", headers=host.headers
    ).json()
    here = f"/host/{HIDA}/activities/{copied['id']}/site"
    assert 'value="seats" checked' in phone.open(here).text


def test_r23_staff_write_news_and_everybody_reads_it(
    phone: Phone,
    database: RollbackDatabase,
    client: TestClient,
    clock: FixedClock,
    organisation: Organisation,
) -> None:
    clerk = make_staff(database, HIDA, Role.CLERK)
    viewer = make_staff(database, HIDA, Role.VIEWER)
    someone = create_person(database, email="ume@example.jp")
    join(database, someone, HIDA)
    for n in range(22):
        given = {"title": f"便り{n}号", "text": "田植えが\n終わりました。"}
        clock.at += timedelta(minutes=1)
        made = client.post(NEWS, json=given, headers=clerk.headers)
        assert made.status_code == 201, made.text
    phone.open(f"/signin?next=/towns/{HIDA}")
    sign_in(phone, "ume@example.jp")
    assert [f"便り{n}号" in phone.words for n in (21, 20, 19, 18)] == [True, True, True, False]
    phone.open(phone.link("便りをすべて読む"))
    assert "田植えが 終わりました。" in phone.words
    assert "便り2号" in phone.words
    assert "便り1号" not in phone.words
    assert "便り0号" in phone.open(phone.link("次へ")).words
    down = client.post(f"{NEWS}/{made.json()['id']}/withdraw", headers=clerk.headers)
    assert down.json()["published"] is False
    again = client.post(f"{NEWS}/{made.json()['id']}/withdraw", headers=clerk.headers)
    assert again.status_code == 409
    read = client.get(NEWS).json()["items"]
    assert [one["title"] for one in read][:2] == ["便り20号", "便り19号"]
    assert client.get(f"/towns/{KESENNUMA}/news").status_code == 200
    assert "便り" not in client.get(f"/towns/{KESENNUMA}").text
    assert client.post(NEWS, json=given, headers=viewer.headers).status_code == 403
    number = given | {"text": "個人番号は123456789018です"}
    assert client.post(NEWS, json=number, headers=clerk.headers).status_code == 409
    elsewhere = f"/api/v1/local-governments/{KESENNUMA}/news/{made.json()['id']}/withdraw"
    assert client.post(elsewhere, headers=clerk.headers).status_code == 404
