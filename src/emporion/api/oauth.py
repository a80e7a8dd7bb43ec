"""OAuth 2.0: tokens for clients, and what others need to check them (contract: OAuth 2.0, RFC 6749, RFC 8414)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, NamedTuple
from urllib.parse import quote, unquote_plus

import msgspec
from msgspec import Meta, Struct

from emporion.api.auth import read_basic
from emporion.api.operations import Answer, Call, Operation
from emporion.api.problems import OAuthError, OAuthProblem
from emporion.credentials import TOKEN_ALGORITHM
from emporion.errors import AccessDenied, Code
from emporion.marketplace.clients import WRONG

if TYPE_CHECKING:
    from emporion.events import Origin
    from emporion.marketplace import Marketplace
    from emporion.store.clients import Client

TAG = "OAuth 2.0"
REALM = "/auth/realms/{realm}"
CONNECT = f"{REALM}/protocol/openid-connect"
GRANTS = ("password", "client_credentials")
# Tokens can do what their user's role can, whatever the scope; what clients commonly ask for is given back to them.
SCOPES = ("openid", "profile", "email", "marketplace")
DEFAULT_SCOPE = "marketplace"
CHALLENGE = {"WWW-Authenticate": 'Basic realm="emporion", charset="UTF-8"'}
WANTED = "The header Authorization must be Basic, then client_id:client_secret in base64."
# No realm is longer.
LONGEST_REALM = 65


Names = Annotated[list[str], Meta(description="What is served of this.", examples=[["password"]])]
ISSUER = "https://emporion.example.com/auth/realms/sandbox"


class TokenForm(Struct, kw_only=True, frozen=True):
    """A request for a token (RFC 6749 §4.3.2, §4.4.2); the client may also be named by HTTP Basic (§2.3.1)."""

    grant_type: Annotated[
        str, Meta(description="`password` or `client_credentials`.", extra_json_schema={"enum": list(GRANTS)})
    ]
    username: Annotated[str, Meta(description="Login of an API user; for `password`.")] | None = None
    password: Annotated[str, Meta(description="Its password.", extra_json_schema={"format": "password"})] | None = None
    client_id: Annotated[str, Meta(description="The client.", examples=["sandbox-client"])] | None = None
    client_secret: Annotated[str, Meta(description="Its secret.", extra_json_schema={"format": "password"})] | None = (
        None
    )
    scope: Annotated[str, Meta(description="Of no effect.", examples=["openid"])] | None = None


class AccessToken(Struct, frozen=True):
    """A token (RFC 6749 §5.1)."""

    access_token: Annotated[str, Meta(description="To be sent as `Authorization: Bearer TOKEN`.")]
    token_type: Annotated[str, Meta(description="How to send it.", examples=["Bearer"])]
    expires_in: Annotated[int, Meta(description="Seconds from now.", examples=[1500])]
    scope: Annotated[str, Meta(description="What was asked for, as far as it is known.", examples=["marketplace"])]


class Discovery(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What there is, for programs (OpenID Connect Discovery 1.0 §3, RFC 8414 §2)."""

    issuer: Annotated[str, Meta(description="Who the tokens say has given them (iss).", examples=[f"{ISSUER}"])]
    token_endpoint: (
        Annotated[
            str, Meta(description="Each realm has its own.", examples=[f"{ISSUER}/protocol/openid-connect/token"])
        ]
        | None
    ) = None
    jwks_uri: Annotated[
        str, Meta(description="Where the keys are.", examples=[f"{ISSUER}/protocol/openid-connect/certs"])
    ]
    grant_types_supported: Names
    token_endpoint_auth_methods_supported: Names
    scopes_supported: Names
    response_types_supported: Names
    subject_types_supported: Names
    id_token_signing_alg_values_supported: Names
    claims_supported: Names


class KeySet(Struct, frozen=True):
    """The public keys of those that sign tokens (RFC 7517 §5)."""

    keys: Annotated[
        list[dict[str, str]],
        Meta(description="JSON Web Keys.", examples=[[{"kty": "OKP", "crv": "Ed25519", "x": "11qYAY…"}]]),
    ]


