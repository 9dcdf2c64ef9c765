"""The busy door of check-ins: the same three steps as `activities.checkin`, without a thread a scan.

Why a second way in: at a gate's rush the cost of a check-in is the ORM and the thread hand-over,
not the database (docs/decisions/0004). Only driving the two statements differs; what is read,
judged and written is the same code.
"""

import asyncio
import json
from collections import deque
from collections.abc import Sequence
from datetime import date, datetime

import asyncpg
from starlette.concurrency import run_in_threadpool

from activities.checkin import ScanRaceError, decide, gather_items, merge, read_all
from activities.checkin_facts import Attempt, Row
from activities.checkin_sql import APPLY, GATHER
from activities.devices import lg_code_of, source_of
from activities.presence import FRESH, Presence
from activities.scans import Answer, Scan, Source
from core.clock import japan_day, wall_now
from core.db import Database, for_body
from core.errors import Conflict, SignInNeeded, Unavailable
from core.sealing import digest
from core.tenancy import Audience
from registry.rules.policy import Policy

_GATHER = GATHER.replace(":items", "$1").replace(":lg_code", "$2")
_APPLY = APPLY.replace(":items", "$1").replace(":lg_code", "$2")
TRIES = 4
#: Scans stored by one pair of statements at most: more would keep the first ones waiting.
TOGETHER = 64
#: A device's source, with the wall's time and the platform's when it was read: a platform whose
#: clock is set may live through weeks in one second of the wall.
_Known = tuple[datetime, datetime, Source]
_Waiting = tuple[Attempt, "asyncio.Future[Answer]"]
#: Deadlock, serialisation failure, and a last place taken meanwhile: done again, they go well.
_AGAIN = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.CheckViolationError,
    ScanRaceError,
)


