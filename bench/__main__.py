"""`python -m bench [--only NAME]`: measure on an embedded stack of this machine.

Progress goes to stderr; the last line of stdout is one JSON object
`{name: {"value", "unit", "limit", "ratio"}}`. `limit` is the figure to reach, `ratio` is value by
limit: at least 1 is good for rates, at most 1 for times. Everything (web, worker, database,
generator) shares the cores, the database is durable, and each figure is the median of several
rounds, since other programs use a machine too.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from app import migrate
from app.local import LocalStack
from bench import desk, first_page, gate, life, renewal, simulate_model, verify_codes
from core.settings import Environment

WEB_PROCESSES = 2
#: Terms of each round of the renewal night: a few seconds of work each.
NIGHT_PEOPLE = 6_000
Figures = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Something that is measured; `figures` are the names it answers with."""

    name: str
    figures: tuple[str, ...]
    run: Callable[[Callable[[], LocalStack]], Figures]


BENCHMARKS = (
    Benchmark(
        "codes",
        ("code_verify", "code_verify_venue", "code_verify_phone"),
        lambda _: verify_codes.run(),
    ),
    Benchmark(
        "first_page",
        ("first_page_lcp", "first_page_bytes"),
        lambda stack: first_page.run(stack()),
    ),
    Benchmark(
        "gate",
        ("checkin_http", "checkin_http_p99", "checkin_one_scanner_p50", "checkin_batch"),
        lambda stack: gate.run(stack()),
    ),
    Benchmark("life", ("life_festival", "life_campaign"), lambda stack: life.run(stack())),
    Benchmark(
        "renewal",
        ("renewal_terms", "lapse_terms", "renewal_second_run", "notice_relay"),
        lambda stack: renewal.run(stack(), people=NIGHT_PEOPLE),
    ),
    Benchmark(
        "simulation",
        ("simulate_model", "simulate_parity"),
        lambda _: simulate_model.run(),
    ),
    Benchmark(
        "desk",
        ("members_page", "import_preview", "cards_pdf"),
        lambda stack: desk.run(stack()),
    ),
)
NAMES = sorted({name for one in BENCHMARKS for name in (one.name, *one.figures)})


def say(text: str) -> None:
    """Progress, out of the way of the figures."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def figure(measured: Mapping[str, Any]) -> dict[str, Any]:
    """A figure in the one form, with whatever else the benchmark says about it."""
    limit = measured.get("target", measured["limit"])
    named = {"value": measured["value"], "unit": measured["unit"], "limit": limit}
    more = {k: v for k, v in measured.items() if k not in {*named, "ratio", "target", "of_limit"}}
    return named | {"ratio": round(measured["value"] / limit, 2)} | more


@contextmanager
def stack_when_needed() -> Iterator[Callable[[], LocalStack]]:
    """An embedded stack, started by whoever asks first."""
    with ExitStack() as open_parts:

        @cache
        def start() -> LocalStack:
            say("Starting an embedded stack.")
            folder = open_parts.enter_context(TemporaryDirectory(prefix="furusato-bench-"))
            stack = open_parts.enter_context(
                LocalStack(Path(folder), environment=Environment.TEST, web_workers=WEB_PROCESSES)
            )
            migrate.upgrade(stack.owner_url, stack.settings().db_password.get_secret_value())
            migrate.load(stack.owner_url)
            stack.start_processes(["web"])
            stack.wait_ready()
            return stack

        yield start


def measure(only: str | None) -> dict[str, dict[str, Any]]:
    """Run the benchmarks, or the one that is named or has the named figure."""
    found: dict[str, dict[str, Any]] = {}
    with stack_when_needed() as stack:
        for one in BENCHMARKS:
            if only not in {None, one.name, *one.figures}:
                continue
            say(f"{one.name}: measuring.")
            began = time.monotonic()
            for name, measured in one.run(stack).items():
                found[name] = said = figure(measured)
                say(
                    f"  {name}: {said['value']} {said['unit']} ({said['ratio']} of {said['limit']})"
                )
            say(f"{one.name}: {time.monotonic() - began:.0f} s.")
    return {name: said for name, said in found.items() if only not in found or name == only}


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", choices=NAMES, help="one benchmark, or one figure of it")
    options = parser.parse_args(arguments)
    print(json.dumps(measure(options.only), ensure_ascii=False))


if __name__ == "__main__":
    main()
