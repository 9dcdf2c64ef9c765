"""What the public finds, what minors do not (R18), and the real activities to start from."""

from datetime import date, timedelta
from uuid import UUID

import pytest

from activities import search
from activities.api_activities import reader_context
from activities.categories import LABELS
from activities.designation import withdraw_designation
from activities.proposing import ProposalFields
from activities.search import ActivityQuery, Found
from activities.seeding import templates, templates_for
from core.access import ANONYMOUS
from core.db import Database, for_body, for_person
from core.errors import NotFound
from tests.activities.conftest import register
from tests.factories.activities import (
    HIDA,
    NOW,
    create_activity,
    create_designated_activity,
    create_organisation,
    create_session,
    sign_up,
    staff_actor,
)

KESENNUMA, GIFU, MIYAGI = "042056", "210005", "040002"
DAY = timedelta(days=1)


def find(database: Database, limit: int = 50, **wanted: object) -> list[Found]:
    with database.transaction(reader_context(ANONYMOUS)) as db:
        return search.find_activities(
            db,
            query=ActivityQuery(**wanted),  # type: ignore[arg-type] # each test names its own fields
            now=NOW,
            limit=limit,
        )


def ids(found: list[Found]) -> set[UUID]:
    return {one.activity.id for one in found}


def test_only_designated_activities_with_a_session_to_come_are_found(database: Database) -> None:
    shown = create_designated_activity(database)
    create_session(database, shown)
    create_designated_activity(database)  # no session
    proposal = create_activity(database, create_organisation(database))
    create_session(database, proposal)
    found = find(database)
    assert ids(found) == {shown.id}
    assert found[0].government == "飛騨市"
    with database.transaction(reader_context(ANONYMOUS)) as db, pytest.raises(NotFound):
        search.activity_detail(db, lg_code=HIDA, activity_id=proposal.id, now=NOW)


def test_by_town_prefecture_category_and_days(database: Database) -> None:
    hida = create_designated_activity(database)
    create_session(database, hida, starts_at=NOW + 4 * DAY)
    festival = create_designated_activity(
        database, lg_code=KESENNUMA, fields=ProposalFields("みなとまつり", "festival")
    )
    create_session(database, festival, starts_at=NOW + 10 * DAY)
    assert ids(find(database, lg_code=HIDA)) == {hida.id}
    assert ids(find(database, prefecture_code=MIYAGI)) == {festival.id}
    assert ids(find(database, prefecture_code=GIFU)) == {hida.id}
    assert ids(find(database, category="festival")) == {festival.id}
    assert ids(find(database, first_day=date(2027, 6, 6))) == {festival.id}
    assert ids(find(database, last_day=date(2027, 6, 5))) == {hida.id}
    assert ids(find(database, first_day=date(2027, 6, 5), last_day=date(2027, 6, 11))) == {
        hida.id,
        festival.id,
    }
    assert not find(database, first_day=date(2027, 6, 6), last_day=date(2027, 6, 10))


def test_free_places_only(database: Database) -> None:
    activity = create_designated_activity(database)
    session = create_session(database, activity, capacity=1)
    assert ids(find(database, free_only=True)) == {activity.id}
    sign_up(database, session, register(database))
    assert not find(database, free_only=True)
    assert ids(find(database)) == {activity.id}


