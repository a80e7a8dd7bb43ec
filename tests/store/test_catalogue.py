"""The catalogue is kept in the same way in every store, and a file is applied to it in one step."""

from __future__ import annotations

import asyncio
import io
from decimal import Decimal
from pathlib import Path
from textwrap import dedent
from typing import Any
from unittest import mock

import pytest

from emporion.accounts.ids import PROVIDER_ID, RESELLER_ID
from emporion.catalogue.differences import AppliedCatalogue, Difference
from emporion.catalogue.kept import Delegation, ProductRates
from emporion.catalogue.products import CatalogueProduct, Dependency
from emporion.catalogue.rates import Rate, Rates, Tier, flat
from emporion.errors import AccessDenied, Code, Problem
from emporion.marketplace.actors import Actor
from emporion.marketplace.catalogue_content import CatalogueContent
from emporion.marketplace.catalogue_files import CatalogueFiles
from emporion.periods import Period
from emporion.store import copying
from emporion.store.base import Store
from emporion.store.catalogue_files import LARGEST_PLAN_ID
from emporion.store.platform import Platform
from emporion.store.postgres import PostgresStore
from emporion.store.postgres.connections import Limits
from emporion.store.sqlite import SqliteStore
from emporion.store.subscription_keys import SubscriptionKey
from emporion.store.users import User
from tests.postgres import Databases
from tests.store.conftest import Open, new_reseller

OPERATOR = Actor(PROVIDER_ID, "root", "command line")
CATALOGUE = """
    vendors: {acme: Acme GmbH}
    services:
      MAIL: {vendor: acme, fulfillment: automatic, parameters: {domain: {type: domain}}}
    plans:
      mail:
        service: MAIL
        name: Mail
        state: published
        periods: [1 month, 1 year, 14 days trial]
        except: 1000000
        items:
          STD:
            name: Standard
            minimum: 1
            prices: {EUR: {price: 4.50, cost: [3.90, 4.10], providerCost: 3, setup: 10}, USD: 5}
            pricesByPeriod: {1 month: {EUR: 5.40}}
          ADD: {name: Add on, dependsOn: STD, prices: {EUR: {model: TIERED, tiers: {0: 2, 10: 1}}}}
      plus:
        service: MAIL
        name: Plus
        state: published
        periods: 1 year
        switches: {mail: {from: 1 year, to: 1 year, billingPolicy: no_refund, items: {PLUS: STD}}}
        items: {PLUS: {name: Plus, dependsOn: {plan: mail, mpn: ADD}, prices: {EUR: 3}}}
"""


@pytest.fixture
async def store(open_store: Open) -> Store:
    """A platform with a provider and one reseller."""
    store = await open_store()
    await store.platform.create(
        Platform(sandbox=False),
        new_reseller("Provider", None, PROVIDER_ID),
        new_reseller("Reseller", PROVIDER_ID, RESELLER_ID),
        User("api", RESELLER_ID, "us", "hash"),
        SubscriptionKey(b"digest", RESELLER_ID),
    )
    return store


def content(text: str = CATALOGUE) -> CatalogueContent:
    found = CatalogueContent(io.BytesIO(dedent(text).encode()))
    assert found.faults.kept == []
    return found


def files(store: Store) -> CatalogueFiles:
    return CatalogueFiles(store, lambda: 1_700_000_000.0)


async def apply(store: Store, text: str = CATALOGUE) -> AppliedCatalogue:
    with content(text) as file:
        return await files(store).apply(OPERATOR, file)


async def differences(store: Store, text: str) -> list[Difference]:
    with content(text) as file:
        return [one async for one in files(store).differences(OPERATOR, file)]


async def exported(store: Store) -> str:
    return b"".join([part async for part in files(store).export(OPERATOR)]).decode()


async def product(store: Store, mpn: str, period: Period) -> CatalogueProduct:
    (found,) = [one for one in await store.catalogue.by_mpn(mpn) if one.subscription_period == period]
    return found


async def everything(store: Store) -> list[Any]:
    """All that is kept of the catalogue."""
    kept = store.catalogue_files
    ids = [id_ for id_, _, _ in await kept.plan_keys()]
    products = await kept.products(ids)
    rates = await kept.rates([one.id for one in products])
    return [
        await kept.parts(),
        await kept.plans_by_id(ids),
        await kept.items(ids),
        sorted(products),
        sorted(rates.items()),
    ]


MONTH, YEAR, TRIAL = Period("month", 1), Period("year", 1), Period("day", 14)


