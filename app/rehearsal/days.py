"""The rehearsal: the model's people, day by day, on the real platform.

What they do is drawn once, by the model (`simulation.acts`); what follows from it the platform
decides, through its real API and its real workers on a settable clock, and its own records are
counted in the end.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from random import Random

from app.local import LocalStack
from app.rehearsal.law import write_law
from app.rehearsal.nights import Nights, instant
from app.rehearsal.stage import Stage
from app.rehearsal.troupe import Troupe
from app.story.cast import Cast
from app.story.names import people
from app.story.setting import first_operator
from app.story.world import World
from core.clock import FileClock
from simulation.acts import Act, Lives

#: People who are on their way at once.
AT_ONCE = 6


@dataclass(slots=True)
class Played:
    """How far a rehearsal came.

    Attributes:
        troupe: Everybody, with what the platform answered.
        cast: Who signs in where, for whoever looks afterwards.
        since: The first day.
        until: The last day that was played.
        nights: Nights with work.
        seconds: Time spent on days and nights.
        whole: Whether all days were played.
    """

    troupe: Troupe
    cast: Cast
    since: date
    until: date
    nights: int = 0
    seconds: float = 0.0
    whole: bool = False

    @property
    def days(self) -> int:
        """How many days were played."""
        return (self.until - self.since).days + 1


def set_out(stack: LocalStack, lives: Lives) -> None:
    """Before any process starts: the law as files, and the clock on the morning of the first day.

    A worker that sees the machine's own day first would take it for the last one done.
    """
    write_law(lives.law, stack.data_dir)
    FileClock(stack.clock_file).set(instant(lives.first_day), running=False)


def law_folder(data_dir: Path) -> Path:
    """Where the numbers of a rehearsal lie."""
    return data_dir.expanduser().resolve() / "policy"


def rehearse(
    stack: LocalStack,
    lives: Lives,
    tick: Callable[[int], None],
    *,
    work: Callable[[], None] | None = None,
) -> Played:
    """Play all days; Ctrl-C ends it between two days and leaves what was done.

    Args:
        stack: A running platform with empty tables and the law of `lives`.
        lives: What people do.
        tick: Told how many days are over.
        work: Does whatever is due, where the stack has no workers of its own.

    Raises:
        StoryError: Something failed that is nobody's decision.
    """
    world = World(stack)
    seed = lives.job.seed
    cast = Cast(Random(seed), operator=first_operator(stack))  # noqa: S311 (a rehearsal, no secret)
    stage = Stage(world, cast, lives)
    troupe = Troupe(world, stage, lives, people(Random(seed)))  # noqa: S311 (as above)
    played = Played(troupe, cast, since=lives.first_day, until=lives.first_day)
    nights = Nights(world, work)
    began = time.monotonic()
    try:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for day, acts in _days(lives):
                nights.until(day)
                tick((day - played.until).days)
                stage.open(day)
                _day(pool, troupe, day, acts)
                played.until = day
        played.whole = True
        world.mail_arrives()
    except KeyboardInterrupt:
        pass
    finally:
        played.nights, played.seconds = nights.worked, time.monotonic() - began
        nights.close()
    world.run_on()
    world.close()
    return played


def _days(lives: Lives) -> list[tuple[date, list[Act]]]:
    """The days on which something is done or a body joins, and the last one."""
    acts = {day: list(mine) for day, mine in groupby(lives.acts, key=attrgetter("day"))}
    for day in (*Stage.opening(lives), lives.last_day):
        acts.setdefault(day, [])
    return sorted(acts.items())


def _day(pool: ThreadPoolExecutor, troupe: Troupe, day: date, acts: list[Act]) -> None:
    """Staff first, then everybody at once, each in their own order."""
    troupe.enlist(acts)
    troupe.stage.prepare(day, acts)
    staff = [act for act in acts if act.kind.startswith("staff_")]
    troupe.play(staff)
    by_person: dict[int, list[Act]] = {}
    for act in acts[len(staff) :]:
        by_person.setdefault(act.person, []).append(act)
    for _ in pool.map(troupe.play, by_person.values()):
        pass
