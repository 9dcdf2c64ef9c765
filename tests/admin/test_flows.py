"""What staff do at the desk, over HTTP: decided once, by the right person, told in words."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import select, text

from activities.evidence import SqlEvidence
from activities.models import Activity, CheckIn, Participation, StayDay
from core.access import Role
from core.clock import FixedClock
from core.db import Database, for_body
from core.models import AuditEvent
from registry.models import (
    Application,
    LocalGovernment,
    Registration,
    StaffRole,
    Term,
)
from registry.rules.facts import Period
from tests.conftest import RollbackDatabase
from tests.factories.activities import YES, create_session
from tests.factories.desk import Morning, arrive, create_morning
from tests.factories.presence import make_card, make_keys
from tests.factories.registry import HIDA, OPERATOR, SignedIn, make_operator, make_staff

HOME = f"/staff/{HIDA}"


@pytest.fixture
def morning(database: Database) -> Morning:
    return create_morning(database)


def post(
    http: TestClient, someone: SignedIn, path: str, *, key: str | None = None, **fields: Any
) -> Response:
    """A form sent by somebody signed in, with its own key."""
    data = {"_key": key or str(uuid4()), **fields}
    headers = {"Authorization": someone.headers["Authorization"]}
    return http.post(path, data=data, headers=headers)


def rows(database: Database, statement: Any) -> list[Any]:
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        return list(db.scalars(statement))


def audited(database: Database, action: str) -> list[Any]:
    return rows(
        database, select(AuditEvent).where(AuditEvent.lg_code == HIDA, AuditEvent.action == action)
    )


# --- proposals ------------------------------------------------------------------------------------


def test_r09_designate_needs_all_four_answers(
    http: TestClient, database: Database, morning: Morning
) -> None:
    path = f"{HOME}/activities/{morning.proposal.id}/designate"
    some = post(http, morning.approver, path, answers=list(YES)[:3])
    assert some.status_code == 409
    assert "活動の中身と時間" in some.text
    assert _state(database, morning) == "submitted"
    every = post(http, morning.approver, path, answers=list(YES))
    assert every.status_code == 303
    assert every.headers["location"] == f"{HOME}/approvals?done=designated"
    assert _state(database, morning) == "designated"
    assert "指定しました" in http.get(every.headers["location"], headers=morning.clerk.headers).text


def test_a_form_sent_twice_acts_once(
    http: TestClient, database: Database, morning: Morning
) -> None:
    path, key = f"{HOME}/activities/{morning.proposal.id}/designate", str(uuid4())
    first = post(http, morning.approver, path, key=key, answers=list(YES))
    second = post(http, morning.approver, path, key=key, answers=list(YES))
    assert [first.status_code, second.status_code] == [303, 303]
    assert len(audited(database, "activity.designated")) == 2  # with the one of the morning's


def test_r09_return_needs_a_reason(http: TestClient, database: Database, morning: Morning) -> None:
    path = f"{HOME}/activities/{morning.proposal.id}/return"
    assert post(http, morning.approver, path, reason=" ").status_code == 409
    assert post(http, morning.approver, path, reason="集合場所を足してください").status_code == 303
    assert _state(database, morning) == "returned"


def test_clerks_decide_nothing(http: TestClient, database: Database, morning: Morning) -> None:
    decisions = (
        f"activities/{morning.proposal.id}/designate",
        f"activities/{morning.proposal.id}/reject",
        f"applications/{morning.application.id}/approve",
        f"applications/{morning.application.id}/refuse",
    )
    for path in decisions:
        answer = post(http, morning.clerk, f"{HOME}/{path}", reason="x", answers=list(YES))
        assert answer.status_code == 403, path
    assert _state(database, morning) == "submitted"


def test_c47_who_wrote_the_proposal_does_not_designate_it(
    http: TestClient, database: Database, morning: Morning
) -> None:
    proposed = post(
        http,
        morning.approver,
        f"{HOME}/activities",
        organisation_id=str(morning.organisation.id),
        title="そば畑の種まき",
        category="agriculture_forestry",
        insurance="organiser",
        attendance_mode="in_only",
        walk_in="yes",
        answers=list(YES),
    )
    assert proposed.status_code == 303
    activity_id = proposed.headers["location"].split("/")[-1].split("?")[0]
    path = f"{HOME}/activities/{activity_id}/designate"
    assert post(http, morning.approver, path, answers=list(YES)).status_code == 409
    assert post(http, morning.manager, path, answers=list(YES)).status_code == 303


def test_a_proposal_with_gaps_keeps_what_was_written(http: TestClient, morning: Morning) -> None:
    answer = post(
        http, morning.clerk, f"{HOME}/activities", title="そば畑の種まき", category="", answers=[]
    )
    assert answer.status_code == 422
    assert "そば畑の種まき" in answer.text
    assert "エラー" in answer.text


def test_a_session_is_added_and_overnight_ends_next_day(
    http: TestClient, database: Database, morning: Morning
) -> None:
    path = f"{HOME}/activities/{morning.activity.id}/sessions"
    night = {"day": "2027-07-10", "starts": "21:00", "ends": "05:00", "place": "種蔵"}
    assert post(http, morning.clerk, path, **night).status_code == 303
    bad = post(http, morning.clerk, path, **(night | {"day": "きょう"}))
    assert bad.status_code == 422
    page = http.get(f"{HOME}/activities/{morning.activity.id}", headers=morning.clerk.headers)
    assert "2027年7月10日（土） 21時～2027年7月11日（日） 5時" in page.text


# --- applications ---------------------------------------------------------------------------------


def test_r15_approve_an_application(http: TestClient, database: Database, morning: Morning) -> None:
    path = f"{HOME}/applications/{morning.application.id}/approve"
    answer = post(http, morning.approver, path)
    assert answer.status_code == 303, answer.text
    assert _application(database, morning).state == "granted"
    assert rows(database, select(Registration).where(Registration.tier == "premium"))
    again = post(http, morning.approver, path)
    assert again.status_code == 409


def test_r15_refuse_tells_the_reason_and_reverse_undoes_within_90_days(
    http: TestClient, database: Database, morning: Morning, clock: FixedClock
) -> None:
    granted = post(http, morning.approver, f"{HOME}/applications/{morning.application.id}/approve")
    assert granted.status_code == 303
    path = f"{HOME}/members/{morning.registration_id}/applications/{morning.application.id}/reverse"
    assert post(http, morning.approver, path, reason="").status_code == 422
    clock.advance(timedelta(days=91))
    late = make_staff(database, HIDA, Role.APPROVER, now=clock.now())
    assert post(http, late, path, reason="別人でした").status_code == 409
    clock.advance(timedelta(days=-1))
    done = post(http, late, path, reason="別人でした")
    assert done.status_code == 303, done.text
    assert _application(database, morning).state == "reversed"


def test_r15_objection_in_time_leads_to_review(http: TestClient, database: Database) -> None:
    morning = create_morning(database, mode="veto")
    assert _application(database, morning).state == "veto"
    path = f"{HOME}/applications/{morning.application.id}/object"
    assert post(http, morning.approver, path, reason="住所を確かめます").status_code == 303
    assert _application(database, morning).state == "review"


def test_r14_a_renewal_is_decided_by_staff(
    http: TestClient, database: RollbackDatabase, morning: Morning
) -> None:
    """R15: what waits in review is shown with its form; one decision books the next year."""
    post(http, morning.approver, f"{HOME}/applications/{morning.application.id}/approve")
    with database.owner() as connection:
        connection.execute(
            text("update term set renewal_state = 'review', first_day = first_day - 40")
        )
    (term,) = rows(database, select(Term).where(Term.lg_code == HIDA))
    page = http.get(f"{HOME}/approvals", headers=morning.clerk.headers).text
    assert "更新の審査" in page
    assert f"/renewals/{term.id}/approve" not in page
    path = f"{HOME}/renewals/{term.id}"
    assert post(http, morning.clerk, f"{path}/approve").status_code == 403
    assert post(http, morning.approver, f"{path}/refuse", reason="").status_code == 422
    assert post(http, morning.approver, f"{path}/approve").status_code == 303
    assert post(http, morning.approver, f"{path}/approve").status_code == 409
    states = rows(database, select(Term.state).where(Term.lg_code == HIDA).order_by(Term.first_day))
    assert states == ["active", "booked"]


def test_r15_today_tells_what_was_done_without_staff(http: TestClient, database: Database) -> None:
    """R15: granted at once where the body decides so; shown with its reasons, to be reversed."""
    morning = create_morning(database, mode="auto")
    page = http.get(HOME, headers=morning.clerk.headers).text
    judgement_id = _application(database, morning).judgement_id
    assert f"/judgements/{judgement_id}" in page.partition("自動で行ったこと")[2]


def test_a_judgement_shows_reasons_numbers_and_that_it_replays(
    http: TestClient, database: Database, morning: Morning
) -> None:
    """R15: the same facts and numbers give the same answer, said in words."""
    judgement_id = _application(database, morning).judgement_id
    page = http.get(f"{HOME}/judgements/{judgement_id}", headers=morning.clerk.headers)
    assert page.status_code == 200
    assert "同じ結果になります" in page.text
    assert "指定された活動に3回以上参加すること。" in page.text
    assert "種蔵の棚田" in page.text
    assert len(audited(database, "judgement.read")) == 1


def test_r11_a_reported_stay_is_let_count(
    http: TestClient, database: Database, morning: Morning
) -> None:
    path = f"{HOME}/stays/{morning.expected.id}/2027-05-20/approve"
    assert post(http, morning.clerk, path).status_code == 303
    found = rows(database, select(StayDay).where(StayDay.person_id == morning.expected.id))
    assert [one.state for one in found] == ["counted"]


# --- the counter ----------------------------------------------------------------------------------


def test_r19_the_roster_needs_two_people(
    http: TestClient, database: Database, morning: Morning
) -> None:
    path = f"{HOME}/sessions/{morning.session.id}/people/{morning.expected.id}"
    first = post(http, morning.clerk, path)
    assert first.status_code == 303
    assert "1人目の確認" in _follow(http, morning.clerk, first)
    assert not _here(database, morning)
    alone = post(http, morning.clerk, path)
    assert not _here(database, morning), alone.text
    second = post(http, morning.approver, path)
    assert "山田 花子さんを受付しました" in _follow(http, morning.approver, second)
    assert len(_here(database, morning)) == 1
    third = post(http, morning.approver, path)
    assert "すでに受付済み" in _follow(http, morning.approver, third)


def test_r19_a_posters_scan_needs_a_look(
    http: TestClient, database: Database, morning: Morning
) -> None:
    page = http.get(f"{HOME}/sessions/{morning.session.id}", headers=morning.clerk.headers).text
    found = re.search(r"/scans/([0-9a-f-]{36})/confirm", page)
    assert found is not None
    path = f"{HOME}/sessions/{morning.session.id}/scans/{found[1]}/confirm"
    answer = post(http, morning.clerk, path)
    assert "髙橋 太郎さんを受付しました" in _follow(http, morning.clerk, answer)
    assert [one.method for one in _here(database, morning)] == ["poster"]
    assert "/confirm" not in _follow(http, morning.clerk, answer)
    other = f"{HOME}/sessions/{morning.session.id}/scans/{uuid4()}/confirm"
    assert post(http, morning.clerk, other).status_code == 404


def test_r19_a_card_is_read_with_the_name_asked(
    http: TestClient, database: Database, morning: Morning, clock: FixedClock
) -> None:
    """A keyboard scanner with a Japanese input method on sends full-width characters."""
    keys = make_keys(database, now=clock.now())
    code = make_card(database, keys, morning.expected, now=clock.now())
    wide = "".join(chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one for one in code)
    path = f"{HOME}/sessions/{morning.session.id}/codes"
    asked = post(http, morning.clerk, path, code=wide)
    assert asked.status_code == 200
    assert "山田 花子さん本人ですか" in asked.text
    assert not _here(database, morning)
    answer = post(http, morning.clerk, path, code=wide, name_confirmed="1")
    assert "山田 花子さんを受付しました" in _follow(http, morning.clerk, answer)


def test_r19_a_bad_code_is_told_and_kept(
    http: TestClient, database: Database, morning: Morning
) -> None:
    path = f"{HOME}/sessions/{morning.session.id}/codes"
    answer = post(http, morning.clerk, path, code="FJ1:ABC")
    assert "受付できませんでした" in _follow(http, morning.clerk, answer)
    assert post(http, morning.clerk, path, code="").status_code == 422
    assert not _here(database, morning)


def test_c7_staff_undo_with_a_reason(
    http: TestClient, database: Database, morning: Morning
) -> None:
    path = f"{HOME}/sessions/{morning.session.id}"
    for someone in (morning.clerk, morning.approver):
        post(http, someone, f"{path}/people/{morning.expected.id}")
    (here,) = _here(database, morning)
    undo = f"{path}/check-ins/{here.id}/annul"
    assert post(http, morning.clerk, undo, reason="").status_code == 422
    elsewhere = undo.replace(str(morning.session.id), str(_other_session(database, morning)))
    assert post(http, morning.clerk, elsewhere, reason="人ちがい").status_code == 404
    assert _here(database, morning)
    assert post(http, morning.clerk, undo, reason="人ちがい").status_code == 303
    assert not _here(database, morning)


def test_viewers_check_nobody_in(http: TestClient, database: Database, morning: Morning) -> None:
    viewer = make_staff(database, HIDA, Role.VIEWER)
    path = f"{HOME}/sessions/{morning.session.id}"
    for suffix in (f"people/{morning.expected.id}", "codes", f"check-ins/{uuid4()}/annul"):
        assert post(http, viewer, f"{path}/{suffix}", code="x").status_code == 403, suffix


# --- people ---------------------------------------------------------------------------------------


def test_r25_a_search_needs_three_characters_and_is_recorded(
    http: TestClient, database: Database, morning: Morning
) -> None:
    short = http.get(f"{HOME}/members?q=山田", headers=morning.clerk.headers)
    assert short.status_code == 422
    found = http.get(f"{HOME}/members?q=ヤマダ&purpose=inquiry", headers=morning.clerk.headers)
    assert "山田 花子" in found.text
    assert "髙橋 太郎" not in found.text
    searches = [one for one in audited(database, "registration.list") if one.purpose == "search"]
    assert [one.row_count for one in searches] == [1]


def test_c48_a_look_at_a_person_is_kept_with_its_purpose(
    http: TestClient, database: Database, morning: Morning
) -> None:
    path = f"{HOME}/members/{morning.registration_id}"
    http.get(f"{path}?purpose=inquiry", headers=morning.clerk.headers)
    http.get(f"{path}?purpose=curiosity", headers=morning.clerk.headers)
    looks = audited(database, "registration.open")
    assert [one.purpose for one in looks] == ["inquiry", "counter"]
    assert {one.person_id for one in looks} == {morning.applicant.id}


def test_r19_a_participation_is_corrected_with_history(
    http: TestClient, database: Database, morning: Morning
) -> None:
    one = rows(
        database,
        select(Participation).where(Participation.person_id == morning.applicant.id).limit(1),
    )[0]
    path = f"{HOME}/members/{morning.registration_id}/participations/{one.id}"
    assert post(http, morning.clerk, path, counted="no", reason="").status_code == 422
    answer = post(http, morning.clerk, path, counted="no", reason="途中で帰った")
    assert answer.status_code == 303
    page = _follow(http, morning.clerk, answer)
    assert "途中で帰った" in page
    assert "この1年に数えられた参加 2回" in page
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        year = Period(one.day - timedelta(days=300), one.day + timedelta(days=60))
        owner = morning.registration_id
        shown = SqlEvidence().participations(db, HIDA, [owner], year)[owner]
    assert one.id not in {each.id for each in shown}, "ruled out: it counts for nothing"
    assert len(shown) == 2


def test_r14_a_term_is_extended_for_a_disaster(
    http: TestClient, database: Database, morning: Morning
) -> None:
    post(http, morning.approver, f"{HOME}/applications/{morning.application.id}/approve")
    path = f"{HOME}/members/{morning.registration_id}/extension"
    assert post(http, morning.approver, path, why="holiday", until="2028-08-31").status_code == 422
    answer = post(http, morning.approver, path, why="disaster", until="2028-08-31")
    assert answer.status_code == 303, answer.text
    (term,) = rows(database, select(Term).where(Term.lg_code == HIDA))
    assert term.extension_reason == "disaster"


# --- settings -------------------------------------------------------------------------------------


def test_only_managers_change_settings(
    http: TestClient, database: Database, morning: Morning, clock: FixedClock
) -> None:
    clock.advance(timedelta(minutes=1))
    value = {"value": "auto", "since": "2027-06-01"}
    path = f"{HOME}/settings/values/decision.mode"
    for someone in (morning.clerk, morning.approver):
        assert post(http, someone, path, **value).status_code == 403
    assert post(http, morning.manager, path, **value).status_code == 303
    assert post(http, morning.manager, path, **value).status_code == 409
    never = f"{HOME}/settings/values/premium.cap"
    refused = post(http, morning.manager, never, value="9", since="2027-06-01")
    assert refused.status_code == 409


def test_a_manager_appoints_and_dismisses(
    http: TestClient, database: Database, morning: Morning
) -> None:
    path = f"{HOME}/settings/staff"
    bad = post(http, morning.manager, path, name="新人", email="nobody", role="clerk")
    assert bad.status_code == 422
    fields = {"name": "新人", "email": "shinjin@example.jp", "role": "clerk"}
    assert post(http, morning.manager, path, **fields).status_code == 303
    (new,) = rows(
        database, select(StaffRole).where(StaffRole.lg_code == HIDA, StaffRole.name == "新人")
    )
    assert post(http, morning.manager, f"{path}/{new.account_id}/end").status_code == 303
    assert post(http, morning.approver, path, **fields).status_code == 403


# --- organisations --------------------------------------------------------------------------------


def test_r10_trust_is_granted_and_withdrawn(
    http: TestClient, database: Database, morning: Morning
) -> None:
    path = f"{HOME}/organisations/{morning.organisation.id}"
    assert post(http, morning.clerk, f"{path}/trust", categories=["festival"]).status_code == 403
    assert post(http, morning.approver, f"{path}/trust").status_code == 422
    granted = post(http, morning.approver, f"{path}/trust", categories=["festival"])
    assert granted.status_code == 303
    assert "2028年4月30日（日）まで" in _follow(http, morning.approver, granted)
    assert post(http, morning.approver, f"{path}/trust/withdraw", reason="点検").status_code == 303


def test_an_invitation_link_is_shown_once(http: TestClient, morning: Morning) -> None:
    path = f"{HOME}/organisations/{morning.organisation.id}/invitations"
    key = str(uuid4())
    shown = post(http, morning.clerk, path, key=key, name="主催 一郎", role="organiser")
    assert shown.status_code == 200
    assert f"/host-invitations/{HIDA}." in shown.text
    again = post(http, morning.clerk, path, key=key, name="主催 一郎", role="organiser")
    assert again.status_code == 303
    assert "host-invitations" not in _follow(http, morning.clerk, again)


# --- operator -------------------------------------------------------------------------------------


def test_r01_the_operator_moves_a_body_step_by_step(http: TestClient, database: Database) -> None:
    operator = make_operator(database)
    path = "/operator/bodies/202011/state"
    assert post(http, operator, path, state="left").status_code == 409
    assert post(http, operator, path, state="preparing").status_code == 303
    with database.transaction(OPERATOR) as db:
        assert db.get_one(LocalGovernment, "202011").state == "preparing"
    first = post(
        http,
        operator,
        "/operator/bodies/202011/managers",
        name="最初の管理者",
        email="nagano@example.jp",
    )
    assert first.status_code == 303


def test_forms_of_another_site_are_refused(http: TestClient, morning: Morning) -> None:
    """A page elsewhere cannot make a signed-in browser decide."""
    token = morning.approver.headers["Authorization"].removeprefix("Bearer ")
    http.cookies.set("fj", token)
    answer = http.post(
        f"{HOME}/applications/{morning.application.id}/approve",
        data={"_key": "k"},
        headers={"Sec-Fetch-Site": "cross-site"},
    )
    assert answer.status_code == 403


def _state(database: Database, morning: Morning) -> str:
    (one,) = rows(database, select(Activity).where(Activity.id == morning.proposal.id))
    return str(one.state)


def _application(database: Database, morning: Morning) -> Application:
    (one,) = rows(database, select(Application).where(Application.id == morning.application.id))
    return one  # type: ignore[no-any-return] # one row of the table asked for


def _other_session(database: Database, morning: Morning) -> UUID:
    """Another session of the same town, at which nobody was."""
    later = morning.session.starts_at + timedelta(days=3)
    return create_session(database, morning.activity, starts_at=later).id


def _here(database: Database, morning: Morning) -> list[CheckIn]:
    return rows(
        database,
        select(CheckIn).where(
            CheckIn.session_id == morning.session.id, CheckIn.annulled_at.is_(None)
        ),
    )


def _follow(http: TestClient, someone: SignedIn, answer: Response) -> str:
    assert answer.status_code == 303, answer.text
    page = http.get(answer.headers["location"], headers=someone.headers)
    assert page.status_code == 200
    return page.text


def test_keys_of_pages_are_ids(http: TestClient, morning: Morning) -> None:
    """Each form of a page has a key of its own, so that two forms never answer for each other."""
    page = http.get(f"{HOME}/approvals", headers=morning.approver.headers).text
    keys = re.findall(r'name="_key" value="([^"]+)"', page)
    assert len(keys) == len({UUID(one) for one in keys}) > 3


def test_r32_a_death_is_recorded_at_the_desk_and_undone(
    http: TestClient, database: Database, morning: Morning
) -> None:
    page = f"{HOME}/members/{morning.registration_id}"
    shown = http.get(page, headers=morning.approver.headers).text
    assert f"{page}/closing" in shown
    assert f"{page}/closing" not in http.get(page, headers=morning.clerk.headers).text
    given = {"closing_reason": "deceased", "told_by": "family"}
    unsure = post(http, morning.approver, f"{page}/closing", **given)
    assert (unsure.status_code, 'id="sure-error"' in unsure.text) == (422, True)
    unseen = post(http, morning.approver, f"{page}/closing", sure="yes", **given)
    assert (unseen.status_code, 'id="seen-error"' in unseen.text) == (422, True)
    given |= {"seen": "death_certificate"}
    done = post(http, morning.approver, f"{page}/closing", sure="yes", **given)
    assert (done.status_code, done.headers["location"][-12:]) == (303, "&done=closed")
    after = http.get(done.headers["location"], headers=morning.approver.headers).text
    assert "亡くなられた" in after
    assert f"{page}/reopening" in after
    assert [one.purpose for one in audited(database, "person.close")] == [
        "deceased:family:death_certificate"
    ]
    back = post(http, morning.approver, f"{page}/reopening")
    assert back.status_code == 303
    statuses = rows(
        database,
        select(Registration.status).where(Registration.id == morning.registration_id),
    )
    assert statuses == ["active"]


def test_c31_staff_say_when_somebody_left_who_forgot_to_check_out(
    http: TestClient, database: RollbackDatabase, morning: Morning, clock: FixedClock
) -> None:
    arrive(database, morning.session, morning.expected)
    with database.owner() as owner:
        owner.execute(text("update activity set attendance_mode = 'in_and_out'"))
        owner.execute(
            text("update participation set minutes = 175 where session_id = :id"),
            {"id": morning.session.id},
        )
    clock.at = morning.session.ends_at + timedelta(minutes=1)
    clerk = make_staff(database, HIDA, Role.CLERK, now=clock.now())
    page = f"{HOME}/sessions/{morning.session.id}"
    shown = http.get(page, headers=clerk.headers).text
    assert "帰りの受付がない人" in shown
    found = re.search(rf'action="({page}/check-ins/[^"]+/leaving)"', shown)
    assert found
    wrong = post(http, clerk, found[1], left="03:00")
    assert wrong.status_code == 422
    other = found[1].replace(str(morning.session.id), str(_other_session(database, morning)))
    assert post(http, clerk, other, left="12:30").status_code == 404
    left = (morning.session.starts_at + timedelta(hours=10)).strftime("%H:%M")
    done = post(http, clerk, found[1], left=left)
    assert (done.status_code, done.headers["location"][-9:]) == (303, "done=left")
    assert "帰りの受付がない人" not in http.get(page, headers=clerk.headers).text
    minutes = rows(
        database,
        select(Participation.minutes).where(Participation.session_id == morning.session.id),
    )
    assert minutes == [55]


def test_r23_news_is_written_at_the_desk_and_taken_down(
    http: TestClient, database: Database
) -> None:
    clerk, path = make_staff(database, HIDA, Role.CLERK), f"{HOME}/news"
    empty = post(http, clerk, path, title="夏祭り", text="")
    assert empty.status_code == 422
    assert "夏祭り" in empty.text, "what was typed is not lost"
    post(http, clerk, path, title="夏祭り", text="8月10日です。")
    shown = http.get(path, headers=clerk.headers).text
    assert "8月10日です。" in shown
    assert "8月10日です。" in http.get(f"/towns/{HIDA}/news").text
    down = re.search(rf'action="({path}/[0-9a-f-]+/withdraw)"', shown)
    assert down
    post(http, clerk, down[1])
    assert "8月10日です。" not in http.get(f"/towns/{HIDA}/news").text
    assert len(audited(database, "news.publish") + audited(database, "news.withdraw")) == 2
