"""docker-compose.yml: valid, the same processes as the console starts, safe servers."""

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from typer.testing import CliRunner

from app.cli import cli
from app.local_environment import setting_name
from core.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
OURS = ("migrate", "load", "web", "worker", "beat")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    return found


def settings_of(service: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = service.get("environment", {})
    return found


def words(service: dict[str, Any]) -> str:
    return " ".join(service["command"])


def test_file_follows_the_compose_specification(compose: dict[str, Any]) -> None:
    vendored = files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
    schema = json.loads(vendored.read_text("utf-8"))
    validator = jsonschema.validators.validator_for(schema)(schema)
    assert [error.message for error in validator.iter_errors(compose)] == []
    # The schema is not so lax that it would accept anything.
    assert list(validator.iter_errors({"services": {"web": {"comand": []}}}))


@pytest.mark.parametrize("name", OURS)
def test_containers_run_commands_that_the_console_has(compose: dict[str, Any], name: str) -> None:
    command = compose["services"][name]["command"]
    assert command[0] == name
    told = CliRunner().invoke(cli, [name, "--help"], env={"COLUMNS": "200"})
    assert told.exit_code == 0
    for option in (word for word in command if word.startswith("--")):
        assert option in told.stdout


def test_all_processes_of_the_platform_are_there(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == {"database", "valkey", *OURS}


@pytest.mark.parametrize("name", OURS)
def test_every_variable_is_a_setting(compose: dict[str, Any], name: str) -> None:
    known = {setting_name(field) for field in Settings.model_fields}
    given = settings_of(compose["services"][name])
    assert set(given) - known == set()
    assert given["FURUSATO_ENVIRONMENT"] == "production"


def test_only_one_shots_may_migrate(compose: dict[str, Any]) -> None:
    may = {
        name
        for name, service in compose["services"].items()
        if "FURUSATO_MIGRATE_DATABASE_URL" in settings_of(service)
    }
    assert may == {"migrate", "load"}
    for name in may:
        assert compose["services"][name]["restart"] == "no"


def test_processes_wait_for_the_database_they_need(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert services["migrate"]["depends_on"]["database"]["condition"] == "service_healthy"
    done = "service_completed_successfully"
    assert services["load"]["depends_on"]["migrate"]["condition"] == done
    for name in ("web", "worker", "beat"):
        assert services[name]["depends_on"]["load"]["condition"] == done
        assert services[name]["depends_on"]["valkey"]["condition"] == "service_healthy"


@pytest.mark.parametrize("name", ["database", "valkey", "web", "worker", "beat"])
def test_whatever_stays_up_has_a_health_check(compose: dict[str, Any], name: str) -> None:
    assert compose["services"][name]["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}
    assert compose["services"][name]["restart"] == "unless-stopped"


def test_database_never_forgets_an_answered_check_in(compose: dict[str, Any]) -> None:
    database = compose["services"]["database"]
    assert database["image"] == "postgres:18"
    for name in ("fsync", "full_page_writes", "synchronous_commit"):
        assert f"--{name}=on" in database["command"]
    assert "--builtin-locale=C.UTF-8" in database["environment"]["POSTGRES_INITDB_ARGS"]
    # Since 18 the image keeps its data one level higher.
    assert "database:/var/lib/postgresql" in database["volumes"]


def test_valkey_keeps_wake_ups_and_asks_for_a_password(compose: dict[str, Any]) -> None:
    command = words(compose["services"]["valkey"])
    for setting in (
        "--appendonly yes",
        "--appendfsync everysec",
        "--maxmemory-policy noeviction",
        "--requirepass ${VALKEY_PASSWORD:?",
    ):
        assert setting in command


def test_servers_are_reached_from_inside_only(compose: dict[str, Any]) -> None:
    published = {n: s["ports"] for n, s in compose["services"].items() if "ports" in s}
    assert published == {"web": ["127.0.0.1:8000:8000"]}


def test_no_secret_is_written_down_and_none_has_a_default(compose: dict[str, Any]) -> None:
    text = (ROOT / "docker-compose.yml").read_text("utf-8")
    asked = re.findall(r"\$\{([A-Z_]*(?:PASSWORD|SECRET_KEY))(:\?|:-)([^}]*)\}", text)
    assert {name for name, _, _ in asked} == {
        "FURUSATO_DB_PASSWORD",
        "FURUSATO_SECRET_KEY",
        "FURUSATO_SMTP_PASSWORD",
        "POSTGRES_PASSWORD",
        "VALKEY_PASSWORD",
    }
    for name, kind, default in asked:
        # A mail server inside the house may do without a password; nothing else may.
        assert (kind == ":?") or (name == "FURUSATO_SMTP_PASSWORD" and default == "")
    for service in compose["services"].values():
        for name, value in settings_of(service).items():
            if name.endswith(("PASSWORD", "SECRET_KEY")):
                assert value.startswith("${")


@pytest.mark.parametrize("name", OURS)
def test_containers_have_no_more_rights_than_they_need(compose: dict[str, Any], name: str) -> None:
    service = compose["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_image_installs_the_pinned_versions_and_runs_as_nobody_special() -> None:
    lines = (ROOT / "Dockerfile").read_text("utf-8").splitlines()
    assert "FROM python:3.11-slim" in lines
    assert any("-c constraints.txt" in line for line in lines)
    assert lines.index("USER furusato") < lines.index('ENTRYPOINT ["furusato"]')


@pytest.mark.parametrize("name", ["web", "worker"])
def test_keys_of_our_own_come_as_secrets(compose: dict[str, Any], name: str) -> None:
    """Web shows browsers the public half of the key for pushing, the worker signs with it."""
    service = compose["services"][name]
    given = settings_of(service)
    for setting, secret in (
        ("FURUSATO_IDP_PRIVATE_KEY_FILE", "idp_client_key"),
        ("FURUSATO_PUSH_PRIVATE_KEY_FILE", "push_key"),
    ):
        assert given[setting] == f"/run/secrets/{secret}"
        assert secret in service["secrets"]
        assert compose["secrets"][secret]["file"].endswith(".pem}")
    assert given["FURUSATO_PUSH_SERVICES"].endswith(
        Settings.model_fields["push_services"].default + "}"
    )
