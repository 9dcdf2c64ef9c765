"""R01, R02: local governments, their way into the scheme, and links that wait for a prefecture."""

from datetime import date, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, text

from core.access import system
from core.clock import japan_day
from core.db import Database, for_body, for_job
from core.models import AuditEvent, Notice
from registry import registration as use
from registry.governments import wake_links
from registry.models import PendingLink
from tests.factories import registry as make
from tests.factories.registry import GIFU, HIDA, NOW, SignedIn, registration_of

URL = "/api/v1/local-governments"
TAKAYAMA = "212032"


def names(client: TestClient, **asked: Any) -> list[str]:
    answer = client.get(URL, params=asked)
    assert answer.status_code == 200, answer.text
    return [row["name"] for row in answer.json()["items"]]


def set_state(
    client: TestClient, operator: SignedIn, code: str, state: str, reason: str = "", **more: Any
) -> Any:
    url = f"/api/v1/operator/local-governments/{code}/state"
    body = {"state": state, "reason": reason, **more}
    return client.post(url, headers=operator.headers, json=body)


def test_r01_found_by_name_reading_and_prefecture(client: TestClient) -> None:
    assert names(client, q="飛騨") == ["飛騨市"]
    assert names(client, q="ひだし") == ["飛騨市"]
    assert names(client, q="ヒダシ") == ["飛騨市"]
    assert names(client, q="岐阜県飛騨市") == ["飛騨市"]
    assert names(client, q="%") == []
    assert names(client, kind="prefecture", prefecture=GIFU) == ["岐阜県"]
    assert len(names(client, prefecture=GIFU, kind="municipality")) == 42


def test_r01_all_1788_by_pages(client: TestClient) -> None:
    seen: list[str] = []
    cursor = None
    while True:
        asked = {"limit": 200, **({"cursor": cursor} if cursor else {})}
        page = client.get(URL, params=asked).json()
        seen += [row["lg_code"] for row in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 1788
    assert seen == sorted(seen)


def test_r01_an_etag_saves_the_answer_until_something_changes(
    client: TestClient, database: Database
) -> None:
    first = client.get(f"{URL}/{HIDA}")
    tag = {"If-None-Match": first.headers["etag"]}
    same = client.get(f"{URL}/{HIDA}", headers=tag)
    assert (same.status_code, same.content) == (304, b"")
    make.open_bodies(database, HIDA)
    changed = client.get(f"{URL}/{HIDA}", headers=tag)
    assert (changed.status_code, changed.json()["state"]) == (200, "active")


def test_r07_what_it_asks_for_premium_is_open(client: TestClient) -> None:
    body = client.get(f"{URL}/{HIDA}").json()
    assert (body["state"], body["accepts"]) == ("none", False)
    assert body["requirement"]["tree"] == {"count": 3}
    assert body["requirement"]["below_national_base"] is False


@pytest.mark.parametrize("code", ["999999", "21217", "abcdef", "２１２１７２"])
def test_r01_unknown_codes_are_said_to_be(client: TestClient, code: str) -> None:
    answer = client.get(f"{URL}/{code}")
    assert answer.status_code in {404, 422}
    assert answer.headers["content-type"] == "application/problem+json"


def test_r01_only_the_operator_moves_a_state_and_only_by_known_steps(
    client: TestClient, database: Database
) -> None:
    operator = make.make_operator(database)
    manager = make.make_staff(database, HIDA)
    assert set_state(client, manager, HIDA, "active").status_code == 403
    assert set_state(client, operator, HIDA, "left").json()["code"] == "state_step"
    for state in ("preparing", "trial", "active", "active", "suspended", "active", "left"):
        answer = set_state(client, operator, HIDA, state, "議会の決定")
        assert (answer.status_code, answer.json().get("state")) == (200, state)
    assert set_state(client, operator, HIDA, "active").json()["code"] == "state_step"
    assert set_state(client, operator, HIDA, "opened").status_code == 422
    assert set_state(client, operator, "999999", "active").status_code == 404
    assert client.get(f"{URL}/{HIDA}").json()["joined_on"] == "2027-06-01"
    with database.transaction(for_body(HIDA, actor=manager.actor.label)) as db:
        moves = db.scalars(
            select(AuditEvent.purpose).where(AuditEvent.action == "local_government.state")
        ).all()
    assert sorted(map(str, moves)) == sorted(
        [
            "none>preparing",
            "preparing>trial",
            "trial>active",
            "active>suspended",
            "suspended>active",
            "active>left",
        ]
    )


def wake(database: Database, day: date) -> dict[str, int]:
    with database.transaction(for_job("links", GIFU)) as db:
        return wake_links(
            db,
            actor=system("links"),
            lg_code=GIFU,
            as_of=day,
            now=NOW,
            book=make.policy_book(),
        )


def due(database: Database, day: date) -> list[str]:
    """Prefectures for which the nightly job has work."""
    asked = text("select furusato_due_bodies('links', :day, :now)")
    with database.transaction(for_job("links")) as db:
        return list(db.execute(asked, {"day": day, "now": NOW}).scalars())


def test_r02_links_wake_the_day_after_people_were_told(
    client: TestClient, database: Database
) -> None:
    """Two towns of one person and one of another; the latter opts out on the day between."""
    operator = make.make_operator(database)
    make.open_bodies(database, HIDA, TAKAYAMA)
    someone, other = make.create_person(database), make.create_person(database)
    for code in (HIDA, TAKAYAMA):
        make.join(database, someone, code, joined=False)
    make.join(database, other, HIDA, joined=False)
    today = japan_day(NOW)
    assert wake(database, today) == {"told": 0, "linked": 0}
    assert due(database, today) == []
    assert set_state(client, operator, GIFU, "active").status_code == 200
    with database.transaction(someone.context) as db:
        assert db.scalars(select(Notice.kind).where(Notice.lg_code == GIFU)).all() == [
            "prefecture_joined"
        ]
        assert registration_of(database, someone, GIFU) is None
    with database.transaction(other.context) as db:
        use.set_link(
            db,
            actor=other.actor,
            lg_code=HIDA,
            linked=False,
            now=NOW,
            book=make.policy_book(),
        )
    assert wake(database, today) == {"told": 0, "linked": 0}
    assert due(database, today) == [GIFU]
    assert wake(database, today + timedelta(days=1)) == {"told": 0, "linked": 2}
    assert wake(database, today + timedelta(days=1)) == {"told": 0, "linked": 0}
    row = registration_of(database, someone, GIFU)
    assert row is not None
    assert [entry["code"] for entry in row.derived_from] == [TAKAYAMA, HIDA]
    assert registration_of(database, other, GIFU) is None
    assert due(database, today) == []
    with database.transaction(someone.context) as db:
        assert db.scalars(select(PendingLink)).all() == []


def test_r01_a_suspended_prefecture_keeps_what_it_has(
    client: TestClient, database: Database
) -> None:
    operator = make.make_operator(database)
    someone = make.create_person(database)
    make.join(database, someone, HIDA)
    set_state(client, operator, GIFU, "suspended", "点検")
    make.open_bodies(database, TAKAYAMA)
    make.join(database, someone, TAKAYAMA, joined=False)
    row = registration_of(database, someone, GIFU)
    assert row is not None
    assert (row.status, len(row.derived_from)) == ("active", 2)
    newcomer = make.create_person(database)
    make.join(database, newcomer, TAKAYAMA, joined=False)
    assert registration_of(database, newcomer, GIFU) is None
