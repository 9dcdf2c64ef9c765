"""今日: what staff learn of notices that never arrived (R06)."""

from datetime import date, timedelta

from fastapi.testclient import TestClient
from sqlalchemy import select, text

from core.access import Role
from core.clock import FixedClock, japan_day
from core.db import for_body
from core.models import AuditEvent
from tests.conftest import RollbackDatabase
from tests.factories.registry import GIFU, HIDA, create_person, join, make_staff
from workers.notifications.relay import RELAY

HOME = f"/staff/{HIDA}"


def lose(database: RollbackDatabase, code: str, day: date, kind: str, found: int) -> None:
    with database.transaction(RELAY) as db:
        db.execute(
            text("insert into undelivered values (:code, :day, :kind, :found)"),
            {"code": code, "day": day, "kind": kind, "found": found},
        )


def test_r06_bounced_notices_are_counted_on_the_page_of_today(
    http: TestClient, database: RollbackDatabase, clock: FixedClock
) -> None:
    """Thirty days, this local government's only, numbers and no names."""
    today = japan_day(clock.now())
    viewer = make_staff(database, HIDA, Role.VIEWER)
    assert "メールが届かなかった" not in http.get(HOME, headers=viewer.headers).text
    lose(database, HIDA, today, "dormancy_notice", 2)
    lose(database, HIDA, today - timedelta(days=29), "renewal_missing", 5)
    lose(database, HIDA, today - timedelta(days=30), "renewal_missing", 100)
    lose(database, GIFU, today, "dormancy_notice", 100)
    page = http.get(HOME, headers=viewer.headers).text
    assert "メールが届かなかったお知らせが7件ありました（うち登録の解除の前のお知らせ2件）" in page


def test_r06_who_was_released_by_night_is_named_with_the_way_back(
    http: TestClient, database: RollbackDatabase, clock: FixedClock
) -> None:
    today = japan_day(clock.now())
    someone = create_person(database, nickname="しずか", name="静 かおり")
    row = join(database, someone, HIDA)
    viewer = make_staff(database, HIDA, Role.VIEWER)
    set_released = text(
        "update registration set status = 'released_dormant', last_access_on = '2025-06-01',"
        " released_on = :day, restore_until = '2028-06-01' where id = :id"
    )
    for day, named in ((today - timedelta(days=2), False), (today - timedelta(days=1), True)):
        with database.owner() as connection:
            connection.execute(set_released, {"day": day, "id": row.id})
        page = http.get(HOME, headers=viewer.headers).text.partition("自動で行ったこと")[2]
        assert (f"/members/{row.id}" in page) is named
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        looks = db.scalars(select(AuditEvent.row_count).where(AuditEvent.action == "night.list"))
        assert list(looks) == [1]
    assert "最後の利用は2025年6月1日（日）です" in page
    assert "2028年6月1日（木）まで" in page
