"""C23, C27: what ends an enrolled device by itself: its last day, or too long a silence."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from registry.rules.policy import Policy


class Fuse(StrEnum):
    """What ended a device."""

    HOST = "host"  # taken away by a person
    DAY = "day"
    SILENCE = "silence"


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """A device as its fuses see it.

    Attributes:
        revoked_at: When a person ended it, if somebody did.
        ends_at: The end that was set at enrolment.
        seen_at: The last exchange with it, its enrolment at the earliest.
    """

    revoked_at: datetime | None
    ends_at: datetime | None
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Ending:
    """From when a device's scans no longer count, and why; it may lie ahead."""

    at: datetime
    by: Fuse


def ending_of(facts: DeviceFacts, policy: Policy) -> Ending:
    """C23: the earliest end; what was scanned before it counts, later scans are looked into (C28).

    A device that is heard of moves its silence away; nothing moves its day.
    """
    silent = facts.seen_at + timedelta(days=policy.integer("checkin.fuse_days"))
    ends = [Ending(silent, Fuse.SILENCE)]
    if facts.ends_at is not None:
        ends.append(Ending(facts.ends_at, Fuse.DAY))
    if facts.revoked_at is not None:
        ends.append(Ending(facts.revoked_at, Fuse.HOST))
    return min(ends, key=lambda end: end.at)


def full(made: int, received: int, policy: Policy) -> bool:
    """C23: whether as many scans wait on a device as may; it then takes paper only."""
    return made - received >= policy.integer("checkin.fuse_scans")
