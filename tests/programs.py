"""The programs that some tests need and that are no Python packages."""

from __future__ import annotations

import os
import shutil

import pytest

# The packages as Debian calls them, by their programs.
PACKAGES = {"pgbouncer": "pgbouncer", "redis-server": "redis-server", "chromium": "chromium"}
# What is as good. Debian's Chromium without windows takes less than half the time of the one with them.
BETTER = {"chromium": "chromium-headless-shell"}
# Debian has PgBouncer where PATH may not look.
PLACES = ("/usr/sbin", "/usr/local/sbin")
# What installs packages, by the program that tells which system this is.
INSTALLERS = {
    "apt-get": "apt install",
    "dnf": "dnf install",
    "zypper": "zypper install",
    "pacman": "pacman -S",
    "apk": "apk add",
}


def find(name: str) -> str | None:
    """Where a program is, or None."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *PLACES])
    return shutil.which(BETTER.get(name, name), path=path) or shutil.which(name, path=path)


def required(name: str) -> str:
    """Where a program is; a test that needs one which is missing fails with the line that says how to get it."""
    found = find(name)
    if not found:
        pytest.fail(advice([name]), pytrace=False)
    return found


def missing() -> list[str]:
    """The programs that are not on this machine."""
    return [name for name in PACKAGES if not find(name)]


def advice(names: list[str]) -> str:
    """One line: which programs are not there, and the command that installs them."""
    installer = next((command for program, command in INSTALLERS.items() if shutil.which(program)), None)
    packages = " ".join(PACKAGES[name] for name in names)
    sudo = "" if os.geteuid() == 0 else "sudo "
    command = f"{sudo}{installer} {packages}" if installer else f"install the packages {packages}"
    return f"{', '.join(names)} not found, so tests that need them fail; to have them: {command}"
