"""C33, C34, R18, R31: places, the waiting line, timed offers, overlaps, and a hundred at once."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select

from activities import signup, waiting
from activities.models import ActivitySession, SignUp
from activities.proposing import ProposalFields
from activities.signup import Signed
from activities.waiting import LineMoves, after_quiet
from core.access import system
from core.clock import JAPAN
from core.db import Database, for_body, for_job, for_person
from core.errors import DomainError, Gone, NotFound, Refused
from core.models import Delivery, Notice
from registry.models import BodyValue, Registration
from tests.activities.conftest import register
from tests.factories.activities import (
    BOOK,
    HIDA,
    NOW,
    create_activity,
    create_designated_activity,
    create_organisation,
    create_session,
    person_actor,
    sign_up,
)

KESENNUMA = "042056"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def codes(error: pytest.ExceptionInfo[DomainError]) -> tuple[str, ...]:
    return tuple(problem.code for problem in error.value.problems)


def cancel(
    database: Database, session: ActivitySession, person_id: UUID, now: datetime = NOW
) -> Signed:
    actor = person_actor(person_id)
    with database.transaction(for_body(session.lg_code, actor=actor.label)) as db:
        return signup.cancel_sign_up(
            db, actor=actor, lg_code=session.lg_code, session_id=session.id, book=BOOK, now=now
        )


def accept(
    database: Database, session: ActivitySession, person_id: UUID, now: datetime = NOW
) -> Signed:
    actor = person_actor(person_id)
    with database.transaction(for_body(session.lg_code, actor=actor.label)) as db:
        return signup.accept_offer(
            db,
            actor=actor,
            lg_code=session.lg_code,
            session_id=session.id,
            elsewhere=(),
            book=BOOK,
            now=now,
        )


def night(database: Database, now: datetime) -> LineMoves:
    with database.transaction(for_job("offers", HIDA)) as db:
        return waiting.offer_seats(db, lg_code=HIDA, book=BOOK, now=now)


def states(
    database: Database, session: ActivitySession, people: Sequence[UUID]
) -> tuple[list[str], int]:
    """The people's states in order, and the places taken."""
    with database.transaction(for_body(session.lg_code, actor="staff:test")) as db:
        found = {
            one.person_id: one.state
            for one in db.scalars(select(SignUp).where(SignUp.session_id == session.id))
        }
        taken = db.get_one(ActivitySession, (session.lg_code, session.id)).taken
    return [found[one] for one in people], taken


def told(database: Database, person_id: UUID) -> list[str]:
    with database.owner() as connection:  # type: ignore[attr-defined] # the rolled-back database of a test
        rows = connection.execute(select(Notice.kind).where(Notice.person_id == person_id))
        return sorted(row.kind for row in rows)


def full_session(
    database: Database, people: int, capacity: int = 1
) -> tuple[ActivitySession, list[UUID]]:
    session = create_session(database, create_designated_activity(database), capacity=capacity)
    line = [register(database) for _ in range(people)]
    for minute, person_id in enumerate(line):
        sign_up(database, session, person_id, now=NOW + minute * MINUTE)
    return session, line


def test_a_place_is_taken_and_told_and_resets_the_clock(
    database: Database, person_id: UUID
) -> None:
    session = create_session(database, create_designated_activity(database), capacity=2)
    later = NOW + timedelta(days=1)
    signed = sign_up(database, session, person_id, now=later)
    assert (signed.created, signed.sign_up.state, signed.session.taken) == (True, "taken", 1)
    assert told(database, person_id) == ["sign_up_taken"]
    with database.transaction(for_body(HIDA, actor="staff:test")) as db:
        row = db.scalars(select(Registration).where(Registration.person_id == person_id)).one()
        assert row.last_access_on == date(2027, 6, 2)  # R06


def test_signing_up_again_gives_the_place_that_stands(database: Database, person_id: UUID) -> None:
    session = create_session(database, create_designated_activity(database), capacity=2)
    first = sign_up(database, session, person_id)
    again = sign_up(database, session, person_id, now=NOW + HOUR)
    assert (again.created, again.sign_up.id, again.session.taken) == (False, first.sign_up.id, 1)


