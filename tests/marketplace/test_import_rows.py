"""An import knows no noun: whatever can be read, found, checked and written is imported."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from emporion.accounts.ids import RESELLER_ID
from emporion.errors import Code, Fault, Problem
from emporion.files.json_lines import JsonLinesReader, JsonRecord
from emporion.files.rows import Format
from emporion.marketplace.actors import Actor
from emporion.marketplace.import_rows import Outcome
from emporion.marketplace.import_runner import ImportRunner
from emporion.marketplace.imports import Imports
from emporion.store.idempotency import IdempotentRequest
from emporion.store.imports import Import
from emporion.store.records import Record
from emporion.store.sqlite import SqliteStore

ANNA = Actor(RESELLER_ID, "anna", "command line", "editor")


class ProductRow:
    passwords: Sequence[str] = ()

    def __init__(self, record: JsonRecord) -> None:
        self.members, self.line, self.after, self._text, _ = record
        self.faults: list[Fault] = []

    @property
    def redacted(self) -> bytes:
        return self._text.encode()

    @property
    def key(self) -> str | None:
        return self.members.get("mpn")

    def column_of(self, path: str) -> str:
        return path


class Products:
    """Products by their mpn, in memory."""

    noun = "product"

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, Any]] = {}
        self.once: list[IdempotentRequest | None] = []

    def reader(self, format: Format) -> Any:  # noqa: A002
        assert format == "jsonl"
        return JsonLinesReader(ProductRow)

    def key_header(self, headers: Sequence[str]) -> str:
        return "mpn"

    async def newest(self, reseller_id: int) -> int:
        return 0

    async def find(self, imported: Import, rows: Sequence[ProductRow]) -> dict[int, Record]:
        return {row.line: Record(imported.reseller_id, 1, 1, b"{}") for row in rows if row.key in self.kept}

    def check(self, actor: Actor, row: ProductRow, found: Record | None) -> None:
        if row.members["price"] < 0:
            raise Problem(Code.INVALID, "No.", [Fault("price", "must not be negative")])

    async def write(
        self, actor: Actor, imported: Import, row: ProductRow, found: Record | None, once: IdempotentRequest | None
    ) -> Outcome:
        self.check(actor, row, found)
        self.once.append(once)
        self.kept[row.key or f"line {row.line}"] = row.members
        return "changed" if found else "created"


PRODUCTS = b"""{"mpn": "A", "price": 1}
{"mpn": "A", "price": 2}
{"mpn": "B", "price": -1}
{"price": 3}
"""


@pytest.fixture
async def store(database: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(database)
    await store.open()
    yield store
    await store.close()


async def test_products_are_imported_by_the_same_job(store: SqliteStore) -> None:
    products, clock = Products(), lambda: 1_795_417_952.0
    imports, runner = Imports(store, products, clock), ImportRunner(store, products, clock)

    async def parts() -> AsyncIterator[bytes]:
        yield PRODUCTS

    started = await imports.start(ANNA, RESELLER_ID, "products.jsonl", "jsonl", parts())
    assert await runner.run_next("process")
    checked = await imports.get(ANNA, started.id)
    assert (checked.state, checked.total, checked.faulty) == ("checked", 4, 1)
    assert checked.notes == (
        "mpn A is in lines 1 and 2: they are one product, and each changes what the one before it made",
    )
    assert products.kept == {}
    await imports.confirm(ANNA, started.id)
    assert await runner.run_next("process")
    done = await imports.get(ANNA, started.id)
    assert (done.state, done.created, done.changed, done.rejected) == ("done", 2, 1, 1)
    assert products.kept == {"A": {"mpn": "A", "price": 2}, "line 4": {"price": 3}}
    assert sum(once is not None for once in products.once) == 1, "the row without a key is created once"
    rejected = b"".join([part async for part in imports.rejected(ANNA, started.id)])
    assert rejected == b'{"mpn":"B","price":-1,"error":"price must not be negative"}\n'
