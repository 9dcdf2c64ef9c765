"""R07: a requirement put together step by step; a draft may be unfinished, what it asks may not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.rules import composing
from registry.rules.composing import Limits
from registry.rules.requirement import Measure, RequirementError, evaluate, parse

START: dict[str, Any] = {"all_of": [{"count": 3}, {"stay_days": 2}, {"hours": 4}]}


def test_conditions_are_grouped_the_other_way_and_dissolved_again() -> None:
    one = composing.grouped(START, {"0", "2"})
    assert one == {"all_of": [{"any_of": [{"count": 3}, {"hours": 4}]}, {"stay_days": 2}]}
    more = composing.added(one, "0", {"projects": 2})
    assert more["all_of"][0]["any_of"][-1] == {"projects": 2}
    assert [line.place for line in composing.lines(more)] == [
        "", "0", "0.0", "0.1", "0.2", "1",
    ]  # fmt: skip
    assert composing.dissolved(more, {"0"}) == {
        "all_of": [{"count": 3}, {"hours": 4}, {"projects": 2}, {"stay_days": 2}]
    }
    assert composing.removed(more, {"0", "0.1"}) == {"all_of": [{"stay_days": 2}]}
    assert START == {"all_of": [{"count": 3}, {"stay_days": 2}, {"hours": 4}]}


def test_numbers_and_joints_change_in_place() -> None:
    found = composing.with_amounts(
        {"all_of": [{"count": 3}, {"category": {"name": "festival", "count": 1}}]},
        {"": "any_of", "0": 5, "1": 2},
    )
    assert found == {"any_of": [{"count": 5}, {"category": {"name": "festival", "count": 2}}]}


@pytest.mark.parametrize(
    "step",
    [
        lambda: composing.added(START, "0", {"count": 1}),
        lambda: composing.added(START, "", {"count": 0}),
        lambda: composing.added(START, "", {"cows": 1}),
        lambda: composing.added(START, "7", {"count": 1}),
        lambda: composing.added(START, "x", {"count": 1}),
        lambda: composing.grouped(START, {"0"}),
        lambda: composing.grouped(START, {"0", "9"}),
        lambda: composing.grouped(START, {"", "0"}),
        lambda: composing.removed(START, {"4"}),
        lambda: composing.removed(START, {"9" * 5000}),
        lambda: composing.with_amounts(START, {"0": 0}),
        lambda: composing.with_amounts(START, {"": "none_of"}),
    ],
)
def test_a_step_that_cannot_be_is_refused(step: Any) -> None:
    with pytest.raises(RequirementError):
        step()


def test_what_is_empty_says_nothing() -> None:
    assert composing.tidy({"all_of": [{"any_of": []}, {"all_of": [{"count": 3}]}]}) == {"count": 3}
    assert composing.tidy({"all_of": [{"any_of": []}]}) is None


def test_a_draft_has_limits() -> None:
    assert composing.too_large(START, Limits(nodes=4, depth=2)) == ""
    assert composing.too_large(START, Limits(nodes=3, depth=2)) == "conditions"
    assert composing.too_large(composing.grouped(START, {"0", "1"}), Limits(9, 2)) == "levels"


def test_what_nobody_can_do_in_a_year_is_found() -> None:
    tree = parse(
        {"any_of": [{"count": 366}, {"count": 365}, {"category": {"name": "x", "count": 1}}]}
    )
    found = composing.out_of_reach(tree, ["festival"])
    assert [(leaf.measure, leaf.amount) for leaf in found] == [
        (Measure.COUNT, 366),
        (Measure.CATEGORY, 1),
    ]


def test_a_condition_within_another_says_nothing() -> None:
    assert [
        leaf.amount
        for leaf in composing.says_nothing(parse({"all_of": [{"count": 3}, {"count": 5}]}))
    ] == [3]
    assert [
        leaf.amount
        for leaf in composing.says_nothing(parse({"any_of": [{"count": 3}, {"count": 5}]}))
    ] == [5]
    assert composing.says_nothing(parse({"all_of": [{"count": 3}, {"stay_days": 2}]})) == ()
    for joint in composing.JOINTS:
        equal = parse(
            {joint: [{"count": 3}, {"any_of": [{"hours": 1}, {"hours": 1}]}, {"count": 3}]}
        )
        assert [leaf.measure for leaf in composing.says_nothing(equal)] == ["count", "hours"]


LEAVES = st.one_of(
    [
        st.fixed_dictionaries({name: st.integers(1, 9)})
        for name in ("count", "hours", "projects", "stay_days")
    ]
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        [
            st.fixed_dictionaries({joint: st.lists(inner, min_size=1, max_size=3)})
            for joint in composing.JOINTS
        ]
    ),
    max_leaves=5,
)


@given(TREES)
def test_examples_are_judged_by_what_judges_in_earnest(plain: dict[str, Any]) -> None:
    try:
        tree = parse(plain)
    except RequirementError:
        return
    found = composing.examples(tree)
    assert found[0].passes
    for one in found:
        assert evaluate(tree, one.evidence)[0] == one.passes
        assert one.evidence.count >= one.evidence.projects
        assert one.evidence.minutes <= one.evidence.count * 8 * 60
    assert parse(composing.tidy(composing.draft_of(plain)))
