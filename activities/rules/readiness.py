"""C18, C31: whether the reception of a session can work, and what is missing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Lack(StrEnum):
    """What a session does not have yet."""

    KEY = "key"  # no living key signs the venue's code
    CONTACT = "contact"  # nobody to call is published
    DEVICE = "device"  # the host has no living device
    ARMED = "armed"  # a device, but none armed until the end
    NAMES = "names"  # no armed device has the names as they are now
    PAPER = "paper"  # no list was printed
    OLD_PAPER = "old_paper"  # one was, before somebody came or left


#: What only staff can mend; the host is not asked for it.
STAFFS = frozenset({Lack.KEY, Lack.PAPER, Lack.OLD_PAPER})


@dataclass(frozen=True, slots=True)
class DeviceState:
    """A device of the host: until when it lives and is armed."""

    lives_until: datetime
    armed_until: datetime | None


@dataclass(frozen=True, slots=True)
class Preparation:
    """What has been prepared for a session.

    Attributes:
        ends_at: When the session is over.
        contact: Whom to call, as published.
        devices: The host's devices that nobody took away.
        key_until: Until when a venue code can be signed; None when not at all.
        expected: How many have a place.
        changed_at: When somebody last came or left; None while nobody did.
        carried_at: When a device last took the names along.
        printed_at: When the list was last printed.
    """

    ends_at: datetime
    contact: str
    devices: Sequence[DeviceState]
    key_until: datetime | None
    expected: int
    changed_at: datetime | None
    carried_at: datetime | None
    printed_at: datetime | None


def lacks(given: Preparation) -> tuple[Lack, ...]:
    """Everything that is missing, the gravest first."""
    found = []
    if given.key_until is None or given.key_until < given.ends_at:
        found.append(Lack.KEY)
    if not given.contact.strip():
        found.append(Lack.CONTACT)
    living = [one for one in given.devices if one.lives_until >= given.ends_at]
    armed = [one for one in living if one.armed_until and one.armed_until >= given.ends_at]
    if not living:
        found.append(Lack.DEVICE)
    elif not armed:
        found.append(Lack.ARMED)
    if given.expected:
        if armed and not _fresh(given.carried_at, given.changed_at):
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


def _fresh(at: datetime | None, changed_at: datetime | None) -> bool:
    return at is not None and (changed_at is None or at >= changed_at)
