"""What people do with a body in a month: look, come, apply."""

import math

import numpy as np

from simulation import chance
from simulation import measures as ms
from simulation.applying import numbers_on, version_on
from simulation.counting import act, count, held, note, tell
from simulation.days import NONE
from simulation.fast import Floats, Ints, inner
from simulation.judge import DAY_MINUTES, R_ACTIVITY, R_DAY, R_MINUTES
from simulation.rulebook import P_ACCOUNT, RECORDS
from simulation.state import (
    ACCESS,
    APPLIED,
    B_APPLY,
    B_KEENER,
    B_MISTAKEN,
    B_QUIET,
    B_SECOND_DAY,
    B_TRAVEL_EFFECT,
    BASIC,
    BODY,
    DUE,
    ENGAGED,
    KEENER_UNTIL,
    PREMIUM,
    RECORDED,
    RESTS_UNTIL,
    SINCE,
    STATUS,
    T_FUNNEL,
    T_PHONE,
    TIE,
    V_ACCESS,
    V_LOSS,
    V_PREMIUM,
    Y_CALENDAR,
    Y_RAMP,
    Y_TRAVEL_YEN,
)
from simulation.tables import (
    O_DAYS,
    O_PREFECTURES,
    W_ADMITTED,
    W_ASKED,
    W_BODY_OPENS,
    W_BODY_PREFECTURE,
    W_BODY_TYPE,
    W_DAY_SHARE,
    W_DISASTER_FROM,
    W_DISASTER_UNTIL,
    W_HABIT,
    W_MONTH_FIRST,
    W_SEASON,
    W_TIE,
    W_TYPE_NUMBER,
    Out,
    World,
    bump,
    real,
    real_row,
    size,
    whole,
)

MONTHS = 12
# What a person does on a day.
REGISTERS, OPENS, COMES, APPLIES = range(4)
EVENTS_MOST = 160
_21 = (1 << 21) - 1
_UNIT_21 = 1.0 / (1 << 21)
F_TOOK_PART, F_THREE = 1, 2
YEAR_DAYS = 365
SPREE = 6
PAPER_ACCESS = 0.3


@inner
def add(todo: Ints, n: int, day: int, kind: int, place: int) -> int:
    """One more thing to do in the month, in order of days; things of a day as they came."""
    if n >= EVENTS_MOST:
        return n
    at = n
    while at > 0 and todo[at - 1, 0] > day:
        todo[at, 0], todo[at, 1], todo[at, 2] = todo[at - 1, 0], todo[at - 1, 1], todo[at - 1, 2]
        at -= 1
    todo[at, 0], todo[at, 1], todo[at, 2] = day, kind, place
    return n + 1


@inner
def day_in(w: World, month: int, u: float) -> int:
    """A day of a month: weekends, holidays and festivals draw more people."""
    first = whole(w, W_MONTH_FIRST, month)
    length = whole(w, W_MONTH_FIRST, month + 1) - first
    return first + chance.place_in(real_row(w, W_DAY_SHARE, month), u, 0, length)


@inner
def open_page(w: World, o: Out, month: int, st: Ints, n: int, s: int, day: int) -> None:
    """R06: an access; the clock of one registration, or of all where the scope is the account."""
    count(w, o, month, st[s, BODY], ms.ACCESSES, 1)
    st[s, ACCESS] = max(st[s, ACCESS], day)
    if numbers_on(w, day, st[s, BODY])[P_ACCOUNT] == 1:
        for at in range(n):
            st[at, ACCESS] = max(st[at, ACCESS], day)


@inner
def visits_plan(
    w: World,
    seed: int,
    who: int,
    month: int,
    s: int,
    rate: float,
    u: float,
    todo: Ints,
    n: int,
) -> int:
    """The days on which somebody wants to take part this month."""
    none = math.exp(-rate)
    if u < none:
        return n
    times, term, share = 0, none, none
    while u >= share and times < SPREE:
        times += 1
        term *= rate / times
        share += term
    for at in range(times):
        counter = (s * SPREE + at) * chance.MONTHS_MOST + month
        day = day_in(w, month, chance.draw(seed, who, chance.DAY, counter))
        length = chance.draw(seed, who, chance.LENGTH, counter)
        second = real(w, W_HABIT, B_SECOND_DAY)
        days = 1 + (1 if length < second else 0) + (1 if length < second * second else 0)
        for more in range(days):
            if day + more < whole(w, W_MONTH_FIRST, month + 1):
                n = add(todo, n, day + more, COMES, s)
    return n


