"""kill -9 while customers are imported: the worker that goes on doubles nothing and leaves nothing out."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

import pytest

from emporion.accounts.ids import RESELLER_ID
from emporion.marketplace.actors import Actor
from emporion.marketplace.build import build_marketplace
from emporion.marketplace.imports import Imports
from emporion.marketplace.platforms import SANDBOX
from emporion.store.sqlite import SqliteStore
from tests.conftest import Serve, settings_for
from tests.effort import effort
from tests.postgres import wait_until
from tests.server import PATIENCE, clean_environment, run, serving

HEADER = "externalid,companyname,givenname,familyname,contactemail,telvoice,streetaddress,postalcode,city,countrycode"
T = TypeVar("T")

ROWS, KILLS = effort(quick=(3000, 1), thorough=(6000, 4))
OWNER = Actor(RESELLER_ID, SANDBOX.user, "console")


def content(*, with_ids: bool, rows: int = ROWS) -> str:
    lines = (
        f"{number if with_ids else ''},Import {number},Anna,Weiß,a{number}@example.com,'+49891234567,Weg 1,1,Bonn,de"
        for number in range(rows)
    )
    return "\n".join([HEADER, *lines, ""])


def one(database: Path, sql: str) -> Any:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(sql).fetchone()[0]


def imported(database: Path) -> int:
    """How many customers have come from the file."""
    return int(one(database, "SELECT count(*) FROM customers WHERE name_folded LIKE 'import %'"))


def check(database: Path) -> None:
    """Each row is a customer, once."""
    assert imported(database) == ROWS
    assert one(database, "SELECT count(DISTINCT name_folded) FROM customers WHERE name_folded LIKE 'import %'") == ROWS
    assert one(database, "PRAGMA integrity_check") == "ok"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("with_ids", effort(quick=[True], thorough=[True, False]))
def test_a_command_that_is_killed_again_and_again_imports_each_row_once(tmp_path: Path, with_ids: bool) -> None:
    assert run("init", cwd=tmp_path).returncode == 0
    database = tmp_path / "emporion.db"
    (tmp_path / "x.csv").write_text(content(with_ids=with_ids))
    command = [sys.executable, "-m", "emporion", "import", "x.csv", "--reseller", str(RESELLER_ID)]
    for number in range(1, KILLS + 1):
        process = subprocess.Popen(command, cwd=tmp_path, env=clean_environment(), stderr=subprocess.DEVNULL)
        enough = number * ROWS // (KILLS + 2) + random.randrange(200)
        try:
            wait_until(lambda enough=enough: imported(database) >= enough, lambda: "no customers")  # type: ignore[misc]
        finally:
            os.kill(process.pid, signal.SIGKILL)
            process.wait(PATIENCE)
        assert imported(database) < ROWS, "the kill came too late; nothing was tested"
    ended = subprocess.run(
        command, cwd=tmp_path, env=clean_environment(), capture_output=True, text=True, timeout=100, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.startswith("goes on with the import that was cut short after row ")
    check(database)
    again = subprocess.run(
        command, cwd=tmp_path, env=clean_environment(), capture_output=True, text=True, timeout=100, check=False
    )
    assert again.stdout == f"{ROWS:,} rows: 0 created, 0 changed, {ROWS:,} unchanged\n"
    check(database)


def test_a_server_checks_and_writes_what_it_was_sent(serve: Serve, database: Path) -> None:
    serve()
    import_id = asyncio.run(_sent(database, content(with_ids=True, rows=10)))
    wait_until(lambda: asyncio.run(_state(database, import_id)) == "checked", lambda: "not checked")
    asyncio.run(_confirm(database, import_id))
    wait_until(lambda: asyncio.run(_state(database, import_id)) == "done", lambda: "not done")
    assert imported(database) == 10


@pytest.mark.timeout(300)
def test_a_server_goes_on_with_what_a_killed_one_has_left(tmp_path: Path) -> None:
    database = tmp_path / "sandbox.db"
    with serving(tmp_path) as server:
        import_id = asyncio.run(_sent(database, content(with_ids=False)))
        wait_until(lambda: asyncio.run(_state(database, import_id)) == "checked", lambda: "not checked")
        asyncio.run(_confirm(database, import_id))
        wait_until(lambda: imported(database) > ROWS // 4, lambda: "no customers")
        server.kill()
    assert imported(database) < ROWS, "the kill came too late; nothing was tested"
    with serving(tmp_path):
        wait_until(lambda: asyncio.run(_state(database, import_id)) == "done", lambda: "not done")
    check(database)
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT count(*) FROM import_parts").fetchone() == (0,)


async def _sent(database: Path, sent: str) -> str:
    """The id of an import that was sent."""

    async def parts() -> AsyncIterator[bytes]:
        yield sent.encode()

    async def send(imports: Imports) -> str:
        return (await imports.start(OWNER, RESELLER_ID, "x.csv", "csv", parts())).id

    return await _with_imports(database, send)


async def _confirm(database: Path, import_id: str) -> None:
    await _with_imports(database, lambda imports: imports.confirm(OWNER, import_id))


async def _state(database: Path, import_id: str) -> str:
    return (await _with_imports(database, lambda imports: imports.get(OWNER, import_id))).state


async def _with_imports(database: Path, work: Callable[[Imports], Awaitable[T]]) -> T:
    store = SqliteStore(database)
    await store.open()
    try:
        return await work(build_marketplace(settings_for(database), store).imports)
    finally:
        await store.close()
