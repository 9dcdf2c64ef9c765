"""R13: whatever people do in whatever order, never more than three that count."""

from datetime import date, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from registry.rules.cap import Cap, choose_until, counted_holdings, over_cap
from registry.rules.eligibility import decide_premium
from registry.rules.facts import Holding, HoldingState, Origin, Tier
from tests.rules.making import DAY, applicant, body, held, ident, policy, presence, versions

NAMES = ["長野県", "飯田市", "松本市", "岐阜県", "飛騨市", "高山市", "気仙沼市", "横瀬町", "丹波市"]
POLICY = policy()
VERSIONS = versions()
CAP = Cap.of(POLICY)
THREE_DAYS = [DAY - timedelta(days=days) for days in range(3)]


def _apply(holdings: list[Holding], name: str, gives_up: str | None) -> list[Holding]:
    """The holdings after an application was judged, and granted if nothing spoke against."""
    person = applicant([presence(day, name) for day in THREE_DAYS], holdings)
    replaces = ident(gives_up) if gives_up else None
    decision = decide_premium(person, body(name), POLICY, VERSIONS, DAY, replaces=replaces)
    if not decision.allowed:
        return holdings
    kept = [h for h in holdings if h.registration_id not in {replaces, ident(name)}]
    return [*kept, held(name, DAY)]


STEP = st.tuples(st.sampled_from(NAMES), st.one_of(st.none(), st.sampled_from(NAMES)))


@given(st.lists(STEP, max_size=14))
def test_r13_no_course_of_applications_passes_three(steps: list[tuple[str, str | None]]) -> None:
    holdings: list[Holding] = []
    for name, gives_up in steps:
        holdings = _apply(holdings, name, gives_up)
        assert len(counted_holdings(holdings, CAP, DAY)) <= 3


@given(st.lists(st.sampled_from(NAMES), max_size=14), st.lists(st.sampled_from(NAMES), max_size=6))
def test_r13_ending_places_never_brings_anybody_above_three(
    granted: list[str], ended: list[str]
) -> None:
    holdings: list[Holding] = []
    for name in granted:
        holdings = _apply(holdings, name, None)
    for name in ended:
        holdings = [h for h in holdings if h.registration_id != ident(name)]
        assert not over_cap(holdings, CAP, DAY).is_over


@given(st.lists(st.sampled_from(NAMES), unique=True, max_size=9), st.randoms())
def test_r13_the_order_of_the_holdings_does_not_matter(names: list[str], random: Any) -> None:
    holdings = [held(name) for name in names]
    shuffled = random.sample(holdings, len(holdings))
    assert counted_holdings(shuffled, CAP, DAY) == counted_holdings(holdings, CAP, DAY)


@given(st.lists(st.sampled_from(NAMES), unique=True, max_size=9))
def test_r13_derived_rows_and_basic_ones_never_count(names: list[str]) -> None:
    derived = [held(name, origin=Origin.DERIVED) for name in names]
    basic = [held(name, tier=Tier.BASIC) for name in names]
    assert counted_holdings([*derived, *basic], CAP, DAY) == ()


def test_r13_by_the_other_reading_a_closed_basic_place_brings_a_prefecture_back() -> None:
    cap = Cap(most=3, exempt_by_any=True, pending_days=30)
    four = [held("長野県"), held("飛騨市"), held("気仙沼市"), held("横瀬町")]
    with_basic = [*four, held("飯田市", tier=Tier.BASIC)]
    assert not over_cap(with_basic, cap, DAY).is_over
    over = over_cap(four, cap, DAY)
    assert over.is_over
    assert over.returns_to_basic == ident("長野県")


def test_r13_of_several_direct_prefectures_the_newest_returns() -> None:
    held_places = [
        held("長野県", date(2027, 3, 1)),
        held("岐阜県", date(2027, 2, 1)),
        held("気仙沼市", date(2027, 6, 1)),
        held("横瀬町", date(2027, 7, 1)),
    ]
    assert over_cap(held_places, CAP, DAY).returns_to_basic == ident("長野県")
    towns = [held(name) for name in ("飛騨市", "気仙沼市", "横瀬町", "丹波市")]
    assert over_cap(towns, CAP, DAY).returns_to_basic is None


def test_r13_a_waiting_prefecture_is_not_what_returns() -> None:
    places = [held(name) for name in ("飛騨市", "気仙沼市", "横瀬町")]
    waiting = held("長野県", DAY, HoldingState.PENDING)
    assert over_cap([*places, waiting], CAP, DAY).returns_to_basic is None


def test_r13_exactly_three_is_not_too_many() -> None:
    three = over_cap([held("長野県"), held("飛騨市"), held("気仙沼市")], CAP, DAY)
    assert not three.is_over
    assert three.returns_to_basic is None


def test_r13_thirty_days_to_choose() -> None:
    assert choose_until(date(2027, 10, 1), 30) == date(2027, 10, 31)
