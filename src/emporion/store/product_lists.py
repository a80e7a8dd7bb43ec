"""Which plans and products a reseller sees: any page of any list at one cost (docs/decisions/0033).

Every plan and product has a number; a list is a set of numbers, kept as bits and read once after each change. There is
one of the plans, and one of the products, for each currency and way of delegation, and one for each vendor and service.
What a reseller sees is made of those that concern it; what a filter leaves of that is another set.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from emporion.accounts.folding import fold
from emporion.accounts.ids import account_number
from emporion.catalogue.kept import Delegation
from emporion.store.bit_sets import BitSet
from emporion.store.collections import contains
from emporion.store.database import placeholders
from emporion.store.memory import VersionedMemory
from emporion.store.relisting import PART_BYTES, RULES, in_groups
from emporion.store.resellers import common_currency, currency_in

if TYPE_CHECKING:
    from emporion.store.database import Database

Listed = Literal["plan", "product"]

# How many bytes the sets that are remembered may have together.
MOST_BYTES = 64 << 20
# The same for numbers of products.
MOST_BYTES_OF_NUMBERS = 4 << 20
# An index of parts of names finds nothing shorter.
SHORTEST_PART = 3
# How many numbers one statement is about.
AT_ONCE = 500

_VERSION = "SELECT version FROM listing_state WHERE id = 1"
_BITS = "SELECT part, bits FROM listing_bits WHERE list IN {}"
_BY_NAME = "{numbers_by_name}"
_BY_PART = "SELECT r.number FROM listings r WHERE {}"
_BY_MPN = "SELECT l.number FROM products p JOIN listings l ON l.id = p.id WHERE p.mpn = ?"
_SELLER = """
    SELECT t.reseller_id, t.document, EXISTS (SELECT 1 FROM prices p WHERE p.reseller_id = t.reseller_id),
        (SELECT s.version FROM listing_state s WHERE s.id = 1)
    FROM reseller_accounts b JOIN reseller_accounts t ON b.first BETWEEN t.first AND t.last
    WHERE b.reseller_id = ? ORDER BY t.first
"""
_SOLD = """
    SELECT l.number, p.document, r.document
    FROM listings l JOIN products p ON p.id = l.id JOIN product_rates r ON r.product_id = p.id
    WHERE r.currency = ? AND l.number IN {}
"""
_PRODUCT = """
    SELECT l.number, p.document, r.document, n.document FROM listings l
    JOIN products p ON p.id = l.id JOIN product_rates r ON r.product_id = p.id JOIN plans n ON n.id = p.plan_id
    WHERE l.id = ? AND r.currency = ?
