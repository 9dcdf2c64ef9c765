"""The relay: owed deliveries are claimed, sent and accounted for (R23, P07).

A claim is committed before anything leaves and ends by itself, so a worker that dies gives its
batch back. Each message is noted when it was taken: one death doubles one message at most.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text
from sqlalchemy.orm import Session

from core.clock import JAPAN, japan_day, wall_now
from core.db import Context
from core.tenancy import Audience
from registry.rules.notifying import reaches
from workers.notifications import digest, push
from workers.notifications.mail import (
    Channel,
    ChannelDownError,
    MailChannel,
    TryAgainError,
)
from workers.parts import Parts

RELAY = Context(Audience.RELAY, actor="system:relay")
BATCH = 200
#: Deliveries that join the digests of one batch, at most.
MOST_IN_DIGESTS = 5_000
#: A claim ends by itself after this time of the machine; a batch takes far less.
CLAIM = timedelta(minutes=2)
#: Tries of one message that the provider asks to try again; an outage is not counted.
MOST_TRIES = 8
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=1)
#: How long to leave a provider alone that cannot be reached.
OUTAGE = timedelta(seconds=30)

_CLAIM = """
with due as (
  select d.id from delivery d
    left join notification_setting s on s.person_id = d.person_id
   where d.state = 'queued' and d.available_at <= :now and d.channel = any(:channels)
     and (not (case when coalesce(s.quiet_from, :evening) <= coalesce(s.quiet_until, :morning)
               then :hour >= coalesce(s.quiet_from, :evening)
                and :hour < coalesce(s.quiet_until, :morning)
               else :hour >= coalesce(s.quiet_from, :evening)
                 or :hour < coalesce(s.quiet_until, :morning) end)
      or exists (select from notice n where n.id = d.notice_id
          and (starts_with(n.kind, :urgent) or n.facts @> cast(:anyhow as jsonb))))
     and (cast(:people as uuid[]) is null or d.person_id = any(:people))
   order by d.available_at for update of d skip locked limit :batch)
update delivery d set state = 'claimed', claimed_until = :until, tries = tries + 1
  from due where d.id = due.id
returning d.id, d.person_id
"""
#: What is mailed is also shown in the browsers of whoever has any; claimed mail is seen here too.
_FAN_OUT = """
insert into delivery (id, notice_id, person_id, channel, state, available_at, tries)
select gen_random_uuid(), d.notice_id, d.person_id, 'push', 'queued', d.available_at, 0
  from delivery d
 where d.state in ('queued', 'claimed') and d.channel = 'mail'
   and exists (select from push_subscription p where p.person_id = d.person_id)
   and not exists (select from delivery o where o.notice_id = d.notice_id and o.channel = 'push')
    on conflict do nothing
"""
_LOAD = """
select d.id, d.person_id, d.channel, d.tries, n.kind, n.facts, n.created_at, a.email,
       a.language, a.closed_at, s.off
  from delivery d join notice n on n.id = d.notice_id left join account a on a.id = d.person_id
  left join notification_setting s on s.person_id = d.person_id
 where d.id = any(:ids) order by d.available_at, d.id
"""
_NOTE = """
update delivery set state = :state, provider_id = :provider_id, error = :error,
       claimed_until = null, tries = tries - :untried, sent_at = :sent_at,
       available_at = coalesce(cast(:available_at as timestamptz), available_at)
 where id = :id and state = 'claimed'
"""
#: R06: what will never arrive is counted for the local government, in the statement that notes it.
COUNT_LOST = """
insert into undelivered (lg_code, on_day, kind, found)
select n.lg_code, :today, n.kind, count(*) from noted join notice n on n.id = noted.notice_id
 where n.lg_code is not null group by n.lg_code, n.kind
    on conflict (lg_code, on_day, kind) do update set found = undelivered.found + excluded.found
"""
_NOTE_AND_COUNT = f"with noted as ({_NOTE} returning notice_id) {COUNT_LOST}"
#: Facts of a notice that keeps no quiet hours, such as a session of today that is called off.
ANYHOW = '{"anyhow": true}'
#: Why a delivery ended that the person did not want.
OFF = "switched off"
#: Ends without a message: the provider refused it, or asked for another try too often.
UNDELIVERED = frozenset({"failed", "dead"})


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one delivery. `untried` is 1 where nothing was attempted."""

    id: UUID
    state: str
    provider_id: str | None = None
    error: str | None = None
    available_at: datetime | None = None
    untried: int = 0


def channels_of(parts: Parts) -> dict[str, Channel]:
    """Every way out this platform is set up for."""
    ways: dict[str, Channel] = {"mail": MailChannel(parts.settings)}
    if parts.settings.push_private_key_file is not None:
        ways[push.CHANNEL] = push.PushChannel(parts.settings, parts.database)
    return ways


