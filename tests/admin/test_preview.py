"""試算: numbers and names before anything happens; the look is recorded (C46, C48)."""

from __future__ import annotations

from datetime import timedelta

from fastapi.testclient import TestClient
from sqlalchemy import select

from core.access import Role
from core.clock import FixedClock
from core.db import Database, for_body
from core.models import AuditEvent
from tests.factories.desk import create_morning
from tests.factories.registry import HIDA, make_staff

PREVIEW = f"/staff/{HIDA}/preview"


def looks(database: Database) -> list[int]:
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        statement = select(AuditEvent.row_count).where(
            AuditEvent.lg_code == HIDA, AuditEvent.action == "registration.look_ahead"
        )
        return list(db.scalars(statement))


def test_c46_what_waits_for_objections_is_seen_before(
    http: TestClient, database: Database, clock: FixedClock
) -> None:
    create_morning(database, mode="veto")
    viewer = make_staff(database, HIDA, Role.VIEWER)
    early = http.get(PREVIEW, headers=viewer.headers).text
    assert "今夜、変わる人はいません" in early
    assert looks(database) == []
    clock.advance(timedelta(hours=71))
    viewer = make_staff(database, HIDA, Role.VIEWER, now=clock.now())
    late = http.get(PREVIEW, headers=viewer.headers).text
    assert "プレミアム登録になる" in late
    assert "髙橋 太郎" in late
    assert looks(database) == [1]


def test_r33_another_requirement_names_whom_it_would_touch(
    http: TestClient, database: Database
) -> None:
    create_morning(database)
    viewer = make_staff(database, HIDA, Role.VIEWER)
    same = http.get(f"{PREVIEW}?count=3", headers=viewer.headers).text
    assert "判定が変わる人は0人" in same
    more = http.get(f"{PREVIEW}?count=４&mode=auto", headers=viewer.headers).text
    assert "判定が変わる人は1人" in more
    assert "審査待ち → " in more
    assert "承認しない" in more
    auto = http.get(f"{PREVIEW}?mode=auto", headers=viewer.headers).text
    assert "判定が変わる人は1人" in auto
    assert "審査待ち → " in auto
    for bad in ("count=0", "count=many", "mode=never"):
        assert http.get(f"{PREVIEW}?{bad}", headers=viewer.headers).status_code == 422
