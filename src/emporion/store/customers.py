"""Customers: what each store promises of them. How they are written, and searched, differs between the databases."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from emporion.store.records import Filter, Record
from emporion.store.statements import BELOW

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from emporion.accounts.customers import Customer
    from emporion.accounts.statuses import Status
    from emporion.events import Changes, EventType, Origin
    from emporion.store.administrators import AdministratorLogin
    from emporion.store.database import Database
    from emporion.store.idempotency import IdempotentRequest
    from emporion.store.records import Listing

# The longest page without a filter that does not queue.
SHORT_PAGE = 20
# The most bytes that a page of whole customers has, and the longest page that cannot have more.
LARGEST_PAGE_BYTES = 32 << 20
SMALL_PAGE = 64


_BY_ID = "SELECT version, document FROM customers WHERE reseller_id = ? AND id = ?"
_OWNER = "SELECT reseller_id FROM accounts WHERE id = ? AND kind = 'customer'"
# Two walks: a reseller has more days than are asked for.
_COUNTS = f"""
    {BELOW}
    SELECT status, day, CAST(sum(customers) AS bigint) FROM (
        SELECT status, day, customers FROM below CROSS JOIN customer_counts
        WHERE reseller_id = below.id AND day = 0 AND status <> '' AND customers > 0
        UNION ALL
        SELECT status, day, customers FROM below CROSS JOIN customer_counts
        WHERE reseller_id = below.id AND day >= ? AND status = ''
    ) c
    GROUP BY status, day
"""  # noqa: S608 - put together from what stands here


class NewRecord(Struct, frozen=True):
    """A customer to be added. Its `customer.id` is not read: the store gives it. changes: as in `NewEvent`."""

    reseller_id: int
    customer: Customer
    logins: Sequence[AdministratorLogin]
    origin: Origin
    at: int
    once: IdempotentRequest | None = None
    changes: Changes = {}


class CustomerChange(Struct, frozen=True):
    """A customer's new state, which holds only if its version is still `version`.

    logins: all of the customer's logins from now on, or None where they stay.
    changes: as in `Event`.
    """

    reseller_id: int
    id: int
    version: int
    customer: Customer
    logins: Sequence[AdministratorLogin] | None
    event: EventType
    changes: Changes
    origin: Origin
    at: int


class VersionedDocument(Struct, frozen=True):
    """What is read most: an account's public JSON and its version."""

    document: bytes
    version: int


class ScannedCustomer(NamedTuple):
    """A customer as a scan meets it. created_at, updated_at: milliseconds since 1970."""

    ordinal: int
    document: bytes
    created_at: int
    updated_at: int


class CustomerCounts(Struct, frozen=True):
    """Customers in numbers. by_status: each status that occurs. by_day: how many were created on which day."""

    by_status: dict[Status, int]
    by_day: dict[int, int]


class CustomerStore(ABC):
    """Customers, as they are kept."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @abstractmethod
    async def add(self, new: NewRecord) -> Record:
        """Add a customer under the next id and the reseller's next ordinal.

        Ids increase on the whole platform, from 1000001 on a new one. Ordinals are 1, 2, 3… within the reseller,
        without gaps, in the order of ids. Raises Problem (CONFLICT) with a fault for each that is taken: at
        `externalId`, whose message gives the id of the customer that has it, and at `contactPersons[N].login`.
        Where a request with the same `new.once.key` was answered since `new.once.since`, that answer is given again
        and nothing is added; Problem (IDEMPOTENCY_KEY_REUSED) is raised if its fingerprint is another one.
        """

    @abstractmethod
    async def update(self, change: CustomerChange) -> Record | None:
        """Put a customer into its new state; its record, or None if it has moved on from its version.

        Raises Problem (CONFLICT) as `add` does; then nothing has changed.
        """

    @abstractmethod
    async def verify(self, limit: int, verified: Callable[[Record], CustomerChange]) -> int:
        """Put up to `limit` pending customers of the whole platform into the state that `verified` gives for each.

        The oldest come first, and no two callers get the same customer at a time. How many there were; those of a
        reseller whose writes must wait are left for later.
        """

    @abstractmethod
    async def count_pending(self) -> int:
        """How many customers of the whole platform are pending."""

    async def owner(self, customer_id: int) -> int | None:
        """The reseller that the customer belongs to."""
        row = await self._database.point(_OWNER, customer_id)
        return row[0] if row else None

    @abstractmethod
    async def document(self, reseller_id: int, customer_id: int) -> VersionedDocument | None:
        """The public JSON and the version of the reseller's customer."""

    async def get(self, reseller_id: int, customer_id: int) -> Record | None:
        """The reseller's customer."""
        row = await self._database.row(_BY_ID, reseller_id, customer_id)
        return Record(reseller_id, customer_id, *row) if row else None

    @abstractmethod
    async def page(self, root_id: int, wanted: Filter, offset: int, limit: int, *, whole: bool) -> Listing:
        """The customers of the reseller `root_id` and of all below it: `limit` of them after `offset`.

        Newest first, which is by descending id. The total is exact and belongs to the same moment as the items.
        whole: items are whole documents, else summaries (id, externalId, name, status). Raises Problem (INVALID) at
        `limit` if they have more than LARGEST_PAGE bytes.
        """

    async def named(self, root_id: int, name: str, limit: int) -> bytes:
        """A JSON array of up to `limit` customers of the reseller `root_id` and of all below it, newest first.

        They are summaries; of very many resellers they may be those of the newest. name: as in `Filter`, of
        three letters or more. A total would cost what all that fit cost.
        """
        return (await self.page(root_id, Filter(name=name), 0, limit, whole=False)).data

    @abstractmethod
    async def scan(self, reseller_id: int, after: int, limit: int) -> list[ScannedCustomer]:
        """Up to `limit` of the reseller's own customers with an ordinal above `after`, oldest first.

        A scan that goes on after the last ordinal meets each customer once, and misses none, while others are added.
        """

    @abstractmethod
    async def by_external_ids(self, reseller_id: int, external_ids: Sequence[str]) -> dict[str, Record]:
        """Those of the reseller's own customers that have one of the external ids, by these."""

    async def counts(self, root_id: int, since: int) -> CustomerCounts:
        """The customers of the reseller `root_id` and of all below it; by_day from the day `since` on.

        Exact, and costs no more with a million customers than with ten.
        """
        by_status, by_day = {}, {}
        for status, day, customers in await self._database.long_rows(root_id, _COUNTS, root_id, since):
            if status:
                by_status[status] = customers
            else:
                by_day[day] = customers
        return CustomerCounts(by_status, by_day)
