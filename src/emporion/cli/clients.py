"""`emporion client`."""

from __future__ import annotations

from typing import Annotated

import typer

from emporion.cli.context import Operator, operate, unknown
from emporion.cli.errors import CommandError
from emporion.cli.options import AsJson, Database, OfReseller, Reseller
from emporion.cli.output import minute_of, show_json, show_table, show_thing, time_of
from emporion.credentials import Role
from emporion.errors import Code, Problem
from emporion.marketplace.clients import NewClient
from emporion.store.clients import Client

app = typer.Typer(no_args_is_help=True, help="OAuth clients: programs of a reseller that get tokens by OAuth 2.0.")

HEADINGS = ("client", "reseller", "role", "name", "last used", "disabled")

Name = Annotated[str, typer.Argument(metavar="REALM/ID", help="The client's realm and id.")]


@app.command("list")
def list_clients(of: OfReseller = None, as_json: AsJson = False, database: Database = None) -> None:
    """List the OAuth clients of all resellers, or of one."""

    async def find(operator: Operator) -> list[Client]:
        return await operator.of(of, operator.marketplace.clients.of)

    clients = operate(database, find)
    if as_json:
        show_json([as_shown(client) for client in clients])
    else:
        rows = [
            (_called(client), client.reseller_id, client.role, client.name, minute_of(client.used_at),
             minute_of(client.disabled_at))
            for client in clients
        ]  # fmt: skip
        show_table(HEADINGS, rows, none="no OAuth clients")


@app.command()
def show(name: Name, as_json: AsJson = False, database: Database = None) -> None:
    """Show an OAuth client, but not its secret: that cannot be read again."""

    async def find(operator: Operator) -> Client:
        return await _client(operator, name)

    (show_json if as_json else show_thing)(as_shown(operate(database, find)))


@app.command()
def add(
    name: Name,
    reseller: Reseller,
    role: Annotated[Role, typer.Option(help="What the client may do.")] = "editor",
    title: Annotated[str, typer.Option("--name", metavar="NAME", help="What people call it.")] = "",
    as_json: AsJson = False,
    database: Database = None,
) -> None:
    """Add an OAuth client. Its secret is shown only now."""
    realm, client_id = _parts(name)

    async def create(operator: Operator) -> NewClient:
        number = await operator.reseller(reseller)
        try:
            return await operator.marketplace.clients.add(
                operator.actor, number, realm, client_id, role=role, name=title
            )
        except Problem as problem:
            if problem.code is Code.CONFLICT:
                raise CommandError(f"there is a client {name} already; choose another id") from None
            raise

    _say_new(operate(database, create), "was added", as_json=as_json)


@app.command()
def disable(name: Name, as_json: AsJson = False, database: Database = None) -> None:
    """Shut out an OAuth client: all its tokens are over within a second."""

    async def put(operator: Operator) -> Client:
        client = await _client(operator, name)
        if client.disabled_at:
            return client
        return await operator.marketplace.clients.disable(operator.actor, client.realm, client.id)

    _say(operate(database, put), "is disabled", as_json=as_json)


@app.command()
def enable(name: Name, as_json: AsJson = False, database: Database = None) -> None:
    """Let a disabled OAuth client in again, with the same secret and a new token."""

    async def put(operator: Operator) -> Client:
        client = await _client(operator, name)
        return await operator.marketplace.clients.enable(operator.actor, client.realm, client.id)

    _say(operate(database, put), "is enabled", as_json=as_json)


@app.command()
def rotate(name: Name, as_json: AsJson = False, database: Database = None) -> None:
    """Give an OAuth client another secret, which ends all its tokens. It is shown only now."""

    async def put(operator: Operator) -> NewClient:
        client = await _client(operator, name)
        return await operator.marketplace.clients.rotate(operator.actor, client.realm, client.id)

    _say_new(operate(database, put), "has another secret", as_json=as_json)


def as_shown(client: Client) -> dict[str, object]:
    """What may be seen of a client."""
    return {
        "realm": client.realm,
        "id": client.id,
        "resellerId": str(client.reseller_id),
        "role": client.role,
        "name": client.name or None,
        "createdAt": time_of(client.created_at),
        "usedAt": time_of(client.used_at),
        "disabledAt": time_of(client.disabled_at),
    }


async def _client(operator: Operator, name: str) -> Client:
    """The client. Raises Stop, which tells some of those that there are, if there is no such one."""
    try:
        return await operator.marketplace.clients.get(*_parts(name))
    except Problem as problem:
        if problem.code is not Code.NOT_FOUND:
            raise
    clients = await operator.of(None, operator.marketplace.clients.of)
    raise unknown("OAuth client", name, [_called(client) for client in clients], "emporion client list")


def _parts(name: str) -> tuple[str, str]:
    """The realm and the id in REALM/ID. Raises Stop."""
    realm, slash, client_id = name.partition("/")
    if not (realm and slash and client_id):
        raise CommandError(f"a client is called by its realm and id, such as sandbox/sandbox-client, not {name}")
    return realm, client_id


def _called(client: Client) -> str:
    return f"{client.realm}/{client.id}"


def _say(client: Client, what: str, *, as_json: bool) -> None:
    if as_json:
        show_json(as_shown(client))
    else:
        typer.echo(f"The OAuth client {_called(client)} {what}")


def _say_new(new: NewClient, what: str, *, as_json: bool) -> None:
    if as_json:
        show_json({**as_shown(new.client), "secret": new.secret})
    else:
        title = f"The OAuth client {_called(new.client)} {what}. This is shown only once:"
        show_thing({"realm": new.client.realm, "id": new.client.id, "secret": new.secret}, title)
