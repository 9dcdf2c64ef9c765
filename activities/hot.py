"""The busy door of check-ins: the same three steps as `activities.checkin`, without a thread a scan.

Why a second way in: at a gate's rush the cost of a check-in is the ORM and the thread hand-over,
not the database (docs/decisions/0004). Only driving the statements differs; what is read, judged
and written is the same code.
"""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import asyncpg
from sqlalchemy import ARRAY, ClauseElement, String, any_, bindparam
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect
from starlette.concurrency import run_in_threadpool

from activities.checkin import ScanRaceError, decide, gather_items, merge, read_all
from activities.checkin_facts import Attempt, Row
from activities.checkin_sql import APPLY, GATHER
from activities.devices import (
    NOTE_HEARD,
    heard_anew,
    known_devices,
    last_heard,
    lg_code_of,
    source_from,
)
from activities.models import ScannerDevice
from activities.presence import FRESH, Presence
from activities.scans import Answer, Scan, Source
from activities.together import Together
from core.clock import japan_day, wall_now
from core.db import Database, for_body
from core.errors import Conflict, SignInNeeded, Unavailable
from core.sealing import digest
from core.tenancy import Audience
from registry.rules.policy import Policy

_GATHER = GATHER.replace(":items", "$1").replace(":lg_code", "$2")
_APPLY = APPLY.replace(":items", "$1").replace(":lg_code", "$2")


class _Prepared:
    """A statement of SQLAlchemy's in the words of asyncpg."""

    def __init__(self, statement: ClauseElement) -> None:
        made = statement.compile(dialect=asyncpg_dialect())  # type: ignore[no-untyped-call] # SQLAlchemy's
        self.sql = made.string
        self._names: Sequence[str] = getattr(made, "positiontup", ())

    def given(self, **values: Any) -> list[Any]:
        """The values in their order."""
        return [values[name] for name in self._names]


_DEVICES = _Prepared(
    known_devices().where(
        ScannerDevice.lg_code == bindparam("of_lg_code", type_=String),
        ScannerDevice.token_hash == any_(bindparam("hashes", type_=ARRAY(String))),
    )
)
_HEARD = _Prepared(NOTE_HEARD)
TRIES = 4
#: A device's source, with the wall's time and the platform's when it was read: a platform whose
#: clock is set may live through weeks in one second of the wall.
_Known = tuple[datetime, datetime, Source]
#: A token's digest, and the platform's time when it came.
_Asked = tuple[str, datetime]
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
        self._looks: Together[_Asked, Source | None] = Together(self._look_up)
        self._scans: Together[Attempt, Answer] = Together(self._stored)

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
            await self._looks.close()
            await self._scans.close()
            await self._pool.close()

    async def device(self, token: str, *, request_id: str, now: datetime) -> tuple[str, Source]:
        """The local government and source of a device's token.

        A revocation is noticed within three seconds.

        Raises:
            SignInNeeded: It is no living device's token.
            Unavailable: The database is away.
        """
        lg_code = lg_code_of(token)
        if lg_code is None:
            raise SignInNeeded(code="sign_in_needed")
        key, wall = digest(token), wall_now()
        found = self._devices.get(key)
        if found is None or wall - found[0] >= FRESH or now - found[1] >= FRESH:
            source = await self._looks.ask(lg_code, (key, now))
            if source is None:
                raise SignInNeeded(code="sign_in_needed")
            if len(self._devices) > 10_000:  # noqa: PLR2004 (a bound on memory, not a rule)
                self._devices.clear()
            found = self._devices[key] = (wall, now, source)
        return lg_code, replace(found[2], request_id=request_id)

    async def _look_up(self, lg_code: str, asked: Sequence[_Asked]) -> list[Source | None]:
        now = max(at for _, at in asked)
        today = japan_day(now)
        hashes = list({key for key, _ in asked})
        try:
            await self._at_hand(lg_code, {today})
            policy = self._policy(lg_code, today)
            async with self._transaction(lg_code, "system:gate") as connection:
                rows = await connection.fetch(
                    _DEVICES.sql, *_DEVICES.given(of_lg_code=lg_code, hashes=hashes)
                )
                found = {row["token_hash"]: source_from(row, policy) for row in rows}
                anew = [
                    row["id"]
                    for row in rows
                    if (ends := found[row["token_hash"]].revoked_at)
                    and heard_anew(last_heard(row), ends, now)
                ]
                if anew:
                    await connection.execute(
                        _HEARD.sql,
                        *_HEARD.given(of_lg_code=lg_code, device_ids=anew, heard_at=now),
                    )
        except (OSError, asyncpg.InternalClientError) as error:
            raise Unavailable(code="database_away") from error
        return [found.get(key) for key, _ in asked]

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
        return [await self._scans.ask(lg_code, attempts[0])]

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
        async with self._transaction(lg_code, _actor(attempts)) as connection:
            rows: list[Row] = await connection.fetch(
                _GATHER, gather_items(attempts, readings), lg_code
            )
            days = {japan_day(row["starts_at"]) for row in rows if row["starts_at"]}
            await self._at_hand(lg_code, days)
            known, items = decide(
                attempts, readings, rows, policies=lambda day: self._policy(lg_code, day)
            )
            stored = await connection.fetch(_APPLY, items, lg_code)
            return merge(attempts, known, items, stored)

    @asynccontextmanager
    async def _transaction(self, lg_code: str, actor: str) -> AsyncIterator[asyncpg.Connection]:
        """A connection in a body's context; committed at the end."""
        if self._pool is None:
            raise RuntimeError("the door has not been opened")
        async with self._pool.acquire() as connection:
            try:
                await connection.execute(_begin(lg_code, actor))
                yield connection
                await connection.execute("commit")
            except BaseException:
                await _roll_back(connection)
                raise

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


def _actor(attempts: Sequence[Attempt]) -> str:
    """Scans of several devices are the gate's transaction; each row says who made its scan."""
    actors = {one.source.actor for one in attempts}
    return actors.pop() if len(actors) == 1 else "system:gate"


def _begin(lg_code: str, actor: str) -> str:
    """BEGIN and the context in one message; both values are checked by their form."""
    if not (lg_code.isdecimal() and lg_code.isascii()) or "'" in actor:
        raise ValueError("a local government's code is six digits")
    return (
        f"begin; select set_config('furusato.lg_code', '{lg_code}', true),"
        f" set_config('furusato.person_id', '', true),"
        f" set_config('furusato.actor', '{actor}', true)"
    )
