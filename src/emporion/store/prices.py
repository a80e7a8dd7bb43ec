"""Resellers' own prices, as they are kept."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from emporion.catalogue.own_prices import OwnPrice
from emporion.errors import Code, Problem
from emporion.store.database import execute, fetch_row, placeholders
from emporion.store.events import append, lock_reseller

if TYPE_CHECKING:
    from emporion.events import NewEvent
    from emporion.store.database import Database, Write

PriceOutcome = Literal["created", "changed", "removed", "unchanged"]

# How many targets one statement asks for.
AT_ONCE = 500

_OF = "SELECT reseller_id, target, document FROM prices WHERE reseller_id IN {} AND target IN {}"
_PAGE = "SELECT target, document FROM prices WHERE reseller_id = ? AND target > ? ORDER BY target LIMIT ?"
_OF_ITEM = "SELECT target FROM prices WHERE reseller_id = ? AND target LIKE ? ESCAPE '\\' ORDER BY target"
_ONE = "SELECT document FROM prices WHERE reseller_id = ? AND target = ?"
_PUT = """
    INSERT INTO prices (reseller_id, target, updated_at, document) VALUES (?, ?, ?, ?)
    ON CONFLICT (reseller_id, target) DO UPDATE SET updated_at = excluded.updated_at, document = excluded.document
"""
_REMOVE = "DELETE FROM prices WHERE reseller_id = ? AND target = ?"

_price = msgspec.json.Decoder(OwnPrice).decode
_encode = msgspec.json.Encoder().encode


class OwnPriceChange(Struct, frozen=True):
    """An own price to be set, or removed where it is None.

    target: as in `own_prices`. event: makes the entry of the log, given what was before. expected: what must be before,
    where a person has looked at it.
    """

    target: str
    price: OwnPrice | None
    at: int
    event: Callable[[OwnPrice | None], NewEvent]
    expected: OwnPrice | UnsetType | None = UNSET


class PriceStore:
    """The prices that resellers have set themselves."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, reseller_ids: Collection[int], targets: Collection[str]) -> dict[tuple[int, str], OwnPrice]:
        """The own prices of these resellers for these targets."""
        found: dict[tuple[int, str], OwnPrice] = {}
        wanted = sorted(targets)
        for first in range(0, len(wanted), AT_ONCE):
            part = wanted[first : first + AT_ONCE]
            sql = _OF.format(placeholders(len(reseller_ids)), placeholders(len(part)))
            for reseller_id, target, document in await self._database.rows(sql, *reseller_ids, *part):
                found[reseller_id, target] = _price(document)
        return found

    async def of_item(self, reseller_id: int, mpn: str) -> list[str]:
        """The targets of a reseller's own prices for items with exactly this MPN, in any plan."""
        escaped = mpn.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        found = await self._database.long_rows(reseller_id, _OF_ITEM, reseller_id, f"% {escaped}")
        return [target for (target,) in found if target.partition(" ")[2] == mpn]

    async def page(self, reseller_id: int, after: str, limit: int) -> list[tuple[str, OwnPrice]]:
        """Up to `limit` of a reseller's own prices whose targets come after `after`, in the order of their letters."""
        found = await self._database.long_rows(reseller_id, _PAGE, reseller_id, after, limit)
        return [(target, _price(document)) for target, document in found]

    async def set(self, reseller_id: int, changes: Sequence[OwnPriceChange]) -> list[PriceOutcome]:
        """Set or remove own prices, all or none, each with its event; what became of each.

        Raises Problem (NOT_FOUND) if there is no such reseller, (CONFLICT) if a price is not what was expected.
        """
        return await self._database.write(_set, reseller_id, changes)


def _set(reseller_id: int, changes: Sequence[OwnPriceChange]) -> Write[list[PriceOutcome]]:
    yield from lock_reseller(reseller_id)
    outcomes: list[PriceOutcome] = []
    for change in changes:
        row = yield from fetch_row(_ONE, reseller_id, change.target)
        before = _price(row[0]) if row else None
        if change.expected is not UNSET and before != change.expected:
            raise Problem(Code.CONFLICT, "Another user has set one of these prices meanwhile, so none was set.")
        if before == change.price:
            outcomes.append("unchanged")
            continue
        if change.price is None:
            yield from execute(_REMOVE, reseller_id, change.target)
            outcomes.append("removed")
        else:
            yield from execute(_PUT, reseller_id, change.target, change.at, _encode(change.price))
            outcomes.append("changed" if before else "created")
        yield from append(change.event(before))
    return outcomes
