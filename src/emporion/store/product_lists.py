"""Which plans and products a reseller sees: any page of any list at one cost (docs/decisions/0033).

Every plan and product has a number; a list is a set of numbers, kept as bits and read once after each change. There is
one of the plans, and one of the products, for each currency and way of delegation, and one for each vendor and service.
What a reseller sees is made of those that concern it; what a filter leaves of that is another set.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeVar

import msgspec

from emporion.accounts.folding import fold
from emporion.accounts.ids import account_number
from emporion.catalogue.kept import Delegation
from emporion.store.bit_sets import BitSet
from emporion.store.collections import contains
from emporion.store.database import execute, execute_many, fetch, fetch_row, placeholders

if TYPE_CHECKING:
    from emporion.store.database import Database, Write

T = TypeVar("T")
Listed = Literal["plan", "product"]

# Members of a part of a list, and bytes of it.
PART_NUMBERS = 1 << 16
PART_BYTES = PART_NUMBERS // 8
# Sets that are remembered, and how many bytes they may have together.
MOST_SETS, MOST_BYTES = 1000, 64 << 20
# An index of parts of names finds nothing shorter.
SHORTEST_PART = 3
# How many plans, products or numbers one statement is about.
PLANS_AT_ONCE, AT_ONCE = 100, 500

_VERSION = "SELECT version FROM listing_state WHERE id = 1"
_RULES = "SELECT id, rule FROM delegations ORDER BY id"
_BITS = "SELECT part, bits FROM listing_bits WHERE list IN {}"
_BY_NAME = "{numbers_by_name}"
_BY_PART = "SELECT r.number FROM listings r WHERE {}"
_BY_MPN = "SELECT l.number FROM products p JOIN listings l ON l.id = p.id WHERE p.mpn = ?"
_IDS = "SELECT number, id FROM listings WHERE number IN {}"
_NUMBER = "SELECT number FROM listings WHERE id = ?"

_LOCK = """
    INSERT INTO listing_state AS s (id, version, numbers) VALUES (1, 1, 0)
    ON CONFLICT (id) DO UPDATE SET version = s.version + 1 RETURNING numbers
"""
_COUNT = "UPDATE listing_state SET numbers = ? WHERE id = 1"
_ADD_RULE = "INSERT INTO delegations (id, rule) VALUES (?, ?)"
_PLANS = "SELECT id, state, is_for_all FROM plans WHERE id IN {}"
_DELEGATES = "SELECT plan_id, reseller_id, granted FROM plan_delegations WHERE plan_id IN {} ORDER BY reseller_id"
_PRODUCTS = """
    SELECT id, plan_id, state, vendor_folded, service_folded, name_folded FROM products WHERE plan_id IN {}
"""
_CURRENCIES = """
    SELECT p.id, r.currency FROM products p JOIN product_rates r ON r.product_id = p.id WHERE p.plan_id IN {}
"""
_LISTINGS = "SELECT id, number, name_folded, lists FROM listings WHERE id IN {}"
_ADD = "INSERT INTO listings (number, id, name_folded, lists) VALUES (?, ?, ?, ?)"
_UPDATE = "UPDATE listings SET name_folded = ?, lists = ? WHERE number = ?"
_PART = "SELECT bits FROM listing_bits WHERE list = ? AND part = ?"
_PUT_PART = """
    INSERT INTO listing_bits (list, part, bits) VALUES (?, ?, ?)
    ON CONFLICT (list, part) DO UPDATE SET bits = excluded.bits
