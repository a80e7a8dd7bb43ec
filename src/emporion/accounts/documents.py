"""Documents of accounts: merge patches (RFC 7396), and what differs between two of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import to_builtins

from emporion.accounts.customers import Customer
from emporion.accounts.resellers import Reseller

# Stands for a secret where changes are shown.
NEVER_SHOWN = "(hidden)"
# The members of a patch that merge with what is there instead of replacing it.
_MERGED = ("address", "attributes")


def as_sent(account: Customer | Reseller) -> dict[str, Any]:
    """The members of a stored account that a client may send, as JSON values by their public names."""
    document: dict[str, Any] = to_builtins(account)
    return {name: value for name, value in document.items() if name not in ("id", "resellerId", "status")}


def merge_patch(document: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """Apply `patch` to `document`, both JSON objects, by RFC 7396 §2; neither is changed.

    Deeper than our documents go nothing is merged: what stands there can only be a fault, and is found later.
    """
    result = dict(document)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif name in _MERGED and isinstance(value, dict):
            before = result.get(name, {})
            result[name] = {
                key: item for key, item in {**before, **value}.items() if key not in value or value[key] is not None
            }
        else:
            result[name] = value
    return result


def diff(before: dict[str, Any], after: dict[str, Any]) -> dict[str, tuple[object, object]]:
    """What differs between two documents: path → (before, after), None where it was absent."""
    found: dict[str, tuple[object, object]] = {}
    for name in [*before, *(name for name in after if name not in before)]:
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        if name in _MERGED:
            old, new = old or {}, new or {}
            inner: Iterable[str] = [*old, *(key for key in new if key not in old)]
            found |= {f"{name}.{key}": (old.get(key), new.get(key)) for key in inner if old.get(key) != new.get(key)}
            if not inner:  # there, but empty, and not there at all
                found[name] = (before.get(name), after.get(name))
        else:
            found[name] = (old, new)
    return found
