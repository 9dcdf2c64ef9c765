"""A small supervisor: starts programs, restarts the ones that die, stops all of them.

One thread starts, watches and stops every program. That thread lives as long as the
supervisor, which matters: Linux ties the parent-death signal to the thread that forked.
"""

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from app import local_launch

_log = logging.getLogger(__name__)

_LOOK_SECONDS = 0.05
_FIRST_BACK_OFF_SECONDS = 0.25
_LONGEST_BACK_OFF_SECONDS = 10.0
#: A program that ran this long was well; its next death starts the back-off anew.
_WELL_SECONDS = 20.0


class LocalStackError(RuntimeError):
    """The stack on this machine cannot do what was asked; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Program:
    """What to run and how to end it."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path
    log: Path
    stop_signal: signal.Signals = signal.SIGTERM
    grace_seconds: float = 20.0
    user: str | None = None


@dataclass(slots=True)
class _Watched:
    """A program under supervision; touched with the supervisor's lock held."""

    program: Program
    wanted: bool = True
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    start_after: float = 0.0
    stopping_since: float | None = None
    starts: int = 0
    deaths_in_a_row: int = 0
    last_end: str = ""
    ended: threading.Event = field(default_factory=threading.Event)


class Supervisor:
    """Keeps the wanted programs running until `close`."""

    def __init__(self) -> None:
        self._watched: dict[str, _Watched] = {}
        self._lock = threading.RLock()
        self._wake = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)
        self._thread.start()

    def start(self, program: Program) -> None:
        """Run a program and keep it running; the name must be free."""
        with self._lock:
            known = self._watched.get(program.name)
            if known is not None and (known.wanted or known.process is not None):
                raise LocalStackError(f"{program.name} is already running.")
            self._watched[program.name] = _Watched(program)
        self._wake.set()

    def stop(self, name: str) -> None:
        """End a program: its stop signal, then SIGKILL after its grace. Returns when it is gone."""
        with self._lock:
            watched = self._watched.get(name)
            if watched is None:
                return
            watched.wanted = False
        self._wake.set()
        watched.ended.wait(watched.program.grace_seconds + 10)
        with self._lock:
            self._watched.pop(name, None)

    def kill(self, name: str, signal_number: signal.Signals, *, whole: bool = True) -> None:
        """Send a signal to a running program, `whole` with all its own children."""
        with self._lock:
            process = self._running(name)
            if whole:
                os.killpg(process.pid, signal_number)
            else:
                os.kill(process.pid, signal_number)

    def pid(self, name: str) -> int | None:
        """Process id of a program, or None while it is not running."""
        with self._lock:
            watched = self._watched.get(name)
            if watched is None or watched.process is None or watched.process.poll() is not None:
                return None
            return watched.process.pid

    def starts(self, name: str) -> int:
        """How often the program has been started; more than 1 means that it died."""
        with self._lock:
            watched = self._watched.get(name)
            return 0 if watched is None else watched.starts

    def names(self) -> list[str]:
        """The programs that are wanted, in the order of their start."""
        with self._lock:
            return [name for name, watched in self._watched.items() if watched.wanted]

    def wait_until(
        self, name: str, ready: Callable[[], bool], *, timeout: float, deaths: int = 4
    ) -> None:
        """Wait until `ready()`; give up after `timeout` seconds or too many deaths in a row.

        Raises:
            LocalStackError: with the end of the program's log.
        """
        until = time.monotonic() + timeout
        while not ready():
            with self._lock:
                watched = self._watched.get(name)
                died = watched is None or watched.deaths_in_a_row >= deaths
                end = watched.last_end if watched else "it is not wanted"
                log = watched.program.log if watched else None
            if died or time.monotonic() > until:
                why = end if died else f"not ready after {timeout:.0f} seconds"
                raise LocalStackError(f"{name} does not start ({why}).\n{tail(log)}")
            time.sleep(_LOOK_SECONDS)

    def close(self) -> None:
        """Stop every program, the last started first, and end the supervisor."""
        for name in reversed(list(self._watched)):
            self.stop(name)
        self._closed = True
        self._wake.set()
        self._thread.join(timeout=5)

    def _running(self, name: str) -> subprocess.Popen[bytes]:
        watched = self._watched.get(name)
        if watched is None or watched.process is None or watched.process.poll() is not None:
            raise LocalStackError(f"{name} is not running.")
        return watched.process

    def _run(self) -> None:
        while not self._closed:
            self._wake.wait(_LOOK_SECONDS)
            self._wake.clear()
            with self._lock:
                for watched in list(self._watched.values()):
                    _step(watched)


def tail(log: Path | None, lines: int = 15) -> str:
    """The last lines of a log file, for a sentence about a failure."""
    if log is None or not log.exists():
        return ""
    text = log.read_text(encoding="utf-8", errors="replace")
    return "\n".join(text.splitlines()[-lines:])


def _step(watched: _Watched) -> None:
    """Move one program a step towards what is wanted."""
    now = time.monotonic()
    if watched.process is not None and watched.process.poll() is not None:
        _bury(watched, now)
    if watched.process is None:
        if not watched.wanted:
            watched.ended.set()
        elif now >= watched.start_after:
            _launch(watched, now)
    elif not watched.wanted:
        _end(watched, watched.process, now)
    elif now - watched.started_at > _WELL_SECONDS:
        watched.deaths_in_a_row = 0


def _bury(watched: _Watched, now: float) -> None:
    process = watched.process
    if process is None:
        return
    # What the program had started goes with it: a restart must not meet its own past.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    watched.process = None
    watched.last_end = f"it ended with code {process.returncode}"
    if watched.wanted:
        back_off = _FIRST_BACK_OFF_SECONDS * 2**watched.deaths_in_a_row
        watched.start_after = now + min(back_off, _LONGEST_BACK_OFF_SECONDS)
        watched.deaths_in_a_row += 1
        _log.warning("%s died: %s", watched.program.name, watched.last_end)


def _launch(watched: _Watched, now: float) -> None:
    program = watched.program
    order = json.dumps(
        {
            "command": program.command,
            "user": program.user,
            "death_signal": int(program.stop_signal),
            "parent": os.getpid(),
        }
    )
    try:
        with program.log.open("ab") as log:
            watched.process = subprocess.Popen(
                [sys.executable, "-I", "-S", local_launch.__file__, order],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=program.folder,
                env=dict(program.environment),
                start_new_session=True,
            )
    except OSError as error:
        watched.last_end = str(error)
        watched.deaths_in_a_row += 1
        watched.start_after = now + _LONGEST_BACK_OFF_SECONDS
        _log.warning("%s cannot be started: %s", program.name, error)
        return
    watched.starts += 1
    watched.started_at = now


def _end(watched: _Watched, process: subprocess.Popen[bytes], now: float) -> None:
    if watched.stopping_since is None:
        watched.stopping_since = now
        with suppress(ProcessLookupError):
            process.send_signal(watched.program.stop_signal)
    elif now - watched.stopping_since > watched.program.grace_seconds:
        _log.warning("%s does not stop; killing it", watched.program.name)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
