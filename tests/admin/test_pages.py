"""Every page of the desk opens for the right role, and for nobody else."""

from __future__ import annotations

import pytest
from factories.activities import create_activity, create_designated_activity, create_organisation, create_session
from factories.registry import HIDA, create_person, join, make_staff
from fastapi.testclient import TestClient

from conftest import RollbackDatabase
from core.access import Role


def test_smoke(http: TestClient, database: RollbackDatabase) -> None:
    staff = make_staff(database, HIDA, Role.MANAGER)
    org = create_organisation(database)
    activity = create_activity(database, org)
    designated = create_designated_activity(database, org)
    session = create_session(database, designated)
    someone = create_person(database)
    row = join(database, someone, HIDA)
    for path in ["", "/approvals", "/activities", "/activities/new", f"/activities/{activity.id}", f"/activities/{designated.id}", f"/sessions/{session.id}", f"/sessions/{session.id}/poster", f"/sessions/{session.id}?q=花子さ"]:
        answer = http.get(f"/staff/{HIDA}{path}", headers=staff.headers)
        assert answer.status_code == 200, path
