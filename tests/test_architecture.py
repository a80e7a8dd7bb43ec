"""The house stands: a room imports only from floors below its own (docs/architecture.md)."""

from __future__ import annotations

import ast
from pathlib import Path

import emporion

SOURCE = Path(emporion.__file__).parent
FLOORS = [
    {"errors"},
    {"credentials", "emails", "events", "limits", "paging", "validation", "logs", "turns"},
    {"accounts", "settings"},
    {"headers", "file_types"},
    {"spreadsheets"},
    {"report_formats"},
    {"store"},
    {"marketplace"},
    {"api", "workers"},
    {"web"},
    {"app"},
    {"cli"},
    {"__main__"},
]


def _floor(room: str) -> int:
    (floor,) = [number for number, rooms in enumerate(FLOORS) if room in rooms]
    return floor


def _imports(file: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("emporion."):
            found.add(node.module.split(".")[1])
        elif isinstance(node, ast.ImportFrom) and node.module == "emporion":
            found |= {alias.name for alias in node.names if not alias.name.startswith("__")}
    return found


def test_a_room_imports_only_from_below() -> None:
    for file in SOURCE.rglob("*.py"):
        room = file.relative_to(SOURCE).parts[0].removesuffix(".py")
        if room == "__init__":
            continue
        for imported in _imports(file) - {room}:
            assert _floor(imported) < _floor(room), f"{file.relative_to(SOURCE)} imports {imported}"


def test_the_nouns_do_no_io() -> None:
    for noun in (
        "accounts",
        "credentials",
        "emails",
        "events",
        "limits",
        "paging",
        "validation",
        "errors",
        "headers",
        "file_types",
        "spreadsheets",
        "report_formats",
    ):
        modules = {
            alias.name.split(".")[0]
            for node in ast.walk(ast.parse((SOURCE / f"{noun}.py").read_text()))
            if isinstance(node, ast.Import)
            for alias in node.names
        }
        assert not modules & {"sqlite3", "asyncio", "os", "socket", "starlette", "pathlib", "time"}, noun


def test_sql_is_in_the_store_only() -> None:
    for file in SOURCE.rglob("*.py"):
        if "store" not in file.parts:
            assert not {"sqlite3", "asyncpg"} & _plain_imports(file), file


def _plain_imports(file: Path) -> set[str]:
    return {
        alias.name
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Import)
        for alias in node.names
    }
