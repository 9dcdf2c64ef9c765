"""R12, R18, P23: the identity check through our doors, with a real provider on the other side."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text

from core.clock import FixedClock
from core.settings import Environment, Settings
from registry.identity_provider import provider_of
from registry.idp_checks import IdentityRefused
from tests.conftest import RollbackDatabase, serve
from tests.factories.premium import apply, own, ready, slots_of, tier_of
from tests.factories.registry import (
    HIDA,
    IIDA,
    SignedIn,
    create_account,
    create_person,
    join,
    open_bodies,
    registration_of,
    sign_in,
)
from tests.identity.rig import StandIn

ATTEMPTS = "/api/v1/me/identity-attempts"
CALLBACK = "/identity/callback"


@pytest.fixture
def settings(settings: Settings, standin: StandIn, tmp_path: Path) -> Settings:
    """A platform whose provider is the stand-in."""
    key = tmp_path / "client.pem"
    key.write_bytes(standin.es_key.as_pem(private=True))
    return settings.model_copy(
        update={
            "public_url": "http://localhost:8000",
            "idp_base_url": standin.issuer,
            "idp_private_key_file": key,
        }
    )


@pytest.fixture
def app(settings: Settings, database: RollbackDatabase, clock: FixedClock) -> FastAPI:
    """The web application with that provider."""
    return serve(settings, database, clock)


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    """HTTP without a network."""
    with TestClient(app, raise_server_exceptions=False, follow_redirects=False) as http:
        yield http


def begin(client: TestClient, someone: SignedIn, **body: Any) -> dict[str, Any]:
    answer = client.post(ATTEMPTS, json=body, headers=someone.headers)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def answered(standin: StandIn, url: str, card: str, **answer: Any) -> str:
    """The address the provider sends the browser back to, as a path of ours."""
    standin.preset({"card": card, **answer})
    parts = urlsplit(standin.http.get(url).headers["location"])
    assert parts.path == CALLBACK
    return f"{parts.path}?{parts.query}"


def check(client: TestClient, standin: StandIn, someone: SignedIn, card: str, **body: Any) -> Any:
    """A whole check; the answer of the callback."""
    started = begin(client, someone, **body)
    return client.get(answered(standin, started["url"], card), headers=someone.headers)


def result_of(client: TestClient, someone: SignedIn, attempt_id: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"{ATTEMPTS}/{attempt_id}", headers=someone.headers).json()
    return found


def person_row(database: RollbackDatabase, someone: SignedIn) -> Any:
    with database.owner() as owner:
        return owner.execute(text("select * from person where id = :id"), {"id": someone.id}).one()


def test_r12_a_card_gives_level_facts_and_residence(
    client: TestClient, database: RollbackDatabase, standin: StandIn
) -> None:
    someone = create_person(database)
    join(database, someone, HIDA)
    started = begin(client, someone, next="/me?tab=card")
    assert "sign" in parse_qs(urlsplit(started["url"]).query)["scope"][0].split()
    back = client.get(answered(standin, started["url"], "adult"), headers=someone.headers)
    assert (back.status_code, back.headers["location"]) == (303, "/me?tab=card")
    row = person_row(database, someone)
    assert (row.name, row.identity_level, row.verified_residence) == (
        "山田 花子",
        "mnc_sign",
        "131121",
    )
    assert str(row.birth_date) == "1985-03-15"
    held = registration_of(database, someone, HIDA)
    assert held is not None
    assert (held.display_name, held.identity_level, held.residence_code) == (
        "山田 花子",
        "mnc_sign",
        "131121",
    )
    assert result_of(client, someone, started["id"]) == {
        "id": started["id"],
        "purpose": "premium",
        "state": "verified",
        "level": "mnc_sign",
        "code": None,
        "detail": None,
    }


def test_p22_nothing_of_the_exchange_stays(
    client: TestClient, database: RollbackDatabase, standin: StandIn
) -> None:
    someone = create_person(database)
    check(client, standin, someone, "adult")
    with database.owner() as owner:
        kept = owner.execute(text("select nonce, verifier from identity_attempt")).one()
        link = owner.execute(text("select * from identity_link")).one()
    assert tuple(kept) == ("", "")
    assert len(link.subject_index) == 64
    assert link.issuer == standin.issuer


def test_r12_adults_through_the_stand_in_may_hold_premium(
    client: TestClient, database: RollbackDatabase, standin: StandIn
) -> None:
    someone = create_person(database)
    ready(database, someone, HIDA)
    assert apply(client, someone, HIDA).json()["reasons"][-1]["code"] != "not_enough_count"
    assert check(client, standin, someone, "adult").status_code == 303
    assert apply(client, someone, HIDA).json()["state"] == "granted"


def test_r12_an_attempt_is_used_once(
    client: TestClient, database: RollbackDatabase, standin: StandIn
) -> None:
    someone = create_person(database)
    started = begin(client, someone)
    path = answered(standin, started["url"], "adult")
    assert client.get(path, headers=someone.headers).status_code == 303
    asked = standin.calls("token")
    again = client.get(path, headers=someone.headers)
    assert again.status_code == 409
    assert standin.calls("token") == asked
    assert result_of(client, someone, started["id"])["state"] == "verified"


def test_r12_an_attempt_belongs_to_its_sign_in(
    client: TestClient, database: RollbackDatabase, standin: StandIn
) -> None:
    someone = create_person(database)
    path = answered(standin, begin(client, someone)["url"], "adult")
    other_session = SignedIn(
        someone.id, someone.email, sign_in(database, someone.email), someone.actor
    )
    stranger = create_person(database)
    for caller in (other_session, stranger):
        assert client.get(path, headers=caller.headers).status_code == 409
    assert client.get(path).status_code in {303, 401}
    assert person_row(database, someone).identity_level == "email"
    assert client.get(path, headers=someone.headers).status_code == 303


def test_r12_an_attempt_lives_ten_minutes(
    client: TestClient, database: RollbackDatabase, standin: StandIn
) -> None:
    someone = create_person(database)
    started = begin(client, someone)
    path = answered(standin, started["url"], "adult")
    with database.owner() as owner:
        owner.execute(
            text("update identity_attempt set created_at = created_at - interval '10 minutes'")
        )
    assert client.get(path, headers=someone.headers).status_code == 409
    found = result_of(client, someone, started["id"])
    assert (found["state"], found["code"]) == ("refused", "attempt_expired")
    assert found["detail"]


def test_p23_a_card_of_another_account_is_refused_and_never_merged(
    client: TestClient, database: RollbackDatabase, standin: StandIn
) -> None:
    first, second = create_person(database), create_person(database)
    assert check(client, standin, first, "adult").status_code == 303
    started = begin(client, second)
    back = client.get(answered(standin, started["url"], "adult"), headers=second.headers)
    assert back.status_code == 409
    assert result_of(client, second, started["id"])["code"] == "subject_taken"
    row = person_row(database, second)
    assert (row.identity_level, row.name, row.birth_date) == ("email", None, None)


def test_p23_another_card_on_a_verified_account_is_refused(
    client: TestClient, database: RollbackDatabase, standin: StandIn
) -> None:
    someone = create_person(database)
    assert check(client, standin, someone, "adult").status_code == 303
    started = begin(client, someone, purpose="renewal")
    path = answered(standin, started["url"], "resident-212172")
    assert client.get(path, headers=someone.headers).status_code == 409
    assert result_of(client, someone, started["id"])["code"] == "subject_changed"
    assert person_row(database, someone).verified_residence == "131121"


@pytest.mark.parametrize(
    ("card", "answer", "code"),
    [
        ("revoked", {}, "certificate_revoked"),
        ("pin-locked", {}, "pin_locked"),
        ("cancelled", {}, "cancelled"),
        ("adult", {"faults": ["token_500"]}, "provider_unavailable"),
        ("adult", {"faults": ["id_token_bad_signature"]}, "id_token_invalid"),
        ("adult", {"faults": ["userinfo_individual_number"]}, "individual_number_found"),
    ],
)
def test_p23_a_bad_answer_verifies_nobody_and_says_why(
    client: TestClient,
    database: RollbackDatabase,
    standin: StandIn,
    card: str,
    answer: dict[str, Any],
    code: str,
) -> None:
    someone = create_person(database)
    started = begin(client, someone)
    path = answered(standin, started["url"], card, **answer)
    assert client.get(path, headers=someone.headers).status_code == 409
    assert result_of(client, someone, started["id"])["code"] == code
    assert person_row(database, someone).identity_level == "email"
    assert check(client, standin, someone, "adult").status_code == 303


@pytest.mark.parametrize("path", ["https://evil.invalid/", "//evil.invalid", "/\\evil", "me", ""])
def test_p25_the_way_back_is_ours(
    client: TestClient, database: RollbackDatabase, path: str
) -> None:
    someone = create_person(database)
    answer = client.post(ATTEMPTS, json={"next": path}, headers=someone.headers)
    assert answer.status_code == 422


def test_r12_without_a_profile_there_is_nothing_to_verify(
    client: TestClient, database: RollbackDatabase
) -> None:
    someone = create_account(database)
    assert client.post(ATTEMPTS, json={}, headers=someone.headers).status_code == 404


def test_r16_moving_in_ends_premium_at_the_next_identity_event(
    client: TestClient, database: RollbackDatabase, standin: StandIn
) -> None:
    someone = create_person(database)
    check(client, standin, someone, "adult")
    ready(database, someone, IIDA)
    assert apply(client, someone, IIDA).json()["state"] == "granted"
    assert check(client, standin, someone, "adult-moved", purpose="renewal").status_code == 303
    assert tier_of(database, someone, IIDA) == "basic"
    assert slots_of(database, someone) == {}
    assert person_row(database, someone).identity_level == "mnc_sign"


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"idp_private_key_file": None}, "not_configured"),
        ({"idp_private_key_file": Path("/nowhere.pem")}, "key"),
        ({"environment": Environment.PRODUCTION}, "unsafe"),
    ],
)
def test_p23_a_provider_that_may_not_be_asked_stops_identity_only(
    settings: Settings, changes: dict[str, Any], found: str
) -> None:
    with pytest.raises(IdentityRefused, match="provider_unavailable") as refused:
        provider_of(settings.model_copy(update=changes))
    assert refused.value.problems[0].found == found


# --- minors and guardians --------------------------------------------------------------


def minor_with_guardian(
    client: TestClient, database: RollbackDatabase, standin: StandIn, **profile: Any
) -> tuple[SignedIn, SignedIn, dict[str, Any]]:
    """A minor who has asked, and a guardian who has confirmed their address."""
    minor = create_person(database, nickname="二郎", **(profile or {"birth_year": 2009}))
    guardian = create_account(database)
    invited = client.post(
        "/api/v1/me/guardianships",
        json={"contact": guardian.email, "scope": "premium"},
        headers=minor.headers,
    )
    assert invited.status_code == 201, invited.text
    token = invited.json()["link"].rsplit("/", 1)[1]
    confirmed = client.post(
        f"/api/v1/guardian-invitations/{token}/confirm", json={}, headers=guardian.headers
    )
    assert confirmed.status_code == 200, confirmed.text
    return minor, guardian, confirmed.json() | {"token": token}


def guardian_shows_card(
    client: TestClient, standin: StandIn, guardian: SignedIn, consent: dict[str, Any], card: str
) -> Any:
    return check(client, standin, guardian, card, purpose="guardian", guardianship_id=consent["id"])


def seventeen(standin: StandIn, birthdate: str = "2009-12-24") -> None:
    """A card of somebody who is seventeen on the test's day."""
    card = {
        "id": "seventeen",
        "name": "佐藤 二郎",
        "address": "神奈川県横浜市中区本町6丁目50番地の10",
        "lg_code": "141003",
        "birthdate": birthdate,
        "gender": "male",
    }
    standin.command("cards", [card])


