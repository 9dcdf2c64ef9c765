"""R12, P22: facts are read tolerantly, normalised once, and refused when in doubt."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.idp import Facts, IdentityRefused
from registry.idp_facts import read_facts

TODAY = date(2026, 11, 21)
SCOPES = ("openid", "name", "address", "birthdate", "gender")
GOOD: dict[str, Any] = {
    "sub": "s-1",
    "name": "山田 花子",
    "address": "長野県長野市大字鶴賀緑町1613番地",
    "birthdate": "19850315",
    "gender": "2",
}


def _read(**changes: Any) -> Facts:
    answer = {key: value for key, value in (GOOD | changes).items() if value is not None}
    return read_facts(answer, SCOPES, today=TODAY)


@pytest.mark.parametrize("text", ["19850315", "1985-03-15", "１９８５０３１５", " 19850315 "])
def test_r12_both_forms_of_a_birth_date(text: str) -> None:
    assert _read(birthdate=text).birth_date == date(1985, 3, 15)


@pytest.mark.parametrize(
    ("text", "gender"),
    [
        ("1", "male"),
        ("2", "female"),
        ("3", "unknown"),
        ("９", "unknown"),
        ("male", "male"),
        ("Female", "female"),
        ("女", "female"),
        ("other", "other"),
    ],
)
def test_r12_both_forms_of_gender(text: str, gender: str) -> None:
    assert _read(gender=text).gender == gender


@pytest.mark.parametrize(
    ("address", "line"),
    [
        ("東京都千代田区九段南1丁目2番1号", "東京都千代田区九段南1丁目2番1号"),
        ({"formatted": "東京都千代田区\n九段南1丁目2番1号"}, "東京都千代田区 九段南1丁目2番1号"),
        (
            {"region": "東京都", "locality": "千代田区", "street_address": "九段南1丁目2番1号"},
            "東京都千代田区九段南1丁目2番1号",
        ),
        ({"formatted": None, "region": "東京都", "postal_code": "1028688"}, "東京都"),
    ],
)
def test_r12_address_as_text_or_object(address: object, line: str) -> None:
    assert _read(address=address).address == line


@pytest.mark.parametrize(
    ("change", "code", "found"),
    [
        ({"name": None}, "facts_missing", "name"),
        ({"name": ""}, "facts_missing", "name"),
        ({"name": "  "}, "facts_malformed", "name"),
        ({"name": ["山田"]}, "facts_malformed", "name"),
        ({"name": "山田\u0000花子"}, "facts_malformed", "name"),
        ({"name": "山" * 201}, "facts_malformed", "name"),
        ({"address": None}, "facts_missing", "address"),
        ({"address": {}}, "facts_missing", "address"),
        ({"address": {"region": 13}}, "facts_malformed", "address"),
        ({"address": {"formatted": ["東京都"]}}, "facts_malformed", "address"),
        ({"address": "東" * 401}, "facts_malformed", "address"),
        ({"birthdate": None}, "facts_missing", "birthdate"),
        ({"birthdate": 19850315}, "facts_malformed", "birthdate"),
        ({"birthdate": "19850230"}, "facts_malformed", "birthdate"),
        ({"birthdate": "0000-03-15"}, "facts_malformed", "birthdate"),
        ({"birthdate": "昭和60年3月15日"}, "facts_malformed", "birthdate"),
        ({"birthdate": "2026-11-22"}, "birth_date_in_future", None),
        ({"gender": "4"}, "facts_malformed", "gender"),
        ({"gender": None}, "facts_missing", "gender"),
        ({"name": "山田 1234-5678-9018"}, "individual_number_found", None),
        (
            {"address": {"formatted": "東京都１２３４５６７８９０１８"}},
            "individual_number_found",
            None,
        ),
        ({"number": 123456789018}, "individual_number_found", None),
        ({"extra": {"list": [{"deep": "123456789018"}]}}, "individual_number_found", None),
        ({"sub": "123456789018"}, "individual_number_found", None),
        ({"extra": [[[[[[["deep"]]]]]]]}, "facts_malformed", "depth"),
    ],
)
def test_r12_p22_fact_that_is_refused(change: dict[str, Any], code: str, found: str | None) -> None:
    with pytest.raises(IdentityRefused) as refused:
        _read(**change)
    assert (refused.value.code, refused.value.problems[0].found) == (code, found)
    assert "1234" not in repr(refused.value)


def test_r12_born_today_is_no_future() -> None:
    assert _read(birthdate="20261121").birth_date == TODAY


def test_r12_opaque_subject_with_digits_is_no_individual_number() -> None:
    assert _read(sub="f47ac10b-58cc-4372-a567-123456789018").name == "山田 花子"


def test_r12_facts_nobody_asked_for_are_dropped() -> None:
    assert read_facts(GOOD, ("openid",), today=TODAY) == Facts()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(name=_JSON, address=_JSON, birthdate=_JSON, gender=_JSON)
def test_r12_any_answer_gives_facts_or_a_refusal(
    name: object, address: object, birthdate: object, gender: object
) -> None:
    answer = {"name": name, "address": address, "birthdate": birthdate, "gender": gender}
    try:
        facts = read_facts(answer, SCOPES, today=TODAY)
    except IdentityRefused:
        return
    assert facts.birth_date is not None
    assert facts.birth_date <= TODAY
    assert facts.gender in {"male", "female", "other", "unknown"}
