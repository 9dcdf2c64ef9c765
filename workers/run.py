"""Runs jobs from the console: `python -m workers.run NAME --as-of DATE`, or `--tick`.

`furusato job run NAME --as-of DATE` and `furusato bounced FILE` call this. Prints what the job counted, as JSON.
"""

import argparse
import json
import os
import signal
import sys
from collections.abc import Sequence
from datetime import date

from sqlalchemy.exc import OperationalError

from core.clock import japan_day
from core.settings import Settings
from workers import trials
from workers.invariants import violated
from workers.notifications.bounced import note_returned, read_report
from workers.notifications.relay import Relay
from workers.parts import Parts
from workers.runner import Runner
from workers.schedule import SCHEDULE


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and run; 0 when everything asked for was done."""
    options = _parser().parse_args(arguments)
    parts = Parts.of(Settings())
    try:
        sys.stdout.write(json.dumps(_run(parts, options), ensure_ascii=False) + "\n")
    except KeyboardInterrupt:
        return 128 + signal.SIGTERM
    except LookupError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except OperationalError as error:
        sys.stderr.write(f"the database is away: {error.orig}\n")
        return os.EX_TEMPFAIL
    finally:
        parts.database.dispose()
    return 0


def _run(parts: Parts, options: argparse.Namespace) -> dict[str, object]:
    runner = Runner(parts)
    if options.list:
        return {job.name: {"at": str(job.at or "tick"), "about": job.about} for job in SCHEDULE}
    if options.invariants:
        return dict(violated(parts))
    if options.trials or options.relay:
        return {"trials": _trials(parts)} if options.trials else dict(Relay(parts).drain())
    if options.bounced:
        return _bounced(parts, options.bounced.buffer.read())
    if options.tick:
        return {"tick": dict(runner.tick()), "shares": runner.drain()}
    day = options.as_of or japan_day(parts.clock.now())
    return {"job": options.name, "as_of": day.isoformat(), **runner.run_named(options.name, day)}


def _trials(parts: Parts) -> int:
    # A worker that stops ends this with SIGTERM: what was begun is given back first.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with trials.turn(parts.database) as mine:
        return trials.run_waiting(parts) if mine else 0


def _bounced(parts: Parts, report: bytes) -> dict[str, object]:
    """A report of the mail server; one that names no lost message is no error of anybody's."""
    returned = read_report(report)
    if returned is None:
        return {"returned": 0, "why": "no report of a lasting failure"}
    found = note_returned(parts.database, returned, now=parts.clock.now())
    return {"returned": found, "why": returned.why}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m workers.run", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("name", nargs="?", help="a job of the schedule")
    what.add_argument("--tick", action="store_true", help="everything that is due")
    what.add_argument("--trials", action="store_true", help="answer the policies that are tried")
    what.add_argument("--relay", action="store_true", help="send the notices that are owed")
    what.add_argument(
        "--bounced", type=argparse.FileType("r"), help="note a delivery status report; - is stdin"
    )
    what.add_argument("--invariants", action="store_true", help="count what must never be true")
    what.add_argument("--list", action="store_true", help="show the schedule")
    parser.add_argument("--as-of", type=date.fromisoformat, help="Japanese day; today when empty")
    return parser


if __name__ == "__main__":
    sys.exit(main())
