"""Six hands at a gate that never give up: every scan is sent until it is answered.

What they were answered is the log that the database is compared with.
"""

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any
from uuid import uuid4

from app.local import LocalStack
from bench.gate import Gate

WRITERS = 6
#: No scan is tried for longer than this: then the platform did not come back.
PATIENCE = 90.0


@dataclass(slots=True)
class Log:
    """What the hands were answered.

    Attributes:
        answers: The acknowledged answer of each scan id.
        statuses: How often each HTTP status came, and "no answer" for a broken connection.
        wrong: Answers that no client could make sense of.
        tries: How often each scan was sent.
    """

    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    statuses: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    tries: Counter[str] = field(default_factory=Counter)

    @property
    def repeated(self) -> int:
        """Scans that had been stored although their first answer was lost."""
        return sum(bool(one["repeated"]) for one in self.answers.values())

    def said(self) -> str:
        """The log in one line."""
        sent_again = sum(tries > 1 for tries in self.tries.values())
        return (
            f"{len(self.answers)} acknowledged, {sent_again} sent again,"
            f" {self.repeated} of them stored before; {dict(self.statuses)}"
        )


class Writers:
    """Threads that scan cards until there are none left or they are told to stop."""

    def __init__(self, stack: LocalStack, gate: Gate, cards: Sequence[str]) -> None:
        self.log = Log()
        self._host, self._port = stack.base_url.removeprefix("http://").split(":")
        self._gate = gate
        self._cards: SimpleQueue[str] = SimpleQueue()
        for card in cards:
            self._cards.put(card)
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._work, args=(token,), daemon=True)
            for token in gate.tokens[:WRITERS]
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def acknowledged(self) -> int:
        """How many scans have been answered."""
        return len(self.log.answers)

    def wait_for(self, more: int) -> None:
        """Wait until so many more scans are answered."""
        wanted = self.acknowledged() + more
        until = time.monotonic() + PATIENCE
        while self.acknowledged() < wanted:
            if time.monotonic() > until or not any(one.is_alive() for one in self._threads):
                raise AssertionError(f"no more answers: {self.log.said()} {self.log.wrong[:3]}")
            time.sleep(0.01)

    def finish(self) -> Log:
        """Let every scan in hand be answered, take no new one; the log."""
        self._stop.set()
        for thread in self._threads:
            thread.join(PATIENCE)
        return self.log

    def _work(self, token: str) -> None:
        connection = http.client.HTTPConnection(self._host, int(self._port), timeout=20)
        while not self._stop.is_set():
            try:
                card = self._cards.get_nowait()
            except Empty:
                return
            body = {
                "scan_id": str(uuid4()),
                "code": card,
                "name_confirmed": True,
                "walk_in_confirmed": True,
            }
            self._until_answered(connection, token, body)
        connection.close()

    def _until_answered(
        self, connection: http.client.HTTPConnection, token: str, body: dict[str, Any]
    ) -> None:
        scan_id = body["scan_id"]
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            with self._lock:
                self.log.tries[scan_id] += 1
            status, kind, text = self._send(connection, token, json.dumps(body))
            with self._lock:
                self.log.statuses[str(status or "no answer")] += 1
                if status == http.HTTPStatus.OK:
                    self.log.answers[scan_id] = json.loads(text)
                    return
                understood = status in {None, 409, 503}
                if not understood or (status and kind != "application/problem+json"):
                    self.log.wrong.append(f"{status} {kind} {text[:200]}")
            time.sleep(0.1)
        self.log.wrong.append(f"never answered: {scan_id}")

    def _send(
        self, connection: http.client.HTTPConnection, token: str, body: str
    ) -> tuple[int | None, str, str]:
        path = f"/api/v1/device/sessions/{self._gate.session_id}/check-ins"
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        try:
            connection.request("POST", path, body=body, headers=headers)
            answer = connection.getresponse()
            return (
                answer.status,
                answer.headers.get_content_type(),
                answer.read().decode(),
            )
        except (OSError, http.client.HTTPException):
            with suppress(OSError):
                connection.close()
            return None, "", ""


@contextmanager
def at_the_gate(stack: LocalStack, gate: Gate, cards: Sequence[str]) -> Iterator[Writers]:
    """Six hands at work; whatever happens, they stop in the end."""
    writers = Writers(stack, gate, cards)
    writers.start()
    try:
        yield writers
    finally:
        writers.finish()
