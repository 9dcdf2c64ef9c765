"""R19, R22 and example 12: what a code must be to count, and the reason when it does not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from base45 import b45decode, b45encode
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from qr.codes import (
    CERTIFICATE_BYTES,
    MAX_TEXT,
    PREFIX,
    Assurance,
    CardCode,
    CodeError,
    Kind,
    PhoneCode,
    Refusal,
    VenueCode,
    Verified,
    card_hash,
    certify_phone,
    parse,
    sign_card,
    sign_phone_code,
    sign_venue_code,
    step_at,
    url_with_code,
    verify,
)
from qr.keys import key_ring, retired, revoked, signer_for
from qr.signatures import KeyRing, KeyUse, compressed_point, es256_signer
from tests.qr.offices import (
    CARD_ID,
    EXPIRES,
    HIDA,
    KESENNUMA,
    NOW,
    ROTATE_S,
    SECRET,
    Office,
    make_key,
)

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
STEP_START = NOW - timedelta(seconds=10)
ALL = frozenset(Kind)
BASE45 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"


def check(text: str, office: Office, **changes: Any) -> Verified:
    arguments: dict[str, Any] = {
        "keyring": office.ring,
        "expected_kinds": ALL,
        "lg_code": HIDA,
        "now": NOW,
        "rotate_s": ROTATE_S,
        "step_tolerance": 1,
    }
    return verify(parse(text), **(arguments | changes))


def refusal(text: str, office: Office, **changes: Any) -> Refusal:
    with pytest.raises(CodeError) as caught:
        check(text, office, **changes)
    return caught.value.code


def reading(text: str) -> Refusal | None:
    """Why the text cannot be read; None when it can."""
    try:
        parse(text)
    except CodeError as error:
        return error.code
    return None


def raw_of(text: str) -> bytes:
    return bytes(b45decode(text.removeprefix(PREFIX)))


def text_of(raw: bytes) -> str:
    return PREFIX + str(b45encode(raw), "ascii")


# --- what is in a code ------------------------------------------------------------------


def test_r19_card_says_what_was_signed(office: Office, texts: dict[Kind, str]) -> None:
    found = check(texts[Kind.CARD], office)
    assert found == Verified(
        Kind.CARD,
        Assurance.COPYABLE,
        office.card_key.kid,
        HIDA,
        card_id=CARD_ID,
        expires_at=EXPIRES,
    )
    assert found.replay_key is None


def test_r19_phone_code_says_what_was_signed(office: Office, texts: dict[Kind, str]) -> None:
    found = check(texts[Kind.PHONE], office)
    assert (found.kind, found.assurance) == (Kind.PHONE, Assurance.DEVICE)
    assert (found.card_id, found.expires_at, found.lg_code) == (CARD_ID, EXPIRES, HIDA)
    assert found.replay_key == (CARD_ID, step_at(NOW, ROTATE_S))
    assert found.steps_off == 0


def test_r19_venue_code_says_what_was_signed(office: Office, texts: dict[Kind, str]) -> None:
    found = check(texts[Kind.VENUE], office)
    assert (found.kind, found.assurance) == (Kind.VENUE, Assurance.VENUE)
    assert found.session_id == UUID(int=7, version=4)
    assert (found.card_id, found.expires_at, found.replay_key) == (None, None, None)


@pytest.mark.parametrize(("kind", "size"), [(Kind.CARD, 87), (Kind.PHONE, 188), (Kind.VENUE, 93)])
def test_r19_sizes_in_bytes(texts: dict[Kind, str], kind: Kind, size: int) -> None:
    raw = raw_of(texts[kind])
    assert (len(raw), raw[0], raw[1:2]) == (size, 1, kind.encode())


def test_r19_certificate_has_120_bytes(office: Office) -> None:
    assert len(office.certificate) == CERTIFICATE_BYTES == 120


instants = st.integers(0, 2**32 - 1).map(lambda second: datetime.fromtimestamp(second, UTC))


@given(
    lg=st.integers(0, 999_999),
    card_id=st.binary(min_size=10, max_size=10),
    expires_at=instants,
    session_id=st.uuids(),
    step=st.integers(0, 2**32 - 1),
)
def test_r19_every_content_comes_back(
    office: Office, lg: int, card_id: bytes, expires_at: datetime, session_id: UUID, step: int
) -> None:
    sign = signer_for(office.card_key, secret=SECRET)
    kid, lg_code = office.card_key.kid, f"{lg:06d}"
    card = CardCode(kid, lg_code, card_id, expires_at)
    whole = expires_at.replace(microsecond=0)
    assert parse(sign_card(card, sign)).content == replace(card, expires_at=whole)
    point = compressed_point(office.device.public_key())
    text = sign_phone_code(certify_phone(card, point, sign), step, es256_signer(office.device))
    assert parse(text).content == PhoneCode(kid, lg_code, card_id, whole, point, step)
    venue = VenueCode(kid, lg_code, session_id, step)
    assert parse(sign_venue_code(venue, sign)).content == venue


# --- how it may arrive ------------------------------------------------------------------

FULL_WIDTH = {c: chr(ord(c) + 0xFEE0) for c in map(chr, range(0x21, 0x7F))} | {" ": "\u3000"}


@pytest.mark.parametrize("kind", list(Kind))
def test_r19_full_width_from_a_keyboard_scanner(texts: dict[Kind, str], kind: Kind) -> None:
    text = texts[kind]
    wide = "".join(FULL_WIDTH[character] for character in text)
    assert parse(wide) == parse(text)
    by_input_method = wide.translate(str.maketrans("－．／", "ー。・"))
    assert parse(by_input_method) == parse(text)


@given(before=st.text(" \t\r\n\u3000", max_size=3), after=st.text(" \t\r\n\u3000", max_size=3))
def test_r19_white_space_around_and_lower_case(
    texts: dict[Kind, str], before: str, after: str
) -> None:
    for text in texts.values():
        assert parse(before + text.lower() + after) == parse(text)


def test_r19_address_carries_the_code_in_its_fragment(office: Office) -> None:
    sign = signer_for(office.venue_key, secret=SECRET)
    for step in range(40):  # enough for every base45 character to occur
        text = sign_venue_code(VenueCode(office.venue_key.kid, HIDA, UUID(int=1), step), sign)
        url = url_with_code("https://example.jp/v", text)
        assert " " not in url
        assert parse(url) == parse(url.upper()) == parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "FJ1:",
        "FJ1:A",
        "FJ1:ABC",
        "FJ1:::::",
        "FJ2:00",
        "hello",
        "登録証",
        "FJ1:日本",
        "https://example.jp/C/ABCD2345",
        "https://example.jp/v#",
        "https://example.jp/v#FJ1:%E3%81%82",
        "#" * 10,
        "\x00",
        "\ud800",
        "㌀" * MAX_TEXT,
        "FJ1:" + "0" * MAX_TEXT,
        text_of(b"\x02C" + bytes(85)),
        text_of(b"\x01X" + bytes(85)),
        text_of(b"\x01\xff" + bytes(85)),
        text_of(b"\x01"),
        text_of(b"\x01C" + bytes(84)),
        text_of(b"\x01C" + bytes(86)),
        text_of(b"\x01V" + bytes(85)),
        text_of(b"\x01C" + bytes(4) + b"\xff\xff\xff" + bytes(78)),
    ],
)
def test_r19_malformed(text: str) -> None:
    with pytest.raises(CodeError) as caught:
        parse(text)
    assert caught.value.code is Refusal.MALFORMED


@given(st.text(max_size=200) | st.text("FJ1:#%20AB ", max_size=60))
def test_r19_no_text_breaks_the_reader(text: str) -> None:
    for candidate in (text, PREFIX + text):
        assert reading(candidate) in {None, Refusal.MALFORMED}


# --- altered codes ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(Kind))
def test_r19_flipping_any_bit_of_any_byte_never_counts(
    office: Office, texts: dict[Kind, str], kind: Kind
) -> None:
    raw, ring = raw_of(texts[kind]), office.ring
    for position in range(len(raw)):
        for bit in range(8):
            altered = bytearray(raw)
            altered[position] ^= 1 << bit
            with pytest.raises(CodeError):
                check(text_of(bytes(altered)), office, keyring=ring, lg_code=None)


@given(data=st.data(), kind=st.sampled_from(Kind))
def test_r19_altering_any_character_never_counts(
    office: Office, texts: dict[Kind, str], data: st.DataObject, kind: Kind
) -> None:
    text = texts[kind]
    position = data.draw(st.integers(0, len(text) - 1))
    # Full-width and lower-case twins of a letter are the same letter, hence the alphabet.
    other = data.draw(st.sampled_from(BASE45.replace(text[position], "") + "#?あ"))
    with pytest.raises(CodeError):
        check(text[:position] + other + text[position + 1 :], office, lg_code=None)


@given(data=st.data(), kind=st.sampled_from(Kind))
def test_r19_truncated_or_lengthened_never_counts(
    texts: dict[Kind, str], data: st.DataObject, kind: Kind
) -> None:
    raw = raw_of(texts[kind])
    size = data.draw(st.integers(0, 250).filter(lambda n: n != len(raw)))
    with pytest.raises(CodeError) as caught:
        parse(text_of(raw[:size].ljust(size, b"\0")))
    assert caught.value.code is Refusal.MALFORMED


def test_r19_one_kind_s_signature_is_no_other_kind_s(office: Office) -> None:
    """The certificate of a phone is no card, nor a card's content a phone's."""
    point = compressed_point(office.device.public_key())
    as_card = office.certificate[:23] + office.certificate[-64:]
    assert refusal(text_of(b"\x01C" + as_card[2:]), office) is Refusal.BAD_SIGNATURE
    card = raw_of(office.card_text())
    head = b"\x01D" + card[2:23] + point + card[23:] + step_at(NOW, ROTATE_S).to_bytes(4, "big")
    as_phone = text_of(head + es256_signer(office.device)(head))
    assert refusal(as_phone, office) is Refusal.BAD_SIGNATURE


def test_r19_a_second_signature_form_is_the_same_replay(office: Office) -> None:
    """ECDSA's twin signature (r, n - s) verifies: a replay is known by content, not bytes."""
    raw = raw_of(office.phone_text())
    s = int.from_bytes(raw[-32:], "big")
    twin = text_of(raw[:-32] + (P256_ORDER - s).to_bytes(32, "big"))
    assert check(twin, office).replay_key == check(text_of(raw), office).replay_key


