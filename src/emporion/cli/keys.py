"""`emporion key`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import typer

from emporion.cli.context import Operator, operate, unknown
from emporion.cli.errors import CommandError
from emporion.cli.options import AsJson, Database, OfReseller, Reseller
from emporion.cli.output import minute_of, show_json, show_table, show_thing, time_of
from emporion.limits import Limit
from emporion.marketplace.subscription_keys import NewKey
from emporion.settings import ApiVersion
from emporion.store.subscription_keys import SubscriptionKey

app = typer.Typer(
    no_args_is_help=True,
    help="Subscription keys: which reseller a calling system belongs to, and how much it may ask for.",
)

HEADINGS = ("id", "reseller", "name", "limits", "version", "last used", "revoked")
# What an option of `change` is given to take a limit or a pinned version away.
NONE = "none"
# Any number of requests that makes sense is below it.
HIGHEST_OPTION = 1_000_000_000

Id = Annotated[str, typer.Argument(metavar="ID", help="The key's id, as the list has it.")]
Within = Annotated[
    str | None,
    typer.Option("--reseller", metavar="ID", help="Its reseller, where two have such a key.", show_default=False),
]


def _limit(text: str) -> int:
    """A limit, 0 to have none."""
    if text == NONE:
        return 0
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:11]) <= HIGHEST_OPTION):
        raise typer.BadParameter(f"it must be a whole number from 1 to {HIGHEST_OPTION}, or {NONE}, not {text!r}")
    return int(text)


def _limit_option(help: str) -> Any:  # noqa: A002 - as Typer calls it
    return typer.Option(parser=_limit, metavar="N", help=f"{help}, or {NONE}.", show_default=False)


Rate = Annotated[int | None, _limit_option("Requests per second")]
Burst = Annotated[int | None, _limit_option("Requests that may come at once")]
PerDay = Annotated[int | None, _limit_option("Requests per day of UTC")]


@app.command("list")
def list_keys(of: OfReseller = None, as_json: AsJson = False, database: Database = None) -> None:
    """List the keys of all resellers, or of one."""

    async def find(operator: Operator) -> list[SubscriptionKey]:
        return await operator.of(of, operator.marketplace.subscription_keys.of)

    keys = operate(database, find)
    if as_json:
        show_json([as_shown(key) for key in keys])
    else:
        show_table(HEADINGS, map(_row, keys), none="no subscription keys")


@app.command()
def show(key_id: Id, within: Within = None, as_json: AsJson = False, database: Database = None) -> None:
    """Show a key, but not its secret: that cannot be read again."""

    async def find(operator: Operator) -> SubscriptionKey:
        return await _key(operator, key_id, within)

    (show_json if as_json else show_thing)(as_shown(operate(database, find)))


@app.command()
def add(
    reseller: Reseller,
    name: Annotated[str, typer.Option(metavar="NAME", help="What it is called, such as the system that has it.")],
    rate: Rate = None,
    burst: Burst = None,
    per_day: PerDay = None,
    api_version: Annotated[ApiVersion | None, typer.Option(help="The contract version to pin it to.")] = None,
    as_json: AsJson = False,
    database: Database = None,
) -> None:
    """Add a key, which is shown only now. Without limits it may send any number of requests."""

    async def create(operator: Operator) -> NewKey:
        number = await operator.reseller(reseller)
        limit = _limited(Limit(), rate, burst, per_day)
        return await operator.marketplace.subscription_keys.add(operator.actor, number, name, limit, api_version)

    _say_new(operate(database, create), "was added", as_json=as_json)


@app.command()
def change(
    key_id: Id,
    within: Within = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="What it is called.")] = None,
    rate: Rate = None,
    burst: Burst = None,
    per_day: PerDay = None,
    api_version: Annotated[
        Literal["1.6", "1.15", "none"] | None, typer.Option(help="The contract version to pin it to.")
    ] = None,
    as_json: AsJson = False,
    database: Database = None,
) -> None:
    """Change a key's name, limits or pinned version; what is left out stays."""

    async def put(operator: Operator) -> SubscriptionKey:
        key = await _key(operator, key_id, within)
        version = key.api_version if api_version is None else _unless_none(api_version)
        return await operator.marketplace.subscription_keys.change(
            operator.actor,
            key,
            name=key.name if name is None else name,
            limit=_limited(key.limit, rate, burst, per_day),
            api_version=version,
        )

    key = operate(database, put)
    _say(key, f"has now: {_limits(key.limit)}, version {key.api_version or 'not pinned'}", as_json=as_json)


