"""Who people are: where they live, how old they are, what they have, where they are drawn to."""

import math

import numpy as np

from simulation import chance
from simulation.days import NONE
from simulation.fast import Ints, compiled, inner
from simulation.state import (
    ACCESS,
    B_CONSENT,
    B_FAR,
    B_OWN_TOWN,
    B_SPREAD,
    BASIC,
    BODY,
    DUE,
    ENGAGED,
    KM,
    SENT,
    SINCE,
    STATUS,
    T_BIRTH,
    T_CONSENT,
    T_FUNNEL,
    T_HOME,
    T_LEVEL,
    T_PHONE,
    T_TOWN,
    T_VERIFIED,
    T_WISHES,
    TIE,
    TRAITS,
    V_KM,
)
from simulation.tables import (
    W_AGE_FROM,
    W_AGE_SHARE,
    W_BODY_OPENS,
    W_BODY_PREFECTURE,
    W_CARD,
    W_HABIT,
    W_HOME_SHARE,
    W_KM,
    W_MONTH_FIRST,
    W_PHONE,
    W_PLACE_SHARE,
    W_PREFECTURE_AT,
    W_TIE,
    W_TIE_SHARE,
    W_TOWN_SHARE,
    W_WISHES,
    World,
    real,
    real_row,
    size,
    whole,
)

YEAR_DAYS = 365.25
#: Ranks of identity levels: a mail address, and the card's signature.
_EMAIL, _CARD_USER, _CARD_SIGNED = 1, 2, 3
_YOUNG_YEARS = 15
PREFECTURES = 47
_CANDIDATES = 4


@inner
def traits(w: World, seed: int, who: int, person: Ints) -> float:
    """Fill in a person; the answer is how keen they are, 1 for most."""
    home = chance.place_in(
        real_row(w, W_HOME_SHARE), chance.draw(seed, who, chance.HOME, 0), 0, PREFECTURES
    )
    person[T_HOME] = home
    at = whole(w, W_PREFECTURE_AT, home) + 1
    u = chance.draw(seed, who, chance.HOME_TOWN, 0)
    person[T_TOWN] = chance.place_in(
        real_row(w, W_TOWN_SHARE, size(w, W_TIE)), u, at, whole(w, W_PREFECTURE_AT, home + 1)
    )
    u = chance.draw(seed, who, chance.BIRTH, 0)
    bands = size(w, W_AGE_SHARE)
    band = chance.place_in(real_row(w, W_AGE_SHARE), u, 0, bands)
    span = whole(w, W_AGE_FROM, band + 1) - whole(w, W_AGE_FROM, band)
    years = whole(w, W_AGE_FROM, band) + span * chance.draw(seed, who, chance.BIRTH, 1)
    person[T_BIRTH] = whole(w, W_MONTH_FIRST, 0) - int(years * YEAR_DAYS)
    person[T_PHONE] = 1 if chance.draw(seed, who, chance.PHONE, 0) < real(w, W_PHONE, band) else 0
    carded = chance.draw(seed, who, chance.CARD, 0) < real(w, W_CARD, band)
    signed = _CARD_SIGNED if years >= _YOUNG_YEARS else _CARD_USER
    person[T_LEVEL] = signed if carded else _EMAIL
    person[T_CONSENT] = (
        1 if chance.draw(seed, who, chance.CONSENT, 0) < real(w, W_HABIT, B_CONSENT) else 0
    )
    u = chance.draw(seed, who, chance.WISHES, 0)
    person[T_WISHES] = 1 + chance.place_in(real_row(w, W_WISHES), u, 0, size(w, W_WISHES))
    person[T_VERIFIED] = 0
    person[T_FUNNEL] = 0
    return keenness(w, seed, who)


@inner
def keenness(w: World, seed: int, who: int) -> float:
    """A log-normal number around 1 whose mean is 1 (Box and Muller)."""
    u = 1.0 - chance.draw(seed, who, chance.KEEN, 0)
    v = chance.draw(seed, who, chance.KEEN, 1)
    normal = math.sqrt(-2.0 * math.log(u)) * math.cos(2.0 * math.pi * v)
    spread = real(w, W_HABIT, B_SPREAD)
    return math.exp(spread * normal - spread * spread / 2)


@inner
def wanted_body(w: World, seed: int, who: int, person: Ints, tie: int, at: int) -> int:
    """Where a tie leads: first a prefecture by distance, then a body in it by its draw."""
    home = person[T_HOME]
    if chance.draw(seed, who, chance.TOWN, at) < real(w, W_HABIT, B_OWN_TOWN):
        return int(person[T_TOWN])
    u = chance.draw(seed, who, chance.PLACE, 2 * at)
    prefecture = chance.place_in(real_row(w, W_PLACE_SHARE, tie, home), u, 0, PREFECTURES)
    first, after = whole(w, W_PREFECTURE_AT, prefecture), whole(w, W_PREFECTURE_AT, prefecture + 1)
    u = chance.draw(seed, who, chance.PLACE, 2 * at + 1)
    return chance.place_in(real_row(w, W_TOWN_SHARE, tie), u, first, after)


@inner
def new_place(w: World, seed: int, who: int, person: Ints, st: Ints, n: int) -> int:
    """The body of a person's next registration, or none when chance only finds known ones."""
    for attempt in range(_CANDIDATES):
        at = n * _CANDIDATES + attempt
        tie = chance.place_in(
            real_row(w, W_TIE_SHARE), chance.draw(seed, who, chance.TIE, at), 0, size(w, W_TIE)
        )
        body = wanted_body(w, seed, who, person, tie, at)
        known = whole(w, W_BODY_OPENS, body) == NONE
        for other in range(n):
            if st[other, BODY] == body:
                known = True
        if not known:
            st[n, TIE], st[n, BODY] = tie, body
            return body
    return NONE


@inner
def begin(w: World, person: Ints, st: Ints, s: int, day: int) -> None:
    """A registration's first day; its clock of dormancy starts."""
    st[s, STATUS], st[s, SINCE], st[s, ACCESS] = BASIC, day, day
    st[s, ENGAGED], st[s, DUE] = 1, day + 1
    for at in range(4):
        st[s, SENT + at] = NONE
    st[s, KM] = int(real(w, W_KM, person[T_HOME], whole(w, W_BODY_PREFECTURE, st[s, BODY])))


@inner
def nearness(w: World, tie: int, km: int) -> float:
    """How much of the visits distance leaves."""
    far = real(w, W_HABIT, B_FAR) * (1.0 + real(w, W_TIE, tie, V_KM) / 1000.0)
    return math.exp(-km / far)


@compiled
def traits_of(w: World, seed: int, people: int) -> Ints:
    """Everybody's traits, a row a person."""
    rows = np.zeros((people, TRAITS), dtype=np.int64)
    for who in range(people):
        traits(w, seed, who, rows[who])
    return rows
