"""Collections: nouns that are lists of JSON documents, each declared once (`Collection`) and kept by one class.

A document belongs to a reseller, and is seen by it and those above. It has an ordinal within its reseller, dense since
none is ever deleted, so that a page of one reseller costs the same at any offset; a version, which a change must name;
columns by which it is found; and an event with each write. A statement that this does not know stands beside the
declaration of its noun.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

import msgspec

from emporion.errors import Code, Fault, raise_invalid
from emporion.store.collection_lists import Asked, list_page
from emporion.store.database import execute_many, fetch_row, placeholders
from emporion.store.events import append, append_all, lock_reseller
from emporion.store.idempotency import keep_answer, kept_answer
from emporion.store.statements import BELOW

if TYPE_CHECKING:
    from emporion.events import NewEvent, Subject, SubjectType
    from emporion.store.database import Database, Write
    from emporion.store.idempotency import IdempotentRequest
    from emporion.store.records import Listing

T = TypeVar("T", bound=msgspec.Struct)

# Before the declared columns of each table; `document` comes after them.
HEAD = ("reseller_id", "ordinal", "id", "version", "created_at", "due_at")
# Of so many documents that people may mean, any will do.
MANY = 256
_COUNT = """
    INSERT INTO counters AS c (reseller_id, collection, last) VALUES (?, ?, ?)
    ON CONFLICT (reseller_id, collection) DO UPDATE SET last = c.last + excluded.last RETURNING last
"""


class Column(NamedTuple):
    """A column by which documents are found. value: what it holds of a document. member: what a conflict names where no
    two documents of a reseller may have the same value, None where they may."""

    name: str
    value: Callable[[Any], object]
    member: str | None = None


class Condition(NamedTuple):
    """A condition on columns of a table `r`, with a placeholder for each value. column: the one by which an index finds
    what fulfils it, in the order of ordinals."""

    sql: str
    values: tuple[object, ...]
    column: str | None = None


def equals(column: str, value: object) -> Condition:
    """That a column has this value."""
    return Condition(f"r.{column} = ?", (value,))


def indexed(column: str, value: object) -> Condition:
    """The same of a column for which there is an index (reseller_id, column, ordinal)."""
    return Condition(f"r.{column} = ?", (value,), column)


def contains(column: str, text: str) -> Condition:
    """That a column has this text in it; both are folded in the same way."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return Condition(f"r.{column} LIKE ? ESCAPE '\\'", (f"%{escaped}%",))


def between(column: str, first: int | None, end: int | None) -> Iterator[Condition]:
    """That a number is `first` or more, and less than `end`; None for any."""
    if first is not None:
        yield Condition(f"r.{column} >= ?", (first,))
    if end is not None:
        yield Condition(f"r.{column} < ?", (end,))


