"""What the processes of a stack on one machine are told, and what the stack remembers."""

import fcntl
import json
import os
import secrets
import shutil
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from app.local_process import LocalStackError
from core.settings import Settings
from registry.idp_config import new_signing_key, public_keys, read_signing_key
from registry.policybook import POLICY_DIR

HOST = "127.0.0.1"
#: The only variables of the caller's environment that a child may see.
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "SSL_CERT_FILE")
_ROOT = Path(__file__).resolve().parent.parent


def setting_name(field: str) -> str:
    """The environment variable of a setting, e.g. `smtp_port` → `FURUSATO_SMTP_PORT`."""
    info = Settings.model_fields[field]
    alias = info.validation_alias
    choices = getattr(alias, "choices", None)
    return str(choices[0]) if choices else f"FURUSATO_{field.upper()}"


def to_environment(values: Mapping[str, Any]) -> dict[str, str]:
    """Settings by field name as environment variables."""
    return {
        setting_name(field): str(value).lower() if isinstance(value, bool) else str(value)
        for field, value in values.items()
        if value is not None
    }


def child_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """The whole environment of a child: named variables, the settings, nothing else."""
    named = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return named | {"PYTHONPATH": str(_ROOT), "PYTHONUNBUFFERED": "1"} | dict(settings)


def free_port(preferred: int | None = None) -> int:
    """A port of the loopback that nobody listens on: the preferred one when it is free."""
    for port in ([preferred] if preferred else []) + [0]:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            # As the servers do: a port whose last connections still linger is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise LocalStackError("No port is free on this machine.")


def port_is_free(port: int) -> bool:
    """Whether nobody listens on this very port."""
    return free_port(port) == port


class Memory:
    """Ports and passwords that stay the same when a stack is started again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._values: dict[str, Any] = (
            json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        )

    def port(self, name: str, preferred: int | None = None) -> int:
        """The port of a server: last time's or the preferred one when it is still free."""
        port = free_port(self._values.get(f"{name}_port", preferred))
        return int(self._keep(f"{name}_port", port))

    def password(self, name: str) -> str:
        """The password of a server, made at first use."""
        key = f"{name}_password"
        return str(self._keep(key, self._values.get(key) or secrets.token_urlsafe(24)))

    def _keep(self, key: str, value: str | int) -> str | int:
        if self._values.get(key) != value:
            self._values[key] = value
            part = self._path.with_suffix(".part")
            part.touch(mode=0o600)
            part.write_text(json.dumps(self._values, indent=1), encoding="utf-8")
            part.replace(self._path)
        return value


def own_policy(data_dir: Path) -> Path:
    """A copy of the nation's numbers that belongs to this stack; `LocalStack.clear` removes it.

    Raises:
        LocalStackError: There is such a folder already, and nothing says that a stack made it.
    """
    folder = data_dir / "policy"
    try:
        shutil.copytree(POLICY_DIR, folder)
    except FileExistsError:
        raise LocalStackError(f"{folder} is there already; choose another data folder.") from None
    return folder


def lock_folder(folder: Path) -> TextIO:
    """Make sure that one stack at a time uses a data folder; held until closed."""
    handle = (folder / "lock").open("w", encoding="utf-8")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.close()
        raise LocalStackError(
            f"Another stack is running on {folder}: stop it, or choose another --data-dir."
        ) from None
    return handle


def ensure_client_key(path: Path) -> Path:
    """The ES256 key with which this rehearsal signs towards the OpenID stand-in (PEM).

    Its public half lies beside it as a key set, `….jwks.json`, for the stand-in to read.
    """
    if path.exists():
        key = read_signing_key(path.read_bytes())
    else:
        key = new_signing_key()
        path.touch(mode=0o600)
        path.write_bytes(key.as_pem(private=True))
    path.with_suffix(".jwks.json").write_text(json.dumps(public_keys(key)), encoding="utf-8")
    return path
