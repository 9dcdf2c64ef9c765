"""The nation lived by the model: seconds for a million people over ten years, and the rules compared.

Fewer people are lived than the figure speaks of, at two sizes: time is linear in people, and
`linear` says how far the larger size is off the smaller one's pace.
"""

import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from simulation.parity import CASES, differences
from simulation.parts import Job, run_parts
from simulation.run import Order, job_of

PEOPLE = 40_000
MILLION = 1_000_000
PROCESSES = 2
CASES_EACH = 20_000


def run(*, people: int = PEOPLE, cases: int = CASES_EACH) -> dict[str, dict[str, object]]:
    """Seconds a million people would take on two processes, and differences of the rules."""
    job = job_of(Order("nation", people=people, months=120))
    # Both processes load the compiled engine before the clock starts.
    small = _seconds(job, people // 4)
    large = _seconds(job, people)
    compared, different = 0, 0
    for kind in CASES:
        compared += cases
        different += len(list(differences(kind, cases)))
    return {
        "simulate_model": _figure(large / people * MILLION, "s", 60.0)
        | {
            "people": people,
            "processes": PROCESSES,
            "linear": round((large / people) / (small * 4 / people), 2),
        },
        "simulate_parity": {
            "value": different,
            "unit": "differences",
            "limit": 1,
            "ratio": float(different),
            "cases": compared,
        },
    }


def _seconds(job: Job, people: int) -> float:
    """Half of the people in each of two processes that are warm."""
    half = Job(job.setting, job.seed, people // PROCESSES)
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        warm = Job(job.setting, job.seed, 10)
        list(pool.map(_live, [warm] * PROCESSES * 2))
        began = time.monotonic()
        list(pool.map(_live, [half] * PROCESSES))
        return time.monotonic() - began


def _live(job: Job) -> int:
    counts, _ = run_parts(job)
    return int(counts.numbers.sum())


def _figure(value: float, unit: str, limit: float) -> dict[str, object]:
    return {
        "value": round(value, 1),
        "unit": unit,
        "limit": limit,
        "ratio": round(value / limit, 2),
    }
