"""`emporion serve`."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
import ssl
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer
from granian.constants import HTTPModes, Interfaces, Loops, SSLProtocols
from granian.http import HTTP1Settings, HTTP2Settings
from granian.log import LogLevels

from emporion import __version__
from emporion.cli.context import no_platform, now, unfinished, with_store
from emporion.cli.errors import CommandError
from emporion.cli.options import with_all_settings
from emporion.cli.supervisor import Supervisor
from emporion.errors import Problem
from emporion.logs import configure_logs, log
from emporion.marketplace import platforms
from emporion.marketplace.build import build_marketplace
from emporion.marketplace.platforms import (
    SANDBOX,
    SANDBOX_CLIENT,
    SANDBOX_REALM,
    SANDBOX_SECRET,
    Access,
    seed_sandbox,
)
from emporion.marketplace.sandbox import stock_sandbox
from emporion.settings import SETTINGS, Settings, by_current_name, variable_of

if TYPE_CHECKING:
    from emporion.store.base import Store

SANDBOX_DATABASE = "sqlite:///sandbox.db"
# How many connections wait to be taken, and how many each worker has at most if enough files may be open.
BACKLOG = 4096
MOST_CONNECTIONS = 8192
# Open files that a worker needs for other things than connections.
OTHER_FILES = 256
# Milliseconds within which the head of a request must have come, counted from the end of the request before.
HEAD_TIMEOUT = 30_000
# Bytes of a request's head, and of a body that is not read yet, which are kept for one connection.
LARGEST_HEAD = 64 << 10


@with_all_settings
def serve(
    sandbox: Annotated[
        bool,
        typer.Option(
            "--sandbox",
            help="Serve a platform to try things out, whose credentials everybody knows; made if there is none. "
            f"Keeps its data in {SANDBOX_DATABASE} and listens on this machine only.",
        ),
    ] = False,
    migrate: Annotated[bool, typer.Option("--migrate", help="Bring the database up to date first.")] = False,
    **given: str | None,
) -> None:
    """Serve the platform over HTTP until told to stop.

    SIGTERM and Ctrl-C let requests in flight finish, for a good second. Each setting can be given as its
    environment variable, too.
    """
    values = by_current_name(given)
    values["database"] = values["database"] or (SANDBOX_DATABASE if sandbox else None)
    settings = Settings.read(values)
    if sandbox:
        _check_only_this_machine(settings)
    _check_tls(settings)
    address = _check_address(settings)
    if not sandbox and settings.database.path and not settings.database.path.exists():
        raise CommandError(no_platform(settings))
    is_sandbox = asyncio.run(_prepare(settings, sandbox=sandbox, migrating=migrate or sandbox))
    _hand_to_workers(values)
    configure_logs(settings.log_level)
    server = Supervisor(
        "emporion.app:app",
        factory=True,
        address=address,
        port=settings.port,
        interface=Interfaces.ASGI,
        loop=Loops.uvloop,
        workers=settings.workers,
        # Without TLS no client speaks HTTP/2, and a silent connection is closed as well.
        http=HTTPModes.auto if settings.tls_cert else HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=HEAD_TIMEOUT, max_buffer_size=LARGEST_HEAD),
        http2_settings=HTTP2Settings(max_headers_size=LARGEST_HEAD),
        backlog=BACKLOG,
        backpressure=_most_connections(),
        websockets=False,
        log_level=LogLevels.warning,
        ssl_cert=settings.tls_cert,
        ssl_key=settings.tls_key,
        ssl_protocol_min=SSLProtocols.tls12,
    )
    server.on_startup(_end_with_the_terminal)
    server.on_startup(lambda: _say_what_is_served(settings, is_sandbox=is_sandbox))
    server.serve()


def _hand_to_workers(values: Mapping[str, str | None]) -> None:
    """Put the settings into the environment, from which worker processes read them; old names are not told again."""
    for name, setting in SETTINGS.items():
        if (value := values[name]) is not None:
            os.environ[setting.variable] = value
        if setting.old_name:
            os.environ.pop(variable_of(setting.old_name), None)


def _most_connections() -> int:
    """How many connections a worker takes, fewer than files may be open. The limit is raised as far as it can be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS + OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        if soft < wanted:
            log.warning("few files may be open, so few connections", files=soft, wanted=wanted, see="ulimit -n")
    return MOST_CONNECTIONS if soft == resource.RLIM_INFINITY else max(64, min(MOST_CONNECTIONS, soft - OTHER_FILES))


