"""Tokens: given for a login and a password or by OAuth 2.0, and read again (contract: POST /token, OAuth 2.0)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import Struct

from emporion.credentials import TokenClaims, decode_token, encode_token, key_id
from emporion.errors import AccessDenied, Code
from emporion.events import NewEvent
from emporion.marketplace.actors import check_reach
from emporion.marketplace.users import subject_of

if TYPE_CHECKING:
    from emporion.events import Origin
    from emporion.marketplace.actors import Actor
    from emporion.marketplace.clients import Clients
    from emporion.marketplace.identity_providers import IdentityProvider
    from emporion.marketplace.login_throttle import LoginThrottle
    from emporion.marketplace.passwords import Passwords
    from emporion.marketplace.signing_keys import SigningKeys
    from emporion.marketplace.usage import UsageRecorder
    from emporion.store.base import Store
    from emporion.store.clients import Client
    from emporion.store.subscription_keys import SubscriptionKey
    from emporion.store.users import User

OTHERS_KEY = "The subscription key belongs to another reseller than the credentials."
WRONG = "The login, the password or the marketplace is wrong."
BAD_TOKEN = "The token in the header Authorization is not valid or has expired; get a new one from POST /token."  # noqa: S105
OVER = "The credentials that the token was given for have changed or are disabled; get a new one from POST /token."
RESELLER_SUSPENDED = "The reseller, or one above it, is on hold or cancelled."


class Grants(Struct, frozen=True):
    """What tokens are given by. issuer: our own URL. lifetime: of a token, in seconds."""

    issuer: str
    lifetime: int


class Tokens:
    """Gives and reads tokens. clock: seconds since 1970."""

    def __init__(
        self,
        store: Store,
        passwords: Passwords,
        signing_keys: SigningKeys,
        clients: Clients,
        guesses: LoginThrottle,
        visits: UsageRecorder,
        grants: Grants,
        identity_provider: IdentityProvider | None,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._signing_keys = signing_keys
        self._clients = clients
        self._guesses = guesses
        self._visits = visits
        self._identity_provider = identity_provider
        self._issuer = grants.issuer
        self._clock = clock
        self.lifetime = grants.lifetime

    async def issue(
        self, login: str, password: str, marketplace: str | None, key: SubscriptionKey, origin: Origin
    ) -> str:
        """A new token for the API user; older ones stay good. marketplace: None for the user's own.

        Raises AccessDenied: (UNAUTHENTICATED) after the same time whichever of the three was wrong, (LIMITED) after too
        many of those, and (FORBIDDEN) if the user belongs to another reseller than the key or that one is shut.
        """
        user = await self._verified(login, password, marketplace, origin, key.reseller_id)
        if user.reseller_id != key.reseller_id:
            victim = (user.reseller_id, user.login)
            raise AccessDenied(Code.FORBIDDEN, OTHERS_KEY, key.reseller_id, victim=victim)
        return await self._token_of(user, self._issuer)

    async def issue_for_password(self, realm: str, client: Client, login: str, password: str, origin: Origin) -> str:
        """A new token for the API user of a client's reseller (RFC 6749 §4.3). Raises AccessDenied as `issue` does."""
        user = await self._verified(login, password, None, origin, client.reseller_id, only=True)
        self._visits.client(client.realm, client.id)
        return await self._token_of(user, self.issuer_of(realm))

    async def issue_for_client(self, client: Client) -> str:
        """A token for the client itself (RFC 6749 §4.4). Raises AccessDenied (FORBIDDEN) if its reseller is shut."""
        await self._check_open(client.reseller_id, client.user)
        self._visits.client(client.realm, client.id)
        return await self._sign(
            TokenClaims(
                client.reseller_id, client.user, client.role, "", self._clock() + self.lifetime, client.version
            ),
            self.issuer_of(client.realm),
        )

    async def issue_for_user(self, actor: Actor, user: User) -> str:
        """A new token for a user, which the actor gets without the password; that goes into the log.

        Raises AccessDenied (FORBIDDEN) if the user does not get in.
        """
        actor.must_be("owner")
        await check_reach(self._store.resellers, actor, user.reseller_id)
        if user.disabled_at is not None:
            raise AccessDenied(Code.FORBIDDEN, f"The user {user.login} is disabled.", user.reseller_id, user.login)
        token = await self._token_of(user, self._issuer)
        owner, about = user.reseller_id, f"user {user.login}: a token was given without the password"
        now = int(self._clock() * 1000)
        await self._store.events.add(
            [NewEvent(owner, owner, "user.updated", now, actor.origin(), {}, about, subject_of(user))]
        )
        return token

    def issuer_of(self, realm: str | None) -> str:
        """Who the tokens of a realm say has given them; None for those of POST /token."""
        return self._issuer if realm is None else f"{self._issuer}/auth/realms/{realm}"

    async def read(self, token: str, key: SubscriptionKey) -> TokenClaims:
        """What the token says.

        Raises AccessDenied: (UNAUTHENTICATED) if it is forged, has expired, or its credentials have changed, and
        (FORBIDDEN) if it belongs to another reseller than the key, or that one is shut.
        """
        claims = await self.claims(token)
        if not claims:
            raise AccessDenied(Code.UNAUTHENTICATED, BAD_TOKEN, key.reseller_id)
        if claims.account_id != key.reseller_id:
            raise AccessDenied(Code.FORBIDDEN, OTHERS_KEY, key.reseller_id)
        if not await self._is_current(claims):
            raise AccessDenied(Code.UNAUTHENTICATED, OVER, claims.account_id, claims.user)
        await self._check_open(claims.account_id, claims.user)
        return claims

    async def claims(self, token: str) -> TokenClaims | None:
        """What a token says that we or the trusted identity provider signed and that has not expired."""
        signing_key = await self._signing_keys.find(key_id(token))
        if signing_key:
            return decode_token(token, self._clock(), signing_key)
        provider = self._identity_provider
        return await provider.read(token) if provider and provider.issued(token) else None

    async def _verified(
        self, login: str, password: str, marketplace: str | None, origin: Origin, account_id: int, *, only: bool = False
    ) -> User:
        """The user who has these credentials. account_id: whose key or client comes with them.

        only: the user must be of that account. Neither the answer nor that account's log tells whether there is such a
        user of another one; the log of the user's own account does.
        """
        async with self._guesses.attempt(login, origin.address, account_id) as attempt:
            user = await self._store.users.get(login)
            right = await self._passwords.verify(user.password_hash if user else None, password, known=attempt.known)
            own = user is not None and user.reseller_id == account_id
            if (
                not user
                or not right
                or user.disabled_at is not None
                or marketplace not in (None, user.marketplace)
                or (only and not own)
            ):
                await self._guesses.failed(attempt)
                victim = (user.reseller_id, user.login) if user and not own else None
                raise AccessDenied(
                    Code.UNAUTHENTICATED, WRONG, account_id, user.login if user and own else None, victim=victim
                )
            if own:
                await self._guesses.succeeded(attempt)
        return user

    async def _token_of(self, user: User, issuer: str) -> str:
        await self._check_open(user.reseller_id, user.login)
        self._visits.user(user.reseller_id, user.login)
        expires = self._clock() + self.lifetime
        claims = TokenClaims(user.reseller_id, user.login, user.role, user.marketplace, expires, user.version)
        return await self._sign(claims, issuer)

    async def _sign(self, claims: TokenClaims, issuer: str) -> str:
        return encode_token(claims, self._clock(), await self._signing_keys.current(), issuer)

    async def _is_current(self, claims: TokenClaims) -> bool:
        """Whether the user or client that the token was given to may still use it."""
        if claims.version is None:  # another platform's, which tells for how long
            return True
        if claims.user.startswith("client:"):
            realm, _, client_id = claims.user.removeprefix("client:").partition("/")
            holder: User | Client | None = await self._store.clients.get(realm, client_id)
        else:
            holder = await self._store.users.get(claims.user)
        return (
            holder is not None
            and holder.disabled_at is None
            and (holder.version, holder.reseller_id) == (claims.version, claims.account_id)
        )

    async def _check_open(self, account_id: int, user: str) -> None:
        if await self._store.resellers.is_suspended(account_id):
            raise AccessDenied(Code.FORBIDDEN, RESELLER_SUSPENDED, account_id, user)
