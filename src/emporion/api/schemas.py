"""Schemas of the types that operations name, as msgspec makes them and with what it does not know."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

import msgspec

from emporion.api.problems import Error

if TYPE_CHECKING:
    from emporion.api.operations import Operation

Json = dict[str, Any]

REF = "#/components/schemas/{name}"


def answers_of(operation: Operation) -> list[type]:
    """The types of what an operation answers, one for each contract version where they differ."""
    return list(operation.answer.values()) if isinstance(operation.answer, dict) else [operation.answer]


def schemas_of(operations: Iterable[Operation]) -> Json:
    """The schemas of all types that operations name, by the names of the types."""
    types: list[type] = [Error]
    bodies = [operation.body for operation in operations if operation.body]
    for operation in operations:
        types += [*answers_of(operation), operation.error, *filter(None, (operation.body, operation.query))]
    _, schemas = msgspec.json.schema_components(types, ref_template=REF)
    _, sent = msgspec.json.schema_components(bodies, ref_template=REF)
    schemas = {
        name: _with_numbers(_with_empty_strings(schema), ["number", "string"]) if name in sent
        else _with_numbers(schema, "number")
        for name, schema in schemas.items()
    }  # fmt: skip
    return cast("Json", _without_null_defaults(schemas))


def _with_numbers(value: object, type_: object) -> object:
    """The schema with this type for decimals, which msgspec takes for strings."""
    if isinstance(value, dict):
        if value.get("format") == "decimal":
            return {**{name: item for name, item in value.items() if name != "format"}, "type": type_}
        return {name: _with_numbers(item, type_) for name, item in value.items()}
    return [_with_numbers(item, type_) for item in value] if isinstance(value, list) else value


def _with_empty_strings(value: object) -> object:
    """The schema of what is sent: wherever null may stand, an empty string may."""
    if isinstance(value, dict):
        result = {name: _with_empty_strings(item) for name, item in value.items()}
        if {"type": "null"} in value.get("anyOf", ()):
            result["anyOf"] = [*value["anyOf"], {"const": ""}]
        return result
    return [_with_empty_strings(item) for item in value] if isinstance(value, list) else value


def _without_null_defaults(value: object) -> object:
    """The schema without `default: null`, which would say that leaving a member out is the same as clearing it."""
    if isinstance(value, dict):
        return {
            name: _without_null_defaults(item)
            for name, item in value.items()
            if not (name == "default" and item is None)
        }
    return [_without_null_defaults(item) for item in value] if isinstance(value, list) else value
