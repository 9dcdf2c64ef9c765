"""The whole platform on one machine, without containers: servers, processes, supervision.

    with LocalStack(Path(".furusato")) as stack:      # PostgreSQL and Valkey answer
        ...migrate, load...
        stack.start_processes()                       # web, worker, beat, mail, stand-in
        stack.wait_ready()

With `DATABASE_URL` and `REDIS_URL` in the environment those servers are used instead.
"""

import os
import shutil
import signal
import sys
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Self, TextIO

import httpx

from app.local_environment import (
    HOST,
    Memory,
    child_environment,
    ensure_client_key,
    lock_folder,
    port_is_free,
    to_environment,
)
from app.local_postgres import EmbeddedPostgres
from app.local_process import LocalStackError, Program, Supervisor, tail
from app.local_valkey import EmbeddedValkey
from core.push import ensure_key
from core.settings import Environment, Settings

__all__ = ["PROCESSES", "LocalStack", "LocalStackError"]

DATABASE = "furusato"
MEMORY = "memory.json"
#: In the order of their start; stopped the other way round.
PROCESSES = ("mail", "openid", "web", "worker", "beat")
IDP_PATH = "/api/realms/main"
#: Where the provider of the My Number card sends people back to.
IDP_CALLBACK = "/identity/callback"
#: A rehearsal shows the effect of a tap at once; production asks for due work less often.
TICK_SECONDS = 1.0
_MOST_DEATHS = 4  # while it is waited for; then it will not come up


