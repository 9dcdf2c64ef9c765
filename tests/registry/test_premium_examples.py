"""The examples of rules.md about premium, over HTTP: 3, 4, 5, 6, 11."""

from datetime import UTC, date, datetime, timedelta

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from core.clock import FixedClock
from tests.conftest import RollbackDatabase
from tests.factories.premium import (
    apply,
    approver,
    decide,
    granted,
    name_of,
    own,
    ready,
    set_mode,
    set_requirement,
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
    MIYAGI,
    NAGANO,
    NAGANO_PREF,
    SAITAMA,
    YOKOZE,
    SignedIn,
    create_person,
    join,
    open_bodies,
    registration_of,
)

MATSUMOTO = "202029"


@pytest.fixture
def hanako(database: RollbackDatabase) -> SignedIn:
    """A registrant of age who lives in Tokyo and has shown her card."""
    someone = create_person(database)
    show_card(database, someone)
    return someone


def test_r13_example_3_three_bodies_are_not_six(
    client: TestClient, database: RollbackDatabase, hanako: SignedIn
) -> None:
    granted(client, database, hanako, HIDA, KESENNUMA, YOKOZE)
    assert slots_of(database, hanako) == {HIDA: "active", KESENNUMA: "active", YOKOZE: "active"}
    for prefecture in (GIFU, MIYAGI, SAITAMA):
        row = registration_of(database, hanako, prefecture)
        assert row is not None
        assert (row.tier, row.derived, row.direct) == ("premium", True, False)


def test_r13_example_3_a_fourth_is_refused_with_the_three_named(
    client: TestClient, database: RollbackDatabase, hanako: SignedIn
) -> None:
    granted(client, database, hanako, HIDA, KESENNUMA, YOKOZE)
    ready(database, hanako, IIDA)
    answer = apply(client, hanako, IIDA)
    assert answer.status_code == 201
    body = answer.json()
    assert body["state"] == "refused"
    (reason,) = body["reasons"]
    assert (reason["rule"], reason["code"], reason["action"]) == ("R13", "cap_reached", "exchange")
    assert (reason["found"], reason["needed"]) == (3, 3)
    assert set(reason["names"]) == {
        name_of(database, hanako, code) for code in (HIDA, KESENNUMA, YOKOZE)
    }
    assert tier_of(database, hanako, IIDA) == "basic"
    assert len(slots_of(database, hanako)) == 3


def test_r13_exchange_gives_one_up_in_the_moment_of_the_grant(
    client: TestClient, database: RollbackDatabase, hanako: SignedIn
) -> None:
    granted(client, database, hanako, HIDA, KESENNUMA, YOKOZE)
    ready(database, hanako, IIDA)
    answer = apply(client, hanako, IIDA, replaces_lg_code=YOKOZE).json()
    assert answer["state"] == "granted", answer
    assert set(slots_of(database, hanako)) == {HIDA, KESENNUMA, IIDA}
    assert tier_of(database, hanako, YOKOZE) == "basic"
    assert tier_of(database, hanako, SAITAMA) == "basic"
    assert tier_of(database, hanako, NAGANO_PREF) == "premium"


def test_r13_exchange_by_staff_leaves_the_old_one_until_then(
    client: TestClient, database: RollbackDatabase, hanako: SignedIn
) -> None:
    granted(client, database, hanako, HIDA, KESENNUMA, YOKOZE)
    ready(database, hanako, IIDA, mode="review")
    asked = apply(client, hanako, IIDA, replaces_lg_code=YOKOZE).json()
    assert asked["state"] == "review"
    assert set(slots_of(database, hanako)) == {HIDA, KESENNUMA, YOKOZE}
    done = decide(client, approver(database, IIDA), IIDA, asked["id"], "approve")
    assert done.json()["state"] == "granted", done.text
    assert set(slots_of(database, hanako)) == {HIDA, KESENNUMA, IIDA}
    assert tier_of(database, hanako, YOKOZE) == "basic"


