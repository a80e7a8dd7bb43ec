"""Who is let in: the subscription key, the token or login, and the contract version (contract: Every request)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal, get_args

from msgspec import Struct

from emporion.errors import Code, Problem
from emporion.marketplace.actors import Actor
from emporion.settings import ApiVersion
from emporion.store.base import SubscriptionKey

if TYPE_CHECKING:
    from emporion.marketplace.subscription_keys import SubscriptionKeys
    from emporion.marketplace.tokens import Tokens

Headers = Mapping[bytes, bytes]
# What the Authorization header must hold.
Access = Literal["Bearer", "Basic"]

# For how many seconds a caller who was let in need not be checked again: a revoked key is out after that.
REMEMBERED = 1.0
# How many callers are remembered. When there are more, all are checked once again.
MOST_REMEMBERED = 10_000
# Longer headers are let in, too, but not remembered: they would fill the memory.
LONGEST_REMEMBERED = 2048


class Login(Struct, frozen=True):
    """What Basic authentication brings, not verified yet."""

    login: str
    password: str


class Admission(Struct, frozen=True):
    """A caller who was let in. until: seconds since 1970, when he must be checked again."""

    actor: Actor
    key: SubscriptionKey
    until: float


class Gate:
    """Checks the headers that say who is calling."""

    def __init__(
        self, keys: SubscriptionKeys, tokens: Tokens, default_version: ApiVersion, clock: Callable[[], float]
    ) -> None:
        self._keys = keys
        self._tokens = tokens
        self._default_version = default_version
        self._clock = clock
        self._remembered: dict[tuple[bytes | None, bytes | None], Admission] = {}

    async def admit(self, headers: Headers) -> Admission:
        """The caller, by his subscription key and Bearer token (RFC 6750).

        Raises Problem (UNAUTHENTICATED or FORBIDDEN).
        """
        shown = (headers.get(b"authorization"), headers.get(b"x-subscription-key"))
        admission = self._remembered.get(shown)
        if admission and self._clock() < admission.until:
            return admission
        key = await self.key(headers)
        claims = self._tokens.read(_authorization(headers, "Bearer"), key)
        actor = Actor(claims.account_id, claims.user, "api")
        admission = Admission(actor, key, min(self._clock() + REMEMBERED, claims.expires))
        if len(self._remembered) >= MOST_REMEMBERED:
            self._remembered.clear()
        if sum(len(value or b"") for value in shown) <= LONGEST_REMEMBERED:
            self._remembered[shown] = admission
        return admission

    async def key(self, headers: Headers) -> SubscriptionKey:
        """The caller's subscription key. Raises Problem (UNAUTHENTICATED)."""
        return await self._keys.find(headers.get(b"x-subscription-key", b"").decode("latin-1"))

    def login(self, headers: Headers) -> Login:
        """The login and password of Basic authentication (RFC 7617). Raises Problem (UNAUTHENTICATED)."""
        login, colon, password = _basic(_authorization(headers, "Basic")).partition(":")
        if not colon:
            raise Problem(Code.UNAUTHENTICATED, "The header Authorization must hold login:password in base64.")
        return Login(login, password)

    def version(self, headers: Headers, key: SubscriptionKey) -> str:
        """The contract version to speak: the request's, else the key's, else the server's (contract: Versions).

        Raises Problem (INVALID) for one that we do not know.
        """
        asked = headers.get(b"x-api-version")
        if asked is None:
            return key.api_version or self._default_version
        version = asked.decode("latin-1")
        if version not in get_args(ApiVersion):
            raise unknown_version()
        return version


def unknown_version() -> Problem:
    """For a request that names a contract version that we do not speak."""
    known = " and ".join(get_args(ApiVersion))
    return Problem(Code.INVALID, f"The header X-Api-Version names an unknown version; known are {known}.")


def challenge(access: Access, headers: Headers) -> str:
    """What WWW-Authenticate says to a caller who was not let in (RFC 6750 §3, RFC 7617 §2)."""
    if access == "Basic":
        return 'Basic realm="emporion", charset="UTF-8"'
    return 'Bearer realm="emporion"' + (', error="invalid_token"' if b"authorization" in headers else "")


WANTED: dict[Access, str] = {
    "Bearer": "Bearer TOKEN, with a token from POST /token",
    "Basic": "Basic, then login:password in base64",
}


def _authorization(headers: Headers, access: Access) -> str:
    """What stands after the scheme in the Authorization header (RFC 9110 §11.6.2)."""
    value = headers.get(b"authorization")
    if value is None:
        raise Problem(Code.UNAUTHENTICATED, f"The header Authorization is missing; it must be {WANTED[access]}.")
    given, _, credentials = value.decode("latin-1").partition(" ")
    if given.lower() != access.lower() or not credentials.strip():
        raise Problem(Code.UNAUTHENTICATED, f"The header Authorization must be {WANTED[access]}.")
    return credentials.strip()


def _basic(credentials: str) -> str:
    try:
        return base64.b64decode(credentials, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        raise Problem(
            Code.UNAUTHENTICATED, "The header Authorization must hold login:password in base64 of UTF-8."
        ) from None
