"""A made-up catalogue of any size, the same one each time, as a file that `emporion catalogue apply` takes."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING

from bench import Failed
from bench.sold import Product
from emporion.marketplace.catalogue import Catalogue
from emporion.settings import Settings
from emporion.store import open_store
from emporion.store.product_lists import ProductFilter

if TYPE_CHECKING:
    from pathlib import Path
    from typing import TextIO

    from emporion.store.base import Store

VENDORS, SERVICES, ITEMS_OF_A_PLAN = 20, 200, 20
# Of so many products the orders are made.
ORDERED = 1_000
THINGS = ("Mail", "Storage", "Backup", "Office", "Phone", "Security", "Design", "Accounts")


def write_catalogue(file: TextIO, products: int) -> None:
    """Write a catalogue with so many products, each in a plan for one year, billed by the month."""
    file.write("vendors:\n")
    file.writelines(f"  vendor-{number}: Vendor {number} Ltd\n" for number in range(VENDORS))
    file.write("services:\n")
    file.writelines(
        f"  SERVICE_{number}: {{vendor: vendor-{number % VENDORS}, fulfillment: automatic}}\n"
        for number in range(SERVICES)
    )
    file.write("plans:\n")
    for first in range(0, products, ITEMS_OF_A_PLAN):
        number = first // ITEMS_OF_A_PLAN
        thing = THINGS[number % len(THINGS)]
        file.write(
            f"  plan-{number}:\n    service: SERVICE_{number % SERVICES}\n    name: {thing} {number}\n"
            "    state: published\n    periods: 1 year\n    items:\n"
        )
        for position in range(first, min(first + ITEMS_OF_A_PLAN, products)):
            price = position % 900 + 100
            file.write(
                f"      MPN-{position}:\n        name: {thing} {number} Edition {position}\n        maximum: 1000000\n"
                f"        prices: {{USD: {{price: {price / 100:.2f}, cost: {price / 125:.2f}, "
                f"providerCost: {price / 200:.2f}}}, EUR: {{price: {price / 110:.2f}, cost: {price / 140:.2f}}}}}\n"
            )


def apply_catalogue(url: str, path: Path) -> None:
    """Apply a file as an operator would. Raises Failed."""
    command = [sys.executable, "-m", "emporion", "catalogue", "apply", str(path), "--yes", "--database", url]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"the catalogue was not applied: {done.stdout[-2000:]}{done.stderr[-2000:]}")


def ordered(url: str, reseller_id: int) -> tuple[list[int], str, list[Product]]:
    """The chain down to a reseller, its currency, and the products that are ordered of it. Raises Failed."""
    return asyncio.run(_ordered(open_store(Settings.from_environment({"EMPORION_DATABASE": url})), reseller_id))


async def _ordered(store: Store, reseller_id: int) -> tuple[list[int], str, list[Product]]:
    await store.open()
    try:
        catalogue = Catalogue(store.catalogue, store.prices, store.product_lists)
        seller = await catalogue.seller(reseller_id)
        chain, currency = seller.chain, seller.currency
        if not currency:
            raise Failed(f"reseller {reseller_id} has no currency")
        lists = store.product_lists
        total = (await lists.products(chain, currency, ProductFilter(), 0, 1)).total
        wanted = min(ORDERED, total)
        ids: list[str] = []
        for number in range(wanted):  # from everywhere
            page = await lists.products(chain, currency, ProductFilter(), number * total // wanted, 1)
            ids += map(str, page.ids)
        products = {product.id: product for product in await store.catalogue.products(ids)}
        rates = await catalogue.rates(seller, ids, currency)
        plans = {plan.id: plan for plan in await store.catalogue.plans({one.plan_id for one in products.values()})}
        return chain, currency, [Product(products[id_], plans[products[id_].plan_id].name, rates[id_]) for id_ in ids]
    finally:
        await store.close()
