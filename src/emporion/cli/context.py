"""The operator at the command line, and the platform that it works on."""

from __future__ import annotations

import asyncio
import difflib
import os
import pwd
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from emporion.accounts.ids import PROVIDER_ID
from emporion.accounts.queries import AccountQuery
from emporion.cli.errors import CommandError
from emporion.errors import Code, Problem
from emporion.marketplace.actors import Actor
from emporion.marketplace.build import build_marketplace
from emporion.paging import LARGEST_PAGE
from emporion.settings import SETTINGS, SQLITE, Settings, in_environment
from emporion.store import open_store

if TYPE_CHECKING:
    from emporion.marketplace import Marketplace
    from emporion.store.base import Store

T = TypeVar("T")

# How many resellers are asked at a time, fewer than there are connections by default.
AT_ONCE = 8
# How many of the things that there are we tell an operator who named another one.
MOST_TOLD = 5


@dataclass(frozen=True, slots=True)
class Operator:
    """Who owns the platform, at work on it."""

    marketplace: Marketplace
    actor: Actor

    async def reseller(self, reseller_id: str) -> int:
        """The number of a reseller. Raises Stop, which tells some of those that there are, if there is no such one."""
        try:
            return await self.marketplace.resellers.reached(self.actor, reseller_id)
        except Problem as problem:
            if problem.code is not Code.NOT_FOUND:
                raise
        ids = [reseller["id"] for reseller in await self.resellers()]
        raise unknown("reseller", reseller_id, ids, "emporion reseller list")

    async def resellers(self, below: int = PROVIDER_ID) -> list[dict[str, Any]]:
        """A reseller and all below it as the API shows them, by id."""
        found: dict[str, dict[str, Any]] = {}
        offset, total = 0, 1
        root = Actor(below, self.actor.user, self.actor.source)
        while offset < total:
            page = await self.marketplace.resellers.page(root, AccountQuery(offset=offset, limit=LARGEST_PAGE))
            # One that is added meanwhile moves the others on, so that some come twice.
            found |= {reseller["id"]: reseller for reseller in msgspec.json.decode(page.data)}
            offset, total = offset + page.pagination.limit, page.pagination.total
        return sorted(found.values(), key=lambda reseller: int(reseller["id"]))

    async def of(self, reseller_id: str | None, find: Callable[[int], Awaitable[list[T]]]) -> list[T]:
        """What `find` gives for a reseller, or for all of them where it is None. Raises Stop if it is unknown."""
        if reseller_id is not None:
            return await find(await self.reseller(reseller_id))
        ids = [int(reseller["id"]) for reseller in await self.resellers()]
        found: list[T] = []
        for first in range(0, len(ids), AT_ONCE):
            for part in await asyncio.gather(*(find(number) for number in ids[first : first + AT_ONCE])):
                found += part
        return found


def operate(database: str | None, work: Callable[[Operator], Awaitable[T]], **given: str | None) -> T:
    """What `work` gives at the platform in `database`, which may be served meanwhile.

    given: settings of the command's own; the rest is as the environment has it for `emporion serve`. Raises Stop if
    there is no platform, BadSetting, and Problem.
    """
    variables = in_environment(os.environ, [setting for setting in SETTINGS.values() if not setting.server_only])
    options = {name: value for name, value in {"database": database, **given}.items() if value is not None}
    settings = Settings.read({**variables, **options})
    if settings.database.path and not settings.database.path.exists():
        raise CommandError(no_platform(settings))

    async def begin(store: Store) -> T:
        if not await store.platform.get():
            raise CommandError(unfinished(settings) if await store.copies.progress() else no_platform(settings))
        marketplace = build_marketplace(settings, store)
        done = await work(Operator(marketplace, Actor(PROVIDER_ID, _login_name(), "command line")))
        await marketplace.usage.keep()
        return done

    return asyncio.run(with_store(settings, begin, migrating=False))


async def with_store(settings: Settings, work: Callable[[Store], Awaitable[T]], *, migrating: bool) -> T:
    """What `work` gives, over a store that is open meanwhile. migrating: its schema is brought up to date first."""
    store = open_store(settings)
    if migrating:
        await store.migrate()
    await store.open()
    try:
        return await work(store)
    finally:
        await store.close()


def no_platform(settings: Settings) -> str:
    """What an operator is told who has none, and how to make one."""
    path = settings.database.path
    where = f"{SQLITE}{path}" if path else str(settings.database)
    return f"there is no platform in {settings.database}; make one with: emporion init --database {where}"


def unfinished(settings: Settings) -> str:
    """What an operator is told who has a part of one."""
    return f"there is an unfinished copy in {settings.database}; go on with: emporion copy"


def unknown(what: str, name: str, names: Iterable[str], command: str) -> CommandError:
    """For a name that nothing has: those that come nearest, and the command that tells all."""
    there = sorted(names, key=lambda known: -difflib.SequenceMatcher(None, name[:64], known).ratio())
    if not there:
        return CommandError(f"there is no {what} {name}, and no other either")
    more = f" and {len(there) - MOST_TOLD} more" if len(there) > MOST_TOLD else ""
    verb = "is" if len(there) == 1 else "are"
    return CommandError(f"there is no {what} {name}; there {verb} {', '.join(there[:MOST_TOLD])}{more}: {command}")


def now() -> int:
    """Milliseconds since 1970."""
    return int(time.time() * 1000)


def _login_name() -> str:
    """Whom the log names: the account on this machine, which no variable can change."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"
