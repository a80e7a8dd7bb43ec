"""E-mail addresses: which are valid."""

from __future__ import annotations

import re
from functools import cache
from typing import Annotated

from emporion.accounts.fields import text_meta

# Addresses of the plain kind, which the library below takes without exception; it needs 30 µs for each.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
PLAIN_EMAIL = re.compile(rf"(?=[^@]{{1,64}}@){_ATOM}(\.{_ATOM})*@([A-Za-z0-9]+(-[A-Za-z0-9]+)*\.)+[A-Za-z]{{2,10}}")
LONGEST_PLAIN_EMAIL = 80  # no label, domain or address is too long for DNS then


def _email(value: str) -> str | None:
    plain = len(value) <= LONGEST_PLAIN_EMAIL and PLAIN_EMAIL.fullmatch(value)
    if plain and value.rpartition(".")[2].lower() not in _unreachable():
        return None
    from email_validator import EmailNotValidError, validate_email

    if value.lower().endswith(".local"):  # the library has a switch for .test alone
        value = value[: -len("local")] + "test"
    try:
        validate_email(value, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        # The library's sentence may quote the address; it goes to its sender and nowhere else.
        return f"must be an e-mail address such as jane.doe@example.com ({str(error).rstrip('.')})"
    return None


@cache
def _unreachable() -> frozenset[str]:
    """Domains that nothing can be sent to."""
    from email_validator import SPECIAL_USE_DOMAIN_NAMES  # slow to load: 30 ms of each command

    # .test is the contract's own example; .local is what companies have inside, as .lan and .internal.
    return frozenset(SPECIAL_USE_DOMAIN_NAMES) - {"test", "local"}


Email = Annotated[
    str,
    text_meta(
        254,
        "E-mail address; its shape is checked, not whether it receives.",
        "jane.doe@example.com",
        extra_json_schema={"format": "email"},
        extra={"rule": _email},
    ),
]
