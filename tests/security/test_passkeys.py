"""d-11: passkeys: what signs somebody in, and everything that does not."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from core.access import Actor, ActorKind
from core.clock import FixedClock
from core.errors import Refused, SignInNeeded
from core.passkey_challenges import available, party_of
from core.settings import Settings
from tests.conftest import RollbackDatabase, serve
from tests.factories.authenticator import Device
from tests.factories.presence import Look
from tests.factories.registry import HIDA, SignedIn, create_person, make_staff

API = "/api/v1"
SIGN_IN = f"{API}/passkey-sign-ins"
CONFIRM = f"{API}/passkey-confirmations"


@pytest.fixture
def hanako(database: RollbackDatabase) -> SignedIn:
    return create_person(database)


@pytest.fixture
def look(database: RollbackDatabase) -> Look:
    return Look(database)


def asked(
    client: TestClient, door: str, someone: SignedIn | None = None, **body: Any
) -> dict[str, Any]:
    headers = someone.headers if someone else {}
    answer = client.post(f"{door}/challenges", headers=headers, json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def add(client: TestClient, someone: SignedIn, device: Device, **more: Any) -> Any:
    """A whole registration; the answer."""
    challenge = asked(client, f"{API}/passkeys", someone)
    body = {
        "binding": challenge["binding"],
        "credential": device.make(challenge["options"]),
        **more,
    }
    return client.post(f"{API}/passkeys", headers=someone.headers, json=body)


def prove(client: TestClient, device: Device, kind: str = "person") -> Any:
    """A whole sign-in; the answer."""
    challenge = asked(client, SIGN_IN, kind=kind)
    return client.post(
        SIGN_IN,
        json={"binding": challenge["binding"], "credential": device.sign(challenge["options"])},
    )


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


def test_a_key_is_made_and_signs_in(client: TestClient, hanako: SignedIn, look: Look) -> None:
    device = Device()
    made = add(client, hanako, device, name="わたしの電話")
    assert made.status_code == 201, made.text
    assert made.json()["name"] == "わたしの電話"
    for _ in range(2):
        done = prove(client, device)
        assert done.status_code == 201, done.text
        assert done.json()["account_id"] == str(hanako.id)
    me = {"Authorization": f"Bearer {done.json()['token']}"}
    assert client.get(f"{API}/me", headers=me).status_code == 200
    methods = [one["method"] for one in client.get(f"{API}/sign-ins", headers=me).json()["items"]]
    assert sorted(methods) == ["code", "passkey", "passkey"]
    assert look.one("select sign_count from passkey") == 3
    # Nobody is told of a stranger's guess, and the ways we know are kept.
    assert look.one("select transports from passkey") == ["hybrid", "internal"]
    assert look.one("select count(*) from passkey_challenge") == 0
    verified = "select user_verified_at is not null from web_session where method = :m"
    assert look.one(f"{verified} limit 1", m="passkey")
    assert not look.one(verified, m="code")


def test_the_browser_is_asked_for_a_face_and_shown_no_address(
    client: TestClient, hanako: SignedIn
) -> None:
    """Who holds the device is always verified; a list of keys shows the address masked."""
    made = asked(client, f"{API}/passkeys", hanako)["options"]
    assert made["authenticatorSelection"]["userVerification"] == "required"
    assert made["authenticatorSelection"]["residentKey"] == "required"
    assert made["rp"] == {"id": "testserver", "name": "ふるさと住民登録"}
    assert hanako.email not in str(made)
    assert made["user"]["name"].endswith("***@example.jp")
    used = asked(client, SIGN_IN, kind="person")["options"]
    assert used["userVerification"] == "required"
    assert used["allowCredentials"] == []


Change = Callable[[Device], None]
WRONG: dict[str, Change] = {
    "another site": lambda device: setattr(device, "origin", "https://evil.example"),
    "another domain": lambda device: setattr(device, "domain", "evil.example"),
    "nobody looked": lambda device: setattr(device, "verifies", False),
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG.keys())
def test_what_is_not_ours_is_not_kept(
    client: TestClient, hanako: SignedIn, look: Look, change: Change
) -> None:
    device = Device()
    change(device)
    assert code_of(add(client, hanako, device)) == (422, "passkey_wrong")
    assert look.one("select count(*) from passkey") == 0


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG.keys())
def test_what_is_not_ours_opens_nothing(
    client: TestClient, hanako: SignedIn, look: Look, change: Change
) -> None:
    device = Device()
    add(client, hanako, device)
    change(device)
    sessions = look.one("select count(*) from web_session")
    assert code_of(prove(client, device)) == (422, "passkey_wrong")
    assert look.one("select count(*) from web_session") == sessions


def test_another_key_under_a_known_name_opens_nothing(client: TestClient, hanako: SignedIn) -> None:
    device = Device()
    add(client, hanako, device)
    forged = Device(credential_id=device.credential_id, user_handle=device.user_handle, count=9)
    assert code_of(prove(client, forged)) == (422, "passkey_wrong")
    assert prove(client, device).status_code == 201, "a forged try blocks nobody"


def test_a_counter_that_goes_back_blocks_the_key(
    client: TestClient, hanako: SignedIn, look: Look
) -> None:
    """d-11: a clone; neither it nor the original opens anything, the owner is told, codes work."""
    device = Device()
    add(client, hanako, device)
    prove(client, device)
    clone = Device(
        credential_id=device.credential_id, key=device.key, user_handle=device.user_handle, count=1
    )
    assert code_of(prove(client, clone)) == (409, "passkey_blocked")
    assert code_of(prove(client, device)) == (409, "passkey_blocked")
    assert look.one("select outcome from audit_event where action = 'passkey.block'") == "refused"
    kinds = look.rows("select kind from notice order by kind")
    assert ("passkey_blocked",) in kinds
    [listed] = client.get(f"{API}/passkeys", headers=hanako.headers).json()["items"]
    assert listed["blocked"] is True


def test_synced_keys_do_not_count(client: TestClient, hanako: SignedIn) -> None:
    device = Device(counts=False, synced=True)
    assert add(client, hanako, device).json()["synced"] is True
    assert [prove(client, device).status_code for _ in range(2)] == [201, 201]


def test_a_challenge_is_good_for_one_try(client: TestClient, hanako: SignedIn) -> None:
    """Used, tried in vain, too old, or made for something else: gone."""
    device = Device()
    add(client, hanako, device)
    challenge = asked(client, SIGN_IN, kind="person")
    body = {"binding": challenge["binding"], "credential": device.sign(challenge["options"])}
    assert client.post(SIGN_IN, json=body).status_code == 201
    assert code_of(client.post(SIGN_IN, json=body)) == (410, "challenge_gone")
    challenge = asked(client, SIGN_IN, kind="person")
    wrong = Device(credential_id=device.credential_id, user_handle=device.user_handle)
    for signer, answer in ((wrong, (422, "passkey_wrong")), (device, (410, "challenge_gone"))):
        body = {"binding": challenge["binding"], "credential": signer.sign(challenge["options"])}
        assert code_of(client.post(SIGN_IN, json=body)) == answer


def test_a_challenge_lives_five_minutes(
    client: TestClient, hanako: SignedIn, clock: FixedClock
) -> None:
    device = Device()
    challenge = asked(client, f"{API}/passkeys", hanako)
    clock.advance(timedelta(minutes=5))
    body = {"binding": challenge["binding"], "credential": device.make(challenge["options"])}
    answer = client.post(f"{API}/passkeys", headers=hanako.headers, json=body)
    assert code_of(answer) == (410, "challenge_gone")


def test_a_challenge_is_whose_it_is(
    client: TestClient, database: RollbackDatabase, hanako: SignedIn
) -> None:
    """Another account's, or one for signing in, adds no key."""
    other = create_person(database)
    for challenge in (asked(client, f"{API}/passkeys", other), asked(client, SIGN_IN)):
        options = challenge["options"] | {"user": {"id": "AAAA"}}
        body = {"binding": challenge["binding"], "credential": Device().make(options)}
        answer = client.post(f"{API}/passkeys", headers=hanako.headers, json=body)
        assert code_of(answer) == (410, "challenge_gone")