def test_r18_example_9_seventeen_waits_for_a_guardian_and_goes_back_to_basic_without(
    client: TestClient, database: RollbackDatabase, standin: StandIn
) -> None:
    seventeen(standin)
    minor, guardian, consent = minor_with_guardian(client, database, standin)
    ready(database, minor, HIDA)
    assert check(client, standin, minor, "seventeen").status_code == 303
    asked = apply(client, minor, HIDA).json()
    assert asked["state"] == "waiting"
    assert [one["code"] for one in asked["reasons"]] == ["guardian_consent_missing"]
    assert slots_of(database, minor) == {HIDA: "pending"}
    assert guardian_shows_card(client, standin, guardian, consent, "guardian").status_code == 303
    read = client.get(own(HIDA), headers=minor.headers).json()
    assert read["state"] == "granted", read
    assert tier_of(database, minor, HIDA) == "premium"
    path = f"/api/v1/me/guardianships/{consent['id']}/withdraw"
    ended = client.post(path, headers=guardian.headers)
    assert (ended.status_code, ended.json()["state"]) == (200, "withdrawn"), ended.text
    assert tier_of(database, minor, HIDA) == "basic"
    row = registration_of(database, minor, HIDA)
    assert row is not None
    assert row.status == "active"
    assert slots_of(database, minor) == {}
    assert client.post(path, headers=guardian.headers).status_code == 409


