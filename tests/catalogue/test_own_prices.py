"""What a product costs on each link of a chain, with and without own prices."""

from __future__ import annotations

from decimal import Decimal

import pytest

from emporion.catalogue.kept import ProductRates
from emporion.catalogue.own_prices import OwnPrice, chain_rates
from emporion.catalogue.rates import Rates, flat
from tests.catalogue_samples import price, tiers

KEPT = ProductRates(price("10", "5"), [price("8", "4"), price("9")], price("6"))
CHAIN = (999999, 1, 2, 3)


def own(amount: str, setup: str | None = None, currency: str = "USD") -> OwnPrice:
    return OwnPrice(
        currency=currency, recurring=flat(Decimal(amount)), setup=None if setup is None else flat(Decimal(setup))
    )


def margin(percent: str, setup: str | None = None) -> OwnPrice:
    return OwnPrice(currency="USD", margin=Decimal(percent), setup=None if setup is None else flat(Decimal(setup)))


def amounts(links: list[Rates]) -> list[tuple[str, str | None]]:
    """The amount of each link, and that of setup."""
    return [
        (f"{link.recurring.tiers[0].amount.normalize():f}", str(link.setup.tiers[0].amount) if link.setup else None)
        for link in links
    ]


@pytest.mark.parametrize(
    ("chain", "expected"),
    [
        (CHAIN[:1], [("6", None), ("10", "5")]),
        (CHAIN[:2], [("6", None), ("8", "4"), ("10", "5")]),
        (CHAIN[:3], [("6", None), ("8", "4"), ("9", None), ("10", "5")]),
        (CHAIN, [("6", None), ("8", "4"), ("9", None), ("9", None), ("10", "5")]),
    ],
)
def test_without_own_prices_each_level_pays_what_the_catalogue_says(
    chain: tuple[int, ...], expected: list[tuple[str, str | None]]
) -> None:
    assert amounts(chain_rates(KEPT, "USD", chain, {})) == expected


def test_without_costs_resellers_pay_what_customers_pay() -> None:
    assert amounts(chain_rates(ProductRates(price("10")), "USD", CHAIN[:3], {})) == [
        ("0", None),
        ("10", None),
        ("10", None),
        ("10", None),
    ]


def test_an_own_amount_counts_for_the_buyers_of_that_reseller_alone() -> None:
    links = amounts(chain_rates(KEPT, "USD", CHAIN, {2: own("20", "1")}))
    assert links == [("6", None), ("8", "4"), ("9", None), ("20", "1"), ("10", "5")]
    assert amounts(chain_rates(KEPT, "USD", CHAIN[:3], {2: own("20")}))[-1] == ("20", "5")


def test_a_margin_counts_on_what_the_reseller_pays_its_own_seller() -> None:
    links = amounts(chain_rates(KEPT, "USD", CHAIN, {1: own("20"), 2: margin("10"), 3: margin("-50", "2")}))
    assert links == [("6", None), ("8", "4"), ("20", None), ("22", None), ("11", "2")]
    assert amounts(chain_rates(KEPT, "USD", CHAIN[:2], {1: margin("25")}))[-1] == ("10", "5.000000")


def test_a_margin_counts_on_each_tier_and_is_rounded_once() -> None:
    kept = ProductRates(price("1"), [Rates(tiers("TIERED", (0, "0.333333"), (10, "0.1")))])
    rate = chain_rates(kept, "USD", CHAIN[:2], {1: margin("12.5")})[-1].recurring
    assert rate.model == "TIERED"
    assert [(tier.lower_limit, tier.amount) for tier in rate.tiers] == [
        (Decimal(0), Decimal("0.375000")),
        (Decimal(10), Decimal("0.112500")),
    ]


def test_amounts_in_another_currency_do_not_count() -> None:
    prices = {1: own("20", currency="EUR"), 2: margin("100")}
    assert amounts(chain_rates(KEPT, "USD", CHAIN[:3], prices))[2:] == [("9", None), ("18", None)]


def test_no_margin_counts_on_a_cost_that_is_not_known() -> None:
    unknown = ProductRates(price("10"))
    assert amounts(chain_rates(unknown, "USD", CHAIN[:1], {999999: margin("10")}))[-1] == ("10", None)
    assert amounts(chain_rates(KEPT, "USD", CHAIN[:1], {999999: margin("10")}))[-1] == ("6.6", None)
