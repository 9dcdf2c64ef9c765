"""Makes sure that the browser tests find Chromium and a Japanese font.

As root on a machine with apt it installs what is missing; elsewhere it says what to install.
"""

import os
import shutil
import subprocess
import sys
from contextlib import suppress

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
#: The same browser without a window, from the same sources: half the work for each page.
_LIGHT = "chromium-headless-shell"
_PACKAGES = {"browser": "chromium", "font": "fonts-noto-cjk"}
_LONGEST_SECONDS = 300


def find_chromium(*, light: bool = False) -> str | None:
    """Path of a Chromium that starts, or None.

    Args:
        light: Rather its windowless build, where it is installed.
    """
    names = (_LIGHT, *_NAMES) if light else _NAMES
    for path in filter(None, map(shutil.which, names)):
        # Some systems put a placeholder there that only says how to install it.
        started = subprocess.run([path, "--version"], capture_output=True, check=False)
        if started.returncode == 0:
            return path
    return None


def has_japanese_font() -> bool:
    """Whether a font with Japanese letters is installed."""
    lister = shutil.which("fc-list")
    if lister is None:
        return False
    listed = subprocess.run(
        [lister, ":lang=ja", "family"], capture_output=True, text=True, check=False
    )
    return bool(listed.stdout.strip())


def missing() -> list[str]:
    """Which of `browser` and `font` are missing."""
    found = {"browser": find_chromium() is not None, "font": has_japanese_font()}
    return [part for part, is_there in found.items() if not is_there]


def install(packages: list[str]) -> None:
    """Install packages with apt, which must be there, as root."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    # `fc-list` comes with fontconfig; a machine without it cannot show the font.
    for command in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "fontconfig", *packages],
    ):
        subprocess.run(command, check=True, env=environment, stdin=subprocess.DEVNULL)


def install_light() -> None:
    """Try to install the windowless build; without it the same tests take longer."""
    patience = ["-o", "Acquire::Retries=0", "-o", "Acquire::http::Timeout=10"]
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *patience, _LIGHT]
    with suppress(subprocess.TimeoutExpired):
        subprocess.run(
            command,
            check=False,
            capture_output=True,
            env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
            stdin=subprocess.DEVNULL,
            timeout=_LONGEST_SECONDS,
        )


def main() -> None:
    """Install what is missing, or say what to install; exit code 1 when it stays missing."""
    packages = [_PACKAGES[part] for part in missing()]
    if packages:
        install_or_say(packages)
    if can_install() and shutil.which(_LIGHT) is None:
        install_light()


def can_install() -> bool:
    """Whether this is root's own machine, with apt."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install_or_say(packages: list[str]) -> None:
    """Install packages, or end with a sentence."""
    names = " and ".join(packages)
    if can_install():
        sys.stdout.write(f"Installing {names} for the browser tests.\n")
        try:
            install(packages)
        except subprocess.CalledProcessError as error:
            raise SystemExit(f"Installing {names} failed: {error}") from None
    if missing():
        raise SystemExit(
            "The browser tests need Chromium and a Japanese font. Install them with your"
            f" system's package manager, for example: sudo apt-get install fontconfig {' '.join(packages)}"
        )


if __name__ == "__main__":
    main()