def test_r13_only_what_one_holds_can_be_exchanged(
    client: TestClient, database: RollbackDatabase, hanako: SignedIn
) -> None:
    granted(client, database, hanako, HIDA, KESENNUMA, YOKOZE)
    ready(database, hanako, IIDA)
    body = apply(client, hanako, IIDA, replaces_lg_code=NAGANO).json()
    assert body["state"] == "refused"
    assert {reason["code"] for reason in body["reasons"]} == {"exchange_not_held", "cap_reached"}


def test_r13_example_4_a_prefecture_stops_counting(
    client: TestClient, database: RollbackDatabase, hanako: SignedIn
) -> None:
    granted(client, database, hanako, NAGANO_PREF, HIDA, KESENNUMA)
    assert set(slots_of(database, hanako)) == {NAGANO_PREF, HIDA, KESENNUMA}
    granted(client, database, hanako, IIDA)
    assert set(slots_of(database, hanako)) == {IIDA, HIDA, KESENNUMA}
    assert tier_of(database, hanako, NAGANO_PREF) == "premium"


@pytest.mark.parametrize("mode", ["auto", "review"])
def test_r13_example_4_the_prefecture_counts_again_when_the_last_municipality_goes(
    client: TestClient, database: RollbackDatabase, hanako: SignedIn, mode: str
) -> None:
    granted(client, database, hanako, NAGANO_PREF, HIDA, IIDA)
    ready(database, hanako, MATSUMOTO, mode=mode)
    asked = apply(client, hanako, MATSUMOTO).json()
    if mode == "review":
        decide(client, approver(database, MATSUMOTO), MATSUMOTO, asked["id"], "approve")
    assert set(slots_of(database, hanako)) == {HIDA, IIDA, MATSUMOTO}
    leave = "/api/v1/me/registrations/"
    assert client.delete(leave + IIDA, headers=hanako.headers).status_code < 300
    assert set(slots_of(database, hanako)) == {HIDA, MATSUMOTO}
    assert client.delete(leave + MATSUMOTO, headers=hanako.headers).status_code < 300
    assert set(slots_of(database, hanako)) == {HIDA, NAGANO_PREF}
    assert tier_of(database, hanako, NAGANO_PREF) == "premium"


def test_r13_a_prefecture_asked_for_last_needs_no_place(
    client: TestClient, database: RollbackDatabase, hanako: SignedIn
) -> None:
    granted(client, database, hanako, IIDA, HIDA, KESENNUMA)
    join(database, hanako, NAGANO_PREF)
    set_mode(database, NAGANO_PREF, "review")
    take_part(database, hanako, NAGANO_PREF)
    asked = apply(client, hanako, NAGANO_PREF).json()
    assert asked["state"] == "review", asked
    done = decide(client, approver(database, NAGANO_PREF), NAGANO_PREF, asked["id"], "approve")
    assert done.json()["state"] == "granted", done.text
    assert set(slots_of(database, hanako)) == {IIDA, HIDA, KESENNUMA}


def test_r16_example_5_premium_is_not_for_the_place_where_one_lives(
    client: TestClient, database: RollbackDatabase
) -> None:
    makoto = create_person(database, nickname="誠", residence=NAGANO)
    show_card(database, makoto, name="小林 誠", address="長野県長野市大字鶴賀緑町1613番地")
    ready(database, makoto, NAGANO)
    body = apply(client, makoto, NAGANO).json()
    assert body["state"] == "refused"
    assert [reason["code"] for reason in body["reasons"]] == ["resident"]
    ready(database, makoto, IIDA)
    assert apply(client, makoto, IIDA).json()["state"] == "granted"
    derived = registration_of(database, makoto, NAGANO_PREF)
    assert derived is not None
    assert (derived.tier, derived.residence_related) == ("basic", True)


def test_r14_example_6_a_term_of_29_february(
    client: TestClient, database: RollbackDatabase, clock: FixedClock
) -> None:
    clock.at = datetime(2028, 2, 28, 15, 0, tzinfo=UTC)  # midnight in Japan: the 29th
    hanako = create_person(database, now=clock.at)
    show_card(database, hanako, now=clock.at)
    join(database, hanako, HIDA, now=clock.at)
    set_mode(database, HIDA, "auto", now=clock.at)
    take_part(database, hanako, HIDA, last=date(2028, 2, 29))
    term = apply(client, hanako, HIDA).json()["term"]
    assert (term["first_day"], term["last_day"]) == ("2028-02-29", "2029-02-28")


