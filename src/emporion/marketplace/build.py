"""Puts a marketplace together over a store, for one Settings."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from emporion.marketplace import Marketplace
from emporion.marketplace.administrators import Administrators
from emporion.marketplace.catalogue import Catalogue
from emporion.marketplace.catalogue_files import CatalogueFiles
from emporion.marketplace.clients import Clients
from emporion.marketplace.customer_rows import CustomerRows
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
from emporion.marketplace.tokens import Grants, Tokens
from emporion.marketplace.usage import UsageRecorder
from emporion.marketplace.users import Users

if TYPE_CHECKING:
    from emporion.marketplace.identity_providers import IdentityProvider
    from emporion.settings import Settings
    from emporion.store.base import Store


def build_marketplace(settings: Settings, store: Store) -> Marketplace:
    """What the doors call, over an open store."""
    clock = time.time
    passwords = Passwords(settings.password_quality)
    administrators = Administrators(passwords, clock)
    clients, signing_keys = Clients(store.clients, store.resellers, clock), SigningKeys(store.signing_keys, clock)
    guesses, visits = LoginThrottle(store.login_failures, clock), UsageRecorder(store.usage, clock)
    grants = Grants(settings.issuer, settings.token_lifetime)
    provider = _identity_provider(settings)
    customers_of_all = Customers(store, administrators, clock)
    customer_rows = CustomerRows(store, customers_of_all, administrators)
    logbook = EventLog(store.events, store.resellers, store.users, time.monotonic)
    catalogue = Catalogue(store.catalogue, store.prices, store.product_lists)
    sessions = Sessions(store, passwords, guesses, visits, clock)
    order_steps = OrderSteps(store, catalogue, clock)
    products = Products(store, catalogue)
    return Marketplace(
        customers=customers_of_all,
        imports=Imports(store, customer_rows, clock),
        import_runner=ImportRunner(store, customer_rows, clock),
        exports=Exports(store.customers, store.resellers),
        resellers=Resellers(store, administrators, clock),
        users=Users(store.users, store.resellers, passwords, clock),
        subscription_keys=SubscriptionKeys(store.subscription_keys, store.resellers, clock),
        catalogue=catalogue,
        catalogue_files=CatalogueFiles(store, clock),
        orders=Orders(store, catalogue, signing_keys, clock, settings.statement_day),
        order_steps=order_steps,
        order_runner=OrderRunner(store, order_steps),
        fulfillment=Fulfillment(store, order_steps),
        subscriptions=Subscriptions(store, customers_of_all, clock),
        purchases=Purchases(store, catalogue, order_steps),
        clients=clients,
        signing_keys=signing_keys,
        tokens=Tokens(store, passwords, signing_keys, clients, guesses, visits, grants, provider, clock),
        sessions=sessions,
        links=Links(store.links, store.administrators, passwords, customers_of_all, sessions, clock),
        events=logbook,
        products=products,
        prices=Prices(store, catalogue, clock),
        reports=Reports(store.reports, signing_keys, settings.issuer, clock),
        report_runner=ReportRunner(store, logbook, clock),
        statistics=Statistics(store.usage, store.customers, store.resellers, clock),
        login_throttle=guesses,
        parameters=Parameters(customers_of_all, catalogue),
        passwords=passwords,
        idempotency=Idempotency(store.idempotency, clock),
        search=Search(store, customers_of_all, products),
        security_log=SecurityLog(store.events, visits, clock),
        usage=visits,
        rate_limits=RateLimits(settings.rate_limit_storage, clock, time.monotonic),
    )


def _identity_provider(settings: Settings) -> IdentityProvider | None:
    """The operator's own identity provider, if there is one."""
    if not settings.oidc_issuer:
        return None
    # It brings what fetches and checks tokens, which an operator without such a provider need not load.
    from emporion.marketplace.identity_providers import IdentityProvider, Trust

    trust = Trust(
        settings.oidc_issuer,
        settings.oidc_audience,
        settings.oidc_account_claim,
        settings.oidc_role_claim,
        settings.oidc_leeway,
    )
    return IdentityProvider(trust, time.time)
