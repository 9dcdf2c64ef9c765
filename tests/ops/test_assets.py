"""What others wrote for the browser: brought in when the package is built, carried by what is built."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import hatch_build
from hatch_build import AssetsError, bring_in, is_fresh, key_of, mode_of, needs

ROOT = Path(__file__).resolve().parents[2]
LOCK = json.loads((ROOT / "frontend" / "package-lock.json").read_text("utf-8"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project as git holds it, as far as the files for the browser go."""
    root = tmp_path / "project"
    shutil.copytree(ROOT / "frontend", root / "frontend", ignore=shutil.ignore_patterns("node_*"))
    shutil.copy(ROOT / "hatch_build.py", root)
    (root / hatch_build.OWN[0]).mkdir(parents=True)
    (root / hatch_build.OWN[0] / "one.js").write_text("export const answer = 1;\n", "utf-8")
    return root


def fill(root: Path, text: str = "export default 1;\n") -> Path:
    """The folder as a build leaves it; the file's content is the caller's."""
    folder = root / hatch_build.VENDOR
    folder.mkdir(parents=True)
    (folder / "qr-decoder.js").write_text(text, "utf-8")
    sums = {"qr-decoder.js": hashlib.sha256(text.encode()).hexdigest()}
    manifest = {"key": key_of(root), "packages": {}, "files": sums}
    (folder / hatch_build.MANIFEST).write_text(json.dumps(manifest), "utf-8")
    return folder


def test_each_package_is_pinned_with_a_sum_and_without_an_address() -> None:
    wanted = json.loads((ROOT / "frontend" / "package.json").read_text("utf-8"))
    for version in (wanted["dependencies"] | wanted["devDependencies"]).values():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    packages = {name: entry for name, entry in LOCK["packages"].items() if name}
    assert all(entry["integrity"].startswith("sha512-") for entry in packages.values())
    assert "resolved" not in json.dumps(LOCK)
    assert "://" not in json.dumps(packages).replace("https://paulmillr.com", "")


def test_every_package_that_is_shipped_has_its_licence_beside() -> None:
    wanted = json.loads((ROOT / "frontend" / "package.json").read_text("utf-8"))
    shipped = set(wanted["dependencies"])
    for package in wanted["dependencies"]:
        shipped |= set(LOCK["packages"][f"node_modules/{package}"].get("dependencies", {}))
    assert set(hatch_build.LICENCES) == shipped


