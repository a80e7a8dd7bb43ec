"""The lines of an order: which product each means, how many there may be, and what must be there as well.

Pure: over what the catalogue and the subscription have. Each fault has the path of its line, such as
`products[1].quantity`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple, Protocol

from msgspec import UNSET, Struct

from emporion.catalogue.products import ABOVE_MOST, MOST_QUANTITY
from emporion.errors import Fault
from emporion.money import shown as number

if TYPE_CHECKING:
    from emporion.catalogue.products import CatalogueProduct, Dependency
    from emporion.orders.new import OrderProductRequest
    from emporion.periods import Period

# So many candidates are listed to a client.
MOST_CANDIDATES_TOLD = 10


class Chosen(NamedTuple):
    """A line whose product is known. at: its path. quantity: None where it is left to the platform, or faulty."""

    at: str
    sent: OrderProductRequest
    product: CatalogueProduct
    quantity: Decimal | None = None


class Narrowing(Struct, frozen=True):
    """What tells products with one MPN apart, beside the line itself."""

    plan_id: str | None = None
    subscription_period: Period | None = None


NOTHING_ELSE = Narrowing()


class NamedProduct(Protocol):
    """A product as a client names it, in an order or where parameters are checked."""

    @property
    def id(self) -> str | None: ...
    @property
    def mpn(self) -> str | None: ...
    @property
    def vendor(self) -> str | None: ...
    @property
    def billing_period(self) -> Period | None: ...
    @property
    def subscription_period(self) -> Period | None: ...


def identify(
    sent: NamedProduct, at: str, candidates: Sequence[CatalogueProduct], narrowing: Narrowing = NOTHING_ELSE
) -> CatalogueProduct | Fault:
    """The product that a line means, or why it means none (ordering.md 6.2).

    candidates: the product with the line's id, if it has one; else those with its MPN.
    """
    if sent.id is not None:
        return _by_id(sent, at, candidates)
    fitting = [one for one in candidates if one.mpn == sent.mpn]
    asked = _asked(sent, narrowing)
    found = [one for one in fitting if all(wanted == of(one) for _, wanted, of, _ in asked)]
    if len(found) == 1:
        return found[0]
    if not found:
        told = ", ".join([f"mpn {sent.mpn}", *(f"{name} {text}" for name, _, _, text in asked)])
        others = f"; with this mpn there are: {listed(fitting)}" if fitting else ""
        return Fault(f"{at}.mpn", f"No entity has been found with {told}{others}")
    decisive = _decisive(found)
    send = f"{' or '.join(decisive)}, or id" if decisive else "id"
    return Fault(f"{at}.mpn", f"is ambiguous, send {send} as well; there are: {listed(found)}")


def _by_id(sent: NamedProduct, at: str, candidates: Sequence[CatalogueProduct]) -> CatalogueProduct | Fault:
    for one in candidates:
        if one.id == sent.id:
            if sent.mpn not in (None, UNSET, one.mpn):
                return Fault(f"{at}.mpn", f"contradicts id: product {one.id} has the mpn {one.mpn}; send one of both")
            return one
    return Fault(f"{at}.id", f"No entity has been found with id {sent.id}")


_Asked = tuple[str, object, "Callable[[CatalogueProduct], object]", str]


def _asked(sent: NamedProduct, narrowing: Narrowing) -> list[_Asked]:
    """Each member by which candidates are narrowed: its name, its value, that of a candidate, and its text."""
    found: list[_Asked] = []
    if sent.vendor:
        found.append(("vendor", sent.vendor.casefold(), lambda one: one.vendor.casefold(), sent.vendor))
    if period := sent.subscription_period or narrowing.subscription_period:
        found.append(("subscriptionPeriod", period, lambda one: one.subscription_period, period_text(period)))
    if sent.billing_period:
        found.append(
            ("billingPeriod", sent.billing_period, lambda one: one.billing_period, period_text(sent.billing_period))
        )
    if narrowing.plan_id:
        found.append(("planId", narrowing.plan_id, lambda one: str(one.plan_id), narrowing.plan_id))
    return found


def _decisive(found: Sequence[CatalogueProduct]) -> list[str]:
    """The members that would tell the candidates apart."""
    values: dict[str, set[object]] = {
        "vendor": {one.vendor.casefold() for one in found},
        "subscriptionPeriod": {one.subscription_period for one in found},
        "billingPeriod": {one.billing_period for one in found},
        "planId": {one.plan_id for one in found},
    }
    return [name for name, several in values.items() if len(several) > 1]


def listed(products: Sequence[CatalogueProduct]) -> str:
    """Products for a message: what tells each from the others."""
    told = [
        f"{one.id} (vendor {one.vendor}, planId {one.plan_id}, subscriptionPeriod "
        f"{period_text(one.subscription_period)}, billingPeriod {period_text(one.billing_period)})"
        for one in products[:MOST_CANDIDATES_TOLD]
    ]
    more = len(products) - MOST_CANDIDATES_TOLD
    return "; ".join([*told, f"and {more} more"] if more > 0 else told)


def period_text(period: Period) -> str:
    """A period for a message, such as `1 year`."""
    return f"{period.duration} {period.type}"


def twice(lines: Iterable[Chosen]) -> Iterator[Fault]:
    """A fault for each line whose product another line has already; quantities are not added."""
    first: dict[str, str] = {}
    for line in lines:
        if line.product.id in first:
            member = "id" if line.sent.id is not None else "mpn"
            message = (
                f"is in the order twice: {first[line.product.id]} is product {line.product.id} as well; send one line"
            )
            yield Fault(f"{line.at}.{member}", message)
        else:
            first[line.product.id] = line.at


def sale_fault(product: CatalogueProduct, quantity: Decimal) -> str | None:
    """What is wrong with a quantity that is bought (6.3)."""
    least = max(product.minimum_quantity, Decimal(0) if product.fractions else Decimal(1))
    if quantity <= 0 and not least:
        return "must be more than 0"
    return _not_whole(product, quantity) or _outside(product, quantity, least)


def total_fault(product: CatalogueProduct, quantity: Decimal, present: Decimal | None = None) -> str | None:
    """What is wrong with a quantity that a subscription is to have of a product; 0 takes it out (6.3).

    present: what it has. Where the catalogue has moved its limits away from that, a total nearer to them will do.
    """
    if quantity == present:
        return None
    if quantity < 0:
        return "is the new total, not the difference: must be 0 or more"
    if quantity == 0:
        if product.minimum_quantity > 0:
            return (
                f"must be {number(product.minimum_quantity)} or more: a subscription has at least so many; an order of "
                "type cancellation ends it"
            )
        return None
    if wrong := _not_whole(product, quantity):
        return wrong
    wrong = _outside(product, quantity, product.minimum_quantity)
    if not wrong or present is None:
        return wrong
    least, most = product.minimum_quantity, product.maximum_quantity
    if present < least and quantity < least:
        return None if quantity > present else f"{wrong}, or more than the {number(present)} that there are"
    if most is not None and present > most and quantity > most:
        return None if quantity < present else f"{wrong}, or less than the {number(present)} that there are"
    return wrong


def _not_whole(product: CatalogueProduct, quantity: Decimal) -> str | None:
    return None if product.fractions or quantity == int(quantity) else "must be a whole number"


def _outside(product: CatalogueProduct, quantity: Decimal, least: Decimal) -> str | None:
    if quantity < least:
        return f"must be {number(least)} or more"
    if product.maximum_quantity is not None and quantity > product.maximum_quantity:
        return f"must be {number(product.maximum_quantity)} or less"
    if quantity > MOST_QUANTITY:
        return ABOVE_MOST
    return None


def least_of(product: CatalogueProduct) -> Decimal:
    """How many there must be of a product on which another one depends."""
    return max(product.minimum_quantity, Decimal(1))


class Held(NamedTuple):
    """A product that an active subscription of the customer has."""

    product_id: str
    plan_id: int
    mpn: str
    subscription_id: str


class Dependent(NamedTuple):
    """A product, and what it depends on. at: the path of its line, None for what is in the subscription already."""

    product: CatalogueProduct
    at: str | None


class Completed(NamedTuple):
    """What an order lacks. added: products of its own plans, each with how many. faults: what must be bought first."""

    added: list[tuple[CatalogueProduct, Decimal]]
    faults: list[Fault]


def complete(
    dependents: Sequence[Dependent],
    chosen: Collection[str],
    same_plan: Mapping[int, Sequence[CatalogueProduct]],
    held: Sequence[Held],
    bought: Sequence[CatalogueProduct],
) -> Completed:
    """What must be added to an order for all that its products depend on (6.3, dependsOn).

    chosen: the ids of products that the order, or the subscription after it, has. same_plan: the products of each plan.
    held: what other active subscriptions of the customer have. bought: the products that the order buys.
    """
    have, waiting = set(chosen), list(dependents)
    added: list[tuple[CatalogueProduct, Decimal]] = []
    faults: list[Fault] = []
    while waiting:
        product, at = waiting.pop(0)
        for needed in product.depends_on:
            mine = in_plan(needed, product, same_plan.get(product.plan_id, ()))
            if mine and mine.id in have:
                continue
            if mine and mine.state == "published":
                have.add(mine.id)
                added.append((mine, least_of(mine)))
                waiting.append(Dependent(mine, at))
            elif not _elsewhere(needed, held, [*bought, *(one for one, _ in added)]):
                place = f"{at}.id" if at else "products"
                faults.append(Fault(place, f"{_needs(product, needed)}: order that as well, or first"))
    return Completed(added, faults)


def in_plan(
    needed: Dependency, product: CatalogueProduct, products: Sequence[CatalogueProduct]
) -> CatalogueProduct | None:
    """The product of its own plan that a product depends on, for its own period; None if that is of another plan."""
    for one in products:
        if one.id == needed.id:
            return one
    if getattr(needed, "plan_id", None) not in (None, product.plan_id):
        return None
    for one in products:
        if one.mpn == needed.mpn and one.subscription_period == product.subscription_period:
            return one
    return None


def _elsewhere(needed: Dependency, held: Sequence[Held], bought: Sequence[CatalogueProduct]) -> bool:
    """Whether the customer has what is needed in another subscription, or buys it in the same order."""
    return any(meets(needed, one.product_id, one.plan_id, one.mpn) for one in held) or any(
        meets(needed, one.id, one.plan_id, one.mpn) for one in bought
    )


def meets(needed: Dependency, product_id: str, plan_id: int, mpn: str) -> bool:
    """Whether a product is what another one depends on: any period of it will do."""
    if needed.id == product_id:
        return True
    plan = getattr(needed, "plan_id", None)
    return mpn == needed.mpn and (plan is None or plan == plan_id)


def _needs(product: CatalogueProduct, needed: Dependency) -> str:
    return f"needs {needed.mpn} (product {needed.id}), on which {product.mpn} depends"
