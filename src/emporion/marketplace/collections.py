"""Collections (`emporion.store.collections`) for those who may: found, listed, created and changed in one way.

What a noun has of its own, such as who may create one and what a change must fulfil, is in a file of its own, which
calls this.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Collection as Several
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, cast

import msgspec
from msgspec import to_builtins

from emporion.accounts.documents import diff, merge_patch
from emporion.errors import not_found, raise_invalid
from emporion.events import Changes, EventType, NewEvent, Subject
from emporion.marketplace.customers import ListPage
from emporion.marketplace.patches import ATTEMPTS, cannot_be_cleared, check_expected, too_busy
from emporion.paging import LARGEST_PAGE, Pagination
from emporion.validation import read

if TYPE_CHECKING:
    from emporion.marketplace.actors import Actor
    from emporion.store.collections import Collection, CollectionStore, Item
    from emporion.store.idempotency import IdempotentRequest

T = TypeVar("T", bound=msgspec.Struct)
N = TypeVar("N", bound=msgspec.Struct)


class PageQuery(Protocol):
    """The query of a list; its other members are the filters."""

    @property
    def offset(self) -> int:
        """How many entries to pass over."""

    @property
    def limit(self) -> int:
        """How many entries to give."""


class CollectionService(Generic[T]):
    """The documents of a collection. clock: seconds since 1970."""

    def __init__(self, store: CollectionStore[T], collection: Collection[T], clock: Callable[[], float]) -> None:
        self._store = store
        self._collection = collection
        self._clock = clock

    async def get(self, actor: Actor, id_: str) -> Item:
        """The document. Raises Problem (NOT_FOUND) if the actor reaches no such one."""
        item = await self._store.get(actor.account_id, id_)
        if not item:
            raise not_found(f"there is no {self._collection.noun} {id_}")
        return item

    async def page(self, actor: Actor, query: PageQuery) -> ListPage:
        """The documents of the actor's account and of all below it, newest first."""
        conditions = self._collection.conditions(cast("msgspec.Struct", query))
        limit = min(query.limit, LARGEST_PAGE)
        listing = await self._store.page(actor.account_id, conditions, query.offset, limit)
        return ListPage(msgspec.Raw(listing.data), Pagination(query.offset, limit, listing.total))

    async def create(
        self, actor: Actor, reseller_id: int, document: T, id_: str, once: IdempotentRequest | None
    ) -> Item:
        """Add a document to a reseller that the actor reaches.

        id_: the document's. once: what makes it be done once, however often it is asked for. Raises Problem as
        `CollectionStore.add` does.
        """
        event = self._event(actor, reseller_id, id_, "created", diff({}, self._shown(document)))
        return await self._store.add(reseller_id, document, self.subject(id_), event, once)

    async def update(
        self, actor: Actor, id_: str, change: Callable[[T], T], expected: Several[int] | None = None
    ) -> Item:
        """Change a document; what it is afterwards.

        change: gives the new document; called again where another change came between. expected: the versions in one of
        which it must be, if not any. Raises Problem (NOT_FOUND) if the actor reaches no such one, (PRECONDITION_FAILED)
        if it is in another version, what `change` raises, and as `CollectionStore.update` does.
        """
        for _ in range(ATTEMPTS):
            item = await self.get(actor, id_)
            check_expected(item.version, expected, self._collection.noun)
            before = self._collection.decode(item.document)
            after = change(before)
            if before == after:
                return item
            changes = diff(self._shown(before), self._shown(after))
            event = self._event(actor, item.reseller_id, id_, "updated", changes)
            if changed := await self._store.update(item, after, event):
                return changed
        raise too_busy(self._collection.noun)

    async def patch(
        self,
        actor: Actor,
        id_: str,
        patch: dict[str, Any],
        new: type[N],
        change: Callable[[T, N], T],
        expected: Several[int] | None = None,
    ) -> Item:
        """Change a document by a JSON Merge Patch (RFC 7396); what it is afterwards.

        new: what a client sends for a new one, whose rules the result must fulfil. change: gives the new document.
        Raises as `update` does, and Problem (INVALID) with every fault of the result.
        """

        def patched(before: T) -> T:
            wanted, faults = read(new, merge_patch(to_builtins(before), patch))
            if faults:
                raise_invalid([cannot_be_cleared(fault, patch) for fault in faults])
            return change(before, wanted)

        return await self.update(actor, id_, patched, expected)

    def subject(self, id_: str) -> Subject:
        """What events about a document are about."""
        return Subject(self._collection.noun, id_)

    def _shown(self, document: T) -> dict[str, object]:
        shown: dict[str, object] = to_builtins(self._collection.shown(document))
        return shown

    def _event(self, actor: Actor, reseller_id: int, id_: str, what: str, changes: Changes) -> NewEvent:
        noun = self._collection.noun
        type_ = cast("EventType", f"{noun}.{what}")
        at, about = int(self._clock() * 1000), f"{noun} {id_}"
        return NewEvent(reseller_id, reseller_id, type_, at, actor.origin(), changes, about, self.subject(id_))