def test_giving_back_and_signing_up_again_keeps_one_row(
    database: Database, person_id: UUID
) -> None:
    session = create_session(database, create_designated_activity(database), capacity=1)
    first = sign_up(database, session, person_id)
    assert cancel(database, session, person_id).session.taken == 0
    with pytest.raises(NotFound):
        cancel(database, session, person_id)
    again = sign_up(database, session, person_id, now=NOW + HOUR)
    assert (again.created, again.sign_up.id, again.session.taken) == (True, first.sign_up.id, 1)
    assert told(database, person_id) == ["sign_up_taken", "sign_up_taken"]


def test_every_reason_against_is_given_at_once(database: Database) -> None:
    fields = ProposalFields("夜警", "safety", insurance="participant", late_night=True)
    activity = create_designated_activity(database, fields=fields)
    session = create_session(database, activity)
    minor = register(database, minor_until=date(2030, 4, 1))
    with pytest.raises(Refused) as refused:
        sign_up(database, session, minor)
    assert codes(refused) == ("minor_at_night", "insurance_proof")
    elsewhere = register(database, KESENNUMA)
    with pytest.raises(Refused) as unknown:
        sign_up(database, session, elsewhere, insurance_proof=True)
    assert codes(unknown) == ("not_registered",)


def test_r18_an_adult_on_the_day_is_no_minor(database: Database) -> None:
    fields = ProposalFields("夜警", "safety", late_night=True)
    session = create_session(database, create_designated_activity(database, fields=fields))
    day = session.starts_at.astimezone(JAPAN).date()
    assert sign_up(database, session, register(database, minor_until=day)).created
    with pytest.raises(Refused):
        sign_up(database, session, register(database, minor_until=day + timedelta(days=1)))


def test_r31_the_participant_says_that_they_are_insured(
    database: Database, person_id: UUID
) -> None:
    fields = ProposalFields("草刈り", "environment_care", insurance="participant")
    session = create_session(database, create_designated_activity(database, fields=fields))
    with pytest.raises(Refused) as refused:
        sign_up(database, session, person_id)
    assert codes(refused) == ("insurance_proof",)
    assert sign_up(database, session, person_id, insurance_proof=True).sign_up.insurance_proof


def test_nobody_signs_up_for_what_has_begun_or_is_not_public(
    database: Database, person_id: UUID
) -> None:
    session = create_session(database, create_designated_activity(database))
    with pytest.raises(Refused) as refused:
        sign_up(database, session, person_id, now=session.starts_at)
    assert codes(refused) == ("session_begun",)
    proposal = create_activity(database, create_organisation(database))
    with pytest.raises(NotFound):
        sign_up(database, create_session(database, proposal), person_id)


@pytest.mark.parametrize(("shared", "fine"), [(0, True), (30, True), (31, False)])
def test_c34_a_little_overlap_is_warned_of_more_is_refused(
    database: Database, person_id: UUID, shared: int, fine: bool
) -> None:
    first = create_session(database, create_designated_activity(database), hours=3)
    second = create_session(
        database, create_designated_activity(database), starts_at=first.ends_at - shared * MINUTE
    )
    sign_up(database, first, person_id)
    if not fine:
        with pytest.raises(Refused) as refused:
            sign_up(database, second, person_id)
        assert codes(refused) == ("overlapping_session",)
        assert refused.value.problems[0].names == ("農作業のお手伝い",)
        return
    signed = sign_up(database, second, person_id)
    assert signed.touches == (("農作業のお手伝い",) if shared else ())


def test_c34_an_activity_of_another_town_counts_as_well(
    database: Database, person_id: UUID
) -> None:
    register(database, KESENNUMA, person_id=person_id)
    here = create_session(database, create_designated_activity(database))
    there = create_session(database, create_designated_activity(database, lg_code=KESENNUMA))
    sign_up(database, here, person_id)
    with pytest.raises(Refused) as refused:
        sign_up(database, there, person_id)
    assert codes(refused) == ("overlapping_session",)


