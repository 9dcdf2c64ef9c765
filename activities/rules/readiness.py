"""C18, C31: whether the reception of a session can work, and what is missing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum
from typing import Final

#: From this hour of the day before a phone can be armed, and hosts are told what is missing.
EVENING: Final = time(18, 0)


class Lack(StrEnum):
    """What a session does not have yet."""

    KEY = "key"  # no living key signs the venue's code
    CONTACT = "contact"  # nobody to call is published
    DEVICE = "device"  # the host has no living device
    ARMED = "armed"  # a device, but none armed for this session
    NAMES = "names"  # no armed device has the names as they are now
    PAPER = "paper"  # no list was printed
    OLD_PAPER = "old_paper"  # one was, before somebody came or left


#: What only staff can mend; the host is not asked for it.
STAFFS = frozenset({Lack.KEY, Lack.CONTACT, Lack.PAPER, Lack.OLD_PAPER})


@dataclass(frozen=True, slots=True)
class DeviceState:
    """A device of the host: until when it lives, and when it took what along for this session."""

    lives_until: datetime
    armed_at: datetime | None = None
    carried_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Preparation:
    """What has been prepared for a session.

    Attributes:
        ends_at: When the session is over.
        contact: Whom to call, as published.
        armable: Whether a device can be armed for it already.
        devices: The host's devices that nobody took away.
        key_until: Until when a venue code can be signed; None when not at all.
        expected: How many have a place.
        changed_at: When somebody last came or left; None while nobody did.
        printed_at: When the list was last printed.
    """

    ends_at: datetime
    contact: str
    armable: bool
    devices: Sequence[DeviceState]
    key_until: datetime | None
    expected: int
    changed_at: datetime | None
    printed_at: datetime | None


def lacks(given: Preparation) -> tuple[Lack, ...]:
    """Everything that is missing, the gravest first."""
    found = []
    if given.key_until is None or given.key_until < given.ends_at:
        found.append(Lack.KEY)
    if not given.contact.strip():
        found.append(Lack.CONTACT)
    living = [one for one in given.devices if one.lives_until >= given.ends_at]
    armed = [one for one in living if one.armed_at]
    if not living:
        found.append(Lack.DEVICE)
    elif given.armable and not armed:
        found.append(Lack.ARMED)
    if given.expected:
        if armed and not any(_has_names(one, given.changed_at) for one in armed):
            found.append(Lack.NAMES)
        if given.printed_at is None:
            found.append(Lack.PAPER)
        elif not _fresh(given.printed_at, given.changed_at):
            found.append(Lack.OLD_PAPER)
    return tuple(found)


def hinders(found: Sequence[Lack], *, expected: int) -> tuple[Lack, ...]:
    """What of it stands in the way: a fresh paper list does for a device, and the other way round."""
    devices = {Lack.DEVICE, Lack.ARMED, Lack.NAMES}
    papers = {Lack.PAPER, Lack.OLD_PAPER}
    paper_does = expected > 0 and not papers & set(found)
    device_does = not devices & set(found)
    spared = (devices if paper_does else set()) | (papers if device_does else set())
    return tuple(one for one in found if one not in spared)


def _has_names(device: DeviceState, changed_at: datetime | None) -> bool:
    """Armed once more without them, a device has dropped the names (mobile/static/counter.js)."""
    return _fresh(device.carried_at, device.armed_at) and _fresh(device.carried_at, changed_at)


def _fresh(at: datetime | None, changed_at: datetime | None) -> bool:
    return at is not None and (changed_at is None or at >= changed_at)
