"""R07, R33: the tree of conditions: reading, writing, judging, comparing, telling."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.rules.policy import NoValueInForceError
from registry.rules.requirement import (
    Evidence,
    RequirementError,
    below_national_base,
    describe_en,
    describe_ja,
    evaluate,
    harder_than,
    implies,
    parse,
    smallest_evidences,
    to_json,
)
from registry.rules.versions import (
    RequirementVersion,
    most_favourable,
    version_for_term,
    versions_for_applicant,
)

AMOUNT = st.integers(1, 6)
LEAVES = st.one_of(
    st.sampled_from(["count", "hours", "projects", "stay_days"]).flatmap(
        lambda name: AMOUNT.map(lambda amount: {name: amount})
    ),
    st.tuples(st.sampled_from(["森", "祭"]), AMOUNT).map(
        lambda pair: {"category": {"name": pair[0], "count": pair[1]}}
    ),
)
TREES = st.recursive(
    LEAVES,
    lambda part: st.tuples(
        st.sampled_from(["all_of", "any_of"]), st.lists(part, min_size=1, max_size=3)
    ).map(lambda pair: {pair[0]: pair[1]}),
    max_leaves=5,
).filter(lambda data: _depth(data) <= 4)


def _depth(data: Any) -> int:
    if not isinstance(data, Mapping):
        return 0
    parts = next(iter(data.values()))
    return 1 + max(map(_depth, parts), default=0) if isinstance(parts, list) else 1


@st.composite
def evidences(draw: st.DrawFn) -> Evidence:
    """Evidence as counting makes it: days of a category are counted days, and so on."""
    count = draw(st.integers(0, 7))
    active = count > 0
    days = st.integers(0, count)
    return Evidence(
        count=count,
        minutes=draw(st.integers(0, 420)) if active else 0,
        projects=draw(st.integers(1, 7)) if active else 0,
        stay_days=draw(st.integers(0, 7)),
        categories=(("森", draw(days)), ("祭", draw(days))),
    )


@given(TREES)
def test_r07_a_tree_is_read_as_it_was_written(data: dict[str, Any]) -> None:
    assert to_json(parse(data)) == data


@given(TREES, evidences())
def test_r07_reasons_exist_exactly_when_something_is_missing(
    data: dict[str, Any], shown: Evidence
) -> None:
    satisfied, reasons = evaluate(parse(data), shown, "source")
    assert satisfied == (not reasons)
    for reason in reasons:
        assert isinstance(reason.found, int)
        assert isinstance(reason.needed, int)
        assert reason.found < reason.needed
        assert (reason.rule, reason.source) == ("R07", "source")


@given(TREES)
def test_r07_each_smallest_evidence_satisfies_its_tree(data: dict[str, Any]) -> None:
    tree = parse(data)
    assert all(evaluate(tree, shown)[0] for shown in smallest_evidences(tree))


@given(TREES, TREES, evidences())
def test_r33_an_easier_rule_fails_nobody_who_met_the_old_one(
    old: dict[str, Any], new: dict[str, Any], shown: Evidence
) -> None:
    if evaluate(parse(old), shown)[0] and not harder_than(parse(new), parse(old)):
        assert evaluate(parse(new), shown)[0]


@given(TREES)
def test_r33_no_rule_is_harder_than_itself(data: dict[str, Any]) -> None:
    assert implies(parse(data), parse(data))
    assert not harder_than(parse(data), parse(data))


@given(TREES, TREES, evidences(), st.integers(0, 120))
def test_r33_an_applicant_never_does_worse_than_by_any_version_open_to_them(
    old: dict[str, Any], new: dict[str, Any], shown: Evidence, days: int
) -> None:
    change = date(2027, 4, 1)
    versions = [RequirementVersion(date(2025, 4, 1), old), RequirementVersion(change, new)]
    open_to = versions_for_applicant(versions, change + timedelta(days=days), 90)
    assert len(open_to) == (2 if days <= 90 else 1)
    missing = most_favourable(open_to, shown)[1]
    for version in open_to:
        satisfied, reasons = evaluate(version.tree, shown)
        assert len(missing) <= len(reasons)
        assert not (satisfied and missing)


@pytest.mark.parametrize(
    ("data", "below"),
    [
        ({"count": 3}, False),
        ({"count": 2}, True),
        ({"hours": 100}, True),
        ({"projects": 3}, True),
        ({"stay_days": 300}, True),
        ({"category": {"name": "森", "count": 3}}, False),
        ({"any_of": [{"count": 3}, {"hours": 10}]}, True),
        ({"all_of": [{"any_of": [{"count": 3}, {"count": 4}]}, {"hours": 1}]}, False),
    ],
)
def test_r07_below_the_national_base(data: dict[str, Any], *, below: bool) -> None:
    assert below_national_base(parse(data), parse({"count": 3})) is below


@pytest.mark.parametrize(
    ("data", "path"),
    [
        (None, "rule"),
        ({}, "rule"),
        ({"count": 3, "hours": 3}, "rule"),
        ({"counts": 3}, "rule"),
        ({"count": "3"}, "rule.count"),
        ({"count": True}, "rule.count"),
        ({"count": 0}, "rule.count"),
        ({"count": 1001}, "rule.count"),
        ({"all_of": []}, "rule.all_of"),
        ({"any_of": "count"}, "rule.any_of"),
        ({"any_of": 3}, "rule.any_of"),
        ({"any_of": [{"count": 3}, {"hours": -1}]}, "rule.any_of[1].hours"),
        ({"category": {"name": "森"}}, "rule.category"),
        ({"category": 3}, "rule.category"),
        ({"category": {"name": " ", "count": 1}}, "rule.category.name"),
        ({"category": {"name": 1, "count": 1}}, "rule.category.name"),
        ({"category": {"name": "森", "count": 0}}, "rule.category.count"),
        (
            {"all_of": [{"all_of": [{"all_of": [{"all_of": [{"count": 1}]}]}]}]},
            "rule.all_of[0].all_of[0].all_of[0].all_of[0]",
        ),
        ({"all_of": [{"count": 1}] * 24}, "rule"),
    ],
)
def test_r07_a_bad_tree_is_refused_with_the_place(data: object, path: str) -> None:
    with pytest.raises(RequirementError) as caught:
        parse(data)
    assert caught.value.path == path
    assert caught.value.problem.endswith(".")


@pytest.mark.parametrize(
    ("data", "ja", "en"),
    [
        (
            {"count": 3},
            "指定された活動に3回以上参加すること。",
            "Take part in designated activities at least 3 times.",
        ),
        (
            {"any_of": [{"count": 1}, {"all_of": [{"hours": 1}, {"stay_days": 10}]}]},
            "指定された活動に1回以上参加する、または、（指定された活動に合計1時間以上参加する、かつ、10日以上滞在する）こと。",
            "Take part in designated activities at least 1 time, or (take part in designated activities for at least 1 hour in all, and stay at least 10 days).",
        ),
        (
            {"all_of": [{"any_of": [{"projects": 2}]}]},
            "2種類以上の指定された活動に参加すること。",
            "Take part in at least 2 different designated activities.",
        ),
        (
            {"category": {"name": "森林", "count": 2}},
            "「森林」の活動に2回以上参加すること。",
            "Take part in “森林” activities at least 2 times.",
        ),
    ],
)
def test_r07_a_tree_told_in_plain_sentences(data: dict[str, Any], ja: str, en: str) -> None:
    assert describe_ja(parse(data)) == ja
    assert describe_en(parse(data)) == en
    assert to_json(parse(data)) == data


@pytest.mark.parametrize(
    ("stronger", "expected"),
    [
        ({"hours": 1}, True),
        ({"projects": 1}, True),
        ({"category": {"name": "森", "count": 1}}, True),
        ({"stay_days": 3}, False),
    ],
)
def test_r07_whoever_was_active_has_one_count(stronger: dict[str, Any], *, expected: bool) -> None:
    assert implies(parse(stronger), parse({"count": 1})) is expected
    assert implies(parse(stronger), parse({"projects": 1})) is expected


def test_r33_a_term_before_the_first_version_has_none() -> None:
    with pytest.raises(NoValueInForceError, match="No requirement was in force"):
        version_for_term([RequirementVersion(date(2027, 4, 1), {"count": 3})], date(2027, 3, 31))


def test_r33_a_version_that_left_long_ago_is_not_open() -> None:
    versions = [
        RequirementVersion(date(2025, 4, 1), {"count": 1}),
        RequirementVersion(date(2026, 4, 1), {"count": 2}),
        RequirementVersion(date(2027, 4, 1), {"count": 3}),
    ]
    open_to = versions_for_applicant(versions, date(2027, 5, 1), 90)
    assert [version.since.year for version in open_to] == [2027, 2026]
