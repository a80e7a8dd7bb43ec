"""Commands of a noun that is a list of documents: `list` and `show`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from msgspec import structs

from emporion.cli.context import Operator, operate, unknown
from emporion.cli.options import AsJson, Database, OfReseller
from emporion.cli.output import show_json, show_table, show_thing
from emporion.errors import Code, Problem
from emporion.paging import LARGEST_PAGE

if TYPE_CHECKING:
    from emporion.marketplace import Marketplace
    from emporion.marketplace.actors import Actor
    from emporion.marketplace.customers import ListPage
    from emporion.store.collections import Item

Document = dict[str, Any]
Id = Annotated[str, typer.Argument(metavar="ID", help="Its id.")]

decode = msgspec.json.Decoder(Document).decode


def noun_app(
    noun: str,
    help: str,  # noqa: A002 - as typer calls it
    *,
    query: type[msgspec.Struct],
    columns: Mapping[str, Callable[[Document], object]],
    page: Callable[[Marketplace], Callable[[Actor, Any], Awaitable[ListPage]]],
    get: Callable[[Marketplace], Callable[[Actor, str], Awaitable[Item]]],
) -> typer.Typer:
    """The commands of a noun.

    noun: what one is called; its list, with an s. query: of the list, with `offset` and `limit`. columns: of the table,
    by their headings. page, get: what gives a list and one of it.
    """
    app = typer.Typer(no_args_is_help=True, help=help)

    async def read_all(operator: Operator, reseller_id: str | None) -> list[Document]:
        actor = operator.actor
        if reseller_id is not None:
            actor = structs.replace(actor, account_id=await operator.reseller(reseller_id))
        found: dict[str, Document] = {}
        offset, total = 0, 1
        while offset < total:
            # One that is added meanwhile moves the others on, so that some come twice.
            part = await page(operator.marketplace)(actor, query(offset=offset, limit=LARGEST_PAGE))
            found |= {one["id"]: one for one in msgspec.json.decode(part.data, type=list[Document])}
            offset, total = offset + LARGEST_PAGE, part.pagination.total
        return list(found.values())

    @app.command("list", help=f"List the {noun}s of all resellers, or of one and those below it.")
    def list_all(of: OfReseller = None, as_json: AsJson = False, database: Database = None) -> None:
        documents = operate(database, lambda operator: read_all(operator, of))
        if as_json:
            show_json(documents)
        else:
            rows = [[column(document) for column in columns.values()] for document in documents]
            show_table(list(columns), rows, none=f"no {noun}s")

    @app.command("show", help=f"Show a {noun}.")
    def show(
        id_: Id,
        as_json: AsJson = False,
        database: Database = None,
    ) -> None:
        async def find(operator: Operator) -> Document:
            try:
                return decode((await get(operator.marketplace)(operator.actor, id_)).document)
            except Problem as problem:
                if problem.code is not Code.NOT_FOUND:
                    raise
            ids = [document["id"] for document in await read_all(operator, None)]
            raise unknown(noun, id_, ids, f"emporion {noun} list")

        (show_json if as_json else show_thing)(operate(database, find))

    return app
