"""Resellers: their accounts, and the tree in which they stand."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec import Struct, structs

from emporion.accounts.resellers import Reseller
from emporion.accounts.statuses import SUSPENDED
from emporion.errors import Code, Fault, raise_invalid
from emporion.events import Changes, EventType, NewEvent, Origin, account_subject
from emporion.store import rows
from emporion.store.administrators import AdministratorLogin, insert_logins
from emporion.store.database import execute, execute_many, fetch, fetch_row
from emporion.store.events import append, insert_event, lock_reseller
from emporion.store.faults import no_reseller, taken_external_id
from emporion.store.idempotency import IdempotentRequest, keep_answer, kept_answer
from emporion.store.records import Record
from emporion.store.tree import LAST, Span, span_below, spans

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from emporion.store.database import Database, Write
    from emporion.store.records import Filter, Listing

_IS_WITHIN = """
    SELECT 1 FROM reseller_accounts b JOIN reseller_accounts t ON b.first BETWEEN t.first AND t.last
    WHERE b.reseller_id = ? AND t.reseller_id = ?
"""
_CHAIN = """
    SELECT t.reseller_id FROM reseller_accounts b JOIN reseller_accounts t ON b.first BETWEEN t.first AND t.last
    WHERE b.reseller_id = ? ORDER BY t.first
"""
_SHUTS = "SELECT shuts FROM reseller_accounts WHERE reseller_id = ?"
_BY_ID = "SELECT version, document FROM reseller_accounts WHERE reseller_id = ?"
_PENDING = """
    SELECT reseller_id, version, document FROM reseller_accounts WHERE status = 'pending' ORDER BY reseller_id LIMIT ?
"""
_CHILDREN = """
    SELECT c.document, (SELECT count(*) FROM reseller_accounts b WHERE b.first > c.first AND b.first <= c.last)
    FROM reseller_accounts c WHERE c.reseller_id IN (
        SELECT reseller_id FROM reseller_accounts WHERE parent_id = ? ORDER BY reseller_id DESC LIMIT ? OFFSET ?
    ) ORDER BY c.reseller_id DESC
"""
_COUNT_CHILDREN = "SELECT count(*) FROM reseller_accounts WHERE parent_id = ?"
_ADD_ID = "INSERT INTO accounts (id, kind, reseller_id) VALUES ({next_account_id}, 'reseller', ?) RETURNING id"
_ADD_ACCOUNT = """
    INSERT INTO reseller_accounts (
        reseller_id, parent_id, first, last, shuts, external_id, name_folded, emails, status, version, created_at,
        updated_at, document
    ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?)
    ON CONFLICT (parent_id, external_id) WHERE external_id IS NOT NULL DO NOTHING RETURNING 1
"""
_UPDATE = """
    UPDATE reseller_accounts SET version = version + 1, external_id = ?, name_folded = ?, emails = ?, status = ?,
        updated_at = ?, document = ?
    WHERE reseller_id = ?
"""
_BEFORE = "SELECT parent_id, status, first, last FROM reseller_accounts WHERE reseller_id = ? AND version = ?"
_WITH_EXTERNAL_ID = """
    SELECT reseller_id FROM reseller_accounts WHERE parent_id = ? AND external_id = ? AND reseller_id <> ?
"""
_ABOVE = """
    SELECT first, last, shuts, (SELECT max(b.last) FROM reseller_accounts b WHERE b.parent_id = a.reseller_id)
    FROM reseller_accounts a WHERE a.reseller_id = ?
"""
_TREE = "SELECT reseller_id, parent_id, first, last FROM reseller_accounts"
_NUMBER = "UPDATE reseller_accounts SET first = ?, last = ? WHERE reseller_id = ?"


class _Currency(Struct):
    """What is wanted of a reseller's document."""

    currency: str | None = None


_currency = msgspec.json.Decoder(_Currency).decode


def currency_in(document: bytes) -> str | None:
    """The currency that a reseller's document has."""
    return _currency(document).currency


def common_currency(currencies: Mapping[int, str | None]) -> str | None:
    """The currency in which a chain sells, None if it sells nothing. currencies: of its accounts, the provider first.

    It is that of all below the provider; the provider's own counts only where it is alone.
    """
    all_of_them = list(currencies.values())
    some = set(all_of_them[1:] or all_of_them)
    return some.pop() if len(some) == 1 else None


