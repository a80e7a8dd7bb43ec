"""`emporion token`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import jwt
import typer

from emporion.cli import stdin
from emporion.cli.context import Operator, now, operate, unknown
from emporion.cli.errors import CommandError
from emporion.cli.options import AsJson, Database, option
from emporion.cli.output import minute_of, show_json, show_table, show_thing, time_of
from emporion.cli.users import user_called
from emporion.credentials import SigningKey, TokenClaims
from emporion.errors import AccessDenied, Code, Problem
from emporion.store.subscription_keys import SubscriptionKey

app = typer.Typer(no_args_is_help=True, help="Tokens, and the keys that sign them.")

HEADINGS = ("id", "since", "until", "state")
# signs: new tokens; good: its tokens are; over: none of them is.
State = Literal["signs", "good", "over"]
# The last time that there is a date for, in milliseconds since 1970.
LAST = 253_402_300_799_000


@app.command("list")
def list_signing_keys(as_json: AsJson = False, database: Database = None) -> None:
    """List the keys that sign tokens or have signed them."""

    async def find(operator: Operator) -> list[SigningKey]:
        return await operator.marketplace.signing_keys.all()

    keys = operate(database, find)
    if as_json:
        show_json([as_shown(key) for key in keys])
    else:
        rows = [(key.id, minute_of(key.created_at), minute_of(_until(key)), _state(key)) for key in keys]
        show_table(HEADINGS, rows, none="no signing keys: the first token makes one")


@app.command()
def rotate(as_json: AsJson = False, database: Database = None) -> None:
    """Let a new key sign from now on. Tokens of earlier keys stay good until they end."""

    async def put(operator: Operator) -> SigningKey:
        return await operator.marketplace.signing_keys.rotate(operator.actor)

    key = operate(database, put)
    if as_json:
        show_json(as_shown(key))
    else:
        typer.echo(f"The key {key.id} signs from now on")


@app.command()
def disable(
    key_id: Annotated[str, typer.Argument(metavar="KEY_ID", help="The signing key's id, as the list has it.")],
    as_json: AsJson = False,
    database: Database = None,
) -> None:
    """End a signing key, and all its tokens within a second, such as when it may have been stolen."""

    async def put(operator: Operator) -> tuple[SigningKey, SigningKey]:
        keys = operator.marketplace.signing_keys
        try:
            await keys.end(operator.actor, key_id)
        except Problem as problem:
            if problem.code is not Code.NOT_FOUND:
                raise
            known = [key.id for key in await keys.all()]
            raise unknown("signing key", key_id, known, "emporion token list") from None
        signing = await keys.current()
        (ended,) = [key for key in await keys.all() if key.id == key_id]
        return ended, signing

    ended, signing = operate(database, put)
    if as_json:
        show_json(as_shown(ended))
    else:
        typer.echo(f"The key {ended.id} is over, and all its tokens with it; {signing.id} signs")


@app.command()
def add(
    login: Annotated[str, typer.Argument(metavar="LOGIN", help="The API user's login.")],
    token_lifetime: Annotated[str | None, option("token_lifetime")] = None,
    public_url: Annotated[str | None, option("public_url")] = None,
    as_json: AsJson = False,
    database: Database = None,
) -> None:
    """Give a token for an API user without the password, and print nothing else."""

    async def create(operator: Operator) -> tuple[str, int]:
        tokens = operator.marketplace.tokens
        user = await user_called(operator, login)
        return await tokens.issue_for_user(operator.actor, user), tokens.lifetime

    token, lifetime = operate(database, create, token_lifetime=token_lifetime, public_url=public_url)
    if as_json:
        show_json({"token": token, "expiresInSeconds": lifetime})
    else:
        typer.echo(token)


@app.command()
def show(
    token: Annotated[str, typer.Argument(metavar="TOKEN", help="The token; - reads it from standard input.")],
    as_json: AsJson = False,
    database: Database = None,
) -> None:
    """Show what a token says, and whether it would be let in now."""
    text = (stdin.first_line("TOKEN") if token == "-" else token).strip().removeprefix("Bearer ")  # noqa: S105
    header, claims = _said(text)

    async def check(operator: Operator) -> tuple[TokenClaims | None, str | None]:
        return await _verdict(operator, text, header.get("kid"), claims.get("exp"))

    read, why = operate(database, check)
    thing = {
        "account": str(read.account_id) if read else _text(claims.get("account")),
        "user": read.user if read else _text(claims.get("sub")),
        "role": read.role if read else _text(claims.get("role")),
        "marketplace": _text(claims.get("marketplace")),
        "issuer": _text(claims.get("iss")),
        "issuedAt": _time(claims.get("iat")),
        "expiresAt": _time(claims.get("exp")),
        "signingKey": _text(header.get("kid")),
        "letIn": why is None,
        "why": why,
    }
    (show_json if as_json else show_thing)(thing)


def as_shown(key: SigningKey) -> dict[str, object]:
    """What may be seen of a signing key."""
    return {"id": key.id, "since": time_of(key.created_at), "until": time_of(_until(key)), "state": _state(key)}


def _until(key: SigningKey) -> int | None:
    return None if key.until is None else abs(key.until)


def _state(key: SigningKey) -> State:
    if key.until is None:
        return "signs"
    return "good" if now() < key.until else "over"


def _said(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The header and the claims of a token, which is not verified here. Raises Stop."""
    try:
        read = jwt.decode_complete(token, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        raise CommandError("TOKEN must be a token as POST /token gives it: three parts with dots between") from None
    return read["header"], read["payload"]


async def _verdict(
    operator: Operator, token: str, key_id: object, expires: object
) -> tuple[TokenClaims | None, str | None]:
    """What a token says, if that can be believed; and why it does not authenticate now, None if it does.

    key_id, expires (seconds since 1970): what it says of itself.
    """
    claims = await operator.marketplace.tokens.claims(token)
    if claims:
        try:
            await operator.marketplace.tokens.read(token, SubscriptionKey(b"", claims.account_id))
        except AccessDenied as refused:
            return claims, refused.message
        return claims, None
    if isinstance(expires, int | float) and expires * 1000 <= now():
        return None, "It has expired."
    for key in await operator.marketplace.signing_keys.all():
        if key.id == key_id:
            over = _state(key) == "over"
            return None, f"The signing key {key.id} is over." if over else "It has been changed."
    return None, "It was not signed by this platform."


def _text(claim: object) -> str | None:
    return claim if isinstance(claim, str) else None


def _time(claim: object) -> str | None:
    """The time in a claim, seconds since 1970, if there is a date for it."""
    return time_of(int(claim * 1000)) if isinstance(claim, int | float) and 0 < claim * 1000 < LAST else None