"""
_PLAN = "SELECT l.number, n.document FROM listings l JOIN plans n ON n.id = l.id WHERE l.id = ?"
_IDS = "SELECT number, id FROM listings WHERE number IN {}"
_NUMBERS = "SELECT number, id FROM listings WHERE id IN {}"

_rule = msgspec.json.Decoder(Delegation).decode


class ProductFilter(NamedTuple):
    """Which products are wanted, of those that a reseller sees; None for any. name: a part of it."""

    name: str | None = None
    service_name: str | None = None
    vendor: str | None = None
    mpn: str | None = None


class ListedPage(NamedTuple):
    """Ids of a part of a list, newest first, and how many the whole list has."""

    ids: list[int]
    total: int


class Seller(NamedTuple):
    """A reseller, or the provider, who sells.

    chain: the accounts from the provider down to it. currency: in which it sells, None where nothing is delegated to
    it. priced: those of the chain that have prices of their own. version: of the lists at that moment.
    """

    chain: list[int]
    currency: str | None
    priced: list[int]
    version: int


class SoldPage(NamedTuple):
    """Products of a part of a list, newest first, each with what it costs, as they are kept. total: of the list."""

    products: list[tuple[bytes, bytes]]
    total: int


class SoldProduct(NamedTuple):
    """A product, what it costs and its plan, as they are kept."""

    product: bytes
    rates: bytes
    plan: bytes


class _Seen(NamedTuple):
    """What a reseller sees. key: by which it is remembered. version: no later than that of the lists that were read."""

    members: BitSet
    key: tuple[object, ...]
    version: int


class ProductListStore:
    """The plans and products that resellers see.

    chain: in all methods the accounts from the provider to the reseller. currency: that in which it buys.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._version = -1
        self._rules: dict[int, Delegation] = {}
        self._sets: VersionedMemory[BitSet] = VersionedMemory(MOST_BYTES)
        # Of products, by their ids.
        self._numbers_of: VersionedMemory[int] = VersionedMemory(MOST_BYTES_OF_NUMBERS)

    async def seller(self, reseller_id: int) -> Seller:
        """What lists depend on; its chain is empty if there is no such reseller."""
        rows = await self._database.points(_SELLER, reseller_id)
        currencies = {row[0]: currency_in(row[1]) for row in rows}
        version = (rows[0][3] if rows else 0) or 0
        return Seller([*currencies], common_currency(currencies), [row[0] for row in rows if row[2]], version)

    async def sold(self, seller: Seller, wanted: ProductFilter, offset: int, limit: int) -> SoldPage:
        """The products that a seller sees: `limit` of them after `offset`, newest first. The total is exact."""
        if not seller.currency:
            return SoldPage([], 0)
        found = await self._found(seller.chain, seller.currency, wanted, seller.version)
        numbers = found.highest(offset, limit)
        documents: dict[int, tuple[bytes, bytes]] = {}
        for some in in_groups(numbers, AT_ONCE):
            rows = await self._database.points(_SOLD.format(placeholders(len(some))), seller.currency, *some)
            documents |= {number: (product, rates) for number, product, rates in rows}
        return SoldPage([documents[number] for number in numbers if number in documents], len(found))

    async def product(self, seller: Seller, product_id: str) -> SoldProduct | None:
        """A product, if the seller sees it."""
        id_ = account_number(product_id)
        if not seller.currency or id_ is None:
            return None
        seen = await self._seen("product", seller.chain, seller.currency, seller.version)
        row = await self._database.point(_PRODUCT, id_, seller.currency)
        return SoldProduct(*row[1:]) if row and row[0] in seen.members else None

    async def plan(self, seller: Seller, plan_id: str) -> bytes | None:
        """A plan as it is kept, if the seller sees it."""
        id_ = account_number(plan_id)
        if not seller.currency or id_ is None:
            return None
        seen = await self._seen("plan", seller.chain, seller.currency, seller.version)
        row = await self._database.point(_PLAN, id_)
        found: bytes | None = row[1] if row and row[0] in seen.members else None
        return found

    async def products(
        self, chain: Sequence[int], currency: str, wanted: ProductFilter, offset: int, limit: int
    ) -> ListedPage:
        """The products that a reseller sees: `limit` of them after `offset`, newest first. The total is exact."""
        return await self._page(await self._found(chain, currency, wanted), offset, limit)

    async def plans(self, chain: Sequence[int], currency: str, offset: int, limit: int) -> ListedPage:
        """The plans that a reseller sees, likewise."""
        return await self._page((await self._seen("plan", chain, currency)).members, offset, limit)

    async def among(self, seller: Seller, product_ids: Sequence[str]) -> set[str]:
        """Those of these products that a seller sees."""
        if not seller.currency:
            return set()
        seen = await self._seen("product", seller.chain, seller.currency, seller.version)
        ids = [id_ for id_ in map(account_number, product_ids) if id_]
        numbers = {id_: number for id_ in ids if (number := self._numbers_of.get(seen.version, id_)) is not None}
        for some in in_groups([id_ for id_ in ids if id_ not in numbers], AT_ONCE):
            for number, id_ in await self._database.points(_NUMBERS.format(placeholders(len(some))), *some):
                numbers[id_] = number
                self._numbers_of.put(seen.version, id_, number, 0)
        return {str(id_) for id_, number in numbers.items() if number in seen.members}

    async def _found(
        self, chain: Sequence[int], currency: str, wanted: ProductFilter, version: int | None = None
    ) -> BitSet:
        """The products that a reseller sees, of those that are wanted."""
        seen = await self._seen("product", chain, currency, version)
        if wanted == ProductFilter():
            return seen.members
        key = (*seen.key, wanted)
        found = self._sets.get(seen.version, key)
        if found is None:
            found = seen.members
            for members in await self._filters(chain[-1], wanted):
                found &= members
            self._sets.put(seen.version, key, found, found.size)
        return found

    async def _seen(self, what: Listed, chain: Sequence[int], currency: str, version: int | None = None) -> _Seen:
        """All that a reseller sees. version: of the lists now, if that is known."""
        await self._look(version)
        version, concerning = self._version, self._concerning(chain)
        key = (what, currency, concerning)
        found = self._sets.get(version, key)
        if found is None:
            found = await self._union([f"{what}/{currency}/{rule}" for rule in concerning])
            self._sets.put(version, key, found, found.size)
        return _Seen(found, key, version)

    async def _look(self, version: int | None) -> None:
        """Forget what was before a change."""
        if version is None:
            row = await self._database.row(_VERSION)
            version = row[0] if row else 0
        if version == self._version:
            return
        rules = {id_: _rule(rule) for id_, rule in await self._database.rows(RULES)}
        self._version, self._rules = version, rules

    def _concerning(self, chain: Sequence[int]) -> tuple[int, ...]:
        """The ways of delegation by which a reseller sees something."""
        return tuple(id_ for id_, rule in self._rules.items() if rule.is_to(chain))

    async def _union(self, lists: Sequence[str]) -> BitSet:
        """The members of any of the lists."""
        parts: defaultdict[int, int] = defaultdict(int)
        for some in in_groups(lists, AT_ONCE):
            for part, bits in await self._database.rows(_BITS.format(placeholders(len(some))), *some):
                parts[part] |= int.from_bytes(bits, "little")
        count = max(parts, default=-1) + 1
        return BitSet(b"".join(parts[part].to_bytes(PART_BYTES, "little") for part in range(count)).rstrip(b"\0"))

    async def _filters(self, asked: int, wanted: ProductFilter) -> list[BitSet]:
        """What each filter lets through, of all that there is. asked: the reseller."""
        found = []
        if wanted.vendor is not None:
            found.append(await self._union([f"vendor/{wanted.vendor.casefold()}"]))
        if wanted.service_name is not None:
            found.append(await self._union([f"service/{wanted.service_name.casefold()}"]))
        if wanted.mpn is not None:
            found.append(BitSet.of(row[0] for row in await self._database.rows(_BY_MPN, wanted.mpn)))
        name = "" if wanted.name is None else fold(wanted.name)
        if len(name) >= SHORTEST_PART:
            found.append(await self._numbers(asked, _BY_NAME, name))
        elif name:
            condition = contains("name_folded", name)
            found.append(await self._numbers(asked, _BY_PART.format(condition.sql), *condition.values))
        return found

    async def _numbers(self, asked: int, sql: str, *values: object) -> BitSet:
        """The numbers that a search gives, of which there may be hundreds of thousands."""
        rows = await self._database.long_rows(asked, sql, *values)
        return await asyncio.to_thread(lambda: BitSet.of(row[0] for row in rows))

    async def _page(self, members: BitSet, offset: int, limit: int) -> ListedPage:
        numbers = members.highest(offset, limit)
        ids: dict[int, int] = {}
        for some in in_groups(numbers, AT_ONCE):
            ids.update(await self._database.points(_IDS.format(placeholders(len(some))), *some))  # type: ignore[arg-type]
        return ListedPage([ids[number] for number in numbers], len(members))
