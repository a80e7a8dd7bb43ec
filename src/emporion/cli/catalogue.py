"""`emporion catalogue`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated, Any

import typer
from msgspec import to_builtins
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TimeRemainingColumn

from emporion.catalogue.differences import Difference, Summary, value_in_words
from emporion.cli.context import Operator, operate
from emporion.cli.errors import CommandError
from emporion.cli.exports import STANDARD_OUTPUT, written_file
from emporion.cli.options import AsJson, Database
from emporion.cli.output import plain, show_json, show_table
from emporion.files.file_types import SIGNATURE_BYTES, unreadable_kind
from emporion.marketplace.catalogue_content import CatalogueContent

# For a file that has a fault.
FAULTY = 1
# Beyond it something else was meant, such as a disk image.
LARGEST_FILE = 2 << 30
_MARKS = {"new": "+", "changed": "~", "retired": "-", "back": "+"}

File = Annotated[Path, typer.Argument(metavar="FILE", help="The catalogue, a file in YAML (docs/selling.md).")]

app = typer.Typer(
    no_args_is_help=True,
    help="The catalogue: what is sold, by whom and for how much, as one file that operators keep.",
    epilog="Begin with `emporion catalogue export catalogue.yaml`, change the file, look at `diff`, then `apply` it.",
)


@app.command("check")
def check_file(file: File, as_json: AsJson = False) -> None:
    """Check a file, and list all that is wrong with it, each with its line.

    No platform is needed. Exit status 1: something is wrong.
    """
    with _read(file) as content:
        _stop_if_faulty(file, content, as_json=as_json)
        if as_json:
            show_json({"vendors": len(content.vendors), "services": len(content.services), "plans": len(content),
                       "items": content.items})  # fmt: skip
        else:
            typer.echo(f"{file}: {_number(len(content), 'plan')} with {_number(content.items, 'item')}, and no fault")


@app.command("diff")
def diff_file(file: File, as_json: AsJson = False, database: Database = None) -> None:
    """Tell what applying a file would change, and write nothing.

    What has left the file would be retired: it is sold no more, and subscriptions that have it go on. Exit status 1:
    something is wrong with the file.
    """
    with _read(file) as content:
        summary = operate(database, lambda operator: _compare(operator, file, content, as_json=as_json))
        if not as_json:
            typer.echo(f"{summary.in_words()}; nothing was written")


@app.command("apply")
def apply_file(
    file: File,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether to go on.")] = False,
    as_json: AsJson = False,
    database: Database = None,
) -> None:
    """Make the catalogue what a file says, all at once.

    It is told first what changes; at a terminal you are asked whether to go on. What has left the file is retired,
    never deleted, and has its old id when it comes back. Exit status 1: something is wrong with the file, and nothing
    was written.
    """

    async def work(operator: Operator) -> None:
        summary = Summary()
        if not as_json:
            summary = await _compare(operator, file, content, as_json=False)
            if not summary.is_empty and not yes and is_terminal():
                typer.confirm(f"{summary.in_words()}. Apply it?", abort=True)
        else:
            await operator.marketplace.catalogue_files.check(operator.actor, content)
            _stop_if_faulty(file, content, as_json=True)
        applied = await operator.marketplace.catalogue_files.apply(operator.actor, content)
        if as_json:
            show_json(to_builtins(applied))
        elif applied.summary.is_empty:
            typer.echo("nothing changes, so nothing was written")
        else:
            products = f", {_number(applied.summary.products, 'product')} more" if applied.summary.products else ""
            typer.echo(f"{applied.summary.in_words()}{products}; the catalogue is now version {applied.version}")

    with _read(file) as content:
        operate(database, work)


@app.command("export")
def export_file(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Where to write it; - is standard output.")],
    database: Database = None,
) -> None:
    """Write the catalogue into a file, which changes nothing when it is applied.

    What is retired is left out, unless its file said `state: retired`.
    """

    async def write(operator: Operator, to: IO[bytes]) -> None:
        async for part in operator.marketplace.catalogue_files.export(operator.actor):
            to.write(part)

    if file == STANDARD_OUTPUT:
        operate(database, lambda operator: write(operator, sys.stdout.buffer))
        sys.stdout.buffer.flush()
        return
    with written_file(Path(file)) as to:
        operate(database, lambda operator: write(operator, to))
    typer.echo(f"the catalogue is in {file}")


def is_terminal() -> bool:
    """Whether a person can be asked."""
    return sys.stdin.isatty()


@contextmanager
def _read(path: Path) -> Iterator[CatalogueContent]:
    """What stands in a file. Raises CommandError if there is no such one, or it is something else."""
    try:
        if path.is_dir():
            raise CommandError(f"{path} is a directory; name the file in it")
        with path.open("rb") as stream:
            start = stream.read(SIGNATURE_BYTES)
            if kind := unreadable_kind(start):
                raise CommandError(f"{path} is {kind.partition(';')[0]}, and no catalogue in YAML")
            stream.seek(0)
            size = path.stat().st_size
            if size > LARGEST_FILE:
                raise CommandError(f"{path} is larger than {LARGEST_FILE >> 30} GiB, and no catalogue")
            with _bar(size) as bar:
                content = CatalogueContent(stream, lambda more: bar.advance(bar.task_ids[0], more))
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror or 'it is a pipe; write it into a file'}") from None
    with content:
        yield content


def _bar(size: int) -> Progress:
    console = Console(stderr=True)
    columns = ("reading", BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    bar.add_task("", total=size)
    return bar


async def _compare(operator: Operator, file: Path, content: CatalogueContent, *, as_json: bool) -> Summary:
    """Tell what would change, as it is found."""
    files = operator.marketplace.catalogue_files
    await files.check(operator.actor, content)
    _stop_if_faulty(file, content, as_json=as_json)
    summary = Summary()
    found: list[dict[str, Any]] = []
    async for difference in files.differences(operator.actor, content):
        summary.add(difference)
        if as_json:
            found.append(to_builtins(difference))
        else:
            for line in _told(difference):
                typer.echo(line)
    if as_json:
        show_json({"differences": found, "summary": to_builtins(summary)})
    return summary


def _stop_if_faulty(file: Path, content: CatalogueContent, *, as_json: bool) -> None:
    """List the faults of a file, and end the command, if there are any."""
    count = content.faults.count
    if not count:
        return
    faults = content.faults.in_order()
    if as_json:
        show_json({"faults": [fault._asdict() for fault in faults], "count": count})
    else:
        show_table(["line", "fault"], [[fault.line or "", fault.in_words()] for fault in faults], none="")
        more = f", of which {len(faults):,} are listed" if count > len(faults) else ""
        typer.echo(f"{file} has {_number(count, 'fault')}{more}; nothing was written")
    raise typer.Exit(FAULTY)


def _told(difference: Difference) -> Iterator[str]:
    """What differs, for people."""
    yield plain(f"{_MARKS[difference.what]} {difference.in_words()}")
    for path, (before, after) in difference.changes.items():
        yield f"    {plain(f'{path}: {value_in_words(before)} → {value_in_words(after)}')}"


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
