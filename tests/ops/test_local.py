"""The stack on one machine, with real servers."""

import os
import signal
import smtplib
import socket
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from app.local import LocalStack, LocalStackError
from app.local_environment import HOST, child_environment, free_port
from app.mailcatcher import messages
from app.rehearsal.law import write_law
from app.story import story_policy
from core.settings import Environment, Settings
from registry.policybook import POLICY_DIR, load_policy


@pytest.fixture(autouse=True)
def no_servers_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "REDIS_URL", "FURUSATO_MIGRATE_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    folder = tmp_path_factory.mktemp("stack")
    with LocalStack(folder, environment=Environment.TEST, durable=False) as started:
        yield started


def ask(stack: LocalStack, question: str) -> str:
    with psycopg.connect(stack.owner_url) as connection:
        row = connection.execute(question.encode()).fetchone()
    assert row is not None
    return str(row[0])


def tell(stack: LocalStack, statement: str) -> None:
    with psycopg.connect(stack.owner_url) as connection:
        connection.execute(statement.encode())


def valkey(stack: LocalStack) -> redis.Redis:
    return redis.Redis.from_url(stack.settings().redis_url, socket_timeout=5)


def test_postgres_sorts_alike_everywhere(stack: LocalStack) -> None:
    assert ask(stack, "show server_version").startswith("18")
    assert ask(stack, "select datlocale from pg_database where datname = 'furusato'") == "C.UTF-8"
    assert ask(stack, "show timezone") == "UTC"


def test_postgres_listens_on_no_network(stack: LocalStack) -> None:
    assert ask(stack, "show listen_addresses") == ""
    folder = Path(ask(stack, "show unix_socket_directories"))
    assert folder.stat().st_mode & 0o077 == 0


def test_valkey_keeps_what_it_is_given(stack: LocalStack) -> None:
    with valkey(stack) as client:
        told = {
            name: client.config_get(name)[name]
            for name in ("appendonly", "appendfsync", "maxmemory-policy", "bind")
        }
    assert told == {
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
        "bind": HOST,
    }


def test_valkey_asks_for_its_password(stack: LocalStack) -> None:
    port = stack.settings().redis_url.rpartition(":")[2].partition("/")[0]
    with (
        redis.Redis(host=HOST, port=int(port), retry=Retry(NoBackoff(), 0)) as stranger,
        pytest.raises(redis.AuthenticationError),
    ):
        stranger.ping()


def test_restart_of_postgres_keeps_committed_rows(stack: LocalStack) -> None:
    tell(stack, "create table kept as select 1 as one")
    before = stack.pid("postgres")
    stack.restart_postgres()
    assert ask(stack, "select one from kept") == "1"
    assert stack.pid("postgres") != before


def test_killed_postgres_comes_back_with_its_rows(stack: LocalStack) -> None:
    tell(stack, "create table survivor as select 2 as two")
    stack.kill("postgres", signal.SIGKILL)
    stack.wait_for_servers()
    assert ask(stack, "select two from survivor") == "2"


def test_restart_of_valkey_keeps_address_and_data_unless_emptied(stack: LocalStack) -> None:
    with valkey(stack) as client:
        client.set("wake-up", "1")
        stack.restart_valkey()
        assert client.get("wake-up") == b"1"
        stack.restart_valkey(empty=True)
        assert client.get("wake-up") is None


def test_mail_is_caught_and_read_back(stack: LocalStack) -> None:
    stack.start_processes(["mail"])
    settings = stack.settings()
    stack.wait_for_port(settings.smtp_port)
    for number, to in enumerate(["hanako@example.test", "taro@example.test"]):
        mail = EmailMessage()
        mail["From"] = settings.mail_from
        mail["To"] = to
        mail["Subject"] = f"【飛騨市】お知らせ {number}"
        mail.set_content("継続の確認です。\n")
        with smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=10) as server:
            server.send_message(mail, to_addrs=[to, "copy@example.test"])
    stack.stop_process("mail")

    assert [mail.subject for mail in messages(stack.mail_dir)] == [
        "【飛騨市】お知らせ 0",
        "【飛騨市】お知らせ 1",
    ]
    (found,) = messages(stack.mail_dir, to="taro@example.test")
    assert found.text == "継続の確認です。\n"
    assert found.recipients == ("taro@example.test", "copy@example.test")
    assert messages(stack.mail_dir, to="nobody@example.test") == []


def test_second_stack_on_the_same_folder_is_refused(stack: LocalStack) -> None:
    second = LocalStack(stack.data_dir, environment=Environment.TEST, durable=False)
    with pytest.raises(LocalStackError, match="Another stack is running"):
        second.start()
    assert ask(stack, "select 1") == "1"


