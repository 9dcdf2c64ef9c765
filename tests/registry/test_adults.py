"""R18: turning eighteen, in the night of the day itself."""

from datetime import date

import pytest
from sqlalchemy import select

from core.db import Database, for_job
from core.models import AuditEvent, Notice
from registry.adults import turn_adults
from registry.models import Guardianship, RegistrationEvent
from tests.factories import registry as make
from tests.factories.registry import GIFU, HIDA, NOW, SignedIn, registration_of


def minor_with_guardian(database: Database, birth: date) -> tuple[SignedIn, SignedIn]:
    parent = make.create_person(database, nickname="親")
    child = make.create_person(database, birth_date=birth)
    with database.transaction(child.context) as db:
        db.add(
            Guardianship(
                person_id=child.id,
                guardian_id=parent.id,
                contact="parent@example.jp",
                state="living",
                scope="premium",
                text_version="1",
                invite_hash=str(child.id),
                invited_at=NOW,
                contact_confirmed_at=NOW,
                verified_at=NOW,
            )
        )
    make.join(database, child, HIDA)
    return child, parent


def run(database: Database, lg_code: str, as_of: date) -> int:
    with database.transaction(for_job("adults", lg_code)) as db:
        return turn_adults(db, as_of=as_of, now=NOW)


def kinds(database: Database, someone: SignedIn) -> list[str]:
    with database.transaction(someone.context) as db:
        return [k for k in db.scalars(select(Notice.kind)) if "adult" in k]


@pytest.mark.parametrize(
    ("birth", "before", "adult"),
    [
        (date(2009, 7, 15), date(2027, 7, 14), date(2027, 7, 15)),
        (date(2012, 2, 29), date(2030, 2, 28), date(2030, 3, 1)),
    ],
)
def test_r18_consent_ends_on_the_day_itself(
    database: Database, birth: date, before: date, adult: date
) -> None:
    child, parent = minor_with_guardian(database, birth)
    assert run(database, HIDA, before) == 0
    row = registration_of(database, child, HIDA)
    assert row is not None
    assert row.minor_until == adult
    assert run(database, HIDA, adult) == 1
    assert run(database, GIFU, adult) == 1
    for code in (HIDA, GIFU):
        row = registration_of(database, child, code)
        assert row is not None
        assert row.minor_until is None
    with database.transaction(child.context) as db:
        consent = db.scalars(select(Guardianship)).one()
        assert (consent.state, consent.ended_reason) == ("ended", "adult")
        events = db.scalars(select(RegistrationEvent.kind)).all()
        assert events.count("became_adult") == 2
        assert "registration.became_adult" in db.scalars(select(AuditEvent.action)).all()
    assert kinds(database, child) == ["became_adult"]
    assert kinds(database, parent) == ["ward_became_adult"]


def test_r18_a_second_run_and_a_late_one_change_nothing(database: Database) -> None:
    child, _ = minor_with_guardian(database, date(2009, 7, 15))
    assert run(database, HIDA, date(2027, 9, 1)) == 1
    assert run(database, HIDA, date(2027, 9, 1)) == 0
    assert run(database, HIDA, date(2027, 7, 15)) == 0
    assert kinds(database, child) == ["became_adult"]
