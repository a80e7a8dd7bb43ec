"""The command line over PostgreSQL: migrate, init, serve, copy."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from emporion.accounts.ids import RESELLER_ID
from emporion.cli.serve import _prepare, _say_what_is_served
from emporion.events import Event
from emporion.marketplace.build import build_marketplace
from emporion.marketplace.platforms import SANDBOX, found, seed_sandbox
from emporion.marketplace.sandbox import SANDBOX_MPN
from emporion.settings import Settings
from emporion.store import open_store
from emporion.store.base import Store
from emporion.store.migrations import migrations
from emporion.store.postgres import PostgresStore
from emporion.store.postgres.connections import Limits
from emporion.store.sqlite import SqliteStore
from tests.cli.conftest import Command, WouldServe
from tests.cli.test_imports import line, written
from tests.conftest import new_customer
from tests.effort import effort
from tests.postgres import Databases, wait_until
from tests.server import PATIENCE, clean_environment, run, serving
from tests.store import before_subjects
from tests.store.conftest import know_only_migrations_before


@pytest.fixture
def url(postgres: Databases) -> Iterator[str]:
    """A database with nothing in it."""
    with postgres.temporary() as name:
        yield postgres.url(name)


def test_a_database_that_is_behind_is_not_served_until_it_was_migrated(command: Command, url: str) -> None:
    refused = command("serve", "--database", url)
    assert refused.status == 2
    assert refused.err.startswith("emporion: The database has nothing of Emporion in it. Make a platform with: ")
    assert refused.err.count("\n") == 1
    migrated = command("migrate", "--database", url)
    done = "".join(f"done: {migration.title}\n" for migration in migrations("postgres"))
    assert migrated.out == f"{done}{url} is up to date\n"
    assert command("migrate", "--database", url).out == f"{url} is up to date\n"
    refused = command("serve", "--database", url)
    assert f"there is no platform in {url}; make one with: emporion init" in refused.err


def test_serve_migrates_where_it_is_told_to(command: Command, url: str) -> None:
    assert "there is no platform" in command("serve", "--migrate", "--database", url).err
    assert command("migrate", "--database", url).out == f"{url} is up to date\n"


def test_a_file_that_is_behind_is_not_served_either(command: Command, tmp_path: Path) -> None:
    command("init")
    with closing(sqlite3.connect(tmp_path / "emporion.db")) as connection, connection:
        connection.execute("DROP TABLE copies")
        connection.execute("DELETE FROM schema_migrations WHERE number = 2")
    refused = command("serve")
    assert refused.err.startswith("emporion: The database is behind: it lacks 0002 copies.")
    with pytest.raises(WouldServe):
        command("serve", "--migrate")
    with pytest.raises(WouldServe):
        command("serve")


def test_a_platform_is_made_served_and_used_on_postgresql(command: Command, url: str, tmp_path: Path) -> None:
    made = command("init", "--database", url, "--marketplace", "de")
    assert made.status == 0, made.err
    access = dict(re.findall(r"^  (\S+(?: \S+)*?) {2,}(\S+)$", made.out, re.MULTILINE))
    assert "is a platform in this database already" in command("init", "--database", url).err
    with serving(tmp_path, "--database", url, "--workers", "2", sandbox=False) as server:
        key = {"X-Subscription-Key": access["subscription key"]}
        auth = (access["user"], access["password"])
        token = httpx.post(f"{server.url}/token", auth=auth, headers=key, timeout=PATIENCE).json()["token"]
        headers = {**key, "Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=server.url, headers=headers, timeout=PATIENCE) as http:
            created = http.post("/customers", json=new_customer(externalId="x")).json()
            assert created["id"] == "1000001"
            wait_until(lambda: http.get("/customers/1000001").json()["status"] == "active", lambda: "still pending")
            assert http.get("/customers?name=munchen").json()["data"][0]["externalId"] == "x"
            assert http.post("/customers", json=new_customer(externalId="x")).status_code == 409
        assert server.stop() == 0


def test_whatever_the_database_refuses_is_told_in_one_line(command: Command, postgres: Databases, url: str) -> None:
    name = url.rpartition("/")[2]
    postgres.query("CREATE TABLE customers (id int)", name)
    occupied = command("migrate", "--database", url)
    assert occupied.err == 'emporion: The database refuses this: relation "customers" already exists.\n'
    with postgres.temporary() as other:
        postgres.query("CREATE ROLE guest LOGIN", other)
        try:
            guest = postgres.url(other).replace("emporion@", "guest@")
            refused = command("init", "--database", guest)
            assert refused.status == 2
            assert refused.err == "emporion: The database refuses this: permission denied for schema public.\n"
        finally:
            postgres.query("DROP ROLE guest", other)


def test_a_platform_is_not_made_or_served_over_an_unfinished_copy(
    command: Command, postgres: Databases, url: str
) -> None:
    command("migrate", "--database", url)
    postgres.query("INSERT INTO copies VALUES ('accounts', '[5]', 5)", url.rpartition("/")[2])
    for word in ("init", "serve"):
        refused = command(word, "--database", url)
        assert "here is an unfinished copy in" in refused.err
        assert refused.err.count("\n") == 1


def test_two_nodes_that_make_the_sandbox_at_once_both_would_serve_it(url: str) -> None:
    settings = Settings.read({"database": url})

    async def prepare_both() -> list[bool]:
        return await asyncio.gather(*(_prepare(settings, sandbox=True, migrating=True) for _ in range(2)))

    assert asyncio.run(prepare_both()) == [True, True]


@pytest.mark.thorough
def test_two_nodes_that_make_the_sandbox_at_once_both_serve_it(url: str, tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    with ThreadPoolExecutor(2) as pool, ExitStack() as servers:
        starting = [pool.submit(servers.enter_context, serving(folder, "--database", url)) for folder in folders]
        for started in starting:
            page = httpx.get(f"{started.result().url}/customers", headers=started.result().headers(), timeout=PATIENCE)
            assert page.json()["pagination"]["total"] == 2


def test_a_password_is_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    _say_what_is_served(Settings.read({"database": "postgresql://emporion:s3cret@localhost/x"}), is_sandbox=True)
    said = capsys.readouterr().out
    assert "emporion:***@localhost" in said
    assert "s3cret" not in said


@pytest.mark.thorough
def test_a_password_is_not_shown(postgres: Databases, tmp_path: Path) -> None:
    with postgres.temporary() as name:
        url = postgres.url(name).replace("emporion@", "emporion:s3cret@")
        with serving(tmp_path, "--database", url) as server:
            assert "emporion:***@" in server.output.read_text()
            assert "s3cret" not in server.output.read_text()


CUSTOMERS = effort(quick=60, thorough=200)
# The command line, which is killed while it writes so many parts of three rows.
KILLED = """
import asyncio, os, signal
from emporion.cli import main
from emporion.store import copying
from emporion.store.postgres.copies import PostgresCopies

