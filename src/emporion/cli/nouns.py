"""Commands of a noun that is a list of documents: `list` and `show`."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from msgspec import structs

from emporion.cli.context import Operator, operate, unknown
from emporion.cli.errors import CommandError
from emporion.cli.options import AsJson, Database, OfReseller
from emporion.cli.output import show_json, show_table, show_thing
from emporion.errors import Code, Problem
from emporion.paging import LARGEST_PAGE
from emporion.settings import option_of
from emporion.validation import read

if TYPE_CHECKING:
    from emporion.marketplace import Marketplace
    from emporion.marketplace.actors import Actor
    from emporion.marketplace.customers import ListPage
    from emporion.store.collections import Item

Document = dict[str, Any]
Id = Annotated[str, typer.Argument(metavar="ID", help="Its id.")]

NO_FILTERS: Mapping[str, str] = {}

decode = msgspec.json.Decoder(Document).decode


def noun_app(
    noun: str,
    help: str,  # noqa: A002 - as typer calls it
    *,
    query: type[msgspec.Struct],
    columns: Mapping[str, Callable[[Document], object]],
    page: Callable[[Marketplace], Callable[[Actor, Any], Awaitable[ListPage]]],
    get: Callable[[Marketplace], Callable[[Actor, str], Awaitable[Item]]],
    filters: Mapping[str, str] = NO_FILTERS,
) -> typer.Typer:
    """The commands of a noun.

    noun: what one is called; its list, with an s. query: of the list, with `offset` and `limit`. columns: of the table,
    by their headings. page, get: what gives a list and one of it. filters: members of the query that are options, with
    their help.
    """
    app = typer.Typer(no_args_is_help=True, help=help)

    async def read_all(operator: Operator, reseller_id: str | None, **given: str | None) -> list[Document]:
        wanted = _read(query, given)
        actor = operator.actor
        if reseller_id is not None:
            actor = structs.replace(actor, account_id=await operator.reseller(reseller_id))
        found: dict[str, Document] = {}
        offset, total = 0, 1
        while offset < total:
            # One that is added meanwhile moves the others on, so that some come twice.
            at = structs.replace(wanted, offset=offset, limit=LARGEST_PAGE)
            part = await page(operator.marketplace)(actor, at)
            found |= {one["id"]: one for one in msgspec.json.decode(part.data, type=list[Document])}
            offset, total = offset + LARGEST_PAGE, part.pagination.total
        return list(found.values())

    def list_all(
        of: OfReseller = None, as_json: AsJson = False, database: Database = None, **given: str | None
    ) -> None:  # fmt: skip
        documents = operate(database, lambda operator: read_all(operator, of, **given))
        if as_json:
            show_json(documents)
        else:
            rows = [[column(document) for column in columns.values()] for document in documents]
            show_table(list(columns), rows, none=f"no {noun}s")

    with_options(list_all, filters)
    app.command("list", help=f"List the {noun}s of all resellers, or of one and those below it.")(list_all)

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


def with_options(command: Callable[..., None], options: Mapping[str, str]) -> None:
    """Give a command an option for each text that it takes by keyword, with its help."""
    own = [
        parameter
        for parameter in inspect.signature(command, eval_str=True).parameters.values()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    given = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[str | None, typer.Option(option_of(name), help=text, show_default=False)],
        )
        for name, text in options.items()
    ]
    # What Typer reads the options of a command from.
    command.__signature__ = inspect.Signature([*own, *given])  # type: ignore[attr-defined]


def _read(query: type[msgspec.Struct], given: Mapping[str, str | None]) -> Any:
    """The query that options ask for. Raises Stop, which tells them by their options."""
    members = {field.name: field.encode_name for field in structs.fields(query)}
    wanted, faults = read(query, {members[name]: value for name, value in given.items()})
    if faults:
        options = {member: option_of(name) for name, member in members.items()}
        raise CommandError("; ".join(f"{options.get(fault.field, fault.field)} {fault.message}" for fault in faults))
    return wanted
