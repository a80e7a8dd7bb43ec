"""Who is let in: the subscription key, the token or login, and the contract version (contract: Every request)."""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal, get_args

from msgspec import Struct

from emporion.api.shares import Shares
from emporion.errors import AccessDenied, Code, Problem
from emporion.events import Origin
from emporion.marketplace.actors import Actor
from emporion.settings import ApiVersion
from emporion.store.subscription_keys import SubscriptionKey

if TYPE_CHECKING:
    from emporion.marketplace import Marketplace

Headers = Mapping[bytes, bytes]
# What the Authorization header must hold; nothing at all for what everybody may read.
Access = Literal["Bearer", "Basic", "OAuth", "Public"]

# For how many seconds a caller who was let in need not be checked again. A caller who is held, revoked, disabled or
# rotated is out within a second: after this, and after what the signing keys remember.
REMEMBERED = 0.5
# How many callers are remembered. When there are more, all are checked once again.
MOST_REMEMBERED = 10_000
# Longer headers are let in, too, but not remembered: they would fill the memory.
LONGEST_REMEMBERED = 2048


MoreHeaders = list[tuple[bytes, bytes]]


class Login(Struct, frozen=True):
    """What Basic authentication brings, not verified yet, and where it comes from."""

    login: str
    password: str
    origin: Origin


class AuthenticatedCaller(Struct, frozen=True):
    """An authenticated caller. until: when they must be checked again, by a clock that only goes forward."""

    actor: Actor
    key: SubscriptionKey
    until: float


class Authenticator:
    """Checks the headers that say who is calling.

    clock: seconds since 1970. passed: seconds that only ever increase, also when the clock is set.
    """

    def __init__(
        self,
        marketplace: Marketplace,
        default_version: ApiVersion,
        clock: Callable[[], float],
        passed: Callable[[], float],
    ) -> None:
        self._keys = marketplace.subscription_keys
        self._tokens = marketplace.tokens
        self._visits = marketplace.usage
        self._limits = marketplace.rate_limits
        self._default_version = default_version
        self._clock = clock
        self._shares = Shares(time.monotonic)
        self._passed = passed
        self._remembered: dict[tuple[bytes | None, bytes | None], AuthenticatedCaller] = {}

    async def authenticate(self, headers: Headers, more: MoreHeaders) -> AuthenticatedCaller:
        """Authenticate the subscription key and the Bearer token (RFC 6750).

        more: gets the headers that tell of the key's limits. Raises AccessDenied (UNAUTHENTICATED, FORBIDDEN or
        LIMITED).
        """
        shown = (headers.get(b"authorization"), headers.get(b"x-subscription-key"))
        admission = self._remembered.get(shown)
        # Within bounds in both directions: what ought to go forward only may be set in a virtual machine.
        if admission and 0 < admission.until - self._passed() <= REMEMBERED:
            key = admission.key
            if key.digest != self._shares.alone and not self._shares.is_due(key.digest):
                await self._shares.wait(key.digest)
            self._visits.key(admission.key)
            if not admission.key.limit.unlimited:
                await self._charge(admission.key, more)
            return admission
        # Of before the first read: what is read late, on a machine that stutters, is not remembered for longer.
        asked_at = self._passed()
        key = await self.key(headers, more)
        if not self._shares.is_due(key.digest):
            await self._shares.wait(key.digest)
        token = _authorization(headers, "Bearer", key)
        claims = await self._tokens.read(token, key)
        actor = Actor(claims.account_id, claims.user, "api", claims.role)
        left = min(REMEMBERED, claims.expires - self._clock())
        admission = AuthenticatedCaller(actor, key, asked_at + left)
        if len(self._remembered) >= MOST_REMEMBERED:
            self._remembered.clear()
        if sum(len(value or b"") for value in shown) <= LONGEST_REMEMBERED:
            self._remembered[shown] = admission
        return admission

    async def authenticate_again(self, headers: Headers) -> None:
        """Authenticate a caller once more who has waited since: meanwhile they may have been shut out.

        Raises AccessDenied (UNAUTHENTICATED or FORBIDDEN).
        """
        key = await self._keys.find(headers.get(b"x-subscription-key", b"").decode("latin-1"))
        await self._tokens.read(_authorization(headers, "Bearer", key), key)

    async def key(self, headers: Headers, more: MoreHeaders) -> SubscriptionKey:
        """The caller's subscription key. Raises AccessDenied (UNAUTHENTICATED or LIMITED)."""
        key = await self._keys.find(headers.get(b"x-subscription-key", b"").decode("latin-1"))
        self._visits.key(key)
        if not key.limit.unlimited:
            await self._charge(key, more)
        return key

    async def _charge(self, key: SubscriptionKey, more: MoreHeaders) -> None:
        """Take one request from what the key may send."""
        verdict = await self._limits.take(key.id, key.limit)
        more += [(b"ratelimit-policy", verdict.policy.encode()), (b"ratelimit", verdict.state.encode())]
        if not verdict.allowed:
            raise AccessDenied(
                Code.LIMITED,
                f"The subscription key has no more requests left; try again in {verdict.retry_after} seconds.",
                key.reseller_id,
                headers={"Retry-After": str(verdict.retry_after)},
            )

    def login(self, headers: Headers, key: SubscriptionKey, origin: Origin) -> Login:
        """The login and password of Basic authentication (RFC 7617). Raises AccessDenied (UNAUTHENTICATED)."""
        login, colon, password = read_basic(_authorization(headers, "Basic", key)).partition(":")
        if not colon:
            raise AccessDenied(
                Code.UNAUTHENTICATED, "The header Authorization must hold login:password in base64.", key.reseller_id
            )
        return Login(login, password, origin)

    def version(self, headers: Headers, key: SubscriptionKey | None) -> str:
        """The contract version to speak: the request's, else the key's, else the server's (contract: Versions).

        Raises Problem (INVALID) for one that we do not know.
        """
        asked = headers.get(b"x-api-version")
        if asked is None:
            return (key and key.api_version) or self._default_version
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
    if access != "Bearer":
        return 'Basic realm="emporion", charset="UTF-8"'
    return 'Bearer realm="emporion"' + (', error="invalid_token"' if b"authorization" in headers else "")


WANTED = {
    "Bearer": "Bearer TOKEN, with a token from POST /token",
    "Basic": "Basic, then login:password in base64",
}


def _authorization(headers: Headers, access: Literal["Bearer", "Basic"], key: SubscriptionKey) -> str:
    """What stands after the scheme in the Authorization header (RFC 9110 §11.6.2)."""
    value = headers.get(b"authorization")
    wanted = WANTED[access]
    if value is None:
        message = f"The header Authorization is missing; it must be {wanted}."
        raise AccessDenied(Code.UNAUTHENTICATED, message, key.reseller_id)
    given, _, credentials = value.decode("latin-1").partition(" ")
    if given.lower() != access.lower() or not credentials.strip():
        raise AccessDenied(Code.UNAUTHENTICATED, f"The header Authorization must be {wanted}.", key.reseller_id)
    return credentials.strip()


def read_basic(credentials: str) -> str:
    """What stands in Basic credentials, such as `login:password`. Raises AccessDenied (UNAUTHENTICATED)."""
    try:
        return base64.b64decode(credentials, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        raise AccessDenied(
            Code.UNAUTHENTICATED, "The header Authorization must hold login:password in base64 of UTF-8."
        ) from None
