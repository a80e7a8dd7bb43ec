"""Exports: the customers of a reseller and of all below it as a file."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

import msgspec

from emporion.accounts.folding import fold
from emporion.accounts.ids import account_number
from emporion.accounts.queries import CustomerQuery
from emporion.customer_files.export_columns import ExportColumns, customer_cells
from emporion.emails import fold_email
from emporion.errors import not_found
from emporion.files.csv_writer import csv_header, csv_line
from emporion.files.rows import Format
from emporion.marketplace.actors import Actor, check_reach
from emporion.marketplace.customers import filter_of
from emporion.store.customers import SMALL_PAGE
from emporion.store.faults import temporary_files
from emporion.store.records import Filter

if TYPE_CHECKING:
    from emporion.store.customers import CustomerStore
    from emporion.store.resellers import ResellerStore

# How many customers are read at a time, and the bytes of a piece of the file.
AT_ONCE = 64
PIECE = 64 << 10
# Bytes that wait in memory while it is found out which columns there are; more of them wait in a file without a name.
IN_MEMORY = 1 << 20

decode = msgspec.json.Decoder(dict[str, Any]).decode


class Exports:
    """Exports for an actor who reaches some resellers."""

    def __init__(self, store: CustomerStore, resellers: ResellerStore) -> None:
        self._store = store
        self._resellers = resellers

    async def count(self, actor: Actor, reseller_id: int | None = None) -> int:
        """How many customers an export of all has now. Raises Problem (NOT_FOUND) as `export` does."""
        root = await self._root(actor, reseller_id, CustomerQuery())
        return (await self._store.page(root, Filter(), 0, 1, whole=False)).total

    async def export(
        self,
        actor: Actor,
        reseller_id: int | None,
        format: Format,  # noqa: A002 - as people call it
        wanted: CustomerQuery | None = None,
        tell: Callable[[int], None] = lambda _: None,
    ) -> AsyncIterator[bytes]:
        """The customers as a file, in pieces: reseller by reseller, and oldest first.

        reseller_id: with all below it; None for the one of `wanted`, or else the actor's account. wanted: its filters
        count, not its page. tell: gets how many more customers were read. Raises Problem (NOT_FOUND) if the actor does
        not reach the reseller.
        """
        asked = wanted or CustomerQuery()
        root = await self._root(actor, reseller_id, asked)
        documents = self._documents(root, filter_of(asked), tell)
        piece = bytearray()
        async for line in documents if format == "jsonl" else _as_csv(documents):
            piece += line
            if len(piece) >= PIECE:
                yield bytes(piece)
                piece.clear()
        yield bytes(piece)

    async def _root(self, actor: Actor, reseller_id: int | None, wanted: CustomerQuery) -> int:
        root = actor.account_id if reseller_id is None else reseller_id
        if reseller_id is None and wanted.reseller_id is not None:
            number = account_number(wanted.reseller_id)
            if number is None:
                raise not_found("there is no such reseller")
            root = number
        await check_reach(self._resellers, actor, root)
        return root

    async def _documents(self, root: int, wanted: Filter, tell: Callable[[int], None]) -> AsyncIterator[bytes]:
        """The documents, a line each."""
        for reseller_id in await reseller_ids(self._resellers, root):
            after = 0
            while page := await self._store.scan(reseller_id, after, AT_ONCE):
                after = page[-1].ordinal
                tell(len(page))
                for _, document, *_ in page:
                    if wanted == Filter() or _is_wanted(decode(document), wanted):
                        yield document + b"\n"


async def reseller_ids(resellers: ResellerStore, root: int) -> list[int]:
    """The reseller and all below it, by id."""
    found: set[int] = set()
    offset, total = 0, 1
    while offset < total:
        # One that is added meanwhile moves the others on, so that some come twice.
        listing = await resellers.page(root, Filter(), offset, SMALL_PAGE)
        found |= {int(reseller["id"]) for reseller in msgspec.json.decode(listing.data)}
        offset, total = offset + SMALL_PAGE, listing.total
    return sorted(found)


async def _as_csv(documents: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Customers as CSV, with the columns that they need: what they are is known when all have been read."""
    columns = ExportColumns()
    with temporary_files(), tempfile.SpooledTemporaryFile(IN_MEMORY) as waiting:
        async for line in documents:
            columns.add(decode(line))
            waiting.write(line)
        headers = columns.headers()
        yield csv_header(headers)
        waiting.seek(0)
        for line in waiting:
            yield csv_line(customer_cells(decode(line), headers))


def _is_wanted(customer: dict[str, Any], wanted: Filter) -> bool:
    """Whether it passes the filters, as lists apply them."""
    emails = {fold_email(person["email"]) for person in customer["contactPersons"]}
    return (
        (wanted.name is None or wanted.name in fold(customer["name"]))
        and (wanted.email is None or wanted.email in emails)
        and (wanted.external_id is None or wanted.external_id == customer.get("externalId"))
        and (wanted.status is None or wanted.status == customer["status"])
    )
