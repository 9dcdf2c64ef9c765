"""今日: what staff learn of notices that never arrived (R06)."""

from datetime import date, timedelta

from fastapi.testclient import TestClient
from sqlalchemy import text

from core.access import Role
from core.clock import FixedClock, japan_day
from tests.conftest import RollbackDatabase
from tests.factories.registry import GIFU, HIDA, make_staff
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
