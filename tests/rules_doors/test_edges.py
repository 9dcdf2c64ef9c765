"""The edges of the rules, through the doors and the nights: midnights, ties, returns, late scans."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from core.clock import JAPAN
from tests.factories.registry import (
    GIFU,
    HIDA,
    IIDA,
    KESENNUMA,
    NAGANO_PREF,
    YOKOZE,
    SignedIn,
)
from tests.rules_doors.conftest import FIRST_DAY, World

DAY = timedelta(days=1)
MATSUMOTO = "202029"
HIDA_HOME = "岐阜県飛騨市古川町本町2番22号"
TERM_END = date(2028, 5, 31)  # of a term that began on FIRST_DAY


def term_of(world: World, someone: SignedIn, code: str = HIDA) -> Any:
    return world.premium(someone, code)["term"]


def card_of(world: World, someone: SignedIn, code: str = HIDA) -> str:
    return str(world.call("POST", f"/me/registrations/{code}/card", someone)["code"])


def upload(world: World, device: str, session: str, card: str, at: datetime) -> Any:
    """A device hands in one scan that it made without network."""
    scan = {
        "scan_id": str(uuid4()),
        "session_id": session,
        "code": card,
        "scanned_at": at.isoformat(),
        "offset_ms": 0,
        "offline": True,
        "sequence": 1,
        "name_confirmed": True,
        "walk_in_confirmed": True,
    }
    body = {"scans": [scan], "made": 1}
    (answer,) = world.call("POST", "/device/check-ins/batch", token=device, body=body)["answers"]
    return answer


# --- R08: days ----------------------------------------------------------------------------


@pytest.mark.parametrize(("ends", "days"), [("06:00", 1), ("06:01", 2)])
def test_r08_night_work_counts_on_the_next_day_after_more_than_six_hours(
    world: World, ends: str, days: int
) -> None:
    hanako = world.person()
    world.join(hanako, HIDA)
    day = date(2027, 6, 18)
    world.at(day, 20)
    session = world.session(HIDA, day, starts="22:00", ends=ends)
    world.at(day + DAY, 0, 5)  # arrives after midnight: the work belongs to the evening before
    answer = world.scan(hanako, world.venue_code(HIDA, session))
    assert (answer["outcome"], answer["day"]) == ("accepted", day.isoformat())
    world.at(day + DAY)
    assert world.premium(hanako, HIDA)["counted"] == days


def test_r08_a_projects_own_limit_of_counts_is_asked(world: World) -> None:
    hanako = world.person()
    world.join(hanako, HIDA)
    world.activities[HIDA] = world.new_activity(HIDA, count_cap=2)
    world.attend(hanako, HIDA, *(FIRST_DAY + n * DAY for n in (2, 3, 4)))
    assert world.premium(hanako, HIDA)["counted"] == 2
    asked = world.apply(hanako, HIDA)
    assert asked["state"] == "refused"
    assert (asked["reasons"][0]["found"], asked["reasons"][0]["needed"]) == (2, 3)


# --- R07: the window ----------------------------------------------------------------------


def test_r07_the_window_is_365_days_ending_on_the_day_of_application(world: World) -> None:
    hanako = world.person()
    world.join(hanako, HIDA)
    first = date(2027, 6, 10)
    world.attend(hanako, HIDA, first, first + DAY, first + 2 * DAY)
    world.at(first + 364 * DAY, 23, 59)  # 2028 is a leap year: 2028-06-08
    assert world.premium(hanako, HIDA)["counted"] == 3
    world.at(first + 365 * DAY, 0)
    assert world.premium(hanako, HIDA)["counted"] == 2
    assert world.apply(hanako, HIDA)["state"] == "refused"


# --- R02: opt-out and direct --------------------------------------------------------------


def test_r02_opting_out_of_one_source_leaves_the_other(world: World) -> None:
    hanako = world.person()
    world.open(MATSUMOTO)
    world.grant(hanako, IIDA)
    world.join(hanako, MATSUMOTO)
    row = world.held(hanako)[NAGANO_PREF]
    assert (row["tier"], row["derived_from"]) == ("premium", [MATSUMOTO, IIDA])
    world.call("PUT", f"/me/registrations/{IIDA}/link", hanako, {"linked": False})
    row = world.held(hanako)[NAGANO_PREF]
    assert (row["tier"], row["derived_from"], row["premium_until"]) == ("basic", [MATSUMOTO], None)
    world.call("PUT", f"/me/registrations/{IIDA}/link", hanako, {"linked": True})
    assert world.held(hanako)[NAGANO_PREF]["premium_until"] == TERM_END.isoformat()
    world.call("DELETE", f"/me/registrations/{MATSUMOTO}", hanako)
    world.call("DELETE", f"/me/registrations/{IIDA}", hanako)
    assert world.held(hanako) == {}
    assert world.invariants() == {}


def test_r02_a_derived_row_is_not_left_but_opted_out_of(world: World) -> None:
    hanako = world.person(card=False)
    world.join(hanako, HIDA)
    refused = world.call("DELETE", f"/me/registrations/{GIFU}", hanako, status=409)
    assert (refused["code"], refused["problems"][0]["action"]) == (
        "derived_registration",
        "opt_out",
    )


# --- leaving and coming back --------------------------------------------------------------


def test_leaving_gives_places_back_the_same_night_and_returning_is_the_same_row(
    world: World,
) -> None:
    hanako, taro = world.person(card=False), world.person(card=False, nickname="太郎")
    for one in (hanako, taro):
        world.join(one, HIDA)
    session = world.session(HIDA, FIRST_DAY + 20 * DAY, capacity=1)
    body = {"lg_code": HIDA, "session_id": session}
    assert world.call("POST", "/me/sign-ups", hanako, body)["state"] == "taken"
    assert world.call("POST", "/me/sign-ups", taro, body)["state"] == "waiting"
    before = world.row(hanako, HIDA)["id"]
    world.call("DELETE", f"/me/registrations/{HIDA}", hanako)
    world.night(FIRST_DAY + DAY)
    states = dict(world.rows("select person_id::text, state from sign_up"))
    assert (states[str(hanako.id)], states[str(taro.id)]) == ("cancelled", "offered")
    world.join(hanako, HIDA)
    back = world.held(hanako)
    assert back[HIDA]["id"] == before
    assert back[HIDA]["registered_on"] == (FIRST_DAY + DAY).isoformat()
    assert GIFU in back
    assert world.invariants() == {}


def test_r06_registering_again_after_release_is_as_good_as_restoring(world: World) -> None:
    hanako = world.person(card=False)
    world.join(hanako, HIDA)
    end = date(2029, 6, 1)
    for days in (60, 30, 7, 0):
        world.night(end - days * DAY, "dormancy")
    assert world.row(hanako, HIDA)["status"] == "released_dormant"
    world.at(date(2030, 6, 2))
    gone = world.call("POST", f"/me/registrations/{HIDA}/restore", hanako, status=410)
    assert gone["code"] == "restore_over"
    world.join(hanako, HIDA)
    assert {HIDA, GIFU} <= set(world.held(hanako))
    # The new silence is asked about from the beginning.
    asked = world.notices(hanako).count("dormancy_notice")
    world.night(date(2032, 6, 2) - 61 * DAY, "dormancy")
    assert world.notices(hanako).count("dormancy_notice") == asked
    world.night(date(2032, 6, 2) - 60 * DAY, "dormancy")
    assert world.notices(hanako).count("dormancy_notice") == asked + 1


@pytest.mark.parametrize("later", [0, 1, 40])
def test_r14_given_up_and_granted_again(world: World, later: int) -> None:
    hanako = world.person()
    world.grant(hanako, HIDA)
    world.call("DELETE", f"/me/registrations/{HIDA}/premium", hanako)
    world.at(FIRST_DAY + later * DAY, 15)
    assert world.apply(hanako, HIDA)["state"] == "granted"
    term = term_of(world, hanako)
    assert term["first_day"] == (FIRST_DAY + later * DAY).isoformat()
    assert world.rows("select count(*) from term where state = 'active'") == [(1,)]
    assert world.rows("select count(*) from premium_slot") == [(1,)]
    assert world.invariants() == {}


def test_r13_a_place_is_kept_for_thirty_days_and_no_longer(world: World) -> None:
    hanako = world.person()
    world.set(HIDA, "decision.mode", "review")
    world.ready(hanako, HIDA)
    assert world.apply(hanako, HIDA)["place_kept_until"] == "2027-07-01"
    world.night(date(2027, 7, 1), "pending")
    assert len(world.rows("select from premium_slot")) == 1
    world.night(date(2027, 7, 2), "pending")
    assert world.rows("select from premium_slot") == []
    assert world.apply_state(hanako, HIDA) == "review"  # staff are late, the person is not


# --- R16: residence -----------------------------------------------------------------------


def test_r16_a_declared_move_ends_nothing_a_verified_one_ends_premium(world: World) -> None:
    hanako = world.person(card=True)
    world.grant(hanako, HIDA)
    world.at(date(2027, 9, 10))
    world.call("PATCH", "/me", hanako, {"declared_residence": HIDA})
    assert world.row(hanako, HIDA)["tier"] == "premium"
    world.show_card(hanako, home=HIDA_HOME, purpose="address")
    row = world.row(hanako, HIDA)
    assert (row["tier"], row["status"], row["residence_relation"]) == (
        "basic",
        "active",
        "resident",
    )
    assert world.row(hanako, GIFU)["tier"] == "basic"
    assert world.row(hanako, GIFU)["residence_related"] is True
    (facts,) = world.rows("select facts from notice where kind = 'supports_stop'")
    assert facts[0]["until"] == "2027-09-30"
    assert world.rows("select from premium_slot") == []
    # Moving away again: nothing comes back by itself, everything may be asked for again.
    world.show_card(hanako, purpose="address")
    row = world.row(hanako, HIDA)
    assert (row["tier"], row["residence_relation"]) == ("basic", "elsewhere")
    assert world.apply(hanako, HIDA)["state"] == "granted"
    assert world.row(hanako, GIFU)["residence_related"] is False
    assert world.invariants() == {}


def test_r16_moving_in_while_staff_think_is_seen_at_the_approval(world: World) -> None:
    hanako = world.person()
    world.set(HIDA, "decision.mode", "review")
    world.ready(hanako, HIDA)
    asked = world.apply(hanako, HIDA)
    world.show_card(hanako, home=HIDA_HOME, purpose="address")
    path = world.town(HIDA, f"applications/{asked['id']}/approve")
    refused = world.call("POST", path, world.manager(HIDA), status=409)
    assert {one["code"] for one in refused["problems"]} == {"resident"}
    assert world.row(hanako, HIDA)["tier"] == "basic"


# --- R18: minors --------------------------------------------------------------------------


def minor_with_premium(world: World, born: date) -> tuple[SignedIn, SignedIn, str]:
    """A minor with a guardian's consent and premium with 飛騨市; the consent's id."""
    minor = world.person(card=False, birth_date=born, email="musume@example.jp")
    guardian = world.person(card=False, nickname="母", email="haha@example.jp")
    world.consent(minor, guardian, "basic")
    world.show_card(minor, born=born)
    consent = world.consent(minor, guardian, "premium")
    world.guardians_card(minor, guardian, consent)
    world.ready(minor, HIDA)
    assert world.apply(minor, HIDA)["state"] == "granted"
    return minor, guardian, consent


def test_r18_on_the_birthday_at_midnight_the_guardian_has_no_say_any_more(world: World) -> None:
    birthday = date(2027, 12, 24)
    minor, guardian, consent = minor_with_premium(world, date(2009, 12, 24))
    world.at(birthday, 0, 1)  # before the night's job
    path = f"/me/guardianships/{consent}/withdraw"
    world.call("POST", path, guardian, status=(200, 409))
    assert world.row(minor, HIDA)["tier"] == "premium"
    world.night(birthday)
    assert world.row(minor, HIDA)["tier"] == "premium"
    assert "became_adult" in world.notices(minor)
    assert world.invariants() == {}


def test_r18_a_second_before_the_birthday_the_withdrawal_holds(world: World) -> None:
    minor, guardian, consent = minor_with_premium(world, date(2009, 12, 24))
    world.at(date(2027, 12, 23), 23, 59, 59)
    world.call("POST", f"/me/guardianships/{consent}/withdraw", guardian)
    assert world.row(minor, HIDA)["tier"] == "basic"
    assert world.rows("select from premium_slot") == []


def test_r18_a_withdrawn_consent_takes_the_application_out_of_the_staffs_hands(
    world: World,
) -> None:
    world.set(HIDA, "decision.mode", "review")
    born = date(2010, 3, 3)
    minor = world.person(card=False, birth_date=born, email="musume@example.jp")
    guardian = world.person(card=False, nickname="母", email="haha@example.jp")
    world.consent(minor, guardian, "basic")
    world.show_card(minor, born=born)
    consent = world.consent(minor, guardian, "premium")
    world.guardians_card(minor, guardian, consent)
    world.ready(minor, HIDA)
    asked = world.apply(minor, HIDA)
    assert asked["state"] == "review"
    world.call("POST", f"/me/guardianships/{consent}/withdraw", guardian)
    assert world.apply_state(minor, HIDA) == "waiting"
    path = world.town(HIDA, f"applications/{asked['id']}/approve")
    world.call("POST", path, world.manager(HIDA), status=409)
    assert world.row(minor, HIDA)["tier"] == "basic"


# --- R14, R15: renewal --------------------------------------------------------------------


def test_r14_an_extended_term_rolls_into_the_next_without_a_gap(world: World) -> None:
    hanako = world.person()
    world.grant(hanako, HIDA)
    world.at(date(2028, 5, 10))
    until = date(2028, 8, 31)
    registration = world.row(hanako, HIDA)["id"]
    path = world.town(HIDA, f"registrations/{registration}/extension")
    world.call(
        "POST", path, world.manager(HIDA), {"until": until.isoformat(), "reason": "disaster"}
    )
    world.night(TERM_END)
    world.night(TERM_END + DAY)
    assert term_of(world, hanako)["state"] == "active"
    world.attend(hanako, HIDA, *(date(2028, 7, n) for n in (4, 5, 6)))
    world.night(until - 30 * DAY)
    assert term_of(world, hanako)["renewal_state"] == "booked"
    world.night(until)
    assert world.row(hanako, HIDA)["tier"] == "premium"
    world.night(until + DAY)
    term = term_of(world, hanako)
    assert term is not None
    assert (term["first_day"], term["last_day"]) == ("2028-09-01", "2029-08-31")
    assert world.invariants() == {}


@pytest.mark.parametrize("mode", ["veto", "review"])
def test_r14_extended_while_a_renewal_waits_it_is_judged_by_the_new_end(
    world: World, mode: str
) -> None:
    hanako = world.person()
    world.grant(hanako, HIDA)
    world.set(HIDA, "decision.mode.renewal", mode)
    world.attend(hanako, HIDA, *(date(2028, 3, n) for n in (4, 5, 6)))
    world.night(TERM_END - 60 * DAY)
    assert term_of(world, hanako)["renewal_state"] == mode
    until = date(2028, 8, 31)
    path = world.town(HIDA, f"registrations/{world.row(hanako, HIDA)['id']}/extension")
    body = {"until": until.isoformat(), "reason": "illness"}
    world.call("POST", path, world.manager(HIDA), body)
    world.night(until - 60 * DAY)
    term = term_of(world, hanako)
    assert term["renewal_state"] == mode
    if mode == "review":
        waiting = world.call("GET", world.town(HIDA, "renewals"), world.manager(HIDA))["items"]
        path = world.town(HIDA, f"renewals/{waiting[0]['term_id']}/approve")
        world.call("POST", path, world.manager(HIDA))
    world.at(until - 56 * DAY)
    world.runner.tick()
    assert term_of(world, hanako)["renewal_state"] == "booked"
    world.night(until + DAY)
    term = term_of(world, hanako)
    assert (term["first_day"], term["last_day"]) == ("2028-09-01", "2029-08-31")
    assert world.invariants() == {}


def test_r15_a_window_of_objection_over_the_end_of_month_and_term_leaves_no_gap(
    world: World,
) -> None:
    hanako = world.person()
    world.grant(hanako, HIDA)
    world.set(HIDA, "decision.mode", "veto")
    world.attend(hanako, HIDA, *(date(2028, 5, n) for n in (29, 30, 31)))
    world.night(TERM_END + DAY)  # on its last morning two were counted, now three
    assert term_of(world, hanako)["renewal_state"] == "veto"
    assert world.row(hanako, HIDA)["tier"] == "premium"
    world.at(TERM_END + 4 * DAY, 5, 29)
    world.runner.tick()
    assert term_of(world, hanako)["first_day"] == FIRST_DAY.isoformat()
    world.at(TERM_END + 4 * DAY, 5, 31)
    world.runner.tick()
    term = term_of(world, hanako)
    assert (term["first_day"], term["last_day"]) == ("2028-06-01", "2029-05-31")
    assert world.held(hanako)[GIFU]["premium_until"] == "2029-05-31"
    assert world.invariants() == {}


def test_r14_booked_early_the_activities_stay_in_their_own_term(world: World) -> None:
    hanako = world.person()
    world.grant(hanako, HIDA)
    world.attend(hanako, HIDA, *(date(2028, 3, n) for n in (4, 5, 6)))
    path = f"/me/registrations/{HIDA}/renewal"
    world.at(TERM_END - 61 * DAY)
    early = world.call("POST", path, hanako, status=409)
    assert early["code"] == "renewal_not_due"
    world.at(TERM_END - 60 * DAY)
    assert world.call("POST", path, hanako)["renewal_state"] == "booked"
    # Three more before the end belong to the term that is running, not to the booked one.
    world.attend(hanako, HIDA, *(date(2028, 5, n) for n in (4, 5, 6)))
    world.night(TERM_END + DAY)
    assert term_of(world, hanako)["first_day"] == "2028-06-01"
    world.show_card(hanako, purpose="renewal")
    world.night(date(2029, 5, 31) - 60 * DAY)
    assert term_of(world, hanako)["renewal_state"] == "none"
    assert "renewal_missing" in world.notices(hanako)


def test_r15_booked_and_then_found_wrong_staff_undo_it_and_the_year_runs_out(world: World) -> None:
    hanako = world.person()
    world.grant(hanako, HIDA)
    world.attend(hanako, HIDA, *(date(2028, 3, n) for n in (4, 5, 6)))
    world.night(TERM_END - 60 * DAY)
    assert term_of(world, hanako)["renewal_state"] == "booked"
    ((judgement,),) = world.rows(
        "select id::text from judgement where kind = 'renewal' and outcome = 'renewed'"
    )
    path = world.town(HIDA, f"judgements/{judgement}/reverse")
    body = {"reason": "別の方の記録だったため"}
    assert world.call("POST", path, world.manager(HIDA), body)["renewal_state"] == "refused"
    world.night(TERM_END)
    assert world.row(hanako, HIDA)["in_grace"] is True
    world.night(TERM_END + 30 * DAY)
    assert world.row(hanako, HIDA)["tier"] == "premium"
    world.night(TERM_END + 31 * DAY)
    assert world.row(hanako, HIDA)["tier"] == "basic"
    assert world.invariants() == {}


def test_late_scans_in_the_grace_renew_without_a_gap(world: World) -> None:
    """Section 7 (2) of the check-in page: late scans re-open only in the member's favour."""
    hanako = world.person()
    world.grant(hanako, HIDA)
    world.attend(hanako, HIDA, date(2028, 5, 29), date(2028, 5, 30))
    world.at(TERM_END, 8)
    card, device = card_of(world, hanako), world.device(HIDA)
    session = world.session(HIDA, TERM_END)
    scanned = datetime(2028, 5, 31, 9, 5, tzinfo=JAPAN)
    world.night(TERM_END + DAY)
    assert world.row(hanako, HIDA)["in_grace"] is True
    world.at(TERM_END + 6 * DAY)
    world.forget_keys()
    answer = upload(world, device, session, card, scanned)
    assert (answer["outcome"], answer["counted"]) == ("accepted", True), answer
    world.night(TERM_END + 7 * DAY)
    term = term_of(world, hanako)
    assert (term["first_day"], term["last_day"]) == ("2028-06-01", "2029-05-31")
    assert world.row(hanako, HIDA)["in_grace"] is False
    assert world.invariants() == {}


