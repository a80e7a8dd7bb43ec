"""The command line: what an operator does with the server, its database, and those who get in."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from emporion import __version__
from emporion.cli import clients, databases, exports, imports, keys, resellers, serve, tokens, users
from emporion.cli.operators import Stop
from emporion.errors import Problem
from emporion.settings import BadSetting

# What a shell expects of a program that Ctrl-C has ended.
INTERRUPTED = 130

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    help="Emporion, an open marketplace platform: find and create customer accounts over the contract's API.",
    epilog="Start with `emporion serve --sandbox`, or make your own platform with `emporion init`.",
)
app.command()(serve.serve)
app.command()(databases.init)
app.command()(databases.migrate)
app.command()(databases.copy)
app.command("import")(imports.import_customers)
app.command("export")(exports.export_customers)
app.add_typer(resellers.app, name="reseller")
app.add_typer(users.app, name="user")
app.add_typer(keys.app, name="key")
app.add_typer(clients.app, name="client")
app.add_typer(tokens.app, name="token")


@app.callback(invoke_without_command=True)
def _emporion(
    version: Annotated[bool, typer.Option("--version", help="Show the version and stop.")] = False,
) -> None:
    if version:
        typer.echo(f"emporion {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line; what cannot be done is told in one line, with exit status 2."""
    try:
        status = app(standalone_mode=False, prog_name="emporion")
    except (BadSetting, Stop) as problem:
        sys.exit(_tell(str(problem)))
    except Problem as problem:
        sys.exit(_tell(_in_full(problem)))
    except typer.TyperException as error:
        sys.exit(_tell(_usage(error)) if error.format_message() else 2)  # else the help was shown
    except typer.Abort:
        status = INTERRUPTED
    if status == INTERRUPTED:
        _tell("stopped")
    sys.exit(status)


def _in_full(problem: Problem) -> str:
    """Its message, or all its faults: who types has no `details` to look at."""
    return "; ".join(f"{fault.field} {fault.message}" for fault in problem.faults) or problem.message


def _usage(error: typer.TyperException) -> str:
    """What was wrong with the words of the command, and where it stands what they can be."""
    context: typer.Context | None = getattr(error, "ctx", None)
    where = f"; see {context.command_path} --help" if context else ""
    return error.format_message().replace(": Value error, ", ": ").rstrip(".") + where


def _tell(message: str) -> int:
    typer.echo(f"emporion: {' '.join(message.split())}", err=True)
    return 2