def test_r33_example_11_an_applicant_within_90_days_gets_the_better_version(
    client: TestClient, database: RollbackDatabase, clock: FixedClock, hanako: SignedIn
) -> None:
    ready(database, hanako, HIDA, days=3)
    set_requirement(database, HIDA, {"count": 5}, since=date(2027, 8, 1))
    clock.at = datetime(2027, 10, 30, 1, 0, tzinfo=UTC)  # 90 days later
    hanako = _again(database, hanako, clock)
    assert apply(client, hanako, HIDA).json()["state"] == "granted"


def test_r33_example_11_after_90_days_the_new_version_holds(
    client: TestClient, database: RollbackDatabase, clock: FixedClock, hanako: SignedIn
) -> None:
    ready(database, hanako, HIDA, days=3)
    set_requirement(database, HIDA, {"count": 5}, since=date(2027, 8, 1))
    clock.at = datetime(2027, 10, 31, 1, 0, tzinfo=UTC)
    hanako = _again(database, hanako, clock)
    body = apply(client, hanako, HIDA).json()
    assert body["state"] == "refused"
    (reason,) = body["reasons"]
    assert (reason["code"], reason["found"], reason["needed"]) == ("not_enough_count", 3, 5)


def _again(database: RollbackDatabase, someone: SignedIn, clock: FixedClock) -> SignedIn:
    """Sign in again: a session of months ago has ended."""
    from tests.factories.registry import sign_in

    token = sign_in(database, someone.email, now=clock.at)
    return SignedIn(someone.id, someone.email, token, someone.actor)


def test_r07_all_reasons_come_at_once(client: TestClient, database: RollbackDatabase) -> None:
    someone = create_person(database, residence=HIDA, birth_date=date(2011, 5, 5))
    open_bodies(database, GIFU, HIDA)
    _confirmed_contact(database, someone)
    join(database, someone, HIDA)
    body = apply(client, someone, HIDA).json()
    assert body["state"] == "refused"
    assert [reason["code"] for reason in body["reasons"]] == [
        "resident",
        "identity_too_low",
        "guardian_consent_missing",
        "not_enough_count",
    ]
    assert all(reason["detail"] for reason in body["reasons"])


def _confirmed_contact(database: RollbackDatabase, someone: SignedIn) -> None:
    with database.owner() as owner:
        owner.execute(
            text(
                "insert into guardianship (id, person_id, contact, state, scope, text_version,"
                " invite_hash, invited_at, contact_confirmed_at) values (gen_random_uuid(), cast(:id as uuid),"
                " 'p@example.jp', 'living', 'basic', 't', cast(:id as text), now(), now())"
            ),
            {"id": str(someone.id)},
        )


def test_r07_what_is_missing_says_found_and_needed(
    client: TestClient, database: RollbackDatabase, hanako: SignedIn
) -> None:
    ready(database, hanako, HIDA, days=2)
    body = client.get(own(HIDA, "premium"), headers=hanako.headers).json()
    assert body["allowed"] is False
    assert (body["counted"], body["requirement"]) == (2, {"count": 3})
    (reason,) = body["reasons"]
    assert (reason["found"], reason["needed"]) == (2, 3)
    assert reason["next_step"]
    take_part(database, hanako, HIDA, 1, last=date(2027, 6, 1))
    body = client.get(own(HIDA, "premium"), headers=hanako.headers).json()
    assert (body["allowed"], body["reasons"]) == (True, [])
    apply(client, hanako, HIDA)
    body = client.get(own(HIDA, "premium"), headers=hanako.headers).json()
    assert body["term"]["last_day"] == "2028-05-31"


def test_r07_evidence_outside_the_window_does_not_count(
    client: TestClient, database: RollbackDatabase, hanako: SignedIn
) -> None:
    ready(database, hanako, HIDA, days=0)
    oldest = date(2027, 6, 1) - timedelta(days=364)
    take_part(database, hanako, HIDA, 4, last=oldest + timedelta(days=1))
    body = client.get(own(HIDA, "premium"), headers=hanako.headers).json()
    assert body["counted"] == 2