class Credentials(NamedTuple):
    """How a client names itself."""

    id: str
    secret: str


async def create_access_token(marketplace: Marketplace, origin: Origin, call: Call) -> Answer:
    """A new token, by one of the grants."""
    form, tokens = call.body, marketplace.tokens
    realm = call.path["realm"][:LONGEST_REALM]
    grant = form.get("grant_type")
    if grant is None:
        raise OAuthProblem(Code.INVALID, "invalid_request", "grant_type is required.")
    if grant not in GRANTS:
        raise OAuthProblem(Code.INVALID, "unsupported_grant_type", f"grant_type must be {' or '.join(GRANTS)}.")
    try:
        client = await marketplace.clients.find(realm, *_credentials(call))
    except AccessDenied as refused:
        marketplace.security_log.note(refused, f"POST {CONNECT.format(realm=realm)}/token", origin)
        headers = CHALLENGE if b"authorization" in call.headers else None
        raise OAuthProblem(Code.UNAUTHENTICATED, "invalid_client", refused.message, headers) from None
    try:
        if grant == "client_credentials":
            token = await tokens.issue_for_client(client)
        else:
            token = await _for_password(marketplace, client, form, origin)
    except AccessDenied as refused:
        marketplace.security_log.note(refused, f"POST {CONNECT.format(realm=realm)}/token", origin)
        if refused.code is Code.LIMITED:
            raise OAuthProblem(Code.LIMITED, "slow_down", refused.message, refused.headers) from None
        raise OAuthProblem(Code.INVALID, "invalid_grant", refused.message) from None
    scope = " ".join(dict.fromkeys(one for one in form.get("scope", "").split() if one in SCOPES)) or DEFAULT_SCOPE
    return Answer(
        msgspec.json.encode(AccessToken(token, "Bearer", tokens.lifetime, scope)), headers=((b"pragma", b"no-cache"),)
    )


async def _for_password(marketplace: Marketplace, client: Client, form: dict[str, Any], origin: Origin) -> str:
    for name in ("username", "password"):
        if name not in form:
            raise OAuthProblem(Code.INVALID, "invalid_request", f"{name} is required with grant_type password.")
    return await marketplace.tokens.issue_for_password(client.realm, client, form["username"], form["password"], origin)


async def get_discovery(marketplace: Marketplace, _: Origin, call: Call) -> Answer:
    """What the realm has; that of the platform where none is named."""
    realm = quote(call.path["realm"], safe="") if "realm" in call.path else None
    issuer, platform = marketplace.tokens.issuer_of(realm), marketplace.tokens.issuer_of(None)
    connect = f"{platform}{CONNECT.format(realm=realm)}"
    return Answer(
        msgspec.json.encode(
            Discovery(
                issuer=issuer,
                token_endpoint=f"{connect}/token" if realm else None,
                jwks_uri=f"{connect}/certs" if realm else f"{platform}/.well-known/jwks.json",
                grant_types_supported=list(GRANTS),
                token_endpoint_auth_methods_supported=["client_secret_post", "client_secret_basic"],
                scopes_supported=list(SCOPES),
                response_types_supported=["token"],
                subject_types_supported=["public"],
                id_token_signing_alg_values_supported=[TOKEN_ALGORITHM],
                claims_supported=["iss", "aud", "sub", "exp", "iat", "jti", "account", "role", "marketplace"],
            )
        )
    )


async def get_keys(marketplace: Marketplace, _: Origin, call: Call) -> Answer:  # noqa: ARG001 - a handler
    """The keys of tokens that can still be good."""
    keys = await marketplace.signing_keys.good()
    if not keys:
        keys = [await marketplace.signing_keys.current()]
    return Answer(msgspec.json.encode(KeySet([key.public() for key in keys])))


