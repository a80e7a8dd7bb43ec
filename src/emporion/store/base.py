"""A platform's memory, by noun. `tests/store/` holds each promise of each noun against each store.

For all methods:
- A write is one transaction that holds the row, its event and its counters. When it returns, the write is on disk;
  when it raises, nothing of it is left. One write's conflict never fails another's.
- `Problem(UNAVAILABLE)` is raised when the database cannot be reached or written in time. Then nothing was written;
  only where the connection broke after a write was sent this cannot be known, as with any database over a network.
- Every method that reads or writes what belongs to a reseller is told which one, and sees nothing else.
- Times are milliseconds since 1970 in UTC, handed in by the caller. Ids are whole numbers of at most 63 bits.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from emporion.store.administrators import AdministratorStore, LinkStore
from emporion.store.catalogue import CatalogueStore
from emporion.store.catalogue_files import CatalogueFileStore
from emporion.store.clients import ClientStore
from emporion.store.idempotency import IdempotencyStore
from emporion.store.imports import ImportStore
from emporion.store.login_failures import LoginFailureStore
from emporion.store.orders import ORDERS, OrderStore
from emporion.store.platform import PlatformStore
from emporion.store.prices import PriceStore
from emporion.store.product_lists import ProductListStore
from emporion.store.reports import REPORTS, ReportStore
from emporion.store.sales import SalesStore
from emporion.store.sessions import SessionStore
from emporion.store.signing_keys import SigningKeyStore
from emporion.store.subscription_keys import SubscriptionKeyStore
from emporion.store.subscriptions import SUBSCRIPTIONS, SubscriptionStore
from emporion.store.usage import UsageStore
from emporion.store.users import UserStore

if TYPE_CHECKING:
    from emporion.store.copying import CopyStore
    from emporion.store.customers import CustomerStore
    from emporion.store.database import Database
    from emporion.store.events import EventStore
    from emporion.store.resellers import ResellerStore


class Store(ABC):
    """The stores of all nouns over one database."""

    def __init__(
        self,
        database: Database,
        *,
        customers: CustomerStore,
        resellers: ResellerStore,
        events: EventStore,
        copies: CopyStore,
    ) -> None:
        """customers, resellers, events, copies: what the databases do each in its own way."""
        self.customers = customers
        self.resellers = resellers
        self.events = events
        self.copies = copies
        self.platform = PlatformStore(database)
        self.signing_keys = SigningKeyStore(database)
        self.users = UserStore(database)
        self.subscription_keys = SubscriptionKeyStore(database)
        self.clients = ClientStore(database)
        self.login_failures = LoginFailureStore(database)
        self.sessions = SessionStore(database)
        self.administrators = AdministratorStore(database)
        self.links = LinkStore(database)
        self.usage = UsageStore(database)
        self.idempotency = IdempotencyStore(database)
        self.imports = ImportStore(database)
        self.reports = ReportStore(database, REPORTS)
        self.catalogue = CatalogueStore(database)
        self.catalogue_files = CatalogueFileStore(database)
        self.prices = PriceStore(database)
        self.product_lists = ProductListStore(database)
        self.orders = OrderStore(database, ORDERS)
        self.sales = SalesStore(database)
        self.subscriptions = SubscriptionStore(database, SUBSCRIPTIONS)

    @abstractmethod
    async def migrate(self) -> list[str]:
        """Bring the schema up to date, before `open`; what was done, in words.

        However many start at once, each migration runs once and whole. Raises Problem (UNAVAILABLE) if the database
        cannot be reached or was made by a newer Emporion.
        """

    @abstractmethod
    async def open(self) -> None:
        """Make ready. Raises Problem (UNAVAILABLE) if there is no database or its schema is not up to date."""

    @abstractmethod
    def stop(self) -> None:
        """Refuse those whose long reads wait for their turn, since the server stops."""

    @abstractmethod
    async def close(self) -> None:
        """Finish the writes under way, then let go of everything. May be called twice."""