# --- every reason, in order -------------------------------------------------------------


def test_r19_wrong_kind_is_refused_by_name(office: Office, texts: dict[Kind, str]) -> None:
    with pytest.raises(CodeError) as caught:
        check(texts[Kind.CARD], office, expected_kinds={Kind.PHONE})
    assert (caught.value.code, caught.value.found) == (Refusal.WRONG_KIND, "C")
    assert caught.value.needed == "D"


def test_r19_unknown_key(office: Office, texts: dict[Kind, str]) -> None:
    for text in texts.values():
        assert refusal(text, office, keyring=KeyRing([])) is Refusal.UNKNOWN_KEY


def test_r19_a_key_signs_for_its_use_only(office: Office) -> None:
    """A card key signing a venue code, and the other way round, is not known for that."""
    venue = VenueCode(office.card_key.kid, HIDA, UUID(int=1), step_at(NOW, ROTATE_S))
    by_card_key = sign_venue_code(venue, signer_for(office.card_key, secret=SECRET))
    assert refusal(by_card_key, office) is Refusal.UNKNOWN_KEY
    card = replace(office.card, kid=office.venue_key.kid)
    by_venue_key = sign_card(card, signer_for(office.venue_key, secret=SECRET))
    assert refusal(by_venue_key, office) is Refusal.UNKNOWN_KEY


