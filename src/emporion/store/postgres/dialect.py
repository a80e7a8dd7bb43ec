"""How PostgreSQL says what both databases are asked."""

from __future__ import annotations

from functools import lru_cache

from emporion.store import statements

# Beyond every list, and small enough to be added to.
FARTHEST = 2**62

# The resellers that a list is about, by way of an array: of those the planner expects few, and looks each up by itself.
IDS_BELOW = """
    unnest(ARRAY (
        SELECT b.reseller_id FROM reseller_accounts t JOIN reseller_accounts b ON b.first BETWEEN t.first AND t.last
        WHERE t.reseller_id = {}
    ))
"""
BELOW = f"WITH RECURSIVE below (id) AS MATERIALIZED (SELECT {IDS_BELOW.format('$1')})"


@lru_cache
def numbered(sql: str) -> str:
    """A statement of `statements` as PostgreSQL reads it."""
    return sql.replace(statements.BELOW, BELOW).replace("?", "$")