async def test_what_a_file_says_is_kept(store: Store) -> None:
    applied = await apply(store)
    assert (applied.version, applied.summary.products) == (1, 7)
    assert await store.catalogue.version() == 1
    standard = await product(store, "STD", YEAR)
    plan = await store.catalogue.plan(standard.plan_id)
    assert plan
    assert (plan.key, plan.vendor, plan.service_name, plan.name, plan.state) == (
        "mail",
        "acme",
        "MAIL",
        "Mail",
        "published",
    )
    assert [parameter.name for parameter in plan.parameters] == ["domain"]
    assert (standard.name, standard.minimum_quantity, standard.billing_period) == ("Standard", Decimal(1), MONTH)
    assert await store.catalogue.product(standard.id) == standard
    assert await store.catalogue.products([standard.id, "17", "nonsense"]) == [standard]
    assert len(await store.catalogue.by_plan(plan.id)) == 6
    assert await store.catalogue.delegation(plan.id) == Delegation(None, [RESELLER_ID])


async def test_what_the_file_leaves_out_of_prices_is_filled_in(store: Store) -> None:
    await apply(store)
    year, month, trial = [await product(store, "STD", period) for period in (YEAR, MONTH, TRIAL)]
    rates = await store.catalogue.rates([year.id, month.id, trial.id], "EUR")
    setup = flat(Decimal(10))
    assert rates[year.id] == ProductRates(
        Rates(flat(Decimal("4.50")), setup),
        [Rates(flat(Decimal("3.90")), setup), Rates(flat(Decimal("4.10")), setup)],
        Rates(flat(Decimal(3))),
    )
    assert rates[year.id].cost(7) == Rates(flat(Decimal("4.10")), setup)
    assert rates[month.id] == ProductRates(Rates(flat(Decimal("5.40"))))
    assert rates[trial.id].price == Rates(flat(Decimal(0)))
    assert set(await store.catalogue.rates([year.id, month.id], "USD")) == {year.id}
    added = await product(store, "ADD", YEAR)
    tiers = [Tier(Decimal(0), Decimal(2)), Tier(Decimal(10), Decimal(1))]
    assert (await store.catalogue.rates([added.id], "EUR"))[added.id].price.recurring == Rate("TIERED", tiers)


async def test_dependencies_and_switches_lead_to_ids(store: Store) -> None:
    await apply(store)
    standard, added, plus = [await product(store, mpn, YEAR) for mpn in ("STD", "ADD", "PLUS")]
    assert added.depends_on == [Dependency("STD", standard.id)]
    (needed,) = plus.depends_on
    assert (needed.mpn, needed.plan_id) == ("ADD", added.plan_id)
    assert needed.id in {one.id for one in await store.catalogue.by_mpn("ADD")}
    plan = await store.catalogue.plan(plus.plan_id)
    assert plan
    (switch,) = plan.switches
    assert (switch.plan_id, switch.items) == (added.plan_id, {"PLUS": "STD"})


async def test_to_apply_a_file_again_writes_nothing(store: Store) -> None:
    await apply(store)
    before = await everything(store), await store.events.log(PROVIDER_ID, 0, 100)
    applied = await apply(store)
    assert (applied.version, applied.summary.is_empty) == (1, True)
    assert (await everything(store), await store.events.log(PROVIDER_ID, 0, 100)) == before


async def test_an_amount_that_is_written_otherwise_is_no_change(store: Store) -> None:
    await apply(store)
    assert (await apply(store, CATALOGUE.replace("price: 4.50", "price: '4.5'"))).summary.is_empty


async def test_an_export_applies_as_no_change(store: Store) -> None:
    await apply(store)
    text = await exported(store)
    assert (await apply(store, text)).version == 1
    assert "mail:" in text
    assert "prices: {EUR: '3'}" in text


async def test_what_has_left_the_file_is_retired_and_comes_back_with_its_id(store: Store) -> None:
    await apply(store)
    before = await everything(store)
    standard, plus = await product(store, "STD", YEAR), await product(store, "PLUS", YEAR)
    gone = CATALOGUE.replace("[1 month, 1 year, 14 days trial]", "[1 month]")
    gone = gone[: gone.index("  plus:")]
    await apply(store, gone)
    assert (await product(store, "STD", YEAR)).state == "retired"
    assert (await product(store, "STD", MONTH)).state == "published"
    assert (await product(store, "PLUS", YEAR)).state == "retired"
    plan = await store.catalogue.plan(plus.plan_id)
    assert plan
    assert (plan.state, plan.name) == ("retired", "Plus")
    assert "plus:" not in await exported(store)
    assert (await apply(store, await exported(store))).summary.is_empty
    assert [(one.what, one.kind, one.key) for one in await differences(store, CATALOGUE)][-1] == (
        "back",
        "plan",
        "plus",
    )
    await apply(store)
    assert await product(store, "STD", YEAR) == standard
    assert await product(store, "PLUS", YEAR) == plus
    assert await everything(store) == before


