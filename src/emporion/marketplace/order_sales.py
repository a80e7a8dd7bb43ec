"""Orders of type sales and migration: what is bought, which makes a new subscription of each plan."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from msgspec import structs

from emporion import times
from emporion.orders import lines as rules
from emporion.orders.kept import Migrated
from emporion.orders.lines import Chosen, Dependent, period_text
from emporion.orders.terms import charged_span, migrated_term
from emporion.store.orders import trial_had

if TYPE_CHECKING:
    from emporion.catalogue.products import CatalogueProduct
    from emporion.marketplace.order_lines import LineReader, Planning
    from emporion.orders.kept import OrderLine
    from emporion.orders.lines import Held
    from emporion.store.base import Store

# How far from now a subscription may have begun that is taken over, and may end.
FARTHEST_YEARS = 50


async def sold(
    reader: LineReader, store: Store, planning: Planning, held: Callable[[], Awaitable[list[Held]]]
) -> tuple[list[OrderLine], CatalogueProduct | None]:
    """The lines of a sale or migration, and the product of the first one. held: what other subscriptions have."""
    chosen = await reader.identified(planning)
    for one in chosen:
        if one.quantity is not None and (message := rules.sale_fault(one.product, one.quantity)):
            planning.fault(f"{one.at}.quantity", message)
        elif one.quantity is None and one.sent.quantity is None and not planning.is_faulty(f"{one.at}.quantity"):
            planning.fault(f"{one.at}.quantity", "is required")
        if one.sent.subscription_id:
            planning.fault(f"{one.at}.subscriptionId", "must be left out: it makes a new subscription")
    _check_periods(planning, chosen)
    await reader.load_plans(planning, [one.product.plan_id for one in chosen])
    await _check_trials(store, planning, chosen)
    needs = any(one.product.depends_on for one in chosen)
    others = await held() if needs else []
    dependents = [Dependent(one.product, one.at) for one in chosen]
    added = await reader.completed(
        planning, dependents, [one.product.id for one in chosen], [one.product for one in chosen], others
    )
    for plan_id, plan in planning.plans.items():
        of_plan = [one for one in chosen if one.product.plan_id == plan_id]
        if of_plan:
            reader.check_parameters(planning, plan, of_plan)
    rates = await reader.rates(planning, [*chosen, *added])
    lines = [reader.line(planning, one, rates.get(one.product.id, [])) for one in [*chosen, *added]]
    return lines, chosen[0].product if chosen else None


async def _check_trials(store: Store, planning: Planning, chosen: Sequence[Chosen]) -> None:
    plans = {one.product.plan_id for one in chosen if one.product.trial}
    if plans and await store.orders.had_trial(planning.seller_id, planning.customer_id, plans):
        planning.conflicts.append(trial_had(plans).message)


def _check_periods(planning: Planning, chosen: Sequence[Chosen]) -> None:
    """Note a line whose plan another line buys for another period: what is bought of a plan is one subscription."""
    first: dict[int, Chosen] = {}
    for one in chosen:
        before = first.setdefault(one.product.plan_id, one)
        if before.product.subscription_period != one.product.subscription_period:
            period = period_text(before.product.subscription_period)
            member = "id" if one.sent.id is not None else "subscriptionPeriod"
            planning.fault(
                f"{one.at}.{member}", f"must be for {period}, as {before.at} is of the same plan: place another order"
            )


def migrated_subscription(planning: Planning, product: CatalogueProduct) -> Migrated | None:
    """What a migration tells of the subscription that it takes over (6.10). product: any of it."""
    request = planning.request
    days = [_day(text) for text in (request.start_date, request.migration_date, request.expiration_date)]
    if not all(days):
        return None
    start, migration, expiration = (day for day in days if day)
    if start.year < planning.day.year - FARTHEST_YEARS:
        planning.fault("startDate", f"must be at most {FARTHEST_YEARS} years ago")
    if expiration.year > planning.day.year + FARTHEST_YEARS:
        planning.fault("expirationDate", f"must be at most {FARTHEST_YEARS} years from now")
    if migration < start:
        planning.fault("migrationDate", "must not be before startDate")
    if migration > planning.day:
        planning.fault("migrationDate", f"must be {planning.day.isoformat()} or earlier")
    if expiration <= planning.day:
        planning.fault("expirationDate", f"must be later than {planning.day.isoformat()}")
    if planning.faults:
        return None
    migrated = Migrated(
        start_date=start.isoformat(),
        migration_date=migration.isoformat(),
        expiration_date=expiration.isoformat(),
        autorenewal=bool(request.autorenewal),
        migration_program=request.migration_program or None,
    )
    last, following = charged_span(migrated_term(product, migrated, planning.statement_day), migration)
    return structs.replace(migrated, last_billing_date=last.isoformat(), next_billing_date=following.isoformat())


def _day(text: str | None) -> date | None:
    at = times.instant(text) if isinstance(text, str) else None
    return None if at is None else datetime.fromtimestamp(at // 1000, UTC).date()
