"""Which Pythons are promised, which of them a machine has, and what is said of each."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests import pythons

ROOT = Path(__file__).parent.parent


def interpreter(path: Path, release: str, status: int = 0) -> Path:
    """A program that says to be this release."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {release}\nexit {status}\n")
    path.chmod(0o755)
    return path


def test_the_oldest_promised_python_is_the_oldest_that_takes_the_package() -> None:
    oldest = pythons.promised()[0]
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"] == f">={oldest}"
    assert f"Python {oldest} or newer" in (ROOT / "README.md").read_text()


def test_of_several_releases_of_a_version_the_oldest_is_taken(tmp_path: Path) -> None:
    newer = interpreter(tmp_path / "path" / "python3.12", "3 12 10")
    older = interpreter(tmp_path / "pyenv" / "versions" / "3.12.9" / "bin" / "python3.12", "3 12 9")
    other = interpreter(tmp_path / "path" / "python3.13", "3 13 0")
    where = pythons.folders({"PATH": str(newer.parent), "PYENV_ROOT": str(tmp_path / "pyenv")})
    assert {version: python.path for version, python in pythons.found(where).items()} == {"3.12": older, "3.13": other}


def test_a_name_without_an_interpreter_and_other_programs_are_passed_over(tmp_path: Path) -> None:
    interpreter(tmp_path / "python3.12", "nothing", status=127)
    interpreter(tmp_path / "python3.13-config", "3 13 0")
    assert pythons.found([tmp_path, tmp_path / "nowhere"]) == {}


def test_what_is_promised_and_not_there_is_told_and_is_no_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    there = {version: pythons.Python((3, int(version[2:]), 1), Path(version)) for version in pythons.promised()[:-1]}
    monkeypatch.setattr(pythons, "found", lambda _: there)
    monkeypatch.setattr(pythons, "tested", lambda python, uv, options: pythons.PASSED)
    assert pythons.main("uv") == 0
    said = capsys.readouterr().out
    assert f"Python {pythons.promised()[-1]}    not tested: not on this machine" in said
    assert f"Python {pythons.promised()[0]}.1  passed" in said


@pytest.mark.parametrize("outcome", [pythons.FAILED, pythons.BARE])
def test_one_python_that_does_not_pass_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], outcome: str
) -> None:
    there = {"3.12": pythons.Python((3, 12, 1), Path("a")), "3.13": pythons.Python((3, 13, 0), Path("b"))}
    monkeypatch.setattr(pythons, "found", lambda _: there)
    monkeypatch.setattr(
        pythons, "tested", lambda python, uv, options: outcome if python.version == "3.12" else pythons.PASSED
    )
    assert pythons.main("uv") == 1
    assert f"Python 3.12.1  {outcome}" in capsys.readouterr().out
