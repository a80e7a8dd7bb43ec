"""Estimates that hold: an order which names one within 15 minutes costs what it said (ordering.md 6.7).

Nothing is stored. The id is what an order needs to cost the same, which is the day and the prices of its products on
each link, encrypted with a key of the platform: no client may read what is paid further up its chain.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct, structs

from emporion.catalogue.rates import Rates
from emporion.errors import Code, Fault, Problem, raise_invalid
from emporion.marketplace.order_planning import Promised

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

    from emporion.marketplace.actors import Actor
    from emporion.marketplace.order_planning import PlannedOrder
    from emporion.marketplace.signing_keys import SigningKeys
    from emporion.orders.new import OrderRequest

# Seconds for which an estimate holds.
ESTIMATE_LIFETIME = 15 * 60

NOT_OURS = "is not that of an estimate of the last 15 minutes: leave it out, or estimate again"
OF_ANOTHER = "is that of another order: leave it out, or estimate this one"


class _Estimate(Struct, array_like=True, frozen=True):
    """What an estimate has promised. asked: a digest of what was asked for. cost: one of what it costs."""

    until: int
    day: str
    asked: bytes
    cost: bytes
    rates: dict[str, list[Rates]]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Estimate).decode


class Estimates:
    """Makes and reads the ids of estimates. clock: seconds since 1970."""

    def __init__(self, signing_keys: SigningKeys, clock: Callable[[], float]) -> None:
        self._signing_keys = signing_keys
        self._clock = clock

    async def id_of(self, actor: Actor, request: OrderRequest, planned: PlannedOrder) -> str:
        """The id of an estimate that was just planned."""
        now = int(self._clock())
        order = planned.order
        estimate = _Estimate(
            now + ESTIMATE_LIFETIME, order.day, _asked(actor, request), _cost(planned), dict(planned.rates)
        )
        cipher = _cipher((await self._signing_keys.current()).private)
        return str(cipher.encrypt_at_time(_encode(estimate), now), "ascii")

    async def promised(self, actor: Actor, request: OrderRequest) -> tuple[Promised, Callable[[PlannedOrder], None]]:
        """What the estimate of an order has promised, and what raises Problem (CONFLICT) if that cannot be held.

        Raises Problem (INVALID) if it is none of ours, too old, or that of another order.
        """
        estimate = await self._read(request.estimate_id or "")
        if estimate is None or estimate.until < self._clock():
            raise_invalid([Fault("estimateId", NOT_OURS)])
        if estimate.asked != _asked(actor, request):
            raise_invalid([Fault("estimateId", OF_ANOTHER)])

        def check(planned: PlannedOrder) -> None:
            if _cost(planned) != estimate.cost:
                raise Problem(
                    Code.CONFLICT,
                    "What the order is about has changed since the estimate, so it does not cost the same: estimate "
                    "again.",
                )

        return Promised(date.fromisoformat(estimate.day), estimate.rates), check

    async def _read(self, estimate_id: str) -> _Estimate | None:
        from cryptography.fernet import InvalidToken  # what few requests need

        for key in await self._signing_keys.good():
            try:
                return _decode(_cipher(key.private).decrypt(estimate_id.encode()))
            except (InvalidToken, msgspec.MsgspecError):
                continue
        return None


@lru_cache(8)  # of the few keys that are good: to make one takes a fifth of what the id takes
def _cipher(secret: bytes) -> Fernet:
    from cryptography.fernet import Fernet  # what few requests need

    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"emporion estimates\0" + secret).digest()))


def _asked(actor: Actor, request: OrderRequest) -> bytes:
    """A digest of what costs something in a request, and of who asks."""
    bare = structs.replace(request, estimate_id=None, po_number=None, attributes=None)
    text = msgspec.json.encode([actor.account_id, bare])
    return hashlib.sha256(text).digest()


def _cost(planned: PlannedOrder) -> bytes:
    """A digest of all that an order costs."""
    order = planned.order
    return hashlib.sha256(msgspec.json.encode([order.currency, order.charges])).digest()