@dataclass(frozen=True)
class Collection(Generic[T]):
    """A noun that is kept as documents.

    name: of the table. noun: what one is called, also as the subject of its events. type: of a document; it has a
    member `id`, which no other one of the platform has. columns: in their order in the table. filters: of a list, by
    the members of its query. due: when a worker is to look at it, in milliseconds since 1970; None for never. shown:
    what readers of events see of a document. listed, answered: the columns with the JSON that is shown of a document,
    in lists and to its own reseller by its id. counted: the column of whose values triggers count the documents.
    """

    name: str
    noun: SubjectType
    type: type[T]
    columns: tuple[Column, ...]
    filters: Mapping[str, Callable[[Any], Iterable[Condition]]]
    due: Callable[[T], int | None] = lambda _: None
    shown: Callable[[T], object] = lambda document: document
    listed: str = "document"
    answered: str = "document"
    counted: str | None = None

    @cached_property
    def decode(self) -> Callable[[bytes], T]:
        """Reads a document."""
        return msgspec.json.Decoder(self.type).decode

    def conditions(self, query: msgspec.Struct) -> list[Condition]:
        """What a list's query asks for. Doors may have queries without some of the filters."""
        wanted = ((filter_, getattr(query, member, None)) for member, filter_ in self.filters.items())
        return [condition for filter_, value in wanted if value is not None for condition in filter_(value)]

    @cached_property
    def all_columns(self) -> tuple[str, ...]:
        """The names of all columns of the table, in their order."""
        return (*HEAD, *(column.name for column in self.columns), "document")

    def row(self, document: T) -> tuple[object, ...]:
        """The values of the columns from `due_at` on, but for the document itself."""
        return (self.due(document), *(column.value(document) for column in self.columns))

    @cached_property
    def insert(self) -> str:
        """Inserts a document."""
        columns = self.all_columns
        return f"INSERT INTO {self.name} ({', '.join(columns)}) VALUES {placeholders(len(columns))}"  # noqa: S608

    @cached_property
    def add(self) -> str:
        """Inserts a document, unless a unique value is taken."""
        return f"{self.insert} ON CONFLICT DO NOTHING RETURNING 1"

    @cached_property
    def update(self) -> str:
        """Changes a document that has the version; takes the values of `row`, the document, and what it is found by."""
        columns = ", ".join(f"{column} = ?" for column in self.all_columns[HEAD.index("due_at") :])
        return (
            f"UPDATE {self.name} SET version = version + 1, {columns}"  # noqa: S608
            " WHERE reseller_id = ? AND id = ? AND version = ? RETURNING 1"
        )

    @cached_property
    def get(self) -> str:
        """A document by its id, if it belongs to a reseller or to one below it."""
        return f"""
            SELECT r.reseller_id, r.id, r.version, r.document FROM {self.name} r
            JOIN reseller_accounts b ON b.reseller_id = r.reseller_id
            JOIN reseller_accounts t ON b.first BETWEEN t.first AND t.last
            WHERE r.id = ? AND t.reseller_id = ?
        """  # noqa: S608

    @cached_property
    def answer(self) -> str:
        """The same, with what is kept of it to be answered in the place of the document where it is the reseller's."""
        return self.get.replace(
            "r.document", f"CASE WHEN r.reseller_id = t.reseller_id THEN r.{self.answered} ELSE r.document END"
        )

    def page(self, conditions: Sequence[Condition], column: str) -> str:
        """Rows of a reseller's list and all below it, each with the total before it; at least one, with the total.

        column: what is read of each.
        """
        where = "".join(f" AND {condition.sql}" for condition in conditions)
        return f"""
            {BELOW}, found AS MATERIALIZED (
                SELECT r.reseller_id, r.ordinal, r.created_at, r.id FROM below
                CROSS JOIN {self.name} r WHERE r.reseller_id = below.id{where}
            )
            SELECT (SELECT count(*) FROM found), p.{column} FROM (SELECT 1 AS one) o LEFT JOIN (
                SELECT 1 AS one, f.created_at, f.id, r.{column}
                FROM (SELECT * FROM found ORDER BY created_at DESC, id DESC LIMIT ? OFFSET ?) f
                JOIN {self.name} r ON r.reseller_id = f.reseller_id AND r.ordinal = f.ordinal
            ) p ON p.one = o.one ORDER BY p.created_at DESC, p.id DESC
        """  # noqa: S608

    def some(self, where: str, others: str = "") -> str:
        """Up to a number of documents of a reseller and of all below it, newest first; of many, the newest of some.

        where: on the table `r`, by an index. others: a table between, with what joins it to `below`.
        """
        return f"""
            {BELOW}
            SELECT f.reseller_id, f.id, f.version, f.document FROM (
                SELECT r.reseller_id, r.id, r.version, r.document, r.created_at
                FROM below {others} CROSS JOIN {self.name} r WHERE r.reseller_id = below.id AND {where} LIMIT {MANY}
            ) f ORDER BY f.created_at DESC, f.id DESC LIMIT ?
        """  # noqa: S608

    @cached_property
    def due_by(self) -> str:
        """Documents that a worker is to look at, of the whole platform."""
        return (
            f"SELECT reseller_id, id, version, document FROM {self.name}"  # noqa: S608
            " WHERE due_at <= ? ORDER BY due_at, id LIMIT ?"
        )

    def holder(self, column: Column) -> str:
        """The document of a reseller that has a unique value."""
        return f"SELECT id FROM {self.name} WHERE reseller_id = ? AND {column.name} = ?"  # noqa: S608


class Item(msgspec.Struct, frozen=True):
    """A document as it is kept. version: 1, then one more with each change. replayed: as in `Record`."""

    reseller_id: int
    id: str
    version: int
    document: bytes
    replayed: bool = False


encode = msgspec.json.Encoder().encode


