"""Reads of a few rows by their key, which both stores do in the same way."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from emporion.events import Event
from emporion.store import rows, statements
from emporion.store.base import AdministratorLogin, Platform, Record, SubscriptionKey, User


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
        return Platform(row[0], bool(row[1])) if row else None

    async def is_within(self, reseller_id: int, root_id: int) -> bool:
        return await self._row(statements.IS_WITHIN, reseller_id, root_id) is not None

    async def user(self, login: str) -> User | None:
        row = await self._row(statements.USER + self._login_is, login)
        return User(*row) if row else None

    async def key(self, digest: bytes) -> SubscriptionKey | None:
        row = await self._row(statements.KEY, digest)
        return SubscriptionKey(*row) if row else None

    async def owner(self, customer_id: int) -> int | None:
        row = await self._row(statements.OWNER, customer_id)
        return row[0] if row else None

    async def customer(self, reseller_id: int, customer_id: int) -> Record | None:
        row = await self._row(statements.CUSTOMER, reseller_id, customer_id)
        return Record(reseller_id, customer_id, *row) if row else None

    async def logins(self, reseller_id: int, customer_id: int) -> list[AdministratorLogin]:
        found = await self._rows(statements.LOGINS, reseller_id, customer_id)
        return [AdministratorLogin(*row) for row in found]

    async def events(self, reseller_id: int, after: int, limit: int) -> list[Event]:
        return [rows.event(*row) for row in await self._rows(statements.EVENTS, reseller_id, after, limit)]
