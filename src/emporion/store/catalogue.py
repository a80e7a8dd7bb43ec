"""The catalogue as it is kept: plans, products and what they cost. `catalogue_writes.py` applies files to it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, TypeVar

import msgspec

from emporion.accounts.ids import account_number
from emporion.catalogue.kept import Delegation, ProductRates
from emporion.catalogue.plans import Plan
from emporion.catalogue.products import CatalogueProduct
from emporion.store.database import fetch_row, placeholders
from emporion.store.memory import VersionedMemory

if TYPE_CHECKING:
    from emporion.store.database import Database, Write

T = TypeVar("T")

# How many ids one statement asks for.
_AT_A_TIME = 500
# How many bytes may have what is remembered, of plans, of products and of what they cost each.
MOST_BYTES_OF_DOCUMENTS = 8 << 20

CATALOGUE_VERSION = "SELECT coalesce(max(version), 0) FROM catalogue"
_PRODUCT = "SELECT document FROM products WHERE id = ?"
# So many products with one MPN are looked at, for whichever plans and periods.
_BY_MPN = "SELECT document FROM products WHERE mpn = ? ORDER BY id LIMIT 500"
_BY_PLAN = "SELECT document FROM products WHERE plan_id = ? ORDER BY id"
_PLAN = "SELECT document FROM plans WHERE id = ?"
_PLANS = "SELECT document FROM plans WHERE id IN {}"
_PRODUCTS = "SELECT document FROM products WHERE id IN {}"
_RATES = "SELECT product_id, document FROM product_rates WHERE currency = ? AND product_id IN {}"
_DELEGATION = "SELECT is_for_all FROM plans WHERE id = ?"
_DELEGATES = "SELECT reseller_id, granted FROM plan_delegations WHERE plan_id = ? ORDER BY reseller_id"

_product = msgspec.json.Decoder(CatalogueProduct).decode
_plan = msgspec.json.Decoder(Plan).decode
_rates = msgspec.json.Decoder(ProductRates).decode


class CatalogueStore:
    """The catalogue of the platform: all plans and products, in any state, whichever reseller may see them.

    version: in all methods that of the lists, which the caller has just read; then what was read for it before is given
    again.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._plans: VersionedMemory[Plan] = VersionedMemory(MOST_BYTES_OF_DOCUMENTS)
        self._products: VersionedMemory[list[CatalogueProduct]] = VersionedMemory(MOST_BYTES_OF_DOCUMENTS)
        self._rates: VersionedMemory[ProductRates] = VersionedMemory(MOST_BYTES_OF_DOCUMENTS)

    async def version(self) -> int:
        """How often the catalogue was changed; 0 if never."""
        row = await self._database.row(CATALOGUE_VERSION)
        return row[0] if row else 0

    async def product(self, id_: str, version: int | None = None) -> CatalogueProduct | None:
        """A product."""
        number = account_number(id_)
        found = await self._some_products(version, _PRODUCT, number) if number else ()
        return found[0] if found else None

    async def products(self, ids: Collection[str]) -> list[CatalogueProduct]:
        """Those of these products that there are, in no order."""
        found = []
        for part in _parts(_numbers(ids)):
            rows = await self._database.points(_PRODUCTS.format(placeholders(len(part))), *part)
            found += [_product(row[0]) for row in rows]
        return found

    async def by_mpn(self, mpn: str, version: int | None = None) -> list[CatalogueProduct]:
        """Products with exactly this MPN, oldest first, up to some hundred."""
        return await self._some_products(version, _BY_MPN, mpn)

    async def by_plan(self, plan_id: int) -> list[CatalogueProduct]:
        """All products of a plan, oldest first."""
        return [_product(row[0]) for row in await self._database.rows(_BY_PLAN, plan_id)]

    async def plan(self, id_: int, version: int | None = None) -> Plan | None:
        """A plan."""
        if version is not None and (known := self._plans.get(version, id_)):
            return known
        row = await self._database.point(_PLAN, id_)
        if not row:
            return None
        plan = _plan(row[0])
        if version is not None:
            self._plans.put(version, id_, plan, len(row[0]))
        return plan

    async def plans(self, ids: Collection[int]) -> list[Plan]:
        """Those of these plans that there are, in no order."""
        found = []
        for part in _parts(list(ids)):
            rows = await self._database.points(_PLANS.format(placeholders(len(part))), *part)
            found += [_plan(row[0]) for row in rows]
        return found

    async def delegation(self, plan_id: int) -> Delegation | None:
        """Whom a plan is delegated to; None if there is no such plan."""
        row = await self._database.point(_DELEGATION, plan_id)
        if not row:
            return None
        rows = await self._database.points(_DELEGATES, plan_id)
        granted, withheld = [id_ for id_, is_ in rows if is_], [id_ for id_, is_ in rows if not is_]
        return Delegation(None if row[0] else granted, withheld)

    async def rates(
        self, ids: Collection[str], currency: str, version: int | None = None
    ) -> dict[str, ProductRates]:  # fmt: skip
        """What products cost in a currency, by their ids; those that have no prices in it are left out."""
        found = {}
        for id_ in ids:
            if version is not None and (known := self._rates.get(version, (id_, currency))):
                found[id_] = known
        for part in _parts(_numbers([id_ for id_ in ids if id_ not in found])):
            sql = _RATES.format(placeholders(len(part)))
            for number, document in await self._database.points(sql, currency, *part):
                found[str(number)] = rates = _rates(document)
                if version is not None:
                    self._rates.put(version, (str(number), currency), rates, len(document))
        return found

    async def _some_products(self, version: int | None, sql: str, value: int | str) -> list[CatalogueProduct]:
        """The products that a statement gives, of which there are few."""
        if version is not None and (known := self._products.get(version, value)):
            return known
        documents = [row[0] for row in await self._database.points(sql, value)]
        found = [_product(document) for document in documents]
        if version is not None and found:
            self._products.put(version, value, found, sum(map(len, documents)))
        return found


def try_lock_catalogue() -> Write[bool]:
    """Let no other transaction write the catalogue, or what is derived of it, until this one ends; False if one does.

    Nothing else is locked before.
    """
    row = yield from fetch_row("{try_lock_catalogue}")
    return bool(row and row[0])


def _numbers(ids: Collection[str]) -> list[int]:
    return [number for number in map(account_number, ids) if number]


def _parts(some: Sequence[T]) -> list[Sequence[T]]:
    return [some[first : first + _AT_A_TIME] for first in range(0, len(some), _AT_A_TIME)]
