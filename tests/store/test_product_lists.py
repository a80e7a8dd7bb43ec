"""Lists of plans and products: each reseller sees what is delegated to it, and any page is found by counting."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest

from emporion.accounts.folding import fold
from emporion.catalogue.kept import Delegation
from emporion.store import product_lists, relisting
from emporion.store.base import Store
from emporion.store.bit_sets import BitSet
from emporion.store.memory import OVERHEAD
from emporion.store.product_lists import ListedPage, ProductFilter, Seller
from tests.catalogue_samples import EVERYBODY, USD, SamplePlan, put_catalogue, sample_plan, sample_product
from tests.store.conftest import BELOW_ONE, ONE, PROVIDER, TWO, Open, new_reseller

CHAINS = ([PROVIDER], [PROVIDER, ONE], [PROVIDER, TWO], [PROVIDER, ONE, BELOW_ONE])
ANY = ProductFilter()
RATES = dict.fromkeys(("USD", "EUR"), USD["USD"])
ALL = 10_000


async def products(
    store: Store,
    chain: Sequence[int],
    wanted: ProductFilter = ANY,
    currency: str = "USD",
    offset: int = 0,
    limit: int = ALL,
) -> ListedPage:
    return await store.product_lists.products(chain, currency, wanted, offset, limit)


async def seller_of(store: Store, chain: Sequence[int]) -> Seller:
    """Who sells in dollars."""
    return (await store.product_lists.seller(chain[-1]))._replace(chain=[*chain], currency="USD")


def one_plan(id_: int, delegation: Delegation = EVERYBODY, **members: Any) -> SamplePlan:
    """A plan with one product, whose id is ten times its own."""
    return sample_plan(id_, [sample_product(id_ * 10, id_, **members)], delegation)


def test_a_set_of_numbers_gives_any_part_of_itself() -> None:
    numbers = random.Random(1).sample(range(1, 20_000), 3000)
    members, ordered = BitSet.of(numbers), sorted(numbers, reverse=True)
    assert len(members) == 3000
    for offset, limit in ((0, 10), (1, 1), (1500, 700), (2999, 5), (3000, 5), (10**12, 5), (0, ALL)):
        assert members.highest(offset, limit) == ordered[offset : offset + limit]
    others = BitSet.of(range(0, 9000, 3))
    assert (members & others).highest(0, ALL) == [number for number in ordered if number % 3 == 0 and number < 9000]
    assert ordered[0] in members
    assert 10**9 not in members
    assert (len(BitSet.of([])), BitSet.of([]).highest(0, 5)) == (0, [])


async def test_a_plan_is_seen_by_those_it_is_delegated_to_and_by_all_below_them(store: Store) -> None:
    plans = [
        one_plan(101),
        one_plan(102, Delegation([ONE])),
        one_plan(103, Delegation([BELOW_ONE])),
        one_plan(104, Delegation(None, [ONE])),
        one_plan(105, Delegation([ONE], [BELOW_ONE])),
        one_plan(106, Delegation([])),
    ]
    await put_catalogue(store, plans)
    seen = [[id_ // 10 for id_ in (await products(store, chain)).ids] for chain in CHAINS]
    assert seen == [[106, 105, 104, 103, 102, 101], [105, 102, 101], [104, 101], [103, 102, 101]]
    for chain, ids in zip(CHAINS, seen, strict=True):
        assert await store.product_lists.plans(chain, "USD", 0, ALL) == ListedPage(ids, len(ids))
        seller = await seller_of(store, chain)
        for plan in plans:
            id_ = str(plan.plan.id)
            assert bool(await store.product_lists.plan(seller, id_)) == (plan.plan.id in ids)
            assert bool(await store.product_lists.product(seller, f"{id_}0")) == (plan.plan.id in ids)


async def test_what_is_not_published_or_has_no_price_in_the_currency_is_not_seen(store: Store) -> None:
    draft = one_plan(102)
    await put_catalogue(
        store,
        [
            one_plan(101, rates=RATES),
            sample_plan(102, draft.products, state="draft"),
            one_plan(103, state="retired"),
            sample_plan(104, [sample_product(1041, 104), sample_product(1042, 104, state="retired")]),
        ],
    )
    chain = CHAINS[1]
    assert (await products(store, chain)).ids == [1041, 1010]
    assert (await products(store, chain, currency="EUR")).ids == [1010]
    assert await products(store, chain, currency="CHF") == ListedPage([], 0)
    assert (await store.product_lists.plans(chain, "USD", 0, ALL)).ids == [104, 101]
    assert (await store.product_lists.plans(chain, "EUR", 0, ALL)).ids == [101]
    seller = await seller_of(store, chain)
    for unknown in ("1020", "1030", "1042", "999", "a", ""):
        assert not await store.product_lists.product(seller, unknown)
    assert not await store.product_lists.product(seller, "101"), "it is a plan"
    assert not await store.product_lists.plan(seller, "1041"), "it is a product"
    for unknown in ("102", "999", "a", ""):
        assert not await store.product_lists.plan(seller, unknown)


async def test_filters_find_what_they_say_and_combine(store: Store) -> None:
    await put_catalogue(
        store,
        [
            one_plan(101, name="Größerer Speicher", mpn="Disk", vendor="Disks", service_name="STORE"),
            one_plan(102, name="Speicherplatz", mpn="disk", vendor="Disks", service_name="Mail"),
            one_plan(103, name='A "quoted" 50%_x', mpn="Disk", vendor="acme", service_name="STORE"),
        ],
    )
    for wanted, ids in (
        (ProductFilter(name="SPEICHER"), [1020, 1010]),
        (ProductFilter(name="grosserer"), [1010]),
        (ProductFilter(name="gro"), [1010]),
        (ProductFilter(name="ß"), [1010]),
        (ProductFilter(name='"quoted"'), [1030]),
        (ProductFilter(name="0%_"), [1030]),
        (ProductFilter(name="%"), [1030]),
        (ProductFilter(name="_"), [1030]),
        (ProductFilter(name="speicher OR quoted"), []),
        (ProductFilter(mpn="Disk"), [1030, 1010]),
        (ProductFilter(mpn="DISK"), []),
        (ProductFilter(vendor="DISKS"), [1020, 1010]),
        (ProductFilter(vendor="disk"), []),
        (ProductFilter(service_name="store"), [1030, 1010]),
        (ProductFilter(name="speicher", vendor="disks", service_name="store", mpn="Disk"), [1010]),
        (ProductFilter(name="speicher", vendor="acme"), []),
    ):
        for _ in range(2):
            assert await products(store, CHAINS[1], wanted) == ListedPage(ids, len(ids)), wanted


async def test_a_change_is_seen_at_once_by_every_process(store: Store, open_store: Open) -> None:
    other = await open_store()
    plans = [one_plan(101), one_plan(102, name="Old name")]
    await put_catalogue(store, plans)
    wanted = ProductFilter(name="old name")
    for one in (store, other):
        assert (await products(one, CHAINS[1])).ids == [1020, 1010]
        assert (await products(one, CHAINS[1], wanted)).ids == [1020]
    await put_catalogue(other, [one_plan(101, Delegation([TWO])), one_plan(102, name="New name", vendor="new")])
    for one in (store, other):
        assert (await products(one, CHAINS[1])).ids == [1020]
        assert (await products(one, CHAINS[2])).ids == [1020, 1010]
        assert (await products(one, CHAINS[1], wanted)).ids == []
        assert (await products(one, CHAINS[1], ProductFilter(name="new name"))).ids == [1020]
        assert (await products(one, CHAINS[1], ProductFilter(vendor="acme"))).ids == []
        assert (await products(one, CHAINS[1], ProductFilter(vendor="new"))).ids == [1020]
    await put_catalogue(store, [one_plan(102, state="retired"), one_plan(103)])
    for one in (store, other):
        assert (await products(one, CHAINS[2])).ids == [1030, 1010]


async def test_pages_are_those_of_the_whole_list_whatever_was_changed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many plans, changed again and again, in small parts: always as if each list was made anew."""
    monkeypatch.setattr(relisting, "PART_NUMBERS", 64)
    monkeypatch.setattr(relisting, "PART_BYTES", 8)
    monkeypatch.setattr(product_lists, "PART_BYTES", 8)
    monkeypatch.setattr(relisting, "PLANS_AT_ONCE", 7)
    monkeypatch.setattr(relisting, "MOST_CHANGED", 5)
    dice = random.Random(7)
    delegations = (
        Delegation(), Delegation([ONE]), Delegation([TWO, BELOW_ONE]), Delegation(None, [TWO]),
        Delegation([ONE], [BELOW_ONE]),
    )  # fmt: skip
    kept: dict[int, SamplePlan] = {}

    def made(id_: int) -> SamplePlan:
        rates = dict.fromkeys(dice.sample(("USD", "EUR"), dice.randrange(3)), USD["USD"])
        items = [
            sample_product(
                id_ * 10 + number, id_, rates,
                name=dice.choice(("Mail", "Mailing", "Disk")), vendor=dice.choice(("Acme", "other")),
                mpn=f"M{number}-{dice.randrange(3)}", state=dice.choice(("published", "published", "retired")),
            )
            for number in range(3)
        ]  # fmt: skip
        return sample_plan(id_, items, dice.choice(delegations), state=dice.choice(("published", "published", "draft")))

    for round_ in range(4):
        some = dice.sample(range(100, 160), 25) if round_ else list(range(100, 140))
        changed = [made(id_) for id_ in some]
        await put_catalogue(store, changed)
        kept = {**kept, **{plan.plan.id: plan for plan in changed}}
        for chain in CHAINS:
            for currency in ("USD", "EUR"):
                for wanted in (ANY, ProductFilter(name="mail"), ProductFilter(vendor="ACME", mpn="M1-2")):
                    expected = {
                        int(product.id)
                        for plan in kept.values()
                        for product, rates in plan.products
                        if (plan.plan.state, product.state) == ("published", "published")
                        and plan.delegation.is_to(chain)
                        and currency in rates
                        and fold(wanted.name or "") in fold(product.name)
                        and (wanted.vendor is None or product.vendor.casefold() == wanted.vendor.casefold())
                        and wanted.mpn in (None, product.mpn)
                    }
                    whole = await products(store, chain, wanted, currency)
                    assert (set(whole.ids), whole.total) == (expected, len(expected))
                    offset, limit = dice.randrange(20), dice.randrange(1, 20)
                    page = await products(store, chain, wanted, currency, offset, limit)
                    assert page == ListedPage(whole.ids[offset : offset + limit], whole.total)


