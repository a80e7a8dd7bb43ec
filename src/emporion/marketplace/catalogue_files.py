"""The catalogue's file: what it would change, applied in one step, and written anew."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emporion.catalogue.differences import AppliedCatalogue, Difference
    from emporion.marketplace.actors import Actor
    from emporion.marketplace.catalogue_content import CatalogueContent
    from emporion.marketplace.catalogue_work import CatalogueWork
    from emporion.store.base import Store


class CatalogueFiles:
    """Files of the catalogue, for the operator. clock: seconds since 1970.

    All methods raise AccessDenied (FORBIDDEN) for others than the operator.
    """

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock

    async def version(self) -> int:
        """How often a catalogue was applied: 0 where none was."""
        return await self._store.catalogue.version()

    async def check(self, actor: Actor, content: CatalogueContent) -> None:
        """Add the faults to a file that only this platform can find: resellers that there are not."""
        await self._work.check(actor, content)

    def differences(self, actor: Actor, content: CatalogueContent) -> AsyncIterator[Difference]:
        """What applying a file would change, in the order of the file; then what has left it."""
        return self._work.differences(actor, content)

    async def apply(self, actor: Actor, content: CatalogueContent, seen: int | None = None) -> AppliedCatalogue:
        """Make the catalogue what a file says, in one step: all of it counts at once, or nothing.

        seen: the version with which the file was compared, where a person has looked at what differs. Where nothing
        differs nothing is written. Raises Problem (INVALID) if the file has a fault, (CONFLICT) if another operator
        applies a file meanwhile, or has done so since that version.
        """
        return await self._work.apply(actor, content, seen)

    def export(self, actor: Actor) -> AsyncIterator[bytes]:
        """A file that applies as no change: all that has not been retired."""
        return self._work.export(actor)

    @cached_property
    def _work(self) -> CatalogueWork:
        # It brings YAML, which takes longer to load than most commands take.
        from emporion.marketplace.catalogue_work import CatalogueWork

        return CatalogueWork(self._store, self._clock)
