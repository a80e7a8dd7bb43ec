"""The one id space: whatever has an id of digits has taken it here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from emporion.store.database import fetch

if TYPE_CHECKING:
    from emporion.store.database import Write

_TAKE = """
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
    INSERT INTO accounts (id, kind, reseller_id) SELECT {new_id}, ?, ? FROM n RETURNING id
"""


def take_ids(
    kind: Literal["plan", "product", "order", "subscription"], reseller_id: int, count: int
) -> Write[list[int]]:
    """So many new ids, which increase."""
    rows = yield from fetch(_TAKE, count, kind, reseller_id)
    return sorted(row[0] for row in rows)
