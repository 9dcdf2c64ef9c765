"""The supervisor keeps programs running, ends them, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from app.local_process import LocalStackError, Program, Supervisor

ENDLESS = "import time\nprint('here', flush=True)\ntime.sleep(600)"
STUBBORN = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + ENDLESS


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    made = Supervisor()
    yield made
    made.close()


def program(folder: Path, code: str, *, grace_seconds: float = 5) -> Program:
    return Program(
        name="child",
        command=(sys.executable, "-c", code),
        environment={"PATH": os.defpath},
        folder=folder,
        log=folder / "child.log",
        grace_seconds=grace_seconds,
    )


def eventually(holds: Callable[[], bool], seconds: float = 10) -> bool:
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def says_here(folder: Path, times: int = 1) -> bool:
    log = folder / "child.log"
    return log.exists() and log.read_text().count("here") >= times


def test_program_that_dies_is_started_again(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start(program(tmp_path, ENDLESS))
    assert eventually(lambda: says_here(tmp_path))
    first = supervisor.pid("child")

    supervisor.kill("child", signal.SIGKILL)

    assert eventually(lambda: says_here(tmp_path, times=2))
    assert supervisor.pid("child") not in {None, first}
    assert supervisor.starts("child") == 2


def test_stopped_program_stays_away(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start(program(tmp_path, ENDLESS))
    assert eventually(lambda: says_here(tmp_path))
    process = psutil.Process(supervisor.pid("child"))

    supervisor.stop("child")

    assert not process.is_running()
    time.sleep(0.5)  # longer than the first back-off
    assert supervisor.pid("child") is None
    assert supervisor.names() == []


def test_program_deaf_to_sigterm_is_killed_after_its_grace(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    supervisor.start(program(tmp_path, STUBBORN, grace_seconds=0.3))
    assert eventually(lambda: says_here(tmp_path))
    process = psutil.Process(supervisor.pid("child"))
    supervisor.stop("child")
    assert not process.is_running()


def test_wait_says_why_a_program_does_not_start(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start(program(tmp_path, "raise SystemExit('the disk is full')"))
    with pytest.raises(LocalStackError, match=r"child does not start[^$]*the disk is full"):
        supervisor.wait_until("child", lambda: False, timeout=20, deaths=2)


def test_back_off_grows_with_deaths_in_a_row(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start(program(tmp_path, "raise SystemExit(1)"))
    time.sleep(2.5)
    # 0.25 s, 0.5 s, 1 s, …: without a back-off there would be dozens.
    assert 2 <= supervisor.starts("child") <= 5


def test_name_can_be_used_once(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start(program(tmp_path, ENDLESS))
    with pytest.raises(LocalStackError, match="already running"):
        supervisor.start(program(tmp_path, ENDLESS))


def test_child_sees_named_variables_only(
    supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOMEBODY_S_SECRET", "not for children")
    supervisor.start(program(tmp_path, "import os\nprint(sorted(os.environ))\nprint('here')"))
    assert eventually(lambda: says_here(tmp_path))
    seen = (tmp_path / "child.log").read_text()
    assert "PATH" in seen
    assert "SOMEBODY_S_SECRET" not in seen


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells children")
def test_killed_supervisor_leaves_no_orphan(tmp_path: Path) -> None:
    code = f"""
import sys, time
sys.path[:0] = {sys.path!r}
from pathlib import Path
from app.local_process import Program, Supervisor
folder = Path({str(tmp_path)!r})
supervisor = Supervisor()
supervisor.start(Program("child", (sys.executable, "-c", {ENDLESS!r}), {{}}, folder, folder / "child.log"))
while supervisor.pid("child") is None or "here" not in (folder / "child.log").read_text():
    time.sleep(0.05)
print(supervisor.pid("child"), flush=True)
time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        assert child.is_running()
        parent.kill()
    assert eventually(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
