"""Readers know no noun: whatever has columns can be read."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from emporion.errors import Problem
from emporion.files.csv_reader import CsvReader, CsvRecord
from emporion.files.json_lines import JsonLinesReader, JsonRecord
from emporion.files.rows import unreadable

KNOWN = ("mpn", "name", "price")


class ProductColumns:
    def __init__(self, headers: Sequence[str], delimiter: str) -> None:
        self.notes: list[str] = []
        self.headers = tuple(headers)
        self.delimiter = delimiter
        if "mpn" not in self.headers:
            raise unreadable("There is no column mpn")


def values_of(columns: ProductColumns, record: CsvRecord) -> dict[str, str]:
    return dict(zip(columns.headers, record.cells, strict=True))


def product_reader() -> CsvReader[ProductColumns, dict[str, str]]:
    return CsvReader(KNOWN.__contains__, ProductColumns, values_of)


def test_csv_of_any_noun_is_read() -> None:
    reader = product_reader()
    rows = [*reader.read(b"mpn;name;price\nA-1;Disk, large;10\nA-2;"), *reader.read(b"Screen;20\n", last=True)]
    assert [*map(list, map(dict.values, rows))] == [["A-1", "Disk, large", "10"], ["A-2", "Screen", "20"]]
    assert reader.columns
    assert (reader.columns.headers, reader.columns.delimiter) == (KNOWN, ";")


def test_columns_that_cannot_be_used_are_told_before_any_row() -> None:
    with pytest.raises(Problem, match="There is no column mpn"):
        list(product_reader().read(b"name,price\n", last=True))


def test_json_lines_of_any_noun_are_read() -> None:
    reader = JsonLinesReader(JsonRecord._asdict)
    (row,) = reader.read(b'{"mpn": "A-1"}\n', last=True)
    assert row["members"] == {"mpn": "A-1"}
