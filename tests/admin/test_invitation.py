"""A link made at the desk is opened on a phone: the person becomes a member, once (R10)."""

from __future__ import annotations

import re
from uuid import uuid4

from fastapi.testclient import TestClient

from core.access import Role
from core.db import Database
from tests.factories.activities import create_organisation
from tests.factories.registry import HIDA, SignedIn, create_person, make_staff


def post(http: TestClient, someone: SignedIn, path: str, **fields: str) -> tuple[int, str, str]:
    """Status, address to go to, and page of a form."""
    headers = {"Authorization": someone.headers["Authorization"]}
    answer = http.post(path, data={"_key": str(uuid4()), **fields}, headers=headers)
    return answer.status_code, answer.headers.get("location", ""), answer.text


def test_r10_from_the_desk_to_the_phone(http: TestClient, database: Database) -> None:
    organisation = create_organisation(database, name="種蔵棚田保存会")
    clerk, someone = make_staff(database, HIDA, Role.CLERK), create_person(database)
    desk = f"/staff/{HIDA}/organisations/{organisation.id}"
    _, _, shown = post(http, clerk, f"{desk}/invitations", name="主催 一郎", role="organiser")
    link = re.search(rf"/host-invitations/{HIDA}\.[\w-]+", shown)
    assert link is not None
    page = http.get(link[0], headers=someone.headers)
    assert page.status_code == 200
    assert "飛騨市" in page.text
    status, location, _ = post(http, someone, link[0])
    assert (status, location) == (303, "/me/organisations")
    assert "種蔵棚田保存会" in http.get(location, headers=someone.headers).text
    assert "主催 一郎" in http.get(desk, headers=clerk.headers).text
    assert post(http, create_person(database), link[0])[0] == 410
    removed = post(http, clerk, f"{desk}/members/{someone.id}/remove")
    assert removed[0] == 303
    assert "種蔵棚田保存会" not in http.get(location, headers=someone.headers).text


def test_a_broken_link_has_ended(http: TestClient, database: Database) -> None:
    someone = create_person(database)
    for token in ("x", f"{HIDA}.", "999999.abc", "２１２１７２.abc"):
        answer = http.get(f"/host-invitations/{token}", headers=someone.headers)
        assert answer.status_code in {404, 410}, token
