"""C33, C34: places, the order of waiting, offers that expire, and overlapping activities."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from registry.rules.plain import Plain


class Place(StrEnum):
    TAKEN = "taken"
    WAITING = "waiting"


class Overlap(StrEnum):
    NONE = "none"
    SOFT = "soft"  # within the grace: warned
    HARD = "hard"  # refused


@dataclass(frozen=True, slots=True)
class Seats(Plain):
    """How a session is filled. `capacity` None means no limit; open offers hold their places."""

    capacity: int | None
    taken: int
    offered: int = 0
    waiting: int = 0

    @property
    def free(self) -> int | None:
        """Places neither taken nor on offer, never below 0; None without a limit."""
        if self.capacity is None:
            return None
        return max(0, self.capacity - self.taken - self.offered)


@dataclass(frozen=True, slots=True)
class Waiting(Plain):
    """Somebody on the waiting list; `offer_until` is set while a place is on offer."""

    sign_up_id: UUID
    waiting_since: datetime
    offer_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Offers(Plain):
    """What the waiting list needs now: offers that ran out, then places offered to the next."""

    expired: tuple[UUID, ...]
    offered: tuple[UUID, ...]
    offer_until: datetime


def place_for(seats: Seats) -> Place:
    """C33: a place if one is free and nobody waits for it; nobody jumps the line."""
    if seats.free is None:
        return Place.TAKEN
    return Place.TAKEN if seats.free > 0 and seats.waiting == 0 else Place.WAITING


def may_accept_offer(entry: Waiting, now: datetime) -> bool:
    """C33: an offer holds up to its last instant."""
    return entry.offer_until is not None and now <= entry.offer_until


def next_offers(
    seats: Seats, line: Iterable[Waiting], now: datetime, hours: int, starts_at: datetime
) -> Offers:
    """C33: free places go to those who wait longest, each for some hours and not past the start.

    Who let an offer pass leaves the line. `seats.offered` counts the open offers of the line,
    expired ones included; their places are free again.
    """
    entries = sorted(line, key=lambda entry: (entry.waiting_since, entry.sign_up_id))
    expired = tuple(
        entry.sign_up_id
        for entry in entries
        if entry.offer_until is not None and not may_accept_offer(entry, now)
    )
    waiting = [entry.sign_up_id for entry in entries if entry.offer_until is None]
    still_offered = max(0, seats.offered - len(expired))
    free = Seats(seats.capacity, seats.taken, still_offered).free
    until = min(now + timedelta(hours=hours), starts_at)
    offered = waiting if free is None else waiting[:free]
    return Offers(expired, tuple(offered) if now < starts_at else (), until)


def overlap(
    first: tuple[datetime, datetime], second: tuple[datetime, datetime], grace_minutes: int
) -> Overlap:
    """C34: how two spans of time overlap; up to the grace it is a warning only.

    Touching ends do not overlap.
    """
    shared = min(first[1], second[1]) - max(first[0], second[0])
    if shared <= timedelta(0):
        return Overlap.NONE
    return Overlap.SOFT if shared <= timedelta(minutes=grace_minutes) else Overlap.HARD
