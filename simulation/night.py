"""What the nights and the decisions of a body do to one registration."""

import numpy as np

from simulation import chance
from simulation import measures as ms
from simulation.applying import (
    CERTAIN,
    F_RENEWED,
    F_TWICE,
    FAR,
    OPEN,
    WAITS_RELEASE,
    WAITS_STAFF,
    WAITS_VETO,
    decide_application,
    numbers_on,
    staff_delay,
    version_on,
)
from simulation.checks import check_reached, next_look
from simulation.counting import act, count, note, premium_stock, relation, tell
from simulation.days import NONE, age_on, term_last
from simulation.fast import Ints, inner
from simulation.judge import (
    COUNT,
    LAPSED,
    MEASURES,
    MOVED_IN,
    RENEWED,
    REQUIREMENT,
    TO_STAFF,
    VETO,
    gather,
    guardian_bits,
    identity_bits,
    meets,
    renewal_step,
    residence_bits,
    surplus,
)
from simulation.judge import IN_GRACE as NOW_IN_GRACE
from simulation.rulebook import (
    P_ADULT,
    P_CARRY,
    P_CHECK,
    P_GRACE,
    P_LEVEL,
    P_MIN_MINUTES,
    P_MODE_RELEASE,
    P_MODE_RENEWAL,
    P_TERM,
    P_VETO_DAYS,
    RECORDS,
)
from simulation.silence import dormancy_night, react_now
from simulation.state import (
    APPLIED,
    B_KEENER,
    BASIC,
    BODY,
    BOOKED,
    CARRIED,
    DECIDED_ON,
    DUE,
    ENGAGED,
    GRACE,
    IN_GRACE,
    JUDGED_LAST,
    KEENER_UNTIL,
    NEXT_COUNT,
    NO_REACTION,
    PREMIUM,
    REACTION,
    REACTS_ON,
    RECORDED,
    RENEWAL_ON,
    RENEWED_TIMES,
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
    W_ASKED,
    W_BODY_TYPE,
    W_DISASTER_FROM,
    W_DISASTER_UNTIL,
    W_HABIT,
    W_TYPE_NUMBER,
    Out,
    World,
    real,
    ways_of,
    whole,
)

TWICE = 2


@inner
def judged_last(w: World, body: int, first: int, last: int, today: int) -> int:
    """R14: a disaster that has begun within the term puts its end off by the days it takes."""
    begins = whole(w, W_DISASTER_FROM, body)
    if (
        begins == NONE
        or begins > today
        or begins > last
        or whole(w, W_DISASTER_UNTIL, body) < first
        or whole(w, W_DISASTER_UNTIL, body) == last
    ):
        return last
    return last + whole(w, W_DISASTER_UNTIL, body) - max(begins, first) + 1


@inner
def grace_begins_again(w: World, st: Ints, s: int, today: int) -> None:
    """R14: a grace that a disaster meets is taken back, and begins anew after its last day."""
    begins = whole(w, W_DISASTER_FROM, st[s, BODY])
    if begins != NONE and st[s, TERM_LAST] < begins <= min(today, st[s, GRACE]):
        st[s, STATUS], st[s, TERM_LAST] = PREMIUM, whole(w, W_DISASTER_UNTIL, st[s, BODY])


@inner
def lapse(w: World, o: Out, month: int, who: int, st: Ints, s: int, day: int, ended: int) -> None:
    """R14: back to basic, never away."""
    body = st[s, BODY]
    st[s, STATUS], st[s, BOOKED] = BASIC, OPEN
    premium_stock(w, o, month, body, -1)
    if ended & MOVED_IN:
        count(w, o, month, body, ms.MOVED_IN, 1)
        note(o, who, day, body, ms.E_MOVED_IN)
    else:
        count(w, o, month, body, ms.LAPSES, 1)
        note(o, who, day, body, ms.E_LAPSED)
    tell(w, o, month, body, day)


@inner
def book(w: World, o: Out, month: int, who: int, person: Ints, st: Ints, s: int, day: int) -> None:
    """R14: the next year is certain."""
    body = st[s, BODY]
    st[s, BOOKED] = CERTAIN
    st[s, RENEWED_TIMES] += 1
    person[T_FUNNEL] |= 1 << (F_TWICE if st[s, RENEWED_TIMES] >= TWICE else F_RENEWED)
    count(w, o, month, body, ms.RENEWALS, 1)
    tell(w, o, month, body, day)
    note(o, who, day, body, ms.E_RENEWED)


