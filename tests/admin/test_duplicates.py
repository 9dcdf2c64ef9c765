"""C42: who may be registered twice is found at night, looked at by staff, and never merged."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from sqlalchemy import select

from core.access import Role
from core.db import for_body, for_job
from core.models import AuditEvent, Notice
from registry import duplicates, people
from registry.alike import Looks, alike
from registry.models import DuplicatePair, Registration
from tests.factories.desk import create_twins
from tests.factories.registry import (
    HIDA,
    KESENNUMA,
    NOW,
    create_person,
    join,
    make_staff,
    policy_book,
)

if TYPE_CHECKING:
    from fastapi.testclient import TestClient
    from httpx2 import Response

    from tests.conftest import RollbackDatabase
    from tests.factories.registry import SignedIn

HOME = f"/staff/{HIDA}"
MORI = Looks("森 美咲", "モリ ミサキ", "131130", 1980)


@pytest.mark.parametrize(
    ("other", "reasons"),
    [
        (Looks("森　美咲", None, "131130", 1980), ("name", "birth_year", "residence")),
        (Looks("ＭＯＲＩ", "モリミサキ", None, 1980), ("kana", "birth_year")),
        (Looks("森 美咲", "モリ ミサキ", "131130", 1981), ()),
        (Looks("森 美咲", "モリ ミサキ", "131130", None), ()),
        (Looks("森 美咲", None, "212172", 1980), ()),
        (Looks("森 美桜", None, "131130", 1980), ()),
    ],
)
def test_c42_what_is_alike(other: Looks, reasons: tuple[str, ...]) -> None:
    assert alike(MORI, other) == reasons
    assert alike(other, MORI) == reasons


def find(database: RollbackDatabase) -> int:
    with database.transaction(for_job("duplicates", HIDA)) as db:
        return duplicates.find(db, lg_code=HIDA, as_of=NOW.date(), now=NOW)


def answer(http: TestClient, someone: SignedIn, pair: object, said: str) -> Response:
    sent = {"_key": str(uuid4()), "answer": said}
    return http.post(f"{HOME}/duplicates/{pair}", headers=someone.headers, data=sent)


def test_c42_two_people_are_never_asked_about_again(
    http: TestClient, database: RollbackDatabase
) -> None:
    clerk = make_staff(database, HIDA, Role.CLERK)
    _, second, pair = create_twins(database)
    for name in ("森 美咲", "林 一"):
        elsewhere = create_person(database, nickname=name)
        join(database, elsewhere, KESENNUMA)
    inbox = http.get(HOME, headers=clerk.headers).text
    assert f'href="{HOME}/duplicates/{pair}"' in inbox
    page = http.get(f"{HOME}/duplicates/{pair}", headers=clerk.headers)
    assert "名前、生まれた年が同じ" in page.text
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        looks = select(AuditEvent.person_id).where(AuditEvent.action == "duplicate.open")
        assert len(set(db.scalars(looks))) == 2
    assert answer(http, clerk, pair, "maybe").status_code == 422
    assert answer(http, clerk, pair, "different").headers["location"].startswith(HOME)
    assert answer(http, clerk, pair, "different").status_code == 409
    assert f"{HOME}/duplicates/" not in http.get(HOME, headers=clerk.headers).text
    # A change of the name is a reason to look, but not at these two.
    with database.transaction(second.context) as db:
        people.update_profile(
            db, actor=second.actor, changes={"nickname": "み", "name": "森 美 咲"}, now=NOW,
            book=policy_book(),
        )  # fmt: skip
    assert find(database) == 0
    viewer = make_staff(database, HIDA, Role.VIEWER)
    assert http.get(f"{HOME}/duplicates/{pair}", headers=viewer.headers).status_code == 403


def test_c42_one_person_is_told_and_leaves_by_themselves(
    http: TestClient, database: RollbackDatabase
) -> None:
    clerk = make_staff(database, HIDA, Role.CLERK)
    first, second, pair = create_twins(database)
    assert find(database) == 0
    said = answer(http, clerk, pair, "same")
    assert said.headers["location"] == f"{HOME}/duplicates/{pair}?done=said_same"
    with database.owner() as connection:
        told = connection.execute(
            select(Notice.person_id, Notice.facts).where(Notice.kind == "registered_twice")
        ).all()
    assert {person for person, _ in told} == {first.id, second.id}
    assert all(facts == {"government": "飛騨市"} for _, facts in told)
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        rows = db.scalars(
            select(Registration).where(Registration.person_id.in_([first.id, second.id]))
        ).all()
        assert [one.status for one in rows] == ["active", "active"]
        assert db.get_one(DuplicatePair, (HIDA, pair)).decided_by == clerk.actor.label
    page = http.get(f"{HOME}/members/{rows[0].id}", headers=clerk.headers).text
    assert "登録が2つある人" in page
    # Said by mistake: decided anew.
    assert answer(http, clerk, pair, "different").status_code == 303


def test_c42_who_left_is_no_twin(http: TestClient, database: RollbackDatabase) -> None:
    """A pair of which one has left waits for nobody."""
    clerk = make_staff(database, HIDA, Role.CLERK)
    first, _, _ = create_twins(database)
    left = first.headers
    gone = http.post(
        f"/towns/{HIDA}/leave", headers=left, data={"_key": str(uuid4()), "sure": "yes"}
    )
    assert gone.status_code == 303
    assert f"{HOME}/duplicates/" not in http.get(HOME, headers=clerk.headers).text
