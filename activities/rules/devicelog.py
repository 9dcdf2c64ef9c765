"""R19, C19: the log of a device that worked without network: each line holds the one before it.

A line's mark is the hash of the mark before and of what the line says. A line that is left out,
changed or put elsewhere afterwards breaks the marks behind it, and the upload shows it.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

#: Before the first line.
START = ""


class LogState(StrEnum):
    """What an upload shows of a device's log."""

    WHOLE = "whole"
    GAP = "gap"  # numbers are missing: they may still wait on the device
    BROKEN = "broken"  # a line does not follow from the one before


@dataclass(frozen=True, slots=True)
class Line:
    """One line as the device wrote it."""

    sequence: int
    scan_id: str
    scanned_at: str
    code: str
    mark: str


@dataclass(frozen=True, slots=True)
class Head:
    """How far a log is known: the last number and its mark."""

    sequence: int = 0
    mark: str = START


def mark_of(before: str, line: Line) -> str:
    """The mark of a line, as the device makes it (mobile/static/counter.js)."""
    said = "|".join((before, str(line.sequence), line.scan_id, line.scanned_at, line.code))
    return hashlib.sha256(said.encode()).hexdigest()


def follow(head: Head, lines: Sequence[Line]) -> tuple[Head, LogState]:
    """Follow the marks of an upload from what is known; a repeat of known lines says nothing new."""
    state = LogState.WHOLE
    for line in sorted(lines, key=lambda one: one.sequence):
        if line.sequence <= head.sequence:
            continue
        if line.sequence > head.sequence + 1:
            state = max(state, LogState.GAP, key=_WORST.index)
        elif mark_of(head.mark, line) != line.mark:
            state = LogState.BROKEN
        head = Head(line.sequence, line.mark)
    return head, state


_WORST = (LogState.WHOLE, LogState.GAP, LogState.BROKEN)
