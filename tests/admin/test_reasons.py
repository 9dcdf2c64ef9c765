"""R09: a reason is begun from templates, seen before it is sent, and a wrong press is taken back."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from activities.models import Activity, ActivitySession, DesignationEvent
from activities.proposing import ProposalFields, propose, revise, submit
from admin.return_reasons import TEMPLATES, choices, filled
from core.access import Role
from core.db import for_body
from core.models import Notice
from core.texts import Texts
from tests.factories.activities import (
    BOOK,
    YES,
    create_activity,
    create_member,
    create_organisation,
    create_session,
    sign_up,
    staff_host,
)
from tests.factories.registry import (
    HIDA,
    NOW,
    SignedIn,
    create_person,
    join,
    make_staff,
    open_bodies,
)

if TYPE_CHECKING:
    from fastapi.testclient import TestClient
    from httpx2 import Response

    from core.clock import FixedClock
    from tests.conftest import RollbackDatabase

HOME = f"/staff/{HIDA}"


@pytest.fixture
def approver(database: RollbackDatabase) -> SignedIn:
    open_bodies(database, HIDA)
    return make_staff(database, HIDA, Role.APPROVER)


def send(http: TestClient, someone: SignedIn, path: str, **fields: Any) -> Response:
    given = {"_key": str(uuid4()), **fields}
    return http.post(HOME + path, data=given, headers=someone.headers)


def reason_in(page: str) -> str:
    found = re.search(r'<textarea[^>]*name="reason"[^>]*>([^<]*)</textarea>', page)
    assert found is not None
    return found[1].strip()


def test_r09_each_question_of_the_checklist_has_its_sentence() -> None:
    say = Texts.load().translator("en")
    assert set(YES) <= set(TEMPLATES)
    offered = choices(say, [*YES][:1])
    assert offered[0].code == next(iter(YES))
    assert not {one.code for one in offered} & set([*YES][1:])
    assert re.search(r"[ぁ-ん]", offered[0].text), "the host reads Japanese, whoever writes"
    text = filled("お電話のとおりです。", ["contact", "contact", "unknown"])
    assert text.count(TEMPLATES["contact"].text) == 1
    assert filled(text, ["contact"]) == text


def test_r09_sentences_are_seen_before_they_are_sent(
    http: TestClient, database: RollbackDatabase, approver: SignedIn
) -> None:
    proposal = create_activity(database, create_organisation(database))
    path = f"/activities/{proposal.id}"

    def state() -> str:
        with database.transaction(for_body(HIDA, actor="system:test")) as db:
            return db.scalars(select(Activity.state).where(Activity.id == proposal.id)).one()

    page = send(http, approver, f"{path}/reason", because=["bring", "dates"], reason="こんにちは。")
    assert reason_in(page.text).splitlines() == [
        "こんにちは。", TEMPLATES["bring"].text, TEMPLATES["dates"].text,
    ]  # fmt: skip
    # Pressed at once with nothing written: the sentences are shown, and nothing is decided.
    shown = send(http, approver, f"{path}/return", because=["bring"], back="activity")
    assert reason_in(shown.text) == TEMPLATES["bring"].text
    assert state() == "submitted"
    sent = send(
        http, approver, f"{path}/return", because=["bring"], reason="長ぐつは？", back="activity"
    )
    assert sent.status_code == 303
    assert state() == "returned"
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        reasons = db.scalars(
            select(DesignationEvent.reason).where(DesignationEvent.to_state == "returned")
        ).all()
    assert reasons == ["長ぐつは？"], "exactly what was seen"
    viewer = make_staff(database, HIDA, Role.CLERK)
    assert send(http, viewer, f"{path}/reason", because=["bring"]).status_code == 403


@pytest.mark.parametrize("act", ["designate", "return", "reject"])
def test_r15_a_decision_on_a_proposal_is_taken_back_within_minutes(
    http: TestClient, database: RollbackDatabase, approver: SignedIn, clock: FixedClock, act: str
) -> None:
    host = create_organisation(database)
    organiser, someone = create_person(database), create_person(database)
    create_member(database, host, organiser.id)
    proposal = create_activity(database, host)
    session = create_session(database, proposal)
    path, key = f"/activities/{proposal.id}", f"proposal:{proposal.id}"

    def held() -> tuple[str, bool, bool]:
        with database.transaction(for_body(HIDA, actor="system:test")) as db:
            row = db.scalars(select(Activity).where(Activity.id == proposal.id)).one()
            date = db.scalars(select(ActivitySession)).one()
            return row.state, row.published, date.published

    def decide() -> str:
        sent = send(
            http, approver, f"{path}/{act}", answers=[*YES], reason="まだ早いため", back="activity"
        )
        assert sent.status_code == 303, sent.text
        page = http.get(sent.headers["location"], headers=approver.headers)
        assert "元に戻す" in page.text
        return sent.headers["location"]

    decide()
    assert held()[0] != "submitted"
    another = make_staff(database, HIDA, Role.APPROVER)
    assert send(http, another, "/today/undo", item=key).status_code == 409
    assert send(http, approver, "/today/undo", item=key).status_code == 303
    assert held() == ("submitted", False, False)
    with database.transaction(organiser.context) as db:
        assert "proposal_taken_back" in db.scalars(select(Notice.kind)).all()
    assert send(http, approver, "/today/undo", item=key).status_code == 409
    # Decided anew; somebody has signed up since, or the minutes are over.
    decide()
    if act == "designate":
        join(database, someone, HIDA)
        sign_up(database, session, someone.id)
    else:
        clock.at = NOW + timedelta(minutes=11)
    assert send(http, approver, "/today/undo", item=key).status_code == 409
    assert held()[0] != "submitted"
    # Never together with others, where nobody has seen its questions.
    assert send(http, approver, "/today/preview", item=key).status_code == 404


def test_r09_what_is_taken_back_waits_as_it_was_handed_in(
    http: TestClient, database: RollbackDatabase, approver: SignedIn, clock: FixedClock
) -> None:
    own = staff_host(HIDA)
    answers = {**YES, "shortage_of_hands": False}
    host = create_organisation(database)
    fields = ProposalFields("農作業のお手伝い", "agriculture_forestry")
    with database.transaction(for_body(HIDA, actor=own.actor.label)) as db:
        proposal = propose(db, host=own, organisation_id=host.id, fields=fields, book=BOOK, now=NOW)
        submit(db, host=own, activity_id=proposal.id, book=BOOK, now=NOW, answers=answers)
    path, key = f"/activities/{proposal.id}", f"proposal:{proposal.id}"

    def checklist() -> object:
        with database.transaction(for_body(HIDA, actor="system:test")) as db:
            return db.scalars(select(Activity.checklist).where(Activity.id == proposal.id)).one()

    send(http, approver, f"{path}/designate", answers=[*YES], back="activity")
    assert checklist() == YES
    assert send(http, approver, "/today/undo", item=key).status_code == 303
    assert checklist() == answers
    # The host has read the reason and begun to change the text.
    send(http, approver, f"{path}/return", reason="長ぐつは？", back="activity")
    clock.advance(timedelta(minutes=1))
    with database.transaction(for_body(HIDA, actor=own.actor.label)) as db:
        revise(
            db,
            host=own,
            activity_id=proposal.id,
            fields=replace(fields, bring="長ぐつ"),
            book=BOOK,
            now=clock.now(),
        )
    late = send(http, approver, "/today/undo", item=key)
    assert late.status_code == 409
    assert "もう内容を直し始めています" in late.text
    assert checklist() == answers


def test_a_month_shows_each_date_once_in_its_week_and_in_its_list(
    http: TestClient, database: RollbackDatabase, approver: SignedIn
) -> None:
    proposal = create_activity(database, create_organisation(database))
    create_session(database, proposal, place="宮川の堤")
    june = http.get(f"{HOME}/activities/calendar", headers=approver.headers).text
    assert "2027年6月の活動" in june
    assert june.count(">農作業のお手伝い</a>") == 2
    assert june.count("宮川の堤") == 1
    assert "審査待ち" in june
    assert "?month=2027-05" in june
    july = http.get(f"{HOME}/activities/calendar?month=2027-07", headers=approver.headers).text
    assert "この月に開催する活動はありません" in july
    wrong = http.get(f"{HOME}/activities/calendar?month=2027-13", headers=approver.headers)
    assert wrong.status_code == 422
