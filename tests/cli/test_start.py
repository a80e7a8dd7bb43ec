"""A command starts quickly: it loads what it needs, and makes no digest that is not needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from emporion import credentials
from tests.server import PATIENCE, clean_environment, run

# What commands did load that only a server needs, or a password, or a table on a screen.
HEAVY = {"granian", "starlette", "jinja2", "babel", "asyncpg", "emporion.app", "emporion.web", "emporion.api"}
HEAVIER = {
    "pydantic",
    "structlog",
    "rich.console",
    "argon2",
    "cryptography",
    "jwt",
    "redis",
    "limits",
    "xlsxwriter",
    "yaml",
}

LOADED = """
import sys
from emporion.cli import main
try:
    main()
finally:
    print(*sys.modules, file=sys.stderr)
"""


def loaded(folder: Path, *words: str) -> set[str]:
    """The modules that a command has loaded at its end, in a process of its own."""
    ended = subprocess.run(
        [sys.executable, "-c", LOADED, *words],
        cwd=folder,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return set(ended.stderr.split())


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a platform that was just made."""
    folder = tmp_path_factory.mktemp("platform")
    assert run("init", cwd=folder).returncode == 0
    return folder


@pytest.mark.parametrize("words", [("--version",), ("key", "list"), ("user", "list", "--json"), ("migrate",)])
def test_a_command_loads_what_it_needs(platform: Path, words: tuple[str, ...]) -> None:
    assert not loaded(platform, *words) & (HEAVY | HEAVIER)


def test_the_version_needs_no_platform_and_nothing_of_it(tmp_path: Path) -> None:
    assert not {name for name in loaded(tmp_path, "--version") if name.startswith("emporion.marketplace")}


def test_no_digest_is_made_before_one_is_needed() -> None:
    program = "import argon2; argon2.PasswordHasher.hash = None; import emporion.app, emporion.marketplace.build"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=PATIENCE)


def test_a_server_has_the_decoy_digest_before_its_first_login(monkeypatch: pytest.MonkeyPatch, database: Path) -> None:
    from emporion import app

    made = []
    monkeypatch.setattr(app, "decoy_digest", lambda: made.append("made"))
    monkeypatch.setattr(app, "configure_logs", lambda level: None)
    monkeypatch.setattr("sys.setswitchinterval", lambda seconds: None)
    monkeypatch.setattr("gc.freeze", lambda: None)
    monkeypatch.setenv("EMPORION_DATABASE", f"sqlite:///{database}")
    app.app()
    assert made == ["made"]
    assert credentials.decoy_digest()
