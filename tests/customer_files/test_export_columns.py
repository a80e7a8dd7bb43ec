"""An export has a column for each member, and an import takes it back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import hypothesis.strategies as st
from hypothesis import assume, example, given

from emporion.customer_files.columns import member_path
from emporion.customer_files.export_columns import ExportColumns, customer_cells
from emporion.files.csv_writer import csv_header, csv_line
from tests.customer_files.files import rejected, rows_of

CUSTOMER = {
    "id": "1",
    "externalId": "007",
    "name": "=Acme",
    "status": "active",
    "address": {"city": "Köln\n2"},
    "contactPersons": [{"type": "admin", "email": "a@x.test"}, {"type": "billing", "email": "b@x.test"}],
    "attributes": {"b": "", "a": "'x"},
    "language": "de",
    "resellerId": "2",
}


def exported(customers: Sequence[dict[str, Any]]) -> bytes:
    shape = ExportColumns()
    for customer in customers:
        shape.add(customer)
    headers = shape.headers()
    return csv_header(headers) + b"".join(csv_line(customer_cells(customer, headers)) for customer in customers)


def test_an_export_has_a_column_for_whatever_a_customer_has() -> None:
    head = exported([CUSTOMER, {"id": "2", "contactPersons": [], "attributes": {"c": "1"}}]).splitlines()[0].decode()
    assert head.split(",")[:4] == ["id", "externalId", "name", "taxRegId"]
    assert "contactPersons[1].email" in head
    assert "contactPersons[2]" not in head
    assert head.endswith("attribute:a,attribute:b,attribute:c")
    assert "login" not in head
    assert all(member_path(name) for name in head.split(","))


def test_an_import_takes_back_what_an_export_has_written() -> None:
    (row,) = rows_of(exported([CUSTOMER]))
    assert row.new() == {name: value for name, value in CUSTOMER.items() if name not in ("id", "resellerId")}
    assert row.exported_ids == ("1", "2")


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")) | st.text(alphabet="='\" ;a\n\r"))
@example(" x ")
@example("a;'=1")
@example('="x"')
@example("a\nb")
@example("a\rb")
def test_an_attribute_comes_back_whatever_its_name(name: str) -> None:
    assume(name.strip())
    content = exported([{"id": "1", "name": "Acme", "contactPersons": [], "attributes": {name: "1"}}])
    for sent in (content, rejected(content.decode())):
        (row,) = rows_of(sent)
        assert row.new()["attributes"] == {name: "1"}
