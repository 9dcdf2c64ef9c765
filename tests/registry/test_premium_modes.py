"""R15: granted at once, after the hours of objection, or by staff; refused, reversed, expired."""

from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from activities.evidence import SqlEvidence
from core.access import Role, system
from core.clock import FixedClock, japan_day
from core.db import for_job
from registry import deadlines
from tests.conftest import RollbackDatabase
from tests.factories.premium import (
    apply,
    approver,
    decide,
    granted,
    own,
    ready,
    registration_id,
    set_mode,
    show_card,
    slots_of,
    take_part,
    tier_of,
)
from tests.factories.registry import (
    GIFU,
    HIDA,
    IIDA,
    KESENNUMA,
    YOKOZE,
    SignedIn,
    create_person,
    join,
    make_staff,
    open_bodies,
    policy_book,
    registration_of,
    sign_in,
)

JOB = system("test")


@pytest.fixture
def hanako(database: RollbackDatabase) -> SignedIn:
    """A registrant of age who lives in Tokyo and has shown her card."""
    someone = create_person(database)
    show_card(database, someone)
    return someone


def night(database: RollbackDatabase, clock: FixedClock, lg_code: str = HIDA) -> int:
    """What the worker does for applications whose time of objection is over."""
    with database.transaction(for_job("test", lg_code)) as db:
        return deadlines.confirm_due(
            db,
            actor=JOB,
            lg_code=lg_code,
            now=clock.now(),
            book=policy_book(),
            evidence=SqlEvidence(),
        )


def expire(database: RollbackDatabase, as_of: date, clock: FixedClock) -> int:
    """What the worker does for places kept too long."""
    with database.transaction(for_job("test", HIDA)) as db:
        return deadlines.expire_pending(
            db, actor=JOB, lg_code=HIDA, as_of=as_of, now=clock.now(), book=policy_book()
        )


def state_of(client: TestClient, someone: SignedIn, lg_code: str = HIDA) -> str:
    answer: str = client.get(own(lg_code), headers=someone.headers).json()["state"]
    return answer


def notices_of(database: RollbackDatabase, someone: SignedIn) -> set[str]:
    with database.owner() as owner:
        found = owner.execute(
            text("select kind from notice where person_id = :id"), {"id": someone.id}
        )
        return set(found.scalars())


def test_r15_auto_grants_at_once_with_everything_that_follows(
    client: TestClient, database: RollbackDatabase, hanako: SignedIn
) -> None:
    ready(database, hanako, HIDA)
    body = apply(client, hanako, HIDA).json()
    assert (body["state"], body["mode"], body["reasons"]) == ("granted", "auto", [])
    assert (body["term"]["first_day"], body["term"]["last_day"]) == ("2027-06-01", "2028-05-31")
    row = registration_of(database, hanako, GIFU)
    assert row is not None
    assert row.derived_from[0]["expires_on"] == "2028-05-31"
    assert "premium_granted" in notices_of(database, hanako)
    with database.owner() as owner:
        actions = owner.execute(
            text("select action from audit_event where person_id = :id"), {"id": hanako.id}
        ).scalars()
        assert "application.granted" in set(actions)
        judged = owner.execute(text("select allowed, reversible_until from judgement")).one()
    assert tuple(judged) == (True, date(2027, 8, 30))


def test_r15_veto_takes_effect_after_72_hours_and_once(
    client: TestClient, database: RollbackDatabase, clock: FixedClock, hanako: SignedIn
) -> None:
    ready(database, hanako, HIDA, mode="veto")
    body = apply(client, hanako, HIDA).json()
    assert (body["state"], body["effective_at"]) == ("veto", "2027-06-04T01:00:00Z")
    assert slots_of(database, hanako) == {HIDA: "pending"}
    clock.advance(timedelta(hours=72, seconds=-1))
    assert night(database, clock) == 0
    clock.advance(timedelta(seconds=1))
    assert night(database, clock) == 1
    assert night(database, clock) == 0
    assert state_of(client, hanako) == "granted"
    assert slots_of(database, hanako) == {HIDA: "active"}
    assert tier_of(database, hanako, HIDA) == "premium"


