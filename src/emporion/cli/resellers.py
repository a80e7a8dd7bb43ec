"""`emporion reseller`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import msgspec
import typer

from emporion.accounts.ids import PROVIDER_ID
from emporion.cli import stdin
from emporion.cli.context import Operator, operate
from emporion.cli.errors import CommandError
from emporion.cli.options import AsJson, Database, told_by_option
from emporion.cli.output import Exact, plain, show_json, show_table, show_thing
from emporion.validation import decode

app = typer.Typer(no_args_is_help=True, help="Resellers: who sells, and who stands below whom.")

# How far names of deep trees are moved to the right.
DEEPEST = 12
# The member that each option of `add` gives.
ADDRESS = {
    "streetAddress": "--street",
    "postalCode": "--postal-code",
    "city": "--city",
    "state": "--state",
    "countryCode": "--country",
}
CONTACT = {
    "firstName": "--first-name",
    "lastName": "--last-name",
    "email": "--email",
    "phoneNumber": "--phone",
}
OPTIONS = {
    "name": "NAME",
    "currency": "--currency",
    "externalId": "--external-id",
    **{f"address.{member}": option for member, option in ADDRESS.items()},
    **{f"contactPersons[0].{member}": option for member, option in CONTACT.items()},
}

Id = Annotated[str, typer.Argument(metavar="ID", help="The reseller's id.")]


class Placed(NamedTuple):
    """A reseller and how far it stands below the first one of its list."""

    depth: int
    reseller: dict[str, Any]


@app.command("list")
def list_resellers(
    below: Annotated[
        str | None, typer.Option(metavar="ID", help="This reseller and those below it. Default: all.")
    ] = None,
    as_json: AsJson = False,
    database: Database = None,
) -> None:
    """List the resellers, each below its parent."""

    async def find(operator: Operator) -> list[dict[str, Any]]:
        return await operator.resellers(PROVIDER_ID if below is None else await operator.reseller(below))

    tree = as_tree(operate(database, find))
    if as_json:
        show_json([placed.reseller for placed in tree])
    else:
        show_table(("id", "name", "status", "currency", "external id"), map(_row, tree), none="no resellers")


@app.command()
def show(reseller_id: Id, as_json: AsJson = False, database: Database = None) -> None:
    """Show a reseller."""

    async def find(operator: Operator) -> bytes:
        return await _document(operator, reseller_id)

    reseller = msgspec.json.decode(operate(database, find))
    (show_json if as_json else show_thing)(reseller)


@app.command()
def add(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Its name.", show_default=False)] = None,
    currency: Annotated[str | None, typer.Option(metavar="CODE", help="Its currency, ISO 4217, such as EUR.")] = None,
    parent: Annotated[
        str | None, typer.Option(metavar="ID", help="The reseller above it. Default: the provider.")
    ] = None,
    external_id: Annotated[str | None, typer.Option(metavar="ID", help="Its id in your own system.")] = None,
    street: Annotated[str | None, typer.Option(metavar="TEXT", help="Street and number.")] = None,
    postal_code: Annotated[str | None, typer.Option(metavar="CODE", help="Postal code.")] = None,
    city: Annotated[str | None, typer.Option(metavar="NAME", help="City.")] = None,
    state: Annotated[str | None, typer.Option(metavar="NAME", help="State or province, where there are any.")] = None,
    country: Annotated[str | None, typer.Option(metavar="CODE", help="Country, ISO 3166-1, such as DE.")] = None,
    first_name: Annotated[str | None, typer.Option(metavar="NAME", help="First name of its administrator.")] = None,
    last_name: Annotated[str | None, typer.Option(metavar="NAME", help="Last name of its administrator.")] = None,
    email: Annotated[str | None, typer.Option(metavar="ADDRESS", help="E-mail address of its administrator.")] = None,
    phone: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="Phone number of its administrator, such as +49891234567.")
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="FILE",
            help="A JSON object as POST /resellers takes it, - for standard input. Options stand above what it has.",
        ),
    ] = None,
    as_json: AsJson = False,
    database: Database = None,
) -> None:
    """Add a reseller, which is active at once.

    It needs a name, a currency, an address and an administrator, by the options or from a file.
    """
    body: dict[str, Any] = {"status": "active", **(_read(source) if source else {})}
    body |= _given({"name": name, "currency": currency, "externalId": external_id})
    address = dict(zip(ADDRESS, (street, postal_code, city, state, country), strict=True))
    contact = dict(zip(CONTACT, (first_name, last_name, email, phone), strict=True))
    if not source or _given(address):
        body["address"] = {**_object(body.get("address")), **_given(address)}
    if not source or _given(contact):
        body["contactPersons"] = [{"type": "admin", **_given(contact)}]

    async def create(operator: Operator) -> bytes:
        above = PROVIDER_ID if parent is None else await operator.reseller(parent)
        with told_by_option({} if source else OPTIONS):
            record = await operator.marketplace.resellers.create(operator.actor, body, parent_id=above)
        return record.document

    reseller = msgspec.json.decode(operate(database, create))
    _say(reseller, as_json=as_json, what=f"was added below {reseller['resellerId']}: it is {reseller['status']}")


@app.command()
def disable(
    reseller_id: Id,
    cancel: Annotated[bool, typer.Option("--cancel", help="Cancel it, which is for good.")] = False,
    as_json: AsJson = False,
    database: Database = None,
) -> None:
    """Shut out a reseller and all below it, within a second: it is put on hold (adminHold)."""
    reseller = _put(reseller_id, "cancelled" if cancel else "adminHold", database)
    _say(reseller, as_json=as_json, what=f"and all below it are shut out: it is {reseller['status']}")


@app.command()
def enable(reseller_id: Id, as_json: AsJson = False, database: Database = None) -> None:
    """Let a reseller that is on hold in again, and all below it."""
    reseller = _put(reseller_id, "active", database)
    _say(reseller, as_json=as_json, what=f"is {reseller['status']}")


def as_tree(resellers: Sequence[dict[str, Any]]) -> list[Placed]:
    """Resellers, each after the one above it; without recursion, since trees may be very deep."""
    known = {reseller["id"] for reseller in resellers}
    below: dict[str | None, list[dict[str, Any]]] = {}
    for reseller in resellers:
        above = reseller.get("resellerId")
        below.setdefault(above if above in known else None, []).append(reseller)
    tree = []
    waiting = [Placed(0, reseller) for reseller in reversed(below.get(None, []))]
    while waiting:
        placed = waiting.pop()
        tree.append(placed)
        inner = below.get(placed.reseller["id"], [])
        waiting += [Placed(placed.depth + 1, reseller) for reseller in reversed(inner)]
    return tree


def _row(placed: Placed) -> Sequence[object]:
    reseller = placed.reseller
    indent = "  " * min(placed.depth, DEEPEST) + ("… " if placed.depth > DEEPEST else "")
    name = Exact(indent + plain(reseller["name"]))
    return reseller["id"], name, reseller["status"], reseller.get("currency"), reseller.get("externalId")


async def _document(operator: Operator, reseller_id: str) -> bytes:
    number = await operator.reseller(reseller_id)
    return (await operator.marketplace.resellers.find(operator.actor, str(number))).document


def _put(reseller_id: str, status: str, database: str | None) -> dict[str, Any]:
    """The reseller in another status."""

    async def put(operator: Operator) -> bytes:
        number = await operator.reseller(reseller_id)
        record = await operator.marketplace.resellers.update(operator.actor, str(number), {"status": status})
        return record.document

    return dict(msgspec.json.decode(operate(database, put)))


def _say(reseller: dict[str, Any], *, as_json: bool, what: str) -> None:
    if as_json:
        show_json(reseller)
    else:
        typer.echo(f"{reseller['name']} ({reseller['id']}) {what}")


def _read(source: str) -> dict[str, Any]:
    """The JSON object in a file, or in standard input for `-`. Raises Stop."""
    where = "standard input" if source == "-" else source
    try:
        body = decode(stdin.everything() if source == "-" else Path(source).read_bytes())
    except OSError as error:
        raise CommandError(f"--from {source} cannot be read: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CommandError(
            f"--from must be a JSON object as POST /resellers takes it; {where} is none: {error}"
        ) from None
    if not isinstance(body, dict):
        raise CommandError(f"--from must be a JSON object as POST /resellers takes it; {where} has another value")
    return {name: value for name, value in body.items() if value is not None}


def _given(members: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in members.items() if value is not None}


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
