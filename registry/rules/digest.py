"""R05: somebody registered with very many places gets one letter a day instead of many."""

from datetime import datetime, time, timedelta

from registry.rules.calendars import JST
from registry.rules.policy import Policy


def takes_digest(registrations: int, policy: Policy) -> bool:
    """R05: above the soft limit notices come as a digest; there is no upper limit."""
    return registrations > policy.integer("basic.soft_limit")


def digest_at(owed_at: datetime, policy: Policy) -> datetime:
    """R05: when the digest leaves that holds a notice owed at an instant: the next one of its day.

    Raises ValueError for an instant without its time zone.
    """
    if owed_at.tzinfo is None:
        raise ValueError("An instant needs its time zone.")
    local = owed_at.astimezone(JST)
    today = datetime.combine(local.date(), time(policy.integer("notify.digest_hour")), JST)
    return today if local <= today else today + timedelta(days=1)