def test_a_key_belongs_to_one_account_and_one_kind(
    client: TestClient, database: RollbackDatabase, hanako: SignedIn
) -> None:
    device = Device()
    add(client, hanako, device)
    assert code_of(add(client, create_person(database), device)) == (409, "passkey_known")
    assert code_of(prove(client, device, "staff")) == (409, "passkey_unknown")
    clerk, desk = make_staff(database, HIDA), Device()
    assert add(client, clerk, desk).status_code == 201
    assert code_of(prove(client, desk)) == (409, "passkey_unknown")
    assert prove(client, desk, "staff").json()["kind"] == "staff"


def test_the_name_in_the_key_must_be_the_accounts(client: TestClient, hanako: SignedIn) -> None:
    device = Device()
    add(client, hanako, device)
    device.user_handle = "AAAAAAAAAAAAAAAAAAAAAA"
    assert code_of(prove(client, device)) == (422, "passkey_wrong")


def test_removed_means_removed_and_codes_stay(
    client: TestClient, database: RollbackDatabase, hanako: SignedIn
) -> None:
    device = Device()
    passkey_id = add(client, hanako, device).json()["id"]
    path = f"{API}/passkeys/{passkey_id}"
    stranger = create_person(database)
    for method in ("PATCH", "DELETE"):
        answer = client.request(method, path, headers=stranger.headers, json={"name": "x"})
        assert answer.status_code == 404
    renamed = client.patch(path, headers=hanako.headers, json={"name": " 台所の  板 "})
    assert renamed.json()["name"] == "台所の 板"
    assert client.delete(path, headers=hanako.headers).status_code == 204
    assert code_of(prove(client, device)) == (409, "passkey_unknown")
    sent = client.post(f"{API}/sign-in-codes", json={"email": hanako.email}).json()
    pair = {"code": sent["code"], "binding": sent["binding"]}
    assert client.post(f"{API}/sign-ins", json=pair).status_code == 201