copying.PART, left, load = 3, {parts}, PostgresCopies.load

async def load_until_killed(*arguments):
    global left
    left -= 1
    loading = asyncio.create_task(load(*arguments))
    await asyncio.sleep(0)
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    await loading

PostgresCopies.load = load_until_killed
main()
"""


def test_a_copy_that_is_killed_again_and_again_ends_whole(command: Command, url: str, tmp_path: Path) -> None:
    command("init")
    written(tmp_path / "in.csv", *(line(f"e{number}") for number in range(CUSTOMERS)))
    assert command("import", "in.csv", "--reseller", str(RESELLER_ID)).status == 0
    source = ("--from", "sqlite:///emporion.db", "--to", url)
    for parts in effort(quick=[20], thorough=[5, 30, 40]):
        program = [sys.executable, "-c", KILLED.format(parts=parts), "copy", *source]
        killed = subprocess.run(program, cwd=tmp_path, env=clean_environment(), timeout=PATIENCE, check=False)
        assert killed.returncode == -signal.SIGKILL
        refused = command("serve", "--migrate", "--database", url).err
        assert "there is an unfinished copy" in refused
    ended = command("copy", *source)
    assert ended.status == 0, ended.err
    copied = command("export", "-", "--format", "jsonl", "--database", url)
    assert copied.out == command("export", "-", "--format", "jsonl").out
    assert {json.loads(row)["externalId"] for row in copied.out.splitlines()} == {
        f"e{number}" for number in range(CUSTOMERS)
    }


def test_a_database_from_before_events_had_subjects_is_migrated_and_copied_with_all_of_them(
    command: Command, url: str, tmp_path: Path
) -> None:
    asyncio.run(before_subjects.make_file(tmp_path / "older.db"))
    source = ("--database", "sqlite:///older.db")
    refused = command("copy", "--from", "sqlite:///older.db", "--to", url)
    assert "lacks 0009 subjects" in refused.err
    assert "done: 0009 subjects\n" in command("migrate", *source).out
    ended = command("copy", "--from", "sqlite:///older.db", "--to", url)
    assert ended.status == 0, ended.err
    kept = asyncio.run(_events(SqliteStore(tmp_path / "older.db")))
    assert [one.subject for one in kept if (one.reseller_id, one.sequence) in before_subjects.SUBJECTS] == [
        *before_subjects.SUBJECTS.values()
    ]
    assert asyncio.run(_events(PostgresStore(url, Limits()))) == kept


async def _make_sandbox_that_sells_nothing(database: str) -> None:
    """A sandbox with its customers, as the program made it before anything was sold."""
    settings = Settings.read({"database": database})
    with pytest.MonkeyPatch.context() as older:
        know_only_migrations_before("reports", older)
        store = open_store(settings)
        await store.migrate()
        await store.open()
        await found(store, SANDBOX, 1_700_000_000_000, sandbox=True)
        await seed_sandbox(build_marketplace(settings, store))
        await store.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_sandbox_from_before_anything_was_sold_sells_after_an_upgrade(url: str, tmp_path: Path, kind: str) -> None:
    database = url if kind == "postgres" else f"sqlite:///{tmp_path / 'older.db'}"
    asyncio.run(_make_sandbox_that_sells_nothing(database))
    migrated = run("migrate", "--database", database, cwd=tmp_path)
    assert migrated.returncode == 0, migrated.stderr
    with serving(tmp_path, "--database", database) as server:

        def get(path: str) -> Any:
            return httpx.get(f"{server.url}{path}", headers=server.headers(), timeout=PATIENCE).json()

        (seat,) = get(f"/products?mpn={SANDBOX_MPN}")["data"]
        (order,), (subscription,), (report,) = (
            get(f"/{noun}")["data"] for noun in ("orders", "subscriptions", "reports")
        )
        assert (order["status"], subscription["status"], report["status"]) == ("completed", "active", "completed")
        (product,) = get(f"/subscriptions/{subscription['id']}")["products"]
        assert product["id"] == seat["id"]
        body = {"customerId": order["customerId"], "products": [{"id": seat["id"], "quantity": 2}]}
        estimate = httpx.post(f"{server.url}/orders/estimate", json=body, headers=server.headers())
        assert estimate.status_code == 200, estimate.text


async def _events(store: Store) -> list[Event]:
    await store.open()
    try:
        return [event for log in before_subjects.LOGS for event in await store.events.log(log, 0, 100)]
    finally:
        await store.close()


def test_where_to_copy_from_and_to_is_checked(command: Command, tmp_path: Path) -> None:
    for option, arguments in (
        ("--from", ("--from", "emporion.db", "--to", "sqlite:///x.db")),
        ("--to", ("--from", "sqlite:///x.db", "--to", "mysql://x")),
    ):
        ended = command("copy", *arguments)
        assert ended.status == 2
        assert ended.err == f"emporion: {option} must be sqlite:/// and a path, or a postgresql:// URL\n"
    ended = command("copy", "--from", "sqlite:///nothing.db", "--to", "sqlite:///x.db")
    assert "The database nothing.db cannot be opened: No such file" in ended.err
    assert not (tmp_path / "nothing.db").exists()