async def test_an_item_that_has_left_is_retired_alone(store: Store) -> None:
    await apply(store)
    before = await product(store, "ADD", YEAR)
    gone = CATALOGUE.replace("          ADD: {", "          NEW: {").replace("mpn: ADD", "mpn: NEW")
    what = [(one.what, one.mpn) for one in await differences(store, gone)]
    assert what == [("new", "NEW"), ("retired", "ADD"), ("changed", "PLUS")]
    await apply(store, gone)
    assert (await product(store, "ADD", YEAR)).state == "retired"
    assert (await product(store, "STD", YEAR)).state == "published"
    assert (await store.catalogue.rates([before.id], "EUR"))[before.id]
    await apply(store)
    assert await product(store, "ADD", YEAR) == before


async def test_a_currency_that_has_left_is_sold_in_no_more(store: Store) -> None:
    await apply(store)
    standard = await product(store, "STD", YEAR)
    await apply(store, CATALOGUE.replace(", USD: 5", ""))
    assert await store.catalogue.rates([standard.id], "USD") == {}
    assert set(await store.catalogue.rates([standard.id], "EUR")) == {standard.id}


async def test_differences_are_told_in_the_words_of_the_file(store: Store) -> None:
    await apply(store)
    changed = CATALOGUE.replace("price: 4.50", "price: 4.60").replace("name: Mail\n", "name: Post\n")
    changed = changed.replace("Acme GmbH", "Acme SE").replace("except: 1000000", "resellers: 1000000")
    assert await differences(store, changed) == [
        Difference(kind="vendor", key="acme", what="changed", changes={"name": ("Acme GmbH", "Acme SE")}),
        Difference(
            kind="plan",
            key="mail",
            what="changed",
            changes={"name": ("Mail", "Post"), "except": (["1000000"], None), "resellers": (None, ["1000000"])},
        ),
        Difference(kind="item", key="mail", mpn="STD", what="changed", changes={"prices.EUR.price": ("4.50", "4.60")}),
    ]


async def test_a_change_of_a_service_counts_for_its_plans(store: Store) -> None:
    await apply(store)
    manual = CATALOGUE.replace("automatic", "manual").replace("vendor: acme", "vendor: other")
    await apply(store, manual.replace("vendors: {", "vendors: {other: O, "))
    standard = await product(store, "STD", YEAR)
    plan = await store.catalogue.plan(standard.plan_id)
    assert plan
    assert (standard.vendor, plan.vendor, plan.fulfillment) == ("other", "other", "manual")


async def test_what_was_applied_is_in_the_providers_log(store: Store) -> None:
    await apply(store)
    (*_, event) = await store.events.log(PROVIDER_ID, 0, 100)
    assert (event.type, event.subject, event.origin.user) == ("catalogue.applied", ("catalogue", "1"), "root")
    assert event.changes["version"] == (0, 1)
    assert event.changes["new.plans"] == (None, 2)
    assert event.reason == "3 items, 2 plans, 1 service and 1 vendor new: acme, MAIL, mail, plus"


async def test_the_event_of_a_large_file_is_small(store: Store) -> None:
    many = [
        f"      p{n}: {{service: MAIL, name: P, periods: 1 year, items: {{X: {{name: X, prices: {{EUR: 1}}}}}}}}\n"
        for n in range(300)
    ]
    await apply(store, CATALOGUE + "".join(many))
    (*_, event) = await store.events.log(PROVIDER_ID, 0, 100)
    assert event.reason
    assert len(event.reason) < 400
    assert event.reason.endswith(", …")


async def test_what_two_operators_apply_at_once_is_never_mixed(store: Store, open_store: Open) -> None:
    """One of them is told, or is later and has seen what the other has applied."""
    other = await open_store()
    texts = [CATALOGUE, CATALOGUE.replace("name: Mail\n", "name: Post\n").replace("name: Plus\n", "name: Plus Post\n")]
    done = await asyncio.gather(apply(store, texts[0]), apply(other, texts[1]), return_exceptions=True)
    assert all(one.code is Code.CONFLICT for one in done if isinstance(one, Problem))
    applied = [text for text, one in zip(texts, done, strict=True) if isinstance(one, AppliedCatalogue)]
    assert await store.catalogue.version() == len(applied) > 0
    assert [] in [await differences(store, text) for text in applied]


