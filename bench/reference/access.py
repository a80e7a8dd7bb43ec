"""Who is calling: the token and the subscription key (contract: Every request)."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Annotated

import jwt
from fastapi import Depends, Header, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from bench.reference.models import Reseller, SubscriptionKey
from emporion.credentials import key_digest

ALGORITHM = "HS256"
# For how many seconds the keys are believed before they are read again.
REMEMBERED = 1.0

bearer = HTTPBearer(auto_error=False)


@dataclass(frozen=True)
class Caller:
    """A reseller. reaches: its own account and all below it."""

    reseller_id: int
    reaches: tuple[int, ...]


class Keys:
    """The subscription keys, kept in memory for a second."""

    def __init__(self, sessions: async_sessionmaker[AsyncSession]) -> None:
        self._sessions = sessions
        self._callers: dict[bytes, Caller] = {}
        self._until = 0.0
        self._lock = asyncio.Lock()

    async def find(self, key: str) -> Caller | None:
        """Whose key it is."""
        if time.monotonic() >= self._until:
            async with self._lock:
                if time.monotonic() >= self._until:
                    self._callers = await self._read()
                    self._until = time.monotonic() + REMEMBERED
        return self._callers.get(key_digest(key))

    async def _read(self) -> dict[bytes, Caller]:
        owner = SubscriptionKey.reseller_id
        tree = select(SubscriptionKey.digest, owner.label("owner"), owner.label("reached")).cte("tree", recursive=True)
        below = select(tree.c.digest, tree.c.owner, Reseller.id).where(Reseller.parent_id == tree.c.reached)
        reaches: dict[tuple[bytes, int], list[int]] = {}
        async with self._sessions() as session:
            for row in await session.execute(select(tree.union_all(below))):
                reaches.setdefault((row.digest, row.owner), []).append(row.reached)
        return {digest: Caller(owner, tuple(reached)) for (digest, owner), reached in reaches.items()}


async def caller(
    request: Request,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
    x_subscription_key: Annotated[str | None, Header()] = None,
) -> Caller:
    """The caller. Raises HTTPException (401, 403)."""
    keys: Keys = request.app.state.keys
    found = await keys.find(x_subscription_key or "")
    if not found:
        raise _unauthenticated("The header X-Subscription-Key is missing, or has an unknown or revoked key.")
    if not credentials:
        raise _unauthenticated("The header Authorization must be Bearer TOKEN, with a token from POST /token.")
    try:
        claims = jwt.decode(
            credentials.credentials,
            request.app.state.secret,
            algorithms=[ALGORITHM],
            options={"require": ["sub", "account", "exp"]},
        )
    except jwt.InvalidTokenError:
        raise _unauthenticated("The token is not valid, or not any more.") from None
    if claims["account"] != str(found.reseller_id):
        raise HTTPException(403, "The subscription key belongs to another reseller than the token.")
    return found


def _unauthenticated(message: str) -> HTTPException:
    return HTTPException(401, message, {"WWW-Authenticate": 'Bearer realm="reference"'})
