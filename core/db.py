"""The database: one engine an audience, one transaction a door, committed at the edge.

`Database.transaction(context)` is the only place that commits. It sets the context with
`set_config(…, is_local => true)` right after BEGIN, so that it ends with the transaction
and never survives into the next user of a pooled connection.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from random import SystemRandom
from time import sleep
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from sqlalchemy import MetaData, create_engine, event, make_url, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

from core.settings import Environment, Settings, UnsafeSettingsError
from core.tenancy import Audience
from core.types import UtcDateTime, Uuid

T = TypeVar("T")

#: SQLSTATEs after which the same transaction may simply be tried again.
RETRYABLE = frozenset({"40001", "40P01"})
MAX_TRIES = 5


class Base(DeclarativeBase):
    """All tables."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcDateTime,
        UUID: Uuid,
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
    }


@dataclass(frozen=True, slots=True)
class Context:
    """For whom a transaction works: the database shows it these rows and no others.

    Attributes:
        audience: Whose login role runs the statements.
        lg_code: The local government, where the audience is one (or a job working for one).
        person_id: The person, where the audience is one.
        actor: Who acts, for audit and idempotency, as `kind:id`.
        request_id: Ties audit rows to a request or a job run.
    """

    audience: Audience
    lg_code: str | None = None
    person_id: UUID | None = None
    actor: str = "system:platform"
    request_id: str | None = None


def for_person(
    person_id: UUID, *, actor: str | None = None, request_id: str | None = None
) -> Context:
    """The context of a person looking after their own rows."""
    return Context(
        Audience.PERSON,
        person_id=person_id,
        actor=actor or f"person:{person_id}",
        request_id=request_id,
    )


def for_body(lg_code: str, *, actor: str, request_id: str | None = None) -> Context:
    """The context of a local government's staff, hosts and doors."""
    return Context(Audience.BODY, lg_code=lg_code, actor=actor, request_id=request_id)


def for_job(job: str, lg_code: str | None = None) -> Context:
    """The context of a nightly job, working for one local government at a time."""
    return Context(Audience.WORKER, lg_code=lg_code, actor=f"system:{job}")


class Database:
    """Engines and transactions of one process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._engines: dict[Audience, Engine] = {}

    def url(self, audience: Audience) -> URL:
        """The address under which an audience's login role connects."""
        return make_url(self._settings.database_url).set(
            drivername="postgresql+psycopg",
            username=audience.role,
            password=self._settings.db_password.get_secret_value() or None,
        )

    def engine(self, audience: Audience) -> Engine:
        """The audience's pool, made at first use."""
        if audience not in self._engines:
            slow = audience in {Audience.WORKER, Audience.RELAY}
            self._engines[audience] = create_engine(
                self.url(audience),
                pool_size=self._settings.db_pool_size,
                max_overflow=self._settings.db_pool_size,
                pool_pre_ping=True,
                # Errors reach logs; the values of a statement are people's.
                hide_parameters=True,
                connect_args={
                    "options": f"-c statement_timeout={120_000 if slow else 10_000}"
                    " -c lock_timeout=5000 -c idle_in_transaction_session_timeout=60000"
                    " -c timezone=UTC"
                },
            )
        return self._engines[audience]

    @contextmanager
    def transaction(self, context: Context) -> Iterator[Session]:
        """One transaction under a context; committed when the block ends, else rolled back."""
        with self._session(context) as db:
            try:
                yield db
                db.commit()
            except BaseException:
                db.rollback()
                raise

    def run(self, context: Context, work: Callable[[Session], T]) -> T:
        """Run `work` in a transaction; try again after a deadlock or serialisation failure."""
        for attempt in range(1, MAX_TRIES + 1):
            try:
                with self.transaction(context) as db:
                    return work(db)
            except DBAPIError as error:
                if attempt == MAX_TRIES or sqlstate(error) not in RETRYABLE:
                    raise
                sleep(SystemRandom().uniform(0.01, 0.05) * attempt)
        raise AssertionError("unreachable: the last try returns or raises")

    def _session(self, context: Context) -> Session:
        factory = sessionmaker(
            self.engine(context.audience), expire_on_commit=False, info={"context": context}
        )
        return factory()

    def dispose(self) -> None:
        """Close all pools."""
        for engine in self._engines.values():
            engine.dispose()
        self._engines.clear()

    def check_safe(self) -> None:
        """Refuse to work as a powerful role, or where a commit may be lost."""
        with self.engine(Audience.GATE).connect() as connection:
            role = connection.execute(
                text(
                    "select rolsuper or rolbypassrls or exists (select 1 from pg_class c"
                    " where c.relowner = r.oid) from pg_roles r where rolname = current_user"
                )
            ).scalar_one()
            if role:
                raise UnsafeSettingsError(
                    "the database role owns tables or may bypass row level security:"
                    " run `furusato migrate` and connect with the login roles it makes"
                )
            if self._settings.environment is Environment.TEST:
                return
            for name in ("fsync", "full_page_writes", "synchronous_commit"):
                value = connection.execute(text(f"show {name}")).scalar_one()
                if value in {"off", "local"}:
                    raise UnsafeSettingsError(
                        f"PostgreSQL runs with {name} = {value}: an acknowledged check-in could"
                        f" be lost; set {name} = on"
                    )


@event.listens_for(Session, "after_begin")
def _set_context(db: Session, _transaction: object, connection: Connection) -> None:
    """Tell the database who is asking, for this transaction only."""
    context: Context | None = db.info.get("context")
    if context is not None:
        _apply(connection, context)


def _apply(connection: Connection, context: Context) -> None:
    connection.execute(
        text(
            "select set_config('furusato.lg_code', :lg_code, true),"
            " set_config('furusato.person_id', :person_id, true),"
            " set_config('furusato.actor', :actor, true)"
        ),
        {
            "lg_code": context.lg_code or "",
            "person_id": "" if context.person_id is None else str(context.person_id),
            "actor": context.actor,
        },
    )


def context_of(db: Session) -> Context:
    """For whom this transaction works."""
    context: Context = db.info["context"]
    return context


@contextmanager
def working_for(db: Session, lg_code: str) -> Iterator[None]:
    """Work for another local government inside the same transaction, then come back.

    For facts that belong to two of them at once: a municipal registration and the
    prefecture's derived one (R02).
    """
    with _working_as(db, replace(context_of(db), lg_code=lg_code)):
        yield


@contextmanager
def working_for_person(db: Session, person_id: UUID) -> Iterator[None]:
    """Work on another person's rows inside the same transaction, then come back.

    For acts that reach two people at once: a guardian's end reaches the minor (R18, R32).
    """
    with _working_as(db, replace(context_of(db), person_id=person_id)):
        yield


@contextmanager
def _working_as(db: Session, context: Context) -> Iterator[None]:
    before = context_of(db)
    db.flush()
    _enter(db, context)
    try:
        yield
        db.flush()
    finally:
        _enter(db, before)


def _enter(db: Session, context: Context) -> None:
    db.info["context"] = context
    if db.is_active:
        _apply(db.connection(), context)


def sqlstate(error: DBAPIError) -> str | None:
    """The five-character code PostgreSQL gave."""
    return getattr(error.orig, "sqlstate", None)


def as_json_day(value: date | None) -> str | None:
    """A day as ISO text, for JSON columns."""
    return None if value is None else value.isoformat()
