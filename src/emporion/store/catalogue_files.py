"""The catalogue as files are compared with it and applied to it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeVar

from emporion.errors import Code, Problem
from emporion.store.accounts import take_ids
from emporion.store.catalogue import CATALOGUE_VERSION, try_lock_catalogue
from emporion.store.database import Row, execute, execute_many, fetch_row, placeholders
from emporion.store.events import append
from emporion.store.relisting import relist

if TYPE_CHECKING:
    from emporion.events import NewEvent
    from emporion.store.database import Database, Rows, Write

T = TypeVar("T")

# How many keys or ids one statement asks for, and how many ids one transaction takes.
_AT_A_TIME = 500
_IDS_AT_A_TIME = 5000
# Clients read plan ids as numbers of 31 bits (contract: planSwitches[].planId).
LARGEST_PLAN_ID = 2**31 - 1

_PARTS = "SELECT kind, key, is_retired, definition FROM catalogue_parts ORDER BY position, key"
_PLAN_COLUMNS = "SELECT id, key, state, position, definition, document FROM plans"
_BY_KEY = f"{_PLAN_COLUMNS} WHERE key IN {{}}"
_BY_ID = f"{_PLAN_COLUMNS} WHERE id IN {{}} ORDER BY position, id"
_KEYS = "SELECT id, key, state FROM plans ORDER BY position, id"
_ITEMS = (
    "SELECT plan_id, mpn, is_retired, definition FROM plan_items WHERE plan_id IN {} ORDER BY plan_id, position, mpn"
)
_PRODUCTS = "SELECT id, plan_id, mpn, period, state, document FROM products WHERE plan_id IN {}"
_RATES = "SELECT product_id, currency, document FROM product_rates WHERE product_id IN {}"
# Only what no apply has used.
_DROP_ID = """
    DELETE FROM accounts WHERE id = ? AND kind IN ('plan', 'product')
        AND NOT EXISTS (SELECT 1 FROM plans p WHERE p.id = accounts.id)
        AND NOT EXISTS (SELECT 1 FROM products p WHERE p.id = accounts.id)
