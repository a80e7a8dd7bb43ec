"""The command line over PostgreSQL: migrate, init, serve, copy."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

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


def test_a_database_that_is_behind_is_not_served_until_it_was_migrated(url: str, tmp_path: Path) -> None:
    refused = run("serve", "--database", url, cwd=tmp_path)
    assert refused.returncode == 2
    assert refused.stderr.startswith("emporion: The database has nothing of Emporion in it. Make a platform with: ")
    assert refused.stderr.count("\n") == 1
    migrated = run("migrate", "--database", url, cwd=tmp_path)
    done = "".join(f"done: {migration.title}\n" for migration in migrations("postgres"))
    assert migrated.stdout == f"{done}{url} is up to date\n"
    assert run("migrate", "--database", url, cwd=tmp_path).stdout == f"{url} is up to date\n"
    refused = run("serve", "--database", url, cwd=tmp_path)
    assert f"there is no platform in {url}; make one with: emporion init" in refused.stderr


def test_serve_migrates_where_it_is_told_to(url: str, tmp_path: Path) -> None:
    assert "there is no platform" in run("serve", "--migrate", "--database", url, cwd=tmp_path).stderr
    assert run("migrate", "--database", url, cwd=tmp_path).stdout == f"{url} is up to date\n"


def test_a_file_that_is_behind_is_not_served_either(tmp_path: Path) -> None:
    run("init", cwd=tmp_path)
    subprocess.run(
        ["python3", "-c", "import sqlite3; c = sqlite3.connect('emporion.db'); c.execute('DROP TABLE copies');"
         "c.execute('DELETE FROM schema_migrations WHERE number = 2'); c.commit()"],
        cwd=tmp_path,
        check=True,
    )  # fmt: skip
    refused = run("serve", cwd=tmp_path)
    assert refused.stderr.startswith("emporion: The database is behind: it lacks 0002 copies.")
    with serving(tmp_path, "--migrate", sandbox=False) as server:
        assert "serves the platform" in server.output.read_text()


def test_a_platform_is_made_served_and_used_on_postgresql(url: str, tmp_path: Path) -> None:
    made = run("init", "--database", url, "--marketplace", "de", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    access = dict(re.findall(r"^  (\S+(?: \S+)*?) {2,}(\S+)$", made.stdout, re.MULTILINE))
    assert "is a platform in this database already" in run("init", "--database", url, cwd=tmp_path).stderr
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


def test_whatever_the_database_refuses_is_told_in_one_line(postgres: Databases, url: str, tmp_path: Path) -> None:
    name = url.rpartition("/")[2]
    postgres.query("CREATE TABLE customers (id int)", name)
    occupied = run("migrate", "--database", url, cwd=tmp_path)
    assert occupied.stderr == 'emporion: The database refuses this: relation "customers" already exists.\n'
    with postgres.temporary() as other:
        postgres.query("CREATE ROLE guest LOGIN", other)
        try:
            guest = postgres.url(other).replace("emporion@", "guest@")
            refused = run("init", "--database", guest, cwd=tmp_path)
            assert refused.returncode == 2
            assert refused.stderr == "emporion: The database refuses this: permission denied for schema public.\n"
        finally:
            postgres.query("DROP ROLE guest", other)


def test_a_platform_is_not_made_or_served_over_an_unfinished_copy(
    postgres: Databases, url: str, tmp_path: Path
) -> None:
    run("migrate", "--database", url, cwd=tmp_path)
    postgres.query("INSERT INTO copies VALUES ('accounts', '[5]', 5)", url.rpartition("/")[2])
    for command in ("init", "serve"):
        refused = run(command, "--database", url, cwd=tmp_path)
        assert "here is an unfinished copy in" in refused.stderr
        assert refused.stderr.count("\n") == 1


def test_two_nodes_that_make_the_sandbox_at_once_both_serve_it(url: str, tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    with ThreadPoolExecutor(2) as pool, ExitStack() as servers:
        starting = [pool.submit(servers.enter_context, serving(folder, "--database", url)) for folder in folders]
        for started in starting:
            page = httpx.get(f"{started.result().url}/customers", headers=started.result().headers(), timeout=PATIENCE)
            assert page.json()["pagination"]["total"] == 2


def test_a_password_is_not_shown(postgres: Databases, tmp_path: Path) -> None:
    with postgres.temporary() as name:
        url = postgres.url(name).replace("emporion@", "emporion:s3cret@")
        with serving(tmp_path, "--database", url) as server:
            assert "emporion:***@" in server.output.read_text()
            assert "s3cret" not in server.output.read_text()


CUSTOMERS = 200
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


def test_a_copy_that_is_killed_again_and_again_ends_whole(url: str, tmp_path: Path) -> None:
    with serving(tmp_path, EMPORION_VERIFICATION="manual") as server, httpx.Client(timeout=PATIENCE) as http:
        headers = server.headers()
        for number in range(CUSTOMERS):
            body = new_customer(externalId=f"e{number}")
            http.post(f"{server.url}/customers", headers=headers, json=body).raise_for_status()
    for parts in effort(quick=[40], thorough=[5, 30, 40]):
        program = [sys.executable, "-c", KILLED.format(parts=parts)]
        command = [*program, "copy", "--from", "sqlite:///sandbox.db", "--to", url]
        killed = subprocess.run(command, cwd=tmp_path, env=clean_environment(), timeout=PATIENCE, check=False)
        assert killed.returncode == -signal.SIGKILL
        refused = run("serve", "--migrate", "--database", url, cwd=tmp_path).stderr
        assert "there is an unfinished copy" in refused
    ended = run("copy", "--from", "sqlite:///sandbox.db", "--to", url, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    with serving(tmp_path, "--database", url, EMPORION_VERIFICATION="manual") as server:
        page = httpx.get(f"{server.url}/customers?limit=1000", headers=server.headers(), timeout=PATIENCE).json()
        assert page["pagination"]["total"] == 2 + CUSTOMERS
        assert {item["externalId"] for item in page["data"]} >= {f"e{number}" for number in range(CUSTOMERS)}


def test_a_database_from_before_events_had_subjects_is_migrated_and_copied_with_all_of_them(
    url: str, tmp_path: Path
) -> None:
    asyncio.run(before_subjects.make_file(tmp_path / "older.db"))
    source = ("--database", "sqlite:///older.db")
    refused = run("copy", "--from", "sqlite:///older.db", "--to", url, cwd=tmp_path)
    assert "lacks 0009 subjects" in refused.stderr
    assert "done: 0009 subjects\n" in run("migrate", *source, cwd=tmp_path).stdout
    ended = run("copy", "--from", "sqlite:///older.db", "--to", url, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
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


def test_where_to_copy_from_and_to_is_checked(tmp_path: Path) -> None:
    for option, arguments in (
        ("--from", ("--from", "emporion.db", "--to", "sqlite:///x.db")),
        ("--to", ("--from", "sqlite:///x.db", "--to", "mysql://x")),
    ):
        ended = run("copy", *arguments, cwd=tmp_path)
        assert ended.returncode == 2
        assert ended.stderr == f"emporion: {option} must be sqlite:/// and a path, or a postgresql:// URL\n"
    ended = run("copy", "--from", "sqlite:///nothing.db", "--to", "sqlite:///x.db", cwd=tmp_path)
    assert "The database nothing.db cannot be opened: No such file" in ended.stderr
    assert not (tmp_path / "nothing.db").exists()