def test_r18_an_application_that_waited_goes_on_when_the_minor_is_of_age(
    client: TestClient, database: RollbackDatabase, standin: StandIn, clock: FixedClock
) -> None:
    seventeen(standin, "2009-06-03")
    minor, _, _ = minor_with_guardian(client, database, standin)
    ready(database, minor, HIDA)
    check(client, standin, minor, "seventeen")
    first = apply(client, minor, HIDA).json()
    assert first["state"] == "waiting"
    clock.advance(timedelta(days=1))
    for _ in range(2):
        assert apply(client, minor, HIDA).json()["state"] == "waiting"
    clock.advance(timedelta(hours=14))  # 00:00 of the birthday in Japan
    last = apply(client, minor, HIDA).json()
    assert (last["id"], last["state"]) == (first["id"], "granted")


def test_r18_fourteen_needs_no_signing_certificate(
    client: TestClient, database: RollbackDatabase, standin: StandIn
) -> None:
    card = {
        "id": "fourteen",
        "name": "佐藤 三葉",
        "address": "神奈川県横浜市中区本町6丁目50番地の10",
        "lg_code": "141003",
        "birthdate": "2012-12-24",
        "signing_certificate": False,
    }
    standin.command("cards", [card])
    minor, guardian, consent = minor_with_guardian(client, database, standin, birth_year=2012)
    ready(database, minor, HIDA)
    assert check(client, standin, minor, "fourteen").status_code == 303
    assert guardian_shows_card(client, standin, guardian, consent, "guardian").status_code == 303
    assert apply(client, minor, HIDA).json()["state"] == "granted"