async def _set_up(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec(
        "jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog"
    )


async def _leave_as_is(_connection: asyncpg.Connection) -> None:
    """Every use ends its own transaction, and the context with it: there is nothing to reset."""


class HotDoor:
    """Connections of the body audience for check-ins, and the devices seen in the last seconds."""

    def __init__(self, database: Database, presence: Presence, *, pool_size: int = 8) -> None:
        self._database = database
        self._presence = presence
        self._pool_size = pool_size
        self._pool: asyncpg.Pool | None = None
        self._devices: dict[str, _Known] = {}
        self._lines: dict[str, deque[_Waiting]] = {}
        self._serving: dict[str, asyncio.Task[None]] = {}

    async def start(self) -> None:
        """Open the connections."""
        url = self._database.url(Audience.BODY).set(drivername="postgresql")
        self._pool = await asyncpg.create_pool(
            url.render_as_string(hide_password=False),
            min_size=1,
            max_size=self._pool_size,
            init=_set_up,
            reset=_leave_as_is,
            server_settings={
                "statement_timeout": "10000",
                "lock_timeout": "5000",
                "idle_in_transaction_session_timeout": "60000",
                # The plans do not depend on the values; planning them anew would cost more
                # than running them.
                "plan_cache_mode": "force_generic_plan",
                # Point look-ups: compiling them costs more than it can save.
                "jit": "off",
                # A plan made while a table was small must not read it whole when it has grown.
                "enable_seqscan": "off",
            },
        )

    async def close(self) -> None:
        """Close the connections."""
        if self._pool is not None:
            await asyncio.gather(*self._serving.values(), return_exceptions=True)
            await self._pool.close()

    async def device(self, token: str, *, request_id: str, now: datetime) -> tuple[str, Source]:
        """The local government and source of a device's token.

        A revocation is noticed within three seconds.

        Raises:
            SignInNeeded: It is no living device's token.
        """
        lg_code = lg_code_of(token)
        if lg_code is None:
            raise SignInNeeded(code="sign_in_needed")
        key, wall = digest(token), wall_now()
        found = self._devices.get(key)
        if found is None or wall - found[0] >= FRESH or now - found[1] >= FRESH:
            source = await run_in_threadpool(self._look_up, lg_code, token, now)
            if len(self._devices) > 10_000:  # noqa: PLR2004 (a bound on memory, not a rule)
                self._devices.clear()
            found = self._devices[key] = (wall, now, source)
        source = found[2]
        return lg_code, Source(
            label=source.label,
            actor=source.actor,
            person_id=source.person_id,
            organisation_id=source.organisation_id,
            revoked_at=source.revoked_at,
            organiser_ended_at=source.organiser_ended_at,
            all_reported=source.all_reported,
            request_id=request_id,
        )

    def _look_up(self, lg_code: str, token: str, now: datetime) -> Source:
        with self._database.transaction(for_body(lg_code, actor="system:gate")) as db:
            policy = self._presence.policies.read(db, lg_code, japan_day(now))
            return source_of(
                db, lg_code=lg_code, token=token, request_id=None, policy=policy, now=now
            )

    async def check_in(
        self, *, lg_code: str, scans: Sequence[Scan], source: Source, now: datetime
    ) -> list[Answer]:
        """As `activities.checkin.check_in`, committed on return.

        One scan goes together with those of other devices that wait at the same local
        government: at a rush they would queue for the session's row anyway.

        Raises:
            Conflict: Others were faster four times over; the same scans may be sent again.
            Unavailable: Whether it was stored is not known; sent again, the same scan ids get
                the first answer.
        """
        attempts = [Attempt(scan, source, now) for scan in scans]
        if len(attempts) > 1:
            return await self._stored(lg_code, attempts)
        waiting = asyncio.get_running_loop().create_future()
        line = self._lines.setdefault(lg_code, deque())
        line.append((attempts[0], waiting))
        if lg_code not in self._serving:
            self._serving[lg_code] = asyncio.create_task(self._serve(lg_code, line))
        # The caller may hang up; the scan is stored all the same, and a repeat gets its answer.
        answer: Answer = await asyncio.shield(waiting)
        return [answer]

    async def _serve(self, lg_code: str, line: "deque[_Waiting]") -> None:
        """Store what waits at one local government, together, until nobody waits."""
        try:
            while line:
                group = [line.popleft() for _ in range(min(len(line), TOGETHER))]
                await self._serve_group(lg_code, group)
        finally:
            del self._serving[lg_code], self._lines[lg_code]

    async def _serve_group(self, lg_code: str, group: "Sequence[_Waiting]") -> None:
        attempts = [attempt for attempt, _ in group]
        [done] = await asyncio.gather(self._stored(lg_code, attempts), return_exceptions=True)
        if not isinstance(done, BaseException):
            for (_, waiting), answer in zip(group, done, strict=True):
                if not waiting.done():
                    waiting.set_result(answer)
        elif len(group) == 1:
            group[0][1].set_exception(done)
        else:
            # One scan's trouble is not its neighbours': each tries for itself.
            for one in group:
                await self._serve_group(lg_code, [one])

    async def _stored(self, lg_code: str, attempts: Sequence[Attempt]) -> list[Answer]:
        for attempt in range(1, TRIES + 1):
            try:
                return await self._once(lg_code, attempts)
            except _AGAIN as error:
                if attempt == TRIES:
                    raise Conflict(code="busy") from error
            except (OSError, asyncpg.InternalClientError) as error:
                raise Unavailable(code="database_away") from error
        raise AssertionError("unreachable: the last try returns or raises")

    async def _once(self, lg_code: str, attempts: Sequence[Attempt]) -> list[Answer]:
        today = japan_day(attempts[0].received_at)
        await self._at_hand(lg_code, {today})
        ring, policy = self._presence.keys.ring, self._policy(lg_code, today)
        readings = read_all(attempts, lg_code=lg_code, ring=ring, policy=policy)
        if self._pool is None:
            raise RuntimeError("the door has not been opened")
        async with self._pool.acquire() as connection:
            try:
                await connection.execute(_begin(lg_code, attempts))
                rows: list[Row] = await connection.fetch(
                    _GATHER, gather_items(attempts, readings), lg_code
                )
                days = {japan_day(row["starts_at"]) for row in rows if row["starts_at"]}
                await self._at_hand(lg_code, days)
                known, items = decide(
                    attempts, readings, rows, policies=lambda day: self._policy(lg_code, day)
                )
                stored = await connection.fetch(_APPLY, items, lg_code)
                answers = merge(attempts, known, items, stored)
                await connection.execute("commit")
            except BaseException:
                await _roll_back(connection)
                raise
            return answers

    def _policy(self, lg_code: str, day: date) -> Policy:
        # Fresh when `_at_hand` looked; what it found then holds for the whole transaction.
        return self._presence.policies.latest(lg_code, day)

    async def _at_hand(self, lg_code: str, days: set[date]) -> None:
        wall = wall_now()
        policies, keys = self._presence.policies, self._presence.keys
        missing = [day for day in days if policies.known(lg_code, day, wall=wall) is None]
        if missing or not keys.is_fresh(wall=wall):
            await run_in_threadpool(self._read, lg_code, missing)

    def _read(self, lg_code: str, days: list[date]) -> None:
        with self._database.transaction(for_body(lg_code, actor="system:gate")) as db:
            self._presence.keys.refresh(db, wall=wall_now())
            for day in days:
                self._presence.policies.read(db, lg_code, day)


async def _roll_back(connection: asyncpg.Connection) -> None:
    """End a failed transaction; a connection that broke in the middle of a word is thrown away."""
    try:
        await connection.execute("rollback")
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError):
        connection.terminate()


def _begin(lg_code: str, attempts: Sequence[Attempt]) -> str:
    """BEGIN and the context in one message; both values are checked by their form.

    Scans of several devices are the gate's transaction; each row says who made its scan.
    """
    actors = {one.source.actor for one in attempts}
    actor = actors.pop() if len(actors) == 1 else "system:gate"
    if not (lg_code.isdecimal() and lg_code.isascii()) or "'" in actor:
        raise ValueError("a local government's code is six digits")
    return (
        f"begin; select set_config('furusato.lg_code', '{lg_code}', true),"
        f" set_config('furusato.person_id', '', true),"
        f" set_config('furusato.actor', '{actor}', true)"
    )
