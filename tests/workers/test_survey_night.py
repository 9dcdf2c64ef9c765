"""R04: who has not answered the first questionnaire is reminded, at most twice, and then no more."""

from datetime import date, timedelta

import pytest
from sqlalchemy import text

from bench.population import Cohort
from core.access import Actor, ActorKind
from core.db import Database, for_job, for_person
from registry import leaving, survey
from tests.workers.nights import GIFU, HIDA, body_value, do, move_to, parts_at, populate, rows
from workers.parts import Parts
from workers.runner import Runner
from workers.schedule import named

ONLY = (named("survey"),)
DAY = timedelta(days=1)
JOINED = date(2027, 1, 31)
FIRST, SECOND = JOINED + 14 * DAY, JOINED + 28 * DAY


def prepared(database: Database, people: int = 1) -> Parts:
    populate(database, Cohort(HIDA, GIFU, people))
    do(database, "update registration set registered_on = %s", JOINED)
    return parts_at(database, JOINED)


def night(parts: Parts, day: date) -> None:
    move_to(parts, day)
    Runner(parts, ONLY).drain()


def reminded(database: Database) -> list[date]:
    query = "select on_day from registration_event where kind = 'survey_reminder' order by 1"
    return [row[0] for row in rows(database, query)]


def owed(database: Database) -> int:
    found: int = rows(database, "select count(*) from notice where kind = 'survey_reminder'")[0][0]
    return found


def me(database: Database) -> Actor:
    return Actor(ActorKind.PERSON, id=rows(database, "select id from person")[0][0])


def answer(parts: Parts, actor: Actor) -> None:
    with parts.database.transaction(for_person(actor.person_id)) as db:
        survey.answer(
            db,
            actor=actor,
            lg_code=HIDA,
            answers={"tie": "origin"},
            now=parts.clock.now(),
            book=parts.book,
        )


def test_r04_two_reminders_each_on_its_day_and_no_third(own_database: Database) -> None:
    parts = prepared(own_database)
    for day in (JOINED, FIRST - DAY, FIRST, FIRST, FIRST + DAY, SECOND - DAY, SECOND, SECOND + DAY):
        night(parts, day)
    night(parts, SECOND + 400 * DAY)
    assert reminded(own_database) == [FIRST, SECOND]
    assert owed(own_database) == 2
    assert rows(own_database, "select survey_due_on from registration where direct") == [(None,)]


def test_r04_a_night_run_again_by_hand_reminds_nobody_twice(own_database: Database) -> None:
    parts = prepared(own_database, people=3)
    move_to(parts, FIRST)
    assert Runner(parts, ONLY).run_named("survey", FIRST)["reminded"] == 3
    Runner(parts, ONLY).run_named("survey", FIRST)
    assert owed(own_database) == 3


def test_r04_who_answers_is_left_in_peace(own_database: Database) -> None:
    parts = prepared(own_database)
    night(parts, JOINED)
    move_to(parts, JOINED + DAY)
    answer(parts, me(own_database))
    for day in (FIRST, SECOND):
        night(parts, day)
    assert reminded(own_database) == []


def test_r04_who_left_is_not_asked(own_database: Database) -> None:
    parts = prepared(own_database)
    night(parts, JOINED)
    actor = me(own_database)
    with own_database.transaction(for_person(actor.person_id)) as db:
        leaving.leave(db, actor=actor, lg_code=HIDA, now=parts.clock.now(), book=parts.book)
    night(parts, FIRST)
    assert owed(own_database) == 0


@pytest.mark.parametrize(("most", "days"), [(1, [FIRST]), (0, [])])
def test_r04_a_body_may_remind_less(own_database: Database, most: int, days: list[date]) -> None:
    body_value(own_database, "survey.reminders", most)
    parts = prepared(own_database)
    for day in (JOINED, FIRST, SECOND):
        night(parts, day)
    assert reminded(own_database) == days


def test_r04_a_linked_prefecture_has_no_questionnaire_and_no_work(own_database: Database) -> None:
    prepared(own_database)
    ask = text("select furusato_due_bodies('survey', :day, now())")
    with own_database.transaction(for_job("test")) as db:
        assert db.execute(ask, {"day": FIRST}).scalars().all() == [HIDA]
