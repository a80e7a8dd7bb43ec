"""What is a valid e-mail address; more examples are in tests/contract/cases."""

from __future__ import annotations

import pytest
from email_validator import SPECIAL_USE_DOMAIN_NAMES, validate_email
from hypothesis import given
from hypothesis import strategies as st

from emporion.accounts.contacts import ContactPerson
from emporion.accounts.email_addresses import LONGEST_PLAIN_EMAIL, PLAIN_EMAIL
from emporion.validation import read


def joined(character: str, by: str, longest: int) -> st.SearchStrategy[str]:
    """One to three runs of characters, with `by` between them."""
    run = st.text(character, min_size=1, max_size=longest)
    return st.lists(run, min_size=1, max_size=3).map(by.join)


PLAIN = st.builds(
    lambda local, labels, top: f"{local}@{'.'.join(labels)}.{top}",
    joined("abcXYZ019!#$%&'*+/=?^_`{|}~-", ".", 8),
    st.lists(joined("abcXYZ019", "-", 2), min_size=1, max_size=3),
    st.sampled_from(["com", "de", "museum", "xy", "TRAVEL"]),
)


@given(PLAIN)
def test_what_passes_as_a_plain_address_is_one_for_the_library_too(address: str) -> None:
    assert PLAIN_EMAIL.fullmatch(address)
    assert len(address) <= LONGEST_PLAIN_EMAIL
    validate_email(address, check_deliverability=False)


NOT_PLAIN = """
    a..b@x.de .a@x.de a.@x.de a@x a@-x.de a@x-.de a@x--y.de a@x.d3 a@x.d ä@x.de a@ä.de a@[127.0.0.1] a@x..de
    @x.de a@.de "a"@x.de
"""


@pytest.mark.parametrize("address", [*NOT_PLAIN.split(), "a b@x.de", "a@x.de\n", "x" * 65 + "@x.de"])
def test_what_is_not_plain_is_left_to_the_library(address: str) -> None:
    assert not PLAIN_EMAIL.fullmatch(address)


@pytest.mark.parametrize("top", sorted(SPECIAL_USE_DOMAIN_NAMES))
def test_a_domain_that_cannot_be_reached_is_refused(top: str) -> None:
    body = {"email": f"anna@example.{top}"}
    faults = [fault.field for fault in read(ContactPerson, body)[1]]
    assert ("email" in faults) is (top not in ("test", "local"))
