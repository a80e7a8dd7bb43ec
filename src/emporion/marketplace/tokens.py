"""Tokens: given for a login and a password, checked without the database (contract: POST /token)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from emporion.credentials import TokenClaims, decode_token, encode_token
from emporion.errors import Code, Problem

if TYPE_CHECKING:
    from emporion.marketplace.passwords import Passwords
    from emporion.store.base import Store, SubscriptionKey

OTHERS_KEY = "The subscription key belongs to another reseller than the credentials."


class Tokens:
    """Gives and reads tokens. lifetime: in seconds. clock: seconds since 1970."""

    def __init__(
        self,
        store: Store,
        passwords: Passwords,
        signing_key: bytes,
        lifetime: int,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._signing_key = signing_key
        self._clock = clock
        self.lifetime = lifetime

    async def issue(self, login: str, password: str, marketplace: str | None, key: SubscriptionKey) -> str:
        """A new token for the API user; older ones stay good. marketplace: None for the user's own.

        Raises Problem (UNAUTHENTICATED) after the same time whichever of the three was wrong, and
        Problem (FORBIDDEN) if the user belongs to another reseller than the key.
        """
        user = await self._store.user(login)
        right = await self._passwords.verify(user.password_hash if user else None, password)
        if not user or not right or marketplace not in (None, user.marketplace):
            raise Problem(Code.UNAUTHENTICATED, "The login, the password or the marketplace is wrong.")
        if user.reseller_id != key.reseller_id:
            raise Problem(Code.FORBIDDEN, OTHERS_KEY)
        now = self._clock()
        claims = TokenClaims(user.reseller_id, user.login, user.marketplace, now + self.lifetime)
        return encode_token(claims, now, self._signing_key)

    def read(self, token: str, key: SubscriptionKey) -> TokenClaims:
        """What the token says.

        Raises Problem (UNAUTHENTICATED) if it is forged or has expired, and Problem (FORBIDDEN) if it belongs to
        another reseller than the key.
        """
        claims = decode_token(token, self._clock(), self._signing_key)
        if not claims:
            raise Problem(
                Code.UNAUTHENTICATED,
                "The token in the header Authorization is not valid or has expired; get a new one from POST /token.",
            )
        if claims.account_id != key.reseller_id:
            raise Problem(Code.FORBIDDEN, OTHERS_KEY)
        return claims