def test_r02_the_night_grants_where_the_prefecture_has_not_joined(
    client: TestClient, database: RollbackDatabase, clock: FixedClock, hanako: SignedIn
) -> None:
    """The link to the prefecture goes on waiting; that nobody is there to tell stops nothing."""
    open_bodies(database, HIDA)
    join(database, hanako, HIDA, joined=False)
    set_mode(database, HIDA, "veto")
    take_part(database, hanako, HIDA, 3)
    assert apply(client, hanako, HIDA).json()["state"] == "veto"
    clock.advance(timedelta(hours=72))
    assert night(database, clock) == 1
    assert tier_of(database, hanako, HIDA) == "premium"
    assert registration_of(database, hanako, GIFU) is None


def test_r15_an_objection_brings_it_before_a_human(
    client: TestClient, database: RollbackDatabase, clock: FixedClock, hanako: SignedIn
) -> None:
    ready(database, hanako, HIDA, mode="veto")
    asked = apply(client, hanako, HIDA).json()
    staff = approver(database, HIDA)
    done = decide(client, staff, HIDA, asked["id"], "object", reason="記録を確認したい")
    assert done.json()["state"] == "review", done.text
    clock.advance(timedelta(hours=73))
    assert night(database, clock) == 0
    token = sign_in(database, staff.email, kind="staff", now=clock.now())
    again = SignedIn(staff.id, staff.email, token, staff.actor)
    late = decide(client, again, HIDA, asked["id"], "object", reason="もう一度")
    assert (late.status_code, late.json()["code"]) == (409, "application_decided")


def test_r15_no_objection_after_the_window(
    client: TestClient, database: RollbackDatabase, clock: FixedClock, hanako: SignedIn
) -> None:
    ready(database, hanako, HIDA, mode="veto")
    asked = apply(client, hanako, HIDA).json()
    clock.advance(timedelta(hours=72))
    staff = make_staff(database, HIDA, Role.APPROVER, now=clock.now())
    late = decide(client, staff, HIDA, asked["id"], "object", reason="遅れました")
    assert (late.status_code, late.json()["code"]) == (409, "objection_over")


def test_r15_c37_facts_are_looked_at_again_when_it_takes_effect(
    client: TestClient, database: RollbackDatabase, clock: FixedClock, hanako: SignedIn
) -> None:
    ready(database, hanako, HIDA, mode="veto")
    apply(client, hanako, HIDA)
    with database.owner() as owner:
        owner.execute(text("update participation set annulled_at = now(), counted = false"))
    clock.advance(timedelta(hours=72))
    assert night(database, clock) == 1
    assert state_of(client, hanako) == "refused"
    assert slots_of(database, hanako) == {}
    assert "premium_refused" in notices_of(database, hanako)


def test_r15_review_is_decided_by_an_approver(
    client: TestClient, database: RollbackDatabase, hanako: SignedIn
) -> None:
    ready(database, hanako, HIDA, mode="review")
    asked = apply(client, hanako, HIDA).json()
    assert (asked["state"], asked["place_kept_until"]) == ("review", "2027-07-01")
    clerk = make_staff(database, HIDA, Role.CLERK)
    assert decide(client, clerk, HIDA, asked["id"], "approve").status_code == 403
    stranger = approver(database, IIDA)
    assert decide(client, stranger, HIDA, asked["id"], "approve").status_code == 404
    staff = approver(database, HIDA)
    assert decide(client, staff, HIDA, str(uuid4()), "approve").status_code == 404
    done = decide(client, staff, HIDA, asked["id"], "approve")
    assert done.json()["state"] == "granted", done.text
    twice = decide(client, staff, HIDA, asked["id"], "approve")
    assert (twice.status_code, twice.json()["code"]) == (409, "application_decided")


def test_r15_c37_an_approval_says_what_has_changed(
    client: TestClient, database: RollbackDatabase, hanako: SignedIn
) -> None:
    ready(database, hanako, HIDA, mode="review")
    asked = apply(client, hanako, HIDA).json()
    with database.owner() as owner:
        owner.execute(text("update registration set residence_code = :code"), {"code": HIDA})
    answer = decide(client, approver(database, HIDA), HIDA, asked["id"], "approve")
    assert (answer.status_code, answer.json()["code"]) == (409, "recheck_failed")
    assert [one["code"] for one in answer.json()["problems"]] == ["resident"]
    assert state_of(client, hanako) == "review"


