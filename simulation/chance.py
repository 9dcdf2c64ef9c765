"""Chance without a memory: a number depends on the seed, the person, the purpose and a counter.

So a person's life is the same in whichever part of the work, process or order it is lived, and
two policies meet the same people with the same luck.
"""

import numpy as np

from simulation.fast import Floats, inner

(
    HOME,
    HOME_TOWN,
    BIRTH,
    PHONE,
    CARD,
    KEEN,
    FORGET,
    CONSENT,
    WISHES,
    JOIN,
    MORE,
    MONTH,
    TIE,
    PLACE,
    TOWN,
    DAY,
    ACTIVITY,
    ADMIT,
    LENGTH,
    APPLY,
    REVIEW,
    KEEP,
    RESTORE,
    MOVE,
    SUPPORT,
) = range(25)

_SEED, _PERSON = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD1B54A32D192ED03)
_PURPOSE, _AT = np.uint64(0x8CB92BA72F3D8DD7), np.uint64(0xABC98388FB8FAC03)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
_UNIT = 2.0**-53
#: Counters of one purpose: a place of a person in a month.
MONTHS_MOST = 4096


@inner
def bits(seed: int, person: int, purpose: int, at: int) -> np.uint64:
    """64 random bits (SplitMix64's mixing, twice)."""
    z = (
        np.uint64(seed) * _SEED
        + np.uint64(person) * _PERSON
        + np.uint64(purpose) * _PURPOSE
        + np.uint64(at) * _AT
    )
    for _ in range(2):
        z = (z ^ (z >> _S30)) * _FIRST
        z = (z ^ (z >> _S27)) * _SECOND
        z ^= z >> _S31
        z += _SEED
    return z


@inner
def draw(seed: int, person: int, purpose: int, at: int) -> float:
    """A number from 0 up to, not including, 1."""
    return float(bits(seed, person, purpose, at) >> _S11) * _UNIT


@inner
def place_in(cumulative: Floats, u: float, first: int, last: int) -> int:
    """The first position whose running share is beyond u, from `first` to before `last`."""
    low, high = first, last - 1
    while low < high:
        middle = (low + high) // 2
        if u < cumulative[middle]:
            high = middle
        else:
            low = middle + 1
    return low
