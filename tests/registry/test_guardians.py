"""R18: invitations of guardians: to whom they go, who may answer, how they end."""

from datetime import date, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select, text

from core.access import Role
from core.clock import FixedClock
from core.errors import Refused
from core.models import Notice
from tests.conftest import RollbackDatabase
from tests.factories.premium import apply, own, ready, registration_id, show_card, tier_of
from tests.factories.registry import (
    HIDA,
    IIDA,
    SignedIn,
    create_account,
    create_person,
    join,
    make_staff,
    open_bodies,
    registration_of,
    sign_in,
)

OWN = "/api/v1/me/guardianships"
BORN = date(2009, 12, 24)


@pytest.fixture
def minor(database: RollbackDatabase) -> SignedIn:
    """Seventeen."""
    return create_person(database, nickname="二郎", birth_year=2009)


@pytest.fixture
def guardian(database: RollbackDatabase) -> SignedIn:
    """Signed in, without a profile."""
    return create_account(database)


def invite(client: TestClient, minor: SignedIn, contact: str, scope: str = "premium") -> Any:
    return client.post(OWN, json={"contact": contact, "scope": scope}, headers=minor.headers)


def token_of(answer: Any) -> str:
    assert answer.status_code == 201, answer.text
    link: str = answer.json()["link"]
    return link.rsplit("/", 1)[1]


def answer(client: TestClient, token: str, someone: SignedIn, verb: str = "confirm") -> Any:
    path = f"/api/v1/guardian-invitations/{token}/{verb}"
    return client.post(path, json={}, headers=someone.headers)


def consenting(database: RollbackDatabase, minor: SignedIn, guardian: SignedIn) -> None:
    """A living, verified consent for premium."""
    with database.owner() as owner:
        owner.execute(
            text(
                "update guardianship set state = 'living', verified_at = now()"
                " where person_id = :minor and guardian_id = :guardian"
            ),
            {"minor": minor.id, "guardian": guardian.id},
        )


def test_r18_a_confirmed_contact_opens_basic_registration(
    client: TestClient, database: RollbackDatabase, minor: SignedIn, guardian: SignedIn
) -> None:
    open_bodies(database, HIDA)
    with pytest.raises(Refused, match="guardian_contact_needed"):
        join(database, minor, HIDA)
    token = token_of(invite(client, minor, guardian.email, "basic"))
    read = client.get(f"/api/v1/guardian-invitations/{token}").json()
    assert read == {
        "scope": "basic",
        "state": "invited",
        "text_version": read["text_version"],
        "confirmed": False,
        "card_needed": False,
    }
    done = answer(client, token, guardian)
    assert (done.status_code, done.json()["state"]) == (200, "living")
    assert join(database, minor, HIDA).status == "active"


def test_r18_withdrawing_consent_to_be_registered_closes_the_registrations(
    client: TestClient, database: RollbackDatabase, minor: SignedIn, guardian: SignedIn
) -> None:
    other = create_account(database)
    consents = {}
    for one in (guardian, other):
        done = answer(client, token_of(invite(client, minor, one.email, "basic")), one)
        consents[one.id] = done.json()["id"]
    join(database, minor, HIDA)
    for one, status in ((guardian, "active"), (other, "ended")):
        path = f"{OWN}/{consents[one.id]}/withdraw"
        assert client.post(path, headers=one.headers).status_code == 200
        row = registration_of(database, minor, HIDA)
        assert row is not None
        assert row.status == status


def test_r18_for_premium_the_card_comes_after_the_contact(
    client: TestClient, minor: SignedIn, guardian: SignedIn
) -> None:
    token = token_of(invite(client, minor, guardian.email))
    done = answer(client, token, guardian).json()
    assert (done["state"], done["role"], done["contact"]) == ("invited", "guardian", None)
    read = client.get(f"/api/v1/guardian-invitations/{token}").json()
    assert (read["confirmed"], read["card_needed"]) == (True, True)


def test_r18_only_the_invited_address_confirms(
    client: TestClient, database: RollbackDatabase, minor: SignedIn, guardian: SignedIn
) -> None:
    token = token_of(invite(client, minor, guardian.email.upper()))
    stranger = create_account(database)
    for other in (stranger, minor):
        refused = answer(client, token, other)
        assert (refused.status_code, refused.json()["code"]) == (403, "other_address")
    assert answer(client, token, guardian).status_code == 200
    assert answer(client, token, guardian).status_code == 200


def test_r18_an_unknown_link_leads_nowhere(client: TestClient, guardian: SignedIn) -> None:
    assert client.get("/api/v1/guardian-invitations/none").status_code == 404
    assert answer(client, "none", guardian).status_code == 404
    assert answer(client, "none", guardian, "withdraw").status_code == 404


def test_r18_an_invitation_ends_after_30_days(
    client: TestClient,
    database: RollbackDatabase,
    clock: FixedClock,
    minor: SignedIn,
    guardian: SignedIn,
) -> None:
    token = token_of(invite(client, minor, guardian.email))
    clock.advance(timedelta(days=30))
    assert client.get(f"/api/v1/guardian-invitations/{token}").status_code == 410
    late = SignedIn(
        guardian.id,
        guardian.email,
        sign_in(database, guardian.email, now=clock.now()),
        guardian.actor,
    )
    assert answer(client, token, late).status_code == 410


@pytest.mark.parametrize(
    ("contact", "scope", "status"),
    [
        ("nobody", "premium", 422),
        ("a@example.jp", "everything", 422),
        ("a@example.jp\nBcc: b@example.jp", "premium", 422),
        ("", "basic", 422),
    ],
)
def test_p31_bad_invitations_are_answered(
    client: TestClient, minor: SignedIn, contact: str, scope: str, status: int
) -> None:
    assert invite(client, minor, contact, scope).status_code == status