def test_what_comes_after_the_grace_reopens_by_staff_in_the_members_favour(world: World) -> None:
    """R15: a list on paper found after the lapse; the year after the last one is given after all."""
    hanako = world.person()
    world.grant(hanako, HIDA)
    world.attend(hanako, HIDA, date(2028, 5, 29), date(2028, 5, 30))
    world.night(TERM_END)
    world.night(TERM_END + 31 * DAY)
    assert world.row(hanako, HIDA)["tier"] == "basic"
    ((judgement,),) = world.rows(
        "select id::text from judgement where kind = 'renewal' and outcome = 'lapsed_to_basic'"
    )
    path = world.town(HIDA, f"judgements/{judgement}/reverse")
    body = {"reason": "紙の名簿が後から見つかったため"}
    world.call("POST", path, world.manager(HIDA), body)
    term = term_of(world, hanako)
    assert (term["first_day"], term["last_day"]) == ("2028-06-01", "2029-05-31")
    row = world.row(hanako, HIDA)
    assert (row["tier"], world.held(hanako)[GIFU]["tier"]) == ("premium", "premium")
    assert world.invariants() == {}


def test_undone_after_the_judgement_the_term_stands_until_staff_reverse(world: World) -> None:
    hanako = world.person()
    world.ready(hanako, HIDA)
    asked = world.apply(hanako, HIDA)
    ((check_in,),) = world.rows("select id::text from check_in order by at desc limit 1")
    path = world.town(HIDA, f"check-ins/{check_in}/annul")
    world.call("POST", path, world.manager(HIDA), {"reason": "別の方の登録証だったため"})
    assert world.row(hanako, HIDA)["tier"] == "premium"
    path = world.town(HIDA, f"applications/{asked['id']}/reverse")
    body = {"reason": "記録が取り消されたため"}
    world.at(FIRST_DAY + 91 * DAY, 0)
    late = world.call("POST", path, world.manager(HIDA), body, status=409)
    assert late["code"] == "reversal_over"
    world.at(FIRST_DAY + 90 * DAY, 23, 59)
    world.call("POST", path, world.manager(HIDA), body)
    assert world.row(hanako, HIDA)["tier"] == "basic"
    assert world.invariants() == {}