class NewResellerRecord(Struct, frozen=True):
    """A reseller to be added under `parent_id`, None for the provider.

    account: its `id` and `reseller_id` are not read, the store gives them. id: None lets the store choose the next.
    changes: as in `NewEvent`.
    """

    parent_id: int | None
    account: Reseller
    logins: Sequence[AdministratorLogin]
    origin: Origin
    at: int
    id: int | None = None
    once: IdempotentRequest | None = None
    changes: Changes = {}


class ResellerChange(Struct, frozen=True):
    """A reseller's new state, which holds only if its version is still `version`.

    logins: all of its logins from now on, or None where they stay. changes: as in `Event`.
    """

    id: int
    version: int
    account: Reseller
    logins: Sequence[AdministratorLogin] | None
    event: EventType
    changes: Changes
    origin: Origin
    at: int


class Child(NamedTuple):
    """A reseller right below another one: its public JSON, and how many stand below it at any depth."""

    document: bytes
    below: int


class Children(NamedTuple):
    """A part of those right below a reseller, and how many there are in all."""

    children: list[Child]
    total: int


class ResellerStore(ABC):
    """Resellers, as they are kept. How they are searched differs between the databases."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, reseller_id: int) -> Record | None:
        """The reseller."""
        row = await self._database.row(_BY_ID, reseller_id)
        return Record(reseller_id, reseller_id, *row) if row else None

    @abstractmethod
    async def page(self, root_id: int, wanted: Filter, offset: int, limit: int) -> Listing:
        """The reseller `root_id` and all below it, whole: `limit` of them after `offset`, by descending id."""

    async def has_children(self, reseller_id: int) -> bool:
        """Whether resellers stand below a reseller."""
        return bool(
            await self._database.point("SELECT reseller_id FROM resellers WHERE parent_id = ? LIMIT 1", reseller_id)
        )

    async def children(self, parent_id: int, offset: int, limit: int) -> Children:
        """The resellers right below another one: `limit` of them after `offset`, by descending id."""
        found = await self._database.long_rows(parent_id, _CHILDREN, parent_id, limit, offset)
        row = await self._database.row(_COUNT_CHILDREN, parent_id)
        return Children([Child(*child) for child in found], row[0] if row else 0)

    async def pending(self, limit: int) -> list[Record]:
        """Up to `limit` pending resellers of the whole platform, oldest first."""
        found = await self._database.rows(_PENDING, limit)
        return [Record(reseller_id, reseller_id, *rest) for reseller_id, *rest in found]

    async def is_within(self, reseller_id: int, root_id: int) -> bool:
        """Whether the reseller is `root_id` or stands below it, at any depth; by one look-up."""
        return await self._database.point(_IS_WITHIN, reseller_id, root_id) is not None

    async def chain(self, reseller_id: int) -> list[int]:
        """The accounts from the provider down to a reseller, which comes last; empty if there is no such one."""
        return [row[0] for row in await self._database.points(_CHAIN, reseller_id)]

    async def is_suspended(self, reseller_id: int) -> bool:
        """Whether the reseller or one above it has a status in `SUSPENDED`; by one look-up. True if unknown."""
        row = await self._database.row(_SHUTS, reseller_id)
        return row is None or row[0] > 0

    async def add(self, new: NewResellerRecord) -> Record:
        """Add a reseller, and `reseller.created` as the first event of its log.

        Raises Problem (NOT_FOUND) if there is no such parent, (CONFLICT) as `CustomerStore.add` does; an external id
        is unique among those with the same parent. `new.once` is kept under the parent.
        """
        return await self._database.write(_add, new)

    async def update(self, change: ResellerChange) -> Record | None:
        """Put a reseller into its new state; its record, or None if it has moved on from its version.

        Raises Problem (CONFLICT) as `add` does; then nothing has changed. Where its status begins or ends to shut
        (`accounts.statuses.SUSPENDED`), that holds for all below it, too, when this returns.
        """
        return await self._database.write(_update, change)


def lock_tree() -> Write[None]:
    """Let no other transaction change the tree until this one ends. Nothing else is locked before."""
    yield from execute("{lock_tree}")


def _add(new: NewResellerRecord) -> Write[Record]:
    yield from lock_tree()
    return (yield from insert_reseller(new))


def insert_reseller(new: NewResellerRecord) -> Write[Record]:
    """Insert a reseller. Raises as `ResellerStore.add`. The caller has locked the tree."""
    parent_id = new.parent_id
    if new.once and parent_id is not None:
        yield from lock_reseller(parent_id)
        if kept := (yield from kept_answer(parent_id, new.once)):
            id_ = int(kept.subject_id)
            return Record(id_, id_, 1, kept.document, replayed=True)
    span, shuts = yield from _place_in_tree(parent_id)
    (reseller_id,) = (yield from fetch(_ADD_ID, new.id, parent_id))[0]
    above = None if parent_id is None else str(parent_id)
    account = structs.replace(new.account, id=str(reseller_id), reseller_id=above)
    document = rows.document(account)
    taken: list[Fault] = []
    if not (
        yield from fetch_row(
            _ADD_ACCOUNT,
            reseller_id,
            parent_id,
            *span,
            shuts + (account.status in SUSPENDED),
            account.external_id,
            rows.folded_name(account),
            rows.email_lines(account),
            account.status,
            new.at,
            new.at,
            document,
        )
    ):
        taken += yield from _taken(reseller_id, parent_id, account.external_id)
    taken += yield from insert_logins(reseller_id, reseller_id, new.logins)
    if taken:
        raise_invalid(taken, Code.CONFLICT)
    yield from execute(
        "INSERT INTO resellers (reseller_id, parent_id, events) VALUES (?, ?, 1)", reseller_id, parent_id
    )
    event = NewEvent(reseller_id, reseller_id, "reseller.created", new.at, new.origin, new.changes)
    yield from insert_event(1, event)
    if new.once and parent_id is not None:
        yield from keep_answer(parent_id, new.once, account_subject(reseller_id, reseller_id), new.at, document)
    return Record(reseller_id, reseller_id, 1, document)


def _update(change: ResellerChange) -> Write[Record | None]:
    yield from lock_tree()
    yield from lock_reseller(change.id)
    before = yield from fetch_row(_BEFORE, change.id, change.version)
    if not before:
        return None
    parent_id, old_status, *span = before
    account, document = change.account, rows.document(change.account)
    taken = yield from _taken(change.id, parent_id, account.external_id)
    if change.logins is not None:
        yield from execute("DELETE FROM logins WHERE reseller_id = ? AND customer_id = ?", change.id, change.id)
        taken += yield from insert_logins(change.id, change.id, change.logins)
    if taken:
        raise_invalid(taken, Code.CONFLICT)
    yield from execute(
        _UPDATE,
        account.external_id,
        rows.folded_name(account),
        rows.email_lines(account),
        account.status,
        change.at,
        document,
        change.id,
    )
    if step := (account.status in SUSPENDED) - (old_status in SUSPENDED):
        yield from execute("UPDATE reseller_accounts SET shuts = shuts + ? WHERE first BETWEEN ? AND ?", step, *span)
    yield from append(NewEvent(change.id, change.id, change.event, change.at, change.origin, change.changes))
    return Record(change.id, change.id, change.version + 1, document)


def _place_in_tree(parent_id: int | None) -> Write[tuple[Span, int]]:
    """The span of a new reseller, and how many above it shut. Raises Problem (NOT_FOUND) if there is no such parent."""
    if parent_id is None:
        return Span(0, LAST), 0
    while True:
        above = yield from fetch_row(_ABOVE, parent_id)
        if not above:
            raise no_reseller(parent_id)
        first, last, shuts, taken = above
        if span := span_below(Span(first, last), taken):
            return span, shuts
        yield from number_tree()


def number_tree() -> Write[None]:
    """Give all resellers their spans anew. The caller has locked the tree."""
    kept = {reseller_id: rest for reseller_id, *rest in (yield from fetch(_TREE))}
    numbered = spans({reseller_id: parent_id for reseller_id, (parent_id, *_) in kept.items()})
    yield from execute_many(
        _NUMBER, [(*span, reseller_id) for reseller_id, span in numbered.items() if kept[reseller_id][1:] != [*span]]
    )


def _taken(reseller_id: int, parent_id: int | None, external_id: str | None) -> Write[list[Fault]]:
    """The fault of an external id that another reseller with the same parent has, if there is one."""
    if external_id is None or parent_id is None:
        return []
    other = yield from fetch_row(_WITH_EXTERNAL_ID, parent_id, external_id, reseller_id)
    return [taken_external_id(other[0], "reseller")] if other else []
