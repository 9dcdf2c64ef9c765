"""C29, C35, C48, R18: who sees the people of a session, and who reads that they looked."""

from datetime import date, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from activities.models import ActivitySession, CheckIn
from activities.roster import insurance_list, roster, search_roster
from activities.trail import Wanted, events_about, events_of_body
from core.access import Role
from core.db import Database, for_body, for_person
from core.errors import Forbidden, Refused
from core.ids import new_id
from core.models import AuditEvent
from registry.models import Registration
from tests.activities.conftest import register
from tests.factories.activities import (
    HIDA,
    NOW,
    create_designated_activity,
    create_session,
    person_actor,
    sign_up,
    staff_actor,
)


@pytest.fixture
def session(database: Database) -> ActivitySession:
    return create_session(
        database, create_designated_activity(database), starts_at=NOW + timedelta(days=1)
    )


def search_names(database: Database, session: ActivitySession, text: str) -> list[str]:
    actor = staff_actor()
    with database.transaction(for_body(HIDA, actor=actor.label)) as db:
        found = search_roster(db, actor=actor, session=session, text=text, now=NOW)
        return [one.display_name for one in found]


def test_c35_the_list_shows_who_is_here(database: Database, session: ActivitySession) -> None:
    here, missing = (
        register(database, name="山田 太郎"),
        register(database, name="佐藤 花子", minor_until=date(2030, 1, 1)),
    )
    for person_id in (here, missing):
        sign_up(database, session, person_id)
    actor = staff_actor()
    with database.transaction(for_body(HIDA, actor=actor.label)) as db:
        db.add(
            CheckIn(
                lg_code=HIDA,
                session_id=session.id,
                person_id=here,
                direction="in",
                at=session.starts_at,
                source=actor.label,
                scan_id=new_id(),
                method="card",
                assurance="low",
            )
        )
        db.flush()
        rows = {
            one.person_id: one
            for one in roster(db, actor=actor, session=session, now=session.starts_at)
        }
        before = roster(db, actor=actor, session=session, now=NOW)
    assert rows[here].arrived_at == session.starts_at
    assert rows[missing].arrived_at is None
    # R18: that somebody is a minor is told on the day, not before.
    assert (rows[here].minor, rows[missing].minor) == (False, True)
    assert {one.minor for one in before} == {None}


def test_r31_the_insurer_gets_who_has_a_place(database: Database) -> None:
    session = create_session(database, create_designated_activity(database), capacity=1)
    sign_up(database, session, register(database, name="=1+1", kana="タロウ"))
    sign_up(database, session, register(database))  # waits
    actor = staff_actor()
    with database.transaction(for_body(HIDA, actor=actor.label)) as db:
        lines = insurance_list(db, actor=actor, session=session, now=NOW).splitlines()
        purposes = db.scalars(
            select(AuditEvent.purpose).where(AuditEvent.action == "roster.insurance")
        ).all()
    assert lines[0] == "\ufeff登録番号,氏名,フリガナ"
    assert [line.split(",")[1:] for line in lines[1:]] == [["'=1+1", "タロウ"]]
    assert purposes == ["insurance"]


def test_c48_everybody_reads_who_looked_at_them(
    database: Database, session: ActivitySession
) -> None:
    person_id, other = register(database), register(database)
    for one in (person_id, other):
        sign_up(database, session, one)
    actor = staff_actor()
    with database.transaction(for_body(HIDA, actor=actor.label)) as db:
        roster(db, actor=actor, session=session, now=NOW)
    with database.transaction(for_person(person_id)) as db:
        events = events_about(db, actor=person_actor(person_id), limit=50)
        looks = [one for one in events if one.action == "roster.read"]
        assert [(one.actor, one.row_count, one.lg_code) for one in looks] == [
            (actor.label, 2, HIDA)
        ]
        assert {one.person_id for one in events} == {person_id}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("山田 太", ["山田 太郎"]),
        ("ヤマダ", ["山田 太郎"]),
        ("%%%", []),
        ("___", []),
        ("・・・", []),
        ("サトウ", ["佐藤 花子"]),
    ],
)
def test_c29_search_by_name(
    database: Database, session: ActivitySession, text: str, expected: list[str]
) -> None:
    sign_up(database, session, register(database))
    sign_up(database, session, register(database, name="佐藤 花子", kana="サトウ ハナコ"))
    assert search_names(database, session, text) == expected


def test_c29_search_by_member_number(database: Database, session: ActivitySession) -> None:
    person_id = register(database)
    sign_up(database, session, person_id)
    with database.transaction(for_person(person_id)) as db:
        number = db.scalars(
            select(Registration.member_number).where(Registration.person_id == person_id)
        ).one()
    assert search_names(database, session, number[:4].lower()) == ["山田 太郎"]


@pytest.mark.parametrize("text", ["", "山", "山田", "  山田  "])
def test_c29_less_than_three_characters_find_nobody(
    database: Database, session: ActivitySession, text: str
) -> None:
    with pytest.raises(Refused) as refused:
        search_names(database, session, text)
    assert refused.value.code == "search_too_short"


