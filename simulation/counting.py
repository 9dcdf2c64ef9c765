"""Writing down what happened: every count of the engine goes through here."""

from simulation import measures as ms
from simulation.days import NONE
from simulation.fast import Ints, inner
from simulation.state import BASIC, BODY, IN_GRACE, PREMIUM, STATUS, T_HOME, T_TOWN
from simulation.tables import (
    O_BODIES,
    O_DAYS,
    O_PREFECTURES,
    O_SERIES,
    W_BODY_IS_PREFECTURE,
    W_BODY_OPENS,
    W_BODY_PREFECTURE,
    W_BODY_TYPE,
    W_MONTH_FIRST,
    W_PREFECTURE_AT,
    Out,
    World,
    bump,
    whole,
)


@inner
def count(w: World, o: Out, month: int, body: int, metric: int, amount: int) -> None:
    """One more of something, at a body in a month."""
    bump(o, O_SERIES, amount, month, whole(w, W_BODY_TYPE, body), metric)
    bump(o, O_BODIES, amount, body, metric)


@inner
def tell(w: World, o: Out, month: int, body: int, day: int) -> None:
    """A notice goes out."""
    count(w, o, month, body, ms.NOTICES, 1)
    bump(o, O_DAYS, 1, day - whole(w, W_MONTH_FIRST, 0), ms.DAY_NOTICES)


@inner
def note(o: Out, person: int, day: int, body: int, kind: int) -> None:
    """An event for the list, while there is room; without room it is counted all the same."""
    at = o.written[0]
    if at < o.events.shape[0]:
        o.events[at, 0] = person
        o.events[at, 1] = day
        o.events[at, 2] = body
        o.events[at, 3] = kind
    o.written[0] = at + 1


@inner
def act(o: Out, person: int, day: int, body: int, kind: int, number: int) -> None:
    """Something a person or staff does, for whoever does the same on the platform."""
    at = o.written[1]
    if at < o.acts.shape[0]:
        o.acts[at, 0] = person
        o.acts[at, 1] = day
        o.acts[at, 2] = body
        o.acts[at, 3] = kind
        o.acts[at, 4] = number
    o.written[1] = at + 1


@inner
def held(status: int) -> bool:
    """Whether a registration is living."""
    return status in (BASIC, PREMIUM, IN_GRACE)


@inner
def relation(w: World, person: Ints, body: int) -> int:
    """R16 `residence.relation`: 1 for a resident at the body's own level, else 0."""
    if whole(w, W_BODY_IS_PREFECTURE, body) == 1:
        return 1 if whole(w, W_BODY_PREFECTURE, body) == person[T_HOME] else 0
    return 1 if person[T_TOWN] == body else 0


@inner
def others_inside(w: World, st: Ints, n: int, mine: int) -> bool:
    """R02: whether another living municipal registration stands for the same prefecture."""
    prefecture = whole(w, W_BODY_PREFECTURE, st[mine, BODY])
    for at in range(n):
        body = st[at, BODY]
        inside = (
            whole(w, W_BODY_IS_PREFECTURE, body) == 0
            and whole(w, W_BODY_PREFECTURE, body) == prefecture
        )
        if at != mine and held(st[at, STATUS]) and inside:
            return True
    return False


@inner
def stock(
    w: World, o: Out, month: int, person: Ints, st: Ints, n: int, mine: int, sign: int
) -> None:
    """R02, R17: a registration begins or ends; the derived one of its prefecture follows."""
    body = st[mine, BODY]
    prefecture = whole(w, W_BODY_PREFECTURE, body)
    year = month // 12
    count(w, o, month, body, ms.BASIC, sign)
    bump(o, O_PREFECTURES, sign, year, prefecture, ms.PREF_BASIC)
    bump(o, O_PREFECTURES, sign, year, person[T_HOME], ms.PREF_HOMES)
    if relation(w, person, body) == 0:
        count(w, o, month, body, ms.RELATED, sign)
    own = whole(w, W_PREFECTURE_AT, prefecture)
    joined = whole(w, W_BODY_OPENS, own) != NONE
    if whole(w, W_BODY_IS_PREFECTURE, body) == 0 and joined and not others_inside(w, st, n, mine):
        count(w, o, month, own, ms.DERIVED, sign)


@inner
def at_home(w: World, o: Out, month: int, person: Ints, st: Ints, n: int, sign: int) -> None:
    """R16, R17: what hangs on where somebody lives, for all living registrations of theirs."""
    for at in range(n):
        if held(st[at, STATUS]):
            bump(o, O_PREFECTURES, sign, month // 12, person[T_HOME], ms.PREF_HOMES)
            if relation(w, person, st[at, BODY]) == 0:
                count(w, o, month, st[at, BODY], ms.RELATED, sign)


@inner
def premium_stock(w: World, o: Out, month: int, body: int, sign: int) -> None:
    """A premium registration begins or ends; it was or will be basic."""
    count(w, o, month, body, ms.PREMIUM, sign)
    count(w, o, month, body, ms.BASIC, -sign)
    year, prefecture = month // 12, whole(w, W_BODY_PREFECTURE, body)
    bump(o, O_PREFECTURES, sign, year, prefecture, ms.PREF_PREMIUM)
    bump(o, O_PREFECTURES, -sign, year, prefecture, ms.PREF_BASIC)
