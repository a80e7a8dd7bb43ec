"""Items and terms that hypothesis makes, and short ways to write some."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction

from hypothesis import settings
from hypothesis import strategies as st
from msgspec import Struct, structs

from emporion import money
from emporion.catalogue.plans import BillingModel, Policies
from emporion.catalogue.rates import PriceModel, Rate, Rates, Tier, flat
from emporion.orders.kept import Charge
from emporion.orders.pricing import PricedItem
from emporion.orders.terms import Term, new_term
from emporion.periods import Period
from tests.effort import effort

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
    shown = money.shown
    return [(one.type, shown(one.quantity), shown(one.unit_price), shown(one.amount)) for one in charges[-1]]


def exact(charges: Sequence[Charge], share: Fraction) -> Fraction:
    """What charges would come to if none was rounded."""
    return sum((Fraction(one.unit_price) * Fraction(one.quantity) * share for one in charges), Fraction(0))


PRICES = st.integers(0, 10**9).map(lambda millionths: Decimal(millionths).scaleb(-6))
QUANTITIES = st.integers(0, 300).map(Decimal)
LIMITS = st.sampled_from([[], [1], [2], [10], [10, 50], [2, 100], [50, 51, 52]])
RATES = st.builds(
    lambda model, limits, amounts: Rate(
        model,
        [Tier(Decimal(limit), amount) for limit, amount in zip([0, *limits], amounts, strict=False)],
    ),
    st.sampled_from(MODELS[1:]),
    LIMITS,
    st.tuples(PRICES, PRICES, PRICES, PRICES),
)


def items(position: int = 1) -> st.SearchStrategy[PricedItem]:
    """A product with prices for two links, of which there is another number than before."""
    return st.builds(
        lambda rates, quantity, previous: PricedItem(
            product_id=str(position),
            mpn=f"MPN-{position}",
            name=f"Product {position}",
            quantity=quantity,
            previous=previous,
            rates=list(rates),
        ),
        st.tuples(st.builds(Rates, RATES), st.builds(Rates, RATES, RATES)),
        QUANTITIES,
        QUANTITIES,
    )


BASKETS = st.tuples(items(1), items(2)) | st.tuples(items(1))
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


def many(test: Callable[..., None]) -> Callable[..., None]:
    """A test of properties, with as many examples as the run has time for."""
    return settings(max_examples=effort(quick=50, thorough=500))(test)
