"""The commands of the house: Makefile, pinned packages, browser set-up, CI."""

import os
import re
import shutil
import stat
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
TARGETS = {"setup", "demo", "test", "check", "bench", "screens", "help"}


def test_make_help_lists_every_target() -> None:
    make = shutil.which("make")
    assert make is not None
    told = subprocess.run(
        [make, "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    listed = set(re.findall(r"^ +make (\w+) +\S", told, flags=re.MULTILINE))
    makefile = (ROOT / "Makefile").read_text("utf-8")
    phony = re.findall(r"^\.PHONY: (.*)$", makefile, flags=re.MULTILINE)[0].split()
    assert listed == set(phony)
    assert listed >= TARGETS


@pytest.mark.parametrize("target", ["demo", "test", "check", "bench", "screens"])
def test_every_target_sets_up_first(target: str) -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    rule = re.search(rf"^{target}:(.*?)(?:##|$)", makefile, flags=re.MULTILINE)
    assert rule is not None
    assert "setup" in rule[1].split()


def test_ci_runs_the_commands_of_the_readme_without_input() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & stat.S_IXUSR
    lines = script.read_text("utf-8").splitlines()
    assert lines[0] == "#!/usr/bin/env bash"
    assert "set -euo pipefail" in lines
    assert lines[-2:] == ["make check", "make test"]


def test_everything_that_gets_installed_is_pinned_to_what_is_tested() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    pinned = dict(
        line.split("==")
        for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines()
        if line and not line.startswith("#")
    )
    installed = closure([Requirement(line) for line in wanted])
    assert installed == {name: pinned.get(name) for name in installed}


def closure(wanted: list[Requirement]) -> dict[str, str]:
    """Versions of everything the requirements bring in on this machine, by canonical name."""
    found: dict[str, str] = {}
    seen: set[str] = set()
    while wanted:
        requirement = wanted.pop()
        if str(requirement) in seen:
            continue
        seen.add(str(requirement))
        extras = requirement.extras or {""}
        package = metadata.distribution(requirement.name)
        found[canonicalize_name(requirement.name)] = package.version
        for needed in map(Requirement, package.requires or []):
            marker = needed.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras):
                wanted.append(needed)
    return found


def test_browser_set_up_says_what_to_install(tmp_path: Path) -> None:
    """Without a browser, a font and a way to install them it fails with a sentence."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "browser_setup.py")],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "need Chromium and a Japanese font" in done.stderr
    assert "chromium fonts-noto-cjk" in done.stderr


def test_browser_set_up_is_content_with_what_is_there(tmp_path: Path) -> None:
    for name, answer in (
        ("chromium", "Chromium 1"),
        ("chromium-headless-shell", "Chromium 1"),
        ("fc-list", "Some Gothic"),
    ):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\necho '{answer}'\n")
        program.chmod(0o755)
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "browser_setup.py")],
        env={"PATH": f"{tmp_path}{os.pathsep}{os.defpath}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_browser_that_does_not_start_counts_as_missing(tmp_path: Path) -> None:
    placeholder = tmp_path / "chromium"
    placeholder.write_text("#!/bin/sh\nexit 1\n")
    placeholder.chmod(0o755)
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "browser_setup.py")],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
