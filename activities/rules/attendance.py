"""C31: the minutes of a presence, by what the activity asks of those who come and go."""

from datetime import datetime
from enum import StrEnum


class AttendanceMode(StrEnum):
    """What an activity asks: the session's hours stand, or leaving is checked in too."""

    AUTOMATIC = "automatic"
    IN_ONLY = "in_only"
    IN_AND_OUT = "in_and_out"


def minutes_there(
    mode: str | None,
    span: tuple[datetime, datetime],
    *,
    arrived_at: datetime,
    left_at: datetime | None = None,
) -> int:
    """C31, R08: whole minutes of a presence, within the session's hours and never below none.

    Where only coming is checked, the scheduled hours stand. Where leaving is checked as well, it
    is the time between the two; whoever forgets to check out is there until the session ends,
    and is looked at by staff.
    """
    starts_at, ends_at = span
    if mode != AttendanceMode.IN_AND_OUT:
        return _whole(starts_at, ends_at)
    until = ends_at if left_at is None else min(left_at, ends_at)
    return _whole(max(arrived_at, starts_at), until)


def minutes_changed(
    mode: str | None,
    span: tuple[datetime, datetime],
    *,
    arrived_at: datetime,
    left_at: datetime | None,
) -> int | None:
    """C31: what an arrival, or a leaving where it is set, makes of the minutes; None is nothing."""
    if left_at is not None and mode != AttendanceMode.IN_AND_OUT:
        return None
    return minutes_there(mode, span, arrived_at=arrived_at, left_at=left_at)


def _whole(start: datetime, end: datetime) -> int:
    return max(0, int((end - start).total_seconds() // 60))
