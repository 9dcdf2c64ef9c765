"""How fast a device may scan, and how many codes that nobody knows it may try (trust: limits).

A gate's rush is the busiest there is, so a scan asks nobody as long as it comes at a hand's pace:
each process follows a device by itself, and only what comes faster is counted in Valkey, for all
processes together. Time is the machine's own: a rehearsal's clock stands still for hundreds of
scans.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from starlette.concurrency import run_in_threadpool

from activities.rules.presence import CodeProblem
from activities.scans import Answer
from core.clock import wall_now
from core.errors import TooMany
from core.limits import MOST_REMEMBERED, Limit, Limiter, too_many
from core.settings import Settings

#: Scans at once that a device may be ahead of its pace, as seconds of it.
AHEAD_SECONDS = 4
#: Of these a process lets a quarter pass by itself.
BY_ITSELF = 4
#: Refusals that say: no such code was ever given out. Late and revoked ones are honest mistakes.
UNKNOWN = frozenset(
    {
        CodeProblem.MALFORMED.value,
        CodeProblem.UNKNOWN_KEY.value,
        CodeProblem.BAD_SIGNATURE.value,
        CodeProblem.UNKNOWN_CODE.value,
    }
)


def unknown_codes(settings: Settings) -> Limit:
    """How many codes that nobody knows one device or one network address may try."""
    return Limit("unknown_code", settings.limit_unknown_codes)


@dataclass(slots=True)
class DeviceRates:
    """The paces of the devices that this process has seen lately."""

    limiter: Limiter
    scans: Limit
    unknown: Limit
    _full: dict[str, float] = field(default_factory=dict)
    _pauses: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings, limiter: Limiter) -> "DeviceRates":
        """By the platform's settings."""
        a_second = settings.limit_device_scans
        scans = Limit("device_scan", 60 * a_second, most=AHEAD_SECONDS * a_second)
        return cls(limiter, scans, unknown_codes(settings))

    async def take(self, device: str) -> None:
        """Before a scan.

        Raises:
            TooMany: The device scans faster than hands do, or pauses after unknown codes.
        """
        instant = wall_now().timestamp() * 1000
        paused = self._pauses.get(device)
        if paused is not None and instant < paused:
            raise too_many(timedelta(milliseconds=paused - instant))
        if self.scans.a_minute == 0:
            return
        full = max(self._full.get(device, instant), instant)
        if full + self.scans.step - instant <= self.scans.span / BY_ITSELF:
            if len(self._full) > MOST_REMEMBERED:
                self._full.clear()
            self._full[device] = full + self.scans.step
            return
        await run_in_threadpool(self.limiter.take, self.scans, device, now=wall_now())

    async def answered(self, device: str, answers: Sequence[Answer]) -> None:
        """After a scan: codes that nobody knows are counted, and too many begin a pause."""
        for answer in answers:
            if answer.reason not in UNKNOWN or answer.repeated:
                continue
            try:
                await run_in_threadpool(self.limiter.take, self.unknown, device, now=wall_now())
            except TooMany:
                if len(self._pauses) > MOST_REMEMBERED:
                    self._pauses.clear()
                self._pauses[device] = wall_now().timestamp() * 1000 + self.unknown.span
                return