def _credentials(call: Call) -> Credentials:
    """The client's id and secret, of the form or of HTTP Basic, in which they are form-encoded (RFC 6749 §2.3.1)."""
    form: dict[str, str] = call.body
    basic = call.headers.get(b"authorization")
    if basic is not None and "client_secret" in form:
        raise OAuthProblem(
            Code.INVALID, "invalid_request", "client_secret must not stand in the form and in Authorization at once."
        )
    if basic is not None:
        scheme, _, rest = basic.decode("latin-1").partition(" ")
        try:
            plain = read_basic(rest.strip()) if scheme.lower() == "basic" else ""
        except AccessDenied:
            plain = ""
        name, colon, secret = plain.partition(":")
        if not colon:
            raise AccessDenied(Code.UNAUTHENTICATED, WANTED)
        return Credentials(unquote_plus(name), unquote_plus(secret))
    for name in ("client_id", "client_secret"):
        if name not in form:
            raise OAuthProblem(Code.INVALID, "invalid_request", f"{name} is required.")
    return Credentials(form["client_id"], form["client_secret"])


def _discovery(path: str, name: str, what: str) -> Operation:
    return Operation(
        "GET",
        path,
        name,
        TAG,
        f"Get the discovery document of {what}",
        "Where tokens and the keys that sign them are.",
        get_discovery,
        access="Public",
        answer=Discovery,
        answer_example=DISCOVERY if "{realm}" in path else PLATFORM_DISCOVERY,
        errors=(Code.PRECONDITION_FAILED,),
    )


def _keys(path: str, name: str) -> Operation:
    return Operation(
        "GET",
        path,
        name,
        TAG,
        "Get the keys that sign tokens",
        "A JSON Web Key Set; a token names its key by `kid`.",
        get_keys,
        access="Public",
        answer=KeySet,
        answer_example={
            "keys": [{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
                      "kid": "0f3a", "use": "sig", "alg": "EdDSA"}]
        },
        errors=(Code.PRECONDITION_FAILED,),
    )  # fmt: skip


DISCOVERY = {
    "issuer": "https://emporion.example.com/auth/realms/sandbox",
    "token_endpoint": "https://emporion.example.com/auth/realms/sandbox/protocol/openid-connect/token",
    "jwks_uri": "https://emporion.example.com/auth/realms/sandbox/protocol/openid-connect/certs",
    "grant_types_supported": list(GRANTS),
    "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
    "scopes_supported": list(SCOPES),
    "response_types_supported": ["token"],
    "subject_types_supported": ["public"],
    "id_token_signing_alg_values_supported": [TOKEN_ALGORITHM],
    "claims_supported": ["iss", "aud", "sub", "exp", "iat", "jti", "account", "role", "marketplace"],
}

PLATFORM_DISCOVERY = {
    **{name: value for name, value in DISCOVERY.items() if name != "token_endpoint"},
    "issuer": "https://emporion.example.com",
    "jwks_uri": "https://emporion.example.com/.well-known/jwks.json",
}

OPERATIONS = (
    Operation(
        "POST",
        f"{CONNECT}/token",
        "createAccessToken",
        TAG,
        "Get a token by OAuth 2.0",
        "Gives a token for an API user (`password`) or for the client itself (`client_credentials`). It needs no "
        "subscription key; the calls that use the token do.",
        create_access_token,
        access="OAuth",
        body=TokenForm,
        form=True,
        request_example={
            "grant_type": "client_credentials",
            "client_id": "sandbox-client",
            "client_secret": "sandbox-secret-1",
        },
        answer=AccessToken,
        answer_example={
            "access_token": "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9.e30.aYrd",
            "token_type": "Bearer",
            "expires_in": 1500,
            "scope": DEFAULT_SCOPE,
        },
        error=OAuthError,
        errors=(Code.LIMITED,),
        error_examples={
            Code.INVALID: OAuthProblem(Code.INVALID, "invalid_grant", "The login or the password is wrong."),
            Code.UNAUTHENTICATED: OAuthProblem(Code.UNAUTHENTICATED, "invalid_client", WRONG),
        },
    ),
    _discovery("/.well-known/openid-configuration", "getDiscovery", "the platform"),
    _discovery(f"{REALM}/.well-known/openid-configuration", "getRealmDiscovery", "a realm"),
    _keys("/.well-known/jwks.json", "getKeys"),
    _keys(f"{CONNECT}/certs", "getRealmKeys"),
)
