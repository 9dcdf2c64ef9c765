"""R22: the published key list, as a verifier without a connection takes it over."""

from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from app import operate
from core.clock import FixedClock
from core.web import Platform
from qr.keylist import KeyList, KeyListError, verify_key_list
from qr.keys import key_ring
from qr.signatures import KeyStatus, KeyUse
from qr.store import FRESH
from registry.policybook import load_policy
from tests.conftest import RollbackDatabase
from tests.factories.registry import GIFU, HIDA, open_bodies

PATH = "/.well-known/fj-keys.json"


@pytest.fixture
def keys(platform: Platform, database: RollbackDatabase, clock: FixedClock) -> None:
    """飛騨市 and its prefecture have joined and have their keys."""
    open_bodies(database, HIDA, GIFU)
    rotate(platform, clock)


def rotate(platform: Platform, clock: FixedClock) -> tuple[str, ...]:
    return operate.rotate_keys(
        platform.database, book=load_policy(), secret=platform.secret, now=clock.now()
    )


def fetch(client: TestClient) -> dict[str, Any]:
    answer = client.get(PATH)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def take_over(platform: Platform, document: dict[str, Any], *, held: int = 0) -> KeyList:
    """As a client with the root key built in."""
    roots = [key for key in operate.list_keys(platform.database) if key.use is KeyUse.ROOT]
    return verify_key_list(document, root_keys=key_ring(roots), minimum_counter=held)


def test_r22_nothing_is_published_before_there_are_keys(client: TestClient) -> None:
    answer = client.get(PATH)
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.usefixtures("keys")
def test_r22_the_list_is_signed_and_holds_no_root(client: TestClient, platform: Platform) -> None:
    answer = client.get(PATH)
    assert answer.headers["cache-control"] == "public, max-age=300"
    listed = take_over(platform, answer.json())
    assert {(key.use, key.lg_code) for key in listed.keys} == {
        (use, code) for use in (KeyUse.CARD, KeyUse.VENUE) for code in (HIDA, GIFU)
    }
    assert "private" not in answer.text


@pytest.mark.usefixtures("keys")
def test_r22_an_altered_list_is_not_taken_over(client: TestClient, platform: Platform) -> None:
    document = fetch(client)
    document["keys"][0]["status"] = "revoked"
    with pytest.raises(KeyListError):
        take_over(platform, document)


@pytest.mark.usefixtures("keys")
def test_r22_the_counter_rises_with_every_change(
    client: TestClient, platform: Platform, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A revocation reaches verifiers, and the list before it is refused from then on."""
    # What a process has read is three seconds old at most; here it always looks again.
    monkeypatch.setattr("qr.store.FRESH", FRESH * 0)
    first = fetch(client)
    assert fetch(client)["counter"] == first["counter"]
    kid = first["keys"][0]["kid"]
    clock.advance(timedelta(minutes=1))
    made = operate.withdraw_key(
        platform.database, kid, book=load_policy(), secret=platform.secret, now=clock.now()
    )
    second = take_over(platform, fetch(client), held=first["counter"] + 1)
    standing = {key.kid: key.status for key in second.keys}
    assert standing[kid] is KeyStatus.REVOKED
    assert standing[made[0]] is KeyStatus.ACTIVE
    assert second.counter == first["counter"] + 2
    with pytest.raises(KeyListError):
        take_over(platform, first, held=second.counter)


def test_ready_tells_what_the_last_count_of_the_invariants_found(
    client: TestClient, database: RollbackDatabase
) -> None:
    assert client.get("/health/ready").json()["invariants"] is None
    with database.owner() as owner:
        owner.execute(
            text(
                "insert into job_run (job, period, range_key, state, tries, counts) values"
                " ('invariants', '2027-05-30', '', 'done', 1, '{\"violated\": 3}'),"
                " ('invariants', '2027-05-31', '', 'done', 1, '{\"violated\": 1, \"job_failed\": 1}')"
            )
        )
    found = client.get("/health/ready").json()["invariants"]
    assert found == {"day": "2027-05-31", "violated": 1, "job_failed": 1}
