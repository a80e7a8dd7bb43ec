"""Puts the parts together for one Settings. Nothing else knows all of them."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from functools import cache, partial
from typing import TYPE_CHECKING

import msgspec
from starlette.routing import BaseRoute, Route, Router

from emporion.api import (
    customers,
    docs,
    events,
    oauth,
    openapi,
    orders,
    parameters,
    plans,
    products,
    reports,
    resellers,
    subscriptions,
    tokens,
)
from emporion.api.auth import Authenticator
from emporion.api.client_addresses import ClientAddresses
from emporion.api.middleware import ApiMiddleware
from emporion.api.operations import routes
from emporion.credentials import decoy_digest
from emporion.errors import Code, Problem
from emporion.logs import configure_logs, log
from emporion.marketplace import Marketplace
from emporion.marketplace.build import build_marketplace
from emporion.marketplace.platforms import SANDBOX
from emporion.settings import Settings
from emporion.store import open_store
from emporion.web.assets import Assets
from emporion.web.console.area import console
from emporion.web.index import Entrance
from emporion.web.pages import Site
from emporion.web.panel.area import panel
from emporion.web.rendering import Templates
from emporion.web.uploads import places
from emporion.workers.connections import end_silent_connections, longest_silence
from emporion.workers.housekeeping import run_housekeeping
from emporion.workers.imports import do_imports
from emporion.workers.orders import move_orders
from emporion.workers.parent_watch import exit_with_parent
from emporion.workers.reports import make_reports
from emporion.workers.shutdown import on_shutdown
from emporion.workers.starting import tell_parent
from emporion.workers.verification import verify_accounts

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from emporion.store.base import Store

# The busiest first: a request is compared with one path after the other.
OPERATIONS = (
    *customers.OPERATIONS,
    *tokens.OPERATIONS,
    *resellers.OPERATIONS,
    *events.OPERATIONS,
    *orders.OPERATIONS,
    *subscriptions.OPERATIONS,
    *products.OPERATIONS,
    *plans.OPERATIONS,
    *parameters.OPERATIONS,
    *reports.OPERATIONS,
    *oauth.OPERATIONS,
)

# Seconds between two tries to reach a database that is away.
RETRY = 0.5
# Seconds after which requests are let in although it is: they are told so.
PATIENCE = 2

# Seconds after which one thread lets another run.
SWITCH_INTERVAL = 0.0005


async def _nothing_here(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - an ASGI application
    raise Problem(Code.NOT_FOUND, "There is nothing at this address; /docs lists what there is.")


async def _not_yet(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - an ASGI application
    raise Problem(
        Code.UNAVAILABLE, "The database cannot be reached now; try again shortly.", headers={"Retry-After": "2"}
    )


async def _open(settings: Settings, store: Store) -> Marketplace:
    """Open the store; what the doors call, over it. Raises Problem (UNAVAILABLE) while that cannot be."""
    await store.open()
    if not await store.platform.get():
        raise Problem(Code.UNAVAILABLE, "There is no platform in this database; make one with: emporion init")
    return build_marketplace(settings, store)


async def _open_when_it_is_back(settings: Settings, store: Store) -> Marketplace:
    """Open the store as soon as it can be: the database was there when the server was started, but not this worker."""
    told = ""
    while True:
        try:
            return await _open(settings, store)
        except Problem as problem:
            if problem.why != told:
                log.warning("this worker waits for the database", why=problem.why)
            told = problem.why
            await asyncio.sleep(RETRY)


def _end_if_failed(task: asyncio.Task[None]) -> None:
    """End a worker process that cannot do what it is for, so that another one takes its place."""
    if not task.cancelled() and (error := task.exception()):
        log.error("this worker failed", exc_info=error)
        signal.raise_signal(signal.SIGTERM)


async def _run(settings: Settings, store: Store, opening: Awaitable[Marketplace], router: Router) -> None:
    """Let the router answer from the store once it is open, and work by ourselves; until cancelled."""
    marketplace = await opening
    platform = await store.platform.get()
    for stop in (marketplace.events.stop, store.stop, marketplace.passwords.stop):
        on_shutdown(stop)
    gate = Authenticator(marketplace, settings.default_api_version, time.time, time.monotonic)
    router.routes[:] = [
        *routes(OPERATIONS, marketplace, gate, ClientAddresses(settings.trusted_proxies)),
        reports.file_route(marketplace),
        *_pages(settings, marketplace, sandbox=bool(platform and platform.sandbox)),
        *docs.routes(partial(_document, settings.root_path), settings.root_path),
    ]
    router.default = _nothing_here
    async with asyncio.TaskGroup() as work:
        work.create_task(run_housekeeping(marketplace))
        work.create_task(do_imports(marketplace))
        work.create_task(make_reports(marketplace))
        work.create_task(move_orders(marketplace))
        if settings.verification == "automatic":
            work.create_task(verify_accounts(marketplace))


@cache
def _document(root_path: str) -> bytes:
    return msgspec.json.encode(openapi.document(OPERATIONS, root_path))


def _pages(settings: Settings, marketplace: Marketplace, *, sandbox: bool) -> list[BaseRoute]:
    """The console and the panel, with what they load."""
    assets = Assets(settings.root_path)
    site = Site(
        marketplace=marketplace,
        templates=Templates(assets, settings.root_path),
        addresses=ClientAddresses(settings.trusted_proxies),
        root_path=settings.root_path,
        public_url=settings.public_url,
        scheme=settings.scheme,
        secure=settings.issuer.startswith("https:") or not settings.only_this_machine,
        sandbox=SANDBOX if sandbox else None,
        uploads=places(),
    )
    entrance = Route("/", Entrance(settings.root_path))
    return [*console(site).routes(), *panel(site).routes(), *assets.routes(), entrance]


async def _close(marketplace: Marketplace) -> None:
    """Write down what is only remembered, and let go of Redis."""
    await marketplace.security_log.finish()
    with suppress(Problem):
        await marketplace.usage.keep()
    await marketplace.rate_limits.close()


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
        working = [
            asyncio.create_task(_run(settings, store, opening, router)),
            asyncio.create_task(exit_with_parent()),
            asyncio.create_task(end_silent_connections(longest_silence(settings.statement_timeout))),
        ]
        working[0].add_done_callback(_end_if_failed)
        await asyncio.sleep(0)  # until the router has its routes
        tell_parent()
        try:
            yield
        finally:
            for task in (opening, *working):
                task.cancel()
            for ended in await asyncio.gather(opening, *working, return_exceptions=True):
                if isinstance(ended, Exception):
                    log.error("something of this worker failed", exc_info=ended)
            if not opening.cancelled() and not opening.exception():
                await _close(opening.result())
            await store.close()

    router.lifespan_context = lifespan
    return ApiMiddleware(router, settings.root_path, time.time, log_requests=settings.log_level == "debug")


def app() -> ASGIApp:
    """The application for the settings in the environment: what each worker process of the server runs."""
    settings = Settings.from_environment(os.environ)
    configure_logs(settings.log_level)
    decoy_digest()
    # The thread that commits waits for the interpreter while the event loop is busy: by default 5 ms each time.
    sys.setswitchinterval(SWITCH_INTERVAL)
    application = build_app(settings)
    # What was imported stays: without this the garbage collector walks it again and again, 40 ms each time.
    gc.collect()
    gc.freeze()
    return application
