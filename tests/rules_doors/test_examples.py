"""The twelve numbered examples of the rules, through the doors and the nights. One test each."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import text

from core.db import for_person
from core.ids import new_id
from qr.codes import CARD_ID_BYTES, CardCode, certify_phone, sign_phone_code, step_at
from qr.keys import KeyScope
from qr.signatures import KeyUse, es256_signer
from qr.store import KeyStore, ensure_keys, read_keys, revoke_key
from registry.models import Card
from registry.policybook import load_policy
from registry.rules.delivery import Benefit, accepts_benefit
from registry.rules.facts import Period
from registry.rules.terms import ends_at
from tests.factories.presence import WORKER, secret_of
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
)
from tests.rules_doors.conftest import World

DAY = timedelta(days=1)
LEAP = date(2028, 2, 29)
LAST = date(2029, 2, 28)
NAGANO_HOME = "長野県長野市鶴賀緑町1613番地"


def test_example_01_three_days_are_three_counts_twice_on_one_day_is_one(world: World) -> None:
    """R08: three days of one harvest; two activities of one day."""
    hanako = world.person()
    world.join(hanako, HIDA)
    first = date(2027, 6, 18)
    world.attend(hanako, HIDA, first, first + DAY, first + 2 * DAY)
    assert world.premium(hanako, HIDA)["counted"] == 3
    taro = world.person(nickname="太郎")
    world.join(taro, HIDA)
    day = date(2027, 6, 25)
    world.at(day, 7)
    morning = world.session(HIDA, day)
    mowing = world.new_activity(HIDA, title="草刈り")
    afternoon = world.session(HIDA, day, starts="14:00", ends="17:00", activity=mowing)
    found = []
    for hour, session in ((9, morning), (14, afternoon)):
        world.at(day, hour, 5)
        found.append(world.scan(taro, world.venue_code(HIDA, session)))
    assert [(one["outcome"], one["reason"], one["counted"]) for one in found] == [
        ("accepted", "counted", True),
        ("accepted", "same_day", False),
    ]
    assert world.premium(taro, HIDA)["counted"] == 1
    assert world.invariants() == {}


def test_example_02_the_prefecture_follows_and_a_direct_one_stays(world: World) -> None:
    """R02: derived, opted out of, registered directly, left."""
    hanako = world.person()
    world.join(hanako, HIDA)
    gifu = world.held(hanako)[GIFU]
    assert (gifu["derived"], gifu["direct"], gifu["derived_from"]) == (True, False, [HIDA])
    world.call("PUT", f"/me/registrations/{HIDA}/link", hanako, {"linked": False})
    assert set(world.held(hanako)) == {HIDA}
    world.call("PUT", f"/me/registrations/{HIDA}/link", hanako, {"linked": True})
    world.join(hanako, GIFU)
    both = world.held(hanako)[GIFU]
    assert (both["derived"], both["direct"]) == (True, True)
    world.call("DELETE", f"/me/registrations/{HIDA}", hanako)
    assert set(world.held(hanako)) == {GIFU}
    gifu = world.held(hanako)[GIFU]
    assert (gifu["derived"], gifu["direct"], gifu["derived_from"]) == (False, True, [])
    assert world.invariants() == {}


def test_example_03_three_bodies_not_six_and_no_fourth(world: World) -> None:
    """R13: derived prefectures stand outside; the refusal names the three and the way out."""
    hanako = world.person()
    world.grant(hanako, HIDA, KESENNUMA, YOKOZE)
    held = world.held(hanako)
    assert {code for code, one in held.items() if one["tier"] == "premium"} == {
        HIDA,
        KESENNUMA,
        YOKOZE,
        GIFU,
        MIYAGI,
        SAITAMA,
    }
    assert {held[code]["premium_until"] for code in (GIFU, MIYAGI, SAITAMA)} == {"2028-05-31"}
    world.at(world.today + 5 * DAY)
    world.ready(hanako, IIDA)
    refused = world.apply(hanako, IIDA)
    assert refused["state"] == "refused"
    (reason,) = refused["reasons"]
    assert (reason["code"], reason["found"], reason["needed"]) == ("cap_reached", 3, 3)
    assert set(reason["names"]) == {"岐阜県飛騨市", "宮城県気仙沼市", "埼玉県横瀬町"}
    assert reason["action"] == "exchange"
    assert world.held(hanako)[IIDA]["tier"] == "basic"
    assert world.apply(hanako, IIDA, replaces_lg_code=YOKOZE)["state"] == "granted"
    assert {code for code, one in world.held(hanako).items() if one["tier"] == "premium"} == {
        HIDA,
        KESENNUMA,
        IIDA,
        GIFU,
        MIYAGI,
        NAGANO_PREF,
    }
    assert world.invariants() == {}


def test_example_03_two_approve_the_last_place_at_once(world: World) -> None:
    """R13: both applications wait longer than their place is kept; both are approved at once."""
    hanako = world.person()
    world.grant(hanako, HIDA, KESENNUMA)
    asked = {}
    for code in (YOKOZE, IIDA):
        world.set(code, "decision.mode", "review")
        world.at(world.today + 5 * DAY)
        world.ready(hanako, code)
        asked[code] = world.apply(hanako, code)["id"]
        assert world.apply_state(hanako, code) == "review"
        world.night(world.today + 31 * DAY, "pending")  # the place falls free, staff still think
    staff = {code: (world.manager(code), world.token(world.manager(code))) for code in asked}

    def approve(code: str) -> int:
        answer = world.client.post(
            f"/api/v1/local-governments/{code}/applications/{asked[code]}/approve",
            headers={"Authorization": f"Bearer {staff[code][1]}", "Idempotency-Key": str(uuid4())},
        )
        return answer.status_code

    with ThreadPoolExecutor(2) as pool:
        found = sorted(pool.map(approve, asked))
    assert found == [200, 409]
    premium = {code for code, one in world.held(hanako).items() if one["tier"] == "premium"}
    assert len(premium & {HIDA, KESENNUMA, YOKOZE, IIDA}) == 3
    assert world.invariants() == {}


def test_example_04_a_direct_prefecture_counts_until_a_town_inside_is_held(world: World) -> None:
    """R13."""
    hanako = world.person()
    world.grant(hanako, NAGANO_PREF, HIDA, KESENNUMA)
    world.at(world.today + 5 * DAY)
    world.ready(hanako, YOKOZE)
    assert world.apply(hanako, YOKOZE)["reasons"][0]["code"] == "cap_reached"
    world.at(world.today + 5 * DAY)
    world.ready(hanako, IIDA)
    assert world.apply(hanako, IIDA)["state"] == "granted"
    places = world.rows("select lg_code from premium_slot where person_id = %s", hanako.id)
    assert {row[0] for row in places} == {HIDA, KESENNUMA, IIDA}
    assert world.held(hanako)[NAGANO_PREF]["tier"] == "premium"
    # The town goes: the prefecture counts again, and takes the place.
    world.call("DELETE", f"/me/registrations/{IIDA}", hanako)
    places = world.rows("select lg_code from premium_slot where person_id = %s", hanako.id)
    assert {row[0] for row in places} == {HIDA, KESENNUMA, NAGANO_PREF}
    assert world.invariants() == {}


def test_example_05_ones_own_town_is_no_premium_and_the_prefecture_never_is(world: World) -> None:
    """R16, R17."""
    hanako = world.person(home=NAGANO_HOME)
    world.ready(hanako, NAGANO)
    refused = world.apply(hanako, NAGANO)
    assert refused["state"] == "refused"
    assert [reason["code"] for reason in refused["reasons"]] == ["resident"]
    held = world.held(hanako)
    assert (held[NAGANO]["tier"], held[NAGANO]["residence_relation"]) == ("basic", "resident")
    assert held[NAGANO_PREF]["residence_related"] is True
    world.at(world.today + 5 * DAY)
    world.grant(hanako, IIDA)
    held = world.held(hanako)
    assert (held[IIDA]["tier"], held[IIDA]["residence_relation"]) == ("premium", "related")
    prefecture = held[NAGANO_PREF]
    assert (prefecture["tier"], prefecture["residence_related"]) == ("basic", True)
    assert prefecture["residence_relation"] == "resident"  # R17: never 関係人口 of the prefecture
    assert world.invariants() == {}


def _leap_year_premium(world: World, someone: Sequence[SignedIn], code: str) -> None:
    """Approved on 2028-02-29, the activities before."""
    world.at(LEAP - 10 * DAY)
    for one in someone:
        world.join(one, code)
    first = LEAP - 8 * DAY
    world.attend(someone, code, first, first + DAY, first + 2 * DAY)
    world.at(LEAP)
    for one in someone:
        term = world.apply(one, code)["term"]
        assert (term["first_day"], term["last_day"]) == ("2028-02-29", "2029-02-28")


def test_example_06_the_leap_year_term_and_its_renewal_in_three_modes(world: World) -> None:
    """R14, R15: `auto`, `veto`, `review`, and two counts that are not enough."""
    world.at(LEAP - 20 * DAY)
    world.set(KESENNUMA, "decision.mode.renewal", "review")
    world.set(IIDA, "decision.mode.renewal", "veto")
    people = {code: world.person() for code in (HIDA, IIDA, KESENNUMA)}
    short = world.person()
    for code, one in people.items():
        _leap_year_premium(world, [one, short] if code == HIDA else [one], code)
    spring = date(2028, 5, 5)
    for code, one in people.items():
        everybody = [one, short] if code == HIDA else [one]
        world.attend(everybody, code, spring, spring + DAY)
        world.attend(one, code, spring + 2 * DAY)
    assert ends_at(Period(LEAP, LAST)).isoformat() == "2029-02-28T14:59:59+00:00"

    def renewal(code: str) -> Any:
        return world.premium(people[code], code)["term"]["renewal_state"]

    world.night(LAST - 61 * DAY)
    assert {renewal(code) for code in people} == {"none"}
    world.night(LAST - 60 * DAY)
    assert {code: renewal(code) for code in people} == {
        HIDA: "booked",
        IIDA: "veto",
        KESENNUMA: "review",
    }
    assert "renewal_missing" in world.notices(short)
    world.at(world.today + 2 * DAY, 5, 29)
    world.runner.tick()
    assert renewal(IIDA) == "veto"
    world.at(world.today + DAY, 5, 31)
    world.runner.tick()
    assert renewal(IIDA) == "booked"
    world.at(world.today + 4 * DAY)
    desk = world.manager(KESENNUMA)
    (waiting,) = world.call("GET", world.town(KESENNUMA, "renewals"), desk)["items"]
    world.call("POST", world.town(KESENNUMA, f"renewals/{waiting['term_id']}/approve"), desk)
    assert renewal(KESENNUMA) == "booked"
    world.night(LAST - 30 * DAY)
    assert world.notices(short).count("renewal_missing") == 2
    world.night(LAST)
    assert world.row(short, HIDA)["in_grace"] is True
    assert world.row(short, HIDA)["premium_until"] == "2029-03-30"
    world.at(LAST, 23, 59, 59)
    assert {world.row(one, code)["tier"] for code, one in people.items()} == {"premium"}
    world.night(LAST + DAY)
    for code, one in people.items():
        term = world.premium(one, code)["term"]
        assert (term["first_day"], term["last_day"]) == ("2029-03-01", "2030-02-28")
    world.night(date(2029, 3, 30))
    assert world.row(short, HIDA)["tier"] == "premium"
    world.night(date(2029, 3, 31))
    gone = world.row(short, HIDA)
    assert (gone["tier"], gone["status"]) == ("basic", "active")
    assert "premium_ended" in world.notices(short)
    assert world.invariants() == {}


def test_example_07_a_night_run_twice_or_by_two_is_run_once(world: World) -> None:
    """P05; the night killed half-way has its own test with real processes."""
    hanako = world.person()
    _leap_year_premium(world, [hanako], HIDA)
    spring = date(2028, 5, 5)
    world.attend(hanako, HIDA, spring, spring + DAY, spring + 2 * DAY)
    taro = world.person(card=False)
    world.join(taro, IIDA)
    night = LAST - 60 * DAY

    def state() -> list[Any]:
        return [
            world.rows(
                f"select count(*), md5(coalesce(string_agg(t::text, '' order by t::text), '')) from {table} t"
            )
            for table in (
                "term",
                "registration",
                "judgement",
                "notice",
                "dormancy_notice",
                "registration_event",
                "audit_event",
            )
        ]

    world.at(night, 5, 30)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: world.runner.drain(seconds=60), range(2)))
    assert world.premium(hanako, HIDA)["term"]["renewal_state"] == "booked"
    once = state()
    world.runner.drain(seconds=60)
    for name in ("renewal", "dormancy", "renewal"):
        world.runner.run_named(name, night)
    assert state() == once
    assert len(world.rows("select from term where state = 'booked'")) == 1


def test_example_08_dormant_asked_three_times_released_restored(world: World) -> None:
    """R06: two people fall silent; one keeps with one tap, one is released and comes back."""
    kept, silent, holder = world.person(card=False), world.person(card=False), world.person()
    for one in (kept, silent):
        world.join(one, HIDA)
    joined = world.today
    end = date(2029, 6, 1)
    assert world.held(silent)[HIDA]["release_on"] == end.isoformat()
    world.grant(holder, IIDA)
    for days, told in ((61, 0), (60, 1), (59, 1), (30, 2), (7, 3)):
        world.night(end - days * DAY, "dormancy")
        assert world.notices(silent).count("dormancy_notice") == told, days
        if days == 30:
            world.call("POST", f"/me/registrations/{HIDA}/keep", kept)
    world.night(end - DAY, "dormancy")
    assert world.row(silent, HIDA)["status"] == "active"
    world.night(end, "dormancy")
    gone = world.row(silent, HIDA)
    assert (gone["status"], gone["restore_until"]) == ("released_dormant", "2030-06-01")
    assert GIFU not in world.held(silent)  # its prefecture went with it
    assert world.row(kept, HIDA)["status"] == "active"
    assert world.notices(kept).count("dormancy_notice") == 2
    world.at(date(2030, 6, 1), 23, 59)
    world.call("POST", f"/me/registrations/{HIDA}/restore", silent)
    back = world.held(silent)
    assert back[HIDA]["release_on"] == "2032-06-01"
    assert GIFU in back
    assert joined.isoformat() == back[HIDA]["registered_on"]
    assert world.row(holder, IIDA)["tier"] == "premium"


def test_example_08_a_valid_premium_is_never_dormant(world: World) -> None:
    """R06: two years of premium by one early look a year, and no notice of dormancy."""
    holder = world.person()
    world.grant(holder, HIDA)
    world.rows_do(
        "update registration set last_access_on = '2024-06-01', clock_due_on = '2026-01-01' where lg_code = %s",
        HIDA,
    )
    world.night(world.today + DAY, "dormancy")
    assert world.row(holder, HIDA)["status"] == "active"
    assert "dormancy_notice" not in world.notices(holder)
    # Given up: now the clock runs, with the full time after each notice.
    world.call("DELETE", f"/me/registrations/{HIDA}/premium", holder)
    asked = []
    day = world.today
    for _ in range(62):
        day += DAY
        world.night(day, "dormancy")
        if world.row(holder, HIDA)["status"] != "active":
            break
        asked.append(day)
    assert world.row(holder, HIDA)["status"] == "released_dormant"
    assert len(asked) >= 60


def test_example_09_seventeen_waits_for_the_guardian(world: World) -> None:
    """R18: waits, granted with the consent, back to basic without; 29 February comes of age."""
    born = date(2012, 2, 29)
    world.at(date(2029, 6, 1))
    minor = world.person(card=False, birth_date=born, email="musume@example.jp")
    refused = world.call("POST", "/me/registrations", minor, {"lg_code": HIDA}, status=409)
    assert refused["code"] == "guardian_contact_needed"
    guardian = world.person(card=False, nickname="母", email="haha@example.jp")
    world.consent(minor, guardian, "basic")
    world.show_card(minor, born=born)
    world.ready(minor, HIDA)
    waits = world.apply(minor, HIDA)
    assert waits["state"] == "waiting"
    assert [reason["code"] for reason in waits["reasons"]] == ["guardian_consent_missing"]
    consent = world.consent(minor, guardian, "premium")
    assert world.apply_state(minor, HIDA) == "waiting"  # a link alone is not enough
    world.guardians_card(minor, guardian, consent)
    assert world.apply_state(minor, HIDA) == "granted"
    assert world.row(minor, HIDA)["tier"] == "premium"
    world.call("POST", f"/me/guardianships/{consent}/withdraw", guardian)
    back = world.row(minor, HIDA)
    assert (back["tier"], back["status"]) == ("basic", "active")
    # Eighteen: 2030 is a common year, so it is the first of March at midnight.
    world.at(date(2030, 2, 28), 23, 59, 59)
    assert "guardian_consent_missing" in _codes(world, minor)
    world.at(date(2030, 3, 1), 0, 0, 0)
    assert "guardian_consent_missing" not in _codes(world, minor)
    world.night(date(2030, 3, 1), "adults")
    assert "became_adult" in world.notices(minor)
    assert world.rows("select state from guardianship where scope = 'basic'") == [("ended",)]
    assert world.invariants() == {}


def _codes(world: World, someone: SignedIn) -> set[str]:
    return {reason["code"] for reason in world.premium(someone, HIDA)["reasons"]}


def test_example_10_a_box_of_apples_is_refused_a_bus_fare_accepted() -> None:
    """R20, R21: the guard of the catalogue of supports."""
    policy = load_policy().snapshot(date(2027, 6, 1), HIDA)
    apples = Benefit(delivery="shipped", purpose="activity", needs_presence=False, shipped=True)
    refused = accepts_benefit(apples, policy)
    assert refused is not None
    assert refused.rule == "R21"
    disguised = Benefit(delivery="on_site", purpose="activity", shipped=True)
    assert accepts_benefit(disguised, policy) is not None
    assert accepts_benefit(Benefit(delivery="cost_of_activity", purpose="activity"), policy) is None


def test_example_11_a_raised_requirement_spares_who_is_half_way(world: World) -> None:
    """R33: the term goes on under its own version; an applicant within 90 days has the better one."""
    holder, applicant, late = world.person(), world.person(), world.person()
    world.grant(holder, HIDA)
    desk, _ = world.manager(HIDA), world.manager(HIDA, "second")
    path = world.town(HIDA, "requirement-versions")
    soon = {"tree": {"count": 5}, "effective_from": (world.today + 59 * DAY).isoformat()}
    refused = world.call("POST", path, desk, soon, status=(409, 422))
    assert refused["code"] == "notice_too_short"
    since = world.today + 60 * DAY
    harder = {"tree": {"count": 5}, "effective_from": since.isoformat()}
    world.two("POST", HIDA, path, harder)
    assert "requirement_raised" in world.notices(holder)
    world.at(since + 80 * DAY)
    for one in (applicant, late):
        world.join(one, HIDA)
    world.attend([applicant, late], HIDA, *(since + n * DAY for n in (81, 82, 83)))
    world.at(since + 90 * DAY)
    assert world.apply(applicant, HIDA)["state"] == "granted"  # three, on the ninetieth day
    world.at(since + 91 * DAY)
    asked = world.apply(late, HIDA)
    assert asked["state"] == "refused"
    (reason,) = asked["reasons"]
    assert (reason["found"], reason["needed"]) == (3, 5)
    # The holder's term: judged by three, its version at the start.
    start = since + 100 * DAY
    world.attend(holder, HIDA, start, start + DAY, start + 2 * DAY)
    world.night(date(2028, 5, 31) - 60 * DAY)
    assert world.premium(holder, HIDA)["term"]["renewal_state"] == "booked"
    # The year after that began under five.
    world.night(date(2028, 6, 1))
    # R12: which asks for the card.
    world.show_card(holder, purpose="renewal")
    start = date(2028, 9, 1)
    world.attend(holder, HIDA, *(start + n * DAY for n in range(4)))
    world.night(date(2029, 5, 31) - 60 * DAY)
    assert world.premium(holder, HIDA)["term"]["renewal_state"] == "none"
    world.attend(holder, HIDA, date(2029, 4, 20))
    world.night(date(2029, 5, 31) - 30 * DAY)
    assert world.premium(holder, HIDA)["term"]["renewal_state"] == "booked"
    assert world.invariants() == {}


def test_example_12_what_does_not_prove_presence_never_counts(world: World) -> None:
    """R19: photographed, replayed, signed by a revoked key, scanned by a clock gone wrong."""
    hanako, taro = world.person(), world.person(nickname="太郎")
    for one in (hanako, taro):
        world.join(one, HIDA)
    day = date(2027, 6, 18)
    world.at(day, 8)
    session = world.session(HIDA, day)
    mowing = world.new_activity(HIDA, title="草刈り")
    second = world.session(HIDA, day, activity=mowing)
    world.at(day, 9, 5)
    photographed = world.venue_code(HIDA, session)
    certificate, phone = _phone(world, hanako)
    world.forget_keys()
    code = sign_phone_code(certificate, step_at(world.clock.now(), 30), phone)
    device = world.device(HIDA)
    path = "/device/sessions/{}/check-ins"
    confirmed = {"walk_in_confirmed": True, "name_confirmed": True}
    first = {"scan_id": str(uuid4()), "code": code, **confirmed}
    accepted = world.call("POST", path.format(session), token=device, body=first)
    assert accepted["reason"] == "counted"
    again = {"scan_id": str(uuid4()), "code": code, **confirmed}
    replayed = world.call("POST", path.format(second), token=device, body=again)
    fast = {
        "scan_id": str(uuid4()),
        "code": _card(world, taro),
        "offset_ms": 40 * 60_000,
        **confirmed,
    }
    fast["scanned_at"] = (world.clock.now() + timedelta(minutes=40)).isoformat()
    wrong_clock = world.call("POST", path.format(session), token=device, body=fast)
    paper = _card(world, taro)
    with world.database.transaction(WORKER) as db:
        (kid,) = (one.kid for one in read_keys(db) if (one.use, one.lg_code) == (KeyUse.CARD, HIDA))
        revoke_key(db, kid, at=world.clock.now())
    world.forget_keys()
    forged = {"scan_id": str(uuid4()), "code": paper, **confirmed}
    revoked = world.call("POST", path.format(session), token=device, body=forged)
    photo = world.clock.now()
    world.at(day, 10, 5)
    from_afar = world.scan(taro, photographed)
    backdated = world.scan(taro, photographed, scanned_at=photo.isoformat())
    offline = world.scan(taro, photographed, scanned_at=photo.isoformat(), offline=True)
    found = (replayed, wrong_clock, revoked, from_afar, backdated, offline)
    assert [(one["outcome"], one["reason"]) for one in found] == [
        ("refused", "replayed"),
        ("refused", "scanner_clock_wrong"),
        ("refused", "revoked_key"),
        ("refused", "wrong_time_step"),
        ("refused", "scanner_clock_wrong"),
        ("needs_input", "second_factor"),
    ]
    assert not any(one["counted"] for one in found)
    stored = world.rows("select reason from scan_attempt where not counted order by received_at")
    assert sorted(row[0] for row in stored) == sorted(one["reason"] for one in found)
    assert world.premium(taro, HIDA)["counted"] == 0
    assert world.invariants() == {}


def _card(world: World, someone: SignedIn) -> str:
    return str(world.call("POST", f"/me/registrations/{HIDA}/card", someone)["code"])


def _phone(world: World, someone: SignedIn) -> tuple[bytes, Any]:
    """A phone whose key the town has certified, as the app will have it done."""
    now = world.clock.now()
    own = ec.generate_private_key(ec.SECP256R1())
    card_id = uuid4().bytes[:CARD_ID_BYTES]
    scope = KeyScope(KeyUse.CARD, HIDA)
    with world.database.transaction(WORKER) as db:
        ensure_keys(db, scopes=[scope], secret=secret_of(world.database), now=now)
        store = KeyStore(secret_of(world.database))
        store.refresh(db, wall=now)
    expires = (now + timedelta(days=200)).replace(microsecond=0)
    point = own.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    with world.database.transaction(for_person(someone.id)) as db:
        registration_id = db.execute(
            text("select id from registration where lg_code = :code and person_id = :id"),
            {"code": HIDA, "id": someone.id},
        ).scalar_one()
        db.add(
            Card(
                lg_code=HIDA,
                id=new_id(),
                card_ref=card_id.hex(),
                registration_id=registration_id,
                person_id=someone.id,
                kind="phone",
                device_public_key=point.hex(),
                issued_at=now,
                expires_on=expires.date(),
            )
        )
    kid, sign = store.signer(use=KeyUse.CARD, lg_code=HIDA, now=now)
    return certify_phone(CardCode(kid, HIDA, card_id, expires), point, sign), es256_signer(own)
