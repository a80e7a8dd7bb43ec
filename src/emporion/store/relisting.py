"""How plans and products come into the lists in which resellers see them (`product_lists.py`)."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec

from emporion.catalogue.kept import Delegation
from emporion.store.database import execute, execute_many, fetch, fetch_row, placeholders

if TYPE_CHECKING:
    from emporion.store.database import Write

T = TypeVar("T")

# Members of a part of a list, and bytes of it.
PART_NUMBERS = 1 << 16
PART_BYTES = PART_NUMBERS // 8
# How many plans, products or numbers one statement is about.
PLANS_AT_ONCE, AT_ONCE = 20, 500
# Parts of lists that are changed in memory before they are written.
MOST_CHANGED = 1000

RULES = "SELECT id, rule FROM delegations ORDER BY id"
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
_PRODUCT_IDS = "SELECT id FROM products WHERE plan_id IN {}"
_CURRENCIES = "SELECT product_id, currency FROM product_rates WHERE product_id IN {} ORDER BY product_id, currency"
_NUMBERED = "SELECT id FROM listings WHERE id IN {}"
_LISTINGS = "SELECT id, number, name_folded, lists FROM listings WHERE id IN {}"
_ADD = "INSERT INTO listings (number, id, name_folded, lists) VALUES (?, ?, ?, ?)"
_UPDATE = "UPDATE listings SET name_folded = ?, lists = ? WHERE number = ?"
_PART = "SELECT bits FROM listing_bits WHERE list = ? AND part = ?"
_PUT_PART = """
    INSERT INTO listing_bits (list, part, bits) VALUES (?, ?, ?)
    ON CONFLICT (list, part) DO UPDATE SET bits = excluded.bits