def test_ten_keys_are_enough(client: TestClient, hanako: SignedIn) -> None:
    for _ in range(10):
        assert add(client, hanako, Device()).status_code == 201
    answer = client.post(f"{API}/passkeys/challenges", headers=hanako.headers)
    assert code_of(answer) == (409, "passkeys_full")


def test_challenges_from_one_place_are_limited(client: TestClient) -> None:
    codes = [client.post(f"{SIGN_IN}/challenges", json={}).status_code for _ in range(121)]
    assert codes == [201] * 120 + [429]


def test_a_new_key_is_told_of(client: TestClient, hanako: SignedIn, look: Look) -> None:
    add(client, hanako, Device())
    assert look.rows("select kind, facts->>'passkey' from notice") == [("passkey_added", "passkey")]


# --- proving oneself again ------------------------------------------------------------------------


def confirm(client: TestClient, someone: SignedIn, device: Device) -> Any:
    challenge = asked(client, CONFIRM, someone)
    body = {"binding": challenge["binding"], "credential": device.sign(challenge["options"])}
    return client.post(CONFIRM, headers=someone.headers, json=body)


def test_a_confirmation_renews_the_token_and_is_noted(
    client: TestClient, hanako: SignedIn, look: Look, clock: FixedClock
) -> None:
    device = Device()
    assert code_of(client.post(f"{CONFIRM}/challenges", headers=hanako.headers)) == (
        404,
        "passkey_missing",
    )
    add(client, hanako, device)
    clock.advance(timedelta(hours=2))
    done = confirm(client, hanako, device)
    assert done.status_code == 200, done.text
    assert client.get(f"{API}/me", headers=hanako.headers).status_code == 401
    renewed = {"Authorization": f"Bearer {done.json()['token']}"}
    assert client.get(f"{API}/me", headers=renewed).status_code == 200
    assert look.one("select user_verified_at from web_session") == clock.now()


def test_anothers_key_confirms_nothing(
    client: TestClient, database: RollbackDatabase, hanako: SignedIn
) -> None:
    other, device = create_person(database), Device()
    add(client, hanako, Device())
    add(client, other, device)
    assert code_of(confirm(client, hanako, device)) == (409, "passkey_unknown")


def test_what_is_fresh(clock: FixedClock) -> None:
    """A code or a passkey of a quarter of an hour; where a passkey is asked for, only that."""
    now, within = clock.now(), timedelta(minutes=15)
    long_ago, just_now = now - within, now - timedelta(minutes=14)

    def fresh(signed: Any, verified: Any, *, only_passkey: bool = False) -> None:
        actor = Actor(ActorKind.PERSON, signed_in_at=signed, user_verified_at=verified)
        actor.require_fresh(within=within, now=now, verified=only_passkey)

    fresh(just_now, None)
    fresh(long_ago, just_now)
    fresh(long_ago, just_now, only_passkey=True)
    for signed, verified, only_passkey in (
        (long_ago, None, False),
        (just_now, None, True),
        (just_now, long_ago, True),
    ):
        with pytest.raises(SignInNeeded) as refused:
            fresh(signed, verified, only_passkey=only_passkey)
        assert refused.value.code == "fresh_sign_in_needed"


# --- where passkeys are possible ------------------------------------------------------------------


def test_whose_keys_they_are(settings: Settings) -> None:
    given = settings.model_copy(
        update={"public_url": "https://app.furusato.example", "passkey_domain": "furusato.example"}
    )
    party = party_of(given)
    assert (party.domain, party.origin) == ("furusato.example", "https://app.furusato.example")
    for address in ("http://127.0.0.1:8000", "http://[::1]:8000"):
        bare = settings.model_copy(update={"public_url": address})
        assert not available(bare)
        with pytest.raises(Refused):
            party_of(bare)


def test_at_a_bare_address_nothing_is_offered(
    settings: Settings, database: RollbackDatabase, clock: FixedClock
) -> None:
    bare = settings.model_copy(update={"public_url": "http://127.0.0.1:8000"})
    with TestClient(serve(bare, database, clock)) as client:
        assert "passkey.js" not in client.get("/signin").text
        answer = client.post(f"{SIGN_IN}/challenges", json={})
        assert code_of(answer) == (409, "passkeys_unavailable")
