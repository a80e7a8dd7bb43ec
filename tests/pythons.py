"""Runs the quick tests on every promised Python that this machine has: `make test-pythons`.

Promised are those of the classifiers in pyproject.toml. Of several releases of one version the oldest is taken: it has
the faults that newer ones have lost. Each has an environment of its own below build/pythons/.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
ENVIRONMENTS = ROOT / "build" / "pythons"
# Without the pages in a real browser and the servers that are treated badly.
QUICK = ("contract", "api", "marketplace", "store", "cli", "web", "workers")
NAME = re.compile(r"python3\.[0-9]+")
PROCESSES = ("--numprocesses=auto", "--maxprocesses=4")
PASSED, FAILED = "passed", "failed"
ABSENT = "not tested: not on this machine"
BARE = "not tested: its packages cannot be installed"
# What tells the release; a name in PATH may also stand for a version that is chosen elsewhere, and then fail.
RELEASE = "import sys; print(*sys.version_info[:3])"


class Python(NamedTuple):
    """An interpreter. release: such as (3, 12, 1)."""

    release: tuple[int, ...]
    path: Path

    @property
    def version(self) -> str:
        """Such as 3.12."""
        return ".".join(map(str, self.release[:2]))


def promised() -> list[str]:
    """The versions that users are promised, such as 3.12, the oldest first."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = [classifier.removeprefix("Programming Language :: Python :: ") for classifier in project["classifiers"]]
    return [name for name in names if re.fullmatch(r"3\.[0-9]+", name)]


def folders(environment: Mapping[str, str]) -> list[Path]:
    """Where interpreters may be: the folders of PATH, and those of pyenv."""
    home = Path(environment.get("PYENV_ROOT") or Path.home() / ".pyenv")
    named = [Path(name) for name in environment["PATH"].split(os.pathsep) if name]
    return [*named, *sorted(home.glob("versions/*/bin"))]


def found(where: Iterable[Path]) -> dict[str, Python]:
    """The oldest release of each version that is installed in these folders."""
    oldest: dict[str, Python] = {}
    for path in (path for folder in where for path in sorted(folder.glob("python3.*")) if NAME.fullmatch(path.name)):
        told = subprocess.run([path, "-c", RELEASE], capture_output=True, text=True, check=False)
        if told.returncode == 0:
            python = Python(tuple(map(int, told.stdout.split())), path)
            oldest[python.version] = min(python, oldest.get(python.version, python))
    return oldest


def tested(python: Python, uv: str, options: Iterable[str]) -> str:
    """Run the quick tests: PASSED, FAILED or BARE."""
    environment = ENVIRONMENTS / python.version
    settings = os.environ | {
        "UV_PROJECT_ENVIRONMENT": str(environment),
        "UV_PYTHON_DOWNLOADS": "never",
        "VIRTUAL_ENV": str(environment),
        "PATH": f"{environment / 'bin'}{os.pathsep}{os.environ['PATH']}",
    }
    install = [uv, "sync", "--frozen", "--quiet", "--python", str(python.path)]
    if subprocess.run(install, cwd=ROOT, env=settings, check=False).returncode:
        return BARE
    tests = [*(f"tests/{name}" for name in QUICK), *sorted(map(str, ROOT.glob("tests/test_*.py")))]
    run = [str(environment / "bin" / "python"), "-m", "pytest", *PROCESSES, *options, *tests]
    return FAILED if subprocess.run(run, cwd=ROOT, env=settings, check=False).returncode else PASSED


def main(uv: str, *options: str) -> int:
    """Test all and say what came of each; the exit status. uv: the program. options: for pytest."""
    outcomes: dict[str, str] = {}
    there = found(folders(os.environ))
    for version in promised():
        python = there.get(version)
        name = ".".join(map(str, python.release)) if python else version
        if python:
            sys.stdout.write(f"\nPython {name}, {python.path}\n")
            sys.stdout.flush()
        outcomes[name] = tested(python, uv, options) if python else ABSENT
    sys.stdout.write("\n" + "".join(f"Python {name:8}{outcome}\n" for name, outcome in outcomes.items()))
    return int(not set(outcomes.values()) <= {PASSED, ABSENT})


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
