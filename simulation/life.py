"""A person's life with the scheme, month by month, in exact days.

Within a month, what a person does is drawn first; then the days are gone through in order, the
night's work of a day before what happens on it, as on the platform.
"""

import math

import numpy as np

from simulation import chance
from simulation import measures as ms
from simulation.applying import FAR, apply_for
from simulation.counting import act, at_home, count, held, note, stock, tell
from simulation.days import NONE
from simulation.fast import Floats, Ints, compiled, inner
from simulation.judge import RECORD
from simulation.night import night
from simulation.people import begin, nearness, new_place, traits
from simulation.rulebook import RECORDS
from simulation.state import (
    APPLIED,
    B_MORE,
    B_MOVE,
    B_START,
    B_WORD,
    BASIC,
    BEGUN,
    BODY,
    DUE,
    ENGAGED,
    FIELDS,
    KEENER_UNTIL,
    KM,
    PLACES,
    SINCE,
    STATUS,
    T_FUNNEL,
    T_HOME,
    T_TOWN,
    T_VERIFIED,
    T_WISHES,
    TIE,
    TRAITS,
    V_VISITS,
    WAITING,
)
from simulation.tables import (
    O_COHORTS,
    O_DAYS,
    O_FUNNEL,
    O_PREFECTURES,
    O_TIES,
    W_BODY_IS_PREFECTURE,
    W_BODY_OPENS,
    W_BODY_PREFECTURE,
    W_BODY_TYPE,
    W_HABIT,
    W_KM,
    W_MONTH_FIRST,
    W_STARTS,
    W_TIE,
    W_WORD,
    Out,
    World,
    bump,
    real,
    size,
    whole,
)
from simulation.visiting import (
    APPLIES,
    COMES,
    EVENTS_MOST,
    MONTHS,
    OPENS,
    REGISTERS,
    add,
    day_in,
    open_page,
    plan_month,
    take_part,
)

LOST_TIES_MOVE = 4  # family and two-region ties, the last two, are those along which people move


