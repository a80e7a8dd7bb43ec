# ruff: noqa: ASYNC240 - files are what this is about
"""The file of the embedded store, moved, deleted, replaced, cut or made read-only while it is open."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from emporion.errors import Code, Problem
from emporion.store.platform import Platform
from emporion.store.sqlite import SqliteStore
from emporion.store.sqlite.group_commit import COMMITS_BETWEEN
from emporion.store.subscription_keys import SubscriptionKey
from emporion.store.users import User
from tests.effort import HANGS
from tests.store.conftest import ONE, PROVIDER, event, new_reseller

NAMES = ("store.db", "store.db-wal", "store.db-shm")


@pytest.fixture
def path(tmp_path: Path, migrated_file: Path) -> Path:
    return Path(shutil.copy(migrated_file, tmp_path / "store.db"))


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(path)
    await store.open()
    await found(store)
    yield store
    await store.close()


async def found(store: SqliteStore, platform: Platform = Platform(sandbox=False)) -> None:  # noqa: B008 - is frozen
    await store.platform.create(
        platform,
        new_reseller("Provider", None, PROVIDER),
        new_reseller("One", PROVIDER, ONE),
        User("api", ONE, "us", "hash"),
        SubscriptionKey(b"digest", ONE),
        [event(ONE)],
    )


async def add(store: SqliteStore, login: str) -> None:
    await store.users.add(User(login, ONE, "us", "hash"), event(ONE))


def logins(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as connection:
        return {login for (login,) in connection.execute("SELECT login FROM users")}


async def check_refused(store: SqliteStore, reason: str) -> None:
    """Writes get 503, and the log has one line for all of them."""
    with capture_logs() as logged:
        for _ in range(3):
            with pytest.raises(Problem) as refused:
                await add(store, "lost")
            assert refused.value.code is Code.UNAVAILABLE
            assert refused.value.headers == {"Retry-After": "2"}
            assert refused.value.__cause__ is None  # which the door would log each time
    (line,) = logged
    assert reason in line["why"]


async def until(happened: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(HANGS):
        while not await happened():  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.01)


async def until_told(logged: Sequence[MutableMapping[str, Any]], reason: str) -> None:
    async def told() -> bool:
        return any(reason in line["why"] for line in logged)

    await until(told)


async def check_works(store: SqliteStore, path: Path) -> None:
    with capture_logs() as logged:
        await add(store, "later")
    assert [line["event"] for line in logged] == ["writes work again"]
    assert await store.users.get("later")
    assert logins(path) >= {"api", "later"}


@pytest.mark.parametrize("names", [NAMES, NAMES[:1], NAMES[1:2], NAMES[2:]], ids=str)
async def test_what_was_moved_is_not_written_until_it_is_back(
    store: SqliteStore, path: Path, tmp_path: Path, names: tuple[str, ...]
) -> None:
    aside = tmp_path / "aside"
    aside.mkdir()
    for name in names:
        (tmp_path / name).rename(aside / name)
    await check_refused(store, f"{tmp_path / names[0]} cannot be found")
    assert not (tmp_path / names[0]).exists(), "made anew"
    assert await store.users.get("api"), "what was acknowledged is still told"
    for name in names:
        (aside / name).rename(tmp_path / name)
    await check_works(store, path)


async def test_what_was_deleted_is_not_made_anew(store: SqliteStore, tmp_path: Path) -> None:
    for name in NAMES:
        (tmp_path / name).unlink()
    await check_refused(store, "cannot be found")
    with pytest.raises(Problem):
        await SqliteStore(tmp_path / "store.db").open()
    assert list(tmp_path.iterdir()) == []


async def test_a_file_that_is_moved_within_a_transaction_acknowledges_nothing(store: SqliteStore, path: Path) -> None:
    def move(_: sqlite3.Connection) -> None:
        path.rename(f"{path}.old")

    with pytest.raises(Problem, match="try again shortly"):
        await store._database.commit(move)


async def test_a_copy_in_its_place_is_used_from_then_on(store: SqliteStore, path: Path, tmp_path: Path) -> None:
    await add(store, "saved")
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(tmp_path / "backup.db")) as backup:
        source.backup(backup)
    await add(store, "not saved")
    (tmp_path / "aside").mkdir()
    for name in NAMES:
        (tmp_path / name).rename(tmp_path / "aside" / name)
    await check_refused(store, "cannot be found")
    (tmp_path / "backup.db").rename(path)

    async def changed_over() -> bool:
        return await store.users.get("not saved") is None

    await until(changed_over)
    await add(store, "later")
    assert logins(path) == {"api", "saved", "later"}
    assert logins(tmp_path / "aside" / "store.db") == {"api", "saved", "not saved"}


async def test_a_link_to_the_file_is_served(store: SqliteStore, path: Path, tmp_path: Path) -> None:
    (tmp_path / "links").mkdir()
    link = tmp_path / "links" / "link.db"
    link.symlink_to(path)
    linked = SqliteStore(link)
    await linked.open()
    await add(linked, "through the link")
    assert await store.users.get("through the link")
    await linked.close()
    assert list((tmp_path / "links").iterdir()) == [link]


async def test_a_link_that_is_put_in_the_place_of_the_file_is_not_used(
    store: SqliteStore, path: Path, tmp_path: Path
) -> None:
    await add(store, "before")
    path.rename(tmp_path / "moved.db")
    path.symlink_to(tmp_path / "moved.db")
    await check_refused(store, "is another file")
    path.unlink()
    (tmp_path / "moved.db").rename(path)
    await add(store, "after")
    assert logins(path) == {"api", "before", "after"}


async def test_a_copy_beside_the_log_of_the_file_before_is_not_used(
    store: SqliteStore, path: Path, tmp_path: Path
) -> None:
    await add(store, "in the log")
    shutil.copy(path, tmp_path / "copy.db")
    (tmp_path / "copy.db").replace(path)
    await check_refused(store, "is another file, but")


@pytest.mark.parametrize(("sandbox", "founder"), [(True, "api"), (False, None)], ids=["sandbox", "none"])
async def test_another_platform_in_its_place_is_not_used(
    store: SqliteStore, path: Path, tmp_path: Path, migrated_file: Path, sandbox: bool, founder: str | None
) -> None:
    other = SqliteStore(Path(shutil.copy(migrated_file, tmp_path / "other.db")))
    await other.open()
    if founder:
        await found(other, Platform(sandbox=sandbox))
    await other.close()
    for name in NAMES:
        (tmp_path / name).unlink()
    (tmp_path / "other.db").rename(path)
    with capture_logs() as logged:
        await until_told(logged, "holds another platform")
        with pytest.raises(Problem):
            await add(store, "lost")
    assert await store.users.get("api")
    assert not logins(path) - {"api"}


async def test_another_programs_database_in_its_place_is_left_as_it_is(
    store: SqliteStore, path: Path, tmp_path: Path
) -> None:
    for name in NAMES:
        (tmp_path / name).unlink()
    with closing(sqlite3.connect(path)) as theirs:
        theirs.execute("CREATE TABLE theirs (text TEXT)")
    before = path.read_bytes()
    with capture_logs() as logged:
        await until_told(logged, "nothing of Emporion in it")
    assert await store.users.get("api")
    assert path.read_bytes() == before


async def test_an_empty_file_in_its_place_is_left_empty(store: SqliteStore, path: Path, tmp_path: Path) -> None:
    for name in NAMES:
        (tmp_path / name).unlink()
    path.touch()
    with capture_logs() as logged:
        await until_told(logged, "empty")
    with pytest.raises(Problem, match="empty"):
        await SqliteStore(path).open()
    assert path.stat().st_size == 0


async def test_a_file_that_is_cut_is_not_written(store: SqliteStore, path: Path) -> None:
    for number in range(COMMITS_BETWEEN):
        await add(store, f"user{number}")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    await add(store, "seen")
    # Not all of it: SQLite has it in its memory, and what is cut off there ends the process.
    os.truncate(path, path.stat().st_size - 4096)
    await check_refused(store, "was cut to")


async def test_a_file_that_a_vacuum_made_smaller_is_written(store: SqliteStore, path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("CREATE TABLE filling (text TEXT)")
        other.execute("INSERT INTO filling VALUES (?)", ("x" * 1_000_000,))
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        await add(store, "before")
        other.execute("DROP TABLE filling")
        before = path.stat().st_size
        other.execute("VACUUM")
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert path.stat().st_size < before
        # As by a write that waited for the VACUUM: the file is shorter than it will be with its log.
        other.execute("PRAGMA wal_autocheckpoint = 0")
        other.execute("CREATE TABLE more (text TEXT)")
        other.execute("INSERT INTO more VALUES (?)", ("x" * 100_000,))
        await add(store, "after")
        await add(store, "later")
    assert logins(path) == {"api", "before", "after", "later"}


@contextmanager
def read_only(path: Path) -> Iterator[None]:
    """As its mode says, or for root, whom no mode stops, its attribute."""
    if os.geteuid():
        path.chmod(0o400)
        yield
        path.chmod(0o600)
        return
    try:
        subprocess.run(["chattr", "+i", path], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.fail("root needs a file system with chattr +i for this test, or another user", pytrace=False)
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", path], check=True)


async def test_a_file_that_is_made_read_only_is_not_written(store: SqliteStore, path: Path) -> None:
    with read_only(path):
        await check_refused(store, "may not be written")
    await check_works(store, path)
