"""The command line: `emporion serve`, `init`, `migrate` and `copy`."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import ssl
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from granian import Granian
from granian.constants import Interfaces, Loops, SSLProtocols
from granian.log import LogLevels
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from emporion import __version__
from emporion.app import build_marketplace, open_store
from emporion.errors import Problem
from emporion.marketplace import platforms
from emporion.marketplace.platforms import SANDBOX, Access, furnish_sandbox, random_access
from emporion.settings import SETTINGS, SQLITE, BadSetting, Settings
from emporion.store import copying
from emporion.store.tables import TABLES

if TYPE_CHECKING:
    from emporion.store.base import Store

T = TypeVar("T")

SANDBOX_DATABASE = "sqlite:///sandbox.db"
# Seconds that requests in flight have to finish once the server was told to stop.
GRACE = 30

cli = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    help="Emporion, an open marketplace platform: find and create customer accounts over the contract's API.",
    epilog="Start with `emporion serve --sandbox`, or make your own platform with `emporion init`.",
)


class Stop(Exception):
    """The command cannot go on; the message is one line for whoever typed it."""


def _option(name: str) -> Any:
    """The command-line option of a setting, which its environment variable can stand for."""
    setting = SETTINGS[name]
    return typer.Option(
        setting.option,
        envvar=setting.variable,
        metavar=name.upper(),
        help=f"{setting.help} It is {setting.wanted}. Default: {setting.default or 'none'}.",
        show_default=False,
    )


@cli.callback(invoke_without_command=True)
def _emporion(
    version: Annotated[bool, typer.Option("--version", help="Show the version and stop.")] = False,
) -> None:
    if version:
        print(f"emporion {__version__}")
        raise typer.Exit


@cli.command()
def serve(
    sandbox: Annotated[
        bool,
        typer.Option(
            "--sandbox",
            help="Serve a platform to try things out, whose credentials everybody knows; made if there is none. "
            f"Keeps its data in {SANDBOX_DATABASE} and listens on this machine only.",
        ),
    ] = False,
    host: Annotated[str | None, _option("host")] = None,
    port: Annotated[str | None, _option("port")] = None,
    workers: Annotated[str | None, _option("workers")] = None,
    database: Annotated[str | None, _option("database")] = None,
    migrate: Annotated[bool, typer.Option("--migrate", help="Bring the database up to date first.")] = False,
    read_database: Annotated[str | None, _option("read_database")] = None,
    database_connections: Annotated[str | None, _option("database_connections")] = None,
    statement_timeout: Annotated[str | None, _option("statement_timeout")] = None,
    lock_timeout: Annotated[str | None, _option("lock_timeout")] = None,
    root_path: Annotated[str | None, _option("root_path")] = None,
    tls_cert: Annotated[str | None, _option("tls_cert")] = None,
    tls_key: Annotated[str | None, _option("tls_key")] = None,
    log_level: Annotated[str | None, _option("log_level")] = None,
    api_version: Annotated[str | None, _option("api_version")] = None,
    password_quality: Annotated[str | None, _option("password_quality")] = None,
    verification: Annotated[str | None, _option("verification")] = None,
    token_lifetime: Annotated[str | None, _option("token_lifetime")] = None,
) -> None:
    """Serve the platform over HTTP until told to stop.

    SIGTERM and Ctrl-C let requests in flight finish. Each setting can be given as its environment variable, too.
    """
    values = {
        "host": host,
        "port": port,
        "workers": workers,
        "database": database or (SANDBOX_DATABASE if sandbox else None),
        "read_database": read_database,
        "database_connections": database_connections,
        "statement_timeout": statement_timeout,
        "lock_timeout": lock_timeout,
        "root_path": root_path,
        "tls_cert": tls_cert,
        "tls_key": tls_key,
        "log_level": log_level,
        "api_version": api_version,
        "password_quality": password_quality,
        "verification": verification,
        "token_lifetime": token_lifetime,
    }
    settings = Settings.read(values)
    if sandbox:
        _check_only_this_machine(settings)
    _check_tls(settings)
    address = _check_address(settings)
    if not sandbox and settings.database.path and not settings.database.path.exists():
        raise Stop(_no_platform(settings))
    is_sandbox = asyncio.run(_prepare(settings, sandbox=sandbox, migrating=migrate or sandbox))
    # The worker processes read their settings from here.
    os.environ |= {SETTINGS[name].variable: value for name, value in values.items() if value is not None}
    server = Granian(
        "emporion.app:app",
        factory=True,
        address=address,
        port=settings.port,
        interface=Interfaces.ASGI,
        loop=Loops.uvloop,
        workers=settings.workers,
        websockets=False,
        log_level=LogLevels.warning,
        ssl_cert=settings.tls_cert,
        ssl_key=settings.tls_key,
        ssl_protocol_min=SSLProtocols.tls12,
        respawn_failed_workers=True,
        workers_kill_timeout=GRACE,
    )
    server.on_startup(_end_with_the_terminal)
    server.on_startup(lambda: _say_what_is_served(settings, is_sandbox=is_sandbox))
    server.serve()


@cli.command()
def migrate(database: Annotated[str | None, _option("database")] = None) -> None:
    """Bring a database up to date, as a new version of Emporion needs it.

    Safe to run at any time and from many nodes at once: each change is made once and whole.
    """
    settings = Settings.read({"database": database})
    done = asyncio.run(open_store(settings).migrate())
    for title in done:
        print(f"done: {title}")
    print(f"{settings.database} is up to date")


@cli.command()
def copy(
    source: Annotated[str, typer.Option("--from", metavar="URL", help="The database to copy from.")],
    target: Annotated[str, typer.Option("--to", metavar="URL", help="The database to copy to, without a platform.")],
) -> None:
    """Copy a platform into another database, such as from SQLite to PostgreSQL.

    Nothing may write to either of them meanwhile. Cut short, it goes on where it was when it is started again. In the
    end all that arrived is compared with what was sent; until then nobody can serve the copy.
    """
    stores = []
    for option, url in (("--from", source), ("--to", target)):
        try:
            stores.append(open_store(Settings.read({"database": url})))
        except BadSetting:
            raise Stop(f"{option} must be {SETTINGS['database'].wanted}") from None
    asyncio.run(_copy(stores[0], stores[1], shown=str(Settings.read({"database": target}).database)))


@cli.command()
def init(
    database: Annotated[str | None, _option("database")] = None,
    reseller: Annotated[str, typer.Option(metavar="NAME", help="Name of the first reseller.")] = "Reseller",
    user: Annotated[str, typer.Option(metavar="LOGIN", help="Login of its API user.")] = "api",
    marketplace: Annotated[str, typer.Option(metavar="CODE", help="Code of its marketplace.")] = "us",
) -> None:
    """Make a new platform, with one reseller, one API user and one subscription key.

    The password and the key are random and shown only once: keep them where secrets belong.
    """
    settings = Settings.read({"database": database})
    access = random_access(reseller, user, marketplace)

    async def found(store: Store) -> None:
        await platforms.found(store, access, sandbox=False)

    asyncio.run(_with_store(settings, found, migrating=True))
    _say_access(access, f"A new platform is in {settings.database}. This is shown only once:")


def main() -> None:
    """Run the command line; what cannot be done is told in one line, with exit status 2."""
    try:
        cli()
    except (BadSetting, Stop) as problem:
        sys.exit(_tell(str(problem)))
    except Problem as problem:
        sys.exit(_tell(problem.message))
    except KeyboardInterrupt:
        _tell("stopped")
        sys.exit(130)


def _tell(message: str) -> int:
    print(f"emporion: {message}", file=sys.stderr)
    return 2


async def _with_store(settings: Settings, work: Callable[[Store], Awaitable[T]], *, migrating: bool) -> T:
    """What `work` gives, over a store that is open meanwhile. migrating: its schema is brought up to date first."""
    store = open_store(settings)
    if migrating:
        await store.migrate()
    await store.open()
    try:
        return await work(store)
    finally:
        await store.close()


async def _copy(source: Store, target: Store, shown: str) -> None:
    """Copy, compare and tell, with a bar for each. shown: the target, as people may see it."""
    bar = Progress(
        "[progress.description]{task.description}",
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    async with AsyncExitStack() as stack:
        for store in (source, target):
            stack.push_async_callback(store.close)
            if store is target:
                await store.migrate()
            await store.open()
        total = sum([await source.count(table) for table in TABLES[:-1]])
        with bar:
            task = bar.add_task("copying", total=total)
            await copying.copy(source, target, lambda rows: bar.advance(task, rows))
            task = bar.add_task("checking", total=2 * total)
            checked = [one async for one in copying.check(source, target, lambda rows: bar.advance(task, rows))]
        await copying.finish(source, target)
    for table, rows, digest in checked:
        print(f"{table.name:18} {rows:>12,}  sha256 {digest[:16]}")
    print(f"The copy has all of it. Serve it with: emporion serve --database {shown}")


def _no_platform(settings: Settings) -> str:
    path = settings.database.path
    where = f"{SQLITE}{path}" if path else str(settings.database)
    return f"there is no platform in {settings.database}; make one with: emporion init --database {where}"


async def _prepare(settings: Settings, *, sandbox: bool, migrating: bool) -> bool:
    """See that the database holds a platform to serve, and tell whether that is a sandbox."""

    async def prepare(store: Store) -> bool:
        platform = await store.platform()
        if sandbox and not platform:
            await _found_sandbox(store)
            platform = await store.platform()
        if not platform:
            raise Stop(_unfinished(settings) if await store.copied() else _no_platform(settings))
        if sandbox and not platform.sandbox:
            raise Stop(f"the platform in {settings.database} is no sandbox; leave out --sandbox to serve it")
        if platform.sandbox:
            _check_only_this_machine(settings)
            await furnish_sandbox(build_marketplace(settings, store, platform).customers)
        return platform.sandbox

    return await _with_store(settings, prepare, migrating=migrating)


async def _found_sandbox(store: Store) -> None:
    """Make the sandbox, unless another node that starts now has made it."""
    try:
        await platforms.found(store, SANDBOX, sandbox=True)
    except Problem:
        if not await store.platform():
            raise


def _unfinished(settings: Settings) -> str:
    return f"there is an unfinished copy in {settings.database}; go on with: emporion copy"


def _check_only_this_machine(settings: Settings) -> None:
    if not settings.only_this_machine:
        raise Stop(
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
        raise Stop(
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
        raise Stop(f"--tls-cert and --tls-key cannot be used: {why}") from None
    if b"-----BEGIN PRIVATE KEY-----" not in settings.tls_key.read_bytes():
        raise Stop("--tls-key must be PKCS#8 without a password: openssl pkcs8 -topk8 -nocrypt -in KEY -out NEW")


def _end_with_the_terminal() -> None:
    """SIGHUP ends the server as SIGTERM does; Granian would start its workers anew, in a terminal that is gone."""
    signal.signal(signal.SIGHUP, signal.getsignal(signal.SIGTERM))


def _say_what_is_served(settings: Settings, *, is_sandbox: bool) -> None:
    what = "the sandbox" if is_sandbox else "the platform"
    print(f"Emporion {__version__} serves {what} in {settings.database} at {settings.address}")
    print(f"  API reference   {settings.address}/docs")
    if is_sandbox:
        print(f"  user            {SANDBOX.user}   password {SANDBOX.password}   marketplace {SANDBOX.marketplace}")
        print(f"  key             {SANDBOX.subscription_key}")
        print("Try it:")
        print(f"  {_token_command(settings.address, SANDBOX)}")
    sys.stdout.flush()


def _token_command(address: str, access: Access) -> str:
    return (
        f"curl -u {access.user}:{access.password} -H 'X-Subscription-Key: {access.subscription_key}' "
        f"-X POST {address}/token"
    )


def _say_access(access: Access, title: str) -> None:
    print(title)
    for name, value in (
        ("reseller", access.reseller),
        ("user", access.user),
        ("password", access.password),
        ("subscription key", access.subscription_key),
        ("marketplace", access.marketplace),
    ):
        print(f"  {name:17} {value}")