def test_c33_the_line_moves_when_a_place_is_given_back(database: Database) -> None:
    session, people = full_session(database, 4)
    assert states(database, session, people) == (["taken", "waiting", "waiting", "waiting"], 1)
    at = NOW + HOUR
    cancel(database, session, people[0], at)
    assert states(database, session, people) == (["cancelled", "offered", "waiting", "waiting"], 1)
    assert "place_offered" in told(database, people[1])
    # Nobody jumps the line while a place is on offer.
    newcomer = register(database)
    assert sign_up(database, session, newcomer, now=at).sign_up.state == "waiting"
    assert accept(database, session, people[1], at + 24 * HOUR).sign_up.state == "taken"
    assert states(database, session, people)[1] == 1


def test_c33_an_offer_that_ran_out_goes_to_the_next_and_only_once(database: Database) -> None:
    session, people = full_session(database, 4)
    at = NOW + HOUR
    cancel(database, session, people[0], at)
    assert night(database, at + 24 * HOUR) == LineMoves()
    late = at + 24 * HOUR + MINUTE
    with pytest.raises(Gone):
        accept(database, session, people[1], late)
    assert night(database, late) == LineMoves(expired=1, offered=1)
    assert night(database, late) == LineMoves()
    assert states(database, session, people) == (
        ["cancelled", "declined", "offered", "waiting"],
        1,
    )
    assert "offer_expired" in told(database, people[1])


def test_c33_declining_an_offer_hands_it_on_at_once(database: Database) -> None:
    session, people = full_session(database, 3)
    cancel(database, session, people[0], NOW + HOUR)
    cancel(database, session, people[1], NOW + HOUR)
    assert states(database, session, people) == (["cancelled", "cancelled", "offered"], 1)
    with pytest.raises(NotFound):
        accept(database, session, people[0], NOW + HOUR)


def test_c33_an_offer_never_outlives_the_start(database: Database) -> None:
    session, people = full_session(database, 3)
    near = session.starts_at - HOUR
    cancel(database, session, people[0], near)
    with database.transaction(for_body(HIDA, actor="staff:test")) as db:
        offered = db.scalars(select(SignUp).where(SignUp.state == "offered")).one()
        assert offered.offer_until == session.starts_at
    night(database, session.starts_at + MINUTE)
    assert states(database, session, people) == (["cancelled", "declined", "declined"], 0)


def test_c33_who_waits_is_not_offered_and_cannot_accept(database: Database) -> None:
    session, people = full_session(database, 2)
    with pytest.raises(Refused) as refused:
        accept(database, session, people[1])
    assert codes(refused) == ("not_offered",)


def test_c34_an_offer_is_not_accepted_over_another_activity(database: Database) -> None:
    session, people = full_session(database, 2)
    other = create_session(database, create_designated_activity(database))
    sign_up(database, other, people[1])
    cancel(database, session, people[0], NOW + HOUR)
    with pytest.raises(Refused) as refused:
        accept(database, session, people[1], NOW + HOUR)
    assert codes(refused) == ("overlapping_session",)


def test_a_reminder_is_sent_once_on_the_day_before(database: Database, person_id: UUID) -> None:
    session = create_session(database, create_designated_activity(database))
    sign_up(database, session, person_id)
    day = session.starts_at.astimezone(JAPAN).date()
    at_night = datetime.combine(day - timedelta(days=1), datetime.min.time(), JAPAN) + HOUR

    def run(as_of: date) -> int:
        with database.transaction(for_job("reminders", HIDA)) as db:
            return waiting.remind(
                db, lg_code=HIDA, as_of=as_of, book=BOOK, now=at_night.astimezone(UTC)
            )

    assert run(day - timedelta(days=2)) == 0
    assert run(day - timedelta(days=1)) == 1
    assert run(day - timedelta(days=1)) == 0
    assert told(database, person_id) == ["session_reminder", "sign_up_taken"]
    with database.owner() as connection:  # type: ignore[attr-defined] # the rolled-back database of a test
        available = connection.execute(
            select(Delivery.available_at)
            .join(Notice, Notice.id == Delivery.notice_id)
            .where(Notice.kind == "session_reminder")
        ).scalar_one()
    assert available.astimezone(JAPAN).hour == 8  # R23: not in the middle of the night


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ("2027-06-01T08:00", "2027-06-01T08:00"),
        ("2027-06-01T20:59", "2027-06-01T20:59"),
        ("2027-06-01T21:00", "2027-06-02T08:00"),
        ("2027-06-01T07:59", "2027-06-01T08:00"),
        ("2027-06-01T00:00", "2027-06-01T08:00"),
    ],
)
def test_r23_mail_keeps_quiet_hours(local: str, expected: str) -> None:
    given = datetime.fromisoformat(f"{local}+09:00").astimezone(UTC)
    assert after_quiet(given, (21, 8)) == datetime.fromisoformat(f"{expected}+09:00")


