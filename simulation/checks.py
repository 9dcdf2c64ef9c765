"""R14: the days before a term's end on which a night looks at it."""

from simulation.days import NONE
from simulation.fast import Ints, inner
from simulation.rulebook import P_CHECK, P_CHECK_2, P_CHECK_3


@inner
def next_look(row: Ints, last: int, today: int) -> int:
    """R14 `next_look`: the next check, or the day after the end."""
    for before in (row[P_CHECK], row[P_CHECK_2], row[P_CHECK_3]):
        if last - before > today:
            return int(last - before)
    return max(last, today) + 1


@inner
def check_reached(row: Ints, last: int, today: int) -> int:
    """The latest check whose day has come, in days before the end.

    A look between two checks, as after a change of numbers, is still at the earlier one.
    """
    found = NONE
    for before in (row[P_CHECK], row[P_CHECK_2], row[P_CHECK_3]):
        if last - before <= today:
            found = before
    return found
