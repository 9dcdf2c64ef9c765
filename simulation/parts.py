"""The work in parts: people are lived part by part, anywhere, and the counts are added up."""

import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from simulation import measures as ms
from simulation.fast import Floats, Ints
from simulation.life import live_many
from simulation.scenario import TIES
from simulation.tables import COUNTS, OFFSET, Out, laid_out, with_real
from simulation.world import Setting

REASONS = 16
#: People of one part: small enough for a progress bar, large enough not to matter.
PART = 20_000
#: People who are lived first, to learn what word of mouth and capacity will be.
PILOT = 8_000
ROUNDS = 2
_EVENTS_EACH = 40


@dataclass(frozen=True, slots=True)
class Counts:
    """All counts of some people, by table."""

    shapes: tuple[tuple[int, ...], ...]
    numbers: Ints

    def table(self, name: str) -> Ints:
        """One of tables.COUNTS in its shape."""
        which = COUNTS.index(name)
        start = int(laid_out(self.shapes)[which, OFFSET])
        shape = self.shapes[which]
        return self.numbers[start : start + int(np.prod(shape))].reshape(shape)


def shapes_of(setting: Setting) -> tuple[tuple[int, ...], ...]:
    """The shapes of the tables of counts."""
    days = int(setting.month_first[-1] - setting.month_first[0])
    years = -(-setting.months // 12)
    return (
        (setting.months, len(setting.types), ms.N_METRICS),
        (len(setting.places), ms.N_METRICS),
        (days, len(ms.DAYS)),
        (years, 47, len(ms.PREFS)),
        (years, years + 1),
        (ms.N_FUNNEL,),
        (REASONS,),
        (len(TIES), ms.N_FUNNEL),
    )


def live_part(
    setting: Setting, seed: int, first: int, people: int, *, events: bool = False
) -> tuple[Counts, Ints, Ints]:
    """Live some people: their counts, their flags, and their events if asked for."""
    counts, out = _once(setting, seed, first, people, events=events, acts=False)
    return counts, out.flags.astype(np.int64), out.events[: int(out.written[0])]


def acted(setting: Setting, seed: int, first: int, people: int) -> tuple[Counts, Ints, Ints]:
    """Live some people: their counts, events and acts, the last two person by person."""
    counts, out = _once(setting, seed, first, people, events=True, acts=True)
    return counts, out.events[: int(out.written[0])], out.acts[: int(out.written[1])]


def _once(
    setting: Setting, seed: int, first: int, people: int, *, events: bool, acts: bool
) -> tuple[Counts, Out]:
    """Once, or twice where there was too little room for what people did."""
    shapes = shapes_of(setting)
    room = [_EVENTS_EACH * people if events else 0, _EVENTS_EACH * people if acts else 0]
    total = sum(int(np.prod(shape)) for shape in shapes)
    while True:
        out = Out(
            at=laid_out(shapes),
            counts=np.zeros(total, dtype=np.int64),
            events=np.zeros((room[0], 4), dtype=np.int64),
            acts=np.zeros((room[1], 5), dtype=np.int64),
            written=np.zeros(2, dtype=np.int64),
            flags=np.zeros(people, dtype=np.int64),
        )
        live_many(setting.world, out, seed, first, people)
        written = [int(out.written[0]), int(out.written[1])]
        needed = [written[0] if events else 0, written[1] if acts else 0]
        if needed[0] <= room[0] and needed[1] <= room[1]:
            return Counts(shapes, out.counts), out
        room = needed


def parts(people: int, each: int = PART) -> Iterator[tuple[int, int]]:
    """First person and number of people of each part."""
    for first in range(0, people, each):
        yield first, min(each, people - first)


def with_coupling(setting: Setting, seed: int, people: int) -> Setting:
    """Word of mouth and capacity as they come out: a mean field, the same for any division.

    The first people are lived a few times; what each round shows (registrants among those who
    ever register, wishes to take part against places) is what the next one, and then everybody,
    meets. A body's places are for the people of the scenario, so they are taken in proportion.
    """
    pilot = min(people, PILOT)
    for _ in range(ROUNDS):
        counts, _, _ = live_part(setting, seed, 0, pilot)
        series = counts.table("series")
        world = with_real(setting.world, "word", _word(setting, series, pilot))
        world = with_real(world, "admitted", _admitted(setting, series, pilot))
        setting = setting.with_world(world)
    return setting


def _word(setting: Setting, series: Ints, pilot: int) -> Floats:
    held = np.cumsum(series[:, :, ms.BASIC] + series[:, :, ms.PREMIUM], axis=0).sum(axis=1)
    before = np.concatenate([[0], held[:-1]]) / pilot
    return np.repeat(np.minimum(before, 1.0)[None, :], len(setting.types), axis=0)


def _admitted(setting: Setting, series: Ints, pilot: int) -> Floats:
    wanted = series[:, :, ms.WANTED].astype(np.float64)
    # A season's mean, so that one month's chance does not decide.
    smooth = np.stack([np.convolve(column, np.ones(3) / 3)[1:-1] for column in wanted.T])
    places = capacity(setting) * pilot / setting.scenario.people.value
    return np.asarray(np.minimum(1.0, places[:, None] / np.maximum(smooth, 1e-9)))


def capacity(setting: Setting) -> Floats:
    """Places in activities a month, by type, for all people of the scenario."""
    found = []
    for name, type_ in setting.scenario.types.items():
        bodies = sum(1 for place in setting.places if place.type == name)
        found.append(bodies * type_.hosts.value * type_.sessions.value * type_.seats.value)
    return np.array(found)


@dataclass(frozen=True, slots=True)
class Job:
    """One run: what, whose luck, how many."""

    setting: Setting
    seed: int
    people: int
    events: bool = False


def run_parts(
    job: Job,
    *,
    folder: Path | None = None,
    processes: int = 1,
    each: int = PART,
    tick: Callable[[int], None] = lambda _: None,
) -> tuple[Counts, Ints]:
    """Everybody's counts, and everybody's flags in order.

    Args:
        job: The run, its coupling known.
        folder: Where finished parts are kept; those found there are not lived again.
        processes: How many processes.
        each: People of a part; the result does not depend on it.
        tick: Told the number of people done.
    """
    todo = list(parts(job.people, each))
    total: Counts | None = None
    flags = np.zeros(job.people, dtype=np.uint8)
    for first, people, numbers, mine in _lived(job, todo, folder, processes):
        counts = Counts(shapes_of(job.setting), numbers)
        total = counts if total is None else Counts(counts.shapes, total.numbers + counts.numbers)
        flags[first : first + people] = mine
        tick(people)
    if total is None:
        raise ValueError("A run needs at least one person.")
    return total, flags.astype(np.int64)


def _lived(
    job: Job, todo: list[tuple[int, int]], folder: Path | None, processes: int
) -> Iterator[tuple[int, int, Ints, Ints]]:
    if processes == 1:
        for first, people in todo:
            yield _one(job, first, people, folder)
        return
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from multiprocessing import get_context

    pool = ProcessPoolExecutor(
        processes, mp_context=get_context("spawn"), initializer=_leave_ctrl_c
    )
    try:
        waiting = [pool.submit(_one, job, first, people, folder) for first, people in todo]
        for done in as_completed(waiting):
            yield done.result()
        pool.shutdown()
    except BaseException:
        pool.shutdown(wait=True, cancel_futures=True)
        raise


def _leave_ctrl_c() -> None:
    """Ctrl-C is for the process that shares out the work; a part that is under way is finished."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _one(job: Job, first: int, people: int, folder: Path | None) -> tuple[int, int, Ints, Ints]:
    kept = None if folder is None else folder / f"part-{first:010d}-{people}.npz"
    if kept is not None and kept.exists():
        with np.load(kept) as data:
            return first, people, data["counts"], data["flags"]
    counts, flags, events = live_part(job.setting, job.seed, first, people, events=job.events)
    small = flags.astype(np.uint8)  # seven steps and one bit for premium
    if kept is not None:
        part = kept.with_suffix(".part.npz")
        np.savez_compressed(part, counts=counts.numbers, flags=small, events=events)
        part.replace(kept)
    return first, people, counts.numbers, small.astype(np.int64)
