"""Puts the parts together for one Settings. Nothing else knows all of them."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import structlog
from starlette.routing import Router

from emporion.api import customers, docs, openapi, tokens
from emporion.api.door import Door
from emporion.api.gate import Gate
from emporion.api.operations import routes
from emporion.errors import Code, Problem
from emporion.logs import configure_logs
from emporion.marketplace import Marketplace
from emporion.marketplace.customers import Customers
from emporion.marketplace.passwords import Passwords
from emporion.marketplace.subscription_keys import SubscriptionKeys
from emporion.marketplace.tokens import Tokens
from emporion.settings import Settings
from emporion.store.connections import Limits
from emporion.store.postgres import PostgresStore
from emporion.store.sqlite import SqliteStore
from emporion.workers.orphans import end_with_parent
from emporion.workers.verification import verify_customers

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from emporion.store.base import Platform, Store

# The busiest first: a request is compared with one path after the other.
OPERATIONS = (*customers.OPERATIONS, *tokens.OPERATIONS)

# Seconds between two tries to reach a database that is away.
RETRY = 0.5
# Seconds after which requests are let in although it is: they are told so.
PATIENCE = 2

# Seconds after which one thread lets another run.
SWITCH_INTERVAL = 0.0005

log = structlog.get_logger()


def open_store(settings: Settings) -> Store:
    """The store that the settings name, not opened yet."""
    if settings.database.path:
        return SqliteStore(settings.database.path, alone=settings.workers == 1)
    limits = Limits(settings.database_connections, settings.statement_timeout, settings.lock_timeout)
    standby = settings.read_database.url if settings.read_database else None
    return PostgresStore(settings.database.url, limits, standby)


def build_marketplace(settings: Settings, store: Store, platform: Platform) -> Marketplace:
    """What the doors call, over an open store."""
    passwords = Passwords(settings.password_quality)
    return Marketplace(
        customers=Customers(store, passwords, time.time),
        subscription_keys=SubscriptionKeys(store),
        tokens=Tokens(store, passwords, platform.signing_key, settings.token_lifetime, time.time),
    )


async def _nothing_here(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - an ASGI application
    raise Problem(Code.NOT_FOUND, "There is nothing at this address; /docs lists what there is.")


async def _not_yet(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - an ASGI application
    raise Problem(
        Code.UNAVAILABLE, "The database cannot be reached now; try again shortly.", headers={"Retry-After": "2"}
    )


async def _open(settings: Settings, store: Store) -> Marketplace:
    """Open the store; what the doors call, over it. Raises Problem (UNAVAILABLE) while that cannot be."""
    await store.open()
    platform = await store.platform()
    if not platform:
        raise Problem(Code.UNAVAILABLE, "There is no platform in this database; make one with: emporion init")
    return build_marketplace(settings, store, platform)


async def _open_when_it_is_back(settings: Settings, store: Store) -> Marketplace:
    """The same, as soon as it can be: the database was there when the server was started, but not this worker."""
    while True:
        try:
            return await _open(settings, store)
        except Problem as problem:
            log.warning("this worker waits for the database", why=problem.why)
            await asyncio.sleep(RETRY)


async def _run(settings: Settings, opening: Awaitable[Marketplace], router: Router) -> None:
    """Let the router answer from the store once it is open, and work by ourselves; until cancelled."""
    marketplace = await opening
    gate = Gate(marketplace.subscription_keys, marketplace.tokens, settings.api_version, time.time)
    router.routes[:] = [
        *routes(OPERATIONS, marketplace, gate),
        *docs.routes(openapi.document(OPERATIONS, settings.root_path), settings.root_path),
    ]
    router.default = _nothing_here
    if settings.verification == "automatic":
        await verify_customers(marketplace.customers)


def build_app(settings: Settings) -> ASGIApp:
    """The whole program as an ASGI application. Its lifespan opens and closes the store and runs the workers."""
    router = Router(redirect_slashes=False, default=_not_yet)

    @asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        store = open_store(settings)
        opening = asyncio.create_task(_open_when_it_is_back(settings, store))
        await asyncio.wait([opening], timeout=PATIENCE)
        if opening.done():
            opening.result()  # what is no Problem must end the start
        working = [asyncio.create_task(end_with_parent()), asyncio.create_task(_run(settings, opening, router))]
        await asyncio.sleep(0)  # until the router has its routes
        try:
            yield
        finally:
            for task in (opening, *working):
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            await store.close()

    router.lifespan_context = lifespan
    return Door(router, settings.root_path, time.time, log_requests=settings.log_level == "debug")


def app() -> ASGIApp:
    """The application for the settings in the environment: what each worker process of the server runs."""
    settings = Settings.from_environment(os.environ)
    configure_logs(settings.log_level)
    # The thread that commits waits for the interpreter while the event loop is busy: by default 5 ms each time.
    sys.setswitchinterval(SWITCH_INTERVAL)
    application = build_app(settings)
    # What was imported stays: without this the garbage collector walks it again and again, 40 ms each time.
    gc.collect()
    gc.freeze()
    return application
