"""Policies that local governments try: the model is a program of its own, asked and stored here.

A worker only begins `python -m workers.run --trials` (`Beside`) and goes on with its ticks; that
program waits for the model. The model has nothing of the platform's settings in its environment,
gives way to everything else on the machine (it makes itself nice), and ends when its time is over.
"""

import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from core.clock import wall_now
from core.db import Database, for_job
from core.tenancy import Audience
from registry.policybook import POLICY_DIR
from reporting import trials
from workers.parts import Parts

LOG = logging.getLogger(__name__)
JOB: Final = "trials"
#: Compiling the model takes half a minute the first time, on a machine that is busy more.
MODEL_SECONDS: Final = 200.0
#: The model's word for: this cannot be played.
CANNOT: Final = 2
#: All that the model's process is told of this one's environment.
_ENVIRONMENT: Final = ("PATH", "PYTHONPATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "NUMBA_CACHE_DIR")


#: One model at a time, however many workers there are: it takes a whole processor.
_TURN: Final = 7_421_905_320
#: A program that is told to stop gives its trial back within this.
_END_SECONDS: Final = 10.0


class CannotPlayError(Exception):
    """The model refuses; the sentence says why."""


class Beside:
    """The program that answers trials beside a worker's process; one at most."""

    def __init__(self) -> None:
        self._program: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        """Start it, unless it runs; it ends by itself when nothing waits."""
        if self._program is None or self._program.poll() is not None:
            command = [sys.executable, "-m", "workers.run", "--trials"]
            self._program = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
            )

    def end(self) -> None:
        """With the worker's process: what is cut off is given back, and costs no try."""
        if self._program is not None and self._program.poll() is None:
            self._program.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._program.wait(_END_SECONDS)


@contextmanager
def turn(database: Database) -> Iterator[bool]:
    """Whether this process is the one that may ask the model; the turn ends with the process."""
    engine = database.engine(Audience.WORKER)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        mine = connection.execute(text("select pg_try_advisory_lock(:turn)"), {"turn": _TURN})
        try:
            yield bool(mine.scalar_one())
        finally:
            # Not back to the pool: the lock is the connection's.
            connection.invalidate()


def waiting(parts: Parts) -> list[str]:
    """Local governments with a trial that waits for its answer."""
    now = parts.clock.now()
    with parts.database.transaction(for_job(JOB)) as db:
        found = db.execute(
            text("select furusato_due_bodies(:job, :as_of, :at)"),
            {"job": JOB, "as_of": now.date(), "at": now},
        )
        return list(found.scalars())


def run_waiting(parts: Parts) -> int:
    """Answer what waits and nobody else has taken; how many were answered or failed."""
    return sum(_one(parts, lg_code) for lg_code in waiting(parts))


def _one(parts: Parts, lg_code: str) -> int:
    context = for_job(JOB, lg_code)
    with parts.database.transaction(context) as db:
        row = trials.claim(db, lg_code=lg_code, wall=wall_now(), now=parts.clock.now())
        if row is None:
            return 0
        trial_id, tries, question = row.id, row.tries, row.question
    result: Mapping[str, Any] = {}
    page, failure = "", ""
    try:
        result, page = asked_of_model(question, parts.settings.policy_dir or POLICY_DIR)
    except CannotPlayError as error:
        LOG.warning("a trial cannot be played: %s: %s", lg_code, error)
        failure = "cannot"
    except KeyboardInterrupt:
        with parts.database.transaction(context) as db:
            trials.give_back(db, lg_code=lg_code, trial_id=trial_id, tries=tries)
        raise
    with parts.database.transaction(context) as db:
        return _stored(parts, db, (lg_code, trial_id, tries), result, page, failure)


def _stored(
    parts: Parts,
    db: Session,
    key: tuple[str, UUID, int],
    result: Mapping[str, Any],
    page: str,
    failure: str,
) -> int:
    lg_code, trial_id, tries = key
    row = trials.held_by(db, lg_code=lg_code, trial_id=trial_id, tries=tries)
    if row is None:
        return 0
    now = parts.clock.now()
    if failure:
        trials.fail(db, row=row, why=failure, now=now)
    else:
        trials.answer(db, row=row, result=result, page=page, now=now)
    return 1


def asked_of_model(question: Mapping[str, Any], policy_dir: Path) -> tuple[dict[str, Any], str]:
    """The model's comparison for a question, as values and as a page.

    Raises:
        CannotPlayError: The model refuses.
        subprocess.SubprocessError: It broke, or did not end in time.
    """
    with tempfile.TemporaryDirectory(prefix="furusato-trial-") as folder:
        asked, out = Path(folder, "asked.json"), Path(folder, "out")
        asked.write_text(json.dumps(dict(question), ensure_ascii=False), encoding="utf-8")
        command = [sys.executable, "-m", "simulation", "own"]
        command += ["--asked", str(asked), "--out", str(out), "--policy-dir", str(policy_dir)]
        done = subprocess.run(
            command,
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=MODEL_SECONDS,
            check=False,
        )
        if done.returncode == CANNOT:
            raise CannotPlayError(done.stderr.strip()[-400:])
        done.check_returncode()
        result = json.loads((out / "compare.json").read_text(encoding="utf-8"))
        return result, (out / "compare.html").read_text(encoding="utf-8")
