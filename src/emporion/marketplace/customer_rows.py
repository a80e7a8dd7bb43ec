"""Customers from the rows of a file: found by their external id or the id that they were exported with, and written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from emporion.accounts.customers import Customer, NewCustomer
from emporion.accounts.documents import merge_patch
from emporion.accounts.ids import account_number
from emporion.accounts.statuses import check_status_change
from emporion.customer_files.columns import member_path
from emporion.customer_files.rows import CustomerRow, customer_reader
from emporion.emails import fold_email
from emporion.files.rows import Format, RowReader
from emporion.marketplace.actors import Actor
from emporion.marketplace.import_rows import Outcome
from emporion.marketplace.patches import patched
from emporion.store.idempotency import IdempotentRequest
from emporion.store.imports import Import
from emporion.store.records import Filter, Record
from emporion.validation import read

if TYPE_CHECKING:
    from emporion.marketplace.administrators import Administrators
    from emporion.marketplace.customers import Customers
    from emporion.store.base import Store

decode = msgspec.json.Decoder(Customer).decode


class CustomerRows:
    """See `RowImporter`."""

    noun = "customer"

    def __init__(self, store: Store, customers: Customers, administrators: Administrators) -> None:
        self._store = store
        self._customers = customers
        self._administrators = administrators

    def reader(self, format: Format) -> RowReader[CustomerRow]:  # noqa: A002 - as people call it
        """See `RowImporter.reader`."""
        return customer_reader(format)

    def key_header(self, headers: Sequence[str]) -> str:
        """See `RowImporter.key_header`."""
        return next((header for header in headers if member_path(header) == "externalId"), "externalId")

    async def newest(self, reseller_id: int) -> int:
        """See `RowImporter.newest`."""
        listing = await self._store.customers.page(reseller_id, Filter(), 0, 1, whole=False)
        newest = msgspec.json.decode(listing.data, type=list[dict[str, str]])
        return int(newest[0]["id"]) if newest else 0

    async def find(self, imported: Import, rows: Sequence[CustomerRow]) -> dict[int, Record]:
        """See `RowImporter.find`."""
        wanted = sorted({row.key for row in rows if row.key is not None and not row.faults})
        holders = await self._store.customers.by_external_ids(imported.reseller_id, wanted) if wanted else {}
        found = {}
        for row in rows:
            if row.key is not None:
                record = holders.get(row.key)
            else:
                record = await self._exported(imported, row)
            if record:
                found[row.line] = record
        return found

    async def _exported(self, imported: Import, row: CustomerRow) -> Record | None:
        """The customer that a row without an external id was exported from.

        It was there before the import began, is of this reseller, and has the same name or an address in common: the
        same id on another platform is another customer's.
        """
        id_, reseller_id = row.exported_ids
        number = account_number(id_) if id_ else None
        if number is None or number > imported.newest or reseller_id not in (None, str(imported.reseller_id)):
            return None
        record = await self._store.customers.get(imported.reseller_id, number)
        if record is None:
            return None
        customer, new = decode(record.document), row.new()
        persons = new.get("contactPersons")
        sent = [str(person.get("email")) for person in persons or () if isinstance(person, dict)]
        known = {fold_email(person.email) for person in customer.contact_persons}
        same = new.get("name") == customer.name or not known.isdisjoint(map(fold_email, sent))
        return record if same else None

    def check(self, actor: Actor, row: CustomerRow, found: Record | None) -> None:
        """See `RowImporter.check`."""
        if found is None:
            wanted, faults = read(NewCustomer, row.new())
            self._administrators.check(wanted, faults)
            return
        patch = _patch(row, found)
        if patch is None:
            return
        before = decode(found.document)
        wanted, status, faults = patched(before, patch, NewCustomer)
        self._administrators.check(wanted, faults)
        check_status_change(before.status, status or before.status, operator=actor.is_operator)

    async def write(
        self, actor: Actor, imported: Import, row: CustomerRow, found: Record | None, once: IdempotentRequest | None
    ) -> Outcome:
        """See `RowImporter.write`."""
        if found is None:
            record = await self._customers.create(actor, row.new(), imported.reseller_id, once)
            return "unchanged" if record.replayed else "created"
        patch = _patch(row, found)
        if patch is None:
            return "unchanged"
        persons = range(len(decode(found.document).contact_persons)) if row.numbered_persons else None
        stays = None if persons is None else {position: position for position in persons}
        record = await self._customers.update(actor, str(found.id), patch, stays=stays)
        return "unchanged" if record.version == found.version else "changed"


def _patch(row: CustomerRow, found: Record) -> dict[str, Any] | None:
    """The change that a row asks for, None if the customer is as it says."""
    before = msgspec.json.decode(found.document)
    patch = row.patch(before)
    # It was verified since the row was written.
    if patch.get("status") == "pending" and before["status"] == "active":
        del patch["status"]
    return None if merge_patch(before, patch) == before else patch
