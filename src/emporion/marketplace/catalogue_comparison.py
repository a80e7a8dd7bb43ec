"""What is kept of the catalogue beside what a file says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from emporion.catalogue.definitions import (
    DefinedPlan,
    ItemDefinition,
    PlanDefinition,
    ServiceDefinition,
    VendorDefinition,
)
from emporion.catalogue.differences import Difference, changes_between
from emporion.catalogue.written import item_form, plan_form, service_form, vendor_form
from emporion.marketplace.catalogue_content import CatalogueContent
from emporion.store.catalogue_files import CatalogueFileStore, KeptItem, KeptPart, KeptPlan, in_parts

# How many plans that have left the file are looked at in one go.
PLANS_AT_A_TIME = 100

decode_vendor = msgspec.json.Decoder(VendorDefinition).decode
decode_service = msgspec.json.Decoder(ServiceDefinition).decode
decode_plan = msgspec.json.Decoder(PlanDefinition).decode
decode_item = msgspec.json.Decoder(ItemDefinition).decode
encode = msgspec.json.Encoder().encode


class ComparedPlan(NamedTuple):
    """A plan of a file, and what is kept of it. items: by their MPNs."""

    position: int
    defined: DefinedPlan
    kept: KeptPlan | None
    items: Mapping[str, KeptItem]

    @property
    def is_back(self) -> bool:
        """Whether it had left the file."""
        return self.kept is not None and has_left(self.kept)


async def compared_plans(content: CatalogueContent, store: CatalogueFileStore) -> AsyncIterator[list[ComparedPlan]]:
    """The plans of a file beside what is kept of them, some at a time, in the order of the file."""
    for batch in content.batches():
        kept = await store.plans([defined.plan.key for _, defined in batch])
        items: defaultdict[int, dict[str, KeptItem]] = defaultdict(dict)
        for item in await store.items([plan.id for plan in kept.values()]):
            items[item.plan_id][item.mpn] = item
        yield [
            ComparedPlan(position, defined, plan, items[plan.id] if plan else {})
            for position, defined in batch
            for plan in [kept.get(defined.plan.key)]
        ]


async def left_plans(content: CatalogueContent, store: CatalogueFileStore) -> AsyncIterator[list[KeptPlan]]:
    """The plans that are kept and not in a file, those apart that are retired; some at a time."""
    ids = [id_ for id_, key, state in await store.plan_keys() if state != "retired" and key not in content]
    for part in in_parts(ids, PLANS_AT_A_TIME):
        yield await store.plans_by_id(part)


def has_left(plan: KeptPlan) -> bool:
    """Whether a plan has left the file; one that the file itself calls retired is as if it had not."""
    return plan.state == "retired" and decode_plan(plan.definition).state != "retired"


def part_differences(content: CatalogueContent, kept: Sequence[KeptPart]) -> Iterator[Difference]:
    """What differs in vendors and services."""
    there = {(part.kind, part.key): part for part in kept}
    for vendor in content.vendors.values():
        part = there.pop(("vendor", vendor.key), None)
        if not part or part.is_retired:
            yield Difference(kind="vendor", key=vendor.key, what="back" if part else "new", name=vendor.name)
        elif changes := changes_between(vendor_form(decode_vendor(part.definition)), vendor_form(vendor), "name"):
            yield Difference(kind="vendor", key=vendor.key, what="changed", changes=changes)
    for service in content.services.values():
        part = there.pop(("service", service.key), None)
        if not part or part.is_retired:
            yield Difference(kind="service", key=service.key, what="back" if part else "new")
        elif changes := changes_between(service_form(decode_service(part.definition)), service_form(service)):
            yield Difference(kind="service", key=service.key, what="changed", changes=changes)
    for part in there.values():
        if not part.is_retired:
            yield Difference(kind="vendor" if part.kind == "vendor" else "service", key=part.key, what="retired")


def plan_differences(compared: ComparedPlan) -> Iterator[Difference]:
    """What differs in a plan and its items."""
    plan = compared.defined.plan
    if not compared.kept or compared.is_back:
        count = len(compared.defined.items)
        yield Difference(
            kind="plan", key=plan.key, what="back" if compared.kept else "new", name=plan.name, items=count
        )
        if not compared.kept:
            return
    if compared.kept and compared.kept.definition != encode(plan):
        before = decode_plan(compared.kept.definition)
        if before != plan and (changes := changes_between(plan_form(before), plan_form(plan))):
            yield Difference(kind="plan", key=plan.key, what="changed", changes=changes)
    for item in compared.defined.items:
        kept = compared.items.get(item.mpn)
        if not kept or kept.is_retired:
            yield Difference(kind="item", key=plan.key, what="back" if kept else "new", mpn=item.mpn, name=item.name)
        elif changes := changes_of_item(kept, item):
            yield Difference(kind="item", key=plan.key, what="changed", mpn=item.mpn, changes=changes)
    for kept in left_items(compared):
        yield Difference(kind="item", key=plan.key, what="retired", mpn=kept.mpn)


def changes_of_item(kept: KeptItem, item: ItemDefinition) -> dict[str, tuple[object, object]]:
    """What differs between an item as it is kept and as a file has it."""
    if kept.definition == encode(item):
        return {}
    before = decode_item(kept.definition)
    return {} if before == item else changes_between(item_form(before, short=False), item_form(item, short=False))


def left_items(compared: ComparedPlan) -> list[KeptItem]:
    """The items that are kept, are not retired, and are not in the file."""
    there = {item.mpn for item in compared.defined.items}
    return [kept for mpn, kept in compared.items.items() if not kept.is_retired and mpn not in there]