class Relay:
    """Sends what is owed; any number may run side by side."""

    def __init__(self, parts: Parts, channels: Mapping[str, Channel] | None = None) -> None:
        self._parts = parts
        self._channels = channels or channels_of(parts)
        self._down: set[str] = set()

    def drain(self, *, seconds: float = 60.0, batch: int = BATCH) -> Counter[str]:
        """Send until nothing is due or the time is over; counts by what became of them."""
        stop = wall_now() + timedelta(seconds=seconds)
        counts: Counter[str] = Counter()
        self._down.clear()
        self._sweep()
        try:
            with self._notebook() as notebook:
                while wall_now() < stop:
                    results = self._batch(notebook, batch)
                    counts.update(result.state for result in results)
                    if not results:
                        break
        finally:
            for channel in self._channels.values():
                channel.close()
        return counts

    @contextmanager
    def _notebook(self) -> Iterator[Connection]:
        """A connection on which each message is noted by itself, without waiting for the disk.

        The relay's rows are open to its role as such, so no context has to be set. A note that a
        crash of the database loses means one message sent twice; claims are still made durable.
        """
        with self._parts.database.engine(Audience.RELAY).connect() as connection:
            notebook = connection.execution_options(isolation_level="AUTOCOMMIT")
            notebook.exec_driver_sql("set synchronous_commit = off")
            try:
                yield notebook
            finally:
                notebook.exec_driver_sql("reset synchronous_commit")

    def _sweep(self) -> None:
        """Claims of workers that died fall back into the queue."""
        with self._parts.database.transaction(RELAY) as db:
            db.execute(
                text(
                    "update delivery set state = 'queued', claimed_until = null"
                    " where state = 'claimed' and claimed_until < :wall"
                ),
                {"wall": wall_now()},
            )

    def _batch(self, notebook: Connection, size: int) -> Sequence[Result]:
        now = self._parts.clock.now()
        policy = self._parts.book.snapshot(japan_day(now))
        with self._parts.database.transaction(RELAY) as db:
            claimed = self._claim(db, now, size)
            people = list({row.person_id for row in claimed})
            readers = digest.readers(db, people, policy)
            if readers:
                # The rest of a reader's day, so that one letter holds all of it.
                claimed += self._claim(db, now, MOST_IN_DIGESTS, readers)
            if push.CHANNEL in self._channels:
                db.execute(text(_FAN_OUT))
            rows = db.execute(text(_LOAD), {"ids": [row.id for row in claimed]}).all()
        results = [Result(row.id, "suppressed", error=OFF) for row in rows if not _wanted(row)]
        for result in results:
            _note(notebook, result, now)
        rows = [row for row in rows if _wanted(row)]
        sorted_ = digest.sort(rows, readers, self._parts.texts, policy, now)
        for waiting, until in sorted_.waiting.items():
            results.append(Result(waiting, "queued", available_at=until, untried=1))
            _note(notebook, results[-1], now)
        for letter in sorted_.letters:
            # Noted one by one: whoever is killed here sends one letter twice, not a batch.
            for result in self._send(letter, now):
                _note(notebook, result, now)
                results.append(result)
        return results

    def _claim(
        self, db: Session, now: datetime, size: int, people: Collection[UUID] | None = None
    ) -> list[Row[Any]]:
        up = [name for name in self._channels if name not in self._down]
        found = db.execute(
            text(_CLAIM),
            {
                "now": now,
                "channels": up,
                **self._hours(now),
                "urgent": digest.URGENT_PREFIX,
                "anyhow": ANYHOW,
                "batch": size,
                "people": None if people is None else list(people),
                "until": wall_now() + CLAIM,
            },
        )
        return list(found.all())

    def _hours(self, now: datetime) -> dict[str, int]:
        """R23: the hour, and the nation's quiet hours for whoever chose none."""
        evening, morning = self._parts.book.on("notify.quiet", japan_day(now)).value
        return {"hour": now.astimezone(JAPAN).hour, "evening": evening, "morning": morning}

    def _send(self, letter: Sequence[Row[Any]], now: datetime) -> Sequence[Result]:
        """One letter, of one delivery or of a reader's whole day; what became of each."""
        first = letter[0]
        pushed = first.channel == push.CHANNEL
        if (first.email is None and not pushed) or first.closed_at is not None:
            return [Result(row.id, "suppressed", error="no address") for row in letter]
        if first.channel in self._down:
            return [
                Result(row.id, "queued", available_at=now + OUTAGE, untried=1) for row in letter
            ]
        try:
            told = digest.hint if pushed else digest.words
            title, body = told(letter, self._parts.texts)
            address = str(first.person_id) if pushed else first.email
            provider_id = self._channels[first.channel].send(first.id, address, title, body)
        except ChannelDownError as error:
            self._down.add(first.channel)
            why = _short(error)
            return [
                Result(row.id, "queued", error=why, available_at=now + OUTAGE, untried=1)
                for row in letter
            ]
        except (TryAgainError, push.NobodyThereError) as error:
            return [_later(row, error, now) for row in letter]
        except Exception as error:  # noqa: BLE001 - a notice that cannot be said or sent must not stop the others
            return [Result(row.id, "failed", error=_short(error)) for row in letter]
        return [Result(row.id, "sent", provider_id=provider_id) for row in letter]


def _wanted(row: Row[Any]) -> bool:
    """R23: whether the person left this channel on for what the notice is about."""
    return reaches(row.kind, row.channel, frozenset(row.off or ()))


def _note(notebook: Connection, result: Result, now: datetime) -> None:
    """What became of one delivery; a claim that ended in the meantime is somebody else's."""
    lost = result.state in UNDELIVERED
    notebook.execute(
        text(_NOTE_AND_COUNT if lost else _NOTE),
        {
            **({"today": japan_day(now)} if lost else {}),
            "id": result.id,
            "state": result.state,
            "provider_id": result.provider_id,
            "error": result.error,
            "available_at": result.available_at,
            "untried": result.untried,
            "sent_at": now if result.state == "sent" else None,
        },
    )


def _later(row: Row[Any], error: Exception, now: datetime) -> Result:
    if isinstance(error, push.NobodyThereError):
        return Result(row.id, "suppressed", error="no browser")
    if row.tries >= MOST_TRIES:
        return Result(row.id, "dead", error=_short(error))
    wait = min(FIRST_WAIT * 2 ** (row.tries - 1), LONGEST_WAIT)
    return Result(row.id, "queued", error=_short(error), available_at=now + wait)


def _short(error: Exception) -> str:
    return str(error)[:200]
