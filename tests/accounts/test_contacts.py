"""Which administrators stay the same in a change."""

from __future__ import annotations

import pytest

from emporion.accounts.contacts import ContactPerson, ContactType, matching_administrators


def person(email: str, kind: ContactType = "admin") -> ContactPerson:
    return ContactPerson(type=kind, first_name="A", last_name="B", email=email, phone_number="+4912345678")


@pytest.mark.parametrize(
    ("before", "after", "stays"),
    [
        ([person("a@x.de")], [person("b@x.de")], {0: 0}),
        ([person("a@x.de")], [person("c@x.de", "billing"), person("b@x.de")], {1: 0}),
        ([person("a@x.de"), person("b@x.de")], [person("B@X.de"), person("c@x.de")], {0: 1}),
        ([person("a@x.de"), person("b@x.de")], [person("c@x.de")], {}),
        ([person("a@x.de")], [person("b@x.de"), person("a@x.de")], {1: 0}),
        ([person("a@x.de"), person("a@x.de")], [person("a@x.de"), person("a@x.de"), person("a@x.de")], {0: 0, 1: 1}),
        ([person("a@x.de"), person("a@x.de", "billing")], [person("a@x.de"), person("b@x.de")], {0: 0}),
    ],
)
def test_which_administrators_stay(
    before: list[ContactPerson], after: list[ContactPerson], stays: dict[int, int]
) -> None:
    assert matching_administrators(before, after) == stays
