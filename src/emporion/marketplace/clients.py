"""OAuth clients: programs of a reseller that get tokens by RFC 6749."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, NamedTuple

from msgspec import Meta, Struct, structs

from emporion import errors
from emporion.accounts.documents import NEVER_SHOWN, diff
from emporion.accounts.fields import Name
from emporion.credentials import Role, key_digest, new_client_secret
from emporion.errors import AccessDenied, Problem, not_found, raise_invalid
from emporion.events import Changes, EventType, NewEvent, Subject
from emporion.marketplace.actors import check_reach
from emporion.marketplace.patches import ATTEMPTS, too_busy
from emporion.store.clients import Client
from emporion.validation import read

if TYPE_CHECKING:
    from emporion.marketplace.actors import Actor
    from emporion.store.clients import ClientStore
    from emporion.store.resellers import ResellerStore

NO_DIGEST = b"\0" * 32
WRONG = "The realm, the client_id or the client_secret is wrong."

Code = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        extra={"says": "must begin with a letter or digit and have only letters, digits, dot, _ and - after it"},
    ),
]


class ClientName(Struct, frozen=True):
    """What a client is called, and where."""

    realm: Code
    id: Code
    name: Name | None = None


class NewClient(NamedTuple):
    """A client with a new secret, which cannot be read again."""

    secret: str
    client: Client


class Clients:
    """The OAuth clients of all resellers. clock: seconds since 1970."""

    def __init__(self, store: ClientStore, resellers: ResellerStore, clock: Callable[[], float]) -> None:
        self._store = store
        self._resellers = resellers
        self._clock = clock

    async def find(self, realm: str, client_id: str, secret: str) -> Client:
        """The client. Raises AccessDenied (UNAUTHENTICATED): none such, disabled, or another secret."""
        client = await self._store.get(realm, client_id)
        right = hmac.compare_digest(key_digest(secret), client.secret_digest if client else NO_DIGEST)
        if not client:
            raise AccessDenied(errors.Code.UNAUTHENTICATED, WRONG)
        if not right or client.disabled_at is not None:
            raise AccessDenied(errors.Code.UNAUTHENTICATED, WRONG, client.reseller_id, client.user)
        return client

    async def of(self, reseller_id: int) -> list[Client]:
        """The reseller's clients, by realm and id, with those that are disabled."""
        return await self._store.by_reseller(reseller_id)

    async def get(self, realm: str, client_id: str) -> Client:
        """One of them. Raises Problem (NOT_FOUND)."""
        client = await self._store.get(realm, client_id)
        if not client:
            raise _unknown(realm, client_id)
        return client

    async def add(
        self,
        actor: Actor,
        reseller_id: int,
        realm: str,
        client_id: str,
        *,
        role: Role = "owner",
        name: str = "",
        secret: str | None = None,
    ) -> NewClient:
        """A new client of the reseller, with `secret` or else a random one.

        Raises Problem (INVALID) for a realm, id or name that cannot be used, (CONFLICT) if the realm has such a client,
        and (NOT_FOUND) if there is no such reseller.
        """
        actor.must_be("owner")
        await check_reach(self._resellers, actor, reseller_id)
        wanted, faults = read(ClientName, {"realm": realm, "id": client_id, "name": name or None})
        if faults:
            raise_invalid(faults)
        shown = secret or new_client_secret()
        client = Client(
            realm, client_id, reseller_id, key_digest(shown), role, wanted.name or "", created_at=self._now()
        )
        await self._store.add(client, self._event(actor, client, diff({}, _shown(client)), new=True))
        return NewClient(shown, client)

    async def rotate(self, actor: Actor, realm: str, client_id: str) -> NewClient:
        """The client with another secret; its tokens are over."""
        secret = new_client_secret()
        hidden: Changes = {"secret": (NEVER_SHOWN, NEVER_SHOWN)}
        members: dict[str, object] = {"secret_digest": key_digest(secret)}
        return NewClient(secret, await self._change(actor, realm, client_id, members, hidden))

    async def disable(self, actor: Actor, realm: str, client_id: str) -> Client:
        """The client, which gets in no more; its tokens are over."""
        return await self._change(actor, realm, client_id, {"disabled_at": self._now()})

    async def enable(self, actor: Actor, realm: str, client_id: str) -> Client:
        """The client, which gets in again with a new token."""
        return await self._change(actor, realm, client_id, {"disabled_at": None})

    async def _change(
        self, actor: Actor, realm: str, client_id: str, members: dict[str, object], also: Changes | None = None
    ) -> Client:
        actor.must_be("owner")
        for _ in range(ATTEMPTS):
            client = await self.get(realm, client_id)
            if not await self._resellers.is_within(client.reseller_id, actor.account_id):
                raise _unknown(realm, client_id)
            changed = structs.replace(client, **members, version=client.version + 1)
            changes = {**diff(_shown(client), _shown(changed)), **(also or {})}
            if not changes:
                return client
            if await self._store.update(changed, client.version, self._event(actor, client, changes)):
                return changed
        raise too_busy()

    def _event(self, actor: Actor, client: Client, changes: Changes, *, new: bool = False) -> NewEvent:
        kind: EventType = "client.created" if new else "client.updated"
        owner, subject = client.reseller_id, Subject("client", f"{client.realm}/{client.id}")
        about = f"client {subject.id}"
        return NewEvent(owner, owner, kind, self._now(), actor.origin(), changes, about, subject)

    def _now(self) -> int:
        return int(self._clock() * 1000)


def _unknown(realm: str, client_id: str) -> Problem:
    return not_found(f"there is no client {client_id} in the realm {realm}")


def _shown(client: Client) -> dict[str, object]:
    """What the log says of a client."""
    shown: dict[str, object] = {"role": client.role, "name": client.name}
    return {**shown, "disabled": True} if client.disabled_at is not None else shown
