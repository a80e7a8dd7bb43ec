"""Resellers' own prices: set, removed and listed by the reseller itself, or by those above it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType, to_builtins

from emporion.accounts.documents import diff
from emporion.accounts.ids import PROVIDER_ID
from emporion.catalogue.new_prices import NewPrice, ShownPrice, price_shown
from emporion.catalogue.own_prices import target_of_item, target_of_product
from emporion.catalogue.price_files import PriceRow
from emporion.errors import Code, Fault, Problem, raise_invalid
from emporion.events import NewEvent, Subject
from emporion.marketplace.actors import Actor, check_reach
from emporion.store.prices import OwnPriceChange, PriceOutcome
from emporion.validation import read

if TYPE_CHECKING:
    from emporion.catalogue.own_prices import OwnPrice
    from emporion.marketplace.catalogue import Catalogue
    from emporion.store.base import Store
    from emporion.store.product_lists import Seller

# So many prices are set in one transaction, and listed with one statement.
AT_ONCE = 500


class CheckedPrice(NamedTuple):
    """A price that was sent, and what it means. line: in its file. faults: none where it can be set."""

    line: int
    target: str
    price: OwnPrice | None
    faults: Sequence[Fault]


class PlannedPrice(NamedTuple):
    """A price that would change. before: what the reseller has there now."""

    checked: CheckedPrice
    before: OwnPrice | None


class PricePlan(NamedTuple):
    """What setting prices would change. same: how many would stay as they are."""

    changes: Sequence[PlannedPrice]
    same: int

    @property
    def digest(self) -> str:
        """Stands for all that would change, so that what was shown is what is done."""
        told = [(one.checked.target, one.before, one.checked.price) for one in self.changes]
        return hashlib.sha256(msgspec.json.encode(told)).hexdigest()[:32]


class Prices:
    """The prices that resellers take of their buyers. clock: seconds since 1970."""

    def __init__(self, store: Store, catalogue: Catalogue, clock: Callable[[], float]) -> None:
        self._store = store.prices
        self._resellers = store.resellers
        self._catalogue = catalogue
        self._clock = clock

    async def set(self, actor: Actor, reseller_id: int, body: dict[str, Any]) -> tuple[ShownPrice, PriceOutcome]:
        """Set or remove one of a reseller's own prices (`NewPrice`); what it is afterwards, and what became of it.

        Raises Problem (INVALID) with every fault, (NOT_FOUND) if the actor does not reach the reseller, and
        AccessDenied (FORBIDDEN) for all roles but owner.
        """
        (checked,) = await self.check(actor, reseller_id, [PriceRow(body, 1, [])])
        if checked.faults:
            raise_invalid(checked.faults)
        (outcome,) = await self.apply(actor, reseller_id, [checked])
        return price_shown(checked.target, checked.price), outcome

    async def check(self, actor: Actor, reseller_id: int, rows: Sequence[PriceRow]) -> list[CheckedPrice]:
        """What rows of a file mean, without setting any price. Raises as `set`, but for faults of rows."""
        actor.must_be("owner")
        await check_reach(self._resellers, actor, reseller_id)
        if reseller_id == PROVIDER_ID:
            raise Problem(Code.INVALID, "The provider's prices stand in the catalogue: change them there.")
        seller = await self._catalogue.seller(reseller_id)
        if not seller.currency:
            raise Problem(
                Code.INVALID,
                f"Nothing is delegated to reseller {reseller_id}: it must have a currency, and the one of its parent.",
            )
        found = []
        for row in rows:
            found.append(await self._checked(reseller_id, seller, row))
            await asyncio.sleep(0)  # a server has other requests to answer
        return found

    async def apply(self, actor: Actor, reseller_id: int, checked: Sequence[CheckedPrice]) -> list[PriceOutcome]:
        """Set prices that `check` has found without faults; what became of each. Those of a part are set together."""
        outcomes: list[PriceOutcome] = []
        for first in range(0, len(checked), AT_ONCE):
            changes = [self._change(actor, reseller_id, one) for one in checked[first : first + AT_ONCE]]
            outcomes += await self._store.set(reseller_id, changes)
        return outcomes

    async def plan(self, actor: Actor, reseller_id: int, checked: Sequence[CheckedPrice]) -> PricePlan:
        """What setting prices would change that `check` has found without faults. Raises as `check`.

        A target that is there twice has the price of the last.
        """
        actor.must_be("owner")
        await check_reach(self._resellers, actor, reseller_id)
        last = {one.target: one for one in checked}
        kept = await self._store.of([reseller_id], last)
        changes = [
            PlannedPrice(one, kept.get((reseller_id, target)))
            for target, one in last.items()
            if kept.get((reseller_id, target)) != one.price
        ]
        return PricePlan(changes, len(last) - len(changes))

    async def carry_out(self, actor: Actor, reseller_id: int, planned: PricePlan) -> None:
        """Set all prices of a plan in one transaction.

        Raises Problem (CONFLICT), and sets none, if one of them has changed since it was planned.
        """
        actor.must_be("owner")
        await check_reach(self._resellers, actor, reseller_id)
        await self._store.set(
            reseller_id, [self._change(actor, reseller_id, one.checked, one.before) for one in planned.changes]
        )

    async def of(self, actor: Actor, reseller_id: int) -> list[ShownPrice]:
        """All prices that a reseller has set. Raises Problem (NOT_FOUND) if the actor does not reach it."""
        await check_reach(self._resellers, actor, reseller_id)
        found: list[ShownPrice] = []
        after = ""
        while part := await self._store.page(reseller_id, after, AT_ONCE):
            found += [price_shown(target, price) for target, price in part]
            after = part[-1][0]
        return found

    async def _checked(self, reseller_id: int, seller: Seller, row: PriceRow) -> CheckedPrice:
        wanted, faults = read(NewPrice, row.members)
        if faults := [*row.faults, *faults]:
            return CheckedPrice(row.line, "", None, faults)
        target, faults = await (self._kept(reseller_id, wanted) if wanted.remove else self._sold(seller, wanted))
        return CheckedPrice(row.line, target, wanted.price(seller.currency or ""), faults)

    async def _sold(self, seller: Seller, wanted: NewPrice) -> tuple[str, list[Fault]]:
        """The target of a price for what the reseller sells."""
        if wanted.product_id:
            if await self._catalogue.product(seller, wanted.product_id):
                return target_of_product(wanted.product_id), []
            return "", [Fault("productId", f"names nothing that is sold: there is no product {wanted.product_id}")]
        mpn = wanted.mpn or ""
        plans = sorted({product.plan_id for product in await self._catalogue.candidates(seller, mpn)})
        if wanted.plan_id:
            plans = [plan_id for plan_id in plans if str(plan_id) == wanted.plan_id]
        if len(plans) == 1:
            return target_of_item(plans[0], mpn), []
        if not plans:
            where = f" in plan {wanted.plan_id}" if wanted.plan_id else ""
            return "", [Fault("mpn", f"names nothing that is sold: there is no item {mpn}{where}")]
        return "", [Fault("planId", f"is required: the MPN {mpn} is in the plans {', '.join(map(str, plans))}")]

    async def _kept(self, reseller_id: int, wanted: NewPrice) -> tuple[str, list[Fault]]:
        """The target of a price that is to go: what it is for may not be sold any more."""
        if wanted.product_id:
            targets = [target_of_product(wanted.product_id)]
        elif wanted.plan_id:
            targets = [f"{wanted.plan_id} {wanted.mpn}"]
        else:
            targets = await self._store.of_item(reseller_id, wanted.mpn or "")
        if len(targets) > 1:
            plans = ", ".join(target.partition(" ")[0] for target in targets)
            return "", [Fault("planId", f"is required: there are prices for this MPN in the plans {plans}")]
        if not targets or not await self._store.of([reseller_id], targets):
            return "", [Fault("productId" if wanted.product_id else "mpn", "has no price of this reseller's own")]
        return targets[0], []

    def _change(
        self,
        actor: Actor,
        reseller_id: int,
        checked: CheckedPrice,
        expected: OwnPrice | UnsetType | None = UNSET,
    ) -> OwnPriceChange:
        at = int(self._clock() * 1000)
        after = _members(checked.target, checked.price)

        def event(before: OwnPrice | None) -> NewEvent:
            return NewEvent(
                reseller_id,
                reseller_id,
                "price.updated" if before else "price.created",
                at,
                actor.origin(),
                diff(_members(checked.target, before) if before else {}, after),
                f"price {checked.target}",
                Subject("price", checked.target),
            )

        return OwnPriceChange(checked.target, checked.price, at, event, expected)


def _members(target: str, price: OwnPrice | None) -> dict[str, Any]:
    """What the log shows of a price."""
    members: dict[str, Any] = to_builtins(price_shown(target, price))
    return members