"""

_encode = msgspec.json.Encoder(order="deterministic").encode
_rule = msgspec.json.Decoder(Delegation).decode
_lists = msgspec.json.Decoder(list[str]).decode


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


class _Entry(NamedTuple):
    """A plan or product, and the lists in which it belongs."""

    id: int
    name: str
    lists: frozenset[str]


class ProductListStore:
    """The plans and products that resellers see.

    chain: in all methods the accounts from the provider to the reseller. currency: that in which it buys.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._version = -1
        self._rules: dict[int, Delegation] = {}
        self._sets: OrderedDict[object, BitSet] = OrderedDict()
        self._bytes = 0

    async def products(
        self, chain: Sequence[int], currency: str, wanted: ProductFilter, offset: int, limit: int
    ) -> ListedPage:
        """The products that a reseller sees: `limit` of them after `offset`, newest first. The total is exact."""
        seen = await self._seen("product", chain, currency)
        if wanted != ProductFilter():
            key = ("product", currency, self._concerning(chain), wanted)
            found = self._remembered(key)
            if found is None:
                version = self._version
                found = seen
                for members in await self._filters(chain[-1], wanted):
                    found &= members
                self._remember(key, found, version)
            seen = found
        return await self._page(seen, offset, limit)

    async def plans(self, chain: Sequence[int], currency: str, offset: int, limit: int) -> ListedPage:
        """The plans that a reseller sees, likewise."""
        return await self._page(await self._seen("plan", chain, currency), offset, limit)

    async def sees(self, what: Listed, chain: Sequence[int], currency: str, id_: int) -> bool:
        """Whether a reseller sees a plan or a product."""
        seen = await self._seen(what, chain, currency)
        row = await self._database.row(_NUMBER, id_)
        return bool(row and row[0] in seen)

    async def sells(self, chain: Sequence[int], currency: str, product_id: str) -> bool:
        """Whether a reseller sells a product."""
        number = account_number(product_id)
        return number is not None and await self.sees("product", chain, currency, number)

    async def _seen(self, what: Listed, chain: Sequence[int], currency: str) -> BitSet:
        """All that a reseller sees."""
        await self._look()
        concerning = self._concerning(chain)
        key = (what, currency, concerning)
        found = self._remembered(key)
        if found is None:
            version = self._version
            found = await self._union([f"{what}/{currency}/{rule}" for rule in concerning])
            self._remember(key, found, version)
        return found

    async def _look(self) -> None:
        """Forget what was before a change."""
        row = await self._database.row(_VERSION)
        version = row[0] if row else 0
        if version == self._version:
            return
        rules = {id_: _rule(rule) for id_, rule in await self._database.rows(_RULES)}
        self._version, self._rules = version, rules
        self._sets.clear()
        self._bytes = 0

    def _concerning(self, chain: Sequence[int]) -> tuple[int, ...]:
        """The ways of delegation by which a reseller sees something."""
        return tuple(id_ for id_, rule in self._rules.items() if rule.is_to(chain))

    def _remembered(self, key: object) -> BitSet | None:
        found = self._sets.get(key)
        if found is not None:
            self._sets.move_to_end(key)
        return found

    def _remember(self, key: object, members: BitSet, version: int) -> None:
        """Keep a set that was read while the lists had the version, unless they have changed."""
        if version != self._version or key in self._sets:
            return
        self._sets[key] = members
        self._bytes += members.size
        while len(self._sets) > MOST_SETS or self._bytes > MOST_BYTES:
            _, oldest = self._sets.popitem(last=False)
            self._bytes -= oldest.size

    async def _union(self, lists: Sequence[str]) -> BitSet:
        """The members of any of the lists."""
        parts: defaultdict[int, int] = defaultdict(int)
        for some in _groups(lists, AT_ONCE):
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
        for some in _groups(numbers, AT_ONCE):
            ids.update(await self._database.rows(_IDS.format(placeholders(len(some))), *some))  # type: ignore[arg-type]
        return ListedPage([ids[number] for number in numbers], len(members))


