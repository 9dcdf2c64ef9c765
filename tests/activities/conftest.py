"""People registered with a local government, for the tests of activities."""

from collections.abc import Callable
from datetime import date
from uuid import UUID

import pytest

from core.db import Context, Database, for_person
from core.ids import new_id
from core.models import Account
from core.tenancy import Audience
from registry.models import Person, Registration
from tests.factories.activities import HIDA, NOW

GATE = Context(Audience.GATE, actor="system:test")
Register = Callable[..., UUID]


def register(
    database: Database,
    lg_code: str = HIDA,
    *,
    person_id: UUID | None = None,
    minor_until: date | None = None,
    name: str = "山田 太郎",
    kana: str = "ヤマダ タロウ",
) -> UUID:
    """A person with a basic registration; the person is made unless one is named."""
    known, person_id = person_id is not None, person_id or new_id()
    if not known:
        with database.transaction(GATE) as db:
            db.add(
                Account(
                    id=person_id,
                    kind="person",
                    email=f"{person_id.hex}@example.jp",
                    email_key=person_id.hex,
                    created_at=NOW,
                )
            )
    with database.transaction(for_person(person_id)) as db:
        if not known:
            db.add(Person(id=person_id, nickname=name, created_at=NOW))
            db.flush()
        db.add(
            Registration(
                lg_code=lg_code,
                person_id=person_id,
                direct=True,
                member_number=new_id().hex[:8].upper(),
                registered_on=NOW.date(),
                last_access_on=NOW.date(),
                display_name=name,
                kana=kana,
                minor_until=minor_until,
            )
        )
    return person_id


@pytest.fixture
def person_id(database: Database) -> UUID:
    """Somebody registered with 飛騨市."""
    return register(database)
