"""Parameters: what a vendor must know to provide a service, and what it gives back."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

ParameterType = Literal[
    "text", "email", "url", "phone", "choice", "dropdown", "checkbox", "domain", "subdomain", "password"
]
Phase = Literal["ordering", "fulfillment"]


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

    name: str
    value: str