def test_r18_a_guardian_is_of_age(
    client: TestClient, database: RollbackDatabase, standin: StandIn
) -> None:
    seventeen(standin)
    _, guardian, consent = minor_with_guardian(client, database, standin)
    assert guardian_shows_card(client, standin, guardian, consent, "seventeen").status_code == 409
    listed = client.get("/api/v1/me/guardianships", headers=guardian.headers).json()
    assert [one["state"] for one in listed["items"]] == ["invited"]


def test_r18_the_minors_own_card_is_no_guardians(
    client: TestClient, database: RollbackDatabase, standin: StandIn
) -> None:
    seventeen(standin)
    minor, guardian, consent = minor_with_guardian(client, database, standin)
    check(client, standin, minor, "seventeen")
    seventeen(standin, "1980-01-01")  # the same holder, pretending to be grown up
    refused = guardian_shows_card(client, standin, guardian, consent, "seventeen")
    assert refused.status_code == 409


def test_r18_nobody_else_speaks_for_a_minor(
    client: TestClient, database: RollbackDatabase, standin: StandIn
) -> None:
    _, guardian, consent = minor_with_guardian(client, database, standin)
    stranger = create_person(database)
    body = {"purpose": "guardian", "guardianship_id": consent["id"]}
    assert client.post(ATTEMPTS, json=body, headers=stranger.headers).status_code == 404
    path = f"/api/v1/me/guardianships/{consent['id']}/withdraw"
    assert client.post(path, headers=stranger.headers).status_code == 404
    by_link = f"/api/v1/guardian-invitations/{consent['token']}/withdraw"
    assert client.post(by_link, headers=stranger.headers).status_code == 404
    assert client.post(by_link, headers=guardian.headers).status_code == 200
    assert (
        client.post(ATTEMPTS, json={"purpose": "guardian"}, headers=guardian.headers).status_code
        == 422
    )