async def test_who_has_seen_an_older_catalogue_is_told(store: Store) -> None:
    await apply(store)
    with content(CATALOGUE.replace("name: Plus\n", "name: Plus Post\n")) as late:
        for seen in (0, 2):
            with pytest.raises(Problem) as raised:
                await files(store).apply(OPERATOR, late, seen)
            assert raised.value.code is Code.CONFLICT
        assert (await files(store).apply(OPERATOR, late, 1)).version == 2


async def test_the_ids_of_an_apply_that_lost_are_given_back(store: Store) -> None:
    await apply(store)
    loser = CATALOGUE.replace(
        "ADD: {name: Add on", "MORE: {name: More, prices: {EUR: 1}}\n          ADD: {name: Add on"
    )
    real = store.catalogue_files.apply

    async def late(new: Any) -> int | None:
        await real(new._replace(batches=lambda: ()))  # another operator's, with the same version
        return await real(new)

    before = await ids(store)
    with mock.patch.object(store.catalogue_files, "apply", late), pytest.raises(Problem) as raised:
        await apply(store, loser)
    assert raised.value.code is Code.CONFLICT
    assert "Another operator has applied a catalogue meanwhile" in raised.value.message
    assert await ids(store) == before
    assert await store.catalogue.by_mpn("MORE") == []


async def ids(store: Store) -> list[int]:
    database: Any = store.catalogue_files._database
    return [
        row[0] for row in await database.rows("SELECT id FROM accounts WHERE kind IN ('plan', 'product') ORDER BY id")
    ]


async def test_an_apply_that_fails_leaves_nothing(store: Store) -> None:
    broken = mock.patch("emporion.store.catalogue_files.append", side_effect=Problem(Code.UNAVAILABLE, "x"))
    with broken, pytest.raises(Problem):
        await apply(store)
    assert await everything(store) == [[], [], [], [], []]
    assert await ids(store) == []
    assert await store.catalogue.version() == 0


async def test_a_plan_id_is_below_two_to_the_31st(store: Store) -> None:
    database: Any = store.catalogue_files._database

    take = database.write

    async def high(write: Any, kind: str = "", *args: Any) -> Any:
        taken = await take(write, kind, *args) if kind else await take(write)
        return [LARGEST_PLAN_ID + 1] if kind == "plan" else taken

    with mock.patch.object(database, "write", high), pytest.raises(Problem) as raised:
        await apply(store)
    assert raised.value.code is Code.CONFLICT
    assert "can have no more plans" in raised.value.message


async def test_only_an_owner_applies(store: Store) -> None:
    with content() as file, pytest.raises(AccessDenied):
        await files(store).apply(Actor(PROVIDER_ID, "root", "console", "editor"), file)


async def test_only_the_operator_may(store: Store) -> None:
    reseller = Actor(RESELLER_ID, "api", "api")
    with content() as file:
        with pytest.raises(AccessDenied):
            await files(store).apply(reseller, file)
        with pytest.raises(AccessDenied):
            [one async for one in files(store).differences(reseller, file)]
    with pytest.raises(AccessDenied):
        [one async for one in files(store).export(reseller)]


async def test_a_reseller_that_there_is_not_is_a_fault(store: Store) -> None:
    with content(CATALOGUE.replace("1000000", "1000077")) as file:
        with pytest.raises(Problem) as raised:
            await files(store).apply(OPERATOR, file)
        assert raised.value.code is Code.INVALID
        assert "names the reseller 1000077, and there is no such one" in file.faults.kept[0].message


@pytest.mark.parametrize("target", ["sqlite", "postgres"])
async def test_a_catalogue_moves_to_another_store(
    store: Store, target: str, tmp_path: Path, postgres: Databases
) -> None:
    await apply(store)
    with postgres.temporary() as name:
        copy = SqliteStore(tmp_path / "copy.db") if target == "sqlite" else PostgresStore(postgres.url(name), Limits())
        await copy.migrate()
        await copy.open()
        try:
            await copying.copy(store, copy, lambda _: None)
            checked = [one.table.name async for one in copying.check(store, copy, lambda _: None)]
            assert {"plans", "plan_items", "products", "product_rates"} <= {*checked}
            await copying.finish(store, copy)
            assert await everything(copy) == await everything(store)
            assert await differences(copy, CATALOGUE) == []
            more = "          MORE: {name: More, prices: {EUR: 1}}\n          ADD: {name: Add on"
            assert (await apply(copy, CATALOGUE.replace("          ADD: {name: Add on", more))).version == 2
            added = {int(one.id) for one in await copy.catalogue.by_mpn("MORE")}
            assert len(added) == 3
            assert not added & {*await ids(store)}
        finally:
            await copy.close()
