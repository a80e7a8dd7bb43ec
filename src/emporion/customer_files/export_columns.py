"""Customers as rows of an export: which columns they need, and the cells of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from emporion.customer_files.columns import ADDRESS_MEMBERS, CONTACT_MEMBERS, attribute_header
from emporion.files.formulas import escape_formula


class ExportColumns:
    """The columns that an export needs for all customers in it."""

    def __init__(self) -> None:
        self._persons = 0
        self._attributes: dict[str, None] = {}

    def add(self, customer: Mapping[str, Any]) -> None:
        """Make room for a customer."""
        self._persons = max(self._persons, len(customer["contactPersons"]))
        self._attributes |= dict.fromkeys(customer.get("attributes", ()))

    def headers(self) -> list[str]:
        """The headers, by the contract's names."""
        simple = ("id", "externalId", "name", "taxRegId", "status", "language", "resellerId")
        shown = [name for name in CONTACT_MEMBERS.values() if name not in ("login", "password")]
        return [
            *simple,
            *(f"address.{name}" for name in ADDRESS_MEMBERS.values()),
            *(f"contactPersons[{number}].{name}" for number in range(self._persons) for name in shown),
            *(attribute_header(name) for name in sorted(self._attributes)),
        ]


def customer_cells(customer: Mapping[str, Any], headers: Iterable[str]) -> list[str]:
    """A customer's values in the order of the headers, with formulas escaped."""
    values = _flatten(customer)
    return ["" if (value := values.get(header)) is None else escape_formula(value) for header in headers]


def _flatten(customer: Mapping[str, Any]) -> dict[str, str]:
    """A customer's values by the headers of their columns."""
    values: dict[str, str] = {}
    for name, value in customer.items():
        if name == "attributes":
            values |= {attribute_header(key): item for key, item in value.items()}
        elif name == "address":
            values |= {f"address.{key}": item for key, item in value.items()}
        elif name == "contactPersons":
            for number, person in enumerate(value):
                values |= {f"contactPersons[{number}].{key}": item for key, item in person.items()}
        else:
            values[name] = value
    return values