@inner
def roll(w: World, o: Out, month: int, st: Ints, s: int, last: int) -> None:
    """R14: the booked year begins the day after the old one ends."""
    body = st[s, BODY]
    row = numbers_on(w, last + 1, body)
    st[s, STATUS], st[s, BOOKED] = PREMIUM, OPEN
    st[s, TERM_FIRST], st[s, TERM_LAST] = last + 1, term_last(last + 1, row[P_TERM])
    st[s, CARRIED], st[s, TOLD] = st[s, NEXT_COUNT], FAR
    yen = int(real(w, W_TYPE_NUMBER, whole(w, W_BODY_TYPE, body), Y_PREMIUM_YEN))
    count(w, o, month, body, ms.SUPPORT_YEN, yen)


@inner
def ends_anyhow(w: World, person: Ints, st: Ints, s: int, today: int, row: Ints) -> int:
    """R12, R16, R18 `standing_reasons`: what ends premium on any day."""
    moved = relation(w, person, st[s, BODY]) & person[T_VERIFIED]
    age = age_on(person[T_BIRTH], today)
    return residence_bits(0, moved) | guardian_bits(age, person[T_CONSENT], row[P_ADULT])


@inner
def renewal_night(
    w: World,
    o: Out,
    month: int,
    seed: int,
    who: int,
    person: Ints,
    st: Ints,
    ring: Ints,
    s: int,
    day: int,
) -> int:
    """R14: one look at a term; the day of the next look."""
    body = st[s, BODY]
    row = numbers_on(w, day, body)
    if st[s, STATUS] == IN_GRACE:
        grace_begins_again(w, st, s, day)
    last = judged_last(w, body, st[s, TERM_FIRST], st[s, TERM_LAST], day)
    if st[s, BOOKED] != CERTAIN:
        st[s, JUDGED_LAST] = last
    ended = ends_anyhow(w, person, st, s, day, row)
    if st[s, BOOKED] != OPEN and ended == 0:
        return waiting_night(w, o, month, who, person, st, s, day)
    if st[s, STATUS] == IN_GRACE and day <= st[s, GRACE] and ended == 0:
        return int(st[s, GRACE] + 1)
    shown = np.empty(MEASURES, dtype=np.int64)
    known = min(st[s, RECORDED], RECORDS)
    counting = row[P_MIN_MINUTES : P_MIN_MINUTES + 2]
    gather(ring[s], known, st[s, TERM_FIRST], last, counting, st[s, CARRIED], shown)
    type_ = whole(w, W_BODY_TYPE, body)
    version = version_on(w, type_, st[s, TERM_FIRST])
    against = residence_bits(relation(w, person, body), 0)
    age = age_on(person[T_BIRTH], day)
    against |= identity_bits(person[T_LEVEL], 1, age, row[P_LEVEL : P_LEVEL + 3])
    if not meets(ways_of(w, type_, version), shown):
        against |= REQUIREMENT
    tests = np.empty(2, dtype=np.int64)
    tests[0], tests[1] = row[P_CHECK], row[P_GRACE]
    outcome, proposal, until = renewal_step(
        day, last, NONE, against, ended, tests, row[P_MODE_RENEWAL], row[P_MODE_RELEASE]
    )
    if proposal == RENEWED:
        st[s, NEXT_COUNT] = surplus(shown[COUNT], whole(w, W_ASKED, type_, version), row[P_CARRY])
    return carry_out(
        w, o, month, seed, who, person, st, s, day, outcome, proposal, until, against, ended
    )


