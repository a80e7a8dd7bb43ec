"""The command line: what an operator does with the server, its database, and those who get in."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated

import typer

from emporion import __version__
from emporion.cli.errors import CommandError
from emporion.errors import Problem
from emporion.settings import BadSetting

VERSION = "--version"
# What a shell expects of a program that Ctrl-C has ended.
INTERRUPTED = 130

# Where each command stands, and each noun with its commands, in the order of the help.
COMMANDS = {
    "serve": "serve:serve",
    "init": "databases:init",
    "migrate": "databases:migrate",
    "copy": "databases:copy",
    "import": "imports:import_customers",
    "export": "exports:export_customers",
    "reseller": "resellers:app",
    "user": "users:app",
    "key": "keys:app",
    "client": "clients:app",
    "token": "tokens:app",
    "price": "prices:app",
    "order": "orders:app",
    "subscription": "subscriptions:app",
    "report": "reports:app",
    "catalogue": "catalogue:app",
}


def command_line(arguments: Sequence[str]) -> typer.Typer:
    """The command line as far as a call with these arguments needs it, or all of it.

    To import all takes several times as long as most commands.
    """
    word = next(iter(arguments), None)
    app = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="markdown",
        help="Emporion, an open marketplace platform: find and create customer accounts over the contract's API.",
        epilog="Start with `emporion serve --sandbox`, or make your own platform with `emporion init`.",
    )
    app.callback(invoke_without_command=True)(_emporion)
    needed = {name: place for name, place in COMMANDS.items() if name == word} or COMMANDS
    if arguments == [VERSION]:
        needed = {}
    for name, place in needed.items():
        module, _, attribute = place.partition(":")
        found = getattr(import_module(f"emporion.cli.{module}"), attribute)
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=name)
        else:
            app.command(name)(found)
    return app


def _emporion(
    version: Annotated[bool, typer.Option(VERSION, help="Show the version and stop.")] = False,
) -> None:
    if version:
        typer.echo(f"emporion {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line; what cannot be done is told in one line, with exit status 2."""
    try:
        app = command_line(sys.argv[1:])
        status = app(standalone_mode=False, prog_name="emporion")
    except (BadSetting, CommandError) as problem:
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