def test_settings_reach_processes_as_variables(
    stack: LocalStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in list(os.environ):
        if name.startswith("FURUSATO_"):
            monkeypatch.delenv(name)
    environment = stack.environment()
    assert "FURUSATO_MIGRATE_DATABASE_URL" not in environment
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    read = Settings(_env_file=None).model_dump(exclude={"migrate_database_url"})
    assert read == stack.settings().model_dump(exclude={"migrate_database_url"})


def test_children_inherit_named_variables_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOMEBODY_S_SECRET", "not for children")
    monkeypatch.setenv("LANG", "C.UTF-8")
    environment = child_environment({"FURUSATO_ENVIRONMENT": "test"})
    assert environment["FURUSATO_ENVIRONMENT"] == "test"
    assert environment["LANG"] == "C.UTF-8"
    assert "SOMEBODY_S_SECRET" not in environment


def test_stack_keeps_addresses_when_it_is_started_again(tmp_path: Path) -> None:
    seen = []
    for _ in range(2):
        with LocalStack(tmp_path, environment=Environment.TEST, durable=False) as stack:
            seen.append(
                (
                    stack.environment(),
                    ask(stack, "select system_identifier from pg_control_system()"),
                )
            )
    assert seen[0] == seen[1]


def test_clear_starts_afresh_and_leaves_other_files(tmp_path: Path) -> None:
    (tmp_path / "holiday.txt").write_text("mine")
    stack = LocalStack(tmp_path, environment=Environment.TEST, durable=False)
    with stack:
        first = ask(stack, "select system_identifier from pg_control_system()")
        with pytest.raises(LocalStackError, match="running"):
            stack.clear()
    stack.clear()
    with stack:
        assert ask(stack, "select system_identifier from pg_control_system()") != first
    assert (tmp_path / "holiday.txt").read_text() == "mine"


def test_a_rehearsal_s_numbers_replace_only_a_stack_s_own(tmp_path: Path) -> None:
    """`--data-dir registry` must not cost anybody the numbers of the nation."""
    mine = tmp_path / "policy" / "mine.yaml"
    mine.parent.mkdir()
    mine.write_text("mine", encoding="utf-8")
    LocalStack(tmp_path).clear()
    for write in (story_policy, lambda folder: write_law(load_policy(POLICY_DIR), folder)):
        with pytest.raises(LocalStackError, match="there already"):
            write(tmp_path)
    assert mine.read_text(encoding="utf-8") == "mine"
    (tmp_path / "memory.json").touch()
    LocalStack(tmp_path).clear()
    assert load_policy(story_policy(tmp_path)).parameters


def test_clear_touches_no_folder_that_is_not_a_stack_s(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    LocalStack(tmp_path).clear()
    assert (tmp_path / "postgres").exists()


def test_demo_database_is_durable(tmp_path: Path) -> None:
    with LocalStack(tmp_path) as stack:
        told = [
            ask(stack, f"show {name}")
            for name in ("fsync", "full_page_writes", "synchronous_commit")
        ]
    assert told == ["on", "on", "on"]


def test_long_folder_names_still_get_a_socket(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["a-very-long-folder-name"] * 6)
    with LocalStack(deep, environment=Environment.TEST, durable=False) as stack:
        assert ask(stack, "select 1") == "1"


def test_taken_port_is_named(tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(LocalStackError, match=f"Port {port} is taken"):
            LocalStack(tmp_path, port=port).start()


def test_preferred_port_gives_way(tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as other:
        taken = other.getsockname()[1]
        assert free_port(taken) != taken
    assert free_port(taken) == taken


def test_own_servers_are_used(
    stack: LocalStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = stack.settings()
    monkeypatch.setenv("DATABASE_URL", settings.database_url)
    monkeypatch.setenv("REDIS_URL", settings.redis_url)
    with LocalStack(tmp_path) as guest:
        assert guest.settings().database_url == settings.database_url
        assert guest.settings().redis_url == settings.redis_url
        assert not (tmp_path / "postgres").exists()
        with pytest.raises(LocalStackError, match="own choice"):
            guest.restart_postgres()
    assert ask(stack, "select 1") == "1"


def test_half_of_ones_own_servers_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://db.example/furusato")
    with pytest.raises(LocalStackError, match="both DATABASE_URL and REDIS_URL"):
        LocalStack(tmp_path).start()


@pytest.mark.parametrize(
    ("environment", "durable"),
    [(Environment.PRODUCTION, True), (Environment.DEMO, False)],
)
def test_only_a_test_may_forget_and_nothing_here_is_production(
    tmp_path: Path, environment: Environment, durable: bool
) -> None:
    with pytest.raises(LocalStackError):
        LocalStack(tmp_path, environment=environment, durable=durable)