def test_r19_key_confusion(office: Office) -> None:
    """A code that names another known key than the one that signed it."""
    second = make_key(KeyUse.CARD, HIDA)
    ring = key_ring([office.card_key, second])
    text = sign_card(
        replace(office.card, kid=second.kid), signer_for(office.card_key, secret=SECRET)
    )
    assert refusal(text, office, keyring=ring) is Refusal.BAD_SIGNATURE


def test_r19_self_made_key_is_not_believed(office: Office) -> None:
    own = es256_signer(ec.generate_private_key(ec.SECP256R1()))
    assert refusal(sign_card(office.card, own), office) is Refusal.BAD_SIGNATURE


def test_r19_another_phone_with_a_stolen_certificate(office: Office) -> None:
    thief = es256_signer(ec.generate_private_key(ec.SECP256R1()))
    text = sign_phone_code(office.certificate, step_at(NOW, ROTATE_S), thief)
    assert refusal(text, office) is Refusal.BAD_SIGNATURE


def test_r19_a_certificate_over_no_point_is_refused(office: Office) -> None:
    head = office.certificate[:23] + b"\x02" + b"\xff" * 32
    certificate = head + signer_for(office.card_key, secret=SECRET)(head)
    text = sign_phone_code(certificate, step_at(NOW, ROTATE_S), es256_signer(office.device))
    assert refusal(text, office) is Refusal.BAD_SIGNATURE


