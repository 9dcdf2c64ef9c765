"""R06 in the model: asked about, kept, released, restored."""

from simulation import chance
from simulation import measures as ms
from simulation.applying import FAR, numbers_on
from simulation.counting import act, count, note, stock, tell
from simulation.days import NONE, add_months
from simulation.fast import Ints, inner
from simulation.judge import NO_STEP, NOTICE, dormancy_step
from simulation.rulebook import NOTICES, P_DORMANCY, P_RESTORE
from simulation.state import (
    ACCESS,
    B_KEEP,
    B_RESTORE,
    BASIC,
    BODY,
    ENGAGED,
    KEEPS,
    NO_REACTION,
    REACTION,
    REACTS_ON,
    RELEASED,
    RELEASED_DORMANT,
    RESTORES,
    SENT,
    STATUS,
)
from simulation.tables import (
    W_DISASTER_FROM,
    W_DISASTER_UNTIL,
    W_HABIT,
    W_NOTICE_DAYS,
    Out,
    World,
    real,
    whole,
    whole_row,
)


@inner
def stopped_until(w: World, body: int, today: int) -> int:
    """R14: the last day of a disaster that has begun; the clock of dormancy stands until then."""
    begins = whole(w, W_DISASTER_FROM, body)
    return whole(w, W_DISASTER_UNTIL, body) if begins != NONE and begins <= today else NONE


@inner
def dormancy_night(
    w: World,
    o: Out,
    month: int,
    seed: int,
    who: int,
    person: Ints,
    st: Ints,
    n: int,
    s: int,
    day: int,
) -> int:
    """R06: ask, or release; the day of the next look."""
    body = st[s, BODY]
    row = numbers_on(w, day, body)
    sent = st[s, SENT : SENT + NOTICES]
    stopped = stopped_until(w, body, day)
    kind, at, due, _ = dormancy_step(
        st[s, ACCESS], sent, whole_row(w, W_NOTICE_DAYS), day, row[P_DORMANCY], stopped
    )
    if kind == NO_STEP:
        return due
    if kind == NOTICE:
        st[s, SENT + at] = day
        count(w, o, month, body, ms.DORMANCY_NOTICES, 1)
        tell(w, o, month, body, day)
        note(o, who, day, body, ms.E_DORMANCY)
        react(w, seed, who, st, s, day, at)
        _, _, due, _ = dormancy_step(
            st[s, ACCESS], sent, whole_row(w, W_NOTICE_DAYS), day, row[P_DORMANCY], stopped
        )
        return max(due, day + 1)
    st[s, STATUS], st[s, RELEASED] = RELEASED_DORMANT, day
    stock(w, o, month, person, st, n, s, -1)
    count(w, o, month, body, ms.RELEASES, 1)
    tell(w, o, month, body, day)
    note(o, who, day, body, ms.E_RELEASED)
    u = chance.draw(seed, who, chance.RESTORE, s * chance.MONTHS_MOST + month)
    if u < real(w, W_HABIT, B_RESTORE):
        st[s, REACTION] = RESTORES
        st[s, REACTS_ON] = day + 1 + int(u / real(w, W_HABIT, B_RESTORE) * 90)
    return FAR


@inner
def react(w: World, seed: int, who: int, st: Ints, s: int, day: int, at: int) -> None:
    """Some people tap "keep" within a week of a notice; half of the readers within two days."""
    u = chance.draw(seed, who, chance.KEEP, (s * NOTICES + at) * chance.MONTHS_MOST + day % 4096)
    share = real(w, W_HABIT, B_KEEP) if st[s, ENGAGED] == 1 else real(w, W_HABIT, B_KEEP) / 4
    if u < share:
        wait = u / share
        st[s, REACTION] = KEEPS
        st[s, REACTS_ON] = day + (1 if wait < 1 / 4 else (2 if wait < 1 / 2 else 3 + int(wait * 4)))


@inner
def react_now(
    w: World, o: Out, month: int, who: int, person: Ints, st: Ints, n: int, s: int, day: int
) -> None:
    """R06: one tap keeps a registration, or restores a released one in time."""
    body = st[s, BODY]
    wish = st[s, REACTION]
    st[s, REACTION] = NO_REACTION
    act(o, who, day, body, ms.A_KEEPS if wish == KEEPS else ms.A_RESTORES, 0)
    if wish == KEEPS and st[s, STATUS] == BASIC:
        st[s, ACCESS] = day
        count(w, o, month, body, ms.KEEPS, 1)
        note(o, who, day, body, ms.E_KEPT)
    months = numbers_on(w, day, body)[P_RESTORE]
    in_time = day <= add_months(st[s, RELEASED], months)
    if wish == RESTORES and st[s, STATUS] == RELEASED_DORMANT and in_time:
        st[s, STATUS], st[s, ACCESS] = BASIC, day
        stock(w, o, month, person, st, n, s, 1)
        count(w, o, month, body, ms.RESTORES, 1)
        tell(w, o, month, body, day)
        note(o, who, day, body, ms.E_RESTORED)