def test_c29_a_search_shows_twenty_at_most_and_leaves_a_trace(
    database: Database, session: ActivitySession
) -> None:
    for _ in range(21):
        sign_up(database, session, register(database))
    assert len(search_names(database, session, "ヤマダ")) == 20
    assert search_names(database, session, "スズキ") == []
    with database.transaction(for_body(HIDA, actor="staff:test")) as db:
        counts = db.scalars(
            select(AuditEvent.row_count).where(AuditEvent.action == "roster.search")
        ).all()
    assert sorted(counts) == [0] + [20] * 20


def test_r25_only_managers_read_the_trail_and_reading_is_on_it(
    database: Database, session: ActivitySession, person_id: UUID
) -> None:
    sign_up(database, session, person_id)
    manager, approver = staff_actor(), staff_actor(role=Role.APPROVER)
    with database.transaction(for_body(HIDA, actor=manager.label)) as db:
        with pytest.raises(Forbidden):
            events_of_body(db, actor=approver, lg_code=HIDA, now=NOW, limit=9)
        rows = events_of_body(
            db, actor=manager, lg_code=HIDA, now=NOW, limit=9, wanted=Wanted.of(person_id)
        )
        assert {one.action for one in rows} >= {"sign_up.taken"}
        first = events_of_body(db, actor=manager, lg_code=HIDA, now=NOW, limit=1)
        rest = events_of_body(
            db, actor=manager, lg_code=HIDA, now=NOW, limit=99, after=(first[0].at, first[0].id)
        )
        assert first[0].id not in {one.id for one in rest}
        assert "audit.read" in {one.action for one in [*first, *rest]}


def _with_contact(database: Database, person_id: UUID) -> None:
    with database.transaction(for_body(HIDA, actor="staff:test")) as db:
        row = db.scalars(select(Registration).where(Registration.person_id == person_id)).one()
        row.emergency_name, row.emergency_phone = "母 佐藤春子", "090-1234-5678"


@pytest.mark.parametrize(
    ("after_start", "shown"),
    [
        (timedelta(days=-1), False),
        (timedelta(hours=-1), True),
        (timedelta(days=1), False),
    ],
)
def test_r18_whom_to_call_is_shown_on_the_day_only_and_the_look_is_recorded(
    database: Database, session: ActivitySession, after_start: timedelta, shown: bool
) -> None:
    minor = register(database, name="佐藤 花子", minor_until=date(2030, 1, 1))
    adult = register(database, name="山田 太郎")
    for person_id in (minor, adult):
        _with_contact(database, person_id)
        sign_up(database, session, person_id)
    actor, now = staff_actor(), session.starts_at + after_start
    with database.transaction(for_body(HIDA, actor=actor.label)) as db:
        rows = {one.person_id: one for one in roster(db, actor=actor, session=session, now=now)}
        looks = db.scalars(select(AuditEvent).where(AuditEvent.action == "roster.read")).all()
    expected = ("母 佐藤春子", "090-1234-5678") if shown else (None, None)
    assert (rows[minor].emergency_name, rows[minor].emergency_phone) == expected
    assert rows[adult].emergency_phone is None
    fields = {one.person_id: set(one.fields or ()) for one in looks}
    assert ("emergency_phone" in fields[minor]) is shown
    assert "emergency_phone" not in fields[adult]


def test_r18_a_session_over_midnight_has_two_days(database: Database) -> None:
    session = create_session(
        database,
        create_designated_activity(database),
        starts_at=NOW + timedelta(hours=1),
        hours=20,
    )
    minor = register(database, name="佐藤 花子", minor_until=date(2030, 1, 1))
    _with_contact(database, minor)
    sign_up(database, session, minor)
    actor = staff_actor()
    with database.transaction(for_body(HIDA, actor=actor.label)) as db:
        found = roster(db, actor=actor, session=session, now=session.ends_at)
    assert [one.emergency_phone for one in found] == ["090-1234-5678"]


def test_r18_devices_and_insurers_are_told_no_contact(
    database: Database, session: ActivitySession
) -> None:
    minor = register(database, name="佐藤 花子", minor_until=date(2030, 1, 1))
    _with_contact(database, minor)
    sign_up(database, session, minor)
    actor, now = staff_actor(), session.starts_at
    with database.transaction(for_body(HIDA, actor=actor.label)) as db:
        by_device = search_roster(
            db, actor=actor, session=session, now=now, text="佐藤 花子", contacts=False
        )
        by_host = search_roster(db, actor=actor, session=session, now=now, text="佐藤 花子")
        listed = insurance_list(db, actor=actor, session=session, now=now)
    assert [(one.minor, one.emergency_phone) for one in by_device] == [(True, None)]
    assert [one.emergency_phone for one in by_host] == ["090-1234-5678"]
    assert "090-1234-5678" not in listed
