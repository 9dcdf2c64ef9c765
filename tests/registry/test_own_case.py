"""C47: nobody decides about themselves: every door of staff that decides about one person."""

from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from core.access import Role
from tests.conftest import RollbackDatabase
from tests.factories.premium import granted, show_card
from tests.factories.registry import HIDA, SignedIn, create_person, make_staff

API = f"/api/v1/local-governments/{HIDA}"
DESK = f"/staff/{HIDA}"
REASON = {"reason": "記録もれ"}
EXTENSION = {"until": "2028-12-31", "reason": "disaster"}
#: Doors of the API, with a body that is right in form.
BY_API: list[tuple[str, dict[str, Any] | None]] = [
    (API + "/applications/{application}/approve", None),
    (API + "/applications/{application}/refuse", REASON),
    (API + "/applications/{application}/object", REASON),
    (API + "/applications/{application}/reverse", REASON),
    (API + "/renewals/{term}/object", REASON),
    (API + "/renewals/{term}/approve", None),
    (API + "/renewals/{term}/refuse", REASON),
    (API + "/judgements/{judgement}/reverse", REASON),
    (API + "/registrations/{registration}/extension", EXTENSION),
    (API + "/participations/{participation}/corrections", {"counted": False, **REASON}),
    (API + "/stay-days/{person}/2027-05-20/approval", None),
]
BY_DESK = [
    DESK + "/applications/{application}/approve",
    DESK + "/applications/{application}/refuse",
    DESK + "/applications/{application}/object",
    DESK + "/renewals/{term}/approve",
    DESK + "/renewals/{term}/refuse",
    DESK + "/renewals/{term}/object",
    DESK + "/judgements/{judgement}/reverse",
    DESK + "/stays/{person}/2027-05-20/approve",
    DESK + "/members/{registration}/extension",
    DESK + "/members/{registration}/participations/{participation}",
    DESK + "/members/{registration}/applications/{application}/reverse",
]


@pytest.fixture
def hanako(client: TestClient, database: RollbackDatabase) -> SignedIn:
    """Premium in 飛騨市, whose staff she joins."""
    someone = create_person(database)
    show_card(database, someone)
    granted(client, database, someone, HIDA)
    return someone


def colleague(database: RollbackDatabase, someone: SignedIn | None) -> SignedIn:
    """An approver; the same human as a registrant where one is given: one address."""
    staff = make_staff(database, HIDA, Role.APPROVER)
    if someone is not None:
        with database.owner() as owner:
            owner.execute(
                text(
                    "update account set email_key ="
                    " (select email_key from account where id = :own) where id = :staff"
                ),
                {"own": someone.id, "staff": staff.id},
            )
    return staff


def ids(database: RollbackDatabase, someone: SignedIn) -> dict[str, str]:
    """What the doors' paths name, all of one person."""
    tables = ("application", "term", "judgement", "participation", "registration")
    query = " union all ".join(
        f"(select '{one}', id from {one} where person_id = :p and lg_code = :c limit 1)"
        for one in tables
    )
    with database.owner() as owner:
        found = owner.execute(text(query), {"p": someone.id, "c": HIDA}).all()
    return {"person": str(someone.id), **{name: str(number) for name, number in found}}


@pytest.mark.parametrize(("path", "body"), BY_API)
def test_c47_one_is_refused_ones_own_case_at_the_api(
    client: TestClient,
    database: RollbackDatabase,
    hanako: SignedIn,
    path: str,
    body: dict[str, Any] | None,
) -> None:
    """A colleague is answered by the state of the case; the person herself never gets so far."""
    place = path.format(**ids(database, hanako))
    herself, another = colleague(database, hanako), colleague(database, None)
    answer = client.post(place, json=body, headers=herself.headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "own_application")
    answer = client.post(place, json=body, headers=another.headers)
    assert answer.status_code in {200, 404, 409}, answer.text


@pytest.mark.parametrize("path", BY_DESK)
def test_c47_one_is_refused_ones_own_case_at_the_desk(
    client: TestClient, database: RollbackDatabase, hanako: SignedIn, path: str
) -> None:
    place = path.format(**ids(database, hanako))
    form = {
        "_key": str(uuid4()),
        "counted": "no",
        "until": "2028-12-31",
        "why": "illness",
        **REASON,
    }
    herself, another = colleague(database, hanako), colleague(database, None)
    answer = client.post(place, data=form, headers=herself.headers, follow_redirects=False)
    assert answer.status_code == 403
    assert "ご自身のことは、別の職員が決めます" in answer.text
    answer = client.post(place, data=form, headers=another.headers, follow_redirects=False)
    assert answer.status_code in {303, 404, 409}, answer.text
