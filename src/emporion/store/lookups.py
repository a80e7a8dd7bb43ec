"""Reads of a few rows by their key, which both stores do in the same way."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from emporion.credentials import SigningKey
from emporion.events import Event
from emporion.store import rows, statements
from emporion.store.base import AdministratorLogin, Client, Once, Platform, Record, SubscriptionKey, User


class Lookups(ABC):
    """See `emporion.store.base.Store` for what each method promises."""

    # The condition that a login is ?1, whatever its case: of the letters of ASCII, and a login has no others.
    _login_is: ClassVar[str]

    @abstractmethod
    async def _row(self, sql: str, *values: Any) -> Sequence[Any] | None:
        """The first row of one of `statements`. Raises Problem (UNAVAILABLE)."""

    @abstractmethod
    async def _rows(self, sql: str, *values: Any) -> Sequence[Sequence[Any]]:
        """All rows of one of `statements`, which must be few. Raises Problem (UNAVAILABLE)."""

    async def platform(self) -> Platform | None:
        row = await self._row(statements.PLATFORM)
        return Platform(bool(row[0])) if row else None

    async def signing_keys(self) -> list[SigningKey]:
        return [SigningKey(*row) for row in await self._rows(statements.SIGNING_KEYS)]

    async def is_within(self, reseller_id: int, root_id: int) -> bool:
        return await self._row(statements.IS_WITHIN, reseller_id, root_id) is not None

    async def is_shut(self, reseller_id: int) -> bool:
        row = await self._row(statements.SHUTS, reseller_id)
        return row is None or row[0] > 0

    async def reseller(self, reseller_id: int) -> Record | None:
        row = await self._row(statements.RESELLER, reseller_id)
        return Record(reseller_id, reseller_id, *row) if row else None

    async def waiting_resellers(self, limit: int) -> list[Record]:
        found = await self._rows(statements.WAITING_RESELLERS, limit)
        return [Record(reseller_id, reseller_id, *rest) for reseller_id, *rest in found]

    async def user(self, login: str) -> User | None:
        row = await self._row(statements.USER + self._login_is, login)
        return User(*row) if row else None

    async def users(self, reseller_id: int) -> list[User]:
        return [User(*row) for row in await self._rows(statements.USERS, reseller_id)]

    async def key(self, digest: bytes) -> SubscriptionKey | None:
        row = await self._row(statements.KEY, digest)
        return rows.key(*row) if row else None

    async def keys(self, reseller_id: int) -> list[SubscriptionKey]:
        return [rows.key(*row) for row in await self._rows(statements.KEYS, reseller_id)]

    async def client(self, realm: str, client_id: str) -> Client | None:
        row = await self._row(statements.CLIENT, realm, client_id)
        return Client(*row) if row else None

    async def clients(self, reseller_id: int) -> list[Client]:
        return [Client(*row) for row in await self._rows(statements.CLIENTS, reseller_id)]

    async def owner(self, customer_id: int) -> int | None:
        row = await self._row(statements.OWNER, customer_id)
        return row[0] if row else None

    async def customer(self, reseller_id: int, customer_id: int) -> Record | None:
        row = await self._row(statements.CUSTOMER, reseller_id, customer_id)
        return Record(reseller_id, customer_id, *row) if row else None

    async def logins(self, reseller_id: int, account_id: int) -> list[AdministratorLogin]:
        found = await self._rows(statements.LOGINS, reseller_id, account_id)
        return [AdministratorLogin(*row) for row in found]

    async def given(self, reseller_id: int, once: Once) -> Record | None:
        row = await self._row(statements.ANSWER, reseller_id, once.key, once.since)
        return rows.given(reseller_id, once, row)

    async def events(self, reseller_id: int, after: int, limit: int) -> list[Event]:
        return [rows.event(*row) for row in await self._rows(statements.EVENTS, reseller_id, after, limit)]

    async def account_events(self, reseller_id: int, account_id: int, after: int, limit: int) -> list[Event]:
        found = await self._rows(statements.ACCOUNT_EVENTS, reseller_id, account_id, after, limit)
        return [rows.event(*row) for row in found]

    async def feed_end(self) -> int:
        row = await self._row(statements.FEED_END)
        return int(row[0]) if row else 0
