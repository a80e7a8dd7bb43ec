"""The promises that every store keeps. `tests/store/` holds each of them against each store.

For all methods:
- A write is one transaction that holds the row, its event and its counters. When it returns, the write is on disk;
  when it raises, nothing of it is left. One write's conflict never fails another's.
- `Problem(UNAVAILABLE)` is raised when the database cannot be reached or written in time. Then nothing was written;
  only where the connection broke after a write was sent nobody can know, as with any database over a network.
- Every method that reads or writes what belongs to a reseller is told which one, and sees nothing else.
- Times are milliseconds since 1970 in UTC, handed in by the caller. Ids are whole numbers of at most 63 bits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from emporion.accounts import Customer
    from emporion.events import Event, EventType, Origin
    from emporion.store.tables import Part, Row, Table


# The most bytes that a page of whole customers has, and the longest page that cannot have more.
LARGEST_PAGE = 32 << 20
SMALL_PAGE = 64


class Platform(Struct, frozen=True):
    """What holds for the whole platform. signing_key: for tokens. sandbox: its credentials are public."""

    signing_key: bytes
    sandbox: bool


class NewReseller(Struct, frozen=True):
    """A reseller to be added under `parent_id`, None for the provider. id: None lets the store choose the next."""

    name: str
    parent_id: int | None
    id: int | None = None


class User(Struct, frozen=True):
    """An API user. Its login is unique on the whole platform, whatever its case."""

    login: str
    reseller_id: int
    marketplace: str
    password_hash: str


class SubscriptionKey(Struct, frozen=True):
    """A subscription key. api_version: the contract version it is pinned to, if any."""

    digest: bytes
    reseller_id: int
    api_version: str | None = None


class AdministratorLogin(Struct, frozen=True):
    """What an administrator signs in with. position: of the contact person within the customer, from 0."""

    position: int
    login: str
    password_hash: str | None


class NewRecord(Struct, frozen=True):
    """A customer to be added. Its `customer.id` is not read: the store gives it."""

    reseller_id: int
    customer: Customer
    logins: Sequence[AdministratorLogin]
    origin: Origin
    at: int


class Record(Struct, frozen=True):
    """A customer as it is kept. version: 1, then one more with each change. document: its public JSON."""

    reseller_id: int
    id: int
    version: int
    document: bytes


class Change(Struct, frozen=True):
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
    changes: dict[str, tuple[object, object]]
    origin: Origin
    at: int


class Filter(Struct, frozen=True):
    """Which customers of a list are wanted; filters combine with and.

    name: folded, is part of the folded name. email: folded, is that of a contact person. external_id: is equal.
    """

    name: str | None = None
    email: str | None = None
    external_id: str | None = None


class Listing(Struct, frozen=True):
    """A part of a list and the size of the whole. data: a JSON array of documents, newest first."""

    data: bytes
    total: int


class Store(Protocol):
    """A platform's memory."""

    async def migrate(self) -> list[str]:
        """Bring the schema up to date, before `open`; what was done, in words.

        However many start at once, each migration runs once and whole. Raises Problem (UNAVAILABLE) if the database
        cannot be reached or was made by a newer Emporion.
        """

    async def open(self) -> None:
        """Make ready. Raises Problem (UNAVAILABLE) if there is no database or its schema is not up to date."""

    async def close(self) -> None:
        """Finish the writes under way, then let go of everything. May be called twice."""

    # The platform

    async def found(
        self,
        platform: Platform,
        provider: NewReseller,
        reseller: NewReseller,
        user: User,
        key: SubscriptionKey,
    ) -> None:
        """Make the platform with its first accounts, all or nothing.

        Raises Problem (CONFLICT) if there is one already.
        """

    async def platform(self) -> Platform | None:
        """The platform, or None before it was founded."""

    # Resellers and their credentials

    async def add_reseller(self, reseller: NewReseller) -> int:
        """Add a reseller and give its id. Raises Problem (NOT_FOUND) if there is no such parent."""

    async def is_within(self, reseller_id: int, root_id: int) -> bool:
        """Whether the reseller is `root_id` or stands below it, at any depth."""

    async def add_user(self, user: User) -> None:
        """Add an API user. Raises Problem (CONFLICT) if the login is taken."""

    async def user(self, login: str) -> User | None:
        """The API user with this login, whatever its case; never a customer's administrator."""

    async def add_key(self, key: SubscriptionKey) -> None:
        """Add a subscription key."""

    async def key(self, digest: bytes) -> SubscriptionKey | None:
        """The subscription key with this digest."""

    # Customers

    async def add_customer(self, new: NewRecord) -> Record:
        """Add a customer under the next id and the reseller's next ordinal.

        Ids increase on the whole platform, from 1000001 on a new one. Ordinals are 1, 2, 3… within the reseller,
        without gaps, in the order of ids. Raises Problem (CONFLICT) with a fault for each that is taken: at
        `externalId`, whose message gives the id of the customer that has it, and at `contactPersons[N].login`.
        """

    async def change_customer(self, change: Change) -> Record | None:
        """Put a customer into its new state; its record, or None if it has moved on from its version.

        Raises Problem (CONFLICT) as `add_customer` does; then nothing has changed.
        """

    async def verify(self, limit: int, verified: Callable[[Record], Change]) -> int:
        """Put up to `limit` pending customers of the whole platform into the state that `verified` gives for each.

        The oldest come first, and no two callers get the same customer at a time. How many there were; those of a
        reseller whose writes must wait are left for later.
        """

    async def waiting(self) -> int:
        """How many customers of the whole platform are pending."""

    async def owner(self, customer_id: int) -> int | None:
        """The reseller that the customer belongs to."""

    async def document(self, reseller_id: int, customer_id: int) -> bytes | None:
        """The public JSON of the reseller's customer."""

    async def customer(self, reseller_id: int, customer_id: int) -> Record | None:
        """The reseller's customer."""

    async def logins(self, reseller_id: int, customer_id: int) -> list[AdministratorLogin]:
        """The logins of the customer's administrators, by position."""

    async def customers(self, root_id: int, wanted: Filter, offset: int, limit: int, *, whole: bool) -> Listing:
        """The customers of the reseller `root_id` and of all below it: `limit` of them after `offset`.

        Newest first, which is by descending id. The total is exact and belongs to the same moment as the items.
        whole: items are whole documents, else summaries (id, externalId, name, status). Raises Problem (INVALID) at
        `limit` if they have more than LARGEST_PAGE bytes.
        """

    # Events

    async def events(self, reseller_id: int, after: int, limit: int) -> list[Event]:
        """The reseller's events with a sequence above `after`, in order."""

    # Copies

    async def count(self, table: Table) -> int:
        """How many rows the table has."""

    async def dump(self, table: Table, after: str | None, limit: int) -> Part:
        """Up to `limit` rows of a table, in an order of the store's own, that come after a part that ended there.

        A table that is not long is given whole.
        """

    async def load(self, table: Table, rows: Sequence[Row], after: str, count: int) -> None:
        """Put in rows that another store has dumped, and note in the same transaction how far it has come.

        after, count: what `copied` is to give for this table from now on.
        """

    async def copied(self) -> dict[str, tuple[str, int]]:
        """How far an unfinished copy into this store has come, by the tables' names."""
