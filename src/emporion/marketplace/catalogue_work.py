"""What is done with the catalogue's file, for `catalogue_files.py`, which says what each of it promises."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

from msgspec import to_builtins

from emporion.catalogue.definitions import DefinedPlan
from emporion.catalogue.differences import AppliedCatalogue, Difference, Summary
from emporion.catalogue.written import entry, section, service_form, vendor_form, written_plan
from emporion.errors import AccessDenied, Code, Problem
from emporion.events import NewEvent, Subject
from emporion.marketplace.catalogue_changes import CatalogueChanges
from emporion.marketplace.catalogue_comparison import (
    PLANS_AT_A_TIME,
    compared_plans,
    decode_item,
    decode_plan,
    decode_service,
    decode_vendor,
    has_left,
    left_plans,
    part_differences,
    plan_differences,
)
from emporion.marketplace.catalogue_content import CatalogueContent, RowSpool
from emporion.store.catalogue_files import KeptItem, NewCatalogue, in_parts

if TYPE_CHECKING:
    from emporion.marketplace.actors import Actor
    from emporion.store.base import Store

# How many members an event names.
NAMED_IN_EVENT = 20


class CatalogueWork:
    """See `emporion.marketplace.catalogue_files.CatalogueFiles`."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock

    async def version(self) -> int:
        """How often the catalogue was changed; 0 if there never was one."""
        return await self._store.catalogue.version()

    async def check(self, actor: Actor, content: CatalogueContent) -> None:
        _must_be_operator(actor)
        for reseller_id, (line, path) in content.references.resellers.items():
            if not await self._store.resellers.is_within(reseller_id, actor.account_id):
                content.faults.add(line, path, f"names the reseller {reseller_id}, and there is no such one")

    async def differences(self, actor: Actor, content: CatalogueContent) -> AsyncIterator[Difference]:
        _must_be_operator(actor)
        files = self._store.catalogue_files
        for difference in part_differences(content, await files.parts()):
            yield difference
        async for batch in compared_plans(content, files):
            for compared in batch:
                for difference in plan_differences(compared):
                    yield difference
                await asyncio.sleep(0)  # a server has other requests to answer
        async for left in left_plans(content, files):
            items: defaultdict[int, int] = defaultdict(int)
            for item in await files.items([plan.id for plan in left]):
                items[item.plan_id] += not item.is_retired
            for plan in left:
                name = decode_plan(plan.definition).name
                yield Difference(kind="plan", key=plan.key, what="retired", name=name, items=items[plan.id])

    async def apply(self, actor: Actor, content: CatalogueContent, seen: int | None = None) -> AppliedCatalogue:
        actor.must_be("owner")
        await self.check(actor, content)
        if content.faults.count:
            line, path, message = content.faults.in_order()[0]
            raise Problem(
                Code.INVALID,
                f"The file has a fault on line {line} ({content.faults.count:,} in all): {path} {message}.",
            )
        files = self._store.catalogue_files
        version = await self._store.catalogue.version()
        if seen not in (None, version):
            raise _applied_meanwhile()
        summary = Summary()
        named: list[str] = []
        async for difference in self.differences(actor, content):
            summary.add(difference)
            if len(named) < NAMED_IN_EVENT:
                named.append(difference.mpn or difference.key)
        with RowSpool() as rows:
            changes = CatalogueChanges(content, files, actor.account_id, rows)
            try:
                await changes.find()
                if not rows:
                    return AppliedCatalogue(version, summary)
                summary.products = changes.products
                event = self._event(actor, version + 1, summary, named)
                applied = await files.apply(NewCatalogue(version, rows.all, changes.plan_ids, event))
            except BaseException:
                with suppress(Problem):
                    await files.drop_ids(changes.taken)
                raise
            if applied is None:
                await files.drop_ids(changes.taken)
                raise _applied_meanwhile()
        return AppliedCatalogue(applied, summary)

    async def export(self, actor: Actor) -> AsyncIterator[bytes]:
        _must_be_operator(actor)
        files = self._store.catalogue_files
        parts = [part for part in await files.parts() if not part.is_retired]
        yield section("vendors")
        for part in parts:
            if part.kind == "vendor":
                yield entry(part.key, vendor_form(decode_vendor(part.definition)))
        yield section("services")
        for part in parts:
            if part.kind == "service":
                yield entry(part.key, service_form(decode_service(part.definition)))
        yield section("plans")
        for some in in_parts([id_ for id_, _, _ in await files.plan_keys()], PLANS_AT_A_TIME):
            plans = [plan for plan in await files.plans_by_id(some) if not has_left(plan)]
            items: defaultdict[int, list[KeptItem]] = defaultdict(list)
            for item in await files.items([plan.id for plan in plans]):
                if not item.is_retired:
                    items[item.plan_id].append(item)
            for plan in plans:
                defined = [decode_item(item.definition) for item in items[plan.id]]
                yield written_plan(DefinedPlan(decode_plan(plan.definition), defined))

    def _event(self, actor: Actor, version: int, summary: Summary, named: list[str]) -> NewEvent:
        changes: dict[str, tuple[object, object]] = {"version": (version - 1, version)}
        for what, counts in to_builtins(summary).items():
            if isinstance(counts, dict):
                changes |= {f"{what}.{kind}s": (None, count) for kind, count in counts.items()}
            else:
                changes["new.products"] = (None, counts)
        names = ", ".join(islice(named, NAMED_IN_EVENT))
        more = ", …" if len(named) == NAMED_IN_EVENT else ""
        return NewEvent(
            actor.account_id,
            actor.account_id,
            "catalogue.applied",
            int(self._clock() * 1000),
            actor.origin(),
            changes,
            f"{summary.in_words()}: {names}{more}" if named else summary.in_words(),
            Subject("catalogue", str(version)),
        )


def _applied_meanwhile() -> Problem:
    return Problem(
        Code.CONFLICT,
        "Another operator has applied a catalogue meanwhile, so nothing was written. See what differs now, and apply "
        "the file again.",
    )


def _must_be_operator(actor: Actor) -> None:
    if not actor.is_operator:
        raise AccessDenied(Code.FORBIDDEN, "Only the provider's operator may do this.", actor.account_id, actor.user)
