"""Applications for premium: who is granted it, and when."""

import math

import numpy as np

from simulation import chance
from simulation import measures as ms
from simulation.counting import act, count, held, note, premium_stock, relation, tell
from simulation.days import NONE, age_on, term_last, window_first, window_last
from simulation.fast import Ints, inner
from simulation.judge import (
    AUTO,
    CAP,
    GUARDIAN,
    H_BODY,
    H_IS_PREFECTURE,
    H_PENDING,
    H_PREFECTURE,
    H_PREMIUM,
    H_SINCE,
    HOLDING,
    MEASURES,
    REQUIREMENT,
    VETO,
    gather,
    guardian_bits,
    identity_bits,
    meets,
    residence_bits,
    within_cap,
)
from simulation.rulebook import (
    P_ADULT,
    P_CAP,
    P_CHECK,
    P_FAVOUR,
    P_LEVEL,
    P_MIN_MINUTES,
    P_MODE,
    P_PENDING,
    P_TERM,
    P_VETO_DAYS,
    P_WINDOW,
    P_WINDOW_DAYS,
    RECORDS,
)
from simulation.state import (
    APPLIED,
    B_REVIEW_DAYS,
    B_STAFF_REFUSE,
    BASIC,
    BODY,
    BOOKED,
    CARRIED,
    DECIDED_ON,
    DUE,
    FOR_GUARDIAN,
    IN_GRACE,
    PREMIUM,
    RECORDED,
    RESTS_UNTIL,
    SINCE,
    STATUS,
    T_BIRTH,
    T_CONSENT,
    T_FUNNEL,
    T_LEVEL,
    T_VERIFIED,
    TERM_FIRST,
    TERM_LAST,
    TOLD,
    Y_PREMIUM_YEN,
)
from simulation.tables import (
    O_REFUSALS,
    W_BODY_IS_PREFECTURE,
    W_BODY_PREFECTURE,
    W_BODY_TYPE,
    W_HABIT,
    W_NUMBERS,
    W_STARTS,
    W_TYPE_NUMBER,
    W_WANTED_SINCE,
    Out,
    World,
    bump,
    real,
    size,
    ways_of,
    whole,
    whole_row,
)

FAR = 1 << 40
# How a renewal stands.
OPEN, CERTAIN, WAITS_VETO, WAITS_STAFF, WAITS_RELEASE = range(5)
#: Days after a refusal in which nobody tries again.
DISCOURAGED = 365
_RULE_BITS = 10
F_APPLIED, F_PREMIUM, F_RENEWED, F_TWICE = 3, 4, 5, 6


@inner
def numbers_on(w: World, day: int, body: int) -> Ints:
    """A type's numbers on a day."""
    period = 0
    for at in range(size(w, W_STARTS)):
        if whole(w, W_STARTS, at) <= day:
            period = at
    return whole_row(w, W_NUMBERS, period, whole(w, W_BODY_TYPE, body))


@inner
def staff_delay(w: World, seed: int, who: int, purpose: int, at: int) -> int:
    """Days until staff decide, at least one."""
    u = chance.draw(seed, who, purpose, at)
    return 1 + int(-math.log(1.0 - u) * real(w, W_HABIT, B_REVIEW_DAYS))


@inner
def holdings_of(w: World, st: Ints, n: int, hold: Ints) -> int:
    """R13: the living places of a person, applications among them."""
    found = 0
    for at in range(n):
        status = st[at, STATUS]
        if not held(status):
            continue
        body = st[at, BODY]
        premium = status in (PREMIUM, IN_GRACE)
        hold[found, H_BODY] = body
        hold[found, H_PREFECTURE] = whole(w, W_BODY_PREFECTURE, body)
        hold[found, H_IS_PREFECTURE] = whole(w, W_BODY_IS_PREFECTURE, body)
        hold[found, H_PREMIUM] = 1 if premium or st[at, APPLIED] >= 0 else 0
        hold[found, H_PENDING] = 0 if premium or st[at, APPLIED] < 0 else 1
        hold[found, H_SINCE] = st[at, TERM_FIRST] if premium else st[at, APPLIED]
        found += 1
    return found


@inner
def version_on(w: World, type_: int, day: int) -> int:
    """R33 `version_for_term`: the requirement in force on a day."""
    found = 0
    for at in range(size(w, W_WANTED_SINCE, 1)):
        if whole(w, W_WANTED_SINCE, type_, at) <= day:
            found = at
    return found


@inner
def requirement_met(
    w: World, type_: int, applied: int, today: int, favour: int, shown: Ints
) -> bool:
    """R33 `versions_for_applicant`: met by one of the versions open to who applied that day."""
    current = version_on(w, type_, applied)
    if meets(ways_of(w, type_, current), shown):
        return True
    for at in range(size(w, W_WANTED_SINCE, 1)):
        since = whole(w, W_WANTED_SINCE, type_, at)
        newer = applied < since <= max(today, applied)
        older = (
            at + 1 < size(w, W_WANTED_SINCE, 1)
            and whole(w, W_WANTED_SINCE, type_, at + 1)
            <= applied
            <= whole(w, W_WANTED_SINCE, type_, at + 1) + favour
        )
        if (newer or older) and meets(ways_of(w, type_, at), shown):
            return True
    return False


