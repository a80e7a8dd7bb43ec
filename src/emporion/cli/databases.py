"""`emporion init`, `migrate` and `copy`: a platform's database."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from emporion.accounts.ids import RESELLER_ID
from emporion.cli.context import no_platform, now, with_store
from emporion.cli.errors import CommandError
from emporion.cli.options import Database, told_by_option
from emporion.marketplace import platforms
from emporion.marketplace.platforms import Access, generate_credentials
from emporion.settings import SETTINGS, BadSetting, Settings
from emporion.store import copying, open_store
from emporion.store.tables import TABLES

if TYPE_CHECKING:
    from emporion.store.base import Store

# The member that each option of `init` gives.
OPTIONS = {"reseller": "--reseller", "login": "--user", "marketplace": "--marketplace", "currency": "--currency"}


def migrate(database: Database = None) -> None:
    """Bring a database up to date, as a new version of Emporion needs it.

    Safe to run at any time and from many nodes at once: each change is made once and whole. It makes no file.
    """
    settings = Settings.read({"database": database})
    if settings.database.path and not settings.database.path.exists():
        raise CommandError(no_platform(settings))
    done = asyncio.run(open_store(settings).migrate())
    for title in done:
        typer.echo(f"done: {title}")
    typer.echo(f"{settings.database} is up to date")


def copy(
    source: Annotated[str, typer.Option("--from", metavar="URL", help="The database to copy from.")],
    target: Annotated[str, typer.Option("--to", metavar="URL", help="The database to copy to, without a platform.")],
) -> None:
    """Copy a platform into another database, such as from SQLite to PostgreSQL.

    Nothing may write to either of them meanwhile. Cut short, it goes on where it was when it is started again. In the
    end all that arrived is compared with what was sent; until then the copy cannot be served.
    """
    stores = []
    for option, url in (("--from", source), ("--to", target)):
        try:
            stores.append(open_store(Settings.read({"database": url})))
        except BadSetting:
            raise CommandError(f"{option} must be {SETTINGS['database'].wanted}") from None
    asyncio.run(_copy(stores[0], stores[1], shown=str(Settings.read({"database": target}).database)))


def init(
    database: Database = None,
    reseller: Annotated[str, typer.Option(metavar="NAME", help="Name of the first reseller.")] = "Reseller",
    user: Annotated[str, typer.Option(metavar="LOGIN", help="Login of its API user.")] = "api",
    marketplace: Annotated[str, typer.Option(metavar="CODE", help="Code of its marketplace.")] = "us",
    currency: Annotated[str, typer.Option(metavar="CODE", help="Currency of the reseller, ISO 4217.")] = "USD",
) -> None:
    """Make a new platform, with one reseller, one API user and one subscription key.

    The password and the key are random and shown only once: keep them where secrets belong.
    """
    settings = Settings.read({"database": database})
    with told_by_option(OPTIONS):
        access = generate_credentials(reseller, user, marketplace, currency)

    async def found(store: Store) -> None:
        await platforms.found(store, access, now(), sandbox=False, currency=currency)

    asyncio.run(with_store(settings, found, migrating=True))
    _say_access(access, f"A new platform is in {settings.database}. This is shown only once:")


async def _copy(source: Store, target: Store, shown: str) -> None:
    """Copy, compare and tell, with a bar for each. shown: the target, as people may see it."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

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
        total = sum([await source.copies.count(table) for table in TABLES[:-1]])
        with bar:
            task = bar.add_task("copying", total=total)
            await copying.copy(source, target, lambda rows: bar.advance(task, rows))
            task = bar.add_task("checking", total=2 * total)
            checked = [one async for one in copying.check(source, target, lambda rows: bar.advance(task, rows))]
        await copying.finish(source, target)
    for table, rows, digest in checked:
        typer.echo(f"{table.name:18} {rows:>12,}  sha256 {digest[:16]}")
    typer.echo(f"The copy has all of it. Serve it with: emporion serve --database {shown}")


def _say_access(access: Access, title: str) -> None:
    typer.echo(title)
    for name, value in (
        ("reseller", access.reseller),
        ("its id", str(RESELLER_ID)),
        ("user", access.user),
        ("password", access.password),
        ("subscription key", access.subscription_key),
        ("marketplace", access.marketplace),
    ):
        typer.echo(f"  {name:17} {value}")
