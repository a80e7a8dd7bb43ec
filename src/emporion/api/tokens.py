"""POST /token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta, Struct

from emporion.api.operations import Answer, Call, Operation
from emporion.errors import Code, Fault, Problem, raise_invalid
from emporion.validation import read

if TYPE_CHECKING:
    from emporion.api.auth import Login
    from emporion.marketplace import Marketplace


class TokenRequest(Struct, frozen=True):
    """Which marketplace the token is for."""

    marketplace: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=64,
                description="Its code; left out, it is the user's own.",
                examples=["us"],
            ),
        ]
        | None
    ) = None


class TokenInfo(Struct, rename="camel", frozen=True):
    """A token and how long it is good."""

    token: Annotated[str, Meta(description="To be sent as `Authorization: Bearer TOKEN`.", examples=["eyJhbGciOi…"])]
    expires_in_seconds: Annotated[int, Meta(description="Seconds from now.", examples=[1500])]


async def generate_auth_token(marketplace: Marketplace, login: Login, call: Call) -> Answer:
    """A new token for the API user."""
    request, faults = read(TokenRequest, call.body)
    if faults:
        raise_invalid(faults)
    assert call.key
    token = await marketplace.tokens.issue(login.login, login.password, request.marketplace, call.key, login.origin)
    return Answer(msgspec.json.encode(TokenInfo(token, marketplace.tokens.lifetime)))


OPERATIONS = (
    Operation(
        "POST",
        "/token",
        "generateAuthToken",
        "User Authentication",
        "Generate a token",
        "Gives a token for the login and password of an API user. A new token does not end older ones.",
        generate_auth_token,
        access="Basic",
        body=TokenRequest,
        body_required=False,
        request_example={"marketplace": "us"},
        answer=TokenInfo,
        answer_example={"token": "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9.e30.aYrd", "expiresInSeconds": 1500},
        errors=(Code.FORBIDDEN,),
        error_examples={
            Code.INVALID: Problem(
                Code.INVALID,
                "marketplace must be a string, not a number",
                [Fault("marketplace", "must be a string, not a number")],
            )
        },
    ),
)