def test_r15_a_refusal_needs_a_reason_which_the_person_reads(
    client: TestClient, database: RollbackDatabase, hanako: SignedIn
) -> None:
    ready(database, hanako, HIDA, mode="review")
    asked = apply(client, hanako, HIDA).json()
    staff = approver(database, HIDA)
    assert decide(client, staff, HIDA, asked["id"], "refuse", reason="").status_code == 422
    assert decide(client, staff, HIDA, asked["id"], "refuse", reason="  ").status_code == 422
    number = decide(client, staff, HIDA, asked["id"], "refuse", reason="番号は123456789018です")
    assert number.status_code == 409
    done = decide(client, staff, HIDA, asked["id"], "refuse", reason="記録の確認ができません")
    assert done.json()["state"] == "refused", done.text
    read = client.get(own(HIDA), headers=hanako.headers).json()
    assert (read["state"], read["note"]) == ("refused", "記録の確認ができません")
    assert slots_of(database, hanako) == {}


def test_c47_nobody_decides_about_themselves(
    client: TestClient, database: RollbackDatabase, hanako: SignedIn
) -> None:
    ready(database, hanako, HIDA, mode="review")
    asked = apply(client, hanako, HIDA).json()
    staff = approver(database, HIDA)
    with database.owner() as owner:
        owner.execute(
            text(
                "update account set email_key = (select email_key from account where id = :own)"
                " where id = :staff"
            ),
            {"own": hanako.id, "staff": staff.id},
        )
    answer = decide(client, staff, HIDA, asked["id"], "approve")
    assert (answer.status_code, answer.json()["code"]) == (403, "own_application")


def test_r15_staff_reverse_within_90_days(
    client: TestClient, database: RollbackDatabase, clock: FixedClock, hanako: SignedIn
) -> None:
    granted(client, database, hanako, HIDA)
    asked = client.get(own(HIDA), headers=hanako.headers).json()
    clock.advance(timedelta(days=90))
    staff = make_staff(database, HIDA, Role.APPROVER, now=clock.now())
    done = decide(client, staff, HIDA, asked["id"], "reverse", reason="記録の誤りが分かりました")
    assert done.json()["state"] == "reversed", done.text
    assert tier_of(database, hanako, HIDA) == "basic"
    assert tier_of(database, hanako, GIFU) == "basic"
    assert slots_of(database, hanako) == {}


def test_r15_no_reversal_after_90_days(
    client: TestClient, database: RollbackDatabase, clock: FixedClock, hanako: SignedIn
) -> None:
    granted(client, database, hanako, HIDA)
    asked = client.get(own(HIDA), headers=hanako.headers).json()
    clock.advance(timedelta(days=91))
    staff = make_staff(database, HIDA, Role.APPROVER, now=clock.now())
    late = decide(client, staff, HIDA, asked["id"], "reverse", reason="遅れました")
    assert (late.status_code, late.json()["code"]) == (409, "reversal_over")
    assert tier_of(database, hanako, HIDA) == "premium"


def test_r13_a_kept_place_falls_free_after_30_days_and_staff_may_still_grant(
    client: TestClient, database: RollbackDatabase, clock: FixedClock, hanako: SignedIn
) -> None:
    ready(database, hanako, HIDA, mode="review")
    asked = apply(client, hanako, HIDA).json()
    clock.advance(timedelta(days=31))
    today = japan_day(clock.now())
    assert expire(database, today - timedelta(days=1), clock) == 0
    assert expire(database, today, clock) == 1
    assert expire(database, today, clock) == 0
    assert slots_of(database, hanako) == {}
    staff = make_staff(database, HIDA, Role.APPROVER, now=clock.now())
    assert decide(client, staff, HIDA, asked["id"], "approve").json()["state"] == "granted"


