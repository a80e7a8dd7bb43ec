"""What is locked, so that others wait."""

from __future__ import annotations

from typing import Any

import asyncpg

from emporion.store.postgres.connections import Connection

# Names of locks among the advisory locks of a database: for migrations, for whatever changes the tree of resellers, and
# for giving events their positions. Whoever takes one has locked no rows yet.
MIGRATING = int.from_bytes(b"emporion", "big")
GROWING = int.from_bytes(b"emp tree", "big")
FEEDING = int.from_bytes(b"emp feed", "big")

# Who is locked first, before anything that is added to him; several always in this order.
HOLD_RESELLER = "SELECT FROM resellers WHERE reseller_id = $1 FOR NO KEY UPDATE"
HOLD_RESELLERS = """
    SELECT FROM resellers WHERE reseller_id = ANY ($1::bigint[]) ORDER BY reseller_id FOR NO KEY UPDATE
"""


async def hold_tree(connection: asyncpg.Connection[Any] | Connection) -> None:
    """Let nobody else change the tree until the transaction ends."""
    await connection.execute("SELECT pg_advisory_xact_lock($1)", GROWING)
