"""R01–R06: registering, the prefecture that follows, leaving, keeping and coming back."""

from datetime import date, timedelta

import pytest
from sqlalchemy import func, select, update

from core.db import Database, for_body, for_job
from core.errors import Conflict, DomainError, Gone, NotFound, Refused
from core.models import Notice
from registry import registration as use
from registry.access import touch
from registry.leaving import leave as leave_body
from registry.models import LocalGovernment, PendingLink, Registration, RegistrationEvent
from registry.rules.dormancy import AccessKind
from tests.factories import registry as make
from tests.factories.registry import GIFU, HIDA, NOW, SignedIn, registration_of

BOOK = make.policy_book()
TAKAYAMA = "212032"


def leave(database: Database, someone: SignedIn, code: str) -> None:
    with database.transaction(someone.context) as db:
        leave_body(db, actor=someone.actor, lg_code=code, now=NOW, book=BOOK)


def set_link(database: Database, someone: SignedIn, code: str, *, linked: bool) -> None:
    with database.transaction(someone.context) as db:
        use.set_link(db, actor=someone.actor, lg_code=code, linked=linked, now=NOW, book=BOOK)


def living(database: Database, someone: SignedIn) -> dict[str, str]:
    """Codes of the person's active registrations with their origins."""
    with database.transaction(someone.context) as db:
        rows = db.scalars(select(Registration).where(Registration.status == "active"))
        return {
            row.lg_code: "+".join(
                name for name, held in (("direct", row.direct), ("derived", row.derived)) if held
            )
            for row in rows
        }


def kinds(database: Database, someone: SignedIn) -> list[str]:
    with database.transaction(someone.context) as db:
        return sorted(db.scalars(select(Notice.kind)))


def refusal(error: pytest.ExceptionInfo[DomainError]) -> tuple[str, str | None]:
    return error.value.code, error.value.problems[0].rule


def test_r02_a_town_brings_its_prefecture(database: Database) -> None:
    someone = make.create_person(database)
    row = make.join(database, someone, HIDA)
    assert (row.tier, row.status, row.direct) == ("basic", "active", True)
    assert living(database, someone) == {HIDA: "direct", GIFU: "derived"}
    derived = registration_of(database, someone, GIFU)
    assert derived is not None
    assert [entry["code"] for entry in derived.derived_from] == [HIDA]
    assert kinds(database, someone) == ["derived_started", "registration_registered"]


def test_r02_opting_out_takes_the_prefecture_and_nothing_else(database: Database) -> None:
    someone = make.create_person(database)
    make.join(database, someone, HIDA)
    set_link(database, someone, HIDA, linked=False)
    assert living(database, someone) == {HIDA: "direct"}
    set_link(database, someone, HIDA, linked=True)
    assert living(database, someone) == {HIDA: "direct", GIFU: "derived"}


def test_r02_opting_out_is_for_each_source(database: Database) -> None:
    someone = make.create_person(database)
    make.join(database, someone, HIDA)
    make.join(database, someone, TAKAYAMA)
    set_link(database, someone, HIDA, linked=False)
    derived = registration_of(database, someone, GIFU)
    assert derived is not None
    assert derived.status == "active"
    assert [entry["code"] for entry in derived.derived_from] == [TAKAYAMA]
    leave(database, someone, TAKAYAMA)
    assert living(database, someone) == {HIDA: "direct"}


def test_r02_opting_out_at_once_and_by_default(database: Database) -> None:
    at_once = make.create_person(database)
    make.join(database, at_once, HIDA, link_opt_out=True)
    assert living(database, at_once) == {HIDA: "direct"}


def test_r02_a_direct_prefecture_stays_when_the_town_is_left(database: Database) -> None:
    someone = make.create_person(database)
    make.join(database, someone, HIDA)
    make.join(database, someone, GIFU)
    assert living(database, someone) == {HIDA: "direct", GIFU: "direct+derived"}
    leave(database, someone, HIDA)
    assert living(database, someone) == {GIFU: "direct"}


def test_r02_leaving_a_direct_prefecture_leaves_the_derived_one(database: Database) -> None:
    someone = make.create_person(database)
    make.join(database, someone, HIDA)
    make.join(database, someone, GIFU)
    leave(database, someone, GIFU)
    assert living(database, someone) == {HIDA: "direct", GIFU: "derived"}
    with pytest.raises(Refused) as error:
        leave(database, someone, GIFU)
    assert refusal(error) == ("derived_registration", "R02")
    assert error.value.problems[0].names == ("飛騨市",)


def test_r01_only_bodies_that_joined_take_registrations(database: Database) -> None:
    someone = make.create_person(database)
    with pytest.raises(Refused) as error:
        make.join(database, someone, HIDA, joined=False)
    assert refusal(error) == ("body_not_joined", "R01")
    with pytest.raises(NotFound):
        make.join(database, someone, "999999", joined=False)


def test_r03_registering_needs_a_profile(database: Database) -> None:
    make.open_bodies(database, HIDA)
    with pytest.raises(NotFound) as error:
        make.join(database, make.create_account(database), HIDA, joined=False)
    assert error.value.code == "profile_needed"


def test_r02_registering_again_changes_nothing(database: Database) -> None:
    someone = make.create_person(database)
    first = make.join(database, someone, HIDA)
    again = make.join(database, someone, HIDA, now=NOW + timedelta(days=3))
    assert (again.id, again.registered_on) == (first.id, first.registered_on)
    assert again.last_access_on == first.last_access_on + timedelta(days=3)
    with database.transaction(someone.context) as db:
        events = db.scalar(
            select(func.count())
            .select_from(RegistrationEvent)
            .where(RegistrationEvent.lg_code == HIDA)
        )
    assert events == 1


