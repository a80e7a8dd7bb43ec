"""What the platform does: one file per noun, every rule about who may do what. Each door calls the same methods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emporion.marketplace.customers import Customers
    from emporion.marketplace.subscription_keys import SubscriptionKeys
    from emporion.marketplace.tokens import Tokens


@dataclass(frozen=True, slots=True)
class Marketplace:
    """All that a door needs, by noun."""

    customers: Customers
    subscription_keys: SubscriptionKeys
    tokens: Tokens
