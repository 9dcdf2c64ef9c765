"""No input makes the desk fail: every form and every address with what nobody should send."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from admin import doors
from core.access import Role
from core.db import Database
from tests.factories.registry import HIDA, make_operator, make_staff

#: Each is sent as every field and as every search.
BAD = ["\x00", "²", "-1", "9" * 400, "'; drop table person; --", "<script>alert(1)</script>", "٣"]
WORDS = """reason answers count_cap sound note organisation_id title category summary insurance
    minutes_minimum day starts ends place capacity code name role email kind value since until why
    counted count hours effective_from joint category_count state categories"""


def desk_routes() -> list[tuple[str, str]]:
    """Method and path of every page of the desk and the operator."""
    return [
        (method, route.path)
        for router in (*doors.STAFF, *doors.OPERATOR)
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in sorted((route.methods or set()) - {"HEAD"})
    ]


def filled(path: str, value: str) -> str:
    path = path.replace("{lg_code}", HIDA).replace("{code}", HIDA).replace("{day}", "2027-05-20")
    path = path.replace("{key}", "decision.mode")
    return re.sub(r"\{\w+\}", value, path)


@pytest.mark.parametrize("bad", BAD)
def test_no_form_and_no_address_fails(client: TestClient, database: Database, bad: str) -> None:
    manager, operator = make_staff(database, HIDA, Role.MANAGER), make_operator(database)
    found = desk_routes()
    assert len(found) > 30
    for method, path in found:
        someone = operator if path.startswith("/operator") else manager
        headers = {"Authorization": someone.headers["Authorization"]}
        for target in (filled(path, str(uuid4())), filled(path, "x")):
            if method == "GET":
                search = {"q": bad, "state": bad, "where": bad, "after": bad, "purpose": bad}
                answer = client.get(target, params=search, headers=headers)
            else:
                data = dict.fromkeys(WORDS.split(), bad) | {"_key": bad}
                answer = client.request(method, target, data=data, headers=headers)
            assert answer.status_code < 500, f"{method} {target}: {bad!r}"
            assert "<script>alert" not in answer.text


def test_a_form_without_its_key_is_refused(client: TestClient, database: Database) -> None:
    manager = make_staff(database, HIDA, Role.MANAGER)
    headers = {"Authorization": manager.headers["Authorization"]}
    answer = client.post(
        f"/staff/{HIDA}/organisations", data={"name": "会", "kind": "npo"}, headers=headers
    )
    assert answer.status_code == 422


@pytest.mark.parametrize(
    ("day", "status"), [("9999-12-31", 422), ("0001-01-01", 422), ("2027-02-30", 422)]
)
def test_days_that_do_not_exist(
    client: TestClient, database: Database, day: str, status: int
) -> None:
    manager = make_staff(database, HIDA, Role.MANAGER)
    headers = {"Authorization": manager.headers["Authorization"]}
    answer = client.post(
        f"/staff/{HIDA}/settings/values/decision.mode",
        data={"_key": "k", "value": "auto", "since": day},
        headers=headers,
    )
    assert answer.status_code == status
