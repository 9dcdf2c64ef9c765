"""開催回: what dates can be, that places never fall below those taken, and calling off."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from activities import sessions
from activities.designation import withdraw_designation
from activities.models import ActivitySession, SignUp
from activities.proposing import ProposalFields
from core.db import Database, for_body
from core.errors import DomainError, Invalid, NotFound, Refused
from core.models import Notice
from core.shortcode import is_valid
from tests.activities.conftest import register
from tests.factories.activities import (
    BOOK,
    HIDA,
    NOW,
    create_designated_activity,
    create_organisation,
    create_session,
    host_actor,
    sign_up,
    staff_actor,
    staff_host,
)


def change(database: Database, session: ActivitySession, capacity: int | None) -> ActivitySession:
    host = staff_host()
    with database.transaction(for_body(HIDA, actor=host.actor.label)) as db:
        return sessions.change_capacity(
            db, host=host, session_id=session.id, capacity=capacity, book=BOOK, now=NOW
        )


def code_of(error: pytest.ExceptionInfo[DomainError]) -> str:
    return error.value.problems[0].code


def test_a_session_has_a_poster_code_and_is_published_with_its_activity(
    database: Database,
) -> None:
    session = create_session(database, create_designated_activity(database))
    assert is_valid(session.poster_code)
    assert session.published
    assert not session.overnight


@pytest.mark.parametrize(
    ("offset", "hours", "code"),
    [
        (timedelta(0), 3, "session_in_past"),
        (timedelta(days=-1), 3, "session_in_past"),
        (timedelta(days=1), 0, "session_times"),
        (timedelta(days=1), -1, "session_times"),
        (timedelta(days=1), 24.1, "session_times"),
        (timedelta(days=1), 0.9, "session_too_short"),
    ],
)
def test_dates_that_cannot_be(
    database: Database, offset: timedelta, hours: float, code: str
) -> None:
    activity = create_designated_activity(database)
    with pytest.raises((Refused, Invalid)) as refused:
        create_session(database, activity, starts_at=NOW + offset, hours=hours)
    assert code_of(refused) == code


def test_r08_as_long_as_the_least_is_enough(database: Database) -> None:
    assert create_session(database, create_designated_activity(database), hours=1).state == "open"


def test_overnight_work_is_known_by_the_japanese_midnight(database: Database) -> None:
    activity = create_designated_activity(database)
    evening = datetime(2027, 6, 10, 13, 0, tzinfo=UTC)  # 22:00 in Japan
    assert create_session(database, activity, starts_at=evening, hours=4).overnight
    assert not create_session(
        database, activity, starts_at=evening - timedelta(days=1), hours=1.5
    ).overnight


def test_overlap_at_the_same_place_is_refused_touching_and_elsewhere_are_not(
    database: Database,
) -> None:
    activity = create_designated_activity(database)
    first = create_session(database, activity, hours=3)
    with pytest.raises(Refused) as refused:
        create_session(database, activity, starts_at=first.ends_at - timedelta(minutes=1))
    assert code_of(refused) == "session_overlaps"
    assert create_session(database, activity, starts_at=first.ends_at).state == "open"
    elsewhere = create_session(database, activity, starts_at=first.starts_at, place="神岡町公民館")
    assert elsewhere.state == "open"


def test_a_called_off_session_leaves_its_place_free(database: Database) -> None:
    activity = create_designated_activity(database)
    first, host = create_session(database, activity), staff_host()
    with database.transaction(for_body(HIDA, actor=host.actor.label)) as db:
        sessions.cancel_session(db, host=host, session_id=first.id, reason="雨", now=NOW)
    assert create_session(database, activity, starts_at=first.starts_at).state == "open"


def test_c33_capacity_never_falls_below_what_is_taken(database: Database) -> None:
    session = create_session(database, create_designated_activity(database), capacity=5)
    for _ in range(3):
        sign_up(database, session, register(database))
    with pytest.raises(Refused) as refused:
        change(database, session, 2)
    assert code_of(refused) == "capacity_below_taken"
    assert refused.value.problems[0].needed == 3
    assert change(database, session, 3).capacity == 3
    assert change(database, session, None).capacity is None


def test_c33_more_places_are_offered_to_who_waits(database: Database) -> None:
    session = create_session(database, create_designated_activity(database), capacity=1)
    people = [register(database) for _ in range(3)]
    for minute, person_id in enumerate(people):
        sign_up(database, session, person_id, now=NOW + timedelta(minutes=minute))
    found = change(database, session, 2)
    assert found.taken == 2
    with database.transaction(for_body(HIDA, actor="staff:test")) as db:
        states = {
            one.person_id: one.state
            for one in db.scalars(select(SignUp).where(SignUp.session_id == session.id))
        }
    assert [states[one] for one in people] == ["taken", "offered", "waiting"]


def test_calling_off_tells_everybody_with_or_without_a_place(database: Database) -> None:
    session = create_session(database, create_designated_activity(database), capacity=1)
    people = {register(database), register(database)}
    for person_id in people:
        sign_up(database, session, person_id)
    host = staff_host()
    with database.transaction(for_body(HIDA, actor=host.actor.label)) as db:
        found = sessions.cancel_session(
            db, host=host, session_id=session.id, reason="台風のため", now=NOW
        )
        assert (found.state, found.taken, found.cancelled_reason) == ("cancelled", 0, "台風のため")
        with pytest.raises(Refused) as refused:
            sessions.cancel_session(db, host=host, session_id=session.id, reason="x", now=NOW)
    assert code_of(refused) == "session_over"
    with database.owner() as connection:  # type: ignore[attr-defined] # the rolled-back database of a test
        told = connection.execute(
            select(Notice.person_id, Notice.facts).where(Notice.kind == "session_cancelled")
        ).all()
    assert {row.person_id for row in told} == people
    assert told[0].facts["reason"] == "台風のため"


def test_a_host_changes_only_their_own_sessions(database: Database) -> None:
    session = create_session(database, create_designated_activity(database))
    other = create_organisation(database)
    host = host_actor(HIDA, other.id, register(database))
    with (
        database.transaction(for_body(HIDA, actor=host.actor.label)) as db,
        pytest.raises(NotFound),
    ):
        sessions.cancel_session(db, host=host, session_id=session.id, reason="x", now=NOW)


def test_an_activity_that_has_ended_gets_no_more_sessions(database: Database) -> None:
    activity = create_designated_activity(
        database, fields=ProposalFields("清掃", "environment_care")
    )
    actor = staff_actor()
    with database.transaction(for_body(HIDA, actor=actor.label)) as db:
        withdraw_designation(
            db, actor=actor, lg_code=HIDA, activity_id=activity.id, reason="終了", now=NOW
        )
    with pytest.raises(Refused) as refused:
        create_session(database, activity)
    assert code_of(refused) == "step_not_allowed"
