"""Options that many commands have."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from emporion.cli.errors import CommandError
from emporion.errors import Problem
from emporion.settings import SETTINGS, option_of, variable_of


def option(name: str) -> Any:
    """The command-line option of a setting, which its environment variable can stand for."""
    setting = SETTINGS[name]
    return typer.Option(
        setting.option,
        envvar=setting.variable,
        metavar=name.upper(),
        help=f"{setting.description} Default: {setting.default or 'none'}.",
        show_default=False,
    )


def _old_option(old_name: str, name: str) -> Any:
    """The option by which a setting was given before it had its name of today; `--help` does not show it."""
    help_text = f"The old name of {option_of(name)}."
    return typer.Option(option_of(old_name), envvar=variable_of(old_name), help=help_text, hidden=True)


def with_all_settings(command: Callable[..., None]) -> Callable[..., None]:
    """`command`, whose keyword arguments are given by one option for each setting, and one for each old name."""
    own = [
        parameter
        for parameter in inspect.signature(command, eval_str=True).parameters.values()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    options = {name: option(name) for name in SETTINGS}
    options |= {
        setting.old_name: _old_option(setting.old_name, setting.name)
        for setting in SETTINGS.values()
        if setting.old_name
    }
    given = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[str | None, declared]
        )
        for name, declared in options.items()
    ]
    # What Typer reads the options of a command from.
    command.__signature__ = inspect.Signature([*own, *given])  # type: ignore[attr-defined]
    return command


Database = Annotated[str | None, option("database")]
PasswordQuality = Annotated[str | None, option("password_quality")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
Reseller = Annotated[str, typer.Option("--reseller", metavar="ID", help="The reseller that it is for.")]
OfReseller = Annotated[
    str | None,
    typer.Option("--reseller", metavar="ID", help="Of this reseller only. Default: of all.", show_default=False),
]
PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input; else it is random.")
]


@contextmanager
def told_by_option(options: Mapping[str, str]) -> Iterator[None]:
    """Tell faults by the options that gave the members. Raises Stop in the place of a Problem with faults."""
    try:
        yield
    except Problem as problem:
        if not problem.faults:
            raise
        told = (f"{options.get(fault.field, fault.field)} {fault.message}" for fault in problem.faults)
        raise CommandError("; ".join(told)) from None
