"""Load from life: a day, a place and arrivals that are the model's; a replay that waits for nobody."""

import asyncio
import time

import pytest

from bench.life import Rush, campaign, festival, replay
from simulation.fast import Ints
from simulation.parts import Job, live_part
from simulation.run import Order, job_of
from tests.conftest import on_its_own


@pytest.fixture(scope="module")
def lived() -> tuple[Job, Ints]:
    job = job_of(Order("pioneer", people=1500, months=12))
    return job, live_part(job.setting, 1, 0, job.people, events=True)[2]


def test_a_festival_and_a_campaign_come_from_lives(lived: tuple[Job, Ints]) -> None:
    """A Sunday in the town, most people a third of the way in; a call that fades; twice the same."""
    job, events = lived
    sunday = festival(job, events, 400)
    assert sunday == festival(job, events, 400)
    assert (sunday.day.weekday(), sunday.lg_code) == (6, "212172")
    assert sunday.in_model >= 1
    thirds = parts_of(sunday, 900)
    assert sum(thirds) == 400
    assert thirds[1] > thirds[2]
    call = campaign(job, events, 400)
    early, _, late = parts_of(call, 60)
    assert early > 200 > late > 0


def parts_of(rush: Rush, seconds: float) -> list[int]:
    assert list(rush.offsets) == sorted(rush.offsets)
    return [
        sum(1 for one in rush.offsets if third <= one / seconds * 3 < third + 1)
        for third in range(3)
    ]


def test_a_slow_answer_holds_nobody_up() -> None:
    """Everybody starts at their time; a refusal and a broken line are counted, and time to the end."""
    started: list[float] = []

    async def slow() -> bool:
        started.append(time.perf_counter())
        await asyncio.sleep(0.2)
        return True

    async def refused() -> bool:
        started.append(time.perf_counter())
        return False

    async def broken() -> bool:
        raise ConnectionResetError

    played = on_its_own(replay((0.0, 1.0, 2.0), 20, [slow, refused, broken]))
    assert played.refusals == 2
    assert started[1] - started[0] < 0.2
    assert max(played.latencies) >= 0.2
