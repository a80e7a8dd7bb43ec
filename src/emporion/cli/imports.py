"""`emporion import`."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import os
import secrets
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated, NamedTuple

import msgspec
import typer
from msgspec import structs
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TimeRemainingColumn

from emporion.cli.context import Operator, operate
from emporion.cli.errors import CommandError
from emporion.cli.options import AsJson, Database, PasswordQuality, Reseller
from emporion.cli.output import show_json, show_table
from emporion.errors import Code, Problem
from emporion.files.file_types import SIGNATURE_BYTES, unreadable_kind
from emporion.files.rows import Format
from emporion.marketplace.import_content import PART, LeaseLost
from emporion.marketplace.import_runner import with_columns
from emporion.store.external_ids import ExternalIds
from emporion.store.imports import FaultyRow, Import

# The format of a file by the end of its name.
FORMATS: dict[str, Format] = {".csv": "csv", ".tsv": "csv", ".txt": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
# How many faults stand below one heading; a table of all of them would have to be in memory.
TABLE = 1000
# Seconds between two looks whether another process has ended that is at the same file.
WAITING = 0.5
# For a file of which some rows cannot be imported.
SOME_ARE_FAULTY = 1

FormatOption = Annotated[
    Format | None,
    typer.Option("--format", help="CSV or JSON Lines. Default: by the end of the file's name.", show_default=False),
]


class SentFile(NamedTuple):
    """A file to be imported. digest: SHA-256."""

    path: Path
    content: IO[bytes]
    format: Format
    size: int
    digest: bytes

    async def source(self, position: int) -> AsyncIterator[bytes]:
        """Its content from a byte on."""
        self.content.seek(position)
        while data := self.content.read(PART):
            yield data

    @property
    def rejected(self) -> Path:
        """Where the rows go that are refused."""
        return self.path.with_name(f"{self.path.stem}.rejected.{self.format}")


def import_customers(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file, CSV or JSON Lines in UTF-8.")],
    reseller: Reseller,
    format_: FormatOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only check all rows, and write nothing.")] = False,
    skip_faulty: Annotated[
        bool, typer.Option("--skip-faulty", help="Import the other rows where some are faulty.")
    ] = False,
    password_quality: PasswordQuality = None,
    as_json: AsJson = False,
    database: Database = None,
) -> None:
    """Import customers into a reseller: those whose externalId is there are changed, the others are created.

    All rows are checked first; where some are faulty they are listed, and nothing is written. Rows that are refused
    later on go to FILE.rejected.csv (or .jsonl), to be corrected and sent again. Cut short, it goes on where it was
    when it is started again. Exit status 1: some rows were faulty.
    """
    with _opened(file, format_) as sent, tempfile.TemporaryFile() as faults:

        async def work(operator: Operator) -> Import:
            return await _import(operator, reseller, sent, faults, dry_run=dry_run, skip_faulty=skip_faulty)

        imported = operate(database, work, password_quality=password_quality)
        _show(imported, sent, faults, as_json=as_json)
    if imported.faulty or imported.rejected:
        raise typer.Exit(SOME_ARE_FAULTY)


@contextmanager
def _opened(path: Path, format_: Format | None) -> Iterator[SentFile]:
    """Raises Stop if there is no such file, or it is unknown what is in it."""
    try:
        content = path.open("rb")
    except OSError as error:
        raise _unreadable(path, error) from None
    with content:
        digest, size = hashlib.sha256(), 0
        try:
            if kind := unreadable_kind(content.read(SIGNATURE_BYTES)):
                raise CommandError(f"{path} is {kind}")
            known = format_ or FORMATS.get(path.suffix.lower())
            if not known:
                raise CommandError(
                    f"the name of {path.name} does not tell what is in it; say --format csv or --format jsonl"
                )
            content.seek(0)
            while data := content.read(PART):
                digest.update(data)
                size += len(data)
        except OSError as error:
            raise _unreadable(path, error) from None
        yield SentFile(path, content, known, size, digest.digest())


def _unreadable(path: Path, error: OSError) -> CommandError:
    return CommandError(
        f"{path} cannot be read: {error.strerror or 'it is a pipe; write its content into a file first'}"
    )


async def _import(
    operator: Operator, reseller: str, sent: SentFile, faults: IO[bytes], *, dry_run: bool, skip_faulty: bool
) -> Import:
    """What became of the file. faults: gets a line for each row that the check finds faulty."""
    imports, runner = operator.marketplace.imports, operator.marketplace.import_runner
    number = await operator.reseller(reseller)
    draft = await imports.draft(operator.actor, number, sent.path.name, sent.format, sent.size, sent.digest)
    begun = None if dry_run else await imports.unfinished(draft)
    if begun is None:
        checked = await _check(operator, draft, sent, faults)
        if dry_run or (checked.faulty and not skip_faulty):
            return structs.replace(checked, state="checked")
    holder = f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(8)}"
    if begun is None:
        held = structs.replace(await runner.begin(draft, holder), notes=checked.notes)
    else:
        held = await _taken_up(operator, begun, holder)
    try:
        with _bar("importing", sent) as tell:
            done = await runner.run(held, sent.source, tell)
    except LeaseLost:
        raise CommandError("the import was cancelled, or another process has it now") from None
    finally:
        await runner.release(held.id, holder)
    if done.state == "refused":
        raise CommandError(f"{sent.path}: {done.refusal}")
    if done.rejected:
        with sent.rejected.open("wb") as file:
            async for part in imports.refused_rows(done):
                file.write(part)
    return done


async def _check(operator: Operator, draft: Import, sent: SentFile, faults: IO[bytes]) -> Import:
    """The draft with what is known after all rows were checked."""
    runner, checked = operator.marketplace.import_runner, draft
    with _bar("checking", sent) as tell, ExternalIds() as ids:
        try:
            async for step in runner.steps(draft, sent.source, ids):
                faults.writelines(msgspec.json.encode(row) + b"\n" for row in step.faulty)
                if step.columns and not checked.headers:
                    checked = with_columns(checked, step.columns)
                faulty = checked.faulty + len(step.faulty)
                checked = structs.replace(checked, at=step.at, total=step.at.rows, faulty=faulty)
                tell(checked)
            checked = await runner.checked(checked, sent.source, ids)
        except Problem as problem:
            if problem.code is not Code.INVALID:
                raise
            raise CommandError(f"{sent.path}: {problem.message}") from None
    return checked


async def _taken_up(operator: Operator, begun: Import, holder: str) -> Import:
    """An import that was cut short, as soon as the process that had it has gone or is given up."""
    imports, runner = operator.marketplace.imports, operator.marketplace.import_runner
    typer.echo(f"goes on with the import that was cut short after row {begun.at.rows}", err=True)
    if _has_gone(begun.holder):
        await runner.release(begun.id, begun.holder)
    for attempt in itertools.count():
        if held := await runner.hold(begun.id, holder):
            return held
        if (await imports.get(operator.actor, begun.id)).state != "running":
            raise CommandError("another process has ended this import")
        if not attempt:
            typer.echo("waits until the process that was at it ends or is given up", err=True)
        await asyncio.sleep(WAITING)
    raise AssertionError


def _has_gone(holder: str) -> bool:
    """Whether it was a process of this machine that has ended, however that came."""
    host, _, process = holder.rpartition("/")[0].rpartition("/")
    if host != socket.gethostname() or not process.isdigit():
        return False
    try:
        os.kill(int(process), 0)
    except OSError as error:
        return isinstance(error, ProcessLookupError)
    return False


class _Tell:
    """Moves a bar."""

    def __init__(self, bar: Progress, what: str, sent: SentFile) -> None:
        self._bar = bar
        self._task = bar.add_task(what, total=sent.size, rows=0)

    def __call__(self, now: Import) -> None:
        self._bar.update(self._task, completed=now.at.offset, rows=now.at.rows)


@contextmanager
def _bar(what: str, sent: SentFile) -> Iterator[_Tell]:
    console = Console(stderr=True)
    columns = (
        "[progress.description]{task.description}",
        BarColumn(),
        TaskProgressColumn(),
        "{task.fields[rows]:,} rows",
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        yield _Tell(bar, what, sent)


def _show(imported: Import, sent: SentFile, faults: IO[bytes], *, as_json: bool) -> None:
    faults.seek(0)
    if as_json:
        show_json({**_as_shown(imported, sent), "faults": [one for row in _rows(faults) for one in _faults(row)]})
        return
    if imported.state == "checked":
        rows = _rows(faults)
        while some := list(itertools.islice(rows, TABLE)):
            cells = [one for row in some for one in _faults(row)]
            show_table(("line", "field", "fault"), [one.values() for one in cells], none="")  # type: ignore[misc]
    for note in imported.notes:
        typer.echo(f"note: {note}", err=True)
    typer.echo(_in_words(imported, sent))


def _rows(faults: IO[bytes]) -> Iterator[FaultyRow]:
    return (msgspec.json.decode(line, type=FaultyRow) for line in faults)


def _faults(row: FaultyRow) -> Iterator[dict[str, object]]:
    return ({"line": row.line, "field": fault.field, "message": fault.message} for fault in row.faults)


def _as_shown(imported: Import, sent: SentFile) -> dict[str, object]:
    """What became of a file, for scripts."""
    is_checked = imported.state == "checked"
    return {
        "id": None if is_checked else imported.id,
        "resellerId": str(imported.reseller_id),
        "state": imported.state,
        "rows": imported.at.rows,
        "faulty": imported.faulty if is_checked else None,
        "created": None if is_checked else imported.created,
        "changed": None if is_checked else imported.changed,
        "unchanged": None if is_checked else imported.unchanged,
        "rejected": None if is_checked else imported.rejected,
        "rejectedFile": str(sent.rejected) if imported.rejected else None,
        "notes": list(imported.notes),
    }


def _in_words(imported: Import, sent: SentFile) -> str:
    rows = f"{imported.at.rows:,} row{'' if imported.at.rows == 1 else 's'}"
    if imported.state == "checked":
        if imported.faulty:
            found = f"{imported.faulty:,} of {rows} {'is' if imported.faulty == 1 else 'are'} faulty"
        else:
            found = f"{rows}, {'not' if imported.at.rows == 1 else 'none of them'} faulty"
        return f"{found}; nothing was written"
    counts = ((imported.created, "created"), (imported.changed, "changed"), (imported.unchanged, "unchanged"))
    told = ", ".join(f"{count:,} {what}" for count, what in counts)
    refused = f", {imported.rejected:,} rejected: see {sent.rejected}" if imported.rejected else ""
    return f"{rows}: {told}{refused}"