def test_ending_a_registration_gives_every_place_back(database: Database) -> None:
    session, people = full_session(database, 2)
    with database.transaction(for_person(people[0])) as db:
        row = db.scalars(select(Registration).where(Registration.person_id == people[0])).one()
        row.status = "withdrawn"

    def run() -> LineMoves:
        with database.transaction(for_job("offers", HIDA)) as db:
            return signup.give_back_ended(
                db, actor=system("offers"), lg_code=HIDA, book=BOOK, now=NOW + HOUR
            )

    assert run() == LineMoves(offered=1)
    assert run() == LineMoves()
    assert states(database, session, people) == (["cancelled", "offered"], 1)


def test_c33_a_hundred_at_once_never_overfill(own_database: Database) -> None:
    session = create_session(own_database, create_designated_activity(own_database), capacity=7)
    people = [register(own_database) for _ in range(100)]
    with ThreadPoolExecutor(max_workers=16) as pool:
        signed = list(pool.map(lambda one: sign_up(own_database, session, one), people))
    found = [one.sign_up.state for one in signed]
    assert (found.count("taken"), found.count("waiting")) == (7, 93)
    # Everybody with a place gives it back at once, while the night job runs beside them.
    leaving = [one.sign_up.person_id for one in signed if one.sign_up.state == "taken"]
    with ThreadPoolExecutor(max_workers=16) as pool:
        jobs = [pool.submit(night, own_database, NOW + HOUR) for _ in range(3)]
        list(pool.map(lambda one: cancel(own_database, session, one, NOW + HOUR), leaving))
        for job in jobs:
            job.result()
    with own_database.transaction(for_body(HIDA, actor="staff:test")) as db:
        counts = dict(iter(db.execute(select(SignUp.state, func.count()).group_by(SignUp.state))))
        row = db.get_one(ActivitySession, (HIDA, session.id))
        assert (row.taken, row.capacity) == (7, 7)
    assert counts == {"cancelled": 7, "offered": 7, "waiting": 86}


def test_c34_one_person_at_two_sessions_at_once_gets_one(own_database: Database) -> None:
    first, second = (
        create_session(own_database, create_designated_activity(own_database)) for _ in range(2)
    )
    person_id = register(own_database)

    def attempt(session: ActivitySession) -> str:
        try:
            return sign_up(own_database, session, person_id, elsewhere=()).sign_up.state
        except Refused as error:
            return error.code

    for _ in range(5):
        with ThreadPoolExecutor(max_workers=2) as pool:
            found = sorted(pool.map(attempt, (first, second)))
        assert found == ["overlapping_session", "taken"]
        for session in (first, second):
            try:
                cancel(own_database, session, person_id)
            except NotFound:
                continue


def test_c33_policy_of_the_body_sets_the_time_of_an_offer(database: Database) -> None:
    session, people = full_session(database, 2)
    with database.transaction(for_body(HIDA, actor="staff:test")) as db:
        db.add(
            BodyValue(
                lg_code=HIDA,
                key="signup.offer_hours",
                since=NOW.date(),
                decided_at=NOW,
                value=2,
                decided_by="staff:test",
            )
        )
    cancel(database, session, people[0], NOW)
    with database.transaction(for_body(HIDA, actor="staff:test")) as db:
        offered = db.scalars(select(SignUp).where(SignUp.state == "offered")).one()
        assert offered.offer_until == NOW + 2 * HOUR
