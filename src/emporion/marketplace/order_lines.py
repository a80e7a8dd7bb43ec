"""The lines of an order: read from the catalogue and the subscription, with all that is wrong with them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from emporion.catalogue.parameters import ParameterValue, SentParameter, check_values, given
from emporion.errors import Fault
from emporion.orders import lines as rules
from emporion.orders.kept import OrderLine
from emporion.orders.lines import Chosen, Dependent, Held, Narrowing
from emporion.orders.new import OrderProductRequest, SpecialPrice
from emporion.orders.rates import special_rate, with_special_price

if TYPE_CHECKING:
    from collections.abc import Collection

    from emporion.catalogue.plans import Plan
    from emporion.catalogue.products import CatalogueProduct
    from emporion.catalogue.rates import Rates
    from emporion.orders.new import OrderRequest
    from emporion.store.collections import Item
    from emporion.store.product_lists import Seller
    from emporion.subscriptions import KeptSubscription


# In the place of what a client sends, for what the platform adds.
_PLATFORM = OrderProductRequest()


class ProductReader(Protocol):
    """What orders ask of the catalogue (`emporion.marketplace.catalogue.Catalogue`)."""

    async def candidates(self, seller: Seller, mpn: str) -> list[CatalogueProduct]: ...
    async def product(self, seller: Seller, product_id: str) -> CatalogueProduct | None: ...
    async def known_product(self, product_id: str) -> CatalogueProduct | None: ...
    async def plan(self, plan_id: int, seller: Seller | None = None) -> Plan | None: ...
    async def plan_products(self, plan_id: int) -> list[CatalogueProduct]: ...
    async def rates(
        self, seller: Seller, product_ids: Collection[str], currency: str
    ) -> dict[str, list[Rates]]: ...  # fmt: skip
    async def seller(self, seller_id: int) -> Seller: ...


class Planning(Struct, kw_only=True):
    """An order that is being planned: what is known of it, and all that is wrong with it so far.

    seller: who sells to the customer. level: the caller's place in the chain. currency: of all amounts, which is the
    subscription's where it has one. statement_day: of what it sells. item, subscription: what it changes. conflicts:
    full sentences. held: rates that an estimate has promised, by product. used: those that the catalogue gave.
    """

    request: OrderRequest
    seller: Seller
    level: int
    customer_id: int
    currency: str
    day: date
    statement_day: int = 1
    faults: list[Fault]
    conflicts: list[str] = []
    item: Item | None = None
    subscription: KeptSubscription | None = None
    plans: dict[int, Plan] = {}
    held: Mapping[str, list[Rates]] | None = None
    used: dict[str, list[Rates]] = {}
    had: Sequence[Held] | None = None

    @property
    def chain(self) -> list[int]:
        """The accounts from the provider down to the seller."""
        return self.seller.chain

    @property
    def seller_id(self) -> int:
        """The account of the seller."""
        return self.chain[-1]

    @property
    def in_currency(self) -> str:
        """The currency of the order, for a message."""
        return (
            f"{self.currency}, {'that of the subscription' if self.subscription else 'the currency of this reseller'}"
        )

    @property
    def running(self) -> KeptSubscription:
        """The subscription that it changes."""
        assert self.subscription
        return self.subscription

    def fault(self, field: str, message: str) -> None:
        """Note what is wrong with a member."""
        self.faults.append(Fault(field, message))

    def is_faulty(self, path: str) -> bool:
        """Whether something is wrong with a member or below it."""
        return any(fault.field == path or fault.field.startswith(f"{path}.") for fault in self.faults)

    def sent(self) -> list[tuple[str, OrderProductRequest]]:
        """The lines that name a product, with their paths; what cannot be read is told already."""
        products = self.request.products
        return [
            (f"products[{number}]", one)
            for number, one in enumerate(products if isinstance(products, list) else ())
            if isinstance(one, OrderProductRequest) and self._is_named(f"products[{number}]", one)
        ]

    def _is_named(self, at: str, sent: OrderProductRequest) -> bool:
        """Whether all that tells which product a line means could be read."""
        if any(
            self.is_faulty(path) for path in (f"{at}.subscriptionPeriod", f"{at}.billingPeriod", "subscriptionPeriod")
        ):
            return False
        return isinstance(sent.id, str) or (sent.id is None and isinstance(sent.mpn, str))


class LineReader:
    """Reads the lines of orders."""

    def __init__(self, catalogue: ProductReader) -> None:
        self.catalogue = catalogue

    async def identified(self, planning: Planning) -> list[Chosen]:
        """The lines of a sale whose products the seller sells."""
        request = planning.request
        narrowing = Narrowing(request.plan_id or None, request.subscription_period or None)
        sent = planning.sent()
        candidates = await asyncio.gather(*(self._candidates(planning.seller, one) for _, one in sent))
        found = []
        for (at, one), several in zip(sent, candidates, strict=True):
            product = rules.identify(one, at, several, narrowing)
            if isinstance(product, Fault):
                planning.faults.append(product)
                continue
            if one.new_mpn or one.new_id:
                member = "newMPN" if one.new_mpn else "newId"
                planning.fault(f"{at}.{member}", "counts only in an order of type change: leave it out")
            found.append(Chosen(at, one, product, _quantity(one)))
        planning.faults += rules.twice(found)
        return found

    async def _candidates(self, seller: Seller, sent: OrderProductRequest) -> list[CatalogueProduct]:
        if sent.id is None:
            return await self.catalogue.candidates(seller, sent.mpn or "")
        product = await self.catalogue.product(seller, sent.id)
        return [product] if product else []

    async def load_plans(self, planning: Planning, plan_ids: Iterable[int]) -> None:
        """Read plans that are not known yet."""
        for plan_id in dict.fromkeys(plan_ids):
            if plan_id not in planning.plans and (plan := await self.catalogue.plan(plan_id, planning.seller)):
                planning.plans[plan_id] = plan

    async def completed(
        self, planning: Planning, dependents: Sequence[Dependent], chosen: Collection[str],
        bought: Sequence[CatalogueProduct], held: Sequence[Held],
    ) -> list[Chosen]:  # fmt: skip
        """What the platform adds, since products depend on it; each stands at its dependent's plan."""
        if not any(one.product.depends_on for one in dependents):
            return []
        plans = {
            plan_id: await self.catalogue.plan_products(plan_id) for plan_id in {d.product.plan_id for d in dependents}
        }
        completed = rules.complete(dependents, chosen, plans, held, bought)
        planning.faults += completed.faults
        return [Chosen("products", _PLATFORM, product, quantity) for product, quantity in completed.added]

    async def rates(self, planning: Planning, chosen: Sequence[Chosen]) -> dict[str, list[Rates]]:
        """What the products cost on each link, with special prices; a fault for one without a price."""
        ids = list(dict.fromkeys(one.product.id for one in chosen))
        found = await self.listed_rates(planning, ids)
        for one in chosen:
            rates = found.get(one.product.id)
            if not rates:
                planning.fault(_member(one), f"has no price in {planning.in_currency}")
            elif special := self.special_price(planning, one, rates):
                found[one.product.id] = special
        return found

    async def listed_rates(self, planning: Planning, ids: Sequence[str]) -> dict[str, list[Rates]]:
        """What products cost on each link, by the catalogue or as an estimate has promised."""
        held = planning.held or {}
        found = {id_: held[id_] for id_ in ids if id_ in held}
        if missing := [id_ for id_ in ids if id_ not in found]:
            found |= await self.catalogue.rates(planning.seller, missing, planning.currency)
        planning.used |= found
        return found

    def special_price(self, planning: Planning, chosen: Chosen, rates: list[Rates]) -> list[Rates] | None:
        """The rates with the price that a line names; None where it names none, or a wrong one."""
        special, at = chosen.sent.special_price, f"{chosen.at}.specialPrice"
        if not isinstance(special, SpecialPrice) or planning.is_faulty(at):
            return None
        if planning.level != len(planning.chain) - 1:
            planning.fault(at, "is set by the reseller that sells to the customer: leave it out")
            return None
        if special.currency != planning.currency:
            planning.fault(f"{at}.currency", f"must be {planning.in_currency}")
            return None
        tiers = [(step.lower_limit, step.amount) for step in special.price_tiers or ()]
        return with_special_price(rates, special_rate(rates[-1].recurring, special.amount, tiers))

    def line(
        self, planning: Planning, chosen: Chosen, rates: list[Rates], *, previous: Decimal | None = None,
        replaces: str | None = None,
    ) -> OrderLine:  # fmt: skip
        """A line as it is kept."""
        product = chosen.product
        return OrderLine(
            product_id=product.id,
            mpn=product.mpn,
            vendor=product.vendor,
            name=product.name,
            plan_id=product.plan_id,
            billing_period=product.billing_period,
            subscription_period=product.subscription_period,
            quantity=chosen.quantity if chosen.quantity is not None else Decimal(0),
            previous_quantity=previous,
            subscription_id=planning.subscription.id if planning.subscription else None,
            rates=rates,
            parameters=values_of(chosen),
            secrets=secrets_of(planning.plans.get(product.plan_id)),
            special=bool(chosen.sent.special_price),
            replaces=replaces,
            added=chosen.sent is _PLATFORM,
        )

    def check_parameters(
        self, planning: Planning, plan: Plan, lines: Sequence[Chosen], kept: Collection[ParameterValue] = ()
    ) -> None:
        """Faults of the values that the lines of one plan give together (6.5)."""
        values = {number: values_of(line) for number, line in enumerate(lines)}
        for number, line in enumerate(lines):
            others = [value for other, several in values.items() if other != number for value in several]
            path = f"{line.at}.parameters"
            if planning.is_faulty(path) or any(fault.field.startswith(f"{path}[") for fault in planning.faults):
                continue
            faults = check_values(plan.parameters, values[number], path, [*kept, *others])
            # What is missing is told once, for the first line of the plan.
            planning.faults += [fault for fault in faults if number == 0 or fault.field != path]
            earlier = {value.name: value.value for other in range(number) for value in values[other]}
            for place, value in enumerate(values[number]):
                if earlier.get(value.name, value.value) != value.value:
                    planning.fault(f"{path}[{place}].value", "must be that of the other lines of this plan")


def _quantity(sent: OrderProductRequest) -> Decimal | None:
    return sent.quantity if isinstance(sent.quantity, Decimal) else None


def _member(chosen: Chosen) -> str:
    if chosen.sent is _PLATFORM:
        return chosen.at
    return f"{chosen.at}.{'id' if chosen.sent.id is not None else 'mpn'}"


def values_of(chosen: Chosen) -> list[ParameterValue]:
    """The parameters that a line gives."""
    sent = chosen.sent.parameters
    return given(one for one in sent if isinstance(one, SentParameter)) if isinstance(sent, list) else []


def secrets_of(plan: Plan | None) -> list[str]:
    """The names of parameters that no answer shows."""
    return [parameter.name for parameter in plan.parameters if parameter.type == "password"] if plan else []