def test_r22_codes_of_a_revoked_key_never_count(office: Office, texts: dict[Kind, str]) -> None:
    """Nor do codes read before the revocation: nobody knows when they were made."""
    for moment in (NOW - timedelta(days=1), NOW + timedelta(days=1)):
        ring = key_ring(revoked(key, at=moment) for key in (office.card_key, office.venue_key))
        for text in texts.values():
            assert refusal(text, office, keyring=ring) is Refusal.REVOKED_KEY


def test_r22_codes_of_a_retired_key_never_count(office: Office, texts: dict[Kind, str]) -> None:
    ring = key_ring(retired(key) for key in (office.card_key, office.venue_key))
    for text in texts.values():
        assert refusal(text, office, keyring=ring) is Refusal.RETIRED_KEY


def test_r22_key_s_own_time_to_the_second(office: Office, texts: dict[Kind, str]) -> None:
    second, text = timedelta(seconds=1), texts[Kind.CARD]

    def ring(before: datetime, after: datetime) -> KeyRing:
        return key_ring([replace(office.card_key, not_before=before, not_after=after)])

    assert check(text, office, keyring=ring(NOW, NOW + second))
    early = ring(NOW + second, NOW + 2 * second)
    assert refusal(text, office, keyring=early) is Refusal.NOT_YET_VALID
    assert refusal(text, office, keyring=ring(NOW - second, NOW)) is Refusal.RETIRED_KEY


def test_r19_foreign_body(office: Office, texts: dict[Kind, str]) -> None:
    for text in texts.values():
        assert refusal(text, office, lg_code=KESENNUMA) is Refusal.FOREIGN_BODY
        assert check(text, office, lg_code=None).lg_code == HIDA


def test_r19_a_body_s_key_cannot_sign_for_another_body(office: Office) -> None:
    card = replace(office.card, lg_code=KESENNUMA)
    text = sign_card(card, signer_for(office.card_key, secret=SECRET))
    for lg_code in (None, HIDA, KESENNUMA):
        assert refusal(text, office, lg_code=lg_code) is Refusal.FOREIGN_BODY


