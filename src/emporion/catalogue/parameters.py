"""Parameters: what a vendor must know to provide a service, and what it gives back."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from emporion.catalogue.patterns import BadPattern, compiled
from emporion.catalogue.value_types import wrong_for_type
from emporion.errors import Fault
from emporion.validation import JSON_TYPES

ParameterType = Literal[
    "text", "email", "url", "phone", "choice", "dropdown", "checkbox", "domain", "subdomain", "password"
]
Phase = Literal["ordering", "fulfillment"]
WITH_CHOICES: tuple[ParameterType, ...] = ("choice", "dropdown")
# How many parameters a product of an order has at most.
MOST_VALUES = 100
# Of how many choices or names a message tells.
MOST_OFFERED = 20


class Choice(Struct, frozen=True):
    """A value that a parameter may have. default: it is the one where none is given."""

    value: str
    label: str
    default: bool = False


class Parameter(Struct, rename="camel", frozen=True, kw_only=True):
    """A parameter of a service. template: of a value that an automatic service gives back, such as
    `tenant-{subscription.id}`. reconciliation: its value is shown as `vendorSubscriptionId`."""

    name: str
    type: ParameterType
    phase: Phase = "ordering"
    required: bool = False
    title: str = ""
    description: str = ""
    choices: list[Choice] = []
    pattern: str | None = None
    template: str | None = None
    reconciliation: bool = False


class ParameterValue(Struct, rename="camel", frozen=True):
    """A value of a parameter, as it was sent or given back."""

    name: Annotated[str, Meta(description="The parameter's name.", examples=["domain"])]
    value: Annotated[str, Meta(description="Its value, as it was sent or given back.", examples=["example.com"])]


def _text(value: object) -> str:
    """The text of a value in JSON; clients that can send objects only put it into one, as its `value`."""
    if isinstance(value, dict) and list(value) == ["value"]:
        value = value["value"]
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise ValueError(f'must be a string, or an object such as {{"value": "…"}}, not {JSON_TYPES.get(type(value))}')


class SentParameter(Struct, frozen=True, kw_only=True):
    """A parameter as a client sends it (contract: products[].parameters)."""

    name: Annotated[str, Meta(min_length=1, max_length=255, description="Its name; case counts.", examples=["domain"])]
    value: Annotated[
        Any,
        Meta(
            description="A string. Numbers, true and false are taken as they are written.",
            examples=["example.com"],
            extra={"take": _text},
        ),
    ] = None
    structured_value: Annotated[
        Any,
        Meta(
            description='For clients that cannot send a string in `value`: `{"value": "example.com"}`.',
            examples=[{"value": "example.com"}],
            extra={"take": _text},
        ),
    ] = None


def given(sent: Iterable[SentParameter]) -> list[ParameterValue]:
    """The values that a client has sent, in its order; of what has none, or is faulty, an empty one."""
    return [
        ParameterValue(
            one.name if isinstance(one.name, str) else "",
            next((text for text in (one.value, one.structured_value) if isinstance(text, str)), ""),
        )
        for one in sent
    ]


def wrong_value(parameter: Parameter, value: str) -> str | None:
    """What is wrong with the value of a parameter, as the end of a sentence, or None. It never tells the value."""
    if not value:
        return "is required" if parameter.required else None
    if parameter.type in WITH_CHOICES:
        return _no_choice(value, parameter.choices)
    if wrong := wrong_for_type(parameter.type, value):
        return wrong
    if parameter.pattern is None:
        return None
    try:
        is_right = compiled(parameter.pattern).matches(value)
    except BadPattern:  # of an older catalogue: it must not keep a client from ordering
        return None
    return None if is_right else f"must match the pattern {parameter.pattern}"


def check_values(
    parameters: Iterable[Parameter],
    values: Sequence[ParameterValue],
    path: str,
    kept: Collection[ParameterValue] = (),
) -> list[Fault]:
    """What is wrong with the values for an order of a product with these parameters.

    path: where the values stand, such as `products[0].parameters`. kept: those that the subscription has already.
    """
    known = ordering(parameters)
    named = {value.name for value in (*values, *kept)}
    missing = [
        Fault(path, f"must have {parameter.name}, which is required{_called(parameter)}")
        for parameter in known.values()
        if parameter.required and parameter.name not in named
    ]
    return [*_sent_faults(known, values, path), *missing]


def _sent_faults(known: dict[str, Parameter], values: Sequence[ParameterValue], path: str) -> Iterator[Fault]:
    seen = set()
    for number, value in enumerate(values):
        parameter = known.get(value.name)
        if not value.name:  # told already
            continue
        if not parameter:
            yield Fault(f"{path}[{number}].name", unknown_name(value.name, known))
        elif value.name in seen:
            yield Fault(f"{path}[{number}].name", "must not be that of an earlier one: each parameter has one value")
        elif wrong := wrong_value(parameter, value.value):
            yield Fault(f"{path}[{number}].value", wrong)
        seen.add(value.name)


def ordering(parameters: Iterable[Parameter]) -> dict[str, Parameter]:
    """The parameters that who orders gives, by name."""
    return {parameter.name: parameter for parameter in parameters if parameter.phase == "ordering"}


def unknown_name(name: str, known: Collection[str]) -> str:
    """What is told of a name that is none of those known."""
    if not known:
        return "must be left out: this product has no parameters"
    return f"must be {_listed(sorted(known))}, not {name[:64]}; names are case-sensitive{_meant(name, known)}"


def _no_choice(value: str, choices: Sequence[Choice]) -> str | None:
    values = [choice.value for choice in choices]
    if value in values:
        return None
    meant = next((f"; did you mean {choice.value}?" for choice in choices if choice.label == value), None)
    return f"must be {_listed(values)}{meant or _meant(value, values)}"


def _listed(values: Sequence[str]) -> str:
    """The first of some values: `a, b or c`."""
    if len(values) > MOST_OFFERED:
        return f"one of {', '.join(values[:MOST_OFFERED])} … ({len(values)} in all)"
    return ", ".join(values[:-1]) + f" or {values[-1]}" if len(values) > 1 else "".join(values)


def _meant(value: str, values: Collection[str]) -> str:
    lower = {one.lower(): one for one in values}
    close = difflib.get_close_matches(value[:64].lower(), lower, n=1)
    return f"; did you mean {lower[close[0]]}?" if close else ""


def _called(parameter: Parameter) -> str:
    return f" ({parameter.title})" if parameter.title else ""
