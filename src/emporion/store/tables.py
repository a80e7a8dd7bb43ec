"""What a platform consists of, as both stores give and take it when a platform moves from one to the other.

Search indexes, the queue of those who wait and the counts of customers are not among it: a store derives them from the
customers. Nor are failed logins, which are forgotten soon anyway, nor sessions and one-time links: people sign in
again. Imports are no part of a platform either: what they have written is, and one that was cut short is begun anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from emporion.store.orders import ORDERS
from emporion.store.reports import REPORTS
from emporion.store.subscriptions import SUBSCRIPTIONS

Row = Sequence[Any]


class Table(NamedTuple):
    """A table. columns: in the order of a row's values. long: it is given in parts. part: of so many rows."""

    name: str
    columns: tuple[str, ...]
    long: bool = True
    part: int = 2000


# Nouns that are kept as documents.
COLLECTIONS = (REPORTS, SUBSCRIPTIONS, ORDERS)

# The platform comes last: a copy that is not finished is none, and cannot be served.
TABLES = (
    Table("resellers", ("reseller_id", "parent_id", "customers", "events"), long=False),
    Table(
        "reseller_accounts",
        ("reseller_id", "parent_id", "first", "last", "shuts", "external_id", "name_folded", "emails", "status",
         "version", "created_at", "updated_at", "document"),
        long=False,
    ),
    Table(
        "users",
        ("reseller_id", "login", "marketplace", "role", "version", "created_at", "used_at", "disabled_at"),
        long=False,
    ),
    Table(
        "subscription_keys",
        ("digest", "reseller_id", "api_version", "name", "rate", "burst", "per_day", "created_at", "used_at",
         "revoked_at", "version"),
        long=False,
    ),
    Table(
        "clients",
        ("realm", "id", "reseller_id", "secret_digest", "role", "name", "version", "created_at", "used_at",
         "disabled_at"),
        long=False,
    ),
    Table("signing_keys", ("id", "private", "created_at", "until"), long=False),
    Table("accounts", ("id", "kind", "reseller_id")),
    Table("logins", ("login", "reseller_id", "customer_id", "position", "password_hash")),
    Table(
        "customers",
        ("reseller_id", "ordinal", "id", "external_id", "status", "version", "created_at", "updated_at", "summary",
         "document"),
    ),
    Table(
        "events",
        ("reseller_id", "sequence", "account_id", "type", "at", "user", "source", "correlation_id", "changes",
         "actor_id", "address", "reason", "subject_type", "subject_id"),
    ),
    Table("feed", ("reseller_id", "until", "first", "last")),
    Table("answers", ("reseller_id", "key", "fingerprint", "subject_type", "subject_id", "at", "document")),
    Table("usage", ("reseller_id", "day", "key", "requests", "refusals")),
    Table("counters", ("reseller_id", "collection", "last")),
    *(Table(collection.name, collection.all_columns) for collection in COLLECTIONS),
    Table("changed_customers", ("reseller_id", "customer_id", "number"), long=False),
    Table("catalogue", ("version", "applied_at"), long=False),
    Table("catalogue_parts", ("kind", "key", "position", "is_retired", "definition")),
    Table("plans", ("id", "key", "state", "is_for_all", "position", "definition", "document"), part=200),
    Table("plan_delegations", ("plan_id", "reseller_id", "granted")),
    Table("plan_items", ("plan_id", "mpn", "position", "is_retired", "definition")),
    Table(
        "products",
        ("id", "plan_id", "mpn", "period", "state", "vendor_folded", "service_folded", "name_folded", "document"),
    ),
    Table("product_rates", ("product_id", "currency", "document")),
    Table("prices", ("reseller_id", "target", "updated_at", "document")),
    Table("delegations", ("id", "rule"), long=False),
    Table("listings", ("number", "id", "name_folded", "lists")),
    Table("listing_bits", ("list", "part", "bits"), part=200),
    Table("listing_state", ("id", "version", "numbers"), long=False),
    Table("order_numbers", ("prefix", "last"), long=False),
    Table("order_subscriptions", ("reseller_id", "subscription_id", "order_id")),
    Table("charges", ("reseller_id", "number", "order_id", "link", "at", "document")),
    Table("report_files", ("reseller_id", "report_id", "number", "content"), part=50),
    Table("platform", ("sandbox",), long=False),
)  # fmt: skip


class Part(NamedTuple):
    """Some rows of a table. last: the key of the last of them, as JSON; None where nothing comes after."""

    rows: Sequence[Row]
    last: str | None


class Digest:
    """The number of rows of a table and a digest of them, whatever their order."""

    def __init__(self) -> None:
        self.rows = 0
        self._sum = 0

    def add(self, rows: Sequence[Row]) -> None:
        self.rows += len(rows)
        for row in rows:
            # One database has 1 for what is true in the other.
            plain = [int(value) if isinstance(value, bool) else value for value in row]
            self._sum += int.from_bytes(hashlib.sha256(msgspec.msgpack.encode(plain)).digest())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Digest) and (self.rows, self._sum % 2**256) == (other.rows, other._sum % 2**256)

    __hash__ = None  # type: ignore[assignment]

    def __str__(self) -> str:
        return f"{self._sum % 2**256:064x}"