def test_git_holds_nothing_of_others() -> None:
    git = shutil.which("git")
    assert git is not None
    told = subprocess.run(
        [git, "-C", str(ROOT), "check-ignore", f"{hatch_build.VENDOR}/qr-decoder.js"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0


def test_nothing_is_done_while_the_manifest_matches(project: Path) -> None:
    fill(project)
    assert is_fresh(project)
    assert not bring_in(project, "build")
    assert needs(project, "build") == []


@pytest.mark.parametrize("change", ["file", "gone", "manifest", "lock", "hook", "own"])
def test_whatever_changed_is_brought_in_again(project: Path, change: str) -> None:
    folder = fill(project)
    match change:
        case "file":
            (folder / "qr-decoder.js").write_text("export default 2;\n", "utf-8")
        case "gone":
            (folder / "qr-decoder.js").unlink()
        case "manifest":
            (folder / hatch_build.MANIFEST).write_text("[]", "utf-8")
        case "lock":
            with (project / "frontend" / "package-lock.json").open("a") as lock:
                lock.write("\n")
        case "hook":
            with (project / "hatch_build.py").open("a") as text:
                text.write("# changed\n")
        case "own":
            (project / hatch_build.OWN[0] / "one.js").write_text("export const answer = 2;\n")
    assert not is_fresh(project)
    assert needs(project, "build") == [hatch_build.NODE]


@pytest.mark.parametrize("mode", ["skip", "system"])
def test_node_is_asked_for_only_where_it_is_used(project: Path, mode: str) -> None:
    assert needs(project, mode) == []


def test_skipped_means_nothing_is_there(project: Path) -> None:
    assert not bring_in(project, "skip")
    assert not (project / hatch_build.VENDOR).exists()


def test_a_switch_nobody_knows_is_refused() -> None:
    assert mode_of({}) == "build"
    with pytest.raises(AssetsError, match="may be build, system, skip"):
        mode_of({hatch_build.SWITCH: "no"})


def test_without_npm_the_sentence_names_the_ways_out(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    for mode in ("build", "system"):
        with pytest.raises(AssetsError, match="Three ways out") as told:
            bring_in(project, mode)
        assert "FURUSATO_ASSETS=skip" in str(told.value)
    assert not (project / hatch_build.VENDOR).exists()


# --- what is built --------------------------------------------------------------------------------


def alone(*command: str, cwd: Path, more: dict[str, str]) -> str:
    """A command without Node, without a registry and, where the machine allows, without a network."""
    unshare = shutil.which("unshare")
    cut = [unshare, "--user", "--map-root-user", "--net"] if unshare else []
    if cut and subprocess.run([*cut, "true"], capture_output=True, check=False).returncode:
        cut = []
    nowhere = "http://127.0.0.1:9"
    environment = {
        "PATH": "/nowhere",
        "HOME": str(cwd),
        "LANG": "C.UTF-8",
        "http_proxy": nowhere,
        "https_proxy": nowhere,
        "npm_config_registry": nowhere,
    }
    done: subprocess.CompletedProcess[str] = subprocess.run(
        [*cut, *command],
        cwd=cwd,
        capture_output=True,
        text=True,
        env=environment | more,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution of the files that git knows, unpacked."""
    if not is_fresh(ROOT):
        bring_in(ROOT, "system" if shutil.which("npm") else "build")
    there = tmp_path_factory.mktemp("sdist")
    git = shutil.which("git")
    assert git is not None
    listed = subprocess.run(
        [git, "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    for name in filter(None, listed):
        if name.startswith(("tests/", "docs/screens/")) or not (ROOT / name).exists():
            continue
        (there / "clone" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, there / "clone" / name)
    shutil.copytree(ROOT / hatch_build.VENDOR, there / "clone" / hatch_build.VENDOR)
    alone(sys.executable, "-m", "hatchling", "build", "-t", "sdist", cwd=there / "clone", more={})
    (packed,) = (there / "clone" / "dist").glob("*.tar.gz")
    with tarfile.open(packed) as archive:
        archive.extractall(there / "out", filter="data")
    (unpacked,) = (there / "out").iterdir()
    return unpacked


@pytest.mark.packaging
def test_a_wheel_from_the_source_distribution_needs_no_network(sdist: Path, tmp_path: Path) -> None:
    assert is_fresh(sdist), "the source distribution lost a file that decides"
    alone(sys.executable, "-m", "hatchling", "build", "-t", "wheel", cwd=sdist, more={})
    (wheel,) = (sdist / "dist").glob("*.whl")
    assert wheel.name.endswith("py3-none-any.whl")
    shutil.unpack_archive(wheel, tmp_path, "zip")
    folder = tmp_path / hatch_build.VENDOR
    manifest = json.loads((folder / hatch_build.MANIFEST).read_text("utf-8"))
    scripts = {path.name for path in hatch_build.own_scripts(ROOT)}
    assert len(scripts) == len(hatch_build.own_scripts(ROOT)), "two of one name"
    small = {f"{hatch_build.SMALL}/{name}" for name in scripts}
    assert set(manifest["files"]) == {"qr-decoder.js", "licences/qr.txt", *small}
    assert set(manifest["own"]) == scripts
    assert all((folder / name).stat().st_size < 8_000 for name in small)
    assert "MIT" in (folder / "licences" / "qr.txt").read_text("utf-8")
    works = (
        "import core.pages, app.main, hashlib;"
        "assert app.main._pages('mobile').css;"
        "print(core.pages.__file__, core.pages.vendored('qr-decoder.js'))"
    )
    told = alone(sys.executable, "-c", works, cwd=tmp_path, more={"PYTHONPATH": str(tmp_path)})
    assert told.split() == [str(tmp_path / "core/pages.py"), "/static/vendor/qr-decoder.js"]


@pytest.mark.packaging
def test_pages_work_without_the_files(sdist: Path, tmp_path: Path) -> None:
    """Skipped, the wheel lacks them, and the pages know."""
    shutil.copytree(sdist, tmp_path / "src", ignore=shutil.ignore_patterns("vendor", "dist"))
    alone(
        *(sys.executable, "-m", "hatchling", "build", "-t", "wheel"),
        cwd=tmp_path / "src",
        more={hatch_build.SWITCH: "skip"},
    )
    (wheel,) = (tmp_path / "src" / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert not [name for name in archive.namelist() if "/vendor/" in name]
    shutil.unpack_archive(wheel, tmp_path / "out", "zip")
    works = "import core.pages; print(core.pages.vendored('qr-decoder.js'))"
    out = tmp_path / "out"
    assert alone(sys.executable, "-c", works, cwd=out, more={"PYTHONPATH": str(out)}) == "None\n"


@pytest.mark.packaging
@pytest.mark.skipif(not shutil.which("npm"), reason="asks this machine's npm")
def test_without_a_network_npm_gives_up_soon_and_is_heard(
    project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "cache"))
    with pytest.raises(AssetsError, match="ECONNREFUSED") as told:
        bring_in(project, "system")
    assert "FURUSATO_ASSETS=skip" in str(told.value)
    assert not (project / hatch_build.VENDOR).exists()