def test_r18_nobody_invites_themselves_and_adults_need_nobody(
    client: TestClient, database: RollbackDatabase, minor: SignedIn
) -> None:
    own_address = invite(client, minor, minor.email)
    assert (own_address.status_code, own_address.json()["code"]) == (422, "own_contact")
    adult = create_person(database, birth_year=1985)
    refused = invite(client, adult, "a@example.jp")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_a_minor")


def test_p32_at_most_five_invitations_are_open(client: TestClient, minor: SignedIn) -> None:
    for number in range(5):
        assert invite(client, minor, f"p{number}@example.jp").status_code == 201
    assert invite(client, minor, "p6@example.jp").status_code == 429


def test_r18_an_invitation_is_made_and_mailed_once_for_a_key(
    client: TestClient, database: RollbackDatabase, minor: SignedIn
) -> None:
    headers = minor.headers
    body = {"contact": "p@example.jp", "scope": "premium"}
    first = client.post(OWN, json=body, headers=headers)
    again = client.post(OWN, json=body, headers=headers)
    assert first.json() == again.json()
    listed = client.get(OWN, headers=minor.headers).json()
    assert len(listed["items"]) == 1
    assert listed["items"][0]["link"] is None


def test_c43_the_ledger_keeps_text_version_and_dates(
    client: TestClient, database: RollbackDatabase, minor: SignedIn, guardian: SignedIn
) -> None:
    token = token_of(invite(client, minor, guardian.email))
    answer(client, token, guardian)
    answer(client, token, guardian, "withdraw")
    (kept,) = client.get(OWN, headers=guardian.headers).json()["items"]
    assert (kept["state"], kept["ended_reason"]) == ("withdrawn", "by_guardian")
    assert kept["text_version"]
    assert kept["contact_confirmed_at"] < kept["ended_at"] or kept["ended_at"]
    with database.owner() as owner:
        actions = owner.execute(
            text("select action from audit_event where subject_kind = 'guardianship' order by at")
        ).scalars()
        assert sorted(actions) == [
            "guardianship.confirm",
            "guardianship.invite",
            "guardianship.withdraw",
        ]


def test_r18_staff_record_a_withdrawal_told_by_letter(
    client: TestClient, database: RollbackDatabase, minor: SignedIn, guardian: SignedIn
) -> None:
    token = token_of(invite(client, minor, guardian.email))
    answer(client, token, guardian)
    consenting(database, minor, guardian)
    ready(database, minor, HIDA)
    show_card(database, minor, birth_date=BORN)
    assert apply(client, minor, HIDA).json()["state"] == "granted"
    path = (
        f"/api/v1/local-governments/{HIDA}/registrations/"
        f"{registration_id(database, minor, HIDA)}/consent-withdrawal"
    )
    elsewhere = path.replace(HIDA, IIDA)
    stranger = make_staff(database, IIDA, Role.APPROVER)
    assert client.post(elsewhere, headers=stranger.headers).status_code == 404
    clerk = make_staff(database, HIDA, Role.CLERK)
    assert client.post(path, headers=clerk.headers).status_code == 403
    staff = make_staff(database, HIDA, Role.APPROVER)
    done = client.post(path, headers=staff.headers)
    assert (done.status_code, done.json()) == (200, {"ended": 1})
    assert tier_of(database, minor, HIDA) == "basic"
    assert client.post(path, headers=staff.headers).json() == {"ended": 0}


def test_r18_a_second_consent_keeps_premium(
    client: TestClient, database: RollbackDatabase, minor: SignedIn, guardian: SignedIn
) -> None:
    other = create_account(database)
    for one in (guardian, other):
        answer(client, token_of(invite(client, minor, one.email)), one)
        consenting(database, minor, one)
    ready(database, minor, HIDA)
    show_card(database, minor, birth_date=BORN)
    assert apply(client, minor, HIDA).json()["state"] == "granted"
    for one, tier in ((guardian, "premium"), (other, "basic")):
        (consent,) = client.get(OWN, headers=one.headers).json()["items"]
        done = client.post(f"{OWN}/{consent['id']}/withdraw", headers=one.headers)
        assert done.status_code == 200
        assert tier_of(database, minor, HIDA) == tier
    assert client.get(own(HIDA), headers=minor.headers).json()["state"] == "granted"


def test_r18_every_wait_for_a_guardian_is_told_and_told_once(
    client: TestClient,
    database: RollbackDatabase,
    clock: FixedClock,
    minor: SignedIn,
    guardian: SignedIn,
) -> None:
    """Asking again while it waits says nothing new; a consent taken back later does."""
    answer(client, token_of(invite(client, minor, guardian.email)), guardian)
    ready(database, minor, HIDA, mode="review")
    show_card(database, minor, birth_date=BORN)
    told = select(func.count()).where(Notice.kind == "premium_waiting_guardian")
    for state, times in (("waiting", 1), ("waiting", 1), ("review", 1)):
        if state == "review":
            consenting(database, minor, guardian)
        assert apply(client, minor, HIDA).json()["state"] == state
        with database.transaction(minor.context) as db:
            assert db.scalar(told) == times
    clock.advance(timedelta(hours=1))
    (consent,) = client.get(OWN, headers=guardian.headers).json()["items"]
    client.post(f"{OWN}/{consent['id']}/withdraw", headers=guardian.headers)
    assert client.get(own(HIDA), headers=minor.headers).json()["state"] == "waiting"
    with database.transaction(minor.context) as db:
        assert db.scalar(told) == 2