class CollectionStore(Generic[T]):
    """The documents of a collection, as they are kept."""

    def __init__(self, database: Database, collection: Collection[T]) -> None:
        self._database = database
        self._collection = collection

    async def get(self, root_id: int, id_: str) -> Item | None:
        """A document of the reseller `root_id` or of one below it."""
        row = await self._database.row(self._collection.get, id_, root_id)
        return Item(*row) if row else None

    async def answer(self, root_id: int, id_: str) -> Item | None:
        """What `get` gives; of a document of `root_id` itself with what is kept to be answered in its place."""
        row = await self._database.point(self._collection.answer, id_, root_id)
        return Item(*row) if row else None

    async def page(
        self,
        root_id: int,
        conditions: Sequence[Condition],
        offset: int,
        limit: int,
        *,
        whole: bool = False,
        column: str | None = None,
    ) -> Listing:
        """The documents of the reseller `root_id` and of all below it: `limit` of them after `offset`, newest first.

        conditions: combined with and. whole: as they are kept, else as they are shown in lists. column: another one
        that has JSON in it. The total is exact.
        """
        column = column or ("document" if whole else self._collection.listed)
        return await list_page(self._database, Asked(self._collection, column, root_id, conditions, offset, limit))

    async def some(self, root_id: int, sql: str, *values: object, limit: int) -> list[Item]:
        """Up to `limit` documents by a statement of `Collection.some`, at one cost however many there are."""
        rows = await self._database.long_rows(root_id, sql, root_id, *values, limit)
        return [Item(*row) for row in rows]

    async def due(self, now: int, limit: int) -> list[Item]:
        """Up to `limit` documents of the whole platform that a worker is to look at by `now`, longest due first."""
        return [Item(*row) for row in await self._database.rows(self._collection.due_by, now, limit)]

    async def add(
        self, reseller_id: int, document: T, subject: Subject, event: NewEvent, once: IdempotentRequest | None = None
    ) -> Item:
        """Add a document to a reseller, with its event.

        subject: what it is in the log. Where the same request as `once` was answered before, gives that answer again.
        Raises Problem (CONFLICT) with a fault for each unique value that is taken, (NOT_FOUND) if there is no such
        reseller, and (IDEMPOTENCY_KEY_REUSED) as `CustomerStore.add` does.
        """
        return await self._database.write(add_item, self._collection, reseller_id, document, subject, event, once)

    async def update(self, item: Item, document: T, event: NewEvent | None) -> Item | None:
        """Put a document in the place of what `item` has, if that is still its version; None otherwise.

        event: goes into the log with it. Raises Problem (CONFLICT) as `add` does.
        """
        return await self._database.write(update_item, self._collection, item, document, event)


def add_item(
    collection: Collection[T],
    reseller_id: int,
    document: T,
    subject: Subject,
    event: NewEvent,
    once: IdempotentRequest | None,
) -> Write[Item]:
    """See `CollectionStore.add`; part of a write that does more."""
    yield from lock_reseller(reseller_id)
    if once and (kept := (yield from kept_answer(reseller_id, once))):
        return Item(reseller_id, kept.subject_id, 1, kept.document, replayed=True)
    item = yield from add_locked(collection, reseller_id, document, subject.id, event)
    if once:
        yield from keep_answer(reseller_id, once, subject, event.at, item.document)
    return item


def add_locked(collection: Collection[T], reseller_id: int, document: T, id_: str, event: NewEvent) -> Write[Item]:
    """Add a document, with its event, to a reseller whose row is locked. Raises as `CollectionStore.add` does."""
    yield from append(event)
    ordinal = yield from fetch_row(_COUNT, reseller_id, collection.name, 1)
    assert ordinal
    encoded = encode(document)
    row = (reseller_id, ordinal[0], id_, 1, event.at, *collection.row(document), encoded)
    if not (yield from fetch_row(collection.add, *row)):
        yield from _refuse_taken(collection, reseller_id, document, id_)
    return Item(reseller_id, id_, 1, encoded)


def add_all_locked(
    collection: Collection[T], reseller_id: int, documents: Mapping[str, T], events: Sequence[NewEvent]
) -> Write[list[Item]]:
    """Add documents, by their ids, that have no other unique value, each with its event, as `add_locked` does."""
    yield from append_all(events)
    last = yield from fetch_row(_COUNT, reseller_id, collection.name, len(documents))
    assert last
    first = last[0] - len(documents) + 1
    items = [Item(reseller_id, id_, 1, encode(document)) for id_, document in documents.items()]
    rows = [
        (reseller_id, ordinal, item.id, 1, event.at, *collection.row(document), item.document)
        for ordinal, (document, event, item) in enumerate(zip(documents.values(), events, items, strict=True), first)
    ]
    yield from execute_many(collection.insert, rows)
    return items


def update_item(collection: Collection[T], item: Item, document: T, event: NewEvent | None) -> Write[Item | None]:
    """See `CollectionStore.update`; part of a write that does more."""
    yield from lock_reseller(item.reseller_id)
    yield from _refuse_taken(collection, item.reseller_id, document, item.id)
    row, encoded = collection.row(document), encode(document)
    if not (yield from fetch_row(collection.update, *row, encoded, item.reseller_id, item.id, item.version)):
        return None
    if event:
        yield from append(event)
    return Item(item.reseller_id, item.id, item.version + 1, encoded)


def _refuse_taken(collection: Collection[T], reseller_id: int, document: T, id_: str) -> Write[None]:
    """Raise Problem (CONFLICT) for each unique value that another document of the reseller has."""
    taken: list[Fault] = []
    for column in collection.columns:
        value = column.value(document) if column.member else None
        if column.member and value is not None:
            other = yield from fetch_row(collection.holder(column), reseller_id, value)
            if other and other[0] != id_:
                taken.append(Fault(column.member, f"is taken: {other[0]} has it"))
    if taken:
        raise_invalid(taken, Code.CONFLICT)
