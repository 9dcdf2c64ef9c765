"""R22 and R19: keys are sealed, replaced in time, published with a signature."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from qr.codes import CardCode, Kind, parse, sign_card, verify
from qr.keylist import (
    KeyListError,
    KeyListRefusal,
    RootSigner,
    _signed_bytes,
    published_key_list,
    verify_key_list,
)
from qr.keys import (
    KeyRecord,
    KeyScope,
    KeySealError,
    NoSigningKeyError,
    base64url,
    choose_signing_key,
    key_ring,
    new_key,
    open_private_key,
    public_jwk,
    public_pem,
    resealed,
    retired,
    revoked,
    rotation_plan,
    signer_for,
)
from qr.signatures import (
    KeyRing,
    KeyStatus,
    KeyUse,
    PublicKeyRecord,
    es256_signer,
    es256_verifies,
    load_public_key,
)
from tests.qr.offices import HIDA, KESENNUMA, NOW, SECRET, Office, make_key

DAY = timedelta(days=1)
SIGN_FOR, OVERLAP, LEAD = 365 * DAY, 396 * DAY, 14 * DAY
CARD_HIDA = KeyScope(KeyUse.CARD, HIDA)


# --- sealed at rest -----------------------------------------------------------------------


def test_a_sealed_key_signs_for_its_public_half() -> None:
    key = make_key(KeyUse.CARD, HIDA)
    signature = signer_for(key, secret=SECRET)(b"message")
    assert es256_verifies(load_public_key(key.public_key), b"message", signature)
    assert not es256_verifies(load_public_key(key.public_key), b"massage", signature)
    assert not es256_verifies(load_public_key(key.public_key), b"message", signature + b"\0")


def test_the_private_key_is_not_readable_at_rest() -> None:
    key = make_key(KeyUse.CARD, HIDA)
    number = open_private_key(key, secret=SECRET).private_numbers().private_value
    assert key.private_key_sealed is not None
    assert number.to_bytes(32, "big") not in key.private_key_sealed
    assert repr(number) not in repr(key)


def test_sealed_bytes_open_only_as_they_are() -> None:
    key = make_key(KeyUse.CARD, HIDA)
    sealed = key.private_key_sealed
    assert sealed is not None
    for position in range(len(sealed)):
        altered = bytearray(sealed)
        altered[position] ^= 1
        with pytest.raises(KeySealError):
            open_private_key(replace(key, private_key_sealed=bytes(altered)), secret=SECRET)


def test_sealed_bytes_open_only_for_their_row_and_secret() -> None:
    key, other = make_key(KeyUse.CARD, HIDA), make_key(KeyUse.CARD, HIDA)
    for wrong in (
        replace(key, kid=other.kid),
        replace(key, use=KeyUse.VENUE),
        replace(key, public_key=other.public_key),
        replace(key, private_key_sealed=other.private_key_sealed),
        replace(key, private_key_sealed=None),
        replace(key, private_key_sealed=b"\x01"),
    ):
        with pytest.raises(KeySealError):
            open_private_key(wrong, secret=SECRET)
    with pytest.raises(KeySealError):
        open_private_key(key, secret=bytes(32))
    with pytest.raises(ValueError, match="32 bytes"):
        open_private_key(key, secret=b"short")


def test_resealing_changes_the_secret_only() -> None:
    key, new_secret = make_key(KeyUse.CARD, HIDA), bytes(reversed(range(32)))
    moved = resealed(key, old_secret=SECRET, new_secret=new_secret)
    assert replace(moved, private_key_sealed=None) == replace(key, private_key_sealed=None)
    assert open_private_key(moved, secret=new_secret).private_numbers() == (
        open_private_key(key, secret=SECRET).private_numbers()
    )
    with pytest.raises(KeySealError):
        open_private_key(moved, secret=SECRET)


def test_a_taken_key_id_is_not_given_again(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = iter(["00000001", "00000001", "00000002"])
    monkeypatch.setattr("qr.keys.secrets.token_hex", lambda _bytes: next(ids))
    planned = rotation_plan([], scopes=[CARD_HIDA], now=NOW, **TIMES).create[0]
    assert new_key(planned, secret=SECRET, taken_kids={"00000001"}).kid == "00000002"


def test_public_half_as_pem_and_jwk_is_the_same_key() -> None:
    key = make_key(KeyUse.VENUE, HIDA)
    by_pem = replace(key.public, public_key=public_pem(key).encode())
    assert public_jwk(by_pem) == public_jwk(key)
    assert set(public_jwk(key)) == {"kty", "crv", "x", "y", "kid", "alg", "use"}
    message, signature = b"m", signer_for(key, secret=SECRET)(b"m")
    assert es256_verifies(KeyRing([by_pem]).public_key(key.kid), message, signature)


def test_other_curves_and_algorithms_are_refused() -> None:
    p384 = ec.generate_private_key(ec.SECP384R1())
    with pytest.raises(ValueError, match="P-256"):
        es256_signer(p384)
    pem = p384.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    with pytest.raises(ValueError, match="P-256"):
        load_public_key(pem)
    key = make_key(KeyUse.CARD, HIDA)
    changes: tuple[dict[str, Any], ...] = (
        {"alg": "HS256"},
        {"alg": "none"},
        {"kid": "1"},
        {"lg_code": "1"},
    )
    for change in changes:
        with pytest.raises(ValueError, match=r"."):
            replace(key.public, **change)
    assert list(KeyRing([key.public])) == [key.kid]
    assert len(KeyRing([])) == 0
    with pytest.raises(ValueError, match="twice"):
        KeyRing([key.public, key.public])


# --- rotation -----------------------------------------------------------------------------

TIMES = {"sign_for": SIGN_FOR, "overlap": OVERLAP, "lead": LEAD}


def follow(records: list[KeyRecord], now: datetime, scopes: list[KeyScope]) -> list[KeyRecord]:
    plan = rotation_plan(records, scopes=scopes, now=now, **TIMES)
    kept = [retired(record) if record.kid in plan.retire else record for record in records]
    made = [new_key(planned, secret=SECRET) for planned in plan.create]
    return kept + made


def test_r22_first_keys_are_made_once() -> None:
    scopes = [CARD_HIDA, KeyScope(KeyUse.VENUE, HIDA), KeyScope(KeyUse.CARD, KESENNUMA)]
    records = follow([], NOW, scopes)
    assert [KeyScope(record.use, record.lg_code) for record in records] == scopes
    assert follow(records, NOW, scopes) == records
    assert all(record.not_after - record.not_before == SIGN_FOR + OVERLAP for record in records)


def test_r22_successor_is_made_ahead_and_takes_over_in_time() -> None:
    first = follow([], NOW, [CARD_HIDA])
    handover = NOW + SIGN_FOR
    assert follow(first, handover - LEAD - DAY, [CARD_HIDA]) == first
    both = follow(first, handover - LEAD, [CARD_HIDA])
    assert len(both) == 2
    assert both[1].not_before == handover

    def signing(now: datetime) -> KeyRecord:
        return choose_signing_key(both, scope=CARD_HIDA, now=now)

    assert signing(handover - timedelta(seconds=1)) == both[0]
    assert signing(handover) == both[1]


def test_r22_a_key_that_is_gone_is_replaced_at_once() -> None:
    first = follow([], NOW, [CARD_HIDA])
    lost = [revoked(first[0], at=NOW + DAY)]
    assert lost[0].private_key_sealed is None
    plan = rotation_plan(lost, scopes=[CARD_HIDA], now=NOW + DAY, **TIMES)
    assert [planned.not_before for planned in plan.create] == [NOW + DAY]
    assert plan.retire == ()


def test_r22_an_old_key_is_retired_at_its_end_and_not_before() -> None:
    records = follow([], NOW, [CARD_HIDA])
    end = records[0].not_after
    early = rotation_plan(records, scopes=[], now=end - timedelta(seconds=1), **TIMES)
    assert early.retire == ()
    assert rotation_plan(records, scopes=[], now=end, **TIMES).retire == (records[0].kid,)
    assert follow(records, end, [])[0].status is KeyStatus.RETIRED


def test_r22_through_five_years_no_valid_card_is_refused_for_its_key() -> None:
    """Daily planning; a card a month, valid for a year and a month, is good to its last day."""
    life, records = 395 * DAY, follow([], NOW, [CARD_HIDA])
    cards: list[tuple[str, datetime]] = []
    for day in range(5 * 365):
        now = NOW + day * DAY
        records = follow(records, now, [CARD_HIDA])
        if day % 30 == 0:
            expires = now + life
            key = choose_signing_key(records, scope=CARD_HIDA, now=now, covers_until=expires)
            card = CardCode(key.kid, HIDA, bytes(10), expires)
            cards.append((sign_card(card, signer_for(key, secret=SECRET)), expires))
            ring = key_ring(records)
            living = [text for text, end in cards if now < end]
            for text in living:
                verify(
                    parse(text),
                    keyring=ring,
                    expected_kinds={Kind.CARD},
                    lg_code=HIDA,
                    now=now,
                    rotate_s=30,
                    step_tolerance=1,
                )
    assert len(cards) == 61
    assert sum(record.status is KeyStatus.RETIRED for record in records) >= 2


def test_r22_choice_of_key_looks_at_everything() -> None:
    good = make_key(KeyUse.CARD, HIDA)
    choose: dict[str, Any] = {"scope": CARD_HIDA, "now": NOW}
    assert choose_signing_key([good], **choose) == good
    assert choose_signing_key([good], **choose, covers_until=good.not_after) == good
    newer = replace(make_key(KeyUse.CARD, HIDA), not_before=NOW)
    assert choose_signing_key([newer, good], **choose) == newer
    for bad in (
        replace(good, use=KeyUse.VENUE),
        replace(good, lg_code=None),
        replace(good, lg_code=KESENNUMA),
        replace(good, status=KeyStatus.RETIRED),
        replace(good, status=KeyStatus.REVOKED),
        replace(good, private_key_sealed=None),
        replace(good, not_before=NOW + DAY),
        replace(good, not_after=NOW),
    ):
        with pytest.raises(NoSigningKeyError):
            choose_signing_key([bad], **choose)
    with pytest.raises(NoSigningKeyError):
        choose_signing_key([good], **choose, covers_until=good.not_after + DAY)


# --- the published list -------------------------------------------------------------------


@pytest.fixture(scope="module")
def root() -> KeyRecord:
    return make_key(KeyUse.ROOT, None)


def publish(office: Office, root: KeyRecord, counter: int = 5) -> dict[str, Any]:
    signer = RootSigner(root.kid, signer_for(root, secret=SECRET))
    lost = revoked(make_key(KeyUse.CARD, KESENNUMA), at=NOW)
    return published_key_list(
        [office.card_key, office.venue_key, lost, root], counter=counter, now=NOW, root=signer
    )


def why_not(document: Any, roots: list[PublicKeyRecord], minimum: int = 5) -> KeyListRefusal:
    with pytest.raises(KeyListError) as caught:
        verify_key_list(document, root_keys=KeyRing(roots), minimum_counter=minimum)
    return caught.value.code


def test_r22_list_travels_as_json_and_verifies_codes(office: Office, root: KeyRecord) -> None:
    document = json.loads(json.dumps(publish(office, root), ensure_ascii=False, indent=2))
    found = verify_key_list(document, root_keys=KeyRing([root.public]), minimum_counter=5)
    assert (found.counter, found.issued_at) == (5, NOW)
    by_kid = {record.kid: record for record in found.keys}
    assert by_kid[office.card_key.kid] == office.card_key.public
    assert root.kid not in by_kid
    assert sorted(record.status for record in found.keys) == ["active", "active", "revoked"]
    assert verify(
        parse(office.card_text()),
        keyring=KeyRing(found.keys),
        expected_kinds={Kind.CARD},
        lg_code=HIDA,
        now=NOW,
        rotate_s=30,
        step_tolerance=1,
    )


def test_r22_list_holds_no_private_half(office: Office, root: KeyRecord) -> None:
    words = json.dumps(publish(office, root))
    assert '"d"' not in words
    for key in (office.card_key, office.venue_key, root):
        assert key.private_key_sealed is not None
        assert key.private_key_sealed.hex() not in words


@settings(max_examples=60)
@given(data=st.data())
def test_r22_list_altered_anywhere_is_refused(
    office: Office, root: KeyRecord, data: st.DataObject
) -> None:
    words = json.dumps(publish(office, root))
    position = data.draw(st.integers(0, len(words) - 1))
    letter = data.draw(st.sampled_from("0123456789abcXYZ"))
    altered = words[:position] + letter + words[position + 1 :]
    try:
        document = json.loads(altered)
    except ValueError:
        return
    if document != json.loads(words):
        assert why_not(document, [root.public]) in set(KeyListRefusal)


def test_r22_list_of_another_root_or_time_is_refused(office: Office, root: KeyRecord) -> None:
    document, pinned = publish(office, root), root.public
    assert why_not(document, []) is KeyListRefusal.UNKNOWN_ROOT
    for change in (
        {"use": KeyUse.CARD},
        {"status": KeyStatus.REVOKED},
        {"not_after": NOW},
        {"not_before": NOW + DAY},
    ):
        assert why_not(document, [replace(pinned, **change)]) is KeyListRefusal.UNKNOWN_ROOT
    impostor = replace(make_key(KeyUse.ROOT, None).public, kid=root.kid)
    assert why_not(document, [impostor]) is KeyListRefusal.BAD_SIGNATURE


def test_r22_both_pinned_roots_are_believed(office: Office, root: KeyRecord) -> None:
    roots = KeyRing([make_key(KeyUse.ROOT, None).public, root.public])
    assert verify_key_list(publish(office, root), root_keys=roots, minimum_counter=0)


def test_r22_older_list_does_not_bring_a_revoked_key_back(office: Office, root: KeyRecord) -> None:
    document = publish(office, root, counter=4)
    assert why_not(document, [root.public], minimum=5) is KeyListRefusal.OLD_COUNTER


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"counter": True},
        {"counter": "5"},
        {"keys": None},
        {"keys": [{}]},
        {"keys": ["x"]},
        {"issued_at": "yesterday"},
    ],
)
def test_r22_list_signed_but_not_well_formed(
    office: Office, root: KeyRecord, change: dict[str, Any]
) -> None:
    document = publish(office, root) | change
    document["signature"] = base64url(signer_for(root, secret=SECRET)(_signed_bytes(document)))
    assert why_not(document, [root.public]) is KeyListRefusal.MALFORMED


@pytest.mark.parametrize("signature", [None, 5, "", "é", "AAA", "A" * 86])
def test_r22_list_without_a_usable_signature(
    office: Office, root: KeyRecord, signature: object
) -> None:
    document = publish(office, root) | {"signature": signature}
    assert why_not(document, [root.public]) in {
        KeyListRefusal.MALFORMED,
        KeyListRefusal.BAD_SIGNATURE,
    }
    del document["signature"]
    assert why_not(document, [root.public]) is KeyListRefusal.MALFORMED