@inner
def judge_premium(
    w: World, person: Ints, st: Ints, n: int, ring: Ints, s: int, today: int, applied: int
) -> int:
    """R07, R12, R13, R16, R18, R33 `decide_premium`: the bits of every reason against."""
    body = st[s, BODY]
    row = numbers_on(w, today, body)
    age = age_on(person[T_BIRTH], today)
    bits = residence_bits(relation(w, person, body), 0)
    bits |= identity_bits(person[T_LEVEL], 1, age, row[P_LEVEL : P_LEVEL + 3])
    bits |= guardian_bits(age, person[T_CONSENT], row[P_ADULT])
    hold = np.empty((n, HOLDING), dtype=np.int64)
    places = holdings_of(w, st, n, hold)
    prefecture, is_prefecture = (
        whole(w, W_BODY_PREFECTURE, body),
        whole(w, W_BODY_IS_PREFECTURE, body),
    )
    if not within_cap(hold, places, body, prefecture, is_prefecture, row[P_CAP : P_CAP + 3], today):
        bits |= CAP
    shown = np.empty(MEASURES, dtype=np.int64)
    first = window_first(row[P_WINDOW], row[P_WINDOW_DAYS], applied, st[s, SINCE])
    last = window_last(row[P_WINDOW], first, applied)
    known = min(st[s, RECORDED], RECORDS)
    gather(ring[s], known, first, last, row[P_MIN_MINUTES : P_MIN_MINUTES + 2], 0, shown)
    if not requirement_met(w, whole(w, W_BODY_TYPE, body), applied, today, row[P_FAVOUR], shown):
        bits |= REQUIREMENT
    return bits


@inner
def refuse(w: World, o: Out, month: int, who: int, st: Ints, s: int, day: int, bits: int) -> None:
    """An application ends without premium, with its reasons counted."""
    body = st[s, BODY]
    st[s, APPLIED], st[s, RESTS_UNTIL] = NONE, day + DISCOURAGED
    count(w, o, month, body, ms.REFUSALS, 1)
    tell(w, o, month, body, day)
    note(o, who, day, body, ms.E_REFUSED)
    for at in range(_RULE_BITS):
        if bits & (1 << at):
            bump(o, O_REFUSALS, 1, at)


@inner
def grant(w: World, o: Out, month: int, who: int, person: Ints, st: Ints, s: int, day: int) -> None:
    """R14: the year of premium begins on the day of approval."""
    body = st[s, BODY]
    row = numbers_on(w, day, body)
    st[s, STATUS], st[s, APPLIED], st[s, BOOKED] = PREMIUM, NONE, OPEN
    st[s, TERM_FIRST], st[s, TERM_LAST] = day, term_last(day, row[P_TERM])
    st[s, CARRIED], st[s, TOLD] = 0, FAR
    person[T_FUNNEL] |= 1 << F_PREMIUM
    premium_stock(w, o, month, body, 1)
    count(w, o, month, body, ms.GRANTS, 1)
    yen = int(real(w, W_TYPE_NUMBER, whole(w, W_BODY_TYPE, body), Y_PREMIUM_YEN))
    count(w, o, month, body, ms.SUPPORT_YEN, yen)
    tell(w, o, month, body, day)
    note(o, who, day, body, ms.E_GRANTED)


@inner
def apply_for(
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
    """R15: an application is decided at once, after the time for a veto, or by staff."""
    body = st[s, BODY]
    if st[s, STATUS] != BASIC or st[s, APPLIED] >= 0:
        return
    act(o, who, day, body, ms.A_APPLIES, 0)
    row = numbers_on(w, day, body)
    person[T_VERIFIED] = 1
    person[T_FUNNEL] |= 1 << F_APPLIED
    count(w, o, month, body, ms.APPLICATIONS, 1)
    note(o, who, day, body, ms.E_APPLIED)
    bits = judge_premium(w, person, st, n, ring, s, day, day)
    if bits == GUARDIAN:
        # R18, example 9: it says so and waits, with a place, and ends with that place.
        st[s, APPLIED], st[s, FOR_GUARDIAN] = day, 1
        st[s, DECIDED_ON] = day + row[P_PENDING] + 1
        st[s, DUE] = min(st[s, DUE], st[s, DECIDED_ON])
        tell(w, o, month, body, day)
        return
    if bits != 0:
        refuse(w, o, month, who, st, s, day, bits)
        return
    if row[P_MODE] == AUTO:
        grant(w, o, month, who, person, st, s, day)
        st[s, DUE] = st[s, TERM_LAST] - row[P_CHECK]
        return
    st[s, APPLIED] = day
    tell(w, o, month, body, day)
    if row[P_MODE] == VETO:
        count(w, o, month, body, ms.VETO_LOOKS, 1)
        st[s, DECIDED_ON] = day + row[P_VETO_DAYS]
    else:
        count(w, o, month, body, ms.REVIEWS, 1)
        at = s * chance.MONTHS_MOST + month
        st[s, DECIDED_ON] = day + staff_delay(w, seed, who, chance.REVIEW, at)
    st[s, DUE] = min(st[s, DUE], st[s, DECIDED_ON])


@inner
def decide_application(
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
    """The day on which an application takes effect: the facts of that day decide."""
    if st[s, FOR_GUARDIAN] == 1:
        st[s, APPLIED], st[s, FOR_GUARDIAN] = NONE, 0
        st[s, RESTS_UNTIL] = day + DISCOURAGED
        tell(w, o, month, st[s, BODY], day)
        return
    bits = judge_premium(w, person, st, n, ring, s, day, st[s, APPLIED])
    reviewed = numbers_on(w, day, st[s, BODY])[P_MODE] > VETO
    u = chance.draw(seed, who, chance.REVIEW, (s + 32) * chance.MONTHS_MOST + month)
    no = u < real(w, W_HABIT, B_STAFF_REFUSE)
    if reviewed:
        kind = ms.A_STAFF_REFUSES if no else ms.A_STAFF_GRANTS
        act(o, who, day, st[s, BODY], kind, 0)
    if bits != 0 or (reviewed and no):
        refuse(w, o, month, who, st, s, day, bits)
    else:
        grant(w, o, month, who, person, st, s, day)