async def test_the_newest_are_first_even_in_one_change(store: Store) -> None:
    plans = [
        sample_plan(300, [sample_product(900, 300), sample_product(901, 300)]),
        sample_plan(301, [sample_product(850, 301)]),
    ]
    await put_catalogue(store, plans)
    await put_catalogue(store, [one_plan(302), one_plan(100)])
    assert (await products(store, CHAINS[1])).ids == [3020, 1000, 901, 900, 850]


async def test_sets_that_are_remembered_have_an_end(store: Store) -> None:
    store.product_lists._sets._most_bytes = 3 * OVERHEAD + 100
    await put_catalogue(store, [one_plan(id_) for id_ in range(100, 120)])
    for number in range(100, 120):
        assert (await products(store, CHAINS[1], ProductFilter(mpn=f"MPN-{number}0"))).ids == [number * 10]
    assert len(store.product_lists._sets._values) == 3


async def test_a_seller_is_known_by_its_chain_and_its_currency(store: Store) -> None:
    euro, poor = 50, 60
    await store.resellers.add(new_reseller("Euro", PROVIDER, euro, currency="EUR"))
    await store.resellers.add(new_reseller("Below", euro, poor, currency="USD"))
    await put_catalogue(store, [one_plan(101, rates=RATES)])
    known = await store.product_lists.seller(euro)
    assert (known.chain, known.currency, known.priced) == ([PROVIDER, euro], "EUR", [])
    assert (await store.product_lists.seller(poor)).currency is None, "another one than its parent's"
    assert (await store.product_lists.seller(ONE)).currency is None, "it has none"
    assert (await store.product_lists.seller(999))[:3] == ([], None, [])
    assert await store.product_lists.among(known, ["1010", "1011", "101", "x"]) == {"1010"}
    assert await store.product_lists.among(await store.product_lists.seller(poor), ["1010"]) == set()
    for seller, total in ((known, 1), (await store.product_lists.seller(poor), 0)):
        sold = await store.product_lists.sold(seller, ANY, 0, ALL)
        assert (len(sold.products), sold.total) == (total, total)
