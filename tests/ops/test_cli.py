"""The console: every command explains itself, and problems are sentences."""

import json
import os
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import typer
from sqlalchemy import text
from typer.main import get_command
from typer.testing import CliRunner

from app import migrate
from app.cli import cli
from core.db import Database, for_body
from registry.judging import keep
from registry.models import Registration
from registry.policybook import load_policy
from registry.rules.eligibility import decide_standing
from registry.rules.facts import Applicant, Body, BodyKind, IdentityLevel, Residence

COMMANDS = {
    "demo",
    "web",
    "worker",
    "beat",
    "migrate",
    "load",
    "job run",
    "judge",
    "bounced",
    "simulate",
    "compare",
    "rehearse",
    "reopen",
    "keys list",
    "keys rotate",
    "keys revoke",
    "operator add",
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


def store_judgement(database: Database) -> UUID:
    """A real decision, stored as the registry stores it; refused, so that it has reasons."""
    body = Body("212172", BodyKind.MUNICIPALITY, "210005")
    day = date(2027, 10, 1)
    person = Applicant(
        person_id=uuid4(),
        birth_date=date(1985, 3, 15),
        residence=Residence("212172", "210005", verified=True),
        identity_level=IdentityLevel.MNC_SIGN,
        identity_valid=True,
    )
    decision = decide_standing(person, body, load_policy().snapshot(day, body.code), day)
    assert decision.reasons
    with database.transaction(for_body(body.code, actor="staff:test")) as db:
        registration = Registration(lg_code=body.code, id=uuid4(), person_id=person.person_id)
        return keep(
            db,
            decision,
            registration=registration,
            subject_key="a test",
            now=datetime(2027, 10, 1, tzinfo=UTC),
        )


def test_r15_judgement_is_made_again_from_its_own_facts(own_database: Database) -> None:
    judgement = store_judgement(own_database)
    variables = {
        "DATABASE_URL": own_database._settings.database_url,
        "FURUSATO_ENVIRONMENT": "test",
        "COLUMNS": "200",
    }
    told = CliRunner().invoke(cli, ["judge", "--replay", str(judgement)], env=variables)
    assert told.exit_code == 0, told.output
    assert "The same decision." in told.output
    assert "R16 moved_in" in told.output

    with migrate.owner(own_database._settings.database_url) as connection:
        connection.execute(text("update judgement set reasons = '[]', outcome = 'allowed'"))
    told = CliRunner().invoke(cli, ["judge", "--replay", str(judgement)], env=variables)
    assert told.exit_code == 1
    assert "otherwise now" in told.output

    told = CliRunner().invoke(cli, ["judge", "--replay", str(uuid4())], env=variables)
    assert told.exit_code == 2
    assert "no judgement" in told.output