def test_r13_an_approval_without_a_free_place_is_refused_and_waits(
    client: TestClient, database: RollbackDatabase, clock: FixedClock, hanako: SignedIn
) -> None:
    ready(database, hanako, HIDA, mode="review")
    asked = apply(client, hanako, HIDA).json()
    expire(database, date(2027, 7, 2), clock)
    granted(client, database, hanako, IIDA, KESENNUMA, YOKOZE)
    answer = decide(client, approver(database, HIDA), HIDA, asked["id"], "approve")
    assert (answer.status_code, answer.json()["code"]) == (409, "cap_reached")
    assert "names" not in answer.json()["problems"][0]
    assert state_of(client, hanako) == "review"


def test_r13_pending_applications_count_and_taking_one_back_frees_its_place(
    client: TestClient, database: RollbackDatabase, hanako: SignedIn
) -> None:
    granted(client, database, hanako, IIDA, KESENNUMA)
    ready(database, hanako, HIDA, mode="review")
    assert apply(client, hanako, HIDA).json()["state"] == "review"
    ready(database, hanako, YOKOZE)
    assert apply(client, hanako, YOKOZE).json()["state"] == "refused"
    back = client.delete(own(HIDA), headers=hanako.headers)
    assert back.json()["state"] == "withdrawn"
    assert client.delete(own(HIDA), headers=hanako.headers).status_code == 404
    assert apply(client, hanako, YOKOZE).json()["state"] == "granted"


def test_r07_one_open_application_and_none_beside_premium(
    client: TestClient, database: RollbackDatabase, hanako: SignedIn
) -> None:
    ready(database, hanako, HIDA, mode="review")
    headers = hanako.headers
    first = client.post(own(HIDA), json={}, headers=headers)
    same = client.post(own(HIDA), json={}, headers=headers)
    assert same.json() == first.json()
    other = apply(client, hanako, HIDA)
    assert (other.status_code, other.json()["code"]) == (409, "application_open")
    decide(client, approver(database, HIDA), HIDA, first.json()["id"], "approve")
    again = apply(client, hanako, HIDA)
    assert (again.status_code, again.json()["code"]) == (409, "already_premium")


@pytest.mark.parametrize(
    ("code", "body", "status"),
    [
        ("999999", {}, 404),
        (IIDA, {}, 404),
        (HIDA, {"replaces_lg_code": "x"}, 422),
        (HIDA, {"surprise": 1}, 422),
        ("21217", {}, 422),
    ],
)
def test_p31_bad_input_is_answered(
    client: TestClient,
    database: RollbackDatabase,
    hanako: SignedIn,
    code: str,
    body: dict[str, Any],
    status: int,
) -> None:
    ready(database, hanako, HIDA)
    assert client.post(own(code), json=body, headers=hanako.headers).status_code == status


def test_r02_a_row_that_only_follows_is_no_ground_for_premium(
    client: TestClient, database: RollbackDatabase, hanako: SignedIn
) -> None:
    ready(database, hanako, HIDA)
    answer = apply(client, hanako, GIFU)
    assert (answer.status_code, answer.json()["code"]) == (409, "registration_needed")


def test_p13_staff_read_their_own_inbox_by_deadline_with_a_cursor(
    client: TestClient, database: RollbackDatabase, clock: FixedClock
) -> None:
    people = [create_person(database, nickname=f"人{n}") for n in range(3)]
    for n, someone in enumerate(people):
        show_card(database, someone, name=f"登録 {n}")
        ready(database, someone, HIDA, mode="review")
        apply(client, someone, HIDA)
        clock.advance(timedelta(days=1))
    staff = make_staff(database, HIDA, Role.VIEWER, now=clock.now())
    path = f"/api/v1/local-governments/{HIDA}/applications"
    first = client.get(path, params={"limit": 2}, headers=staff.headers).json()
    rest = client.get(
        path, params={"limit": 2, "cursor": first["next_cursor"]}, headers=staff.headers
    ).json()
    listed = [one["display_name"] for one in first["items"] + rest["items"]]
    assert listed == ["登録 0", "登録 1", "登録 2"]
    assert rest["next_cursor"] is None
    bad = client.get(path, params={"cursor": "abc"}, headers=staff.headers)
    assert bad.status_code == 422
    other = approver(database, IIDA)
    assert client.get(path, headers=other.headers).status_code in {401, 404}


