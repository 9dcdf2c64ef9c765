"""R19: codes that people type; the check character finds every common slip."""

import hashlib
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.shortcode import (
    ALPHABET,
    MEMBER,
    POSTER,
    Scheme,
    check_character,
    grouped,
    is_valid,
    new_code,
    normalise,
)

SCHEMES = [POSTER, MEMBER]


def sample(scheme: Scheme, seed: int = 1) -> str:
    return new_code(hashlib.shake_256(str(seed).encode()).digest, scheme)


def test_alphabet_has_no_look_alikes() -> None:
    assert len(ALPHABET) == len(set(ALPHABET)) == 31
    assert not set(ALPHABET) & set("01ILO")


@pytest.mark.parametrize("scheme", SCHEMES)
@given(seed=st.integers(0, 2**64))
def test_r19_new_codes_are_valid(scheme: Scheme, seed: int) -> None:
    code = sample(scheme, seed)
    assert len(code) == scheme.length
    assert set(code) <= set(ALPHABET)
    assert is_valid(code, scheme)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_new_codes_use_every_character_at_every_place(scheme: Scheme) -> None:
    codes = [sample(scheme, seed) for seed in range(1000)]
    assert len(set(codes)) == len(codes)
    for place in range(scheme.length):
        assert {code[place] for code in codes} == set(ALPHABET)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_r19_every_single_wrong_character_is_found(scheme: Scheme) -> None:
    """Exhaustive: every place, every right and every wrong character.

    The checksum is linear, so that the other characters cannot matter; three different
    surroundings are tried all the same.
    """
    for seed, place, (right, wrong) in product(
        range(3), range(scheme.length), product(ALPHABET, ALPHABET)
    ):
        code = code_with(scheme, seed, {place: right})
        mistyped = code[:place] + wrong + code[place + 1 :]
        assert is_valid(mistyped, scheme) == (wrong == code[place])


@pytest.mark.parametrize("scheme", SCHEMES)
def test_r19_every_exchange_of_two_characters_is_found(scheme: Scheme) -> None:
    """Exhaustive over every pair of characters at every pair of places, neighbours or not."""
    places = [(i, j) for i in range(scheme.length) for j in range(i + 1, scheme.length)]
    for (i, j), (first, second) in product(places, product(ALPHABET, ALPHABET)):
        code = code_with(scheme, 1, {i: first, j: second})
        letters = list(code)
        letters[i], letters[j] = letters[j], letters[i]
        assert is_valid("".join(letters), scheme) == (code[i] == code[j])


def code_with(scheme: Scheme, seed: int, wanted: dict[int, str]) -> str:
    """A valid code with these characters; a free place makes up for a fixed check character."""
    letters = list(sample(scheme, seed))
    for place, letter in wanted.items():
        letters[place] = letter
    free = next(place for place in range(scheme.length - 1) if place not in wanted)
    for candidate in ALPHABET:
        letters[free] = candidate
        check = check_character("".join(letters[:-1]), scheme)
        if wanted.get(scheme.length - 1, check) == check:
            return "".join(letters[:-1]) + check
    raise AssertionError("The checksum does not reach every character.")


def test_r19_a_poster_code_is_no_member_number() -> None:
    for seed in range(200):
        poster = sample(POSTER, seed)
        assert not is_valid(poster, MEMBER)
        assert not is_valid(sample(MEMBER, seed), POSTER)
        # Not even where the lengths were equal.
        assert check_character(poster[:-1], MEMBER) != poster[-1]


@pytest.mark.parametrize(
    "typed",
    [
        "ABCD2345",
        "abcd2345",
        "ABCD 2345",
        "abcd-2345",
        " abcd 2345 \r\n",
        "ＡＢＣＤ２３４５",
        "ａｂｃｄ－２３４５",
        "ＡＢＣＤー２３４５",
        "ABCD−2345",
        "ABCDｰ2345",
        "ABCD　2345",
        "A-B-C-D‐2–3—4―5",
        "https://example.jp/C/ABCD2345",
        "HTTPS://EXAMPLE.JP/C/ABCD2345?x=1",
        "https://example.jp/c/abcd2345#top",
    ],
)
def test_r19_typed_codes_are_read_kindly(typed: str) -> None:
    assert normalise(typed) == "ABCD2345"


@pytest.mark.parametrize("text", ["", "ABCD", "OOOOOOOO", "あいうえおかきく", "ßßßß", "x" * 5000])
def test_r19_nonsense_is_not_valid(text: str) -> None:
    assert not is_valid(text, POSTER)
    assert not is_valid(text, MEMBER)


@given(st.text(max_size=60), st.integers(0, 31**7 - 1))
def test_r19_no_text_breaks_the_reader(text: str, seed: int) -> None:
    code = sample(POSTER, seed)
    assert is_valid(normalise(text)) or not is_valid(text)
    # Letters beside a good code spoil it; only separators do not.
    assert is_valid(text + code) == (normalise(text + code) == code)


def test_groups_of_four() -> None:
    assert grouped("ABCD2345") == "ABCD 2345"
    assert grouped("ABCD2345EFGH") == "ABCD 2345 EFGH"
    assert normalise(grouped(sample(MEMBER))) == sample(MEMBER)
