"""Plans and products that are sold no more: shown by their ids to those who have subscriptions of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec import structs

from emporion.accounts.ids import PROVIDER_ID, RESELLER_ID
from emporion.catalogue.plans import State
from emporion.catalogue.shown import PlanQuery, ProductQuery
from emporion.errors import Code, Problem
from emporion.marketplace.actors import Actor
from emporion.marketplace.catalogue import Catalogue
from emporion.marketplace.products import Products
from emporion.store import open_store as open_platform
from emporion.store.base import Store
from tests.catalogue_samples import put_catalogue, sample_plan, sample_product
from tests.conftest import CALLERS, settings_for
from tests.selling import Shop
from tests.store.conftest import BELOW_ONE, ONE, PROVIDER, TWO, migrated_database, migrated_file, open_store, store

__all__ = ["migrated_database", "migrated_file", "open_store", "store"]

SELLER, ABOVE, OTHER = (Actor(id_, "anna", "api") for id_ in (RESELLER_ID, PROVIDER_ID, CALLERS["other"].reseller_id))
BELOW = Actor(CALLERS["below"].reseller_id, "beth", "api")


async def put(store: Store, state: State) -> None:
    """Put the plan 1 into the catalogue, with the product 501."""
    plan = sample_plan(1, [sample_product(501, 1, state=state)], state=state)
    await put_catalogue(store, [plan])


@pytest.fixture
async def sandbox(database: Path) -> AsyncIterator[Store]:
    """A platform whose resellers have currencies."""
    kept = open_platform(settings_for(database))
    await kept.open()
    yield kept
    await kept.close()


def products_of(store: Store) -> Products:
    return Products(store, Catalogue(store.catalogue, store.prices, store.product_lists))


async def test_a_subscription_of_a_plan_is_known_to_its_seller_and_to_those_above(store: Store) -> None:
    below = await Shop(store, [PROVIDER, ONE, BELOW_ONE]).bought(1)
    found = store.subscriptions.any_of_plan
    assert [await found(id_, below.plan_id) for id_ in (PROVIDER, ONE, BELOW_ONE, TWO)] == [True, True, True, False]
    assert not await found(PROVIDER, 2)
    await Shop(store, [PROVIDER, ONE]).bought(2)
    assert [await found(id_, 2) for id_ in (PROVIDER, ONE, BELOW_ONE, TWO)] == [True, True, False, False]


@pytest.mark.parametrize("state", ["retired", "draft"])
async def test_what_is_sold_no_more_is_shown_to_those_who_have_it(sandbox: Store, state: State) -> None:
    products = products_of(sandbox)
    await put(sandbox, "published")
    sold = await products.get(SELLER, "501")
    assert sold.published
    await Shop(sandbox, [PROVIDER_ID, RESELLER_ID]).bought(1)
    await put(sandbox, state)
    for actor in (SELLER, ABOVE):
        product, plan = await products.get(actor, "501"), await products.plan(actor, "1")
        assert (product.id, product.published, plan.id, plan.published) == ("501", False, "1", False)
    assert await products.get(SELLER, "501") == structs.replace(sold, published=False)
    for actor in (OTHER, BELOW):
        for look in (products.get(actor, "501"), products.plan(actor, "1")):
            with pytest.raises(Problem) as raised:
                await look
            assert raised.value.code is Code.NOT_FOUND
    assert (await products.page(SELLER, ProductQuery())).pagination.total == 0
    assert (await products.plans(SELLER, PlanQuery())).pagination.total == 0


async def test_what_has_no_price_any_more_is_shown_without(sandbox: Store) -> None:
    await put(sandbox, "published")
    await Shop(sandbox, [PROVIDER_ID, RESELLER_ID]).bought(1)
    product = sample_product(501, 1, {}, minimum_quantity=Decimal(1))
    await put_catalogue(sandbox, [sample_plan(1, [product])])
    shown = await products_of(sandbox).get(SELLER, "501")
    assert (shown.published, shown.prices, shown.costs) == (False, [], [])
