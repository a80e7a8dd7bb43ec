"""Plans and products of tests, put into a store without a file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from emporion.accounts.folding import fold
from emporion.catalogue.kept import Delegation, ProductRates
from emporion.catalogue.parameters import Choice, Parameter
from emporion.catalogue.plans import Plan, PlanSwitch, SubscriptionPeriod
from emporion.catalogue.products import CatalogueProduct
from emporion.catalogue.rates import Rate, Rates, Tier, flat
from emporion.periods import Period
from emporion.store.base import Store
from emporion.store.database import Write, execute, execute_many
from emporion.store.relisting import relist

YEAR, MONTH = Period("year", 1), Period("month", 1)
EVERYBODY = Delegation()


class SampleProduct(NamedTuple):
    """A product, and what it costs by currency."""

    product: CatalogueProduct
    rates: dict[str, ProductRates]


class SamplePlan(NamedTuple):
    """A plan with its products."""

    plan: Plan
    products: Sequence[SampleProduct]
    delegation: Delegation = EVERYBODY


def price(amount: str, setup: str | None = None) -> Rates:
    """One price, whatever the quantity."""
    return Rates(flat(Decimal(amount)), None if setup is None else flat(Decimal(setup)))


def tiers(model: Any, *steps: tuple[int, str]) -> Rate:
    """A price with steps, the first from 0."""
    return Rate(model, [Tier(Decimal(limit), Decimal(amount)) for limit, amount in steps])


USD = {"USD": ProductRates(price("10", "5"), [price("8", "4"), price("9")], price("6"))}


def sample_product(id_: int, plan_id: int, rates: dict[str, ProductRates] = USD, **members: Any) -> SampleProduct:
    """A published product."""
    members = {
        "mpn": f"MPN-{id_}",
        "vendor": "acme",
        "service_name": "ACME_MAIL",
        "name": f"Product {id_}",
        "state": "published",
        "minimum_quantity": Decimal(1),
        "billing_period": MONTH,
        "subscription_period": YEAR,
        "billing_model": "chargeBeforeBillingPeriod",
        **members,
    }
    return SampleProduct(CatalogueProduct(id=str(id_), plan_id=plan_id, **members), rates)


def sample_plan(
    id_: int, products: Iterable[SampleProduct], delegation: Delegation = EVERYBODY, **members: Any
) -> SamplePlan:
    """A published plan."""
    members = {
        "key": f"plan-{id_}",
        "vendor": "acme",
        "service_name": "ACME_MAIL",
        "fulfillment": "automatic",
        "name": f"Plan {id_}",
        "state": "published",
        "subscription_periods": [SubscriptionPeriod("year", 1)],
        "billing_period": MONTH,
        "billing_model": "chargeBeforeBillingPeriod",
        **members,
    }
    return SamplePlan(Plan(id=id_, **members), list(products), delegation)


def sample_catalogue() -> list[SamplePlan]:
    """What a small provider has: mail and a domain for all, a plan for the reseller 1000000 alone, and others.

    Plan 2001 has the products 2101 (mail, with a maximum) and 2102 (storage, with tiers), 2002 the mail for a month,
    2003 what only 1000000 and those below it sell, 2004 what is from others than 1000000, 2005 a draft.
    """
    domain = Parameter(
        name="domain", type="domain", required=True, title="Domain", description="Where mail is received."
    )
    region = Parameter(
        name="region", type="choice", choices=[Choice("eu", "Europe", default=True), Choice("us", "America")]
    )
    code = Parameter(name="code", type="text", pattern="^[a-z]+$")
    tenant = Parameter(name="tenant", type="text", phase="fulfillment", reconciliation=True)
    switch = {"source_subscription_period": YEAR, "billing_policy": "prorate_keeping_exp_date"}
    ways = [
        PlanSwitch(plan_id=2002, subscription_period=MONTH, when_effective="immediately", **switch),  # type: ignore[arg-type]
        PlanSwitch(plan_id=2004, subscription_period=YEAR, when_effective="immediately", **switch),  # type: ignore[arg-type]
    ]
    storage = {
        "USD": ProductRates(Rates(tiers("VOLUME_SUBSCRIPTION", (0, "3"), (10, "2.5"))), [price("2")], price("1.25"))
    }
    euro = {"EUR": USD["USD"]}
    return [
        sample_plan(
            2001,
            [
                sample_product(2101, 2001, mpn="ACME-MAIL", name="Acme Mail Standard", maximum_quantity=Decimal(300)),
                sample_product(2102, 2001, storage, mpn="ACME-DISK", name="Größerer Speicher", vendor="Disks"),
            ],
            name="Acme Mail",
            short_description="Mail for teams",
            parameters=[domain, region, code, tenant],
            switches=ways,
        ),
        sample_plan(
            2002,
            [sample_product(2201, 2002, mpn="ACME-MAIL", name="Acme Mail Monthly", subscription_period=MONTH)],
            subscription_periods=[SubscriptionPeriod("month", 1)],
        ),
        sample_plan(2003, [sample_product(2301, 2003, name="For some")], Delegation([1000000])),
        sample_plan(2004, [sample_product(2401, 2004, name="For others")], Delegation(None, [1000000])),
        sample_plan(2005, [sample_product(2501, 2005, state="draft")], state="draft"),
        sample_plan(2006, [sample_product(2601, 2006, euro, name="In euros")]),
    ]


async def put_catalogue(store: Store, plans: Sequence[SamplePlan]) -> None:
    """Put plans and products into a store, or others into their places."""
    await store.catalogue._database.write(put_plans, plans)


def put_plans(plans: Sequence[SamplePlan]) -> Write[None]:
    """The same, as a part of a write."""
    encode = msgspec.json.encode
    products = [one for plan in plans for one in plan.products]
    for plan in plans:
        yield from execute(
            "DELETE FROM product_rates WHERE product_id IN (SELECT id FROM products WHERE plan_id = ?)", plan.plan.id
        )
        for table, column in (("products", "plan_id"), ("plan_delegations", "plan_id"), ("plans", "id")):
            yield from execute(f"DELETE FROM {table} WHERE {column} = ?", plan.plan.id)
    yield from execute_many(
        "INSERT INTO plans (id, key, state, is_for_all, position, definition, document) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (kept.id, kept.key, kept.state, int(delegation.resellers is None), 1, b"{}", encode(kept))
            for kept, _, delegation in plans
        ],
    )
    yield from execute_many(
        "INSERT INTO plan_delegations (plan_id, reseller_id, granted) VALUES (?, ?, ?)",
        [
            (kept.id, id_, granted)
            for kept, _, delegation in plans
            for granted, ids in ((1, delegation.resellers or ()), (0, delegation.withheld))
            for id_ in ids
        ],
    )
    yield from execute_many(
        "INSERT INTO products (id, plan_id, mpn, period, state, vendor_folded, service_folded, name_folded, document)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                int(product.id), product.plan_id, product.mpn,
                f"{product.subscription_period.duration} {product.subscription_period.type}", product.state,
                product.vendor.casefold(), product.service_name.casefold(), fold(product.name), encode(product),
            )
            for product, _ in products
        ],
    )  # fmt: skip
    yield from execute_many(
        "INSERT INTO product_rates (product_id, currency, document) VALUES (?, ?, ?)",
        [
            (int(product.id), currency, encode(rates))
            for product, by_currency in products
            for currency, rates in by_currency.items()
        ],
    )
    yield from relist([plan.plan.id for plan in plans])
