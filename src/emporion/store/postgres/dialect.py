"""How PostgreSQL says what both databases are asked."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import count

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


def few_below(root_id: str) -> str:
    """The same for one of many questions: whether they are too many to be looked at one by one, and else their ids."""
    return f"""
        SELECT cardinality(l.ids) > {statements.FEW_RESELLERS} AS many, l.ids FROM (
            SELECT ARRAY (
                SELECT b.reseller_id
                FROM reseller_accounts t JOIN reseller_accounts b ON b.first BETWEEN t.first AND t.last
                WHERE t.reseller_id = {root_id} LIMIT {statements.FEW_RESELLERS + 1}
            ) AS ids OFFSET 0
        ) l
    """  # noqa: S608


# A statement begins with it, so its value is the first.
_BELOW = statements.BELOW.replace("?", "$1")


@lru_cache
def numbered(sql: str) -> str:
    """A statement of `statements` as PostgreSQL reads it: its placeholders have numbers."""
    numbers = count(1)
    return re.sub(r"\?", lambda _: f"${next(numbers)}", sql).replace(_BELOW, BELOW)
