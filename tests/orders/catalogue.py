"""A catalogue for tests of orders, in memory: plans, products and what they cost on each link."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal
from typing import Any

from msgspec import structs

from emporion.catalogue.parameters import Choice, Parameter
from emporion.catalogue.plans import Plan, PlanSwitch, Policies, SubscriptionPeriod
from emporion.catalogue.products import CatalogueProduct, Dependency
from emporion.catalogue.rates import Rate, Rates, Tier, flat
from emporion.periods import Period
from emporion.store.product_lists import Seller
from emporion.store.resellers import ResellerStore

MONTH, YEAR = Period("month", 1), Period("year", 1)


def plan(id: int, name: str, **members: Any) -> Plan:  # noqa: A002 - as there
    """A published plan of the vendor acme for a year, billed monthly."""
    return Plan(
        **{
            "id": id,
            "key": name,
            "vendor": "acme",
            "service_name": name.upper(),
            "fulfillment": "automatic",
            "name": name,
            "state": "published",
            "subscription_periods": [SubscriptionPeriod("year", 1)],
            "billing_period": MONTH,
            "billing_model": "chargeBeforeBillingPeriod",
            **members,
        }
    )


def product(id: str, plan_id: int, mpn: str, **members: Any) -> CatalogueProduct:  # noqa: A002 - as there
    """A published product of the vendor acme for a year, billed monthly."""
    return CatalogueProduct(
        **{
            "id": id,
            "plan_id": plan_id,
            "mpn": mpn,
            "vendor": "acme",
            "service_name": "MAIL",
            "name": f"Acme {mpn}",
            "state": "published",
            "maximum_quantity": Decimal(300),
            "billing_period": MONTH,
            "subscription_period": YEAR,
            "billing_model": "chargeBeforeBillingPeriod",
            **members,
        }
    )


PLUS = PlanSwitch(
    plan_id=102,
    source_subscription_period=YEAR,
    subscription_period=YEAR,
    billing_policy="prorate_keeping_exp_date",
    when_effective="immediately",
    items={"STD": "PLUS", "ADD": None},
)
LATER = structs.replace(PLUS, subscription_period=MONTH, when_effective="next_subscription_period")
MAIL = plan(
    101,
    "mail",
    subscription_periods=[SubscriptionPeriod("year", 1), SubscriptionPeriod("month", 1)],
    switches=[PLUS, LATER],
    parameters=[Parameter(name="domain", type="domain")],
    policies=Policies(renewal_point=30),
)
PLANS = [
    MAIL,
    plan(102, "plus"),
    plan(
        103,
        "tool",
        parameters=[
            Parameter(
                name="region", type="choice", required=True, choices=[Choice("eu", "Europe"), Choice("us", "States")]
            ),
            Parameter(name="secret", type="password"),
        ],
        policies=Policies(decrease="next_subscription_period", cancellation="at_term_end"),
    ),
    plan(104, "twin", vendor="other"),
    plan(105, "extra"),
    plan(106, "manual", fulfillment="manual"),
    plan(107, "trial", subscription_periods=[SubscriptionPeriod("month", 1, trial=True)]),
]
PRODUCTS = [
    product("1001", 101, "STD"),
    product("1002", 101, "STD", subscription_period=MONTH),
    product("1003", 101, "ADD", depends_on=[Dependency("STD", "1001")]),
    product("1004", 102, "PLUS", maximum_quantity=Decimal(20)),
    product("1005", 103, "TOOL", minimum_quantity=Decimal(2)),
    product("1006", 104, "STD", vendor="other"),
    product("1007", 105, "EXTRA", depends_on=[Dependency("STD", "1001", 101)]),
    product("1008", 106, "HAND", fractions=True),
    product("1009", 101, "OLD", state="retired"),
    product("1010", 107, "TRY", trial=True, subscription_period=MONTH),
]
BY_ID = {one.id: one for one in PRODUCTS}


class CatalogueInMemory:
    """What orders ask of the catalogue. prices: what customers pay for each product; each link above pays 1 less."""

    def __init__(self, resellers: ResellerStore, currency: str | None = "USD") -> None:
        self._resellers = resellers
        self.products = dict(BY_ID)
        self.plans = {one.id: one for one in PLANS}
        self.prices = {one.id: Decimal("4.5") for one in PRODUCTS}
        self._currency = self.selling_in = currency

    async def candidates(self, seller: Seller, mpn: str) -> list[CatalogueProduct]:
        del seller
        return [one for one in self.products.values() if one.mpn == mpn and one.state == "published"]

    async def product(self, seller: Seller, product_id: str) -> CatalogueProduct | None:
        del seller
        found = self.products.get(product_id)
        return found if found and found.state == "published" else None

    async def known_product(self, product_id: str) -> CatalogueProduct | None:
        return self.products.get(product_id)

    async def plan(self, plan_id: int, seller: Seller | None = None) -> Plan | None:
        del seller
        return self.plans.get(plan_id)

    async def plan_products(self, plan_id: int) -> list[CatalogueProduct]:
        return [one for one in self.products.values() if one.plan_id == plan_id]

    async def rates(
        self, seller: Seller, product_ids: Collection[str], currency: str
    ) -> dict[str, list[Rates]]:  # fmt: skip
        """In every other currency than its own all is a hundred times as dear."""
        many = 1 if currency == self._currency else 100
        return {id_: rates(self.prices[id_] * many, len(seller.chain) + 1) for id_ in product_ids if id_ in self.prices}

    async def seller(self, seller_id: int) -> Seller:
        return Seller(await self._resellers.chain(seller_id), self.selling_in, [], 0)


def rates(price: Decimal, links: int = 3) -> list[Rates]:
    """What a product costs on each link, with a setup of 10 for the customer."""
    above = [Rates(flat(price - distance)) for distance in range(links - 1, 0, -1)]
    return [*above, Rates(flat(price), flat(Decimal(10)))]


def tiered(*steps: tuple[int, str]) -> Rate:
    """A price in steps."""
    return Rate("TIERED", [Tier(Decimal(limit), Decimal(amount)) for limit, amount in steps])
