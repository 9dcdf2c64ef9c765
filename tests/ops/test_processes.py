"""Web, mail and stand-in as real processes under the stack: ready, killed, orphaned, stopped."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from app import migrate
from app.local import LocalStack
from core.settings import Environment

pytestmark = pytest.mark.stack
NAMES = ("mail", "openid", "web")


@pytest.fixture(autouse=True)
def no_servers_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "REDIS_URL", "FURUSATO_MIGRATE_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[LocalStack]:
    with LocalStack(tmp_path, environment=Environment.TEST, durable=False) as started:
        migrate.upgrade(started.owner_url, started.settings().db_password.get_secret_value())
        yield started


def processes_of(folder: Path) -> list[psutil.Process]:
    """Every living process that works in or on this folder, servers and their children too."""
    found = []
    for process in psutil.process_iter():
        try:
            told = [*process.cmdline(), process.cwd()]
        except (psutil.NoSuchProcess, psutil.ZombieProcess, psutil.AccessDenied):
            continue
        if any(str(folder) in word for word in told):
            found.append(process)
    return found


def test_processes_come_up_and_a_killed_one_comes_back(stack: LocalStack) -> None:
    stack.start_processes(NAMES)
    stack.wait_ready()
    assert httpx.get(f"{stack.openid_url}/protocol/openid-connect/certs").status_code == 200

    stack.kill("web", signal.SIGKILL)
    stack.wait_ready()

    assert stack.starts("web") == 2
    assert [stack.starts(name) for name in ("mail", "openid")] == [1, 1]


def test_ready_again_after_both_servers_were_restarted(stack: LocalStack) -> None:
    stack.start_processes(["web"])
    stack.wait_ready()
    stack.restart_postgres()
    stack.restart_valkey(empty=True)
    stack.wait_ready()
    # The web process itself has lived through it.
    assert stack.starts("web") == 1


def test_stopping_leaves_nothing_running(stack: LocalStack) -> None:
    stack.start_processes(NAMES)
    stack.wait_ready()
    assert len(processes_of(stack.data_dir)) >= len(NAMES)
    stack.stop()
    assert processes_of(stack.data_dir) == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells children")
def test_killed_stack_leaves_no_orphan_and_can_be_started_again(tmp_path: Path) -> None:
    code = f"""
import sys, time
sys.path[:0] = {sys.path!r}
from pathlib import Path
from app import migrate
from app.local import LocalStack
with LocalStack(Path({str(tmp_path)!r}), web_workers=2) as stack:
    migrate.upgrade(stack.owner_url, stack.settings().db_password.get_secret_value())
    migrate.load(stack.owner_url)
    stack.start_processes({NAMES!r})
    stack.wait_ready()
    print("ready", flush=True)
    time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as supervisor:
        assert supervisor.stdout is not None
        assert supervisor.stdout.readline() == b"ready\n"
        supervisor.kill()

    until = time.monotonic() + 20
    while processes_of(tmp_path) and time.monotonic() < until:
        time.sleep(0.1)
    assert processes_of(tmp_path) == []

    with LocalStack(tmp_path) as again:
        assert migrate.load(again.owner_url) == 1788
        assert migrate.holds_people(again.owner_url) is False