def test_r19_a_platform_key_signs_for_any_body(office: Office) -> None:
    key = make_key(KeyUse.CARD, None)
    text = sign_card(replace(office.card, kid=key.kid), signer_for(key, secret=SECRET))
    assert check(text, office, keyring=key_ring([key])).lg_code == HIDA


@pytest.mark.parametrize("kind", [Kind.CARD, Kind.PHONE])
def test_r19_expired_to_the_second(office: Office, kind: Kind) -> None:
    last = EXPIRES - timedelta(seconds=1)

    def text(at: datetime) -> str:
        return office.card_text() if kind is Kind.CARD else office.phone_text(at)

    assert check(text(last), office, now=last).expires_at == EXPIRES
    assert refusal(text(EXPIRES), office, now=EXPIRES) is Refusal.EXPIRED
    tokyo = EXPIRES.astimezone(timezone(timedelta(hours=9)))
    assert refusal(text(EXPIRES), office, now=tokyo) is Refusal.EXPIRED


SECOND = timedelta(seconds=1)
STEP = timedelta(seconds=ROTATE_S)


@pytest.mark.parametrize("kind", [Kind.PHONE, Kind.VENUE])
@pytest.mark.parametrize(
    ("now", "steps_off"),
    [
        (STEP_START - STEP - SECOND, None),
        (STEP_START - STEP, 1),
        (STEP_START - SECOND, 1),
        (STEP_START, 0),
        (STEP_START + STEP - SECOND, 0),
        (STEP_START + STEP, -1),
        (STEP_START + 2 * STEP - SECOND, -1),
        (STEP_START + 2 * STEP, None),
    ],
)
def test_r19_one_step_early_or_late_and_not_a_second_more(
    office: Office, texts: dict[Kind, str], kind: Kind, now: datetime, steps_off: int | None
) -> None:
    if steps_off is None:
        assert refusal(texts[kind], office, now=now) is Refusal.WRONG_TIME_STEP
    else:
        assert check(texts[kind], office, now=now).steps_off == steps_off


@pytest.mark.parametrize("kind", [Kind.PHONE, Kind.VENUE])
@pytest.mark.parametrize("minutes", [-40, -5, 5, 60])
def test_r19_example_12_a_photograph_or_a_wrong_clock(
    office: Office, texts: dict[Kind, str], kind: Kind, minutes: int
) -> None:
    now = NOW + timedelta(minutes=minutes)
    assert refusal(texts[kind], office, now=now) is Refusal.WRONG_TIME_STEP
    assert (
        refusal(texts[kind], office, now=now, offset_uncertainty_s=120) is Refusal.WRONG_TIME_STEP
    )


def test_r19_offline_uncertainty_widens_the_window_by_itself_only(
    office: Office, texts: dict[Kind, str]
) -> None:
    end = STEP_START + 2 * STEP + timedelta(seconds=120)
    start = STEP_START - STEP - timedelta(seconds=120)
    for good in (start, end - SECOND):
        assert check(texts[Kind.PHONE], office, now=good, offset_uncertainty_s=120)
    for bad in (start - SECOND, end):
        found = refusal(texts[Kind.PHONE], office, now=bad, offset_uncertainty_s=120)
        assert found is Refusal.WRONG_TIME_STEP


def test_r19_tolerance_and_length_of_a_step_are_settings(
    office: Office, texts: dict[Kind, str]
) -> None:
    text, later = texts[Kind.VENUE], STEP_START + STEP
    assert refusal(text, office, now=later, step_tolerance=0) is Refusal.WRONG_TIME_STEP
    assert check(text, office, now=later + STEP, step_tolerance=2).steps_off == -2
    assert refusal(text, office, rotate_s=60) is Refusal.WRONG_TIME_STEP


