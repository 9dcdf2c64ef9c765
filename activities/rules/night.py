"""R18: late-night work, which minors are neither shown nor let in to."""

from datetime import datetime, time
from typing import Final

from registry.rules.calendars import JST

#: From when to when a date is late-night work.
_NIGHT: Final = time(22)
_MORNING: Final = time(5)


def is_late_night(starts_at: datetime, ends_at: datetime) -> bool:
    """R18: whether a date touches the hours from ten at night to five in the morning."""
    first, last = starts_at.astimezone(JST), ends_at.astimezone(JST)
    over_midnight = first.date() != last.date()
    return over_midnight or first.time() < _MORNING or last.time() > _NIGHT
