"""Load from life: what simulated people do on a festival Sunday and after a campaign, as traffic.

The day, the place and how many come are the model's; when within the quarter of an hour, or the
minute, is drawn from its seed: a third of the way in, most people are at the gate; after a call,
most sign in at once and ever fewer later (both assumed). The arrivals are then sent to the embedded
stack some times faster than they happen. Nobody waits for anybody else: a late answer makes the next
ones late, and the time counts from when somebody came.
"""

import asyncio
import json
import statistics
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial

import numpy as np

from app.local import LocalStack
from bench import gate
from simulation import measures as ms
from simulation.fast import Ints
from simulation.parts import Job, live_part
from simulation.run import Order, job_of

LIFE = Order("pioneer", people=4_000, months=24)
CHECK_INS, FESTIVAL_SECONDS, FESTIVAL_FASTER = 500, 900.0, 60.0
SIGN_INS, CAMPAIGN_SECONDS, CAMPAIGN_FASTER = 200, 60.0, 6.0
#: When at a gate most people come, as a share of the time; how fast a call is forgotten.
PEAK, FADING = 1 / 3, 3.0
SUNDAY = 6
CREATED = 201
Step = Callable[[], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Rush:
    """Arrivals of one occasion.

    Attributes:
        day: The model's day.
        lg_code: Where; empty: everywhere.
        in_model: How many did it on that day in the model, in the scenario's full size.
        offsets: When each comes, in seconds from the beginning; as many as are asked for.
    """

    day: date
    lg_code: str
    in_model: int
    offsets: tuple[float, ...]

    def to_json(self) -> dict[str, object]:
        """What it stands for."""
        return {"day": self.day.isoformat(), "lg_code": self.lg_code, "in_model": self.in_model}


def festival(job: Job, events: Ints, wanted: int) -> Rush:
    """The Sunday on which most come to one body: so many arrive in a quarter of an hour from nine."""
    came = [row for row in events.tolist() if row[3] == ms.E_CHECKED_IN]
    sundays = Counter((d, b) for _, d, b, _ in came if date.fromordinal(d).weekday() == SUNDAY)
    (day, body), most = max(sundays.items(), key=lambda item: (item[1], -item[0][0]))
    luck = np.random.default_rng([job.seed, day]).triangular(0, PEAK, 1, wanted)
    code = job.setting.places[body].code
    return Rush(date.fromordinal(day), code, _full(job, most), _offsets(luck, FESTIVAL_SECONDS))


def campaign(job: Job, events: Ints, wanted: int) -> Rush:
    """The day on which most register: so many sign in within a minute of a call."""
    days = Counter(row[1] for row in events.tolist() if row[3] == ms.E_REGISTERED)
    day, most = max(days.items(), key=lambda item: (item[1], -item[0]))
    luck = np.random.default_rng([job.seed, day]).random(wanted)
    fading = -np.log(1 - luck * (1 - np.exp(-FADING))) / FADING
    return Rush(date.fromordinal(day), "", _full(job, most), _offsets(fading, CAMPAIGN_SECONDS))


def _full(job: Job, count: int) -> int:
    return round(count * job.setting.scenario.people.value / job.people)


def _offsets(shares: "np.typing.NDArray[np.float64]", seconds: float) -> tuple[float, ...]:
    return tuple(float(share) * seconds for share in np.sort(shares))


@dataclass(frozen=True, slots=True)
class Played:
    """What a rush was answered."""

    seconds: float
    latencies: tuple[float, ...]
    refusals: int


async def replay(offsets: Sequence[float], faster: float, steps: Sequence[Step]) -> Played:
    """Each step at its time, whatever became of those before it; no answer is a refusal."""
    latencies: list[float] = []
    refusals = 0
    began = time.perf_counter()

    async def one(offset: float, step: Step) -> None:
        nonlocal refusals
        due = began + offset / faster
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        try:
            done = await step()
        except (OSError, asyncio.IncompleteReadError):
            done = False
        refusals += not done
        latencies.append(time.perf_counter() - due)

    await asyncio.gather(*(one(*pair) for pair in zip(offsets, steps, strict=True)))
    return Played(time.perf_counter() - began, tuple(latencies), refusals)


async def _ask(port: int, request: bytes) -> tuple[int, bytes]:
    """The answer over a connection of one's own, as phones ask."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        return await gate.send(reader, writer, request)
    finally:
        writer.close()


async def _check_in(port: int, request: bytes) -> bool:
    status, body = await _ask(port, request)
    return status == gate.DONE and b'"refused"' not in body


async def _sign_in(stack: LocalStack, port: int, number: int) -> bool:
    # People come from networks of their own; the limit of one address is for those who do not.
    own = {"X-Forwarded-For": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"}
    asked = {"email": f"life{number}@example.jp", "kind": "person"}
    status, body = await _ask(port, gate.request(stack, "/api/v1/sign-in-codes", own, asked))
    if status != gate.ACCEPTED:
        return False
    given = json.loads(body)
    proved = {"code": given["code"], "binding": given["binding"]}
    status, _ = await _ask(port, gate.request(stack, "/api/v1/sign-ins", own, proved))
    return status == CREATED


def run(
    stack: LocalStack, *, check_ins: int = CHECK_INS, sign_ins: int = SIGN_INS
) -> dict[str, dict[str, object]]:
    """A festival's gate and a campaign's minute."""
    job = job_of(LIFE)
    _, _, events = live_part(job.setting, job.seed, 0, job.people, events=True)
    port = int(stack.base_url.rsplit(":", 1)[1])
    at_gate = gate.prepare(stack, check_ins)
    sunday = festival(job, events, check_ins)
    requests = [one for lane in gate.single(stack, at_gate, at_gate.cards) for one in lane]
    gate.analyze(stack)
    scans: list[Step] = [partial(_check_in, port, request) for request in requests]
    rushed = asyncio.run(replay(sunday.offsets, FESTIVAL_FASTER, scans))
    call = campaign(job, events, sign_ins)
    people: list[Step] = [partial(_sign_in, stack, port, number) for number in range(sign_ins)]
    called = asyncio.run(replay(call.offsets, CAMPAIGN_FASTER, people))
    return {
        "life_festival": _figure(sunday, rushed, FESTIVAL_SECONDS, FESTIVAL_FASTER, 250.0),
        "life_campaign": _figure(call, called, CAMPAIGN_SECONDS, CAMPAIGN_FASTER, 1000.0),
    }


def _figure(
    rush: Rush, played: Played, span: float, faster: float, limit: float
) -> dict[str, object]:
    """The slowest hundredth in milliseconds, with what was offered and what came through."""
    arrivals = len(rush.offsets)
    return {
        "value": round(gate.percentile(played.latencies, 0.99) * 1000, 1),
        "unit": "ms",
        "limit": limit,
        "p50_ms": round(statistics.median(played.latencies) * 1000, 1),
        "arrivals": arrivals,
        "faster": faster,
        "offered_a_second": round(arrivals / span * faster, 1),
        "achieved_a_second": round((arrivals - played.refusals) / played.seconds, 1),
        "refusals": played.refusals,
    } | rush.to_json()
