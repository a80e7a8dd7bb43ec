"""Which network address a request comes from, also through proxies."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import TYPE_CHECKING

from emporion.settings import Network

if TYPE_CHECKING:
    from starlette.types import Scope


class ClientAddresses:
    """Tells addresses. proxies: the networks whose X-Forwarded-For is believed."""

    def __init__(self, proxies: Sequence[Network]) -> None:
        self._proxies = proxies

    def of(self, scope: Scope) -> str | None:
        """The address of the client: the last one that is no proxy of ours. None if it is unknown."""
        client = scope.get("client")
        if not client:
            return None
        address = _plain(client[0]) or str(client[0])
        if not self._proxies:
            return address
        forwarded = scope["named_headers"].get(b"x-forwarded-for", b"").decode("latin-1").split(",")
        while forwarded and self._is_proxy(address):
            before = _plain(forwarded.pop())
            if before is None:
                break
            address = before
        return address

    def _is_proxy(self, address: str) -> bool:
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in self._proxies)


def _plain(text: str) -> str | None:
    """The address of an entry of X-Forwarded-For, which may have a port; None if it is none.

    An IPv4 address that a server for IPv6 sees (::ffff:192.0.2.7) is what it was before.
    """
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ipaddress.ip_address(text.partition("%")[0])  # a zone may be any text
    except ValueError:
        return None
    return str((found.version == 6 and found.ipv4_mapped) or found)