@inner
def visit_rate(w: World, month: int, st: Ints, s: int, base: float) -> float:
    """Wishes to take part in a month: season, the body's calendar, notices, support."""
    type_ = whole(w, W_BODY_TYPE, st[s, BODY])
    opened = whole(w, W_MONTH_FIRST, month) - whole(w, W_BODY_OPENS, st[s, BODY])
    grown = min(1.0, max(0.0, opened) / max(1.0, real(w, W_TYPE_NUMBER, type_, Y_RAMP)))
    rate = (
        base
        * real(w, W_SEASON, month)
        * real(w, W_TYPE_NUMBER, type_, Y_CALENDAR)
        * (0.3 + 0.7 * grown)
    )
    if st[s, KEENER_UNTIL] >= whole(w, W_MONTH_FIRST, month):
        rate *= 1.0 + real(w, W_HABIT, B_KEENER)
    if st[s, STATUS] != BASIC and real(w, W_TYPE_NUMBER, type_, Y_TRAVEL_YEN) > 0:
        rate *= 1.0 + real(w, W_HABIT, B_TRAVEL_EFFECT)
    return rate


@inner
def believes(st: Ints, ring: Ints, s: int, day: int, asked: int) -> bool:
    """Whether somebody counts enough days of their own in the last year."""
    return in_last_year(st, ring, s, day) >= max(1, asked)


@inner
def in_last_year(st: Ints, ring: Ints, s: int, day: int) -> int:
    """How many days of their own somebody has in the last year."""
    recent = 0
    for at in range(min(st[s, RECORDED], RECORDS)):
        if ring[s, at, R_DAY] > day - YEAR_DAYS:
            recent += 1
    return recent


@inner
def told_of_reach(w: World, o: Out, month: int, st: Ints, ring: Ints, s: int, day: int) -> None:
    """R07: the presence with which somebody has as many as are asked for is told to them."""
    body = st[s, BODY]
    type_ = whole(w, W_BODY_TYPE, body)
    asked = whole(w, W_ASKED, type_, version_on(w, type_, day))
    if st[s, STATUS] != BASIC or asked < 0:
        return
    if in_last_year(st, ring, s, day) == asked:
        tell(w, o, month, body, day)


@inner
def wants_premium(
    w: World, seed: int, who: int, month: int, st: Ints, ring: Ints, s: int, keen: float
) -> int:
    """The day of this month on which somebody applies, or none."""
    if st[s, STATUS] != BASIC or st[s, APPLIED] >= 0 or st[s, RECORDED] == 0:
        return NONE
    day = whole(w, W_MONTH_FIRST, month)
    if st[s, RESTS_UNTIL] > day:
        return NONE
    share = real(w, W_HABIT, B_MISTAKEN)
    if believes(
        st,
        ring,
        s,
        day,
        whole(w, W_ASKED, whole(w, W_BODY_TYPE, st[s, BODY]), size(w, W_ASKED, 1) - 1),
    ):
        share = real(w, W_HABIT, B_APPLY) * real(w, W_TIE, st[s, TIE], V_PREMIUM) * min(1.5, keen)
    u = chance.draw(seed, who, chance.APPLY, s * chance.MONTHS_MOST + month)
    if u >= share:
        return NONE
    return day + int(u / share * (whole(w, W_MONTH_FIRST, month + 1) - day))