"""
_ADD_VERSION = "INSERT INTO catalogue (version, applied_at) VALUES (?, ?)"


def _upsert(table: str, key: Sequence[str], columns: Sequence[str]) -> str:
    names = [*key, *columns]
    return f"""
        INSERT INTO {table} ({", ".join(names)}) VALUES ({", ".join("?" * len(names))})
        ON CONFLICT ({", ".join(key)}) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in columns)}
    """  # noqa: S608 - put together from what stands here


WriteKind = Literal["part", "plan", "no_delegation", "delegation", "item", "product", "no_rate", "rate"]
_WRITES: dict[WriteKind, str] = {
    "part": _upsert("catalogue_parts", ("kind", "key"), ("position", "is_retired", "definition")),
    "plan": _upsert("plans", ("id",), ("key", "state", "is_for_all", "position", "definition", "document")),
    "no_delegation": "DELETE FROM plan_delegations WHERE plan_id = ?",
    "delegation": "INSERT INTO plan_delegations (plan_id, reseller_id, granted) VALUES (?, ?, ?)",
    "item": _upsert("plan_items", ("plan_id", "mpn"), ("position", "is_retired", "definition")),
    "product": _upsert(
        "products",
        ("id",),
        ("plan_id", "mpn", "period", "state", "vendor_folded", "service_folded", "name_folded", "document"),
    ),
    "no_rate": "DELETE FROM product_rates WHERE product_id = ? AND currency = ?",
    "rate": _upsert("product_rates", ("product_id", "currency"), ("document",)),
}


class CatalogueRows(NamedTuple):
    """Rows to be written, of one kind. Values are in the order of the columns."""

    kind: WriteKind
    rows: Sequence[Row]


class KeptPart(NamedTuple):
    """A vendor or service."""

    kind: str
    key: str
    is_retired: bool
    definition: bytes


class KeptPlan(NamedTuple):
    """A plan."""

    id: int
    key: str
    state: str
    position: int
    definition: bytes
    document: bytes


class KeptItem(NamedTuple):
    """An item of a plan."""

    plan_id: int
    mpn: str
    is_retired: bool
    definition: bytes


class KeptProduct(NamedTuple):
    """A product."""

    id: int
    plan_id: int
    mpn: str
    period: str
    state: str
    document: bytes


class NewCatalogue(NamedTuple):
    """What is to be written. version: the one from which it was computed. batches: gives all rows, each time anew.

    plan_ids: the plans of which anything changes.
    """

    version: int
    batches: Callable[[], Iterable[CatalogueRows]]
    plan_ids: Collection[int]
    event: NewEvent


class CatalogueFileStore:
    """The catalogue by the keys of the file."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def parts(self) -> list[KeptPart]:
        """All vendors and services, by their places in the file."""
        return [KeptPart(kind, key, bool(is_), text) for kind, key, is_, text in await self._database.rows(_PARTS)]

    async def plans(self, keys: Collection[str]) -> dict[str, KeptPlan]:
        """Those of these plans that there are, by their keys."""
        return {row[1]: KeptPlan(*row) for row in await self._some(_BY_KEY, keys)}

    async def plan_keys(self) -> list[tuple[int, str, str]]:
        """The id, key and state of each plan, by their places in the file."""
        return [(id_, key, state) for id_, key, state in await self._database.rows(_KEYS)]

    async def plans_by_id(self, ids: Collection[int]) -> list[KeptPlan]:
        """Those of up to some hundred plans that there are, by their places in the file."""
        return [KeptPlan(*row) for row in await self._some(_BY_ID, ids)]

    async def items(self, plan_ids: Collection[int]) -> list[KeptItem]:
        """The items of plans, by plan and by their places in the file."""
        return [KeptItem(id_, mpn, bool(is_), text) for id_, mpn, is_, text in await self._some(_ITEMS, plan_ids)]

    async def products(self, plan_ids: Collection[int]) -> list[KeptProduct]:
        """The products of plans."""
        return [KeptProduct(*row) for row in await self._some(_PRODUCTS, plan_ids)]

    async def rates(self, product_ids: Collection[int]) -> dict[tuple[int, str], bytes]:
        """What products cost, as it is kept, by product and currency."""
        return {(id_, currency): document for id_, currency, document in await self._some(_RATES, product_ids)}

    async def take_ids(self, kind: Literal["plan", "product"], reseller_id: int, count: int) -> list[int]:
        """So many new ids, which increase. Raises Problem (CONFLICT) if no plan can have one of them."""
        taken: list[int] = []
        while len(taken) < count:
            taken += await self._database.write(take_ids, kind, reseller_id, min(count - len(taken), _IDS_AT_A_TIME))
        if kind == "plan" and taken and taken[-1] > LARGEST_PLAN_ID:
            await self.drop_ids(taken)
            raise Problem(
                Code.CONFLICT,
                f"Ids have come to {taken[-1]:,}, and a plan's must not be above {LARGEST_PLAN_ID:,}: this platform "
                "can have no more plans.",
            )
        return taken

    async def drop_ids(self, ids: Sequence[int]) -> None:
        """Give back ids that were taken and not used."""
        await self._database.write(lambda: execute_many(_DROP_ID, [(id_,) for id_ in ids]))

    async def apply(self, new: NewCatalogue) -> int | None:
        """Write a new catalogue, all of it or nothing; its version.

        Returns None if the catalogue was changed since `new` was computed. Raises Problem (CONFLICT) while another
        apply is being written.
        """
        return await self._database.write(_apply, new)

    async def _some(self, sql: str, keys: Collection[str] | Collection[int]) -> Rows:
        found: list[Row] = []
        for part in in_parts(keys, _AT_A_TIME):
            found += await self._database.rows(sql.format(placeholders(len(part))), *part)
        return found


def in_parts(some: Iterable[T], size: int) -> Iterator[list[T]]:
    """The same in lists of up to `size`."""
    rest = iter(some)
    while part := list(islice(rest, size)):
        yield part


def _apply(new: NewCatalogue) -> Write[int | None]:
    if not (yield from try_lock_catalogue()):
        raise Problem(
            Code.CONFLICT,
            "Another catalogue is being applied at this moment. Wait until that is done, and see what differs then.",
        )
    row = yield from fetch_row(CATALOGUE_VERSION)
    if not row or row[0] != new.version:
        return None
    for kind, rows in new.batches():
        yield from execute_many(_WRITES[kind], rows)
    yield from relist(new.plan_ids)
    yield from execute(_ADD_VERSION, new.version + 1, new.event.at)
    yield from append(new.event)
    return new.version + 1
