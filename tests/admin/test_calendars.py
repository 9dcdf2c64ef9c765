"""R09: a town's calendar is looked at line by line and then made proposals, never designated alone."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, update

from activities import calendar_making, organisations, proposing
from activities.calendar_making import AT_ONCE, Said
from activities.models import Activity, ActivitySession, CalendarRow, Organisation
from activities.proposing import ProposalFields
from core.access import Role
from core.clock import JAPAN, FixedClock
from core.db import for_body, for_job
from core.models import AuditEvent
from registry import list_letters
from tests.factories.activities import (
    BOOK,
    create_designated_activity,
    create_organisation,
    create_session,
    staff_actor,
    staff_host,
)
from tests.factories.registry import HIDA, KESENNUMA, NOW, SignedIn, make_staff, open_bodies
from tests.factories.town_files import csv_file, workbook

if TYPE_CHECKING:
    from fastapi.testclient import TestClient
    from httpx2 import Response

    from tests.conftest import RollbackDatabase

CALENDARS = f"/staff/{HIDA}/calendars"
QUESTIONS = ("public_nature", "local_contribution", "shortage_of_hands", "substance_and_time")
HEAD = ("活動名", "開催日", "時間", "会　場", "定員", "主催団体", "分野", "内容")
#: 行事予定: a title, a header, three good lines of two activities, and what towns write besides.
LINES = [
    ("令和９年度　行事予定表", "", "", "", "", "", "", ""),
    HEAD,
    ("水路の草刈り", "７月４日（日）", "９時〜１１時半", "宮川の堤", "２０名", "宮川を守る会", "環境美化", "草を刈ります"),
    ("水路の草刈り", "R9.8.1", "9:00-11:30", "宮川の堤", "20", "宮川を守る会", "環境美化", ""),
    ("雪おろし", "令和10年1月16日", "午後1時〜4時", "旧河合村", "なし", "宮川を守る会", "福祉", ""),
    ("祭りの準備", "4月10日", "9:00〜12:00", "本町", "", "宮川を守る会", "祭り・行事", ""),
    ("朝市", "9月の第1日曜", "9:00〜12:00", "本町", "", "宮川を守る会", "商店街", ""),
    ("座談会", "9月5日", "夕方", "本町", "", "宮川を守る会", "交流会", ""),
    ("座談会", "9月6日", "18:00〜18:20", "本町", "", "宮川を守る会", "交流会", ""),
    ("花の会", "9月7日", "9:00〜12:00", "本町", "", "だれも知らない会", "交流会", ""),
    ("花の会", "9月7日", "9:00〜12:00", "", "多数", "宮川を守る会", "そのほか", ""),
    ("水路の草刈り", "7/4", "9:00〜11:30", "宮川の堤", "", "宮川を守る会", "環境美化", ""),
    ("水路の草刈り", "7/4", "10:00〜12:00", "宮川の堤", "", "宮川を守る会", "環境美化", ""),
]  # fmt: skip


@pytest.fixture
def clerk(database: RollbackDatabase) -> SignedIn:
    open_bodies(database, HIDA)
    return make_staff(database, HIDA, Role.APPROVER)


@pytest.fixture
def host(database: RollbackDatabase, clerk: SignedIn) -> Organisation:
    return create_organisation(database, name="宮川を守る会")


def send(http: TestClient, clerk: SignedIn, data: bytes, name: str = "予定.csv") -> Response:
    return http.post(
        CALENDARS, data={"_key": str(uuid4())}, files={"file": (name, data)}, headers=clerk.headers
    )


def press(http: TestClient, clerk: SignedIn, path: str, **fields: object) -> Response:
    return http.post(path, data={"_key": str(uuid4()), **fields}, headers=clerk.headers)


def confirm(http: TestClient, clerk: SignedIn, where: str, **fields: object) -> Response:
    return press(http, clerk, f"{where}/confirm", **{"insurance": "participant"} | fields)


def bring(
    http: TestClient, clerk: SignedIn, *lines: tuple[str, ...], name: str = "予定.csv"
) -> str:
    """Where a calendar with these lines below the usual header is looked at."""
    return send(http, clerk, csv_file([HEAD, *lines]), name).headers["location"]


def line(title: str, day: str, hours: str) -> tuple[str, ...]:
    return (title, day, hours, "本町", "", "宮川を守る会", "環境美化", "")


def held(database: RollbackDatabase) -> tuple[dict[str, str], int]:
    """Every activity with its state, and how many dates there are."""
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        states = dict(db.execute(select(Activity.title, Activity.state)).all())
        return states, db.scalar(select(func.count()).select_from(ActivitySession)) or 0


def line_states(database: RollbackDatabase) -> dict[str, int]:
    counted = select(CalendarRow.state, func.count()).group_by(CalendarRow.state)
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        return dict(db.execute(counted).all())


def test_r09_errors_beside_lines_and_the_same_calendar_three_times_makes_one(
    http: TestClient, database: RollbackDatabase, clerk: SignedIn, host: Organisation
) -> None:
    sent = send(http, clerk, csv_file(LINES))
    assert sent.status_code == 303, sent.text
    where = sent.headers["location"]
    page = http.get(where, headers=clerk.headers).text
    assert held(database) == ({}, 0)
    assert line_states(database) == {"ready": 3, "error": 8}
    for told in (
        "過ぎた日です", "日付として読めません", "時刻として読めません", "1回と数える最短の時間より短いです",
        "関係団体にない主催です", "場所がありません", "知らない分野です", "定員を人数として読めません",
        "同じ予定が前の行にあります", "同じ活動の、時間の重なる予定が前の行にあります",
    ):  # fmt: skip
        assert page.count(told) == 1, told
    assert "だれも知らない会" in page
    assert confirm(http, clerk, where).status_code == 303
    made = {"水路の草刈り": "submitted", "雪おろし": "submitted"}
    assert held(database) == (made, 3)
    # The same file again, and the same lines as an Excel book with joined cells.
    assert send(http, clerk, csv_file(LINES)).headers["location"] == where
    assert confirm(http, clerk, where).status_code == 409
    again = send(http, clerk, workbook(LINES, joined=["A1:H1"]), "予定.xlsx").headers["location"]
    assert "3行は、もうある開催回です" in http.get(again, headers=clerk.headers).text
    assert confirm(http, clerk, again).status_code == 303
    assert held(database) == (made, 3)
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        first = db.scalars(select(ActivitySession).order_by(ActivitySession.starts_at)).first()
        assert first is not None
        assert (first.starts_at.isoformat(), first.capacity, first.place) == (
            "2027-07-04T00:00:00+00:00", 20, "宮川の堤",
        )  # fmt: skip
        mowing = db.scalars(select(Activity).filter_by(title="水路の草刈り")).one()
        assert (mowing.category, mowing.summary) == ("environment_care", "草を刈ります")
        acts = db.scalars(
            select(AuditEvent.action).where(AuditEvent.action.startswith("import."))
        ).all()
    assert acts.count("import.confirm") == 2
    # C47: who imported proposed, and cannot designate.
    answer = press(
        http, clerk, f"/staff/{HIDA}/activities/{mowing.id}/designate", answers=list(QUESTIONS)
    )
    assert answer.status_code == 409
    another = make_staff(database, HIDA, Role.APPROVER)
    answer = press(
        http, another, f"/staff/{HIDA}/activities/{mowing.id}/designate", answers=list(QUESTIONS)
    )
    assert answer.status_code == 303
    assert held(database)[0]["水路の草刈り"] == "designated"


def test_r10_a_trusted_hosts_calendar_is_designated_only_with_the_four_answers(
    http: TestClient, database: RollbackDatabase, clerk: SignedIn, host: Organisation
) -> None:
    actor = staff_actor()
    with database.transaction(for_body(HIDA, actor=actor.label)) as db:
        organisations.grant_trust(
            db,
            actor=actor,
            lg_code=HIDA,
            organisation_id=host.id,
            categories=["environment_care"],
            book=BOOK,
            now=NOW,
        )
    blank = [(*line[:5], "", "", line[7]) for line in LINES[2:5]]
    where = send(http, clerk, csv_file([HEAD, *blank])).headers["location"]
    assert line_states(database) == {"error": 3}
    fields = {"column_title": "0", "column_day": "1", "column_hours": "2", "column_place": "3"}
    same = press(http, clerk, f"{where}/columns", **fields | {"column_place": "0"}, year="2027")
    assert same.status_code == 422
    assert press(
        http, clerk, f"{where}/columns", **fields, year="2027", host=str(host.id),
        category="environment_care",
    ).status_code == 303  # fmt: skip
    assert line_states(database) == {"ready": 3}
    assert confirm(http, clerk, where, answers=list(QUESTIONS)).status_code == 303
    assert held(database) == ({"水路の草刈り": "designated", "雪おろし": "designated"}, 3)
    # A later line of the same year joins the activity that is there, and is public at once.
    later = bring(http, clerk, line("水路の草刈り", "R9.9.5", "9時から11時まで"))
    assert confirm(http, clerk, later).headers["location"].endswith("done=calendar_made")
    assert "このうち1回は" in http.get(later, headers=clerk.headers).text
    assert held(database) == ({"水路の草刈り": "designated", "雪おろし": "designated"}, 4)


def test_p13_a_calendar_stays_at_home_and_is_forgotten_when_nobody_wants_it(
    http: TestClient, database: RollbackDatabase, clerk: SignedIn, host: Organisation
) -> None:
    where = send(http, clerk, csv_file(LINES)).headers["location"]
    elsewhere = make_staff(database, KESENNUMA, Role.CLERK)
    there = where.replace(HIDA, KESENNUMA)
    assert http.get(there, headers=elsewhere.headers).status_code == 404
    viewer = make_staff(database, HIDA, Role.VIEWER)
    assert http.get(where, headers=viewer.headers).status_code == 403
    # A list of people is not reached as a calendar, nor the other way round.
    assert http.get(where.replace("calendars", "imports"), headers=clerk.headers).status_code == 404
    assert press(http, clerk, f"{where}/discard").status_code == 303
    assert line_states(database) == {}
    send(http, clerk, csv_file(LINES))
    with database.transaction(for_job("imports_end", HIDA)) as db:
        last = NOW.date().replace(day=30)
        assert list_letters.end(db, lg_code=HIDA, as_of=last, now=NOW) == (0, 1)
    assert line_states(database) == {}
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        acts = db.execute(
            select(AuditEvent.action, AuditEvent.row_count).filter_by(actor="system:imports_end")
        ).all()
        assert [tuple(act) for act in acts] == [("import.forget", 1)]


def test_long_calendars_are_looked_at_in_time_and_made_in_steps(
    http: TestClient, database: RollbackDatabase, clerk: SignedIn, host: Organisation
) -> None:
    """Issue 4: a preview of 20,000 lines within 20 seconds, here a tenth; many with each press."""
    lines = [
        (f"草刈り{number // 10}", f"R9.{7 + number % 3}.{1 + number % 28}", "9:00〜11:00",
         f"会場{number}", "20", "宮川を守る会", "環境美化", "")
        for number in range(2_000)
    ]  # fmt: skip
    began = time.perf_counter()
    where = send(http, clerk, csv_file([HEAD, *lines])).headers["location"]
    assert http.get(where, headers=clerk.headers).status_code == 200
    took = time.perf_counter() - began
    assert took < 5, took
    assert line_states(database) == {"ready": 2_000}
    confirm(http, clerk, where)
    assert line_states(database) == {"ready": 2_000 - AT_ONCE, "made": AT_ONCE}
    assert f"{2_000 - AT_ONCE:,}回の" in http.get(where, headers=clerk.headers).text
    # What has begun is neither read anew nor forgotten; its dates stay known, even cancelled ones.
    with database.transaction(for_job("imports_end", HIDA)) as db:
        last = NOW.date().replace(day=30)
        assert list_letters.end(db, lg_code=HIDA, as_of=last, now=NOW) == (0, 0)
    fields = {"column_title": "0", "column_day": "1", "column_hours": "2", "column_place": "3"}
    anew = press(http, clerk, f"{where}/columns", **fields, year="2027")
    assert anew.status_code == 409
    assert "途中まで作成" in http.get(CALENDARS, headers=clerk.headers).text
    dropped = press(http, clerk, f"{where}/discard").headers["location"]
    assert dropped == f"{where}?done=calendar_rest_discarded"
    assert line_states(database) == {"made": AT_ONCE}
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        db.execute(update(ActivitySession).values(state="cancelled"))
    again = bring(http, clerk, *lines, name="again.csv")
    assert again == where, "the same file"
    other = bring(http, clerk, *lines[:AT_ONCE])
    assert f"{AT_ONCE}行は、もうある開催回です" in http.get(other, headers=clerk.headers).text


def test_r18_r31_a_calendar_says_when_it_is_late_and_whoever_imports_who_insures(
    http: TestClient, database: RollbackDatabase, clerk: SignedIn, host: Organisation
) -> None:
    where = bring(
        http,
        clerk,
        line("夜回り", "8月1日", "21:00〜23:30"),
        line("草刈り", "8月2日", "9:00〜11:00"),
    )
    for insurance in ("", "town"):
        refused = confirm(http, clerk, where, insurance=insurance)
        assert refused.status_code == 422
        assert "保険の入り方を選び直してください" in refused.text
    assert held(database) == ({}, 0)
    assert confirm(http, clerk, where).status_code == 303
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        rows = db.execute(select(Activity.title, Activity.late_night, Activity.insurance)).all()
        assert sorted(map(tuple, rows)) == [
            ("夜回り", True, "participant"), ("草刈り", False, "participant"),
        ]  # fmt: skip
    # A date at night hides an activity that was for everybody (R18).
    confirm(http, clerk, bring(http, clerk, line("草刈り", "8月9日", "21:00〜22:30")))
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        assert db.scalars(select(Activity.late_night)).all() == [True, True]


@pytest.mark.parametrize(
    ("hours", "problem"),
    [
        ("午前10時〜3時", "row_long"),
        ("12:30〜1:30", "row_long"),
        ("午後11時〜1時", "row_long"),
        ("9:00～9:00", "row_same_time"),
        ("〜12:00", "row_bad_time"),
        ("正午〜3時", None),
        ("20:00〜2:00", None),
    ],
)
def test_r09_times_that_seem_misread_are_not_made(
    http: TestClient, database: RollbackDatabase, clerk: SignedIn, host: Organisation,
    hours: str, problem: str | None,
) -> None:  # fmt: skip
    bring(http, clerk, line("草刈り", "8月1日", hours))
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        assert db.scalars(select(CalendarRow.problems)).one() == ([problem] if problem else [])


def test_r09_an_end_in_a_column_of_its_own_is_no_beginning(
    http: TestClient, database: RollbackDatabase, clerk: SignedIn, host: Organisation
) -> None:
    head = ("活動名", "開催日", "開始", "終了", "会場", "主催団体", "分野")
    rows = [
        ("草刈り", "8月1日", "", "12:00", "本町", "宮川を守る会", "環境美化"),
        ("草刈り", "8月2日", "9:00", "12:00", "本町", "宮川を守る会", "環境美化"),
    ]
    send(http, clerk, csv_file([head, *rows]))
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        found = db.scalars(select(CalendarRow.problems).order_by(CalendarRow.line)).all()
        assert found == [["row_bad_time"], []]


def test_r09_the_fiscal_year_stands_above_the_header_or_in_the_name(
    http: TestClient, database: RollbackDatabase, clerk: SignedIn, host: Organisation
) -> None:
    report = line("令和7年度決算報告会", "8月1日", "9:00〜11:00")
    bring(http, clerk, report, name="2028年度行事.csv")
    title = ("令和１０年度 行事予定", *[""] * 7)
    send(http, clerk, csv_file([title, HEAD, report]), "2027年度の控え.csv")
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        found = db.scalars(select(CalendarRow.starts_at)).all()
        assert [one.year for one in found if one] == [2028, 2028]


def test_r09_dates_join_what_is_handed_in_and_never_a_draft(
    http: TestClient, database: RollbackDatabase, clerk: SignedIn, host: Organisation
) -> None:
    typed = create_designated_activity(
        database, host, fields=ProposalFields("第１回　草刈り", "environment_care")
    )
    # Dates of two fiscal years, as a desk without calendars would have added them.
    for day in ("2027-08-01", "2028-05-01"):
        start = datetime.fromisoformat(f"{day}T09:00").replace(tzinfo=JAPAN)
        create_session(database, typed, starts_at=start, hours=2, place="本町")
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        fields = ProposalFields("花植え", "environment_care")
        proposing.propose(
            db, host=staff_host(), organisation_id=host.id, fields=fields, book=BOOK, now=NOW
        )
    where = bring(
        http, clerk,
        line("第1回 草刈り", "8月1日", "9:00〜11:00"),
        line("第1回 草刈り", "9月1日", "9:00〜11:00"),
        line("花植え", "9月2日", "9:00〜11:00"),
    )  # fmt: skip
    assert line_states(database) == {"known": 1, "ready": 2}
    assert confirm(http, clerk, where).status_code == 303
    assert line_states(database) == {"known": 1, "made": 1, "error": 1}
    assert held(database) == ({"第１回　草刈り": "designated", "花植え": "draft"}, 3)
    alone = bring(http, clerk, line("花植え", "9月3日", "9:00〜11:00"))
    assert confirm(http, clerk, alone).headers["location"].endswith("done=calendar_none")
    page = http.get(where, headers=clerk.headers).text
    assert "同じ名前の活動が、下書きか差戻しのままです" in page
    assert "このうち1回は、指定された活動の開催回として公開されています" in page


def test_r09_what_stood_in_the_way_is_told_in_sentences_and_only_active_hosts_are_offered(
    http: TestClient, database: RollbackDatabase, clerk: SignedIn, host: Organisation,
    clock: FixedClock,
) -> None:  # fmt: skip
    ended = create_organisation(database, name="やめた会")
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        db.get_one(Organisation, (HIDA, ended.id)).state = "closed"
    where = bring(http, clerk, line("草刈り", "6月2日", "9:00〜11:00"))
    page = http.get(where, headers=clerk.headers).text
    assert str(host.id) in page
    assert str(ended.id) not in page
    # d-11: many dates at once ask who it is; and meanwhile the day has passed.
    clock.advance(timedelta(minutes=6))
    assert confirm(http, clerk, where).status_code == 401
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        calendar_making.confirm(
            db, host=staff_host(), import_id=UUID(where.rpartition("/")[2]),
            said=Said({}, "none"), book=BOOK, now=NOW + timedelta(days=3),
        )  # fmt: skip
    assert line_states(database) == {"error": 1}
    page = http.get(where, headers=clerk.headers).text
    assert "過ぎた日時の開催回は登録できません" in page
    assert "session_in_past" not in page