@inner
def plan_month(
    w: World,
    o: Out,
    seed: int,
    who: int,
    person: Ints,
    month: int,
    st: Ints,
    n: int,
    ring: Ints,
    keen: float,
    base: Floats,
    todo: Ints,
    planned: int,
) -> int:
    """What a person will do with each body this month."""
    first, last = whole(w, W_MONTH_FIRST, month), whole(w, W_MONTH_FIRST, month + 1) - 1
    for s in range(n):
        if not held(st[s, STATUS]) or st[s, SINCE] >= first:
            continue
        tie = st[s, TIE]
        luck = chance.bits(seed, who, chance.MONTH, s * chance.MONTHS_MOST + month)
        u = float(luck & np.uint64(_21)) * _UNIT_21
        v = float((luck >> np.uint64(21)) & np.uint64(_21)) * _UNIT_21
        x = float((luck >> np.uint64(42)) & np.uint64(_21)) * _UNIT_21
        if st[s, ENGAGED] == 1 and x < real(w, W_TIE, tie, V_LOSS):
            st[s, ENGAGED] = 0
        access = real(w, W_TIE, tie, V_ACCESS) * (
            1.0 if st[s, ENGAGED] == 1 else real(w, W_HABIT, B_QUIET)
        )
        access *= 1.0 if person[T_PHONE] == 1 else PAPER_ACCESS
        if u < access:
            day = first + int(u / access * (last - first + 1))
            if st[s, DUE] > last:
                act(o, who, day, st[s, BODY], ms.A_OPENS, 0)
                open_page(w, o, month, st, n, s, day)
            else:
                planned = add(todo, planned, day, OPENS, s)
        if st[s, ENGAGED] == 1:
            rate = visit_rate(w, month, st, s, base[s])
            planned = visits_plan(w, seed, who, month, s, rate, v, todo, planned)
            day = wants_premium(w, seed, who, month, st, ring, s, keen)
            if day != NONE:
                planned = add(todo, planned, day, APPLIES, s)
    return planned


@inner
def take_part(
    w: World,
    o: Out,
    month: int,
    seed: int,
    who: int,
    person: Ints,
    st: Ints,
    n: int,
    ring: Ints,
    s: int,
    day: int,
) -> None:
    """R08: somebody comes; a place is found or not; what counts is remembered."""
    body = st[s, BODY]
    newest = (st[s, RECORDED] - 1) % RECORDS
    if not held(st[s, STATUS]) or (st[s, RECORDED] > 0 and ring[s, newest, R_DAY] == day):
        return
    counter = s * chance.MONTHS_MOST * 31 + day - whole(w, W_MONTH_FIRST, 0)
    count(w, o, month, body, ms.WANTED, 1)
    closed = whole(w, W_DISASTER_FROM, body) != NONE and whole(
        w, W_DISASTER_FROM, body
    ) <= day <= whole(w, W_DISASTER_UNTIL, body)
    u = chance.draw(seed, who, chance.ADMIT, counter)
    if closed or u >= real(w, W_ADMITTED, whole(w, W_BODY_TYPE, body), month):
        count(w, o, month, body, ms.TURNED_AWAY, 1)
        note(o, who, day, body, ms.E_TURNED_AWAY)
        return
    at = st[s, RECORDED] % RECORDS
    kind = chance.draw(seed, who, chance.ACTIVITY, counter)
    ring[s, at, R_DAY], ring[s, at, R_ACTIVITY] = day, int(kind * 8)
    ring[s, at, R_MINUTES] = 60 + 60 * int(chance.draw(seed, who, chance.ACTIVITY, counter + 7) * 6)
    number = ring[s, at, R_ACTIVITY] * DAY_MINUTES + ring[s, at, R_MINUTES]
    act(o, who, day, body, ms.A_COMES, number)
    st[s, RECORDED] += 1
    person[T_FUNNEL] |= 1 << F_TOOK_PART
    if st[s, RECORDED] > 2 and ring[s, (at - 2) % RECORDS, R_DAY] > day - YEAR_DAYS:  # noqa: PLR2004
        person[T_FUNNEL] |= 1 << F_THREE
    count(w, o, month, body, ms.CHECK_INS, 1)
    if person[T_PHONE] == 0:
        count(w, o, month, body, ms.PAPER_CHECK_INS, 1)
    bump(o, O_DAYS, 1, day - whole(w, W_MONTH_FIRST, 0), ms.DAY_CHECK_INS)
    bump(o, O_PREFECTURES, 1, month // MONTHS, whole(w, W_BODY_PREFECTURE, body), ms.PREF_CHECK_INS)
    if st[s, STATUS] == PREMIUM:
        yen = int(real(w, W_TYPE_NUMBER, whole(w, W_BODY_TYPE, body), Y_TRAVEL_YEN))
        count(w, o, month, body, ms.SUPPORT_YEN, yen)
    note(o, who, day, body, ms.E_CHECKED_IN)
    told_of_reach(w, o, month, st, ring, s, day)
    open_page(w, o, month, st, n, s, day)