@inner
def carry_out(
    w: World,
    o: Out,
    month: int,
    seed: int,
    who: int,
    person: Ints,
    st: Ints,
    s: int,
    day: int,
    outcome: int,
    proposal: int,
    until: int,
    against: int,
    ended: int,
) -> int:
    """What follows from a judgement on a term; the day of the next look."""
    body = st[s, BODY]
    row = numbers_on(w, day, body)
    last = st[s, JUDGED_LAST]
    if outcome == TO_STAFF:
        st[s, BOOKED] = WAITS_STAFF if proposal == RENEWED else WAITS_RELEASE
        count(w, o, month, body, ms.REVIEWS, 1)
        tell(w, o, month, body, day)
        at = s * chance.MONTHS_MOST + month
        st[s, RENEWAL_ON] = day + staff_delay(w, seed, who, chance.REVIEW, at)
        return int(st[s, RENEWAL_ON])
    if outcome == RENEWED:
        if row[P_MODE_RENEWAL] == VETO:
            st[s, BOOKED] = WAITS_VETO
            count(w, o, month, body, ms.VETO_LOOKS, 1)
            tell(w, o, month, body, day)
            st[s, RENEWAL_ON] = day + row[P_VETO_DAYS]
            return int(st[s, RENEWAL_ON])
        book(w, o, month, who, person, st, s, day)
        return int(last + 1)
    if outcome == LAPSED:
        lapse(w, o, month, who, st, s, day, ended)
        return FAR
    if outcome == NOW_IN_GRACE:
        # Told late, grace lasts its full time from the day on which it is told.
        st[s, STATUS], st[s, GRACE] = IN_GRACE, max(until, day + row[P_GRACE] if day > last else 0)
        count(w, o, month, body, ms.GRACES, 1)
        tell(w, o, month, body, day)
        note(o, who, day, body, ms.E_GRACE)
        return int(st[s, GRACE] + 1)
    told_of_missing(w, o, month, who, st, s, day, against)
    return next_look(row, last, day)


@inner
def told_of_missing(
    w: World, o: Out, month: int, who: int, st: Ints, s: int, day: int, against: int
) -> None:
    """R14: at a check, what is still missing is told once; some people come more often then."""
    body = st[s, BODY]
    row = numbers_on(w, day, body)
    reached = check_reached(row, st[s, JUDGED_LAST], day)
    if reached == NONE or against == 0 or reached >= st[s, TOLD]:
        return
    st[s, TOLD] = reached
    count(w, o, month, body, ms.MISSING_NOTICES, 1)
    tell(w, o, month, body, day)
    note(o, who, day, body, ms.E_MISSING)
    if real(w, W_HABIT, B_KEENER) > 0 and st[s, ENGAGED] == 1:
        st[s, KEENER_UNTIL] = st[s, JUDGED_LAST]


@inner
def waiting_night(
    w: World, o: Out, month: int, who: int, person: Ints, st: Ints, s: int, day: int
) -> int:
    """R15: a term that waits for a veto, for staff, or for its next year."""
    waits, last = st[s, BOOKED], st[s, JUDGED_LAST]
    if waits != CERTAIN and day < st[s, RENEWAL_ON]:
        return int(st[s, RENEWAL_ON])
    if waits in (WAITS_RELEASE, WAITS_STAFF):
        kind = ms.A_STAFF_RELEASES if waits == WAITS_RELEASE else ms.A_STAFF_RENEWS
        act(o, who, day, st[s, BODY], kind, 0)
    if waits == WAITS_RELEASE:
        lapse(w, o, month, who, st, s, day, 0)
        return FAR
    if waits != CERTAIN:
        book(w, o, month, who, person, st, s, day)
    if day > last:
        roll(w, o, month, st, s, last)
        row = numbers_on(w, day, st[s, BODY])
        return int(st[s, TERM_LAST] - row[P_CHECK])
    return int(last + 1)


@inner
def night(
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
    """Everything that is due for one registration on a day, and when to look again."""
    if st[s, REACTION] != NO_REACTION and st[s, REACTS_ON] <= day:
        react_now(w, o, month, who, person, st, n, s, day)
    if st[s, APPLIED] >= 0 and st[s, DECIDED_ON] <= day:
        decide_application(w, o, month, seed, who, person, st, n, ring, s, day)
    due = FAR
    if st[s, STATUS] in (PREMIUM, IN_GRACE):
        due = renewal_night(w, o, month, seed, who, person, st, ring, s, day)
    if st[s, STATUS] == BASIC:
        due = dormancy_night(w, o, month, seed, who, person, st, n, s, day)
    if st[s, REACTION] != NO_REACTION:
        due = min(due, st[s, REACTS_ON])
    if st[s, APPLIED] >= 0:
        due = min(due, st[s, DECIDED_ON])
    st[s, DUE] = max(due, day + 1)