@app.command()
def disable(key_id: Id, within: Within = None, as_json: AsJson = False, database: Database = None) -> None:
    """Revoke a key for good, within a second."""

    async def put(operator: Operator) -> SubscriptionKey:
        return await operator.marketplace.subscription_keys.revoke(operator.actor, await _key(operator, key_id, within))

    _say(operate(database, put), "is revoked for good", as_json=as_json)


@app.command()
def rotate(key_id: Id, within: Within = None, as_json: AsJson = False, database: Database = None) -> None:
    """Put a new key in the place of one, which is revoked. The new one is shown only now."""

    async def put(operator: Operator) -> NewKey:
        return await operator.marketplace.subscription_keys.rotate(operator.actor, await _key(operator, key_id, within))

    _say_new(operate(database, put), f"is in the place of {key_id}", as_json=as_json)


async def _key(operator: Operator, key_id: str, within: str | None) -> SubscriptionKey:
    """The key. Raises Stop if there is none, or more than one."""
    keys = await operator.of(within, operator.marketplace.subscription_keys.of)
    found = [key for key in keys if key.id == key_id.lower()]
    if not found:
        raise unknown("subscription key", key_id, [key.id for key in keys], "emporion key list")
    if len(found) > 1:
        owners = " or ".join(str(key.reseller_id) for key in found)
        raise CommandError(f"{len(found)} resellers have a key {key_id}; say which by --reseller {owners}")
    return found[0]


def as_shown(key: SubscriptionKey) -> dict[str, object]:
    """What may be seen of a key."""
    return {
        "id": key.id,
        "resellerId": str(key.reseller_id),
        "name": key.name or None,
        "rate": key.limit.rate,
        "burst": key.limit.burst,
        "perDay": key.limit.per_day,
        "apiVersion": key.api_version,
        "createdAt": time_of(key.created_at),
        "usedAt": time_of(key.used_at),
        "revokedAt": time_of(key.revoked_at),
    }


def _row(key: SubscriptionKey) -> Sequence[object]:
    times = minute_of(key.used_at), minute_of(key.revoked_at)
    return key.id, key.reseller_id, key.name, _limits(key.limit), key.api_version, *times


def _limits(limit: Limit) -> str:
    """A key's limits in words."""
    rate = f"{limit.rate}/s" + (f" (burst {limit.burst})" if limit.burst else "") if limit.rate else ""
    return ", ".join(filter(None, (rate, f"{limit.per_day}/day" if limit.per_day else ""))) or "no limits"


def _limited(limit: Limit, rate: int | None, burst: int | None, per_day: int | None) -> Limit:
    """A limit with other numbers: None for one that stays, 0 for one that is taken away."""
    if rate == 0 and burst is None:
        burst = 0
    numbers = zip((rate, burst, per_day), (limit.rate, limit.burst, limit.per_day), strict=True)
    return Limit(*(old if new is None else new or None for new, old in numbers))


def _unless_none(version: str) -> str | None:
    return None if version == NONE else version


def _say(key: SubscriptionKey, what: str, *, as_json: bool) -> None:
    if as_json:
        show_json(as_shown(key))
    else:
        typer.echo(f"The subscription key {key.id} of {key.reseller_id} {what}")


def _say_new(new: NewKey, what: str, *, as_json: bool) -> None:
    if as_json:
        show_json({**as_shown(new.key), "key": new.secret})
    else:
        title = f"The subscription key {new.key.id} of {new.key.reseller_id} {what}. This is shown only once:"
        show_thing({"key": new.secret}, title)
