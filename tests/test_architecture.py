"""The house stands: a room imports only from floors below its own (docs/architecture.md)."""

from __future__ import annotations

import ast
from pathlib import Path

import emporion

SOURCE = Path(emporion.__file__).parent
FLOORS = [
    {"errors"},
    {"credentials", "emails", "events", "limits", "paging", "times", "validation", "logs", "fair_semaphore"},
    {"accounts", "files", "settings", "money", "periods"},
    {"customer_files", "reports", "catalogue"},
    {"subscriptions"},
    {"orders"},
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
    floors = [number for number, rooms in enumerate(FLOORS) if room in rooms]
    assert len(floors) == 1, f"{room} must be on one floor of FLOORS; a noun is beside reports"
    return floors[0]


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
        "catalogue",
        "credentials",
        "customer_files",
        "emails",
        "errors",
        "events",
        "files",
        "limits",
        "money",
        "orders",
        "paging",
        "periods",
        "subscriptions",
        "validation",
    ):
        files = [*SOURCE.glob(f"{noun}.py"), *SOURCE.glob(f"{noun}/*.py")]
        assert files, noun
        for file in files:
            modules = {module.split(".")[0] for module in _plain_imports(file)}
            assert not modules & {"sqlite3", "asyncio", "os", "socket", "starlette", "pathlib", "time"}, file


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


def test_no_room_is_too_large() -> None:
    for file in SOURCE.rglob("*.py"):
        assert len(file.read_text().splitlines()) <= 400, file


# Names that several modules use for what is theirs alone, such as the title of each one's list or the seconds of each
# one's interval; and the two databases. A class or a constant that others import has a name of its own.
OF_EACH_MODULE = {
    "C", "P", "R", "T",
    "ADDRESS", "ALWAYS", "ATTEMPTS", "AT_ONCE", "BADGES", "BELOW", "CONDITIONS", "Connections", "DAY",
    "DEEPEST", "EXAMPLE", "EXAMPLES", "FARTHEST", "FEW", "FORGOTTEN_AT_ONCE", "HEADERS", "HEADINGS", "HELD",
    "INTERVAL", "IN_MEMORY", "KEPT", "KINDS", "LARGEST", "LARGEST_GROUP", "LAST", "LIFETIME", "LIST", "LISTED",
    "LONGEST_PATH", "LONGEST_WAIT", "MEMBERS", "MOST_TOLD", "NOTED", "NOTES", "OPERATIONS", "OPTIONS",
    "OWN", "PAGES", "PART", "PATIENCE", "PAUSE", "PIECE", "POLICY", "REMEMBERED", "RETRY", "ROLES", "SHOWN",
    "SILENCE", "STEPS", "TAG", "TAGS", "TOLD", "VERIFIED_AT_ONCE", "VERSION", "VERSIONS", "WAITING", "WANTED",
    "WITHOUT_PAUSE", "WORDS", "WRONG",
}  # fmt: skip


def _defined(file: Path) -> set[str]:
    """Names of classes and constants that a module defines for others, too."""
    tree = ast.parse(file.read_text())
    names = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        names |= {target.id for target in targets if isinstance(target, ast.Name) and target.id.isupper()}
    return {name for name in names if not name.startswith("_")}


def test_a_name_means_one_thing() -> None:
    rooms: dict[str, list[str]] = {}
    for file in SOURCE.rglob("*.py"):
        for name in _defined(file):
            rooms.setdefault(name, []).append(str(file.relative_to(SOURCE)))
    twice = {name: sorted(files) for name, files in rooms.items() if len(files) > 1 and name not in OF_EACH_MODULE}
    assert twice == {}
