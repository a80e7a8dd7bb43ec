"""Single members of an account: names, ids, logins, passwords, attributes."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from emporion.validation import INVISIBLE, named


def _no_outer_blanks(value: str) -> str | None:
    """Why an id is refused: blanks around it, which cannot be seen, would make it another one."""
    for character in (value[0], value[-1]):
        if character.isspace() or INVISIBLE.match(character):
            return f"must not begin or end with {named(character)}"
    return None


# One line of text. Blanks around names and addresses are not meant; an id with them is another id.
ID_RULES: dict[str, Any] = {"line": True, "rule": _no_outer_blanks}
LINE_RULES: dict[str, Any] = {"line": True, "clean": str.strip}


def text_meta(high: int, description: str, example: str, **meta: Any) -> Meta:
    """Meta of a text of 1 to `high` characters."""
    return Meta(min_length=1, max_length=high, description=description, examples=[example], **meta)


ExternalId = Annotated[
    str,
    text_meta(255, "The account's id in your own system, unique within the reseller.", "jsmith101", extra=ID_RULES),
]
Name = Annotated[
    str,
    text_meta(
        255,
        "Name of the company or person; white space around it is dropped.",
        "Acme Inc.",
        extra=LINE_RULES,
    ),
]
Login = Annotated[
    str,
    Meta(
        min_length=5,
        max_length=256,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@-]*$",
        description="Login for the control panel, unique on the whole platform whatever its case; admins only. "
        "Made by the platform if left out.",
        examples=["someadmin@example.com"],
        extra_json_schema={"writeOnly": True},
        extra={"says": "must begin with a letter or digit and have only letters, digits, _ . @ and - after it"},
    ),
]
Password = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=256,
        description="Password of the login, by the platform's quality level; admins only.",
        examples=["Ecx$cvdazv"],
        extra_json_schema={"writeOnly": True, "format": "password"},
    ),
]
AttributeName = Annotated[str, Meta(min_length=1, max_length=128, extra=ID_RULES)]
AttributeValue = Annotated[str, Meta(max_length=2048)]
Attributes = Annotated[
    dict[AttributeName, AttributeValue],
    Meta(max_length=64, description="Your own names and values.", examples=[{"property1": "string"}]),
]
TaxRegId = Annotated[str, text_meta(64, "Tax registration id.", "00-0000000", extra=ID_RULES)]
