"""Settings: history, source, what a body may change, and that none of the law is missing."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.policybook import (
    overdue_reviews,
    unconfirmed,
)
from registry.rules.policy import (
    BodyValue,
    Dated,
    Kind,
    LocalRule,
    LocalValueRefusedError,
    May,
    NoValueInForceError,
    Policy,
    PolicyError,
    Source,
    Step,
)
from registry.rules.requirement import Leaf, Measure
from tests.rules.making import ROOT, body, book, national_book, policy

HIDA = body("飛騨市").code
DAY = date(2027, 10, 1)
SOURCE = Source("test", "clause", confirmed=False)

# The last column of the table of rules; a name with a star needs at least one of the family.
KEYS = {
    "R01": ["body.state"],
    "R02": ["link.default", "link.optout"],
    "R03": ["basic.min_fields"],
    "R04": ["survey.base.version", "survey.reminders", "survey.reminder_days"],
    "R05": ["basic.soft_limit", "notify.digest_hour"],
    "R06": ["dormancy.months", "dormancy.notice_days", "dormancy.restore_months", "dormancy.scope"],
    "R07": ["premium.rule", "premium.window"],
    "R08": ["count.per_day", "activity.min_minutes"],
    "R09": ["designation.checklist"],
    "R10": ["org.trust", "org.audit_rate"],
    "R11": ["stay.days", "stay.evidence"],
    "R12": ["idv.level.premium", "idv.grace_days"],
    "R13": ["premium.cap", "premium.prefecture_exempt_by", "over_cap.days", "pending.days"],
    "R14": ["premium.term", "renewal.checks", "renewal.grace_days", "renewal.carry_over"],
    "R15": ["decision.mode", "decision.veto_hours", "decision.reverse_days", "decision.nudge_days"],
    "R16": ["residence.source"],
    "R17": ["stats.k"],
    "R18": ["minor.age", "minor.managed_under"],
    "R19": [
        "checkin.rotate_s",
        "checkin.offline_days",
        "checkin.before_minutes",
        "checkin.after_minutes",
    ],
    "R20": ["benefit.*"],
    "R21": ["benefit.delivery"],
    "R22": ["card.verify"],
    "R23": ["notify.cap_week", "notify.quiet"],
    "R24": ["room.*"],
    "R25": ["tenant.*"],
    "R26": ["meter"],
    "R27": ["api.*"],
    "R28": ["body.succession"],
    "R29": ["sanction"],
    "R31": ["project.insurance"],
    "R33": ["rule.effective_from", "rule.notice_days", "rule.favour_days"],
}
# The numbers of the table, as a reader of the law would check them.
DEFAULTS = {
    "link.default": True,
    "basic.soft_limit": 20,
    "survey.base.version": 1,
    "survey.reminders": 2,
    "dormancy.months": 24,
    "dormancy.notice_days": [60, 30, 7],
    "dormancy.restore_months": 12,
    "dormancy.scope": "registration",
    "premium.rule": {"count": 3},
    "premium.window": "rolling365",
    "count.per_day": 1,
    "activity.min_minutes": 60,
    "org.audit_rate": 0.05,
    "stay.days": 10,
    "idv.level.premium": "mnc_sign",
    "idv.grace_days": 60,
    "premium.cap": 3,
    "pending.days": 30,
    "over_cap.days": 30,
    "premium.term": "P1Y",
    "renewal.checks": [60, 30, 0],
    "renewal.grace_days": 30,
    "renewal.carry_over": 0,
    "decision.veto_hours": 72,
    "decision.reverse_days": 90,
    "decision.nudge_days": [7, 14],
    "stats.k": 10,
    "minor.age": 18,
    "minor.managed_under": 13,
    "checkin.rotate_s": 30,
    "checkin.offline_days": 7,
    "checkin.before_minutes": 60,
    "checkin.after_minutes": 30,
    "notify.cap_week": 4,
    "notify.quiet": [21, 8],
    "sanction.notice_days": 14,
    "body.leaving_freeze_days": 90,
    "room.unattended_days": 30,
    "rule.notice_days": 60,
    "rule.favour_days": 90,
}


@pytest.mark.parametrize(("rule", "keys"), KEYS.items())
def test_every_key_of_the_law_is_a_setting_of_its_rule(rule: str, keys: list[str]) -> None:
    parameters = national_book().parameters
    for key in keys:
        family = [k for k in parameters if k == key or k.startswith(key.removesuffix("*") + "")]
        named = [k for k in family if k == key or key.endswith("*")]
        assert named, f"{key} is missing"
        assert any(rule in parameters[k].rules for k in named)


@pytest.mark.parametrize(("key", "value"), DEFAULTS.items())
def test_the_defaults_are_those_of_the_law(key: str, value: object) -> None:
    assert national_book().on(key, date(2026, 11, 21)).value == value


def test_every_setting_is_told_in_two_languages_and_has_a_documented_source() -> None:
    sources = (ROOT / "docs" / "policy" / "sources.md").read_text(encoding="utf-8")
    for parameter in national_book().parameters.values():
        assert parameter.about.endswith(".")
        assert any(ord(letter) > 0x3000 for letter in parameter.label)
        assert parameter.rules
        for step in parameter.values.steps:
            assert f"`{step.source.document}`" in sources
            assert step.source.clause


def test_a_day_before_the_first_value_is_an_error() -> None:
    with pytest.raises(NoValueInForceError, match=r"premium\.cap: No value in force on 2025-03-31"):
        national_book().on("premium.cap", date(2025, 3, 31))


def test_the_last_value_stays_in_force() -> None:
    assert national_book().on("premium.cap", date(2099, 1, 1)).value == 3


def test_an_unknown_key_is_an_error() -> None:
    with pytest.raises(PolicyError, match=r"no setting named premium\.caps"):
        national_book().on("premium.caps", DAY)
    with pytest.raises(PolicyError, match=r"no setting named premium\.caps"):
        policy().step("premium.caps")


def test_r33_a_reform_replaces_what_follows_and_keeps_what_was() -> None:
    change = Dated((Step(date(2027, 4, 1), 5, SOURCE), Step(date(2028, 4, 1), 4, SOURCE)))
    reformed = national_book().reformed({"premium.cap": change})
    values = [
        reformed.on("premium.cap", day).value
        for day in (date(2027, 3, 31), date(2027, 4, 1), date(2028, 4, 1))
    ]
    assert values == [3, 5, 4]
    assert national_book().on("premium.cap", DAY).value == 3
    assert [step.since for step in reformed.history("premium.cap")] == [
        date(2025, 4, 1),
        date(2027, 4, 1),
        date(2028, 4, 1),
    ]


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("dormancy.months", 11, "not between 12 and 36"),
        ("dormancy.months", 37, "not between 12 and 36"),
        ("dormancy.months", "24", "no integer"),
        ("dormancy.months", True, "no integer"),
        ("dormancy.notice_days", [60, 300], "not between"),
        ("dormancy.notice_days", 60, "no integers"),
        ("dormancy.scope", "person", "none of registration, account"),
        ("premium.rule", {"counts": 3}, "unknown condition"),
        ("link.default", 1, "no flag"),
    ],
)
def test_a_national_value_out_of_range_is_refused(key: str, value: object, sentence: str) -> None:
    with pytest.raises(PolicyError, match=sentence):
        book({key: value})


def _own(key: str, value: object, since: date = date(2027, 4, 1)) -> BodyValue:
    return BodyValue(HIDA, key, since, value, "飛騨市要綱", "市長")


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("dormancy.months", 30, "national_only"),
        ("premium.cap", 5, "national_only"),
        ("activity.min_minutes", 0, "invalid"),
        ("activity.min_minutes", "90", "invalid"),
        ("org.audit_rate", 0.01, "below_national"),
        ("notify.cap_week", 5, "above_national"),
        ("renewal.carry_over", 4, "too_high"),
        ("rule.notice_days", 59, "below_national"),
    ],
)
def test_a_body_may_not_go_beyond_its_bounds(key: str, value: object, code: str) -> None:
    with pytest.raises(LocalValueRefusedError) as caught:
        national_book().with_body_values([_own(key, value)])
    assert caught.value.code == code
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("premium.rule", {"count": 5}),
        ("premium.rule", {"any_of": [{"count": 2}, {"stay_days": 5}]}),
        ("renewal.carry_over", 2),
        ("notify.cap_week", 0),
        ("org.audit_rate", 1.0),
        ("decision.mode", "veto"),
    ],
)
def test_a_body_may_set_its_own_within_them(key: str, value: object) -> None:
    own = national_book().with_body_values([_own(key, value)])
    step = own.on(key, DAY, HIDA)
    assert (step.value, step.lg_code, step.decided_by) == (value, HIDA, "市長")
    assert str(step.source) == "飛騨市要綱"
    national = national_book().on(key, DAY).value
    assert own.on(key, date(2027, 3, 31), HIDA).value == national
    assert own.on(key, DAY, body("高山市").code).value == national
    assert own.on(key, DAY).value == national


def test_a_bound_at_the_lowest() -> None:
    cap = national_book().parameter("notify.cap_week")
    bound = replace(cap, local=LocalRule(May.LOWER, at_least=2))
    bounded = replace(national_book(), parameters={"notify.cap_week": bound})
    refused = bounded.refusal(_own("notify.cap_week", 1))
    assert refused is not None
    assert refused.code == "too_low"
    assert bounded.refusal(_own("notify.cap_week", 2)) is None


def test_r07_a_requirement_that_may_only_be_raised() -> None:
    rule = national_book().parameter("premium.rule")
    for may, refused, code in (
        (May.RAISE, {"count": 2}, "below_national"),
        (May.LOWER, {"count": 4}, "above_national"),
    ):
        bound = replace(rule, local=LocalRule(may))
        bounded = replace(national_book(), parameters={"premium.rule": bound})
        problem = bounded.refusal(_own("premium.rule", refused))
        assert problem is not None
        assert problem.code == code
        assert bounded.refusal(_own("premium.rule", {"count": 3})) is None


def test_only_ordered_values_can_be_raised() -> None:
    scope = national_book().parameter("dormancy.scope")
    with pytest.raises(PolicyError, match="cannot be raised"):
        replace(scope, local=LocalRule(May.RAISE))


def test_a_national_base_that_rises_binds_the_bodies_too() -> None:
    own = national_book().with_body_values([_own("rule.notice_days", 70)])
    change = Dated((Step(date(2027, 9, 1), 90, SOURCE),))
    reformed = own.reformed({"rule.notice_days": change})
    assert reformed.on("rule.notice_days", date(2027, 8, 31), HIDA).value == 70
    assert reformed.on("rule.notice_days", date(2027, 9, 1), HIDA).value == 90
    assert [step.value for step in reformed.history("rule.notice_days", HIDA)] == [60, 70, 90]


def test_a_stored_row_that_is_no_longer_allowed_rests() -> None:
    rows = [_own("premium.cap", 5), _own("premium.rule", {"count": 4})]
    stored = national_book().with_stored_values(rows)
    assert stored.on("premium.cap", DAY, HIDA).value == 3
    assert stored.on("premium.rule", DAY, HIDA).value == {"count": 4}


def test_r33_a_decision_that_changes_nothing_is_no_new_version() -> None:
    own = national_book().with_body_values([_own("premium.rule", {"count": 3})])
    assert own.history("premium.rule", HIDA) == national_book().history("premium.rule")


def test_a_later_decision_replaces_one_of_the_same_day() -> None:
    own = national_book().with_body_values([_own("premium.rule", {"count": 4})])
    own = own.with_body_values([_own("premium.rule", {"count": 5})])
    assert own.on("premium.rule", DAY, HIDA).value == {"count": 5}
    assert len(own.body_values[HIDA, "premium.rule"]) == 1


@given(
    st.lists(st.tuples(st.integers(0, 900), st.integers(1, 12)), max_size=6), st.integers(0, 900)
)
def test_the_value_in_force_is_the_latest_decided(
    decided: list[tuple[int, int]], asked: int
) -> None:
    start = date(2025, 4, 1)
    values = [_own("premium.rule", {"count": n}, start + timedelta(days=d)) for d, n in decided]
    own = national_book().with_body_values(values)
    past = [(day, at, n) for at, (day, n) in enumerate(decided) if day <= asked]
    expected = max(past)[2] if past else 3
    assert own.on("premium.rule", start + timedelta(days=asked), HIDA).value == {"count": expected}


def test_dated_values_need_days_in_order() -> None:
    step = Step(DAY, 1, SOURCE)
    for steps in ((), (step, step), (step, replace(step, since=date(2027, 1, 1)))):
        with pytest.raises(PolicyError, match="at least one step"):
            Dated(steps)


def test_a_view_reads_typed_values() -> None:
    view = policy()
    assert view.tree("premium.rule") == Leaf(Measure.COUNT, 3)
    assert view.flag("link.default") is True
    assert view.number("org.audit_rate") == pytest.approx(0.05)
    assert view.source("minor.age") == "civil-code, 民法第4条"


def test_a_stored_view_is_read_back_and_equal_views_have_equal_versions() -> None:
    few = policy().only(["premium.cap", "premium.rule"])
    again = Policy.from_json(few.to_json())
    assert again == few
    assert again.version == few.version
    assert policy(settings={"premium.cap": 4}).only(few.steps).version != few.version
    keys = ("premium.cap", "premium.rule")
    assert policy().stored(keys) == few.to_json()
    view = policy()
    assert view.stored(keys) is view.stored(keys)


def test_reviews_that_are_due_are_named_and_do_not_stop_anything() -> None:
    assert overdue_reviews(national_book(), date(2027, 3, 31)) == ()
    assert "premium.cap" in overdue_reviews(national_book(), date(2027, 4, 1))
    assert "premium.cap" in unconfirmed(national_book())
    assert "minor.age" not in unconfirmed(national_book())


def test_the_kinds_of_values_are_all_in_use_or_at_hand() -> None:
    used = {parameter.kind for parameter in national_book().parameters.values()}
    assert used == set(Kind)
