"""The rows that bring the catalogue to what a file says: those that differ, and no others."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec
from msgspec import structs

from emporion.accounts.folding import fold
from emporion.catalogue.definitions import ItemDefinition, ServiceDefinition, is_sold_for, period_text
from emporion.catalogue.plans import Plan
from emporion.catalogue.products import CatalogueProduct
from emporion.catalogue.rendered import RenderedProduct, rendered_item, rendered_plan
from emporion.marketplace.catalogue_comparison import (
    ComparedPlan,
    changes_of_item,
    compared_plans,
    decode_plan,
    decode_service,
    decode_vendor,
    encode,
    left_items,
    left_plans,
)
from emporion.marketplace.catalogue_content import CatalogueContent, RowSpool
from emporion.store.catalogue_files import CatalogueFileStore, CatalogueRows, KeptPlan, KeptProduct, WriteKind
from emporion.store.database import Row

# What is kept of a plan's products, by their MPNs and periods; and what a product is called on the whole platform.
Kept = dict[tuple[str, str], KeptProduct]
Name = tuple[str, str, str]

_decode_plan = msgspec.json.Decoder(Plan).decode
_decode_product = msgspec.json.Decoder(CatalogueProduct).decode


class _Change(NamedTuple):
    """A plan as it is to be. items: those whose products may differ. is_written: whether the plan itself differs."""

    compared: ComparedPlan
    plan: Plan
    service: ServiceDefinition
    items: list[ItemDefinition]
    is_written: bool


class CatalogueChanges:
    """Finds out what is to be written, and puts it into `rows`.

    plan_ids: the plans of which anything is written. taken: ids that were taken on the way. products: how many are new.
    """

    def __init__(self, content: CatalogueContent, store: CatalogueFileStore, provider_id: int, rows: RowSpool) -> None:
        self._content = content
        self._store = store
        self._provider_id = provider_id
        self._rows = rows
        self._plan_ids: dict[str, int] = {}
        # Products on which those of other plans depend, by plan, MPN and period.
        self._needed: dict[Name, int] = {}
        self.plan_ids: set[int] = set()
        self.taken: list[int] = []
        self.products = 0

    async def find(self) -> None:
        """Compare all of the file with all that is kept."""
        await self._find_parts()
        await self._name_plans()
        await self._name_needed_products()
        async for batch in compared_plans(self._content, self._store):
            await self._find_in(batch)
        async for left in left_plans(self._content, self._store):
            products = await self._products_of([plan.id for plan in left])
            for plan in left:
                self._retire_plan(plan, products[plan.id])

    async def _find_parts(self) -> None:
        there = {(part.kind, part.key): part for part in await self._store.parts()}
        rows = []
        for kind, some, decode in (
            ("vendor", self._content.vendors, decode_vendor),
            ("service", self._content.services, decode_service),
        ):
            for position, (key, definition) in enumerate(some.items()):
                part = there.pop((kind, key), None)
                if not part or part.is_retired or decode(part.definition) != definition:
                    rows.append((kind, key, position, 0, encode(definition)))
        last = len(rows)
        rows += [(part.kind, part.key, last, 1, part.definition) for part in there.values() if not part.is_retired]
        self._rows.add(CatalogueRows("part", rows))

    async def _name_plans(self) -> None:
        """Give each plan of the file its id."""
        kept = {key: id_ for id_, key, _ in await self._store.plan_keys()}
        new = [key for key in self._content.keys if key not in kept]
        ids = await self._store.take_ids("plan", self._provider_id, len(new))
        self.taken += ids
        self._plan_ids = {**kept, **dict(zip(new, ids, strict=True))}

    async def _name_needed_products(self) -> None:
        """Give those products their ids on which others depend, wherever they stand in the file."""
        wanted: defaultdict[str, set[str]] = defaultdict(set)
        for reference in self._content.references.between_plans:
            if reference.mpn is not None:
                wanted[reference.target].add(reference.mpn)
        for key, mpns in wanted.items():
            defined = self._content.plan(key)
            kept = (await self._products_of([self._plan_ids[key]]))[self._plan_ids[key]]
            names = [
                (item.mpn, period_text(period))
                for item in defined.items
                for period in defined.plan.periods
                if item.mpn in mpns and is_sold_for(item, period_text(period))
            ]
            new = iter(await self._take(len([name for name in names if name not in kept])))
            for mpn, period in names:
                product = kept.get((mpn, period))
                self._needed[key, mpn, period] = product.id if product else next(new)

    async def _find_in(self, batch: Sequence[ComparedPlan]) -> None:
        """What is to be written of some plans."""
        changes = [change for compared in batch if (change := self._change(compared))]
        kept = await self._products_of([change.compared.kept.id for change in changes if change.compared.kept])
        wanted = [
            (change.plan.key, item.mpn, period)
            for change in changes
            for item in change.items
            for period in map(period_text, change.plan.subscription_periods)
            if is_sold_for(item, period)
        ]
        ids = dict(self._needed)
        ids |= {
            (change.plan.key, mpn, period): product.id
            for change in changes
            for (mpn, period), product in kept[change.plan.id].items()
        }
        new = [name for name in wanted if name not in ids]
        ids |= zip(new, await self._take(len(new)), strict=True)
        written = [product.id for change in changes for product in kept[change.plan.id].values()]
        rates = await self._store.rates(written)
        for change in changes:
            self._write(change, kept[change.plan.id], ids, rates)
            await asyncio.sleep(0)  # a server has other requests to answer

    def _change(self, compared: ComparedPlan) -> _Change | None:
        """A plan as it is to be, and what is to be written of it; None if it is so already."""
        service = self._content.services[compared.defined.plan.service]
        plan = rendered_plan(compared.defined, service, self._plan_ids)
        kept = compared.kept
        is_new = kept is None or kept.document != encode(plan)
        is_written = is_new or (kept is not None and decode_plan(kept.definition) != compared.defined.plan)
        items = [item for item in compared.defined.items if is_new or _differs(compared, item)]
        if not (is_written or items or left_items(compared)):
            return None
        return _Change(compared, plan, service, items, is_written)

    def _write(self, change: _Change, kept: Kept, ids: dict[Name, int], rates: dict[tuple[int, str], bytes]) -> None:
        """Note the rows of a plan."""
        compared, plan, service, items, is_written = change
        self.plan_ids.add(plan.id)
        if is_written:
            self._write_plan(compared, plan)
        definitions = [
            (plan.id, item.mpn, position, 0, encode(item))
            for position, item in enumerate(compared.defined.items)
            if _differs(compared, item)
        ]
        gone = left_items(compared)
        definitions += [(plan.id, item.mpn, len(compared.defined.items), 1, item.definition) for item in gone]
        self._add("item", definitions)

        def find(key: str, mpn: str, period: str | None) -> str:
            if period is not None:
                return str(ids[key, mpn, period])
            periods = self._content.references.plans[key]
            return str(next(ids[key, mpn, one] for one in periods if (key, mpn, one) in ids))

        there = {
            (rendered.product.mpn, period_text(rendered.product.subscription_period)): rendered
            for item in items
            for rendered in rendered_item(item, compared.defined.plan, service, self._plan_ids, find)
        }
        self.products += len(there.keys() - kept.keys())
        self._add("product", [row for name, one in there.items() if (row := _product_row(name, one, kept.get(name)))])
        self._write_rates(there.values(), rates)
        touched = {item.mpn for item in items} | {item.mpn for item in gone}
        self._retire([one for name, one in kept.items() if name[0] in touched and name not in there])

    def _write_plan(self, compared: ComparedPlan, plan: Plan) -> None:
        definition = compared.defined.plan
        delegation = definition.delegation
        is_for_all = int(delegation.resellers is None)
        row = (plan.id, plan.key, plan.state, is_for_all, compared.position, encode(definition), encode(plan))
        self._add("plan", [row])
        self._add("no_delegation", [(plan.id,)])
        self._add("delegation", [(plan.id, id_, 1) for id_ in delegation.resellers or ()])
        self._add("delegation", [(plan.id, id_, 0) for id_ in delegation.withheld])

    def _write_rates(self, rendered: Iterable[RenderedProduct], rates: dict[tuple[int, str], bytes]) -> None:
        """Note what products cost from now on, where that differs."""
        new = {
            (int(one.product.id), currency): encode(price) for one in rendered for currency, price in one.rates.items()
        }
        written = {id_ for id_, _ in new}
        self._add("no_rate", [key for key in rates if key[0] in written and key not in new])
        self._add("rate", [(*key, document) for key, document in new.items() if rates.get(key) != document])

    def _retire(self, products: Iterable[KeptProduct]) -> None:
        """Note that products are sold no more."""
        rows = []
        for kept in products:
            if kept.state != "retired":
                product = structs.replace(_decode_product(kept.document), state="retired")
                rows.append(_row(product, kept.period))
        self._add("product", rows)

    def _retire_plan(self, kept: KeptPlan, products: Kept) -> None:
        """Note that a plan has left the file."""
        plan = structs.replace(_decode_plan(kept.document), state="retired")
        is_for_all = int(decode_plan(kept.definition).delegation.resellers is None)
        row = (plan.id, plan.key, plan.state, is_for_all, kept.position, kept.definition, encode(plan))
        self._add("plan", [row])
        self.plan_ids.add(plan.id)
        self._retire(products.values())

    def _add(self, kind: WriteKind, rows: Sequence[Row]) -> None:
        self._rows.add(CatalogueRows(kind, rows))

    async def _products_of(self, plan_ids: Sequence[int]) -> defaultdict[int, Kept]:
        """What is kept of the products of plans, by their MPNs and periods."""
        found: defaultdict[int, Kept] = defaultdict(dict)
        for product in await self._store.products(plan_ids):
            found[product.plan_id][product.mpn, product.period] = product
        return found

    async def _take(self, count: int) -> list[int]:
        ids = await self._store.take_ids("product", self._provider_id, count)
        self.taken += ids
        return ids


def _differs(compared: ComparedPlan, item: ItemDefinition) -> bool:
    kept = compared.items.get(item.mpn)
    return kept is None or kept.is_retired or bool(changes_of_item(kept, item))


def _product_row(name: tuple[str, str], rendered: RenderedProduct, kept: KeptProduct | None) -> Row | None:
    """The row of a product; None if it is so already."""
    row = _row(rendered.product, name[1])
    return None if kept and kept.document == row[-1] else row


def _row(product: CatalogueProduct, period: str) -> Row:
    folded = (product.vendor.casefold(), product.service_name.casefold(), fold(product.name))
    return (int(product.id), product.plan_id, product.mpn, period, product.state, *folded, encode(product))