# --- R10: trust ---------------------------------------------------------------------------


def test_r10_trust_withdrawn_harms_nobody_who_came_before(world: World) -> None:
    hanako = world.person()
    world.join(hanako, HIDA)
    desk, organisation = world.manager(HIDA), world.organisation(HIDA)
    path = world.town(HIDA, f"organisations/{organisation}/trust")
    other = world.manager(HIDA, "designating")  # C47: whoever trusts does not propose
    world.call("POST", path, other, {"categories": ["agriculture_forestry"]})
    propose = world.town(HIDA, f"organisations/{organisation}/activities")
    proposal = {"title": "田植え", "category": "agriculture_forestry"}
    made = world.call("POST", propose, desk, proposal)
    leaf = world.town(HIDA, f"activities/{made['id']}")
    answers = dict.fromkeys(
        ("public_nature", "local_contribution", "shortage_of_hands", "substance_and_time"), True
    )
    world.call("POST", leaf + "/submission", desk, {"answers": answers})
    world.activities[HIDA] = made["id"]
    world.attend(hanako, HIDA, FIRST_DAY + 2 * DAY)
    later = world.session(HIDA, FIRST_DAY + 9 * DAY)
    world.call("POST", path + "/withdrawal", world.manager(HIDA), {"reason": "記録の不一致"})
    dates = world.town(HIDA, f"activities/{made['id']}/sessions")
    new = {"day": "2027-06-20", "starts": "09:00", "ends": "12:00", "place": "公民館"}
    refused = world.call("POST", dates, world.manager(HIDA), new, status=409)
    assert refused["code"] == "trust_withdrawn"  # back to pattern 1: staff decide
    world.at(FIRST_DAY + 9 * DAY, 9, 5)
    assert world.premium(hanako, HIDA)["counted"] == 1
    answer = world.scan_or_none(hanako, HIDA, later)
    assert answer == ("accepted", "counted")  # announced before: who signed up is not punished
    assert world.premium(hanako, HIDA)["counted"] == 2