def test_r18_withdrawal_before_the_decision_takes_it_out_of_the_bodys_hands(
    client: TestClient, database: RollbackDatabase, standin: StandIn, clock: FixedClock
) -> None:
    seventeen(standin)
    minor, guardian, consent = minor_with_guardian(client, database, standin)
    open_bodies(database, HIDA)
    ready(database, minor, HIDA, mode="review")
    check(client, standin, minor, "seventeen")
    guardian_shows_card(client, standin, guardian, consent, "guardian")
    assert apply(client, minor, HIDA).json()["state"] == "review"
    client.post(
        f"/api/v1/guardian-invitations/{consent['token']}/withdraw", headers=guardian.headers
    )
    assert client.get(own(HIDA), headers=minor.headers).json()["state"] == "waiting"
    clock.advance(timedelta(minutes=1))


def test_r12_a_revoked_certificate_starts_the_sixty_days_of_grace_once(
    client: TestClient, database: RollbackDatabase, standin: StandIn, clock: FixedClock
) -> None:
    someone = create_person(database)
    check(client, standin, someone, "adult")
    ready(database, someone, HIDA)
    assert apply(client, someone, HIDA).json()["state"] == "granted"
    for days, lapsed in ((0, "2027-06-01"), (1, "2027-06-01")):
        clock.advance(timedelta(days=days))
        check(client, standin, someone, "revoked", purpose="renewal")
        assert str(person_row(database, someone).identity_lapsed_on) == lapsed
    held = registration_of(database, someone, HIDA)
    assert held is not None
    assert (held.tier, str(held.identity_lapsed_on)) == ("premium", "2027-06-01")
    check(client, standin, someone, "adult", purpose="renewal")
    assert person_row(database, someone).identity_lapsed_on is None


def test_three_visits_are_open_at_once_and_ten_begin_within_ten_minutes(
    client: TestClient, database: RollbackDatabase, standin: StandIn
) -> None:
    someone = create_person(database)
    for _ in range(3):
        url = begin(client, someone)["url"]
    refused = client.post(ATTEMPTS, json={}, headers=someone.headers)
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert refused.headers["retry-after"] == "600"
    client.get(answered(standin, url, "adult"), headers=someone.headers)
    begin(client, someone)
    with database.owner() as owner:
        owner.execute(text("update identity_attempt set used_at = now()"))
    for _ in range(6):
        begin(client, someone)
        with database.owner() as owner:
            owner.execute(text("update identity_attempt set used_at = now()"))
    assert client.post(ATTEMPTS, json={}, headers=someone.headers).status_code == 429
