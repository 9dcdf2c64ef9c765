"""R12, P22: the Individual Number is recognised however it is written."""

import csv
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.individual_number import contains_individual_number, has_valid_check_digit


def _number(first: str) -> str:
    """A number with the check digit of the ordinance, computed as its text says it."""
    total = sum(
        int(digit) * (n + 1 if n <= 6 else n - 5)
        for n, digit in enumerate(reversed(first), start=1)
    )
    return first + str(0 if total % 11 <= 1 else 11 - total % 11)


@pytest.mark.parametrize(
    "text",
    [
        "123456789018",
        "番号は123456789018です",
        "1234 5678 9018",
        "1234-5678-9018",
        "1234‐5678－9018",
        "１２３４　５６７８　９０１８",
        "１２３４５６７８９０１８",
        "123-456-789-018",
        "1 2 3 4 5 6 7 8 9 0 1 8",
        "1234\n5678\n9018",
        "12345\u200b6789018",
        "①②③④⑤⑥⑦⑧⑨018",
        "一二三四五六七八九〇一八",
        "\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669\u0660\u0661\u0668",
        "1985/1234 5678 9018",
        "電話 090-1234-5678、番号 123456789018",
    ],
)
def test_r12_number_is_found(text: str) -> None:
    assert contains_individual_number(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "123456789012",  # check digit does not hold
        "1234 5678 9010",
        "12345678901",
        "0123456789018123",  # sixteen digits
        "1234 5678 9018 3456",  # sixteen digits in groups
        "3456-1234-5678-9018",
        "202011",
        "202011、131016、131121、141003",
        "202011 131016",
        "090-1234-5678",
        "03-1234-5678 内線 90",
        "2026-11-21 08:40:15",
        "〒380-8512 長野県長野市大字鶴賀緑町1613番地",
        "1,234,567,890,18円",
    ],
)
def test_r12_other_digits_are_left_alone(text: str) -> None:
    assert not contains_individual_number(text)


@given(first=st.text("0123456789", min_size=11, max_size=11))
def test_r12_check_digit_agrees_with_the_ordinance(first: str) -> None:
    good = _number(first)
    valid = [first + last for last in "0123456789" if has_valid_check_digit(first + last)]
    assert valid == [good]
    assert contains_individual_number(f"メモ{good[:4]}-{good[4:8]}-{good[8:]}。")


def test_r12_codes_of_local_governments_are_never_blocked() -> None:
    text = resources.files("registry").joinpath("data/local_governments.csv").read_text("utf-8")
    codes = [row["code"] for row in csv.DictReader(text.splitlines())]
    assert not contains_individual_number(" ".join(codes))


@given(phone=st.from_regex(r"0[5-9]0-[0-9]{4}-[0-9]{4}", fullmatch=True))
def test_r12_phone_number_beside_a_code_is_never_blocked(phone: str) -> None:
    assert not contains_individual_number(f"{phone} 202011")
    assert not contains_individual_number(f"{phone} 1")


@pytest.mark.parametrize(
    "digits", ["", "12345678901a", "１２３４５６７８９０１８", "1234567890189"]
)
def test_r12_check_digit_wants_twelve_ascii_digits(digits: str) -> None:
    assert not has_valid_check_digit(digits)
