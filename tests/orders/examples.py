"""Items and terms that hypothesis makes, and short ways to write some."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction

from hypothesis import strategies as st
from msgspec import Struct, structs

from emporion import money
from emporion.catalogue.plans import BillingModel, Policies
from emporion.catalogue.rates import PriceModel, Rate, Rates, Tier, flat
from emporion.orders.kept import Charge
from emporion.orders.pricing import PricedItem
from emporion.orders.terms import Term, new_term
from emporion.periods import Period

MONTH, YEAR = Period("month", 1), Period("year", 1)
KEEPING = Policies(decrease_refund="none", cancellation_refund="none")
CURRENCIES = st.sampled_from(["JPY", "EUR", "KWD"])
MODELS: tuple[PriceModel, ...] = ("FLAT", "TIERED", "VOLUME_SUBSCRIPTION", "VOLUME_ORDER")


class Offer(Struct, frozen=True, kw_only=True):
    """How a product of these tests is billed."""

    billing_model: BillingModel = "chargeBeforeBillingPeriod"
    billing_period: Period = MONTH
    subscription_period: Period = YEAR
    trial: bool = False


def term(day: str, statement_day: int = 1, **offer: object) -> Term:
    """The term of what is bought on a day."""
    return new_term(structs.replace(Offer(), **offer), date.fromisoformat(day), statement_day)


def steps(model: PriceModel, *amounts: tuple[str, str]) -> Rate:
    """A price by lower limits and amounts."""
    return Rate(model, [Tier(Decimal(limit), Decimal(amount)) for limit, amount in amounts])


def item(
    quantity: object,
    previous: object = 0,
    rate: Rate | str = "4.5",
    setup: Rate | str | None = None,
    name: str = "Mail",
) -> PricedItem:
    """A product that costs the same for each of two links."""
    recurring = flat(Decimal(rate)) if isinstance(rate, str) else rate
    first = flat(Decimal(setup)) if isinstance(setup, str) else setup
    return PricedItem(
        product_id="1000301",
        mpn="MAIL",
        name=name,
        quantity=Decimal(str(quantity)),
        previous=Decimal(str(previous)),
        rates=[Rates(recurring, first)] * 2,
    )


def lines(charges: Sequence[Sequence[Charge]]) -> list[tuple[str, str, str, str]]:
    """Type, quantity, price of a unit and amount of each charge of the last link."""
    return [
        (charge.type, *(money.shown(value) for value in (charge.quantity, charge.unit_price, charge.amount)))
        for charge in charges[-1]
    ]


def exact(charges: Sequence[Charge], share: Fraction) -> Fraction:
    """What charges would come to if none was rounded."""
    return sum((Fraction(one.unit_price) * Fraction(one.quantity) * share for one in charges), Fraction(0))


PRICES = st.decimals(min_value=0, max_value=1000, places=6, allow_nan=False, allow_infinity=False)
QUANTITIES = st.integers(0, 300).map(Decimal)


@st.composite
def rates(draw: st.DrawFn) -> Rate:
    """A price of any model."""
    model = draw(st.sampled_from(MODELS))
    limits = draw(st.lists(st.integers(1, 200), max_size=3, unique=True)) if model != "FLAT" else []
    return Rate(model, [Tier(Decimal(limit), draw(PRICES)) for limit in [0, *sorted(limits)]])


@st.composite
def items(draw: st.DrawFn, position: int = 1) -> PricedItem:
    """A product with prices for two links, of which there is another number than before."""
    of_links = draw(st.lists(st.builds(Rates, rates(), st.none() | rates()), min_size=2, max_size=2))
    return PricedItem(
        product_id=str(position),
        mpn=f"MPN-{position}",
        name=f"Product {position}",
        quantity=draw(QUANTITIES),
        previous=draw(QUANTITIES),
        rates=of_links,
    )


BASKETS = st.integers(1, 4).flatmap(lambda count: st.tuples(*(items(position) for position in range(count))))
DAYS = st.dates(date(2023, 1, 1), date(2033, 12, 31))
TERMS = st.builds(
    lambda day, offer, statement_day: new_term(offer, day, statement_day),
    DAYS,
    st.builds(
        Offer,
        billing_model=st.sampled_from(
            ["chargeBeforeBillingPeriod", "chargeAfterBillingPeriod", "chargeBeforeSubscriptionPeriod"]
        ),
        billing_period=st.sampled_from(
            [MONTH, YEAR, Period("month", 3), Period("statement_day", 1), Period("statement_day", 3)]
        ),
        subscription_period=st.sampled_from([MONTH, YEAR, Period("month", 5), Period("year", 3), Period("day", 14)]),
        trial=st.booleans(),
    ),
    st.integers(1, 28),
)


@st.composite
def terms_and_days(draw: st.DrawFn) -> tuple[Term, date]:
    """A term, and a day of it."""
    made = draw(TERMS)
    number = draw(st.integers(0, (made.expiration - made.start).days - 1))
    return made, date.fromordinal(made.start.toordinal() + number)
