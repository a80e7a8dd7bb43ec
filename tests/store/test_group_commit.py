"""The writer: shared transactions, whose members do not disturb each other, and a database that fails."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest

from emporion.errors import Code, Problem
from emporion.store.sqlite import group_commit
from emporion.store.sqlite.file import DatabaseFile
from emporion.store.sqlite.group_commit import GroupCommit


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "writes.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE writes (number INTEGER PRIMARY KEY, text TEXT)")
        connection.execute("CREATE TABLE commits (number INTEGER)")
    return path


class Counting(sqlite3.Connection):
    """Counts the transactions that it began."""

    begun = 0

    def execute(self, sql: str, *values: object) -> sqlite3.Cursor:
        Counting.begun += sql.startswith("BEGIN")
        return super().execute(sql, *values)  # type: ignore[arg-type]


@pytest.fixture
async def writer(path: Path) -> AsyncIterator[GroupCommit]:
    def connect() -> sqlite3.Connection:
        return sqlite3.connect(path, isolation_level=None, check_same_thread=False, factory=Counting)

    Counting.begun = 0
    writer = GroupCommit(connect, DatabaseFile(path))
    writer.start()
    yield writer
    await writer.stop()


def insert(number: int) -> Callable[[sqlite3.Connection], int]:
    def work(connection: sqlite3.Connection) -> int:
        connection.execute("INSERT INTO writes VALUES (?, 'x')", (number,))
        return number

    return work


def insert_and_fail(number: int) -> Callable[[sqlite3.Connection], int]:
    def work(connection: sqlite3.Connection) -> int:
        connection.execute("INSERT INTO writes VALUES (?, 'half')", (number,))
        raise Problem(Code.CONFLICT, f"{number} is refused")

    return work


def written(path: Path) -> list[int]:
    with closing(sqlite3.connect(path)) as connection:
        return [number for (number,) in connection.execute("SELECT number FROM writes ORDER BY number")]


async def test_what_has_returned_can_be_read_by_others(writer: GroupCommit, path: Path) -> None:
    assert await writer.run(insert(1)) == 1
    assert written(path) == [1]


async def test_those_who_wait_together_share_a_transaction(writer: GroupCommit, path: Path) -> None:
    assert await asyncio.gather(*(writer.run(insert(number)) for number in range(100))) == list(range(100))
    assert written(path) == list(range(100))
    assert Counting.begun < 5


@pytest.mark.parametrize("failing", [{0}, {7}, {99}, {0, 50, 51, 99}, set(range(100))])
async def test_one_who_fails_leaves_nothing_and_disturbs_no_other(
    writer: GroupCommit, path: Path, failing: set[int]
) -> None:
    work = [insert_and_fail(number) if number in failing else insert(number) for number in range(100)]
    results = await asyncio.gather(*map(writer.run, work), return_exceptions=True)
    for number, result in enumerate(results):
        if number in failing:
            assert isinstance(result, Problem)
            assert result.message == f"{number} is refused"
        else:
            assert result == number
    assert written(path) == [number for number in range(100) if number not in failing]


async def test_a_broken_rule_of_the_database_is_the_fault_of_one(writer: GroupCommit, path: Path) -> None:
    first, second, third = await asyncio.gather(
        writer.run(insert(1)), writer.run(insert(1)), writer.run(insert(2)), return_exceptions=True
    )
    assert (first, third) == (1, 2)
    assert isinstance(second, sqlite3.IntegrityError)
    assert written(path) == [1, 2]


async def test_a_full_disk_is_told_to_all_and_writes_go_on_when_there_is_room(writer: GroupCommit, path: Path) -> None:
    def fill(connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA max_page_count = 4")
        connection.execute("INSERT INTO writes VALUES (1000, ?)", ("x" * 100_000,))

    results = await asyncio.gather(writer.run(insert(1)), writer.run(fill), return_exceptions=True)
    for result in results:
        assert isinstance(result, Problem)
        assert result.code is Code.UNAVAILABLE
        assert result.headers == {"Retry-After": "2"}
    assert written(path) == []

    def make_room(connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA max_page_count = 1000000")

    await writer.run(make_room)
    assert await writer.run(insert(2)) == 2
    assert written(path) == [2]


async def test_a_lock_that_is_not_given_back_is_told_to_all_who_wait(
    writer: GroupCommit, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "BUSY_TIMEOUT", 50)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        results = await asyncio.gather(*(writer.run(insert(number)) for number in range(3)), return_exceptions=True)
        assert [isinstance(result, Problem) and result.code is Code.UNAVAILABLE for result in results] == [True] * 3
        other.execute("COMMIT")
    assert await writer.run(insert(5)) == 5
    assert written(path) == [5]


async def test_another_writer_is_waited_for(writer: GroupCommit, path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(writer.run(insert(1)))
        done, _ = await asyncio.wait([waiting], timeout=0.1)
        assert not done
        other.execute("COMMIT")
    assert await asyncio.wait_for(waiting, 10) == 1


async def test_stopping_finishes_what_is_under_way(writer: GroupCommit, path: Path) -> None:
    waiting = [asyncio.create_task(writer.run(insert(number))) for number in range(300)]
    await asyncio.sleep(0)
    await writer.stop()
    assert await asyncio.gather(*waiting) == list(range(300))
    assert written(path) == list(range(300))
    with pytest.raises(Problem):
        await writer.run(insert(1000))
