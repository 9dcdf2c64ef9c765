"""R01: the operator plans a local government's way in; the night of the day takes the step."""

from datetime import date
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from core.clock import FixedClock
from core.db import Database, for_job
from registry import joining
from registry.models import BodyStep, LocalGovernment
from tests.conftest import RollbackDatabase
from tests.factories.registry import (
    HIDA,
    NOW,
    OPERATOR,
    SignedIn,
    create_person,
    make_operator,
    make_staff,
)

PAGE = f"/operator/bodies/{HIDA}"
URL = f"/api/v1/operator/local-governments/{HIDA}/state"


@pytest.fixture
def operator(database: RollbackDatabase) -> SignedIn:
    return make_operator(database)


def press(client: TestClient, someone: SignedIn, path: str, **fields: str) -> Any:
    headers = {"Authorization": someone.headers["Authorization"]}
    data = {"_key": str(uuid4()), **fields}
    return client.post(f"{PAGE}/{path}", headers=headers, data=data, follow_redirects=False)


def night(database: Database, day: date) -> dict[str, int]:
    with database.transaction(for_job("joining")) as db:
        return joining.take_planned(db, as_of=day, now=NOW)


def stored(database: Database) -> tuple[LocalGovernment, list[BodyStep]]:
    with database.transaction(OPERATOR) as db:
        steps = db.scalars(
            select(BodyStep).where(BodyStep.lg_code == HIDA).order_by(BodyStep.on_day)
        )
        return db.get_one(LocalGovernment, HIDA), list(steps)


def test_r01_planned_steps_are_taken_on_their_day(
    client: TestClient, database: RollbackDatabase, operator: SignedIn, clock: FixedClock
) -> None:
    person = create_person(database)
    for state, since in (("preparing", "2027-06-10"), ("trial", "2027-07-01")):
        done = press(client, operator, "state", state=state, since=since)
        assert done.headers["location"] == f"{PAGE}?done=body_planned", done.text
    answer = client.post(
        URL, headers=operator.headers, json={"state": "active", "since": "2027-09-01"}
    )
    assert (answer.status_code, answer.json()["state"]) == (202, "none")
    join = f"/api/v1/me/registrations/{HIDA}"
    body = {"origin": "app", "relations": ["visited"]}
    assert client.put(join, headers=person.headers, json=body).status_code >= 400
    assert night(database, date(2027, 6, 9)) == {"taken": 0, "failed": 0}
    for day, state in (
        (date(2027, 6, 10), "preparing"),
        (date(2027, 7, 2), "trial"),
        (date(2027, 9, 1), "active"),
    ):
        assert night(database, day) == {"taken": 1, "failed": 0}
        assert night(database, day) == {"taken": 0, "failed": 0}
        assert stored(database)[0].state == state
    row, steps = stored(database)
    assert row.joined_on == date(2027, 9, 1)
    assert [(one.before, one.after, one.state) for one in steps] == [
        ("none", "preparing", "done"),
        ("preparing", "trial", "done"),
        ("trial", "active", "done"),
    ]
    shown = client.get(PAGE, headers=operator.headers).text
    assert "準備中 → 試行" in shown
    assert "新しい登録を受け付ける" in shown


def test_r01_what_cannot_follow_is_refused_and_a_plan_holds_together(
    client: TestClient, database: RollbackDatabase, operator: SignedIn
) -> None:
    assert press(client, operator, "state", state="left", since="2027-06-10").status_code == 409
    assert press(client, operator, "state", state="trial", since="2027-05-31").status_code == 409
    assert press(client, operator, "state", state="trial", since="2027-06-10").status_code == 303
    assert press(client, operator, "state", state="active", since="2027-06-10").status_code == 409
    quiet = press(client, operator, "state", state="left", since="2028-04-01")
    assert quiet.status_code == 422
    assert "理由を書いてください" in quiet.text
    ends = {"state": "left", "since": "2028-04-01", "reason": "議会の決定"}
    assert press(client, operator, "state", **ends).status_code == 303
    trial, left = stored(database)[1]
    # Leaving rests on the trial, and a step taken now may not break what is planned.
    assert press(client, operator, f"steps/{trial.id}/cancel").status_code == 409
    assert press(client, operator, "state", state="active", since="2027-06-01").status_code == 409
    assert press(client, operator, f"steps/{left.id}/cancel").status_code == 303
    assert press(client, operator, f"steps/{left.id}/cancel").status_code == 409
    assert press(client, operator, f"steps/{trial.id}/cancel").status_code == 303
    assert [one.state for one in stored(database)[1]] == ["cancelled", "cancelled"]
    assert night(database, date(2028, 4, 1)) == {"taken": 0, "failed": 0}
    assert stored(database)[0].state == "none"


def test_r01_a_step_back_says_why_and_a_step_that_became_impossible_fails(
    client: TestClient, database: RollbackDatabase, operator: SignedIn
) -> None:
    assert client.post(URL, headers=operator.headers, json={"state": "active"}).status_code == 200
    silent = client.post(URL, headers=operator.headers, json={"state": "suspended"})
    assert (silent.status_code, silent.json()["code"]) == (422, "step_reason_needed")
    told = {"state": "suspended", "reason": "災害"}
    assert client.post(URL, headers=operator.headers, json=told).status_code == 200
    assert press(client, operator, "state", state="active", since="2027-06-10").status_code == 303
    with database.owner() as connection:
        connection.exec_driver_sql(
            f"update local_government set state = 'left' where code = '{HIDA}'"
        )
    assert night(database, date(2027, 6, 10)) == {"taken": 0, "failed": 1}
    assert stored(database)[0].state == "left"
    assert "できませんでした" in client.get(PAGE, headers=operator.headers).text


def test_r01_nobody_but_the_operator_plans(client: TestClient, database: RollbackDatabase) -> None:
    manager = make_staff(database, HIDA)
    assert press(client, manager, "state", state="trial").status_code == 403
