"""C52, d-13: lists leave the desk as files made by a worker, for a day, for whoever asked."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from openpyxl import load_workbook
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError

from admin import exporting
from core.access import Role
from core.clock import FixedClock, day_start, japan_day
from core.db import for_body, for_job, for_person
from core.errors import Gone, Refused
from core.models import AuditEvent, Notice
from registry.models import DeskExport, Registration
from tests.factories.desk import create_morning
from tests.factories.registry import (
    HIDA,
    KESENNUMA,
    SignedIn,
    create_person,
    join,
    make_staff,
)
from workers.jobs import Scope, make_desk_exports
from workers.parts import Parts
from workers.runner import Runner

if TYPE_CHECKING:
    from fastapi.testclient import TestClient
    from httpx2 import Response

    from core.settings import Settings
    from tests.conftest import RollbackDatabase

EXPORTS = f"/staff/{HIDA}/exports"
EVIL = '=HYPERLINK("https://evil.example","山田")'


@pytest.fixture
def clerk(database: RollbackDatabase) -> SignedIn:
    return make_staff(database, HIDA, Role.CLERK, name="窓口 花子")


def ask(http: TestClient, someone: SignedIn, **fields: str) -> Response:
    sent = {"_key": str(uuid4()), "kind": "members", "form": "csv", "purpose": "report"}
    return http.post(EXPORTS, headers=someone.headers, data=sent | fields)


def work(database: RollbackDatabase, settings: Settings, clock: FixedClock) -> dict[str, int]:
    """What a worker does at its tick."""
    parts, now = Parts.of(settings, database=database, clock=clock), clock.now()
    scope = Scope(HIDA, now.date(), now)
    with database.transaction(for_job("desk_exports", HIDA)) as db:
        return dict(make_desk_exports(parts, db, scope))


def links(http: TestClient, someone: SignedIn) -> list[str]:
    page = http.get(EXPORTS, headers=someone.headers).text
    return re.findall(rf'href="({EXPORTS}/[0-9a-f-]+)"', page)


def rows_of(data: bytes) -> list[list[str]]:
    assert data.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))


def test_a_list_of_members_is_made_by_a_worker_defused_and_on_record(
    http: TestClient,
    database: RollbackDatabase,
    settings: Settings,
    clock: FixedClock,
    clerk: SignedIn,
) -> None:
    join(database, create_person(database, nickname=EVIL), HIDA)
    join(database, create_person(database, nickname="よその人"), KESENNUMA)
    asked = ask(http, clerk, tier="basic", status="active")
    assert asked.headers["location"] == f"{EXPORTS}?kind=members&done=export_asked"
    clock.advance(timedelta(seconds=1))
    ask(http, clerk, form="xlsx")
    waiting = http.get(EXPORTS, headers=clerk.headers).text
    assert waiting.count("作っています") == 2
    assert links(http, clerk) == []
    assert work(database, settings, clock)["made"] == 2
    as_excel, as_csv = links(http, clerk)
    taken = http.get(as_csv, headers=clerk.headers)
    assert taken.headers["content-disposition"].endswith(f'members-{HIDA}-20270601.csv"')
    above, head, *rows = rows_of(taken.content)
    assert above[:4] == ["登録者の一覧", "飛騨市", "1件", "目的：集計・報告"]
    assert above[4] == "受け取る人：窓口 花子"
    assert head[:2] == ["登録番号", "名前"]
    assert [one[1] for one in rows] == ["'" + EVIL]
    sheet = load_workbook(io.BytesIO(http.get(as_excel, headers=clerk.headers).content)).active
    assert sheet is not None
    cell = sheet.cell(3, 2)
    assert (cell.value, cell.data_type) == (EVIL, "s")
    assert "受け取りました" in http.get(EXPORTS, headers=clerk.headers).text
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        recorded = db.scalars(
            select(AuditEvent)
            .where(AuditEvent.subject_kind == "desk_export")
            .order_by(AuditEvent.action)
        ).all()
        first = db.scalars(select(DeskExport).where(DeskExport.form == "csv")).one()
    ours = [one for one in recorded if one.subject_id == str(first.id)]
    assert [one.action.partition(".")[2] for one in ours] == ["ask", "make", "take"]
    assert {one.purpose for one in ours} == {"report"}
    assert ours[2].actor == clerk.actor.label
    assert ours[2].fields == ["members", "status=active", "tier=basic"]
    with database.owner() as connection:
        told = connection.execute(select(Notice.kind).where(Notice.person_id == clerk.id)).all()
    assert [kind for (kind,) in told] == ["desk_export_ready"] * 2


def test_only_who_asked_takes_it_freshly_and_for_a_day(
    http: TestClient,
    database: RollbackDatabase,
    settings: Settings,
    clock: FixedClock,
    clerk: SignedIn,
) -> None:
    manager, viewer = make_staff(database, HIDA), make_staff(database, HIDA, Role.VIEWER)
    ask(http, clerk)
    work(database, settings, clock)
    [link] = links(http, clerk)
    assert http.get(link, headers=clerk.headers).status_code == 200
    assert http.get(link, headers=manager.headers).status_code == 404
    assert http.get(link, headers=viewer.headers).status_code == 403
    assert links(http, manager) == []
    clock.advance(timedelta(minutes=6))
    again = http.get(link, headers=clerk.headers)
    assert again.headers["location"].startswith(f"/staff/signin/again?next={EXPORTS}")
    assert ask(http, clerk).status_code == 401
    clock.advance(exporting.LIFE)
    here = for_body(HIDA, actor=clerk.actor.label)
    with database.transaction(here) as db, pytest.raises(Gone):
        exporting.take(
            db,
            actor=clerk.actor,
            lg_code=HIDA,
            file_id=UUID(link.rpartition("/")[2]),
            secret="never looked at",
            now=clock.now(),
        )
    assert work(database, settings, clock)["ended"] == 1
    with database.transaction(here) as db:
        row = db.scalars(select(DeskExport)).one()
        assert (row.state, row.file_sealed) == ("ended", None)
    clock.advance(exporting.MEMORY)
    assert work(database, settings, clock)["forgotten"] == 1


def test_the_record_and_participations_by_role_and_number_of_rows(
    http: TestClient,
    database: RollbackDatabase,
    settings: Settings,
    clock: FixedClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    morning = create_morning(database)
    manager, clerk = morning.manager, morning.clerk
    assert ask(http, clerk, kind="audit").status_code == 403
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        member = db.get_one(Registration, (HIDA, morning.registration_id))
        number, person_id = member.member_number, member.person_id
    wanted = {"number": number, "since": "2027-01-01", "until": "2027-12-31"}
    assert ask(http, manager, kind="audit", **wanted).status_code == 303
    for bad in ({"number": "zzz"}, {"since": "2027-13-01"}, {"purpose": "fun"}, {"form": "exe"}):
        assert ask(http, manager, kind="audit", **bad).status_code == 422, bad
    clock.advance(timedelta(seconds=1))
    assert ask(http, manager, kind="participations", until="2027-12-31").status_code == 303
    work(database, settings, clock)
    participations, audit = (
        rows_of(http.get(link, headers=manager.headers).content) for link in links(http, manager)
    )
    assert participations[1][0] == "日"
    assert len(participations) > 2
    assert audit[1][:2] == ["いつ", "だれが"]
    with database.transaction(for_person(person_id)) as db:
        seen = select(AuditEvent.action).where(AuditEvent.subject_kind == "desk_export")
        assert set(db.scalars(seen)) == {f"desk_export.{one}" for one in ("ask", "make", "take")}
    assert len(audit) > 2
    limits = {**exporting.MOST_ROWS, Role.CLERK: 1}
    monkeypatch.setattr(exporting, "MOST_ROWS", limits)
    refused = ask(http, clerk)
    assert refused.status_code == 409
    assert "いまの役割で書き出せるのは1件まで" in refused.text
    for _ in range(3):
        assert ask(http, manager).status_code == 303
    assert ask(http, manager).status_code == 409


def test_r28_who_left_gets_its_file_and_a_lesser_role_takes_no_more_rows_than_its_own(
    http: TestClient,
    database: RollbackDatabase,
    settings: Settings,
    clock: FixedClock,
    clerk: SignedIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    join(database, create_person(database), HIDA)
    ask(http, clerk)
    with database.owner() as connection:
        connection.execute(
            text("update local_government set state = 'left' where code = :code"), {"code": HIDA}
        )
    Runner(Parts.of(settings, database=database, clock=clock)).tick()
    [link] = links(http, clerk)
    monkeypatch.setattr(exporting, "MOST_ROWS", {**exporting.MOST_ROWS, Role.CLERK: 0})
    assert http.get(link, headers=clerk.headers).status_code == 409
    monkeypatch.undo()
    assert http.get(link, headers=clerk.headers).status_code == 200
    clock.advance(exporting.LIFE)
    Runner(Parts.of(settings, database=database, clock=clock)).tick()
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        assert db.scalars(select(DeskExport.state)).all() == ["ended"]


def test_p19_many_rows_leave_when_a_second_person_lets_them(
    http: TestClient,
    database: RollbackDatabase,
    settings: Settings,
    clock: FixedClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(exporting, "ALONE", 1)
    for _ in range(2):
        join(database, create_person(database), HIDA)
    manager = make_staff(database, HIDA, name="山本 一")
    assert "確認できる職員がほかにいません" in ask(http, manager).text
    make_staff(database, HIDA, Role.CLERK)
    approver = make_staff(database, HIDA, Role.APPROVER)
    assert ask(http, manager).status_code == 303
    assert work(database, settings, clock)["made"] == 0
    mine = http.get(EXPORTS, headers=manager.headers).text
    assert "ほかの職員の確認を待っています" in mine
    assert "/release" not in mine
    seen = http.get(EXPORTS, headers=approver.headers).text
    assert "山本 一さんが" in seen
    [press] = re.findall(rf'action="({EXPORTS}/[0-9a-f-]+/release)"', seen)
    key = {"_key": str(uuid4())}
    assert http.post(press, headers=manager.headers, data=key).status_code == 409
    with database.transaction(for_body(HIDA, actor=manager.actor.label)) as db:
        row = db.scalars(select(DeskExport)).one()
        for wrong in ({"released_by": manager.id}, {"state": "asked"}):
            with pytest.raises(IntegrityError), db.begin_nested():
                db.execute(update(DeskExport).where(DeskExport.id == row.id).values(wrong))
    released = http.post(press, headers=approver.headers, data=key)
    assert released.headers["location"] == f"{EXPORTS}?done=export_released"
    assert work(database, settings, clock)["made"] == 1
    [link] = links(http, manager)
    assert http.get(link, headers=manager.headers).status_code == 200
    assert http.get(link, headers=approver.headers).status_code == 404


def test_a_file_that_fails_lets_the_others_pass_and_is_given_up_and_a_list_that_grew_says_so(
    http: TestClient,
    database: RollbackDatabase,
    settings: Settings,
    clock: FixedClock,
    clerk: SignedIn,
) -> None:
    join(database, create_person(database), HIDA)
    broken = text("update desk_export set language = 'xx', wanted = '{\"tier\": {}}'")
    for _ in range(exporting.AT_ONCE):
        ask(http, clerk)
    with database.owner() as connection:
        connection.execute(broken)
    clock.advance(timedelta(seconds=1))
    assert work(database, settings, clock)["failed"] == exporting.AT_ONCE
    ask(http, clerk)
    with database.owner() as connection:
        connection.execute(text("update desk_export set most = 0 where tries = 0"))
    assert work(database, settings, clock)["made"] == 1, "not behind those that fail"
    for _ in range(exporting.MOST_TRIES):
        work(database, settings, clock)
    assert "作れませんでした" in http.get(EXPORTS, headers=clerk.headers).text
    [link] = links(http, clerk)
    above, _head, *rows = rows_of(http.get(link, headers=clerk.headers).content)
    assert above[-1] == "一覧が増えたため、入りきらない行があります"
    assert rows == []
    ask(http, clerk)
    assert ask(http, clerk).status_code == 409
    tomorrow = day_start(japan_day(clock.now()) + timedelta(days=1))
    with database.transaction(for_body(HIDA, actor=clerk.actor.label)) as db:
        again: dict[str, Any] = {
            "kind": "members",
            "form": "csv",
            "wanted": {},
            "purpose": "report",
        }
        again |= {"actor": clerk.actor, "lg_code": HIDA, "language": "ja"}
        with pytest.raises(Refused):
            exporting.ask(db, **again, now=tomorrow - timedelta(seconds=1))
        assert exporting.ask(db, **again, now=tomorrow).most == exporting.ALONE
