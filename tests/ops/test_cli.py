"""The console: every command explains itself, and problems are sentences."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.main import get_command
from typer.testing import CliRunner

from app.cli import cli

COMMANDS = {
    "demo",
    "web",
    "worker",
    "beat",
    "migrate",
    "load",
    "job run",
    "judge",
    "keys list",
    "keys rotate",
    "openapi",
    "health",
}


def paths(command: typer.core.TyperGroup, before: str = "") -> dict[str, str]:
    """Every command with its help, by its words."""
    found: dict[str, str] = {}
    for name, child in command.commands.items():
        words = f"{before} {name}".strip()
        if isinstance(child, typer.core.TyperGroup):
            found |= paths(child, words)
        else:
            found[words] = child.help or ""
    return found


def run(
    *words: str, folder: Path, variables: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """The console as its own program, without the caller's settings."""
    bare = {
        k: v for k, v in os.environ.items() if not k.startswith(("FURUSATO", "DATABASE", "REDIS"))
    }
    return subprocess.run(
        [sys.executable, "-c", "from app.cli import main; main()", *words],
        cwd=folder,
        env=bare | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])} | (variables or {}),
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def test_every_command_is_there_and_says_what_it_does() -> None:
    group = get_command(cli)
    assert isinstance(group, typer.core.TyperGroup)
    found = paths(group)
    assert set(found) == COMMANDS
    assert all(found.values())


def test_help_of_the_console() -> None:
    told = CliRunner().invoke(cli, ["--help"])
    assert told.exit_code == 0
    assert "ふるさと住民登録" in told.stdout


def test_missing_settings_are_named(tmp_path: Path) -> None:
    done = run("web", folder=tmp_path)
    assert done.returncode == 2
    assert "DATABASE_URL" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["web", "worker", "beat", "migrate", "load"])
def test_unsafe_settings_stop_every_process(tmp_path: Path, command: str) -> None:
    done = run(command, folder=tmp_path, variables={"DATABASE_URL": "postgresql:///x"})
    assert done.returncode == 2
    assert "FURUSATO_SECRET_KEY is the rehearsal secret" in done.stderr
    assert "Traceback" not in done.stderr


def test_migrating_without_a_password_for_the_roles_is_refused(tmp_path: Path) -> None:
    safe = {
        "DATABASE_URL": "postgresql:///x",
        "FURUSATO_SECRET_KEY": "k" * 32,
        "FURUSATO_PUBLIC_URL": "https://furusato.example",
    }
    done = run("migrate", folder=tmp_path, variables=safe)
    assert done.returncode == 2
    assert "FURUSATO_DB_PASSWORD is empty" in done.stderr


def test_job_wants_a_day() -> None:
    told = CliRunner().invoke(cli, ["job", "run", "renewal", "--as-of", "tomorrow"])
    assert told.exit_code == 2
    assert "YYYY-MM-DD" in told.output


def test_openapi_needs_no_settings_and_is_one_document(tmp_path: Path) -> None:
    done = run("openapi", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["openapi"].startswith("3.")


def test_health_of_nobody_is_an_answer(tmp_path: Path) -> None:
    done = run("health", "--url", "http://127.0.0.1:1", folder=tmp_path)
    assert done.returncode == 1
    assert "does not answer" in done.stderr
    assert "Traceback" not in done.stderr
