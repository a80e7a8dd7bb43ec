"""Fills the reference build's tables with Emporion's customers, and signs in there."""

from __future__ import annotations

import json
import time
from itertools import islice
from typing import TYPE_CHECKING, Any

import asyncpg
import jwt
from sqlalchemy.dialects import registry
from sqlalchemy.schema import CreateIndex, CreateTable

from bench.reference import sales_models  # noqa: F401 - its tables belong to the schema
from bench.reference.access import ALGORITHM
from bench.reference.models import SCHEMA, Base
from emporion.accounts.customers import Customer
from emporion.accounts.folding import fold
from emporion.accounts.ids import PROVIDER_ID, RESELLER_ID
from emporion.credentials import key_digest, new_login
from emporion.marketplace.platforms import SANDBOX

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence

    from sqlalchemy.schema import ExecutableDDLElement

    Row = dict[str, Any]

BATCH = 10_000
# Seconds for which a token is good.
TOKEN_LIFETIME = 86_400


def headers(secret: str) -> dict[str, str]:
    """What a client of the sandbox's reseller sends with each request."""
    now = int(time.time())
    claims = {"sub": SANDBOX.user, "account": str(RESELLER_ID), "iat": now, "exp": now + TOKEN_LIFETIME}
    token = jwt.encode(claims, secret, ALGORITHM)
    return {"Authorization": f"Bearer {token}", "X-Subscription-Key": SANDBOX.subscription_key}


async def load(
    database: str,
    customers: Iterable[Customer],
    more: Callable[[asyncpg.Connection], Awaitable[None]] | None = None,
) -> None:
    """Make the schema anew, with the sandbox's reseller, its key and `customers`, which keep their ids.

    more: puts more into the tables, before they have indexes.
    """
    connection = await asyncpg.connect(database)
    try:
        await _make_tables(connection)
        await copy(
            connection,
            "resellers",
            [
                {"id": PROVIDER_ID, "name": "Provider", "currency": None, "parent_id": None},
                {"id": RESELLER_ID, "name": SANDBOX.reseller, "currency": "USD", "parent_id": PROVIDER_ID},
            ],
        )
        key = {"digest": key_digest(SANDBOX.subscription_key), "reseller_id": RESELLER_ID}
        await copy(connection, "subscription_keys", [key])
        for batch in _batches(customers):
            await copy(connection, "customers", [_customer(customer) for customer in batch])
            await copy(connection, "contact_persons", [row for customer in batch for row in _persons(customer)])
        if more:
            await more(connection)
        await _finish(connection)
    finally:
        await connection.close()


async def _make_tables(connection: asyncpg.Connection) -> None:
    await connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
    await connection.execute(f"CREATE SCHEMA {SCHEMA}")
    await connection.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    for table in Base.metadata.sorted_tables:
        await connection.execute(_sql(CreateTable(table)))


async def _finish(connection: asyncpg.Connection) -> None:
    """Make the indexes, let ids go on after the highest, and have PostgreSQL know its tables as after a while."""
    for table in Base.metadata.sorted_tables:
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            await connection.execute(_sql(CreateIndex(index)))
    for table_name in ("customers", "subscriptions", "orders"):
        highest = await connection.fetchval(f"SELECT max(id) FROM {SCHEMA}.{table_name}")
        if highest is not None:
            await connection.execute(f"ALTER TABLE {SCHEMA}.{table_name} ALTER COLUMN id RESTART WITH {highest + 1}")
    for table in Base.metadata.sorted_tables:
        await connection.execute(f"VACUUM ANALYZE {table.fullname}")


def _sql(statement: ExecutableDDLElement) -> str:
    return str(statement.compile(dialect=registry.load("postgresql.asyncpg")()))


def _batches(customers: Iterable[Customer]) -> Iterator[list[Customer]]:
    rest = iter(customers)
    while batch := list(islice(rest, BATCH)):
        yield batch


async def copy(connection: asyncpg.Connection, table: str, rows: Sequence[Row]) -> None:
    """Add the rows, which all have the same columns."""
    if rows:
        columns = list(rows[0])
        records = [tuple(row.values()) for row in rows]
        await connection.copy_records_to_table(table, records=records, columns=columns, schema_name=SCHEMA)


def _customer(customer: Customer) -> Row:
    address = customer.address
    return {
        "id": int(customer.id),
        "reseller_id": int(customer.reseller_id),
        "external_id": customer.external_id,
        "name": customer.name,
        "name_folded": fold(customer.name),
        "tax_reg_id": customer.tax_reg_id,
        "status": customer.status,
        "language": customer.language,
        "attributes": None if customer.attributes is None else json.dumps(customer.attributes),
        "street_address": address.street_address,
        "address_extension": address.address_extension,
        "postal_code": address.postal_code,
        "city": address.city,
        "state": address.state,
        "country_code": address.country_code,
    }


def _persons(customer: Customer) -> Iterator[Row]:
    for position, person in enumerate(customer.contact_persons):
        yield {
            "customer_id": int(customer.id),
            "position": position,
            "type": person.type,
            "first_name": person.first_name,
            "last_name": person.last_name,
            "email": person.email,
            "phone_number": person.phone_number,
            "login": new_login(0) if person.type == "admin" else None,
        }
