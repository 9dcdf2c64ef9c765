"""R33: a body tries other numbers on its own counts; a real model answers through a real worker's job."""

from __future__ import annotations

import json
from datetime import timedelta

from fastapi.testclient import TestClient
from sqlalchemy import select

from admin.trials import number, signed
from core.access import Role
from core.clock import FixedClock
from core.db import Database, for_body, for_job
from core.models import AuditEvent
from reporting import trials
from reporting.models import PolicyTrial
from tests.admin.test_flows import post
from tests.factories.desk import create_morning
from tests.factories.figures import TOWN, plant
from tests.factories.registry import HIDA, KESENNUMA, NOW, create_person, join, make_staff
from tests.factories.trials import make_trial
from tests.workers.nights import parts_at
from workers import retention
from workers.jobs import Scope
from workers.trials import run_waiting, waiting

TRIALS = f"/staff/{HIDA}/trials"
SEEDS = ("山田 花子", "髙橋 太郎")


def rows(database: Database, code: str = HIDA) -> list[PolicyTrial]:
    with database.transaction(for_body(code, actor="system:test")) as db:
        return list(db.scalars(select(PolicyTrial).where(PolicyTrial.lg_code == code)))


def test_r33_a_policy_is_tried_on_ones_own_figures(http: TestClient, database: Database) -> None:
    """Asked, waited for without haste, answered by the model, read, taken along; nobody is in it."""
    create_morning(database)
    manager = make_staff(database, HIDA, Role.MANAGER)
    head = {"Authorization": manager.headers["Authorization"]}
    assert "まだ数えていません" in http.get(TRIALS, headers=head).text
    plant(database, HIDA, {**TOWN, "registrations": {"basic": 389, "premium": 23}})
    page = http.get(TRIALS, headers=head).text
    assert "いまは3。1から24まで。" in page
    for refused in (
        {"yen": "2000"},
        {"required": "3", "yen": "2000"},
        {"required": "99", "yen": "2000"},
        {"dormancy": "6", "yen": "2000"},
        {"mode": "never", "yen": "2000"},
        {"required": "2"},
    ):
        assert post(http, manager, TRIALS, **refused).status_code == 422, refused
    given = {"required": "２", "dormancy": "12", "yen": "3000"}
    asked = post(http, manager, TRIALS, **given)
    assert asked.status_code == 303
    one = asked.headers["location"]
    assert post(http, manager, TRIALS, **given).status_code == 409, "one at a time"
    waits = http.get(one, headers=head).text
    assert "もう一度見る" in waits
    assert "http-equiv" not in waits, "nothing moves by itself"
    assert 'http-equiv="refresh" content="15"' in http.get(f"{one}?again=true", headers=head).text

    parts = parts_at(database, NOW.date())
    assert waiting(parts) == [HIDA]
    assert run_waiting(parts) == 1
    assert waiting(parts) == []
    (row,) = rows(database)
    assert (row.state, row.tries) == ("ready", 1)
    assert row.question["changes"] == {"premium.required": 2, "dormancy.months": 12}
    told = json.dumps(row.question, ensure_ascii=False)
    assert not any(name in told for name in SEEDS)
    assert row.question["counts"]["came"] == 3
    fit = {one["figure"]: one for one in (row.result or {})["fit"]}
    assert abs(fit["held"]["model"] / 412 - 1) < 0.05
    shown = http.get(one, headers=head).text
    assert "プレミアム登録に必要な回数を「2回」にしたら" in shown
    assert "休眠での解除" in shown
    assert "http-equiv" not in http.get(f"{one}?again=true", headers=head).text
    kept = http.get(f"{one}/compare.html", headers=head)
    assert kept.headers["content-disposition"] == f'attachment; filename="compare-{HIDA}.html"'
    assert "premium.required = 2" in kept.text
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        actions = select(AuditEvent.action, AuditEvent.actor).where(
            AuditEvent.subject_kind == "policy_trial"
        )
        found = {row.action: row.actor for row in db.execute(actions)}
    assert found["trial.ask"].startswith("staff:")
    assert found["trial.answer"] == "system:trials"


def test_r33_what_the_model_cannot_play_is_said(http: TestClient, database: Database) -> None:
    """What the model refuses comes back as a sentence; the page blames nobody."""
    join(database, create_person(database), HIDA)
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        one = make_trial(db, HIDA, answered=False)
    assert run_waiting(parts_at(database, NOW.date())) == 1
    manager = make_staff(database, HIDA, Role.MANAGER)
    page = http.get(f"{TRIALS}/{one}", headers=manager.headers)
    assert "まだ試せません" in page.text
    assert http.get(f"{TRIALS}/{one}/compare.html", headers=manager.headers).status_code == 404


def test_r33_only_managers_and_only_their_own(http: TestClient, database: Database) -> None:
    """An approver does not decide on numbers; another body's trial is not there."""
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        one = make_trial(db, HIDA)
    approver = make_staff(database, HIDA, Role.APPROVER)
    assert http.get(TRIALS, headers=approver.headers).status_code == 403
    other = make_staff(database, KESENNUMA, Role.MANAGER)
    for end in ("", "/compare.html"):
        path = f"/staff/{KESENNUMA}/trials/{one}{end}"
        assert http.get(path, headers=other.headers).status_code == 404
    assert rows(database, KESENNUMA) == []


def test_r33_a_claim_is_one_workers_and_ends(database: Database, clock: FixedClock) -> None:
    """A worker that dies leaves the trial to another; the third failure is the last; a year ends it."""
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        one = make_trial(db, HIDA, answered=False)
    now = clock.now()
    wall = now
    for tries in (1, 2, 3):
        with database.transaction(for_job("trials", HIDA)) as db:
            taken = trials.claim(db, lg_code=HIDA, wall=wall, now=now)
            assert taken is not None
            assert taken.tries == tries
            assert trials.claim(db, lg_code=HIDA, wall=wall, now=now) is None
            assert trials.held_by(db, lg_code=HIDA, trial_id=one, tries=tries - 1) is None
        wall += trials.CLAIM + timedelta(seconds=1)
    with database.transaction(for_job("trials", HIDA)) as db:
        assert trials.claim(db, lg_code=HIDA, wall=wall, now=now) is None
    (row,) = rows(database)
    assert (row.state, row.failure) == ("failed", "broken")
    parts = parts_at(database, NOW.date())
    for day, left in ((row.forget_on - timedelta(days=1), 1), (row.forget_on, 0)):
        with database.transaction(for_job("retention", HIDA)) as db:
            done = retention.of_body(parts, db, Scope(HIDA, day, now))
        assert done["trials"] == 1 - left
        assert len(rows(database)) == left


def test_figures_of_a_model_have_few_digits() -> None:
    """Tenths below a hundred, whole numbers above; a sign that is a sign."""
    assert [number(value) for value in (0, 0.04, 12.34, 99.96, 123.4, 42330.4)] == [
        *("0", "0", "12.3", "100", "123", "42,330")
    ]
    assert [signed(value) for value in (3.21, -3.21, 0.01)] == ["+3.2", "−3.2", "0"]