def test_r14_staff_extend_a_term_until_a_day_for_a_reason(
    client: TestClient, database: RollbackDatabase, hanako: SignedIn
) -> None:
    granted(client, database, hanako, HIDA)
    staff = approver(database, HIDA)
    path = (
        f"/api/v1/local-governments/{HIDA}/registrations/"
        f"{registration_id(database, hanako, HIDA)}/extension"
    )

    def ask(**body: Any) -> Any:
        return client.post(path, json=body, headers=staff.headers)

    assert ask(until="2028-05-31", reason="disaster").status_code == 422
    assert ask(until="2029-07-01", reason="disaster").status_code == 422
    assert ask(until="2028-08-31", reason="holiday").status_code == 422
    done = ask(until="2028-08-31", reason="disaster").json()
    assert (done["last_day"], done["extended_until"]) == ("2028-05-31", "2028-08-31")
    row = registration_of(database, hanako, GIFU)
    assert row is not None
    assert row.derived_from[0]["expires_on"] == "2028-08-31"


def test_r14_the_person_books_the_next_term_from_the_first_check_on(
    client: TestClient, database: RollbackDatabase, clock: FixedClock, hanako: SignedIn
) -> None:
    granted(client, database, hanako, HIDA)

    def ask() -> Any:
        token = sign_in(database, hanako.email, now=clock.now())
        someone = SignedIn(hanako.id, hanako.email, token, hanako.actor)
        return client.post(own(HIDA, "renewal"), headers=someone.headers)

    take_part(database, hanako, HIDA, 2, last=date(2028, 3, 10))
    clock.advance(timedelta(days=300))
    early = ask()
    assert (early.status_code, early.json()["code"]) == (409, "renewal_not_due")
    clock.advance(timedelta(days=7))
    few = ask()
    assert (few.status_code, few.json()["code"]) == (409, "renewal_refused")
    assert few.json()["problems"][0]["found"] == 2
    take_part(database, hanako, HIDA, 1, last=date(2028, 4, 2))
    booked = ask()
    assert booked.status_code == 201, booked.text
    assert booked.json()["renewal_state"] == "booked"
    assert ask().json()["code"] == "renewal_asked"
    with database.owner() as owner:
        days = owner.execute(
            text("select state, first_day, last_day from term order by first_day")
        ).all()
    assert [tuple(one) for one in days] == [
        ("active", date(2027, 6, 1), date(2028, 5, 31)),
        ("booked", date(2028, 6, 1), date(2029, 5, 31)),
    ]


def test_r13_a_place_lost_before_it_takes_effect_is_a_refusal_with_its_reason(
    client: TestClient, database: RollbackDatabase, clock: FixedClock, hanako: SignedIn
) -> None:
    ready(database, hanako, HIDA, mode="veto")
    apply(client, hanako, HIDA)
    with database.owner() as owner:
        owner.execute(text("delete from premium_slot"))
    granted(client, database, hanako, IIDA, KESENNUMA, YOKOZE)
    clock.advance(timedelta(hours=72))
    assert night(database, clock) == 1
    assert state_of(client, hanako) == "refused"
    assert set(slots_of(database, hanako)) == {IIDA, KESENNUMA, YOKOZE}
    with database.owner() as owner:
        facts = owner.execute(
            text("select facts from notice where kind = 'premium_refused'")
        ).scalar_one()
        terms = owner.execute(text("select count(*) from term where lg_code = :c"), {"c": HIDA})
        assert terms.scalar_one() == 0
    assert facts["codes"] == ["cap_reached"]


def test_r13_an_exchange_takes_effect_by_the_clock_too(
    client: TestClient, database: RollbackDatabase, clock: FixedClock, hanako: SignedIn
) -> None:
    granted(client, database, hanako, IIDA, KESENNUMA, YOKOZE)
    ready(database, hanako, HIDA, mode="veto")
    asked = apply(client, hanako, HIDA, replaces_lg_code=IIDA).json()
    assert asked["state"] == "veto", asked
    clock.advance(timedelta(hours=72))
    assert night(database, clock) == 1
    assert state_of(client, hanako) == "granted"
    assert set(slots_of(database, hanako)) == {HIDA, KESENNUMA, YOKOZE}
    assert tier_of(database, hanako, IIDA) == "basic"