@pytest.mark.parametrize("kind", [Kind.CARD, Kind.PHONE])
def test_r19_revoked_card(office: Office, texts: dict[Kind, str], kind: Kind) -> None:
    mine = card_hash(office.card_key.kid, CARD_ID)
    other = card_hash(office.card_key.kid, bytes(10))
    assert len(mine) == 8
    assert refusal(texts[kind], office, revoked_cards={mine}) is Refusal.REVOKED_CARD
    assert check(texts[kind], office, revoked_cards={other})
    assert check(texts[Kind.VENUE], office, revoked_cards={mine, other})


def test_r19_reasons_come_in_the_decided_order(office: Office) -> None:
    """A code with every fault gives the first; each repair uncovers the next."""
    sign = es256_signer(ec.generate_private_key(ec.SECP256R1()))
    card = replace(office.card, lg_code=KESENNUMA, expires_at=NOW)
    bad = sign_phone_code(
        certify_phone(card, compressed_point(office.device.public_key()), sign), 1, sign
    )
    ours = replace(office.card, expires_at=NOW)
    true_sign = signer_for(office.card_key, secret=SECRET)
    point = compressed_point(office.device.public_key())
    forged = sign_phone_code(certify_phone(ours, point, sign), 1, sign)
    lapsed = sign_phone_code(certify_phone(ours, point, true_sign), 1, es256_signer(office.device))
    old = sign_phone_code(office.certificate, 1, es256_signer(office.device))
    ring, revocations = office.ring, {card_hash(office.card_key.kid, CARD_ID)}
    gone = key_ring([retired(office.card_key)])
    lost = key_ring([revoked(retired(office.card_key), at=NOW)])
    ladder: list[tuple[str, KeyRing, set[Kind], Refusal]] = [
        (bad, KeyRing([]), {Kind.CARD}, Refusal.WRONG_KIND),
        (bad, KeyRing([]), {Kind.PHONE}, Refusal.UNKNOWN_KEY),
        (bad, lost, {Kind.PHONE}, Refusal.REVOKED_KEY),
        (bad, gone, {Kind.PHONE}, Refusal.RETIRED_KEY),
        (bad, ring, {Kind.PHONE}, Refusal.FOREIGN_BODY),
        (forged, ring, {Kind.PHONE}, Refusal.BAD_SIGNATURE),
        (lapsed, ring, {Kind.PHONE}, Refusal.EXPIRED),
        (old, ring, {Kind.PHONE}, Refusal.WRONG_TIME_STEP),
        (office.phone_text(), ring, {Kind.PHONE}, Refusal.REVOKED_CARD),
    ]
    for text, keyring, kinds, expected in ladder:
        found = refusal(
            text, office, keyring=keyring, expected_kinds=kinds, revoked_cards=revocations
        )
        assert found is expected


# --- what the writers refuse --------------------------------------------------------------


def test_writers_refuse_what_cannot_be_written(office: Office) -> None:
    sign = signer_for(office.card_key, secret=SECRET)
    for change in (
        {"kid": "XYZ"},
        {"lg_code": "21217"},
        {"card_id": b"short"},
        {"expires_at": EXPIRES.replace(tzinfo=None)},
        {"expires_at": datetime(2107, 1, 1, tzinfo=UTC)},
    ):
        with pytest.raises(ValueError, match=r"."):
            sign_card(replace(office.card, **change), sign)
    with pytest.raises(ValueError, match="64 bytes"):
        sign_card(office.card, lambda _message: b"DER")
    with pytest.raises(ValueError, match="33 bytes"):
        certify_phone(office.card, b"", sign)
    with pytest.raises(ValueError, match=r"."):
        certify_phone(office.card, b"\x02" + b"\xff" * 32, sign)
    with pytest.raises(ValueError, match="120 bytes"):
        sign_phone_code(b"", 1, sign)
    with pytest.raises(ValueError, match="four bytes"):
        sign_phone_code(office.certificate, 2**32, sign)


def test_verifier_needs_an_instant_with_a_time_zone(office: Office) -> None:
    with pytest.raises((ValueError, TypeError)):
        check(office.card_text(), office, now=NOW.replace(tzinfo=None))