async def _prepare(settings: Settings, *, sandbox: bool, migrating: bool) -> bool:
    """See that the database holds a platform to serve, and tell whether that is a sandbox."""

    async def prepare(store: Store) -> bool:
        platform = await store.platform.get()
        if sandbox and not platform:
            await _found_sandbox(store)
            platform = await store.platform.get()
        if not platform:
            raise CommandError(unfinished(settings) if await store.copies.progress() else no_platform(settings))
        if sandbox and not platform.sandbox:
            raise CommandError(f"the platform in {settings.database} is no sandbox; leave out --sandbox to serve it")
        if platform.sandbox:
            _check_only_this_machine(settings)
            marketplace = build_marketplace(settings, store)
            await seed_sandbox(marketplace)
            await stock_sandbox(marketplace, now())
        return platform.sandbox

    return await with_store(settings, prepare, migrating=migrating)


async def _found_sandbox(store: Store) -> None:
    """Make the sandbox, unless another node that starts now has made it."""
    try:
        await platforms.found(store, SANDBOX, now(), sandbox=True)
    except Problem:
        if not await store.platform.get():
            raise


def _check_only_this_machine(settings: Settings) -> None:
    if not settings.only_this_machine:
        raise CommandError(
            f"a sandbox does not listen on {settings.host}: everybody knows its password and key, "
            "so it serves this machine only (127.0.0.1, ::1 or localhost)"
        )


def _check_address(settings: Settings) -> str:
    """The address of the host, which can be listened on; the server itself would tell it with a trace."""
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, address = found[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
        return str(address[0])
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not a host name"
        raise CommandError(
            f"cannot listen on {settings.host} port {settings.port}: {why}; "
            "another port is set by --port or EMPORION_PORT"
        ) from None


def _check_tls(settings: Settings) -> None:
    """The certificate and its key can be read and belong together."""
    if not settings.tls_cert or not settings.tls_key:
        return
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(settings.tls_cert, settings.tls_key)
    except OSError as error:
        bad = isinstance(error, ssl.SSLError)
        why = "they are not PEM, or the key is not that of the certificate" if bad else error.strerror
        raise CommandError(f"--tls-cert and --tls-key cannot be used: {why}") from None
    if b"-----BEGIN PRIVATE KEY-----" not in settings.tls_key.read_bytes():
        raise CommandError(
            "--tls-key must be PKCS#8 without a password: openssl pkcs8 -topk8 -nocrypt -in KEY -out NEW"
        )


def _end_with_the_terminal() -> None:
    """SIGHUP ends the server as SIGTERM does; Granian would start its workers anew, in a terminal that is gone."""
    signal.signal(signal.SIGHUP, signal.getsignal(signal.SIGTERM))


def _say_what_is_served(settings: Settings, *, is_sandbox: bool) -> None:
    what = "the sandbox" if is_sandbox else "the platform"
    typer.echo(f"Emporion {__version__} serves {what} in {settings.database} at {settings.address}")
    typer.echo(f"  console         {settings.address}/console   for resellers; customers sign in at /panel")
    typer.echo(f"  API reference   {settings.address}/docs")
    if is_sandbox:
        typer.echo(
            f"  user            {SANDBOX.user}   password {SANDBOX.password}   marketplace {SANDBOX.marketplace}"
        )
        typer.echo(f"  key             {SANDBOX.subscription_key}")
        typer.echo(f"  OAuth 2.0       realm {SANDBOX_REALM}   client {SANDBOX_CLIENT}   secret {SANDBOX_SECRET}")
        typer.echo("Try it:")
        typer.echo(f"  {_token_command(settings.address, SANDBOX)}")
    sys.stdout.flush()


def _token_command(address: str, access: Access) -> str:
    return (
        f"curl -u {access.user}:{access.password} -H 'X-Subscription-Key: {access.subscription_key}' "
        f"-X POST {address}/token"
    )