def relist(plan_ids: Collection[int]) -> Write[None]:
    """Put plans, and all their products, into the lists in which they belong now.

    Part of each write that changes a plan: what it is, whom it is delegated to, its items, or what they cost. That is
    written before.
    """
    row = yield from fetch_row(_LOCK)
    assert row
    wanted = list(_groups(sorted(set(plan_ids)), PLANS_AT_ONCE))
    rules = {rule: id_ for id_, rule in (yield from fetch(_RULES))}
    new: list[_Entry] = []
    changes: dict[tuple[str, int], dict[int, bool]] = {}
    for plans in wanted:
        entries = yield from _entries(plans, rules)
        known: dict[int, tuple[int, str, str]] = {}
        for some in _groups([entry.id for entry in entries], AT_ONCE):
            rows = yield from fetch(_LISTINGS.format(placeholders(len(some))), *some)
            known |= {id_: (number, name, lists) for id_, number, name, lists in rows}
        updates = []
        for entry in entries:
            if entry.id not in known:
                new.append(entry)
                continue
            number, name, before = known[entry.id]
            lists = _shown(entry)
            if (name, before) != (entry.name, lists):
                updates.append((entry.name, lists, number))
                _note(changes, number, entry.lists, frozenset(_lists(before)))
        yield from execute_many(_UPDATE, updates)
    # So that the newest of all come last.
    new.sort(key=lambda entry: entry.id)
    last = row[0]
    yield from execute_many(
        _ADD, [(number, entry.id, entry.name, _shown(entry)) for number, entry in enumerate(new, last + 1)]
    )
    for number, entry in enumerate(new, last + 1):
        _note(changes, number, entry.lists, frozenset())
    if new:
        yield from execute(_COUNT, last + len(new))
    for (list_, part), members in sorted(changes.items()):
        found = yield from fetch_row(_PART, list_, part)
        bits = bytearray((found[0] if found else b"").ljust(PART_BYTES, b"\0"))
        for number, is_member in members.items():
            mask = 1 << (number & 7)
            at = (number % PART_NUMBERS) >> 3
            bits[at] = bits[at] | mask if is_member else bits[at] & ~mask
        yield from execute(_PUT_PART, list_, part, bytes(bits.rstrip(b"\0")))


def _entries(plan_ids: Sequence[int], rules: dict[str, int]) -> Write[list[_Entry]]:
    """Plans and their products as they are now. rules: the ways of delegation; those that are new are added."""
    here = placeholders(len(plan_ids))
    plans = yield from fetch(_PLANS.format(here), *plan_ids)
    delegates = yield from fetch(_DELEGATES.format(here), *plan_ids)
    products = yield from fetch(_PRODUCTS.format(here), *plan_ids)
    currencies: defaultdict[int, set[str]] = defaultdict(set)
    for product_id, currency in (yield from fetch(_CURRENCIES.format(here), *plan_ids)):
        currencies[product_id].add(currency)
    delegations: dict[int, int] = {}
    added = []
    for plan_id, state, is_for_all in plans:
        if state == "published":
            of = [(id_, granted) for plan, id_, granted in delegates if plan == plan_id]
            rule = _encode(
                Delegation(
                    None if is_for_all else [id_ for id_, granted in of if granted],
                    [id_ for id_, granted in of if not granted],
                )
            ).decode()
            if rule not in rules:
                rules[rule] = max(rules.values(), default=0) + 1
                added.append((rules[rule], rule))
            delegations[plan_id] = rules[rule]
    yield from execute_many(_ADD_RULE, added)
    entries = []
    of_plans: defaultdict[int, set[str]] = defaultdict(set)
    for id_, plan_id, state, vendor, service, name in products:
        lists = {f"vendor/{vendor}", f"service/{service}"}
        if state == "published" and plan_id in delegations:
            of_plans[plan_id] |= currencies[id_]
            lists |= {f"product/{currency}/{delegations[plan_id]}" for currency in currencies[id_]}
        entries.append(_Entry(id_, name, frozenset(lists)))
    for plan_id, _, _ in plans:
        lists = {f"plan/{currency}/{delegations[plan_id]}" for currency in of_plans[plan_id]}
        entries.append(_Entry(plan_id, "", frozenset(lists)))
    return entries


def _note(
    changes: dict[tuple[str, int], dict[int, bool]], number: int, lists: Collection[str], before: Collection[str]
) -> None:
    """Note where a number comes in or goes out."""
    part = number // PART_NUMBERS
    for list_ in set(lists) ^ set(before):
        changes.setdefault((list_, part), {})[number] = list_ in lists


def _shown(entry: _Entry) -> str:
    return _encode(sorted(entry.lists)).decode()


def _groups(some: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for first in range(0, len(some), size):
        yield some[first : first + size]