def test_pages_follow_each_other_without_gap_or_repeat(database: Database) -> None:
    made = []
    for n in range(5):
        activity = create_designated_activity(database)
        # Two of them begin at the same instant: the id decides.
        create_session(database, activity, starts_at=NOW + (1 + n // 2) * DAY)
        made.append(activity.id)
    seen: list[UUID] = []
    after = None
    with database.transaction(reader_context(ANONYMOUS)) as db:
        for _ in range(3):
            rows = search.find_activities(db, query=ActivityQuery(), now=NOW, limit=2, after=after)
            seen += [one.activity.id for one in rows]
            assert rows[-1].next_at is not None
            after = (rows[-1].next_at, rows[-1].activity.id)
        assert not search.find_activities(db, query=ActivityQuery(), now=NOW, limit=2, after=after)
    assert len(seen) == len(set(seen)) == 5
    assert set(seen) == set(made)


def test_r18_late_night_activities_are_hidden_from_minors(database: Database) -> None:
    night = create_designated_activity(
        database, fields=ProposalFields("夜警", "safety", late_night=True)
    )
    create_session(database, night)
    minor = register(database, minor_until=date(2030, 4, 1))
    adult = register(database, minor_until=date(2027, 6, 1))
    with database.transaction(for_person(minor)) as db:
        assert search.is_minor(db, person_id=minor, today=NOW.date())
        assert not search.find_activities(db, query=ActivityQuery(for_minor=True), now=NOW, limit=9)
        with pytest.raises(NotFound):
            search.activity_detail(db, lg_code=HIDA, activity_id=night.id, now=NOW, for_minor=True)
    with database.transaction(for_person(adult)) as db:
        assert not search.is_minor(db, person_id=adult, today=NOW.date())


def test_r10_a_withdrawn_activity_is_no_longer_public(database: Database) -> None:
    activity = create_designated_activity(database)
    create_session(database, activity)
    actor = staff_actor()
    with database.transaction(for_body(HIDA, actor=actor.label)) as db:
        withdraw_designation(
            db, actor=actor, lg_code=HIDA, activity_id=activity.id, reason="終了", now=NOW
        )
    assert not find(database)


def test_the_detail_shows_sessions_to_come_and_called_off_ones(database: Database) -> None:
    activity = create_designated_activity(database)
    late = create_session(database, activity, starts_at=NOW + 3 * DAY)
    soon = create_session(database, activity, starts_at=NOW + 1 * DAY, capacity=3)
    with database.transaction(reader_context(ANONYMOUS)) as db:
        detail = search.activity_detail(db, lg_code=HIDA, activity_id=activity.id, now=NOW)
        assert [one.id for one in detail.sessions] == [soon.id, late.id]
        assert (detail.found.next_at, detail.found.sessions) == (soon.starts_at, 2)
        over = search.activity_detail(db, lg_code=HIDA, activity_id=activity.id, now=NOW + 9 * DAY)
        assert (over.sessions, over.found.next_at) == ([], None)


def test_own_sign_ups_of_all_towns_latest_first(database: Database, person_id: UUID) -> None:
    register(database, KESENNUMA, person_id=person_id)
    first = create_session(database, create_designated_activity(database), starts_at=NOW + DAY)
    second = create_session(
        database, create_designated_activity(database, lg_code=KESENNUMA), starts_at=NOW + 2 * DAY
    )
    for session in (first, second):
        sign_up(database, session, person_id)
    with database.transaction(for_person(person_id)) as db:
        rows = search.own_sign_ups(db, person_id=person_id, limit=9)
        assert [one.session.id for one in rows] == [second.id, first.id]
        assert [one.government for one in rows] == ["気仙沼市", "飛騨市"]
        after = (rows[0].session.starts_at, rows[0].sign_up.id)
        assert [
            one.session.id
            for one in search.own_sign_ups(db, person_id=person_id, limit=9, after=after)
        ] == [first.id]
        upcoming = search.own_sign_ups(db, person_id=person_id, limit=9, since=NOW + 1.5 * DAY)
        assert [one.session.id for one in upcoming] == [second.id]
    with database.transaction(for_person(register(database))) as db:
        assert not search.own_sign_ups(db, person_id=person_id, limit=9)


def test_real_activities_are_a_start_for_proposals(database: Database) -> None:
    real = templates()
    assert len(real) == 48
    assert {one.category for one in real} <= set(LABELS)
    assert [one.title for one in real if one.lg_code == HIDA] == [
        "農作業のお手伝い",
        "お祭りのお手伝い",
    ]
    assert {one.host for one in templates_for("fire_corps")} == {"消防団"}
    chosen = next(one for one in real if one.lg_code == HIDA)
    activity = create_designated_activity(
        database, fields=ProposalFields(chosen.title, chosen.category)
    )
    assert activity.state == "designated"
