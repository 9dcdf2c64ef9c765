"""R22: a phone's key is certified, makes codes that count, and stops."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi.testclient import TestClient

from activities.models import ActivitySession
from core.clock import FixedClock
from core.ids import new_id
from core.web import SESSION_COOKIE
from mobile.phones import CHALLENGE_LIFE, MOST_PHONES
from qr.codes import step_at
from qr.signatures import es256_signer
from tests.conftest import RollbackDatabase
from tests.factories.activities import create_designated_activity, create_session
from tests.factories.phone import Phone
from tests.factories.phones import PhoneInHand, certify_phone_of, phones_path
from tests.factories.presence import Look, jst, make_device, make_keys
from tests.factories.registry import HIDA, KESENNUMA, SignedIn, create_person, join, sign_in

DAY = date(2027, 6, 5)
Scanned = Callable[..., dict[str, Any]]


@dataclass
class Gate:
    """A reception at nine, its scanner, and somebody registered."""

    client: TestClient
    clock: FixedClock
    someone: SignedIn
    session: ActivitySession
    token: str

    def scan(self, code: str, session: ActivitySession | None = None, **more: Any) -> Any:
        """What the check-in door says of a code read at the scanner."""
        answer = self.client.post(
            f"/api/v1/device/sessions/{(session or self.session).id}/check-ins",
            json={"scan_id": str(new_id()), "code": code, "walk_in_confirmed": True} | more,
            headers={"Authorization": f"Bearer {self.token}"},
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    @property
    def step(self) -> int:
        return step_at(self.clock.now(), 30)


@pytest.fixture
def gate(client: TestClient, database: RollbackDatabase, clock: FixedClock) -> Gate:
    someone = create_person(database)
    join(database, someone, HIDA)
    make_keys(database, now=clock.now())
    activity = create_designated_activity(database)
    session = create_session(database, activity, starts_at=jst(DAY, 9))
    token = make_device(database, activity.organisation_id, now=clock.now())
    clock.at = jst(DAY, 8, 50)
    return Gate(client, clock, someone, session, token)


def test_r19_a_certified_phones_code_counts_once(gate: Gate) -> None:
    phone = certify_phone_of(gate.client, gate.someone)
    assert (phone.status, len(phone.certificate)) == (201, 120)
    assert phone.answer["rotate_s"] == 30
    code = phone.code(gate.step)
    first = gate.scan(code)
    assert (first["outcome"], first["reason"]) == ("accepted", "counted")
    assert gate.scan(code)["outcome"] == "already"


def test_r19_a_code_seen_elsewhere_is_a_replay(gate: Gate, database: RollbackDatabase) -> None:
    """Case 12: the picture of a code does not let its taker in at another place."""
    phone = certify_phone_of(gate.client, gate.someone)
    code = phone.code(gate.step)
    assert gate.scan(code)["outcome"] == "accepted"
    activity = create_designated_activity(database)
    other = create_session(database, activity, starts_at=jst(DAY, 9))
    gate.token = make_device(database, activity.organisation_id, now=gate.clock.now())
    assert gate.scan(code, other)["reason"] == "replayed"
    fresh = phone.code(gate.step + 1)
    assert gate.scan(fresh, other)["outcome"] == "accepted"


@pytest.mark.parametrize(
    ("steps", "outcome"),
    [(-2, "wrong_time_step"), (-1, "counted"), (1, "counted"), (2, "wrong_time_step")],
)
def test_r19_a_phones_clock_may_be_one_step_off(gate: Gate, steps: int, outcome: str) -> None:
    phone = certify_phone_of(gate.client, gate.someone)
    assert gate.scan(phone.code(gate.step + steps))["reason"] == outcome


def test_r19_a_scanners_measured_error_is_put_right(gate: Gate) -> None:
    """F11: two minutes of skew, measured, refuse nobody."""
    phone = certify_phone_of(gate.client, gate.someone)
    late = gate.clock.now() + timedelta(minutes=2)
    said: dict[str, Any] = {
        "scanned_at": late.isoformat(),
        "offset_ms": 120_000,
        "uncertainty_ms": 200,
    }
    assert gate.scan(phone.code(gate.step), **said)["outcome"] == "accepted"


def test_r22_a_stopped_key_is_refused_and_never_certified_again(gate: Gate) -> None:
    phone = certify_phone_of(gate.client, gate.someone)
    path = f"{phones_path()}/{phone.id}"
    headers = gate.someone.headers
    assert gate.client.delete(path, headers=headers).json() == {"stopped": 1}
    assert gate.client.delete(path, headers=headers).json() == {"stopped": 1}
    assert gate.scan(phone.code(gate.step))["reason"] == "revoked_card"
    again = certify_phone_of(gate.client, gate.someone, phone=phone)
    assert (again.status, again.answer["code"]) == (409, "phone_key_revoked")
    listed = gate.client.get(phones_path(), headers=gate.someone.headers).json()
    assert listed["items"] == []


def test_r22_a_certificate_ends_after_a_month_and_is_renewed_before(gate: Gate, look: Look) -> None:
    phone = certify_phone_of(gate.client, gate.someone)
    assert phone.answer["expires_at"] == "2027-07-05T15:00:00Z"
    old = PhoneInHand(phone.key, phone.certificate)
    gate.clock.advance(timedelta(days=13))
    again = certify_phone_of(gate.client, gate.someone, phone=phone)
    assert again.answer["expires_at"] == "2027-07-18T15:00:00Z"
    assert look.one("select count(*) from card where kind = 'phone'") == 1
    gate.clock.at = jst(date(2027, 7, 6), 9)
    assert gate.scan(old.code(gate.step))["reason"] == "expired"
    # Codes are looked at first: this one is in order. The silent scanner ended by itself (C23).
    assert gate.scan(again.code(gate.step))["reason"] == "device_revoked"


def test_r22_signing_out_stops_the_phone(gate: Gate, look: Look) -> None:
    phone = certify_phone_of(gate.client, gate.someone)
    left = gate.client.delete("/api/v1/sign-ins/current", headers=gate.someone.headers)
    assert left.status_code == 204
    assert look.one("select revoked_reason from card where kind = 'phone'") == "signed_out"
    assert gate.scan(phone.code(gate.step))["reason"] == "revoked_card"


def test_r22_another_sign_in_goes_on(gate: Gate, phone: Phone, database: RollbackDatabase) -> None:
    """Signing out here stops the keys certified here, and no others."""
    mine = certify_phone_of(gate.client, gate.someone)
    token = sign_in(database, gate.someone.email, now=gate.clock.now())
    elsewhere = SignedIn(gate.someone.id, gate.someone.email, token, gate.someone.actor)
    gate.client.delete("/api/v1/sign-ins/current", headers=elsewhere.headers)
    assert gate.scan(mine.code(gate.step))["outcome"] == "accepted"


def test_r22_a_lost_phone_is_stopped_from_another(
    gate: Gate, phone: Phone, database: RollbackDatabase, look: Look
) -> None:
    """The page of the phone in the hand stops all others and signs them out."""
    lost = certify_phone_of(gate.client, gate.someone)
    token = sign_in(database, gate.someone.email, now=gate.clock.now())
    here = SignedIn(gate.someone.id, gate.someone.email, token, gate.someone.actor)
    kept = certify_phone_of(gate.client, here, name="Android")
    # C11: the second phone is told of.
    assert look.one("select count(*) from notice where kind = 'card_phone_added'") == 1
    phone.client.cookies.set(SESSION_COOKIE, token)
    phone.open(f"/card/{HIDA}/phones")
    assert "この携帯電話" in phone.words
    assert "iPhone" in phone.words
    phone.send(to="/card/phones/stop")
    assert gate.scan(lost.code(gate.step))["reason"] == "revoked_card"
    assert gate.scan(kept.code(gate.step))["outcome"] == "accepted"
    assert gate.client.get("/api/v1/me", headers=gate.someone.headers).status_code == 401
    assert gate.client.get("/api/v1/me", headers=here.headers).status_code == 200


def test_r22_one_phone_is_stopped_and_signed_out(
    gate: Gate, phone: Phone, database: RollbackDatabase
) -> None:
    other = certify_phone_of(gate.client, gate.someone)
    token = sign_in(database, gate.someone.email, now=gate.clock.now())
    phone.client.cookies.set(SESSION_COOKIE, token)
    phone.open(f"/card/{HIDA}/phones").send(to=f"/card/{HIDA}/phones/{other.id}/stop")
    assert "iPhone" not in phone.words
    assert gate.scan(other.code(gate.step))["reason"] == "revoked_card"
    assert gate.client.get("/api/v1/me", headers=gate.someone.headers).status_code == 401


def test_r22_the_oldest_phone_makes_room(gate: Gate) -> None:
    phones = []
    for _ in range(MOST_PHONES + 1):
        phones.append(certify_phone_of(gate.client, gate.someone))
        gate.clock.advance(timedelta(seconds=1))
    listed = gate.client.get(phones_path(), headers=gate.someone.headers).json()["items"]
    assert [one["id"] for one in listed] == [one.id for one in reversed(phones[1:])]


def test_r22_the_proof_is_the_keys_own(gate: Gate) -> None:
    """Nobody has another's key certified, nor with an old or foreign challenge."""
    stranger = ec.generate_private_key(ec.SECP256R1())
    forged = certify_phone_of(gate.client, gate.someone, proof=es256_signer(stranger)(b"x"))
    assert (forged.status, forged.answer["code"]) == (422, "phone_key")
    challenge = gate.client.get(phones_path(), headers=gate.someone.headers).json()["challenge"]
    gate.clock.advance(CHALLENGE_LIFE + timedelta(seconds=1))
    late = certify_phone_of(gate.client, gate.someone, challenge=challenge)
    assert (late.status, late.answer["code"]) == (422, "phone_challenge")
    invented = certify_phone_of(gate.client, gate.someone, challenge="99999999999.x")
    assert (invented.status, invented.answer["code"]) == (422, "phone_challenge")