@inner
def register(
    w: World, o: Out, month: int, who: int, person: Ints, st: Ints, n: int, s: int, day: int
) -> None:
    """R03: a basic registration, by itself."""
    body = st[s, BODY]
    act(o, who, day, body, ms.A_REGISTERS, st[s, TIE])
    begin(w, person, st, s, day)
    person[T_FUNNEL] |= 1
    stock(w, o, month, person, st, n, s, 1)
    count(w, o, month, body, ms.REGISTRATIONS, 1)
    bump(o, O_DAYS, 1, day - whole(w, W_MONTH_FIRST, 0), ms.DAY_REGISTRATIONS)
    bump(
        o,
        O_PREFECTURES,
        1,
        month // MONTHS,
        whole(w, W_BODY_PREFECTURE, body),
        ms.PREF_REGISTRATIONS,
    )
    bump(o, O_COHORTS, 1, month // MONTHS, 0)
    tell(w, o, month, body, day)
    note(o, who, day, body, ms.E_REGISTERED)


@inner
def live_month(
    w: World,
    o: Out,
    month: int,
    seed: int,
    who: int,
    person: Ints,
    st: Ints,
    n: int,
    ring: Ints,
    todo: Ints,
    planned: int,
) -> None:
    """The month's days in order, nights first."""
    last = whole(w, W_MONTH_FIRST, month + 1) - 1
    done = 0
    while True:
        due, place = FAR, 0
        for s in range(n):
            if st[s, DUE] < due:
                due, place = st[s, DUE], s
        if due <= last and (done >= planned or due <= todo[done, 0]):
            night(w, o, month, seed, who, person, st, n, ring, place, due)
            continue
        if done >= planned:
            return
        day, kind, s = todo[done, 0], todo[done, 1], todo[done, 2]
        done += 1
        if kind == REGISTERS:
            register(w, o, month, who, person, st, n, s, day)
        elif kind == COMES:
            take_part(w, o, month, seed, who, person, st, n, ring, s, day)
        elif kind == OPENS and held(st[s, STATUS]):
            act(o, who, day, st[s, BODY], ms.A_OPENS, 0)
            open_page(w, o, month, st, n, s, day)
        elif kind == APPLIES:
            apply_for(w, o, month, seed, who, person, st, n, ring, s, day)


@inner
def anniversaries(o: Out, month: int, st: Ints, n: int) -> None:
    """How many registrations of a year are still held so many years later."""
    for s in range(n):
        if st[s, STATUS] == WAITING or not held(st[s, STATUS]):
            continue
        begun = st[s, BEGUN]
        if month > begun and (month - begun) % MONTHS == 0:
            bump(o, O_COHORTS, 1, begun // MONTHS, (month - begun) // MONTHS)


@inner
def move(w: World, o: Out, month: int, seed: int, who: int, person: Ints, st: Ints, n: int) -> None:
    """R16: once a year somebody may move to a town they are tied to, and is a resident there.

    They move on the first day of the month that follows.
    """
    for s in range(n):
        body = st[s, BODY]
        if (
            not held(st[s, STATUS])
            or st[s, ENGAGED] == 0
            or whole(w, W_BODY_IS_PREFECTURE, body) == 1
        ):
            continue
        if st[s, TIE] < LOST_TIES_MOVE or person[T_TOWN] == body:
            continue
        u = chance.draw(seed, who, chance.MOVE, s * chance.MONTHS_MOST + month)
        if u >= real(w, W_HABIT, B_MOVE):
            continue
        at_home(w, o, month + 1, person, st, n, -1)
        act(o, who, whole(w, W_MONTH_FIRST, month + 1), body, ms.A_MOVES, 0)
        person[T_TOWN], person[T_HOME], person[T_VERIFIED] = (
            body,
            whole(w, W_BODY_PREFECTURE, body),
            1,
        )
        for at in range(n):
            if held(st[at, STATUS]):
                st[at, DUE] = min(st[at, DUE], whole(w, W_MONTH_FIRST, month + 1))
        at_home(w, o, month + 1, person, st, n, 1)
        return


@inner
def wishes_more(
    w: World, seed: int, who: int, month: int, person: Ints, n: int, keen: float
) -> bool:
    """Whether a registrant takes up another body this month."""
    if n >= min(person[T_WISHES], PLACES):
        return False
    u = chance.draw(seed, who, chance.MORE, month)
    return u < real(w, W_HABIT, B_MORE) * min(3.0, 0.5 + 0.5 * keen)


@inner
def live(
    w: World,
    o: Out,
    seed: int,
    who: int,
    person: Ints,
    st: Ints,
    ring: Ints,
    base: Floats,
    todo: Ints,
) -> int:
    """One whole life; the answer is how many registrations there were."""
    keen = traits(w, seed, who, person)
    months = size(w, W_MONTH_FIRST) - 1
    patience = -math.log(1.0 - chance.draw(seed, who, chance.JOIN, 0))
    st[:, :] = 0
    st[:, DUE] = FAR
    st[:, APPLIED] = NONE
    st[:, KEENER_UNTIL] = NONE
    n = 0
    if new_place(w, seed, who, person, st, 0) == NONE:
        return 0
    waits = 0.0
    for month in range(months):
        planned, joins = 0, False
        if n == 0:
            body = st[0, BODY]
            if whole(w, W_MONTH_FIRST, month) >= whole(w, W_BODY_OPENS, body):
                word = real(w, W_WORD, whole(w, W_BODY_TYPE, body), month)
                waits += real(w, W_HABIT, B_START) + real(w, W_HABIT, B_WORD) * word
            joins = waits >= patience
        else:
            joins = wishes_more(w, seed, who, month, person, n, keen)
            joins = joins and new_place(w, seed, who, person, st, n) != NONE
            joins = joins and whole(w, W_BODY_OPENS, st[n, BODY]) <= whole(w, W_MONTH_FIRST, month)
        for period in range(1, size(w, W_STARTS)):
            if (
                whole(w, W_MONTH_FIRST, month)
                <= whole(w, W_STARTS, period)
                < whole(w, W_MONTH_FIRST, month + 1)
            ):
                for s in range(n):
                    if held(st[s, STATUS]):
                        st[s, DUE] = min(st[s, DUE], whole(w, W_STARTS, period))
        if n > 0:
            planned = plan_month(
                w, o, seed, who, person, month, st, n, ring, keen, base, todo, planned
            )
        if joins:
            day = day_in(w, month, chance.draw(seed, who, chance.DAY, month))
            planned = add(todo, planned, day, REGISTERS, n)
            st[n, STATUS], st[n, SINCE], st[n, BEGUN] = WAITING, day, month
            km = int(real(w, W_KM, person[T_HOME], whole(w, W_BODY_PREFECTURE, st[n, BODY])))
            st[n, KM] = km
            base[n] = real(w, W_TIE, st[n, TIE], V_VISITS) * keen * nearness(w, st[n, TIE], km)
            n += 1
        live_month(w, o, month, seed, who, person, st, n, ring, todo, planned)
        anniversaries(o, month, st, n)
        if month % MONTHS == MONTHS - 1 and month + 1 < months:
            move(w, o, month, seed, who, person, st, n)
    return n


@inner
def finish(o: Out, person: Ints, st: Ints, n: int, at: int) -> None:
    """How far a person came."""
    reached = person[T_FUNNEL]
    for step in range(ms.N_FUNNEL):
        if not reached & (1 << step):
            break
        bump(o, O_FUNNEL, 1, step)
        bump(o, O_TIES, 1, st[0, TIE], step)
    flag = reached
    for s in range(n):
        if st[s, STATUS] not in (WAITING, BASIC) and held(st[s, STATUS]):
            flag |= 1 << ms.N_FUNNEL
    o.flags[at] = flag


@compiled
def live_many(w: World, o: Out, seed: int, first: int, people: int) -> None:
    """The lives of people from a number on."""
    person = np.zeros(TRAITS, dtype=np.int64)
    st = np.zeros((PLACES, FIELDS), dtype=np.int64)
    ring = np.zeros((PLACES, RECORDS, RECORD), dtype=np.int64)
    base = np.zeros(PLACES, dtype=np.float64)
    todo = np.zeros((EVENTS_MOST, 3), dtype=np.int64)
    for at in range(people):
        n = live(w, o, seed, first + at, person, st, ring, base, todo)
        finish(o, person, st, n, at)
