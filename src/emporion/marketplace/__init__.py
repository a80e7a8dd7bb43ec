"""What the platform does: one file per noun, every rule about who may do what. Each door calls the same methods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emporion.marketplace.catalogue import Catalogue
    from emporion.marketplace.catalogue_files import CatalogueFiles
    from emporion.marketplace.clients import Clients
    from emporion.marketplace.customers import Customers
    from emporion.marketplace.events import EventLog
    from emporion.marketplace.exports import Exports
    from emporion.marketplace.fulfillment import Fulfillment
    from emporion.marketplace.idempotency import Idempotency
    from emporion.marketplace.import_runner import ImportRunner
    from emporion.marketplace.imports import Imports
    from emporion.marketplace.links import Links
    from emporion.marketplace.login_throttle import LoginThrottle
    from emporion.marketplace.order_runner import OrderRunner
    from emporion.marketplace.order_steps import OrderSteps
    from emporion.marketplace.orders import Orders
    from emporion.marketplace.parameters import Parameters
    from emporion.marketplace.passwords import Passwords
    from emporion.marketplace.prices import Prices
    from emporion.marketplace.products import Products
    from emporion.marketplace.purchases import Purchases
    from emporion.marketplace.rate_limits import RateLimits
    from emporion.marketplace.report_runner import ReportRunner
    from emporion.marketplace.reports import Reports
    from emporion.marketplace.resellers import Resellers
    from emporion.marketplace.search import Search
    from emporion.marketplace.security_log import SecurityLog
    from emporion.marketplace.sessions import Sessions
    from emporion.marketplace.signing_keys import SigningKeys
    from emporion.marketplace.statistics import Statistics
    from emporion.marketplace.subscription_keys import SubscriptionKeys
    from emporion.marketplace.subscriptions import Subscriptions
    from emporion.marketplace.tokens import Tokens
    from emporion.marketplace.usage import UsageRecorder
    from emporion.marketplace.users import Users


@dataclass(frozen=True, slots=True)
class Marketplace:
    """All that a door needs, by noun."""

    customers: Customers
    imports: Imports
    import_runner: ImportRunner
    exports: Exports
    resellers: Resellers
    users: Users
    subscription_keys: SubscriptionKeys
    catalogue: Catalogue
    orders: Orders
    order_steps: OrderSteps
    order_runner: OrderRunner
    fulfillment: Fulfillment
    subscriptions: Subscriptions
    purchases: Purchases
    catalogue_files: CatalogueFiles
    clients: Clients
    signing_keys: SigningKeys
    tokens: Tokens
    sessions: Sessions
    links: Links
    events: EventLog
    statistics: Statistics
    login_throttle: LoginThrottle
    parameters: Parameters
    passwords: Passwords
    idempotency: Idempotency
    products: Products
    prices: Prices
    reports: Reports
    report_runner: ReportRunner
    search: Search
    security_log: SecurityLog
    usage: UsageRecorder
    rate_limits: RateLimits