def test_r10_trust_is_given_again_in_the_month_after_the_fiscal_year(world: World) -> None:
    path = world.town(HIDA, f"organisations/{world.organisation(HIDA)}/trust")
    body = {"categories": ["welfare"]}
    given = world.call("POST", path, world.manager(HIDA), body)
    assert given["until"] == "2028-04-30"
    world.at(date(2028, 3, 31))
    assert world.call("POST", path, world.manager(HIDA), body, status=409)["code"] == "trust_exists"
    world.at(date(2028, 4, 1))
    assert world.call("POST", path, world.manager(HIDA), body)["until"] == "2029-04-30"


# --- R13: exchange and the prefecture that counts again -----------------------------------


def test_r13_an_exchange_that_would_make_the_prefecture_count_is_refused(world: World) -> None:
    hanako = world.person()
    world.grant(hanako, NAGANO_PREF, HIDA)
    world.at(FIRST_DAY + 10 * DAY)
    world.grant(hanako, IIDA)
    world.at(FIRST_DAY + 20 * DAY)
    world.grant(hanako, KESENNUMA)  # 飯田市, 飛騨市, 気仙沼市; 長野県 stands outside
    world.at(FIRST_DAY + 30 * DAY)
    world.ready(hanako, YOKOZE)
    refused = world.apply(hanako, YOKOZE, replaces_lg_code=IIDA)
    assert [one["code"] for one in refused["reasons"]] == ["cap_reached"]
    assert world.apply(hanako, YOKOZE, replaces_lg_code=HIDA)["state"] == "granted"
    assert world.row(hanako, HIDA)["tier"] == "basic"
    assert world.row(hanako, GIFU)["tier"] == "basic"
    assert world.invariants() == {}


# --- R11: long stay -----------------------------------------------------------------------


def test_r11_the_mark_on_the_card_follows_the_towns_own_number_of_days(world: World) -> None:
    hanako = world.person()
    world.grant(hanako, HIDA)
    headers = {"Authorization": f"Bearer {world.token(hanako)}"}
    page = world.client.get(f"/card/{HIDA}", headers=headers)
    assert page.status_code == 200
    assert "長期滞在" not in page.text
    world.set(HIDA, "stay.days", 3)
    assert "長期滞在" in world.client.get(f"/card/{HIDA}", headers=headers).text
