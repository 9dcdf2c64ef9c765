"""The only place that reads a clock.

Everything below the doors takes `now` (aware, UTC) or a Japanese day as an argument.
A rehearsal runs on a settable clock shared by all its processes through one small file.
"""

import json
import os
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

JAPAN = ZoneInfo("Asia/Tokyo")


def japan_day(instant: datetime) -> date:
    """The Japanese calendar date of an aware instant."""
    return instant.astimezone(JAPAN).date()


def day_start(day: date) -> datetime:
    """The instant (UTC) at which a Japanese day begins."""
    return datetime.combine(day, time.min, JAPAN).astimezone(UTC)


def wall_now() -> datetime:
    """The machine's own time (UTC): for protocol tokens and heartbeats, never for rules."""
    return datetime.now(UTC)  # noqa: TID251 - this module is the one that may


class Clock(Protocol):
    """Something that tells the time of the scheme."""

    def now(self) -> datetime:
        """The current instant, aware, UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The current instant, aware, UTC."""
        return wall_now()


class FileClock:
    """A clock that a rehearsal sets: `{"at": instant, "set_at": instant, "running": bool}`.

    The file is replaced atomically, so a reader never sees half of it; it is read again
    only when its modification time changes.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int] = (0, 0)
        self._state: tuple[datetime, datetime, bool] | None = None

    def now(self) -> datetime:
        """The rehearsal's instant; the machine's own until somebody sets one."""
        try:
            stat = self._path.stat()
        except FileNotFoundError:
            return wall_now()
        stamp = (stat.st_mtime_ns, stat.st_ino)
        if stamp != self._stamp or self._state is None:
            raw = json.loads(self._path.read_text(encoding="utf-8"))
            self._state = (
                datetime.fromisoformat(raw["at"]),
                datetime.fromisoformat(raw["set_at"]),
                bool(raw["running"]),
            )
            self._stamp = stamp
        at, set_at, running = self._state
        return at + (wall_now() - set_at) if running else at

    def set(self, at: datetime, *, running: bool) -> None:
        """Set the rehearsal's instant (aware), standing still or running on."""
        text = json.dumps(
            {
                "at": at.astimezone(UTC).isoformat(),
                "set_at": wall_now().isoformat(),
                "running": running,
            }
        )
        part = self._path.with_suffix(f".{os.getpid()}.part")
        part.write_text(text, encoding="utf-8")
        part.replace(self._path)


class FixedClock:
    """A clock in the hands of a test."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        """The instant the test has set."""
        return self.at

    def advance(self, step: timedelta) -> None:
        """Move on by a step."""
        self.at += step


def clock_for(path: Path | None) -> Clock:
    """The settable clock when a file is named, else the machine's."""
    return SystemClock() if path is None else FileClock(path)