def test_r02_coming_back_after_leaving_is_the_same_row(database: Database) -> None:
    someone = make.create_person(database)
    first = make.join(database, someone, HIDA)
    leave(database, someone, HIDA)
    leave(database, someone, HIDA)
    left = registration_of(database, someone, HIDA)
    assert left is not None
    assert (left.status, left.ended_on) == ("withdrawn", date(2027, 6, 1))
    back = make.join(database, someone, HIDA, now=NOW + timedelta(days=40))
    assert (back.id, back.status, back.ended_on) == (first.id, "active", None)
    assert back.registered_on == date(2027, 7, 11)
    assert living(database, someone) == {HIDA: "direct", GIFU: "derived"}


def test_r02_the_link_waits_for_a_prefecture_that_has_not_joined(database: Database) -> None:
    someone = make.create_person(database)
    make.open_bodies(database, HIDA)
    make.join(database, someone, HIDA, joined=False)
    assert living(database, someone) == {HIDA: "direct"}
    with database.transaction(someone.context) as db:
        assert db.scalars(select(PendingLink.source_lg_code)).all() == [HIDA]
    set_link(database, someone, HIDA, linked=False)
    with database.transaction(someone.context) as db:
        assert db.scalars(select(PendingLink)).all() == []


def release(database: Database, someone: SignedIn, code: str, until: date) -> None:
    """As the nightly job leaves it."""
    with database.transaction(for_job("dormancy", code)) as db:
        db.execute(
            update(Registration)
            .where(Registration.lg_code == code, Registration.person_id == someone.id)
            .values(
                status="released_dormant",
                released_on=date(2027, 5, 1),
                restore_until=until,
            )
        )


def test_r06_one_tap_keeps(database: Database) -> None:
    someone = make.create_person(database)
    make.join(database, someone, HIDA, now=NOW - timedelta(days=600))
    with database.transaction(someone.context) as db:
        use.keep(db, actor=someone.actor, lg_code=HIDA, now=NOW, book=BOOK)
    row = registration_of(database, someone, HIDA)
    assert row is not None
    assert row.last_access_on == date(2027, 6, 1)


@pytest.mark.parametrize(
    ("until", "restored"), [(date(2027, 6, 1), True), (date(2027, 5, 31), False)]
)
def test_r06_one_tap_restores_until_the_last_day(
    database: Database, until: date, restored: bool
) -> None:
    someone = make.create_person(database)
    first = make.join(database, someone, HIDA)
    release(database, someone, HIDA, until)
    with database.transaction(someone.context) as db:
        if not restored:
            with pytest.raises(Gone) as error:
                use.restore(db, actor=someone.actor, lg_code=HIDA, now=NOW, book=BOOK)
            assert error.value.code == "restore_over"
            return
        use.restore(db, actor=someone.actor, lg_code=HIDA, now=NOW, book=BOOK)
        use.restore(db, actor=someone.actor, lg_code=HIDA, now=NOW, book=BOOK)
    row = registration_of(database, someone, HIDA)
    assert row is not None
    assert (row.status, row.registered_on, row.restore_until) == (
        "active",
        first.registered_on,
        None,
    )
    assert living(database, someone) == {HIDA: "direct", GIFU: "derived"}


def test_r06_keeping_a_left_registration_is_refused(database: Database) -> None:
    someone = make.create_person(database)
    make.join(database, someone, HIDA)
    leave(database, someone, HIDA)
    with database.transaction(someone.context) as db:
        with pytest.raises(Conflict):
            use.keep(db, actor=someone.actor, lg_code=HIDA, now=NOW, book=BOOK)
        with pytest.raises(Conflict) as error:
            use.restore(db, actor=someone.actor, lg_code=HIDA, now=NOW, book=BOOK)
    assert error.value.code == "not_released"


def test_r06_a_late_scan_never_sets_the_clock_back(database: Database) -> None:
    someone = make.create_person(database)
    row = make.join(database, someone, HIDA)
    day = row.last_access_on
    for step, moved in ((-5, False), (0, False), (2, True), (1, False)):
        with database.transaction(for_body(HIDA, actor="staff:test")) as db:
            found = touch(
                db,
                lg_code=HIDA,
                person_id=someone.id,
                kind=AccessKind.CHECK_IN,
                today=day + timedelta(days=step),
                book=BOOK,
            )
        assert found is moved
    with database.transaction(someone.context) as db:
        assert not touch(
            db,
            lg_code=HIDA,
            person_id=someone.id,
            kind=AccessKind.LOGIN,
            today=day + timedelta(days=9),
            book=BOOK,
        )


def test_r05_there_is_no_upper_limit(database: Database) -> None:
    someone = make.create_person(database)
    with database.transaction(make.OPERATOR) as db:
        towns = db.scalars(
            select(LocalGovernment.code).where(
                LocalGovernment.prefecture_code == GIFU, LocalGovernment.code != GIFU
            )
        ).all()
    for code in towns:
        make.join(database, someone, code, now=NOW)
    assert len(towns) > 20
    assert len(living(database, someone)) == len(towns) + 1
    derived = registration_of(database, someone, GIFU)
    assert derived is not None
    assert [entry["code"] for entry in derived.derived_from] == sorted(towns)