def test_r22_a_challenge_is_of_one_person_and_one_card(
    gate: Gate, database: RollbackDatabase
) -> None:
    other = create_person(database)
    join(database, other, HIDA)
    challenge = gate.client.get(phones_path(), headers=other.headers).json()["challenge"]
    taken = certify_phone_of(gate.client, gate.someone, challenge=challenge)
    assert taken.answer["code"] == "phone_challenge"
    assert certify_phone_of(gate.client, gate.someone, lg_code=KESENNUMA).status == 422
    listed = gate.client.get(phones_path(KESENNUMA), headers=gate.someone.headers)
    assert listed.status_code == 404
    mine = certify_phone_of(gate.client, gate.someone)
    path = f"{phones_path()}/{mine.id}"
    assert gate.client.delete(path, headers=other.headers).status_code == 404


def test_r22_what_is_no_point_of_the_curve_is_no_key(gate: Gate) -> None:
    for key in ("AAAA", "!!", "A" * 44, "A" * 150):
        answer = gate.client.post(
            phones_path(),
            json={"public_key": key, "challenge": "1.x", "proof": "AAAA"},
            headers=gate.someone.headers,
        )
        assert answer.status_code == 422, answer.text


def test_r22_a_verifier_learns_valid_until_the_phone_stops(gate: Gate, phone: Phone) -> None:
    """Valid, tier, body and as of, for anybody; nothing of the person."""
    made = certify_phone_of(gate.client, gate.someone)
    phone.open("/verify").send({"code": made.code(gate.step)})
    assert "有効な登録証です" in phone.words
    assert "飛騨市" in phone.words
    assert "花子" not in phone.words
    gate.client.delete(f"{phones_path()}/{made.id}", headers=gate.someone.headers)
    phone.open("/verify").send({"code": made.code(gate.step)})
    assert "いまは有効ではありません" in phone.words
    gate.clock.advance(timedelta(minutes=5))
    phone.open("/verify").send({"code": made.code(gate.step - 10)})
    assert "いまは有効ではありません" in phone.words


def test_r25_two_bodies_cannot_tell_that_it_is_one_sign_in(
    gate: Gate, database: RollbackDatabase, look: Look
) -> None:
    join(database, gate.someone, KESENNUMA)
    make_keys(database, KESENNUMA, now=gate.clock.now())
    for lg_code in (HIDA, KESENNUMA):
        assert certify_phone_of(gate.client, gate.someone, lg_code=lg_code).status == 201
    refs = look.rows("select sign_in_ref, device_public_key from card where kind = 'phone'")
    assert len({ref for ref, _ in refs}) == 2
    assert len({key for _, key in refs}) == 2


def test_r22_the_paper_card_is_a_pdf_and_the_screens_code_is_short_lived(
    gate: Gate, phone: Phone, database: RollbackDatabase
) -> None:
    phone.client.cookies.set(SESSION_COOKIE, gate.someone.token)
    phone.open(f"/card/{HIDA}").send(to=f"/card/{HIDA}")
    assert "9時 まで使えます" in phone.words
    answer = phone.client.get(f"/card/{HIDA}/paper.pdf")
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-")
    assert b"NotoSansJP" in answer.content
