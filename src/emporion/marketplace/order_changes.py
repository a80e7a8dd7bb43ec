"""Orders of type change: new quantities of a subscription, products added to it, and switches of its plan or period."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from msgspec import structs

from emporion.accounts.ids import account_number
from emporion.catalogue.parameters import ParameterValue
from emporion.errors import Fault
from emporion.marketplace.order_lines import Planning, secrets_of, values_of
from emporion.money import shown as number
from emporion.orders import lines as rules
from emporion.orders.kept import OrderLine
from emporion.orders.lines import Chosen, Dependent, Narrowing, period_text
from emporion.orders.new import OrderProductRequest
from emporion.orders.terms import FIXED_STARTS, may_be_returned, running_term

if TYPE_CHECKING:
    from emporion.catalogue.plans import Plan, PlanSwitch
    from emporion.catalogue.products import CatalogueProduct
    from emporion.marketplace.order_lines import LineReader
    from emporion.periods import Period
    from emporion.subscriptions import SubscriptionItem

_NOTHING = Decimal(0)
_NOT_YET = "is not supported yet: the plan lets it count at the {when} only, and orders count at once"
_WHEN = {"next_billing_period": "next billing period", "next_subscription_period": "next subscription period"}


async def changed(reader: LineReader, planning: Planning) -> list[OrderLine]:
    """The lines of a change; with what is wrong in `planning`."""
    await reader.load_plans(planning, [planning.running.plan_id])
    plan = planning.plans[planning.running.plan_id]
    products = {one.id: one for one in await reader.catalogue.plan_products(plan.id)}
    target = await _target(reader, planning)
    if any(planning.is_faulty(f"{at}.newId") for at, _ in planning.sent()):
        return []
    if target:
        return await _switched(reader, planning, plan, products, *target)
    if planning.request.upgrade_start_type:
        planning.fault("upgradeStartType", "counts only in a switch of plan or period: leave it out")
    return await _new_quantities(reader, planning, plan, products)


async def _target(reader: LineReader, planning: Planning) -> tuple[int, Period] | None:
    """The plan and period to which an order switches, if it does."""
    request, running = planning.request, planning.running
    plan_id, period = running.plan_id, running.subscription_period
    switches = False
    for at, sent in planning.sent():
        if sent.new_id:
            product = await reader.catalogue.product(planning.seller, sent.new_id)
            if not product:
                planning.fault(f"{at}.newId", f"No entity has been found with id {sent.new_id}")
                continue
            plan_id, period = product.plan_id, product.subscription_period
        switches = switches or bool(sent.new_id or sent.new_mpn)
    if request.plan_id:
        wanted = account_number(request.plan_id)
        plan_id = -1 if wanted is None else wanted
    if request.subscription_period and not planning.is_faulty("subscriptionPeriod"):
        period = request.subscription_period
    if switches or (plan_id, period) != (running.plan_id, running.subscription_period):
        return plan_id, period
    return None


async def _new_quantities(
    reader: LineReader, planning: Planning, plan: Plan, products: Mapping[str, CatalogueProduct]
) -> list[OrderLine]:
    items = {item.product_id: item for item in planning.running.items}
    chosen: list[Chosen] = []
    for at, sent in planning.sent():
        product = await _named(reader, planning, at, sent, products)
        if isinstance(product, Fault):
            planning.faults.append(product)
        else:
            chosen.append(Chosen(at, sent, product, sent.quantity if isinstance(sent.quantity, Decimal) else None))
    planning.faults += rules.twice(chosen)
    for one in chosen:
        _check_total(planning, plan, one, items.get(one.product.id))
    reader.check_parameters(planning, plan, chosen, _known(planning, plan)) if chosen else None
    after = {id_: item.quantity for id_, item in items.items()}
    after |= {one.product.id: one.quantity for one in chosen if one.quantity is not None}
    await _check_dependents(reader, planning, chosen, items, after, products)
    new = [one for one in chosen if one.product.id not in items and one.quantity]
    dependents = [Dependent(one.product, one.at) for one in new]
    held = planning.had or ()
    named = [one.product.id for one in chosen]
    present = [id_ for id_, quantity in after.items() if quantity or id_ in named]
    added = await reader.completed(planning, dependents, present, [one.product for one in new], held)
    lines = await _lines(reader, planning, [*chosen, *added], items)
    if not lines and not planning.faults and not planning.conflicts:
        planning.fault("products", "must change something: the subscription has just that already")
    if lines and not any([*after.values(), *added]):
        planning.fault("products", "must leave something: to end a subscription, place an order of type cancellation")
    return lines


async def _named(
    reader: LineReader, planning: Planning, at: str, sent: OrderProductRequest, products: Mapping[str, CatalogueProduct]
) -> CatalogueProduct | Fault:
    """The product that a line means: first of the subscription, then of its plan (6.2)."""
    had = {item.product_id for item in planning.running.items}
    own = [product for id_, product in products.items() if id_ in had]
    if sent.id is None and any(one.mpn == sent.mpn for one in own):
        return rules.identify(sent, at, own)
    found = rules.identify(sent, at, list(products.values()), Narrowing(None, planning.running.subscription_period))
    if isinstance(found, Fault) or found.id in had:
        return found
    if found.subscription_period != planning.running.subscription_period:
        member = "id" if sent.id is not None else "mpn"
        own_period = period_text(planning.running.subscription_period)
        message = f"is for {period_text(found.subscription_period)}, and the subscription for {own_period}"
        return Fault(f"{at}.{member}", message)
    if not await reader.catalogue.product(planning.seller, found.id):
        return Fault(f"{at}.{'id' if sent.id is not None else 'mpn'}", f"No entity has been found with id {found.id}")
    return found


def _check_total(planning: Planning, plan: Plan, one: Chosen, item: SubscriptionItem | None) -> None:
    """Note what is wrong with a new total."""
    if one.quantity is None:
        if one.sent.quantity is None and one.sent.special_price is None:
            planning.fault(f"{one.at}.quantity", "is required")
        return
    if message := rules.total_fault(one.product, one.quantity, item.quantity if item else None):
        planning.fault(f"{one.at}.quantity", message)
    elif not item and not one.quantity:
        planning.fault(f"{one.at}.quantity", f"must be more than 0: the subscription has no {one.product.mpn}")
    elif item and one.quantity < item.quantity and not _may_fall(planning, plan):
        planning.fault(f"{one.at}.quantity", _NOT_YET.format(when=_WHEN[plan.policies.decrease]))


def _may_fall(planning: Planning, plan: Plan) -> bool:
    """Whether quantities may fall at once."""
    policies = plan.policies
    return policies.decrease == "immediately" or may_be_returned(running_term(planning.running), policies, planning.day)


async def _check_dependents(
    reader: LineReader, planning: Planning, chosen: Sequence[Chosen], items: Mapping[str, SubscriptionItem],
    after: Mapping[str, Decimal], products: Mapping[str, CatalogueProduct],
) -> None:  # fmt: skip
    """Note what depends on a product that an order takes out, or too much of (6.3)."""
    for one in chosen:
        item, quantity = items.get(one.product.id), one.quantity
        if not item or quantity is None or quantity >= min(item.quantity, rules.least_of(one.product)):
            continue
        for id_, left in after.items():
            dependent = products.get(id_)
            if dependent and left and dependent.id != one.product.id and _depends(dependent, one.product, products):
                least, many = number(rules.least_of(one.product)), number(left)
                planning.conflicts.append(
                    f"{one.at}.quantity must be {least} or more: {dependent.mpn} (product {dependent.id}, of which "
                    f"there are {many}) depends on {one.product.mpn}. Take that out first."
                )
                break
        else:
            if not quantity:
                await check_others(reader, planning, [one.product], one.at)


def _depends(dependent: CatalogueProduct, product: CatalogueProduct, products: Mapping[str, CatalogueProduct]) -> bool:
    plan = list(products.values())
    return any(
        mine.id == product.id for needed in dependent.depends_on if (mine := rules.in_plan(needed, dependent, plan))
    )


async def check_others(
    reader: LineReader,
    planning: Planning,
    gone: Sequence[CatalogueProduct],
    at: str,
    coming: Sequence[CatalogueProduct] = (),
) -> None:
    """Note another subscription of the customer that depends on products which an order takes away.

    coming: what it brings in their place.
    """
    for held in planning.had or ():
        product = await reader.catalogue.known_product(held.product_id)
        for needed in product.depends_on if product else ():
            taken = [one for one in gone if rules.meets(needed, one.id, one.plan_id, one.mpn)]
            others = any(
                rules.meets(needed, one.product_id, one.plan_id, one.mpn)
                for one in planning.had or ()
                if one.subscription_id != planning.running.id
            ) or any(rules.meets(needed, one.id, one.plan_id, one.mpn) for one in coming)
            if taken and not others:
                planning.conflicts.append(
                    f"{at}: {held.mpn} of subscription {held.subscription_id} depends on {taken[0].mpn}. Take that "
                    "out, or cancel that subscription, first."
                )
                return


async def _lines(
    reader: LineReader, planning: Planning, chosen: Sequence[Chosen], items: Mapping[str, SubscriptionItem]
) -> list[OrderLine]:
    """The lines that change something. What the subscription has keeps its prices, unless the line names another."""
    new = [one for one in chosen if one.product.id not in items]
    rates = await reader.rates(planning, new) if new else {}
    kept = planning.running.order_parameters
    lines = []
    for one in chosen:
        item = items.get(one.product.id)
        if not item:
            lines.append(reader.line(planning, one, rates.get(one.product.id, []), previous=_NOTHING))
            continue
        special = reader.special_price(planning, one, item.rates)
        quantity = one.quantity if one.quantity is not None else item.quantity
        tells = any(value not in kept for value in values_of(one))
        if quantity == item.quantity and (special is None or special == item.rates) and not tells:
            continue
        line = reader.line(planning, one, special or item.rates, previous=item.quantity)
        lines.append(structs.replace(line, quantity=quantity, previous_rates=item.rates if special else None,
                                     special=bool(special) or getattr(item, "special", False)))  # fmt: skip
    return lines


async def _switched(
    reader: LineReader,
    planning: Planning,
    plan: Plan,
    products: Mapping[str, CatalogueProduct],
    plan_id: int,
    to: Period,
) -> list[OrderLine]:
    """The lines of a switch: what comes, and what goes."""
    way = _way(planning, plan, plan_id, to)
    if not way:
        return []
    await reader.load_plans(planning, [plan_id])
    of_target = [one for one in await reader.catalogue.plan_products(plan_id) if one.subscription_period == to]
    by_item, additions = await _named_in_switch(planning, products, of_target)
    coming: dict[str, Chosen] = {}
    replaced: dict[str, str] = {}
    for item in planning.running.items:
        at, sent = by_item.get(item.product_id, ("planId", OrderProductRequest()))
        product = _counterpart(planning, way, item, at, sent, of_target)
        if not product:
            continue
        quantity = sent.quantity if isinstance(sent.quantity, Decimal) else item.quantity
        before = coming.get(product.id)
        total = quantity + (before.quantity or _NOTHING) if before else quantity
        coming[product.id] = Chosen(at, sent, product, total)
        replaced.setdefault(product.id, item.product_id)
    for one in additions:
        if one.product.id in coming:
            planning.fault(f"{one.at}.mpn", f"is what {replaced[one.product.id]} becomes: name that")
        coming[one.product.id] = one
    chosen = [one for one in coming.values() if one.quantity != 0]
    for one in coming.values():
        if one.quantity is not None and (message := rules.total_fault(one.product, one.quantity)):
            planning.fault(f"{one.at}.quantity" if one.at != "planId" else one.at, f"{message} ({one.product.mpn})")
    if not chosen and not planning.faults:
        planning.fault("planId", "nothing of the subscription has a counterpart in that plan")
    for one in chosen:
        if not await reader.catalogue.product(planning.seller, one.product.id):
            planning.fault(one.at, f"No entity has been found with id {one.product.id}")
    dependents = [Dependent(one.product, one.at) for one in chosen]
    added = await reader.completed(
        planning, dependents, list(coming), [one.product for one in chosen], planning.had or ()
    )
    chosen += added
    gone = [products[item.product_id] for item in planning.running.items if item.product_id in products]
    await check_others(reader, planning, gone, "planId", [one.product for one in chosen])
    _check_values(reader, planning, plan_id, chosen)
    rates = await reader.rates(planning, chosen)
    lines = [
        reader.line(
            planning, one, rates.get(one.product.id, []), previous=_NOTHING, replaces=replaced.get(one.product.id)
        )
        for one in chosen
    ]
    return [*lines, *(_gone(planning, item) for item in planning.running.items)]


def _check_values(reader: LineReader, planning: Planning, plan_id: int, chosen: Sequence[Chosen]) -> None:
    sent = [one for one in chosen if values_of(one)] or list(chosen[:1])
    if plan := planning.plans.get(plan_id):
        reader.check_parameters(planning, plan, sent, _known(planning, plan))


def _known(planning: Planning, plan: Plan) -> list[ParameterValue]:
    """What the vendor of a plan was told already; secrets, which are not kept, without their values."""
    running = planning.running
    is_same = planning.plans[running.plan_id].service_name == plan.service_name
    secrets = [ParameterValue(name, "") for name in secrets_of(plan)] if is_same else []
    return [*running.order_parameters, *secrets]


def _way(planning: Planning, plan: Plan, plan_id: int, to: Period) -> PlanSwitch | None:
    """The switch of a plan that leads there; a fault where there is none, or where it does not count at once."""
    source = planning.running.subscription_period
    ways = [way for way in plan.switches if way.source_subscription_period == source]
    member = "planId" if planning.request.plan_id else "subscriptionPeriod"
    if not planning.request.plan_id and not planning.request.subscription_period:
        at, sent = next((at, one) for at, one in planning.sent() if one.new_id or one.new_mpn)
        member = f"{at}.{'newId' if sent.new_id else 'newMPN'}"
    for way in ways:
        if (way.plan_id, way.subscription_period) == (plan_id, to):
            if way.when_effective != "immediately" or way.billing_policy == "period_change":
                when = (
                    "next billing period" if way.when_effective == "next_billing_period" else "next subscription period"
                )
                planning.fault(member, _NOT_YET.format(when=when))
                return None
            return way if _starts_as_asked(planning, way) else None
    known = "; ".join(f"planId {way.plan_id} for {period_text(way.subscription_period)}" for way in ways)
    message = (
        f"no switch leads from plan {plan.id} for {period_text(source)} to plan {planning.request.plan_id or plan_id}"
    )
    planning.fault(member, f"{message} for {period_text(to)}; {f'there are: {known}' if ways else 'it has none'}")
    return None


def _starts_as_asked(planning: Planning, way: PlanSwitch) -> bool:
    asked = planning.request.upgrade_start_type
    if not asked or way.billing_policy not in FIXED_STARTS:
        return True
    does = FIXED_STARTS[way.billing_policy] or "from_old_start_date"
    if asked != does:
        planning.fault("upgradeStartType", f"must be {does}: so the plan has it for this switch")
    return asked == does


async def _named_in_switch(
    planning: Planning, products: Mapping[str, CatalogueProduct], of_target: Sequence[CatalogueProduct]
) -> tuple[dict[str, tuple[str, OrderProductRequest]], list[Chosen]]:
    """The lines by the item of the subscription that they name, and those that name a product of the target."""
    had = {item.product_id for item in planning.running.items}
    own = [product for id_, product in products.items() if id_ in had]
    by_item: dict[str, tuple[str, OrderProductRequest]] = {}
    additions: list[Chosen] = []
    for at, sent in planning.sent():
        is_own = any(sent.id == one.id if sent.id is not None else sent.mpn == one.mpn for one in own)
        found = rules.identify(sent, at, own if is_own else of_target)
        if isinstance(found, Fault):
            planning.faults.append(found)
        elif found.id in by_item:
            planning.fault(f"{at}.mpn", f"is in the order twice: {by_item[found.id][0]} is product {found.id} as well")
        elif is_own:
            by_item[found.id] = (at, sent)
        elif isinstance(sent.quantity, Decimal):
            additions.append(Chosen(at, sent, found, sent.quantity))
        elif sent.quantity is None:
            planning.fault(f"{at}.quantity", "is required")
    planning.faults += rules.twice(additions)
    return by_item, additions


def _counterpart(
    planning: Planning, way: PlanSwitch, item: SubscriptionItem, at: str, sent: OrderProductRequest,
    of_target: Sequence[CatalogueProduct],
) -> CatalogueProduct | None:  # fmt: skip
    """What an item becomes; None where it has no counterpart, or a fault."""
    mapped = way.items.get(item.mpn, item.mpn)
    if sent.new_id:
        named = next((one for one in of_target if one.id == sent.new_id), None)
        member, wanted = "newId", named.mpn if named else None
    else:
        member, wanted = "newMPN", sent.new_mpn or None
    if item.mpn in way.items and wanted and wanted != mapped:
        becomes = f"becomes {mapped}" if mapped else "has no counterpart"
        planning.fault(f"{at}.{member}", f"{item.mpn} {becomes} in this switch")
        return None
    mpn = wanted or mapped
    product = next((one for one in of_target if one.mpn == mpn), None)
    if not product and (wanted or sent.new_id):
        planning.fault(f"{at}.{member}", f"No entity has been found with mpn {mpn} in plan {way.plan_id}")
    return product


def _gone(planning: Planning, item: SubscriptionItem) -> OrderLine:
    """The line of a product that a switch takes away."""
    running = planning.running
    return OrderLine(
        product_id=item.product_id,
        mpn=item.mpn,
        vendor=item.vendor,
        name=item.name,
        plan_id=running.plan_id,
        billing_period=running.billing_period,
        subscription_period=running.subscription_period,
        quantity=_NOTHING,
        previous_quantity=item.quantity,
        subscription_id=running.id,
        rates=item.rates,
    )
