"""Ours on PostgreSQL: beside the reference build on the same server with the same data, and beside pgbench."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING

import asyncpg
import msgspec
from tests.postgres import Databases, server

from bench import Failed, pgbench
from bench.client import sign_in
from bench.load import load, wait_until_verified
from bench.reference import load as reference_load
from bench.server import emporion, reference
from bench.service import BY_ID, CREATE, CREATION, DEEP_PAGE, FIRST_PAGE, FOUND_PAGE, LATER_PAGE, PAGE, SEARCH, Service
from bench.table import Ceiling, Kind
from emporion.accounts.customers import Customer
from emporion.store.postgres import PostgresStore
from emporion.store.postgres.connections import Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import ExitStack
    from pathlib import Path

    from bench.drive import Figures

# What stands for a server of our own, instead of a URL.
OWN = "postgres"

MINE = (BY_ID, PAGE, DEEP_PAGE, SEARCH, CREATE)
SELECT = "pgbench: SELECT by id"
INSERT = "pgbench: INSERT of 1 row"


def theirs(name: str) -> str:
    """The same figure of the reference build."""
    return f"reference: {name}"


KIND = Kind(
    (*MINE, *map(theirs, MINE), SELECT, INSERT),
    {
        BY_ID: [Ceiling(theirs(BY_ID), 6), Ceiling(SELECT)],
        PAGE: [Ceiling(theirs(PAGE), 15)],
        DEEP_PAGE: [Ceiling(theirs(DEEP_PAGE), 40)],
        SEARCH: [Ceiling(theirs(SEARCH))],
        CREATE: [Ceiling(theirs(CREATE), 5), Ceiling(INSERT, 0.25)],
    },
)


@contextmanager
def databases(where: str) -> Iterator[Databases]:
    """The server at the URL, or a durable one of our own for OWN."""
    pgbench.program()
    if where == OWN:
        # As an operator sets it up on a machine of this kind; what is committed is on disk.
        with server(
            durable=True, shared_buffers="2GB", max_wal_size="8GB", checkpoint_timeout="1h", effective_cache_size="8GB"
        ) as own:
            yield own
    else:
        yield Databases(where)


def fact(on: Databases) -> str:
    """The server's version."""
    [(version,)] = on.query("SHOW server_version")
    return f"PostgreSQL {version.split()[0]}"


def measures(
    stack: ExitStack, folder: Path, seconds: int, workers: int, on: Databases
) -> dict[str, Callable[[], Figures]]:
    """Load, start the servers and give the measurements in order.

    Each stands beside its ceiling, for the machine's speed drifts. Databases of our own are made and dropped.
    """
    read = stack.enter_context(on.temporary())
    ids = load(_store(on.url(read)))
    on.query("VACUUM ANALYZE", read)
    written = stack.enter_context(on.temporary(read))
    reading = stack.enter_context(emporion(on.url(read), folder / "read.log", workers))
    writing = stack.enter_context(emporion(on.url(written), folder / "written.log", workers))
    # Each server signs tokens with a key of its own database.
    ours, created_by_us = Service(reading, sign_in(reading)), Service(writing, sign_in(writing))
    ours.check_pages()
    reads = ours.reads(ids, seconds)

    their_read = stack.enter_context(on.temporary())
    asyncio.run(reference_load.load(on.url(their_read), asyncio.run(_customers(on.url(read)))))
    their_written = stack.enter_context(on.temporary(their_read))
    secret = secrets.token_hex(32)
    headers = reference_load.headers(secret)
    starts = [reference(on.url(name), secret, folder / f"{name}.log", workers) for name in (their_read, their_written)]
    their_reading, their_writing = (Service(stack.enter_context(start), headers) for start in starts)
    their_reads = their_reading.reads(ids, seconds)
    customer = f"/customers/{ids[len(ids) // 2]}"
    _check_same(ours, their_reading, (customer, FIRST_PAGE, LATER_PAGE, FOUND_PAGE))

    bare = stack.enter_context(on.temporary())
    on.query(pgbench.BARE_TABLE, bare)
    document = ours.answer(customer)
    on.query("CHECKPOINT")

    def create() -> Figures:
        created = created_by_us.run(CREATION, seconds)
        wait_until_verified(_store(on.url(written)))
        return created

    return {
        SELECT: lambda: pgbench.select(on.url(read), ids, seconds),
        **{
            name: measure
            for mine in reads
            for name, measure in ((mine, reads[mine]), (theirs(mine), their_reads[mine]))
        },
        INSERT: lambda: pgbench.insert(on.url(bare), document, seconds),
        CREATE: create,
        theirs(CREATE): lambda: their_writing.run(CREATION, seconds),
    }


def _store(url: str) -> PostgresStore:
    return PostgresStore(url, Limits())


async def _customers(url: str) -> list[Customer]:
    """All customers, by id."""
    connection = await asyncpg.connect(url)
    try:
        found = await connection.fetch("SELECT document FROM customers ORDER BY id")
    finally:
        await connection.close()
    return [msgspec.json.decode(row["document"], type=Customer) for row in found]


def _check_same(ours: Service, other: Service, paths: tuple[str, ...]) -> None:
    """Both give the same answers, or the figures would be of different things. Raises Failed."""
    for path in paths:
        if msgspec.json.decode(ours.answer(path)) != msgspec.json.decode(other.answer(path)):
            raise Failed(f"the reference build does not give the same answer as ours to {path}")