"""

_encode = msgspec.json.Encoder(order="deterministic").encode
_lists = msgspec.json.Decoder(list[str]).decode


class _Entry(NamedTuple):
    """A plan or product, and the lists in which it belongs, as they are kept."""

    id: int
    name: str
    lists: str


def relist(plan_ids: Collection[int]) -> Write[None]:
    """Put plans, and all their products, into the lists in which they belong now.

    Part of each write that changes a plan: what it is, whom it is delegated to, its items, or what they cost. That is
    written before. It goes in steps, since a hundred thousand products may have changed.
    """
    row = yield from fetch_row(_LOCK)
    assert row
    last = row[0]
    groups = list(in_groups(sorted(set(plan_ids)), PLANS_AT_ONCE))
    fresh = array("q")
    for plans in groups:
        fresh.extend((yield from _without_number(plans)))
    # So that the newest of all come last.
    numbered = array("q", sorted(fresh))
    if numbered:
        yield from execute(_COUNT, last + len(numbered))
    rules = {rule: id_ for id_, rule in (yield from fetch(RULES))}
    members = _Members()
    for plans in groups:
        for entries in in_groups((yield from _entries(plans, rules)), AT_ONCE):
            yield from _put(entries, numbered, last + 1, members)
            yield from members.write()
    yield from members.write(all_of_them=True)


def _without_number(plan_ids: Sequence[int]) -> Write[list[int]]:
    """The ids of those of these plans and their products that have no number."""
    products = yield from fetch(_PRODUCT_IDS.format(placeholders(len(plan_ids))), *plan_ids)
    found: list[int] = []
    for some in in_groups([*plan_ids, *(row[0] for row in products)], AT_ONCE):
        known = {row[0] for row in (yield from fetch(_NUMBERED.format(placeholders(len(some))), *some))}
        found += [id_ for id_ in some if id_ not in known]
    return found


def _put(entries: Sequence[_Entry], numbered: array[int], first: int, members: _Members) -> Write[None]:
    """Write entries as they are now. numbered: the ids of those that are new, whose numbers begin with `first`."""
    rows = yield from fetch(_LISTINGS.format(placeholders(len(entries))), *(entry.id for entry in entries))
    known = {id_: (number, name, lists) for id_, number, name, lists in rows}
    added, updated = [], []
    for entry in entries:
        if entry.id not in known:
            number = first + bisect_left(numbered, entry.id)
            added.append((number, entry.id, entry.name, entry.lists))
            yield from members.note(number, entry.lists, "[]")
        elif (before := known[entry.id])[1:] != (entry.name, entry.lists):
            updated.append((entry.name, entry.lists, before[0]))
            yield from members.note(before[0], entry.lists, before[2])
    yield from execute_many(_ADD, added)
    yield from execute_many(_UPDATE, updated)


def _entries(plan_ids: Sequence[int], rules: dict[str, int]) -> Write[list[_Entry]]:
    """Plans and their products as they are now. rules: the ways of delegation; those that are new are added."""
    here = placeholders(len(plan_ids))
    plans = yield from fetch(_PLANS.format(here), *plan_ids)
    delegates = yield from fetch(_DELEGATES.format(here), *plan_ids)
    products = yield from fetch(_PRODUCTS.format(here), *plan_ids)
    currencies: defaultdict[int, list[str]] = defaultdict(list)
    # By their ids: of tables that have just been filled PostgreSQL does not know how to join them.
    for some in in_groups([row[0] for row in products], AT_ONCE):
        for product_id, currency in (yield from fetch(_CURRENCIES.format(placeholders(len(some))), *some)):
            currencies[product_id].append(currency)
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
        sold_in = currencies[id_] if state == "published" and plan_id in delegations else ()
        of_plans[plan_id].update(sold_in)
        entries.append(_Entry(id_, name, _lists_of(vendor, service, tuple(sold_in), delegations.get(plan_id))))
    for plan_id, _, _ in plans:
        lists = [f"plan/{currency}/{delegations[plan_id]}" for currency in sorted(of_plans[plan_id])]
        entries.append(_Entry(plan_id, "", _encode(lists).decode()))
    return entries


@lru_cache(1024)
def _lists_of(vendor: str, service: str, currencies: tuple[str, ...], delegation: int | None) -> str:
    """The lists of a product, as they are kept."""
    lists = {f"vendor/{vendor}", f"service/{service}", *(f"product/{one}/{delegation}" for one in currencies)}
    return _encode(sorted(lists)).decode()


@lru_cache(1024)
def _that_differ(lists: str, before: str) -> tuple[tuple[str, bool], ...]:
    """The lists that something came into, and those that it has left."""
    now = frozenset(_lists(lists))
    return tuple((list_, list_ in now) for list_ in now ^ frozenset(_lists(before)))


class _Members:
    """Parts of lists that are being changed."""

    def __init__(self) -> None:
        self._parts: dict[tuple[str, int], bytearray] = {}

    def note(self, number: int, lists: str, before: str) -> Write[None]:
        """Note where a number comes in or goes out."""
        part, at, mask = number // PART_NUMBERS, (number % PART_NUMBERS) >> 3, 1 << (number & 7)
        for list_, is_member in _that_differ(lists, before):
            bits = self._parts.get((list_, part))
            if bits is None:
                found = yield from fetch_row(_PART, list_, part)
                bits = bytearray((found[0] if found else b"").ljust(PART_BYTES, b"\0"))
                self._parts[list_, part] = bits
            bits[at] = bits[at] | mask if is_member else bits[at] & ~mask

    def write(self, *, all_of_them: bool = False) -> Write[None]:
        """Write what was noted, where there is much of it or in any case."""
        if len(self._parts) > MOST_CHANGED or all_of_them:
            for (list_, part), bits in sorted(self._parts.items()):
                yield from execute(_PUT_PART, list_, part, bytes(bits.rstrip(b"\0")))
            self._parts.clear()


def in_groups(some: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """The same in parts of up to `size`."""
    for first in range(0, len(some), size):
        yield some[first : first + size]
