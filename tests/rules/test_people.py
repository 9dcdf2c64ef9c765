"""R16, R18, R15: residence, ages, and when decisions take effect."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.rules.eligibility import decide_premium, lives_elsewhere
from registry.rules.facts import (
    Body,
    BodyKind,
    DecisionMode,
    IdentityLevel,
    Residence,
    ResidenceRelation,
)
from registry.rules.minors import (
    BasicAccess,
    adult_on,
    age_on,
    basic_access,
    is_minor,
    youngest_birth_date,
)
from registry.rules.modes import (
    DecisionKind,
    ResolutionState,
    is_due,
    mode_for,
    resolution,
)
from registry.rules.residence import (
    counts_as_relationship_population,
    in_use,
    moved_in,
    relation,
    supports_stop_on,
)
from tests.rules.making import DAY, applicant, body, living_in, policy, presence, versions

PLACES = ["長野県", "長野市", "飯田市", "岐阜県", "飛騨市", "abroad", None]
TOWNS = [name for name in PLACES if name not in {"abroad", None}]
PREMIUM_DAYS = [DAY - timedelta(days=days) for days in range(3)]


@given(st.sampled_from(PLACES), st.sampled_from(TOWNS))
def test_r16_no_resident_ever_has_premium_or_counts(home: str | None, place: str) -> None:
    lives = living_in(home)
    related = relation(lives, body(place))
    person = applicant([presence(day, place) for day in PREMIUM_DAYS], residence=lives)
    decision = decide_premium(person, body(place), policy(), versions(), DAY)
    outside = {ResidenceRelation.ELSEWHERE, ResidenceRelation.RELATED}
    assert decision.allowed == (related in outside)
    assert counts_as_relationship_population(lives, body(place)) == (
        related is not ResidenceRelation.RESIDENT
    )


@given(st.sampled_from(["長野市", "飯田市"]), st.sampled_from(["長野市", "飯田市"]))
def test_r16_a_prefecture_is_home_to_all_its_towns(home: str, place: str) -> None:
    assert relation(living_in(home), body("長野県")) is ResidenceRelation.RESIDENT
    town = relation(living_in(home), body(place))
    assert (town is ResidenceRelation.RESIDENT) == (home == place)


def test_r16_only_a_verified_address_means_moving_in() -> None:
    assert moved_in(living_in("飛騨市"), body("飛騨市"))
    assert not moved_in(living_in("飛騨市", verified=False), body("飛騨市"))
    assert not moved_in(living_in("高山市"), body("飛騨市"))
    assert not moved_in(None, body("飛騨市"))
    assert supports_stop_on(date(2028, 2, 3)) == date(2028, 2, 29)


def test_r16_the_verified_address_goes_before_the_declared_one() -> None:
    declared, verified = living_in("飛騨市", verified=False), living_in("長野市")
    assert in_use(declared, verified) == verified
    assert in_use(declared, None) == declared


def test_r16_an_address_of_nowhere_is_unknown() -> None:
    nowhere = Residence(None, None)
    assert relation(nowhere, body("飛騨市")) is ResidenceRelation.UNKNOWN
    reason = lives_elsewhere(applicant(residence=nowhere), body("飛騨市"), policy())
    assert reason is not None
    assert reason.code == "residence_unknown"


def test_r01_only_a_prefecture_is_its_own_prefecture() -> None:
    for kind, code in ((BodyKind.PREFECTURE, "200000"), (BodyKind.MUNICIPALITY, "202011")):
        with pytest.raises(ValueError, match="its own one"):
            Body(code, kind, "202011" if kind is BodyKind.MUNICIPALITY else "010006")


@given(st.dates(date(1930, 1, 1), date(2026, 1, 1)), st.integers(0, 40000))
def test_r18_one_is_a_minor_until_the_day_of_adulthood(born: date, days: int) -> None:
    day = born + timedelta(days=days)
    assert is_minor(born, day, 18) == (age_on(born, day) < 18)
    assert age_on(born, adult_on(born, 18)) == 18
    assert age_on(born, adult_on(born, 18) - timedelta(days=1)) == 17


def test_r18_nobody_is_born_tomorrow() -> None:
    with pytest.raises(ValueError, match="before being born"):
        age_on(date(2027, 10, 2), date(2027, 10, 1))


@pytest.mark.parametrize(
    ("born", "access"),
    [
        (date(2015, 10, 1), BasicAccess.MANAGED),
        (date(2014, 10, 1), BasicAccess.GUARDIAN_CONTACT),
        (date(2009, 10, 2), BasicAccess.GUARDIAN_CONTACT),
        (date(2009, 10, 1), BasicAccess.ALONE),
    ],
)
def test_r18_basic_by_age(born: date, access: BasicAccess) -> None:
    assert basic_access(born, date(2027, 10, 1), adult_age=18, managed_under=13) is access


def test_r18_a_year_of_birth_is_read_in_favour_of_protection() -> None:
    assert youngest_birth_date(2010) == date(2010, 12, 31)


def test_r12_levels_are_ordered() -> None:
    levels = list(IdentityLevel)
    for at, level in enumerate(levels):
        assert [level < other for other in levels] == [at < n for n in range(4)]
        assert [level <= other for other in levels] == [at <= n for n in range(4)]
        assert [level > other for other in levels] == [at > n for n in range(4)]
        assert [level >= other for other in levels] == [at >= n for n in range(4)]
    assert levels == ["none", "email", "mnc_user", "mnc_sign"]


NOW = datetime(2027, 10, 1, 3, tzinfo=UTC)


def test_r15_auto_takes_effect_now_and_can_be_reversed_for_ninety_days() -> None:
    given_now = resolution(DecisionMode.AUTO, NOW, policy())
    assert (given_now.state, given_now.effective_at) == (ResolutionState.EFFECTIVE, NOW)
    assert given_now.reversible_until == NOW + timedelta(days=90)
    assert is_due(given_now, NOW)


def test_r15_veto_takes_effect_after_seventy_two_hours() -> None:
    waiting = resolution(DecisionMode.VETO, NOW, policy())
    assert waiting.state is ResolutionState.WAITING_VETO
    assert waiting.effective_at == NOW + timedelta(hours=72)
    assert waiting.reversible_until == NOW + timedelta(hours=72, days=90)
    assert not is_due(waiting, NOW + timedelta(hours=71, minutes=59))
    assert is_due(waiting, NOW + timedelta(hours=72))


def test_r15_review_waits_for_staff_and_reminds_them() -> None:
    waiting = resolution(DecisionMode.REVIEW, NOW, policy())
    assert waiting.state is ResolutionState.WAITING_STAFF
    assert waiting.nudge_on == (date(2027, 10, 8), date(2027, 10, 15))
    assert not is_due(waiting, NOW + timedelta(days=365))


def test_r15_a_body_chooses_for_each_kind_or_for_all() -> None:
    numbers = policy(settings={"decision.mode": "veto", "decision.mode.renewal": "auto"})
    assert mode_for(numbers, DecisionKind.REGISTRATION) is DecisionMode.VETO
    assert mode_for(numbers, DecisionKind.RENEWAL) is DecisionMode.AUTO
    assert mode_for(numbers, DecisionKind.RELEASE) is DecisionMode.AUTO
