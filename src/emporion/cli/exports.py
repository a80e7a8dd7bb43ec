"""`emporion export`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from emporion.cli.context import Operator, operate
from emporion.cli.errors import CommandError
from emporion.cli.imports import FORMATS, FormatOption
from emporion.cli.options import Database, OfReseller

STANDARD_OUTPUT = "-"


def export_customers(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Where to write them; - is standard output.")],
    of: OfReseller = None,
    format_: FormatOption = None,
    database: Database = None,
) -> None:
    """Export the customers of a reseller and of all below it, oldest first within each.

    What is exported can be imported again. Cells that a spreadsheet would run as formulas begin with an apostrophe.
    """
    known = format_ or FORMATS.get(Path(file).suffix.lower())
    if not known:
        raise CommandError(f"the name of {file} does not tell what to write to it; say --format csv or --format jsonl")

    async def write(operator: Operator, to: IO[bytes]) -> int:
        number = None if of is None else await operator.reseller(of)
        exports = operator.marketplace.exports
        console = Console(stderr=True)
        columns = ("exporting", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        count = 0
        with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
            task = bar.add_task("", total=await exports.count(operator.actor, number))

            def tell(more: int) -> None:
                nonlocal count
                count += more
                bar.advance(task, more)

            async for part in exports.export(operator.actor, number, known, tell=tell):
                to.write(part)
        return count

    if file == STANDARD_OUTPUT:
        operate(database, lambda operator: write(operator, sys.stdout.buffer))
        sys.stdout.buffer.flush()
        return
    with written_file(Path(file)) as to:
        count = operate(database, lambda operator: write(operator, to))
    typer.echo(f"{count:,} customer{'' if count == 1 else 's'} in {file}")


@contextmanager
def written_file(path: Path) -> Iterator[IO[bytes]]:
    """A file that its owner only can read, and that is at its place when it is whole. Raises Stop if it cannot be."""
    part = path.with_name(f"{path.name}.part")
    try:
        to = os.fdopen(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb")
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}") from None
    try:
        with to:
            yield to
        part.replace(path)
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}") from None
    finally:
        part.unlink(missing_ok=True)
