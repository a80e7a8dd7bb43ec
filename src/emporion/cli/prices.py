"""`emporion price`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from msgspec import to_builtins

from emporion.catalogue.new_prices import ShownPrice
from emporion.catalogue.price_files import PriceRow, price_reader, tiers_of
from emporion.cli.context import Operator, operate
from emporion.cli.errors import CommandError
from emporion.cli.imports import SOME_ARE_FAULTY
from emporion.cli.options import AsJson, Database, OfReseller, Reseller, told_by_option
from emporion.cli.output import show_json, show_table
from emporion.errors import Code, Problem
from emporion.files.file_types import SIGNATURE_BYTES, unreadable_kind
from emporion.marketplace.prices import CheckedPrice
from emporion.store.prices import PriceOutcome

app = typer.Typer(
    no_args_is_help=True,
    help="Prices that resellers take of their buyers, where they are not those of the catalogue.",
)

OPTIONS = {
    "productId": "--product",
    "planId": "--plan",
    "mpn": "--mpn",
    "amount": "--amount",
    "tiers": "--tiers",
    "model": "--model",
    "setup": "--setup",
    "margin": "--margin",
}

Product = Annotated[str | None, typer.Option("--product", metavar="ID", help="For this product.", show_default=False)]
Mpn = Annotated[
    str | None,
    typer.Option("--mpn", metavar="MPN", help="For all periods of the item with this MPN.", show_default=False),
]
Plan = Annotated[
    str | None,
    typer.Option("--plan", metavar="ID", help="The plan of the item, where several have one.", show_default=False),
]


@app.command("set")
def set_price(
    reseller: Reseller,
    product: Product = None,
    mpn: Mpn = None,
    plan: Plan = None,
    amount: Annotated[str | None, typer.Option(metavar="AMOUNT", help="For each unit and billing period.")] = None,
    tiers: Annotated[
        str | None, typer.Option(metavar="STEPS", help="Amounts from some quantities on, such as '10=4.5 100=4'.")
    ] = None,
    model: Annotated[
        Literal["TIERED", "VOLUME_SUBSCRIPTION", "VOLUME_ORDER"] | None,
        typer.Option(help="With steps: each unit at its own step, or all at the one that the quantity reaches."),
    ] = None,
    margin: Annotated[
        str | None, typer.Option(metavar="PERCENT", help="On what the reseller pays, as that is then.")
    ] = None,
    setup: Annotated[str | None, typer.Option(metavar="AMOUNT", help="Once for each unit that is added.")] = None,
    as_json: AsJson = False,
    database: Database = None,
) -> None:
    """Set a reseller's own price for a product or an item: an amount, or a margin on its cost."""
    steps = None if tiers is None else tiers_of(tiers)
    if tiers is not None and steps is None:
        raise CommandError("--tiers must be steps such as '10=4.5 100=4'")
    sent = {
        "productId": product, "planId": plan, "mpn": mpn, "amount": amount, "tiers": steps, "model": model,
        "margin": margin, "setup": setup,
    }  # fmt: skip
    _change(reseller, sent, database, as_json=as_json)


@app.command()
def remove(
    reseller: Reseller,
    product: Product = None,
    mpn: Mpn = None,
    plan: Plan = None,
    as_json: AsJson = False,
    database: Database = None,
) -> None:
    """Remove a reseller's own price; that of the catalogue counts again."""
    sent = {"productId": product, "planId": plan, "mpn": mpn, "remove": True}
    _change(reseller, sent, database, as_json=as_json)


@app.command("list")
def list_prices(of: OfReseller = None, as_json: AsJson = False, database: Database = None) -> None:
    """List the own prices of all resellers, or of one."""

    async def find(operator: Operator) -> list[tuple[int, ShownPrice]]:
        async def of_one(reseller_id: int) -> list[tuple[int, ShownPrice]]:
            return [(reseller_id, price) for price in await operator.marketplace.prices.of(operator.actor, reseller_id)]

        return await operator.of(of, of_one)

    prices = operate(database, find)
    if as_json:
        show_json([{"resellerId": str(reseller_id), **to_builtins(price)} for reseller_id, price in prices])
    else:
        headings = ("reseller", "for", "price", "setup")
        rows = [(reseller_id, _for(price), _price(price), price.setup) for reseller_id, price in prices]
        show_table(headings, rows, none="no prices of resellers' own")


@app.command("import")
def import_prices(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file, CSV in UTF-8.")],
    reseller: Reseller,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only check all rows, and set nothing.")] = False,
    as_json: AsJson = False,
    database: Database = None,
) -> None:
    """Set or remove a reseller's own prices by a file, with a row for each.

    Its columns are productId, or mpn with planId where it is needed; then amount, tiers and model, or margin; setup;
    and remove. All rows are checked first; where some are faulty they are listed, and nothing is set. Exit status 1:
    some rows were faulty.
    """
    rows = _rows(file)

    async def work(operator: Operator) -> tuple[list[CheckedPrice], list[PriceOutcome]]:
        prices, number = operator.marketplace.prices, await operator.reseller(reseller)
        checked = await prices.check(operator.actor, number, rows)
        if dry_run or any(one.faults for one in checked):
            return checked, []
        return checked, await prices.apply(operator.actor, number, checked)

    checked, outcomes = operate(database, work)
    faults = [
        {"line": one.line, "field": fault.field, "message": fault.message} for one in checked for fault in one.faults
    ]
    counts = {what: outcomes.count(what) for what in ("created", "changed", "removed", "unchanged")}
    if as_json:
        show_json({"rows": len(checked), "set": bool(outcomes), **counts, "faults": faults})
    else:
        if faults:
            show_table(("line", "field", "fault"), [list(fault.values()) for fault in faults], none="")
        told = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count) or "nothing was set"
        typer.echo(f"{len(checked):,} row{'' if len(checked) == 1 else 's'}: {told}")
    if faults:
        raise typer.Exit(SOME_ARE_FAULTY)


def _rows(file: Path) -> list[PriceRow]:
    """Raises Stop if the file cannot be read as one of prices."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}") from None
    if kind := unreadable_kind(content[:SIGNATURE_BYTES]):
        raise CommandError(f"{file} is {kind}")
    try:
        return list(price_reader().read(content, last=True))
    except Problem as problem:
        if problem.code is not Code.INVALID:
            raise
        raise CommandError(f"{file}: {problem.message}") from None


def _change(reseller: str, sent: dict[str, Any], database: str | None, *, as_json: bool) -> None:
    async def work(operator: Operator) -> tuple[ShownPrice, PriceOutcome]:
        number = await operator.reseller(reseller)
        return await operator.marketplace.prices.set(operator.actor, number, sent)

    with told_by_option(OPTIONS):
        price, outcome = operate(database, work)
    if as_json:
        show_json({"resellerId": reseller, **to_builtins(price), "outcome": outcome})
    elif outcome == "removed":
        typer.echo(f"the price of reseller {reseller} for {_for(price)} was removed")
    else:
        typer.echo(f"reseller {reseller} takes {_price(price)} for {_for(price)}: {outcome}")


def _for(price: ShownPrice) -> str:
    return f"product {price.product_id}" if price.product_id else f"{price.mpn} of plan {price.plan_id}"


def _price(price: ShownPrice) -> str:
    if price.margin is not None:
        return f"its cost and {price.margin} %"
    steps = "".join(f", {tier.amount} from {tier.lower_limit}" for tier in price.tiers or ())
    return f"{price.amount} {price.currency}{steps}{f' ({price.model})' if price.model else ''}"