class LocalStack:
    """Servers and processes in one data folder; a context manager.

    Args:
        data_dir: Folder for all data, logs, mail and the rehearsal's clock.
        environment: `demo` or `test`; production is never supervised by this class.
        durable: False turns fsync off, for tests only.
        port: Port of the web process, refused when taken; any free one when None.
        preferred_port: Port to take instead of any, when it is free.
        web_workers: Web processes behind that port.
        worker_processes: Processes of the Celery worker.
        settings: More settings by field name, e.g. `{"tick_seconds": 0.5}`.
    """

    def __init__(
        self,
        data_dir: Path = Path(".furusato"),
        *,
        environment: Environment = Environment.DEMO,
        durable: bool = True,
        port: int | None = None,
        preferred_port: int | None = None,
        web_workers: int = 1,
        worker_processes: int = 1,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        if environment is Environment.PRODUCTION:
            raise LocalStackError("A stack on one machine is a rehearsal, not production.")
        if not durable and environment is not Environment.TEST:
            raise LocalStackError("Only a test may run a database that forgets.")
        self.data_dir = data_dir.expanduser().resolve()
        self._environment = environment
        self._durable = durable
        self._wanted_port = port
        self._preferred_port = preferred_port
        self._web_workers = web_workers
        self._worker_processes = worker_processes
        self._extra = dict(settings or {})
        self._supervisor: Supervisor | None = None
        self._lock: TextIO | None = None
        self._postgres: EmbeddedPostgres | None = None
        self._valkey: EmbeddedValkey | None = None
        self._values: dict[str, Any] = {}
        self._ports: dict[str, int] = {}

    # Starting and stopping

    def start(self) -> None:
        """Start the servers and fix all addresses; processes come with `start_processes`."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        # Others may pass (PostgreSQL runs as a user of its own) but not look.
        self.data_dir.chmod(0o711)
        for folder in (self.logs, self.mail_dir):
            folder.mkdir(exist_ok=True)
        self._lock = lock_folder(self.data_dir)
        try:
            self._supervisor = Supervisor()
            memory = Memory(self.data_dir / MEMORY)
            self._ports = {name: memory.port(name) for name in ("openid", "mail")}
            self._ports["web"] = self._web_port(memory)
            self._values = self._servers(memory) | self._rehearsal(memory) | self._extra
        except BaseException:
            self.stop()
            raise

    def clear(self) -> None:
        """Remove what an earlier stack left in the data folder, so that this one starts afresh.

        Only before `start`, and only what stacks make: other files of the folder stay.
        """
        if self._supervisor is not None:
            raise LocalStackError("A running stack cannot be cleared.")
        if not (self.data_dir / MEMORY).exists():
            return
        with lock_folder(self.data_dir):
            for name in ("postgres", "valkey", "logs", "mail", "run", "policy"):
                shutil.rmtree(self.data_dir / name, ignore_errors=True)
            for path in (*self.data_dir.glob("beat-schedule*"), self.clock_file):
                path.unlink(missing_ok=True)

    def stop(self) -> None:
        """Stop everything that this stack started: a worker needs its broker to the end."""
        if self._supervisor is not None:
            for name in reversed(PROCESSES):
                self._supervisor.stop(name)
            self._supervisor.close()
            self._supervisor = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def __enter__(self) -> Self:
        """Start the servers."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop everything."""
        self.stop()

    @property
    def is_embedded(self) -> bool:
        """Whether PostgreSQL and Valkey are this stack's own, not the caller's."""
        return self._postgres is not None

    # Addresses

    @property
    def logs(self) -> Path:
        """One log file a process."""
        return self.data_dir / "logs"

    @property
    def mail_dir(self) -> Path:
        """Where caught mail lies, one `.eml` file a message."""
        return self.data_dir / "mail"

    @property
    def clock_file(self) -> Path:
        """The rehearsal's settable clock, see `core.clock.FileClock`."""
        return self.data_dir / "clock.json"

    @property
    def base_url(self) -> str:
        """Where the web process listens."""
        return f"http://localhost:{self._ports['web']}"

    @property
    def openid_url(self) -> str:
        """Issuer of the OpenID stand-in."""
        return f"http://{HOST}:{self._ports['openid']}{IDP_PATH}"

    @property
    def owner_url(self) -> str:
        """Address with the rights to migrate."""
        return str(self._values["migrate_database_url"])

    def server_url(self, database: str) -> str:
        """Address of a database of the embedded server, as its superuser."""
        return self._embedded_postgres().url(database)

    def environment(self) -> dict[str, str]:
        """All settings of this stack's processes as environment variables."""
        run_time = {k: v for k, v in self._values.items() if k != "migrate_database_url"}
        return to_environment(run_time)

    def settings(self) -> Settings:
        """The settings this stack's processes read."""
        # By alias: a variable of the same name outside must not win.
        given: dict[str, Any] = dict(self._values)
        given["DATABASE_URL"] = given.pop("database_url")
        given["REDIS_URL"] = given.pop("redis_url")
        return Settings(_env_file=None, **given)

    # Processes

    def start_processes(self, names: Collection[str] = PROCESSES) -> None:
        """Start some or all of PROCESSES; they are restarted when they die."""
        for name in sorted(names, key=PROCESSES.index):
            self._running().start(self._program(name))

    def stop_process(self, name: str) -> None:
        """Stop one process; it stays away until it is started again."""
        self._running().stop(name)

    def kill(
        self, name: str, signal_number: signal.Signals = signal.SIGKILL, *, whole: bool = True
    ) -> None:
        """Send a signal to a process or server, `whole` with all its children."""
        self._running().kill(name, signal_number, whole=whole)

    def pid(self, name: str) -> int | None:
        """Process id, or None while the process is not running."""
        return self._running().pid(name)

    def starts(self, name: str) -> int:
        """How often a process was started; more than 1 means that it died."""
        return self._running().starts(name)

    def wait_ready(self, timeout: float = 60.0) -> None:
        """Wait until `/health/ready` says 200, and hears the worker if it was started.

        Raises:
            LocalStackError: with the last answer and the end of the log, after `timeout` seconds.
        """
        until, before = time.monotonic() + timeout, self.starts("web")
        while True:
            try:
                answer = httpx.get(f"http://{HOST}:{self._ports['web']}/health/ready", timeout=5)
                if answer.status_code == httpx.codes.OK and (
                    not self.starts("worker") or answer.json()["status"] == "ready"
                ):
                    return
                last = f"{answer.status_code} {answer.text[:300]}"
            except httpx.TransportError as error:
                last = str(error)
            if time.monotonic() > until or self.starts("web") - before > _MOST_DEATHS:
                raise LocalStackError(
                    f"Not ready after {timeout:.0f} seconds or {_MOST_DEATHS} deaths: {last}\n"
                    f"{tail(self.logs / 'web.log')}"
                )
            time.sleep(0.1)

    # Servers

    def restart_valkey(self, *, empty: bool = False) -> None:
        """Stop Valkey and start it again, `empty` as if its disk had been lost."""
        if self._valkey is None:
            raise LocalStackError("This stack uses a server of its own choice for Redis.")
        self._valkey.stop()
        if empty:
            self._valkey.empty()
        self._valkey.start()

    def wait_for_servers(self, timeout: float = 60.0) -> None:
        """Wait until the embedded servers answer, for example after one was killed."""
        for server in (self._valkey, self._postgres):
            if server is not None:
                self._running().wait_until(server.name, server.answers, timeout=timeout)

    def wait_for_port(self, port: int, timeout: float = 30.0) -> None:
        """Wait until somebody listens on a port of the loopback."""
        until = time.monotonic() + timeout
        while port_is_free(port):
            if time.monotonic() > until:
                raise LocalStackError(f"Nobody listens on port {port} after {timeout:.0f} seconds.")
            time.sleep(0.05)

    def restart_postgres(self) -> None:
        """Stop PostgreSQL, ending all connections, and start it again."""
        server = self._embedded_postgres()
        server.stop()
        server.start()

    def _web_port(self, memory: Memory) -> int:
        if self._wanted_port is None:
            return memory.port("web", self._preferred_port)
        if not port_is_free(self._wanted_port):
            raise LocalStackError(f"Port {self._wanted_port} is taken: choose another with --port.")
        return self._wanted_port

    def _servers(self, memory: Memory) -> dict[str, Any]:
        """Addresses of PostgreSQL and Redis: the caller's, or embedded ones started here."""
        given = os.environ.get("DATABASE_URL"), os.environ.get("REDIS_URL")
        if all(given):
            owner = os.environ.get("FURUSATO_MIGRATE_DATABASE_URL") or given[0]
            password = os.environ.get("FURUSATO_DB_PASSWORD") or memory.password("database")
            return {
                "database_url": given[0],
                "redis_url": given[1],
                "migrate_database_url": owner,
                "db_password": password,
            }
        if any(given):
            raise LocalStackError(
                "Set both DATABASE_URL and REDIS_URL to use your own servers, or neither."
            )
        supervisor = self._running()
        self._postgres = EmbeddedPostgres(
            self.data_dir / "postgres", self.logs, supervisor, durable=self._durable
        )
        self._valkey = EmbeddedValkey(
            self.data_dir / "valkey",
            self.logs,
            supervisor,
            port=memory.port("valkey"),
            password=memory.password("valkey"),
        )
        self._valkey.start()
        self._postgres.start()
        self._postgres.ensure_database(DATABASE)
        url = self._postgres.url(DATABASE)
        return {
            "database_url": url,
            "redis_url": self._valkey.url,
            "migrate_database_url": url,
            "db_password": memory.password("database"),
        }

    def _rehearsal(self, memory: Memory) -> dict[str, Any]:
        """Settings of a rehearsal: caught mail, stand-in for identity, settable clock."""
        return {
            "environment": self._environment.value,
            "secret_key": memory.password("secret"),
            "public_url": self.base_url,
            "clock_file": self.clock_file,
            "smtp_host": HOST,
            "smtp_port": self._ports["mail"],
            "idp_base_url": self.openid_url,
            "idp_private_key_file": ensure_client_key(self.data_dir / "idp-client.pem"),
            "push_private_key_file": ensure_key(self.data_dir / "push.pem"),
            "show_sign_in_codes": True,
            "tick_seconds": TICK_SECONDS,
            # A rehearsal plays days of receptions in a second of the machine's time.
            **({"limit_device_scans": 0} if self._environment is Environment.DEMO else {}),
        }

    def _program(self, name: str) -> Program:
        python = (sys.executable, "-m")
        celery = (*python, "celery", "-A", "workers.app")
        commands: dict[str, tuple[str, ...]] = {
            "mail": (
                *(*python, "app.mailcatcher", "--port", str(self._ports["mail"])),
                *("--dir", str(self.mail_dir)),
            ),
            "openid": (
                *(*python, "standins.openid", "--port", str(self._ports["openid"])),
                *("--client-jwks", str(self.data_dir / "idp-client.jwks.json")),
                *("--redirect-uri", self.base_url + IDP_CALLBACK),
            ),
            "web": (*python, *web_command(HOST, self._ports["web"], self._web_workers)),
            "worker": (*celery, *worker_options(self._worker_processes)),
            "beat": (*celery, *beat_options(self.data_dir / "beat-schedule")),
        }
        return Program(
            name=name,
            command=commands[name],
            environment=child_environment(self.environment()),
            folder=self.data_dir,
            log=self.logs / f"{name}.log",
        )

    def _running(self) -> Supervisor:
        if self._supervisor is None:
            raise LocalStackError("The stack is not started.")
        return self._supervisor

    def _embedded_postgres(self) -> EmbeddedPostgres:
        if self._postgres is None:
            raise LocalStackError("This stack uses a server of its own choice for PostgreSQL.")
        return self._postgres


def web_command(host: str, port: int, workers: int = 1) -> tuple[str, ...]:
    """Arguments for `python -m` that run the web process."""
    return (
        *("uvicorn", "app.main:app_from_env", "--factory", "--host", host, "--port", str(port)),
        *("--loop", "uvloop", "--http", "httptools", "--workers", str(workers)),
        *("--no-access-log", "--no-server-header", "--timeout-graceful-shutdown", "10"),
    )


def worker_options(processes: int) -> tuple[str, ...]:
    """Arguments for `celery -A workers.app` that run a worker."""
    # Gossip and mingle are the ways in which workers stop consuming after a reconnection.
    return (
        *("worker", "--without-gossip", "--without-mingle", "--loglevel", "INFO"),
        *("--concurrency", str(processes)),
    )


def beat_options(schedule: Path) -> tuple[str, ...]:
    """Arguments for `celery -A workers.app` that run beat; its memory lies in `schedule`."""
    return ("beat", "--loglevel", "INFO", "--schedule", str(schedule), "--pidfile=")
