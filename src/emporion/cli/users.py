"""`emporion user`."""

from __future__ import annotations

from typing import Annotated

import typer

from emporion.cli import stdin
from emporion.cli.context import Operator, operate, unknown
from emporion.cli.errors import CommandError
from emporion.cli.options import AsJson, Database, OfReseller, PasswordQuality, PasswordStdin, Reseller
from emporion.cli.output import minute_of, show_json, show_table, show_thing, time_of
from emporion.credentials import Role
from emporion.errors import Code, Problem
from emporion.marketplace.users import NewUser
from emporion.store.users import User

app = typer.Typer(no_args_is_help=True, help="API users: who signs in for a reseller, and in which role.")

HEADINGS = ("login", "reseller", "role", "marketplace", "last used", "disabled")

Login = Annotated[str, typer.Argument(metavar="LOGIN", help="The user's login.")]


@app.command("list")
def list_users(of: OfReseller = None, as_json: AsJson = False, database: Database = None) -> None:
    """List the API users of all resellers, or of one."""

    async def find(operator: Operator) -> list[User]:
        return await operator.of(of, operator.marketplace.users.of)

    users = operate(database, find)
    if as_json:
        show_json([as_shown(user) for user in users])
    else:
        rows = [
            (user.login, user.reseller_id, user.role, user.marketplace, minute_of(user.used_at),
             minute_of(user.disabled_at))
            for user in users
        ]  # fmt: skip
        show_table(HEADINGS, rows, none="no API users")


@app.command()
def show(login: Login, as_json: AsJson = False, database: Database = None) -> None:
    """Show an API user."""

    async def find(operator: Operator) -> User:
        return await user_called(operator, login)

    (show_json if as_json else show_thing)(as_shown(operate(database, find)))


@app.command()
def add(
    login: Login,
    reseller: Reseller,
    role: Annotated[Role, typer.Option(help="What the user may do.")] = "editor",
    marketplace: Annotated[str, typer.Option(metavar="CODE", help="Code of the user's marketplace.")] = "us",
    password_stdin: PasswordStdin = False,
    password_quality: PasswordQuality = None,
    as_json: AsJson = False,
    database: Database = None,
) -> None:
    """Add an API user. A random password is shown only now."""
    password = stdin.password() if password_stdin else None

    async def create(operator: Operator) -> NewUser:
        number = await operator.reseller(reseller)
        try:
            return await operator.marketplace.users.add(operator.actor, number, login, role, marketplace, password)
        except Problem as problem:
            if problem.code is Code.CONFLICT:
                raise CommandError(f"the login {login} is taken; choose another") from None
            raise

    new = operate(database, create, password_quality=password_quality)
    _say_new(new, "was added", given=password_stdin, as_json=as_json)


@app.command()
def change(
    login: Login,
    role: Annotated[Role, typer.Option(help="What the user may do from now on.")],
    as_json: AsJson = False,
    database: Database = None,
) -> None:
    """Give an API user another role. The tokens given before are over within a second."""

    async def put(operator: Operator) -> User:
        user = await user_called(operator, login)
        return await operator.marketplace.users.change_role(operator.actor, user.login, role)

    _say(operate(database, put), f"has the role {role}", as_json=as_json)


@app.command()
def disable(login: Login, as_json: AsJson = False, database: Database = None) -> None:
    """Shut out an API user: all tokens are over within a second."""

    async def put(operator: Operator) -> User:
        user = await user_called(operator, login)
        return user if user.disabled_at else await operator.marketplace.users.disable(operator.actor, user.login)

    _say(operate(database, put), "is disabled", as_json=as_json)


@app.command()
def enable(login: Login, as_json: AsJson = False, database: Database = None) -> None:
    """Let a disabled API user in again, with the same password and a new token."""

    async def put(operator: Operator) -> User:
        user = await user_called(operator, login)
        return await operator.marketplace.users.enable(operator.actor, user.login)

    _say(operate(database, put), "is enabled", as_json=as_json)


@app.command()
def rotate(
    login: Login,
    password_stdin: PasswordStdin = False,
    password_quality: PasswordQuality = None,
    as_json: AsJson = False,
    database: Database = None,
) -> None:
    """Give an API user another password, which ends all tokens. A random one is shown only now."""
    password = stdin.password() if password_stdin else None

    async def put(operator: Operator) -> NewUser:
        user = await user_called(operator, login)
        return await operator.marketplace.users.rotate(operator.actor, user.login, password)

    new = operate(database, put, password_quality=password_quality)
    _say_new(new, "has another password", given=password_stdin, as_json=as_json)


async def user_called(operator: Operator, login: str) -> User:
    """The API user with this login. Raises Stop, which tells some of those that there are, if there is no such one."""
    try:
        return await operator.marketplace.users.get(login)
    except Problem as problem:
        if problem.code is not Code.NOT_FOUND:
            raise
    users = await operator.of(None, operator.marketplace.users.of)
    raise unknown("API user", login, [user.login for user in users], "emporion user list")


def as_shown(user: User) -> dict[str, object]:
    """What everybody may see of a user who may see it."""
    return {
        "login": user.login,
        "resellerId": str(user.reseller_id),
        "role": user.role,
        "marketplace": user.marketplace,
        "createdAt": time_of(user.created_at),
        "usedAt": time_of(user.used_at),
        "disabledAt": time_of(user.disabled_at),
    }


def _say(user: User, what: str, *, as_json: bool) -> None:
    if as_json:
        show_json(as_shown(user))
    else:
        typer.echo(f"The API user {user.login} {what}")


def _say_new(new: NewUser, what: str, *, given: bool, as_json: bool) -> None:
    """given: the operator has given the password, and knows it."""
    password = None if given else new.password
    if as_json:
        show_json({**as_shown(new.user), "password": password})
    elif given:
        _say(new.user, what, as_json=False)
    else:
        title = f"The API user {new.user.login} {what}. This is shown only once:"
        show_thing({"login": new.user.login, "password": password}, title)
